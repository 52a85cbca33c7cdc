"""This site's blocks for all sites to a central broker: one retained message, said again when it changes.

The book of now, and not a queue of changes: whoever was away, or comes new, has everything with one message. It is
said at every connection too, because a broker may have lost what it was to keep, and each hour, because somebody may
have put another message in its place.
"""

import hashlib
import logging
import time
from collections.abc import Sequence
from typing import Protocol

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from hub.central.mqtt import BrokerSession, Outgoing, Shut, Unreachable, of_a_cloud_event, publish_properties
from hub.central.siblings.book import MAX_BYTES, book_of, sealed
from hub.central.siblings.connecting import Connecting
from hub.central.siblings.settings import Telling
from hub.central.store_away import StoreAway
from hub.errors import StoreError
from hub.records import ToldBlock

log = logging.getLogger(__name__)

TOLD = "blocks_told"
"""Under this name the store remembers which book was made last, and what became of it."""
LOOK_S = 1.0
AGAIN_S = 3600.0


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """How far the others were told. `said_ms` is when the broker took the book of `made_ms`, None before."""

    made_ms: int = 0
    digest: str = ""
    said_ms: int | None = None
    wrong: str | None = None
    wrong_since_ms: int | None = None


class TellingStore(Protocol):
    """What is needed of a store."""

    def told_blocks(self) -> Sequence[ToldBlock]: ...
    def recall(self, name: str) -> str | None: ...
    def remember(self, name: str, value: str) -> str | None: ...


def said_so_far(store: TellingStore) -> Said:
    """Raises StoreError."""
    return msgspec.json.decode(store.recall(TOLD) or "{}", type=Said)


class BlockTeller:
    """In a thread of its own. `start` and `stop` once each."""

    def __init__(self, site: str, store: TellingStore, private: Ed25519PrivateKey, telling: Telling) -> None:
        self._site = site
        self._store = store
        self._private = private
        self._telling = telling
        self._away = StoreAway("blocks=told")
        self._connecting = Connecting("blocks-told", "blocks=told", self._away, self._connected, self._failed)
        self._said = Said()

    def start(self) -> None:
        """From now on the others are told. Returns at once."""
        self._connecting.start()

    def stop(self) -> None:
        """End, soon."""
        self._connecting.stop()

    def _connected(self) -> None:
        """One connection, until `stop`. Raises Shut, Unreachable, StoreError."""
        # First: what is written of a failure goes on from it.
        self._said = said_so_far(self._store)
        with self._connecting.session(self._telling.broker, self._telling.client_id) as session:
            spoken = (0, 0.0)
            while not self._connecting.stopping.is_set():
                book = self._newest()
                self._away.over()
                if book is not None and (spoken[0] != self._said.made_ms or time.monotonic() - spoken[1] > AGAIN_S):
                    self._say(session, book)
                    spoken = (self._said.made_ms, time.monotonic())
                elif self._said.wrong is not None:
                    self._note(msgspec.structs.replace(self._said, wrong=None, wrong_since_ms=None))
                if not session.alive:
                    raise Unreachable(session.why_over)
                self._connecting.stopping.wait(LOOK_S)

    def _newest(self) -> list[ToldBlock] | None:
        """What is to be told; None as long as there never was anything."""
        told = sorted(self._store.told_blocks(), key=lambda one: (one.scheme, one.number))
        digest = hashlib.sha256(msgspec.json.encode(told)).hexdigest()
        if not told and not self._said.made_ms:
            return None
        if digest != self._said.digest:
            # Written down before it is said: no two books have the same number.
            made_ms = max(_now_ms(), self._said.made_ms + 1)
            self._note(msgspec.structs.replace(self._said, made_ms=made_ms, digest=digest, said_ms=None))
        return told

    def _say(self, session: BrokerSession, told: list[ToldBlock]) -> None:
        payload = sealed(book_of(self._site, self._said.made_ms, told), self._private)
        if len(payload) > MAX_BYTES:
            raise Shut(f"{len(told)} cards are more than one message may hold; lift blocks that are no longer needed")
        properties = of_a_cloud_event(publish_properties()) if self._telling.broker.protocol == "5" else None
        (receipt,) = session.publish([Outgoing(self._telling.topic, payload, properties, retain=True)], 1)
        if receipt is None:
            raise Unreachable(session.why_over)
        if receipt.code >= 128:
            raise Shut(f"{self._telling.topic}: the broker did not take it ({receipt.words})")
        first = self._said.said_ms is None
        self._note(msgspec.structs.replace(self._said, said_ms=_now_ms(), wrong=None, wrong_since_ms=None))
        if first:
            log.info("blocks=told topic=%s cards=%d", self._telling.topic, len(told))

    def _failed(self, shown: str) -> None:
        if self._said.wrong is None:
            log.warning("blocks=untold why=%r", shown)
        since_ms = self._said.wrong_since_ms or _now_ms()
        try:
            self._note(msgspec.structs.replace(self._said, wrong=shown, wrong_since_ms=since_ms))
        except StoreError as failed:
            self._away.met(failed)

    def _note(self, said: Said) -> None:
        self._store.remember(TOLD, msgspec.json.encode(said).decode())
        self._said = said


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
