"""All that is held about one person, for that person (GDPR article 15), and what may be forgotten on request (17).

A person is the holder of a card; with the card come the holder's other cards. A card that no crew list named
is a person with no name. Values, never rows; times are Unix milliseconds in UTC.
"""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from sqlalchemy import Table, select

from hub import identity_number
from hub.errors import OfficeError
from hub.presence import CardKey, ClosingRule, standing
from hub.purging import Purge
from hub.retention import NOTHING, Due, Gone, What, together
from hub.store import ForgettingTransaction, HubStore, OfficeTransaction, schema
from hub.store import kept as kept_lists
from hub.store.crew import CrewTransaction
from hub.store.people import among

EXPORT = "export"
ERASE = "erase"


@dataclass(frozen=True, slots=True)
class HeldCard:
    """A card, its employer, and what its holder may do here. `listed` is None for one that no crew list named."""

    scheme: str
    number: str
    employer: str | None = None
    employer_name: str | None = None
    expiry: str | None = None
    status: str | None = None
    listed: bool | None = None
    role: str | None = None
    valid_from: str | None = None
    valid_until: str | None = None
    training: bool | None = None
    groups: tuple[str, ...] = ()
    standing: str | None = None
    """What the gates are told to answer."""
    type: str | None = None
    status_as_of: str | None = None
    no_card_because: str | None = None
    trade: str | None = None
    hired_by: str | None = None
    approved_by: str | None = None


@dataclass(frozen=True, slots=True)
class HeldPlace:
    """Where a card was seen last, and where its holder is by that."""

    card: str
    inside: bool
    zone: str
    since_ms: int
    sure: str
    gate: str
    uid: str | None


@dataclass(frozen=True, slots=True)
class HeldRecord:
    """One record of a gate about a card; `record` is all that it says."""

    time_ms: int | None
    received_ms: int
    gate: str
    lane: str | None
    kind: str
    direction: str | None
    reason: str | None
    record: Any


@dataclass(frozen=True, slots=True)
class HeldWord:
    """A person said that the holder was seen outside, or was not."""

    seen: bool
    at_ms: int
    said_by: str


@dataclass(frozen=True, slots=True)
class HeldMuster:
    """An evacuation at which somebody was, or may have been, inside; with what people said of it."""

    began_ms: int
    cause: str
    zone: str | None
    since_ms: int | None
    words: tuple[HeldWord, ...]


@dataclass(frozen=True, slots=True)
class PersonFile:
    """Everything. `others` are rows of tables that this page has no words for, by the table's name."""

    site: str
    made_ms: int
    first_name: str | None
    last_name: str | None
    date_of_birth: str | None
    language: str | None
    cards: tuple[HeldCard, ...]
    places: tuple[HeldPlace, ...]
    records: tuple[HeldRecord, ...]
    musters: tuple[HeldMuster, ...]
    others: dict[str, list[dict[str, Any]]]
    passages_days: int
    musters_days: int
    list_until: str | None
    """The last day on which the list of § 15 is kept; None while the work goes on."""


@dataclass(frozen=True, slots=True)
class Staying:
    """What is not erased, and why not."""

    what: str
    why: str


