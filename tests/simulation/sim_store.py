"""The hub's database: what `hub.store.HubStore` promises, on a simulated disk. A transaction is all or nothing."""

import contextlib
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from gate.model import EventKind
from gate.uplink.contract import WirePermit, decode_event
from hub.check_ins import Kept, Name
from hub.clones import Suspicion
from hub.corrections import Boot, Correction
from hub.errors import StoreError
from hub.health import GateHealth
from hub.muster import Frozen, Muster, MusterCheck
from hub.permits import NO_LIST, CardFacts, ListHead, PermitList
from hub.presence import ENTRY, PASSAGE_COMPLETED, CardKey, Certainty, Located, Sighting, later, reported
from hub.records import Answer, Asked, ChainBreak, EventRecord, GivenCommand, Journal, JournalKey, Link, Rejected
from tests.sim.shown_cards import Shown, cards_of_chips, shown_between, shown_since
from tests.simulation.invariants import Witness
from tests.simulation.sim_disk import Disk
from tests.simulation.sim_ledger import QueueFile
from tests.simulation.sim_words import WordsFile, compiled, put_list
from tests.simulation.world import Machine

MAX_QUARANTINED = 1000
STRANGE = ("unknown_card", "not_on_crew_list")
OUTCOMES = (EventKind.COMMAND_DONE, EventKind.COMMAND_REFUSED)


@dataclass(frozen=True, slots=True)
class SourceFile:
    """What one source has told, and how far it was read."""

    cursor: str = ""
    seq: int = 0
    kept: Mapping[Name, Kept] = field(default_factory=dict)
    wrong: str | None = None


@dataclass(slots=True)
class HubFile:
    """The database as it lies on the disk."""

    journals: dict[JournalKey, Journal] = field(default_factory=dict)
    events: dict[JournalKey, dict[int, EventRecord]] = field(default_factory=dict)
    presence: dict[CardKey, Sighting] = field(default_factory=dict)
    health: dict[str, GateHealth] = field(default_factory=dict)
    quarantine: deque[Rejected] = field(default_factory=lambda: deque(maxlen=MAX_QUARANTINED))
    breaks: dict[tuple[JournalKey, int], ChainBreak] = field(default_factory=dict)
    counters: Counter[str] = field(default_factory=Counter)
    corrections: dict[Boot, Correction] = field(default_factory=dict)
    suspicions: set[Suspicion] = field(default_factory=set)
    crew: dict[CardKey, CardFacts] = field(default_factory=dict)
    permits: PermitList = NO_LIST
    musters: dict[str, tuple[Muster, tuple[Frozen, ...]]] = field(default_factory=dict)
    checks: dict[str, tuple[MusterCheck, ...]] = field(default_factory=dict)
    lists: dict[int, PermitList] = field(default_factory=dict)
    at_gates: dict[int, int] = field(default_factory=dict)
    commands: deque[GivenCommand] = field(default_factory=lambda: deque(maxlen=100))
    changes: dict[CardKey, int] = field(default_factory=dict)
    """Of presence: the number of the transaction that wrote a card's last."""
    queue: QueueFile = field(default_factory=QueueFile)
    """What the central system is told."""
    words: WordsFile = field(default_factory=WordsFile)
    """What registers have said."""
    sources: dict[str, SourceFile] = field(default_factory=dict)
    """What other systems at the site have told."""


