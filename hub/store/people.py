"""Companies, people, cards, assignments and qualifications in SQL: one `CrewMember` for each card."""

import itertools
import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, and_, delete, false, func, or_, select, update

from hub.chain import loop_at
from hub.company_answers import CompanyAnswer, main_unit
from hub.presence import CardKey
from hub.records import CrewMember, Qualification
from hub.store import schema
from hub.store.database import put, upsert

ROWS_AT_ONCE = 2_000
"""What is read or written in one piece, so that a list of any length needs the same memory."""

_COLUMNS = (
    schema.cards.c.scheme,
    schema.cards.c.number,
    schema.people.c.first_name,
    schema.people.c.last_name,
    schema.companies.c.organisation_number,
    schema.people.c.date_of_birth,
    schema.companies.c.name.label("organisation_name"),
    schema.cards.c.expiry.label("card_expiry"),
    schema.assignments.c.role,
    schema.assignments.c.valid_from,
    schema.assignments.c.valid_until,
    schema.people.c.language,
    schema.assignments.c.training,
    schema.companies.c.approved.label("company_approved"),
    schema.cards.c.status,
    schema.assignments.c.listed,
    schema.assignments.c.groups,
    schema.cards.c.type.label("card_type"),
    schema.cards.c.status_as_of,
    schema.assignments.c.trade,
    schema.assignments.c.hired_by,
    schema.companies.c.main_unit,
    schema.companies.c.engaged_by,
    schema.companies.c.register_status,
    schema.companies.c.startbank,
    schema.companies.c.startbank_as_of,
    schema.companies.c.tax_attestation,
    schema.cards.c.no_card_because,
    schema.assignments.c.approved_by,
    schema.assignments.c.list_id,
    schema.assignments.c.list_row,
)
"""Labelled with the fields of CrewMember."""
_NAMES = [column.key for column in _COLUMNS]
_GROUPS = _NAMES.index("groups")


def read_members(connection: Connection, cards: Collection[CardKey] | None = None) -> Iterator[CrewMember]:
    """Every card ever listed, or these, with `listed` telling whether it is so now; a piece at a time."""
    joined = schema.cards.join(schema.people).join(schema.companies).join(schema.assignments)
    statement = select(*_COLUMNS).select_from(joined)
    if cards is not None:
        statement = statement.where(among(schema.cards, cards))
    held = _qualifications(connection, cards)
    # Closed with the iterator: who wants one row leaves a cursor of PostgreSQL open otherwise.
    with connection.execute(statement, execution_options={"yield_per": ROWS_AT_ONCE}) as rows:
        for row in rows:
            fields = list(row)
            fields[_GROUPS] = tuple(fields[_GROUPS].split()) if fields[_GROUPS] else ()
            named = dict(zip(_NAMES, fields, strict=True))
            if found := held.get(CardKey(fields[0], fields[1])):
                named["qualifications"], named["confirmed_by"] = found
            yield CrewMember(**named)


def write_members(connection: Connection, members: Iterable[CrewMember], list_id: int | None) -> None:
    """Insert or replace these cards with their holders and companies, as a list brought them. `same_as` must have been
    written before."""
    rest = iter(members)
    while piece := list(itertools.islice(rest, ROWS_AT_ONCE)):
        _write(connection, piece, list_id)


def leave(connection: Connection, cards: Collection[CardKey], list_id: int | None) -> None:
    """These cards are no longer on the crew list. Nothing is deleted."""
    table = schema.assignments
    for card in cards:
        changed = {"listed": False, "list_id": list_id, "list_row": None, "approved_by": None}
        connection.execute(
            update(table).where(table.c.scheme == card.scheme, table.c.number == card.number).values(**changed)
        )


def chain(connection: Connection, answers: Mapping[str, CompanyAnswer]) -> dict[str, str]:
    """Which company was engaged by which. A main unit, which list or register tell, stands where its sub-unit does."""
    table = schema.companies
    columns = (table.c.organisation_number, table.c.main_unit, table.c.engaged_by)
    rows = connection.execute(select(*columns).where(table.c.engaged_by.is_not(None))).all()
    placed = ((main_unit(row.main_unit, answers.get(row.organisation_number)), row.engaged_by) for row in rows)
    main_units = {unit: above for unit, above in placed if unit and unit != above}
    said = {row.organisation_number: row.engaged_by for row in rows}
    placed_too = main_units | said
    # Whose sub-unit works somewhere below has no place below itself.
    return {unit: above for unit, above in placed_too.items() if unit in said or not loop_at(unit, placed_too)}


