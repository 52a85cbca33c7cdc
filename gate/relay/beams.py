"""Two light beams across a lane, one behind the other: who goes through, and which way. Pure.

The outer beam is met first by who enters, the inner one by who leaves. A body that went through has met
one, both, the other, and has left both; one that turned round has left by the side it came from. So two
beams tell what one contact cannot: direction, turning back, and a second body close behind the first.
"""

from dataclasses import dataclass, replace
from enum import StrEnum, unique

from gate.model import Direction


@unique
class Move(StrEnum):
    """What a body did, when it has left the beams again."""

    THROUGH = "through"
    BACK = "back"


@dataclass(frozen=True, slots=True)
class Beams:
    """The two beams, and what the present body has met so far. `first` is the beam that it met first:
    ENTRY the outer, EXIT the inner; None with nobody there, or with both broken at once, which tells nothing."""

    outer: bool = False
    inner: bool = False
    first: Direction | None = None
    both: bool = False

    def edge(self, *, outer: bool, inner: bool) -> tuple["Beams", tuple[Direction, Move] | None]:
        """The beams after a change, and what a body did that has left them by it."""
        was_clear = not (self.outer or self.inner)
        first = self.first
        if was_clear and outer is not inner:
            first = Direction.ENTRY if outer else Direction.EXIT
        after = replace(self, outer=outer, inner=inner, first=first, both=self.both or (outer and inner))
        if outer or inner:
            return after, None
        return Beams(), self._left()

    def _left(self) -> tuple[Direction, Move] | None:
        """What the body did, now that both beams are clear; `self` is how they were just before."""
        last = None if self.outer is self.inner else (Direction.ENTRY if self.outer else Direction.EXIT)
        if last is None:
            # Both were left at once: something fell through, or the beams lost their power.
            return None
        if self.first is None:
            # Both were met at once: the side that it left last is the side it went to.
            return (Direction.EXIT if last is Direction.ENTRY else Direction.ENTRY), Move.THROUGH
        if last is self.first:
            return self.first, Move.BACK
        # A body leaves by the other beam; one that never stood in both was two hands, or a swinging bag.
        return (self.first, Move.THROUGH) if self.both else None
