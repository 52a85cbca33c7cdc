"""Why a card is let in or not, and who waits to be let in: read models. Times are Unix milliseconds in UTC."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

from sqlalchemy import Connection, select

from gate.uplink.contract import WirePermit
from hub.company_answers import CompanyAnswer, register_status
from hub.permits import Finding, Requirements, answer, examine, permit
from hub.presence import ENTRY, CardKey
from hub.queries import EventLine
from hub.records import AuditEntry, Block, CrewMember, HeardBlock
from hub.register_queries import RegisterWord, card_word
from hub.store import HubStore, RegisterTransaction, schema
from hub.store.answers import read_companies
from hub.store.blocks import read_blocks, read_heard
from hub.store.crew import read_facts, read_permits_of, read_revision
from hub.store.people import ROWS_AT_ONCE, other_cards, read_members

LAST_EVENTS = 10
WAITS_FOR = ("unknown_card", "not_on_crew_list")

_AUDIT = select(*(schema.audit.c[name] for name in AuditEntry.__dataclass_fields__)).order_by(schema.audit.c.id.desc())


@dataclass(frozen=True, slots=True)
class Requirement:
    """One requirement of the site, with what is known and where that comes from. `met` is true for one that is off."""

    requirement: str
    action: str
    met: bool
    value: str
    source: str


@dataclass(frozen=True, slots=True)
class Why:
    """All that the answer to one card rests on. `answer` is what a gate with the current list says today.

    `pending`: the settings ask for another answer than the gates were given; `hub rules apply` gives it to them.
    """

    card: str
    name: str | None
    employer: str | None
    organisation_number: str | None
    answer: str
    pending: str | None
    revision: int
    valid_from: str | None
    valid_until: str | None
    card_expiry: str | None
    requirements: tuple[Requirement, ...]
    block: Block | None
    other_cards: tuple[str, ...]
    audit: tuple[AuditEntry, ...]
    events: tuple[EventLine, ...]
    register: RegisterWord | None = None
    """What the register of cards says of it; None when it was never asked."""
    blocks: tuple[Block, ...] = ()
    """All that count, the newest first; `block` is ours, or else the first of them."""
    passed_over: tuple[HeardBlock, ...] = ()
    """Blocks of other sites that do not count here."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A card that nobody here knows, and that has asked to come in."""

    card: str
    reason: str
    gate: str
    times: int
    first_ms: int
    last_ms: int
    name: str | None
    turned_away_ms: int | None
    """When it was last turned away; it has come again since."""
    register: str | None = None
    """What the register of cards says of it, in our word."""


@dataclass(frozen=True, slots=True)
class Changed:
    """Whom other requirements would have met otherwise: `before` and `after` are the gate's words."""

    card: str
    name: str | None
    organisation_number: str | None
    before: str
    after: str
    badges: int
    last_ms: int
    gate: str


