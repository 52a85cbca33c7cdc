"""`hub run` with sources, as processes: killed in the middle, stopped while one hangs; and the doubles as programs."""

import contextlib
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
import pytest
from sqlalchemy import func, select

from hub import queries
from hub.sources import sources
from hub.store import HubStore, schema
from portvakt.doubles import chkbox, ditio
from portvakt.doubles.hmsreg import PASSWORD, USER, HmsregDouble
from portvakt.doubles.serving import Fault, Serving
from tests.sim.hub_process import HubProcess
from tests.sim.mosquitto import BINARY, Mosquitto
from tests.waiting import wait_for

needs_mosquitto = pytest.mark.skipif(BINARY is None, reason="mosquitto is not installed")
OSLO = ZoneInfo("Europe/Oslo")
PEOPLE = 300


@pytest.fixture
def server() -> Iterator[Serving]:
    box = chkbox.ChkBox()
    came = datetime.now(OSLO) - timedelta(hours=2)
    for number in range(PEOPLE):
        box.register(f"{5_000_000 + number}", "in", (came + timedelta(seconds=number)).isoformat())
    with Serving(box.answer) as serving:
        yield serving


@pytest.fixture
def hub(tmp_path: Path, server: Serving) -> Iterator[HubProcess]:
    with Mosquitto(tmp_path / "broker") as broker:
        made = HubProcess(tmp_path / "hub", broker.port)
        (made.settings.parent / "chkbox.key").write_text(chkbox.KEY)
        (made.settings.parent / "chkbox.key").chmod(0o600)
        with made.settings.open("a") as file:
            file.write(
                f'[[sources]]\nname = "infotech"\nkind = "chkbox"\nevery_s = 1\n[sources.settings]\npage = 2\n'
                f'project = "SKK180039"\nkey_file = "chkbox.key"\nbase_url = "{server.url}"\n'
            )
        yield made
        if made.process:
            made.end(9)


def taken(hub: HubProcess) -> int:
    with contextlib.closing(HubStore(hub.state / "hub.sqlite3")) as store:
        return sum(one.taken for one in sources(store, [], [], 0).sources)


@pytest.mark.real
@needs_mosquitto
def test_p2_p3_killed_while_it_reads_nothing_is_lost_and_nothing_counts_twice(hub: HubProcess, server: Serving) -> None:
    reached = 0
    for _ in range(3):
        hub.start()
        wait_for("some of it", lambda after=reached: taken(hub) > after, 30)  # type: ignore[misc]
        hub.end(9)
        reached = taken(hub)
    assert 0 < reached < PEOPLE
    hub.start()
    wait_for("all of it", lambda: taken(hub) == PEOPLE, 60)
    assert hub.end() == 0
    with contextlib.closing(HubStore(hub.state / "hub.sqlite3")) as store:
        assert len(queries.roster(store, now_ms=time.time_ns() // 1_000_000)) == PEOPLE
        with store.reading() as connection:
            table = schema.check_ins
            counted = select(func.count(), func.count(table.c.seq.distinct()), func.max(table.c.seq))
            assert tuple(connection.execute(counted).one()) == (PEOPLE, PEOPLE, PEOPLE)
    assert "Traceback" not in hub.text
    assert "5000001" not in hub.text


HMSREG = """
[[targets]]
name = "hmsreg"
kind = "hmsreg-v1"
since = "2020-01-01"
[targets.settings]
base_url = "{url}"
user = "{user}"
password_file = "password"
source = "Test"
hmsreg_number = "1234"
reported_from = ["infotech"]
"""


@pytest.mark.real
@needs_mosquitto
def test_p3_what_chkbox_saw_reaches_hmsreg_under_one_key_each_though_the_hub_is_killed(
    hub: HubProcess, tmp_path: Path
) -> None:
    double = HmsregDouble()
    (hub.settings.parent / "password").write_text(PASSWORD)
    (hub.settings.parent / "password").chmod(0o600)
    (tmp_path / "crew.csv").write_text(
        "card_number,first_name,last_name,organisation_number,date_of_birth\n"
        + "".join(f"{5_000_000 + number},Ola,Nordmann {number},974760673,1990-02-03\n" for number in range(PEOPLE)),
        encoding="utf-8",
    )
    with double.serving() as register:
        with hub.settings.open("a") as file:
            file.write(HMSREG.format(url=register.url, user=USER))
        hub.command("crew", "import", str(tmp_path / "crew.csv"))
        hub.start()
        wait_for("some of it at HMSREG", lambda: len(double.records) > 20, 60)
        hub.end(9)
        hub.start()
        wait_for("all of it", lambda: len({one["ExternalRef"] for one in double.records}) == PEOPLE, 90)
        assert hub.end() == 0
    keys = {one["ExternalRef"] for one in double.records}
    assert len({one["Kortnr"] for one in double.records}) == len(keys) == PEOPLE
    assert {one["Retning"] for one in double.records} == {"Ankomst"}


@pytest.mark.real
@needs_mosquitto
def test_a_source_that_hangs_keeps_nobody_from_stopping(hub: HubProcess, server: Serving) -> None:
    server.misbehave(*[Fault(slow_s=25.0)] * 5)
    hub.start()
    hub.ready()
    wait_for("the question", lambda: server.requests)
    began = time.monotonic()
    assert hub.end() == 0
    assert time.monotonic() - began < 12
    assert "Traceback" not in hub.text


@pytest.mark.parametrize("name", ["chkbox", "ditio"])
def test_a_double_is_a_program(name: str) -> None:
    words = [sys.executable, "-u", "-m", "portvakt.doubles", name, "--port", "0"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            said = process.stdout.readline()
            found = re.search(r"a double, on (http://\S+);", said)
            assert found, said
            if name == "chkbox":
                headers = {"Authorization": f"ApiKey {chkbox.KEY}"}
                asked = {"filter[project]": "SKK180039", "include": "card"}
                answer = httpx.get(f"{found[1]}/registrations", headers=headers, params=asked)
                assert [one["attributes"]["cardId"] for one in answer.json()["included"]] == ["5310027", "5310118"]
            else:
                form = {"grant_type": "client_credentials", "scope": ditio.SCOPE}
                answer = httpx.post(f"{found[1]}{ditio.TOKEN_PATH}", data=form, auth=(ditio.CLIENT, ditio.SECRET))
                assert answer.json()["token_type"] == "Bearer"
        finally:
            process.terminate()
