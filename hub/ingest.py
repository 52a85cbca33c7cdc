"""Events in: verify, dedupe, commit, and only then acknowledge (P2, P3).

One call is one transaction. An acknowledgement is made from what was committed, so a hub that dies
anywhere in `take` has promised nothing. Holds no thread, socket or clock: a seeded simulation drives
it with an in-memory store.
"""

import logging
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

from gate.uplink.contract import Ack, Publish, Topics
from gate.uplink.signing import Signer
from hub.clones import Suspicion, suspicions
from hub.corrections import Correction, Passage, settle
from hub.intake import Gathered, Taken, contradiction, gather
from hub.muster import Arrived, Evacuation, hold
from hub.muster_readers import News, RollTransaction, Shown, tick_off
from hub.presence import ClosingRule, Sighting, fold
from hub.records import GENESIS, ChainBreak, EventRecord, Fork, Journal, JournalKey, Link, Rejected
from hub.tally import tallied

log = logging.getLogger(__name__)

LEAST_WALK_MS = 20_000

LOOK_AHEAD = 1000
"""How many stored records are looked at in one step when a gap has been filled."""


class EventTransaction(RollTransaction, Protocol):
    """One transaction: all of it is committed when its `with` block ends, none of it when that raises.

    Reads show what was committed before, not what this transaction adds. Any method may raise StoreError.
    """

    def journals(self, keys: Collection[JournalKey]) -> Mapping[JournalKey, Journal]:
        """Those of the journals that are known."""

    def links(self, key: JournalKey, seqs: Sequence[int]) -> Mapping[int, Link]:
        """Of these ascending numbers, the records that are stored."""

    def add_events(self, records: Sequence[EventRecord]) -> None:
        """Add records; the caller knows that none of them is stored."""

    def put_journals(self, journals: Collection[Journal]) -> None:
        """Insert or replace journals."""

    def see(self, sightings: Collection[Sighting]) -> None:
        """Merge into presence: at most one sighting of a card, kept only if `presence.later` says so."""

    def suspect(self, suspicions: Collection[Suspicion]) -> None:
        """Record suspicions; one that is known already changes nothing."""

    def reject(self, rejected: Sequence[Rejected]) -> None:
        """Keep aside; the store bounds how many and how much of each."""

    def break_chain(self, breaks: Sequence[ChainBreak]) -> None:
        """Record breaks; one that is known already changes nothing."""

    def count(self, numbers: Mapping[str, int]) -> None:
        """Add to the named counters."""


class EventStore(Protocol):
    """What ingest needs of a store. Used by one thread."""

    def intake(self) -> AbstractContextManager[EventTransaction]:
        """Begin a transaction; it blocks while another process writes."""

    def all_journals(self) -> Sequence[Journal]:
        """Every journal, the one that was first seen last at the end."""


class _Rules(NamedTuple):
    """What the site has set."""

    least_walk_ms: int
    closing: ClosingRule | None


@dataclass(frozen=True, slots=True)
class _Sorted:
    """The records of one journal, against what is stored."""

    new: dict[int, Taken]
    repeated: list[Taken]
    contradicting: list[Taken]


