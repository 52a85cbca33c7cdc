"""Exponential backoff with full jitter. Pure: randomness is passed in.

Full jitter, because after a power cut twenty gates come back in the same second: spread over the whole
interval they do not knock on the broker together.
"""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """Waits between `0` and `min(cap_ms, first_ms * 2**attempt)`, evenly spread.

    `uniform` returns a number in [0, 1), for instance `random.random`.
    """

    uniform: Callable[[], float]
    first_ms: int = 500
    cap_ms: int = 30_000

    def wait_ms(self, attempt: int) -> int:
        """How long to wait before attempt number `attempt`, counted from 0."""
        ceiling = min(self.cap_ms, self.first_ms << min(attempt, 32))
        return int(self.uniform() * ceiling)
