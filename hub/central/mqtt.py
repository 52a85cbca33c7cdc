"""One MQTT connection to a broker elsewhere, for who must know what became of each message: 3.1.1 or 5, TLS.

paho's traps are closed as in `portvakt.link`: its callbacks only enqueue, a client serves one connection and never
comes back by itself, so nothing that was not acknowledged is sent again behind our back. One thread uses a session;
any may close it.
"""

import contextlib
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import msgspec
import paho.mqtt.client as mqtt
from cryptography import x509
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from hub.config import is_loopback
from portvakt.credentials import secret_line
from portvakt.errors import SettingsError
from portvakt.link import BrokerSettings, broker_problems

CLOUD_EVENT = "application/cloudevents+json; charset=utf-8"
_ENVELOPE_BYTES = 128
"""More than the headers and our few properties come to."""


class CentralBroker(BrokerSettings, frozen=True, kw_only=True):
    """Where the central broker is, and how to speak with it. `ca_file` turns TLS on, too."""

    host: str
    port: int = 8883
    tls: bool = False
    """With the authorities that this machine trusts, where `ca_file` names none."""
    protocol: Literal["3.1.1", "5"] = "5"
    timeout_s: Annotated[float, msgspec.Meta(gt=0, le=600)] = 30.0
    """How long an answer is waited for: of the broker to a connection, and to all messages of one batch."""


class Unreachable(Exception):
    """No connection now; it is tried again."""


class Shut(Exception):
    """No connection until a person has done something; says what."""


class Outgoing(NamedTuple):
    """A message to publish, QoS 1."""

    topic: str
    payload: bytes
    properties: Properties | None = None
    retain: bool = False


class Received(NamedTuple):
    """Something that arrived."""

    topic: str
    payload: bytes


class Receipt(NamedTuple):
    """What the broker said of a message: the code of its PUBACK (0 with MQTT 3.1.1), and its words."""

    code: int
    words: str = ""


TOO_LARGE = 149
"""In place of a PUBACK, for what is longer than the broker has said that it takes."""


@dataclass(frozen=True, slots=True)
class _Answered:
    code: ReasonCode
    properties: Properties | None


@dataclass(frozen=True, slots=True)
class _Acked:
    mid: int
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class _Subscribed:
    codes: Sequence[ReasonCode]


@dataclass(frozen=True, slots=True)
class _Gone:
    why: str


class _Mailbox:
    """What the callbacks have heard, for one reader. It is woken for so many at once as it asks for: to be woken for
    each PUBACK takes longer than the PUBACK."""

    def __init__(self) -> None:
        self._heard: deque[Any] = deque()
        self._enough = 1
        self._wake = threading.Event()

    def put(self, heard: Any) -> None:
        self._heard.append(heard)
        if len(self._heard) >= self._enough or not isinstance(heard, _Acked):
            self._wake.set()

    def take(self, enough: int, timeout_s: float | None) -> list[Any]:
        """What has come, when there are so many, something else than a PUBACK, or the time is over."""
        self._enough = enough
        if len(self._heard) < enough:
            self._wake.wait(timeout_s)
        self._wake.clear()
        return [self._heard.popleft() for _ in range(len(self._heard))]


class _ClosedOnFailure(ssl.SSLSocket):
    """paho lets go of a socket whose handshake has failed, and leaves it open."""

    def do_handshake(self, block: bool = False) -> None:  # noqa: FBT001, FBT002 - as the library has it
        try:
            super().do_handshake(block)
        except BaseException:
            self.close()
            raise


_SHUT: Mapping[int, str] = {
    132: "does not speak this version of MQTT; set `protocol` to the other one",
    133: "does not take the client id; set `client_id` to one that it knows",
    134: "does not know this user name with this password; see `username` and `password_file`",
    135: "lets nobody in as whom we come; whoever runs it must allow this user or certificate",
    138: "has banned us; ask whoever runs it",
    140: "wants another way to log in than a user name or a certificate; ask whoever runs it",
    155: "takes no QoS 1, and without it nothing proves a delivery; ask whoever runs it",
    156: "sends us to another broker",
    157: "has moved; set `host` to where it is now",
}
"""CONNACK codes of MQTT 5 that another attempt will not change; paho gives those of 3.1.1 in these words, too."""


