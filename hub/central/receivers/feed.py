"""The feed: what happens at the site, to a central MQTT broker. A target.

Accepted is what the broker has acknowledged (PUBACK), and nothing else: paho's queue is memory, and what stands in it
when a connection ends is said again, under the same id. The words are `hub.central.receivers.feed_messages`.
"""

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import msgspec
from paho.mqtt.properties import Properties

from hub.central.happening import Happening
from hub.central.mqtt import (
    TOO_LARGE,
    BrokerSession,
    CentralBroker,
    Outgoing,
    Receipt,
    Shut,
    Unreachable,
    central_problems,
    of_a_cloud_event,
    publish_properties,
)
from hub.central.receivers.feed_messages import Kind, Profile, Typed, Voice, encode, event_id, kind_of, kinds_of
from hub.central.registry import TargetPlace
from hub.central.target import Accepted, Draft, Facts, Item, Later, Outcome, Pace, Refused, Stopped
from portvakt.credentials import named_file, secret_line
from portvakt.errors import SettingsError
from portvakt.link import anchored_broker

LEAST_KEY = 32
"""Characters; `openssl rand -hex 32` makes 64."""
_FILES = ("ca_file", "cert_file", "key_file", "password_file")
_NEVER = {TOO_LARGE, 153}
"""PUBACK codes that are about the one message: its size, its format."""
_LOCKED = {
    135: "does not let us write to {topic}; whoever runs it must allow this user or certificate",
    144: "takes no messages on {topic}; set `topic` to one that it takes",
}


class FeedSettings(CentralBroker, frozen=True, kw_only=True):
    """`[targets.settings]` of a feed."""

    personal: Profile
    """How much of people the subscribers may know: said on purpose, so there is no default."""
    pseudonym_key_file: str | None = None
    topic: Annotated[str, msgspec.Meta(min_length=1, max_length=200)] = "portvakt/v1/{site}/feed"
    """`{site}` and `{kind}` are filled in."""
    kinds: tuple[Kind, ...] = tuple(Kind)
    client_id: Annotated[str, msgspec.Meta(min_length=1, max_length=200)] | None = None
    batch: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 200
    """So many may be under way without the broker's answer; fewer when it says so."""
    per_second: Annotated[float, msgspec.Meta(gt=0)] | None = None
    expire_after_h: Annotated[float, msgspec.Meta(gt=0, le=24 * 365)] | None = None
    """For how long the broker keeps a message for a subscriber who is away (MQTT 5)."""
    content_type: bool = True
    """Whether each message says that it is a CloudEvent (MQTT 5)."""


def feed(place: TargetPlace) -> "Feed":
    """Made from the settings. Raises SettingsError."""
    settings = feed_settings(place)
    # What is in them is read at each connection: it may be mended while the hub runs.
    for name in _FILES:
        if (file := getattr(settings, name)) is not None and not Path(file).exists():
            raise SettingsError(f"targets.{place.name}.settings.{name}: {file} is not there")
    key = b""
    if settings.personal is Profile.PSEUDONYMOUS:
        key = _key(place, settings.pseudonym_key_file)
    return Feed(settings, Voice(place.site, settings.personal, key), f"portvakt-{place.site}-{place.name}")


def feed_settings(place: TargetPlace) -> FeedSettings:
    """The settings of a feed, its files found, and checked. Raises SettingsError."""
    settings = anchored_broker(place.read(FeedSettings), place.settings_file)
    for problem in (*central_problems(settings), *_topic_problems(settings)):
        raise SettingsError(f"targets.{place.name}.settings.{problem}")
    return settings


def topics(settings: FeedSettings, site: str) -> list[str]:
    """Where the feed speaks, each topic once."""
    return list(dict.fromkeys(settings.topic.format(site=site, kind=kind) for kind in settings.kinds))


