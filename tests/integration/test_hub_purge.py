"""P12: what is due goes for good, with a signed record; P2 and P3 hold as if it were there."""

import contextlib
import json
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection, func, select

from gate.uplink.contract import GENESIS_HASH
from gate.uplink.signing import Signer
from hub import queries
from hub.cli import main
from hub.config import PostgresAddress
from hub.crew.csv_list import read_list
from hub.crew.importing import Terms, import_list
from hub.housekeeping import PURGE_MS, Housekeeping
from hub.ingest import Ingest
from hub.office import check_in
from hub.presence import CardKey, HandMark
from hub.purging import Purge, shown_records
from hub.records import JournalKey
from hub.retention import DAY_MS, PURGED, Limits, What
from hub.store import HubStore, schema
from hub.store.retention import BATCH, PERSONAL
from hub.tables import proof_text, purges_text
from hub.verify import verify
from tests.sim.records import RecordBook
from tests.unit.test_hub_presence import HOUR_MS, OSLO, RULE, oslo

EXAMPLE = Path("config/crew.example.csv")
START_MS = oslo("2026-05-04T07:00")
LATER_MS = START_MS + 100 * DAY_MS
KEY = Ed25519PrivateKey.generate()
LIMITS = Limits(90, 365, None, OSLO)


@pytest.fixture
def store(database: Path | PostgresAddress) -> Iterator[HubStore]:
    with contextlib.closing(HubStore(database)) as opened:
        import_list(opened, read_list(EXAMPLE.read_bytes()), "crew.csv", Terms("office", START_MS))
        yield opened


@pytest.fixture
def ingest(store: HubStore) -> Ingest:
    return Ingest("yard", store, Signer("yard", KEY), closing=RULE)


@pytest.fixture
def purge(store: HubStore) -> Purge:
    return Purge("yard", store, KEY, LIMITS)


def a_day(at_ms: int = START_MS) -> RecordBook:
    book = RecordBook()
    book.add("badge.granted", at_ms=at_ms, card="5310027", direction="entry", lane="main", badge="b1")
    book.passage("5310027", "entry", at_ms)
    book.add("badge.refused", at_ms=at_ms, card="8675309", direction="entry", lane="main", reason="unknown_card")
    book.add("lane.mode", at_ms=at_ms + HOUR_MS, lane="main", detail={"mode": "locked", "by": "Foreman Quillfeather"})
    book.passage("5310027", "exit", at_ms + 8 * HOUR_MS)
    return book


def found_in(database: Path | PostgresAddress, store: HubStore, *words: str) -> set[str]:
    """Which of these words are still there: in the files of SQLite; in the rows of PostgreSQL, whose files are its own
    business."""
    if isinstance(database, Path):
        held = b"".join(part.read_bytes() for part in database.parent.glob("hub.sqlite3*"))
    else:
        with store.reading() as connection:
            tables = schema.metadata.sorted_tables
            held = repr([connection.execute(table.select()).all() for table in tables]).encode()
    return {word for word in words if word.encode() in held}


def test_every_table_that_tells_of_people_is_dealt_with() -> None:
    """A new table with a card, a holder or a name in it has to be decided about: how long is it kept?"""
    holds = {"scheme", "card", "person", "first_name", "organisation_number", "payload", "body"}
    says = {"who", "by", "said_by", "taken_by", "list_id"}
    found = {name for name, table in schema.metadata.tables.items() if (holds | says) & set(table.columns.keys())}
    assert found <= PERSONAL
    assert set(schema.metadata.tables) >= PERSONAL


def test_passages_go_after_their_days_and_cannot_be_read_again(
    store: HubStore, ingest: Ingest, purge: Purge, database: Path | PostgresAddress
) -> None:
    book = a_day()
    ingest.take([book.message(), ("portvakt/v1/yard/north/events", b"garbage of 8675309")], START_MS + 9 * HOUR_MS)
    assert purge.all(START_MS + 80 * DAY_MS) == {}
    gone = purge.all(LATER_MS)
    assert dict(gone[What.PASSAGES].counts) == {
        "badge.granted": 1,
        "badge.refused": 1,
        "lane.mode": 1,
        "passage.completed": 2,
        "presence": 1,
        "quarantine": 1,
    }
    assert (gone[What.PASSAGES].oldest_ms, gone[What.PASSAGES].newest_ms) == (START_MS, START_MS + 9 * HOUR_MS)
    assert queries.events(store) == []
    assert found_in(database, store, "8675309", "Quillfeather", "Torbjørg") == {"Torbjørg"}
    assert purge.all(LATER_MS) == {}


