"""Crew lists that come over MQTT: the newest message of a topic, retained or not, signed or from where it is safe.

A list is a JSON array, as in a file. A signed one is an object with `site`, `made` (RFC 3339), `list` (the array as a
text) and `signature`: Base64 of Ed25519 over the four lines that `signed_bytes` puts together. So nobody on the way,
the broker included, can change a list, give it to another site, or bring an older one back.
"""

import base64
import binascii
import contextlib
import hashlib
import queue
import uuid
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from hub.config import HubConfig, SourceSettings
from hub.crew.source import Found, look
from hub.errors import CrewListError
from hub.keys import public_key
from portvakt.link import BrokerLink, Message

MAX_MESSAGE_BYTES = 64 << 20
"""A quarter of what MQTT could carry; some 300 000 people."""
NAME = "mqtt.json"
PUBLIC_KEY = "crew.source.public_key_file"


class Looking(Protocol):
    """Where lists are looked for."""

    def look(self) -> Found | None:
        """The newest list; None when there is none. The same one again, until it is let go. Raises CrewListError."""

    def let_go(self) -> None:
        """It was taken, or never will be."""


class SignedList(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A list in its envelope."""

    site: str
    made: str
    list: str
    signature: str


def signed_bytes(site: str, made: str, text: str) -> bytes:
    """What the signature covers."""
    return f"portvakt crew list\n{site}\n{made}\n{text}".encode()


def opened(payload: bytes, site: str, key: Ed25519PublicKey | None) -> Found:
    """The list in a message. With a key nothing else counts than what it signed. Raises CrewListError."""
    if len(payload) > MAX_MESSAGE_BYTES:
        raise CrewListError(f"the message has {len(payload)} bytes; the limit is {MAX_MESSAGE_BYTES}")
    digest = hashlib.sha256(payload).hexdigest()
    if not payload.lstrip().startswith(b"{"):
        if key is not None:
            raise CrewListError("the list is not signed, and crew.source.public_key_file asks for it")
        return Found(NAME, payload, digest)
    if key is None:
        raise CrewListError("the list is signed; set crew.source.public_key_file to the key of who signs it")
    try:
        envelope = msgspec.json.decode(payload, type=SignedList)
        signature = base64.b64decode(envelope.signature, validate=True)
        key.verify(signature, signed_bytes(envelope.site, envelope.made, envelope.list))
    except (msgspec.DecodeError, RecursionError) as broken:
        raise CrewListError("the envelope is not {site, made, list, signature}") from broken
    except (binascii.Error, ValueError, InvalidSignature) as wrong:
        raise CrewListError("the signature is not that of crew.source.public_key_file") from wrong
    if envelope.site != site:
        raise CrewListError(f"the list is signed for another site, {envelope.site[:40]!r}")
    return Found(NAME, envelope.list.encode(), digest, _made_ms(envelope.made))


class Elsewhere:
    """A folder or an address: what is there stays there. See Looking."""

    def __init__(self, settings: SourceSettings) -> None:
        self._settings = settings

    def look(self) -> Found | None:
        return look(self._settings)

    def let_go(self) -> None:
        """Nothing was held."""


class Mailbox:
    """A topic at a broker. A look waits `wait_s` for a message, where none is held. See Looking."""

    def __init__(self, site: str, key: Ed25519PublicKey | None, wait_s: float) -> None:
        self.inbox = _Newest()
        self._site = site
        self._key = key
        self._wait_s = wait_s
        self._found: Found | None = None

    def look(self) -> Found | None:
        try:
            wait_s = self._wait_s if self._found is None else 0.0
            message: Message = self.inbox.get(timeout=wait_s) if wait_s else self.inbox.get_nowait()
        except queue.Empty:
            return self._found
        self._found = None
        # An empty retained message is how somebody takes a list away from the broker.
        self._found = opened(message.payload, self._site, self._key) if message.payload else None
        return self._found

    def let_go(self) -> None:
        self._found = None


class _Newest(queue.Queue[Any]):
    """Keeps the newest message and nothing else: however many come, one is held."""

    def _init(self, maxsize: int) -> None:
        self._held: list[Message] = []

    def _qsize(self) -> int:
        return len(self._held)

    def _put(self, item: object) -> None:
        if isinstance(item, Message):
            self._held = [item]

    def _get(self) -> Message:
        return self._held.pop()


@contextlib.contextmanager
def looking(config: HubConfig, wait_s: float = 0.0) -> Iterator[Looking]:
    """Where the settings look for lists; a broker is listened to meanwhile. Raises SettingsError or LinkError."""
    source = config.crew.source
    if source.topic is None:
        yield Elsewhere(source)
        return
    key = public_key(Path(source.public_key_file), PUBLIC_KEY) if source.public_key_file else None
    mailbox = Mailbox(config.site, key, wait_s)
    broker = source.broker or config.broker
    link = BrokerLink(broker, f"portvakt-crew-{uuid.uuid4().hex[:12]}", (source.topic,), None, mailbox.inbox)
    link.start()
    try:
        yield mailbox
    finally:
        link.close()


def _made_ms(made: str) -> int:
    try:
        moment = datetime.fromisoformat(made)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise CrewListError("`made` is no time with an offset, such as 2026-11-21T06:00:00+01:00")
    return round(moment.timestamp() * 1000)
