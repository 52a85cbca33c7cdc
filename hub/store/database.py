"""The database file: opened safely, written in whole transactions, its errors in our words."""

import contextlib
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Table, create_engine, event, inspect, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from hub.errors import StoreError, StoreNewer
from hub.store import schema

log = logging.getLogger(__name__)

BUSY_TIMEOUT_MS = 10_000
"""How long a writer waits for another process. An import of a long crew list takes a few seconds."""


class Database:
    """One database. Each method takes a connection of its own, so any thread may call it."""

    def __init__(self, file: Path) -> None:
        """Open or make it. Raises StoreNewer, or StoreError when it is no database of ours."""
        self._name = str(file)
        self._engine = create_engine(URL.create("sqlite", database=str(file)))
        _set_up_sqlite(self._engine)
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            self._prepare()
        except OSError as refused:
            raise StoreError(f"{file.parent}: cannot be made ({refused.strerror}); set another state_dir") from refused
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self._engine.dispose()

    @contextlib.contextmanager
    def reading(self) -> Iterator[Connection]:
        """A snapshot: everything read in the block is of one moment."""
        with self._translated(), self._engine.begin() as connection:
            yield connection

    @contextlib.contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction, on disk when the block has ended; nothing of it when the block raises."""
        writer = self._engine.execution_options(portvakt_writes=True)
        with self._translated(), writer.begin() as connection:
            yield connection

    @contextlib.contextmanager
    def trying(self) -> Iterator[Connection]:
        """A transaction that is taken back, whatever is written in it."""
        writer = self._engine.execution_options(portvakt_writes=True)
        with self._translated(), writer.connect() as connection:
            yield connection

    def forget_deleted(self) -> None:
        """Take what was deleted out of the write-ahead log as well; while others read, as far as they allow."""
        if self._engine.dialect.name == "sqlite":
            with self._translated(), self._engine.connect() as connection:
                connection.connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as failed:
            # Only the driver's own sentence: SQLAlchemy's text repeats the parameters, which may be names (P12).
            raise StoreError(f"{self._name}: {failed.orig}; nothing of this was stored") from None
        except SQLAlchemyError as failed:
            raise StoreError(f"{self._name}: {type(failed).__name__}; nothing of this was stored") from failed

    def _prepare(self) -> None:
        with self.writing() as connection:
            revision = _revision(connection)
            if revision is None:
                schema.metadata.create_all(connection)
                connection.execute(schema.alembic_version.insert(), {"version_num": schema.REVISIONS[-1]})
            elif revision not in schema.REVISIONS:
                raise StoreNewer(
                    f"{self._name}: its schema is revision {revision}, this hub knows up to {schema.REVISIONS[-1]}; "
                    "install the newer hub again, or set another state_dir"
                )
            elif revision != schema.REVISIONS[-1]:
                # Here, as it takes a third of a second that hardly any start needs.
                from hub.store.migrations import upgrade

                log.info("store=upgraded from=%s to=%s", revision, schema.REVISIONS[-1])
                upgrade(connection, revision)


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


def _set_up_sqlite(engine: Engine) -> None:
    """Durable, patient, and with transactions where we say.

    synchronous=FULL, because an ack is a promise that outlives a power cut. The driver's own implicit
    BEGIN is turned off: it takes the write lock late, and a transaction that has read may then fail
    instead of waiting.
    """

    def connect(connection: Any, record: object) -> None:
        connection.isolation_level = None
        for pragma in (
            f"busy_timeout={BUSY_TIMEOUT_MS}",
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            "cache_size=-16000",
            # What is deleted is overwritten: a purge that can be read back is none (P12).
            "secure_delete=ON",
        ):
            connection.execute(f"PRAGMA {pragma}")

    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("portvakt_writes")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    event.listen(engine, "connect", connect)
    event.listen(engine, "begin", begin)
