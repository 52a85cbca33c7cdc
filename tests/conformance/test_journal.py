"""What every Journal and Outbox must keep: the one on SQLite, and the one in memory that tests use.

P2 nothing is lost, P3 nothing counts twice, P4 the disk has a deadline, P11 the memory before it a bound.
"""

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import pytest
import sqlalchemy
from pytest_mock import MockerFixture
from sqlalchemy.exc import OperationalError

from gate.cache.journal import SqliteJournal, read_bodies
from gate.errors import StoreCorrupt, StoreError, StoreFull, StoreNewer
from gate.model import CardHistory, CardId, Direction, Event, EventKind, LastChip, LastPassage, Moment
from gate.ports import Journal, Outbox
from gate.uplink import contract, translate
from gate.zones import OUTSIDE, SITE
from tests.sim.ports import MemoryDisk, MemoryJournal
from tests.waiting import wait_for

NOW_MS = 1_781_500_000_000
DAY_MS = 86_400_000
PATIENT_MS = 20_000
"""A deadline that a disk which answers never reaches."""
HURRIED_MS = 1
MAX_WAITING = 20
INGRID, OLA = CardId("hms", "01234560"), CardId("hms", "01234561")


def encode(event: Event, *, epoch: str, seq: int, prevhash: str) -> bytes:
    return translate.outgoing_record(event, site="site", gate="gate", epoch=epoch, seq=seq, prevhash=prevhash)


def event(text: str = "", *, wall_ms: int = NOW_MS) -> Event:
    return Event(EventKind.BADGE_REFUSED, Moment("boot-1", 1_000, wall_ms, trusted=True), detail={"text": text})


def passage(card: CardId, direction: Direction, wall_ms: int = NOW_MS) -> Event:
    zone = SITE if direction is Direction.ENTRY else OUTSIDE
    return replace(event(wall_ms=wall_ms), kind=EventKind.PASSAGE_COMPLETED, card=card, direction=direction, zone=zone)


def badge(card: CardId, uid: bytes, wall_ms: int = NOW_MS) -> Event:
    return replace(event(wall_ms=wall_ms), kind=EventKind.BADGE_GRANTED, card=card, direction=Direction.ENTRY, uid=uid)


class Whole(Journal, Outbox, Protocol):
    """A journal with all its sides."""

    on_commit: Callable[[int], None]

    def prune(self, now_ms: int, keep_days: int) -> int: ...

    def close(self) -> None: ...


class Desk(Protocol):
    """One journal file, and the disk it lies on."""

    def open(self) -> Whole: ...

    def stall(self) -> None:
        """From now on the disk does not answer."""

    def heal(self, journal: Whole) -> None:
        """It answers again, and what waits is written."""

    def close(self) -> None: ...


