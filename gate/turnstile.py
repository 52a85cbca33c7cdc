"""One lane's turnstile as a table: ((mode, phase), signal) -> ((mode, phase), effects). Pure.

A mode is what the site wants of the lane, a phase is where the present worker is with it. The table is
made once, below, from two facts of each mode: which ways turn for everybody, and to whom a grant may be
given. `docs/lane.md` draws it, and a test holds the drawing equal.

Rules of this room:
1. Where a way does not turn for everybody, a body goes through only under a grant. The table knows one
   grant at a time; a badge that comes meanwhile waits outside, in the controller.
2. Only a body that the sensor saw in the granted direction completes a passage.
3. Every grant ends, as COMPLETED or ABANDONED.
4. A grant to leave can be given in every mode (P6).
5. EVACUATED is left by RESET alone: a person at the site, never a command (P6).
6. A pair that the table does not hold is a fault of ours, and says which pair it was.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum, unique
from typing import TypeAlias

from gate.errors import GateError
from gate.model import CardId, Direction, Medium

ENTRY, EXIT = Direction.ENTRY, Direction.EXIT


@unique
class Mode(StrEnum):
    """What the site wants of a lane. HELD_OPEN holds the entry for a delivery or a crew that comes
    together; FREE turns for everybody; LOCKED and OUT_OF_ORDER let out only; EVACUATED is fire."""

    NORMAL = "normal"
    LOCKED = "locked"
    HELD_OPEN = "held_open"
    FREE = "free"
    OUT_OF_ORDER = "out_of_order"
    EVACUATED = "evacuated"


@unique
class Phase(StrEnum):
    """Where the present worker is. REST: nobody has a grant."""

    REST = "rest"
    ENTRY_GRANTED = "entry_granted"
    EXIT_GRANTED = "exit_granted"


@unique
class Signal(StrEnum):
    """What can happen to a lane. BODY_* is the passage sensor; BEHIND_* a body right behind one that had
    a grant; BACK_* one that began to go through and turned; OVERDUE the clock; the rest are the modes
    that the site asks for, FIRE the fire loop, RESET a person at the site after it."""

    GRANT_ENTRY = "grant_entry"
    GRANT_EXIT = "grant_exit"
    BODY_ENTRY = "body_entry"
    BODY_EXIT = "body_exit"
    BEHIND_ENTRY = "behind_entry"
    BEHIND_EXIT = "behind_exit"
    BACK_ENTRY = "back_entry"
    BACK_EXIT = "back_exit"
    OVERDUE = "overdue"
    NORMAL = "normal"
    LOCK = "lock"
    HOLD_OPEN = "hold_open"
    FREE = "free"
    TAKE_OUT = "take_out"
    FIRE = "fire"
    RESET = "reset"


@unique
class Effect(StrEnum):
    """What the shell does about it, in the order given.

    REST puts the ways as the mode has them while nobody has a grant. PASSED is a body where everybody may
    go; FORCED a body without a grant where one was wanted; TAILGATED one on another's grant.
    """

    RELEASE = "release"
    REST = "rest"
    COMPLETED = "completed"
    ABANDONED = "abandoned"
    TURNED_BACK = "turned_back"
    PASSED = "passed"
    FORCED = "forced"
    TAILGATED = "tailgated"


FREE_WAYS: Mapping[Mode, frozenset[Direction]] = {
    Mode.NORMAL: frozenset(),
    Mode.LOCKED: frozenset(),
    Mode.HELD_OPEN: frozenset({ENTRY}),
    Mode.FREE: frozenset(Direction),
    Mode.OUT_OF_ORDER: frozenset(),
    Mode.EVACUATED: frozenset(Direction),
}
"""Which ways turn for everybody."""

GRANTED_WAYS: Mapping[Mode, frozenset[Direction]] = {
    Mode.NORMAL: frozenset(Direction),
    Mode.LOCKED: frozenset({EXIT}),
    Mode.HELD_OPEN: frozenset(Direction),
    Mode.FREE: frozenset(Direction),
    Mode.OUT_OF_ORDER: frozenset({EXIT}),
    Mode.EVACUATED: frozenset({EXIT}),
}
"""To whom a grant may be given. Where the way turns anyway it says who the next body is."""

MODE_SIGNALS: Mapping[Signal, Mode] = {
    Signal.NORMAL: Mode.NORMAL,
    Signal.LOCK: Mode.LOCKED,
    Signal.HOLD_OPEN: Mode.HELD_OPEN,
    Signal.FREE: Mode.FREE,
    Signal.TAKE_OUT: Mode.OUT_OF_ORDER,
    Signal.FIRE: Mode.EVACUATED,
    Signal.RESET: Mode.NORMAL,
}

GRANT_FOR = {ENTRY: Signal.GRANT_ENTRY, EXIT: Signal.GRANT_EXIT}
BODY_FOR = {ENTRY: Signal.BODY_ENTRY, EXIT: Signal.BODY_EXIT}
BEHIND_FOR = {ENTRY: Signal.BEHIND_ENTRY, EXIT: Signal.BEHIND_EXIT}
BACK_FOR = {ENTRY: Signal.BACK_ENTRY, EXIT: Signal.BACK_EXIT}
PHASE_FOR = {ENTRY: Phase.ENTRY_GRANTED, EXIT: Phase.EXIT_GRANTED}

State: TypeAlias = tuple[Mode, Phase]
Effects: TypeAlias = tuple[Effect, ...]
Row: TypeAlias = tuple[State, Signal, State, Effects]


def _rows() -> Iterator[Row]:
    for mode in Mode:
        yield from _rows_at_rest(mode)
        for direction in Direction:
            if direction in GRANTED_WAYS[mode]:
                yield from _rows_under_a_grant(mode, direction)


def _rows_at_rest(mode: Mode) -> Iterator[Row]:
    here = (mode, Phase.REST)
    for direction in Direction:
        free = direction in FREE_WAYS[mode]
        if direction in GRANTED_WAYS[mode]:
            yield here, GRANT_FOR[direction], (mode, PHASE_FOR[direction]), () if free else (Effect.RELEASE,)
        yield here, BODY_FOR[direction], here, (Effect.PASSED if free else Effect.FORCED,)
        yield here, BEHIND_FOR[direction], here, (Effect.PASSED if free else Effect.TAILGATED,)
        yield here, BACK_FOR[direction], here, ()
    yield from _rows_of_modes(mode, None)


def _rows_under_a_grant(mode: Mode, granted: Direction) -> Iterator[Row]:
    here, done = (mode, PHASE_FOR[granted]), (mode, Phase.REST)
    locked_again: Effects = () if granted in FREE_WAYS[mode] else (Effect.REST,)
    # Whoever comes in the granted direction, close behind another or not, is who has the grant.
    for signal in (BODY_FOR[granted], BEHIND_FOR[granted]):
        yield here, signal, done, (*locked_again, Effect.COMPLETED)
    yield here, BACK_FOR[granted], done, (*locked_again, Effect.TURNED_BACK)
    yield here, Signal.OVERDUE, done, (*locked_again, Effect.ABANDONED)
    other = EXIT if granted is ENTRY else ENTRY
    free = other in FREE_WAYS[mode]
    yield here, BODY_FOR[other], here, (Effect.PASSED if free else Effect.FORCED,)
    yield here, BEHIND_FOR[other], here, (Effect.PASSED if free else Effect.TAILGATED,)
    yield here, BACK_FOR[other], here, ()
    yield from _rows_of_modes(mode, granted)


def _rows_of_modes(mode: Mode, granted: Direction | None) -> Iterator[Row]:
    here = (mode, PHASE_FOR[granted] if granted else Phase.REST)
    for signal, wanted in MODE_SIGNALS.items():
        locked_to_commands = mode is Mode.EVACUATED and signal is not Signal.RESET
        nothing_to_reset = mode is not Mode.EVACUATED and signal is Signal.RESET
        if wanted is mode or locked_to_commands or nothing_to_reset:
            yield here, signal, here, ()
        elif granted is None:
            yield here, signal, (wanted, Phase.REST), (Effect.REST,)
        elif granted in GRANTED_WAYS[wanted]:
            released: Effects = () if granted in FREE_WAYS[wanted] else (Effect.RELEASE,)
            yield here, signal, (wanted, PHASE_FOR[granted]), (Effect.REST, *released)
        else:
            yield here, signal, (wanted, Phase.REST), (Effect.REST, Effect.ABANDONED)


TABLE: Mapping[tuple[State, Signal], tuple[State, Effects]] = {
    (before, signal): (after, effects) for before, signal, after, effects in _rows()
}


class UnexpectedSignal(GateError, RuntimeError):
    """A signal that this state cannot meet: a fault in the controller."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What a lane was granted for. `until_ms` is on the monotonic clock."""

    badge: str
    direction: Direction
    card: CardId | None
    medium: Medium
    employer: str | None
    until_ms: int
    uid: bytes = b""


