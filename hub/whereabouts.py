"""Who is where, to the gates: all of it in retained parts, and at once whatever changes. No clock or thread inside.

Gates need it for the rules that one of them alone cannot keep: who is inside already, how many, and who with
them. A change goes out as soon as it is committed; the parts follow with the heartbeat, for a gate that was
away. Nothing of it opens anything: a gate that hears nothing goes on by itself.
"""

import logging
from collections.abc import Sequence
from typing import Protocol

from gate.uplink.contract import MAX_PRESENCE_PARTS, PRESENCE_ROWS, Presence, Publish, Topics, WireSighting
from gate.uplink.signing import Signer
from hub.presence import Located

log = logging.getLogger(__name__)

LEFT_LATELY_MS = 36 * 3_600_000
"""Who left longer ago is told to nobody: no rule about rest looks back so far."""

BEATS_BEFORE_REPEAT = 10


class PresenceStore(Protocol):
    """What is needed of a store. Both may raise StoreError."""

    def presence_change(self) -> int:
        """How often presence was written; it only grows. Cheap: polled."""

    def located(self, after_change: int, left_after_ms: int) -> Sequence[Located]:
        """Where the cards are whose presence changed after that, without those who left before, oldest first."""


class Whereabouts:
    """Tells who is where. One thread."""

    def __init__(self, site: str, store: PresenceStore, signer: Signer, heartbeat_ms: int) -> None:
        self._topics = Topics(site)
        self._store = store
        self._signer = signer
        self._heartbeat_ms = heartbeat_ms
        self._told = 0
        self._parts_told: int | None = None
        self._parts = MAX_PRESENCE_PARTS
        self._beats = 0

    def everything(self, now_ms: int) -> list[Publish]:
        """All parts, retained, and that the hub is there."""
        change = self._store.presence_change()
        located = self._store.located(0, now_ms - LEFT_LATELY_MS)
        most = MAX_PRESENCE_PARTS * PRESENCE_ROWS
        if len(located) > most:
            log.error("presence=cut cards=%d told=%d", len(located), most)
        parts = _in_parts(located[-most:])
        told = [
            Publish(self._topics.presence(index), self._sealed(rows, now_ms), retain=True)
            for index, rows in enumerate(parts)
        ]
        # An empty retained message takes away what the broker keeps of a part that is no longer needed.
        told += [Publish(self._topics.presence(index), b"", retain=True) for index in range(len(parts), self._parts)]
        self._parts, self._parts_told, self._beats = len(parts), change, 0
        self._told = max(self._told, change)
        return [*told, self.beat(now_ms)]

    def heartbeat(self, now_ms: int) -> list[Publish]:
        """Say that the hub is there; and everything, if anything has changed since that was said, or was not said
        for a while: what a broker did not keep is known to nobody who comes later."""
        self._beats += 1
        if self._parts_told != self._store.presence_change() or self._beats >= BEATS_BEFORE_REPEAT:
            return self.everything(now_ms)
        return [self.beat(now_ms)]

    def news(self, now_ms: int) -> list[Publish]:
        """What has changed since it was last told."""
        change = self._store.presence_change()
        if change == self._told:
            return []
        located = self._store.located(self._told, now_ms - LEFT_LATELY_MS)
        self._told = change
        return [Publish(self._topics.presence_now, self._sealed(rows, now_ms)) for rows in _in_parts(located)]

    def beat(self, now_ms: int) -> Publish:
        """Only that the hub is there."""
        return Publish(self._topics.presence_now, self._sealed((), now_ms))

    def _sealed(self, located: Sequence[Located], now_ms: int) -> bytes:
        rows = tuple(WireSighting(*one.card, one.zone, one.time_ms, one.groups) for one in located)
        return self._signer.seal(Presence(now_ms, self._heartbeat_ms, rows))


def _in_parts(located: Sequence[Located]) -> list[Sequence[Located]]:
    return [located[start : start + PRESENCE_ROWS] for start in range(0, len(located), PRESENCE_ROWS)]
