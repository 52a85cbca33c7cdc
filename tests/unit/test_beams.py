"""Two beams across a lane: who went through, which way, and who turned round."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.model import Direction
from gate.relay.beams import Beams, Move

ENTRY, EXIT = Direction.ENTRY, Direction.EXIT
CLEAR, OUTER, INNER, BOTH = (False, False), (True, False), (False, True), (True, True)


def seen(*levels: tuple[bool, bool]) -> list[tuple[Direction, Move]]:
    beams, found = Beams(), []
    for outer, inner in levels:
        beams, done = beams.edge(outer=outer, inner=inner)
        if done is not None:
            found.append(done)
    return found


@pytest.mark.parametrize(
    ("levels", "moves"),
    [
        ((OUTER, BOTH, INNER, CLEAR), [(ENTRY, Move.THROUGH)]),
        ((INNER, BOTH, OUTER, CLEAR), [(EXIT, Move.THROUGH)]),
        ((OUTER, CLEAR), [(ENTRY, Move.BACK)]),
        ((INNER, CLEAR), [(EXIT, Move.BACK)]),
        ((OUTER, BOTH, OUTER, CLEAR), [(ENTRY, Move.BACK)]),
        ((OUTER, BOTH, INNER, BOTH, OUTER, CLEAR), [(ENTRY, Move.BACK)]),
        ((OUTER, BOTH, INNER, CLEAR, OUTER, BOTH, INNER, CLEAR), [(ENTRY, Move.THROUGH)] * 2),
        # Both at once: the side that was left last says the way.
        ((BOTH, INNER, CLEAR), [(ENTRY, Move.THROUGH)]),
        ((BOTH, OUTER, CLEAR), [(EXIT, Move.THROUGH)]),
        # Something fell through, or the beams lost their power.
        ((BOTH, CLEAR), []),
        ((OUTER, BOTH, CLEAR), []),
        # Never in both: a bag before, a bag behind.
        ((OUTER, INNER, CLEAR), []),
    ],
)
def test_what_the_beams_saw(levels: tuple[tuple[bool, bool], ...], moves: list[tuple[Direction, Move]]) -> None:
    assert seen(*levels) == moves


@given(st.lists(st.sampled_from([CLEAR, OUTER, INNER, BOTH])))
def test_whatever_the_beams_do_a_clear_lane_starts_anew(levels: list[tuple[bool, bool]]) -> None:
    """P9."""
    before = seen(*levels, CLEAR)
    assert seen(*levels, CLEAR, OUTER, BOTH, INNER, CLEAR) == [*before, (ENTRY, Move.THROUGH)]
    assert len(before) <= len(levels)
