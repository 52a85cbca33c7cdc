"""What happened at the site, as targets are told of it. Pure.

A stream is anything that numbers what it tells from 1 on, without a gap that stays: a gate's journal up to where it
is whole here, the words of the site office, what another system has reported, the hub's own alarms.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

from hub.presence import PASSAGE_COMPLETED, CardKey, Certainty

PASSAGE = PASSAGE_COMPLETED
BY_HAND = "presence.by_hand"
"""A person at the site office checked somebody in or out."""
REPORTED = "presence.reported"
"""Another system at the site has seen somebody come or go."""
WITHDRAWN = "presence.withdrawn"
"""It has taken that back."""
CONFIRMED = "presence.confirmed"
"""Somebody has confirmed there that they are still on the site."""
ALARM_RAISED = "alarm.raised"
ALARM_CLEARED = "alarm.cleared"
MOVEMENTS = frozenset({PASSAGE, BY_HAND, REPORTED})
"""The kinds that tell that somebody came or went."""

OFFICE_STREAM = "@office"
ALARM_STREAM = "@hub"


class Stream(NamedTuple):
    """Where something was told first. No gate's name begins with `@`, and what does has no epochs."""

    name: str
    epoch: str = ""


class Place(NamedTuple):
    """Where a happening is kept."""

    stream: Stream
    seq: int


@dataclass(frozen=True, slots=True)
class Happening:
    """One thing that happened. `id` is its UUID, the same for every receiver and at every attempt (P3).

    `at_ms` is the best time that is known now: that of the gate's clock, put right where the gate has said how;
    None where the record could not be understood. `kind` is the gate's word (`passage.completed`, `badge.refused`, …)
    or one of this module's.
    """

    id: str
    stream: Stream
    seq: int
    kind: str
    at_ms: int | None
    received_ms: int
    card: CardKey | None = None
    direction: str | None = None
    gate: str | None = None
    """None where no gate saw it."""
    lane: str | None = None
    zone: str | None = None
    medium: str | None = None
    reason: str | None = None
    warnings: tuple[str, ...] = ()
    certainty: Certainty = Certainty.CERTAIN
    detail: dict[str, str | int | bool] = field(default_factory=dict)

    def from_on(self, since_ms: int) -> bool:
        """Whether it happened since then, as far as can be told: a clock that nobody had set shows any time."""
        at_ms = self.received_ms if self.certainty is Certainty.CLOCK_UNTRUSTED else self.at_ms
        return at_ms is None or at_ms >= since_ms
