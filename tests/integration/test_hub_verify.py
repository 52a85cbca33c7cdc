"""`hub verify` finds what somebody did to the database, and tells a swapped, a restored and a cloned disk apart."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import delete, update

from gate.uplink.contract import Status, record_hash
from gate.uplink.signing import Signer
from hub import verify as verifying
from hub.cli import main
from hub.config import PostgresAddress
from hub.health import follow
from hub.ingest import Ingest
from hub.records import JournalKey
from hub.store import HubStore, schema
from hub.verify import History, Proof, verify
from tests.sim.records import START_MS, RecordBook

EVENTS, JOURNALS = schema.events, schema.journals


@pytest.fixture
def ingest(store: HubStore) -> Ingest:
    return Ingest("yard", store, Signer("yard", Ed25519PrivateKey.generate()))


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a dozen records are several of them."""
    monkeypatch.setattr(verifying, "PAGE", 4)


def book(gate: str = "north", count: int = 10, epoch: str = "00000000000000aa") -> RecordBook:
    made = RecordBook(gate, epoch=epoch)
    for turn in range(count):
        made.passage(f"53100{turn:02d}", "entry")
    return made


@pytest.fixture
def north(ingest: Ingest) -> RecordBook:
    made = book()
    ingest.take([made.message(), book("south", 3).message()], START_MS)
    return made


def says(store: HubStore, made: RecordBook, *, head: int, unsent: int = 0, head_hash: str = "") -> None:
    status = Status(
        made.gate, made.epoch, online=True, epoch=made.epoch, head_seq=head, unsent=unsent, head_hash=head_hash
    )
    store.put_gate_health([follow(store.gate_health().get(made.gate), status, START_MS)])


def numbers(proof: Proof, gate: str = "north") -> tuple[int, int, int, int, int]:
    found = {one.gate: one for one in proof.gates}[gate]
    return found.made, found.stored, found.waiting, found.lost, found.twice


def first(proof: Proof) -> tuple[str, int, str]:
    assert not proof.sound
    assert proof.first_broken
    return proof.first_broken.gate, proof.first_broken.seq, proof.first_broken.what


def test_what_was_taken_in_is_proven(store: HubStore, north: RecordBook) -> None:
    says(store, north, head=12, unsent=2, head_hash="77" * 32)
    proof = verify(store, "yard")
    assert (proof.sound, proof.records, proof.first_broken) == (True, 13, None)
    assert numbers(proof) == (12, 10, 2, 0, 0)
    assert numbers(proof, "south") == (3, 3, 0, 0, 0)


def test_out_of_order_and_twice_is_once_in_order(store: HubStore, ingest: Ingest) -> None:
    made = book()
    for seqs in ((6, 7), (1, 2, 3), (6, 7, 8), (10,)):
        ingest.take([made.message(*seqs)], START_MS)
    proof = verify(store, "yard")
    assert proof.sound
    assert numbers(proof) == (10, 7, 3, 0, 0)


def changed(**values: object) -> Callable[[HubStore, RecordBook], None]:
    def tamper(store: HubStore, _made: RecordBook) -> None:
        with store.writing() as connection:
            connection.execute(update(EVENTS).where(EVENTS.c.gate == "north", EVENTS.c.seq == 6).values(**values))

    return tamper


def another_body(store: HubStore, made: RecordBook) -> None:
    """With the right hash of the wrong bytes: the record behind it knows better."""
    body = made.bodies[5].replace(b'"entry"', b'"exit"')
    assert body != made.bodies[5]
    changed(body=body, hash=bytes.fromhex(record_hash(body)), direction="exit")(store, made)


def removed(store: HubStore, _made: RecordBook) -> None:
    with store.writing() as connection:
        connection.execute(delete(EVENTS).where(EVENTS.c.gate == "north", EVENTS.c.seq.in_((6, 7))))


def cut_off(store: HubStore, _made: RecordBook) -> None:
    with store.writing() as connection:
        connection.execute(delete(EVENTS).where(EVENTS.c.gate == "north", EVENTS.c.seq >= 9))


def cut_off_and_written_down(store: HubStore, made: RecordBook) -> None:
    """The hub's own note agrees with what is left; only the gate remembers."""
    cut_off(store, made)
    says(store, made, head=10, head_hash=record_hash(made.bodies[9]))
    with store.writing() as connection:
        connection.execute(
            update(JOURNALS)
            .where(JOURNALS.c.gate == "north")
            .values(through=8, highest=8, stored=8, through_hash=bytes.fromhex(record_hash(made.bodies[7])))
        )


