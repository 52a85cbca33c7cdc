"""A target's queue: what `hub.central.courier.Queue` promises, on the simulated hub's disk. A call is all or nothing.

A disk that is full can still be read; what is written to it fails.
"""

import contextlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from hub.central.delivery import OPEN, Ahead, Delivery, Found, Receiver, State
from hub.central.happening import Happening, Place, Stream
from hub.central.streams import happening_of
from hub.central.target import Item
from hub.errors import StoreError
from hub.presence import CardKey, Sighting
from hub.records import CrewMember, JournalKey
from tests.simulation.sim_disk import Disk
from tests.simulation.tellings import Tellings

if TYPE_CHECKING:
    from tests.simulation.sim_store import HubFile

READ_AT_ONCE = 50


@dataclass(slots=True)
class Row:
    """One delivery as it lies on the disk."""

    delivery: Delivery
    place: Place
    ready_ms: int
    first_sent_ms: int | None = None


@dataclass(slots=True)
class QueueFile:
    """A target's tables."""

    known: bool = False
    rows: dict[str, Row] = field(default_factory=dict)
    open: dict[str, Row] = field(default_factory=dict)
    """Those of the rows that are waiting or queued."""
    cursors: dict[Stream, int] = field(default_factory=dict)
    receiver: Receiver = field(default_factory=Receiver)


class SimLedger:
    """The queue of one hub process."""

    def __init__(self, disk: Disk, file: "HubFile", tellings: Tellings, since_ms: int) -> None:
        self._disk = disk
        self._file = file
        self._queue = file.queue
        self._tellings = tellings
        self._since_ms = since_ms

    def enter(self) -> None:
        """The hub begins: what stopped is tried once more."""

        def apply() -> None:
            self._queue.known = True
            self._awake()

        self._commit(apply)

    def wake(self) -> None:
        """A person says: try again."""
        self._commit(self._awake)

    def ahead(self) -> Ahead:
        found: list[Happening] = []
        cursors: dict[Stream, int] = {}
        for key, journal in self._file.journals.items():
            stream = Stream(*key)
            after = self._queue.cursors.get(stream, 0)
            if journal.through <= after or len(found) >= READ_AT_ONCE:
                continue
            through = min(journal.through, after + READ_AT_ONCE)
            stored = self._file.events.get(key, {})
            told = [self._happening(Place(stream, seq)) for seq in range(after + 1, through + 1) if seq in stored]
            found += [one for one in told if one.from_on(self._since_ms)]
            cursors[stream] = through
        return Ahead(found, cursors)

    def plan(self, wanted: Sequence[tuple[Happening, Item]], cursors: Mapping[Stream, int], now_ms: int) -> None:
        def apply() -> None:
            for told, item in wanted:
                known = self._queue.rows.get(item.id)
                if known is None or known.delivery.item.happening != item.happening:
                    row = Row(
                        Delivery(item, due_ms=item.not_before_ms),
                        Place(told.stream, told.seq),
                        max(now_ms, item.not_before_ms),
                    )
                    self._queue.rows[item.id] = self._queue.open[item.id] = row
            self._queue.cursors.update(cursors)

        self._commit(apply)

    def due(self, now_ms: int, most: int, under_way: Collection[str]) -> Found:
        first: dict[object, Row] = {}
        for key, row in self._queue.open.items():
            item = row.delivery.item
            known = first.get(item.card or key)
            if known is None or (item.at_ms, item.id) < (known.delivery.item.at_ms, known.delivery.item.id):
                first[item.card or key] = row
        chosen = [
            row
            for row in first.values()
            if row.delivery.state is State.WAITING
            and row.delivery.due_ms <= now_ms
            and row.delivery.item.id not in under_way
        ]
        chosen.sort(key=lambda row: (row.delivery.due_ms, row.delivery.item.at_ms, row.delivery.item.id))
        return _found(chosen[:most])

    def to_ask(self, now_ms: int, most: int) -> Sequence[Delivery]:
        queued = [row.delivery for row in self._queue.open.values() if row.delivery.state is State.QUEUED]
        return sorted((one for one in queued if one.due_ms <= now_ms), key=lambda one: one.due_ms)[:most]

    def waiting_of(self, streams: Collection[Stream]) -> Found:
        rows = self._queue.open.values()
        return _found([row for row in rows if row.delivery.state is State.WAITING and row.place.stream in streams])

    def next_due_ms(self, from_ms: int = 0) -> int | None:
        due = (row.delivery.due_ms for row in self._queue.open.values())
        return min((one for one in due if one >= from_ms), default=None)

    @contextlib.contextmanager
    def facts(self, places: Mapping[str, Place]) -> Iterator["SimFacts"]:
        yield SimFacts(places, self._happening)

    def settle(self, deliveries: Sequence[Delivery], receiver: Receiver, now_ms: int) -> None:
        def apply() -> None:
            for one in deliveries:
                row = self._queue.rows[one.item.id]
                if one.item.at_ms != row.delivery.item.at_ms:
                    self._tellings.world.counts["deliveries put in their right order"] += 1
                row.delivery = one
                if one.attempts and row.first_sent_ms is None:
                    row.first_sent_ms = now_ms
                if one.state not in OPEN:
                    self._queue.open.pop(one.item.id, None)
                self._tellings.written(one)
            self._queue.receiver = receiver

        self._commit(apply)

    def receiver(self) -> Receiver:
        return self._queue.receiver

    def _awake(self) -> None:
        self._queue.receiver = replace(self._queue.receiver, stopped=None, pause_until_ms=0)
        self._tellings.woken()

    def _happening(self, place: Place) -> Happening:
        key = JournalKey(*place.stream)
        corrections = {boot: one for boot, one in self._file.corrections.items() if boot.key == key}
        return happening_of(place.stream, self._file.events[key][place.seq], corrections)

    def _commit(self, apply: Callable[[], None]) -> None:
        if self._disk.delay_ms:
            raise StoreError("hub.sqlite3: database or disk is full; nothing of this was stored")
        self._disk.commit(apply)


class SimFacts:
    """See `hub.central.target.Facts`."""

    def __init__(self, places: Mapping[str, Place], find: Callable[[Place], Happening]) -> None:
        self._places = places
        self._find = find

    def happening(self, happening: str) -> Happening | None:
        place = self._places.get(happening)
        return self._find(place) if place else None

    def holder(self, card: CardKey) -> CrewMember | None:
        return None

    def sightings(self, card: CardKey, from_ms: int, until_ms: int) -> Sequence[Sighting]:
        return []


def _found(rows: Sequence[Row]) -> Found:
    return Found(
        [row.delivery for row in rows],
        {row.delivery.item.happening: row.place for row in rows},
        {row.delivery.item.id: row.first_sent_ms for row in rows if row.first_sent_ms is not None},
    )
