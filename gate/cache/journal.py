"""The gate's journal: an append-only hash chain in SQLite, and the outbox, in one file.

One thread owns the writing connection. `append` hands it a batch and waits, no longer than its deadline;
whatever is waiting when the disk is ready goes into one commit. A commit that fails keeps its events in
memory and is tried again for as long as the process lives (P2, P4). The record's outgoing bytes are made
at the commit, under the number it gets, and are never made again.
"""

import logging
import secrets
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection, Engine, bindparam, delete, func, insert, select
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.exc import DatabaseError

from gate.cache.memory import Remembered, rows_of_chips, rows_of_passages
from gate.cache.schema import (
    journal_facts,
    journal_tables,
    last_chips,
    last_passages,
    open_database,
    opened_wrongly,
    records,
)
from gate.errors import StoreFull
from gate.model import CardHistory, CardId, Event, JournalHead, LastChip, LastPassage, OutgoingRecord
from portvakt.errors import PortvaktError

log = logging.getLogger(__name__)

RETRY_S = 1.0
"""How long to wait before a failed commit is tried again."""
GENESIS_HASH = "0" * 64
MODE_OF = "mode:"
"""Before a lane's name: the fact that holds its mode."""
COMMANDED = "commanded"
"""The fact that holds the number of the last command."""
DAY_MS = 86_400_000
FIRST_SENSIBLE_MS = 1_735_689_600_000
"""2025-01-01: no clock of a gate that was set has ever shown less."""
KEEP_HISTORY_DAYS = 30
"""Of each card; one that was not seen for longer is nowhere and was never read (P12)."""


class Encode(Protocol):
    """Makes the bytes of one event under its place in the chain."""

    def __call__(self, event: Event, *, epoch: str, seq: int, prevhash: str) -> bytes: ...


@dataclass(slots=True)
class _Batch:
    events: tuple[Event, ...]
    on_disk: threading.Event = field(default_factory=threading.Event)


