"""`hub metrics` on both databases: once, and served by a process of its own while the database comes and goes."""

import contextlib
import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace
from prometheus_client.parser import text_string_to_metric_families

from gate.uplink.contract import Status, encode_status
from gate.uplink.signing import Signer
from hub.cli import main
from hub.config import HubConfig, PostgresAddress
from hub.errors import StoreError
from hub.ingest import Ingest
from hub.metrics import exposition
from hub.numbers import look, numbers
from hub.office import check_out
from hub.presence import ENTRY, EXIT, CardKey, HandMark
from hub.store import HubStore, schema
from tests.sim import watched
from tests.sim.hub_process import TOPICS, Ear, HubProcess
from tests.sim.mosquitto import BINARY, Mosquitto
from tests.sim.plans import plans
from tests.sim.postgres import Postgres
from tests.sim.records import START_MS, RecordBook
from tests.sim.watched import DAY_MS, KEY, NOW_MS
from tests.waiting import wait_for

Found = dict[str, float]


def read(text: bytes | str) -> Found:
    """Every sample as it is written: `name{label="value",…}`, labels in order."""
    found = {}
    for family in text_string_to_metric_families(text if isinstance(text, str) else text.decode()):
        for one in family.samples:
            labels = ",".join(f'{name}="{value}"' for name, value in sorted(one.labels.items()))
            found[f"{one.name}{{{labels}}}" if labels else one.name] = one.value
    return found


@pytest.fixture
def config(tmp_path: Path, database: Path | PostgresAddress) -> HubConfig:
    return watched.settings(tmp_path, database)


def test_what_happened_is_in_the_numbers(store: HubStore, config: HubConfig) -> None:
    watched.fill(store, config)
    found = read(exposition(look(config, NOW_MS)))
    kind = "postgresql" if config.database else "sqlite"
    assert {
        "portvakt_up": 1,
        f'portvakt_build_info{{database="{kind}",site="yard",version="0.1.0"}}': 1,
        'portvakt_people_inside{certainty="confirmed",zone="site"}': 2,
        'portvakt_people_inside{certainty="assumed",zone="site"}': 1,
        'portvakt_people_inside{certainty="confirmed",zone="site/tunnel"}': 1,
        "portvakt_muster_running": 1,
        "portvakt_events_total": 13,
        "portvakt_events_repeated_total": 2,
        # Of them, the one that was rejected itself, and the one of last winter, which is deleted.
        'portvakt_badges_total{direction="entry",outcome="granted",reason="granted"}': 2,
        'portvakt_badges_total{direction="entry",outcome="refused",reason="expired"}': 1,
        'portvakt_badges_total{direction="entry",outcome="refused",reason="other"}': 1,
        'portvakt_badges_total{direction="exit",outcome="granted",reason="expired"}': 1,
        'portvakt_passages_total{direction="entry",outcome="completed"}': 5,
        'portvakt_passages_total{direction="entry",outcome="tailgated"}': 1,
        'portvakt_badges_today{direction="entry",gate="north",outcome="refused",reason="other"}': 1,
        'portvakt_passages_today{direction="exit",gate="south",outcome="completed"}': 1,
        "portvakt_list_revision": 1,
        "portvakt_list_permits": 7,
        "portvakt_list_made_timestamp_seconds": START_MS / 1000,
        "portvakt_gates": 2,
        'portvakt_gate_online{gate="north"}': 1,
        'portvakt_gate_online{gate="south"}': 0,
        'portvakt_gate_list_behind{gate="north"}': 0,
        'portvakt_gate_list_behind{gate="south"}': 1,
        'portvakt_gate_last_status_timestamp_seconds{gate="south"}': (NOW_MS - 900_000) / 1000,
        'portvakt_gate_unsent_events{gate="south"}': 17,
        'portvakt_gate_clock_trusted{gate="south"}': 0,
        'portvakt_reader_state{gate="north",reader="exit",state="hung"}': 1,
        'portvakt_reader_state{gate="north",reader="exit",state="ok"}': 0,
        'portvakt_lane_mode{gate="north",lane="main",mode="evacuated"}': 1,
        'portvakt_gate_journal_missing_events{gate="south"}': 1,
        'portvakt_gate_events_total{gate="north"}': 10,
        "portvakt_messages_rejected_total": 2,
        "portvakt_quarantined": 1,
        "portvakt_last_purge_timestamp_seconds": START_MS / 1000,
        'portvakt_deliveries{state="aside",target="client"}': 1,
        'portvakt_deliveries{state="accepted",target="client"}': 3,
        'portvakt_delivery_late{target="client"}': 1,
        'portvakt_delivery_stopped{target="client"}': 0,
        'portvakt_alarm{alarm="delivery.late",subject="client"}': 1,
        'portvakt_alarm{alarm="delivery.aside",subject="client"}': 1,
    }.items() <= found.items()
    assert found["portvakt_database_size_bytes"] > 100_000
    assert found['portvakt_delivery_lag_seconds{target="client"}'] > 3_000


