"""Databases of older versions, kept as they were: taken over whole, and like a new one afterwards."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect

from gate.uplink.contract import decode_event, digest_of
from hub import queries
from hub.config import PostgresAddress
from hub.store import HubStore, migrations, schema
from tests.sim.postgres import Postgres

FOLDER = Path(__file__).parents[1] / "databases"
OLD = [
    *FOLDER.glob("hub-????.sql"),
    *(pytest.param(dump, marks=pytest.mark.real) for dump in FOLDER.glob("hub-????.pg.sql")),
]
NOW_MS = 1_781_500_000_000


@pytest.fixture(params=OLD, ids=lambda path: path.name.removesuffix(".sql"))
def where(request: pytest.FixtureRequest, tmp_path: Path) -> Path | PostgresAddress:
    """A database as an older version has left it."""
    dump: Path = request.param
    text = dump.read_text(encoding="utf-8")
    if dump.name.endswith(".pg.sql"):
        server: Postgres = request.getfixturevalue("postgres")
        address = server.database()
        server.psql(address, text)
        return address
    file = tmp_path / "hub.sqlite3"
    with contextlib.closing(sqlite3.connect(file)) as connection, connection:
        connection.executescript(text)
    return file


@pytest.fixture
def store(where: Path | PostgresAddress) -> Iterator[HubStore]:
    with contextlib.closing(HubStore(where)) as opened:
        yield opened


@pytest.fixture
def fresh(where: Path | PostgresAddress, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[HubStore]:
    """A new database of the same kind."""
    new = tmp_path / "new.sqlite3" if isinstance(where, Path) else request.getfixturevalue("postgres").database()
    with contextlib.closing(HubStore(new)) as opened:
        yield opened


def shape(connection: Connection) -> dict[str, Any]:
    """Tables with their columns, keys and indexes, without what only says how they came to be."""
    inspector = inspect(connection)
    return {
        table: (
            {column["name"]: (str(column["type"]), column["nullable"]) for column in inspector.get_columns(table)},
            inspector.get_pk_constraint(table)["constrained_columns"],
            sorted((one["name"] or "", tuple(one["column_names"])) for one in inspector.get_indexes(table)),
        )
        for table in inspector.get_table_names()
    }


def test_a_database_that_was_taken_over_is_like_a_new_one(store: HubStore, fresh: HubStore) -> None:
    with fresh.reading() as new, store.reading() as taken_over:
        assert shape(taken_over) == shape(new)


def test_nothing_of_it_is_lost_and_a_second_start_changes_nothing(where: Path | PostgresAddress) -> None:
    for _ in range(2):
        with contextlib.closing(HubStore(where)) as store:
            (entry,) = queries.roster(store)
            assert (entry.number, entry.name, entry.zone) == ("5310027", "Torbjørg Åsnes", "site")
            assert [one.card.number for one in store.located(0, 0)] == ["5310027", "5310118"]
            assert len(queries.events(store)) == 3
            with store.reading() as connection:
                bodies = connection.exec_driver_sql("SELECT body FROM events").scalars().all()
                assert {decode_event(body).kind for body in bodies} == {"passage.completed"}
                assert connection.exec_driver_sql("SELECT version_num FROM alembic_version").all() == [
                    (schema.REVISIONS[-1],)
                ]
            with store.changing_crew() as crew:
                members = list(crew.crew())
                assert len(members) == 7
                assert {member.groups for member in members} == {()}


def test_p5_the_list_that_is_now_written_otherwise_is_a_new_revision_once(store: HubStore) -> None:
    before = store.permit_list()
    assert before.digest != digest_of(before.permits)
    for _ in range(2):
        with store.changing_crew() as crew:
            crew.renew(NOW_MS)
        after = store.permit_list()
        assert after.revision == before.revision + 1
        assert after.permits == before.permits
        assert after.digest == digest_of(after.permits)


def test_before_the_first_list_there_is_nothing_to_write_anew(fresh: HubStore) -> None:
    with fresh.changing_crew() as crew:
        crew.renew(NOW_MS)
    assert fresh.revision() == 0


def test_the_revisions_are_those_that_there_are() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    walked = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]
    assert tuple(reversed(walked)) == schema.REVISIONS


def test_a_start_that_fails_in_the_middle_leaves_the_old_database(
    where: Path | PostgresAddress, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(connection: Connection, stands_at: str) -> None:
        connection.exec_driver_sql("ALTER TABLE permits ADD COLUMN half TEXT")
        raise RuntimeError("the power went")

    with monkeypatch.context() as patched:
        patched.setattr(migrations, "upgrade", fails)
        with pytest.raises(RuntimeError):
            HubStore(where)
    with contextlib.closing(HubStore(where)) as store, store.reading() as connection:
        assert "half" not in {column["name"] for column in inspect(connection).get_columns("permits")}
        assert len(queries.roster(store)) == 1
