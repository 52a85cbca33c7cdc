"""What other systems at the site have reported, as streams that targets can be told of.

A check-in that its source has changed is told anew under a new id and number, and what it was before is there no more.
One that was taken back is told as WITHDRAWN, a confirmation as CONFIRMED: neither is a movement.
"""

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, func, select

from hub.central.happening import CONFIRMED, REPORTED, WITHDRAWN, Happening, Stream
from hub.presence import MOVES, Certainty, CheckIn, place_of
from hub.store import schema
from hub.store.intake import check_in_of


def ends(connection: Connection) -> dict[Stream, int]:
    """How far each of these streams reaches: the last number that was given."""
    table = schema.sources
    return {Stream(place_of(row.name)): int(row.seq) for row in connection.execute(select(table.c.name, table.c.seq))}


def read(connection: Connection, stream: Stream, after: int, through: int, limit: int) -> list[Happening]:
    """The next of a stream, after that number and up to the other one, in order. What was deleted, or has changed
    since, is passed over."""
    table = schema.check_ins
    chosen = select(table).where(table.c.source == _source(stream), table.c.seq > after, table.c.seq <= through)
    return [_told(stream, row) for row in connection.execute(chosen.order_by(table.c.seq).limit(limit))]


def find(connection: Connection, stream: Stream, seqs: Collection[int]) -> list[Happening]:
    """Those of these numbers that are still there."""
    table = schema.check_ins
    asked = sorted(seqs)
    found: list[Happening] = []
    for start in range(0, len(asked), 500):
        chosen = table.c.seq.in_(asked[start : start + 500])
        rows = connection.execute(select(table).where(table.c.source == _source(stream), chosen))
        found += [_told(stream, row) for row in rows]
    return found


def how_many(connection: Connection, stream: Stream, after: int) -> int:
    """How many of a stream come after that number."""
    table = schema.check_ins
    chosen = select(func.count()).where(table.c.source == _source(stream), table.c.seq > after)
    return connection.scalar(chosen) or 0


def _source(stream: Stream) -> str:
    return stream.name.removeprefix(place_of(""))


def _told(stream: Stream, row: Any) -> Happening:
    told = check_in_of(row)
    return Happening(
        row.id,
        stream,
        row.seq,
        _kind(told),
        told.at_ms,
        row.received_ms,
        card=told.card,
        direction=told.direction,
        certainty=Certainty.REPORTED,
        detail={"source": row.source, "version": row.version},
    )


def _kind(told: CheckIn) -> str:
    if told.deleted:
        return WITHDRAWN
    return REPORTED if told.direction in MOVES else CONFIRMED
