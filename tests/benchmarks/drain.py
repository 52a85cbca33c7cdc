"""The hub drains a backlog of 100,000 events, against a bare paho subscriber that stores nothing.

Both are processes of their own behind one real Mosquitto; a gate's records go out as the gate sends
them, in batches of 200, and the clock runs from the first publish to the last: for the hub until its
signed ack of the last record has come (so: verified, committed), for the bare one until it has counted
the last batch. Then once more while three central systems are told of all of it.
"""

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import paho.mqtt.client as mqtt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from paho.mqtt.enums import CallbackAPIVersion

from gate.model import CardId, Direction, Event, EventKind, Medium, Moment, Reason
from gate.uplink import contract, translate
from gate.uplink.session import BATCH_RECORDS
from gate.uplink.signing import Verifier
from tests.benchmarks.figures import Figure
from tests.sim.mosquitto import Mosquitto
from tests.sim.told_doubles import targets, write_crew, write_secrets

SITE, GATE = "bench", "north"
BARE = "drain, bare subscriber that stores nothing"
HUB = "drain, hub: verified, committed, acked"
CARDS = 5_000
_FEED = """
[[targets]]
name = "feed"
kind = "feed"
since = "2020-01-01"
[targets.settings]
host = "127.0.0.1"
port = {port}
personal = "full"
"""
_BARE_SUBSCRIBER = """
import sys, threading
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
port, topic, done_topic, batches = int(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])
done, count = threading.Event(), 0
def on_connect(client, *rest): client.subscribe(topic, 1)
def on_subscribe(*rest): print("ready", flush=True)
def on_message(client, data, message):
    global count
    count += 1
    if count == batches:
        client.publish(done_topic, b"done", 1)
        done.set()
client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv311)
client.on_connect, client.on_message, client.on_subscribe = on_connect, on_message, on_subscribe
client.connect("127.0.0.1", port)
client.loop_start()
done.wait()
import time; time.sleep(0.2)  # let the last word leave
"""


def measure(quick: bool) -> Iterator[Figure]:
    count = 20_000 if quick else 100_000
    turns = 2 if quick else 3
    batches = _batches(count)
    topics = contract.Topics(SITE)
    with TemporaryDirectory(prefix="pv-") as name, Mosquitto(Path(name) / "broker") as broker:
        bare = [_bare(broker.port, topics, batches) for _ in range(turns)]
        yield Figure(BARE, "events/s", [count / seconds for seconds in bare])
        hub = [_hub(Path(name) / f"hub{turn}", broker.port, batches, count) for turn in range(turns)]
        yield Figure(HUB, "events/s", [count / s for s in hub], against=BARE)
        telling = []
        for turn in range(turns):
            with _double("hmsreg") as hmsreg, _double("elrapp") as elrapp:
                folder = Path(name) / f"telling{turn}"
                settings = _FEED.format(port=broker.port) + targets(hmsreg, elrapp)
                telling.append(_hub(folder, broker.port, batches, count, settings))
        yield Figure(
            "drain, the same while a feed and the doubles of HMSREG and ELRAPP are told", "events/s",
            [count / s for s in telling], against=HUB,
        )  # fmt: skip


def _bare(port: int, topics: contract.Topics, batches: list[bytes]) -> float:
    command = [sys.executable, "-c", _BARE_SUBSCRIBER, str(port), topics.events(GATE), "bench/done", str(len(batches))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        _await_ready(process)
        seconds = _publish(port, topics, batches, "bench/done", lambda payload: payload == b"done")
        process.wait(30)
    return seconds


@contextmanager
def _double(name: str) -> Iterator[str]:
    """A double in a process of its own; its address."""
    command = [sys.executable, "-m", "portvakt.doubles", name]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().partition(", on ")[2].partition(";")[0]
        process.terminate()


def _hub(folder: Path, port: int, batches: list[bytes], count: int, told: str = "") -> float:
    topics = contract.Topics(SITE)
    folder.mkdir()
    settings = folder / "hub.toml"
    settings.write_text(f'site = "{SITE}"\nstate_dir = "{folder}"\n[broker]\nport = {port}\n{told}', encoding="utf-8")
    write_secrets(folder)
    key_file = folder / "hub.pub"
    hub = [sys.executable, "-m", "hub"]
    if told:
        crew = folder / "crew.csv"
        write_crew(crew, (f"{card:08d}" for card in range(CARDS)), "100000008")
        command = [*hub, "crew", "import", str(crew), "--config", str(settings)]
        subprocess.run(command, check=True, capture_output=True)
    subprocess.run([*hub, "key", "--config", str(settings), "-o", str(key_file)], check=True, capture_output=True)
    public = load_pem_public_key(key_file.read_bytes())
    assert isinstance(public, Ed25519PublicKey)
    verifier = Verifier(SITE, public)

    def last(payload: bytes) -> bool:
        return verifier.open(contract.Ack, payload).through == count

    command = [*hub, "run", "--config", str(settings)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        _await_ready(process)
        seconds = _publish(port, topics, batches, topics.ack(GATE), last)
        process.terminate()
    _forget_ack(port, topics)
    return seconds


def _publish(
    port: int, topics: contract.Topics, batches: list[bytes], until_topic: str, until: Callable[[bytes], bool]
) -> float:
    """Publish everything and wait for the sign of completion; returns the seconds in between."""
    subscribed, finished = threading.Event(), threading.Event()
    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv311)
    client.max_inflight_messages_set(100)

    def on_message(_client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        if until(bytes(message.payload)):
            finished.set()

    client.on_connect = lambda c, *_rest: c.subscribe(until_topic, 1)
    client.on_subscribe = lambda *_rest: subscribed.set()
    client.on_message = on_message
    client.connect("127.0.0.1", port)
    client.loop_start()
    try:
        assert subscribed.wait(10)
        began = time.perf_counter()
        for batch in batches:
            client.publish(topics.events(GATE), batch, 1)
        assert finished.wait(300), "the receiver never finished"
        return time.perf_counter() - began
    finally:
        client.disconnect()
        client.loop_stop()


def _forget_ack(port: int, topics: contract.Topics) -> None:
    """An empty retained message clears the ack, so that the next turn does not see this one's."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv311)
    client.connect("127.0.0.1", port)
    client.loop_start()
    client.publish(topics.ack(GATE), b"", 1, retain=True).wait_for_publish(10)
    client.disconnect()
    client.loop_stop()


def _await_ready(process: "subprocess.Popen[str]") -> None:
    assert process.stdout is not None
    for line in process.stdout:
        if "ready" in line:
            return
    raise RuntimeError("the receiver did not start")


def _batches(count: int) -> list[bytes]:
    bodies, prevhash = [], contract.GENESIS_HASH
    for seq in range(1, count + 1):
        kind = (EventKind.BADGE_GRANTED, EventKind.PASSAGE_COMPLETED)[seq % 2]
        moment = Moment("bench", seq * 10, 1_780_000_000_000 + seq * 10, trusted=True)
        card = CardId("hms", f"{seq // 2 % CARDS:08d}")
        badge = f"badge-{seq // 2}"
        event = Event(kind, moment, "main", Direction.ENTRY, card, Medium.CHIP, Reason.GRANTED, (), "100000008", badge)
        body = translate.outgoing_record(event, site=SITE, gate=GATE, epoch="b" * 16, seq=seq, prevhash=prevhash)
        prevhash = contract.record_hash(body)
        bodies.append(body)
    return [contract.encode_batch(bodies[start : start + BATCH_RECORDS]) for start in range(0, count, BATCH_RECORDS)]
