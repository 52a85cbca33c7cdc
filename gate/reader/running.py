"""The thread that a reader's driver runs in, and its health as the controller hears it.

Every driver serves its device in a blocking loop of its own. What they share stands here: a loop that
ended is begun again with backoff, whatever ended it (P9), and a change of health is said once.
"""

import logging
import random
import threading
import time
from collections.abc import Callable

from gate.errors import ReaderError, ReaderHung, ReaderLost
from gate.model import ReaderState
from gate.ports import Deliver, Input, ReaderChanged
from portvakt.backoff import Backoff

log = logging.getLogger(__name__)

_JOIN_S = 0.05
_STEADY_S = 1.0
"""A device that was served so long was well: the next attempt comes quickly again."""


def default_backoff() -> Backoff:
    """Quick at first: a plug that was pulled is pushed in again, and somebody stands at the gate."""
    return Backoff(random.random, first_ms=100, cap_ms=5000)


class ReaderThread:
    """Runs `serve` in a thread of its own until closed.

    `serve` blocks, returns when `stopping` is set, and raises ReaderError when its device is not to be
    had. `wake` interrupts what it blocks in; it is called from another thread, repeatedly, and must do
    no harm when there is nothing to interrupt.
    """

    def __init__(
        self, name: str, serve: Callable[[], None], wake: Callable[[], None], backoff: Backoff | None = None
    ) -> None:
        self.name = name
        self.stopping = threading.Event()
        self._serve = serve
        self._wake = wake
        self._backoff = backoff or default_backoff()
        self._thread: threading.Thread | None = None
        self._said: tuple[ReaderState, str] | None = None
        self._deliver: Deliver = _nowhere

    def start(self, deliver: Deliver) -> None:
        """Begin. Returns at once."""
        self._deliver = deliver
        self._thread = threading.Thread(target=self._run, name=f"reader-{self.name}", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop; returns when the thread has ended. Idempotent."""
        self.stopping.set()
        thread = self._thread
        while thread is not None and thread.is_alive():
            # A wake-up that comes between two blocking calls is lost, so it is repeated until heard.
            self._wake()
            thread.join(_JOIN_S)

    def deliver(self, given: Input) -> None:
        """Hand a value to the controller."""
        self._deliver(given)

    def report(self, state: ReaderState, what: str = "") -> None:
        """Say how the reader is; what was said last is not said again."""
        if (state, what) != self._said:
            self._said = (state, what)
            level = logging.INFO if state is ReaderState.OK else logging.WARNING
            log.log(level, "reader=%s state=%s what=%r", self.name, state, what)
            self._deliver(ReaderChanged(self.name, state, what))

    def _run(self) -> None:
        attempt = 0
        while not self.stopping.is_set():
            began = time.monotonic()
            try:
                self._serve()
            except ReaderError as failed:
                self.report(_STATE_OF.get(type(failed), ReaderState.FAULTY), str(failed))
            except Exception:  # the gate must outlive a mistake of ours (P9)
                log.exception("reader=%s failed; starting it again", self.name)
                self.report(ReaderState.FAULTY, "stopped by an internal error; see the log")
            if time.monotonic() - began > _STEADY_S:
                attempt = 0
            if not self.stopping.is_set():
                self.stopping.wait(self._backoff.wait_ms(attempt) / 1000)
                attempt += 1


_STATE_OF = {ReaderLost: ReaderState.ABSENT, ReaderHung: ReaderState.HUNG}


def _nowhere(given: object) -> None:
    raise ReaderError("start the reader before it can deliver")