class BrokerSession:
    """One connection, from `opened` to its end. Its methods raise Unreachable when it is over."""

    def __init__(self, broker: CentralBroker, client_id: str) -> None:
        self._broker = broker
        self._where = f"{broker.host}:{broker.port}"
        self._heard = _Mailbox()
        self._unread: deque[Any] = deque()
        self._closing = threading.Lock()
        self._over: str | None = None
        self._window = 65_535
        self._largest: int | None = None
        five = broker.protocol == "5"
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id, protocol=mqtt.MQTTv5 if five else mqtt.MQTTv311,
            clean_session=None if five else True, reconnect_on_failure=False,
        )  # fmt: skip
        # The window is ours: paho's own knows nothing of what the broker has said that it takes.
        self._client.max_inflight_messages_set(0)
        put = self._heard.put
        self._client.on_connect = lambda _c, _u, _flags, code, properties: put(_Answered(code, properties))
        self._client.on_publish = self._on_publish
        self._client.on_subscribe = lambda _c, _u, _mid, codes, _properties: put(_Subscribed(codes))
        self._client.on_message = lambda _c, _u, message: put(Received(message.topic, bytes(message.payload)))
        self._client.on_disconnect = lambda _c, _u, _flags, code, _properties: put(_Gone(str(code)))

    @classmethod
    def opened(cls, broker: CentralBroker, client_id: str) -> "BrokerSession":
        """A connection that the broker has taken. Raises Unreachable or Shut."""
        session = cls(broker, client_id)
        try:
            session._open()
        except BaseException:
            session.close()
            raise
        return session

    @property
    def alive(self) -> bool:
        """Whether it is not known to be over."""
        self._read(1, 0.0)
        return self._over is None

    def publish(self, messages: Sequence[Outgoing], window: int) -> list[Receipt | None]:
        """Send them in their order, no more than `window` without an answer; returns when all are answered, the time
        is over or the connection is. None: nobody can tell whether the broker has it; then this session is over.
        """
        receipts: list[Receipt | None] = [None] * len(messages)
        waiting: dict[int, int] = {}
        deadline = time.monotonic() + self._broker.timeout_s
        window = max(1, min(window, self._window))
        turn = 0
        while turn < len(messages) or waiting:
            if turn < len(messages) and len(waiting) < window:
                if (too_large := self._too_large(messages[turn])) is not None:
                    receipts[turn] = too_large
                elif (mid := self._sent(messages[turn])) is None:
                    return receipts
                else:
                    waiting[mid] = turn
                turn += 1
                continue
            enough = len(waiting) if turn == len(messages) else max(1, window // 2)
            for heard in self._listen(enough, deadline):
                if isinstance(heard, _Acked) and heard.mid in waiting:
                    receipts[waiting.pop(heard.mid)] = heard.receipt
            if self._over is not None:
                return receipts
        return receipts

    @property
    def why_over(self) -> str:
        """What ended it."""
        return f"{self._where}: {self._over or 'the connection stands'}"

    def subscribe(self, topics: Sequence[str]) -> None:
        """Raises Shut when the broker does not let us read them."""
        self._client.subscribe([(topic, 1) for topic in topics])
        deadline = time.monotonic() + self._broker.timeout_s
        early: list[Received] = []
        while not isinstance(heard := self._next(deadline), _Subscribed):
            if heard is None:
                raise Unreachable(self.why_over)
            if isinstance(heard, Received):
                # A broker may send what it has kept before it confirms the subscription (MQTT 5, 3.8.4).
                early.append(heard)
        self._unread.extendleft(reversed(early))
        for topic, code in zip(topics, heard.codes, strict=False):
            if code.is_failure:
                raise Shut(f"{self._where} does not let us read {topic} ({code})")

    def messages(self) -> Iterator[Received]:
        """What arrives, for as long as the connection stands; then raises Unreachable."""
        while True:
            heard = self._next(None)
            if heard is None:
                raise Unreachable(self.why_over)
            if isinstance(heard, Received):
                yield heard

    def heard_within(self, timeout_s: float) -> Received | None:
        """What arrives next; None when nothing does in this time. Raises Unreachable when the connection is over."""
        deadline = time.monotonic() + timeout_s
        while True:
            while self._unread:
                if isinstance(heard := self._unread.popleft(), Received):
                    return heard
            if self._over is not None:
                raise Unreachable(self.why_over)
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                return None
            self._unread.extend(self._read(1, left_s))

    def close(self) -> None:
        """Say goodbye; who waits for an answer waits no longer. Idempotent, and from any thread."""
        with self._closing:
            self._heard.put(_Gone("closed here"))
            self._client.disconnect()
            self._client.loop_stop()

    def _on_publish(
        self, client: mqtt.Client, userdata: object, mid: int, code: ReasonCode, properties: Properties | None
    ) -> None:
        _confirm_at_once(client)
        self._heard.put(_Acked(mid, _receipt(code, properties)))

    def _open(self) -> None:
        _authenticate(self._client, self._broker)
        self._client.connect_timeout = min(self._broker.timeout_s, 30.0)
        try:
            self._client.connect(self._broker.host, self._broker.port, self._broker.keepalive_s)
        except ssl.SSLCertVerificationError as doubted:
            raise Shut(
                f"{self._where}: the broker's certificate is not believed ({doubted.verify_message}); whoever runs it "
                "must renew it, or `ca_file` must name who vouches for it"
            ) from doubted
        except (ssl.SSLError, ConnectionResetError) as failed:
            raise _refused_in_handshake(self._where, failed) from failed
        except (OSError, ValueError) as failed:
            raise Unreachable(f"{self._where}: {failed}") from failed
        self._client.loop_start()
        answer = self._next(time.monotonic() + self._broker.timeout_s)
        if not isinstance(answer, _Answered):
            tls = "with TLS" if _encrypted(self._broker) else "without TLS"
            raise Unreachable(
                f"{self._where}: ended before the broker's first word ({self._over}); does it know our certificate, "
                f"and is MQTT {self._broker.protocol} spoken on this port, {tls}?"
            )
        self._take(answer)

    def _take(self, answer: _Answered) -> None:
        code = answer.code
        if code.is_failure:
            said = _words(code, answer.properties)
            if code.value in _SHUT:
                raise Shut(f"{self._where} {_SHUT[code.value]} ({said})")
            raise Unreachable(f"{self._where} does not take us now ({said})")
        if getattr(answer.properties, "MaximumQoS", 1) == 0:
            raise Shut(f"{self._where} {_SHUT[155]}")
        self._window = getattr(answer.properties, "ReceiveMaximum", self._window)
        self._largest = getattr(answer.properties, "MaximumPacketSize", None)

    def _too_large(self, message: Outgoing) -> Receipt | None:
        size = len(message.payload) + len(message.topic.encode()) + _ENVELOPE_BYTES
        if self._largest is None or size <= self._largest:
            return None
        return Receipt(TOO_LARGE, f"the broker takes no packet of more than {self._largest} bytes")

    def _sent(self, message: Outgoing) -> int | None:
        """The message's number; None when the connection is over."""
        info = self._client.publish(
            message.topic, message.payload, qos=1, retain=message.retain, properties=message.properties
        )
        if info.rc == mqtt.MQTT_ERR_SUCCESS:
            return info.mid
        self._over = self._over or mqtt.error_string(info.rc)
        return None

    def _next(self, deadline: float | None) -> Any:
        """What is heard next; None when the connection or the time is over."""
        while not self._unread:
            if self._over is not None:
                return None
            self._unread.extend(self._listen(1, deadline))
        return self._unread.popleft()

    def _listen(self, enough: int, deadline: float | None) -> list[Any]:
        """What is heard, so many if they come in time; the end of the connection, and of the time, is noted."""
        found = self._read(enough, None if deadline is None else max(0.0, deadline - time.monotonic()))
        if deadline is not None and time.monotonic() >= deadline and not found:
            self._over = self._over or f"no answer within {self._broker.timeout_s:g} s"
        return found

    def _read(self, enough: int, timeout_s: float | None) -> list[Any]:
        found = self._heard.take(enough, timeout_s)
        for gone in found:
            if isinstance(gone, _Gone):
                self._over = self._over or f"the connection was lost ({gone.why})"
        return [one for one in found if not isinstance(one, _Gone)]


def of_a_cloud_event(properties: Properties) -> Properties:
    """The same, saying what the payload is (CloudEvents 1.0, MQTT protocol binding, structured content mode)."""
    properties.ContentType = CLOUD_EVENT
    properties.PayloadFormatIndicator = 1
    return properties


def publish_properties() -> Properties:
    """Of a PUBLISH of MQTT 5, empty."""
    return Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]


