"""The hub's database, SQLite and PostgreSQL: durable settings, bounds, refusals in clear words."""

import contextlib
import threading
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, select

from gate.uplink.contract import Ack, Status, WireCard, event_id
from gate.uplink.signing import Signer, Verifier
from hub import queries
from hub.config import PostgresAddress
from hub.errors import StoreError, StoreNewer
from hub.health import follow
from hub.ingest import Ingest
from hub.records import Rejected
from hub.store import HubStore, schema
from hub.store.intake import MAX_QUARANTINED, MAX_QUARANTINED_BYTES
from tests.sim.records import START_MS, RecordBook

KEY = Ed25519PrivateKey.generate()
VERIFIER = Verifier("yard", KEY.public_key())


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "hub.sqlite3"


@pytest.fixture
def ingest(store: HubStore) -> Ingest:
    return Ingest("yard", store, Signer("yard", KEY))


def test_a_commit_to_sqlite_outlives_a_power_cut(file: Path) -> None:
    """P2: WAL with synchronous=FULL, and foreign keys are held."""
    with contextlib.closing(HubStore(file)) as store, store.reading() as connection:
        found = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 10_000}


def test_threads_of_a_hub_that_write_wake_each_other(file: Path) -> None:
    """They never meet in SQLite, which would have each sleep and look again."""
    done: list[str] = []

    def write() -> None:
        with store.taking_in() as connection:
            connection.execute(schema.about.insert(), {"name": "second", "value": ""})
        done.append("second")

    with contextlib.closing(HubStore(file)) as store:
        event.listen(store._backend.writer, "connect", _impatient)
        store._backend.writer.dispose()
        second = threading.Thread(target=write)
        with store.writing() as connection:
            connection.execute(schema.about.insert(), {"name": "first", "value": ""})
            second.start()
            second.join(0.2)
            done.append("first")
        second.join(10.0)
        assert (store.recall("first"), store.recall("second")) == ("", "")
    assert done == ["first", "second"]


def _impatient(connection: Any, record: object) -> None:
    connection.execute("PRAGMA busy_timeout=0")


def test_a_newer_database_is_refused(database: Path | PostgresAddress, store: HubStore) -> None:
    """An older hub never writes into what a newer one has made."""
    with store.writing() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreNewer, match="install the newer hub"):
        HubStore(database)


def test_a_file_that_is_no_database_is_refused(file: Path) -> None:
    """The message names the file."""
    file.write_bytes(b"this is not a database, but it is long enough to look at" * 20)
    with pytest.raises(StoreError, match=r"hub\.sqlite3: file is not a database"):
        HubStore(file)


def test_errors_tell_no_names(store: HubStore) -> None:
    """P12: a failed statement's parameters do not reach the message."""
    with pytest.raises(StoreError) as failed, store.writing() as connection:
        connection.execute(schema.people.insert(), {"id": event_id("a", "b", "c", 1), "first_name": "Torbjørg"})
    assert "Torbjørg" not in str(failed.value)
    assert failed.value.__cause__ is None


def test_a_second_writer_waits(database: Path | PostgresAddress, store: HubStore) -> None:
    """An import by another process makes ingest wait, not fail."""
    started = threading.Event()
    done: list[int] = []

    def write() -> None:
        with contextlib.closing(HubStore(database)) as other:
            started.set()
            with other.intake() as transaction:
                transaction.count({"events": 1})
            done.append(queries.counts(other)["events"])

    thread = threading.Thread(target=write)
    with store.intake() as transaction:
        transaction.count({"events": 1})
        thread.start()
    thread.join(10.0)
    assert done == [2]


