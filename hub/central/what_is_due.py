"""What of a target's queue may go now: a look costs what it finds, however much waits behind that.

Databases plan by what a table was like a while ago, and a queue may have grown by a hundred thousand since. So nothing
is asked here for each row of another question: a bad plan may cost a walk through the queue, never one for each row.
The statements are made once, as putting one together takes longer than running it.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, bindparam, select, union_all

from hub.central.delivery import OPEN, State
from hub.store import schema

HEAD = 60
"""So many of those that wait are looked at, however few may go."""
FOR_EACH = 2
"""And so many for each that may go: a feed tells two things of each passage."""
CARDS_AT_ONCE = 500

_ROWS = schema.deliveries
_TARGET = bindparam("target", type_=_ROWS.c.target.type)
_WAITING = (
    select(_ROWS.c.due_ms, _ROWS.c.at_ms, _ROWS.c.id, _ROWS.c.scheme, _ROWS.c.number)
    .where(
        _ROWS.c.target == _TARGET,
        _ROWS.c.state == State.WAITING.value,
        _ROWS.c.due_ms <= bindparam("now_ms"),
        _ROWS.c.id.not_in(bindparam("under_way", type_=_ROWS.c.id.type, expanding=True)),
    )
    # The index has this order. With the id in it as well PostgreSQL might sort the whole queue.
    .order_by(_ROWS.c.due_ms, _ROWS.c.at_ms)
    .limit(bindparam("limit"))
    .offset(bindparam("offset"))
)
_OPEN_OF_CARDS = select(_ROWS.c.number, _ROWS.c.at_ms, _ROWS.c.id).where(
    _ROWS.c.target == _TARGET,
    _ROWS.c.scheme == bindparam("scheme", type_=_ROWS.c.scheme.type),
    _ROWS.c.number.in_(bindparam("numbers", type_=_ROWS.c.number.type, expanding=True)),
    _ROWS.c.state.in_([one.value for one in OPEN]),
    _ROWS.c.at_ms <= bindparam("at_ms"),
)
_WHOLE = select(_ROWS).where(
    _ROWS.c.target == _TARGET, _ROWS.c.id.in_(bindparam("ids", type_=_ROWS.c.id.type, expanding=True))
)
_SOONEST = union_all(
    *(
        # Each the first of an index, which the least of both is not.
        select(
            select(_ROWS.c.due_ms)
            .where(_ROWS.c.target == _TARGET, _ROWS.c.state == state.value, _ROWS.c.due_ms >= bindparam("from_ms"))
            .order_by(_ROWS.c.due_ms)
            .limit(1)
            .subquery()
            .c.due_ms
        )
        for state in OPEN
    )
)


class _Waiting(NamedTuple):
    """One that may be sent, if nothing of its card is before it. The order is that of sending."""

    due_ms: int
    at_ms: int
    id: str
    scheme: str | None
    number: str | None


def due(connection: Connection, target: str, now_ms: int, most: int, under_way: Collection[str]) -> list[Row[Any]]:
    """Rows of `deliveries` that may be sent now, of each card the earliest that is open; what was never tried goes
    before what has failed.

    Looked for at the head of the queue. Further on only when nothing there can go and nothing is under way: as long as
    something is, its answer makes room.
    """
    found: list[_Waiting] = []
    size, offset = max(HEAD, FOR_EACH * most), 0
    while not found:
        given = {"target": target, "now_ms": now_ms, "under_way": list(under_way), "limit": size, "offset": offset}
        rows = [_Waiting._make(row) for row in connection.execute(_WAITING, given)]
        first = _first_of_cards(rows)
        for start in range(0, len(first), CARDS_AT_ONCE):
            found += _unblocked(connection, target, first[start : start + CARDS_AT_ONCE])
            if len(found) >= most:
                break
        if len(rows) < size or under_way:
            break
        offset += size
        size *= FOR_EACH
    ids = [one.id for one in sorted(found)[:most]]
    whole = {row.id: row for row in connection.execute(_WHOLE, {"target": target, "ids": ids})} if ids else {}
    return [whole[one] for one in ids]


def next_due_ms(connection: Connection, target: str, from_ms: int) -> int | None:
    """When something may be sent or asked for, from that time on; None when nothing is open."""
    return min(connection.scalars(_SOONEST, {"target": target, "from_ms": from_ms}), default=None)


def _first_of_cards(rows: Sequence[_Waiting]) -> list[_Waiting]:
    """Of each card the earliest; what has no card waits for nobody."""
    first: dict[object, _Waiting] = {}
    for row in rows:
        key = (row.scheme, row.number) if row.number is not None else row.id
        known = first.get(key)
        if known is None or row[1:3] < known[1:3]:
            first[key] = row
    return list(first.values())


def _unblocked(connection: Connection, target: str, rows: Sequence[_Waiting]) -> list[_Waiting]:
    """Those of these, each of another card, before which nothing of their card is open."""
    by_scheme: dict[str | None, list[_Waiting]] = defaultdict(list)
    for row in rows:
        by_scheme[row.scheme].append(row)
    free = by_scheme.pop(None, [])
    for scheme, theirs in by_scheme.items():
        given = {
            "target": target,
            "scheme": scheme,
            "numbers": [row.number for row in theirs],
            "at_ms": max(row.at_ms for row in theirs),
        }
        earliest: dict[str, tuple[int, str]] = {}
        for number, at_ms, key in connection.execute(_OPEN_OF_CARDS, given):
            earliest[number] = min(earliest.get(number, (at_ms, key)), (at_ms, key))
        free += [row for row in theirs if row.number is None or earliest[row.number] == (row.at_ms, row.id)]
    return free
