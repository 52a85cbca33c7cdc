"""Read models: what command line, console and exports show. Frozen values, never rows.

Every function reads one moment of the database and may raise StoreError. Times are Unix milliseconds
in UTC. Names appear here and nowhere further down (P12).
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, not_, or_, select

from gate.uplink.contract import Status
from gate.zones import OUTSIDE, SITE
from hub.presence import MOVES, PASSAGE_COMPLETED, CardKey, ClosingRule, standing
from hub.records import JournalKey
from hub.retention import PURGED
from hub.store import HubStore, schema
from hub.store.intake import sighting_of

MAX_EVENTS = 10_000
COUNTERS = ("events", "repeated", "rejected", "conflicts", "chain_breaks")
"""Of what has come in; badges and passages are counted as `hub.tally` has it."""


@dataclass(frozen=True, slots=True)
class RosterEntry:
    """One person inside. `name` and `employer` are None for a card that no crew list ever named."""

    scheme: str
    number: str
    name: str | None
    employer: str | None
    organisation_number: str | None
    since_ms: int
    gate: str
    lane: str | None
    certainty: str
    listed: bool
    zone: str
    sure: str
    """`confirmed`, `assumed`, `manual` or `reported`: see `hub.presence.Sure`."""


@dataclass(frozen=True, slots=True)
class EventLine:
    """One event. `time_ms` is None when the gate's record could not be understood."""

    id: str
    gate: str
    epoch: str
    seq: int
    kind: str
    time_ms: int | None
    received_ms: int
    scheme: str | None
    number: str | None
    lane: str | None
    direction: str | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class JournalLine:
    """A gate's journal: `made` records as far as the gate told, `stored` here, `missing` before the newest here;
    `forked_ms` is when it showed a second history."""

    epoch: str
    made: int | None
    stored: int
    through: int
    missing: int
    forked_ms: int | None


@dataclass(frozen=True, slots=True)
class GateLine:
    """One gate. Without a status it has sent events, but never said how it is."""

    gate: str
    online: bool
    seen_ms: int | None
    version: str
    list_revision: int | None
    unsent: int | None
    clock_trusted: bool | None
    alarms: tuple[str, ...]
    readers: dict[str, str]
    reader_reads_ms: dict[str, int]
    """When each reader last gave a card's contents; 0 before the first."""
    journals: tuple[JournalLine, ...]
    conflicts: int
    conflict_ms: int | None
    chain_breaks: int
    lanes: dict[str, str]
    """The mode of each lane."""
    list_confirmed_ms: int
    """When the hub last told it that its list is the current one, as far as the gate says; 0 when it has none."""
    muster_readers: dict[str, str]
    """The assembly point of each reader that stands at one."""


@dataclass(frozen=True, slots=True)
class SiteGates:
    """The gates, and the list revision that they should have."""

    revision: int
    gates: tuple[GateLine, ...]


def roster(store: HubStore, zone: str = SITE, now_ms: int = 0, closing: ClosingRule | None = None) -> list[RosterEntry]:
    """Who is in the zone, longest first; without those whom the closing rule takes to have left by `now_ms`."""
    seen = schema.presence
    within = or_(seen.c.zone == zone, seen.c.zone.startswith(f"{zone}/", autoescape=True))
    with store.reading() as connection:
        found = _seen(connection, within, now_ms, closing)
        return [entry for _, entry in found if entry is not None]


def roster_changes(
    store: HubStore, after_change: int, now_ms: int, closing: ClosingRule | None
) -> list[tuple[CardKey, RosterEntry | None]]:
    """Whoever was seen since that change of presence (`HubStore.presence_change`); None for who is not on the site."""
    with store.reading() as connection:
        return list(_seen(connection, schema.presence.c.change > after_change, now_ms, closing))


def _seen(
    connection: Connection, chosen: ColumnElement[bool], now_ms: int, closing: ClosingRule | None
) -> Iterator[tuple[CardKey, RosterEntry | None]]:
    seen, cards, people, companies, assignments = (
        schema.presence,
        schema.cards,
        schema.people,
        schema.companies,
        schema.assignments,
    )
    joined = (
        seen.outerjoin(cards, and_(cards.c.scheme == seen.c.scheme, cards.c.number == seen.c.number))
        .outerjoin(people, people.c.id == cards.c.person)
        .outerjoin(companies, companies.c.organisation_number == cards.c.employer)
        .outerjoin(assignments, and_(assignments.c.scheme == seen.c.scheme, assignments.c.number == seen.c.number))
    )
    statement = (
        select(
            seen,
            people.c.first_name,
            people.c.last_name,
            companies.c.name.label("employer"),
            companies.c.organisation_number,
            assignments.c.listed,
        )
        .select_from(joined)
        .where(chosen)
        .order_by(seen.c.time_ms, seen.c.scheme, seen.c.number)
    )
    for row in connection.execute(statement):
        where = standing(sighting_of(row), now_ms, closing)
        entry = RosterEntry(
            scheme=row.scheme,
            number=row.number,
            name=f"{row.first_name} {row.last_name}" if row.last_name else None,
            employer=row.employer,
            organisation_number=row.organisation_number,
            since_ms=row.time_ms,
            gate=row.gate,
            lane=row.lane,
            certainty=row.certainty,
            listed=bool(row.listed),
            zone=row.zone,
            sure=where.sure.value,
        )
        yield CardKey(row.scheme, row.number), entry if where.inside else None


