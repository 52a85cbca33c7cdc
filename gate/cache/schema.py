"""The gate's two SQLite files, and how they are opened: `journal.db` and `permits.db`.

Two files, because a list of a million permits may be written while a badge is being committed, and
SQLite has one writer a file. WAL with synchronous=FULL: a commit that has returned survives a power
cut; NORMAL was seen to lose hundreds of rows.
"""

from pathlib import Path
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Engine,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    create_engine,
    event,
)
from sqlalchemy.exc import DatabaseError
from sqlalchemy.pool import NullPool

from gate.errors import StoreCorrupt, StoreError, StoreNewer

SCHEMA_VERSION = 3

journal_tables = MetaData()

records = Table(
    "records",
    journal_tables,
    Column("seq", Integer, primary_key=True),
    Column("kind", String, nullable=False),
    Column("wall_ms", BigInteger, nullable=False),
    Column("hash", String, nullable=False),
    # Exactly what goes out; an upgrade never encodes an old event anew.
    Column("body", LargeBinary, nullable=False),
)

last_passages = Table(
    "last_passages",
    journal_tables,
    Column("scheme", String, primary_key=True),
    Column("number", String, primary_key=True),
    Column("zone", String, nullable=False),
    Column("wall_ms", BigInteger, nullable=False),
    Index("last_passages_age", "wall_ms"),
    sqlite_with_rowid=False,
)

last_chips = Table(
    "last_chips",
    journal_tables,
    Column("scheme", String, primary_key=True),
    Column("number", String, primary_key=True),
    Column("uid", LargeBinary, nullable=False),
    Column("wall_ms", BigInteger, nullable=False),
    Index("last_chips_age", "wall_ms"),
    sqlite_with_rowid=False,
)

journal_facts = Table(
    "facts",
    journal_tables,
    Column("name", String, primary_key=True),
    Column("value", String, nullable=False),
)

permit_tables = MetaData()

permits = Table(
    "permits",
    permit_tables,
    Column("scheme", String, primary_key=True),
    Column("number", String, primary_key=True),
    Column("standing", String, nullable=False),
    Column("valid_from", String),
    Column("valid_until", String),
    Column("card_expiry", String),
    Column("employer", String),
    Column("language", String),
    Column("groups", String, nullable=False, server_default=""),
    # SHA-256 of the permit's bytes on the wire; empty in what an older version wrote.
    Column("proof", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

permit_list = Table(
    "list",
    permit_tables,
    Column("one", Integer, primary_key=True),
    Column("revision", Integer, nullable=False),
    Column("count", Integer, nullable=False),
    Column("digest", String, nullable=False),
    Column("confirmed_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
)


def open_database(path: Path, tables: MetaData) -> Engine:
    """Open, or create, one of the files. Raises StoreCorrupt, StoreNewer, StoreError."""
    engine = create_engine(f"sqlite:///{path}", poolclass=NullPool, connect_args={"check_same_thread": False})
    event.listen(engine, "connect", _configure)
    try:
        with engine.begin() as connection:
            version = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
            if version > SCHEMA_VERSION:
                raise StoreNewer(
                    f"{path} was written by a newer version (schema {version}, this one knows {SCHEMA_VERSION}); "
                    "install that version again, or move the file aside"
                )
            if version:
                _upgrade(connection, version, tables)
            tables.create_all(connection)
            connection.exec_driver_sql(f"PRAGMA user_version = {SCHEMA_VERSION}")
    except DatabaseError as broken:
        raise opened_wrongly(path, broken) from broken
    return engine


def _upgrade(connection: Connection, version: int, tables: MetaData) -> None:
    """A file of an older version, in the transaction that opens it: all of it, or nothing."""
    if version < 2 and tables is journal_tables:
        connection.exec_driver_sql("ALTER TABLE last_passages RENAME COLUMN direction TO zone")
        connection.exec_driver_sql("UPDATE last_passages SET zone = CASE zone WHEN 'entry' THEN 'site' ELSE '' END")
    if version < 2 and tables is permit_tables:
        connection.exec_driver_sql("ALTER TABLE permits ADD COLUMN groups VARCHAR NOT NULL DEFAULT ''")
    if version < 3 and tables is permit_tables:
        connection.exec_driver_sql("ALTER TABLE permits ADD COLUMN proof BLOB NOT NULL DEFAULT x''")


def opened_wrongly(path: Path, broken: DatabaseError) -> StoreError:
    """SQLAlchemy's error in our words."""
    text = str(broken.orig)
    if "malformed" in text or "not a database" in text:
        return StoreCorrupt(f"{path} is damaged ({text})")
    return StoreError(f"{path} cannot be used ({text}); is the disk full, or the folder not writable?")


def _configure(connection: Any, _record: object) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA busy_timeout = 5000")
    # The WAL file gives its space back after a large list.
    connection.execute("PRAGMA journal_size_limit = 16777216")
