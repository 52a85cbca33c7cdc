"""All that crosses the wire between gate and hub, both ways; the one door by which hub enters gate.

Versioned by the topic's `v1`, append-only: a field is added with a default and never renamed, and no
word ever changes its meaning. Every decoder takes bytes from a stranger: it has a size limit, and it
raises ContractError and nothing else.

Events are JSON (CloudEvents 1.0, structured mode; https://github.com/cloudevents/spec), in batches.
Lists are MessagePack. What must be trusted travels inside a `signing.Sealed` envelope.
"""

import hashlib
import uuid
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Protocol, TypeAlias, TypeVar

import msgspec

from gate.zones import GROUP_PATTERN
from portvakt.errors import PortvaktError

VERSION = "v1"
ROOT = f"portvakt/{VERSION}"
TYPE_PREFIX = "no.portvakt."
"""Reverse-DNS prefix of every CloudEvents type, as the CloudEvents specification advises."""

MAX_BATCH_BYTES = 1 << 20
"""A batch above this is refused unread: it bounds what one message can make a receiver allocate."""
MAX_BATCH_EVENTS = 1000
MAX_EVENT_BYTES = 4 << 10
MAX_STATUS_BYTES = 64 << 10
MAX_CHUNK_BYTES = 256 << 10
"""A sealed chunk on the wire; CHUNK_DATA_BYTES leaves room for its envelope."""
CHUNK_DATA_BYTES = 128 << 10
MAX_PERMIT_BYTES = 512
"""A permit is about 60 bytes; the rest is room for what later versions add."""
GENESIS_HASH = "0" * 64
"""What the first record of an epoch names as the record before it."""

_EVENT_NAMESPACE = uuid.UUID("6f0c2f5e-3b1d-5d0e-9c55-6a1f6a7f4c11")


class ContractError(PortvaktError, ValueError):
    """A message does not follow the contract; says which one, and where in it."""


@dataclass(frozen=True, slots=True)
class Publish:
    """A message to hand to the broker, QoS 1."""

    topic: str
    payload: bytes
    retain: bool = False


# --- names -------------------------------------------------------------------------------------

Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
"""A site's or a gate's name: it stands in topics and in URLs."""


def event_id(site: str, gate: str, epoch: str, seq: int) -> str:
    """The event's UUID (version 5): made from its coordinates, so that a replay is a no-op everywhere."""
    return str(uuid.uuid5(_EVENT_NAMESPACE, f"{site}/{gate}/{epoch}/{seq}"))


def source_of(site: str, gate: str) -> str:
    """The CloudEvents `source` of a gate."""
    return f"/portvakt/{site}/{gate}"


class Topics:
    """The topics of one site."""

    def __init__(self, site: str) -> None:
        self.site = site
        self._base = f"{ROOT}/{site}"

    def events(self, gate: str) -> str:
        return f"{self._base}/{gate}/events"

    def ack(self, gate: str) -> str:
        return f"{self._base}/{gate}/ack"

    def status(self, gate: str) -> str:
        return f"{self._base}/{gate}/status"

    def want(self, gate: str) -> str:
        return f"{self._base}/{gate}/permits/want"

    def chunk(self, gate: str) -> str:
        return f"{self._base}/{gate}/permits/chunk"

    def command(self, gate: str) -> str:
        return f"{self._base}/{gate}/command"

    def certificate_want(self, gate: str) -> str:
        return f"{self._base}/{gate}/certificate/want"

    def certificate(self, gate: str) -> str:
        return f"{self._base}/{gate}/certificate"

    def join_request(self, joiner: str) -> str:
        """Where a gate without a certificate asks for one. `joiner` is its MQTT client id, drawn for this once."""
        return f"{self._base}/join/{joiner}/request"

    def join_answer(self, joiner: str) -> str:
        return f"{self._base}/join/{joiner}/answer"

    def answer_to(self, topic: str) -> str | None:
        """Where the answer to a wish for a certificate belongs; None when the topic is of no such wish."""
        parts = topic.removeprefix(f"{self._base}/").split("/")
        match parts:
            case ["join", joiner, "request"]:
                return self.join_answer(joiner)
            case [gate, "certificate", "want"]:
                return self.certificate(gate)
        return None

    def enrolment_to_hub(self) -> tuple[str, ...]:
        """Filters of all wishes for a certificate."""
        return (self.join_request("+"), self.certificate_want("+"))

    @property
    def head(self) -> str:
        return f"{self._base}/permits/head"

    def presence(self, part: int) -> str:
        """One part of where every card was seen last, retained."""
        return f"{self._base}/presence/{part}"

    @property
    def presence_now(self) -> str:
        """What has just been seen; never retained, so it says that the hub is there."""
        return f"{self._base}/presence/now"

    @property
    def all_presence(self) -> str:
        """Filter of the parts and of what has just been seen."""
        return f"{self._base}/presence/+"

    def is_presence(self, topic: str) -> bool:
        """Whether it is one of those."""
        return topic.startswith(f"{self._base}/presence/")

    @property
    def hub(self) -> str:
        """Presence of the hub itself, retained, with last will."""
        return f"{self._base}/hub"

    def to_hub(self) -> tuple[str, ...]:
        """Filters of all that a hub takes in."""
        return tuple(f"{self._base}/+/{leaf}" for leaf in ("events", "status", "permits/want"))

    @property
    def shared_events(self) -> str:
        """Filter of what gates send, of which each message goes to one of those who subscribed to it."""
        return f"$share/ingest/{self.events('+')}"

    def gate_of(self, topic: str) -> str | None:
        """The gate whose topic this is, or None when it is none of this site's gate topics."""
        head, _, rest = topic.partition(f"{self._base}/")
        gate, slash, _ = rest.partition("/")
        return gate if not head and slash and gate else None


