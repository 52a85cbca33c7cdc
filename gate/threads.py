"""The controller's thread: one inbox, bounded, served in order.

Full-queue rule: a thousand inputs are more than a turnstile's day can bring in a second, so a full inbox
means that the controller hangs. Then the newest input is dropped, counted and logged; readers and
sensors are never blocked.
"""

import logging
import queue
import threading
from collections.abc import Callable
from typing import Protocol

from gate.ports import Input

log = logging.getLogger(__name__)

INBOX_INPUTS = 1_000


class Served(Protocol):
    """What the thread needs of the controller."""

    def handle(self, given: Input) -> None: ...

    def tick(self) -> None: ...

    def due_ms(self) -> int: ...


class ControllerThread:
    """Runs a controller until `close`. `alive` is called after each of its turns, at least once a second: a
    controller that hangs is missed by whoever waits for that, a busy one is not."""

    def __init__(self, controller: Served, alive: Callable[[], None]) -> None:
        self._controller = controller
        self._alive = alive
        self._inbox: queue.Queue[Input | None] = queue.Queue(INBOX_INPUTS)
        self._thread = threading.Thread(target=self._run, name="controller", daemon=True)
        self.dropped = 0
        self.faults = 0

    def start(self) -> None:
        self._thread.start()

    def deliver(self, given: Input) -> None:
        """Hand an input to the controller; from any thread, never blocks."""
        try:
            self._inbox.put_nowait(given)
        except queue.Full:
            self.dropped += 1
            log.error("controller=hung dropped=%d input=%s", self.dropped, type(given).__name__)

    def close(self) -> None:
        """Serve what is waiting, then end. Idempotent."""
        if self._thread.is_alive():
            self._inbox.put(None)
            self._thread.join(10.0)

    def _run(self) -> None:
        while True:
            self._alive()
            try:
                given = self._inbox.get(timeout=self._controller.due_ms() / 1000)
            except queue.Empty:
                self._guarded(None)
                continue
            if given is None:
                return
            self._guarded(given)

    def _guarded(self, given: Input | None) -> None:
        """One turn. A fault of ours in one badge must not end the gate for the next worker (P9)."""
        try:
            if given is not None:
                self._controller.handle(given)
            self._controller.tick()
        except Exception:
            self.faults += 1
            log.exception("controller=fault count=%d input=%s", self.faults, type(given).__name__)