def test_p12_nothing_of_it_is_about_a_person(store: HubStore, config: HubConfig) -> None:
    watched.fill(store, config)
    text = exposition(look(config, NOW_MS)).decode()
    with store.reading() as connection:
        people = connection.execute(schema.people.select()).all()
        cards = connection.execute(schema.cards.select()).all()
        companies = connection.execute(schema.companies.select()).all()
    told = {one.number for one in cards} | {one.organisation_number for one in companies}
    told |= {one.name for one in companies if one.name} | {one.last_name for one in people}
    assert len(told) > 10
    assert [one for one in told if one in text] == []


def test_p3_counters_only_grow_whatever_comes_again_is_deleted_or_said_by_hand(
    store: HubStore, config: HubConfig
) -> None:
    ingest, north = Ingest("yard", store, Signer("yard", KEY)), RecordBook()
    for card in ("1", "2"):
        north.add("badge.granted", card=card, direction=ENTRY, reason="granted")
        north.passage(card, ENTRY)
    before: Found = {}
    for act in (
        lambda: ingest.take([north.message(1, 2)], NOW_MS),
        lambda: ingest.take([north.message()], NOW_MS),
        lambda: ingest.take([north.message()], NOW_MS),
        lambda: check_out(store, HandMark(CardKey("hms", "1"), EXIT, NOW_MS, "office", "side gate", NOW_MS), None),
        lambda: _forget(store, "2"),
    ):
        act()
        now = {name: one for name, one in read(exposition(look(config, NOW_MS))).items() if "_total" in name}
        assert all(now[name] >= one for name, one in before.items())
        before = now
    assert before['portvakt_badges_total{direction="entry",outcome="granted",reason="granted"}'] == 2
    assert before['portvakt_passages_total{direction="entry",outcome="completed"}'] == 2
    # What is only of today is less by the two that were erased: it is no counter.
    assert read(exposition(look(config, NOW_MS)))[
        'portvakt_passages_today{direction="entry",gate="north",outcome="completed"}'
    ] == 1  # fmt: skip


def _one_more(store: HubStore) -> None:
    """A gate that was never heard before tells of a passage."""
    book = RecordBook("west", epoch="00000000000000cc")
    book.passage("77", ENTRY, START_MS)
    Ingest("yard", store, Signer("yard", KEY)).take([book.message()], NOW_MS)


def _forget(store: HubStore, number: str) -> None:
    with store.forgetting() as forgetting:
        forgetting.purge_person([CardKey("hms", number)])


def test_today_begins_at_midnight_by_the_sites_clocks(store: HubStore, config: HubConfig) -> None:
    watched.fill(store, config)
    tomorrow = read(exposition(look(config, NOW_MS + DAY_MS)))
    assert [name for name in tomorrow if "_today" in name] == []
    assert tomorrow["portvakt_events_total"] == 13