def central_problems(broker: CentralBroker) -> list[str]:
    """What the types cannot say; each entry begins with the key."""
    found = [problem.removeprefix("broker.") for problem in broker_problems(broker)]
    if not _encrypted(broker) and not is_loopback(broker.host):
        found.append("tls: people's data would go in clear; set tls = true, or ca_file. In clear only to this machine")
    if (broker.cert_file or broker.key_file) and not _encrypted(broker):
        found.append("cert_file: needs tls = true, or ca_file: in clear it protects nothing")
    if broker.password_file and not broker.username:
        found.append("password_file: needs username too")
    return found


def _encrypted(broker: CentralBroker) -> bool:
    return broker.tls or broker.ca_file is not None


def _authenticate(client: mqtt.Client, broker: CentralBroker) -> None:
    """What we show to the broker, and what we believe, as the files are now. Raises Shut."""
    try:
        if broker.username:
            named = broker.password_file
            client.username_pw_set(broker.username, secret_line(Path(named), "password_file") if named else None)
    except SettingsError as wrong:
        raise Shut(str(wrong)) from wrong
    if not _encrypted(broker):
        return
    try:
        context = ssl.create_default_context(cafile=broker.ca_file)
    except OSError as wrong:
        raise Shut(f"ca_file: {broker.ca_file}: is no certificate that can be read ({wrong})") from wrong
    if broker.cert_file:
        _check_end(broker.cert_file)
        try:
            context.load_cert_chain(broker.cert_file, broker.key_file)
        except OSError as wrong:
            raise Shut(f"cert_file: {broker.cert_file} cannot be used with its key ({wrong})") from wrong
    context.sslsocket_class = _ClosedOnFailure
    client.tls_set_context(context)


