"""Signs that a card exists twice, seen from the whole site. Pure.

A gate sees that a number comes from another chip than it knows (`gate.suspicion`). Only the hub sees that
it does so at another gate, or that one card was at two gates sooner than anybody walks. Nobody is refused
for it; a person looks at the card and its holder.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum, unique
from typing import NamedTuple

from hub.presence import CardKey, Certainty, Sighting


@unique
class Sign(StrEnum):
    """What was seen."""

    ANOTHER_CHIP = "another_chip"
    TOO_FAST = "too_fast"


class Suspicion(NamedTuple):
    """Two sightings that do not fit one card; the later one first. Times are Unix time in ms."""

    card: CardKey
    sign: Sign
    gate: str
    time_ms: int
    other_gate: str
    other_time_ms: int


def suspicions(known: Mapping[CardKey, Sighting], sightings: Iterable[Sighting], least_walk_ms: int) -> list[Suspicion]:
    """What these sightings say beside the last known one of each card. The result does not depend on their order."""
    found: list[Suspicion] = []
    last = dict(known)
    for sighting in sorted(set(sightings), key=lambda one: (one[:4], one.uid or "")):
        before = last.get(sighting.card)
        if before is not None and before[:4] < sighting[:4]:
            found += _between(before, sighting, least_walk_ms)
        if before is None or before[:4] < sighting[:4]:
            # A stripe tells no chip; what is known of the chip stays known.
            last[sighting.card] = sighting if sighting.uid or before is None else sighting._replace(uid=before.uid)
    return found


def _between(before: Sighting, after: Sighting, least_walk_ms: int) -> Iterable[Suspicion]:
    pair = (after.gate, after.time_ms, before.gate, before.time_ms)
    # At one gate its own controller tells of another chip.
    if before.uid and after.uid and before.uid != after.uid and before.gate != after.gate:
        yield Suspicion(after.card, Sign.ANOTHER_CHIP, *pair)
    certain = before.certainty is after.certainty is Certainty.CERTAIN
    if certain and before.gate != after.gate and after.time_ms - before.time_ms < least_walk_ms:
        yield Suspicion(after.card, Sign.TOO_FAST, *pair)
