"""The permit store: replaced as a whole, never by an older list (P5), and never in the way of a lookup."""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
import sqlalchemy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gate.cache.permits import PERSIST_CONFIRMATION_MS, SqlitePermits
from gate.errors import ListRefused, StoreCorrupt, StoreError, StoreNewer
from gate.model import CardId, ListState, Permit, Reason
from gate.ports import ListedPermit, PermitKeeper, PermitStore
from gate.uplink import contract
from tests.waiting import wait_for

NOW_MS = 1_781_500_000_000
INGRID, OLA, KARI = (CardId("hms", f"0123456{digit}") for digit in range(3))
FULL = Permit(
    INGRID, Reason.GRANTED, date(2026, 1, 1), date(2026, 12, 31), date(2027, 6, 30), "987654321", "pl",
    ("first-aider", "warden"),
)  # fmt: skip
BARE = Permit(OLA, Reason.BLOCKED)


def state(revision: int, *, digest: str = "d", confirmed_ms: int = NOW_MS) -> ListState:
    return ListState(revision, 2, digest, confirmed_ms, confirmed_ms + 10**9)


def listed(*permits: Permit) -> list[ListedPermit]:
    """With proofs that differ from permit to permit."""
    return [ListedPermit(permit, contract.proof_of(repr(permit).encode())) for permit in permits]


