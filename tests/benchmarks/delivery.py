"""What it costs to tell a central system with proof: a queue, an order and an answer written down for each record.

Against a bare loop that posts the same bodies to the same receiver and keeps nothing. Then the way of one badge, from
the hub's commit to the target's door, and what three targets, one of them sick, take from the hub's intake.
"""

import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from functools import partial
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gate.uplink.session import BATCH_RECORDS
from gate.uplink.signing import Signer
from hub.central import registry
from hub.central.bell import Bell
from hub.central.courier import Courier
from hub.central.couriers import LOOK_MS, Couriers, Pool
from hub.central.delivery import Rules
from hub.central.happening import MOVEMENTS, Happening
from hub.central.ledger import Ledger
from hub.central.looking_back import backfill
from hub.central.precedence import Precedence
from hub.central.registry import TargetPlace
from hub.central.sending import AtOnce
from hub.central.target import Accepted, Draft, Facts, Item, Later, Outcome, Pace
from hub.central.web import Unreachable, Web
from hub.config import HubConfig, PostgresAddress, TargetSettings
from hub.ingest import Ingest
from hub.store import HubStore
from hub.wiring import taking_in_beside
from portvakt.backoff import Backoff
from portvakt.doubles.serving import Reply, Request, Serving
from tests.benchmarks.figures import Figure
from tests.sim.postgres import BIN, Postgres
from tests.sim.records import START_MS, RecordBook
from tests.waiting import wait_for

SITE = "yard"
NO_TARGET = "ingest in batches of 200, no target"
BACKFILL = "backfill of a target that came late: looked at and queued"
RULES = Rules(20, Backoff(lambda: 0.5), Backoff(lambda: 0.5))
CARDS = 500
THREE = ("bench-well", "bench-well", "bench-sick")
NOWHERE = "http://127.0.0.1:9"
TakingIn = Callable[[int], AbstractContextManager[None]]


def measure(quick: bool) -> Iterator[Figure]:
    count = 1_000 if quick else 5_000
    turns = 2 if quick else 3
    with TemporaryDirectory(prefix="pv-") as name, Serving(_takes) as serving:
        folder = Path(name)
        for batch in (1, 100):
            bare = f"posted by a bare loop that keeps nothing, {batch} a request"
            yield Figure(bare, "records/s", [_posted(serving.url, count, batch) for _ in range(turns)])
            for connections in (1, 8):
                pace = Pace(connections, batch)
                files = [folder / f"{batch}-{connections}-{turn}" for turn in range(turns)]
                told = [_told(file, serving.url, count, pace) for file in files]
                what = f"delivered with proof, {batch} a request, {connections} at once"
                yield Figure(what, "records/s", told, against=bare)
        walks = [_backfilled(folder / f"late-{turn}", count) for turn in range(turns)]
        yield Figure(BACKFILL, "records/s", [queued for queued, _ in walks])
        yield Figure("the same once more, nothing is new", "records/s", [known for _, known in walks], against=BACKFILL)
        yield Figure("a turn of a courier with nothing to do", "ms", _idle(folder / "idle", 50 if quick else 500))
        badges = _badges(folder / "rung.sqlite3", 20 if quick else 200, rings=True)
        yield Figure("commit of a badge → its target is asked", "ms", badges)
        worker = _badges(folder / "not-rung.sqlite3", 10 if quick else 40, rings=False)
        yield Figure(f"the same, taken in by a worker (looked for each {LOOK_MS} ms)", "ms", worker)
        yield from _looks(Path(name), quick=quick)
        yield from _beside("SQLite", lambda: folder / f"{uuid.uuid4()}.sqlite3", 2 * count, turns)
        if BIN is not None:
            with Postgres() as server:
                yield from _beside("PostgreSQL", server.database, 2 * count, turns)


class Poster:
    """Posts passages, some in one request, to an address that takes everything."""

    def __init__(self, url: str, pace: Pace) -> None:
        self.pace = pace
        self.taken = 0
        self._web = Web(url, connections=pace.connections)

    def items(self, happening: Happening) -> Sequence[Item]:
        if happening.kind not in MOVEMENTS or happening.at_ms is None:
            return []
        return [Item(happening.id, happening.id, happening.card, happening.at_ms)]

    def draft(self, item: Item, facts: Facts) -> bytes | None:
        told = facts.happening(item.happening)
        return _body(item.id, item.at_ms) if told else None

    def send(self, drafts: Sequence[Draft]) -> Sequence[Outcome]:
        try:
            answer = self._web.ask("POST", "", body=b"".join(one.body for one in drafts))
        except Unreachable as why:
            return [Later(str(why))] * len(drafts)
        if not answer.fine:
            raise RuntimeError(answer.words())
        self.taken += len(drafts)
        return [Accepted()] * len(drafts)

    def ask(self, queued: Sequence[str]) -> Sequence[Outcome]:
        return []

    def close(self) -> None:
        self._web.close()


