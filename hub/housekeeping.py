"""What the hub does by the hour, in the turns of its loop. No clock or thread inside."""

import logging

from hub.presence import ClosingRule
from hub.store import HubStore

log = logging.getLogger(__name__)

LOOK_MS = 60_000


class Housekeeping:
    """One thread."""

    def __init__(self, store: HubStore, closing: ClosingRule | None) -> None:
        self._store = store
        self._closing = closing
        self._next_look_ms = 0

    def tick(self, now_ms: int) -> None:
        """Do what is due. Cheap when nothing is. Raises StoreError."""
        if now_ms < self._next_look_ms:
            return
        self._next_look_ms = now_ms + LOOK_MS
        if self._closing is not None:
            with self._store.office() as office:
                closed = office.close_forgotten(self._closing, now_ms)
            if closed:
                log.info("presence=closed_by_rule cards=%d", closed)
