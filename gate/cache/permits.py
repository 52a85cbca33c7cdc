"""The allow-list on the SD card: found by card, changed in one piece, never to an older one (P5)."""

import contextlib
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

from sqlalchemy import Connection, Insert, Row, bindparam, delete, insert, select
from sqlalchemy.exc import DatabaseError

from gate.cache.schema import open_database, opened_wrongly, permit_list, permit_tables, permits
from gate.errors import ListRefused, StoreError
from gate.model import CardId, ListState, Permit, Reason
from gate.ports import ListedPermit

PERSIST_CONFIRMATION_MS = 600_000
"""A confirmation comes every minute; writing each would wear the SD card for nothing (P11)."""

_INSERT_ROWS = 5_000


class SqlitePermits:
    """The permits in SQLite. `find` and `state` for the controller's thread, all that changes them
    for the uplink's; a lookup never waits for a replacement."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._engine = open_database(path, permit_tables)
        self._lookup = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        self._lock = threading.Lock()
        self._state = self._stored_state()
        self._persisted_ms = self._state.confirmed_ms if self._state else 0

    def find(self, card: CardId) -> Permit | None:
        try:
            row = self._lookup.execute(_FIND, {"scheme": card.scheme, "number": card.number}).first()
        except DatabaseError as broken:
            raise opened_wrongly(self._path, broken) from broken
        return _permit(row) if row is not None else None

    def state(self) -> ListState | None:
        return self._state

    def proofs(self, cards: Sequence[CardId]) -> Mapping[CardId, bytes]:
        held: dict[CardId, bytes] = {}
        try:
            with self._engine.connect() as connection:
                for card in cards:
                    row = connection.execute(_PROOF, {"scheme": card.scheme, "number": card.number}).first()
                    if row is not None:
                        held[card] = bytes(row.proof)
        except DatabaseError as broken:
            raise opened_wrongly(self._path, broken) from broken
        return held

    def replace(self, permits_: Sequence[ListedPermit], state: ListState) -> None:
        with self._next_list(state) as connection:
            connection.execute(delete(permits))
            _write(connection, insert(permits), permits_)

    def change(self, permits_: Sequence[ListedPermit], state: ListState) -> None:
        with self._next_list(state) as connection:
            _write(connection, insert(permits).prefix_with("OR REPLACE"), permits_)

    @contextlib.contextmanager
    def _next_list(self, state: ListState) -> Iterator[Connection]:
        """One transaction that ends with `state` as the list held. Raises ListRefused, StoreError."""
        with self._lock:
            held = self._state
            if held is not None and state.revision <= held.revision:
                raise ListRefused(f"revision {state.revision} is not newer than {held.revision}, which this gate holds")
            try:
                with self._engine.begin() as connection:
                    yield connection
                    _write_state(connection, state)
            except DatabaseError as broken:
                raise opened_wrongly(self._path, broken) from broken
            self._state = state
            self._persisted_ms = state.confirmed_ms

    def confirm(self, state: ListState) -> None:
        with self._lock:
            held = self._state
            if held is None or (state.revision, state.digest) != (held.revision, held.digest):
                raise ListRefused(f"revision {state.revision} is not the list that this gate holds")
            if state.confirmed_ms <= held.confirmed_ms:
                return
            self._state = replace(held, confirmed_ms=state.confirmed_ms, expires_ms=state.expires_ms)
            if state.confirmed_ms - self._persisted_ms < PERSIST_CONFIRMATION_MS:
                return
            try:
                with self._engine.begin() as connection:
                    _write_state(connection, self._state)
            except DatabaseError as broken:
                raise opened_wrongly(self._path, broken) from broken
            self._persisted_ms = state.confirmed_ms

    def close(self) -> None:
        self._lookup.close()
        self._engine.dispose()

    def _stored_state(self) -> ListState | None:
        try:
            row = self._lookup.execute(select(permit_list)).first()
        except DatabaseError as broken:
            raise opened_wrongly(self._path, broken) from broken
        if row is None:
            return None
        held = row._mapping
        return ListState(held["revision"], held["count"], held["digest"], held["confirmed_ms"], held["expires_ms"])


_FIND = select(permits).where(permits.c.scheme == bindparam("scheme"), permits.c.number == bindparam("number"))


_PROOF = select(permits.c.proof).where(permits.c.scheme == bindparam("scheme"), permits.c.number == bindparam("number"))


def _write(connection: Connection, how: Insert, listed: Sequence[ListedPermit]) -> None:
    for start in range(0, len(listed), _INSERT_ROWS):
        connection.execute(how, [_row(permit, proof) for permit, proof in listed[start : start + _INSERT_ROWS]])


def _write_state(connection: Connection, state: ListState) -> None:
    connection.execute(delete(permit_list))
    connection.execute(
        insert(permit_list).values(
            one=1, revision=state.revision, count=state.count, digest=state.digest,
            confirmed_ms=state.confirmed_ms, expires_ms=state.expires_ms,
        )
    )  # fmt: skip


def _row(permit: Permit, proof: bytes) -> dict[str, str | bytes | None]:
    return {
        "scheme": permit.card.scheme,
        "number": permit.card.number,
        "standing": permit.standing.value,
        "valid_from": _text(permit.valid_from),
        "valid_until": _text(permit.valid_until),
        "card_expiry": _text(permit.card_expiry),
        "employer": permit.employer,
        "language": permit.language,
        "groups": " ".join(permit.groups),
        "proof": proof,
    }


def _permit(row: Row[tuple[str, ...]]) -> Permit:
    try:
        return Permit(
            card=CardId(row.scheme, row.number),
            standing=Reason(row.standing),
            valid_from=_date(row.valid_from),
            valid_until=_date(row.valid_until),
            card_expiry=_date(row.card_expiry),
            employer=row.employer,
            language=row.language,
            groups=tuple(row.groups.split()),
        )
    except ValueError as wrong:
        raise StoreError(f"the permit in row {row.scheme}/… cannot be understood ({wrong})") from wrong


def _text(day: date | None) -> str | None:
    return day.isoformat() if day is not None else None


def _date(text: str | None) -> date | None:
    return date.fromisoformat(text) if text is not None else None
