"""Read model: how every target is, and what was set aside. Values, never rows; each function reads one moment."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import Connection, and_, func, select

from hub.central.delivery import OPEN, State
from hub.central.registry import REMARKS
from hub.config import TargetSettings
from hub.store import HubStore, schema

MAX_LINES = 1_000


@dataclass(frozen=True, slots=True)
class DailyLook:
    """What was counted when somebody looked last whether all of it had arrived."""

    at_ms: int
    from_ms: int
    expected: int
    accepted: int
    open: int
    aside: int
    missing: int


@dataclass(frozen=True, slots=True)
class TargetLine:
    """One target. `state` is `told` (nothing waits), `telling`, `waiting` (the receiver fails), `stopped` (wants a
    person), `unknown` (in the settings, never met by a running hub) or `left` (no longer in the settings).

    `waiting` counts what could be told now, `queued` what is in the receiver's own queue, `later` what is kept for its
    time. `oldest_ms` is since when the oldest of them could be told.
    """

    name: str
    kind: str
    state: str
    waiting: int = 0
    queued: int = 0
    later: int = 0
    accepted: int = 0
    aside: int = 0
    oldest_ms: int | None = None
    lag_ms: int = 0
    late: bool = False
    words: str = ""
    failures: int = 0
    next_try_ms: int | None = None
    accepted_ms: int | None = None
    look: DailyLook | None = None
    remark: str = ""
    """What has to be known of this kind of target to read its numbers."""


@dataclass(frozen=True, slots=True)
class AsideLine:
    """One thing that a receiver did not take, with its words."""

    target: str
    id: str
    at_ms: int
    scheme: str | None
    number: str | None
    words: str
    field: str | None
    attempts: int
    answered_ms: int | None


@dataclass(frozen=True, slots=True)
class AlarmLine:
    """Something that the hub itself found wrong, and has not seen mended."""

    name: str
    subject: str
    since_ms: int
    words: str


def target_lines(store: HubStore, settings: Sequence[TargetSettings], now_ms: int) -> list[TargetLine]:
    """Every target of the settings, in their order; then those that were once there."""
    with store.reading() as connection:
        known = {row.name: row for row in connection.execute(select(schema.targets))}
        counted = _counts(connection, known, now_ms)
        looks = _looks(connection)
    found = []
    for one in settings:
        if one.name in known:
            late_ms = round(one.deadline_min * 60_000)
            found.append(_line(known[one.name], counted, looks, now_ms, late_ms))
        else:
            found.append(TargetLine(one.name, one.kind, "unknown", remark=REMARKS.get(one.kind, "")))
    names = {one.name for one in settings}
    left = [_line(known[name], counted, looks, now_ms, None) for name in sorted(known.keys() - names)]
    return found + left


def aside_lines(store: HubStore, target: str | None = None, limit: int = 50) -> list[AsideLine]:
    """What was set aside, the newest first."""
    table = schema.deliveries
    chosen = select(table).where(table.c.state == State.ASIDE.value).order_by(table.c.answered_ms.desc(), table.c.id)
    if target is not None:
        chosen = chosen.where(table.c.target == target)
    with store.reading() as connection:
        rows = connection.execute(chosen.limit(max(1, min(limit, MAX_LINES))))
        return [
            AsideLine(
                row.target, row.id, row.at_ms, row.scheme, row.number, row.words, row.field, row.attempts,
                row.answered_ms,
            )
            for row in rows
        ]  # fmt: skip


def alarm_lines(store: HubStore) -> list[AlarmLine]:
    """What is wrong now, by the hub's own watch."""
    with store.reading() as connection:
        return standing_alarms(connection)


def standing_alarms(connection: Connection) -> list[AlarmLine]:
    """Those whose latest row has raised them."""
    table = schema.alarms
    latest = select(func.max(table.c.id)).group_by(table.c.name, table.c.subject)
    rows = connection.execute(select(table).where(table.c.id.in_(latest), table.c.raised).order_by(table.c.id))
    return [AlarmLine(row.name, row.subject, row.at_ms, row.words) for row in rows]


class _Rows(NamedTuple):
    number: int
    oldest_ms: int | None = None


def _counts(connection: Connection, names: Iterable[str], now_ms: int) -> dict[tuple[str, str], _Rows]:
    """By target and state; what is kept for its time counts as `later`.

    What is accepted grows as long as it is kept: it is counted in the index alone. Only open rows are looked at.
    """
    table = schema.deliveries
    found: dict[tuple[str, str], _Rows] = {}
    for name in names:
        mine = table.c.target == name
        by_state = select(table.c.state, func.count()).where(mine).group_by(table.c.state)
        found |= {(name, state): _Rows(count) for state, count in connection.execute(by_state)}
        for state in (one for one in OPEN if (name, one) in found):
            ready = and_(mine, table.c.state == state, table.c.ready_ms <= now_ms)
            told = select(func.count(), func.min(table.c.ready_ms)).where(ready)
            count, oldest_ms = connection.execute(told).one()
            if state is State.WAITING:
                found[name, "later"] = _Rows(found[name, state].number - count)
                found[name, state] = _Rows(count, oldest_ms)
            else:
                found[name, state] = _Rows(found[name, state].number, oldest_ms)
    return found


def _looks(connection: Connection) -> dict[str, DailyLook]:
    table = schema.reconciliations
    latest = select(table.c.target, func.max(table.c.at_ms)).group_by(table.c.target)
    newest = {row[0]: row[1] for row in connection.execute(latest)}
    found: dict[str, DailyLook] = {}
    for target, at_ms in newest.items():
        row = connection.execute(select(table).where(table.c.target == target, table.c.at_ms == at_ms)).one()
        found[target] = DailyLook(
            row.at_ms, row.from_ms, row.expected, row.accepted, row.open, row.aside, row.missing
        )  # fmt: skip
    return found


def _line(
    row: Any, counted: dict[tuple[str, str], _Rows], looks: dict[str, DailyLook], now_ms: int, late_ms: int | None
) -> TargetLine:
    def number(state: str) -> int:
        return counted[row.name, state].number if (row.name, state) in counted else 0

    oldest_ones = [counted[row.name, one].oldest_ms for one in OPEN if (row.name, one) in counted]
    oldest = min((one for one in oldest_ones if one is not None), default=None)
    lag_ms = max(0, now_ms - oldest) if oldest is not None else 0
    state = "told" if oldest is None else "telling"
    if late_ms is None:
        state = "left"
    elif row.stopped is not None:
        state = "stopped"
    elif row.failures:
        state = "waiting"
    return TargetLine(
        name=row.name,
        kind=row.kind,
        state=state,
        waiting=number(State.WAITING),
        queued=number(State.QUEUED),
        later=number("later"),
        accepted=number(State.ACCEPTED),
        aside=number(State.ASIDE),
        oldest_ms=oldest,
        lag_ms=lag_ms,
        late=late_ms is not None and lag_ms > late_ms,
        words=row.stopped or row.words,
        failures=row.failures,
        next_try_ms=row.pause_until_ms if row.failures else None,
        accepted_ms=row.accepted_ms,
        look=looks.get(row.name),
        remark=REMARKS.get(row.kind, ""),
    )
