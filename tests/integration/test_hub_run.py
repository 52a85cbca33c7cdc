"""`hub run` as a process, against a real Mosquitto and against the built-in broker."""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gate.uplink import contract
from gate.uplink.contract import HubStatus, PermitsChunk, PermitsHead, PermitsWant, Status
from tests.sim.hub_process import TOPICS, Ear, HubProcess
from tests.sim.mosquitto import BINARY, Mosquitto, free_port, listens
from tests.sim.records import RecordBook
from tests.waiting import wait_for

needs_mosquitto = pytest.mark.skipif(BINARY is None, reason="mosquitto is not installed")


@pytest.fixture
def hub_at(tmp_path: Path) -> Iterator[Callable[..., HubProcess]]:
    made: list[HubProcess] = []

    def make(port: int, name: str = "hub", *, embedded: bool = False) -> HubProcess:
        made.append(HubProcess(tmp_path / name, port, embedded=embedded))
        return made[-1]

    yield make
    for hub in made:
        if hub.process:
            hub.end(signal.SIGKILL)


@pytest.fixture
def ear_at() -> Iterator[Callable[[int], Ear]]:
    made: list[Ear] = []

    def make(port: int) -> Ear:
        made.append(Ear(port))
        return made[-1]

    yield make
    for ear in made:
        ear.link.close()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path / "broker") as started:
        yield started


@pytest.mark.real
@needs_mosquitto
def test_from_crew_list_to_roster(
    broker: Mosquitto, hub_at: Callable[..., HubProcess], ear_at: Callable[[int], Ear]
) -> None:
    """A list goes out at once, events come in and are acknowledged, the roster knows the name."""
    hub, ear = hub_at(broker.port), ear_at(broker.port)
    hub.start()
    hub.ready()
    ear.until("the hub is on line", ear.hub_online)
    assert TOPICS.head not in ear.last

    hub.command("crew", "import", "config/crew.example.csv")
    payload = ear.until("the head of the list", lambda: ear.last.get(TOPICS.head))
    head = hub.verifier.open(PermitsHead, payload)
    assert (head.revision, head.count) == (1, 7)
    ear.link.publish(TOPICS.want("north"), contract.encode_message(PermitsWant(0, 1, 0)))
    payload = ear.until("the chunk", lambda: ear.last.get(TOPICS.chunk("north")))
    permits = contract.unpack_permits([contract.decode_message(PermitsChunk, payload).data], head.count)
    assert contract.digest_of_rows(permits) == head.digest

    north = RecordBook()
    north.passage("5310027", "entry")
    ear.link.publish(*north.message())
    ear.link.publish(TOPICS.events("north"), b"garbage")
    ear.link.publish(TOPICS.status("north"), contract.encode_status(Status("north", "one", True)), retain=True)
    ear.until("the ack", lambda: ear.acked(hub) == 1)
    assert "Torbjørg Åsnes" in hub.command("roster")
    wait_for("the gate's status", lambda: "online" in hub.command("gates"))

    assert hub.end() == 0
    ear.until("the hub says goodbye", lambda: ear.hub_online() is False)
    assert "hub=stopped site=yard" in hub.text
    assert "Traceback" not in hub.text


# paho leaves the socket pair of a connection that was lost to the garbage collector.
@pytest.mark.real
@needs_mosquitto
def test_brokers_forget_and_come_back(
    broker: Mosquitto, hub_at: Callable[..., HubProcess], ear_at: Callable[[int], Ear]
) -> None:
    """P2: a broker killed under the hub ends nothing; after it, everything retained is said again."""
    hub, ear = hub_at(broker.port), ear_at(broker.port)
    hub.start()
    hub.ready()
    hub.command("crew", "import", "config/crew.example.csv")
    north = RecordBook()
    north.add()
    ear.link.publish(*north.message())
    ear.until("the ack", lambda: ear.acked(hub) == 1)
    broker.kill()
    ear.last.clear()
    broker.start()
    ear.until("the ack again", lambda: ear.acked(hub) == 1, 60.0)
    ear.until("the head again", lambda: TOPICS.head in ear.last and ear.hub_online())
    assert hub.end() == 0


