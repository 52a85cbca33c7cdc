"""What is deleted, in SQL. Each method tells how much went and from which times; none of it can be read again."""

from collections.abc import Collection
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, Table, and_, delete, func, or_, select, true, update

from gate.zones import OUTSIDE
from hub.presence import CardKey
from hub.retention import BELIEVED_MS, NOTHING, PURGED, SETTLING_MS, Gone, together
from hub.store import kept, schema
from hub.store.crew import CrewTransaction
from hub.store.intake import keep_counting
from hub.store.people import among

PERSONAL = frozenset(
    {
        "people", "cards", "assignments", "companies", "permits", "events", "presence", "suspicions", "quarantine",
        "hand_marks", "check_ins", "commands", "deliveries", "musters", "muster_people", "muster_checks",
        "person_requests",
        "qualifications", "blocks", "heard_blocks", "lifted_blocks", "crew_lists", "crew_list_parts", "audit",
        "card_answers", "company_answers",
        "list_checks",
    }
)  # fmt: skip
"""The tables that tell of people, all of them dealt with below. A test holds it against the tables there are."""

BATCH = 5_000
"""Records whose contents go in one transaction: ingest waits for it."""


class KeptRecord(NamedTuple):
    """One deletion as it was written down and signed: see `hub.purging`."""

    number: int
    at_ms: int
    record: bytes
    signature: bytes