def events(store: HubStore, *, gate: str | None = None, kind: str | None = None, limit: int = 50) -> list[EventLine]:
    """The newest events, newest first. `kind` also takes the front of a kind: `badge` is all of `badge.…`."""
    table = schema.events
    columns = [table.c[name] for name in EventLine.__dataclass_fields__]
    statement = (
        select(*columns)
        .where(table.c.kind != PURGED)
        .order_by(table.c.time_ms.desc().nulls_last(), table.c.gate, table.c.epoch, table.c.seq.desc())
    )
    if gate is not None:
        statement = statement.where(table.c.gate == gate)
    if kind is not None:
        statement = statement.where((table.c.kind == kind) | table.c.kind.startswith(f"{kind}.", autoescape=True))
    with store.reading() as connection:
        rows = connection.execute(statement.limit(max(1, min(limit, MAX_EVENTS))))
        return [EventLine(*row) for row in rows]


def gates(store: HubStore) -> SiteGates:
    """Every gate that ever spoke, by name."""
    health = store.gate_health()
    lines: dict[str, list[Any]] = defaultdict(list)
    for journal in store.all_journals():
        lines[journal.key.gate].append(journal)
    broken = _chain_breaks(store)
    found = []
    for gate in sorted(health.keys() | lines.keys()):
        known = health.get(gate)
        status = known.status if known else None
        found.append(
            GateLine(
                gate=gate,
                online=bool(status and status.online),
                seen_ms=known.seen_ms if known else None,
                version=status.version if status else "",
                list_revision=status.list_revision if status else None,
                unsent=status.unsent if status else None,
                clock_trusted=status.clock_trusted if status else None,
                alarms=status.alarms if status else (),
                readers=status.readers if status else {},
                reader_reads_ms=status.reader_reads_ms if status else {},
                journals=tuple(
                    JournalLine(
                        epoch=journal.key.epoch,
                        made=_made(status, journal.key),
                        stored=journal.stored,
                        through=journal.through,
                        missing=journal.highest - journal.stored,
                        forked_ms=journal.fork.first_ms if journal.fork else None,
                    )
                    for journal in lines[gate]
                ),
                conflicts=known.conflicts if known else 0,
                conflict_ms=known.conflict_ms if known else None,
                chain_breaks=broken.get(gate, 0),
                lanes=status.lanes if status else {},
                list_confirmed_ms=status.list_confirmed_ms if status else 0,
                muster_readers=status.muster_readers if status else {},
            )
        )
    return SiteGates(store.revision(), tuple(found))


def counts(store: HubStore) -> dict[str, int]:
    """The hub's counters since the database was made: `events`, `repeated`, `rejected`, `conflicts`, `chain_breaks`;
    and how much there is now: `inside`, `permits`, `quarantined`."""
    table = schema.counters
    with store.reading() as connection:
        kept = connection.execute(select(table).where(table.c.name.in_(COUNTERS)))
        numbers = {row.name: row.value for row in kept}
        inside = (
            select(func.count())
            .select_from(schema.presence)
            .where(schema.presence.c.zone != OUTSIDE, schema.presence.c.closed_ms.is_(None))
        )
        numbers["inside"] = connection.scalar(inside) or 0
        numbers["permits"] = connection.scalar(select(func.count()).select_from(schema.permits)) or 0
        numbers["quarantined"] = connection.scalar(select(func.count()).select_from(schema.quarantine)) or 0
    return numbers


def _made(status: Status | None, key: JournalKey) -> int | None:
    """How many records the gate says that it has made; known for its present journal only."""
    return status.head_seq if status and status.epoch == key.epoch else None


def _chain_breaks(store: HubStore) -> dict[str, int]:
    table = schema.chain_breaks
    with store.reading() as connection:
        rows = connection.execute(select(table.c.gate, func.count()).group_by(table.c.gate))
        return dict(map(tuple, rows))


@dataclass(frozen=True, slots=True)
class SuspicionLine:
    """A card that may exist twice: who saw it, when, and where it had been before."""

    card: str
    sign: str
    gate: str
    time_ms: int
    other_gate: str
    other_time_ms: int


def suspicions(store: HubStore, limit: int) -> list[SuspicionLine]:
    """The latest suspicions, newest first."""
    table = schema.suspicions
    statement = select(table).order_by(table.c.time_ms.desc()).limit(limit)
    with store.reading() as connection:
        rows = connection.execute(statement).all()
    return [
        SuspicionLine(f"{row.scheme}:{row.number}", row.sign, row.gate, row.time_ms, row.other_gate, row.other_time_ms)
        for row in rows
    ]


def passed_between(connection: Connection, from_ms: int, until_ms: int) -> set[CardKey]:
    """The cards that went through a gate from the one time until before the other, by the gates' own clocks, or that
    another system saw come or go then."""
    table, told = schema.events, schema.check_ins
    within = and_(table.c.time_ms >= from_ms, table.c.time_ms < until_ms, table.c.number.is_not(None))
    then = and_(told.c.at_ms >= from_ms, told.c.at_ms < until_ms, told.c.number.is_not(None), not_(told.c.deleted))
    passed = select(table.c.scheme, table.c.number).where(table.c.kind == PASSAGE_COMPLETED, within)
    checked_in = select(told.c.scheme, told.c.number).where(told.c.direction.in_(MOVES), then)
    return {CardKey(row.scheme, row.number) for row in connection.execute(passed.union(checked_in))}


def company_names(connection: Connection) -> dict[str, str | None]:
    """What companies are called, by their organisation numbers; None where no list has said it."""
    table = schema.companies
    return {row[0]: row[1] for row in connection.execute(select(table.c.organisation_number, table.c.name))}