@pytest.mark.real
@needs_mosquitto
def test_a_killed_hub_acknowledges_what_it_has_committed(
    broker: Mosquitto, hub_at: Callable[..., HubProcess], ear_at: Callable[[int], Ear]
) -> None:
    """P2, P3: SIGKILL, start again: its last will was heard, the ack stands, a repetition is stored once."""
    hub, ear = hub_at(broker.port), ear_at(broker.port)
    hub.start()
    hub.ready()
    north = RecordBook()
    for _ in range(300):
        north.add()
    ear.link.publish(*north.message())
    ear.until("the ack", lambda: ear.acked(hub) == 300)
    hub.end(signal.SIGKILL)
    ear.until("the last will", lambda: ear.hub_online() is False)
    ear.last.clear()
    hub.start()
    hub.ready(2)
    ear.until("the ack from the database", lambda: ear.acked(hub) == 300)
    north.add()
    ear.link.publish(*north.message())
    ear.until("the next ack", lambda: ear.acked(hub) == 301)
    assert "301/301" not in hub.command("gates")
    assert '"stored": 301' in hub.command("gates", "--json")


@pytest.mark.real
@needs_mosquitto
def test_a_second_hub_is_refused(
    broker: Mosquitto, hub_at: Callable[..., HubProcess], ear_at: Callable[[int], Ear]
) -> None:
    """The second one ends with a message and touches nothing; the ghost of an earlier start is no rival."""
    first, second, ear = hub_at(broker.port), hub_at(broker.port, "second"), ear_at(broker.port)
    first.start()
    first.ready()
    second.start()
    assert second.process
    assert second.process.wait(20.0) == 1
    assert "hub: site yard already has a hub on line (instance " in second.text
    assert "hub ready" not in second.text
    assert ear.until("the first hub", ear.hub_online)
    first.end(signal.SIGKILL)
    status = contract.decode_hub_status(ear.last[TOPICS.hub])
    ghost = HubStatus("yard", status.instance, online=True, host="here")
    ear.until("the last will", lambda: ear.hub_online() is False)
    ear.link.publish(TOPICS.hub, contract.encode_status(ghost), retain=True)
    ear.until("the ghost", ear.hub_online)
    first.start()
    first.ready(2)


def test_with_its_own_broker(hub_at: Callable[..., HubProcess], ear_at: Callable[[int], Ear]) -> None:
    """embedded = true: nothing else needs to run."""
    port = free_port()
    hub = hub_at(port, embedded=True)
    hub.start()
    hub.ready()
    ear = ear_at(port)
    north = RecordBook()
    north.add()
    ear.link.publish(*north.message())
    ear.until("the ack", lambda: ear.acked(hub) == 1)
    assert "for trying out" in hub.text
    assert hub.end() == 0
    assert not listens(port)


def test_its_own_broker_needs_a_free_port(hub_at: Callable[..., HubProcess]) -> None:
    """Exit 1, and the message says what to change."""
    port = free_port()
    first, second = hub_at(port, embedded=True), hub_at(port, "second", embedded=True)
    first.start()
    first.ready()
    second.start()
    assert second.process
    assert second.process.wait(20.0) == 1
    assert f"cannot listen on 127.0.0.1:{port}" in second.text
    assert "Traceback" not in second.text


def test_without_any_broker_it_waits(hub_at: Callable[..., HubProcess]) -> None:
    """A broker that is away is no reason to end; one process for each state folder; SIGTERM ends it in order."""
    hub = hub_at(free_port())
    hub.start()
    wait_for("the link's complaint", lambda: "link=down" in hub.text)
    again = subprocess.run(
        [sys.executable, "-m", "hub", "run", "--config", str(hub.settings)],
        check=False, capture_output=True, text=True, timeout=30,
    )  # fmt: skip
    assert again.returncode == 1
    assert "is in use by process" in again.stderr
    assert hub.end() == 0
    assert "Traceback" not in hub.text
