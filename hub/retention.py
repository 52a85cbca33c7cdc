"""What must go, and when (P12). Pure.

Two clocks. Passages, and all that tells when somebody was where, go after so many days: they are kept to know
who is inside, not what somebody did in spring. The list of everybody who has worked here (oversiktsliste,
byggherreforskriften § 15) goes six months after the work has ended, and no sooner. Musters have days of their own.

What goes of a record is what it says. Its number, its hash and the hash before it stay: they are about no
person, and without them a record that is sent again would count twice (P3), and nobody could prove that the
rest was not edited.
"""

import calendar
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, tzinfo
from enum import StrEnum, unique
from typing import NamedTuple

DAY_MS = 86_400_000
LIST_MONTHS = 6
"""§ 15: to be kept until six months after the work has ended."""
SETTLING_MS = DAY_MS
"""What a gate tells late stays a day, however old it is: musters and corrections of clocks look at it."""
BELIEVED_MS = 366 * DAY_MS
"""A time that lies further before its arrival is that of a clock that was not set."""
PURGED = "purged"
"""The kind of a record whose contents are gone."""


@unique
class What(StrEnum):
    """Of what something goes."""

    PASSAGES = "passages"
    MUSTERS = "musters"
    CREW = "crew"
    PERSON = "person"
    """What was held about one person, who had asked for it."""


class Limits(NamedTuple):
    """What the site has set. `work_ended` is None while the work goes on."""

    passages_days: int
    musters_days: int
    work_ended: date | None
    zone: tzinfo


class Due(NamedTuple):
    """All of `what` goes that is from before `before_ms`. `rule` says why, for whoever asks."""

    what: What
    before_ms: int
    rule: str


class Gone(NamedTuple):
    """How much went, by name, and from which time on to which; None where nothing of it has a time."""

    counts: Mapping[str, int]
    oldest_ms: int | None
    newest_ms: int | None

    @property
    def total(self) -> int:
        """Of all names."""
        return sum(self.counts.values())


NOTHING = Gone({}, None, None)


def due(limits: Limits, now_ms: int, last_passage_ms: int | None) -> list[Due]:
    """What must go now."""
    found = [
        Due(What.PASSAGES, now_ms - limits.passages_days * DAY_MS, f"passages are kept {limits.passages_days} days"),
        Due(What.MUSTERS, now_ms - limits.musters_days * DAY_MS, f"musters are kept {limits.musters_days} days"),
    ]
    list_ends = list_kept_until(limits, last_passage_ms)
    if list_ends is not None and _day(now_ms, limits.zone) > list_ends:
        rule = f"the list of § 15 is kept {LIST_MONTHS} months after the work has ended"
        found.append(Due(What.CREW, now_ms, rule))
    return found


def list_kept_until(limits: Limits, last_passage_ms: int | None) -> date | None:
    """The last day of the list of § 15; None while the work goes on.

    While people go in and out the work has not ended, whatever the settings say.
    """
    if limits.work_ended is None:
        return None
    ended = limits.work_ended
    if last_passage_ms is not None:
        ended = max(ended, _day(last_passage_ms, limits.zone))
    return months_later(ended, LIST_MONTHS)


def months_later(day: date, months: int) -> date:
    """The same day of the month, or its last one where it is shorter."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def together(one: Gone, other: Gone) -> Gone:
    """Both."""
    counts = dict(one.counts)
    for name, number in other.counts.items():
        counts[name] = counts.get(name, 0) + number
    times = [ms for ms in (one.oldest_ms, other.oldest_ms, one.newest_ms, other.newest_ms) if ms is not None]
    return Gone(
        {name: number for name, number in sorted(counts.items()) if number},
        min(times, default=None),
        max(times, default=None),
    )


def _day(at_ms: int, zone: tzinfo) -> date:
    return (datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=at_ms)).astimezone(zone).date()
