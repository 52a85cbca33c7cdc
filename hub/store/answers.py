"""What registers have said, as far as it bears on the permits, in SQL."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, select

from hub.card_answers import CANCELLED, OK, effective
from hub.company_answers import CompanyAnswer
from hub.presence import CardKey
from hub.store import schema
from hub.store.people import among


def overruled(connection: Connection, among_these: Collection[CardKey] | None = None) -> dict[CardKey, str]:
    """The cards, of all or of these, whose status the register says otherwise than the crew list, and it counts: what
    it is then."""
    cards, answers = schema.cards, schema.card_answers
    columns = (
        cards.c.scheme,
        cards.c.number,
        cards.c.status,
        cards.c.status_as_of,
        answers.c.counts,
        answers.c.counts_day,
    )
    other = and_(cards.c.status.in_((OK, CANCELLED)), answers.c.counts != cards.c.status)
    chosen = select(*columns).select_from(cards.join(answers, _same_card())).where(other)
    rows = connection.execute(chosen if among_these is None else chosen.where(among(cards, among_these)))
    found = {CardKey(row[0], row[1]): (row.status, effective(*row[2:])) for row in rows}
    return {card: after for card, (before, after) in found.items() if after != before}


def _same_card() -> ColumnElement[bool]:
    cards, answers = schema.cards, schema.card_answers
    return and_(answers.c.scheme == cards.c.scheme, answers.c.number == cards.c.number)


def joined(columns: Sequence[ColumnElement[Any]]) -> Select[Any]:
    """Cards with their assignment, and with the register's word where there is one."""
    cards, answers = schema.cards, schema.card_answers
    return select(*columns).select_from(cards.join(schema.assignments).outerjoin(answers, _same_card()))


def read_companies(connection: Connection) -> dict[str, CompanyAnswer]:
    """What the register of companies has said, by organisation number."""
    rows = connection.execute(select(schema.company_answers)).mappings()
    return {row["organisation_number"]: CompanyAnswer(**row) for row in rows}
