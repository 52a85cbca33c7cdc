"""Read models for whoever looks on while it happens: cheap to ask again and again. Values, never rows.

Times are Unix milliseconds in UTC; every function may raise StoreError. Nothing here reads more events than it
returns, however many there are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import and_, func, or_, select

from gate.uplink.contract import MUSTER_BADGE, ContractError, EventData, WirePermit, decode_event
from gate.zones import OUTSIDE
from hub.permits import answer
from hub.presence import EXIT
from hub.records import AuditEntry
from hub.store import HubStore, schema

TOLD = (
    "badge.granted",
    "badge.refused",
    "passage.forced",
    "passage.tailgated",
    "side_gate.opened",
    "lane.mode",
    "alarm.raised",
    "command.refused",
    "clone.suspected",
    MUSTER_BADGE,
)
"""What somebody who watches the gates wants to see go by. A completed passage adds nothing to its badge."""
MAX_LINES = 1_000
MUSTER_LINES = 300
UNREADABLE = "unreadable"
UNREAD = "muster.unread"
"""In place of a kind: a card at a muster reader that could not be read."""


class Pulse(NamedTuple):
    """Numbers of which one changes whenever something has been written that a picture shows."""

    events: int
    presence: int
    command: int
    revision: int
    audit: int
    mark: int
    check: int
    closed_musters: int
    gate_seen_ms: int
    inside: int
    """How many people are on the site."""
    muster_ms: int | None
    """When the muster began that runs; None when none does."""


class Place(NamedTuple):
    """Where a line stands among all events, by time."""

    time_ms: int
    id: str


@dataclass(frozen=True, slots=True)
class HappeningLine:
    """A badge, or something else that is told. `name` and `employer` are None for a card that no list has named.

    `lane`, `direction`, `scheme`, `number`, `reason` are None where the event has none; `what` is the gate's own words.
    """

    place: Place
    kind: str
    gate: str
    lane: str | None
    direction: str | None
    scheme: str | None
    number: str | None
    reason: str | None
    name: str | None
    employer: str | None
    warnings: tuple[str, ...]
    medium: str | None
    by: str | None
    what: str
    trusted: bool
    point: str | None = None
    """The assembly point at which a card was shown."""


@dataclass(frozen=True, slots=True)
class CrewLine:
    """One card that was ever listed or let in. `answer` is what a gate with the current list says today."""

    scheme: str
    number: str
    name: str
    employer: str | None
    organisation_number: str
    role: str | None
    listed: bool
    approved_by: str | None
    valid_until: str | None
    answer: str
    blocked: bool


@dataclass(frozen=True, slots=True)
class OfficeWord:
    """Somebody said that a card's holder is inside, or has left; or was seen outside at a muster, or was not."""

    made_ms: int
    at_ms: int
    by: str
    what: str
    """`in`, `out`, `seen` or `not_seen`."""
    card: str
    reason: str


def pulse(store: HubStore) -> Pulse:
    """One statement over a few small tables and the ends of indexes."""
    seen, counters, musters = schema.presence.c, schema.counters.c, schema.musters.c
    parts: tuple[Any, ...] = (
        select(counters.value).where(counters.name == "events"),
        select(func.max(seen.change)),
        select(func.max(schema.commands.c.number)),
        select(func.max(schema.revisions.c.revision)),
        select(func.max(schema.audit.c.id)),
        select(func.max(schema.hand_marks.c.id)),
        select(func.max(schema.muster_checks.c.id)),
        select(func.count()).select_from(schema.musters).where(musters.closed_ms.is_not(None)),
        select(func.max(schema.gates.c.seen_ms)),
        select(func.count()).select_from(schema.presence).where(seen.zone != OUTSIDE, seen.closed_ms.is_(None)),
    )
    running = select(musters.began_ms).where(musters.running.is_(True)).limit(1)
    with store.reading() as connection:
        row = connection.execute(select(*(part.scalar_subquery() for part in (*parts, running)))).one()
    *numbers, muster_ms = row
    return Pulse._make((*(value or 0 for value in numbers), muster_ms))


