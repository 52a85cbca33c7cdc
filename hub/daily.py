"""Read models of a day, for plots: who was inside through it, badges a minute, refusals by reason.

Each function reads one moment, looks at the events of its own time alone, by their index, and may raise StoreError.
Words of the office and what other systems told, of which there are few, are looked through.
Times are Unix milliseconds in UTC; an event is when its gate says that it was.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import Connection, and_, case, func, not_, select

from gate.uplink.contract import WireClock
from hub.corrections import LOOK_BACK, Boot, Correction
from hub.curves import Badges, Inside, Steps, badges, people_inside
from hub.intake import UNREADABLE
from hub.presence import MOVES, PASSAGE_COMPLETED, CardKey, ClosingRule, Sighting, by_hand, reported
from hub.records import JournalKey
from hub.stays import day_begins_ms
from hub.store import HubStore, schema
from hub.store.intake import check_in_of, sighting_of
from hub.tally import BADGE_GRANTED, BADGE_REFUSED, NONE

DAY_MS = 86_400_000
FIRST_LOOK = 20
"""Records before a boot's clock was set: usually there are hardly any."""
UNCLOSED_MS = 14 * DAY_MS
"""How far back is looked for who was inside, where check-outs are never closed. Who came in before that, and was seen
since, counts from when he was seen."""


class Day(NamedTuple):
    """From when until when a day is, by the site's clocks: 23 to 25 hours."""

    from_ms: int
    until_ms: int


def day_of(day: date, zone: ZoneInfo) -> Day:
    """That day."""
    return Day(day_begins_ms(day, zone), day_begins_ms(day + timedelta(days=1), zone))


def inside_through(store: HubStore, plot: Steps, rule: ClosingRule | None, now_ms: int) -> list[Inside]:
    """How many were inside at each step, by all that is known now: a passage that is told late, or at a time that was
    put right, counts where it belongs."""
    # Whoever was seen before that has been closed by the rule when the plot begins: it waits for an hour of the day,
    # and a day has 25 hours at the most.
    back_ms = rule.after_ms + DAY_MS + 3_600_000 if rule is not None else UNCLOSED_MS
    from_ms, until_ms = plot.from_ms - back_ms, min(now_ms, plot.until_ms)
    with store.reading() as connection:
        seen = [
            *_last_seen(connection, from_ms if rule is not None else 0, until_ms),
            *_passages(connection, from_ms, until_ms),
            *_by_hand(connection, from_ms, until_ms),
            *_reported(connection, from_ms, until_ms),
        ]
    return people_inside(seen, rule, plot, now_ms)