def _check_end(cert_file: str) -> None:
    """Brokers refuse a certificate that has ended without a word; so we look first."""
    try:
        certificate = x509.load_pem_x509_certificate(Path(cert_file).read_bytes())
    except (OSError, ValueError) as wrong:
        raise Shut(f"cert_file: {cert_file}: is no certificate that can be read ({wrong})") from wrong
    if certificate.not_valid_after_utc < datetime.now(UTC):
        raise Shut(
            f"cert_file: {cert_file} ended on {certificate.not_valid_after_utc:%Y-%m-%d}; have a new one made and put "
            "it there"
        )


def _refused_in_handshake(where: str, failed: OSError) -> Exception:
    reason = str(getattr(failed, "reason", None) or failed)
    if "ALERT" in reason and any(word in reason for word in ("CERTIFICATE", "UNKNOWN_CA")):
        return Shut(f"{where}: the broker does not believe our certificate ({reason}); see `cert_file`")
    return Unreachable(f"{where}: no TLS connection ({reason}); is this the port for TLS?")


def _confirm_at_once(client: mqtt.Client) -> None:
    """A broker with Nagle's algorithm (Mosquitto's default) keeps its last PUBACKs back until those before them are
    confirmed by TCP, which Linux puts off for 40 ms while it has nothing to send: with it 3,000 events a second become
    15,000. It holds for the moment only."""
    quick: int | None = getattr(socket, "TCP_QUICKACK", None)
    connection: Any = client.socket()
    if quick is not None and connection is not None:
        with contextlib.suppress(OSError):
            connection.setsockopt(socket.IPPROTO_TCP, quick, 1)


def _receipt(code: ReasonCode, properties: Properties | None) -> Receipt:
    return Receipt(code.value, _words(code, properties) if code.value else "")


def _words(code: ReasonCode, properties: Properties | None) -> str:
    said = [getattr(properties, name, None) for name in ("ReasonString", "ServerReference")]
    return ": ".join([str(code), *(" ".join(str(one).split())[:200] for one in said if one)])
