"""Ingest: nothing lost, nothing twice, nothing acknowledged before its commit."""

import json
from collections.abc import Sequence
from random import Random

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from gate.uplink import contract
from gate.uplink.contract import Ack, Publish
from gate.uplink.signing import Sealable, Signer, Verifier
from hub.errors import StoreError
from hub.ingest import Ingest
from hub.presence import CardKey, inside
from hub.records import JournalKey
from tests.sim.memory_store import MemoryStore
from tests.sim.records import START_MS, RecordBook

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
VERIFIER = Verifier("yard", KEY.public_key())


class Desk:
    """An ingest with its store, and acks opened as a gate would."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.ingest = Ingest("yard", self.store, Signer("yard", KEY))

    def take(self, *messages: tuple[str, bytes]) -> list[tuple[str, str, int]]:
        return opened(self.ingest.take(messages, START_MS))

    @property
    def counters(self) -> dict[str, int]:
        return dict(self.store.contents.counters)


def opened(acks: Sequence[Publish]) -> list[tuple[str, str, int]]:
    """Gate, epoch and number of each ack, whose signature, topic and retained flag are checked."""
    found = []
    for message in acks:
        ack = VERIFIER.open(Ack, message.payload)
        assert message.topic == f"portvakt/v1/yard/{ack.gate}/ack"
        assert message.retain
        found.append((ack.gate, ack.epoch, ack.through))
    return found


def book(records: int = 0, gate: str = "north", epoch: str = "00000000000000aa") -> RecordBook:
    made = RecordBook(gate, epoch=epoch)
    for _ in range(records):
        made.add()
    return made


def test_all_is_acknowledged_once_for_each_journal() -> None:
    """However many messages wait, each journal gets one ack, for the end of what is whole."""
    desk, north, south = Desk(), book(5), book(2, "south")
    acks = desk.take(north.message(1, 2), south.message(), north.message(3, 4, 5))
    assert acks == [("north", north.epoch, 5), ("south", south.epoch, 2)]
    stored = desk.store.contents.events[JournalKey("north", north.epoch)]
    assert [stored[seq].body for seq in sorted(stored)] == north.bodies
    assert desk.counters == {"events": 7}


def test_no_ack_without_a_commit() -> None:
    """P2: when the commit fails nothing is acknowledged and nothing is kept; the repetition is taken."""
    desk, north = Desk(), book(3)
    desk.store.fail_commits = 1
    with pytest.raises(StoreError):
        desk.take(north.message())
    assert desk.store.contents.events == {}
    assert desk.take(north.message()) == [("north", north.epoch, 3)]


def test_an_ack_is_signed_only_after_the_commit() -> None:
    """P2: the signer is not even asked before the transaction has ended."""
    desk, north = Desk(), book(1)
    order: list[str] = []

    class Watched(Signer):
        def seal(self, message: Sealable) -> bytes:
            order.append(f"sealed with {len(desk.store.contents.events)} journals stored")
            return super().seal(message)

    Ingest("yard", desk.store, Watched("yard", KEY)).take([north.message()], START_MS)
    assert order == ["sealed with 1 journals stored"]


def test_pure_repetition_is_acknowledged_again() -> None:
    """P3: what comes twice is stored once, counted, and acknowledged, since the gate missed the first ack."""
    desk, north = Desk(), book(3)
    desk.take(north.message())
    assert desk.take(north.message(2, 3), north.message(2)) == [("north", north.epoch, 3)]
    assert desk.counters == {"events": 3, "repeated": 3}


def test_a_gap_holds_the_ack_back_until_it_is_filled() -> None:
    """The number acknowledged is the end of what is whole, though more is stored beyond it."""
    desk, north = Desk(), book(6)
    assert desk.take(north.message(1)) == [("north", north.epoch, 1)]
    assert desk.take(north.message(5, 6)) == [("north", north.epoch, 1)]
    assert desk.take(north.message(3)) == [("north", north.epoch, 1)]
    assert desk.take(north.message(2)) == [("north", north.epoch, 3)]
    assert desk.take(north.message(4)) == [("north", north.epoch, 6)]
    journal = desk.store.contents.journals[JournalKey("north", north.epoch)]
    assert (journal.highest, journal.stored, journal.through_hash.hex()) == (
        6, 6, contract.record_hash(north.bodies[5]),
    )  # fmt: skip


@given(st.integers(1, 30), st.randoms(use_true_random=False))
def test_any_order_and_any_batches_end_the_same(count: int, random: Random) -> None:
    """Records in any order, cut anywhere, some twice: the end is the same, and never acknowledged too far."""
    desk, north = Desk(), book(count)
    order = [*range(1, count + 1), *random.choices(range(1, count + 1), k=5)]
    random.shuffle(order)
    sent: set[int] = set()
    while order:
        cut = random.randint(1, 6)
        bunch, order = order[:cut], order[cut:]
        sent |= set(bunch)
        whole = next(seq for seq in range(count + 1) if seq + 1 not in sent)
        assert desk.take(north.message(*bunch)) == [("north", north.epoch, whole)]
    assert desk.counters["events"] == count
    assert desk.counters["repeated"] == 5
    assert "chain_breaks" not in desk.counters


def test_a_forged_chain_is_told_and_does_not_hold_the_gate_up() -> None:
    """A record that does not follow the one before it is kept, acknowledged and reported, once."""
    desk, north, other = Desk(), book(2), RecordBook()
    other.add("alarm.raised")
    other.add()
    other.add()
    desk.take(north.message())
    assert desk.take(other.message(3)) == [("north", north.epoch, 3)]
    desk.take(other.message(3))
    assert [seq for _, seq in desk.store.contents.breaks] == [3]
    assert desk.counters == {"events": 3, "chain_breaks": 1, "repeated": 1}


def test_another_record_in_the_same_place_is_kept_aside() -> None:
    """The first record stays; a copy of the disk that lived on is seen, in one batch or in two."""
    desk, north, copy = Desk(), book(2), RecordBook()
    copy.add()
    copy.add("alarm.raised")
    assert desk.take(north.message()) == [("north", north.epoch, 2)]
    assert desk.take(copy.message()) == [("north", north.epoch, 2)]
    assert desk.counters == {"events": 2, "repeated": 1, "conflicts": 1, "rejected": 1}
    assert desk.store.contents.rejected[0].payload == copy.bodies[1]
    fresh = Desk()
    assert fresh.take(north.message(), copy.message(2)) == [("north", north.epoch, 2)]
    assert fresh.counters == {"events": 2, "conflicts": 1, "rejected": 1}


def test_only_a_completed_passage_changes_presence() -> None:
    """A badge that was granted, or a grant that nobody walked through, moves nobody."""
    desk, north = Desk(), RecordBook()
    north.add("badge.granted", card="5310027", direction="entry", badge="b1")
    north.add("passage.abandoned", card="5310027", direction="entry", badge="b1")
    north.add("passage.forced", direction="entry")
    desk.take(north.message())
    assert desk.store.contents.presence == {}
    north.passage("5310027", "entry", trusted=False)
    desk.take(north.message())
    (sighting,) = inside(desk.store.contents.presence)
    assert (sighting.card, sighting.gate, sighting.certainty) == (CardKey("hms", "5310027"), "north", "clock_untrusted")


def test_a_late_backlog_does_not_bring_anybody_back() -> None:
    """A gate that was cut off for hours reports an entry; the exit at another gate since then stands."""
    desk, north, south = Desk(), RecordBook(), RecordBook("south")
    north.passage("5310027", "entry", START_MS)
    south.passage("5310027", "exit", START_MS + 3_600_000)
    desk.take(south.message())
    desk.take(north.message())
    assert inside(desk.store.contents.presence) == []


def test_an_event_on_another_gates_topic_is_refused() -> None:
    """A gate may speak for itself only, and only for this site."""
    desk, north = Desk(), book(1)
    foreign = RecordBook(site="elsewhere")
    foreign.add()
    topic = contract.Topics("yard").events("south")
    assert desk.take((topic, north.message()[1]), (topic, foreign.message()[1])) == []
    assert desk.counters == {"rejected": 2}


def test_one_bad_record_does_not_hold_the_others_up() -> None:
    """P9: a record that is in its place but not understood is stored with its bytes, told, and acknowledged."""
    desk, north = Desk(), book(1)
    broken = json.loads(north.bodies[0]) | {
        "id": contract.event_id("yard", "north", north.epoch, 2),
        "seq": 2,
        "prevhash": contract.record_hash(north.bodies[0]),
        "data": {"clock": "cuckoo"},
    }
    north.append(json.dumps(broken).encode())
    north.add()
    assert desk.take(north.message()) == [("north", north.epoch, 3)]
    stored = desk.store.contents.events[JournalKey("north", north.epoch)][2]
    assert (stored.kind, stored.body) == ("unreadable", north.bodies[1])
    assert desk.counters == {"events": 3, "rejected": 1}
    desk.take(north.message())
    assert desk.counters["rejected"] == 1


def test_a_time_without_a_zone_is_no_time() -> None:
    """Such an event is kept and told, but moves nobody."""
    desk, north = Desk(), RecordBook()
    body = json.loads(north.passage("5310027", "entry"))
    spoilt = json.dumps(body | {"time": "2026-05-31T07:00:00"}).encode()
    assert desk.take((north.message()[0], b"[" + spoilt + b"]")) == [("north", north.epoch, 1)]
    assert desk.store.contents.presence == {}
    assert "RFC 3339" in desk.store.contents.rejected[0].why


def test_a_bad_batch_leaves_the_good_one_alone() -> None:
    """P9: each message stands for itself."""
    desk, north = Desk(), book(2)
    topic = north.message()[0]
    assert desk.take((topic, b"[{]"), (topic, b"[]"), north.message(), ("portvakt/v1/yard/hub", b"?")) == [
        ("north", north.epoch, 2)
    ]
    assert desk.counters == {"events": 2, "rejected": 3}


mutations = st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=4)


@given(mutations)
def test_damaged_batches_never_raise(changes: list[tuple[int, int]]) -> None:
    """P9: whatever bytes of a batch have changed, ingest goes on."""
    desk, north = Desk(), book(3)
    topic, payload = north.message()
    spoilt = bytearray(payload)
    for place, value in changes:
        spoilt[place % len(spoilt)] = value
    desk.take((topic, bytes(spoilt)))
    assert desk.take((topic, payload))[0][2] >= 0


@given(
    st.sampled_from(["portvakt/v1/yard/north/events", "portvakt/v1/yard/ÆØÅ /events", "portvakt/v1/yard/hub", "", "/"])
    | st.text(max_size=30),
    st.binary(max_size=60)
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["id", "seq", "epoch", "data", "time"]), inner, max_size=3)
        ),
    ).map(lambda value: json.dumps([value]).encode()),
)
def test_garbage_is_kept_aside(topic: str, payload: bytes) -> None:
    """P9: whatever comes on whatever topic, it ends in the quarantine, and is counted."""
    desk = Desk()
    assert desk.take((topic, payload)) == []
    assert desk.counters["rejected"] >= 1


def test_acks_of_all_journals_newest_last() -> None:
    """A broker that forgot everything gets every ack again; of one gate the newest journal's stays retained."""
    desk, old, new = Desk(), book(2), book(1, epoch="00000000000000bb")
    desk.ingest.take([old.message()], START_MS)
    desk.ingest.take([new.message()], START_MS + 1)
    assert opened(desk.ingest.acks()) == [("north", old.epoch, 2), ("north", new.epoch, 1)]


