"""All that crosses the wire: round trips, limits, and bytes from strangers (P3, P9)."""

import json
import zlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace as replaced

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gate.errors import GateError
from gate.model import CardId, Direction, Event, EventKind, Medium, Moment, Permit, Reason
from gate.uplink import contract, translate
from gate.uplink.contract import (
    Ack,
    ContractError,
    Digest,
    EventData,
    HubStatus,
    PermitsChunk,
    PermitsHead,
    PermitsWant,
    Status,
    Topics,
    WireCard,
    WireClock,
    WireEvent,
    WirePermit,
)
from gate.uplink.session import BATCH_RECORDS

EPOCH = "0123456789abcdef"
MOMENT = Moment("boot-1", 1_000, 1_781_500_000_000, trusted=True)


def record(seq: int = 1, prevhash: str = contract.GENESIS_HASH, **detail: str) -> bytes:
    event = Event(EventKind.BADGE_GRANTED, MOMENT, "main", Direction.ENTRY, CardId("hms", "01234567"), detail=detail)
    return translate.outgoing_record(event, site="site", gate="gate", epoch=EPOCH, seq=seq, prevhash=prevhash)


def tampered(body: bytes, **changes: object) -> bytes:
    return json.dumps({**json.loads(body), **changes}).encode()


# --- events -------------------------------------------------------------------------------------------

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
maybe = st.none() | texts
any_data = st.builds(
    EventData,
    st.builds(WireClock, texts, st.integers(0, 2**53), st.booleans()),
    maybe, maybe,
    st.none() | st.builds(WireCard, texts.filter(bool).map(lambda text: text[:16]), texts.filter(bool)),
    maybe, maybe,
    st.lists(texts, max_size=3).map(tuple),
    maybe, maybe,
    st.dictionaries(texts, st.booleans() | st.integers(-(2**53), 2**53) | texts, max_size=3),
)  # fmt: skip
seqs = st.integers(1, 2**53)
names = st.from_regex(r"\A[a-z0-9][a-z0-9-]{0,39}\Z")
epochs = st.from_regex(r"\A[0-9a-f]{16}\Z")


@given(names, names, epochs, seqs, any_data)
def test_an_event_comes_back_as_it_went(site: str, gate: str, epoch: str, seq: int, data: EventData) -> None:
    event = WireEvent(
        id=contract.event_id(site, gate, epoch, seq),
        source=contract.source_of(site, gate),
        type=contract.TYPE_PREFIX + "badge.granted",
        time="2026-06-15T10:00:00.000Z",
        epoch=epoch,
        seq=seq,
        prevhash=contract.GENESIS_HASH,
        data=data,
    )
    assert contract.decode_event(contract.encode_event(event)) == event


@pytest.mark.parametrize("kind", EventKind)
def test_every_kind_of_event_the_gate_records_crosses_the_wire(kind: EventKind) -> None:
    event = Event(
        kind, MOMENT, "main", Direction.EXIT, CardId("hms", "01234567"), Medium.CHIP, Reason.EXPIRED,
        (Reason.ALREADY_INSIDE,), "987654321", "badge-1", bytes.fromhex("04a1b2c3"),
        "site/tunnel", {"what": "Ærlig talt", "block": 12, "twice": True},
    )  # fmt: skip
    body = translate.outgoing_record(event, site="site", gate="gate", epoch=EPOCH, seq=3, prevhash="a" * 64)
    wire = contract.decode_event(body)
    assert (wire.kind, wire.seq, wire.prevhash, wire.time) == (kind.value, 3, "a" * 64, "2026-06-15T05:06:40.000Z")
    assert wire.data == EventData(
        WireClock("boot-1", 1_000, trusted=True), "main", "exit", WireCard("hms", "01234567"), "chip", "expired",
        ("already_inside",), "987654321", "badge-1", {"what": "Ærlig talt", "block": 12, "twice": True}, "04a1b2c3",
        "site/tunnel",
    )  # fmt: skip


def test_an_event_is_a_cloudevent_1_0() -> None:
    told = json.loads(record())
    assert {"id", "source", "type", "time", "specversion", "datacontenttype", "data"} <= set(told)
    assert (told["specversion"], told["source"], told["type"]) == (
        "1.0",
        "/portvakt/site/gate",
        "no.portvakt.badge.granted",
    )
    assert all(name.isalnum() and name.islower() for name in told), "CloudEvents attribute names"


