"""What registers have said, in SQL: of cards and of companies; whom to ask next; and the permits that follow."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, func, or_, select

from hub.card_answers import OK, Answer, CardAnswer, CardStatus, effective
from hub.company_answers import CompanyAnswer
from hub.permits import Requirements
from hub.presence import ENTRY, CardKey
from hub.records import AuditEntry
from hub.store import schema
from hub.store.answers import joined, overruled, read_companies
from hub.store.crew import CrewTransaction
from hub.store.database import put
from hub.store.people import among

CLOCKS_DIFFER_MS = 3_600_000
_STRANGERS = ("unknown_card", "not_on_crew_list")


@dataclass(frozen=True, slots=True)
class CardsSoFar:
    """How far the register's word reaches over the cards of the list. Times are Unix milliseconds."""

    listed: int
    answered: int
    by_status: dict[str, int]
    held: int
    failing: int
    """Cards whose last question got no answer."""
    oldest_ms: int | None
    newest_ms: int | None


class RegisterTransaction:
    """Reads and writes what registers said, inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def card(self, card: CardKey) -> CardAnswer | None:
        """What is kept of one card."""
        return self.cards([card]).get(card)

    def cards(self, cards: Collection[CardKey]) -> dict[CardKey, CardAnswer]:
        """What is kept of these."""
        table = schema.card_answers
        rows = self.connection.execute(select(table).where(among(table, cards)))
        return {CardKey(row.scheme, row.number): _card_answer(row) for row in rows}

    def held(self, scheme: str) -> list[CardAnswer]:
        """The answers that wait."""
        table = schema.card_answers
        chosen = select(table).where(table.c.scheme == scheme, table.c.held).order_by(table.c.number)
        return [_card_answer(row) for row in self.connection.execute(chosen)]

    def put_cards(self, answers: Iterable[CardAnswer]) -> None:
        """Insert or replace."""
        put(self.connection, schema.card_answers, [_card_row(one) for one in answers])

    def strangers(self, scheme: str, since_ms: int, before_ms: int, limit: int) -> list[CardKey]:
        """Cards on no list that have asked to come in since then, and of which nobody was asked after `before_ms`."""
        events, listed, answers = schema.events, schema.assignments, schema.card_answers
        known = select(listed.c.number).where(
            listed.c.scheme == events.c.scheme, listed.c.number == events.c.number, listed.c.listed
        )
        asked = select(answers.c.number).where(
            answers.c.scheme == events.c.scheme, answers.c.number == events.c.number, answers.c.asked_ms >= before_ms
        )
        chosen = (
            select(events.c.number)
            .where(events.c.time_ms >= since_ms, events.c.kind == "badge.refused", events.c.reason.in_(_STRANGERS))
            .where(events.c.direction == ENTRY, events.c.scheme == scheme)
            .where(~known.exists(), ~asked.exists())
            .group_by(events.c.number)
            .order_by(func.max(events.c.time_ms).desc())
            .limit(limit)
        )
        return [CardKey(scheme, number) for number in self.connection.scalars(chosen)]

    def asked_before(self, scheme: str, before_ms: int, now_ms: int, limit: int) -> list[CardKey]:
        """Cards of the list about which nobody has asked since then; those of which nobody ever has, first."""
        return self._listed(scheme, _not_asked_since(before_ms, now_ms), limit)

    def count_asked_before(self, scheme: str, before_ms: int, now_ms: int) -> int:
        """How many of them there are."""
        return self._count(scheme, _not_asked_since(before_ms, now_ms))

    def chip_serials(self, cards: Collection[CardKey]) -> dict[CardKey, str]:
        """The serial number of the chip that gates have last read, where they did."""
        table = schema.presence
        rows = self.connection.execute(
            select(table.c.scheme, table.c.number, table.c.uid).where(among(table, cards), table.c.uid.is_not(None))
        )
        return {CardKey(row.scheme, row.number): row.uid for row in rows}

    def overruled(self, cards: Collection[CardKey]) -> dict[CardKey, str]:
        """Of these cards those whose status the register says otherwise than the crew list, and it counts."""
        return overruled(self.connection, cards)

    def valid_cards(self, scheme: str) -> frozenset[CardKey]:
        """Cards of the list that neither the list nor the register calls not valid."""
        cards, answers = schema.cards, schema.card_answers
        columns = (cards.c.number, cards.c.status, cards.c.status_as_of, answers.c.counts, answers.c.counts_day)
        rows = self.connection.execute(joined(columns).where(cards.c.scheme == scheme, schema.assignments.c.listed))
        return frozenset(CardKey(scheme, row[0]) for row in rows if effective(*row[1:]) == OK)

    def so_far(self, scheme: str) -> CardsSoFar:
        """How far the register's word reaches."""
        answers = schema.card_answers
        here = and_(schema.cards.c.scheme == scheme, schema.assignments.c.listed)
        counted = (
            func.count(), func.count(answers.c.answered_ms), func.count(answers.c.failure),
            func.min(answers.c.answered_ms), func.max(answers.c.answered_ms),
        )  # fmt: skip
        listed, answered, failing, oldest_ms, newest_ms = self.connection.execute(joined(counted).where(here)).one()
        by_status = self.connection.execute(
            joined((answers.c.status, func.count()))
            .where(here, answers.c.status.is_not(None))
            .group_by(answers.c.status)
        )
        held = self.connection.scalar(
            select(func.count()).select_from(answers).where(answers.c.scheme == scheme, answers.c.held)
        )
        statuses = {str(status): int(number) for status, number in by_status}
        return CardsSoFar(listed, answered, dict(sorted(statuses.items())), held or 0, failing, oldest_ms, newest_ms)

    def objections(self, scheme: str) -> list[CardAnswer]:
        """Of the cards of the list those that the register does not call valid, or of which it could not be asked."""
        answers = schema.card_answers
        bad = or_(answers.c.status.not_in(("valid", "temporary")), answers.c.failure.is_not(None))
        chosen = joined(tuple(answers.columns)).where(schema.cards.c.scheme == scheme, schema.assignments.c.listed, bad)
        return [_card_answer(row) for row in self.connection.execute(chosen.order_by(answers.c.number))]

    def decisions(self) -> int:
        """Grows with whatever may have put a card on the list. Cheap: polled."""
        return self.connection.scalar(select(func.max(schema.audit.c.id))) or 0

    def forget_cards(self, scheme: str) -> int:
        """All that the register said of cards; how many they were."""
        table = schema.card_answers
        return self.connection.execute(delete(table).where(table.c.scheme == scheme)).rowcount

    def note(self, entry: AuditEntry) -> None:
        """Write down who did what."""
        CrewTransaction(self.connection).note(entry)

    def follow(self, now_ms: int, requirements: Requirements) -> int | None:
        """Compile the permits, with what the registers say now; the revision of the list. None: the gates hear of it
        with the next crew list (see `CrewTransaction.may_publish`)."""
        crew = CrewTransaction(self.connection)
        return crew.compile(now_ms, requirements).revision if crew.may_publish() else None

    def companies(self) -> dict[str, CompanyAnswer]:
        """What the register of companies has said, by organisation number."""
        return read_companies(self.connection)

    def put_companies(self, answers: Iterable[CompanyAnswer]) -> None:
        """Insert or replace."""
        names = CompanyAnswer.__dataclass_fields__
        put(self.connection, schema.company_answers, [{name: getattr(one, name) for name in names} for one in answers])

    def company_numbers(self) -> frozenset[str]:
        """Every organisation number on the lists: employers, their main units, who engaged and who hires them."""
        companies, assignments = schema.companies, schema.assignments
        columns = (
            companies.c.organisation_number, companies.c.main_unit, companies.c.engaged_by, assignments.c.hired_by,
        )  # fmt: skip
        found: set[str | None] = set()
        for column in columns:
            found.update(self.connection.scalars(select(column).where(column.is_not(None)).distinct()))
        return frozenset(number for number in found if number)

    def alarm_raised(self, name: str, subject: str) -> bool:
        """Whether an alarm of the hub stands."""
        table = schema.alarms
        this = and_(table.c.name == name, table.c.subject == subject)
        return bool(self.connection.scalar(select(table.c.raised).where(this).order_by(table.c.id.desc()).limit(1)))

    def tell_alarm(self, name: str, subject: str, words: str | None, now_ms: int) -> None:
        """It is raised, with these words; or, where there are none, it is over."""
        row = {"at_ms": now_ms, "name": name, "subject": subject, "raised": words is not None, "words": words or ""}
        self.connection.execute(schema.alarms.insert(), row)

    def _listed(self, scheme: str, where: ColumnElement[bool], limit: int) -> list[CardKey]:
        number, asked_ms = schema.cards.c.number, schema.card_answers.c.asked_ms
        chosen = joined((number,)).where(schema.cards.c.scheme == scheme, schema.assignments.c.listed, where)
        rows = self.connection.scalars(chosen.order_by(func.coalesce(asked_ms, 0), number).limit(limit))
        return [CardKey(scheme, found) for found in rows]

    def _count(self, scheme: str, where: ColumnElement[bool]) -> int:
        chosen = joined((func.count(),)).where(schema.cards.c.scheme == scheme, schema.assignments.c.listed, where)
        return self.connection.scalar(chosen) or 0


