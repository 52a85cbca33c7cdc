"""The site's own rules about entering: hours, rest, passing twice, how many and who with them. Pure.

A rule refuses, warns or is off, and never touches an exit (P6). Times of day and days are those of the
site's time zone, so an hour that daylight saving skips or repeats is what the clock on the wall shows.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from enum import StrEnum, unique
from typing import TypeAlias

from gate.model import LastPassage
from gate.zones import OUTSIDE, SITE, within

DAY_MS = 86_400_000


@unique
class Action(StrEnum):
    """What a rule does when it applies."""

    REFUSE = "refuse"
    WARN = "warn"
    OFF = "off"

    def at_most(self, other: "Action") -> "Action":
        """The milder of the two."""
        return max(self, other, key=tuple(Action).index)


EVERYBODY = ""
Crowd: TypeAlias = Mapping[tuple[str, str], int]
"""How many are in a zone, of a group: (zone, group), with EVERYBODY for all of them. What is absent is 0."""


@unique
class ListPolicy(StrEnum):
    """Whom a gate lets in by a list that nobody has confirmed for a while. SEEN_HERE: whom it knows by
    itself, from the days before."""

    EVERYBODY = "everybody"
    SEEN_HERE = "seen_here"
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class OpeningHours:
    """From `opens` until `closes` on these weekdays (Monday is 0), at these lanes, for these groups; None is
    all of them.

    With `closes` at or before `opens` it lasts over midnight, into the day after.
    """

    days: frozenset[int]
    opens: time
    closes: time
    lanes: frozenset[str] | None = None
    groups: frozenset[str] | None = None

    def speaks_of(self, lane: str) -> bool:
        """Whether these hours are about this lane."""
        return self.lanes is None or lane in self.lanes

    def holds(self, groups: Collection[str], local: datetime) -> bool:
        """Whether somebody of these groups may enter at this local time."""
        if self.groups is not None and self.groups.isdisjoint(groups):
            return False
        at = local.time().replace(tzinfo=None)
        if self.opens < self.closes:
            return local.weekday() in self.days and self.opens <= at < self.closes
        yesterday = (local.weekday() - 1) % 7
        return (local.weekday() in self.days and at >= self.opens) or (yesterday in self.days and at < self.closes)


def is_open(hours: Iterable[OpeningHours], lane: str, groups: Collection[str], local: datetime) -> bool:
    """Whether any of the hours that speak of this lane holds; a lane that none speaks of is always open."""
    speaking = [one for one in hours if one.speaks_of(lane)]
    return not speaking or any(one.holds(groups, local) for one in speaking)


@dataclass(frozen=True, slots=True)
class Passback:
    """Entering a zone twice without leaving it. Within `grace_ms` of the entry it is the same worker who was
    not quick enough; `for_ms` after it, or at `reset` local time, the entry is forgotten."""

    action: Action = Action.WARN
    for_ms: int | None = None
    grace_ms: int = 0
    reset: time | None = None

    def applies(self, last: LastPassage | None, entered: str, wall_ms: int, zone: tzinfo) -> bool:
        """Whether an entry to the zone `entered` now would be a second one; `zone` is the site's time zone."""
        if last is None or not within(last.zone, entered):
            return False
        since_ms = wall_ms - last.wall_ms
        if 0 <= since_ms < self.grace_ms:
            return False
        if self.for_ms is not None and since_ms > self.for_ms:
            return False
        return self.reset is None or not _passed(self.reset, last.wall_ms, wall_ms, zone)


WARN_OF_PASSBACK = Passback()


@dataclass(frozen=True, slots=True)
class Rest:
    """Hours between shifts. Out for less than `break_ms` is a break within one; for `least_ms` is rest."""

    action: Action = Action.OFF
    least_ms: int = 11 * 3_600_000
    break_ms: int = 3 * 3_600_000

    def is_short(self, last: LastPassage | None, wall_ms: int) -> bool:
        """Whether an entry now comes too soon after the last shift."""
        if last is None or last.zone != OUTSIDE:
            return False
        return self.break_ms <= wall_ms - last.wall_ms < self.least_ms


NO_REST_RULE = Rest()


@dataclass(frozen=True, slots=True)
class Occupancy:
    """At most `limit` in a zone. From `warn_at` on it is an alarm that the site manager sees."""

    limit: int
    zone: str = SITE
    warn_at: int | None = None
    action: Action = Action.REFUSE

    def is_full(self, crowd: Crowd) -> bool:
        """Whether one more would be too many."""
        return crowd.get((self.zone, EVERYBODY), 0) >= self.limit


@dataclass(frozen=True, slots=True)
class Cover:
    """Somebody of `group`, a first-aider say, is in the zone before the n-th worker goes in."""

    group: str
    before: int = 2
    zone: str = SITE
    action: Action = Action.WARN

    def is_missing(self, crowd: Crowd, groups: Collection[str]) -> bool:
        """Whether somebody of these groups would be the n-th without."""
        inside = crowd.get((self.zone, EVERYBODY), 0)
        return self.group not in groups and inside + 1 >= self.before and not crowd.get((self.zone, self.group), 0)


def is_newly_in(zone: str, entered: str, last: LastPassage | None) -> bool:
    """Whether an entry to the zone `entered` brings somebody into `zone` who is not there yet."""
    return within(entered, zone) and not (last is not None and within(last.zone, zone))


def _passed(moment: time, before_ms: int, now_ms: int, zone: tzinfo) -> bool:
    """Whether this time of day has gone by between two instants."""
    before = _local(before_ms, zone)
    coming = before.replace(hour=moment.hour, minute=moment.minute, second=0, microsecond=0)
    if coming <= before:
        coming = (coming.replace(tzinfo=None) + timedelta(days=1)).replace(tzinfo=zone)
    return coming.timestamp() * 1000 <= now_ms


def _local(wall_ms: int, zone: tzinfo) -> datetime:
    try:
        return datetime.fromtimestamp(wall_ms / 1000, zone)
    except (OverflowError, ValueError, OSError):
        # A clock outside years 1 to 9999 is no reason to keep anybody in (P6).
        return datetime(1970, 1, 2, tzinfo=UTC).astimezone(zone)
