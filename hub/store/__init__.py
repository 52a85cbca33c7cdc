"""The hub's memory: crew, permits, events, presence, gates. SQLite or PostgreSQL; the tables know no dialect.

`HubStore` is the door. Writers get a transaction object inside a `with` block; readers get values.
"""

import contextlib
import json
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, and_, func, not_, or_, select, update

from gate.uplink.contract import Status, WirePermit, decode_status, encode_status
from gate.zones import OUTSIDE
from hub.health import GateHealth
from hub.permits import ListHead, PermitList
from hub.presence import CardKey, Certainty, Located
from hub.records import Answer, Asked, GivenCommand, Journal, Rejected, ToldBlock
from hub.store import schema
from hub.store.blocks import read_told
from hub.store.check_ins import CheckInTransaction
from hub.store.commands import put_command, read_answers, read_answers_by_time, read_commands
from hub.store.crew import CrewTransaction, read_changes, read_head, read_permits, read_revision
from hub.store.database import Database, WatchedDatabase, put
from hub.store.enrolment import EnrolmentTransaction
from hub.store.intake import SqlEventTransaction, journal_of
from hub.store.office import OfficeTransaction
from hub.store.registers import RegisterTransaction
from hub.store.retention import ForgettingTransaction
from hub.store.siblings import SiblingTransaction

__all__ = [
    "CheckInTransaction",
    "CrewTransaction",
    "EnrolmentTransaction",
    "ForgettingTransaction",
    "HubStore",
    "OfficeTransaction",
    "RegisterTransaction",
    "SiblingTransaction",
    "SqlEventTransaction",
    "WatchedStore",
]


