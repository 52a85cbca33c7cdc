"""What the central system was told, watched from both ends: the hub's queue on its disk and the receiver's own book.

P2: what the hub holds is told, or aside with words. P3: one key, one passage. `order`: of one card nothing later goes
while something earlier waits. `backoff`: whoever is down, or has asked to wait, is left alone. `aside`: what is
refused goes out of the way. `late`: where nothing is wrong, nothing waits.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from gate.model import Event, EventKind
from hub.central.delivery import Delivery, State
from hub.central.target import Draft, Facts, Item
from hub.corrections import Boot
from hub.presence import PASSAGE_COMPLETED
from hub.records import EventRecord, JournalKey
from tests.simulation.world import HOUR_MS, World

if TYPE_CHECKING:
    from tests.simulation.sim_ledger import Row
    from tests.simulation.sim_store import HubFile

WELL_FOR_MS = HOUR_MS
"""After so long without a fault on either side nothing waits any more."""


class Told(msgspec.Struct, frozen=True):
    """A record as the receiver reads it."""

    gate: str
    epoch: str
    seq: int
    card: str | None
    at_ms: int


def as_told(item: Item, facts: Facts) -> bytes | None:
    """What is sent of a passage; None when nothing is known of it any more."""
    happening = facts.happening(item.happening)
    if happening is None or happening.at_ms is None:
        return None
    number = happening.card.number if happening.card else None
    told = Told(happening.stream.name, happening.stream.epoch, happening.seq, number, happening.at_ms)
    return msgspec.json.encode(told)


class Tellings:
    """See the module."""

    def __init__(self, world: World, made: Mapping[JournalKey, Mapping[int, tuple[str, Event]]]) -> None:
        """`made` is what the gates truly recorded."""
        self.world = world
        self._made = made
        self.file: HubFile | None = None
        """The hub's disk of the moment."""
        self._taken: set[str] = set()
        self._passage: dict[str, tuple[str, str, int]] = {}
        self._key: dict[tuple[str, str, int], str] = {}
        self._words: dict[str, str] = {}
        self._well_since_ms: int | None = world.now_ms
        self._down_since_ms: int | None = None
        self._requests = 0
        self._wakings = 0
        self._alone_until_ms = 0

    # --- the receiver ----------------------------------------------------------------------------------

    def mood_changed(self, *, well: bool, down: bool) -> None:
        self._well_since_ms = self.world.now_ms if well else None
        self._down_since_ms = self.world.now_ms if down else None
        self._requests = self._wakings = 0

    def requested(self) -> None:
        """It is asked something. Of whoever is down, less and less often."""
        if self._down_since_ms is None:
            return
        self._requests += 1
        self.world.counts["requests while central was down"] += 1
        down_ms = self.world.now_ms - self._down_since_ms
        allowed = 30 + down_ms // 30_000 + 15 * self._wakings
        if self._requests > allowed:
            raise self.world.broken("backoff", f"{self._requests} requests in {down_ms // 1000} s of an outage")

    def arrived(self, key: str, body: bytes) -> None:
        """It has read a record."""
        told = msgspec.json.decode(body, type=Told)
        passage = (told.gate, told.epoch, told.seq)
        if self._passage.setdefault(key, passage) != passage:
            raise self.world.broken("P3", f"central: {key} was {self._passage[key]}, now it is {passage}")
        if self._key.setdefault(passage, key) != key:
            raise self.world.broken("P3", f"central: {passage} has come under two keys")
        self.world.counts["told again"] += key in self._taken

    def took(self, key: str) -> None:
        if key not in self._taken:
            self.world.counts["passages told"] += 1
            self._taken.add(key)

    def said(self, key: str, words: str) -> None:
        """Why it will not have this one."""
        self._words[key] = words

    def wait_was_asked(self, for_ms: int) -> None:
        """The hub has the answer in its hands."""
        self._alone_until_ms = max(self._alone_until_ms, self.world.now_ms + for_ms)

    # --- the hub ---------------------------------------------------------------------------------------

    def woken(self) -> None:
        """A hub that begins and a person may try, whatever was said before."""
        self._wakings += 1
        self._alone_until_ms = 0
        if self._well_since_ms is not None:
            self._well_since_ms = self.world.now_ms

    def hub_troubled(self) -> None:
        """Its disk fails."""
        if self._well_since_ms is not None:
            self._well_since_ms = self.world.now_ms

    def starts(self, drafts: Sequence[Draft]) -> None:
        """The hub hands these over to be sent."""
        assert self.file is not None
        for draft in drafts:
            own = self.file.queue.rows[draft.item.id]
            for row in self.file.queue.open.values():
                if row is own or row.delivery.item.card != draft.item.card or draft.item.card is None:
                    continue
                earlier, later = self._known_ms(row), self._known_ms(own)
                if earlier is not None and later is not None and earlier < later:
                    number = draft.item.card.number
                    raise self.world.broken("order", f"hub: {number}: a later one goes while an earlier one waits")

    def leaves(self) -> None:
        """One of its requests goes out."""
        if self.world.now_ms < self._alone_until_ms:
            left_ms = self._alone_until_ms - self.world.now_ms
            raise self.world.broken("backoff", f"hub: a request {left_ms} ms before the time that was asked for")

    def written(self, delivery: Delivery) -> None:
        """The hub has settled one."""
        key, words = delivery.item.id, self._words.get(delivery.item.id)
        self.world.counts[f"deliveries {delivery.state}"] += delivery.state in (State.ACCEPTED, State.ASIDE)
        if delivery.state is State.ACCEPTED and key not in self._taken:
            raise self.world.broken("P2", f"hub: {key} counts as accepted, and central never took it")
        if delivery.state is State.ASIDE and words != delivery.words and not delivery.attempts > 1:
            raise self.world.broken("aside", f"hub: {key} is aside with words that nobody said: {delivery.words!r}")
        if delivery.state is State.WAITING and words is not None and delivery.words == words:
            raise self.world.broken("aside", f"hub: {key} was refused, and waits to be sent again")
        if delivery.state is State.ASIDE and words is None:
            self.world.counts["set aside after many failures"] += 1

    def look(self) -> None:
        """Where nothing has been wrong for long, nothing waits but what the receiver itself has not decided."""
        if self.file is None or self._well_since_ms is None or self.world.now_ms - self._well_since_ms < WELL_FOR_MS:
            return
        self.world.counts["queues looked at"] += 1
        open_ones = self.file.queue.open.values()
        hard = {row.delivery.item.card for row in open_ones if row.delivery.attempts or row.delivery.receiver_id}
        for row in open_ones:
            if row.ready_ms < self.world.now_ms - WELL_FOR_MS and row.delivery.item.card not in hard:
                raise self.world.broken("late", f"hub: {row.delivery.item.id} waits, and nothing is wrong")

    def finish(self, hub: "HubFile") -> None:
        """Everything has healed: each passage that the hub holds is told, or aside with the receiver's words."""
        for key, stored in sorted(hub.events.items()):
            for record in stored.values():
                if record.kind == PASSAGE_COMPLETED and record.time_ms is not None:
                    self._told(hub, key, record)

    def _told(self, hub: "HubFile", key: JournalKey, record: EventRecord) -> None:
        row = hub.queue.rows.get(record.id)
        if row is None:
            raise self.world.broken("P2", f"{key.gate}/{record.seq}: stored at the hub, and central was never to know")
        if row.delivery.state is State.ASIDE and row.delivery.words:
            return
        if row.delivery.state is not State.ACCEPTED or record.id not in self._taken:
            raise self.world.broken("P2", f"{key.gate}/{record.seq}: {row.delivery.state} at the end")

    def _known_ms(self, row: "Row") -> int | None:
        """When it happened, by all that the target was asked about; None while that is being settled."""
        assert self.file is not None
        stream, seq = row.place
        key = JournalKey(*stream)
        made = self._made[key]
        at = made[seq][1].moment
        if at.trusted:
            return at.wall_ms
        if Boot(key, at.boot) not in self.file.corrections:
            return at.wall_ms
        reached = self.file.queue.cursors.get(stream, 0)
        for number in range(seq + 1, reached + 1):
            event = made[number][1]
            if event.kind is EventKind.CLOCK_TRUSTED and event.detail.get("boot") == at.boot:
                return at.monotonic_ms + int(event.detail["offset_ms"])
        return None
