"""The one scheduler: virtual time, seeded chance, the trace, and the machines that may die at any effect.

Everything that happens in a simulated site is an entry of one heap, ordered by time and then by the
order of asking. Idle time costs nothing. Chance comes from generators named after who asks, so that one
more question in one room does not change the answers in another.
"""

import hashlib
import heapq
import random
from collections import Counter, deque
from collections.abc import Callable
from datetime import UTC, datetime

START_MS = int(datetime(2026, 3, 2, 4, 0, tzinfo=UTC).timestamp() * 1000)
"""A Monday, before anybody is awake."""
MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
TAIL_LINES = 40
AT_ONCE = 10_000


class SimCrash(BaseException):
    """A machine died at an effect. No product code may catch it."""

    def __init__(self, machine: str, where: str) -> None:
        super().__init__(f"{machine} died at {where}")
        self.machine = machine
        self.where = where


class Broken(AssertionError):
    """A promise was broken."""

    def __init__(self, promise: str, what: str, seed: int, at: str, tail: tuple[str, ...]) -> None:
        super().__init__(f"{promise} broken at {at} (seed {seed}): {what}")
        self.promise = promise
        self.what = what
        self.seed = seed
        self.at = at
        self.tail = tail


class World:
    """Time, chance and the trace of one run."""

    def __init__(self, seed: int, show: Callable[[str], None] | None = None) -> None:
        self.seed = seed
        self.now_ms = START_MS
        self.counts: Counter[str] = Counter()
        self.failed: Broken | None = None
        self.lines = 0
        self._show = show
        self._heap: list[tuple[int, int, Callable[[], None]]] = []
        self._asked = 0
        self._at_once = 0
        self._tail: deque[str] = deque(maxlen=TAIL_LINES)
        self._digest = hashlib.sha256()

    def chance(self, who: str) -> random.Random:
        """A generator of this run for one asker."""
        return random.Random(f"{self.seed}/{who}")

    def after(self, delay_ms: int, do: Callable[[], None]) -> None:
        """Do it that many milliseconds from now; what was asked first comes first."""
        self._asked += 1
        heapq.heappush(self._heap, (self.now_ms + max(0, delay_ms), self._asked, do))

    def run_until(self, end_ms: int) -> None:
        """Let everything happen up to `end_ms`. Raises Broken."""
        while self._heap and self._heap[0][0] <= end_ms:
            at_ms, _, do = heapq.heappop(self._heap)
            self._at_once = self._at_once + 1 if at_ms == self.now_ms else 0
            if self._at_once > AT_ONCE:
                raise self.broken("P11", f"more than {AT_ONCE} things happen in one millisecond: somebody spins")
            self.now_ms = at_ms
            do()
            if self.failed is not None:
                raise self.failed
        self.now_ms = end_ms

    def trace(self, who: str, what: str) -> None:
        """One line of the trace; the digest covers all of them."""
        line = f"{self.stamp} {who:8} {what}"
        self.lines += 1
        self._digest.update(line.encode())
        self._tail.append(line)
        if self._show is not None:
            self._show(line)

    def broken(self, promise: str, what: str) -> Broken:
        """The failure to raise; it is also remembered, in case somebody swallows it."""
        failure = Broken(promise, what, self.seed, self.stamp, tuple(self._tail))
        self.failed = self.failed or failure
        return failure

    @property
    def stamp(self) -> str:
        """The simulated time, to the millisecond."""
        passed = self.now_ms - START_MS
        days, rest = divmod(passed + 4 * HOUR_MS, DAY_MS)
        return f"d{days} {rest // HOUR_MS:02}:{rest // MINUTE_MS % 60:02}:{rest // 1000 % 60:02}.{rest % 1000:03}"

    @property
    def digest(self) -> str:
        """Equal digests, equal runs."""
        return self._digest.hexdigest()[:16]


class Machine:
    """A computer that may die between any two of its effects.

    Every simulated port calls `point` before and after it acts on anything that lasts.
    """

    def __init__(self, world: World, name: str) -> None:
        self.world = world
        self.name = name
        self.up = False
        self.power_goes = False
        self._effects_left: int | None = None

    def arm(self, effects: int, *, power: bool) -> None:
        """Die at the n-th effect from now; with the power, or only the process."""
        self._effects_left = effects
        self.power_goes = power

    def disarm(self) -> None:
        self._effects_left = None

    def point(self, where: str) -> None:
        """An effect is about to happen, or has just happened. Raises SimCrash."""
        if self._effects_left is None:
            return
        self._effects_left -= 1
        if self._effects_left <= 0:
            self._effects_left = None
            raise SimCrash(self.name, where)

    def turn(self, what: str, do: Callable[[], None]) -> None:
        """One turn of one of the machine's threads, ended by its own end or by the machine's."""
        if not self.up:
            return
        try:
            do()
        except SimCrash as crash:
            self.world.trace(self.name, f"dies at {crash.where} ({'power' if self.power_goes else 'process'})")
            kind = "power cuts" if self.power_goes else "crashes"
            self.world.counts[f"{self.name.rstrip('0123456789')} {kind}"] += 1
            self.up = False
            self.died()
        except Broken as failure:
            self.world.failed = self.world.failed or failure
        except Exception as fault:
            raise self.world.broken("P9", f"{self.name}: {what} ended in {type(fault).__name__}: {fault}") from fault

    def died(self) -> None:
        """What is left when the process is gone; a subclass says when it comes back."""
        raise NotImplementedError
