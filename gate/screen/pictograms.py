"""Signs drawn from lines, at any size, out of half blocks: readable where letters are not. Pure.

Each sign is a few strokes in a square from 0 to 1, the y axis downwards.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TypeAlias

from gate.relay.display import Sign
from gate.screen.blocks import in_blocks

Stroke: TypeAlias = Sequence[tuple[float, float]]

_CHECK: Stroke = ((0.08, 0.55), (0.38, 0.85), (0.92, 0.18))
_SMALL_CHECK: Stroke = ((0.04, 0.55), (0.26, 0.8), (0.66, 0.24))
_CROSS: Sequence[Stroke] = (((0.14, 0.14), (0.86, 0.86)), ((0.86, 0.14), (0.14, 0.86)))
_ARROW_LEFT: Sequence[Stroke] = (((0.08, 0.5), (0.38, 0.5)), ((0.24, 0.28), (0.08, 0.5), (0.24, 0.72)))
_ARROW_RIGHT: Sequence[Stroke] = tuple(tuple((1 - x, y) for x, y in stroke) for stroke in _ARROW_LEFT)
_QUESTION: Sequence[Stroke] = (
    ((0.28, 0.3), (0.34, 0.16), (0.5, 0.1), (0.66, 0.16), (0.72, 0.3), (0.66, 0.42), (0.5, 0.52), (0.5, 0.64)),
    ((0.5, 0.87), (0.5, 0.89)),
)
_CARD: Sequence[Stroke] = (
    ((0.08, 0.2), (0.92, 0.2), (0.92, 0.8), (0.08, 0.8), (0.08, 0.2)),
    ((0.3, 0.44), (0.3, 0.56)),
    ((0.56, 0.5), (0.74, 0.5)),
)
_AGAIN: Sequence[Stroke] = (
    ((0.8, 0.3), (0.66, 0.17), (0.5, 0.12), (0.32, 0.17), (0.17, 0.32), (0.12, 0.5), (0.17, 0.68), (0.32, 0.83),
     (0.5, 0.88), (0.68, 0.83), (0.83, 0.68)),
    ((0.84, 0.08), (0.82, 0.32), (0.58, 0.33)),
)  # fmt: skip
_NO_ENTRY: Sequence[Stroke] = (
    ((0.5, 0.08), (0.8, 0.2), (0.92, 0.5), (0.8, 0.8), (0.5, 0.92), (0.2, 0.8), (0.08, 0.5), (0.2, 0.2), (0.5, 0.08)),
    ((0.28, 0.5), (0.72, 0.5)),
)
_FLAME: Stroke = (
    (0.5, 0.02), (0.62, 0.2), (0.7, 0.36), (0.66, 0.52), (0.5, 0.6), (0.34, 0.52), (0.3, 0.36), (0.4, 0.26), (0.5, 0.02)
)  # fmt: skip


_ARROW_IN: Sequence[Stroke] = (((0.06, 0.06), (0.36, 0.36)), ((0.38, 0.12), (0.38, 0.38), (0.12, 0.38)))
_ASSEMBLE: Sequence[Stroke] = tuple(
    tuple((1 - x if right else x, 1 - y if low else y) for x, y in stroke)
    for right in (False, True)
    for low in (False, True)
    for stroke in _ARROW_IN
)
"""Four arrows to the middle, as signs of assembly points have them (ISO 7010, E007)."""
_TICKED: Sequence[Stroke] = (
    ((0.08, 0.08), (0.92, 0.08), (0.92, 0.92), (0.08, 0.92), (0.08, 0.08)),
    ((0.28, 0.5), (0.44, 0.68), (0.74, 0.32)),
)


def _at_the_foot(strokes: Sequence[Stroke]) -> Sequence[Stroke]:
    """The same strokes at the foot of the square, half as high."""
    return tuple(tuple((x, 0.6 + y * 0.5) for x, y in stroke) for stroke in strokes)


STROKES: Mapping[Sign, Sequence[Stroke]] = {
    Sign.SHOW_CARD: _CARD,
    Sign.GO: (_CHECK,),
    Sign.NOTE: (_SMALL_CHECK, ((0.9, 0.2), (0.9, 0.58)), ((0.9, 0.78), (0.9, 0.8))),
    Sign.STOP: _CROSS,
    Sign.ASK: _QUESTION,
    Sign.AGAIN: _AGAIN,
    Sign.CLOSED: _NO_ENTRY,
    Sign.OPEN: (*_ARROW_LEFT, *_ARROW_RIGHT),
    Sign.EVACUATE: (*_at_the_foot((*_ARROW_LEFT, *_ARROW_RIGHT)), _FLAME),
    Sign.MUSTER: _ASSEMBLE,
    Sign.COUNTED: _TICKED,
    Sign.LOST: (((0.2, 0.5), (0.22, 0.5)), ((0.49, 0.5), (0.51, 0.5)), ((0.78, 0.5), (0.8, 0.5))),
}

THICKNESS = 0.07


def drawn(sign: Sign, rows: int) -> list[str]:
    """The sign as so many rows of text and twice as many columns: a cell is about twice as high as wide."""
    points = 2 * rows
    return in_blocks(
        [
            "".join(
                "#" if _is_inside(STROKES[sign], (x + 0.5) / points, (y + 0.5) / points) else "." for x in range(points)
            )
            for y in range(points)
        ]
    )


def _is_inside(strokes: Sequence[Stroke], x: float, y: float) -> bool:
    lines = (line for stroke in strokes for line in pairwise(stroke))
    return any(_distance(x, y, start, end) <= THICKNESS for start, end in lines)


def _distance(x: float, y: float, start: tuple[float, float], end: tuple[float, float]) -> float:
    """From a point to a line between two others."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    length = dx * dx + dy * dy
    along = 0.0 if length == 0 else max(0.0, min(1.0, ((x - start[0]) * dx + (y - start[1]) * dy) / length))
    return float(((x - start[0] - along * dx) ** 2 + (y - start[1] - along * dy) ** 2) ** 0.5)