def link_chain(connection: Connection, engaged_by: Mapping[str, str]) -> None:
    """Say who engaged companies that may have nobody here; nothing is said any more of others that have nobody. A
    company that was unknown is not approved."""
    table, cards, assignments = schema.companies, schema.cards, schema.assignments
    here = (
        select(cards.c.employer)
        .select_from(cards.join(assignments))
        .where(cards.c.employer == table.c.organisation_number, assignments.c.listed)
        .exists()
    )
    linked = select(table.c.organisation_number).where(table.c.engaged_by.is_not(None), ~here)
    stale = [company for company in connection.scalars(linked) if company not in engaged_by]
    for start in range(0, len(stale), ROWS_AT_ONCE):
        some = table.c.organisation_number.in_(stale[start : start + ROWS_AT_ONCE])
        connection.execute(update(table).where(some).values(engaged_by=None))
    if not engaged_by:
        return
    statement = upsert(connection, table)
    rows = [
        {"organisation_number": company, "approved": False, "engaged_by": above}
        for company, above in engaged_by.items()
    ]
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=[table.c.organisation_number], set_={"engaged_by": statement.excluded.engaged_by}
        ),
        rows,
    )


def said_chain(connection: Connection) -> dict[str, str]:
    """Which company was engaged by which, as the lists have said it."""
    table = schema.companies
    rows = connection.execute(
        select(table.c.organisation_number, table.c.engaged_by).where(table.c.engaged_by.is_not(None))
    )
    return dict(map(tuple, rows))


def company_facts(connection: Connection, organisation_number: str) -> dict[str, Any] | None:
    """What is known of a company, by the fields of CrewMember."""
    table = schema.companies
    found = connection.execute(select(table).where(table.c.organisation_number == organisation_number)).first()
    if found is None:
        return None
    return {
        "organisation_name": found.name,
        "company_approved": found.approved,
        "main_unit": found.main_unit,
        "engaged_by": found.engaged_by,
        "register_status": found.register_status,
        "startbank": found.startbank,
        "startbank_as_of": found.startbank_as_of,
        "tax_attestation": found.tax_attestation,
    }


def other_cards(connection: Connection, card: CardKey) -> list[CardKey]:
    """The cards that the same person holds besides this one."""
    table = schema.cards
    this = and_(table.c.scheme == card.scheme, table.c.number == card.number)
    person = select(table.c.person).where(this).scalar_subquery()
    rows = connection.execute(select(table.c.scheme, table.c.number).where(table.c.person == person, ~this))
    return sorted(CardKey(*row) for row in rows)


def among(table: Any, cards: Collection[CardKey]) -> Any:
    """Portable: a pair of columns in a list of pairs is not known to every SQLite."""
    by_scheme: dict[str, list[str]] = defaultdict(list)
    for card in cards:
        by_scheme[card.scheme].append(card.number)
    found = [and_(table.c.scheme == scheme, table.c.number.in_(numbers)) for scheme, numbers in by_scheme.items()]
    return or_(false(), *found)


def _qualifications(
    connection: Connection, cards: Collection[CardKey] | None
) -> Mapping[CardKey, tuple[tuple[Qualification, ...], str | None]]:
    table = schema.qualifications
    statement = select(table.c.scheme, table.c.number, table.c.kind, table.c.expiry, table.c.confirmed_by)
    if cards is not None:
        statement = statement.where(among(table, cards))
    found: dict[CardKey, tuple[tuple[Qualification, ...], str | None]] = {}
    for scheme, number, kind, expiry, confirmed_by in connection.execute(statement):
        key = CardKey(scheme, number)
        before = found.get(key, ((), None))[0]
        found[key] = (tuple(sorted((*before, Qualification(kind, expiry)), key=lambda one: one.kind)), confirmed_by)
    return found


