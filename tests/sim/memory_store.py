"""`hub.ingest.EventStore` in memory: for simulations, and for failures that a disk does not have on demand."""

import contextlib
import copy
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from hub.clones import Suspicion
from hub.corrections import Boot, Correction
from hub.errors import StoreError
from hub.muster import Frozen, Muster, MusterCheck
from hub.presence import ENTRY, EXIT, PASSAGE_COMPLETED, CardKey, Sighting, by_hand, fold
from hub.records import ChainBreak, EventRecord, Journal, JournalKey, Link, Rejected
from tests.sim.shown_cards import Shown, cards_of_chips, shown_between, shown_since


@dataclass
class Contents:
    """What has been committed."""

    events: dict[JournalKey, dict[int, EventRecord]] = field(default_factory=dict)
    journals: dict[JournalKey, Journal] = field(default_factory=dict)
    presence: dict[CardKey, Sighting] = field(default_factory=dict)
    rejected: list[Rejected] = field(default_factory=list)
    breaks: dict[tuple[JournalKey, int], ChainBreak] = field(default_factory=dict)
    counters: Counter[str] = field(default_factory=Counter)
    corrections: dict[Boot, Correction] = field(default_factory=dict)
    suspicions: list[Suspicion] = field(default_factory=list)
    musters: dict[str, tuple[Muster, tuple[Frozen, ...]]] = field(default_factory=dict)
    checks: dict[str, tuple[MusterCheck, ...]] = field(default_factory=dict)


class MemoryTransaction:
    """Collects changes; the store applies them when the block ends."""

    def __init__(self, before: Contents, after: Contents) -> None:
        self._before, self._after = before, after

    def journals(self, keys: Collection[JournalKey]) -> Mapping[JournalKey, Journal]:
        return {key: self._before.journals[key] for key in keys if key in self._before.journals}

    def links(self, key: JournalKey, seqs: Sequence[int]) -> Mapping[int, Link]:
        stored = self._before.events.get(key, {})
        return {seq: Link(stored[seq].hash, stored[seq].previous) for seq in seqs if seq in stored}

    def add_events(self, records: Sequence[EventRecord]) -> None:
        for record in records:
            journal = self._after.events.setdefault(JournalKey(record.gate, record.epoch), {})
            if record.seq in journal:
                raise StoreError(f"{record.epoch}/{record.seq} is stored already")
            journal[record.seq] = record

    def put_journals(self, journals: Collection[Journal]) -> None:
        self._after.journals.update({journal.key: journal for journal in journals})

    def see(self, sightings: Collection[Sighting]) -> None:
        self._after.presence = fold(sightings, self._after.presence)

    def corrections(self, keys: Collection[JournalKey]) -> Mapping[Boot, Correction]:
        return {boot: one for boot, one in self._before.corrections.items() if boot.key in keys}

    def put_corrections(self, corrections: Collection[Correction]) -> None:
        self._after.corrections.update({one.boot: one for one in corrections})

    def bodies_before(self, key: JournalKey, seq: int, limit: int) -> Sequence[bytes]:
        stored = self._before.events.get(key, {})
        return [stored[one].body for one in sorted(stored, reverse=True) if one < seq][:limit]

    def passages_of(self, cards: Collection[CardKey]) -> Sequence[tuple[str, bytes]]:
        return [
            (record.gate, record.body)
            for journal in self._before.events.values()
            for record in journal.values()
            if record.kind == PASSAGE_COMPLETED and CardKey(record.scheme or "", record.number or "") in cards
        ]

    def replace(self, sightings: Collection[Sighting]) -> None:
        self._after.presence.update({one.card: one for one in sightings})

    def last_seen(self, cards: Collection[CardKey]) -> Mapping[CardKey, Sighting]:
        return {card: self._before.presence[card] for card in cards if card in self._before.presence}

    def said_of(self, cards: Collection[CardKey]) -> Sequence[Sighting]:
        return []

    def entries_received(self, after_ms: int, until_ms: int) -> Sequence[tuple[str, bytes, int]]:
        return [
            (record.gate, record.body, record.received_ms)
            for journal in self._before.events.values()
            for record in journal.values()
            if (record.kind, record.direction) == (PASSAGE_COMPLETED, ENTRY)
            and after_ms < record.received_ms <= until_ms
        ]

    def everybody(self) -> Sequence[Sighting]:
        return list(self._before.presence.values())

    def musters(self) -> Sequence[Muster]:
        return [muster for muster, _ in self._before.musters.values()]

    def freeze(self, muster: Muster, people: Sequence[Frozen]) -> None:
        self._after.musters.setdefault(muster.id, (muster, tuple(people)))

    def shown_since(self, received_ms: int) -> Sequence[Shown]:
        return shown_since(self._before.events, received_ms)

    def shown_between(self, from_ms: int, until_ms: int) -> Sequence[Shown]:
        return shown_between(self._before.events, from_ms, until_ms)

    def cards_of_chips(self, uids: Collection[str]) -> Sequence[tuple[str, CardKey]]:
        return cards_of_chips(self._before.presence, uids)

    def checks(self, muster: str) -> Sequence[MusterCheck]:
        return self._before.checks.get(muster, ())

    def tick_off(self, muster: str, check: MusterCheck) -> None:
        self._after.checks[muster] = (*self._after.checks.get(muster, ()), check)
        number = sum(map(len, self._after.checks.values()))
        self.see([by_hand(check.card, EXIT if check.seen else ENTRY, check.at_ms, number)])

    def suspect(self, suspicions: Collection[Suspicion]) -> None:
        self._after.suspicions = [*self._after.suspicions, *suspicions]

    def reject(self, rejected: Sequence[Rejected]) -> None:
        self._after.rejected = [*self._after.rejected, *rejected][-1000:]

    def break_chain(self, breaks: Sequence[ChainBreak]) -> None:
        for one in breaks:
            self._after.breaks.setdefault((one.key, one.seq), one)

    def count(self, numbers: Mapping[str, int]) -> None:
        self._after.counters.update(numbers)


class MemoryStore:
    """Commits whole transactions or nothing. Set `fail_commits` to have the next ones fail."""

    def __init__(self) -> None:
        self.contents = Contents()
        self.fail_commits = 0

    @contextlib.contextmanager
    def intake(self) -> Iterator[MemoryTransaction]:
        after = Contents(
            {key: dict(journal) for key, journal in self.contents.events.items()},
            dict(self.contents.journals),
            dict(self.contents.presence),
            list(self.contents.rejected),
            dict(self.contents.breaks),
            copy.copy(self.contents.counters),
            dict(self.contents.corrections),
            list(self.contents.suspicions),
            dict(self.contents.musters),
            dict(self.contents.checks),
        )
        yield MemoryTransaction(self.contents, after)
        if self.fail_commits:
            self.fail_commits -= 1
            raise StoreError("the disk is full")
        self.contents = after

    def all_journals(self) -> Sequence[Journal]:
        return sorted(self.contents.journals.values(), key=lambda journal: (journal.first_seen_ms, journal.key))
