"""Events into the journal, and what is to be said of the journal itself. Not thread-safe.

A disk that is late, or has no room even in memory, is an alarm; whoever waits at the turnstile waits
for one deadline at most (P4).
"""

import logging
from collections.abc import Sequence
from dataclasses import replace

from gate.alarms import Alarms
from gate.errors import StoreFull
from gate.model import Event, Moment
from gate.ports import Journal

log = logging.getLogger(__name__)

LATE = "journal.late"
FULL = "journal.full"


class Recorder:
    """Appends to a journal. `unrecorded` counts what there was no room for, until that was told."""

    def __init__(self, journal: Journal, alarms: Alarms, deadline_ms: int) -> None:
        self._journal = journal
        self._alarms = alarms
        self._deadline_ms = deadline_ms
        self.unrecorded = 0

    def record(self, events: Sequence[Event]) -> bool:
        """Append, if there is anything; False when there was no room even in memory."""
        if not events:
            return True
        moment = events[-1].moment
        try:
            on_disk = self._journal.append(events, self._deadline_ms)
        except StoreFull as full:
            self.unrecorded += len(events)
            # Its event has no room either; it is told of when it ends.
            self._alarms.raised(FULL, str(full), moment)
            log.error("journal=full unrecorded=%d why=%r", self.unrecorded, str(full))
            return False
        self._follow(self._settled(moment) if on_disk else self._late(moment))
        return True

    def look(self, now: Moment) -> None:
        """The disk may have come back while nobody badged: then its alarm ends now, and not with the next badge."""
        if (LATE in self._alarms or FULL in self._alarms) and not self._journal.waiting:
            self._follow(self._settled(now))

    def _follow(self, events: Sequence[Event]) -> None:
        """Append what is to be said of the journal itself, without waiting: whoever stands at the
        turnstile has waited one deadline already."""
        if not events:
            return
        try:
            self._journal.append(events, 0)
        except StoreFull:
            self.unrecorded += len(events)

    def _late(self, now: Moment) -> list[Event]:
        return self._alarms.raised(LATE, f"the disk did not answer within {self._deadline_ms} ms", now)

    def _settled(self, now: Moment) -> list[Event]:
        events = self._alarms.cleared(LATE, now)
        if full := self._alarms.cleared(FULL, now):
            events += [replace(event, detail={**event.detail, "unrecorded": self.unrecorded}) for event in full]
            self.unrecorded = 0
        return events
