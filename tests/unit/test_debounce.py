"""Debounce: what counts is a level that has held, whoever looks when."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.relay.debounce import Debounce
from gate.relay.rhythm import Rhythm, level_at

Edge = tuple[int, bool]
"""(at_ms, active)"""

LONG_AFTER_MS = 10_000_000


@st.composite
def edges(draw: st.DrawFn) -> list[Edge]:
    """Edges of one contact in order of time, with repeats of the level that already holds."""
    gaps = draw(st.lists(st.integers(0, 120), max_size=40))
    found, at_ms = [], 0
    for gap in gaps:
        at_ms += gap
        found.append((at_ms, draw(st.booleans())))
    return found


def settled_levels(settle_ms: int, given: Sequence[Edge], looks: Sequence[int] = ()) -> list[bool]:
    """Run a contact to its end, with extra looks at the clock in between."""
    contact, settled = Debounce(settle_ms), []
    at_end = max([at_ms for at_ms, _ in given], default=0) + settle_ms
    turns: list[tuple[int, int, bool | None]] = [(at_ms, place, level) for place, (at_ms, level) in enumerate(given)]
    turns += [(at_ms, -1, None) for at_ms in looks if at_ms <= at_end]
    for at_ms, _, level in sorted(turns, key=lambda turn: turn[:2]):
        contact, change = contact.look(at_ms) if level is None else contact.edge(active=level, at_ms=at_ms)
        settled += [] if change is None else [change]
    contact, change = contact.look(LONG_AFTER_MS)
    assert contact.due_ms is None
    return settled + ([] if change is None else [change])


def by_hand(settle_ms: int, given: Sequence[Edge]) -> list[bool]:
    """The rule said otherwise: cut the raw signal into runs, keep those that held long enough."""
    runs: list[Edge] = [(0, False)]
    for at_ms, level in given:
        if level != runs[-1][1]:
            runs.append((at_ms, level))
    ends = [start for start, _ in runs[1:]] + [LONG_AFTER_MS]
    held = [level for (start, level), end in zip(runs, ends, strict=True) if end - start >= settle_ms]
    changes, now = [], False
    for level in held:
        if level != now:
            changes.append(level)
            now = level
    return changes


@given(st.integers(0, 100), edges())
def test_a_level_counts_exactly_when_it_has_held(settle_ms: int, given: list[Edge]) -> None:
    assert settled_levels(settle_ms, given) == by_hand(settle_ms, given)


@given(st.integers(0, 100), edges(), st.lists(st.integers(0, 5000), max_size=30))
def test_who_looks_when_changes_nothing(settle_ms: int, given: list[Edge], looks: list[int]) -> None:
    assert settled_levels(settle_ms, given, looks) == settled_levels(settle_ms, given)


@given(st.integers(0, 100), edges())
def test_changes_alternate_and_begin_with_active(settle_ms: int, given: list[Edge]) -> None:
    settled = settled_levels(settle_ms, given)
    assert settled == [place % 2 == 0 for place in range(len(settled))]


@given(st.integers(1, 100), st.lists(st.integers(0, 99), max_size=50))
def test_a_burst_in_which_nothing_holds_is_nothing(settle_ms: int, gaps: list[int]) -> None:
    """A loose wire or a relay's spark: every level shorter than the settling time."""
    at_ms, level, burst = 1_000, False, []
    for gap in [*gaps, *([0] if len(gaps) % 2 == 0 else [])]:
        level = not level
        burst.append((at_ms, level))
        at_ms += gap % settle_ms
    quiet = [(at_ms, False)]
    assert settled_levels(settle_ms, burst + quiet) == []


def test_a_bouncing_contact_is_one_body() -> None:
    contact = Debounce(40)
    for at_ms, active in [(0, True), (3, False), (5, True), (9, False), (11, True)]:
        contact, settled = contact.edge(active=active, at_ms=at_ms)
        assert settled is None
    assert contact.due_ms == 51
    assert contact.look(50) == (contact, None)
    contact, settled = contact.look(51)
    assert settled is True
    assert (contact.active, contact.due_ms) == (True, None)


def test_a_repeated_edge_does_not_start_the_wait_again() -> None:
    contact, _ = Debounce(40).edge(active=True, at_ms=0)
    contact, _ = contact.edge(active=True, at_ms=39)
    assert contact.due_ms == 40


def test_a_level_that_settled_before_a_late_look_is_not_lost() -> None:
    """The thread slept through the settling: the next edge brings it up."""
    contact, _ = Debounce(40).edge(active=True, at_ms=0)
    contact, settled = contact.edge(active=False, at_ms=500)
    assert settled is True
    assert contact.look(540)[1] is False


@pytest.mark.parametrize(
    ("rhythm", "elapsed_ms", "expected"),
    [
        ((500,), 0, (True, 500)),
        ((500,), 499, (True, 500)),
        ((500,), 500, (False, None)),
        ((100, 50, 100), 99, (True, 100)),
        ((100, 50, 100), 100, (False, 150)),
        ((100, 50, 100), 150, (True, 250)),
        ((100, 50, 100), 250, (False, None)),
        ((), 0, (False, None)),
    ],
)
def test_a_rhythm_says_its_level_and_when_it_changes(
    rhythm: Rhythm, elapsed_ms: int, expected: tuple[bool, int | None]
) -> None:
    assert level_at(rhythm, elapsed_ms) == expected


@given(st.lists(st.integers(1, 500), max_size=9), st.integers(0, 10_000))
def test_P7_every_rhythm_ends_with_its_output_off(lengths: list[int], beyond_ms: int) -> None:
    """P7: a pulse cannot outlast its sum."""
    assert level_at(tuple(lengths), sum(lengths) + beyond_ms) == (False, None)