# --- events: gate -> hub -----------------------------------------------------------------------


class WireCard(msgspec.Struct, frozen=True, omit_defaults=True):
    scheme: Annotated[str, msgspec.Meta(min_length=1, max_length=16)]
    number: Annotated[str, msgspec.Meta(min_length=1, max_length=40)]


MUSTER_BADGE = "muster.badge"
"""The type, without its prefix, of a card shown at an assembly point. It has neither lane nor direction; `detail`
names `reader` and `point`. A hub that does not know it keeps it, as it does every type, and does nothing."""


class WireClock(msgspec.Struct, frozen=True):
    """The evidence behind an event's time (P10)."""

    boot: Annotated[str, msgspec.Meta(max_length=64)]
    monotonic_ms: int
    trusted: bool


class EventData(msgspec.Struct, frozen=True, omit_defaults=True):
    """What happened. Words are the gate's stable codes (`gate.model`): Direction, Medium, Reason."""

    clock: WireClock
    lane: str | None = None
    direction: str | None = None
    card: WireCard | None = None
    medium: str | None = None
    reason: str | None = None
    warnings: tuple[str, ...] = ()
    employer: str | None = None
    badge: str | None = None
    detail: dict[str, str | int | bool] = {}
    uid: str | None = None
    """Serial number of the chip that was read, hexadecimal."""
    zone: Annotated[str, msgspec.Meta(max_length=80)] | None = None
    """Where a passage led (`gate.zones`); empty is off the site."""
    command: int | None = None
    """The number of the command that this came of."""


class WireEvent(msgspec.Struct, frozen=True):
    """One CloudEvent. `epoch`, `seq` and `prevhash` are extension attributes (lower case, as the
    specification demands): the event's coordinates, and the SHA-256 of the record before it."""

    id: str
    source: str
    type: str
    time: str
    epoch: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{16}$")]
    seq: Annotated[int, msgspec.Meta(ge=1)]
    prevhash: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$")]
    data: EventData
    specversion: str = "1.0"
    datacontenttype: str = "application/json"

    @property
    def kind(self) -> str:
        """The type without its prefix."""
        return self.type.removeprefix(TYPE_PREFIX)


def encode_event(event: WireEvent) -> bytes:
    """The record's bytes: what the journal commits, the chain hashes and the hub stores."""
    body = _json.encode(event)
    if len(body) > MAX_EVENT_BYTES:
        raise ContractError(f"event {event.type} has {len(body)} bytes; the limit is {MAX_EVENT_BYTES}")
    return body


def decode_event(body: bytes) -> WireEvent:
    """One event from its bytes, checked against its own coordinates.

    Raises ContractError when it is malformed, too large, or carries an id that its coordinates do
    not make.
    """
    if len(body) > MAX_EVENT_BYTES:
        raise ContractError(f"event of {len(body)} bytes; the limit is {MAX_EVENT_BYTES}")
    event = _decoded("event", _event_decoder, body)
    if event.specversion != "1.0" or not event.type.startswith(TYPE_PREFIX):
        raise ContractError(f"event: {event.type!r} in CloudEvents {event.specversion!r} is not ours")
    parts = event.source.split("/")
    if len(parts) != 4 or parts[:2] != ["", "portvakt"]:
        raise ContractError(f"event: source {event.source!r} is not /portvakt/SITE/GATE")
    if event.id != event_id(parts[2], parts[3], event.epoch, event.seq):
        raise ContractError(f"event {event.epoch}/{event.seq}: its id {event.id!r} is not made from its coordinates")
    return event


