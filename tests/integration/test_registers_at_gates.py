"""The card register's word on its way to two real gates, and a register that is sick beside a hub that is not."""

import contextlib
import json
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest

from gate.model import Direction
from portvakt.doubles.card_register import CLIENT_ID, CLIENT_SECRET, SCOPE, CardRegisterDouble
from portvakt.doubles.serving import BROKEN, Fault, Serving
from tests.sim.mosquitto import Mosquitto
from tests.sim.yard import CREW, ORGANISATION, Gate, Yard
from tests.waiting import wait_for

SETTINGS = """[card_register]
base_url = "{url}/v1"
token_url = "{url}/oauth/token"
client_id = "{client}"
secret_file = "register.secret"
scope = "{scope}"
per_second = 50
timeout_s = 30
"""


class Site(NamedTuple):
    yard: Yard
    register: CardRegisterDouble
    server: Serving


@pytest.fixture
def site() -> Iterator[Site]:
    register = CardRegisterDouble({"default": {"status": "valid"}})
    with (
        tempfile.TemporaryDirectory(prefix="pv-") as name,
        Mosquitto(Path(name) / "broker") as broker,
        register.serving() as server,
    ):
        folder = Path(name)
        yard = Yard(folder, broker)
        (folder / "register.secret").write_text(CLIENT_SECRET)
        (folder / "register.secret").chmod(0o600)
        with (folder / "hub.toml").open("a") as file:
            file.write(SETTINGS.format(url=server.url, client=CLIENT_ID, scope=SCOPE))
        with contextlib.ExitStack() as held:
            for program in (yard.north.program, yard.south.program, yard.hub):
                held.callback(program.kill)
            yard.open()
            yield Site(yard, register, server)


def says(gate: Gate, number: str, reason: str) -> bool:
    return gate.answers(number) == reason


def test_p5_a_status_of_the_register_is_at_every_gate_within_seconds_and_goes_again(site: Site) -> None:
    yard, register, _ = site
    wait_for("the hub to have asked for all", lambda: len(register.asked) >= 3)
    register.cards["44444444"] = {"status": "invalid"}
    # The hub that runs asks by itself about who is new on the list.
    yard.import_crew(CREW + f"44444444,Di,Nordli,{ORGANISATION},\n")
    for gate in (yard.north, yard.south):
        wait_for("the new card to be refused", partial(says, gate, "44444444", "cancelled"), 20)
    register.cards["22222222"] = {"status": "blocked"}
    yard.run("hub", "cards", "ask", "22222222")
    for gate in (yard.north, yard.south):
        wait_for("the card to be refused", partial(says, gate, "22222222", "cancelled"), 20)
    register.cards["22222222"] = {"status": "valid"}
    yard.run("hub", "cards", "ask", "22222222")
    for gate in (yard.north, yard.south):
        wait_for("the card to be let in", partial(says, gate, "22222222", "granted"), 20)
    assert not any(number in yard.hub.log for number in ("22222222", "44444444", "11111111"))


def test_p3_a_hub_that_is_killed_in_a_sweep_goes_on_with_the_rest(site: Site) -> None:
    yard, register, _ = site
    yard.hub.kill()
    settings = yard.folder / "hub.toml"
    settings.write_text(settings.read_text().replace("per_second = 50", "per_second = 2"))
    numbers = [f"5310{place}" for place in range(100, 124)]
    yard.import_crew(CREW + "".join(f"{number},Di,Nordli,{ORGANISATION},\n" for number in numbers))
    before = len(register.asked)
    yard.hub.start()
    wait_for("more than a stretch to be asked", lambda: len(register.asked) - before > 12, 30)
    yard.hub.kill()
    yard.hub.start()

    def all_answered() -> bool:
        cards = json.loads(yard.run("hub", "cards", "status", "--json"))["cards"]
        return bool(cards["answered"] == cards["listed"] == 27)

    wait_for("the rest to be asked", all_answered, 40)
    # Of the stretch in which it was killed nothing was kept; of the one before, all.
    assert len(register.asked) - before <= 24 + 10


def test_p1_a_register_that_is_away_or_slow_keeps_nobody_waiting(site: Site) -> None:
    yard, register, server = site
    wait_for("the hub to have asked for all", lambda: len(register.asked) >= 3)
    server.misbehave(*[Fault(BROKEN)] * 3, *[Fault(slow_s=60)] * 50)
    yard.import_crew(CREW + f"44444444,Di,Nordli,{ORGANISATION},\n")
    wait_for("the hub to find it out", lambda: "card_register=failing" in yard.hub.log, 20)
    wait_for("the new card to be let in", partial(says, yard.north, "44444444", "granted"), 20)
    yard.north.goes("11111111")
    wait_for("the hub to have her inside", lambda: "11111111" in yard.run("hub", "roster", "--json"), 10)
    yard.north.goes("11111111", Direction.EXIT)
    wait_for("a slow question to be on its way", lambda: len(server.requests) > 7, 30)
    yard.hub.stop()
