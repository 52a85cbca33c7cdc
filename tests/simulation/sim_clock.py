"""A Pi's clock: no battery, a wall time that is wrong until NTP comes, and that may be set wrongly afterwards."""

from random import Random

from gate.model import Moment
from tests.simulation.world import MINUTE_MS, World

FAR_PAST_MS = 0
"""1970: a Pi without even a remembered time."""


class SimClock:
    """The hardware of one gate, across its boots."""

    def __init__(self, world: World, gate: str) -> None:
        self._world = world
        self._chance: Random = world.chance(f"clock/{gate}")
        self._gate = gate
        self._boots = 0
        self.boot = ""
        self.boot_ms = world.now_ms
        self._wall_error_ms = 0
        self.trusted = False

    def power_up(self) -> int:
        """A new boot; returns in how many milliseconds NTP will answer."""
        self._boots += 1
        asleep_ms = self._world.now_ms - self.boot_ms
        self.boot = f"boot-{self._gate}-{self._boots}"
        self.boot_ms = self._world.now_ms
        self.trusted = False
        # fake-hwclock goes on where the last hour had saved it; without it the clock starts in 1970.
        remembered = self._chance.random() < 0.7
        behind_ms = min(asleep_ms, 60 * MINUTE_MS) + self._chance.randint(0, 30_000)
        self._wall_error_ms = -behind_ms if remembered else FAR_PAST_MS - self._world.now_ms
        return self._chance.choice((5_000, 60_000, 20 * MINUTE_MS))

    def ntp(self) -> None:
        """A time source has answered."""
        self._wall_error_ms = self._chance.randint(-20, 20)
        self.trusted = True

    def jump(self, by_ms: int) -> None:
        """Somebody sets the clock, and it believes them."""
        self._wall_error_ms += by_ms

    def read(self, spent_ms: int) -> Moment:
        """The instant `spent_ms` after the scheduler's present."""
        true_ms = self._world.now_ms + spent_ms
        return Moment(self.boot, true_ms - self.boot_ms, true_ms + self._wall_error_ms, self.trusted)


class ThreadClock:
    """The Clock port of one thread: it goes on while that thread waits for the disk."""

    def __init__(self, clock: SimClock) -> None:
        self._clock = clock
        self.spent_ms = 0

    def now(self) -> Moment:
        return self._clock.read(self.spent_ms)


def jump_ms(chance: Random) -> int:
    """A jump that is worth telling: more than any slewing."""
    return chance.choice((-1, 1)) * chance.choice((8_000, 90_000, 45 * MINUTE_MS))
