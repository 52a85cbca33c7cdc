"""What a gate remembers of cards from the events that it records. Pure.

Two facts of each card, each replaced by the next of its kind: the last completed passage, and the last
chip that the number was read from; of each lane its mode; and the last command of the hub.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from gate.model import CardId, Event, EventKind, LastChip, LastPassage
from gate.zones import OUTSIDE

BADGES = (EventKind.BADGE_GRANTED, EventKind.BADGE_REFUSED)


@dataclass(slots=True)
class Remembered:
    """The facts of some events."""

    passages: dict[CardId, LastPassage] = field(default_factory=dict)
    chips: dict[CardId, LastChip] = field(default_factory=dict)
    modes: dict[str, str] = field(default_factory=dict)
    commanded: int = 0
    """The highest number of a command."""

    def add(self, events: Iterable[Event]) -> None:
        """Later events replace what earlier ones said."""
        for event in events:
            if event.kind is EventKind.LANE_MODE and event.lane is not None:
                self.modes[event.lane] = str(event.detail["mode"])
            self.commanded = max(self.commanded, event.command or 0)
            if event.card is None or event.direction is None:
                continue
            if event.kind is EventKind.PASSAGE_COMPLETED:
                self.passages[event.card] = LastPassage(event.zone or OUTSIDE, event.moment.wall_ms)
            elif event.kind in BADGES and event.uid:
                self.chips[event.card] = LastChip(event.uid, event.moment.wall_ms)


def rows_of_passages(passages: Mapping[CardId, LastPassage]) -> list[dict[str, str | int]]:
    """Rows of the table last_passages."""
    return [
        {"scheme": card.scheme, "number": card.number, "zone": last.zone, "wall_ms": last.wall_ms}
        for card, last in passages.items()
    ]


def rows_of_chips(chips: Mapping[CardId, LastChip]) -> list[dict[str, str | int | bytes]]:
    """Rows of the table last_chips."""
    return [
        {"scheme": card.scheme, "number": card.number, "uid": last.uid, "wall_ms": last.wall_ms}
        for card, last in chips.items()
    ]