class Ingest:
    """Takes in what the gates send. One thread, one at a time."""

    def __init__(
        self,
        site: str,
        store: EventStore,
        signer: Signer,
        database: str = "",
        least_walk_ms: int = LEAST_WALK_MS,
        *,
        closing: ClosingRule | None = None,
    ) -> None:
        """`database` names the store in every ack, so that gates notice when it is another one. Nobody is at
        two gates within `least_walk_ms`. `closing` says whom a muster takes to have left, and doubts."""
        self._rules = _Rules(least_walk_ms, closing)
        self._topics = Topics(site)
        self._store = store
        self._signer = signer
        self._database = database
        self._said: dict[JournalKey, int] = {}

    def take(self, messages: Sequence[tuple[str, bytes]], now_ms: int) -> Sequence[Publish]:
        """Commit all events of these messages, then return one sealed, retained ack per journal touched.

        A message that cannot be understood is kept aside; the rest goes on. Pure repetition is
        acknowledged as well: the gate repeats because it missed the first answer. Raises StoreError,
        and then nothing was committed and nothing is acknowledged.
        """
        found = gather(self._topics, messages, now_ms)
        with self._store.intake() as transaction:
            journals = _commit(transaction, found, self._topics, now_ms, self._rules)
        return [self._ack(journal) for journal in journals]

    def acks(self) -> Sequence[Publish]:
        """The acks of all journals, newest journal last: a broker that lost its memory lost the retained ones."""
        return [self._ack(journal) for journal in self._store.all_journals()]

    def acks_of_others(self) -> Sequence[Publish]:
        """The acks of journals that other processes have carried on. Of two workers' acks the lower one may reach the
        broker last, and is then what it keeps."""
        return [self._ack(one) for one in self._store.all_journals() if one.through != self._said.get(one.key)]

    def hear_of(self, key: JournalKey, oldest: int, newest: int, now_ms: int) -> Sequence[Publish]:
        """A gate has told how far its journal reaches, from `oldest` to `newest`.

        A journal that the hub does not know gets an ack of what is here, nothing: after a lost disk that
        is how the gate learns to send again. Records before `oldest` are gone for good; the hub stops
        waiting for them, and the break in the chain stays on record. Raises StoreError.
        """
        with self._store.intake() as transaction:
            known = transaction.journals([key]).get(key)
            journal = known or Journal(key, first_seen_ms=now_ms)
            if known is not None and oldest - 1 <= known.through:
                return []
            breaks: list[ChainBreak] = []
            if oldest - 1 > journal.through:
                moved = replace(journal, through=oldest - 1, highest=max(journal.highest, oldest - 1))
                breaks.append(ChainBreak(key, oldest, journal.through_hash, GENESIS, now_ms))
                journal, more = _advance(transaction, moved, {}, now_ms)
                breaks += more
            elif not newest:
                return []
            transaction.put_journals([journal])
            if breaks:
                transaction.break_chain(breaks)
                transaction.count({"chain_breaks": len(breaks)})
        return [self._ack(journal)]

    def _ack(self, journal: Journal) -> Publish:
        gate, epoch = journal.key
        self._said[journal.key] = journal.through
        sealed = self._signer.seal(Ack(gate, epoch, journal.through, self._database))
        return Publish(self._topics.ack(gate), sealed, retain=True)


def _commit(
    transaction: EventTransaction, found: Gathered, topics: Topics, now_ms: int, rules: _Rules
) -> list[Journal]:
    """Put everything into the transaction; returns the journals touched, as they will be."""
    known = transaction.journals(found.taken.keys()) if found.taken else {}
    after: list[Journal] = []
    fresh: list[EventRecord] = []
    passages: list[Passage] = []
    said: list[Correction] = []
    told: list[Evacuation] = []
    shown: list[Shown] = []
    breaks: list[ChainBreak] = []
    for key, taken in found.taken.items():
        journal = known.get(key) or Journal(key, first_seen_ms=now_ms)
        outcome = _sort_out(transaction, journal, taken)
        _note(found, topics.events(key.gate), outcome, now_ms)
        new = outcome.new
        disputed = [one.record for one in outcome.contradicting] + found.disputed.get(key, [])
        if disputed or journal.fork:
            journal = _fork(transaction, journal, disputed, new, now_ms)
        fresh += [one.record for one in new.values()]
        passages += [one.passage for one in new.values() if one.passage]
        said += [one.correction for one in new.values() if one.correction]
        told += [one.evacuation for one in new.values() if one.evacuation]
        shown += [one.shown for one in new.values() if one.shown]
        journal, broken = _advance(transaction, journal, new, now_ms)
        after.append(journal)
        breaks += broken
    if fresh:
        transaction.add_events(fresh)
    transaction.put_journals([journal for journal in after if known.get(journal.key) != journal])
    sightings, replaced = settle(transaction, passages, said)
    if latest := fold(sightings):
        _suspect(transaction, sightings, rules.least_walk_ms)
        transaction.see(latest.values())
    if replaced:
        transaction.replace(replaced)
    began = hold(transaction, told, Arrived(sightings, replaced), rules.closing, now_ms)
    for muster in began:
        log.warning(
            "muster=begun cause=%s gate=%s late_s=%d", muster.cause, muster.gate, (now_ms - muster.began_ms) // 1000
        )
    if ticked := tick_off(transaction, News(shown, began, said, sightings), now_ms):
        log.info("muster_readers=%d ticked=%d", len(shown), ticked)
    if found.rejected:
        transaction.reject(found.rejected)
    if breaks:
        transaction.break_chain(breaks)
    numbers = {
        "events": len(fresh),
        "repeated": found.repeated,
        "rejected": len(found.rejected),
        "conflicts": found.conflicts,
        "chain_breaks": len(breaks),
        **tallied(fresh),
    }
    transaction.count({name: number for name, number in numbers.items() if number})
    return after


