"""`hub run` as a process, against a real Mosquitto and against the built-in broker."""

import contextlib
import os
import queue
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from gate.uplink import contract
from gate.uplink.contract import Ack, HubStatus, PermitsChunk, PermitsHead, PermitsWant, Status, Topics
from gate.uplink.signing import Verifier
from hub.keys import public_pem, signing_key
from portvakt.link import BrokerLink, BrokerSettings, Connected, LastWill, Message
from tests.sim.mosquitto import BINARY, Mosquitto, free_port, listens
from tests.sim.records import RecordBook
from tests.waiting import wait_for

TOPICS = Topics("yard")
needs_mosquitto = pytest.mark.skipif(BINARY is None, reason="mosquitto is not installed")


class HubProcess:
    """One `hub run`, with its settings and state in a folder."""

    def __init__(self, folder: Path, port: int, *, embedded: bool = False) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.state = folder / "state"
        self.settings = folder / "hub.toml"
        self.settings.write_text(
            f'site = "yard"\nstate_dir = "{self.state}"\n[broker]\nport = {port}\nembedded = {str(embedded).lower()}\n',
            encoding="utf-8",
        )
        self.log = folder / "hub.log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "hub", "run", "--config", str(self.settings)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=os.environ | {"PYTHONUNBUFFERED": "1"},
            )  # fmt: skip

    def ready(self, times: int = 1) -> None:
        wait_for(f"'hub ready' in {self.log}", lambda: self.text.count("hub ready site=yard") >= times, 20.0)

    def command(self, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "hub", "--config", str(self.settings), *arguments],
            check=True, capture_output=True, text=True, timeout=30,
        )  # fmt: skip
        return done.stdout

    def end(self, number: int = signal.SIGTERM) -> int:
        assert self.process
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(15.0)

    @property
    def text(self) -> str:
        return self.log.read_text(encoding="utf-8") if self.log.exists() else ""

    @property
    def verifier(self) -> Verifier:
        public = load_pem_public_key(public_pem(signing_key(self.state / "signing-key.pem")))
        assert isinstance(public, Ed25519PublicKey)
        return Verifier("yard", public)


class Ear:
    """A gate's side of the broker: keeps the last message of every topic, and all acks."""

    def __init__(self, port: int, will: LastWill | None = None) -> None:
        self.inbox: queue.Queue[Any] = queue.Queue()
        self.last: dict[str, bytes] = {}
        self.connects = 0
        self.link = BrokerLink(
            BrokerSettings(port=port), f"ear-{id(self)}", ["portvakt/v1/yard/#"],
            will or LastWill("portvakt/test/gone", b""), self.inbox,
        )  # fmt: skip
        self.link.start()
        self.until("the ear is connected", lambda: self.connects == 1)

    def until(self, described: str, condition: Callable[[], Any], timeout_s: float = 20.0) -> Any:
        def look() -> Any:
            with contextlib.suppress(queue.Empty):
                while True:
                    match self.inbox.get_nowait():
                        case Message(topic, payload):
                            self.last[topic] = payload
                        case Connected():
                            self.connects += 1
            return condition()

        return wait_for(described, look, timeout_s)

    def hub_online(self) -> bool | None:
        payload = self.last.get(TOPICS.hub)
        return contract.decode_hub_status(payload).online if payload else None

    def acked(self, hub: HubProcess, gate: str = "north") -> int:
        payload = self.last.get(TOPICS.ack(gate))
        return hub.verifier.open(Ack, payload).through if payload else 0


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
