"""The one place where a test waits: for a described condition, never for a length of time."""

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

_POLL_S = 0.005


def wait_for(described: str, condition: Callable[[], T | None], timeout_s: float = 10.0) -> T:
    """Poll until `condition` gives something true, and return it. Raises AssertionError with what was awaited."""
    deadline = time.monotonic() + timeout_s
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout_s} s in vain for: {described} (last seen: {found!r})")
        time.sleep(_POLL_S)


async def wait_for_async(described: str, condition: Callable[[], T | None], timeout_s: float = 20.0) -> T:
    """The same inside an event loop, which goes on meanwhile."""
    deadline = time.monotonic() + timeout_s
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout_s} s in vain for: {described} (last seen: {found!r})")
        await asyncio.sleep(_POLL_S)