def test_p2_p3_what_is_sent_again_after_a_purge_is_acknowledged_and_counts_once(
    store: HubStore, ingest: Ingest, purge: Purge
) -> None:
    book = a_day()
    ingest.take([book.message()], START_MS)
    (before,) = store.all_journals()
    purge.all(LATER_MS)
    assert store.all_journals() == [before]
    assert len(ingest.take([book.message()], LATER_MS)) == 1
    assert store.all_journals() == [before]
    assert queries.events(store) == []
    assert queries.roster(store) == []
    assert queries.counts(store)["repeated"] == 5
    # The chain goes on where it was, and an edited record is still told from the one that was here.
    book.passage("5310027", "entry", LATER_MS)
    ingest.take([book.message(6)], LATER_MS)
    assert queries.counts(store).get("chain_breaks", 0) == 0
    forged = RecordBook()
    forged.passage("5310035", "entry", START_MS)
    ingest.take([forged.message()], LATER_MS)
    assert queries.counts(store)["conflicts"] == 1


def test_the_chain_can_still_be_walked(store: HubStore, ingest: Ingest, purge: Purge) -> None:
    book = a_day()
    ingest.take([book.message()], START_MS)
    purge.all(LATER_MS)
    with store.intake() as transaction:
        links = transaction.links(JournalKey("north", book.epoch), range(1, 6))
    proof = verify(store, "yard")
    assert (proof.sound, proof.records, proof.purged) == (True, 5, 5)
    assert "Of 5, whose contents were deleted on time" in proof_text(proof)
    previous = bytes.fromhex(GENESIS_HASH)
    for seq in range(1, 6):
        assert links[seq].previous == previous
        previous = links[seq].hash
    assert previous == store.all_journals()[0].through_hash


def test_who_is_inside_stays_known_and_what_comes_late_is_looked_at_first(
    store: HubStore, ingest: Ingest, purge: Purge
) -> None:
    book = RecordBook()
    book.passage("5310027", "entry", START_MS)
    book.passage("5310118", "exit", START_MS)
    # No hour closes anything here: she is inside until a gate or a person says otherwise.
    ingest.take([book.message()], LATER_MS)
    assert purge.all(LATER_MS + HOUR_MS)[What.PASSAGES].counts == {"presence": 1}
    assert purge.all(LATER_MS + 25 * HOUR_MS)[What.PASSAGES].counts == {"passage.completed": 2}
    assert [entry.number for entry in queries.roster(store)] == ["5310027"]
    assert store.presence_change() > 1


def test_a_time_that_no_clock_could_mean_is_kept_by_its_arrival(store: HubStore, ingest: Ingest, purge: Purge) -> None:
    book = RecordBook()
    book.passage("5310027", "exit", 86_400_000, trusted=False)
    ingest.take([book.message()], LATER_MS)
    purge.all(LATER_MS + 30 * DAY_MS)
    assert len(queries.events(store)) == 1
    purge.all(LATER_MS + 91 * DAY_MS)
    assert queries.events(store) == []


def test_p10_a_correction_after_a_purge_takes_nobody_off(store: HubStore, ingest: Ingest, purge: Purge) -> None:
    """What presence rests on counts although its record is gone."""
    book = RecordBook()
    book.passage("5310027", "entry", START_MS)
    ingest.take([book.message()], START_MS)
    purge.all(LATER_MS)
    slow = RecordBook("south")
    slow.passage("5310027", "exit", START_MS - HOUR_MS, trusted=False)
    offset_ms = 1_780_000_000_000 - HOUR_MS
    slow.add("clock.trusted", at_ms=LATER_MS, detail={"boot": "boot", "offset_ms": offset_ms})
    ingest.take([slow.message(1)], LATER_MS)
    ingest.take([slow.message(2)], LATER_MS)
    assert [entry.number for entry in queries.roster(store)] == ["5310027"]


