"""The rules about the whole site, watched: what each gate knew when it answered, and what it knows at the end.

The rules are not among the numbered promises; a failure here is called `rules`.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from gate.model import CardId, Direction, Event, EventKind, Reason
from gate.rules import Action, Cover, Occupancy, Passback
from gate.site import KEEP_OUTSIDE_MS, SitePicture
from gate.zones import OUTSIDE, SITE
from hub.presence import CardKey, Certainty, Sighting
from tests.simulation.world import HOUR_MS, World

if TYPE_CHECKING:
    from tests.simulation.sim_disk import JournalFile

HEARTBEAT_MS = 120_000
ALONE_MS = 300_000
"""Two and a half heartbeats: from then on these rules may warn, and refuse nobody."""
SLACK_MS = 2_000
WARDEN = "warden"
OF_THE_SITE = (Reason.ALREADY_INSIDE, Reason.ZONE_FULL, Reason.COVER_MISSING)


def site_rules(workers: int) -> tuple[Passback, tuple[Occupancy, ...], tuple[Cover, ...]]:
    """Strict ones, so that they have something to say: the site is full before everybody is in."""
    limit = max(4, workers * 4 // 10)
    occupancy = Occupancy(limit, warn_at=limit - 2)
    return (
        Passback(Action.REFUSE, for_ms=10 * HOUR_MS, grace_ms=60_000),
        (occupancy,),
        (Cover(WARDEN, before=3, action=Action.REFUSE),),
    )


class Watch:
    """Knows what every gate knows of the site, and when it truly heard the hub last."""

    def __init__(self, world: World, occupancy: tuple[Occupancy, ...]) -> None:
        self.world = world
        self.pictures: dict[str, SitePicture] = {}
        self._heard_ms: dict[str, int] = {}
        self._limits = occupancy
        self._files: dict[str, JournalFile] = {}

    def process_began(self, gate: str, picture: SitePicture, file: "JournalFile") -> None:
        """Whoever was heard by the process before was not heard by this one."""
        self.pictures[gate] = picture
        self._files[gate] = file
        self._heard_ms.pop(gate, None)

    def hub_spoke(self, gate: str) -> None:
        """A message that says that the hub is there has come to the gate, from the hub itself."""
        self._heard_ms[gate] = self.world.now_ms

    def answered(self, gate: str, event: Event) -> None:
        """A badge is being recorded."""
        heard_ms = self._heard_ms.get(gate)
        silent = heard_ms is None or self.world.now_ms - heard_ms > ALONE_MS + SLACK_MS
        if event.direction is not Direction.ENTRY or event.card is None:
            return
        if event.kind is EventKind.BADGE_REFUSED and event.reason in OF_THE_SITE:
            self.world.counts[f"refused by a rule of the site: {event.reason}"] += 1
            if silent:
                raise self.world.broken("rules", f"{gate}: {event.reason} refused somebody while the hub was away")
        if event.kind is EventKind.BADGE_GRANTED:
            self._not_too_many(gate, event, silent=silent)

    def _not_too_many(self, gate: str, event: Event, *, silent: bool) -> None:
        """Counted anew, card by card, and not by the picture's own counters."""
        seen = self.pictures[gate]._seen
        inside = sum(one.zone != OUTSIDE for one in seen.values())
        known = (seen.get(event.card), self._files[gate].seen.passages.get(event.card)) if event.card else ()
        counted = any(one is not None and one.zone != OUTSIDE for one in known)
        for limit in self._limits:
            if limit.zone == SITE and inside >= limit.limit and not counted:
                self.world.counts["one too many, and told so"] += 1
                if not silent and Reason.ZONE_FULL not in event.warnings:
                    raise self.world.broken(
                        "rules", f"{gate}: let one in although {inside} were inside, and said nothing"
                    )

    def finish(self, presence: Mapping[CardKey, Sighting], *, hub_forgot: bool) -> None:
        """Everything has healed: every gate knows what the hub knows, unless that lost its disk and knows less."""
        if hub_forgot:
            return
        recent_ms = self.world.now_ms - KEEP_OUTSIDE_MS
        told = {
            card: seen
            for card, seen in presence.items()
            # Gates are not told of who is inside by another system's word alone.
            if (seen.inside and seen.certainty is not Certainty.REPORTED)
            or (not seen.inside and seen.time_ms >= recent_ms)
        }
        for gate, picture in sorted(self.pictures.items()):
            for card, seen in told.items():
                known = picture.last_passage(CardId(*card))
                if known is None or known.zone != seen.zone:
                    where = known.zone or "outside" if known else "nowhere"
                    raise self.world.broken("rules", f"{gate}: {card.number} is {where}; the hub says {seen.zone!r}")
            inside = {CardKey(card.scheme, card.number) for card, seen in picture._seen.items() if seen.zone != OUTSIDE}
            if wrong := sorted(card for card in inside if not presence[card].inside):
                raise self.world.broken("rules", f"{gate}: {wrong[0].number} is inside; the hub says it has left")
        self.world.counts["pictures compared"] += len(self.pictures)
