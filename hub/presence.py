"""Who is inside: a fold over completed passages. Pure.

Backlogs come late, twice, and out of order across gates, so the fold must not care: of every card only
the latest passage counts, by (time, gate, epoch, seq). That is a maximum over a total order, hence
commutative and idempotent. Nothing but `passage.completed` changes presence: a granted badge whose
holder turned round changes nothing.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum, unique
from typing import NamedTuple

from gate.zones import OUTSIDE, SITE

PASSAGE_COMPLETED = "passage.completed"
ENTRY = "entry"
EXIT = "exit"


@unique
class Certainty(StrEnum):
    """How sure we are that a person's last passage is what we think it is."""

    CERTAIN = "certain"
    CLOCK_UNTRUSTED = "clock_untrusted"
    """The gate's clock had not been set, so another passage may really have been later."""
    CLOCK_CORRECTED = "clock_corrected"
    """The clock was set later in the same boot, and the time reckoned back from there."""


class CardKey(NamedTuple):
    """A card: scheme and number, both as strings."""

    scheme: str
    number: str


class Sighting(NamedTuple):
    """One completed passage of one card. The first four fields are the order, `time_ms` is Unix time in UTC."""

    time_ms: int
    gate: str
    epoch: str
    seq: int
    card: CardKey
    direction: str
    lane: str | None = None
    certainty: Certainty = Certainty.CERTAIN
    uid: str | None = None
    """Serial number of the chip that was shown, hexadecimal."""
    led_to: str | None = None
    """The zone, as far as the gate said."""

    @property
    def zone(self) -> str:
        """Where the card's holder is after this passage; empty is off the site."""
        if self.led_to is not None:
            return self.led_to
        return SITE if self.direction == ENTRY else OUTSIDE

    @property
    def inside(self) -> bool:
        """Whether the card's holder is on the site after this passage."""
        return self.zone != OUTSIDE


class Located(NamedTuple):
    """Where a card was seen last, and the groups that its permit names."""

    card: CardKey
    zone: str
    time_ms: int
    groups: tuple[str, ...] = ()


Presence = Mapping[CardKey, Sighting]


def later(one: Sighting, other: Sighting) -> Sighting:
    """The one of two sightings of a card that counts."""
    return one if one[:4] >= other[:4] else other


def fold(sightings: Iterable[Sighting], start: Presence | None = None) -> dict[CardKey, Sighting]:
    """The latest sighting of every card, beginning from what was known."""
    known = dict(start or {})
    for sighting in sightings:
        before = known.get(sighting.card)
        known[sighting.card] = sighting if before is None else later(before, sighting)
    return known


def inside(presence: Presence) -> list[Sighting]:
    """Those who are inside, longest first."""
    return sorted(sighting for sighting in presence.values() if sighting.inside)
