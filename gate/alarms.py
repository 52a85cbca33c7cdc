"""What is wrong now, and the record of when it began and ended. Not thread-safe."""

import logging

from gate.model import Event, EventKind, Moment

log = logging.getLogger(__name__)

MAX_WHAT = 300
"""Characters of an alarm's sentence that go into the record."""


class Alarms:
    """The alarms that stand. One that is raised twice is recorded once."""

    def __init__(self) -> None:
        self._standing: dict[str, str] = {}

    def __contains__(self, alarm: str) -> bool:
        return alarm in self._standing

    @property
    def names(self) -> tuple[str, ...]:
        """Those that stand, in order of their names."""
        return tuple(sorted(self._standing))

    def raised(self, alarm: str, what: str, now: Moment) -> list[Event]:
        """The event of an alarm that was not up before."""
        if alarm in self._standing:
            return []
        self._standing[alarm] = what
        log.warning("alarm=%s state=raised what=%r", alarm, what)
        return [Event(EventKind.ALARM_RAISED, now, detail={"alarm": alarm, "what": what[:MAX_WHAT]})]

    def cleared(self, alarm: str, now: Moment) -> list[Event]:
        """The event of an alarm that was up until now."""
        if self._standing.pop(alarm, None) is None:
            return []
        log.info("alarm=%s state=cleared", alarm)
        return [Event(EventKind.ALARM_CLEARED, now, detail={"alarm": alarm})]
