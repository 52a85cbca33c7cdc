"""What people at the site write: words about who is where, musters, and what follows from the closing hour."""

from sqlalchemy import Connection, func, select, update

from gate.zones import OUTSIDE
from hub.muster import Frozen
from hub.presence import CardKey, ClosingRule, Sure
from hub.store import schema
from hub.store.intake import SqlEventTransaction, sighting_of


class OfficeTransaction(SqlEventTransaction):
    """What gates say, and what people say, in one transaction."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self.connection = connection

    def close(self, muster: str, at_ms: int, by: str) -> None:
        """The muster has ended."""
        table = schema.musters
        ended = {"closed_ms": at_ms, "closed_by": by, "running": None}
        self.connection.execute(update(table).where(table.c.id == muster).values(ended))

    def frozen(self, muster: str) -> list[Frozen]:
        """Who was inside when it began, as known then."""
        table = schema.muster_people
        chosen = select(table).where(table.c.muster == muster)
        return [
            Frozen(
                CardKey(row.scheme, row.number), row.zone, row.since_ms, row.gate, row.lane, Sure(row.sure), row.out_ms
            )
            for row in self.connection.execute(chosen.order_by(table.c.since_ms, table.c.scheme, table.c.number))
        ]

    def holders(self) -> dict[CardKey, str]:
        """The name of every card's holder."""
        cards, people = schema.cards, schema.people
        rows = self.connection.execute(
            select(cards.c.scheme, cards.c.number, people.c.first_name, people.c.last_name).select_from(
                cards.join(people)
            )
        )
        return {CardKey(row[0], row[1]): f"{row[2]} {row[3]}" for row in rows}

    def employers(self) -> dict[CardKey, str]:
        """What the employer on every card is called; its organisation number where it has no name."""
        cards, companies = schema.cards, schema.companies
        rows = self.connection.execute(
            select(cards.c.scheme, cards.c.number, companies.c.name, companies.c.organisation_number).select_from(
                cards.join(companies)
            )
        )
        return {CardKey(row[0], row[1]): row[2] or row[3] for row in rows}

    def last_passage_ms(self, now_ms: int) -> int | None:
        """When somebody went in or out last, as far as presence is kept."""
        seen = schema.presence.c.time_ms
        last: int | None = self.connection.scalar(select(func.max(seen)).where(seen <= now_ms))
        return last

    def close_forgotten(self, rule: ClosingRule, now_ms: int) -> int:
        """Mark those check-outs that the rule closes by now, so that the gates are told; returns how many."""
        table = schema.presence
        chosen = select(table).where(
            table.c.zone != OUTSIDE, table.c.closed_ms.is_(None), table.c.time_ms <= now_ms - rule.after_ms
        )
        closed = [
            (one.card, closes_ms)
            for one in map(sighting_of, self.connection.execute(chosen).all())
            if (closes_ms := rule.closes_ms(one.time_ms)) <= now_ms
        ]
        change = self.next_change() if closed else 0
        for card, closes_ms in closed:
            self.connection.execute(
                update(table)
                .where(table.c.scheme == card.scheme, table.c.number == card.number)
                .values(closed_ms=closes_ms, change=change)
            )
        return len(closed)