def _suspect(transaction: EventTransaction, sightings: Collection[Sighting], least_walk_ms: int) -> None:
    known = transaction.last_seen({sighting.card for sighting in sightings})
    found = suspicions(known, sightings, least_walk_ms)
    for one in found:
        log.warning(
            "card=%s:…%s suspicion=%s gate=%s other_gate=%s apart_s=%.0f",
            one.card.scheme, one.card.number[-2:], one.sign, one.gate, one.other_gate,
            (one.time_ms - one.other_time_ms) / 1000,
        )  # fmt: skip
    if found:
        transaction.suspect(found)


def _sort_out(transaction: EventTransaction, journal: Journal, taken: Mapping[int, Taken]) -> _Sorted:
    """Which of these records are new; order is ascending."""
    seqs = sorted(taken)
    # Only numbers up to the highest ever seen can be stored already: a plain drain asks nothing here.
    old = [seq for seq in seqs if seq <= journal.highest]
    stored = transaction.links(journal.key, old) if old else {}
    return _Sorted(
        new={seq: taken[seq] for seq in seqs if seq not in stored},
        repeated=[taken[seq] for seq, link in stored.items() if link.hash == taken[seq].record.hash],
        contradicting=[taken[seq] for seq, link in stored.items() if link.hash != taken[seq].record.hash],
    )


def _fork(
    transaction: EventTransaction,
    journal: Journal,
    disputed: Sequence[EventRecord],
    new: Mapping[int, Taken],
    now_ms: int,
) -> Journal:
    """The journal with what is known of its second history."""
    if journal.fork:
        fork = journal.fork
    else:
        last = transaction.links(journal.key, [journal.highest]).get(journal.highest)
        fork = Fork(disputed[0].seq, journal.highest, last.hash if last else GENESIS, 0, now_ms, now_ms)
        log.error("gate=%s journal=%s forked_at=%d", journal.key.gate, journal.key.epoch, fork.seq)
    if disputed:
        lowest = min(fork.seq, *(record.seq for record in disputed))
        fork = replace(fork, seq=lowest, records=fork.records + len(disputed), last_ms=now_ms)
    following = [record for record in (*disputed, *(one.record for one in new.values())) if record.seq == fork.tip + 1]
    if fork.both_ms is None and any(record.previous == fork.tip_hash for record in following):
        fork = replace(fork, both_ms=now_ms)
    return replace(journal, fork=fork)


def _note(found: Gathered, topic: str, outcome: _Sorted, now_ms: int) -> None:
    """Count and keep aside what sorting has shown."""
    found.repeated += len(outcome.repeated)
    found.conflicts += len(outcome.contradicting)
    found.rejected += [contradiction(topic, one.record, now_ms) for one in outcome.contradicting]
    found.rejected += [
        Rejected(topic, one.record.body, one.objection, now_ms) for one in outcome.new.values() if one.objection
    ]


def _advance(
    transaction: EventTransaction, journal: Journal, new: Mapping[int, Taken], now_ms: int
) -> tuple[Journal, list[ChainBreak]]:
    """Walk the chain on from `through` as far as it is whole.

    Each link is checked once, when it is walked over, whatever the order of arrival. A break is told
    and walked over: the records are committed, and the gate must not be kept waiting.
    """
    breaks = []
    seq, last_hash = journal.through, journal.through_hash
    ahead: Mapping[int, Link] = {}
    highest = max(journal.highest, max(new, default=0))
    reach = 1
    while seq < highest:
        following = seq + 1
        if taken := new.get(following):
            link = Link(taken.record.hash, taken.record.previous)
        elif following in ahead:
            link = ahead[following]
        elif following <= journal.highest:
            ahead = transaction.links(journal.key, range(following, min(following + reach, journal.highest + 1)))
            reach = LOOK_AHEAD
            if following not in ahead:
                break
            link = ahead[following]
        else:
            break
        if link.previous != last_hash:
            breaks.append(ChainBreak(journal.key, following, last_hash, link.previous, now_ms))
        seq, last_hash = following, link.hash
    moved = replace(journal, through=seq, through_hash=last_hash, highest=highest, stored=journal.stored + len(new))
    return moved, breaks
