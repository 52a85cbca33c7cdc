"""PostgreSQL as the hub's database: its connection, its locks, its errors in our words.

SQLite lets one writer in at a time, and the store is written for that. Here a writer holds one advisory lock
alone; only ingest transactions hold it together, and then lock what they touch, always in this order: gates,
presence, quarantine. So two workers go on side by side as long as their gates differ, and never wait in a circle.
Locks are of the schema in use: sites may share a database, each in a schema of its own.
Isolation is READ COMMITTED, so what is read behind a lock is what its last holder has committed.
"""

import contextlib
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, create_engine, event, func, select, text
from sqlalchemy.engine import URL, make_url

from hub.config import PostgresAddress
from hub.errors import StoreError

LOCK_TIMEOUT_MS = 10_000
"""How long a writer waits for another one, as with SQLite."""
CONNECT_TIMEOUT_S = 5
SILENT_MS = 15_000
"""A server that acknowledges nothing for so long is gone: a cut cable says no goodbye."""

_OF_STORE, _OF_GATES = "portvakt", "portvakt gates"
_WRITERS, _PRESENCE, _QUARANTINE = 1, 2, 3
_GATE_LOCKS = 256
"""Gates share so many locks: a transaction that touches a thousand gates must not fill the server's lock table."""

_ADVICE = {
    "25006": "it takes no writes: is it a standby? Name the primary in `database`",
    "28000": "see pg_hba.conf",
    "28P01": "is the password in database_password_file the right one?",
    "3D000": "make it with createdb",
    "42501": "make the hub's user the owner of the database",
    "53100": "make room on the server's disk; the hub goes on by itself",
    "53300": "raise max_connections, or run fewer workers",
    "55P03": "another process is writing, such as an import of a long list; it is tried again",
}


class Postgres:
    """See `hub.store.database.Backend`."""

    def __init__(self, address: PostgresAddress) -> None:
        """Raises StoreError when the driver is not installed."""
        url = make_url(address.url)
        self.name = url.render_as_string(hide_password=True)
        self._password_file = address.password_file
        try:
            engine = create_engine(
                url.set(drivername="postgresql+psycopg"),
                # Without it the first batch after a restart of the server would be sent twice.
                pool_pre_ping=True,
                connect_args=_connect_arguments(url),
            )
        except ModuleNotFoundError as missing:
            raise StoreError(
                f"{self.name}: psycopg is not installed here; install it: pip install 'portvakt[postgres]'"
            ) from missing
        event.listen(engine, "do_connect", self._authenticate)
        event.listen(engine, "connect", _hold_to_durability)
        self.writer: Engine = engine
        self.reader: Engine = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)

    def prepare(self) -> None:
        """The database itself is made by who runs the server."""

    def in_turn(self) -> contextlib.AbstractContextManager[None]:
        """The server wakes who waits."""
        return contextlib.nullcontext()

    def hold_alone(self, connection: Connection) -> None:
        """Nobody else writes until this transaction has ended."""
        _hold(connection, _OF_STORE, _WRITERS)

    def hold_together(self, connection: Connection) -> None:
        """Only other ingest transactions write until this one has ended."""
        connection.execute(select(func.pg_advisory_xact_lock_shared(_ours(_OF_STORE), _WRITERS)))

    def forget_deleted(self) -> None:
        """The server's own vacuum does it, in its time."""

    def size_bytes(self, connection: Connection) -> int:
        """Of the tables of our schema: another site's may lie beside it."""
        tables = "relkind = 'r' AND relnamespace = current_schema()::regnamespace"
        sizes = text(f"SELECT coalesce(sum(pg_total_relation_size(oid)), 0) FROM pg_class WHERE {tables}")  # noqa: S608
        return int(connection.scalar(sizes) or 0)

    def sentence(self, failed: BaseException) -> str:
        """One line, without the values that the server adds as DETAIL: they may be names (P12)."""
        state = getattr(failed, "sqlstate", None)
        said = getattr(getattr(failed, "diag", None), "message_primary", None) or _first_line(str(failed))
        if state is None:
            return f"{said}; is PostgreSQL running, and are `database` and its password right?"
        return f"{said}; {_ADVICE[state]}" if state in _ADVICE else said

    def _authenticate(self, dialect: object, record: object, arguments: object, parameters: dict[str, Any]) -> None:
        """A new password is taken at the next connection."""
        if self._password_file is None:
            return
        try:
            parameters["password"] = Path(self._password_file).read_text(encoding="utf-8").strip()
        except OSError as refused:
            raise StoreError(
                f"{self._password_file}: cannot be read ({refused.strerror}); see database_password_file"
            ) from refused


def hold_gates(connection: Connection, gates: Iterable[str]) -> None:
    """No other ingest transaction touches these gates' journals until this one has ended."""
    if _is_postgres(connection):
        for number in sorted({zlib.crc32(gate.encode()) % _GATE_LOCKS for gate in gates}):
            _hold(connection, _OF_GATES, number)


def hold_presence(connection: Connection) -> None:
    """No other ingest transaction reads or changes who is inside, in order to change it. Who only looks waits for
    nobody."""
    if _is_postgres(connection) and not connection.get_execution_options().get("postgresql_readonly"):
        _hold(connection, _OF_STORE, _PRESENCE)


def hold_quarantine(connection: Connection) -> None:
    """No other ingest transaction throws out what is oldest there."""
    if _is_postgres(connection):
        _hold(connection, _OF_STORE, _QUARANTINE)


def copy_in(connection: Connection, table: str, rows: Iterable[tuple[object, ...]]) -> None:
    """Whole rows, in the order of the table's columns: COPY costs a fraction of INSERT."""
    driver: Any = connection.connection.driver_connection
    with driver.cursor() as cursor, cursor.copy(f"COPY {table} FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def _hold(connection: Connection, kind: str, number: int) -> None:
    connection.execute(select(func.pg_advisory_xact_lock(_ours(kind), number)))


def _ours(kind: str) -> ColumnElement[int]:
    """Our corner of the advisory locks of a database: other programs, and other sites' schemas, have theirs."""
    return func.hashtext(func.concat(kind, " ", func.current_schema()))


def _is_postgres(connection: Connection) -> bool:
    return connection.dialect.name == "postgresql"


def _connect_arguments(url: URL) -> dict[str, Any]:
    ours = {
        "application_name": "portvakt-hub",
        "connect_timeout": CONNECT_TIMEOUT_S,
        "tcp_user_timeout": SILENT_MS,
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 2,
    }
    # What the address says itself holds, such as ?sslmode=verify-full&connect_timeout=2.
    chosen = {name: value for name, value in ours.items() if name not in url.query}
    said = url.query.get("options", "")
    return chosen | {"options": f"-c lock_timeout={LOCK_TIMEOUT_MS} -c timezone=UTC {said}"}


def _hold_to_durability(connection: Any, record: object) -> None:
    """An ack is a promise that outlives a power cut, whatever the server's default is."""
    with connection.cursor() as cursor:
        if cursor.execute("SHOW synchronous_commit").fetchone() == ("off",):
            cursor.execute("SET synchronous_commit = on")
    connection.commit()


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0].rstrip()
