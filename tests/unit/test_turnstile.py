"""One lane's table: all of it, and what holds over every sequence of signals."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.errors import GateError
from gate.model import CardId, Direction, Medium
from gate.turnstile import (
    BEHIND_FOR,
    BODY_FOR,
    FREE_WAYS,
    GRANT_FOR,
    GRANTED_WAYS,
    MODE_SIGNALS,
    PHASE_FOR,
    TABLE,
    Effect,
    Grant,
    Mode,
    Phase,
    Signal,
    Turnstile,
    UnexpectedSignal,
)

ENTRY, EXIT = Direction.ENTRY, Direction.EXIT
STATES = sorted({state for state, _ in TABLE})


def grant(direction: Direction, badge: str = "b-1", until_ms: int = 7_000) -> Grant:
    return Grant(badge, direction, CardId("hms", "01234567"), Medium.CHIP, "987654321", until_ms)


def in_state(mode: Mode, phase: Phase) -> Turnstile:
    direction = {Phase.ENTRY_GRANTED: ENTRY, Phase.EXIT_GRANTED: EXIT}.get(phase)
    return Turnstile(mode=mode, phase=phase, grant=grant(direction) if direction else None)


def done(mode: Mode, phase: Phase, signal: Signal) -> tuple[Mode, Phase, tuple[Effect, ...]]:
    before = in_state(mode, phase)
    direction = next((way for way, asked in GRANT_FOR.items() if asked is signal), None)
    after, effects = before.give(grant(direction)) if direction else before.take(signal)
    assert (after.grant is not None) is (after.phase is not Phase.REST)
    return after.mode, after.phase, effects


NORMAL = {
    (Phase.REST, Signal.GRANT_ENTRY): (Phase.ENTRY_GRANTED, [Effect.RELEASE]),
    (Phase.REST, Signal.GRANT_EXIT): (Phase.EXIT_GRANTED, [Effect.RELEASE]),
    (Phase.REST, Signal.BODY_ENTRY): (Phase.REST, [Effect.FORCED]),
    (Phase.REST, Signal.BODY_EXIT): (Phase.REST, [Effect.FORCED]),
    (Phase.REST, Signal.BEHIND_ENTRY): (Phase.REST, [Effect.TAILGATED]),
    (Phase.REST, Signal.BEHIND_EXIT): (Phase.REST, [Effect.TAILGATED]),
    (Phase.REST, Signal.BACK_ENTRY): (Phase.REST, []),
    (Phase.REST, Signal.BACK_EXIT): (Phase.REST, []),
    (Phase.REST, Signal.OVERDUE): None,
    (Phase.ENTRY_GRANTED, Signal.GRANT_ENTRY): None,
    (Phase.ENTRY_GRANTED, Signal.GRANT_EXIT): None,
    (Phase.ENTRY_GRANTED, Signal.BODY_ENTRY): (Phase.REST, [Effect.REST, Effect.COMPLETED]),
    (Phase.ENTRY_GRANTED, Signal.BODY_EXIT): (Phase.ENTRY_GRANTED, [Effect.FORCED]),
    (Phase.ENTRY_GRANTED, Signal.BEHIND_ENTRY): (Phase.REST, [Effect.REST, Effect.COMPLETED]),
    (Phase.ENTRY_GRANTED, Signal.BEHIND_EXIT): (Phase.ENTRY_GRANTED, [Effect.TAILGATED]),
    (Phase.ENTRY_GRANTED, Signal.BACK_ENTRY): (Phase.REST, [Effect.REST, Effect.TURNED_BACK]),
    (Phase.ENTRY_GRANTED, Signal.BACK_EXIT): (Phase.ENTRY_GRANTED, []),
    (Phase.ENTRY_GRANTED, Signal.OVERDUE): (Phase.REST, [Effect.REST, Effect.ABANDONED]),
    (Phase.EXIT_GRANTED, Signal.GRANT_ENTRY): None,
    (Phase.EXIT_GRANTED, Signal.GRANT_EXIT): None,
    (Phase.EXIT_GRANTED, Signal.BODY_ENTRY): (Phase.EXIT_GRANTED, [Effect.FORCED]),
    (Phase.EXIT_GRANTED, Signal.BODY_EXIT): (Phase.REST, [Effect.REST, Effect.COMPLETED]),
    (Phase.EXIT_GRANTED, Signal.BEHIND_ENTRY): (Phase.EXIT_GRANTED, [Effect.TAILGATED]),
    (Phase.EXIT_GRANTED, Signal.BEHIND_EXIT): (Phase.REST, [Effect.REST, Effect.COMPLETED]),
    (Phase.EXIT_GRANTED, Signal.BACK_ENTRY): (Phase.EXIT_GRANTED, []),
    (Phase.EXIT_GRANTED, Signal.BACK_EXIT): (Phase.REST, [Effect.REST, Effect.TURNED_BACK]),
    (Phase.EXIT_GRANTED, Signal.OVERDUE): (Phase.REST, [Effect.REST, Effect.ABANDONED]),
}


def test_the_walk_meets_every_pair_of_the_ordinary_day() -> None:
    assert set(NORMAL) == set(product(Phase, set(Signal) - set(MODE_SIGNALS)))


@pytest.mark.parametrize(("phase", "signal"), NORMAL)
def test_an_ordinary_day(phase: Phase, signal: Signal) -> None:
    """A listed pair gives its phase and effects; an unlisted one is named in the error."""
    outcome = NORMAL[phase, signal]
    if outcome is None:
        with pytest.raises(UnexpectedSignal) as unexpected:
            done(Mode.NORMAL, phase, signal)
        assert phase.value in str(unexpected.value)
        assert signal.value in str(unexpected.value)
        assert isinstance(unexpected.value, GateError)
        return
    _, after, effects = done(Mode.NORMAL, phase, signal)
    assert (after, list(effects)) == outcome


def test_the_table_lacks_grants_that_may_not_be_given_and_nothing_else() -> None:
    """Every other pair of every state is answered, so no sensor and no command is ever unexpected."""
    absent = {(state, signal) for state, signal in product(STATES, Signal) if (state, signal) not in TABLE}
    for (mode, phase), signal in absent:
        given = next((way for way, asked in GRANT_FOR.items() if asked is signal), None)
        if given is None:
            assert (signal, phase) == (Signal.OVERDUE, Phase.REST)
        else:
            assert phase is not Phase.REST or given not in GRANTED_WAYS[mode]


@pytest.mark.parametrize("mode", Mode)
def test_p6_everybody_may_leave_in_every_mode(mode: Mode) -> None:
    after, phase, effects = done(mode, Phase.REST, Signal.GRANT_EXIT)
    assert (after, phase) == (mode, Phase.EXIT_GRANTED)
    assert EXIT in FREE_WAYS[mode] or effects == (Effect.RELEASE,)


@pytest.mark.parametrize(("state", "signal"), list(product(STATES, Signal)))
def test_p6_fire_wins_and_only_a_person_at_the_site_ends_it(state: tuple[Mode, Phase], signal: Signal) -> None:
    mode, phase = state
    evacuated, _, effects = done(mode, phase, Signal.FIRE)
    assert evacuated is Mode.EVACUATED
    assert mode is Mode.EVACUATED or effects[0] is Effect.REST
    assert FREE_WAYS[Mode.EVACUATED] == frozenset(Direction)
    if mode is Mode.EVACUATED and (state, signal) in TABLE:
        (after, _), _ = TABLE[state, signal]
        assert (after is Mode.NORMAL) is (signal is Signal.RESET)


@pytest.mark.parametrize(("mode", "signal"), list(product(sorted(set(Mode) - {Mode.EVACUATED}), MODE_SIGNALS)))
def test_a_mode_is_entered_from_every_other_with_the_ways_put_first(mode: Mode, signal: Signal) -> None:
    wanted = MODE_SIGNALS[signal]
    after, phase, effects = done(mode, Phase.REST, signal)
    if wanted is mode or signal is Signal.RESET:
        assert (after, phase, effects) == (mode, Phase.REST, ())
    else:
        assert (after, phase, effects) == (wanted, Phase.REST, (Effect.REST,))


@pytest.mark.parametrize("signal", [Signal.LOCK, Signal.TAKE_OUT, Signal.FIRE])
def test_an_entry_ends_with_the_mode_that_takes_none_and_an_exit_goes_on(signal: Signal) -> None:
    _, phase, effects = done(Mode.NORMAL, Phase.ENTRY_GRANTED, signal)
    assert (phase, effects) == (Phase.REST, (Effect.REST, Effect.ABANDONED))
    _, phase, effects = done(Mode.NORMAL, Phase.EXIT_GRANTED, signal)
    assert phase is Phase.EXIT_GRANTED
    assert effects == ((Effect.REST,) if signal is Signal.FIRE else (Effect.REST, Effect.RELEASE))


@pytest.mark.parametrize(("mode", "direction"), [(m, d) for m in Mode for d in sorted(FREE_WAYS[m])])
def test_where_everybody_may_go_bodies_are_counted_and_a_badge_names_one(mode: Mode, direction: Direction) -> None:
    assert done(mode, Phase.REST, BODY_FOR[direction])[2] == (Effect.PASSED,)
    assert done(mode, Phase.REST, BEHIND_FOR[direction])[2] == (Effect.PASSED,)
    if direction in GRANTED_WAYS[mode]:
        assert done(mode, Phase.REST, GRANT_FOR[direction])[2] == ()
        assert done(mode, PHASE_FOR[direction], BODY_FOR[direction])[1:] == (Phase.REST, (Effect.COMPLETED,))
        assert done(mode, PHASE_FOR[direction], Signal.OVERDUE)[1:] == (Phase.REST, (Effect.ABANDONED,))


@pytest.mark.parametrize(
    ("after_ms", "effect"), [(0, Effect.TAILGATED), (1_500, Effect.TAILGATED), (1_501, Effect.FORCED)]
)
def test_a_second_body_on_one_grant_is_told_from_a_forced_passage_by_its_time(after_ms: int, effect: Effect) -> None:
    turnstile, _ = Turnstile(behind_ms=1_500).give(grant(ENTRY))
    turnstile, effects = turnstile.body(ENTRY, 10_000)
    assert Effect.COMPLETED in effects
    assert turnstile.body(ENTRY, 10_000 + after_ms)[1] == (effect,)
    assert turnstile.body(EXIT, 10_000 + after_ms)[1] == (Effect.FORCED,)


def test_the_next_worker_close_behind_with_a_grant_of_his_own_is_no_tailgater() -> None:
    turnstile, _ = Turnstile(behind_ms=1_500).give(grant(ENTRY))
    turnstile, _ = turnstile.body(ENTRY, 10_000)
    turnstile, _ = turnstile.give(grant(ENTRY, "b-2"))
    assert Effect.COMPLETED in turnstile.body(ENTRY, 10_400)[1]


def test_a_sensor_that_cannot_tell_bodies_apart_accuses_nobody() -> None:
    turnstile, _ = Turnstile().give(grant(ENTRY))
    turnstile, _ = turnstile.body(ENTRY, 10_000)
    assert turnstile.body(ENTRY, 10_001)[1] == (Effect.FORCED,)


@pytest.mark.parametrize(("monotonic_ms", "overdue"), [(6_999, False), (7_000, True), (7_001, True)])
def test_a_grant_is_overdue_from_its_very_millisecond_on(monotonic_ms: int, *, overdue: bool) -> None:
    granted, _ = Turnstile().give(grant(ENTRY, until_ms=7_000))
    assert granted.overdue(monotonic_ms) is overdue
    assert not Turnstile().overdue(monotonic_ms)


@given(st.lists(st.sampled_from(Signal)))
def test_no_sequence_leaves_a_way_open_that_the_mode_locks_or_a_grant_without_an_end(signals: list[Signal]) -> None:
    """The relays follow RELEASE and REST; each grant ends exactly once; fire is left by RESET only."""
    turnstile, ways = Turnstile(), frozenset[Direction]()
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
            if effect is Effect.REST:
                ways = turnstile.free_ways
            elif effect is Effect.RELEASE:
                assert turnstile.grant is not None
                ways |= {turnstile.grant.direction}
            elif effect in (Effect.COMPLETED, Effect.ABANDONED, Effect.TURNED_BACK):
                assert before.grant is not None
                ended.append(before.grant.badge)
        granted = {turnstile.grant.direction} if turnstile.grant else set()
        assert ways == turnstile.free_ways | granted
        assert before.mode is not Mode.EVACUATED or turnstile.mode is before.mode or signal is Signal.RESET
    assert ended == given_out