class SimTransaction:
    """See `hub.ingest.EventTransaction`. Gathers; the store applies it at the commit."""

    def __init__(self, file: HubFile, witness: Witness) -> None:
        self._file = file
        self._witness = witness
        self.changes: list[Callable[[], None]] = []

    def journals(self, keys: Collection[JournalKey]) -> Mapping[JournalKey, Journal]:
        return {key: journal for key, journal in self._file.journals.items() if key in keys}

    def links(self, key: JournalKey, seqs: Sequence[int]) -> Mapping[int, Link]:
        stored = self._file.events.get(key, {})
        return {seq: Link(stored[seq].hash, stored[seq].previous) for seq in seqs if seq in stored}

    def add_events(self, records: Sequence[EventRecord]) -> None:
        def apply() -> None:
            for record in records:
                stored = self._file.events.setdefault(JournalKey(record.gate, record.epoch), {})
                self._witness.stored(record, again=record.seq in stored)
                stored[record.seq] = record
                if record.kind == EventKind.BADGE_REFUSED and record.direction == ENTRY and record.reason in STRANGE:
                    strangers = self._file.words.strangers
                    card = CardKey(record.scheme or "", record.number or "")
                    strangers[card] = max(strangers.get(card, (0, 0)), (record.time_ms or 0, record.received_ms))

        self.changes.append(apply)

    def put_journals(self, journals: Collection[Journal]) -> None:
        self.changes.append(lambda: self._file.journals.update({journal.key: journal for journal in journals}))

    def see(self, sightings: Collection[Sighting]) -> None:
        def apply() -> None:
            change = self._next_change()
            for sighting in sightings:
                self._witness.seen(sighting)
                known = self._file.presence.get(sighting.card)
                latest = later(known, sighting) if known else sighting
                if latest != known:
                    self._put(latest, change)

        self.changes.append(apply)

    def corrections(self, keys: Collection[JournalKey]) -> Mapping[Boot, Correction]:
        return {boot: one for boot, one in self._file.corrections.items() if boot.key in keys}

    def put_corrections(self, corrections: Collection[Correction]) -> None:
        known = {one.boot: one for one in corrections}
        self.changes.append(lambda: self._file.corrections.update(known))

    def bodies_before(self, key: JournalKey, seq: int, limit: int) -> Sequence[bytes]:
        stored = self._file.events.get(key, {})
        return [stored[one].body for one in sorted(stored, reverse=True) if one < seq][:limit]

    def passages_of(self, cards: Collection[CardKey]) -> Sequence[tuple[str, bytes]]:
        return [
            (record.gate, record.body)
            for journal in self._file.events.values()
            for record in journal.values()
            if record.kind == PASSAGE_COMPLETED and CardKey(record.scheme or "", record.number or "") in cards
        ]

    def replace(self, sightings: Collection[Sighting]) -> None:
        def apply() -> None:
            change = self._next_change()
            for sighting in sightings:
                self._witness.seen(sighting)
                self._put(sighting, change)

        self.changes.append(apply)

    def _next_change(self) -> int:
        return 1 + max(self._file.changes.values(), default=0)

    def _put(self, sighting: Sighting, change: int) -> None:
        self._file.presence[sighting.card] = sighting
        self._file.changes[sighting.card] = change

    def last_seen(self, cards: Collection[CardKey]) -> Mapping[CardKey, Sighting]:
        return {card: self._file.presence[card] for card in cards if card in self._file.presence}

    def said_of(self, cards: Collection[CardKey]) -> Sequence[Sighting]:
        told = [
            reported(source, kept.check_in, kept.seq)
            for source, file in self._file.sources.items()
            for kept in file.kept.values()
            if kept.check_in.card in cards
        ]
        return [one for one in told if one is not None]

    def entries_received(self, after_ms: int, until_ms: int) -> Sequence[tuple[str, bytes, int]]:
        return [
            (record.gate, record.body, record.received_ms)
            for journal in self._file.events.values()
            for record in journal.values()
            if (record.kind, record.direction) == (PASSAGE_COMPLETED, ENTRY)
            and after_ms < record.received_ms <= until_ms
        ]

    def everybody(self) -> Sequence[Sighting]:
        return list(self._file.presence.values())

    def musters(self) -> Sequence[Muster]:
        return [muster for muster, _ in self._file.musters.values()]

    def freeze(self, muster: Muster, people: Sequence[Frozen]) -> None:
        def apply() -> None:
            self._witness.mustered(muster, people)
            self._file.musters.setdefault(muster.id, (muster, tuple(people)))

        self.changes.append(apply)

    def shown_since(self, received_ms: int) -> Sequence[Shown]:
        return shown_since(self._file.events, received_ms)

    def shown_between(self, from_ms: int, until_ms: int) -> Sequence[Shown]:
        return shown_between(self._file.events, from_ms, until_ms)

    def cards_of_chips(self, uids: Collection[str]) -> Sequence[tuple[str, CardKey]]:
        return cards_of_chips(self._file.presence, uids)

    def checks(self, muster: str) -> Sequence[MusterCheck]:
        return self._file.checks.get(muster, ())

    def tick_off(self, muster: str, check: MusterCheck) -> None:
        """Of the roll call alone: presence is held against what the lanes have seen."""

        def apply() -> None:
            self._file.checks[muster] = (*self._file.checks.get(muster, ()), check)

        self.changes.append(apply)

    def suspect(self, suspicions: Collection[Suspicion]) -> None:
        self.changes.append(lambda: self._file.suspicions.update(suspicions))

    def reject(self, rejected: Sequence[Rejected]) -> None:
        self.changes.append(lambda: self._file.quarantine.extend(rejected))

    def break_chain(self, breaks: Sequence[ChainBreak]) -> None:
        def apply() -> None:
            for one in breaks:
                self._witness.chain_broken(one)
                self._file.breaks.setdefault((one.key, one.seq), one)

        self.changes.append(apply)

    def count(self, numbers: Mapping[str, int]) -> None:
        self.changes.append(lambda: self._file.counters.update(numbers))