def happenings(
    store: HubStore, limit: int, *, before: Place | None = None, kinds: Sequence[str] = TOLD
) -> tuple[HappeningLine, ...]:
    """The newest, or those just before a place; newest first. What has no time is not among them."""
    events, cards, people, companies = schema.events, schema.cards, schema.people, schema.companies
    chosen = select(events.c.id).where(events.c.kind.in_(kinds), events.c.time_ms.is_not(None))
    if before is not None:
        # The first says nothing new, but it is what an index can begin with.
        same_moment = and_(events.c.time_ms == before.time_ms, events.c.id < before.id)
        chosen = chosen.where(events.c.time_ms <= before.time_ms, or_(events.c.time_ms < before.time_ms, same_moment))
    chosen = chosen.order_by(events.c.time_ms.desc(), events.c.id.desc()).limit(max(1, min(limit, MAX_LINES)))
    joined = (
        events.outerjoin(cards, and_(cards.c.scheme == events.c.scheme, cards.c.number == events.c.number))
        .outerjoin(people, people.c.id == cards.c.person)
        .outerjoin(companies, companies.c.organisation_number == cards.c.employer)
    )
    statement = (
        select(
            events.c.time_ms, events.c.id, events.c.kind, events.c.gate, events.c.lane, events.c.direction,
            events.c.scheme, events.c.number, events.c.reason, events.c.body,
            people.c.first_name, people.c.last_name, companies.c.name.label("employer"),
        )
        .select_from(joined)
        .where(events.c.id.in_(chosen))
        .order_by(events.c.time_ms.desc(), events.c.id.desc())
    )  # fmt: skip
    with store.reading() as connection:
        return tuple(_happening(row) for row in connection.execute(statement))


def last_badges(store: HubStore, since_ms: int) -> dict[tuple[str, str], tuple[int, str]]:
    """By gate and lane the time of the last badge since then, and its kind."""
    table = schema.events
    chosen = (
        select(table.c.gate, table.c.lane, table.c.kind, func.max(table.c.time_ms))
        .where(table.c.time_ms >= since_ms, table.c.kind.in_(TOLD[:2]), table.c.lane.is_not(None))
        .group_by(table.c.gate, table.c.lane, table.c.kind)
    )
    found: dict[tuple[str, str], tuple[int, str]] = {}
    with store.reading() as connection:
        for gate, lane, kind, time_ms in connection.execute(chosen):
            found[gate, lane] = max(found.get((gate, lane), (0, "")), (time_ms, kind))
    return found


def last_muster_badges(store: HubStore, since_ms: int) -> dict[tuple[str, str], tuple[int, str]]:
    """By gate and assembly point the time of the last card since then, and its kind: `muster.badge`, or UNREAD. Of a
    point at which nobody has shown a card for the last MUSTER_LINES cards of the site it is not told."""
    table = schema.events
    chosen = (
        select(table.c.gate, table.c.time_ms, table.c.reason, table.c.body)
        .where(table.c.time_ms >= since_ms, table.c.kind == MUSTER_BADGE)
        .order_by(table.c.time_ms.desc())
        .limit(MUSTER_LINES)
    )
    found: dict[tuple[str, str], tuple[int, str]] = {}
    with store.reading() as connection:
        for row in connection.execute(chosen):
            data = _data(row.body)
            point = str(data.detail.get("point", "")) if data else ""
            found.setdefault((row.gate, point), (row.time_ms, UNREAD if row.reason == UNREADABLE else MUSTER_BADGE))
    return found


def crew(store: HubStore, today: str, limit: int) -> tuple[CrewLine, ...]:
    """Everybody who was ever on a list or let in, by name; at most so many."""
    cards, people, companies, assignments = schema.cards, schema.people, schema.companies, schema.assignments
    permits, blocks = schema.permits, schema.blocks
    joined = (
        cards.join(people, people.c.id == cards.c.person)
        .join(companies, companies.c.organisation_number == cards.c.employer)
        .join(assignments, and_(assignments.c.scheme == cards.c.scheme, assignments.c.number == cards.c.number))
        .outerjoin(permits, and_(permits.c.scheme == cards.c.scheme, permits.c.number == cards.c.number))
        .outerjoin(blocks, and_(blocks.c.scheme == cards.c.scheme, blocks.c.number == cards.c.number))
    )
    statement = (
        select(
            cards.c.scheme, cards.c.number, people.c.first_name, people.c.last_name, cards.c.employer,
            companies.c.name.label("company"), assignments.c.role, assignments.c.listed, assignments.c.approved_by,
            permits.c.standing, permits.c.valid_from, permits.c.valid_until, permits.c.card_expiry,
            blocks.c.blocked_ms,
        )
        .select_from(joined)
        .order_by(people.c.last_name, people.c.first_name, cards.c.scheme, cards.c.number)
        .limit(limit)
    )  # fmt: skip
    with store.reading() as connection:
        return tuple(_crew_line(row, today) for row in connection.execute(statement))


