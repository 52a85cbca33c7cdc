"""The feed tells a real Mosquitto 20,000 events, each accepted only after its PUBACK.

Held against bare paho publishing the same bytes to the same broker with QoS 1, waiting for nothing but the last
PUBACK; and, to show what waiting for each costs, the feed with one event under way at a time. The last row is the
whole way: gates' records in the hub's database, courier, drafts, broker, and the outcome written down.
"""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

import paho.mqtt.client as mqtt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from paho.mqtt.enums import CallbackAPIVersion

from gate.uplink.signing import Signer
from hub.central.courier import Courier
from hub.central.delivery import Rules
from hub.central.happening import PASSAGE, Happening, Stream
from hub.central.ledger import Ledger
from hub.central.receivers.feed import Feed, feed
from hub.central.receivers.feed_messages import Kind, Profile, Voice, encode
from hub.central.registry import TargetPlace
from hub.central.sending import AtOnce
from hub.central.target import Accepted, Draft, Item
from hub.ingest import Ingest
from hub.presence import CardKey
from hub.records import CrewMember
from hub.store import HubStore
from portvakt.backoff import Backoff
from tests.benchmarks.figures import Figure
from tests.sim.mosquitto import Mosquitto
from tests.sim.records import START_MS, RecordBook

BARE = "feed, bare paho: QoS 1, the last PUBACK awaited"


def measure(quick: bool) -> Iterator[Figure]:
    count, turns = (5_000, 2) if quick else (20_000, 3)
    drafts = _drafts(count)
    with TemporaryDirectory(prefix="pv-") as name, Mosquitto(Path(name) / "broker") as broker:
        bare = [count / _bare(broker.port, drafts) for _ in range(turns)]
        yield Figure(BARE, "events/s", bare)
        for batch, told in ((200, "200 under way"), (1, "one at a time")):
            some = drafts if batch > 1 else drafts[: count // 10]
            rates = [len(some) / _told(_feed(Path(name), broker.port, batch), some) for _ in range(turns)]
            yield Figure(f"feed, each accepted after its PUBACK, {told}", "events/s", rates, against=BARE)
        whole = [_through_the_hub(Path(name) / f"turn{turn}", broker.port, count // 10) for turn in range(turns)]
        yield Figure("feed, from the hub's database to the proof in it", "events/s", whole, against=BARE)


def _drafts(count: int) -> list[Draft]:
    voice = Voice("bench", Profile.FULL)
    holder = CrewMember("hms", "1", "Torbjørg", "Åsnes", "310451274", "1988-02-11", "Vinkel Bygg AS")
    made = []
    for seq in range(1, count + 1):
        told = Happening(
            f"b9706507-7c7f-5df4-98c9-{seq:012}", Stream("north", "aa"), seq, PASSAGE, START_MS + seq, START_MS + seq,
            card=CardKey("hms", f"{seq % 5000:08}"), direction="entry", gate="north", lane="main", zone="site",
            medium="chip", reason="granted",
        )  # fmt: skip
        item = Item(told.id, told.id, told.card, START_MS + seq)
        made.append(Draft(item, encode(Kind.PASSAGE, told, holder, voice)))
    return made


def _feed(folder: Path, port: int, batch: int) -> Feed:
    settings = {"host": "127.0.0.1", "port": port, "personal": "full", "batch": batch}
    return feed(TargetPlace("bench", "bench", settings, folder / "hub.toml", ZoneInfo("UTC")))


def _told(target: Feed, drafts: list[Draft]) -> float:
    """Seconds until all are accepted."""
    batch = target.pace.batch
    target.send(drafts[:1])
    began = time.perf_counter()
    for start in range(0, len(drafts), batch):
        outcomes = target.send(drafts[start : start + batch])
        assert all(isinstance(one, Accepted) for one in outcomes), outcomes[0]
    seconds = time.perf_counter() - began
    target.close()
    return seconds


def _bare(port: int, drafts: list[Draft]) -> float:
    connected, done = threading.Event(), threading.Event()
    left = len(drafts)

    def on_publish(*_rest: object) -> None:
        nonlocal left
        left -= 1
        if not left:
            done.set()

    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
    client.max_inflight_messages_set(100)
    client.on_connect = lambda *_rest: connected.set()
    client.on_publish = on_publish
    client.connect("127.0.0.1", port)
    client.loop_start()
    assert connected.wait(10)
    began = time.perf_counter()
    for draft in drafts:
        client.publish("bench/bare", draft.body, 1)
    assert done.wait(120)
    seconds = time.perf_counter() - began
    client.disconnect()
    client.loop_stop()
    return seconds


def _through_the_hub(folder: Path, port: int, count: int) -> float:
    """Events a second; each passage is one, and the change of the roster that comes of it another."""
    store = HubStore(folder / "hub.sqlite3")
    target = _feed(folder, port, 200)
    ledger = Ledger(store, "bench", "bench")
    rules = Rules(3, Backoff(lambda: 0.0), Backoff(lambda: 0.0))
    ledger.enter("feed", 0, START_MS)
    book = RecordBook(site="bench")
    for seq in range(count):
        book.passage(f"{seq % 5000:08}", "entry", START_MS + seq)
    ingest = Ingest("bench", store, Signer("bench", Ed25519PrivateKey.generate()))
    for start in range(1, count + 1, 500):
        ingest.take([book.message(*range(start, min(start + 500, count + 1)))], START_MS)
    courier = Courier("bench", target, ledger, AtOnce(target), rules, clock_wait_ms=0)
    target.send(_drafts(1))
    began = time.perf_counter()
    while ledger.next_due_ms() is not None or ledger.ahead().cursors:
        courier.turn(START_MS + count)
    seconds = time.perf_counter() - began
    target.close()
    store.close()
    return 2 * count / seconds
