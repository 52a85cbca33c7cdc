"""What the hub does by the hour, in the turns of its loop. No clock or thread inside."""

import logging

from hub.presence import ClosingRule
from hub.purging import Purge
from hub.recurring import Recurring
from hub.store import HubStore

log = logging.getLogger(__name__)

LOOK_MS = 60_000
PURGE_MS = 86_400_000


class Housekeeping:
    """Closes check-outs that were forgotten, each minute; deletes what is due, each day. One thread."""

    def __init__(self, store: HubStore, closing: ClosingRule | None, purge: Purge) -> None:
        self._store = store
        self._closing = closing
        self._purge = purge
        self._looks = Recurring(LOOK_MS)
        self._purges = Recurring(PURGE_MS)
        self._purged = 0

    def tick(self, now_ms: int) -> None:
        """Do what is due, for a bounded time. Cheap when nothing is. Raises StoreError."""
        if self._looks.due(now_ms):
            self._looks.done(now_ms)
            self._close_forgotten(now_ms)
        if self._purges.due(now_ms):
            self._purge_some(now_ms)

    def _close_forgotten(self, now_ms: int) -> None:
        if self._closing is None:
            return
        with self._store.office() as office:
            closed = office.close_forgotten(self._closing, now_ms)
        if closed:
            log.info("presence=closed_by_rule cards=%d", closed)

    def _purge_some(self, now_ms: int) -> None:
        """One transaction a turn, until nothing is left: gates do not wait for the past."""
        some = self._purge.some(now_ms)
        self._purged += sum(gone.total for gone in some.values())
        if some:
            return
        self._purges.done(now_ms)
        if self._purged:
            self._store.forget_deleted()
            log.info("purge=done rows=%d see='hub purges'", self._purged)
            self._purged = 0