class SqliteJournal:
    """The journal in SQLite. Every method may be called from any thread."""

    def __init__(
        self,
        path: Path,
        encode: Encode,
        hash_of: Callable[[bytes], str],
        *,
        max_waiting: int,
        on_commit: Callable[[int], None] = lambda _seq: None,
    ) -> None:
        """Open, or create, the file. `on_commit` gets the new head from the writing thread and must not
        block. Raises StoreError."""
        self._path = path
        self._encode = encode
        self._hash_of = hash_of
        self._max_waiting = max_waiting
        self.on_commit = on_commit
        self._engine: Engine = open_database(path, journal_tables)
        self._reading = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        self._read_lock = threading.Lock()
        self._turn = threading.Condition()
        self._waiting: deque[_Batch] = deque()
        self._waiting_events = 0
        self._unwritten = Remembered()
        self._closing = False
        try:
            self._head = self._stored_head()
            self._settled = int(self._fact("settled", "0"))
            self._commanded = int(self._fact(COMMANDED, "0"))
        except DatabaseError as broken:
            raise opened_wrongly(path, broken) from broken
        self._thread = threading.Thread(target=self._write_until_closed, name="journal", daemon=True)
        self._thread.start()

    # --- the controller's side ---------------------------------------------------------------------

    def append(self, events: Sequence[Event], deadline_ms: int) -> bool:
        batch = _Batch(tuple(events))
        with self._turn:
            if self._closing or self._waiting_events + len(events) > self._max_waiting:
                raise StoreFull(
                    f"{self._waiting_events} events wait in memory for {self._path}; is the SD card full or broken?"
                )
            self._waiting.append(batch)
            self._waiting_events += len(events)
            self._unwritten.add(events)
            self._turn.notify_all()
        return batch.on_disk.wait(deadline_ms / 1000)

    @property
    def waiting(self) -> int:
        with self._turn:
            return self._waiting_events

    def history(self, card: CardId) -> CardHistory:
        with self._turn:
            passage, chip = self._unwritten.passages.get(card), self._unwritten.chips.get(card)
        which = {"scheme": card.scheme, "number": card.number}
        with self._read_lock:
            try:
                if passage is None and (row := self._reading.execute(_LAST_PASSAGE, which).first()) is not None:
                    passage = LastPassage(row.zone, row.wall_ms)
                if chip is None and (row := self._reading.execute(_LAST_CHIP, which).first()) is not None:
                    chip = LastChip(row.uid, row.wall_ms)
            except DatabaseError as broken:
                raise opened_wrongly(self._path, broken) from broken
        return CardHistory(passage, chip)

    def modes(self) -> Mapping[str, str]:
        with self._read_lock:
            try:
                rows = self._reading.execute(_MODES).all()
            except DatabaseError as broken:
                raise opened_wrongly(self._path, broken) from broken
        written = {row.name.removeprefix(MODE_OF): row.value for row in rows}
        with self._turn:
            return written | self._unwritten.modes

    def commanded(self) -> int:
        with self._turn:
            return max(self._commanded, self._unwritten.commanded)

    def head(self) -> JournalHead:
        return self._head

    # --- the uplink's side -------------------------------------------------------------------------

    def settled(self) -> int:
        return self._settled

    def oldest(self) -> int:
        with self._read_lock:
            try:
                return int(self._reading.execute(_OLDEST).scalar() or 0)
            except DatabaseError as broken:
                raise opened_wrongly(self._path, broken) from broken

    def read(self, after: int, limit: int) -> Sequence[OutgoingRecord]:
        with self._read_lock:
            try:
                rows = self._reading.execute(_READ, {"after": after, "limit": limit}).all()
            except DatabaseError as broken:
                raise opened_wrongly(self._path, broken) from broken
        return [OutgoingRecord(row.seq, row.body) for row in rows]

    def settle(self, through: int) -> None:
        """Remembered in memory at once, on disk with the next commit: an ack that is forgotten by a
        crash costs one repeated batch, a commit for every ack would cost the SD card."""
        with self._turn:
            self._settled = max(self._settled, min(through, self._head.seq))

    def prune(self, now_ms: int, keep_days: int) -> int:
        """Delete settled records older than `keep_days`; returns how many. The newest record stays, the
        chain hangs on it.

        Age is by number: a record goes when one at or after it, written under a clock that had been set, is
        old enough. So a record of the year 1970 is not old for that reason.
        """
        before = now_ms - keep_days * DAY_MS
        forgotten = now_ms - KEEP_HISTORY_DAYS * DAY_MS
        last = min(self._settled, self._head.seq - 1)
        seq, wall_ms = records.c.seq, records.c.wall_ms
        old = select(func.max(seq)).where(seq <= last, wall_ms.between(FIRST_SENSIBLE_MS, before))
        try:
            with self._engine.begin() as connection:
                connection.execute(delete(last_passages).where(last_passages.c.wall_ms < forgotten))
                connection.execute(delete(last_chips).where(last_chips.c.wall_ms < forgotten))
                newest_old = connection.execute(old).scalar()
                return connection.execute(delete(records).where(seq <= (newest_old or 0))).rowcount
        except DatabaseError as broken:
            raise opened_wrongly(self._path, broken) from broken

    def close(self) -> None:
        """Write what is waiting, then end. Idempotent. What a broken disk never took is lost with the
        process, and the log says how many events that were."""
        with self._turn:
            if self._closing:
                return
            self._closing = True
            self._turn.notify_all()
        self._thread.join(10.0)
        if self._waiting_events:
            log.error("journal=closed lost_events=%d path=%s", self._waiting_events, self._path)
        with self._read_lock:
            self._reading.close()
        self._engine.dispose()

    # --- the writing thread ------------------------------------------------------------------------

    def _write_until_closed(self) -> None:
        connection = self._engine.connect()
        try:
            while True:
                with self._turn:
                    self._turn.wait_for(lambda: self._waiting or self._closing)
                    if not self._waiting:
                        self._commit(connection, ())
                        return
                    batches = tuple(self._waiting)
                if self._commit(connection, batches):
                    self._written(batches)
                    continue
                with self._turn:
                    if self._closing:
                        return
                    self._turn.wait(RETRY_S)
        finally:
            connection.close()

    def _commit(self, connection: Connection, batches: Sequence[_Batch]) -> bool:
        """Number, chain, encode and commit; False when the disk would not."""
        seq, prevhash = self._head.seq, self._head.hash
        rows = []
        for event in (event for batch in batches for event in batch.events):
            seq += 1
            body = self._encoded(event, seq, prevhash)
            prevhash = self._hash_of(body)
            rows.append(
                {"seq": seq, "kind": event.kind.value, "wall_ms": event.moment.wall_ms, "hash": prevhash, "body": body}
            )
        seen = _remembered(batches)
        try:
            with connection.begin():
                if rows:
                    connection.execute(insert(records), rows)
                if seen.passages:
                    connection.execute(_UPSERT_PASSAGE, rows_of_passages(seen.passages))
                if seen.chips:
                    connection.execute(_UPSERT_CHIP, rows_of_chips(seen.chips))
                facts = {"settled": str(self._settled)} | {MODE_OF + lane: mode for lane, mode in seen.modes.items()}
                if seen.commanded > self._commanded:
                    facts[COMMANDED] = str(seen.commanded)
                connection.execute(_UPSERT_FACT, [{"name": name, "value": value} for name, value in facts.items()])
        except DatabaseError as broken:
            log.error("journal=uncommitted events=%d why=%r", len(rows), str(broken.orig))
            return False
        self._head = JournalHead(self._head.epoch, seq, prevhash)
        self._commanded = max(self._commanded, seen.commanded)
        return True

    def _encoded(self, event: Event, seq: int, prevhash: str) -> bytes:
        """The record's bytes. An event that cannot be put into bytes, or into too many, must not stop
        the ones behind it (P9): its place in the chain is kept, its words give way to why."""
        try:
            return self._encode(event, epoch=self._head.epoch, seq=seq, prevhash=prevhash)
        except (PortvaktError, ValueError, OverflowError) as unfit:
            log.error("journal=unfit seq=%d kind=%s why=%s", seq, event.kind, ascii(str(unfit))[:200])
            told = replace(event, card=None, employer=None, detail={"unfit": ascii(str(unfit))[:200]})
            return self._encode(told, epoch=self._head.epoch, seq=seq, prevhash=prevhash)

    def _written(self, batches: Sequence[_Batch]) -> None:
        with self._turn:
            for batch in batches:
                self._waiting.popleft()
                self._waiting_events -= len(batch.events)
            self._unwritten = _remembered(self._waiting)
        for batch in batches:
            batch.on_disk.set()
        self.on_commit(self._head.seq)

    # --- opening -----------------------------------------------------------------------------------

    def _stored_head(self) -> JournalHead:
        epoch = self._fact("epoch", "") or self._new_epoch()
        row = self._reading.execute(
            select(records.c.seq, records.c.hash).order_by(records.c.seq.desc()).limit(1)
        ).first()
        return JournalHead(epoch, row.seq, row.hash) if row is not None else JournalHead(epoch, 0, GENESIS_HASH)

    def _new_epoch(self) -> str:
        """A new file is a new epoch, so that its numbers can never be taken for another file's (P3)."""
        epoch = secrets.token_hex(8)
        with self._engine.begin() as connection:
            connection.execute(insert(journal_facts).values(name="epoch", value=epoch))
        return epoch

    def _fact(self, name: str, default: str) -> str:
        query = select(journal_facts.c.value).where(journal_facts.c.name == name)
        return str(self._reading.execute(query).scalar() or default)