# --- what a gate tells of its journal --------------------------------------------------------------------


def test_p2_a_journal_that_is_not_here_is_asked_for() -> None:
    """A hub that lost its disk learns from a gate's status that there is more than it has."""
    desk, north = Desk(), book(5)
    key = JournalKey("north", north.epoch)
    assert opened(desk.ingest.hear_of(key, 1, 5, START_MS)) == [("north", north.epoch, 0)]
    assert desk.take(north.message()) == [("north", north.epoch, 5)]
    assert desk.ingest.hear_of(key, 1, 5, START_MS) == []


def test_an_empty_journal_is_not_asked_for() -> None:
    assert Desk().ingest.hear_of(JournalKey("north", "00000000000000aa"), 0, 0, START_MS) == []


def test_p2_records_that_the_gate_has_no_more_are_not_waited_for() -> None:
    """What the gate has pruned is gone; the hub says so once, keeps the break on record, and goes on."""
    desk, north = Desk(), book(9)
    key = JournalKey("north", north.epoch)
    assert desk.take(north.message(7, 8, 9)) == [("north", north.epoch, 0)]
    assert opened(desk.ingest.hear_of(key, 6, 9, START_MS)) == [("north", north.epoch, 5)]
    assert desk.take(north.message(6)) == [("north", north.epoch, 9)]
    assert desk.counters["chain_breaks"] >= 1
    assert desk.ingest.hear_of(key, 6, 9, START_MS) == []
