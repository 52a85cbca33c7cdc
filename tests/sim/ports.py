"""The controller's ports in memory: no thread, no clock, no file. Time is set by the test.

All of them write what they do into one `log`, so that a test can assert the order of things across
ports. Nothing here asserts; `tests/conformance` holds the journal to the same rules as the real one.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from gate.cache.memory import Remembered
from gate.errors import RelayError, StoreError, StoreFull
from gate.model import (
    CardHistory,
    CardId,
    Decision,
    Direction,
    Event,
    JournalHead,
    ListState,
    Moment,
    OutgoingRecord,
    Permit,
)
from gate.ports import Deliver
from gate.turnstile import Mode

GENESIS_HASH = "0" * 64
DAY_MS = 86_400_000

Log = list[str]
"""What happened, in order, one line each: `commit badge.granted`, `release main entry` …"""


class SetClock:
    """A clock that stands still until the test moves it."""

    def __init__(self, wall_ms: int, *, trusted: bool = True, boot: str = "boot-1") -> None:
        self.moment = Moment(boot, 1_000_000, wall_ms, trusted)

    def now(self) -> Moment:
        return self.moment

    def advance(self, by_ms: int) -> None:
        """Time passes, for the monotonic and the wall clock alike."""
        at = self.moment
        self.moment = replace(at, monotonic_ms=at.monotonic_ms + by_ms, wall_ms=at.wall_ms + by_ms)

    def set_wall(self, wall_ms: int, *, trusted: bool) -> None:
        """Somebody sets the wall clock."""
        self.moment = replace(self.moment, wall_ms=wall_ms, trusted=trusted)


@dataclass
class MemoryLane:
    """A turnstile without a body. `broken` is what its relay says instead of moving."""

    name: str
    log: Log
    broken: str | None = None
    shown: list[tuple[Decision, Direction, str | None]] = field(default_factory=list)

    def start(self, deliver: Deliver) -> None:
        self.log.append(f"start {self.name}")

    def release(self, direction: Direction) -> None:
        self._drive(f"release {self.name} {direction}")

    def secure(self) -> None:
        self._drive(f"secure {self.name}")

    def hold(self, ways: frozenset[Direction]) -> None:
        self._drive(f"hold {self.name} {'+'.join(sorted(ways))}")

    def show_mode(self, mode: Mode) -> None:
        self.log.append(f"mode {self.name} {mode}")

    def show(self, decision: Decision, direction: Direction, language: str | None) -> None:
        self.log.append(f"show {self.name} {direction} {decision.reason}")
        self.shown.append((decision, direction, language))

    def greet(self, first_name: str) -> None:
        self.log.append(f"greet {self.name} {first_name}")

    def close(self) -> None:
        self.log.append(f"close {self.name}")

    def _drive(self, what: str) -> None:
        if self.broken is not None:
            raise RelayError(self.broken)
        self.log.append(what)


@dataclass
class MemoryPermits:
    """A permit store. `broken` is what it says instead of answering."""

    permits: dict[CardId, Permit] = field(default_factory=dict)
    held: ListState | None = None
    broken: str | None = None

    def find(self, card: CardId) -> Permit | None:
        self._answer()
        return self.permits.get(card)

    def state(self) -> ListState | None:
        self._answer()
        return self.held

    def _answer(self) -> None:
        if self.broken is not None:
            raise StoreError(self.broken)


class Encode(Protocol):
    """Makes the bytes of one event under its place in the chain."""

    def __call__(self, event: Event, *, epoch: str, seq: int, prevhash: str) -> bytes: ...


@dataclass
class MemoryDisk:
    """What outlives a MemoryJournal. While `answers` is False nothing is written."""

    epoch: str
    answers: bool = True
    records: list[tuple[OutgoingRecord, Event]] = field(default_factory=list)
    hash: str = GENESIS_HASH
    head: int = 0
    settled: int = 0
    seen: Remembered = field(default_factory=Remembered)

    @property
    def events(self) -> list[Event]:
        """Everything that is written, oldest first."""
        return [event for _, event in self.records]


class MemoryJournal:
    """Journal and outbox, over a MemoryDisk. Writes when asked, or at the first chance after that."""

    def __init__(
        self,
        disk: MemoryDisk,
        encode: Encode,
        hash_of: Callable[[bytes], str],
        *,
        max_waiting: int,
        on_commit: Callable[[int], None] = lambda _seq: None,
        log: Log | None = None,
    ) -> None:
        self.disk = disk
        self.log: Log = [] if log is None else log
        self.deadlines_ms: list[int] = []
        self.on_commit = on_commit
        self._encode = encode
        self._hash_of = hash_of
        self._max_waiting = max_waiting
        self._waiting: list[Event] = []
        self._settled = disk.settled
        self._closed = False

    def append(self, events: Sequence[Event], deadline_ms: int) -> bool:
        self.deadlines_ms.append(deadline_ms)
        if self._closed or len(self._waiting) + len(events) > self._max_waiting:
            raise StoreFull(f"{len(self._waiting)} events wait in memory")
        self._waiting += events
        self.write()
        return self.disk.answers

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    def history(self, card: CardId) -> CardHistory:
        waiting = Remembered()
        waiting.add(self._waiting)
        seen = self.disk.seen
        return CardHistory(
            waiting.passages.get(card) or seen.passages.get(card), waiting.chips.get(card) or seen.chips.get(card)
        )

    def modes(self) -> Mapping[str, str]:
        waiting = Remembered()
        waiting.add(self._waiting)
        return self.disk.seen.modes | waiting.modes

    def commanded(self) -> int:
        waiting = Remembered()
        waiting.add(self._waiting)
        return max(self.disk.seen.commanded, waiting.commanded)

    def head(self) -> JournalHead:
        return JournalHead(self.disk.epoch, self.disk.head, self.disk.hash)

    def oldest(self) -> int:
        return self.disk.records[0][0].seq if self.disk.records else 0

    def settled(self) -> int:
        return self._settled

    def read(self, after: int, limit: int) -> Sequence[OutgoingRecord]:
        return [record for record, _ in self.disk.records if record.seq > after][:limit]

    def settle(self, through: int) -> None:
        self._settled = max(self._settled, min(through, self.disk.head))

    def prune(self, now_ms: int, keep_days: int) -> int:
        before, kept = now_ms - keep_days * DAY_MS, []
        for record, event in self.disk.records:
            settled = record.seq <= min(self._settled, self.disk.head - 1)
            if not (settled and event.moment.wall_ms < before):
                kept.append((record, event))
        removed, self.disk.records = len(self.disk.records) - len(kept), kept
        seen = self.disk.seen
        seen.passages = {card: last for card, last in seen.passages.items() if last.wall_ms >= before}
        seen.chips = {card: last for card, last in seen.chips.items() if last.wall_ms >= before}
        return removed

    def close(self) -> None:
        if not self._closed:
            self.write()
        self._closed = True

    def write(self) -> None:
        """Put what waits on the disk, if that answers."""
        disk = self.disk
        if not disk.answers:
            return
        disk.settled = self._settled
        for event in self._waiting:
            body = self._encode(event, epoch=disk.epoch, seq=disk.head + 1, prevhash=disk.hash)
            disk.head, disk.hash = disk.head + 1, self._hash_of(body)
            disk.records.append((OutgoingRecord(disk.head, body), event))
        disk.seen.add(self._waiting)
        self.log += [f"commit {event.kind}" for event in self._waiting]
        written, self._waiting = bool(self._waiting), []
        if written:
            self.on_commit(disk.head)
