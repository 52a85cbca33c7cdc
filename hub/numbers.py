"""Read model: the hub in numbers, for whoever watches many sites. Of one moment, and about nobody.

Cheap whatever is stored: of the events only today's are looked at, by their time; the rest are the few rows of gates,
journals, counters and targets, and one row for each card that was ever seen.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass

from sqlalchemy import Connection, func, not_, select, true

from gate.uplink.contract import Status
from gate.zones import OUTSIDE
from hub import queries
from hub.central.overview import AlarmLine, TargetLine, alarm_lines, target_lines
from hub.config import HubConfig, PostgresAddress, closing_rule, database, time_zone
from hub.presence import SURE_OF, Certainty, ClosingRule, standing
from hub.queries import GateLine
from hub.stays import day_begins_ms, local_day
from hub.store import HubStore, WatchedStore, schema
from hub.store.intake import sighting_of
from hub.tally import BADGES, PASSAGES, Tally, tally_named, tally_of


@dataclass(frozen=True, slots=True)
class ListNumbers:
    """The list that the gates should have; times are None before the first, and until all gates on line have it."""

    revision: int
    permits: int
    digest: str
    made_ms: int | None
    at_gates_ms: int | None


@dataclass(frozen=True, slots=True)
class GateNumbers:
    """One gate. `status` is None for one that has sent events, but never said how it is."""

    line: GateLine
    status: Status | None


@dataclass(frozen=True, slots=True)
class Numbers:
    """The whole hub. `counters` only ever grow; `today` begins anew with the site's day."""

    site: str
    database: str
    counters: Mapping[str, int]
    tallies: Mapping[Tally, int]
    today: Mapping[tuple[str, Tally], int]
    inside: Mapping[tuple[str, str], int]
    """By zone and by how sure it is (`hub.presence.Sure`)."""
    quarantined: int
    mustering: bool
    list: ListNumbers
    gates: Sequence[GateNumbers]
    targets: Sequence[TargetLine]
    alarms: Sequence[AlarmLine]
    size_bytes: int
    purged_ms: int | None
    """When something was last deleted because its time was over."""


def look(config: HubConfig, now_ms: int) -> Numbers:
    """Open the hub's database, read all of it of one moment, and close it again: a database that was put back from
    a backup, or was away, is the next time simply the one that is there. Raises StoreError."""
    with closing(WatchedStore(database(config))) as store:
        return numbers(store, config, now_ms)


def numbers(store: HubStore, config: HubConfig, now_ms: int) -> Numbers:
    """The hub in numbers. Raises StoreError."""
    with store.at_one_moment() as moment, moment.reading() as connection:
        table = schema.counters
        counters = {row.name: row.value for row in connection.execute(select(table))}
        tallies = {tally: value for name, value in counters.items() if (tally := tally_named(name)) is not None}
        return Numbers(
            site=config.site,
            database="postgresql" if isinstance(database(config), PostgresAddress) else "sqlite",
            counters={name: counters.get(name, 0) for name in queries.COUNTERS},
            tallies=tallies,
            today=_today(connection, day_start_ms(config, now_ms)),
            inside=_inside(connection, closing_rule(config.presence), now_ms),
            quarantined=connection.scalar(select(func.count()).select_from(schema.quarantine)) or 0,
            mustering=connection.scalar(select(schema.musters.c.id).where(schema.musters.c.running)) is not None,
            list=_list(moment, connection),
            gates=_gates(moment),
            targets=target_lines(moment, config.targets, now_ms),
            alarms=alarm_lines(moment),
            size_bytes=store.size_bytes(),
            purged_ms=connection.scalar(select(schema.purges.c.at_ms).order_by(schema.purges.c.number.desc()).limit(1)),
        )


def day_start_ms(config: HubConfig, now_ms: int) -> int:
    """When the day began by the site's clocks."""
    zone = time_zone(config.presence)
    return day_begins_ms(local_day(now_ms, zone), zone)


def _today(connection: Connection, from_ms: int) -> dict[tuple[str, Tally], int]:
    """By gate, of what the gates' own clocks say was today."""
    table = schema.events
    columns = (table.c.gate, table.c.kind, table.c.direction, table.c.reason)
    counted = (
        select(*columns, func.count().label("number"))
        .where(table.c.time_ms >= from_ms, table.c.kind.in_((*BADGES, *PASSAGES)))
        .group_by(*columns)
    )
    found: Counter[tuple[str, Tally]] = Counter()
    for row in connection.execute(counted):
        tally = tally_of(row.kind, row.direction, row.reason)
        if tally is not None:
            found[row.gate, tally] += row.number
    return dict(found)


def _inside(connection: Connection, closing_: ClosingRule | None, now_ms: int) -> dict[tuple[str, str], int]:
    """Whom the rule cannot have closed yet, the database counts; only who was seen long ago is looked at one by one."""
    table = schema.presence
    inside = table.c.zone != OUTSIDE
    lately = table.c.time_ms > now_ms - closing_.after_ms if closing_ is not None else true()
    counted = select(table.c.zone, table.c.certainty, func.count()).where(inside, lately)
    found: Counter[tuple[str, str]] = Counter()
    for zone, certainty, number in connection.execute(counted.group_by(table.c.zone, table.c.certainty)):
        found[zone, SURE_OF[Certainty(certainty)].value] += number
    for row in connection.execute(select(table).where(inside, not_(lately))):
        where = standing(sighting_of(row), now_ms, closing_)
        if where.inside:
            found[where.zone, where.sure.value] += 1
    return dict(found)


def _list(moment: HubStore, connection: Connection) -> ListNumbers:
    head = moment.list_head()
    table = schema.revisions
    row = connection.execute(select(table).where(table.c.revision == head.revision)).first()
    return ListNumbers(
        head.revision, head.count, head.digest, row.made_ms if row else None, row.confirmed_ms if row else None
    )


def _gates(moment: HubStore) -> list[GateNumbers]:
    healths = moment.gate_health()
    return [
        GateNumbers(line, healths[line.gate].status if line.gate in healths else None)
        for line in queries.gates(moment).gates
    ]