@pytest.mark.parametrize("wall_ms", [-(2**62), -1, 0, 253_402_300_800_000, 2**62])
def test_p10_no_clock_makes_an_event_unwritable(wall_ms: int) -> None:
    event = Event(EventKind.GATE_STARTED, replaced(MOMENT, wall_ms=wall_ms))
    body = translate.outgoing_record(event, site="s", gate="g", epoch=EPOCH, seq=1, prevhash=contract.GENESIS_HASH)
    assert contract.decode_event(body).time.endswith("Z")


def test_p3_an_id_is_made_from_the_coordinates_and_from_nothing_else() -> None:
    ids = {
        contract.event_id(site, gate, epoch, seq)
        for site in ("a", "b") for gate in ("a", "b") for epoch in ("0" * 16, EPOCH) for seq in (1, 2, 11)
    }  # fmt: skip
    assert len(ids) == 24
    # Pinned: were it ever to change, every event would count twice.
    assert contract.event_id("site", "gate", EPOCH, 1) == "758e42e6-8610-59ae-8afb-bec3a0147703"


@pytest.mark.parametrize(
    "change",
    [
        {"seq": 2},
        {"epoch": "f" * 16},
        {"source": "/portvakt/site/other"},
        {"source": "/portvakt/other/gate"},
        {"id": "00000000-0000-5000-8000-000000000000"},
        {"source": "/portvakt/site/gate/more"},
        {"source": "/else/site/gate"},
        {"type": "com.example.badge.granted"},
        {"specversion": "0.3"},
        {"seq": 0},
        {"seq": "1"},
        {"epoch": "0123456789ABCDEF"},
        {"prevhash": "short"},
        {"data": None},
        {"data": {"clock": {"boot": "b", "monotonic_ms": 1, "trusted": True}, "card": {"scheme": "", "number": "1"}}},
    ],
    ids=str,
)
def test_p3_an_event_that_was_changed_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ContractError):
        contract.decode_event(tampered(record(), **change))


def test_a_field_of_a_newer_version_is_no_error() -> None:
    assert contract.decode_event(tampered(record(), added="later")).seq == 1


def test_an_event_may_be_as_large_as_the_limit_and_no_larger() -> None:
    room = contract.MAX_EVENT_BYTES - len(record(what=""))
    assert len(record(what="x" * room)) == contract.MAX_EVENT_BYTES
    with pytest.raises(ContractError, match="4097 bytes; the limit is 4096"):
        record(what="x" * (room + 1))
    with pytest.raises(ContractError, match="the limit is 4096"):
        contract.decode_event(record(what="x" * room) + b" ")


# --- batches and the chain ----------------------------------------------------------------------------


@given(st.lists(texts, min_size=1, max_size=5))
def test_a_batch_keeps_the_very_bytes(words: list[str]) -> None:
    """The hash that the chain is made of must be the same at the hub."""
    bodies = tuple(record(seq, what=word) for seq, word in enumerate(words, start=1))
    assert contract.split_batch(contract.encode_batch(bodies)) == bodies


def test_a_batch_keeps_bytes_that_no_encoder_of_ours_would_make() -> None:
    odd = (b'{"b" : 1,  "a":\t1.0e0}', b"[ ]", '"Æ \\u00c6"'.encode())
    assert contract.split_batch(contract.encode_batch(odd)) == odd


def test_a_full_batch_of_the_largest_events_fits() -> None:
    largest = b"1" * contract.MAX_EVENT_BYTES
    assert len(contract.encode_batch([largest] * BATCH_RECORDS)) <= contract.MAX_BATCH_BYTES
    assert BATCH_RECORDS <= contract.MAX_BATCH_EVENTS


@pytest.mark.parametrize(
    "payload",
    [
        b"[]",
        b"{}",
        b"[1,2",
        b"[1]]",
        b"",
        b"[" + b",".join([b"1"] * (contract.MAX_BATCH_EVENTS + 1)) + b"]",
        b"[" + b" " * contract.MAX_BATCH_BYTES + b"]",
    ],
    ids=["no events", "no list", "cut short", "too long", "nothing", "too many events", "too many bytes"],
)
def test_p9_a_batch_that_is_none_is_refused(payload: bytes) -> None:
    with pytest.raises(ContractError, match="event batch"):
        contract.split_batch(payload)


