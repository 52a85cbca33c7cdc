"""One lane's turnstile as a table: (state, signal) -> (state, effects). Pure.

Rules of this room:
1. A body may go through only under a grant; the table knows one grant at a time. A badge that comes
   while the lane is released waits outside, in the controller.
2. Only a body that the sensor saw in the granted direction completes a passage.
3. Every grant ends, as COMPLETED or ABANDONED: RELEASED states are left by a body or by the clock.
4. A pair that the table does not hold is a fault of ours, and says which pair it was.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum, unique

from gate.errors import GateError
from gate.model import CardId, Direction, Medium


@unique
class State(StrEnum):
    """REST is locked both ways."""

    REST = "rest"
    ENTRY_RELEASED = "entry_released"
    EXIT_RELEASED = "exit_released"


@unique
class Signal(StrEnum):
    """What can happen to a lane. BODY_* is the passage sensor, OVERDUE the clock."""

    GRANT_ENTRY = "grant_entry"
    GRANT_EXIT = "grant_exit"
    BODY_ENTRY = "body_entry"
    BODY_EXIT = "body_exit"
    OVERDUE = "overdue"


@unique
class Effect(StrEnum):
    """What the shell does about it, in the order given. FORCED is a body without a grant."""

    RELEASE = "release"
    SECURE = "secure"
    COMPLETED = "completed"
    ABANDONED = "abandoned"
    FORCED = "forced"


_OPEN = (Effect.RELEASE,)
_DONE = (Effect.SECURE, Effect.COMPLETED)
_GIVEN_UP = (Effect.SECURE, Effect.ABANDONED)
_ALIEN = (Effect.FORCED,)

TABLE: Mapping[tuple[State, Signal], tuple[State, tuple[Effect, ...]]] = {
    (State.REST, Signal.GRANT_ENTRY): (State.ENTRY_RELEASED, _OPEN),
    (State.REST, Signal.GRANT_EXIT): (State.EXIT_RELEASED, _OPEN),
    (State.REST, Signal.BODY_ENTRY): (State.REST, _ALIEN),
    (State.REST, Signal.BODY_EXIT): (State.REST, _ALIEN),
    (State.ENTRY_RELEASED, Signal.BODY_ENTRY): (State.REST, _DONE),
    (State.ENTRY_RELEASED, Signal.BODY_EXIT): (State.ENTRY_RELEASED, _ALIEN),
    (State.ENTRY_RELEASED, Signal.OVERDUE): (State.REST, _GIVEN_UP),
    (State.EXIT_RELEASED, Signal.BODY_EXIT): (State.REST, _DONE),
    (State.EXIT_RELEASED, Signal.BODY_ENTRY): (State.EXIT_RELEASED, _ALIEN),
    (State.EXIT_RELEASED, Signal.OVERDUE): (State.REST, _GIVEN_UP),
}

GRANT_FOR = {Direction.ENTRY: Signal.GRANT_ENTRY, Direction.EXIT: Signal.GRANT_EXIT}
BODY_FOR = {Direction.ENTRY: Signal.BODY_ENTRY, Direction.EXIT: Signal.BODY_EXIT}


class UnexpectedSignal(GateError, RuntimeError):
    """A signal that this state cannot meet: a fault in the controller."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What a released lane is released for. `until_ms` is on the monotonic clock."""

    badge: str
    direction: Direction
    card: CardId | None
    medium: Medium
    employer: str | None
    until_ms: int


@dataclass(frozen=True, slots=True)
class Turnstile:
    """One lane's state; `grant` is there exactly while the lane is released."""

    state: State = State.REST
    grant: Grant | None = None

    @property
    def free(self) -> bool:
        """Whether the next badge may be decided now."""
        return self.state is State.REST

    def take(self, signal: Signal) -> tuple["Turnstile", tuple[Effect, ...]]:
        """The state after the signal, and what is to be done. Raises UnexpectedSignal."""
        try:
            state, effects = TABLE[self.state, signal]
        except KeyError:
            raise UnexpectedSignal(f"turnstile in state {self.state} cannot take {signal}") from None
        return replace(self, state=state, grant=None if state is State.REST else self.grant), effects

    def give(self, grant: Grant) -> tuple["Turnstile", tuple[Effect, ...]]:
        """Release the lane for a grant."""
        after, effects = self.take(GRANT_FOR[grant.direction])
        return replace(after, grant=grant), effects

    def overdue(self, monotonic_ms: int) -> bool:
        """Whether the grant's time is up."""
        return self.grant is not None and monotonic_ms >= self.grant.until_ms