class ForgettingTransaction:
    """Deletes, inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def records(self) -> list[KeptRecord]:
        """What was written down of earlier deletions, in their order."""
        table = schema.purges
        rows = self.connection.execute(select(table).order_by(table.c.number))
        return [KeptRecord(row.number, row.at_ms, row.record, row.signature) for row in rows]

    def last_record(self) -> KeptRecord | None:
        """The latest of them."""
        table = schema.purges
        row = self.connection.execute(select(table).order_by(table.c.number.desc()).limit(1)).first()
        return KeptRecord(row.number, row.at_ms, row.record, row.signature) if row is not None else None

    def keep_record(self, kept: KeptRecord) -> None:
        """Write down what went."""
        self.connection.execute(schema.purges.insert(), kept._asdict())

    def purge_passages(self, before_ms: int, now_ms: int, most: int) -> Gone:
        """Contents of records, words and commands of the office, what other systems reported, suspicions, what was kept
        aside, the lifting of blocks, and where people were who have left. A person who is inside stays known."""
        events, seen = schema.events, schema.presence
        old = and_(events.c.time_ms < before_ms, events.c.time_ms > events.c.received_ms - BELIEVED_MS)
        gone = self._blank(
            or_(events.c.received_ms < before_ms, and_(old, events.c.received_ms < now_ms - SETTLING_MS)), most
        )
        told = schema.check_ins
        late = and_(told.c.at_ms < before_ms, told.c.received_ms < now_ms - SETTLING_MS)
        left = or_(seen.c.zone == OUTSIDE, seen.c.closed_ms.is_not(None))
        return _all_of(
            gone,
            self._forget_presence(and_(seen.c.time_ms < before_ms, left)),
            self._delete(schema.suspicions, schema.suspicions.c.time_ms < before_ms, "time_ms"),
            self._delete(schema.hand_marks, schema.hand_marks.c.made_ms < before_ms, "at_ms"),
            self._delete(told, or_(told.c.received_ms < before_ms, late), "at_ms"),
            self._delete(schema.commands, schema.commands.c.issued_ms < before_ms, "issued_ms"),
            self._delete(
                schema.deliveries,
                and_(schema.deliveries.c.at_ms < before_ms, schema.deliveries.c.ready_ms < now_ms - SETTLING_MS),
                "at_ms",
            ),
            self._delete(schema.lifted_blocks, schema.lifted_blocks.c.lifted_ms < before_ms, "lifted_ms"),
            self._delete(schema.quarantine, schema.quarantine.c.at_ms < before_ms, "at_ms"),
            self._delete(
                schema.card_answers, and_(schema.card_answers.c.asked_ms < before_ms, ~_on_a_list()), "asked_ms"
            ),
        )

    def purge_musters(self, before_ms: int) -> Gone:
        """Musters that are closed, with their people and the words about them."""
        table = schema.musters
        ended = and_(table.c.began_ms < before_ms, table.c.closed_ms.is_not(None))
        old = self.connection.scalars(select(table.c.id).where(ended)).all()
        if not old:
            return NOTHING
        return _all_of(
            self._delete(schema.muster_checks, schema.muster_checks.c.muster.in_(old), "at_ms"),
            self._delete(schema.muster_people, schema.muster_people.c.muster.in_(old), "since_ms"),
            self._delete(table, table.c.id.in_(old), "began_ms"),
        )

    def purge_crew(self, now_ms: int) -> Gone:
        """Everything that names people, with the permits made from it; the gates get a list of nobody."""
        CrewTransaction(self.connection).forget_permits(now_ms)
        timed = {
            schema.person_requests: "at_ms", schema.audit: "at_ms", schema.blocks: "blocked_ms",
            schema.heard_blocks: "heard_ms", schema.lifted_blocks: "lifted_ms",
            schema.list_checks: "at_ms",
            schema.crew_list_parts: None, schema.crew_lists: "taken_ms", schema.qualifications: None,
            schema.assignments: None, schema.cards: None, schema.people: None, schema.companies: None,
            schema.card_answers: "asked_ms", schema.company_answers: "asked_ms",
        }  # fmt: skip
        # Whoever never checked out has not been inside for half a year.
        nobody = self._forget_presence(true())
        return _all_of(nobody, *(self._delete(table, true(), time_ms) for table, time_ms in timed.items()))

    def purge_person(self, cards: Collection[CardKey]) -> Gone:
        """All that tells when the holder of these cards was where. Musters stay: they are the site's proof."""
        tables = (schema.suspicions, schema.hand_marks, schema.check_ins, schema.deliveries)
        return _all_of(
            self._blank(self._cards(schema.events, cards), 1 << 31),
            self._forget_presence(self._cards(schema.presence, cards)),
            *(self._delete(table, self._cards(table, cards), None) for table in tables),
        )

    def forget_answers(self, cards: Collection[CardKey]) -> Gone:
        """What the card register said of cards that may not be used here."""
        table = schema.card_answers
        return self._delete(table, self._cards(table, cards), "asked_ms")

    def forget_particulars(self, cards: Collection[CardKey]) -> Gone:
        """What the law does not ask for of somebody who is on the list no more: language, groups, role, trade,
        qualifications, and all of it in the lists that one can go back to."""
        assignments, people = schema.assignments, schema.people
        holders = select(schema.cards.c.person).where(self._cards(schema.cards, cards))
        known = and_(people.c.id.in_(holders), people.c.language.is_not(None))
        languages = self.connection.execute(update(people).where(known).values(language=None)).rowcount
        had = or_(assignments.c.groups != "", assignments.c.role.is_not(None), assignments.c.trade.is_not(None))
        roles = self.connection.execute(
            update(assignments).where(self._cards(assignments, cards), had).values(groups="", role=None, trade=None)
        ).rowcount
        kept_rows = kept.forget_cards(self.connection, cards)
        counts = {"languages": languages, "roles and groups": roles, "rows of earlier lists": kept_rows}
        gone = Gone({name: number for name, number in counts.items() if number}, None, None)
        return together(gone, self._delete(schema.qualifications, self._cards(schema.qualifications, cards), None))

    def _blank(self, where: ColumnElement[bool], most: int) -> Gone:
        """The oldest of these records lose their contents; number, id and hashes stay."""
        table = schema.events
        chosen = select(table.c.id, table.c.kind, table.c.time_ms).where(table.c.kind != PURGED, where)
        rows = self.connection.execute(chosen.order_by(table.c.received_ms).limit(most)).all()
        nothing = dict.fromkeys(("time_ms", "scheme", "number", "lane", "direction", "reason", "badge"))
        for start in range(0, len(rows), 500):
            ids = [row.id for row in rows[start : start + 500]]
            blank = nothing | {"kind": PURGED, "body": b"", "received_ms": 0}
            self.connection.execute(update(table).where(table.c.id.in_(ids)).values(blank))
        counts: dict[str, int] = {}
        for row in rows:
            counts[row.kind] = counts.get(row.kind, 0) + 1
        times = [row.time_ms for row in rows if row.time_ms is not None]
        return Gone(counts, min(times, default=None), max(times, default=None))

    def _forget_presence(self, where: ColumnElement[bool]) -> Gone:
        """The numbers of changes go on growing: the row with the greatest one may be among these."""
        table = schema.presence
        change = self.connection.scalar(select(func.max(table.c.change))) or 0
        gone = self._delete(table, where, "time_ms")
        if gone.total:
            keep_counting(self.connection, change + 1)
        return gone

    def _delete(self, table: Table, where: ColumnElement[bool], timed_by: str | None) -> Gone:
        oldest = newest = None
        if timed_by is not None:
            time_ms = table.c[timed_by]
            oldest, newest = self.connection.execute(select(func.min(time_ms), func.max(time_ms)).where(where)).one()
        number = self.connection.execute(delete(table).where(where)).rowcount
        return Gone({table.name: number}, oldest, newest) if number else NOTHING

    def _cards(self, table: Table, cards: Collection[CardKey]) -> ColumnElement[bool]:
        found: ColumnElement[bool] = among(table, cards)
        return found


def _on_a_list() -> ColumnElement[bool]:
    """Whether a crew list ever named the card that a register has answered for."""
    cards, answers = schema.cards, schema.card_answers
    same = and_(cards.c.scheme == answers.c.scheme, cards.c.number == answers.c.number)
    return select(cards.c.number).where(same).exists()


def _all_of(*parts: Gone) -> Gone:
    found = NOTHING
    for part in parts:
        found = together(found, part)
    return found