class Near(Poster):
    """Takes without a network, and notes when it was asked."""

    def __init__(self, place: TargetPlace) -> None:
        super().__init__(NOWHERE, Pace(batch=100))
        self.asked_at = 0.0
        NEAR.append(self)

    def send(self, drafts: Sequence[Draft]) -> Sequence[Outcome]:
        self.asked_at = time.perf_counter()
        self.taken += len(drafts)
        return [Accepted()] * len(drafts)


NEAR: list[Near] = []
"""Those that were made: couriers make their targets themselves."""


class Sick(Near):
    """Never answers in time."""

    def send(self, drafts: Sequence[Draft]) -> Sequence[Outcome]:
        time.sleep(2.0)
        return [Later("no answer")] * len(drafts)


def _body(key: str, at_ms: int) -> bytes:
    return msgspec.json.encode({"id": key, "at_ms": at_ms, "card": "12345678", "way": "entry"})


def _takes(_: Request) -> Reply:
    return Reply(200, b"{}")


def _posted(url: str, count: int, batch: int) -> float:
    with closing(Poster(url, Pace(batch=batch))) as target:
        item = Item("0b5d3a58-0000-4000-8000-000000000000", "", None, START_MS)
        began = time.perf_counter()
        for _ in range(0, count, batch):
            target.send([Draft(item, _body(item.id, item.at_ms))] * batch)
        return count / (time.perf_counter() - began)


def _told(file: Path, url: str, count: int, pace: Pace) -> float:
    with closing(HubStore(file.with_suffix(".sqlite3"))) as store, closing(Poster(url, pace)) as target:
        ledger = Ledger(store, SITE, "bench")
        ledger.enter("bench", 0, START_MS)
        _take_in(store, _book(count))
        with closing(Pool(target)) as sender:
            courier = Courier("bench", target, ledger, sender, RULES, clock_wait_ms=0)
            began = time.perf_counter()
            now_ms = START_MS
            while target.taken < count or courier.under_way:
                now_ms += 1
                courier.wait(now_ms, courier.turn(now_ms))
        return count / (time.perf_counter() - began)


def _backfilled(file: Path, count: int) -> tuple[float, float]:
    """Records a second of a walk that finds all of them new, and of one that finds none."""
    with closing(HubStore(file.with_suffix(".sqlite3"))) as store, closing(Poster(NOWHERE, Pace())) as target:
        ledger = Ledger(store, SITE, "bench")
        _take_in(store, _book(count))
        ledger.enter("bench", None, START_MS)
        paces = []
        for new in (count, 0):
            began = time.perf_counter()
            *_, last = backfill(ledger, target, START_MS, lambda: START_MS, clock_wait_ms=0)
            paces.append(count / (time.perf_counter() - began))
            if last.queued != new:
                raise RuntimeError(f"{last.queued} were queued, {new} are new")
        return paces[0], paces[1]


def _idle(file: Path, turns: int) -> list[float]:
    with closing(HubStore(file.with_suffix(".sqlite3"))) as store, closing(Poster(NOWHERE, Pace())) as target:
        ledger = Ledger(store, SITE, "bench")
        _take_in(store, _book(200))
        ledger.enter("bench", None, START_MS)
        courier = Courier("bench", target, ledger, AtOnce(target), RULES, clock_wait_ms=0)
        moments = []
        for turn in range(turns + 10):
            courier.turn(START_MS + turn)
            moments.append(time.perf_counter())
        return [(after - before) * 1000 for before, after in pairwise(moments[9:])]


def _badges(file: Path, count: int, *, rings: bool) -> list[float]:
    book = _book(count)
    samples = []
    with _couriers(file, ("bench-well",)) as (store, taking_in):
        (target,) = NEAR
        ingest = _ingest(store)
        for seq in range(1, count + 1):
            with taking_in(0) if rings else nullcontext():
                ingest.take([book.message(seq)], START_MS)
                committed_at = time.perf_counter()
            wait_for("the target is asked", partial(_has_taken, target, seq), 10.0)
            samples.append((target.asked_at - committed_at) * 1000)
    return samples


def _has_taken(target: Near, count: int) -> bool:
    return target.taken >= count


