"""What other systems at the site report, in SQL: kept once, put right when they put it right, counted in presence."""

import uuid
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from sqlalchemy import and_, delete, select, update

from hub.corrections import history
from hub.presence import CardKey, CheckIn, fold, place_of, reported
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


class Taken(NamedTuple):
    """What came of some check-ins: how many were new, had changed, were taken back; the rest was known."""

    new: int = 0
    changed: int = 0
    withdrawn: int = 0


@dataclass(frozen=True, slots=True)
class _Kept:
    """A check-in as it is kept under a number of its source."""

    seq: int
    version: int
    check_in: CheckIn


class CheckInTransaction(SqlEventTransaction):
    """All that one source told in one answer, in one transaction. It holds alone, so numbers grow as is committed."""

    def cursor(self, source: str) -> str:
        """How far the source was read; empty before the first time."""
        return str(self._source(source).cursor)

    def take(self, source: str, told: Sequence[CheckIn], now_ms: int) -> Taken:
        """Keep what is new or has changed, and let presence follow."""
        known = self._known(source, {one.theirs for one in told})
        after = dict(known)
        for one in told:
            key = (one.theirs, one.direction)
            if (kept := _after(after.get(key), one)) is not None:
                after[key] = kept
        changed = {
            key: kept
            for key, kept in after.items()
            # What was taken back before it was known never was.
            if kept != known.get(key) and (key in known or not kept.check_in.deleted)
        }
        if not changed:
            return Taken()
        seq = int(self._source(source).seq)
        numbered = [replace(kept, seq=seq + place) for place, kept in enumerate(changed.values(), start=1)]
        before = [known[key] for key in changed if key in known]
        self._write(source, before, numbered, now_ms)
        self._follow(source, before, numbered)
        withdrawn = sum(kept.check_in.deleted for kept in numbered)
        taken = Taken(len(numbered) - len(before), len(before) - withdrawn, withdrawn)
        self._count(source, taken, seq + len(numbered))
        return taken

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

    def _known(self, source: str, theirs: Collection[str]) -> dict[tuple[str, str], _Kept]:
        table = schema.check_ins
        asked = sorted(theirs)
        found: dict[tuple[str, str], _Kept] = {}
        for start in range(0, len(asked), 500):
            chosen = and_(table.c.source == source, table.c.theirs.in_(asked[start : start + 500]))
            for row in self._connection.execute(select(table).where(chosen)):
                found[row.theirs, row.direction] = _Kept(row.seq, row.version, check_in_of(row))
        return found

    def _write(self, source: str, before: Iterable[_Kept], after: Iterable[_Kept], now_ms: int) -> None:
        table = schema.check_ins
        gone = [check_in_id(source, kept.check_in.theirs, kept.check_in.direction, kept.version) for kept in before]
        for start in range(0, len(gone), 500):
            self._connection.execute(delete(table).where(table.c.id.in_(gone[start : start + 500])))
        put(self._connection, table, [_row(source, kept, now_ms) for kept in after])

    def _follow(self, source: str, before: Iterable[_Kept], after: Iterable[_Kept]) -> None:
        """Presence: of cards that something was taken back from, by all that is known of them; of others as usual."""
        place = place_of(source)
        gone = {(place, "", kept.seq) for kept in before}
        again = {kept.check_in.card for kept in before if kept.check_in.moves}
        cards = {card for card in again if card is not None}
        seen = [reported(source, kept.check_in, kept.seq) for kept in after]
        fresh = fold(one for one in seen if one is not None and one.card not in cards)
        if fresh:
            self.see(list(fresh.values()))
        if not cards:
            return
        still = fold(one for one in history(self, cards) if one[1:4] not in gone)
        self.replace(list(still.values()))
        self._forget(cards - still.keys())

    def _forget(self, cards: Collection[CardKey]) -> None:
        """Of these nothing is known any more."""
        if cards:
            change = self.next_change()
            self._connection.execute(delete(schema.presence).where(among(schema.presence, cards)))
            keep_counting(self._connection, change)


def _after(before: _Kept | None, told: CheckIn) -> _Kept | None:
    """What is to be kept now; None when nothing has changed."""
    if before is None:
        return None if told.deleted else _Kept(0, 1, told)
    if told.deleted:
        told = before.check_in._replace(deleted=True)
    return None if told == before.check_in else _Kept(0, before.version + 1, told)


def _row(source: str, kept: _Kept, now_ms: int) -> dict[str, Any]:
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