def test_the_chain_hash_is_sha_256_over_the_record_s_bytes() -> None:
    assert contract.record_hash(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert contract.record_hash(record()) != contract.record_hash(record(2))


# --- topics -------------------------------------------------------------------------------------------


def test_topics_are_what_the_documents_say() -> None:
    topics = Topics("kvartal-7")
    assert [
        topics.events("north"), topics.ack("north"), topics.status("north"), topics.want("north"),
        topics.chunk("north"), topics.head, topics.hub,
    ] == [
        "portvakt/v1/kvartal-7/north/events",
        "portvakt/v1/kvartal-7/north/ack",
        "portvakt/v1/kvartal-7/north/status",
        "portvakt/v1/kvartal-7/north/permits/want",
        "portvakt/v1/kvartal-7/north/permits/chunk",
        "portvakt/v1/kvartal-7/permits/head",
        "portvakt/v1/kvartal-7/hub",
    ]  # fmt: skip


@given(names, names)
def test_a_gate_is_found_in_each_of_its_topics(site: str, gate: str) -> None:
    topics = Topics(site)
    for topic in (topics.events, topics.ack, topics.status, topics.want, topics.chunk):
        assert topics.gate_of(topic(gate)) == gate


@pytest.mark.parametrize(
    "topic",
    [
        "portvakt/v1/site",
        "portvakt/v1/site/",
        "portvakt/v1/site/hub",
        "portvakt/v1/other/gate/events",
        "x/portvakt/v1/site/gate/events",
        "portvakt/v2/site/gate/events",
        "portvakt/v1/site//events",
        "",
    ],
)
def test_a_topic_of_no_gate_of_this_site_has_no_gate(topic: str) -> None:
    assert Topics("site").gate_of(topic) is None


@given(st.text())
def test_p9_any_topic_may_be_asked(topic: str) -> None:
    found = Topics("site").gate_of(topic)
    assert found is None or topic.startswith(f"portvakt/v1/site/{found}/")


# --- the small messages -------------------------------------------------------------------------------

dates = st.none() | st.dates().map(str)
wire_permits = st.builds(
    WirePermit, st.sampled_from(["hms", "site"]), st.text("0123456789ABC", min_size=1, max_size=12),
    st.sampled_from(["granted", "blocked"]), dates, dates, dates, maybe, maybe,
)  # fmt: skip
lists = st.lists(wire_permits, max_size=20)
numbers = st.integers(0, 2**53)
heads = st.builds(PermitsHead, seqs, numbers, st.from_regex(r"\A[0-9a-f]{64}\Z"), numbers, numbers)
messages = st.one_of(
    st.builds(Ack, names, epochs, numbers),
    heads,
    st.builds(PermitsWant, numbers, numbers, numbers),
    st.builds(PermitsChunk, numbers, numbers, seqs, st.binary(), numbers),
)
statuses = st.builds(
    Status, names, texts, st.booleans(), texts, numbers, numbers, texts, numbers, texts, numbers, st.booleans(),
    st.dictionaries(texts, texts, max_size=3), st.dictionaries(texts, texts, max_size=3),
    st.lists(texts, max_size=3).map(tuple), numbers,
)  # fmt: skip


@given(messages)
def test_a_message_comes_back_as_it_went(message: Ack | PermitsHead | PermitsWant | PermitsChunk) -> None:
    assert contract.decode_message(type(message), contract.encode_message(message)) == message


@given(statuses)
def test_a_status_comes_back_as_it_went(status: Status) -> None:
    assert contract.decode_status(contract.encode_status(status)) == status


def test_a_hub_s_status_comes_back_as_it_went() -> None:
    status = HubStatus("site", "i", online=True, host="hub.local")
    assert contract.decode_hub_status(contract.encode_status(status)) == status


def test_a_chunk_of_full_size_fits_its_limit() -> None:
    chunk = PermitsChunk(2**63, 2**32, 2**32, b"x" * contract.CHUNK_DATA_BYTES)
    body = contract.encode_message(chunk)
    assert len(body) <= contract.MAX_CHUNK_BYTES
    assert contract.decode_message(PermitsChunk, body) == chunk


DECODERS: dict[str, Callable[[bytes], object]] = {
    "event": contract.decode_event,
    "batch": contract.split_batch,
    "status": contract.decode_status,
    "hub status": contract.decode_hub_status,
    "ack": lambda payload: contract.decode_message(Ack, payload),
    "head": lambda payload: contract.decode_message(PermitsHead, payload),
    "want": lambda payload: contract.decode_message(PermitsWant, payload),
    "chunk": lambda payload: contract.decode_message(PermitsChunk, payload),
    "snapshot": lambda payload: contract.unpack_permits([payload], 10),
    "snapshot inside": lambda payload: contract.unpack_permits([zlib.compress(payload)], 10),
}
whole_messages = st.one_of(
    messages.map(contract.encode_message), statuses.map(contract.encode_status), st.just(record()), st.just(b"[1]")
)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A message with some bytes cut off, changed or put in."""
    body = bytearray(draw(whole_messages))
    at = draw(st.integers(0, len(body)))
    body[at : at + draw(st.integers(0, 3))] = draw(st.binary(max_size=3))
    return bytes(body)


@pytest.mark.parametrize("name", DECODERS)
@given(payload=st.binary() | damaged())
@example(payload=b"[" * 5_000)
@example(payload=b"\x91" * 5_000)
@example(payload=b'{"id":"\xff"}')
@example(payload=b'{"gate":"\xff"}')
@example(payload=b"\x93\xa1\xff\xa1\xff\x00")
def test_p9_bytes_from_a_stranger_give_a_contract_error_and_nothing_else(name: str, payload: bytes) -> None:
    with suppress(ContractError):
        DECODERS[name](payload)


@pytest.mark.parametrize(
    ("name", "limit"),
    [
        ("event", contract.MAX_EVENT_BYTES),
        ("batch", contract.MAX_BATCH_BYTES),
        ("status", contract.MAX_STATUS_BYTES),
        ("hub status", contract.MAX_STATUS_BYTES),
        ("ack", contract.MAX_CHUNK_BYTES),
        ("chunk", contract.MAX_CHUNK_BYTES),
    ],
)
def test_p11_what_is_too_large_is_refused_unread(name: str, limit: int) -> None:
    with pytest.raises(ContractError, match=str(limit)):
        DECODERS[name](b" " * (limit + 1))


# --- the permit list ----------------------------------------------------------------------------------


@given(st.data(), lists)
def test_the_digest_does_not_mind_the_order(data: st.DataObject, permits: list[WirePermit]) -> None:
    assert contract.digest_of(data.draw(st.permutations(permits))) == contract.digest_of(permits)


@given(lists, lists)
def test_a_digest_changed_permit_by_permit_is_that_of_the_whole(
    before: list[WirePermit], after: list[WirePermit]
) -> None:
    moving = Digest(contract.digest_of(before))
    for permit in before:
        moving.remove(contract.proof_of_permit(permit))
    for permit in after:
        moving.add(contract.proof_of_permit(permit))
    assert moving.hexdigest() == contract.digest_of(after)


@given(st.sets(wire_permits, min_size=1, max_size=5), wire_permits)
def test_a_list_with_one_more_permit_has_another_digest(permits: set[WirePermit], more: WirePermit) -> None:
    assert contract.digest_of([*permits, more]) != contract.digest_of(permits)


def test_the_digest_of_a_permit_is_pinned() -> None:
    """Hub and gates of different versions must find the same."""
    assert contract.digest_of([]) == contract.GENESIS_HASH
    assert contract.digest_of([WirePermit("hms", "01234567", "granted", valid_until="2026-12-31")]) == (
        "c9c73e68411777e46a4c5ecac9b3c4248b4e91ea53ea31be9f0ce4e673c05084"
    )


def unpacked(chunks: Sequence[bytes], count: int) -> tuple[WirePermit, ...]:
    return tuple(contract.decode_permits(contract.unpack_permits(chunks, count)))


@given(lists)
def test_a_snapshot_comes_back_as_it_went(permits: list[WirePermit]) -> None:
    assert unpacked(contract.pack_permits(permits), len(permits)) == tuple(permits)


def many_permits() -> list[WirePermit]:
    """Enough, and random enough, for several chunks."""
    return [
        WirePermit("hms", f"{number:08}", "granted", employer=contract.record_hash(b"%d" % number))
        for number in range(8_000)
    ]


def test_a_large_snapshot_is_cut_into_chunks_of_full_size() -> None:
    permits = many_permits()
    chunks = contract.pack_permits(permits)
    assert len(chunks) > 2
    assert {len(chunk) for chunk in chunks[:-1]} == {contract.CHUNK_DATA_BYTES}
    assert unpacked(chunks, 8_000) == tuple(permits)


def test_p9_a_snapshot_that_is_cut_short_or_mixed_up_is_refused() -> None:
    chunks = contract.pack_permits(many_permits())
    for wrong in (chunks[:-1], [*chunks[:-1], chunks[-1][:-1]], chunks[::-1], [], [b""], chunks[1:]):
        with pytest.raises(ContractError, match="permits"):
            contract.unpack_permits(wrong, 8_000)


def test_p9_more_permits_than_the_head_says_are_refused() -> None:
    with pytest.raises(ContractError, match="there are 8000"):
        contract.unpack_permits(contract.pack_permits(many_permits()), 7_999)


@given(st.integers(0, 3_000))
def test_p11_no_list_has_more_chunks_than_a_receiver_puts_up_with(count: int) -> None:
    """The longest permits there are, of what does not compress."""
    rows = [
        WirePermit("s" * 16, f"{number:040}", contract.record_hash(b"%d" % number) * 6) for number in range(count % 50)
    ]
    assert len(contract.pack_permits(rows)) <= contract.most_chunks(len(rows))


def test_p11_a_snapshot_unpacks_no_further_than_its_signed_count_can_need() -> None:
    bomb = zlib.compress(b"\x00" * 10_000_000)
    assert len(bomb) < 10_000
    with pytest.raises(ContractError, match="larger than 20 permits can be"):
        contract.unpack_permits([bomb], 20)


def test_a_field_that_only_a_newer_hub_knows_leaves_list_and_digest_good() -> None:
    """Append-only: an older gate hashes what came, not what it understood."""
    newer = [
        msgspec.msgpack.encode(["hms", f"{number:08}", "granted", *[None] * 5, [], "zone-2"]) for number in range(3)
    ]
    packed = zlib.compress(msgspec.msgpack.encode([msgspec.Raw(row) for row in newer]))
    rows = contract.unpack_permits([packed], 3)
    assert contract.digest_of_rows(rows) == contract.digest_of_rows(newer)
    assert [permit.number for permit in contract.decode_permits(rows)] == ["00000000", "00000001", "00000002"]


# --- permits from the wire ----------------------------------------------------------------------------


def test_a_permit_becomes_the_gate_s_own() -> None:
    row = WirePermit(
        "hms", "01234567", "granted", "2026-01-01", "2026-12-31", "2027-06-30", "987654321", "pl", ("warden",)
    )
    (permit,) = translate.permits_from_wire([row])
    assert permit.card == CardId("hms", "01234567")
    assert [str(day) for day in (permit.valid_from, permit.valid_until, permit.card_expiry)] == [
        "2026-01-01",
        "2026-12-31",
        "2027-06-30",
    ]
    assert (permit.standing, permit.employer, permit.language) == (Reason.GRANTED, "987654321", "pl")
    assert permit.groups == ("warden",)
    assert translate.permits_from_wire([WirePermit("hms", "1", "granted")]) == (Permit(CardId("hms", "1")),)


@given(st.text())
def test_p5_a_word_that_this_version_does_not_know_grants_nothing(word: str) -> None:
    (permit,) = translate.permits_from_wire([WirePermit("hms", "1", word)])
    assert (permit.standing is Reason.GRANTED) is (word == "granted")


@pytest.mark.parametrize("text", ["", "soon", "2026-13-01", "2026-02-30", "31.12.2026"])
def test_a_date_that_is_none_is_not_taken_for_no_date(text: str) -> None:
    """Absent and undecodable are two values; the second refuses the list."""
    with pytest.raises(ContractError, match="is not a date"):
        translate.permits_from_wire([WirePermit("hms", "1", "granted", valid_until=text)])


def test_a_contract_error_is_no_error_of_the_gate_alone() -> None:
    """The hub raises it as well, so it hangs on the common root."""
    assert issubclass(ContractError, ValueError)
    assert not issubclass(ContractError, GateError)