def _looks(folder: Path, *, quick: bool) -> Iterator[Figure]:
    """What a request costs before it is sent, when a backlog waits."""
    short, long = (1_000, 10_000) if quick else (1_000, 100_000)
    few = f"what may go, 100 of {short:,} that wait"
    for count, against in ((short, None), (long, few)):
        with closing(HubStore(folder / f"{count}.sqlite3")) as store, closing(Poster(NOWHERE, Pace())) as target:
            ledger = Ledger(store, SITE, "bench")
            ledger.enter("bench", 0, START_MS)
            _take_in(store, _book(count))
            while (ahead := ledger.ahead()).cursors:
                wanted = [(one, item) for one in ahead.happenings for item in target.items(one)]
                ledger.plan(wanted, ahead.cursors, START_MS)
            moments = [time.perf_counter()]
            for _ in range(20):
                ledger.next_due_ms()
                ledger.due(START_MS, 100, ())
                moments.append(time.perf_counter())
        spent = [(after - before) * 1000 for before, after in pairwise(moments)]
        yield Figure(f"what may go, 100 of {count:,} that wait", "ms", spent, against)


def _beside(database: str, new: Callable[[], Path | PostgresAddress], count: int, turns: int) -> Iterator[Figure]:
    """Turn by turn, so that whatever else this machine does is in both."""
    alone, beside, told = [], [], []
    for _ in range(turns):
        alone.append(_ingested(new(), count, ())[0])
        intake, all_told = _ingested(new(), count, THREE)
        beside.append(intake)
        told.append(all_told)
    name = f"{NO_TARGET}, {database}"
    yield Figure(name, "events/s", alone)
    yield Figure(f"the same beside three targets, one of them sick, {database}", "events/s", beside, against=name)
    yield Figure(f"until both that are well have been told of all, {database}", "events/s", told, against=name)


def _ingested(where: Path | PostgresAddress, count: int, kinds: Sequence[str]) -> tuple[float, float]:
    """Events a second: taken in; and from the first one until whoever is well is told of the last."""
    book = _book(count)
    with _couriers(where, kinds) as (store, taking_in):
        ingest = _ingest(store)
        messages = _messages(book)
        began = time.perf_counter()
        for message in messages:
            with taking_in(len(message[1])):
                ingest.take([message], START_MS)
        spent_s = time.perf_counter() - began
        well = [one for one in NEAR if not isinstance(one, Sick)]
        wait_for("who is well is told", lambda: all(one.taken == count for one in well), 300.0)
        told_s = time.perf_counter() - began
    return count / spent_s, count / told_s


@contextmanager
def _couriers(where: Path | PostgresAddress, kinds: Sequence[str]) -> Iterator[tuple[HubStore, TakingIn]]:
    """A store whose targets are told by threads of their own, as `hub run` has them."""
    NEAR.clear()
    ours = {"bench-well": f"{__name__}:Near", "bench-sick": f"{__name__}:Sick"}
    targets = tuple(
        TargetSettings(name=f"target-{number}", kind=kind, since="2020-01-01") for number, kind in enumerate(kinds)
    )
    config = HubConfig(site=SITE, targets=targets)
    with closing(HubStore(where)) as store, mock.patch.dict(registry.OURS, ours):
        bell, precedence = Bell(), Precedence(len(kinds))
        couriers = Couriers(config, store, Path("hub.toml"), bell, precedence)
        couriers.start()
        try:
            for number in range(len(kinds)):
                _wait_until_known(store, f"target-{number}")
            yield store, partial(taking_in_beside, bell, precedence)
        finally:
            couriers.stop()


def _wait_until_known(store: HubStore, target: str) -> None:
    wait_for(f"{target} is known", lambda: Ledger(store, SITE, target).since_ms(), 10.0)


def _ingest(store: HubStore) -> Ingest:
    return Ingest(SITE, store, Signer(SITE, Ed25519PrivateKey.generate()))


def _take_in(store: HubStore, book: RecordBook) -> None:
    ingest = _ingest(store)
    for message in _messages(book):
        ingest.take([message], START_MS)


def _messages(book: RecordBook) -> list[tuple[str, bytes]]:
    count = len(book.bodies)
    starts = range(1, count + 1, BATCH_RECORDS)
    return [book.message(*range(start, min(start + BATCH_RECORDS, count + 1))) for start in starts]


def _book(count: int) -> RecordBook:
    book = RecordBook()
    for number in range(count):
        book.passage(f"{number % CARDS:08d}", ("entry", "exit")[number // CARDS % 2], START_MS + number * 1_000)
    return book
