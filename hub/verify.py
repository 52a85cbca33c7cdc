"""Nobody has edited history: every gate's chain walked anew, from the bytes that the gates sent. Read models, no rows.

Each record holds the hash of the one before it, so its bytes prove all that came before. What stands in the
columns beside the bytes is read again from them; what the hub's own notes and the gate's last status say is held
against what is here. All of it is of one moment of the database. May raise StoreError.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum, unique
from typing import Any

from sqlalchemy import Connection, func, or_, select

from gate.uplink.contract import ContractError, Status, decode_status
from hub.intake import read_event
from hub.records import GENESIS, EventRecord, Fork, Journal, JournalKey
from hub.retention import PURGED
from hub.store import HubStore, schema
from hub.store.intake import journal_of

PAGE = 2000
"""Records read at once: a journal of a million needs no more memory than one of a thousand."""


@unique
class History(StrEnum):
    """How many histories a journal has shown."""

    ONE = "one"
    WENT_BACK = "went_back"
    """An older image of the disk was put back: its records are written anew, other than they were."""
    FORKED = "forked"
    """Two controllers write it, as a cloned disk does: both went on where they parted."""


@dataclass(frozen=True, slots=True)
class BrokenLink:
    """Something that cannot be as it was made, and where."""

    gate: str
    epoch: str
    seq: int
    what: str


@dataclass(frozen=True, slots=True)
class JournalProof:
    """One journal. `made` is what is known of, by the gate's word or by a record's number; of these `stored` are
    here, `waiting` are still to come, `lost` never come. `twice` are here more than once."""

    epoch: str
    since_ms: int
    until_ms: int | None
    """When a record of it came last; None before the first."""
    made: int
    stored: int
    waiting: int
    lost: int
    twice: int
    history: History
    fork: Fork | None
    broken: int
    first_broken: BrokenLink | None


@dataclass(frozen=True, slots=True)
class GateProof:
    """One gate's journals, that which was first seen last at the end: more than one means that its disk, or the
    file on it, was replaced. `by_turns` names those from which records came although a later one had begun."""

    gate: str
    journals: tuple[JournalProof, ...]
    by_turns: tuple[str, ...]
    made: int
    stored: int
    waiting: int
    lost: int
    twice: int


@dataclass(frozen=True, slots=True)
class Proof:
    """The whole site. `sound` when no link is broken, nothing is lost and every journal has one history."""

    sound: bool
    records: int
    first_broken: BrokenLink | None
    gates: tuple[GateProof, ...]
    purged: int = 0
    """Of the records, those whose contents were deleted on time: of them only the links are here to be checked."""


def verify(store: HubStore, site: str) -> Proof:
    """Walk every journal of the site."""
    with store.reading() as connection:
        journals, told = _journals(connection), _statuses(connection)
        gates: dict[str, list[JournalProof]] = defaultdict(list)
        for key, journal in sorted(journals.items(), key=lambda item: (item[1] or Journal(item[0])).first_seen_ms):
            gates[key.gate].append(_prove(connection, site, key, journal, told.get(key)))
        deleted = select(func.count()).select_from(schema.events).where(schema.events.c.kind == PURGED)
        purged = connection.scalar(deleted) or 0
    proofs = tuple(_of_gate(gate, tuple(found)) for gate, found in sorted(gates.items()))
    broken = [one for gate in proofs for journal in gate.journals if (one := journal.first_broken)]
    one_history = all(journal.history is History.ONE for gate in proofs for journal in gate.journals)
    sound = not broken and one_history and not any(gate.lost for gate in proofs)
    return Proof(sound, sum(gate.stored for gate in proofs), broken[0] if broken else None, proofs, purged)


def _of_gate(gate: str, journals: tuple[JournalProof, ...]) -> GateProof:
    turns = tuple(
        one.epoch
        for place, one in enumerate(journals[:-1])
        if one.until_ms is not None and one.until_ms > journals[place + 1].since_ms
    )
    sums = (sum(getattr(one, name) for one in journals) for name in ("made", "stored", "waiting", "lost", "twice"))
    return GateProof(gate, journals, turns, *sums)


def _journals(connection: Connection) -> Mapping[JournalKey, Journal | None]:
    """Every journal that has a row, or a record; None when the row is gone."""
    events, journals = schema.events, schema.journals
    found: dict[JournalKey, Journal | None] = {
        JournalKey(*row): None for row in connection.execute(select(events.c.gate, events.c.epoch).distinct())
    }
    rows = map(journal_of, connection.execute(select(journals)))
    return found | {journal.key: journal for journal in rows}


def _statuses(connection: Connection) -> Mapping[JournalKey, Status]:
    statuses = [decode_status(body) for body in connection.scalars(select(schema.gates.c.status))]
    return {JournalKey(status.gate, status.epoch): status for status in statuses if status.epoch}


@dataclass(slots=True)
class _Walk:
    """One journal, on the way."""

    key: JournalKey
    links: dict[int, bytes]
    """Hashes of the few records that others speak of, filled in as they come by."""
    last: int = 0
    hash: bytes | None = GENESIS
    stored: int = 0
    twice: int = 0
    missing: list[tuple[int, int]] = field(default_factory=list)
    until_ms: int | None = None
    broken: list[BrokenLink] = field(default_factory=list)

    def objects(self, seq: int, what: str) -> None:
        self.broken.append(BrokenLink(*self.key, seq, what))


def _prove(
    connection: Connection, site: str, key: JournalKey, journal: Journal | None, status: Status | None
) -> JournalProof:
    head = status.head_seq if status else 0
    through = journal.through if journal else 0
    walk = _Walk(key, dict.fromkeys((through, head), b""))
    for row in _rows(connection, key):
        _step(walk, row, site)
    highest = max(walk.last, journal.highest if journal else 0)
    if walk.last < through:
        walk.missing.append((walk.last + 1, through))
    lost = 0
    gone = _gone_at_the_gate(connection, key)
    for first, last in walk.missing:
        if first <= through:
            lost += min(last, through) - first + 1
            why = "the gate had no more of them when it was asked" if last + 1 in gone else "they had been acknowledged"
            walk.objects(first, f"records {first} to {min(last, through)} are not here, and {why}")
    _against_the_notes(walk, journal)
    if status is not None:
        _against_the_gate(walk, through, status)
    made = max(highest, head)
    fork = journal.fork if journal else None
    walk.broken.sort(key=lambda one: one.seq)
    return JournalProof(
        epoch=key.epoch,
        since_ms=journal.first_seen_ms if journal else 0,
        until_ms=walk.until_ms,
        made=made,
        stored=walk.stored,
        waiting=made - walk.stored - lost,
        lost=lost,
        twice=walk.twice,
        history=_history(fork),
        fork=fork,
        broken=len(walk.broken),
        first_broken=walk.broken[0] if walk.broken else None,
    )


def _history(fork: Fork | None) -> History:
    if fork is None:
        return History.ONE
    return History.WENT_BACK if fork.both_ms is None else History.FORKED


def _rows(connection: Connection, key: JournalKey) -> Iterator[Any]:
    """The records in the order of their numbers, page by page."""
    table = schema.events
    mine = select(table).where(table.c.gate == key.gate, table.c.epoch == key.epoch).order_by(table.c.seq, table.c.id)
    page = mine
    while rows := connection.execute(page.limit(PAGE)).all():
        yield from rows
        last = rows[-1]
        # By number and id: where the index is gone that forbids it, a number may stand twice.
        page = mine.where(table.c.seq >= last.seq, or_(table.c.seq > last.seq, table.c.id > last.id))


def _step(walk: _Walk, row: Any, site: str) -> None:
    """One record further."""
    seq = row.seq
    walk.until_ms = max(walk.until_ms or 0, row.received_ms)
    if seq == walk.last:
        walk.twice += 1
        walk.objects(seq, "it is stored twice")
        return
    if seq < 1:
        walk.objects(seq, "no journal has a record of that number")
        return
    if seq > walk.last + 1:
        walk.missing.append((walk.last + 1, seq - 1))
        walk.hash = None
    if walk.hash is not None and row.previous != walk.hash:
        walk.objects(seq, f"it does not follow record {seq - 1}: it was made behind another one")
    if row.kind == PURGED:
        # Its bytes were checked when they came, and have been deleted on time; the chain goes on through it.
        pass
    elif hashlib.sha256(row.body).digest() != row.hash:
        walk.objects(seq, "its bytes are not those that it came with")
    elif differing := _differing(row, site):
        walk.objects(seq, f"what is stored beside it is not what it says: {', '.join(differing)}")
    walk.stored += 1
    walk.last, walk.hash = seq, row.hash
    if seq in walk.links:
        walk.links[seq] = row.hash


def _differing(row: Any, site: str) -> list[str]:
    """The columns that do not say what the bytes say."""
    try:
        said = read_event(row.body, site, row.gate, row.received_ms).record
    except ContractError:
        return ["its place in the journal"]
    return [name for name in EventRecord._fields if getattr(row, name) != getattr(said, name)]


def _gone_at_the_gate(connection: Connection, key: JournalKey) -> set[int]:
    """The numbers from which on a gate still had its records, where the hub had to stop waiting for those before."""
    table = schema.chain_breaks
    mine = select(table.c.seq).where(table.c.gate == key.gate, table.c.epoch == key.epoch, table.c.found == GENESIS)
    return set(connection.scalars(mine))


def _against_the_notes(walk: _Walk, journal: Journal | None) -> None:
    """What the hub noted of the journal when it took it in."""
    if journal is None:
        walk.objects(1, "the hub's own note about this journal is gone")
        return
    if journal.stored != walk.stored:
        walk.objects(walk.last, f"the hub took in {journal.stored} records of this journal; {walk.stored} are here")
    known = walk.links.get(journal.through)
    if known and known != journal.through_hash:
        walk.objects(journal.through, "the hub noted another hash of it when it took it in")


def _against_the_gate(walk: _Walk, through: int, status: Status) -> None:
    """What the gate last said of its journal."""
    settled = status.head_seq - status.unsent
    if settled > through:
        walk.objects(
            through + 1, f"the gate was told that all up to {settled} are committed here; was a backup put back?"
        )
    known = walk.links.get(status.head_seq)
    if known and status.head_hash and known.hex() != status.head_hash:
        walk.objects(status.head_seq, "the gate itself says another hash of it")
