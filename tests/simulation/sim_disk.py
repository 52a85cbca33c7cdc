"""A gate's SD card: what was written, what was synced, and the two stores on it.

The stores keep what `gate.ports` promises and mirror `gate.cache`: one transaction at a time, on the disk
when the commit has returned, events in memory while the disk does not answer. Files outlive the process,
stores do not.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random

from gate.cache.journal import FIRST_SENSIBLE_MS
from gate.cache.memory import BADGES, Remembered
from gate.errors import ListRefused, StoreError, StoreFull
from gate.model import CardHistory, CardId, Event, EventKind, JournalHead, ListState, OutgoingRecord, Permit
from gate.ports import ListedPermit
from gate.uplink import contract, translate
from gate.uplink.contract import GENESIS_HASH
from tests.simulation.invariants import Witness
from tests.simulation.world import DAY_MS, Machine

PERSIST_CONFIRMATION_MS = 600_000
"""As gate.cache.permits: a confirmation is written at most this often."""


class Disk:
    """Takes transactions. Between write and sync a process may die and lose nothing, a machine may lose all."""

    def __init__(self, machine: Machine, chance: Random) -> None:
        self._machine = machine
        self._chance = chance
        self._written: Callable[[], None] | None = None
        self._late_until_ms = 0
        self._deaf_until_ms = 0

    def commit(self, apply: Callable[[], None]) -> None:
        """Write, sync, return: three places to die at."""
        self._machine.point("disk write")
        self._written = apply
        self._machine.point("disk sync")
        self._written = None
        apply()
        self._machine.point("disk answer")

    def process_died(self) -> None:
        """The kernel still holds what was written."""
        self._settle(kept=True)

    def power_cut(self) -> None:
        """What was not synced may be there or not; whole transactions either way."""
        self._settle(kept=self._chance.random() < 0.3)
        self.heal()

    def be_late(self, for_ms: int) -> None:
        self._late_until_ms = max(self._late_until_ms, self._machine.world.now_ms + for_ms)

    def refuse_reads(self, for_ms: int) -> None:
        self._deaf_until_ms = self._machine.world.now_ms + for_ms

    def heal(self) -> None:
        self._late_until_ms = self._deaf_until_ms = 0

    @property
    def delay_ms(self) -> int:
        """How long a commit that is asked for now would take."""
        return max(0, self._late_until_ms - self._machine.world.now_ms)

    def read(self, what: str) -> None:
        """Raises StoreError while the disk cannot be read."""
        if self._machine.world.now_ms < self._deaf_until_ms:
            raise StoreError(f"{what} cannot be used (disk I/O error)")

    def _settle(self, *, kept: bool) -> None:
        written, self._written = self._written, None
        if written is not None and kept:
            written()


@dataclass(slots=True)
class Row:
    """One record as it lies on the disk."""

    hash: str
    body: bytes
    wall_ms: int


@dataclass(slots=True)
class JournalFile:
    """journal.db."""

    epoch: str
    rows: dict[int, Row] = field(default_factory=dict)
    last: int = 0
    last_hash: str = GENESIS_HASH
    settled: int = 0
    seen: Remembered = field(default_factory=Remembered)
    badges: set[str] = field(default_factory=set)


class SimJournal:
    """Journal and Outbox of one process. See gate.ports for both contracts."""

    def __init__(
        self,
        site: str,
        machine: Machine,
        disk: Disk,
        file: JournalFile,
        witness: Witness,
        *,
        max_waiting: int,
        spend: Callable[[int], None],
        on_commit: Callable[[int], None],
    ) -> None:
        self._site = site
        self._machine = machine
        self._disk = disk
        self._file = file
        self._witness = witness
        self._max_waiting = max_waiting
        self._spend = spend
        self._on_commit = on_commit
        self._waiting: deque[Event] = deque()
        self._flush_asked = False
        self._settled = file.settled
        self._head = self._stored_head()
        self._closed = False

    def append(self, events: Sequence[Event], deadline_ms: int) -> bool:
        self._machine.point("journal append")
        if len(self._waiting) + len(events) > self._max_waiting:
            self._machine.world.counts["journal full"] += 1
            raise StoreFull(f"{len(self._waiting)} events wait in memory; is the SD card full or broken?")
        self._look_for_copies(events)
        self._waiting.extend(events)
        self._witness.appended(self._machine.name, events)
        delay_ms = self._disk.delay_ms
        self._spend(min(delay_ms, deadline_ms))
        if delay_ms <= deadline_ms:
            self._flush()
            return True
        self._machine.world.counts["late appends"] += 1
        self._witness.late(self._machine.name, events)
        if not self._flush_asked:
            self._flush_asked = True
            self._machine.world.after(delay_ms, self._flush_later)
        return False

    def _look_for_copies(self, events: Sequence[Event]) -> None:
        """Another chip than the journal knows is told of together with its badge."""
        told = {event.card for event in events if event.kind is EventKind.CLONE_SUSPECTED}
        for event in events:
            if event.kind not in BADGES or event.card is None or not event.uid:
                continue
            try:
                known = self.history(event.card).last_chip
            except StoreError:
                continue
            if known is not None and known.uid != event.uid and event.card not in told:
                what = f"{self._machine.name}: {event.card} came from another chip, and nobody is told"
                raise self._machine.world.broken("clone", what)
            self._machine.world.counts["clones suspected"] += event.card in told

    def history(self, card: CardId) -> CardHistory:
        waiting = Remembered()
        waiting.add(self._waiting)
        self._disk.read("journal.db")
        seen = self._file.seen
        return CardHistory(
            waiting.passages.get(card) or seen.passages.get(card), waiting.chips.get(card) or seen.chips.get(card)
        )

    def modes(self) -> Mapping[str, str]:
        waiting = Remembered()
        waiting.add(self._waiting)
        return self._file.seen.modes | waiting.modes

    def commanded(self) -> int:
        waiting = Remembered()
        waiting.add(self._waiting)
        return max(self._file.seen.commanded, waiting.commanded)

    def head(self) -> JournalHead:
        return self._head

    def oldest(self) -> int:
        return next(iter(self._file.rows), 0)

    def settled(self) -> int:
        return self._settled

    def read(self, after: int, limit: int) -> Sequence[OutgoingRecord]:
        self._disk.read("journal.db")
        last = min(self._file.last, after + limit)
        rows = self._file.rows
        return [OutgoingRecord(seq, rows[seq].body) for seq in range(after + 1, last + 1) if seq in rows]

    def settle(self, through: int) -> None:
        self._machine.point("journal settle")
        before, self._settled = self._settled, max(self._settled, min(through, self._head.seq))
        self._witness.settled(self._machine.name, self._file, before, self._settled)

    def prune(self, now_ms: int, keep_days: int) -> int:
        """As gate.cache.journal: settled records up to the newest that is old enough, never the newest of all."""
        last, before_ms = min(self._settled, self._head.seq - 1), now_ms - keep_days * DAY_MS
        rows = self._file.rows
        aged = [seq for seq, row in rows.items() if seq <= last and FIRST_SENSIBLE_MS <= row.wall_ms <= before_ms]
        old = [seq for seq in rows if seq <= max(aged, default=0)]

        def apply() -> None:
            for seq in old:
                del self._file.rows[seq]

        self._witness.pruned(self._machine.name, self._file, old)
        self._disk.commit(apply)
        return len(old)

    def close(self) -> None:
        """The process is gone; what waited in memory is gone with it."""
        self._closed = True

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    def is_waiting(self, badge: str) -> bool:
        """Whether the grant of this badge is safe in memory."""
        return any(event.badge == badge and event.kind is EventKind.BADGE_GRANTED for event in self._waiting)

    def _stored_head(self) -> JournalHead:
        return JournalHead(self._file.epoch, self._file.last, self._file.last_hash)

    def _flush_later(self) -> None:
        if self._closed:
            return
        if delay_ms := self._disk.delay_ms:
            self._machine.world.after(delay_ms, self._flush_later)
            return
        self._flush_asked = False
        self._machine.turn("journal writer", self._flush)

    def _flush(self) -> None:
        """Number, chain, encode, commit: everything that waits in one transaction."""
        if not self._waiting:
            return
        events = tuple(self._waiting)
        seq, prevhash = self._head.seq, self._head.hash
        rows: dict[int, Row] = {}
        for event in events:
            seq += 1
            body = translate.outgoing_record(
                event, site=self._site, gate=self._machine.name, epoch=self._head.epoch, seq=seq, prevhash=prevhash
            )
            prevhash = contract.record_hash(body)
            rows[seq] = Row(prevhash, body, event.moment.wall_ms)
        settled = self._settled

        def apply() -> None:
            file = self._file
            self._witness.committed(self._machine.name, file, tuple(zip(rows, events, strict=True)))
            file.rows.update(rows)
            file.last, file.last_hash, file.settled = seq, prevhash, max(file.settled, settled)
            file.seen.add(events)
            file.badges.update(event.badge for event in events if event.badge and event.kind is EventKind.BADGE_GRANTED)

        self._disk.commit(apply)
        self._head = JournalHead(self._head.epoch, seq, prevhash)
        self._waiting.clear()
        self._on_commit(seq)


@dataclass(slots=True)
class PermitFile:
    """permits.db."""

    permits: dict[CardId, Permit] = field(default_factory=dict)
    proofs: dict[CardId, bytes] = field(default_factory=dict)
    state: ListState | None = None


class SimPermits:
    """PermitStore and PermitKeeper of one process. See gate.ports for both contracts."""

    def __init__(self, machine: Machine, disk: Disk, file: PermitFile, witness: Witness) -> None:
        self._machine = machine
        self._disk = disk
        self._file = file
        self._witness = witness
        self._state = file.state
        self._persisted_ms = file.state.confirmed_ms if file.state else 0
        witness.opened(machine.name, file.state)

    def find(self, card: CardId) -> Permit | None:
        self._disk.read("permits.db")
        return self._file.permits.get(card)

    def state(self) -> ListState | None:
        return self._state

    def proofs(self, cards: Sequence[CardId]) -> Mapping[CardId, bytes]:
        self._disk.read("permits.db")
        return {card: self._file.proofs[card] for card in cards if card in self._file.proofs}

    def replace(self, permits: Sequence[ListedPermit], state: ListState) -> None:
        self._put({}, {}, permits, state)

    def change(self, permits: Sequence[ListedPermit], state: ListState) -> None:
        self._machine.world.counts["lists changed"] += 1
        self._put(self._file.permits, self._file.proofs, permits, state)

    def _put(
        self,
        held: Mapping[CardId, Permit],
        proofs: Mapping[CardId, bytes],
        listed: Sequence[ListedPermit],
        state: ListState,
    ) -> None:
        self._machine.point("permits replace")
        self._refuse_older(state)
        self._disk.read("permits.db")
        by_card = {**held, **{permit.card: permit for permit, _ in listed}}
        proven = {**proofs, **{permit.card: proof for permit, proof in listed}}

        def apply() -> None:
            self._witness.list_applied(self._machine.name, self._file.state, state)
            self._file.permits, self._file.proofs, self._file.state = by_card, proven, state

        self._disk.commit(apply)
        self._state, self._persisted_ms = state, state.confirmed_ms

    def confirm(self, state: ListState) -> None:
        self._machine.point("permits confirm")
        held = self._state
        if held is None or (state.revision, state.digest) != (held.revision, held.digest):
            raise ListRefused(f"revision {state.revision} is not the list that this gate holds")
        self._witness.list_confirmed(self._machine.name, state)
        if state.confirmed_ms <= held.confirmed_ms:
            return
        confirmed = self._state = replace(held, confirmed_ms=state.confirmed_ms, expires_ms=state.expires_ms)
        if state.confirmed_ms - self._persisted_ms < PERSIST_CONFIRMATION_MS:
            return

        def apply() -> None:
            self._file.state = confirmed

        self._disk.commit(apply)
        self._persisted_ms = state.confirmed_ms

    def _refuse_older(self, state: ListState) -> None:
        if self._state is not None and state.revision <= self._state.revision:
            raise ListRefused(f"revision {state.revision} is not newer than {self._state.revision}")
