"""From what happened to points of a plot: how many are inside through a day, and how many badges a minute. Pure.

A plot has steps of equal length; times are Unix milliseconds in UTC.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from itertools import accumulate
from typing import NamedTuple

from hub.presence import ClosingRule, Sighting
from hub.stays import stays

MAX_POINTS = 300
_STEPS_MIN = (1, 2, 5, 10, 15, 30, 60)
MINUTE_MS = 60_000


class Steps(NamedTuple):
    """`points` steps of `step_ms` from `from_ms` on."""

    from_ms: int
    step_ms: int
    points: int

    @property
    def until_ms(self) -> int:
        """Where the last one ends."""
        return self.from_ms + self.points * self.step_ms

    def starts(self) -> range:
        """When each begins."""
        return range(self.from_ms, self.until_ms, self.step_ms)


class Inside(NamedTuple):
    """How many were inside at this moment."""

    time_ms: int
    people: int


class Badges(NamedTuple):
    """Cards shown within one step that begins here."""

    time_ms: int
    step_ms: int
    granted: int
    refused: int

    @property
    def a_minute(self) -> float:
        """Both together."""
        return (self.granted + self.refused) * MINUTE_MS / self.step_ms


def steps(from_ms: int, until_ms: int) -> Steps:
    """In whole minutes, so few that a plot can show them; the last one holds `until_ms`, or ends there."""
    length_ms = max(1, until_ms - from_ms)
    for minutes in _STEPS_MIN:
        count = -(-length_ms // (minutes * MINUTE_MS))
        if count <= MAX_POINTS:
            return Steps(from_ms, minutes * MINUTE_MS, count)
    minutes = -(-length_ms // (MAX_POINTS * 60 * MINUTE_MS)) * 60
    return Steps(from_ms, minutes * MINUTE_MS, -(-length_ms // (minutes * MINUTE_MS)))


def people_inside(sightings: Iterable[Sighting], rule: ClosingRule | None, plot: Steps, now_ms: int) -> list[Inside]:
    """How many are inside when each step begins, and at the end of the plot, or now where that is sooner.

    `sightings` are those of the plot, and as many before it as tell who was inside when it begins; the same one twice
    counts once. A check-out that was forgotten is where the rule has it.
    """
    end_ms = min(now_ms, plot.until_ms)
    if end_ms < plot.from_ms:
        return []
    moments = [*(one for one in plot.starts() if one < end_ms), end_ms]
    change = [0] * (len(moments) + 1)
    for stay in stays((one for one in sightings if one.time_ms <= end_ms), rule, end_ms):
        if stay.in_ms is not None:
            change[bisect_left(moments, stay.in_ms)] += 1
            if stay.out_ms is not None:
                change[bisect_left(moments, stay.out_ms)] -= 1
    return [Inside(time_ms, people) for time_ms, people in zip(moments, accumulate(change), strict=False)]


def badges(counted: Mapping[int, tuple[int, int]], plot: Steps) -> list[Badges]:
    """Every step, also those in which nothing was shown; `counted` has granted and refused by step."""
    return [Badges(time_ms, plot.step_ms, *counted.get(number, (0, 0))) for number, time_ms in enumerate(plot.starts())]