def record_hash(body: bytes) -> str:
    """The hash that the next record of the chain carries."""
    return hashlib.sha256(body).hexdigest()


def encode_batch(bodies: Iterable[bytes]) -> bytes:
    """A batch is a JSON array of the records' own bytes: nothing is encoded twice."""
    return b"[" + b",".join(bodies) + b"]"


def split_batch(payload: bytes) -> tuple[bytes, ...]:
    """The records of a batch, each in the very bytes that were committed at the gate."""
    if len(payload) > MAX_BATCH_BYTES:
        raise ContractError(f"event batch of {len(payload)} bytes; the limit is {MAX_BATCH_BYTES}")
    raws = _decoded("event batch", _batch_decoder, payload)
    if not 1 <= len(raws) <= MAX_BATCH_EVENTS:
        raise ContractError(f"event batch of {len(raws)} events; 1 to {MAX_BATCH_EVENTS} are allowed")
    return tuple(bytes(raw) for raw in raws)


# --- acknowledgement: hub -> gate, sealed --------------------------------------------------------


class Ack(msgspec.Struct, frozen=True, array_like=True):
    """All records of `epoch` up to and including `through` are committed at the hub.

    `store` names the hub's database. A lower `through` from another database than before says that the
    hub has lost records which it had acknowledged, and asks for them again (P2).
    """

    gate: Name
    epoch: str
    through: Annotated[int, msgspec.Meta(ge=0)]
    store: Annotated[str, msgspec.Meta(max_length=64)] = ""


# --- status: gate -> all, retained, last will ----------------------------------------------------


class Status(msgspec.Struct, frozen=True, omit_defaults=True):
    """A gate's health. `instance` tells two controllers apart that were given one name. `oldest_seq` is the
    oldest record that the gate still has: what came before it cannot be asked for any more."""

    gate: Name
    instance: str
    online: bool
    version: str = ""
    list_revision: int = 0
    list_confirmed_ms: int = 0
    epoch: str = ""
    head_seq: int = 0
    head_hash: str = ""
    unsent: int = 0
    clock_trusted: bool = False
    readers: dict[str, str] = {}
    lanes: dict[str, str] = {}
    alarms: tuple[str, ...] = ()
    at_ms: int = 0
    oldest_seq: int = 0
    reader_reads_ms: dict[str, int] = {}
    """When each reader last gave a card's contents; 0 before the first."""
    list_digest: str = ""
    """Of the list held: with the hub's own it proves that both are the same."""
    muster_readers: dict[str, str] = {}
    """The assembly point of each reader that stands at one."""


class HubStatus(msgspec.Struct, frozen=True, omit_defaults=True):
    """The hub's presence at its site."""

    site: Name
    instance: str
    online: bool
    host: str = ""


# --- permits: hub -> gates -----------------------------------------------------------------------


Group = Annotated[str, msgspec.Meta(pattern=GROUP_PATTERN)]
Groups = Annotated[tuple[Group, ...], msgspec.Meta(max_length=8)]
"""The site's own words for whom a permit is: first-aider, warden, crane …"""


class WirePermit(msgspec.Struct, frozen=True, array_like=True):
    """One permit; the words are those of `gate.model.Permit`. Dates are ISO 8601 or None."""

    scheme: Annotated[str, msgspec.Meta(min_length=1, max_length=16)]
    number: Annotated[str, msgspec.Meta(min_length=1, max_length=40)]
    standing: str
    valid_from: str | None = None
    valid_until: str | None = None
    card_expiry: str | None = None
    employer: str | None = None
    language: str | None = None
    groups: Groups = ()


class PermitsHead(msgspec.Struct, frozen=True, array_like=True):
    """Which list is the current one. Signed again at every heartbeat: `issued_ms` says "still so"."""

    revision: Annotated[int, msgspec.Meta(ge=1)]
    count: Annotated[int, msgspec.Meta(ge=0)]
    digest: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$")]
    issued_ms: int
    expires_ms: int


class PermitsWant(msgspec.Struct, frozen=True, array_like=True):
    """ "Send me chunk `index` of what leads from revision `since` to `revision`"; since 0 is the whole list."""

    since: Annotated[int, msgspec.Meta(ge=0)]
    revision: int
    index: Annotated[int, msgspec.Meta(ge=0)]


