"""One lane in the controller's hands: its table, its driver, and the events of what happens there.

Every call drives the lane first and returns the events second: on a fire nobody waits for a disk. A
grant is recorded by the caller before it is given (P4).
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace

from gate.alarms import Alarms
from gate.errors import RelayError
from gate.model import Decision, Direction, Event, EventKind, Moment
from gate.ports import Lane
from gate.turnstile import BACK_FOR, Effect, Effects, Grant, Mode, Signal, Turnstile
from gate.zones import SITE, around

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LaneParts:
    """One lane as it was set up. `behind_ms`: see `gate.turnstile.Turnstile`. An entry leads to `zone`."""

    driver: Lane
    walk_ms: int
    behind_ms: int = 0
    zone: str = SITE


class LaneControl:
    """See the module. Not thread-safe."""

    def __init__(self, name: str, parts: LaneParts, alarms: Alarms) -> None:
        self.name = name
        self.walk_ms = parts.walk_ms
        self.zone = parts.zone
        self.turnstile = Turnstile(parts.behind_ms)
        self._driver = parts.driver
        self._alarms = alarms
        # Its own name: the driver's `lane.*`, of a dead sensor say, must not end because a relay obeys.
        self._relay_alarm = f"relay.{name}"

    @property
    def obeys(self) -> bool:
        """Whether the relays did what they were told when they were last told."""
        return self._relay_alarm not in self._alarms

    @property
    def takes_entries(self) -> bool:
        """Whether anybody may be granted an entry here now."""
        return self.turnstile.takes_entries and self.obeys

    def resume(self, mode: Mode, now: Moment) -> list[Event]:
        """Take up the mode that the lane had when the process before ended."""
        self.turnstile = replace(self.turnstile, mode=mode)
        events = self._rest(now)
        self._driver.show_mode(mode)
        return events

    def give(self, grant: Grant, now: Moment) -> tuple[bool, list[Event]]:
        """Grant the lane. False: its relay does not obey, and the grant has ended again."""
        self.turnstile, effects = self.turnstile.give(grant)
        events = self._perform(effects, grant, grant.direction, now)
        if self.obeys:
            return True, events
        return False, events + self.signal(Signal.OVERDUE, now)

    def body(self, direction: Direction, now: Moment) -> list[Event]:
        """A body went through."""
        before = self.turnstile
        self.turnstile, effects = before.body(direction, now.monotonic_ms)
        return self._perform(effects, before.grant, direction, now)

    def turned_back(self, direction: Direction, now: Moment) -> list[Event]:
        """Somebody began to go through in this direction, and went back."""
        return self.signal(BACK_FOR[direction], now)

    def signal(self, signal: Signal, now: Moment) -> list[Event]:
        """Anything else that the table knows."""
        before = self.turnstile
        self.turnstile, effects = before.take(signal)
        events = self._perform(effects, before.grant, None, now)
        if self.turnstile.mode is not before.mode:
            self._driver.show_mode(self.turnstile.mode)
        return events

    def look(self, now: Moment) -> list[Event]:
        """End an overdue grant; lock again what would not obey, as soon as it does (P7)."""
        if self.turnstile.overdue(now.monotonic_ms):
            return self.signal(Signal.OVERDUE, now)
        return self._rest(now) if self.turnstile.free and not self.obeys else []

    def show(self, decision: Decision, direction: Direction, language: str | None) -> None:
        """The answer to a badge, by lamps, buzzer and screen."""
        self._driver.show(decision, direction, language)

    def greet(self, first_name: str) -> None:
        """Add the holder's name to the answer."""
        self._driver.greet(first_name)

    def let_out(self, grant: Grant, now: Moment) -> None:
        """Release the exit and record nothing: what is left to do when everything else has failed (P6)."""
        self.turnstile, _ = self.turnstile.give(grant)
        self._drive(lambda: self._driver.release(grant.direction), now)

    # --- effects -----------------------------------------------------------------------------------

    def _perform(self, effects: Effects, grant: Grant | None, direction: Direction | None, now: Moment) -> list[Event]:
        events: list[Event] = []
        for effect in effects:
            if effect is Effect.RELEASE:
                # After REST in a change of mode the grant goes on.
                going_on = self.turnstile.grant or grant
                if going_on is not None:
                    events += self._release(going_on.direction, now)
            elif effect is Effect.REST:
                events += self._rest(now)
            elif effect in _WITHOUT_GRANT:
                events.append(self._without_grant(effect, direction, now))
                log.warning("passage lane=%s direction=%s outcome=%s", self.name, direction, effect)
            elif grant is not None:
                events.append(self._ended(effect, grant, now))
                log.info("passage lane=%s direction=%s outcome=%s", self.name, grant.direction, effect)
        return events

    def _without_grant(self, effect: Effect, direction: Direction | None, now: Moment) -> Event:
        zone = self._led_to(direction) if direction is not None else None
        return Event(_WITHOUT_GRANT[effect], now, self.name, direction, zone=zone)

    def _led_to(self, direction: Direction) -> str:
        return self.zone if direction is Direction.ENTRY else around(self.zone)

    def _ended(self, outcome: Effect, grant: Grant, now: Moment) -> Event:
        walked = outcome is Effect.COMPLETED
        return Event(
            EventKind.PASSAGE_COMPLETED if walked else EventKind.PASSAGE_ABANDONED,
            now, self.name, grant.direction, grant.card, grant.medium,
            employer=grant.employer, badge=grant.badge, uid=grant.uid,
            zone=self._led_to(grant.direction) if walked else None,
            detail={"turned_back": True} if outcome is Effect.TURNED_BACK else {},
        )  # fmt: skip

    def _release(self, direction: Direction, now: Moment) -> list[Event]:
        return self._drive(lambda: self._driver.release(direction), now)

    def _rest(self, now: Moment) -> list[Event]:
        """Every way as the mode has it while nobody has a grant."""
        free = self.turnstile.free_ways
        return self._drive((lambda: self._driver.hold(free)) if free else self._driver.secure, now)

    def _drive(self, act: Callable[[], None], now: Moment) -> list[Event]:
        try:
            act()
        except RelayError as broken:
            repeated = self._relay_alarm in self._alarms
            log.log(logging.DEBUG if repeated else logging.ERROR, "lane=%s fault=%r", self.name, str(broken))
            return self._alarms.raised(self._relay_alarm, str(broken), now)
        return self._alarms.cleared(self._relay_alarm, now)


_WITHOUT_GRANT = {
    Effect.PASSED: EventKind.PASSAGE_FREE,
    Effect.FORCED: EventKind.PASSAGE_FORCED,
    Effect.TAILGATED: EventKind.PASSAGE_TAILGATED,
}
