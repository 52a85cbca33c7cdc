"""The warning level of a zone: an alarm while as many are in it as its rule says. Pure but for the alarms."""

from collections.abc import Sequence

from gate.alarms import Alarms
from gate.model import Event, Moment
from gate.rules import EVERYBODY, Crowd, Occupancy

CALM = 0.9
"""The alarm ends well below its level: one worker going in and out would ring it all day."""


class Crowding:
    """The alarms of the zones that have a warning level."""

    def __init__(self, limits: Sequence[Occupancy], alarms: Alarms) -> None:
        self._limits = limits
        self._alarms = alarms

    def look(self, crowd: Crowd, now: Moment) -> list[Event]:
        """What has changed."""
        events: list[Event] = []
        for limit in self._limits:
            if limit.warn_at is None:
                continue
            inside = crowd.get((limit.zone, EVERYBODY), 0)
            alarm = f"crowded.{limit.zone}"
            if inside >= limit.warn_at:
                events += self._alarms.raised(alarm, f"{inside} are in {limit.zone}; the limit is {limit.limit}", now)
            elif inside < CALM * limit.warn_at:
                events += self._alarms.cleared(alarm, now)
        return events