def office_words(store: HubStore, limit: int) -> tuple[OfficeWord, ...]:
    """What people at the site said of who is where, the newest first."""
    marks, checks = schema.hand_marks, schema.muster_checks
    with store.reading() as connection:
        said = [
            OfficeWord(
                row.made_ms, row.at_ms, row.said_by, "out" if row.direction == EXIT else "in",
                f"{row.scheme}:{row.number}", row.reason,
            )
            for row in connection.execute(select(marks).order_by(marks.c.id.desc()).limit(limit))
        ]  # fmt: skip
        seen = [
            OfficeWord(
                row.at_ms, row.at_ms, row.said_by, "seen" if row.seen else "not_seen", f"{row.scheme}:{row.number}", ""
            )
            for row in connection.execute(select(checks).order_by(checks.c.id.desc()).limit(limit))
        ]
    return tuple(sorted(said + seen, key=lambda word: -word.made_ms)[:limit])


def audit(store: HubStore, limit: int) -> tuple[AuditEntry, ...]:
    """What was decided here, the newest first."""
    table = schema.audit
    columns = [table.c[name] for name in AuditEntry.__dataclass_fields__]
    with store.reading() as connection:
        rows = connection.execute(select(*columns).order_by(table.c.id.desc()).limit(limit))
        return tuple(AuditEntry(*row) for row in rows)


def passed(store: HubStore, command: int, since_ms: int) -> tuple[str, int] | None:
    """What became of whom a command let through: `passage.completed` or `passage.abandoned`, and when; None so far."""
    table = schema.events
    recent = or_(table.c.time_ms >= since_ms, table.c.time_ms.is_(None))
    given = select(table.c.body, table.c.badge).where(recent, table.c.kind == "badge.granted", table.c.number.is_(None))
    with store.reading() as connection:
        for row in connection.execute(given):
            data = _data(row.body)
            if data is None or data.command != command or row.badge is None:
                continue
            ended = ("passage.completed", "passage.abandoned")
            followed = select(table.c.kind, table.c.time_ms).where(
                recent, table.c.kind.in_(ended), table.c.badge == row.badge
            )
            found = connection.execute(followed).first()
            return (found.kind, found.time_ms) if found else None
    return None


def _happening(row: Any) -> HappeningLine:
    data = _data(row.body)
    detail = data.detail if data else {}
    told = detail.get("what") or detail.get("mode") or detail.get("side_gate") or ""
    alarm = detail.get("alarm")
    return HappeningLine(
        place=Place(row.time_ms, row.id),
        kind=row.kind,
        gate=row.gate,
        lane=row.lane,
        direction=row.direction,
        scheme=row.scheme,
        number=row.number,
        reason=row.reason,
        name=f"{row.first_name} {row.last_name}".strip() if row.last_name is not None else None,
        employer=row.employer,
        warnings=data.warnings if data else (),
        medium=data.medium if data else None,
        by=str(detail["by"]) if "by" in detail else None,
        what=f"{alarm}: {told}" if alarm else str(told),
        trusted=data.clock.trusted if data else False,
        point=str(detail["point"]) if row.kind == MUSTER_BADGE and "point" in detail else None,
    )


def _data(body: bytes) -> EventData | None:
    try:
        return decode_event(bytes(body)).data
    except ContractError:
        return None


def _crew_line(row: Any, today: str) -> CrewLine:
    held = (
        WirePermit(row.scheme, row.number, row.standing, row.valid_from, row.valid_until, row.card_expiry)
        if row.standing is not None
        else None
    )
    return CrewLine(
        scheme=row.scheme,
        number=row.number,
        name=f"{row.first_name} {row.last_name}".strip(),
        employer=row.company,
        organisation_number=row.employer,
        role=row.role,
        listed=bool(row.listed),
        approved_by=row.approved_by,
        valid_until=row.valid_until,
        answer=answer(held, today),
        blocked=row.blocked_ms is not None,
    )