def test_the_quarantine_is_bounded(store: HubStore) -> None:
    """P11: a flood of garbage costs a bounded number of rows and bytes, and is counted in full."""
    for number in range(3):
        store.reject([Rejected(f"t{number}", b"x" * 100_000, "why", START_MS)] * (MAX_QUARANTINED // 2 + 1))
    with store.reading() as connection:
        rows = connection.execute(schema.quarantine.select()).all()
    assert len(rows) == MAX_QUARANTINED
    assert {(len(row.payload), row.size) for row in rows} == {(MAX_QUARANTINED_BYTES, 100_000)}
    assert {row.topic for row in rows} == {"t1", "t2"}
    assert queries.counts(store)["rejected"] == 3 * (MAX_QUARANTINED // 2 + 1)


def test_ingest_to_roster(store: HubStore, ingest: Ingest) -> None:
    """The way of an event: from the gate's bytes to the roster, the event list, the counters."""
    north, south = RecordBook(), RecordBook("south")
    north.passage("5310027", "entry")
    north.passage("0310118", "entry", trusted=False)
    south.passage("5310027", "exit", START_MS + 60_000)
    ingest.take([south.message(), north.message()], START_MS)
    (entry,) = queries.roster(store)
    assert (entry.number, entry.name, entry.gate, entry.certainty) == ("0310118", None, "north", "clock_untrusted")
    assert [(event.gate, event.seq) for event in queries.events(store)] == [("south", 1), ("north", 2), ("north", 1)]
    assert [event.gate for event in queries.events(store, gate="south", kind="passage", limit=9)] == ["south"]
    assert queries.events(store, kind="pass") == []
    assert queries.counts(store) == {"events": 3, "inside": 1, "permits": 0, "quarantined": 0}


def test_gates_show_what_is_missing(store: HubStore, ingest: Ingest) -> None:
    """Made at the gate, stored here, missing between; and whether two controllers use one name."""
    north = RecordBook()
    for _ in range(6):
        north.add()
    ingest.take([north.message(1, 2, 5)], START_MS)
    health = None
    for instance in ("one", "two"):
        status = Status("north", instance, online=True, epoch=north.epoch, head_seq=6, list_revision=3)
        health = follow(health, status, START_MS)
    assert health
    store.put_gate_health([health])
    (gate,) = queries.gates(store).gates
    (journal,) = gate.journals
    assert (journal.made, journal.stored, journal.through, journal.missing) == (6, 3, 2, 2)
    assert (gate.online, gate.list_revision, gate.conflicts) == (True, 3, 1)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, deadline=None)
@given(
    st.text(max_size=20), st.binary(max_size=40) | st.text().map(lambda text: f'["{text}"]'.encode("utf-8", "replace"))
)
def test_garbage_reaches_the_quarantine(ingest: Ingest, topic: str, payload: bytes) -> None:
    """P9: the database takes whatever the quarantine is given."""
    assert ingest.take([(topic, payload)], START_MS) == []


HUGE = 1 << 70


@pytest.mark.parametrize(
    "data",
    [
        {"lane": "ma\0in"},
        {"card": WireCard("hms", "53\x0010027")},
        {"direction": "entry\0"},
        {"uid": "a" * 21},
        {"uid": "a\0"},
        {"zone": "\0"},
        {"reason": "\0"},
        {"badge": "\0"},
        {"monotonic_ms": HUGE},
    ],
)
def test_p9_a_record_that_no_database_takes_holds_back_nobody(
    store: HubStore, ingest: Ingest, data: dict[str, Any]
) -> None:
    """It is stored as its bytes; what comes after it is acknowledged."""
    north = RecordBook()
    passage = {"card": WireCard("hms", "5310027"), "direction": "entry", "at_ms": START_MS, **data}
    north.add("passage.completed", **passage)
    north.passage("5310118", "entry")
    (ack,) = ingest.take([north.message()], START_MS)
    assert VERIFIER.open(Ack, ack.payload).through == 2
    assert [event.kind for event in queries.events(store)] == ["passage.completed", "unreadable"]
    with store.reading() as connection:
        assert set(connection.execute(select(schema.events.c.body)).scalars()) == set(north.bodies)


@pytest.mark.parametrize("detail", [{"boot": "boot", "offset_ms": HUGE}, {"boot": "b" * 65, "offset_ms": 1}])
def test_p9_a_correction_that_no_database_takes_is_none(
    store: HubStore, ingest: Ingest, detail: dict[str, str | int | bool]
) -> None:
    north = RecordBook()
    north.passage("5310027", "entry", trusted=False)
    north.add("clock.trusted", detail=detail)
    (ack,) = ingest.take([north.message()], START_MS)
    assert VERIFIER.open(Ack, ack.payload).through == 2
    assert [entry.certainty for entry in queries.roster(store)] == ["clock_untrusted"]


def test_the_later_one_of_two_gates_is_the_same_everywhere(store: HubStore, ingest: Ingest) -> None:
    """Two sightings in one millisecond: by the gate's name, letter by letter, whatever the locale says of `aa`."""
    for name in ("aa", "z"):
        book = RecordBook(name)
        book.passage("5310027", "entry", START_MS)
        ingest.take([book.message()], START_MS)
    assert [entry.gate for entry in queries.roster(store)] == ["z"]


def test_what_is_remembered_stays(database: Path | PostgresAddress) -> None:
    """The hub's instance is drawn once for each database."""
    for fresh in ("first", "second"):
        with contextlib.closing(HubStore(database)) as opened:
            assert opened.remembered("instance", fresh) == "first"
