"""From a message of a gate to records for the store. Pure: no store, clock or broker.

A record whose coordinates are proven but whose contents cannot be understood is stored all the same,
as kind `unreadable` with its very bytes: it is committed, so it may be acknowledged. Refusing it would
hold back for ever every later record of that gate, for the sake of one bad one (P9). Only what has no
provable coordinates is rejected.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, NamedTuple

import msgspec

from gate.uplink import contract
from gate.uplink.contract import ContractError, WireEvent
from hub.corrections import Correction, Passage, correction_of, passage_of, time_ms_of
from hub.muster import Evacuation, evacuation_of
from hub.muster_readers import Shown, shown_of
from hub.records import MAX_NUMBER, EventRecord, JournalKey, Rejected

UNREADABLE = "unreadable"
MAX_SEQ = MAX_NUMBER
"""No journal gets there."""

MAX_UID = 20
"""Digits of a chip's serial number, hexadecimal: ten bytes are the longest there are."""

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


class Taken(NamedTuple):
    """One record; `objection` says why it is stored as unreadable, or without a time."""

    record: EventRecord
    passage: Passage | None = None
    correction: Correction | None = None
    objection: str | None = None
    evacuation: Evacuation | None = None
    shown: Shown | None = None


@dataclass(slots=True)
class Gathered:
    """All that a bunch of messages holds, sorted by journal."""

    taken: dict[JournalKey, dict[int, Taken]] = field(default_factory=dict)
    rejected: list[Rejected] = field(default_factory=list)
    disputed: dict[JournalKey, list[EventRecord]] = field(default_factory=dict)
    """Records whose place was taken by another one of the same messages."""
    repeated: int = 0
    conflicts: int = 0


class _Coordinates(msgspec.Struct, frozen=True):
    """The least that a record must hold to have a place in a journal."""

    id: str
    source: str
    epoch: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{16}$")]
    seq: Annotated[int, msgspec.Meta(ge=1)]
    prevhash: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$")]


_coordinates = msgspec.json.Decoder(_Coordinates)


def gather(topics: contract.Topics, messages: Sequence[tuple[str, bytes]], now_ms: int) -> Gathered:
    """Split, decode and sort messages of `…/events` topics. Never raises: what is bad is in `rejected`."""
    found = Gathered()
    for topic, payload in messages:
        gate = topics.gate_of(topic)
        if gate is None or topic != topics.events(gate) or not _NAME.fullmatch(gate):
            found.rejected.append(
                Rejected(topic, payload, "not a topic on which this site's gates send events", now_ms)
            )
            continue
        try:
            bodies = contract.split_batch(payload)
        except ContractError as bad:
            found.rejected.append(Rejected(topic, payload, str(bad), now_ms))
            continue
        for body in bodies:
            try:
                taken = read_event(body, topics.site, gate, now_ms)
            except ContractError as bad:
                found.rejected.append(Rejected(topic, body, str(bad), now_ms))
            else:
                _sort_in(found, topic, taken)
    return found


def _sort_in(found: Gathered, topic: str, taken: Taken) -> None:
    record = taken.record
    journal = found.taken.setdefault(JournalKey(record.gate, record.epoch), {})
    first = journal.setdefault(record.seq, taken)
    if first is taken:
        return
    if first.record.hash == record.hash:
        found.repeated += 1
    else:
        found.conflicts += 1
        found.disputed.setdefault(JournalKey(record.gate, record.epoch), []).append(record)
        found.rejected.append(contradiction(topic, record, record.received_ms))


def contradiction(topic: str, record: EventRecord, now_ms: int) -> Rejected:
    """A record that claims a place where another one already stands; the first stays."""
    return Rejected(topic, record.body, f"{record.epoch}/{record.seq}: another record stands in this place", now_ms)


def read_event(body: bytes, site: str, gate: str, now_ms: int) -> Taken:
    """One record from the journal of `gate`.

    Raises ContractError when it cannot be proven to be a record of that gate's journal.
    """
    try:
        event = contract.decode_event(body)
    except ContractError as bad:
        return _unreadable(body, site, gate, str(bad), now_ms)
    if event.source != contract.source_of(site, gate):
        raise ContractError(f"event {event.epoch}/{event.seq}: source {event.source!r} came on the topic of {gate!r}")
    _bounded(event.seq)
    if why := _unstorable(event):
        return _unreadable(body, site, gate, f"event {event.epoch}/{event.seq}: {why}", now_ms)
    objection = None
    time_ms = time_ms_of(event.time)
    if time_ms is None:
        objection = f"event {event.epoch}/{event.seq}: time {event.time!r} is not RFC 3339 with a zone"
    data = event.data
    card = data.card
    record = EventRecord(
        event.id, gate, event.epoch, event.seq, event.kind, time_ms,
        card.scheme if card else None, card.number if card else None,
        data.lane, data.direction, data.reason, data.badge,
        body, bytes.fromhex(contract.record_hash(body)), bytes.fromhex(event.prevhash), now_ms,
    )  # fmt: skip
    key = JournalKey(gate, event.epoch)
    evacuation = evacuation_of(event, gate, time_ms)
    passage, correction = passage_of(event, gate, time_ms), correction_of(event, key)
    return Taken(record, passage, correction, objection, evacuation, shown_of(event, gate, now_ms))


def _unreadable(body: bytes, site: str, gate: str, why: str, now_ms: int) -> Taken:
    """The record with its coordinates alone; raises ContractError with `why` when even those are not proven."""
    try:
        place = _coordinates.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise ContractError(why) from None
    if place.source != contract.source_of(site, gate):
        raise ContractError(why)
    if place.id != contract.event_id(site, gate, place.epoch, place.seq):
        raise ContractError(why)
    _bounded(place.seq)
    record = EventRecord(
        place.id, gate, place.epoch, place.seq, UNREADABLE, None, None, None, None, None, None, None,
        body, bytes.fromhex(contract.record_hash(body)), bytes.fromhex(place.prevhash), now_ms,
    )  # fmt: skip
    return Taken(record, objection=why)


def _unstorable(event: WireEvent) -> str | None:
    """What no column of a database takes; None when all of it fits. The database would refuse it for ever."""
    data = event.data
    texts = [event.type, data.lane, data.direction, data.reason, data.badge, data.uid, data.zone, data.clock.boot]
    texts += [data.card.scheme, data.card.number] if data.card else []
    if any("\0" in text for text in texts if text):
        return "a text with a character of number 0"
    if data.uid and len(data.uid) > MAX_UID:
        return f"a serial number of {len(data.uid)} digits; the limit is {MAX_UID}"
    if abs(data.clock.monotonic_ms) > MAX_NUMBER:
        return f"{data.clock.monotonic_ms} is no monotonic time"
    return None


def _bounded(seq: int) -> None:
    if seq > MAX_SEQ:
        raise ContractError(f"event: seq {seq} is beyond any journal")
