"""An asyncio loop in a thread of its own, for the simulator's sockets.

The gate itself has no asyncio; here it saves a thread for each connection.
"""

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class LoopThread:
    """Runs a loop from construction to `close`. Thread-safe."""

    def __init__(self, name: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=name, daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T], timeout_s: float = 10.0) -> T:
        """Run a coroutine in the loop and wait for its result. Raises what it raises, and TimeoutError."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout_s)

    @property
    def closed(self) -> bool:
        """Whether `close` has run."""
        return self._loop.is_closed()

    def close(self) -> None:
        """Cancel what still runs, then end loop and thread. Idempotent."""
        if self.closed:
            return
        self.run(_cancel_all())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def _cancel_all() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    # One more turn: transports that were aborted report their end in the next one.
    await asyncio.sleep(0)