def _not_asked_since(before_ms: int, now_ms: int) -> ColumnElement[bool]:
    """A question of tomorrow was asked by a clock that was ahead."""
    asked_ms = schema.card_answers.c.asked_ms
    return or_(asked_ms.is_(None), asked_ms < before_ms, asked_ms > now_ms + CLOCKS_DIFFER_MS)


def _card_answer(row: Any) -> CardAnswer:
    answer = None
    if row.status is not None:
        answer = Answer(CardStatus(row.status), row.words, row.level, row.employer, row.expiry)
    return CardAnswer(
        CardKey(row.scheme, row.number), answer, row.answered_ms, row.asked_ms, row.failure, row.counts, row.counts_day,
        row.held,
    )  # fmt: skip


def _card_row(one: CardAnswer) -> dict[str, Any]:
    said = one.answer
    return {
        "scheme": one.card.scheme,
        "number": one.card.number,
        "status": said.status.value if said else None,
        "words": said.words if said else "",
        "level": said.level if said else None,
        "employer": said.employer if said else None,
        "expiry": said.expiry if said else None,
        "answered_ms": one.answered_ms,
        "asked_ms": one.asked_ms,
        "failure": one.failure,
        "counts": one.counts,
        "counts_day": one.counts_day,
        "held": one.held,
    }
