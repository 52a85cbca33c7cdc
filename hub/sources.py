"""Read models: other systems at the site, and who has to confirm again and again to be there. Values, never rows.

Times are Unix milliseconds in UTC. Every function reads one moment, and may raise StoreError.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, and_, func, not_, select

from hub.config import BLOCKS, ConfirmationSettings, NeighbourSettings
from hub.presence import CONFIRMATION, CardKey, ClosingRule, place_of, standing
from hub.store import HubStore, schema
from hub.store.intake import sighting_of

LATE_ROUNDS = 3
"""So many rounds without an answer, and a source is late although nothing was said to be wrong."""
LATE_MS = 60_000
SHOWN_ASIDE = 5


@dataclass(frozen=True, slots=True)
class SourceLine:
    """One source. `kind` is None for one that is no longer in the settings.

    `wrong` is what is wrong with it now; `unknown_cards` are cards that it has seen and no crew list names,
    `without_card` people of whom it knows no card number: both are for a person to mend. `aside` are the latest
    reasons why something could not be used.
    """

    name: str
    kind: str | None
    every_s: float | None
    delivers_to_hmsreg: bool
    asked_ms: int | None
    succeeded_ms: int | None
    age_ms: int | None
    late: bool
    wrong: str | None
    wrong_since_ms: int | None
    cursor: str
    kept: int
    taken: int
    changed: int
    withdrawn: int
    set_aside: int
    unknown_cards: int
    without_card: int
    aside: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SourcePage:
    """All sources, and what is wrong with the settings of them."""

    sources: tuple[SourceLine, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ConfirmationLine:
    """Somebody inside who has to confirm where they are. `due_ms` is when the next word is, or was, due."""

    scheme: str
    number: str
    name: str | None
    employer: str | None
    zone: str
    since_ms: int
    confirmed_ms: int | None
    due_ms: int
    missing: bool


def sources(store: HubStore, settings: Sequence[NeighbourSettings], warnings: Sequence[str], now_ms: int) -> SourcePage:
    """Those of the settings in their order, then those that are there no more."""
    table = schema.sources
    with store.reading() as connection:
        rows = {row.name: row for row in connection.execute(select(table).order_by(table.c.name))}
        known = {one.name: one for one in settings}
        names = [*known, *(name for name in rows if name not in known)]
        lines = tuple(_source(connection, name, known.get(name), rows.get(name), now_ms) for name in names)
    return SourcePage(lines, tuple(warnings))


def confirmations(
    store: HubStore, settings: ConfirmationSettings, now_ms: int, closing: ClosingRule | None
) -> list[ConfirmationLine]:
    """Everybody of the group who is inside, those whose word is missing first."""
    if settings.group is None:
        return []
    seen, cards, people, companies = schema.presence, schema.cards, schema.people, schema.companies
    told, groups = schema.check_ins, schema.assignments
    confirmed = (
        select(func.max(told.c.at_ms))
        .where(
            told.c.scheme == seen.c.scheme,
            told.c.number == seen.c.number,
            told.c.direction == CONFIRMATION,
            not_(told.c.deleted),
            told.c.at_ms >= seen.c.time_ms,
            told.c.at_ms <= now_ms,
        )
        .scalar_subquery()
    )
    joined = (
        seen.join(groups, and_(groups.c.scheme == seen.c.scheme, groups.c.number == seen.c.number))
        .join(cards, and_(cards.c.scheme == seen.c.scheme, cards.c.number == seen.c.number))
        .outerjoin(people, people.c.id == cards.c.person)
        .outerjoin(companies, companies.c.organisation_number == cards.c.employer)
    )
    statement = select(
        seen, groups.c.groups, people.c.first_name, people.c.last_name, companies.c.name, confirmed.label("confirmed")
    ).select_from(joined)
    within_ms = int(settings.within_min * 60_000)
    found = []
    with store.reading() as connection:
        for row in connection.execute(statement):
            where = standing(sighting_of(row), now_ms, closing)
            if not where.inside or settings.group not in row.groups.split():
                continue
            due_ms = max(where.since_ms, row.confirmed or 0) + within_ms
            name = f"{row.first_name} {row.last_name}" if row.last_name else None
            card = CardKey(row.scheme, row.number)
            found.append(
                ConfirmationLine(
                    *card, name, row.name, where.zone, where.since_ms, row.confirmed, due_ms, now_ms > due_ms
                )
            )
    return sorted(found, key=lambda one: (one.due_ms, one.scheme, one.number))


def _source(connection: Connection, name: str, settings: NeighbourSettings | None, row: Any, now_ms: int) -> SourceLine:
    held: Mapping[str, Any] = row._mapping if row is not None else {}
    succeeded_ms = held.get("succeeded_ms")
    patience_ms = int((settings.every_s if settings else 0) * 1000 * LATE_ROUNDS) + LATE_MS
    return SourceLine(
        name=name,
        kind=settings.kind if settings else None,
        every_s=settings.every_s if settings else None,
        delivers_to_hmsreg=bool(settings and settings.delivers_to_hmsreg),
        asked_ms=held.get("asked_ms"),
        succeeded_ms=succeeded_ms,
        age_ms=None if succeeded_ms is None else now_ms - succeeded_ms,
        late=settings is not None and (succeeded_ms is None or now_ms - succeeded_ms > patience_ms),
        wrong=held.get("wrong"),
        wrong_since_ms=held.get("wrong_since_ms"),
        cursor=held.get("cursor", ""),
        kept=_heard_blocks(connection) if settings and settings.kind == BLOCKS else _kept(connection, name),
        taken=held.get("taken", 0),
        changed=held.get("changed", 0),
        withdrawn=held.get("withdrawn", 0),
        set_aside=held.get("set_aside", 0),
        unknown_cards=_unknown_cards(connection, name),
        without_card=_without_card(connection, name),
        aside=_aside(connection, name),
    )


def _kept(connection: Connection, name: str) -> int:
    table = schema.check_ins
    return connection.scalar(select(func.count()).where(table.c.source == name, not_(table.c.deleted))) or 0


def _heard_blocks(connection: Connection) -> int:
    return connection.scalar(select(func.count()).select_from(schema.heard_blocks)) or 0


def _unknown_cards(connection: Connection, name: str) -> int:
    table, cards = schema.check_ins, schema.cards
    listed = select(cards.c.number).where(cards.c.scheme == table.c.scheme, cards.c.number == table.c.number).exists()
    unknown = select(table.c.scheme, table.c.number).where(
        table.c.source == name, table.c.number.is_not(None), not_(table.c.deleted), ~listed
    )
    return connection.scalar(select(func.count()).select_from(unknown.distinct().subquery())) or 0


def _without_card(connection: Connection, name: str) -> int:
    table = schema.check_ins
    nameless = and_(table.c.source == name, table.c.number.is_(None), not_(table.c.deleted))
    return connection.scalar(select(func.count(table.c.theirs.distinct())).where(nameless)) or 0


def _aside(connection: Connection, name: str) -> tuple[str, ...]:
    table = schema.quarantine
    chosen = select(table.c.why).where(table.c.topic == place_of(name)).order_by(table.c.id.desc())
    return tuple(connection.scalars(chosen.limit(SHOWN_ASIDE)))
