"""Rung by whoever has committed something, for all who would otherwise look for it now and then."""

import threading


class Bell:
    """Any thread may ring it, and any number of threads wait for it."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._rung = 0

    def ring(self) -> None:
        """Wake all who wait."""
        with self._changed:
            self._rung += 1
            self._changed.notify_all()

    def wait(self, heard: int, timeout_s: float) -> int:
        """Until it was rung more than `heard` times, or so long; returns how often it was rung."""
        with self._changed:
            self._changed.wait_for(lambda: self._rung != heard, timeout_s)
            return self._rung
