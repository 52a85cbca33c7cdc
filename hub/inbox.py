"""What a hub's loop stands on: the bounded queue that its link fills, and what it says while the store is away."""

import contextlib
import logging
import queue
from collections.abc import Callable

from portvakt.link import LinkInput, Message

log = logging.getLogger(__name__)

INBOX_MESSAGES = 512
"""With the contract's limit of 1 MiB for a batch, half a gigabyte at the very worst; 20 MB in life."""
MAX_TAKEN_BYTES = 16 << 20
"""What one commit takes in at most, so that the first ack of a long drain does not wait for its end."""
TICK_S = 0.2
"""How long the loop waits for a message. A list imported by another process is noticed within this time."""
STORE_RETRY_S = 1.0
"""How long to wait for a store that has failed."""
REMIND_MS = 60_000
"""How often a store that is away is told of."""


class Inbox:
    """Filled by the link's thread; when it is full, messages are dropped, and their senders repeat them."""

    def __init__(self) -> None:
        self.queue: queue.Queue[LinkInput] = queue.Queue(INBOX_MESSAGES)

    def drain(self) -> list[LinkInput]:
        """All that waits, up to a bound; waits a little when there is nothing."""
        try:
            inputs = [self.queue.get(timeout=TICK_S)]
        except queue.Empty:
            return []
        size = 0
        with contextlib.suppress(queue.Empty):
            while size < MAX_TAKEN_BYTES and len(inputs) < INBOX_MESSAGES:
                taken = self.queue.get_nowait()
                size += len(taken.payload) if isinstance(taken, Message) else 0
                inputs.append(taken)
        return inputs


class Outage:
    """A store that is away for an hour is told of once a minute, and when it is back. Times are monotonic ms."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        """`tell` says it to whoever looks after this process."""
        self._tell = tell
        self._since_ms: int | None = None
        self._told_ms = 0

    def met(self, why: str, now_ms: int) -> None:
        """The store has failed."""
        if self._since_ms is not None and now_ms - self._told_ms < REMIND_MS:
            return
        self._since_ms = now_ms if self._since_ms is None else self._since_ms
        self._told_ms = now_ms
        away_s = (now_ms - self._since_ms) / 1000
        self._tell(f"the database is away: {why}")
        log.error("store=failed why=%r away_s=%.0f note='nothing is acknowledged; gates keep it'", why, away_s)

    def over(self, now_ms: int) -> None:
        """The store has done what was asked."""
        if self._since_ms is not None:
            self._tell("the database is back")
            log.warning("store=back away_s=%.0f", (now_ms - self._since_ms) / 1000)
            self._since_ms = None
