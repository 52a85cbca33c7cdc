"""What PostgreSQL brings along: a server that is away, refuses, hangs; writers side by side."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gate.uplink.signing import Signer
from hub import queries
from hub.cli import main
from hub.config import PostgresAddress
from hub.errors import StoreError
from hub.ingest import Ingest
from hub.presence import CardKey
from hub.records import Journal, JournalKey
from hub.store import HubStore
from tests.sim.postgres import Postgres
from tests.sim.records import START_MS, RecordBook
from tests.waiting import wait_for

pytestmark = pytest.mark.real
EPOCH = "00000000000000aa"


@pytest.fixture
def address(postgres: Postgres) -> PostgresAddress:
    return postgres.database()


@pytest.fixture
def store(address: PostgresAddress) -> Iterator[HubStore]:
    with contextlib.closing(HubStore(address)) as opened:
        yield opened


def test_p2_a_commit_waits_for_the_disk_whatever_the_server_says(postgres: Postgres, address: PostgresAddress) -> None:
    postgres.psql(address, "ALTER ROLE portvakt SET synchronous_commit = off")
    try:
        with contextlib.closing(HubStore(address)) as store, store.writing() as connection:
            assert connection.exec_driver_sql("SHOW synchronous_commit").scalar() == "on"
    finally:
        postgres.psql(address, "ALTER ROLE portvakt RESET synchronous_commit")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("/site", "/nosite", r'database "nosite\d+" does not exist'),
        ("portvakt@", "stranger@", 'role "stranger" does not exist'),
        ("host=/tmp", "host=/nowhere", r"No such file or directory.*is PostgreSQL running"),
    ],
)
def test_a_server_that_refuses_is_told_of_in_one_line(address: PostgresAddress, old: str, new: str, told: str) -> None:
    wrong = PostgresAddress(url=address.url.replace(old, new, 1))
    assert wrong != address
    with pytest.raises(StoreError, match=told) as failed:
        HubStore(wrong)
    assert "\n" not in str(failed.value)
    assert str(failed.value).startswith("postgresql://")


def test_the_password_is_read_from_its_file_at_each_connection(address: PostgresAddress, tmp_path: Path) -> None:
    """A file that is not there is named; the password itself never is."""
    named = PostgresAddress(url=address.url, password_file=str(tmp_path / "password"))
    with pytest.raises(StoreError, match=r"password: cannot be read .* see database_password_file"):
        HubStore(named)
    (tmp_path / "password").write_text("hemmelig\n", encoding="utf-8")
    HubStore(named).close()


def test_a_password_that_the_server_refuses(postgres: Postgres, address: PostgresAddress, tmp_path: Path) -> None:
    """With a real password and a real pg_hba.conf."""
    postgres.psql(address, "SET password_encryption = 'scram-sha-256'; CREATE ROLE guarded LOGIN PASSWORD 'right'")
    hba = postgres.folder / "data" / "pg_hba.conf"
    before = hba.read_text(encoding="utf-8")
    try:
        hba.write_text(f"local all guarded scram-sha-256\n{before}", encoding="utf-8")
        name = urlsplit(address.url).path.removeprefix("/")
        postgres.psql(address, f"SELECT pg_reload_conf(); ALTER DATABASE {name} OWNER TO guarded")
        url = address.url.replace("portvakt@", "guarded@")
        password = tmp_path / "password"

        def opened() -> bool:
            HubStore(PostgresAddress(url=url, password_file=str(password))).close()
            return True

        password.write_text("wrong", encoding="utf-8")
        with pytest.raises(StoreError, match="password authentication failed") as failed:
            opened()
        assert "wrong" not in str(failed.value)
        password.write_text("right", encoding="utf-8")
        assert opened()
    finally:
        hba.write_text(before, encoding="utf-8")
        postgres.psql(address, "SELECT pg_reload_conf()")


def test_without_rights_the_message_says_what_to_do(postgres: Postgres, address: PostgresAddress) -> None:
    postgres.psql(address, "CREATE ROLE guest LOGIN")
    with pytest.raises(StoreError, match=r"permission denied for schema public; make the hub's user the owner"):
        HubStore(PostgresAddress(url=address.url.replace("portvakt@", "guest@")))


def test_a_command_line_ends_with_one_sentence(
    address: PostgresAddress, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = tmp_path / "hub.toml"
    settings.write_text(f'site = "yard"\ndatabase = "{address.url}0"\n', encoding="utf-8")
    assert main(["gates", "--config", str(settings)]) == 1
    assert capsys.readouterr().err.startswith("hub: postgresql://")


def test_the_first_batch_after_a_restart_of_the_server_goes_in(postgres: Postgres, store: HubStore) -> None:
    ingest = Ingest("yard", store, Signer("yard", Ed25519PrivateKey.generate()))
    north = RecordBook()
    north.passage("5310027", "entry")
    ingest.take([north.message()], START_MS)
    postgres.stop()
    with pytest.raises(StoreError, match="is PostgreSQL running"):
        ingest.take([north.message()], START_MS)
    postgres.start()
    north.passage("5310118", "entry")
    ingest.take([north.message(2)], START_MS)
    assert len(queries.roster(store)) == 2


def test_a_server_that_dies_in_the_middle_has_stored_nothing(postgres: Postgres, store: HubStore) -> None:
    """Killed between the events and the commit: nothing is acknowledged, and all of it goes in afterwards."""
    ingest = Ingest("yard", store, Signer("yard", Ed25519PrivateKey.generate()))
    north = RecordBook()
    north.passage("5310027", "entry")

    def killed() -> None:
        with store.intake() as transaction:
            transaction.put_journals([Journal(JournalKey("north", EPOCH), 1, bytes(32), 1, 1, START_MS)])
            postgres.stop("immediate")

    with pytest.raises(StoreError, match="nothing of this was stored"):
        killed()
    postgres.start()
    assert list(store.all_journals()) == []
    assert len(ingest.take([north.message()], START_MS)) == 1


def background(work: Callable[[], object], failures: list[BaseException]) -> threading.Thread:
    def run() -> None:
        try:
            work()
        except BaseException as failed:  # noqa: BLE001  # told by the test
            failures.append(failed)

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def waits_for_a_lock(postgres: Postgres, address: PostgresAddress) -> bool:
    return postgres.psql(address, "SELECT count(*) FROM pg_locks WHERE NOT granted") != "0\n"


def test_two_take_in_side_by_side_what_comes_from_different_gates(store: HubStore, address: PostgresAddress) -> None:
    """The second one has committed while the first one is still in the middle."""
    with contextlib.closing(HubStore(address)) as other, store.intake() as first:
        first.journals([JournalKey("north", EPOCH)])
        with other.intake() as second:
            second.journals([JournalKey("south", EPOCH)])
            second.put_journals([Journal(JournalKey("south", EPOCH), 1, bytes(32), 1, 1, START_MS)])
        first.put_journals([Journal(JournalKey("north", EPOCH), 1, bytes(32), 1, 1, START_MS)])
    assert len(store.all_journals()) == 2


def test_p3_of_one_gate_the_second_one_waits_and_sees_what_the_first_has_stored(
    postgres: Postgres, store: HubStore, address: PostgresAddress
) -> None:
    key, failures = JournalKey("north", EPOCH), list[BaseException]()
    seen: list[int] = []

    def second() -> None:
        with other.intake() as transaction:
            seen.extend(journal.through for journal in transaction.journals([key]).values())

    with contextlib.closing(HubStore(address)) as other:
        with store.intake() as first:
            first.journals([key])
            thread = background(second, failures)
            wait_for("the second one to wait", lambda: waits_for_a_lock(postgres, address))
            first.put_journals([Journal(key, 7, bytes(32), 7, 7, START_MS)])
            assert not seen
        thread.join(10.0)
    assert (failures, seen) == ([], [7])


def test_whoever_changes_the_crew_is_alone(postgres: Postgres, store: HubStore, address: PostgresAddress) -> None:
    failures, done = list[BaseException](), list[bool]()

    def taken_in() -> None:
        with other.intake() as transaction:
            transaction.last_seen([CardKey("hms", "5310027")])
        done.append(True)

    with contextlib.closing(HubStore(address)) as other:
        with store.changing_crew():
            thread = background(taken_in, failures)
            wait_for("ingest to wait", lambda: waits_for_a_lock(postgres, address))
            assert not done
        thread.join(10.0)
    assert (failures, done) == ([], [True])


def test_two_sites_may_share_a_database(postgres: Postgres, address: PostgresAddress) -> None:
    """Each in a schema of its own, which the address names; neither waits for the other."""
    postgres.psql(address, "CREATE SCHEMA yard; CREATE SCHEMA dock")
    yard, dock = (
        HubStore(PostgresAddress(url=f"{address.url}&options=-csearch_path%3D{schema}")) for schema in ("yard", "dock")
    )
    with contextlib.closing(yard), contextlib.closing(dock):
        with yard.changing_crew(), dock.changing_crew():
            pass
        assert yard.remembered("instance", "one") != dock.remembered("instance", "other")
        with yard.reading() as connection:
            assert connection.exec_driver_sql("SHOW lock_timeout").scalar() == "10s"


def test_whoever_only_looks_waits_for_nobody(store: HubStore, address: PostgresAddress) -> None:
    """A command that is typed while a long list is imported."""
    with store.changing_crew(), contextlib.closing(HubStore(address)) as other:
        assert queries.roster(other) == []


def test_many_processes_may_start_on_a_new_database_at_once(address: PostgresAddress) -> None:
    failures: list[BaseException] = []
    threads = [background(lambda: HubStore(address).close(), failures) for _ in range(6)]
    for thread in threads:
        thread.join(20.0)
    assert failures == []


def test_p2_p3_workers_at_once_whose_batches_come_twice_and_in_any_order(
    address: PostgresAddress, tmp_path: Path
) -> None:
    """Four of them, each with every batch in another order: stored once, every chain whole, presence the latest."""
    books = [RecordBook(name) for name in ("north", "south", "east")]
    for turn in range(60):
        for place, book in enumerate(books):
            way = ("entry", "exit")[(turn + place) % 2]
            book.passage(f"53100{turn % 7:02d}", way, START_MS + 1000 * (3 * turn + place))
    batches = [book.message(*range(start, start + 10)) for start in range(1, 61, 10) for book in books]
    key, failures = Ed25519PrivateKey.generate(), list[BaseException]()

    def work(turn: int) -> None:
        with contextlib.closing(HubStore(address)) as store:
            ingest = Ingest("yard", store, Signer("yard", key))
            for batch in batches[turn * 4 :] + batches[: turn * 4][::-1]:
                ingest.take([batch], START_MS)

    threads = [background(lambda turn=turn: work(turn), failures) for turn in range(4)]  # type: ignore[misc]
    for thread in threads:
        thread.join(60.0)
    assert failures == []
    with contextlib.closing(HubStore(address)) as store:
        assert [(journal.through, journal.stored) for journal in store.all_journals()] == [(60, 60)] * 3
        assert queries.counts(store)["events"] == 180
        assert queries.counts(store)["repeated"] == 3 * 180
        found = {entry.number: (entry.gate, entry.since_ms) for entry in queries.roster(store)}
    with contextlib.closing(HubStore(tmp_path / "alone.sqlite3")) as plain:
        alone = Ingest("yard", plain, Signer("yard", key))
        for batch in batches:
            alone.take([batch], START_MS)
        assert found == {entry.number: (entry.gate, entry.since_ms) for entry in queries.roster(plain)}