@dataclass(frozen=True, slots=True)
class Turnstile:
    """One lane's state; `grant` is there exactly while the phase is not REST.

    `behind_ms` is how long after a completed passage a further body in that direction is one that came
    on the same grant; 0 where the sensor cannot tell two bodies apart.
    """

    behind_ms: int = 0
    mode: Mode = Mode.NORMAL
    phase: Phase = Phase.REST
    grant: Grant | None = None
    passed: tuple[Direction, int] | None = None
    """The direction and the monotonic time of the last completed passage."""

    @property
    def free(self) -> bool:
        """Whether the next badge may be decided now."""
        return self.phase is Phase.REST

    @property
    def takes_entries(self) -> bool:
        """Whether a grant to enter may be given in this mode."""
        return ENTRY in GRANTED_WAYS[self.mode]

    @property
    def free_ways(self) -> frozenset[Direction]:
        """Which ways turn for everybody."""
        return FREE_WAYS[self.mode]

    def take(self, signal: Signal) -> tuple["Turnstile", Effects]:
        """The state after the signal, and what is to be done. Raises UnexpectedSignal."""
        try:
            (mode, phase), effects = TABLE[(self.mode, self.phase), signal]
        except KeyError:
            raise UnexpectedSignal(f"turnstile in {self.mode}, {self.phase} cannot take {signal}") from None
        grant = None if phase is Phase.REST else self.grant
        return replace(self, mode=mode, phase=phase, grant=grant), effects

    def give(self, grant: Grant) -> tuple["Turnstile", Effects]:
        """Grant the lane to one worker."""
        after, effects = self.take(GRANT_FOR[grant.direction])
        return replace(after, grant=grant), effects

    def body(self, direction: Direction, monotonic_ms: int) -> tuple["Turnstile", Effects]:
        """A body went through, the sensor says."""
        close = self.passed is not None and self.passed[0] is direction
        close = close and self.passed is not None and monotonic_ms - self.passed[1] <= self.behind_ms
        after, effects = self.take((BEHIND_FOR if close else BODY_FOR)[direction])
        if Effect.COMPLETED in effects:
            after = replace(after, passed=(direction, monotonic_ms))
        return after, effects

    def overdue(self, monotonic_ms: int) -> bool:
        """Whether the grant's time is up."""
        return self.grant is not None and monotonic_ms >= self.grant.until_ms