def badges_through(store: HubStore, plot: Steps) -> list[Badges]:
    """Cards shown in each step."""
    table = schema.events
    since = table.c.time_ms - plot.from_ms
    begins = (since - since % plot.step_ms).label("begins")
    granted = func.sum(case((table.c.kind == BADGE_GRANTED, 1), else_=0))
    chosen = select(begins, granted, func.count()).where(
        table.c.time_ms >= plot.from_ms,
        table.c.time_ms < plot.until_ms,
        table.c.kind.in_((BADGE_GRANTED, BADGE_REFUSED)),
    )
    with store.reading() as connection:
        rows = connection.execute(chosen.group_by("begins")).all()
    return badges({row[0] // plot.step_ms: (int(row[1]), int(row[2] - row[1])) for row in rows}, plot)


def refusals(store: HubStore, from_ms: int, until_ms: int) -> list[tuple[str, int]]:
    """How many badges were refused for which reason, the most frequent first."""
    table = schema.events
    counted = (
        select(table.c.reason, func.count())
        .where(table.c.time_ms >= from_ms, table.c.time_ms < until_ms, table.c.kind == BADGE_REFUSED)
        .group_by(table.c.reason)
    )
    with store.reading() as connection:
        found = [(reason or NONE, count) for reason, count in connection.execute(counted)]
    return sorted(found, key=lambda one: (-one[1], one[0]))


class _Data(msgspec.Struct, frozen=True):
    clock: WireClock
    zone: str | None = None


class _Body(msgspec.Struct, frozen=True):
    """Of a record, what a plot needs and no column has."""

    data: _Data


_body = msgspec.json.Decoder(_Body)
_ROWS = select(
    *(
        schema.events.c[name]
        for name in ("time_ms", "gate", "epoch", "seq", "kind", "scheme", "number", "direction", "body")
    )
)


def _last_seen(connection: Connection, from_ms: int, until_ms: int) -> Iterator[Sighting]:
    """Of each card, as far as it is of that time: also of those whose record is gone by the site's rules of
    retention."""
    table = schema.presence
    return map(sighting_of, connection.execute(select(table).where(table.c.time_ms.between(from_ms, until_ms))))


def _by_hand(connection: Connection, from_ms: int, until_ms: int) -> Iterator[Sighting]:
    """What people at the office said."""
    table = schema.hand_marks
    for row in connection.execute(select(table).where(table.c.at_ms.between(from_ms, until_ms))):
        yield by_hand(CardKey(row.scheme, row.number), row.direction, row.at_ms, row.id)


def _reported(connection: Connection, from_ms: int, until_ms: int) -> Iterator[Sighting]:
    """What other systems at the site told."""
    table = schema.check_ins
    moves = and_(table.c.at_ms.between(from_ms, until_ms), table.c.direction.in_(MOVES), table.c.number.is_not(None))
    for row in connection.execute(select(table).where(moves, not_(table.c.deleted))):
        seen = reported(row.source, check_in_of(row), row.seq)
        if seen is not None:
            yield seen


def _passages(connection: Connection, from_ms: int, until_ms: int) -> Iterator[Sighting]:
    """At their right times. What was seen by a clock that was put right later is found by its boot, as its own time
    may be any; all else by its time."""
    corrected = _corrected_boots(connection)
    within = schema.events.c.time_ms.between(from_ms, until_ms)
    for row in connection.execute(_ROWS.where(within, schema.events.c.kind == PASSAGE_COMPLETED)):
        data = _body.decode(row.body).data
        if data.clock.trusted or Boot(JournalKey(row.gate, row.epoch), data.clock.boot) not in corrected:
            yield from _sighting(row, data, row.time_ms)
    for correction in _said_since(connection, from_ms):
        if correction.offset_ms <= until_ms:
            yield from _put_right(connection, correction)


def _corrected_boots(connection: Connection) -> set[Boot]:
    """The boots whose clock was put right."""
    return {_correction(row).boot for row in connection.execute(select(schema.clock_corrections))}


def _said_since(connection: Connection, from_ms: int) -> list[Correction]:
    """Those that came after that time: what they hold for was before them."""
    table, events = schema.clock_corrections, schema.events
    place = and_(events.c.gate == table.c.gate, events.c.epoch == table.c.epoch, events.c.seq == table.c.seq)
    # Each looked up by its place: joined, it would be the events of the whole time that are walked.
    said_ms = select(events.c.time_ms).where(place).scalar_subquery()
    rows = connection.execute(select(table).where(said_ms >= from_ms)).all()
    return [_correction(row) for row in rows]


def _correction(row: Any) -> Correction:
    return Correction(Boot(JournalKey(row.gate, row.epoch), row.boot), row.seq, row.offset_ms)


def _put_right(connection: Connection, correction: Correction) -> Iterator[Sighting]:
    """The passages of the boot before its clock was set: they reach down from the correction without a gap."""
    table, (key, boot) = schema.events, correction.boot
    mine = and_(table.c.gate == key.gate, table.c.epoch == key.epoch)
    below, reach = correction.seq, FIRST_LOOK
    while True:
        found = connection.execute(
            _ROWS.where(mine, table.c.seq < below).order_by(table.c.seq.desc()).limit(reach)
        ).all()
        for row in found:
            if not row.body:
                # Deleted by the site's rules, and so is what came before.
                return
            if row.kind == UNREADABLE:
                continue
            data = _body.decode(row.body).data
            if data.clock.boot != boot or data.clock.trusted:
                return
            if row.kind == PASSAGE_COMPLETED:
                yield from _sighting(row, data, data.clock.monotonic_ms + correction.offset_ms)
        if len(found) < reach:
            return
        below, reach = found[-1].seq, LOOK_BACK


def _sighting(row: Any, data: _Data, time_ms: int) -> Iterator[Sighting]:
    """None for a passage that says neither who nor which way, as `hub.corrections.passage_of` has it."""
    _, gate, epoch, seq, _, scheme, number, direction, _ = row
    if number is not None and direction in MOVES:
        yield Sighting(time_ms, gate, epoch, seq, CardKey(scheme, number), direction, led_to=data.zone)