def test_whoever_forgot_to_leave_is_not_inside_when_the_rule_has_closed_it(store: HubStore, config: HubConfig) -> None:
    watched.fill(store, config)
    for hours, people in ((2, 4), (40, 0)):
        found = read(exposition(look(config, NOW_MS + hours * 3_600_000)))
        inside = {name: one for name, one in found.items() if name.startswith("portvakt_people_inside")}
        assert sum(inside.values()) == people


def test_all_of_it_is_of_one_moment(store: HubStore, config: HubConfig, database: Path | PostgresAddress) -> None:
    watched.fill(store, config)
    with closing(HubStore(database)) as other, store.at_one_moment() as moment:
        before = numbers(moment, config, NOW_MS)
        _one_more(other)
        again = numbers(moment, config, NOW_MS)
        assert (again.inside, again.counters, again.tallies) == (before.inside, before.counters, before.tallies)
        assert [one.line.gate for one in again.gates] == ["north", "south"]
    assert [one.line.gate for one in numbers(store, config, NOW_MS).gates] == ["north", "south", "west"]


def test_p11_a_scrape_reads_no_table_that_grows_from_end_to_end(tmp_path: Path) -> None:
    config = watched.settings(tmp_path)
    with closing(HubStore(tmp_path / "state" / "hub.sqlite3")) as store:
        watched.fill(store, config)
        found = plans(store, lambda: numbers(store, config, NOW_MS))
    assert any("events USING INDEX events_by_time" in one for one in found)
    assert any("deliveries USING COVERING INDEX deliveries_in_order" in one for one in found)
    grow = ("events", "deliveries", "permits", "cards", "people", "audit", "hand_marks", "commands")
    assert [one for one in found if one.startswith("SCAN") and one.split()[1] in grow] == []


def test_a_database_that_is_not_there_is_not_made_and_one_of_another_version_is_not_changed(tmp_path: Path) -> None:
    config = watched.settings(tmp_path)
    with pytest.raises(StoreError, match=r"not there; `hub run` makes it"):
        look(config, NOW_MS)
    assert not (tmp_path / "state").exists()
    # As for somebody who may not look into the hub's folder: the system refuses to say whether it is there.
    with pytest.raises(StoreError, match=r"cannot be read \(.*\); only the hub's own user may"):
        look(replace(config, state_dir="x" * 300), NOW_MS)
    with closing(HubStore(tmp_path / "state" / "hub.sqlite3")) as store, store.writing() as connection:
        connection.execute(schema.alembic_version.update(), {"version_num": "0001"})
    with pytest.raises(StoreError, match=r"schema is revision 0001, this program reads .*; start the hub"):
        look(config, NOW_MS)


def test_printed_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = watched.settings(tmp_path)
    words = ["metrics", "--config", str(tmp_path / "hub.toml")]
    assert main(words) == 1
    told = capsys.readouterr()
    assert read(told.out) == {"portvakt_up": 0}
    assert "hub.sqlite3: not there" in told.err
    with closing(HubStore(tmp_path / "state" / "hub.sqlite3")) as store:
        watched.fill(store, config)
    assert main(words) == 0
    assert read(capsys.readouterr().out)["portvakt_events_total"] == 13
    with pytest.raises(SystemExit) as wrong:
        main([*words, "--listen", "everywhere"])
    assert wrong.value.code == 2
    assert "'everywhere' is not ADDRESS:PORT" in capsys.readouterr().err


# --- served ----------------------------------------------------------------------------------------------------------


class Served:
    """`hub metrics --listen` as a process."""

    def __init__(self, folder: Path, listen: str, environment: dict[str, str] | None = None) -> None:
        self.errors = folder / "metrics.log"
        with self.errors.open("w") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "hub", "metrics", "--listen", listen, "--config", str(folder / "hub.toml")],
                stdout=subprocess.PIPE, stderr=errors, text=True, env={**os.environ, **(environment or {})},
            )  # fmt: skip
        assert self.process.stdout
        said = self.process.stdout.readline().split()
        assert said, self.errors.read_text()
        self.port = int(said[-1].rpartition(":")[2].partition("/")[0])

    def ask(self, path: str = "/metrics", method: str = "GET") -> tuple[int, str, bytes]:
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)) as line:
            line.request(method, path)
            answer = line.getresponse()
            return answer.status, answer.headers["Content-Type"], answer.read()

    def held(self) -> int:
        """Open descriptors."""
        return len(list(Path(f"/proc/{self.process.pid}/fd").iterdir()))

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        status = self.process.wait(10)
        assert self.process.stdout
        self.process.stdout.close()
        return status