@dataclass(frozen=True, slots=True)
class Erased:
    """What went, and what stays."""

    gone: Gone
    stays: tuple[Staying, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Kept:
    """How long things are kept at this site, and when check-outs that were forgotten are closed."""

    passages_days: int
    musters_days: int
    list_until: str | None
    closing: ClosingRule | None


def held(store: HubStore, site: str, card: CardKey, kept: Kept, asked: tuple[str, int]) -> PersonFile:
    """All that is held about the holder of this card, and a note that somebody has asked: `asked` is by whom, when.

    Raises OfficeError when nothing is held, StoreError.
    """
    by, now_ms = asked
    with store.office() as office:
        cards = _cards_of(office, card)
        _note(office, EXPORT, card, by, now_ms)
        names = _named(office, cards)
        return PersonFile(
            site=site,
            made_ms=now_ms,
            first_name=names[0] if names else None,
            last_name=names[1] if names else None,
            date_of_birth=names[2] if names else None,
            language=names[3] if names else None,
            cards=tuple(_held_card(office, one) for one in cards),
            places=_places(office, cards, kept.closing, now_ms),
            records=_records(office, cards),
            musters=_musters(office, cards),
            others=_others(office, cards),
            passages_days=kept.passages_days,
            musters_days=kept.musters_days,
            list_until=kept.list_until,
        )


def erase(store: HubStore, purge: Purge, card: CardKey, kept: Kept, asked: tuple[str, int]) -> Erased:
    """Forget what the law lets the site forget about the holder of this card, and say what stays and why.

    Raises OfficeError while the holder is inside or is being looked for, or when nothing is held; StoreError.
    """
    by, now_ms = asked
    with store.forgetting() as forgetting:
        office = OfficeTransaction(forgetting.connection)
        cards = _cards_of(office, card)
        _may_be_forgotten(office, cards, kept.closing, now_ms)
        on_list = [_held_card(office, one) for one in cards if _is_on_crew(office, one)]
        gone = forgetting.purge_person(cards)
        if not any(one.listed for one in on_list):
            gone = together(gone, forgetting.forget_answers(cards))
        if on_list and not any(one.listed for one in on_list):
            gone = together(gone, forgetting.forget_particulars(cards))
            CrewTransaction(forgetting.connection).forget_particulars(cards, now_ms)
        _note(office, ERASE, card, by, now_ms)
        if gone.total:
            due = Due(What.PERSON, now_ms, "a person asked to be forgotten")
            purge.write_down(forgetting, due, gone, now_ms)
        stays = _staying(forgetting, cards, on_list, kept)
    store.forget_deleted()
    return Erased(gone if gone.total else NOTHING, stays)


def _may_be_forgotten(
    office: OfficeTransaction, cards: Collection[CardKey], closing: ClosingRule | None, now_ms: int
) -> None:
    for seen in office.last_seen(cards).values():
        if standing(seen, now_ms, closing).inside:
            raise OfficeError("this person is inside, and the site has to know who is; ask again after the check-out")
    for muster in office.musters():
        if muster.closed_ms is None and any(one.card in cards for one in office.frozen(muster.id)):
            raise OfficeError("this person is on the muster that runs; ask again when it is closed")


def _staying(
    forgetting: ForgettingTransaction, cards: Collection[CardKey], on_list: Sequence[HeldCard], kept: Kept
) -> tuple[Staying, ...]:
    stays = []
    if on_list:
        until = f"until {kept.list_until}" if kept.list_until else "until six months after the work has ended"
        law = f"byggherreforskriften § 15: the list of everybody who has worked here is kept {until}"
        stays.append(Staying("name, date of birth, employer, card number, and the answer at the gate", law))
    if any(one.listed for one in on_list):
        why = "on the crew list, so needed for the work; take the person off the list, and ask again"
        stays.append(Staying("language, role, groups, period, induction, what the card register says", why))
    if _rows(OfficeTransaction(forgetting.connection), schema.blocks, cards):
        stays.append(Staying("the block of the card, and why", "the site's safety; a block ends by `hub unblock`"))
    if _rows(OfficeTransaction(forgetting.connection), schema.heard_blocks, cards):
        why = "those sites' decision; it ends when they lift it, or with this site's list"
        stays.append(Staying("the blocks of the card by other sites, and why", why))
    if _rows(OfficeTransaction(forgetting.connection), schema.lifted_blocks, cards):
        why = f"the other sites have to hear it, so it is kept {kept.passages_days} days"
        stays.append(Staying("that a block for all sites was lifted", why))
    frozen = select(schema.muster_people.c.muster).where(among(schema.muster_people, cards))
    if forgetting.connection.execute(frozen).first() is not None:
        why = f"proof of who was inside at an evacuation, kept {kept.musters_days} days"
        stays.append(Staying("the places on evacuation lists", why))
    stays += [
        Staying(
            "number and hash of each record, without what it said", "about nobody; proves that no record is missing"
        ),
        Staying("who approved or blocked this card, and when", "kept with the list, as proof of who decided"),
        Staying("the gates' own journals", "not in the hub's hands; each gate forgets after the days set there"),
        Staying("that this was asked for, and by whom it was done", "proof that it was done"),
    ]
    return tuple(stays)


def _cards_of(office: OfficeTransaction, card: CardKey) -> list[CardKey]:
    """The card, and the other cards of its holder. Raises OfficeError when nothing is held about it."""
    cards = schema.cards
    holder = select(cards.c.person).where(cards.c.scheme == card.scheme, cards.c.number == card.number)
    same = select(cards.c.scheme, cards.c.number).where(cards.c.person.in_(holder))
    found = sorted({CardKey(*row) for row in office.connection.execute(same)} | {card})
    if found == [card] and not any(_rows(office, table, found) for table in _telling_of_cards()):
        raise OfficeError(f"card {card.scheme}:{card.number}: nothing is held about it; is the number right?")
    return found


def _named(office: OfficeTransaction, cards: Collection[CardKey]) -> Sequence[Any] | None:
    people = schema.people
    holders = select(schema.cards.c.person).where(among(schema.cards, cards))
    named = select(people.c.first_name, people.c.last_name, people.c.date_of_birth, people.c.language)
    return office.connection.execute(named.where(people.c.id.in_(holders))).first()


def _is_on_crew(office: OfficeTransaction, card: CardKey) -> bool:
    return bool(_rows(office, schema.cards, [card]))


def _held_card(office: OfficeTransaction, card: CardKey) -> HeldCard:
    cards, companies, assignments, permits = schema.cards, schema.companies, schema.assignments, schema.permits
    permit = office.connection.execute(select(permits).where(among(permits, [card]))).first()
    answer = permit.standing if permit is not None else None
    joined = cards.join(companies).outerjoin(assignments)
    beside = [column for column in assignments.columns if column.name not in ("scheme", "number")]
    row = office.connection.execute(
        select(cards, companies.c.name, *beside).select_from(joined).where(among(cards, [card]))
    ).first()
    if row is None:
        return HeldCard(card.scheme, card.number, standing=answer)
    return HeldCard(
        card.scheme, card.number, row.employer, row.name, row.expiry, row.status, row.listed, row.role,
        row.valid_from, row.valid_until, row.training, tuple((row.groups or "").split()), answer,
        row.type, row.status_as_of, row.no_card_because, row.trade, row.hired_by, row.approved_by,
    )  # fmt: skip


def _places(
    office: OfficeTransaction, cards: Collection[CardKey], closing: ClosingRule | None, now_ms: int
) -> tuple[HeldPlace, ...]:
    found = []
    for seen in office.last_seen(cards).values():
        where = standing(seen, now_ms, closing)
        found.append(
            HeldPlace(
                f"{seen.card.scheme}:{seen.card.number}", where.inside, where.zone, where.since_ms, where.sure.value,
                seen.gate, seen.uid,
            )
        )  # fmt: skip
    return tuple(found)


def _records(office: OfficeTransaction, cards: Collection[CardKey]) -> tuple[HeldRecord, ...]:
    table = schema.events
    rows = office.connection.execute(select(table).where(among(table, cards)).order_by(table.c.time_ms, table.c.seq))
    return tuple(
        HeldRecord(
            row.time_ms, row.received_ms, row.gate, row.lane, row.kind, row.direction, row.reason, json.loads(row.body)
        )
        for row in rows
    )


def _musters(office: OfficeTransaction, cards: Collection[CardKey]) -> tuple[HeldMuster, ...]:
    found = []
    for muster in reversed(office.musters()):
        frozen = [one for one in office.frozen(muster.id) if one.card in cards]
        words = [one for one in office.checks(muster.id) if one.card in cards]
        if frozen or words:
            told = tuple(HeldWord(one.seen, one.at_ms, one.said_by) for one in words)
            place = frozen[0] if frozen else None
            found.append(
                HeldMuster(
                    muster.began_ms,
                    muster.cause,
                    place.zone if place else None,
                    place.since_ms if place else None,
                    told,
                )
            )
    return tuple(found)


_TOLD = frozenset({"cards", "assignments", "permits", "presence", "events", "muster_people", "muster_checks"})
"""Tables with a part of their own above."""


def _others(office: OfficeTransaction, cards: Collection[CardKey]) -> dict[str, list[dict[str, Any]]]:
    tables = [table for table in _telling_of_cards() if table.name not in _TOLD]
    found = {table.name: _rows(office, table, cards) for table in tables}
    found["audit"] = _decided(office, cards)
    found["crew_list_parts"] = _on_earlier_lists(office, cards)
    return {name: rows for name, rows in found.items() if rows}


def _decided(office: OfficeTransaction, cards: Collection[CardKey]) -> list[dict[str, Any]]:
    """Blocks, approvals and the like, and who decided."""
    table = schema.audit
    words = [f"{card.scheme}:{card.number}" for card in cards]
    return [dict(row) for row in office.connection.execute(select(table).where(table.c.card.in_(words))).mappings()]


def _on_earlier_lists(office: OfficeTransaction, cards: Collection[CardKey]) -> list[dict[str, Any]]:
    """What earlier crew lists said, as far as one can still go back to them."""
    return [
        {"list_id": one.id, **msgspec.to_builtins(member)}
        for one in kept_lists.kept_lists(office.connection)
        if one.kept
        for member in kept_lists.members_of(office.connection, one.id)
        if CardKey(member.scheme, member.number) in cards
    ]


def _telling_of_cards() -> list[Table]:
    """Every table with a card in it, whoever has added it: nothing is left out because it was forgotten here."""
    return [table for table in schema.metadata.sorted_tables if {"scheme", "number"} <= set(table.columns.keys())]


def _rows(office: OfficeTransaction, table: Table, cards: Collection[CardKey]) -> list[dict[str, Any]]:
    rows = office.connection.execute(select(table).where(among(table, cards))).mappings()
    return [{name: _plain(value) for name, value in row.items()} for row in rows]


def _plain(value: object) -> object:
    return value.hex() if isinstance(value, bytes) else value


def _note(office: OfficeTransaction, act: str, card: CardKey, by: str, now_ms: int) -> None:
    if (what := identity_number.objection(by)) is not None:
        raise OfficeError(f"--by: {what}")
    row = {"at_ms": now_ms, "act": act, "scheme": card.scheme, "number": card.number, "said_by": by}
    office.connection.execute(schema.person_requests.insert(), row)
