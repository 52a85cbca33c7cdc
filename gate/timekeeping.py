"""Trust in the clock (P10), pure. A Pi has no clock battery: after a power cut its wall clock is wrong
until a time source sets it.

Within one boot, wall time minus monotonic time is a constant while nobody sets the clock. So one
trusted reading gives the right time of every earlier event of that boot: `wall = monotonic + offset`.
The journal is never rewritten; the offset is an event of its own, and receivers apply it.
"""

from dataclasses import dataclass

from gate.model import Moment

JUMP_MS = 5_000
"""A trusted clock that moves further than this against the monotonic one has jumped. NTP slews by at
most 500 ppm, 1.8 s in an hour, so slewing between two looks never reaches it."""


@dataclass(frozen=True, slots=True)
class Correction:
    """From now on `wall_ms = monotonic_ms + offset_ms` holds for the events of `boot`.

    `moved_ms` is how far the clock went when trust came, or by how much a trusted clock jumped.
    """

    boot: str
    offset_ms: int
    moved_ms: int

    def right_wall_ms(self, moment: Moment) -> int:
        """The right time of an earlier, untrusted moment of the same boot; of any other, its own."""
        if moment.boot != self.boot or moment.trusted:
            return moment.wall_ms
        return moment.monotonic_ms + self.offset_ms


@dataclass(frozen=True, slots=True)
class Timekeeper:
    """What is known of the clock so far."""

    last: Moment | None = None

    def observe(self, now: Moment) -> tuple["Timekeeper", Correction | None]:
        """Take a look at the clock. A Correction comes out when trust arrives and when it jumps."""
        offset_ms = now.wall_ms - now.monotonic_ms
        after = Timekeeper(now)
        if not now.trusted:
            return after, None
        if self.last is None or self.last.boot != now.boot:
            return after, Correction(now.boot, offset_ms, 0)
        moved_ms = offset_ms - (self.last.wall_ms - self.last.monotonic_ms)
        if not self.last.trusted or abs(moved_ms) > JUMP_MS:
            return after, Correction(now.boot, offset_ms, moved_ms)
        return after, None