def test_the_list_goes_six_months_after_the_work_with_everything_that_names_people(
    store: HubStore, ingest: Ingest, database: Path | PostgresAddress
) -> None:
    ingest.take([a_day().message()], START_MS)
    said = HandMark(CardKey("hms", "5310118"), "entry", START_MS, "Office Mandelbrot", "side gate", START_MS)
    check_in(store, said, RULE)
    card = {"scheme": "hms", "number": "5310209"}
    with store.writing() as connection:
        connection.execute(schema.qualifications.insert(), card | {"kind": "hot-work", "confirmed_by": "Mandelbrot"})
        block = {"reason": "lent", "blocked_by": "Mandelbrot", "blocked_ms": START_MS, "all_sites": True}
        connection.execute(schema.blocks.insert(), card | block)
    ended = Purge("yard", store, KEY, LIMITS._replace(work_ended=date(2026, 5, 31)))
    assert What.CREW not in ended.all(oslo("2026-11-30T12:00"))
    gone = ended.all(oslo("2026-12-01T12:00"))[What.CREW]
    assert dict(gone.counts) == {
        "assignments": 7, "audit": 1, "blocks": 1, "cards": 7, "companies": 5, "crew_list_parts": 2, "crew_lists": 1,
        "people": 7, "presence": 1, "qualifications": 1,
    }  # fmt: skip
    with store.reading() as connection:
        tables = [schema.metadata.tables[name] for name in PERSONAL]
        left = [one.name for one in tables if connection.scalar(select(func.count()).select_from(one))]
    assert left == ["events"]
    assert (store.permit_list().permits, store.revision()) == ((), 2)
    assert found_in(database, store, "Torbjørg", "Wrzosek", "Fagspor", "5310209", "Mandelbrot") == set()


def test_musters_have_their_own_days_and_one_that_runs_stays(store: HubStore, ingest: Ingest, purge: Purge) -> None:
    book = RecordBook()
    book.passage("5310027", "entry", START_MS)
    book.add("lane.mode", at_ms=START_MS + HOUR_MS, lane="main", detail={"mode": "evacuated", "by": "x"})
    ingest.take([book.message()], START_MS + HOUR_MS)
    after_ms = START_MS + 400 * DAY_MS
    assert What.MUSTERS not in purge.all(after_ms)
    with store.office() as office:
        (muster,) = office.musters()
        assert len(office.frozen(muster.id)) == 1
        office.close(muster.id, START_MS + 2 * HOUR_MS, "Warden")
    assert dict(purge.all(after_ms)[What.MUSTERS].counts) == {"muster_people": 1, "musters": 1}


def test_a_record_tells_what_went_and_of_nobody(store: HubStore, ingest: Ingest, purge: Purge) -> None:
    ingest.take([a_day().message()], START_MS)
    purge.all(LATER_MS)
    (one,) = shown_records(store, "yard", KEY.public_key())
    assert one.sound
    assert one.record is not None
    assert one.record.rule == "passages are kept 90 days"
    assert sum(one.record.gone.values()) == 6
    assert not shown_records(store, "yard", Ed25519PrivateKey.generate().public_key())[0].sound
    assert not shown_records(store, "quay", KEY.public_key())[0].sound


def removed(connection: Connection) -> None:
    connection.execute(schema.purges.delete().where(schema.purges.c.number == 1))


def rewritten(connection: Connection) -> None:
    table = schema.purges
    said = connection.scalar(select(table.c.record).where(table.c.number == 1))
    changed = bytes(said or b"").replace(b"90 days", b"30 days")
    connection.execute(table.update().where(table.c.number == 1).values(record=changed))


def made_unreadable(connection: Connection) -> None:
    connection.execute(schema.purges.update().where(schema.purges.c.number == 2).values(record=b"\x00"))


def put_elsewhere(connection: Connection) -> None:
    connection.execute(schema.purges.update().where(schema.purges.c.number == 2).values(number=3))


