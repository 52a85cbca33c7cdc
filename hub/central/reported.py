"""What other systems at the site have reported, as streams that targets can be told of: `hub.central.streams` in part.

A check-in that its source has changed is told anew under a new id and number, and what it was before is there no more.
One that was taken back is told as WITHDRAWN, a confirmation as CONFIRMED: neither is a movement.
"""

from typing import Any

from sqlalchemy import Connection, func, or_, select

from hub.central.happening import (
    ALARM_STREAM,
    CONFIRMED,
    OFFICE_STREAM,
    REPORTED,
    WITHDRAWN,
    Happening,
    Stream,
)
from hub.presence import MOVES, Certainty, CheckIn, place_of
from hub.store import schema
from hub.store.intake import check_in_of


def is_reported(stream: Stream) -> bool:
    """Whether it is another system's."""
    return stream.name.startswith(place_of("")) and stream.name not in (OFFICE_STREAM, ALARM_STREAM)


def ends(connection: Connection) -> dict[Stream, int]:
    """How far each of these streams reaches: the last number that was given."""
    table = schema.sources
    return {Stream(place_of(row.name)): int(row.seq) for row in connection.execute(select(table.c.name, table.c.seq))}


def begins(connection: Connection, from_ms: int) -> dict[Stream, int]:
    """The first number of each that tells of something from that time on, or that was told since."""
    table = schema.check_ins
    late = or_(table.c.at_ms >= from_ms, table.c.received_ms >= from_ms)
    chosen = select(table.c.source, func.min(table.c.seq).label("seq")).where(late).group_by(table.c.source)
    return {Stream(place_of(row.source)): int(row.seq) for row in connection.execute(chosen)}


def chosen(stream: Stream) -> tuple[Any, Any]:
    """The statement that reads one of these streams, and the column of its numbers."""
    table = schema.check_ins
    return select(table).where(table.c.source == stream.name.removeprefix(place_of(""))), table.c.seq


def told(stream: Stream, row: Any) -> Happening:
    """A row as it is told."""
    check_in = check_in_of(row)
    return Happening(
        row.id,
        stream,
        row.seq,
        _kind(check_in),
        check_in.at_ms,
        row.received_ms,
        card=check_in.card,
        direction=check_in.direction,
        certainty=Certainty.REPORTED,
        detail={"source": row.source, "version": row.version},
    )


def _kind(check_in: CheckIn) -> str:
    if check_in.deleted:
        return WITHDRAWN
    return REPORTED if check_in.direction in MOVES else CONFIRMED