class Feed:
    """The target. One connection, made at the first message and again after its end."""

    def __init__(self, settings: FeedSettings, voice: Voice, client_id: str) -> None:
        self.pace = Pace(connections=1, batch=settings.batch, per_second=settings.per_second)
        self._settings = settings
        self._voice = voice
        self._client_id = settings.client_id or client_id
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._session: BrokerSession | None = None
        self._properties = _properties(settings)

    def items(self, happening: Happening) -> Sequence[Item]:
        at_ms = happening.received_ms if happening.at_ms is None else happening.at_ms
        return [
            Item(event_id(kind, happening.id), happening.id, happening.card, at_ms)
            for kind in kinds_of(happening)
            if kind in self._settings.kinds
        ]

    def draft(self, item: Item, facts: Facts) -> bytes | None:
        happening = facts.happening(item.happening)
        if happening is None:
            return None
        named = (kind for kind in kinds_of(happening) if event_id(kind, happening.id) == item.id)
        kind = next(named, None)
        if kind is None:
            return None
        asked = self._voice.profile is not Profile.NONE and happening.card is not None
        holder = facts.holder(happening.card) if asked and happening.card is not None else None
        return encode(kind, happening, holder, self._voice)

    def send(self, drafts: Sequence[Draft]) -> Sequence[Outcome]:
        with self._lock:
            try:
                session = self._connected()
            except Unreachable as away:
                return [Later(str(away))] * len(drafts)
            except Shut as shut:
                return [Stopped(str(shut))] * len(drafts)
            messages = [self._outgoing(draft) for draft in drafts]
            receipts = session.publish(messages, self.pace.batch)
            why = session.why_over
            if None in receipts:
                # What was not answered is forgotten here, so that nobody but the courier says it again.
                self._let_go()
        return [
            Later(f"{why}, before the broker had answered") if receipt is None else self._outcome(receipt, message)
            for receipt, message in zip(receipts, messages, strict=True)
        ]

    def ask(self, queued: Sequence[str]) -> Sequence[Outcome]:
        return [Later("a broker has no queue that could be asked") for _ in queued]

    def close(self) -> None:
        """Does not wait for a broker that does not answer."""
        self._closed.set()
        session = self._session
        if session is not None:
            session.close()

    def _connected(self) -> BrokerSession:
        if self._session is not None and not self._session.alive:
            self._let_go()
        if self._session is None and not self._closed.is_set():
            self._session = BrokerSession.opened(self._settings, self._client_id)
        if self._session is None or self._closed.is_set():
            # It may have been closed while the connection was made.
            self._let_go()
            raise Unreachable("the hub is ending")
        return self._session

    def _let_go(self) -> None:
        if self._session is not None:
            self._session.close()
            self._session = None

    def _outgoing(self, draft: Draft) -> Outgoing:
        return Outgoing(self._topic(draft.body), draft.body, self._properties)

    def _topic(self, body: bytes) -> str:
        kind = kind_of(msgspec.json.decode(body, type=Typed).type) if "{kind}" in self._settings.topic else None
        return self._settings.topic.format(site=self._voice.site, kind=kind)

    def _outcome(self, receipt: Receipt, message: Outgoing) -> Outcome:
        """What a PUBACK means (MQTT 5, 3.4.2.1). Below 128 the broker has it."""
        where = f"{self._settings.host}:{self._settings.port}"
        if receipt.code < 128:
            return Accepted(words=receipt.words)
        if receipt.code in _NEVER:
            return Refused(receipt.words, "size" if receipt.code == TOO_LARGE else None)
        if receipt.code in _LOCKED:
            return Stopped(f"{where} {_LOCKED[receipt.code].format(topic=message.topic)} ({receipt.words})")
        return Later(f"{where}: {receipt.words}")


def _properties(settings: FeedSettings) -> Properties | None:
    if settings.protocol != "5":
        return None
    made = publish_properties()
    if settings.content_type:
        of_a_cloud_event(made)
    if settings.expire_after_h is not None:
        made.MessageExpiryInterval = round(settings.expire_after_h * 3600)
    return made


def _key(place: TargetPlace, named: str | None) -> bytes:
    setting = f"targets.{place.name}.settings.pseudonym_key_file"
    make = f"openssl rand -hex 32 > {named or 'FILE'}; chmod 600 {named or 'FILE'}"
    if named is None:
        raise SettingsError(f'{setting}: personal = "pseudonymous" needs it; make one: {make}')
    key = secret_line(Path(named_file(place.settings_file, named)), setting)
    if len(key) < LEAST_KEY:
        raise SettingsError(f"{setting}: {len(key)} characters can be guessed, {LEAST_KEY} are needed; {make}")
    return key.encode()


def _topic_problems(settings: FeedSettings) -> list[str]:
    try:
        shown = settings.topic.format(site="site", kind="kind")
    except (KeyError, IndexError, ValueError, AttributeError):
        return [f"topic: {settings.topic!r} may hold {{site}} and {{kind}}, and no other braces"]
    if any(sign in shown for sign in "+#\0") or shown.startswith(("/", "$")) or shown.endswith("/"):
        return [f"topic: {settings.topic!r} is no topic to publish to, such as portvakt/v1/{{site}}/feed"]
    return []