@contextlib.contextmanager
def served(folder: Path, listen: str = "127.0.0.1:0", environment: dict[str, str] | None = None) -> Iterator[Served]:
    server = Served(folder, listen, environment)
    try:
        yield server
    finally:
        if server.process.poll() is None:
            server.end(signal.SIGKILL)


def test_served_while_the_hub_works_and_ended_by_sigterm(tmp_path: Path) -> None:
    config = watched.settings(tmp_path)
    with closing(HubStore(tmp_path / "state" / "hub.sqlite3")) as store:
        watched.fill(store, config)
        with served(tmp_path) as server:
            status, kind, body = server.ask()
            assert (status, kind) == (200, "text/plain; version=0.0.4; charset=utf-8")
            assert read(body)["portvakt_events_total"] == 13
            _one_more(store)
            assert read(server.ask()[2])["portvakt_events_total"] == 14
            assert server.ask("/")[0] == 200
            assert server.ask("/etc/passwd")[0] == 404
            assert server.ask(method="POST")[0] == 501
            held = server.held()
            for _ in range(30):
                server.ask()
            wait_for("nothing to be held any more", lambda: server.held() <= held)
            assert server.end() == 0
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", server.port), 1)
    assert "Traceback" not in server.errors.read_text()


def test_a_database_that_is_away_is_503_and_back_when_it_is_back(tmp_path: Path) -> None:
    config = watched.settings(tmp_path)
    file = tmp_path / "state" / "hub.sqlite3"
    with closing(HubStore(file)) as store:
        watched.fill(store, config)
    with served(tmp_path) as server:
        assert server.ask()[0] == 200
        backup = Path(shutil.copy(file, tmp_path / "backup"))
        with closing(HubStore(file)) as store:
            _one_more(store)
        assert read(server.ask()[2])["portvakt_events_total"] == 14
        file.rename(tmp_path / "aside")
        for _ in range(3):
            status, _, body = server.ask()
            assert (status, read(body)) == (503, {"portvakt_up": 0})
        # Put back from a backup: the numbers are those of the file that is there now.
        backup.rename(file)
        assert read(server.ask()[2])["portvakt_events_total"] == 13
        file.write_bytes(b"this is no database at all" * 400)
        assert server.ask()[0] == 503
        assert server.end() == 0
    said = server.errors.read_text()
    assert said.count("store=failed") == 2
    assert said.count("store=back") == 1
    assert "Traceback" not in said


@pytest.mark.real
def test_a_postgresql_that_is_stopped_is_503_and_back_when_it_is_back(tmp_path: Path, postgres: Postgres) -> None:
    address = postgres.database()
    config = watched.settings(tmp_path, address)
    with closing(HubStore(address)) as store:
        watched.fill(store, config)
    with served(tmp_path) as server:
        assert server.ask()[0] == 200
        postgres.stop("immediate")
        try:
            assert server.ask()[0] == 503
        finally:
            postgres.start()
        assert read(server.ask()[2])["portvakt_events_total"] == 13
        assert server.end() == 0
    assert "Traceback" not in server.errors.read_text()