class SimHubStore:
    """The store of one hub process."""

    def __init__(self, machine: Machine, disk: Disk, file: HubFile, witness: Witness) -> None:
        self._machine = machine
        self._disk = disk
        self._file = file
        self._witness = witness

    @contextlib.contextmanager
    def intake(self) -> Iterator[SimTransaction]:
        self._machine.point("store begin")
        self._works()
        transaction = SimTransaction(self._file, self._witness)
        yield transaction
        self._works()
        if transaction.changes:
            self._disk.commit(lambda: all_of(transaction.changes))

    def all_journals(self) -> Sequence[Journal]:
        self._works()
        return sorted(self._file.journals.values(), key=lambda journal: (journal.first_seen_ms, journal.key))

    def revision(self) -> int:
        return self._file.permits.revision

    def permit_list(self) -> PermitList:
        self._works()
        return self._file.permits

    def list_head(self) -> ListHead:
        held = self._file.permits
        return ListHead(held.revision, len(held.permits), held.digest)

    def changes_since(self, revision: int) -> Sequence[WirePermit] | None:
        before = self._file.lists.get(revision)
        if before is None:
            return None
        known = set(before.permits)
        return [permit for permit in self._file.permits.permits if permit not in known]

    def give(self, asked: Asked, now_ms: int, valid_ms: int) -> GivenCommand:
        self._works()
        last = max((one.number for one in self._file.commands), default=0)
        given = GivenCommand(max(last + 1, now_ms), asked, now_ms, now_ms + valid_ms)

        def apply() -> None:
            self._file.commands.append(given)
            self._witness.commands[given.number] = given

        self._disk.commit(apply)
        return given

    def commands_valid(self, now_ms: int) -> Sequence[GivenCommand]:
        return [given for given in self._file.commands if given.expires_ms >= now_ms]

    def answers(self, commands: Sequence[GivenCommand]) -> Mapping[int, Answer]:
        numbers = {one.number for one in commands}
        return {
            number: Answer(record.kind == EventKind.COMMAND_DONE, "", record.received_ms)
            for records in self._file.events.values()
            for record in records.values()
            if record.kind in OUTCOMES and (number := decode_event(record.body).data.command) in numbers
        }

    def confirm_revision(self, revision: int, now_ms: int) -> None:
        self._machine.point("store confirm")
        self._works()

        def apply() -> None:
            self._file.at_gates.setdefault(revision, now_ms)

        self._disk.commit(apply)

    def presence_change(self) -> int:
        return max(self._file.changes.values(), default=0)

    def located(self, after_change: int, left_after_ms: int) -> Sequence[Located]:
        permits = {CardKey(permit.scheme, permit.number): permit for permit in self._file.permits.permits}
        chosen = [
            seen
            for card, seen in self._file.presence.items()
            if self._file.changes[card] > after_change
            and (seen.inside or seen.time_ms >= left_after_ms)
            and not (seen.inside and seen.certainty is Certainty.REPORTED)
        ]
        return [
            Located(seen.card, seen.zone, seen.time_ms, permits[seen.card].groups if seen.card in permits else ())
            for seen in sorted(chosen)
        ]

    def gate_health(self) -> dict[str, GateHealth]:
        return dict(self._file.health)

    def put_gate_health(self, healths: Sequence[GateHealth]) -> None:
        self._works()
        self._disk.commit(lambda: self._file.health.update({health.status.gate: health for health in healths}))

    def reject(self, rejected: Sequence[Rejected]) -> None:
        with self.intake() as transaction:
            transaction.reject(rejected)
            transaction.count({"rejected": len(rejected)})

    def change_crew(self, facts: Mapping[CardKey, CardFacts], day: str) -> PermitList:
        """As an import does it: crew and list in one transaction; a new revision only if something changed. `day` is
        that of the list."""
        self._works()
        crew, words = self._file.crew | dict(facts), self._file.words
        as_of = words.as_of | dict.fromkeys(facts, day)
        after = compiled(self._file, crew, as_of, words.answers)
        listed = {card for card, known in self._file.crew.items() if known.listed}
        joined = [card for card, known in facts.items() if known.listed and card not in listed]

        def apply() -> None:
            self._file.crew, words.as_of = crew, as_of
            words.decisions += 1
            words.listed_ms.update(dict.fromkeys(joined, self._machine.world.now_ms))
            put_list(self._file, after)
            self._witness.list_made(after)

        self._disk.commit(apply)
        return after

    def close_musters(self, now_ms: int) -> None:
        self._works()

        def apply() -> None:
            for muster, people in list(self._file.musters.values()):
                if muster.closed_ms is None:
                    ended = replace(muster, closed_ms=now_ms, closed_by="the office")
                    self._file.musters[muster.id] = (ended, people)

        self._disk.commit(apply)

    def _works(self) -> None:
        works(self._disk)


def all_of(changes: Sequence[Callable[[], None]]) -> None:
    """Make them."""
    for change in changes:
        change()


def works(disk: Disk) -> None:
    """Raises StoreError while nothing can be written."""
    if disk.delay_ms:
        raise StoreError("hub.sqlite3: database or disk is full; nothing of this was stored")