def rewritten(store: HubStore, made: RecordBook) -> None:
    """The last record and the note of it made anew, in order; the gate's head is another."""
    says(store, made, head=10, head_hash=record_hash(made.bodies[9]))
    forged = RecordBook()
    forged.bodies, forged._hash = made.bodies[:9], record_hash(made.bodies[8])
    body = forged.passage("9999999", "entry")
    new = {"body": body, "hash": bytes.fromhex(record_hash(body)), "number": "9999999"}
    with store.writing() as connection:
        connection.execute(update(EVENTS).where(EVENTS.c.gate == "north", EVENTS.c.seq == 10).values(**new))
        connection.execute(update(JOURNALS).where(JOURNALS.c.gate == "north").values(through_hash=new["hash"]))


def without_its_note(store: HubStore, _made: RecordBook) -> None:
    with store.writing() as connection:
        connection.execute(delete(JOURNALS).where(JOURNALS.c.gate == "north"))


def counted_less(store: HubStore, _made: RecordBook) -> None:
    with store.writing() as connection:
        connection.execute(update(JOURNALS).where(JOURNALS.c.gate == "north").values(stored=9))


@pytest.mark.parametrize(
    ("tamper", "seq", "what"),
    [
        (changed(body=b"{}"), 6, "its bytes are not those that it came with"),
        (changed(hash=bytes(32)), 6, "its bytes are not those that it came with"),
        (changed(previous=bytes(32)), 6, "it does not follow record 5: it was made behind another one"),
        (changed(number="9999999"), 6, "what is stored beside it is not what it says: number"),
        (
            changed(time_ms=START_MS, kind="badge.refused"),
            6,
            "what is stored beside it is not what it says: kind, time_ms",
        ),
        (another_body, 7, "it does not follow record 6: it was made behind another one"),
        (removed, 6, "records 6 to 7 are not here, and they had been acknowledged"),
        (cut_off, 8, "the hub took in 10 records of this journal; 8 are here"),
        (cut_off_and_written_down, 9, "the gate was told that all up to 10 are committed here; was a backup put back?"),
        (rewritten, 10, "the gate itself says another hash of it"),
        (without_its_note, 1, "the hub's own note about this journal is gone"),
        (counted_less, 10, "the hub took in 9 records of this journal; 10 are here"),
    ],
    ids=lambda value: getattr(value, "__name__", None) if callable(value) else "",
)
def test_whoever_edits_history_is_found_out(
    store: HubStore, north: RecordBook, tamper: Callable[[HubStore, RecordBook], None], seq: int, what: str
) -> None:
    """The gate, the number, and what is wrong with it."""
    tamper(store, north)
    assert first(verify(store, "yard")) == ("north", seq, what)


def test_lost_and_twice_are_counted(store: HubStore, north: RecordBook) -> None:
    removed(store, north)
    assert numbers(verify(store, "yard")) == (10, 8, 0, 2, 0)
    with store.writing() as connection:
        # A database that was put together by hand, without what forbids it.
        columns = ", ".join(column.name for column in EVENTS.columns)
        connection.exec_driver_sql(f"CREATE TABLE copied AS SELECT {columns} FROM events")
        connection.exec_driver_sql("DROP TABLE events")
        connection.exec_driver_sql("ALTER TABLE copied RENAME TO events")
        connection.exec_driver_sql(f"INSERT INTO events SELECT {columns} FROM events WHERE gate = 'north' AND seq = 3")
    # On SQLite and PostgreSQL alike a copy keeps the id, so that only the number of rows tells.
    found = verify(store, "yard")
    assert first(found)[1] == 3
    assert numbers(found) == (10, 8, 0, 2, 1)


def test_what_a_gate_no_longer_had_is_lost_and_said_so(store: HubStore, ingest: Ingest) -> None:
    """The hub had lost its disk, and the gate had pruned what it was asked for."""
    made = book()
    ingest.hear_of(JournalKey("north", made.epoch), 4, 10, START_MS)
    ingest.take([made.message(*range(4, 11))], START_MS)
    proof = verify(store, "yard")
    assert first(proof) == (
        "north",
        1,
        "records 1 to 3 are not here, and the gate had no more of them when it was asked",
    )
    assert numbers(proof) == (10, 7, 0, 3, 0)


# --- disks that are swapped, put back and cloned ---------------------------------------------------------


def branch(made: RecordBook, at: int, count: int) -> RecordBook:
    """The journal up to record `at`, and other records behind it."""
    other = RecordBook(made.gate, epoch=made.epoch)
    other.bodies, other._hash = made.bodies[:at], record_hash(made.bodies[at - 1])
    for turn in range(count):
        other.passage(f"77100{turn:02d}", "exit")
    return other


def history(proof: Proof) -> list[History]:
    return [journal.history for gate in proof.gates for journal in gate.journals if gate.gate == "north"]


