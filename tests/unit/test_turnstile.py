"""One lane's table: all of it, and what holds over every sequence of signals."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.errors import GateError
from gate.model import CardId, Direction, Medium
from gate.turnstile import BODY_FOR, GRANT_FOR, TABLE, Effect, Grant, Signal, State, Turnstile, UnexpectedSignal

ENTRY, EXIT = Direction.ENTRY, Direction.EXIT


def grant(direction: Direction, badge: str = "b-1", until_ms: int = 7_000) -> Grant:
    return Grant(badge, direction, CardId("hms", "01234567"), Medium.CHIP, "987654321", until_ms)


def in_state(state: State) -> Turnstile:
    if state is State.REST:
        return Turnstile()
    return Turnstile().give(grant(ENTRY if state is State.ENTRY_RELEASED else EXIT))[0]


EXPECTED = {
    (State.REST, Signal.GRANT_ENTRY): (State.ENTRY_RELEASED, [Effect.RELEASE]),
    (State.REST, Signal.GRANT_EXIT): (State.EXIT_RELEASED, [Effect.RELEASE]),
    (State.REST, Signal.BODY_ENTRY): (State.REST, [Effect.FORCED]),
    (State.REST, Signal.BODY_EXIT): (State.REST, [Effect.FORCED]),
    (State.REST, Signal.OVERDUE): None,
    (State.ENTRY_RELEASED, Signal.GRANT_ENTRY): None,
    (State.ENTRY_RELEASED, Signal.GRANT_EXIT): None,
    (State.ENTRY_RELEASED, Signal.BODY_ENTRY): (State.REST, [Effect.SECURE, Effect.COMPLETED]),
    (State.ENTRY_RELEASED, Signal.BODY_EXIT): (State.ENTRY_RELEASED, [Effect.FORCED]),
    (State.ENTRY_RELEASED, Signal.OVERDUE): (State.REST, [Effect.SECURE, Effect.ABANDONED]),
    (State.EXIT_RELEASED, Signal.GRANT_ENTRY): None,
    (State.EXIT_RELEASED, Signal.GRANT_EXIT): None,
    (State.EXIT_RELEASED, Signal.BODY_ENTRY): (State.EXIT_RELEASED, [Effect.FORCED]),
    (State.EXIT_RELEASED, Signal.BODY_EXIT): (State.REST, [Effect.SECURE, Effect.COMPLETED]),
    (State.EXIT_RELEASED, Signal.OVERDUE): (State.REST, [Effect.SECURE, Effect.ABANDONED]),
}


def test_the_walk_below_meets_every_pair() -> None:
    assert set(EXPECTED) == set(product(State, Signal))
    assert set(TABLE) == {pair for pair, outcome in EXPECTED.items() if outcome is not None}


@pytest.mark.parametrize(("state", "signal"), EXPECTED)
def test_every_state_meets_every_signal(state: State, signal: Signal) -> None:
    """A listed pair gives its state and effects; an unlisted one is named in the error."""
    before = in_state(state)
    outcome = EXPECTED[state, signal]
    if outcome is None:
        with pytest.raises(UnexpectedSignal) as unexpected:
            before.take(signal)
        assert state.value in str(unexpected.value)
        assert signal.value in str(unexpected.value)
        assert isinstance(unexpected.value, GateError)
        return
    after, effects = (
        before.give(grant(ENTRY))
        if signal is Signal.GRANT_ENTRY
        else (before.give(grant(EXIT)) if signal is Signal.GRANT_EXIT else before.take(signal))
    )
    assert (after.state, list(effects)) == outcome
    assert (after.grant is not None) is (after.state is not State.REST)


@pytest.mark.parametrize("direction", Direction)
def test_every_grant_ends_by_its_body_and_by_the_clock(direction: Direction) -> None:
    released, _ = Turnstile().give(grant(direction))
    assert not released.free
    for signal in (BODY_FOR[direction], Signal.OVERDUE):
        ended, _ = released.take(signal)
        assert (ended.free, ended.grant) == (True, None)


def test_every_released_state_can_be_left_by_the_clock() -> None:
    assert all((state, Signal.OVERDUE) in TABLE for state in State if state is not State.REST)


@pytest.mark.parametrize(("monotonic_ms", "overdue"), [(6_999, False), (7_000, True), (7_001, True)])
def test_a_grant_is_overdue_from_its_very_millisecond_on(monotonic_ms: int, *, overdue: bool) -> None:
    released, _ = Turnstile().give(grant(ENTRY, until_ms=7_000))
    assert released.overdue(monotonic_ms) is overdue
    assert not Turnstile().overdue(monotonic_ms)


@given(st.lists(st.sampled_from(Signal)))
def test_no_sequence_leaves_a_lane_released_without_a_grant_or_a_grant_without_an_end(signals: list[Signal]) -> None:
    """The relay's state follows RELEASE and SECURE; each grant is COMPLETED or ABANDONED exactly once."""
    turnstile = Turnstile()
    released = False
    given_out: list[str] = []
    ended: list[str] = []
    direction_of = {signal: direction for direction, signal in GRANT_FOR.items()}
    for signal in [*signals, Signal.OVERDUE]:
        before = turnstile
        try:
            if signal in direction_of:
                one = grant(direction_of[signal], badge=f"b-{len(given_out)}")
                turnstile, effects = turnstile.give(one)
                given_out.append(one.badge)
            else:
                turnstile, effects = turnstile.take(signal)
        except UnexpectedSignal:
            assert turnstile == before
            continue
        for effect in effects:
            match effect:
                case Effect.RELEASE:
                    assert not released
                    released = True
                case Effect.SECURE:
                    assert released
                    released = False
                case Effect.COMPLETED | Effect.ABANDONED:
                    assert before.grant is not None
                    assert not released
                    ended.append(before.grant.badge)
                case Effect.FORCED:
                    assert turnstile == before
        assert released is (turnstile.state is not State.REST) is (turnstile.grant is not None)
    assert ended == given_out
    assert not released