@pytest.mark.parametrize("tampering", [removed, rewritten, made_unreadable, put_elsewhere])
def test_a_record_that_was_changed_or_removed_is_told(
    store: HubStore, ingest: Ingest, purge: Purge, tampering: Callable[[Connection], None]
) -> None:
    ingest.take([a_day().message()], START_MS)
    purge.all(LATER_MS)
    second = RecordBook("south")
    second.passage("5310118", "exit", LATER_MS)
    ingest.take([second.message()], LATER_MS)
    purge.all(LATER_MS + 91 * DAY_MS)
    assert [one.sound for one in shown_records(store, "yard", KEY.public_key())] == [True, True]
    with store.writing() as connection:
        tampering(connection)
    shown = shown_records(store, "yard", KEY.public_key())
    assert not all(one.sound for one in shown)
    assert "NOT SOUND" in purges_text(shown)


def test_what_cannot_be_written_down_is_not_deleted(
    store: HubStore, ingest: Ingest, purge: Purge, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One transaction: a hub that dies between the two has done neither."""

    class PowerCutError(Exception):
        pass

    def dies(*given: object) -> None:
        raise PowerCutError

    ingest.take([a_day().message()], START_MS)
    monkeypatch.setattr(purge, "write_down", dies)
    with pytest.raises(PowerCutError):
        purge.some(LATER_MS)
    assert len(queries.events(store)) == 5


def test_a_long_purge_is_made_of_many_turns(store: HubStore, purge: Purge) -> None:
    """Gates do not wait for it: each turn deletes a bounded number of records."""
    number = BATCH + 10
    with store.writing() as connection:
        row = {"gate": "north", "epoch": "00000000000000aa", "kind": "gate.started", "time_ms": 1, "received_ms": 1}
        row |= {"body": b"0", "hash": bytes(32), "previous": bytes(32)}
        connection.execute(
            schema.events.insert(), [row | {"id": str(UUID(int=seq)), "seq": seq} for seq in range(1, number + 1)]
        )
    assert purge.would_go(LATER_MS)[What.PASSAGES].total == number
    housekeeping = Housekeeping(store, RULE, purge)
    for expected in (BATCH, number, number):
        housekeeping.tick(LATER_MS)
        with store.reading() as connection:
            counted = connection.scalar(select(func.count()).where(schema.events.c.kind == PURGED))
        assert counted == expected
    assert [one.sound for one in shown_records(store, "yard", KEY.public_key())] == [True, True]
    housekeeping.tick(LATER_MS + PURGE_MS)
    assert len(shown_records(store, "yard", KEY.public_key())) == 2


@pytest.fixture
def hub(tmp_path: Path, database: Path | PostgresAddress, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command line on the same database."""
    text = f'site = "yard"\nstate_dir = "{tmp_path / "state"}"\n'
    if isinstance(database, PostgresAddress):
        text += f'database = "{database.url}"\n'
    settings_file = tmp_path / "hub.toml"
    settings_file.write_text(text, encoding="utf-8")
    monkeypatch.setenv("PORTVAKT_HUB_CONFIG", str(settings_file))


def test_on_the_command_line(
    store: HubStore, ingest: Ingest, tmp_path: Path, hub: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["purges"]) == 0
    assert capsys.readouterr().out == "Nothing was ever deleted.\n"
    long_ago = a_day(oslo("2020-01-01T07:00"))
    ingest.take([long_ago.message()], oslo("2020-01-01T18:00"))
    for _ in range(2):
        assert main(["purge", "--dry-run"]) == 0
        out = capsys.readouterr().out
        assert "2 passage.completed" in out
        assert "nothing was deleted" in out
    assert main(["purge", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["gone"]["passages"]["counts"]["passage.completed"] == 2
    assert main(["purges"]) == 0
    assert "signed" in capsys.readouterr().out
    assert main(["purge"]) == 0
    assert capsys.readouterr().out == "Nothing is to be deleted.\n"
    settings = tmp_path / "hub.toml"
    settings.write_text(
        settings.read_text(encoding="utf-8") + '[retention]\nwork_ended = "next summer"\n', encoding="utf-8"
    )
    assert main(["purge"]) == 1
    assert "retention.work_ended: 'next summer' is not a date" in capsys.readouterr().err
