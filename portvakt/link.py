"""The broker link: paho-mqtt with its traps closed. Gate and hub each hold one.

Callbacks only enqueue: an exception inside a paho callback kills its thread while `is_connected()`
stays True. Reconnecting is ours (full jitter), because paho's own retry has no jitter. A publish made
while the link is down is refused here, not queued in memory: the journal is the queue.
"""

import contextlib
import logging
import queue
import random
import ssl
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import paho.mqtt.client as mqtt
from msgspec.structs import replace
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from portvakt.backoff import Backoff
from portvakt.credentials import named_file
from portvakt.errors import LinkError
from portvakt.settings import Settings

log = logging.getLogger(__name__)

CONNECT_TIMEOUT_S = 10.0
"""paho says nothing at all when a broker refuses a TLS client, so the wait needs an end of its own."""


class BrokerSettings(Settings, frozen=True, kw_only=True):
    """Where the broker is and how to speak with it."""

    host: str = "127.0.0.1"
    port: int = 1883
    username: str | None = None
    password_file: str | None = None
    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None
    """Left out when the certificate's key stands in `cert_file` too, as `gate join` writes it."""
    keepalive_s: int = 20


B = TypeVar("B", bound=BrokerSettings)


def anchored_broker(settings: B, file: Path) -> B:
    """The same settings with the files meant that they name in the settings file `file`."""
    files = ("password_file", "ca_file", "cert_file", "key_file")
    named = {name: named_file(file, value) for name in files if (value := getattr(settings, name)) is not None}
    return replace(settings, **named)


def broker_problems(settings: BrokerSettings) -> list[str]:
    """What the types cannot say; each entry begins with the key."""
    found = []
    if not 1 <= settings.port <= 65535:
        found.append(f"broker.port: {settings.port} is not a TCP port (1 to 65535)")
    if settings.keepalive_s < 1:
        found.append("broker.keepalive_s: at least 1 second")
    return found


@dataclass(frozen=True, slots=True)
class Connected:
    """The broker took us; subscriptions are made, the last will stands."""


@dataclass(frozen=True, slots=True)
class Lost:
    """The link is gone, or could not be made."""

    why: str


@dataclass(frozen=True, slots=True)
class Message:
    """Something arrived."""

    topic: str
    payload: bytes
    retained: bool


LinkInput: TypeAlias = Connected | Lost | Message


@dataclass(frozen=True, slots=True)
class LastWill:
    """What the broker says for us, retained, when we are gone without a word."""

    topic: str
    payload: bytes


