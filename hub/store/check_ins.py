"""What other systems at the site report, in SQL: kept once, put right when they put it right, counted in presence."""

import uuid
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import and_, delete, select, update

from hub.check_ins import Change, Kept, Name, Taken, changes, follow, taken
from hub.presence import CardKey, CheckIn, place_of
from hub.records import Rejected
from hub.store import schema
from hub.store.database import put
from hub.store.intake import SqlEventTransaction, check_in_of, keep_counting
from hub.store.people import among

ASIDE_AT_ONCE = 50
"""Of what one answer held, so many are kept to be looked at; all are counted."""
_NAMESPACE = uuid.UUID("6f1d5a0e-8c0a-5d0c-9f43-2b6a4f0d7c11")


def check_in_id(source: str, theirs: str, direction: str, version: int) -> str:
    """The UUID of one version of one thing that a source tells: the same wherever and whenever it is made."""
    return str(uuid.uuid5(_NAMESPACE, f"{source}\n{theirs}\n{direction}\n{version}"))


class CheckInTransaction(SqlEventTransaction):
    """All that one source told in one answer, in one transaction. It holds alone, so numbers grow as is committed."""

    def cursor(self, source: str) -> str:
        """How far the source was read; empty before the first time."""
        return str(self._source(source).cursor)

    def take(self, source: str, told: Sequence[CheckIn], now_ms: int) -> Taken:
        """Keep what is new or has changed, and let presence follow."""
        seq = int(self._source(source).seq)
        changed = changes(self._known(source, {one.theirs for one in told}), told, seq)
        if not changed:
            return Taken()
        self._write(source, changed, now_ms)
        follow(self, source, changed)
        self._count(source, counted := taken(changed), seq + len(changed))
        return counted

    def set_aside(self, source: str, rejected: Sequence[Rejected]) -> None:
        """Keep why something of the source could not be used. What was kept already, because the source tells it again
        and again, is not kept twice, and much at once not whole: others have things there as well."""
        table, kept = schema.sources, schema.quarantine
        known = set(self._connection.scalars(select(kept.c.why).where(kept.c.topic == place_of(source))))
        new = [one for one in rejected if one.why not in known]
        if new:
            self.reject(new[:ASIDE_AT_ONCE])
            more = {"set_aside": self._source(source).set_aside + len(new)}
            self._connection.execute(update(table).where(table.c.name == source).values(**more))

    def succeeded(self, source: str, cursor: str, now_ms: int) -> None:
        """The source was read up to there."""
        well = {"cursor": cursor, "asked_ms": now_ms, "succeeded_ms": now_ms, "wrong": None, "wrong_since_ms": None}
        self._change(source, well)

    def failed(self, source: str, words: str, now_ms: int) -> None:
        """The source could not be read."""
        since_ms = self._source(source).wrong_since_ms
        self._change(
            source, {"asked_ms": now_ms, "wrong": words, "wrong_since_ms": now_ms if since_ms is None else since_ms}
        )

    def _source(self, source: str) -> Any:
        """Its row, made where there is none."""
        table = schema.sources
        chosen = select(table).where(table.c.name == source)
        row = self._connection.execute(chosen).first()
        if row is None:
            numbers = dict.fromkeys(("seq", "taken", "changed", "withdrawn", "set_aside"), 0)
            self._connection.execute(table.insert(), {"name": source, "cursor": "", **numbers})
            row = self._connection.execute(chosen).one()
        return row

    def _change(self, source: str, values: dict[str, Any]) -> None:
        self._source(source)
        self._connection.execute(update(schema.sources).where(schema.sources.c.name == source).values(**values))

    def _count(self, source: str, taken: Taken, seq: int) -> None:
        table = schema.sources
        more = {
            "seq": seq,
            "taken": table.c.taken + taken.new,
            "changed": table.c.changed + taken.changed,
            "withdrawn": table.c.withdrawn + taken.withdrawn,
        }
        self._connection.execute(update(table).where(table.c.name == source).values(**more))

    def forget_presence(self, cards: Collection[CardKey]) -> None:
        """Of these nothing is known any more."""
        change = self.next_change()
        self._connection.execute(delete(schema.presence).where(among(schema.presence, cards)))
        keep_counting(self._connection, change)

    def _known(self, source: str, theirs: Collection[str]) -> dict[Name, Kept]:
        table = schema.check_ins
        asked = sorted(theirs)
        found: dict[Name, Kept] = {}
        for start in range(0, len(asked), 500):
            chosen = and_(table.c.source == source, table.c.theirs.in_(asked[start : start + 500]))
            for row in self._connection.execute(select(table).where(chosen)):
                found[Name(row.theirs, row.direction)] = Kept(row.seq, row.version, check_in_of(row))
        return found

    def _write(self, source: str, changed: Sequence[Change], now_ms: int) -> None:
        table = schema.check_ins
        before = [one.before for one in changed if one.before is not None]
        gone = [check_in_id(source, kept.check_in.theirs, kept.check_in.direction, kept.version) for kept in before]
        for start in range(0, len(gone), 500):
            self._connection.execute(delete(table).where(table.c.id.in_(gone[start : start + 500])))
        put(self._connection, table, [_row(source, one.after, now_ms) for one in changed])


def _row(source: str, kept: Kept, now_ms: int) -> dict[str, Any]:
    told = kept.check_in
    return {
        "id": check_in_id(source, told.theirs, told.direction, kept.version),
        "source": source,
        "seq": kept.seq,
        "theirs": told.theirs,
        "direction": told.direction,
        "version": kept.version,
        "scheme": told.card.scheme if told.card else None,
        "number": told.card.number if told.card else None,
        "at_ms": told.at_ms,
        "received_ms": now_ms,
        "deleted": told.deleted,
    }
