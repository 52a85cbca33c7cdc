"""The database: opened safely, written in whole transactions, its errors in our words."""

import contextlib
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import Connection, Engine, Table, inspect, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from hub.config import PostgresAddress
from hub.errors import StoreError, StoreNewer
from hub.store import schema

log = logging.getLogger(__name__)


class Backend(Protocol):
    """What differs between the databases."""

    name: str
    """For messages; no password in it."""
    reader: Engine
    """Each transaction of it sees one moment, and waits for nobody."""
    writer: Engine

    def prepare(self) -> None:
        """Before the first connection. Raises StoreError."""

    def in_turn(self) -> contextlib.AbstractContextManager[None]:
        """Of the threads of this process one writes after the other, where the database would let them wait badly."""

    def hold_alone(self, connection: Connection) -> None:
        """Wait until nobody else writes; nobody does until this transaction has ended."""

    def hold_together(self, connection: Connection) -> None:
        """The same, but that other ingest transactions may be let in: they lock what they touch."""

    def forget_deleted(self) -> None:
        """Overwrite what was deleted, as far as the database lets us."""

    def size_bytes(self, connection: Connection) -> int:
        """What it takes on the disk, indexes and log included."""

    def sentence(self, failed: BaseException) -> str:
        """What a driver's error says, on one line, without values (P12)."""


class Database:
    """One database. Each method takes a connection of its own, so any thread may call it."""

    def __init__(self, where: Path | PostgresAddress) -> None:
        """Open or make it. Raises StoreNewer, or StoreError when it is no database of ours."""
        self._backend = _backend(where)
        try:
            self._backend.prepare()
            self._prepare()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self._backend.writer.dispose()

    @contextlib.contextmanager
    def reading(self) -> Iterator[Connection]:
        """A snapshot: everything read in the block is of one moment."""
        with self._translated(), self._backend.reader.begin() as connection:
            yield connection

    @contextlib.contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction, on disk when the block has ended; nothing of it when the block raises. Nobody else
        writes meanwhile."""
        with self._translated(), self._backend.in_turn(), self._backend.writer.begin() as connection:
            self._backend.hold_alone(connection)
            yield connection

    @contextlib.contextmanager
    def taking_in(self) -> Iterator[Connection]:
        """The same for ingest, of which there may be several at once."""
        with self._translated(), self._backend.in_turn(), self._backend.writer.begin() as connection:
            self._backend.hold_together(connection)
            yield connection

    @contextlib.contextmanager
    def trying(self) -> Iterator[Connection]:
        """A transaction that is taken back, whatever is written in it."""
        with self._translated(), self._backend.in_turn(), self._backend.writer.connect() as connection:
            self._backend.hold_alone(connection)
            yield connection

    def size_bytes(self) -> int:
        """What it takes on the disk."""
        with self.reading() as connection:
            return self._backend.size_bytes(connection)

    def forget_deleted(self) -> None:
        """See to it that what was deleted cannot be read again."""
        with self._translated():
            self._backend.forget_deleted()

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        backend = self._backend
        dbapi = backend.writer.dialect.loaded_dbapi
        try:
            yield
        except DBAPIError as failed:
            # Only the driver's own sentence: SQLAlchemy's text repeats the parameters, which may be names (P12).
            why = backend.sentence(failed.orig or failed)
            raise StoreError(f"{backend.name}: {why}; nothing of this was stored") from None
        except SQLAlchemyError as failed:
            raise StoreError(f"{backend.name}: {type(failed).__name__}; nothing of this was stored") from failed
        except dbapi.Error as failed:
            raise StoreError(f"{backend.name}: {backend.sentence(failed)}; nothing of this was stored") from None

    def _prepare(self) -> None:
        with self.reading() as connection:
            # Nearly always; and whoever only wants to look should not wait for who writes.
            if _revision(connection) == schema.REVISIONS[-1]:
                return
        with self.writing() as connection:
            revision = _revision(connection)
            if revision is None:
                schema.metadata.create_all(connection)
                connection.execute(schema.alembic_version.insert(), {"version_num": schema.REVISIONS[-1]})
            elif revision not in schema.REVISIONS:
                raise StoreNewer(
                    f"{self._backend.name}: its schema is revision {revision}, this hub knows up to "
                    f"{schema.REVISIONS[-1]}; install the newer hub again, or set another state_dir or database"
                )
            elif revision != schema.REVISIONS[-1]:
                # Here, as it takes a third of a second that hardly any start needs.
                from hub.store.migrations import upgrade

                log.info("store=upgraded from=%s to=%s", revision, schema.REVISIONS[-1])
                upgrade(connection, revision)


class WatchedDatabase(Database):
    """The database of a hub that runs: looked at, and neither made nor brought up to date."""

    def __init__(self, where: Path | PostgresAddress) -> None:
        """Raises StoreError, also when it is not there yet or of another version."""
        if isinstance(where, Path) and not _is_there(where):
            raise StoreError(f"{where}: not there; `hub run` makes it, where state_dir of the settings says")
        super().__init__(where)

    def _prepare(self) -> None:
        with self.reading() as connection:
            revision = _revision(connection)
        if revision != schema.REVISIONS[-1]:
            raise StoreError(
                f"{self._backend.name}: its schema is revision {revision or 'none'}, this program reads "
                f"{schema.REVISIONS[-1]}; start the hub that was installed with it"
            )


def _is_there(file: Path) -> bool:
    try:
        return file.is_file()
    except OSError as refused:
        raise StoreError(f"{file}: cannot be read ({refused.strerror}); only the hub's own user may") from refused


def _backend(where: Path | PostgresAddress) -> Backend:
    if isinstance(where, PostgresAddress):
        from hub.store.postgres import Postgres

        return Postgres(where)
    from hub.store.sqlite import Sqlite

    return Sqlite(where)


def upsert(connection: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """An INSERT that both databases let go on with ON CONFLICT."""
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)


def put(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows, or replace those with the same primary key."""
    if not rows:
        return
    statement = upsert(connection, table)
    keys = [column.name for column in table.primary_key]
    rest = {column.name: statement.excluded[column.name] for column in table.columns if column.name not in keys}
    connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=rest), rows)


def _revision(connection: Connection) -> str | None:
    """Where the database stands; None when it is new. The first version knew of no revisions."""
    tables = set(inspect(connection).get_table_names())
    if schema.about.name not in tables:
        return None
    if schema.alembic_version.name not in tables:
        return schema.REVISIONS[0]
    found = connection.scalar(select(schema.alembic_version.c.version_num))
    if found is None:
        raise StoreError("the database holds no readable schema revision; restore it from a backup")
    return str(found)
