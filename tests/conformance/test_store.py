"""Every store that ingest may be given keeps the same promises: `hub.ingest.EventStore`."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.ingest import EventStore
from hub.intake import read_event
from hub.presence import CardKey, Sighting
from hub.records import ChainBreak, EventRecord, Journal, JournalKey, Link, Rejected
from hub.store import HubStore
from tests.sim.memory_store import MemoryStore
from tests.sim.records import START_MS, RecordBook

KEY = JournalKey("north", "00000000000000aa")


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[EventStore]:
    if request.param == "memory":
        yield MemoryStore()
        return
    with contextlib.closing(HubStore(tmp_path / "hub.sqlite3")) as opened:
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
