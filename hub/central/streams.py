"""All that targets are told of, stream by stream, from the hub's database.

A gate's journal is a stream as far as it is whole here: what is missing in the middle comes first. The words of the
office and the hub's own alarms are streams of their own.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, func, select

from gate.uplink.contract import ContractError, WireEvent, decode_event, event_id
from hub.central import reported
from hub.central.happening import (
    ALARM_CLEARED,
    ALARM_RAISED,
    ALARM_STREAM,
    BY_HAND,
    OFFICE_STREAM,
    Happening,
    Place,
    Stream,
)
from hub.corrections import Boot, Correction
from hub.presence import CardKey, Certainty
from hub.records import JournalKey
from hub.retention import PURGED
from hub.store import SqlEventTransaction, schema


class Piece(NamedTuple):
    """Some of a stream, and up to which number it was read."""

    happenings: list[Happening]
    through: int


class Span(NamedTuple):
    """A stretch of a stream: all after `after`, up to and with `through`."""

    stream: Stream
    after: int
    through: int


def ends(connection: Connection) -> dict[Stream, int]:
    """How far each stream reaches."""
    journals, marks, alarms = schema.journals, schema.hand_marks, schema.alarms
    rows = connection.execute(select(journals.c.gate, journals.c.epoch, journals.c.through))
    found = {Stream(row.gate, row.epoch): int(row.through) for row in rows}
    found[Stream(OFFICE_STREAM)] = connection.scalar(select(func.max(marks.c.id))) or 0
    found[Stream(ALARM_STREAM)] = connection.scalar(select(func.max(alarms.c.id))) or 0
    return found | reported.ends(connection)


def begins(connection: Connection, from_ms: int) -> dict[Stream, int]:
    """The first number of each stream that tells of something from that time on, or that was told since."""
    events, marks, alarms = schema.events, schema.hand_marks, schema.alarms
    chosen = select(events.c.gate, events.c.epoch, func.min(events.c.seq).label("seq")).where(
        events.c.time_ms >= from_ms
    )
    rows = connection.execute(chosen.group_by(events.c.gate, events.c.epoch))
    found = {Stream(row.gate, row.epoch): int(row.seq) for row in rows}
    for stream, seq in _received_since(connection, from_ms).items():
        found[stream] = min(seq, found.get(stream, seq))
    for stream, first in (
        (Stream(OFFICE_STREAM), select(func.min(marks.c.id)).where(marks.c.made_ms >= from_ms)),
        (Stream(ALARM_STREAM), select(func.min(alarms.c.id)).where(alarms.c.at_ms >= from_ms)),
    ):
        if (number := connection.scalar(first)) is not None:
            found[stream] = number
    return found | reported.begins(connection, from_ms)


def _received_since(connection: Connection, from_ms: int) -> dict[Stream, int]:
    """The first number of each journal that came in since then: a clock that nobody had set shows any time.

    Back from its end, so that what is older is not read.
    """
    events, journals = schema.events, schema.journals
    found: dict[Stream, int] = {}
    for row in connection.execute(select(journals.c.gate, journals.c.epoch, journals.c.through)):
        before = select(events.c.seq).where(
            events.c.gate == row.gate,
            events.c.epoch == row.epoch,
            events.c.seq <= row.through,
            events.c.received_ms < from_ms,
        )
        last = connection.scalar(before.order_by(events.c.seq.desc()).limit(1)) or 0
        if last < row.through:
            found[Stream(row.gate, row.epoch)] = last + 1
    return found


def read(connection: Connection, site: str, span: Span, limit: int) -> Piece:
    """The beginning of a span. What was deleted is passed over."""
    chosen, seq = _select(span.stream)
    within = chosen.where(seq > span.after, seq <= span.through)
    rows = connection.execute(within.order_by(seq).limit(limit)).all()
    reached = int(rows[-1].seq) if len(rows) == limit else span.through
    return Piece(_told(connection, site, span.stream, rows), reached)


def find(connection: Connection, site: str, places: Iterable[Place]) -> list[Happening]:
    """Those that are still there."""
    by_stream: dict[Stream, list[int]] = {}
    for place in places:
        by_stream.setdefault(place.stream, []).append(place.seq)
    found: list[Happening] = []
    for stream, seqs in by_stream.items():
        chosen, seq = _select(stream)
        for start in range(0, len(seqs), 500):
            rows = connection.execute(chosen.where(seq.in_(seqs[start : start + 500]))).all()
            found += _told(connection, site, stream, rows)
    return found


def _select(stream: Stream) -> tuple[Any, Any]:
    if stream.name == OFFICE_STREAM:
        marks = schema.hand_marks
        return select(marks.c.id.label("seq"), marks), marks.c.id
    if stream.name == ALARM_STREAM:
        alarms = schema.alarms
        return select(alarms.c.id.label("seq"), alarms), alarms.c.id
    if reported.is_reported(stream):
        return reported.chosen(stream)
    events = schema.events
    return select(events).where(events.c.gate == stream.name, events.c.epoch == stream.epoch), events.c.seq


def _told(connection: Connection, site: str, stream: Stream, rows: Sequence[Any]) -> list[Happening]:
    if stream.name == OFFICE_STREAM:
        return [_of_mark(site, stream, row) for row in rows]
    if stream.name == ALARM_STREAM:
        return [_of_alarm(site, stream, row) for row in rows]
    if reported.is_reported(stream):
        return [reported.told(stream, row) for row in rows]
    corrections = SqlEventTransaction(connection).corrections([JournalKey(*stream)]) if rows else {}
    return [happening_of(stream, row, corrections) for row in rows if row.kind != PURGED]


def happening_of(stream: Stream, row: Any, corrections: Mapping[Boot, Correction]) -> Happening:
    try:
        event = decode_event(row.body)
    except ContractError:
        return Happening(row.id, stream, row.seq, row.kind, row.time_ms, row.received_ms, gate=row.gate)
    data = event.data
    at_ms, certainty = _time(event, row, corrections)
    return Happening(
        row.id,
        stream,
        row.seq,
        row.kind,
        at_ms,
        row.received_ms,
        card=CardKey(data.card.scheme, data.card.number) if data.card else None,
        direction=data.direction,
        gate=row.gate,
        lane=data.lane,
        zone=data.zone,
        medium=data.medium,
        reason=data.reason,
        warnings=data.warnings,
        certainty=certainty,
        detail=data.detail,
    )


def _time(event: WireEvent, row: Any, corrections: Mapping[Boot, Correction]) -> tuple[int | None, Certainty]:
    clock = event.data.clock
    if clock.trusted or row.time_ms is None:
        return row.time_ms, Certainty.CERTAIN
    correction = corrections.get(Boot(JournalKey(row.gate, row.epoch), clock.boot))
    if correction is None:
        return row.time_ms, Certainty.CLOCK_UNTRUSTED
    return clock.monotonic_ms + correction.offset_ms, Certainty.CLOCK_CORRECTED


def _of_mark(site: str, stream: Stream, row: Any) -> Happening:
    return Happening(
        event_id(site, stream.name, stream.epoch, row.seq),
        stream,
        row.seq,
        BY_HAND,
        row.at_ms,
        row.made_ms,
        card=CardKey(row.scheme, row.number),
        direction=row.direction,
        certainty=Certainty.MANUAL,
    )


def _of_alarm(site: str, stream: Stream, row: Any) -> Happening:
    return Happening(
        event_id(site, stream.name, stream.epoch, row.seq),
        stream,
        row.seq,
        ALARM_RAISED if row.raised else ALARM_CLEARED,
        row.at_ms,
        row.at_ms,
        reason=row.name,
        detail={"subject": row.subject, "words": row.words},
    )
