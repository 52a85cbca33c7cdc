"""Every store that ingest may be given keeps the same promises: `hub.ingest.EventStore`."""

import contextlib
from collections.abc import Iterator
from itertools import permutations
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import select

from gate.uplink.signing import Signer
from hub.ingest import EventStore, Ingest
from hub.intake import read_event
from hub.presence import CardKey, Certainty, Sighting
from hub.records import ChainBreak, EventRecord, Journal, JournalKey, Link, Rejected
from hub.store import HubStore, schema
from tests.sim.memory_store import MemoryStore
from tests.sim.records import START_MS, RecordBook

KEY = JournalKey("north", "00000000000000aa")


@pytest.fixture(params=["memory", "sqlite", pytest.param("postgresql", marks=pytest.mark.real)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[EventStore]:
    if request.param == "memory":
        yield MemoryStore()
        return
    where = tmp_path / "hub.sqlite3"
    if request.param == "postgresql":
        where = request.getfixturevalue("postgres").database()
    with contextlib.closing(HubStore(where)) as opened:
        yield opened


def records(count: int) -> list[EventRecord]:
    north = RecordBook()
    return [read_event(north.passage("5310027", "entry"), "yard", "north", START_MS).record for _ in range(count)]


def test_an_empty_store_knows_nothing(store: EventStore) -> None:
    """Asking for what is not there gives nothing, and adding nothing is allowed."""
    with store.intake() as transaction:
        assert transaction.journals([KEY]) == {}
        assert transaction.links(KEY, [1, 2, 9]) == {}
        transaction.put_journals([])
        transaction.count({})
    assert list(store.all_journals()) == []


def test_a_whole_transaction_is_kept(store: EventStore) -> None:
    """What one transaction has added, the next one reads."""
    added = records(5)
    journal = Journal(KEY, 5, added[-1].hash, 5, 5, START_MS)
    with store.intake() as transaction:
        transaction.add_events(added)
        transaction.put_journals([journal])
    with store.intake() as transaction:
        assert transaction.journals([KEY, JournalKey("south", KEY.epoch)]) == {KEY: journal}
        assert transaction.links(KEY, [1, 2, 5, 9]) == {
            seq: Link(added[seq - 1].hash, added[seq - 1].previous) for seq in (1, 2, 5)
        }
        assert sorted(transaction.links(KEY, range(4, 1000))) == [4, 5]
        assert transaction.links(JournalKey("south", KEY.epoch), [1]) == {}


def test_a_broken_transaction_leaves_nothing(store: EventStore) -> None:
    """When the block raises, none of it is kept."""

    def break_off() -> None:
        with store.intake() as transaction:
            transaction.add_events(records(2))
            transaction.put_journals([Journal(KEY)])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        break_off()
    with store.intake() as transaction:
        assert transaction.links(KEY, [1, 2]) == {}
        assert transaction.journals([KEY]) == {}


def test_journals_come_in_the_order_of_their_first_sight(store: EventStore) -> None:
    """So that the newest journal's ack is retained last."""
    with store.intake() as transaction:
        transaction.put_journals(
            [
                Journal(JournalKey("north", "00000000000000bb"), first_seen_ms=1),
                Journal(KEY, first_seen_ms=2),
            ]
        )
    assert [journal.first_seen_ms for journal in store.all_journals()] == [1, 2]
    with store.intake() as transaction:
        transaction.put_journals([Journal(KEY, through=7, highest=7, stored=7, first_seen_ms=2)])
    assert [journal.through for journal in store.all_journals()] == [0, 7]


def test_the_rest_may_be_said_twice(store: EventStore) -> None:
    """Sightings, breaks, counters and rejections may come again, or in the wrong order."""
    card = CardKey("hms", "5310027")
    late = Sighting(2000, "north", KEY.epoch, 2, card, "exit")
    early = Sighting(1000, "south", KEY.epoch, 1, card, "entry")
    broken = ChainBreak(KEY, 3, bytes(32), bytes(32), START_MS)
    for sighting in (late, early, late):
        with store.intake() as transaction:
            transaction.see([sighting])
            transaction.break_chain([broken])
            transaction.count({"events": 2})
            transaction.reject([Rejected("t", b"\xff", "why", START_MS)])


def test_hostile_text_is_kept(store: EventStore) -> None:
    """A topic or a reason may hold what no database text may."""
    with store.intake() as transaction:
        transaction.reject([Rejected("t\0\ud800", b"", "w\0\ud800" * 1000, START_MS)])


# --- times that were put right (P10) ---------------------------------------------------------------------

HOUR_MS = 3_600_000
CARD = CardKey("hms", "5310027")


def gates_with_a_slow_clock() -> list[tuple[str, bytes]]:
    """An entry by a clock two hours slow, another gate's exit in between by the right time, and the correction."""
    north, south = RecordBook(), RecordBook("south")
    north.passage("5310027", "entry", START_MS, trusted=False)
    south.passage("5310027", "exit", START_MS + HOUR_MS)
    north.add("clock.trusted", at_ms=START_MS + HOUR_MS, detail={"boot": "boot", "offset_ms": START_MS + 2 * HOUR_MS})
    return [north.message(1), south.message(1), north.message(2)]


def presence_of(store: EventStore) -> Sighting | None:
    if isinstance(store, MemoryStore):
        return store.contents.presence.get(CARD)
    assert isinstance(store, HubStore)
    with store.reading() as connection:
        row = connection.execute(select(schema.presence)).first()
    if row is None:
        return None
    place = (row.time_ms, row.gate, row.epoch, row.seq)
    return Sighting(*place, CARD, row.direction, row.lane, Certainty(row.certainty))


@pytest.mark.parametrize("order", list(permutations(range(3))))
@pytest.mark.parametrize("together", [True, False])
def test_p10_a_corrected_entry_counts_at_its_right_time(
    store: EventStore, order: tuple[int, ...], together: bool
) -> None:
    """Whatever comes first, the worker is inside: he went in an hour after he had left."""
    ingest = Ingest("yard", store, Signer("yard", Ed25519PrivateKey.generate()))
    messages = [gates_with_a_slow_clock()[place] for place in order]
    for bunch in [messages] if together else [[message] for message in messages]:
        ingest.take(bunch, START_MS)
    seen = presence_of(store)
    assert seen is not None
    assert (seen.direction, seen.gate, seen.time_ms) == ("entry", "north", START_MS + 2 * HOUR_MS)
    assert seen.certainty is Certainty.CLOCK_CORRECTED


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_p10_a_clock_that_was_fast_hides_nobody(store: EventStore, order: tuple[int, ...]) -> None:
    """An exit by a clock nine hours fast, an entry elsewhere after it by the right time: he is inside."""
    north, south = RecordBook(), RecordBook("south")
    north.passage("5310027", "exit", START_MS + 10 * HOUR_MS, trusted=False)
    south.passage("5310027", "entry", START_MS + 2 * HOUR_MS)
    north.add("clock.trusted", at_ms=START_MS + HOUR_MS, detail={"boot": "boot", "offset_ms": START_MS - 9 * HOUR_MS})
    messages = [north.message(1), south.message(1), north.message(2)]
    ingest = Ingest("yard", store, Signer("yard", Ed25519PrivateKey.generate()))
    for place in order:
        ingest.take([messages[place]], START_MS)
    seen = presence_of(store)
    assert seen is not None
    assert (seen.direction, seen.gate, seen.certainty) == ("entry", "south", Certainty.CERTAIN)


def test_p10_a_correction_is_for_its_own_boot(store: EventStore) -> None:
    north = RecordBook()
    north.passage("5310027", "entry", START_MS, trusted=False)
    north.add("clock.trusted", detail={"boot": "another", "offset_ms": START_MS + 2 * HOUR_MS})
    ingest = Ingest("yard", store, Signer("yard", Ed25519PrivateKey.generate()))
    ingest.take([north.message()], START_MS)
    seen = presence_of(store)
    assert seen is not None
    assert (seen.time_ms, seen.certainty) == (START_MS, Certainty.CLOCK_UNTRUSTED)


@pytest.mark.parametrize(
    "detail", [{}, {"boot": 7, "offset_ms": 1}, {"boot": "boot"}, {"boot": "boot", "offset_ms": True}]
)
def test_p9_a_correction_that_says_nothing_usable_changes_nothing(
    store: EventStore, detail: dict[str, str | int | bool]
) -> None:
    north = RecordBook()
    north.passage("5310027", "entry", START_MS, trusted=False)
    north.add("clock.trusted", detail=detail)
    Ingest("yard", store, Signer("yard", Ed25519PrivateKey.generate())).take([north.message()], START_MS)
    seen = presence_of(store)
    assert seen is not None
    assert seen.certainty is Certainty.CLOCK_UNTRUSTED
