"""What this process holds of the system: the measure of tests that nothing grows (P11)."""

import threading
from pathlib import Path
from typing import NamedTuple

from tests.waiting import wait_for


class Held(NamedTuple):
    """Open descriptors and living threads."""

    files: int
    threads: int


def held() -> Held:
    """As of now."""
    return Held(len(list(Path("/proc/self/fd").iterdir())), threading.active_count())


def nothing_grew(since: Held) -> None:
    """Wait until no more is held than at `since`: a thread of a peer may still be letting go. Raises AssertionError."""

    def settled() -> bool:
        return all(now <= then for now, then in zip(held(), since, strict=True))

    wait_for(f"no more than {since}", settled)