def read_bodies(path: Path) -> Sequence[bytes]:
    """Every record of a journal file, in order, for the command line; works beside a running gate."""
    engine = open_database(path, journal_tables)
    try:
        with engine.connect() as connection:
            return connection.execute(select(records.c.body).order_by(records.c.seq)).scalars().all()
    finally:
        engine.dispose()


def read_chain(path: Path) -> Sequence[tuple[bytes, str]]:
    """Every record with the hash that was stored beside it, in order: what an edited record betrays, the
    newest one too, which no later record vouches for."""
    engine = open_database(path, journal_tables)
    try:
        with engine.connect() as connection:
            rows = connection.execute(select(records.c.body, records.c.hash).order_by(records.c.seq)).all()
            return [(row.body, row.hash) for row in rows]
    finally:
        engine.dispose()


_LAST_PASSAGE = select(last_passages.c.zone, last_passages.c.wall_ms).where(
    last_passages.c.scheme == bindparam("scheme"), last_passages.c.number == bindparam("number")
)
_LAST_CHIP = select(last_chips.c.uid, last_chips.c.wall_ms).where(
    last_chips.c.scheme == bindparam("scheme"), last_chips.c.number == bindparam("number")
)
_OLDEST = select(func.min(records.c.seq))
_READ = (
    select(records.c.seq, records.c.body)
    .where(records.c.seq > bindparam("after"))
    .order_by(records.c.seq)
    .limit(bindparam("limit"))
)
_passage_insert = upsert(last_passages)
_UPSERT_PASSAGE = _passage_insert.on_conflict_do_update(
    index_elements=["scheme", "number"],
    set_={"zone": _passage_insert.excluded.zone, "wall_ms": _passage_insert.excluded.wall_ms},
)
_chip_insert = upsert(last_chips)
_UPSERT_CHIP = _chip_insert.on_conflict_do_update(
    index_elements=["scheme", "number"],
    set_={"uid": _chip_insert.excluded.uid, "wall_ms": _chip_insert.excluded.wall_ms},
)
_MODES = select(journal_facts.c.name, journal_facts.c.value).where(journal_facts.c.name.startswith(MODE_OF))
_fact_insert = upsert(journal_facts)
_UPSERT_FACT = _fact_insert.on_conflict_do_update(index_elements=["name"], set_={"value": _fact_insert.excluded.value})


def _remembered(batches: Iterable[_Batch]) -> Remembered:
    seen = Remembered()
    for batch in batches:
        seen.add(batch.events)
    return seen