def _write(connection: Connection, members: Sequence[CrewMember], list_id: int | None) -> None:
    named = {CardKey(member.scheme, member.number) for member in members}
    linked = {CardKey(*member.same_as) for member in members if member.same_as}
    before = _people_of(connection, named | linked)
    people = _holders(members, before, _shared(connection, set(before.values())))
    companies = {member.organisation_number: _company_row(member) for member in members}
    persons = {people[CardKey(member.scheme, member.number)]: member for member in members}
    put(connection, schema.companies, list(companies.values()))
    put(connection, schema.people, [_person_row(person, member) for person, member in persons.items()])
    put(connection, schema.cards, [_card_row(people, member) for member in members])
    put(connection, schema.assignments, [_assignment_row(member, list_id) for member in members])
    table = schema.qualifications
    connection.execute(delete(table).where(among(table, named)))
    put(connection, table, [row for member in members for row in _qualification_rows(member)])
    _forget_people_without_cards(connection, set(before.values()) - set(people.values()))


def _holders(
    members: Sequence[CrewMember], before: Mapping[CardKey, str], shared: Mapping[str, tuple[Any, ...]]
) -> dict[CardKey, str]:
    """Whose each card is. Somebody who holds several cards is not renamed by one of them: a card that names somebody
    else is somebody else's from now on."""
    people = dict(before)
    for member in members:
        key = CardKey(member.scheme, member.number)
        name = (member.first_name, member.last_name, member.date_of_birth)
        known = people.get(key)
        if known is not None and shared.get(known, name) != name:
            known = None
        # Whoever is linked to stands further up.
        first = people.get(CardKey(*member.same_as)) if member.same_as else None
        people[key] = first or known or str(uuid.uuid4())
    return people


def _shared(connection: Connection, people: Collection[str]) -> dict[str, tuple[Any, ...]]:
    """Those of them who hold several cards, with name and birth date."""
    cards, table = schema.cards, schema.people
    several = select(cards.c.person).where(cards.c.person.in_(people)).group_by(cards.c.person).having(func.count() > 1)
    rows = connection.execute(
        select(table.c.id, table.c.first_name, table.c.last_name, table.c.date_of_birth).where(table.c.id.in_(several))
    )
    return {row.id: (row.first_name, row.last_name, row.date_of_birth) for row in rows}


def _forget_people_without_cards(connection: Connection, people: Collection[str]) -> None:
    table, cards = schema.people, schema.cards
    held = select(cards.c.person).where(cards.c.person == table.c.id).exists()
    if people:
        connection.execute(delete(table).where(table.c.id.in_(people), ~held))


def _people_of(connection: Connection, cards: Collection[CardKey]) -> dict[CardKey, str]:
    table = schema.cards
    rows = connection.execute(select(table.c.scheme, table.c.number, table.c.person).where(among(table, cards)))
    return {CardKey(scheme, number): person for scheme, number, person in rows}


def _company_row(member: CrewMember) -> dict[str, Any]:
    return {
        "organisation_number": member.organisation_number,
        "name": member.organisation_name,
        "approved": member.company_approved,
        "main_unit": member.main_unit,
        "engaged_by": member.engaged_by,
        "register_status": member.register_status,
        "startbank": member.startbank,
        "startbank_as_of": member.startbank_as_of,
        "tax_attestation": member.tax_attestation,
    }


def _person_row(person: str, member: CrewMember) -> dict[str, Any]:
    return {
        "id": person,
        "first_name": member.first_name,
        "last_name": member.last_name,
        "date_of_birth": member.date_of_birth,
        "language": member.language,
    }


def _card_row(people: Mapping[CardKey, str], member: CrewMember) -> dict[str, Any]:
    return {
        "scheme": member.scheme,
        "number": member.number,
        "person": people[CardKey(member.scheme, member.number)],
        "employer": member.organisation_number,
        "expiry": member.card_expiry,
        "status": member.status,
        "status_as_of": member.status_as_of,
        "type": member.card_type,
        "no_card_because": member.no_card_because,
    }


def _assignment_row(member: CrewMember, list_id: int | None) -> dict[str, Any]:
    return {
        "scheme": member.scheme,
        "number": member.number,
        "role": member.role,
        "valid_from": member.valid_from,
        "valid_until": member.valid_until,
        "training": member.training,
        "listed": member.listed,
        "groups": " ".join(member.groups),
        "trade": member.trade,
        "hired_by": member.hired_by,
        "approved_by": member.approved_by,
        "list_id": list_id,
        "list_row": member.list_row,
    }


def _qualification_rows(member: CrewMember) -> list[dict[str, Any]]:
    return [
        {
            "scheme": member.scheme,
            "number": member.number,
            "kind": one.kind,
            "expiry": one.expiry,
            "confirmed_by": member.confirmed_by,
        }
        for one in member.qualifications
    ]