class BrokerLink:
    """One MQTT 3.1.1 connection that comes back by itself.

    Everything that happens is put into `inbox`; when that is full, messages are dropped and counted
    (their sender repeats them), never state changes. A certificate that cannot be used is a broker that is
    away: a gate works without one (P1). Raises LinkError for settings that contradict each other.
    """

    def __init__(
        self,
        settings: BrokerSettings,
        client_id: str,
        subscriptions: Sequence[str],
        will: LastWill | None,
        inbox: "queue.Queue[Any]",
    ) -> None:
        self._settings = settings
        self._subscriptions = [(topic, 1) for topic in subscriptions]
        self._inbox = inbox
        self._stop = threading.Event()
        self._up = threading.Event()
        self._ended = threading.Event()
        self._answered = threading.Event()
        self.dropped = 0
        self._client_id = client_id
        self._will = will
        _refuse_contradictions(settings)
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id)
        self._backoff = Backoff(random.random)
        self._thread = threading.Thread(target=self._run, name=f"link {client_id}", daemon=True)

    def start(self) -> None:
        """Begin to connect; returns at once."""
        self._thread.start()

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> bool:
        """Hand a message to the link; False when it is down. True promises nothing about delivery."""
        if not self._up.is_set():
            return False
        return self._client.publish(topic, payload, qos=1, retain=retain).rc == mqtt.MQTT_ERR_SUCCESS

    def reconnect(self) -> None:
        """Say goodbye and come back, with the password and the certificate that are there by then."""
        if self._up.is_set():
            self._client.disconnect()

    def close(self, farewell: LastWill | None = None) -> None:
        """Say goodbye and end. Idempotent."""
        if self._stop.is_set():
            return
        self._stop.set()
        if farewell and self._up.is_set():
            sent = self._client.publish(farewell.topic, farewell.payload, qos=1, retain=True)
            with contextlib.suppress(RuntimeError, ValueError):
                sent.wait_for_publish(1.0)
        self._up.clear()
        self._ended.set()
        self._answered.set()
        self._client.disconnect()
        if self._thread.is_alive():
            self._thread.join(5.0)

    def _new_client(self) -> mqtt.Client:
        """A client for one connection: paho leaves sockets open when one is used for a second."""
        client = mqtt.Client(CallbackAPIVersion.VERSION2, self._client_id, clean_session=True, protocol=mqtt.MQTTv311)
        if self._will is not None:
            client.will_set(self._will.topic, self._will.payload, qos=1, retain=True)
        _authenticate(client, self._settings)
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        return client

    def _run(self) -> None:
        attempt = 0
        while not self._stop.is_set():
            self._ended.clear()
            self._answered.clear()
            if self._stop.is_set():
                # `close` came between the question and the clearing, and what it said is wiped out.
                return
            why = self._connect()
            if why is None:
                attempt = 0
                self._ended.wait()
                why = "connection lost"
            self._up.clear()
            self._client.loop_stop()
            if self._stop.is_set():
                return
            wait_ms = self._backoff.wait_ms(attempt)
            log.log(
                logging.WARNING if attempt == 0 else logging.DEBUG,
                "broker=%s:%d link=down why=%r retry_ms=%d",
                self._settings.host, self._settings.port, why, wait_ms,
            )  # fmt: skip
            self._inbox.put(Lost(why))
            attempt += 1
            self._stop.wait(wait_ms / 1000)

    def _connect(self) -> str | None:
        """Connect and wait for the broker's answer; None on success, otherwise why not."""
        try:
            # A new password or certificate is taken at the next attempt; one that is away just now is waited for.
            self._client = self._new_client()
            self._client.connect(self._settings.host, self._settings.port, self._settings.keepalive_s)
        except (OSError, ValueError) as refused:
            return str(refused)
        self._client.loop_start()
        if not self._answered.wait(CONNECT_TIMEOUT_S):
            self._client.disconnect()
            return "the broker did not answer; are the certificates right?"
        return None if self._up.is_set() else "the broker refused the connection"

    def _on_connect(
        self,
        client: mqtt.Client,
        userdata: object,
        flags: mqtt.ConnectFlags,
        code: ReasonCode,
        properties: Properties | None,
    ) -> None:
        if not code.is_failure:
            client.subscribe(self._subscriptions)
            return
        log.warning("broker=%s:%d refused=%r", self._settings.host, self._settings.port, str(code))
        self._answered.set()

    def _on_subscribe(
        self,
        client: mqtt.Client,
        userdata: object,
        mid: int,
        codes: Sequence[ReasonCode],
        properties: Properties | None,
    ) -> None:
        for (topic, _), code in zip(self._subscriptions, codes, strict=False):
            if code.is_failure:
                log.warning(
                    "broker=%s:%d subscription=%s refused=%r",
                    self._settings.host,
                    self._settings.port,
                    topic,
                    str(code),
                )
        self._up.set()
        self._inbox.put(Connected())
        self._answered.set()

    def _on_disconnect(
        self,
        client: mqtt.Client,
        userdata: object,
        flags: mqtt.DisconnectFlags,
        code: ReasonCode,
        properties: Properties | None,
    ) -> None:
        self._up.clear()
        self._ended.set()

    def _on_message(self, client: mqtt.Client, userdata: object, message: mqtt.MQTTMessage) -> None:
        try:
            self._inbox.put_nowait(Message(message.topic, bytes(message.payload), message.retain))
        except queue.Full:
            self.dropped += 1


def check_files(settings: BrokerSettings) -> None:
    """Raises LinkError when the settings contradict each other, or name a file that cannot be used."""
    _authenticate(mqtt.Client(CallbackAPIVersion.VERSION2), settings)


def _authenticate(client: mqtt.Client, settings: BrokerSettings) -> None:
    """Give the client what it shows to the broker, and what it believes. Raises LinkError."""
    _refuse_contradictions(settings)
    try:
        if settings.username:
            password = _secret(settings.password_file) if settings.password_file else None
            client.username_pw_set(settings.username, password)
        if settings.ca_file:
            client.tls_set(settings.ca_file, settings.cert_file, settings.key_file, tls_version=ssl.PROTOCOL_TLS_CLIENT)
    except (OSError, ValueError) as wrong:
        raise LinkError(f"[broker] certificate or password file cannot be used: {wrong}") from wrong


def _refuse_contradictions(settings: BrokerSettings) -> None:
    if (settings.cert_file or settings.key_file) and not settings.ca_file:
        # paho would connect in clear, and the certificate would only seem to protect anything.
        raise LinkError("[broker] cert_file and key_file need ca_file too: without it the link is not encrypted")
    if settings.password_file and not settings.username:
        raise LinkError("[broker] password_file needs username too")


def _secret(path: str) -> str:
    return Path(path).read_text(encoding="utf-8").strip()