def test_a_disk_that_was_replaced_is_another_journal_and_no_fault(
    store: HubStore, ingest: Ingest, north: RecordBook
) -> None:
    new = book(count=2, epoch="00000000000000bb")
    ingest.take([new.message()], START_MS + 1)
    proof = verify(store, "yard")
    assert proof.sound
    (gate, _south) = proof.gates
    assert [(one.epoch, one.stored) for one in gate.journals] == [(north.epoch, 10), (new.epoch, 2)]
    assert gate.by_turns == ()
    north.passage("5310027", "exit")
    ingest.take([north.message(11)], START_MS + 2)
    proof = verify(store, "yard")
    assert proof.sound
    assert proof.gates[0].by_turns == (north.epoch,)


@pytest.mark.parametrize("together", [True, False])
def test_an_older_image_that_was_put_back_is_a_journal_that_went_back(
    store: HubStore, ingest: Ingest, north: RecordBook, together: bool
) -> None:
    """Its old history has ended; the new one overtakes it, and breaks with it."""
    new = branch(north, 6, 8)
    messages = [new.message(7, 8), new.message(9, 10, 11), new.message(12, 13, 14)]
    for bunch in [messages] if together else [[message] for message in messages]:
        ingest.take(bunch, START_MS + 1)
    proof = verify(store, "yard")
    assert history(proof) == [History.WENT_BACK]
    assert first(proof) == ("north", 11, "it does not follow record 10: it was made behind another one")
    (journal,) = proof.gates[0].journals
    assert journal.fork
    assert (journal.fork.seq, journal.fork.tip, journal.fork.records) == (7, 10, 4)


@pytest.mark.parametrize("order", ["old first", "new first", "together"])
def test_a_cloned_disk_is_a_journal_that_forked(store: HubStore, ingest: Ingest, north: RecordBook, order: str) -> None:
    """Both go on: whoever is first at a place, the other one's next record shows it."""
    clone = branch(north, 8, 6)
    for _ in range(3):
        north.passage("5310027", "exit")
    ingest.take([clone.message(9, 10)], START_MS + 1)
    assert history(verify(store, "yard")) == [History.WENT_BACK]
    bunches = [[north.message(11, 12)], [clone.message(11, 12)]]
    if order == "new first":
        bunches.reverse()
    elif order == "together":
        bunches = [bunches[1] + bunches[0]]
    for bunch in bunches:
        ingest.take(bunch, START_MS + 2)
    proof = verify(store, "yard")
    assert not proof.sound
    assert history(proof) == [History.FORKED]


def test_two_clones_that_speak_at_once_are_seen_at_once(store: HubStore, ingest: Ingest, north: RecordBook) -> None:
    clone = branch(north, 10, 1)
    north.passage("5310027", "exit")
    ingest.take([north.message(11), clone.message(11)], START_MS + 1)
    assert history(verify(store, "yard")) == [History.FORKED]


# --- the command ------------------------------------------------------------------------------------------


@pytest.fixture
def settings(tmp_path: Path, database: Path | PostgresAddress) -> str:
    file = tmp_path / "hub.toml"
    text = f'site = "yard"\nstate_dir = "{tmp_path / "state"}"\n'
    if isinstance(database, PostgresAddress):
        text += f'database = "{database.url}"\n'
    file.write_text(text, encoding="utf-8")
    return str(file)


def test_the_command(store: HubStore, settings: str, ingest: Ingest, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 0 as long as all is in order; 1 and the first broken link as soon as it is not."""
    assert main(["verify", "--config", settings]) == 0
    assert capsys.readouterr().out == "No gate has sent anything to this hub yet.\n"
    made = book()
    ingest.take([made.message()], START_MS)
    assert main(["verify", "--config", settings]) == 0
    assert capsys.readouterr().out.endswith("All 10 records are as the gates made them.\n")
    changed(number="9999999")(store, made)
    assert main(["verify", "--config", settings]) == 1
    out = capsys.readouterr().out
    assert "NOT IN ORDER" in out
    assert "The first broken link: gate north, journal 00000000000000aa, record 6: what is stored beside it" in out
    clone = branch(made, 9, 1)
    ingest.take([clone.message(10)], START_MS)
    assert main(["verify", "--config", settings, "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["first_broken"]["seq"] == 6
    assert told["gates"][0]["journals"][0]["history"] == "went_back"
    assert main(["verify", "--config", settings]) == 1
    assert "was an older image put back?" in capsys.readouterr().out
    assert main(["gates", "--config", settings]) == 0
    assert "was a disk put back or cloned? See `hub verify`" in capsys.readouterr().out
