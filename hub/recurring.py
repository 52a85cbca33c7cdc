"""What is done again and again, by a clock that may be put back: then it is due at once. Pure."""


class Recurring:
    """Something that is due every so many milliseconds, and at the beginning."""

    def __init__(self, every_ms: int) -> None:
        self._every_ms = every_ms
        self._done_ms: int | None = None

    def due(self, now_ms: int) -> bool:
        """Whether it is time."""
        return self._done_ms is None or not 0 <= now_ms - self._done_ms < self._every_ms

    def done(self, now_ms: int) -> None:
        """It has been done now."""
        self._done_ms = now_ms
