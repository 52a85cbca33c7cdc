"""What a gate knows of the whole site: where every card was seen last, and how many are where. Pure.

The hub tells what the other gates have seen; what this gate sees itself counts at once. Of each card the
latest sighting holds, so it does not matter in which order the hub's words come, or how often. The hub's
words are for the rules about entering; a gate that does not hear them goes on with what it has seen, and
knows that it is alone.
"""

from collections import Counter
from collections.abc import Iterable
from types import MappingProxyType
from typing import NamedTuple

from gate.model import CardId, LastPassage, Moment
from gate.rules import EVERYBODY, Crowd
from gate.zones import OUTSIDE, all_around

HOUR_MS = 3_600_000
KEEP_OUTSIDE_MS = 36 * HOUR_MS
"""Longer than any rest between two shifts that a rule asks for."""
KEEP_INSIDE_MS = 30 * 24 * HOUR_MS
MISSED_HEARTBEATS = 2.5


class Seen(NamedTuple):
    """Where a card was seen last: the zone that its holder went to, and the groups its permit names."""

    wall_ms: int
    zone: str
    groups: tuple[str, ...] = ()


def latest(recorded: LastPassage | None, told: LastPassage | None, now: Moment) -> LastPassage | None:
    """Where the card truly was last: by this gate's own journal, or by what is known of the site.

    A record from the future was made by a clock that was wrong; it counts only when there is nothing else (P10).
    """
    if recorded is None or told is None:
        return recorded or told
    wrong = now.trusted and recorded.wall_ms > now.wall_ms
    return told if wrong or told.wall_ms > recorded.wall_ms else recorded


class SitePicture:
    """See the module. Not thread-safe."""

    def __init__(self) -> None:
        self._seen: dict[CardId, Seen] = {}
        self._crowd: Counter[tuple[str, str]] = Counter()
        self._alone_from_ms: int | None = None
        self._forgot_ms = 0
        self.crowd: Crowd = MappingProxyType(self._crowd)

    def __len__(self) -> int:
        """How many cards are remembered."""
        return len(self._seen)

    def last_passage(self, card: CardId) -> LastPassage | None:
        """Where the card was seen last, anywhere on the site."""
        seen = self._seen.get(card)
        return LastPassage(seen.zone, seen.wall_ms) if seen is not None else None

    def alone(self, monotonic_ms: int) -> bool:
        """Whether the hub has been silent for too long, or was never heard."""
        return self._alone_from_ms is None or monotonic_ms >= self._alone_from_ms

    def heard(self, again_ms: int, monotonic_ms: int) -> None:
        """The hub has just spoken, and will again within `again_ms`."""
        self._alone_from_ms = monotonic_ms + int(MISSED_HEARTBEATS * again_ms)

    def saw(self, card: CardId, seen: Seen) -> None:
        """This gate saw the card go through: whatever was known before came before."""
        self._put(card, seen)

    def told(self, sightings: Iterable[tuple[CardId, Seen]]) -> None:
        """The hub's sightings; of each card the later one holds."""
        for card, seen in sightings:
            known = self._seen.get(card)
            if known is None or seen.wall_ms >= known.wall_ms:
                self._put(card, seen)

    def forget(self, wall_ms: int) -> None:
        """Let go of who left long ago, once an hour at most (P11, P12)."""
        if 0 <= wall_ms - self._forgot_ms < HOUR_MS:
            return
        self._forgot_ms = wall_ms
        for card, seen in list(self._seen.items()):
            kept_ms = KEEP_OUTSIDE_MS if seen.zone == OUTSIDE else KEEP_INSIDE_MS
            if seen.wall_ms < wall_ms - kept_ms:
                self._count(self._seen.pop(card), -1)

    def _put(self, card: CardId, seen: Seen) -> None:
        before = self._seen.get(card)
        if before is not None:
            self._count(before, -1)
        self._seen[card] = seen
        self._count(seen, 1)

    def _count(self, seen: Seen, by: int) -> None:
        for zone in all_around(seen.zone):
            for group in (EVERYBODY, *seen.groups):
                self._crowd[zone, group] += by
                if not self._crowd[zone, group]:
                    del self._crowd[zone, group]
