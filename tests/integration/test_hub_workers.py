"""P2, P3: several processes take in what the gates send, in any number and any order, and any of them may die."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gate.uplink import contract
from gate.uplink.signing import Signer
from hub import queries
from hub.config import PostgresAddress, database, load_config
from hub.ingest import Ingest
from hub.store import HubStore
from tests.sim.gate_end import GateEnd
from tests.sim.hub_process import HubProcess
from tests.sim.mosquitto import BINARY, Mosquitto
from tests.sim.postgres import Postgres
from tests.waiting import wait_for

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(BINARY is None, reason="mosquitto is not installed"),
    pytest.mark.timeout(240),
]


class Worker:
    """One `hub run --ingest`."""

    def __init__(self, settings: Path, number: int) -> None:
        self.log = settings.with_name(f"worker{number}.log")
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "hub", "run", "--ingest", "--config", str(settings)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=os.environ | {"PYTHONUNBUFFERED": "1"},
            )  # fmt: skip

    def ready(self) -> None:
        wait_for(f"'ingest ready' in {self.log}", lambda: "ingest ready site=yard" in self.text, 20.0)

    def end(self, number: int = signal.SIGTERM) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(15.0)

    @property
    def text(self) -> str:
        return self.log.read_text(encoding="utf-8")


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path / "broker") as started:
        yield started


@pytest.fixture
def hub(tmp_path: Path, broker: Mosquitto, postgres: Postgres) -> Iterator[HubProcess]:
    made = HubProcess(tmp_path / "hub", broker.port, database=postgres.database().url)
    with made.settings.open("a", encoding="utf-8") as settings:
        settings.write('[ingest]\nshared = true\n[list]\nheartbeat_s = 1\n[presence]\nclose_at = "never"\n')
    yield made
    if made.process:
        made.end(signal.SIGKILL)


@pytest.fixture
def worker(hub: HubProcess) -> Iterator[Callable[[], Worker]]:
    made: list[Worker] = []

    def start() -> Worker:
        made.append(Worker(hub.settings, len(made)))
        return made[-1]

    yield start
    for one in made:
        one.end(signal.SIGKILL)


@pytest.fixture
def gates(tmp_path: Path, hub: HubProcess, broker: Mosquitto) -> Iterator[list[GateEnd]]:
    """Four, with a backlog of 600 passages each."""
    hub.command("key")
    made = [GateEnd(tmp_path, name, broker.port, hub.verifier) for name in ("north", "south", "east", "west")]
    for gate in made:
        gate.pass_through(600)
    yield made
    for gate in made:
        gate.close()


def address_of(hub: HubProcess) -> PostgresAddress:
    address = database(load_config(hub.settings))
    assert isinstance(address, PostgresAddress)
    return address


def by_one_hub(gates: list[GateEnd], file: Path) -> list[queries.RosterEntry]:
    """Who is inside, if one hub had heard everything in order."""
    with contextlib.closing(HubStore(file)) as store:
        ingest = Ingest("yard", store, Signer("yard", Ed25519PrivateKey.generate()))
        for gate in gates:
            bodies = gate.bodies
            for start in range(0, len(bodies), 500):
                message = contract.encode_batch(bodies[start : start + 500])
                ingest.take([(contract.Topics("yard").events(gate.name), message)], 0)
        return queries.roster(store)


def test_p2_p3_three_workers_of_which_one_is_killed(
    tmp_path: Path, hub: HubProcess, worker: Callable[[], Worker], gates: list[GateEnd]
) -> None:
    """In mid-flight, with a backlog and live passages on their way; another one takes its place."""
    hub.start()
    hub.ready()
    first, second, third = workers = [worker() for _ in range(3)]
    for one in workers:
        one.ready()
    for gate in gates:
        gate.start()
    wait_for("some of it to be in", lambda: any(gate.journal.settled() >= 200 for gate in gates), 30.0)
    for _ in range(10):
        for gate in gates:
            gate.pass_through(20)
    assert any(gate.unsettled for gate in gates), "too late: nothing is under way"
    assert second.end(signal.SIGKILL) == -signal.SIGKILL
    fourth = worker()
    for _ in range(20):
        for gate in gates:
            gate.pass_through(20)
    fourth.ready()
    for gate in gates:
        gate.pass_through(100)
    wait_for("every gate to be told that all is stored", lambda: not any(gate.unsettled for gate in gates), 120.0)
    for one in (first, third, fourth):
        assert one.end() == 0
        assert "Traceback" not in one.text
        assert "messages=0" not in one.text
    proof = json.loads(hub.command("verify", "--json"))
    assert proof["sound"], proof
    told = [(gate["made"], gate["stored"], gate["waiting"], gate["lost"], gate["twice"]) for gate in proof["gates"]]
    assert told == [(1300, 1300, 0, 0, 0)] * 4
    assert hub.text.count("Traceback") == 0
    with contextlib.closing(HubStore(address_of(hub))) as store:
        inside = queries.roster(store)
    assert inside
    assert inside == by_one_hub(gates, tmp_path / "alone.sqlite3")


def test_p2_p3_the_database_dies_under_the_workers(
    hub: HubProcess, worker: Callable[[], Worker], gates: list[GateEnd], postgres: Postgres
) -> None:
    """In the middle of a backlog, without a goodbye: nothing was acknowledged that is not there afterwards."""
    hub.start()
    hub.ready()
    workers = [worker() for _ in range(2)]
    for one in workers:
        one.ready()
    for gate in gates:
        gate.start()
    wait_for("some of it to be in", lambda: any(gate.journal.settled() >= 200 for gate in gates), 30.0)
    assert any(gate.unsettled for gate in gates), "too late: nothing is under way"

    def said() -> list[str]:
        return [hub.text, *(one.text for one in workers)]

    postgres.stop("immediate")
    try:
        for gate in gates:
            gate.pass_through(20)
        wait_for("one of them to say so", lambda: any("store=failed" in text for text in said()))
    finally:
        postgres.start()
    wait_for("every gate to be told that all is stored", lambda: not any(gate.unsettled for gate in gates), 120.0)
    proof = json.loads(hub.command("verify", "--json"))
    assert proof["sound"], proof
    assert [(gate["made"], gate["stored"], gate["twice"]) for gate in proof["gates"]] == [(620, 620, 0)] * 4
    assert "Traceback" not in "".join(said())


def test_p2_a_database_that_a_backup_was_put_in_place_of_gets_again_what_it_lacks(
    hub: HubProcess, gates: list[GateEnd], postgres: Postgres
) -> None:
    """It calls itself what it did before; the gate notices by its next record that the hub knows less."""
    gate = gates[0]
    hub.start()
    hub.ready()
    gate.start()
    wait_for("all of it", lambda: not gate.unsettled, 60.0)
    hub.end()
    before, address = hub.settings.read_text(encoding="utf-8"), address_of(hub)
    backup = postgres.copy_of(address)
    hub.start()
    hub.ready(2)
    gate.pass_through(100)
    wait_for("the rest", lambda: not gate.unsettled, 60.0)
    hub.end()
    hub.settings.write_text(before.replace(address.url, backup.url), encoding="utf-8")
    assert json.loads(hub.command("verify", "--json"))["records"] == 600
    hub.start()
    hub.ready(3)
    gate.pass_through(1)

    def whole() -> bool:
        told = json.loads(hub.command("gates", "--json"))["gates"][0]["journals"][0]
        return bool((told["stored"], told["through"]) == (701, 701))

    wait_for("all of it again", whole, 60.0)
    proof = json.loads(hub.command("verify", "--json"))
    assert proof["sound"], proof


def test_workers_without_a_hub_and_a_hub_without_workers(
    hub: HubProcess, worker: Callable[[], Worker], gates: list[GateEnd]
) -> None:
    """In any number: none of them beside the hub, or, while the hub is away, one alone."""
    hub.start()
    hub.ready()
    gates[0].start()
    wait_for("the hub alone to take it in", lambda: not gates[0].unsettled, 60.0)
    alone = worker()
    alone.ready()
    hub.end()
    gates[1].start()
    wait_for("the worker alone to take it in", lambda: not gates[1].unsettled, 60.0)
    assert json.loads(hub.command("verify", "--json"))["sound"]


def test_a_worker_with_another_key_is_refused(hub: HubProcess, worker: Callable[[], Worker]) -> None:
    """Gates would refuse whatever it acknowledges; and it makes no key of its own."""
    hub.command("key")
    hub.start()
    hub.ready()
    key = hub.state / "signing-key.pem"
    key.rename(hub.state / "kept.pem")
    one = worker()
    assert one.process.wait(20) == 1
    assert "signing-key.pem: not there; copy the signing key of the site's hub here" in one.text
    hub.command("key")
    one = worker()
    assert one.process.wait(20) == 1
    assert "the signing key here is not the one of this site's hub" in one.text


def test_a_worker_needs_settings_that_share(tmp_path: Path) -> None:
    settings = tmp_path / "hub.toml"
    settings.write_text('site = "yard"\n', encoding="utf-8")
    one = Worker(settings, 0)
    assert one.process.wait(20) == 1
    assert "set [ingest] shared = true" in one.text
