"""A turnstile as a body meets it: the lock, the sensor, and whoever stands before it waiting for an answer."""

from collections.abc import Callable
from typing import Protocol

from gate.errors import RelayError
from gate.model import Decision, Direction
from gate.ports import Deliver, PassageSensed
from gate.turnstile import Mode
from tests.simulation.world import Machine


class Waits(Protocol):
    """Someone who has shown a card."""

    def answered(self, decision: Decision) -> None: ...


class SimLane:
    """The Lane port of one process, around a lock that outlives it."""

    def __init__(self, machine: Machine, name: str, about_to_release: Callable[["SimLane", Direction], None]) -> None:
        self.name = name
        self.released: Direction | None = None
        self.held: frozenset[Direction] = frozenset()
        self.mode = Mode.NORMAL
        self.grant = 0
        """Counts releases, so that each can be told from the next."""
        self.asking: dict[Direction, Waits] = {}
        self.pending: set[Direction] = set()
        """Directions whose card the controller has taken, and not answered."""
        self.stuck_until_ms = 0
        self.sticks_open = False
        """At the next release the relay board stops to answer for a while."""
        self._machine = machine
        self._about_to_release = about_to_release
        self._deliver: Deliver | None = None

    def start(self, deliver: Deliver) -> None:
        self._machine.point("lane start")
        self.released = None
        self._deliver = deliver

    def release(self, direction: Direction) -> None:
        self._machine.point("relay release")
        self.grant += 1
        self._about_to_release(self, direction)
        self._obeys()
        self.released = direction
        if self.sticks_open:
            self.sticks_open = False
            self.stuck_until_ms = self._machine.world.now_ms + 20_000
            self._machine.world.trace(self._machine.name, f"{self.name}: sticks open")
        self._machine.point("relay released")

    def secure(self) -> None:
        self._machine.point("relay secure")
        self._obeys()
        self.released = None
        self.held = frozenset()
        self._machine.point("relay secured")

    def hold(self, ways: frozenset[Direction]) -> None:
        self._machine.point("relay hold")
        self._obeys()
        self.released = None
        self.held = ways

    def show_mode(self, mode: Mode) -> None:
        self.mode = mode

    def show(self, decision: Decision, direction: Direction, language: str | None) -> None:
        self.pending.discard(direction)
        if decision.admitted is False and direction is Direction.EXIT and not self.stuck:
            raise self._machine.world.broken("P6", f"{self._machine.name}/{self.name}: an exit was refused")
        waits = self.asking.pop(direction, None)
        if waits is not None:
            waits.answered(decision)

    def greet(self, first_name: str) -> None:
        raise self._machine.world.broken("P12", f"{self.name}: a name was read, and nobody asked for it")

    def close(self) -> None:
        self.fail_safe()

    def fail_safe(self) -> None:
        """What the wiring does when the controller is gone: entry locked; exits are free as long as that lasts."""
        self.released = None
        self.held = frozenset()
        self.asking.clear()
        self.pending.clear()
        self._deliver = None

    def body(self, direction: Direction) -> bool:
        """A body tries to pass; True when the arm gave way."""
        free = self._deliver is None and direction is Direction.EXIT
        if self.released is not direction and direction not in self.held and not free:
            return False
        if self._deliver is not None:
            self._deliver(PassageSensed(self.name, direction))
        return True

    @property
    def stuck(self) -> bool:
        """Whether the relay board does not answer now."""
        return self._machine.world.now_ms < self.stuck_until_ms

    def _obeys(self) -> None:
        if self.stuck:
            raise RelayError(f"lane {self.name}: the relay board does not answer")
