"""A central system that comes late, and the target that the hub has of it.

It refuses some until somebody has mended them, puts some into a queue of its own and refuses them there, or forgets
them; it is away, forgets the password, takes records and loses its answer. The target itself stumbles over some for
some hours.
"""

from collections.abc import Sequence

from hub.central.happening import PASSAGE, Happening
from hub.central.target import Accepted, Draft, Facts, Item, Later, Outcome, Pace, Queued, Refused, Stopped
from tests.simulation.central import Mood, lot
from tests.simulation.late_book import LateBook
from tests.simulation.tellings import as_told
from tests.simulation.world import MINUTE_MS, World

REFUSES = "card is not on the project"
FORGOTTEN = "not in the queue"


class LateCentral:
    """The receiver. Outlives every hub."""

    pace = Pace(connections=2, batch=6)

    def __init__(self, world: World, book: LateBook) -> None:
        self.world = world
        self.tellings = book
        self.mood = Mood.WELL
        self.stumbles = False
        """Over one record in seven, in the hub itself."""
        self._chance = world.chance("late central")
        self._healed = False
        self._mended: set[str] = set()
        self._verdict_ms: dict[str, int] = {}

    def be(self, mood: Mood) -> None:
        self.world.trace("late", f"is {mood}")
        self.world.counts[f"late central {mood}"] += 1
        self.mood = mood

    def heal(self) -> None:
        """From now on it takes everything, and knows what it has queued."""
        self._healed = True
        self.stumbles = False
        self.be(Mood.WELL)

    def mend(self, key: str) -> None:
        """Somebody has put right what it refused."""
        self._mended.add(key)

    def unreadable(self, happenings: Sequence[str]) -> set[str]:
        """At which of these the target stumbles now."""
        return {one for one in happenings if self.stumbles and lot(one, 7) == 5}

    # --- the target that the hub has of it ---------------------------------------------------------------

    def items(self, happening: Happening) -> Sequence[Item]:
        if happening.kind != PASSAGE or happening.at_ms is None:
            return []
        if self.unreadable([happening.id]):
            self.tellings.stumbled_over(happening.id)
            raise ValueError("a fault in the target")
        return [Item(happening.id, happening.id, happening.card, happening.at_ms)]

    def draft(self, item: Item, facts: Facts) -> bytes | None:
        return as_told(item, facts)

    def send(self, drafts: Sequence[Draft]) -> Sequence[Outcome]:
        """A request has come."""
        match self.mood:
            case Mood.AWAY:
                return [Later("no answer")] * len(drafts)
            case Mood.LOCKED:
                return [Stopped("401 Login failed")] * len(drafts)
            case _:
                return [self._record(draft) for draft in drafts]

    def ask(self, queued: Sequence[str]) -> Sequence[Outcome]:
        if self.mood is Mood.LOCKED:
            return [Stopped("401 Login failed")] * len(queued)
        if self.mood is not Mood.WELL:
            return [Later("no answer")] * len(queued)
        return [self._verdict(one) for one in queued]

    def close(self) -> None:
        """Nothing is held."""

    # --- one record --------------------------------------------------------------------------------------

    def _record(self, draft: Draft) -> Outcome:
        key = draft.item.id
        self.tellings.arrived(key, draft.body)
        wrong = not (self._healed or key in self._mended)
        if lot(key, 9) == 0 and wrong:
            return Refused(REFUSES, "cardNumber")
        if self._chance.random() < 0.03:
            return Later("503", self._chance.choice((None, 5_000, 40_000)))
        answer: Outcome = Accepted(key)
        if lot(key, 3) == 2 and wrong:
            answer = Queued(key)
            self._verdict_ms.setdefault(key, self.world.now_ms + self._chance.randint(1_000, 10 * MINUTE_MS))
        else:
            self.tellings.took(key)
        return Later("timeout") if self._chance.random() < 0.03 else answer

    def _verdict(self, key: str) -> Outcome:
        if self.world.now_ms < self._verdict_ms[key]:
            return Queued(key)
        wrong = not (self._healed or key in self._mended)
        if lot(key, 4) == 1 and wrong:
            self.world.counts["refused in late central's queue"] += 1
            return Refused(REFUSES)
        if lot(key, 12) == 2 and wrong:
            self.world.counts["asked late central for what it has forgotten"] += 1
            return Queued(key, FORGOTTEN)
        self.tellings.took(key)
        return Accepted(key)