class PermitsChunk(msgspec.Struct, frozen=True, array_like=True):
    """A slice of compressed permits: of all of them, or of those that are new or other since `since`.

    Not signed: the signed digest in the head covers what comes of it.
    """

    revision: int
    index: Annotated[int, msgspec.Meta(ge=0)]
    total: Annotated[int, msgspec.Meta(ge=1)]
    data: bytes
    since: Annotated[int, msgspec.Meta(ge=0)] = 0


# --- commands: hub -> gate, sealed ------------------------------------------------------------------


class Command(msgspec.Struct, frozen=True, array_like=True):
    """Somebody at the hub wants a gate to do something, now, and once.

    `number` grows from one command of a site to the next; a gate carries out none that is not above the last.
    `action` is `open`, or a mode of `gate.turnstile.Mode`; without `lane` it is meant for all of them. What came
    of it is told in the journal: `command.done` or `command.refused` with the number.
    """

    gate: Name
    number: Annotated[int, msgspec.Meta(ge=1, le=2**53)]
    action: Annotated[str, msgspec.Meta(min_length=1, max_length=16)]
    by: Annotated[str, msgspec.Meta(min_length=1, max_length=40)]
    issued_ms: int
    expires_ms: int
    lane: Annotated[str, msgspec.Meta(max_length=40)] | None = None
    direction: Annotated[str, msgspec.Meta(max_length=8)] | None = None


OPEN = "open"
"""The action that lets one body through `lane` in `direction`."""

# --- presence: hub -> gates, sealed ---------------------------------------------------------------

PRESENCE_ROWS = 500
"""Of one part: so many of the longest stay below MAX_CHUNK_BYTES."""
MAX_PRESENCE_PARTS = 40


class WireSighting(msgspec.Struct, frozen=True, array_like=True):
    """Where a card was seen last. `zone` is empty for off the site; `groups` are those of its permit."""

    scheme: Annotated[str, msgspec.Meta(min_length=1, max_length=16)]
    number: Annotated[str, msgspec.Meta(min_length=1, max_length=40)]
    zone: Annotated[str, msgspec.Meta(max_length=80)]
    time_ms: int
    groups: Groups = ()


class Presence(msgspec.Struct, frozen=True, array_like=True):
    """What the hub knows of who is where: all of it in retained parts, or what has just been seen.

    The hub speaks again within `again_ms`: a gate that hears nothing for longer knows that it is alone.
    Receivers keep the later of two sightings of a card, so repetition and order do no harm.
    """

    issued_ms: int
    again_ms: Annotated[int, msgspec.Meta(ge=1, le=86_400_000)]
    rows: Annotated[tuple[WireSighting, ...], msgspec.Meta(max_length=PRESENCE_ROWS)] = ()


def proof_of(row: bytes) -> bytes:
    """What a permit adds to the digest: the SHA-256 of its bytes on the wire."""
    return hashlib.sha256(row).digest()


# --- certificates: gate <-> hub, both ways signed --------------------------------------------------

MAX_CERTIFICATE_BYTES = 8 << 10
"""Of a wish, and of what is inside the answer; a P-256 certificate has about 900 bytes as PEM."""


class CertificateRequest(msgspec.Struct, frozen=True, array_like=True):
    """A gate's wish for a certificate over the key in `csr` (PKCS #10, DER).

    `serial` names the certificate with whose key the wish is signed, hexadecimal; empty when the gate has
    none yet and signs with the token of its bundle.
    """

    gate: Name
    csr: Annotated[bytes, msgspec.Meta(max_length=4096)]
    serial: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{0,40}$")] = ""


class CertificateAnswer(msgspec.Struct, frozen=True, array_like=True):
    """The hub's answer to one request: a certificate in PEM, or why there is none.

    `request` is the SHA-256 of the request's bytes: an answer to another request is worth nothing.
    `early` says that the request was in order, and that the certificate at hand still serves.
    """

    request: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$")]
    gate: Name
    certificate: Annotated[str, msgspec.Meta(max_length=MAX_CERTIFICATE_BYTES)] = ""
    refused: Annotated[str, msgspec.Meta(max_length=300)] = ""
    early: bool = False


class Digest:
    """The list digest: the sum, modulo 2^256, of the proofs of all permits.

    A sum does not mind the order and can be changed by one permit in constant time, so both sides
    prove equal lists in the size of the change. Proofs are made from the bytes as they came: a field
    that only a newer hub knows changes nothing for an older gate.
    """

    __slots__ = ("_sum",)

    def __init__(self, hexdigest: str = GENESIS_HASH) -> None:
        self._sum = int(hexdigest, 16)

    def add(self, proof: bytes) -> None:
        self._sum = (self._sum + int.from_bytes(proof, "big")) % (1 << 256)

    def remove(self, proof: bytes) -> None:
        self._sum = (self._sum - int.from_bytes(proof, "big")) % (1 << 256)

    def hexdigest(self) -> str:
        return f"{self._sum:064x}"