class HubStore(Database):
    """The hub's database. Every method may raise StoreError; then nothing was stored."""

    @contextlib.contextmanager
    def intake(self) -> Iterator[SqlEventTransaction]:
        """One ingest call (`hub.ingest.EventStore`)."""
        with self.taking_in() as connection:
            yield SqlEventTransaction(connection)

    @contextlib.contextmanager
    def changing_crew(self) -> Iterator[CrewTransaction]:
        """One change of the crew, with the list that follows from it."""
        with self.writing() as connection:
            yield CrewTransaction(connection)

    @contextlib.contextmanager
    def crew_as_it_is(self) -> Iterator[CrewTransaction]:
        """The crew of one moment, to be read only."""
        with self.reading() as connection:
            yield CrewTransaction(connection)

    @contextlib.contextmanager
    def enrolling(self) -> Iterator[EnrolmentTransaction]:
        """One change of who may join."""
        with self.writing() as connection:
            yield EnrolmentTransaction(connection)

    def revoked_gates(self) -> frozenset[str]:
        """Whose word counts no more. Cheap: asked before each intake."""
        table = schema.enrolments
        with self.reading() as connection:
            return frozenset(connection.scalars(select(table.c.gate).where(table.c.revoked_ms.is_not(None))))

    @contextlib.contextmanager
    def office(self) -> Iterator[OfficeTransaction]:
        """One act of a person at the site."""
        with self.writing() as connection:
            yield OfficeTransaction(connection)

    @contextlib.contextmanager
    def looking(self) -> Iterator[OfficeTransaction]:
        """The same for reading alone, all of one moment."""
        with self.reading() as connection:
            yield OfficeTransaction(connection)

    @contextlib.contextmanager
    def reporting(self) -> Iterator[CheckInTransaction]:
        """What another system at the site has told, and how far it was read."""
        with self.writing() as connection:
            yield CheckInTransaction(connection)

    @contextlib.contextmanager
    def hearing_siblings(self) -> Iterator[SiblingTransaction]:
        """One book of another site's blocks, with the list that follows from it."""
        with self.writing() as connection:
            yield SiblingTransaction(connection)

    @contextlib.contextmanager
    def forgetting(self) -> Iterator[ForgettingTransaction]:
        """One deletion, with the record of it."""
        with self.writing() as connection:
            yield ForgettingTransaction(connection)

    @contextlib.contextmanager
    def supposing(self) -> Iterator[ForgettingTransaction]:
        """The same, taken back at the end: what would it delete?"""
        with self.trying() as connection:
            yield ForgettingTransaction(connection)

    @contextlib.contextmanager
    def hearing(self) -> Iterator[RegisterTransaction]:
        """One change of what registers have said, with the list that follows from it."""
        with self.writing() as connection:
            yield RegisterTransaction(connection)

    @contextlib.contextmanager
    def heard(self) -> Iterator[RegisterTransaction]:
        """The same for reading alone, all of one moment."""
        with self.reading() as connection:
            yield RegisterTransaction(connection)

    @contextlib.contextmanager
    def at_one_moment(self) -> Iterator["HubStore"]:
        """The same store, for reading: all that is read through it is of one moment."""
        with self.reading() as connection:
            yield _Moment(self, connection)

    def told_blocks(self) -> Sequence[ToldBlock]:
        """What this site tells the others of its blocks. Cheap: polled."""
        with self.reading() as connection:
            return read_told(connection)

    def all_journals(self) -> Sequence[Journal]:
        """Every journal, the one that was first seen last at the end."""
        table = schema.journals
        with self.reading() as connection:
            rows = connection.execute(select(table).order_by(table.c.first_seen_ms, table.c.gate, table.c.epoch))
            return [journal_of(row) for row in rows]

    def revision(self) -> int:
        """The current revision of the permit list; 0 when there never was one. Cheap: polled."""
        with self.reading() as connection:
            return read_revision(connection)

    def list_head(self) -> ListHead:
        """Which list is the current one. Cheap: polled."""
        with self.reading() as connection:
            return read_head(connection)

    def changes_since(self, revision: int) -> Sequence[WirePermit] | None:
        """The permits that are new or other since a revision; None when that cannot be told."""
        with self.reading() as connection:
            return read_changes(connection, revision)

    def confirm_revision(self, revision: int, now_ms: int) -> None:
        """Every gate on line has it. What was said first stays."""
        table = schema.revisions
        with self.writing() as connection:
            first = and_(table.c.revision == revision, table.c.confirmed_ms.is_(None))
            connection.execute(update(table).where(first).values(confirmed_ms=now_ms))

    def give(self, asked: Asked, now_ms: int, valid_ms: int) -> GivenCommand:
        """Put down a command; the hub that runs sends it."""
        with self.writing() as connection:
            return put_command(connection, asked, now_ms, valid_ms)

    def commands(self, limit: int) -> Sequence[GivenCommand]:
        """The newest first."""
        with self.reading() as connection:
            return read_commands(connection, limit=limit)

    def commands_valid(self, now_ms: int) -> Sequence[GivenCommand]:
        """Those that a gate may still carry out. Cheap: polled."""
        with self.reading() as connection:
            return read_commands(connection, valid_at_ms=now_ms)

    def answers(self, commands: Sequence[GivenCommand]) -> dict[int, Answer]:
        """By number, of those that a gate has answered."""
        with self.reading() as connection:
            return read_answers(connection, commands)

    def answers_by_time(self, commands: Sequence[GivenCommand]) -> dict[int, Answer]:
        """The same, without those of gates whose clock is wrong. Cheap: polled."""
        with self.reading() as connection:
            return read_answers_by_time(connection, commands)

    def permit_list(self) -> PermitList:
        """The current list, all of one moment."""
        with self.reading() as connection:
            return read_permits(connection)

    def presence_change(self) -> int:
        """How often presence was written; it only grows. Cheap: polled."""
        with self.reading() as connection:
            return connection.scalar(select(func.max(schema.presence.c.change))) or 0

    def located(self, after_change: int, left_after_ms: int) -> Sequence[Located]:
        """Where the cards are whose presence changed after that, without those who left before, oldest first.

        Whose check-out was forgotten has left, but no sooner than a moment after the last sighting: so any that
        comes late counts for more than that guess. Who is inside only by what another system reports is not told.
        """
        seen, permits = schema.presence, schema.permits
        same = and_(permits.c.scheme == seen.c.scheme, permits.c.number == seen.c.number)
        left_lately = or_(seen.c.time_ms >= left_after_ms, seen.c.closed_ms >= left_after_ms)
        inside = and_(seen.c.zone != OUTSIDE, seen.c.closed_ms.is_(None))
        chosen = (
            select(seen.c.scheme, seen.c.number, seen.c.zone, seen.c.time_ms, seen.c.closed_ms, permits.c.groups)
            .select_from(seen.outerjoin(permits, same))
            .where(
                seen.c.change > after_change,
                # Somebody whom an app has checked in on the way to the gate has not been through it yet.
                not_(and_(seen.c.certainty == Certainty.REPORTED.value, inside)),
                or_(inside, left_lately),
            )
            .order_by(seen.c.time_ms)
        )
        with self.reading() as connection:
            return [_located(row) for row in connection.execute(chosen)]

    def gate_health(self) -> dict[str, GateHealth]:
        """The health of every gate that ever spoke."""
        with self.reading() as connection:
            return {row.gate: _health(row) for row in connection.execute(select(schema.gates))}

    def put_gate_health(self, healths: Sequence[GateHealth]) -> None:
        """Insert or replace."""
        with self.writing() as connection:
            put(connection, schema.gates, [_health_row(health) for health in healths])

    def reject(self, rejected: Sequence[Rejected]) -> None:
        """Keep aside what came outside of ingest."""
        with self.intake() as transaction:
            transaction.reject(rejected)
            transaction.count({"rejected": len(rejected)})

    def remembered(self, name: str, fresh: str) -> str:
        """The value kept under this name; `fresh` is kept and returned when there is none yet."""
        table = schema.about
        with self.writing() as connection:
            kept = connection.scalar(select(table.c.value).where(table.c.name == name))
            if kept is None:
                connection.execute(table.insert(), {"name": name, "value": fresh})
            return fresh if kept is None else str(kept)

    def recall(self, name: str) -> str | None:
        """The value kept under this name."""
        table = schema.about
        with self.reading() as connection:
            return connection.scalar(select(table.c.value).where(table.c.name == name))

    def remember(self, name: str, value: str) -> str | None:
        """Keep this value under this name; returns the one that was kept before."""
        table = schema.about
        with self.writing() as connection:
            before: str | None = connection.scalar(select(table.c.value).where(table.c.name == name))
            put(connection, table, [{"name": name, "value": value}])
            return before


class WatchedStore(WatchedDatabase, HubStore):
    """The store of a hub that runs, for who only looks: neither made nor brought up to date."""


class _Moment(HubStore):
    """See `HubStore.at_one_moment`."""

    def __init__(self, store: HubStore, connection: Connection) -> None:
        self._backend = store._backend
        self._connection = connection

    @contextlib.contextmanager
    def reading(self) -> Iterator[Connection]:
        yield self._connection


def _located(row: Any) -> Located:
    card, groups = CardKey(row.scheme, row.number), tuple((row.groups or "").split())
    if row.closed_ms is not None:
        return Located(card, OUTSIDE, row.time_ms + 1, groups)
    return Located(card, row.zone, row.time_ms, groups)


def _health(row: Any) -> GateHealth:
    status: Status = decode_status(row.status)
    return GateHealth(status, row.seen_ms, tuple(json.loads(row.instances)), row.conflicts, row.conflict_ms)


def _health_row(health: GateHealth) -> dict[str, object]:
    return {
        "gate": health.status.gate,
        "status": encode_status(health.status),
        "seen_ms": health.seen_ms,
        "instances": json.dumps(health.instances),
        "conflicts": health.conflicts,
        "conflict_ms": health.conflict_ms,
    }