def why(store: HubStore, card: CardKey, requirements: Requirements, today: str) -> Why:
    """Everything about one card, of one moment. Raises StoreError."""
    with store.reading() as connection:
        member = next(read_members(connection, [card]), None)
        facts = next(read_facts(connection, [card]), None)
        held = read_permits_of(connection, [card]).get(card)
        blocks = tuple(one for one in read_blocks(connection) if (one.scheme, one.number) == card)
        block = next((one for one in blocks if one.origin is None), blocks[0] if blocks else None)
        source = _source(connection, member)
        others = other_cards(connection, card)
        revision = read_revision(connection)
        word = card_word(connection, card, time.time_ns() // 1_000_000)
        company = read_companies(connection).get(member.organisation_number) if member else None
        registers = _Registers(word, company)
        said = answer(held, today) if revision else "no_list"
        wanted = answer(permit(facts, requirements), today) if facts else said
        return Why(
            card=_named(card),
            name=_name(member),
            employer=member.organisation_name if member else None,
            organisation_number=member.organisation_number if member else None,
            answer=said,
            pending=wanted if wanted != said else None,
            revision=revision,
            valid_from=held.valid_from if held else None,
            valid_until=held.valid_until if held else None,
            card_expiry=held.card_expiry if held else None,
            requirements=tuple(
                Requirement(one.requirement, one.action, one.met, one.value, _of(one, source, member, block, registers))
                for one in (examine(facts, requirements, today) if facts and member else ())
            ),
            block=block,
            other_cards=tuple(map(_named, others)),
            audit=tuple(_audit_of(connection, card)),
            events=tuple(_events_of(connection, card)),
            register=word,
            blocks=blocks,
            passed_over=tuple(one for one in read_heard(connection, card=card) if not one.counts),
        )


def waiting(store: HubStore, since_ms: int) -> list[Waiting]:
    """Cards that were refused as unknown since then, and that nobody has decided about; the last one first."""
    table, audit = schema.events, schema.audit
    columns = (table.c.scheme, table.c.number, table.c.gate, table.c.reason, table.c.time_ms)
    refused = (
        select(*columns)
        .where(table.c.time_ms >= since_ms, table.c.kind == "badge.refused", table.c.reason.in_(WAITS_FOR))
        .where(table.c.direction == ENTRY, table.c.number.is_not(None))
        .order_by(table.c.time_ms)
    )
    with store.reading() as connection:
        badges: dict[CardKey, list[tuple[str, str, int]]] = {}
        for scheme, number, gate, reason, time_ms in connection.execute(refused):
            badges.setdefault(CardKey(scheme, number), []).append((gate, reason, time_ms))
        members = _members(connection, badges)
        blocked = {(one.scheme, one.number) for one in read_blocks(connection)}
        registered = _register_words(connection, list(badges))
        away = select(audit.c.card, audit.c.at_ms).where(audit.c.action == "turn-away").order_by(audit.c.at_ms)
        turned_away = dict(map(tuple, connection.execute(away)))
    found = []
    for card, shown in badges.items():
        member = members.get(card)
        gate, reason, last_ms = shown[-1]
        away_ms = turned_away.get(_named(card))
        if (member and member.listed) or card in blocked or (away_ms and away_ms >= last_ms):
            continue
        line = Waiting(
            _named(card), reason, gate, len(shown), shown[0][2], last_ms, _name(member), away_ms, registered.get(card)
        )
        found.append(line)
    return sorted(found, key=lambda one: (-one.last_ms, one.card))


def decided(store: HubStore, limit: int) -> list[AuditEntry]:
    """What somebody has decided at this hub, the newest first."""
    with store.reading() as connection:
        return [AuditEntry(*row) for row in connection.execute(_AUDIT.limit(limit))]


def replay(store: HubStore, requirements: Requirements, since_ms: int) -> list[Changed]:
    """Who would have been refused, or let in, at the badges since then under other requirements, by what is known of
    them now. What a gate found besides (hours, an expired card) stays as it was. The most badges first."""
    table = schema.events
    columns = (table.c.scheme, table.c.number, table.c.gate, table.c.kind, table.c.reason, table.c.time_ms)
    shown = (
        select(*columns)
        .where(table.c.time_ms >= since_ms, table.c.kind.in_(("badge.granted", "badge.refused")))
        .where(table.c.direction == ENTRY, table.c.number.is_not(None))
        .order_by(table.c.time_ms)
    )
    with store.reading() as connection:
        badges: dict[CardKey, list[tuple[str, str, str | None, int]]] = {}
        for scheme, number, gate, kind, reason, time_ms in connection.execute(shown):
            badges.setdefault(CardKey(scheme, number), []).append((gate, kind, reason, time_ms))
        members = _members(connection, badges)
        found = []
        for cards in _pieces(list(badges)):
            held = read_permits_of(connection, cards)
            for facts in read_facts(connection, cards):
                card = CardKey(facts.scheme, facts.number)
                fresh = permit(facts, requirements)
                if changed := _changed(card, badges[card], held.get(card), fresh, members.get(card)):
                    found.append(changed)
    return sorted(found, key=lambda one: (-one.badges, one.card))


def _changed(
    card: CardKey,
    badges: Sequence[tuple[str, str, str | None, int]],
    held: WirePermit | None,
    fresh: WirePermit,
    member: CrewMember | None,
) -> Changed | None:
    met = []
    for gate, kind, reason, time_ms in badges:
        # The site's day: hub and gates are in one place.
        day = datetime.fromtimestamp(time_ms / 1000, UTC).astimezone().date().isoformat()
        before, after = answer(held, day), answer(fresh, day)
        out = kind == "badge.granted" and before == "granted" and after != "granted"
        if out or (kind == "badge.refused" and reason == before and after == "granted"):
            met.append((before, after, gate, time_ms))
    if not met:
        return None
    before, after, gate, last_ms = met[-1]
    number = member.organisation_number if member else None
    return Changed(_named(card), _name(member), number, before, after, len(met), last_ms, gate)


def _members(connection: Connection, cards: Iterable[CardKey]) -> dict[CardKey, CrewMember]:
    return {
        CardKey(member.scheme, member.number): member
        for piece in _pieces(list(cards))
        for member in read_members(connection, piece)
    }


def _register_words(connection: Connection, cards: Sequence[CardKey]) -> dict[CardKey, str]:
    answers = [one for piece in _pieces(cards) for one in RegisterTransaction(connection).cards(piece).values()]
    return {one.card: one.answer.status.value for one in answers if one.answer}


def _pieces(cards: Sequence[CardKey]) -> list[Sequence[CardKey]]:
    return [cards[start : start + ROWS_AT_ONCE] for start in range(0, len(cards), ROWS_AT_ONCE)]


def _source(connection: Connection, member: CrewMember | None) -> str:
    """Which list, row and day brought these facts; or who."""
    if member is None:
        return ""
    if member.approved_by:
        return f"approved at the hub by {member.approved_by}"
    if member.list_id is None:
        return "a list of an older version"
    table = schema.crew_lists
    found = connection.execute(select(table).where(table.c.id == member.list_id)).first()
    if found is None:
        return f"list {member.list_id}"
    row = f", row {member.list_row}" if member.list_row else "" if member.listed else " no longer names it"
    taken = datetime.fromtimestamp(found.taken_ms / 1000, UTC).astimezone().date().isoformat()
    return f"list {found.id} ({found.name}, {taken}){row}"


class _Registers(NamedTuple):
    """What they say of one card and of its holder's employer."""

    card: RegisterWord | None
    company: CompanyAnswer | None


def _of(one: Finding, source: str, member: CrewMember | None, block: Block | None, registers: _Registers) -> str:
    if one.requirement == "not_blocked" and block:
        return f"blocked at {block.origin or 'the hub'} by {block.blocked_by}"
    if member and one.requirement.startswith("qualification") and member.confirmed_by:
        return f"{source}, confirmed by {member.confirmed_by}"
    word, company = registers
    if one.requirement == "card_valid" and member and word and (member.status_as_of or "") <= (word.counts_day or ""):
        return f"the card register, as of {word.counts_day}" if word.counts else source
    if one.requirement == "company_registered" and company and register_status(None, company):
        return "the register of companies"
    if member and one.requirement in ("not_blocked", "card_valid") and member.status_as_of:
        return f"{source}, as of {member.status_as_of}"
    return source


def _audit_of(connection: Connection, card: CardKey) -> list[AuditEntry]:
    chosen = _AUDIT.where(schema.audit.c.card == _named(card)).limit(LAST_EVENTS)
    return [AuditEntry(*row) for row in connection.execute(chosen)]


def _events_of(connection: Connection, card: CardKey) -> list[EventLine]:
    table = schema.events
    columns = [table.c[name] for name in EventLine.__dataclass_fields__]
    chosen = (
        select(*columns)
        .where(table.c.scheme == card.scheme, table.c.number == card.number, table.c.kind.startswith("badge."))
        .order_by(table.c.time_ms.desc(), table.c.seq.desc())
        .limit(LAST_EVENTS)
    )
    return [EventLine(*row) for row in connection.execute(chosen)]


def _named(card: CardKey) -> str:
    return f"{card.scheme}:{card.number}"


def _name(member: CrewMember | None) -> str | None:
    return f"{member.first_name} {member.last_name}".strip() or None if member else None
