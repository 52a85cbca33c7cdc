"""SQLite as the hub's database: one file, durable, patient, with transactions where we say."""

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL

from hub.errors import StoreError

BUSY_TIMEOUT_MS = 10_000
"""How long a writer waits for another process. An import of a long crew list takes a few seconds."""


class Sqlite:
    """See `hub.store.database.Backend`."""

    def __init__(self, file: Path) -> None:
        self.name = str(file)
        self._file = file
        self.reader: Engine = create_engine(URL.create("sqlite", database=str(file)))
        self.writer: Engine = self.reader.execution_options(portvakt_writes=True)
        self._writing = threading.Lock()
        _set_up(self.reader)

    def prepare(self) -> None:
        """Make the folder. Raises StoreError."""
        folder = self._file.parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as refused:
            raise StoreError(f"{folder}: cannot be made ({refused.strerror}); set another state_dir") from refused

    @contextlib.contextmanager
    def in_turn(self) -> Iterator[None]:
        """SQLite wakes nobody who waits for its lock: they sleep, up to 100 ms, and look again. A lock of our own wakes
        the next one at once. Who does not get it in time goes on all the same, and is told by SQLite."""
        got = self._writing.acquire(timeout=BUSY_TIMEOUT_MS / 1000)
        try:
            yield
        finally:
            if got:
                self._writing.release()

    def hold_alone(self, connection: Connection) -> None:
        """BEGIN IMMEDIATE has taken the one lock that there is."""

    def hold_together(self, connection: Connection) -> None:
        """SQLite has one writer."""

    def forget_deleted(self) -> None:
        """Out of the write-ahead log as well; while others read, as far as they allow."""
        with self.writer.connect() as connection:
            connection.connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def size_bytes(self, connection: Connection) -> int:
        """The file, and its write-ahead log, which comes and goes."""
        size = 0
        for ending in ("", "-wal", "-shm"):
            with contextlib.suppress(OSError):
                size += self._file.with_name(self._file.name + ending).stat().st_size
        return size

    def sentence(self, failed: BaseException) -> str:
        """The driver's own words: they hold no values."""
        return str(failed)


def _set_up(engine: Engine) -> None:
    """synchronous=FULL, because an ack is a promise that outlives a power cut. The driver's own implicit
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