class SqliteDesk:
    """Commits of this one file hang, or fail, while the test says so."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "journal.db"
        self.failing = False
        self.failed = 0
        self._answers = threading.Event()
        self._answers.set()
        self._opened: list[SqliteJournal] = []
        sqlalchemy.event.listen(sqlalchemy.Engine, "commit", self._on_commit)

    def open(self, max_waiting: int = MAX_WAITING) -> SqliteJournal:
        journal = SqliteJournal(self.path, encode, contract.record_hash, max_waiting=max_waiting)
        self._opened.append(journal)
        return journal

    def stall(self) -> None:
        self._answers.clear()

    def answer(self) -> None:
        self.failing = False
        self._answers.set()

    def heal(self, journal: Whole) -> None:
        self.answer()
        journal.append([event("after")], PATIENT_MS)

    def close(self) -> None:
        self.answer()
        for journal in self._opened:
            journal.close()
        sqlalchemy.event.remove(sqlalchemy.Engine, "commit", self._on_commit)

    def _on_commit(self, connection: sqlalchemy.Connection) -> None:
        if connection.engine.url.database != str(self.path):
            return
        self._answers.wait(PATIENT_MS / 1000)
        if self.failing:
            self.failed += 1
            raise OperationalError("COMMIT", {}, sqlite3.OperationalError("disk I/O error"))


class MemoryDesk:
    def __init__(self) -> None:
        self.disk = MemoryDisk("0123456789abcdef")

    def open(self) -> MemoryJournal:
        return MemoryJournal(self.disk, encode, contract.record_hash, max_waiting=MAX_WAITING)

    def stall(self) -> None:
        self.disk.answers = False

    def heal(self, journal: Whole) -> None:
        self.disk.answers = True
        journal.append([event("after")], PATIENT_MS)

    def close(self) -> None:
        """Nothing is held."""


@pytest.fixture(params=["sqlite", "memory"])
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    desk: Desk = SqliteDesk(tmp_path) if request.param == "sqlite" else MemoryDesk()
    yield desk
    desk.close()


@pytest.fixture
def sqlite(tmp_path: Path, mocker: MockerFixture) -> Iterator[SqliteDesk]:
    mocker.patch("gate.cache.journal.RETRY_S", 0.01)
    desk = SqliteDesk(tmp_path)
    yield desk
    desk.close()


def texts(journal: Outbox) -> list[str]:
    return [str(contract.decode_event(record.body).data.detail["text"]) for record in journal.read(0, 1_000)]


def chain_is_whole(journal: Outbox) -> bool:
    """From the first record to the head, in numbers and in hashes."""
    before = contract.GENESIS_HASH
    for seq, record in enumerate(journal.read(0, 1_000), start=1):
        told = contract.decode_event(record.body)
        if (record.seq, told.seq, told.prevhash, told.epoch) != (seq, seq, before, journal.head().epoch):
            return False
        before = contract.record_hash(record.body)
    return journal.head().hash == before


# --- appending ----------------------------------------------------------------------------------------


def test_a_new_journal_is_empty(desk: Desk) -> None:
    journal = desk.open()
    assert (journal.head().seq, journal.head().hash, journal.settled()) == (0, contract.GENESIS_HASH, 0)
    assert list(journal.read(0, 10)) == []


def test_p4_what_append_answered_true_for_is_on_the_disk(desk: Desk) -> None:
    journal = desk.open()
    assert journal.append([event("a"), event("b")], PATIENT_MS) is True
    assert journal.append([event("c")], PATIENT_MS) is True
    assert journal.head().seq == 3
    assert texts(journal) == ["a", "b", "c"]
    assert chain_is_whole(journal)


def test_the_outbox_reads_after_a_number_and_up_to_a_limit(desk: Desk) -> None:
    journal = desk.open()
    journal.append([event(str(number)) for number in range(1, 11)], PATIENT_MS)
    assert [record.seq for record in journal.read(3, 4)] == [4, 5, 6, 7]
    assert [record.seq for record in journal.read(9, 4)] == [10]
    assert list(journal.read(10, 4)) == []


def test_whoever_asked_is_told_of_each_commit(desk: Desk) -> None:
    journal = desk.open()
    told: list[int] = []
    journal.on_commit = told.append
    journal.append([event(), event()], PATIENT_MS)
    journal.append([event()], PATIENT_MS)
    wait_for("both commits to be told", lambda: told == [2, 3])


def test_p2_p3_the_chain_and_its_epoch_go_on_after_reopening(desk: Desk) -> None:
    journal = desk.open()
    journal.append([event("a")], PATIENT_MS)
    head = journal.head()
    journal.close()
    again = desk.open()
    assert again.head() == head
    again.append([event("b")], PATIENT_MS)
    assert (again.head().epoch, again.head().seq) == (head.epoch, 2)
    assert chain_is_whole(again)


def test_a_closed_journal_takes_nothing_and_closes_twice(desk: Desk) -> None:
    journal = desk.open()
    journal.close()
    journal.close()
    with pytest.raises(StoreFull):
        journal.append([event()], PATIENT_MS)


# --- a disk that does not answer ----------------------------------------------------------------------


def test_p4_a_late_disk_is_not_waited_for_and_loses_nothing(desk: Desk) -> None:
    journal = desk.open()
    journal.append([event("before")], PATIENT_MS)
    desk.stall()
    assert journal.append([event("late 1")], HURRIED_MS) is False
    assert journal.append([event("late 2")], HURRIED_MS) is False
    assert (journal.head().seq, texts(journal)) == (1, ["before"])
    desk.heal(journal)
    assert texts(journal) == ["before", "late 1", "late 2", "after"]
    assert chain_is_whole(journal)


def test_p11_the_memory_before_the_disk_is_bounded_and_a_refused_append_keeps_nothing(desk: Desk) -> None:
    journal = desk.open()
    desk.stall()
    for number in range(MAX_WAITING - 1):
        journal.append([event(str(number))], HURRIED_MS)
    with pytest.raises(StoreFull, match="wait in memory"):
        journal.append([event("too"), event("many")], HURRIED_MS)
    assert journal.append([event("just right")], HURRIED_MS) is False
    with pytest.raises(StoreFull):
        journal.append([event("one more")], HURRIED_MS)


def test_the_last_passage_counts_before_it_is_written(desk: Desk) -> None:
    journal = desk.open()
    journal.append([passage(INGRID, Direction.ENTRY), passage(OLA, Direction.ENTRY)], PATIENT_MS)
    desk.stall()
    journal.append([passage(INGRID, Direction.EXIT, NOW_MS + 1)], HURRIED_MS)
    assert journal.history(INGRID).last_passage == LastPassage(OUTSIDE, NOW_MS + 1)
    assert journal.history(OLA).last_passage == LastPassage(SITE, NOW_MS)


def test_the_last_passage_is_the_last_completed_one_also_after_reopening(desk: Desk) -> None:
    journal = desk.open()
    assert journal.history(INGRID).last_passage is None
    journal.append([passage(INGRID, Direction.ENTRY), passage(INGRID, Direction.EXIT, NOW_MS + 1)], PATIENT_MS)
    abandoned = replace(passage(INGRID, Direction.ENTRY, NOW_MS + 2), kind=EventKind.PASSAGE_ABANDONED)
    journal.append([abandoned, event()], PATIENT_MS)
    journal.close()
    assert desk.open().history(INGRID).last_passage == LastPassage(OUTSIDE, NOW_MS + 1)


# --- settling and pruning -----------------------------------------------------------------------------


def test_settled_never_moves_back_nor_past_the_head(desk: Desk) -> None:
    journal = desk.open()
    journal.append([event(), event(), event()], PATIENT_MS)
    for through, settled in [(2, 2), (1, 2), (99, 3)]:
        journal.settle(through)
        assert journal.settled() == settled


def test_settled_is_kept_with_the_next_commit(desk: Desk) -> None:
    journal = desk.open()
    journal.append([event(), event()], PATIENT_MS)
    journal.settle(1)
    journal.append([event()], PATIENT_MS)
    journal.close()
    assert desk.open().settled() == 1


def test_settled_is_kept_by_closing(desk: Desk) -> None:
    journal = desk.open()
    journal.append([event(), event()], PATIENT_MS)
    journal.settle(2)
    journal.close()
    assert desk.open().settled() == 2


def test_p2_pruning_takes_what_is_settled_and_old_and_nothing_else(desk: Desk) -> None:
    journal = desk.open()
    old_ms = NOW_MS - 31 * DAY_MS
    journal.append([event("old 1", wall_ms=old_ms), event("new 2"), event("old 3", wall_ms=old_ms)], PATIENT_MS)
    journal.append([event("old 4", wall_ms=old_ms)], PATIENT_MS)
    assert journal.prune(NOW_MS, 30) == 0
    journal.settle(2)
    assert journal.prune(NOW_MS, 30) == 1
    assert texts(journal) == ["new 2", "old 3", "old 4"]


def test_p2_p10_a_record_of_an_unset_clock_is_not_old_for_that_reason(tmp_path: Path) -> None:
    desk = SqliteDesk(tmp_path)
    journal = desk.open()
    journal.append([event("after a power cut", wall_ms=1000), event("clock set"), event("head")], PATIENT_MS)
    journal.settle(2)
    assert journal.prune(NOW_MS, 30) == 0
    assert journal.prune(NOW_MS + 31 * DAY_MS, 30) == 2
    desk.close()


def test_the_oldest_record_is_the_lowest_that_is_left(desk: Desk) -> None:
    journal = desk.open()
    assert journal.oldest() == 0
    journal.append([event("a", wall_ms=NOW_MS - 40 * DAY_MS), event("b")], PATIENT_MS)
    assert journal.oldest() == 1
    journal.settle(1)
    journal.prune(NOW_MS, 30)
    assert journal.oldest() == 2


def test_pruning_keeps_the_newest_record_for_the_chain_hangs_on_it(desk: Desk) -> None:
    journal = desk.open()
    old_ms = NOW_MS - 31 * DAY_MS
    journal.append([event("1", wall_ms=old_ms), event("2", wall_ms=old_ms)], PATIENT_MS)
    journal.settle(2)
    assert journal.prune(NOW_MS, 30) == 1
    head = journal.head()
    journal.close()
    again = desk.open()
    assert again.head() == head
    again.append([event("3")], PATIENT_MS)
    assert contract.decode_event(again.read(2, 1)[0].body).prevhash == head.hash


def test_the_last_chip_is_the_last_one_read_whatever_came_of_it_also_after_reopening(desk: Desk) -> None:
    journal = desk.open()
    first, second = bytes.fromhex("04112233445566"), bytes.fromhex("04ffeeddccbbaa")
    assert journal.history(INGRID) == CardHistory()
    journal.append([badge(INGRID, first), passage(INGRID, Direction.ENTRY), badge(INGRID, b"", NOW_MS + 1)], PATIENT_MS)
    assert journal.history(INGRID).last_chip == LastChip(first, NOW_MS)
    desk.stall()
    refused = replace(badge(INGRID, second, NOW_MS + 2), kind=EventKind.BADGE_REFUSED)
    journal.append([refused], HURRIED_MS)
    assert journal.history(INGRID).last_chip == LastChip(second, NOW_MS + 2)
    desk.heal(journal)
    journal.close()
    assert desk.open().history(INGRID).last_chip == LastChip(second, NOW_MS + 2)


def test_p12_pruning_forgets_old_last_passages_as_well(desk: Desk) -> None:
    journal = desk.open()
    journal.append([passage(INGRID, Direction.ENTRY, NOW_MS - 31 * DAY_MS), passage(OLA, Direction.ENTRY)], PATIENT_MS)
    journal.prune(NOW_MS, 30)
    assert journal.history(INGRID).last_passage is None
    assert journal.history(OLA).last_passage is not None


def test_p12_pruning_forgets_old_chips_as_well(desk: Desk) -> None:
    journal = desk.open()
    uid = bytes.fromhex("04112233445566")
    journal.append([badge(INGRID, uid, NOW_MS - 31 * DAY_MS), badge(OLA, uid)], PATIENT_MS)
    journal.prune(NOW_MS, 30)
    assert journal.history(INGRID).last_chip is None
    assert journal.history(OLA).last_chip is not None


# --- SQLite alone: commits that fail ------------------------------------------------------------------


def test_p2_a_commit_that_fails_is_tried_again_until_it_holds(sqlite: SqliteDesk) -> None:
    journal = sqlite.open()
    journal.append([event("before")], PATIENT_MS)
    sqlite.failing = True
    assert journal.append([event("kept")], HURRIED_MS) is False
    wait_for("several failures", lambda: sqlite.failed >= 3)
    assert (texts(journal), journal.head().seq) == (["before"], 1)
    sqlite.failing = False
    wait_for("the kept record to be written", lambda: journal.head().seq == 2)
    assert texts(journal) == ["before", "kept"]
    assert chain_is_whole(journal)


def test_p2_closing_writes_what_waits(sqlite: SqliteDesk) -> None:
    journal = sqlite.open()
    sqlite.stall()
    journal.append([event("waiting")], HURRIED_MS)
    closing = threading.Thread(target=journal.close)
    closing.start()
    sqlite.answer()
    closing.join(PATIENT_MS / 1000)
    assert len(read_bodies(sqlite.path)) == 1


def test_closing_on_a_broken_disk_ends_and_says_what_was_lost(
    sqlite: SqliteDesk, caplog: pytest.LogCaptureFixture
) -> None:
    journal = sqlite.open()
    sqlite.failing = True
    journal.append([event(), event()], HURRIED_MS)
    journal.close()
    assert "lost_events=2" in caplog.text


def test_p2_while_another_process_holds_the_file_records_wait(sqlite: SqliteDesk) -> None:
    """No mock: a second connection holds SQLite's write lock."""
    journal = sqlite.open()
    other = sqlite3.connect(sqlite.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert journal.append([event("kept")], HURRIED_MS) is False
    other.execute("ROLLBACK")
    other.close()
    wait_for("the record to be written", lambda: journal.head().seq == 1)


@pytest.mark.parametrize("text", ["x" * contract.MAX_EVENT_BYTES, "\udcff"], ids=["too large", "not Unicode"])
def test_p9_an_event_that_cannot_be_encoded_keeps_its_place_and_stops_nobody(sqlite: SqliteDesk, text: str) -> None:
    journal = sqlite.open()
    journal.append([event("before"), replace(event(text), lane="main"), event("behind")], PATIENT_MS)
    assert journal.append([event("later")], PATIENT_MS) is True
    told = [contract.decode_event(record.body) for record in journal.read(0, 10)]
    assert [one.data.detail.get("text") for one in told] == ["before", None, "behind", "later"]
    assert (told[1].kind, told[1].data.lane) == ("badge.refused", "main")
    assert "unfit" in told[1].data.detail
    assert chain_is_whole(journal)


# --- SQLite alone: files ------------------------------------------------------------------------------


def test_p3_a_new_file_is_a_new_epoch(tmp_path: Path) -> None:
    epochs = set()
    for name in ("one.db", "two.db"):
        journal = SqliteJournal(tmp_path / name, encode, contract.record_hash, max_waiting=MAX_WAITING)
        epochs.add(journal.head().epoch)
        journal.close()
    assert len(epochs) == 2


def test_a_commit_survives_a_power_cut(sqlite: SqliteDesk) -> None:
    """WAL with synchronous=FULL, asked of the writing connection itself."""
    journal = sqlite.open()
    with journal._engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar_one() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar_one() == 2


def test_the_command_line_reads_beside_a_running_gate(sqlite: SqliteDesk) -> None:
    journal = sqlite.open()
    journal.append([event("a"), event("b")], PATIENT_MS)
    assert list(read_bodies(sqlite.path)) == [record.body for record in journal.read(0, 10)]
    assert journal.append([event("c")], PATIENT_MS) is True


def damage_all(path: Path) -> None:
    path.write_bytes(b"not a database at all" * 1_000)


def damage_pages(path: Path) -> None:
    body = bytearray(path.read_bytes())
    body[100:] = b"\xff" * (len(body) - 100)
    path.write_bytes(bytes(body))


@pytest.mark.parametrize("damage", [damage_all, damage_pages])
def test_a_damaged_file_is_refused_and_left_as_it_is(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    path = tmp_path / "journal.db"
    SqliteJournal(path, encode, contract.record_hash, max_waiting=MAX_WAITING).close()
    damage(path)
    before = path.read_bytes()
    with pytest.raises(StoreCorrupt, match=r"journal\.db is damaged"):
        SqliteJournal(path, encode, contract.record_hash, max_waiting=MAX_WAITING)
    assert path.read_bytes() == before


def test_a_file_of_a_newer_version_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    SqliteJournal(path, encode, contract.record_hash, max_waiting=MAX_WAITING).close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(StoreNewer, match="schema 99"):
        SqliteJournal(path, encode, contract.record_hash, max_waiting=MAX_WAITING)


def test_a_journal_of_the_first_version_is_taken_over_with_what_it_knows(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    journal = SqliteJournal(path, encode, contract.record_hash, max_waiting=MAX_WAITING)
    journal.append([passage(INGRID, Direction.ENTRY), passage(OLA, Direction.EXIT)], PATIENT_MS)
    before = journal.head()
    journal.close()
    with sqlite3.connect(path) as connection:
        connection.executescript(
            "ALTER TABLE last_passages RENAME COLUMN zone TO direction;"
            "UPDATE last_passages SET direction = CASE direction WHEN 'site' THEN 'entry' ELSE 'exit' END;"
            "PRAGMA user_version = 1"
        )
    connection.close()
    for _ in range(2):
        again = SqliteJournal(path, encode, contract.record_hash, max_waiting=MAX_WAITING)
        assert again.head() == before
        assert again.history(INGRID).last_passage == LastPassage(SITE, NOW_MS)
        assert again.history(OLA).last_passage == LastPassage(OUTSIDE, NOW_MS)
        again.close()


def test_a_folder_that_cannot_be_written_is_a_store_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"absent/journal\.db cannot be used"):
        SqliteJournal(tmp_path / "absent" / "journal.db", encode, contract.record_hash, max_waiting=MAX_WAITING)


def test_p11_memory_before_the_disk_frees_itself_when_the_disk_heals(sqlite: SqliteDesk) -> None:
    journal = sqlite.open(max_waiting=3)
    sqlite.stall()
    journal.append([event(), event()], HURRIED_MS)
    with pytest.raises(StoreFull):
        journal.append([event(), event()], HURRIED_MS)
    sqlite.heal(journal)
    assert journal.append([event(), event(), event()], PATIENT_MS) is True
    assert journal.head().seq == 6


# --- a killed process ---------------------------------------------------------------------------------

CHILD = """
import sys
from pathlib import Path
from tests.conformance.test_journal import PATIENT_MS, encode, event
from gate.cache.journal import SqliteJournal
from gate.uplink import contract
journal = SqliteJournal(Path(sys.argv[1]), encode, contract.record_hash, max_waiting=1000)
seq = 0
while True:
    if journal.append([event(str(seq + 1))], PATIENT_MS):
        seq += 1
        print(seq, flush=True)
"""


def test_p2_p4_a_killed_process_loses_nothing_that_append_answered_true_for(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    root = Path(__file__).parents[2]
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, str(path)], stdout=subprocess.PIPE, text=True, cwd=root
    ) as child:
        assert child.stdout is not None
        answered = [int(child.stdout.readline()) for _ in range(25)]
        os.kill(child.pid, signal.SIGKILL)
        answered += [int(line) for line in child.stdout if line.endswith("\n")]
    journal = SqliteJournal(path, encode, contract.record_hash, max_waiting=MAX_WAITING)
    try:
        assert journal.head().seq in (answered[-1], answered[-1] + 1)
        assert texts(journal) == [str(seq) for seq in range(1, journal.head().seq + 1)]
        assert chain_is_whole(journal)
        assert journal.append([event("on it goes")], PATIENT_MS) is True
    finally:
        journal.close()
