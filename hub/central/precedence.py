"""Gates go first: while they tell a backlog, those who tell central systems leave them most of the time.

Threads of one interpreter run Python one at a time, and telling a record costs twice what taking it in does: beside
three couriers a backlog came in at a quarter of its speed. What a gate has told is safe only when it is committed,
and no central system minds a few seconds. So in such a rush each courier rests after its turn, so long that the turns
of all of them are a fixed share of the time, but never long; and no more when the rush goes on and on.

Times are seconds of one clock that never goes back, passed in. Any thread may call.
"""

import math
import threading

BACKLOG_BYTES = 16_000
"""Of one commit, from which on it is a backlog: some thirty records. Live ones come by one or two, and a slow disk
makes no rush of them."""
MEMORY_S = 0.3
"""How soon a rush is believed, and forgotten."""
RUSH = 0.5
"""The part of the time in which a backlog is being taken in, from which on it is a rush."""
SHARE = 0.2
"""Of the time in a rush that all couriers together may take."""
LONGEST_REST_S = 2.0


class Precedence:
    """Between the one thread that takes in and those of the couriers."""

    def __init__(self, couriers: int) -> None:
        self._couriers = couriers
        self._lock = threading.Lock()
        self._busy = 0.0
        """How much of the last while a backlog was taken in, the latest counting most."""
        self._at_s = 0.0
        self._working = False
        self._rush_since_s: float | None = None

    def begins(self, size: int, now_s: float) -> None:
        """So many bytes are being taken in."""
        with self._lock:
            self._go_on(now_s)
            self._working = size >= BACKLOG_BYTES

    def ends(self, now_s: float) -> None:
        """They are committed."""
        with self._lock:
            self._go_on(now_s)
            self._working = False

    def rest_s(self, turn_s: float, now_s: float, patience_s: float) -> float:
        """How long a courier rests after a turn that took so long. In a rush longer than its patience: not at all."""
        with self._lock:
            self._go_on(now_s)
            if self._rush_since_s is None or now_s - self._rush_since_s > patience_s:
                return 0.0
        return min(LONGEST_REST_S, turn_s * self._couriers * (1 - SHARE) / SHARE)

    def _go_on(self, now_s: float) -> None:
        before_s = self._at_s
        faded = math.exp(-max(0.0, now_s - before_s) / MEMORY_S)
        self._busy = self._busy * faded + (1 - faded if self._working else 0.0)
        self._at_s = now_s
        if self._busy < RUSH:
            self._rush_since_s = None
        elif self._rush_since_s is None:
            self._rush_since_s = before_s