class Drawer:
    """One permits file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._opened: list[SqlitePermits] = []

    def open(self) -> SqlitePermits:
        store = SqlitePermits(self.path)
        self._opened.append(store)
        return store

    def close(self) -> None:
        for store in self._opened:
            store.close()


@pytest.fixture
def drawer(tmp_path: Path) -> Iterator[Drawer]:
    drawer = Drawer(tmp_path / "permits.db")
    yield drawer
    drawer.close()


@contextmanager
def at_every_commit(act: Callable[[], object]) -> Iterator[None]:
    def called(connection: sqlalchemy.Connection) -> None:
        act()

    sqlalchemy.event.listen(sqlalchemy.Engine, "commit", called)
    try:
        yield
    finally:
        sqlalchemy.event.remove(sqlalchemy.Engine, "commit", called)


def test_a_new_store_holds_no_list_and_knows_nobody(drawer: Drawer) -> None:
    store: PermitStore = drawer.open()
    assert (store.state(), store.find(INGRID)) == (None, None)


def test_a_list_is_found_again_field_by_field_also_after_reopening(drawer: Drawer) -> None:
    store = drawer.open()
    keeper: PermitKeeper = store
    keeper.replace(listed(FULL, BARE), state(7))
    for opened in (store, drawer.open()):
        assert (opened.find(INGRID), opened.find(OLA), opened.find(KARI)) == (FULL, BARE, None)
        assert opened.state() == state(7)


def test_a_card_is_found_by_its_scheme_and_its_very_number(drawer: Drawer) -> None:
    store = drawer.open()
    store.replace(listed(FULL), state(1))
    for other in (CardId("site", INGRID.number), CardId("hms", INGRID.number.lstrip("0")), CardId("HMS", "01234560")):
        assert store.find(other) is None


def test_p5_a_list_is_replaced_as_a_whole(drawer: Drawer) -> None:
    """Who is not on the new list is not let in by the old one."""
    store = drawer.open()
    store.replace(listed(FULL, BARE), state(7))
    store.replace(listed(Permit(KARI)), state(8))
    assert [store.find(card) for card in (INGRID, OLA, KARI)] == [None, None, Permit(KARI)]
    store.replace(listed(), state(9))
    assert store.find(KARI) is None
    assert store.state() == state(9)


def test_changes_are_put_over_the_list_and_leave_the_rest(drawer: Drawer) -> None:
    store = drawer.open()
    keeper: PermitKeeper = store
    keeper.replace(listed(FULL, BARE), state(7))
    freed = replace(BARE, standing=Reason.GRANTED)
    keeper.change(listed(freed, Permit(KARI)), state(8))
    for opened in (store, drawer.open()):
        assert [opened.find(card) for card in (INGRID, OLA, KARI)] == [FULL, freed, Permit(KARI)]
        assert opened.state() == state(8)


def test_proofs_are_those_of_the_permits_held(drawer: Drawer) -> None:
    store = drawer.open()
    assert store.proofs([INGRID]) == {}
    ((_, proof),) = listed(FULL)
    store.replace(listed(FULL, BARE), state(7))
    assert store.proofs([INGRID, KARI]) == {INGRID: proof}
    ((_, proof),) = changed = listed(replace(FULL, standing=Reason.BLOCKED))
    store.change(changed, state(8))
    assert drawer.open().proofs([INGRID]) == {INGRID: proof}


@pytest.mark.parametrize("revision", [1, 6, 7])
def test_p5_changes_to_an_older_or_equal_revision_are_refused(drawer: Drawer, revision: int) -> None:
    store = drawer.open()
    store.replace(listed(Permit(INGRID, Reason.BLOCKED)), state(7))
    with pytest.raises(ListRefused, match=f"revision {revision} is not newer than 7"):
        store.change(listed(FULL), state(revision))
    assert store.find(INGRID) == Permit(INGRID, Reason.BLOCKED)


@pytest.mark.parametrize("revision", [1, 6, 7])
def test_p5_no_older_or_equal_revision_comes_back(drawer: Drawer, revision: int) -> None:
    store = drawer.open()
    store.replace(listed(Permit(INGRID, Reason.BLOCKED)), state(7))
    for opened in (store, drawer.open()):
        with pytest.raises(ListRefused, match=f"revision {revision} is not newer than 7"):
            opened.replace(listed(FULL), state(revision, digest="another"))
        found = opened.find(INGRID)
        assert found is not None
        assert found.standing is Reason.BLOCKED
        assert opened.state() == state(7)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 9), max_size=12))
def test_p5_whatever_is_offered_in_whatever_order_the_revision_only_grows(drawer: Drawer, offered: list[int]) -> None:
    drawer.path.unlink(missing_ok=True)
    store = SqlitePermits(drawer.path)
    held = 0
    for revision in offered:
        try:
            store.replace(listed(replace(FULL, employer=str(revision))), state(revision))
        except ListRefused:
            assert revision <= held
        else:
            assert revision > held
            held = revision
        found = store.find(INGRID)
        assert found is not None
        assert found.employer == str(held)
    store.close()


def test_a_lookup_during_a_replacement_sees_the_old_list_whole_and_does_not_wait(drawer: Drawer) -> None:
    store = drawer.open()
    store.replace(listed(FULL, BARE), state(7))
    committing, may_commit = threading.Event(), threading.Event()

    def hold() -> None:
        committing.set()
        may_commit.wait(20)

    replacing = threading.Thread(target=store.replace, args=(listed(Permit(KARI)), state(8)))
    with at_every_commit(hold):
        replacing.start()
        try:
            assert committing.wait(20)
            assert [store.find(card) for card in (INGRID, OLA, KARI)] == [FULL, BARE, None]
            assert store.state() == state(7)
        finally:
            may_commit.set()
            replacing.join(20)
    assert [store.find(card) for card in (INGRID, OLA, KARI)] == [None, None, Permit(KARI)]
    assert store.state() == state(8)


def test_a_list_that_cannot_be_written_leaves_the_old_one_whole(drawer: Drawer) -> None:
    store = drawer.open()
    store.replace(listed(FULL), state(7))
    with pytest.raises(StoreError):
        store.replace(listed(Permit(KARI), Permit(KARI)), state(8))
    for opened in (store, drawer.open()):
        assert (opened.find(INGRID), opened.find(KARI), opened.state()) == (FULL, None, state(7))
    store.replace(listed(Permit(KARI)), state(8))


def test_a_large_list_is_written_in_one_go(drawer: Drawer) -> None:
    store = drawer.open()
    store.replace(listed(*(Permit(CardId("hms", f"{number:08}")) for number in range(12_345))), state(1))
    assert store.find(CardId("hms", "00012344")) is not None


# --- confirming ----------------------------------------------------------------------------------------


def test_a_confirmation_moves_the_times_and_nothing_else(drawer: Drawer) -> None:
    store = drawer.open()
    store.replace(listed(FULL), state(7))
    store.confirm(state(7, confirmed_ms=NOW_MS + 60_000))
    assert store.state() == state(7, confirmed_ms=NOW_MS + 60_000)
    assert store.find(INGRID) == FULL


@pytest.mark.parametrize("other", [state(6), state(8), state(7, digest="another")])
def test_p5_a_confirmation_of_another_list_is_refused(drawer: Drawer, other: ListState) -> None:
    store = drawer.open()
    store.replace(listed(FULL), state(7))
    with pytest.raises(ListRefused, match="is not the list that this gate holds"):
        store.confirm(replace(other, confirmed_ms=NOW_MS + 60_000))
    assert store.state() == state(7)


def test_without_a_list_there_is_nothing_to_confirm(drawer: Drawer) -> None:
    with pytest.raises(ListRefused):
        drawer.open().confirm(state(7))


def test_a_confirmation_does_not_go_back_in_time(drawer: Drawer) -> None:
    store = drawer.open()
    store.replace(listed(FULL), state(7))
    store.confirm(state(7, confirmed_ms=NOW_MS - 1))
    assert store.state() == state(7)


def test_p11_a_confirmation_is_written_at_most_every_ten_minutes(drawer: Drawer) -> None:
    store = drawer.open()
    store.replace(listed(FULL), state(7))
    commits: list[int] = []
    with at_every_commit(lambda: commits.append(1)):
        for minute in range(1, 61):
            store.confirm(state(7, confirmed_ms=NOW_MS + minute * 60_000))
    assert len(commits) == 60 * 60_000 // PERSIST_CONFIRMATION_MS
    assert drawer.open().state() == store.state()


def test_p11_what_a_crash_forgets_of_confirmations_is_less_than_ten_minutes(drawer: Drawer) -> None:
    store = drawer.open()
    store.replace(listed(FULL), state(7))
    store.confirm(state(7, confirmed_ms=NOW_MS + PERSIST_CONFIRMATION_MS - 1))
    assert drawer.open().state() == state(7)
    store.confirm(state(7, confirmed_ms=NOW_MS + PERSIST_CONFIRMATION_MS))
    assert drawer.open().state() == store.state()


# --- the file ----------------------------------------------------------------------------------------------


def test_a_file_of_the_first_version_is_taken_over(tmp_path: Path) -> None:
    store = SqlitePermits(tmp_path / "permits.db")
    store.replace(listed(FULL, BARE), state(1))
    store.close()
    connection = sqlite3.connect(tmp_path / "permits.db")
    connection.executescript(
        "ALTER TABLE permits DROP COLUMN groups; ALTER TABLE permits DROP COLUMN proof; PRAGMA user_version = 1"
    )
    connection.close()
    for _ in range(2):
        again = SqlitePermits(tmp_path / "permits.db")
        assert again.find(INGRID) == replace(FULL, groups=())
        assert again.state() == state(1)
        # Without proofs no changes fit, and the whole list is fetched.
        assert again.proofs([INGRID]) == {INGRID: b""}
        again.close()


def overwrite(path: Path) -> None:
    path.write_bytes(b"not a database at all" * 1_000)


def fill_pages(path: Path) -> None:
    body = bytearray(path.read_bytes())
    body[100:] = b"\xff" * (len(body) - 100)
    path.write_bytes(bytes(body))


@pytest.mark.parametrize("damage", [overwrite, fill_pages])
def test_a_damaged_file_is_refused_and_left_as_it_is(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    path = tmp_path / "permits.db"
    SqlitePermits(path).close()
    damage(path)
    before = path.read_bytes()
    with pytest.raises(StoreCorrupt, match=r"permits\.db is damaged"):
        SqlitePermits(path)
    assert path.read_bytes() == before


def test_a_file_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "permits.db"
    SqlitePermits(path).close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(StoreNewer, match="schema 99"):
        SqlitePermits(path)


@pytest.mark.parametrize("damage", ["standing = 'welcome'", "valid_until = 'soon'", "valid_from = ''"])
def test_a_row_that_cannot_be_understood_is_an_error_and_never_a_permit(drawer: Drawer, damage: str) -> None:
    store = drawer.open()
    store.replace(listed(FULL), state(7))
    with sqlite3.connect(drawer.path) as connection:
        connection.execute(f"UPDATE permits SET {damage}")
    connection.close()
    with pytest.raises(StoreError, match="cannot be understood") as refused:
        store.find(INGRID)
    assert INGRID.number not in str(refused.value)


def test_a_lookup_while_another_process_writes_does_not_wait(drawer: Drawer) -> None:
    store = drawer.open()
    store.replace(listed(FULL), state(7))
    other = sqlite3.connect(drawer.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    other.execute("DELETE FROM permits")
    assert wait_for("the permit", lambda: store.find(INGRID), 1.0) == FULL
    other.execute("ROLLBACK")
    other.close()
