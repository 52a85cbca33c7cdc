"""What is counted of the events that come in: badges by their answer, passages by how they went. Pure.

A counter's name is kind, direction and reason with spaces between them. A word that is none of these counts as
`other`: no gate can make counters without end.
"""

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from hub.presence import ENTRY, EXIT, PASSAGE_COMPLETED
from hub.records import EventRecord

BADGE_GRANTED = "badge.granted"
BADGE_REFUSED = "badge.refused"
BADGES = (BADGE_GRANTED, BADGE_REFUSED)
PASSAGES = (PASSAGE_COMPLETED, "passage.abandoned", "passage.forced", "passage.tailgated", "passage.free")
REASONS = frozenset(
    {
        "granted", "unreadable", "lane_closed", "blocked", "unknown_card", "cancelled", "employer_mismatch",
        "weak_credential", "expired", "not_on_crew_list", "outside_period", "company_not_approved", "training_missing",
        "already_inside", "zone_full", "cover_missing", "short_rest", "outside_hours", "expires_soon", "list_stale",
        "clock_untrusted",
    }
)  # fmt: skip
"""The gate's own words. A test holds them against `gate.model.Reason`."""
NONE = "none"
"""The event does not say it."""
OTHER = "other"

_DIRECTIONS = frozenset({ENTRY, EXIT})


class Tally(NamedTuple):
    """What is counted together. `reason` is `none` for a passage."""

    kind: str
    direction: str
    reason: str

    @property
    def name(self) -> str:
        """Of its counter."""
        return " ".join(self)


def tally_of(kind: str, direction: str | None, reason: str | None) -> Tally | None:
    """Where an event is counted; None for one that is neither badge nor passage."""
    if kind in BADGES:
        return Tally(kind, _known(direction, _DIRECTIONS), _known(reason, REASONS))
    if kind in PASSAGES:
        return Tally(kind, _known(direction, _DIRECTIONS), NONE)
    return None


def tallied(records: Iterable[EventRecord]) -> Counter[str]:
    """How many of these are counted under which name."""
    found = (tally_of(one.kind, one.direction, one.reason) for one in records)
    return Counter(one.name for one in found if one is not None)


def tally_named(name: str) -> Tally | None:
    """The tally of a counter; None for any other counter."""
    parts = name.split(" ")
    return Tally(*parts) if len(parts) == 3 else None


def _known(word: str | None, words: frozenset[str]) -> str:
    if word is None:
        return NONE
    return word if word in words else OTHER