def test_p11_whoever_asks_slowly_or_in_a_crowd_keeps_nobody_waiting(tmp_path: Path) -> None:
    config = watched.settings(tmp_path)
    with closing(HubStore(tmp_path / "state" / "hub.sqlite3")) as store:
        watched.fill(store, config)
    with served(tmp_path) as server, contextlib.ExitStack() as lines:
        for _ in range(5):
            line = lines.enter_context(socket.create_connection(("127.0.0.1", server.port), 10))
            line.sendall(b"GET /met")
        assert server.ask()[0] == 200
        answers: list[int] = []

        def ask() -> None:
            with contextlib.suppress(OSError, http.client.HTTPException):
                answers.append(server.ask()[0])

        crowd = [threading.Thread(target=ask) for _ in range(20)]
        for one in crowd:
            one.start()
        for one in crowd:
            one.join()
        # Some are turned away; nobody gets anything wrong, and the next one is served.
        assert set(answers) == {200}
        answers.clear()

        def served_again() -> bool:
            ask()
            return 200 in answers

        wait_for("the next one to be served", served_again)
        # It does not wait for those who never finished their question.
        assert server.end() == 0


def test_systemd_is_told_when_it_answers_and_when_it_ends(tmp_path: Path) -> None:
    watched.settings(tmp_path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listens:
        listens.bind(str(tmp_path / "notify"))
        listens.settimeout(20)
        # Without a database: it is there and says 503, and systemd need not start it again and again.
        with served(tmp_path, environment={"NOTIFY_SOCKET": str(tmp_path / "notify")}) as server:
            assert listens.recv(200).decode().startswith("READY=1\nSTATUS=metrics at 127.0.0.1:")
            assert server.ask()[0] == 503
            assert server.end() == 0
            assert listens.recv(200) == b"STOPPING=1"


def test_another_address_is_told_of_and_one_that_is_taken_refused(tmp_path: Path) -> None:
    config = watched.settings(tmp_path)
    with closing(HubStore(tmp_path / "state" / "hub.sqlite3")) as store:
        watched.fill(store, config)
    with served(tmp_path, "0.0.0.0:0") as server:
        assert server.ask()[0] == 200
        taken = subprocess.run(
            [sys.executable, "-m", "hub", "metrics", "--listen", f"0.0.0.0:{server.port}", "--config",
             str(tmp_path / "hub.toml")],
            capture_output=True, text=True, check=False, timeout=30,
        )  # fmt: skip
        assert taken.returncode == 1
        assert f"0.0.0.0:{server.port}: cannot be listened on" in taken.stderr
        assert "Traceback" not in taken.stderr
        assert server.end(signal.SIGINT) == 0
    assert "the network can read the numbers" in server.errors.read_text()
    with served(tmp_path) as server:
        assert server.end() == 0
    assert server.errors.read_text() == ""


@pytest.mark.real
@pytest.mark.skipif(BINARY is None, reason="mosquitto is not installed")
def test_beside_a_hub_that_runs_and_after_it_was_killed(tmp_path: Path) -> None:
    with Mosquitto(tmp_path / "broker") as broker:
        hub, ear = HubProcess(tmp_path, broker.port), Ear(broker.port)
        with closing(ear.link):
            hub.start()
            try:
                hub.ready()
                with served(tmp_path) as server:
                    book = RecordBook()
                    book.add("badge.granted", card="5310027", direction=ENTRY, reason="granted")
                    book.passage("5310027", ENTRY)
                    ear.link.publish(*book.message())
                    ear.link.publish(TOPICS.status("north"), encode_status(Status("north", "one", online=True)))
                    wait_for("the gate", lambda: read(server.ask()[2]).get('portvakt_gate_online{gate="north"}') == 1)
                    ear.until("the ack", lambda: ear.acked(hub) == 2)
                    found = read(server.ask()[2])
                    assert found['portvakt_badges_total{direction="entry",outcome="granted",reason="granted"}'] == 1
                    assert found['portvakt_passages_total{direction="entry",outcome="completed"}'] == 1
                    hub.end(signal.SIGKILL)
                    stands = read(server.ask()[2])
                    last = 'portvakt_gate_last_status_timestamp_seconds{gate="north"}'
                    assert stands[last] == found[last]
                    assert server.end() == 0
            finally:
                hub.end(signal.SIGKILL)
