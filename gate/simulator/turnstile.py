"""A simulated turnstile: bodies go through it by a call, and all that was done to it is on record.

It has no thread and no clock: what `walk` senses is delivered before it returns, so a whole site can
run in one thread of one test. Thread-safe; observers are called in the thread that caused the change.
"""

import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum, unique
from types import MappingProxyType
from typing import TypeAlias

from gate.errors import RelayError
from gate.model import Decision, Direction
from gate.ports import Deliver, PassageSensed
from gate.relay.screen import LaneScreen
from gate.turnstile import Mode

MOVEMENTS_KEPT = 1_000

Counts: TypeAlias = Mapping[Direction, int]
_NONE_YET: Counts = MappingProxyType(dict.fromkeys(Direction, 0))


@unique
class Movement(StrEnum):
    """What happened at the turnstile. BODY is a passage, forced or not; SHOWN is an answer."""

    RELEASED = "released"
    SECURED = "secured"
    HELD = "held"
    BODY = "body"
    SHOWN = "shown"


@dataclass(frozen=True, slots=True)
class Shown:
    """One answer, as it was given and as the worker met it."""

    decision: Decision
    direction: Direction
    screen: LaneScreen
    first_name: str | None = None


@dataclass(frozen=True, slots=True)
class TurnstileState:
    """The turnstile at one moment; the counts are since it was made."""

    released: Direction | None = None
    held: frozenset[Direction] = frozenset()
    mode: Mode = Mode.NORMAL
    shown: Shown | None = None
    answers: int = 0
    releases: Counts = field(default_factory=lambda: _NONE_YET)
    bodies: Counts = field(default_factory=lambda: _NONE_YET)


Observer: TypeAlias = Callable[[Movement, TurnstileState], None]


class VirtualTurnstile:
    """Keeps the contract of `gate.ports.Lane`; `walk`, `force` and `observe` are the world around it.

    As on the real one, a release lets one body through: the arm locks behind it. `released` stays until
    the gate secures the lane, for that is what the gate believes.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._turn = threading.RLock()
        self._deliver: Deliver | None = None
        self._closed = False
        self._arm_free = False
        self._state = TurnstileState()
        self._movements: deque[tuple[Movement, Direction | None]] = deque(maxlen=MOVEMENTS_KEPT)
        self._observers: list[Observer] = []

    # --- the gate's side -------------------------------------------------------------------------

    def start(self, deliver: Deliver) -> None:
        """Locked both ways, then ready. Raises RelayError after `close`."""
        with self._turn:
            if self._closed:
                raise RelayError(f"lane {self.name} is closed; make a new one")
            self._deliver = deliver

    def release(self, direction: Direction) -> None:
        """Free the arm for one body. Raises RelayError when not started, or closed."""
        with self._turn:
            if self._deliver is None:
                raise RelayError(f"lane {self.name} is not running; start it before releasing it")
            if self._state.released not in (None, direction):
                self._move(Movement.SECURED, None, replace(self._state, released=None))
            self._arm_free = True
            after = replace(self._state, released=direction, releases=_one_more(self._state.releases, direction))
            self._move(Movement.RELEASED, direction, after)

    def secure(self) -> None:
        """Lock the arm. Without effect when it is locked."""
        with self._turn:
            if self._state.released is not None or self._state.held:
                self._arm_free = False
                self._move(Movement.SECURED, None, replace(self._state, released=None, held=frozenset()))

    def hold(self, ways: frozenset[Direction]) -> None:
        """Free the arm in these ways, for as many as come. Raises RelayError when not started, or closed."""
        with self._turn:
            if self._deliver is None:
                raise RelayError(f"lane {self.name} is not running; start it before releasing it")
            self._arm_free = False
            self._move(Movement.HELD, None, replace(self._state, released=None, held=ways))

    def show_mode(self, mode: Mode) -> None:
        """Keep what the lane says it does."""
        with self._turn:
            self._move(Movement.SHOWN, None, replace(self._state, mode=mode))

    def show(self, decision: Decision, direction: Direction, language: str | None) -> None:
        """Keep what the worker is shown."""
        shown = Shown(decision, direction, LaneScreen.of(decision, direction, language))
        with self._turn:
            self._move(Movement.SHOWN, direction, replace(self._state, shown=shown, answers=self._state.answers + 1))

    def greet(self, first_name: str) -> None:
        """Keep the name beside the answer."""
        with self._turn:
            if self._state.shown is not None:
                shown = replace(self._state.shown, first_name=first_name)
                self._move(Movement.SHOWN, shown.direction, replace(self._state, shown=shown))

    def close(self) -> None:
        """Lock the arm for good. Idempotent."""
        with self._turn:
            self.secure()
            self._deliver = None
            self._closed = True

    # --- the world's side ------------------------------------------------------------------------

    def walk(self, direction: Direction) -> bool:
        """A body pushes the arm; False when it does not give."""
        with self._turn:
            if direction not in self._state.held:
                if not self._arm_free or self._state.released is not direction:
                    return False
                self._arm_free = False
        self.force(direction)
        return True

    def force(self, direction: Direction) -> None:
        """A body goes through whatever the arm says: over it, or with it broken."""
        with self._turn:
            bodies = _one_more(self._state.bodies, direction)
            self._move(Movement.BODY, direction, replace(self._state, bodies=bodies))
            deliver = self._deliver
        # Not under the lock: a controller in the same thread answers at once with `secure`.
        if deliver is not None:
            deliver(PassageSensed(self.name, direction))

    @property
    def state(self) -> TurnstileState:
        """The turnstile as it is now."""
        with self._turn:
            return self._state

    @property
    def movements(self) -> list[tuple[Movement, Direction | None]]:
        """What happened, oldest first; the last thousand."""
        with self._turn:
            return list(self._movements)

    def observe(self, observer: Observer) -> None:
        """Call this after every movement, with the state it led to. An observer returns at once, and
        does not raise."""
        with self._turn:
            self._observers.append(observer)

    def _move(self, movement: Movement, direction: Direction | None, after: TurnstileState) -> None:
        self._state = after
        self._movements.append((movement, direction))
        for observer in self._observers:
            observer(movement, after)


def _one_more(counts: Counts, direction: Direction) -> Counts:
    return MappingProxyType({**counts, direction: counts[direction] + 1})