def digest_of_rows(rows: Iterable[bytes]) -> str:
    """The digest of permits in their bytes."""
    total = Digest()
    for row in rows:
        total.add(proof_of(row))
    return total.hexdigest()


def digest_of(permits: Iterable[WirePermit]) -> str:
    """The digest of permits as this version writes them."""
    return digest_of_rows(map(_msgpack.encode, permits))


def proof_of_permit(permit: WirePermit) -> bytes:
    """The proof of a permit as this version writes it."""
    return proof_of(_msgpack.encode(permit))


def pack_permits(permits: Sequence[WirePermit]) -> tuple[bytes, ...]:
    """Permits, compressed and cut into chunks; at least one, also for none."""
    packed = zlib.compress(_msgpack.encode(permits), 6)
    return tuple(packed[start : start + CHUNK_DATA_BYTES] for start in range(0, len(packed), CHUNK_DATA_BYTES))


def most_chunks(count: int) -> int:
    """So many chunks at most are made of `count` permits: what a receiver puts up with."""
    return (count * MAX_PERMIT_BYTES + 64) // CHUNK_DATA_BYTES + 2


def unpack_permits(chunks: Iterable[bytes], most: int) -> tuple[bytes, ...]:
    """The permits of all chunks, in order, each in its own bytes.

    `most` is how many the signed head allows; nothing beyond what so many permits can need is ever
    unpacked. Raises ContractError.
    """
    limit = most * MAX_PERMIT_BYTES + 16
    inflate = zlib.decompressobj()
    try:
        body = inflate.decompress(b"".join(chunks), limit)
    except zlib.error as broken:
        raise ContractError(f"permits: cannot be decompressed ({broken})") from broken
    if inflate.unconsumed_tail or not inflate.eof:
        raise ContractError(f"permits: cut short, or larger than {most} permits can be")
    rows = _decoded("permits", _permits_decoder, body)
    if len(rows) > most:
        raise ContractError(f"permits: there are {len(rows)}; the head says {most}")
    return tuple(bytes(row) for row in rows)


def decode_permits(rows: Iterable[bytes]) -> Iterator[WirePermit]:
    """Permits from their bytes; raises ContractError."""
    for row in rows:
        yield _decoded("permit", _permit_decoder, row)


# --- coding of the small messages ----------------------------------------------------------------

_json = msgspec.json.Encoder()
_msgpack = msgspec.msgpack.Encoder()
_event_decoder = msgspec.json.Decoder(WireEvent)
_batch_decoder = msgspec.json.Decoder(list[msgspec.Raw])
_permits_decoder = msgspec.msgpack.Decoder(list[msgspec.Raw])
_permit_decoder = msgspec.msgpack.Decoder(WirePermit)

S = TypeVar("S", bound=msgspec.Struct)
T_co = TypeVar("T_co", covariant=True)


def encode_status(status: Status | HubStatus) -> bytes:
    return _json.encode(status)


def decode_status(payload: bytes) -> Status:
    _bounded("status", payload, MAX_STATUS_BYTES)
    return _decoded("status", msgspec.json.Decoder(Status), payload)


def decode_hub_status(payload: bytes) -> HubStatus:
    _bounded("hub status", payload, MAX_STATUS_BYTES)
    return _decoded("hub status", msgspec.json.Decoder(HubStatus), payload)


Small: TypeAlias = (
    Ack | PermitsHead | PermitsWant | PermitsChunk | Command | Presence | CertificateRequest | CertificateAnswer
)


def encode_message(message: Small) -> bytes:
    return _msgpack.encode(message)


def decode_message(kind: type[S], payload: bytes) -> S:
    """A MessagePack message of the named kind; raises ContractError."""
    _bounded(kind.__name__, payload, MAX_CHUNK_BYTES)
    return _decoded(kind.__name__, msgspec.msgpack.Decoder(kind), payload)


def _bounded(what: str, payload: bytes, limit: int) -> None:
    if len(payload) > limit:
        raise ContractError(f"{what} of {len(payload)} bytes; the limit is {limit}")


class _Decoder(Protocol[T_co]):
    """What both of msgspec's decoders are to us."""

    def decode(self, buf: bytes, /) -> T_co: ...


def _decoded(what: str, decoder: _Decoder[T_co], payload: bytes) -> T_co:
    try:
        return decoder.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as broken:
        raise ContractError(f"{what}: {broken}") from broken
