"""The store's side of ingest: `hub.ingest.EventTransaction` in SQL."""

from collections.abc import Collection, Mapping, Sequence
from itertools import pairwise
from typing import Any

from sqlalchemy import ColumnElement, Connection, String, Table, delete, func, select, tuple_, update

from gate.uplink.contract import MUSTER_BADGE
from hub.clones import Suspicion
from hub.corrections import Boot, Correction
from hub.muster import Frozen, Muster, MusterCheck
from hub.presence import (
    ENTRY,
    EXIT,
    MOVES,
    PASSAGE_COMPLETED,
    CardKey,
    Certainty,
    CheckIn,
    HandMark,
    Sighting,
    by_hand,
    reported,
)
from hub.records import ChainBreak, EventRecord, Fork, Journal, JournalKey, Link, Rejected
from hub.store import schema
from hub.store.database import put, upsert
from hub.store.postgres import copy_in, hold_gates, hold_presence, hold_quarantine

MAX_QUARANTINED = 1000
"""Rows kept aside; the oldest go first. The counter `rejected` has them all."""
MAX_QUARANTINED_BYTES = 4096
"""Of each payload; `size` tells how long it was."""

_FORK_FIELDS = tuple(Fork.__dataclass_fields__)
_INSERT_EVENTS = schema.events.insert()


class SqlEventTransaction:
    """See `hub.ingest.EventTransaction`, which is the contract."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def journals(self, keys: Collection[JournalKey]) -> Mapping[JournalKey, Journal]:
        table = schema.journals
        gates = sorted({key.gate for key in keys})
        hold_gates(self._connection, gates)
        found: dict[JournalKey, Journal] = {}
        for start in range(0, len(gates), 500):
            rows = self._connection.execute(select(table).where(table.c.gate.in_(gates[start : start + 500])))
            found.update((journal.key, journal) for journal in map(journal_of, rows) if journal.key in keys)
        return found

    def links(self, key: JournalKey, seqs: Sequence[int]) -> Mapping[int, Link]:
        table = schema.events
        wanted = select(table.c.seq, table.c.hash, table.c.previous).where(
            table.c.gate == key.gate, table.c.epoch == key.epoch
        )
        found: dict[int, Link] = {}
        for first, last in _runs(seqs):
            for row in self._connection.execute(wanted.where(table.c.seq.between(first, last))):
                found[row[0]] = Link(row[1], row[2])
        return found

    def add_events(self, records: Sequence[EventRecord]) -> None:
        # Past SQLAlchemy's parameter handling, which costs as much as the rest of ingest together. The
        # records are tuples in the order of the columns, and only the id has a form of its own.
        if self._connection.dialect.name == "postgresql":
            copy_in(self._connection, schema.events.name, records)
            return
        statement = str(_INSERT_EVENTS.compile(dialect=self._connection.dialect))
        rows = [(record.id.replace("-", ""), *record[1:]) for record in records]
        self._connection.exec_driver_sql(statement, rows)

    def put_journals(self, journals: Collection[Journal]) -> None:
        put(
            self._connection,
            schema.journals,
            [
                {
                    "gate": journal.key.gate,
                    "epoch": journal.key.epoch,
                    "through": journal.through,
                    "through_hash": journal.through_hash,
                    "highest": journal.highest,
                    "stored": journal.stored,
                    "first_seen_ms": journal.first_seen_ms,
                    **{f"fork_{name}": getattr(journal.fork, name, None) for name in _FORK_FIELDS},
                }
                for journal in journals
            ],
        )

    def see(self, sightings: Collection[Sighting]) -> None:
        table = schema.presence
        statement = upsert(self._connection, table)
        order = ("time_ms", "gate", "epoch", "seq")
        # The same order as hub.presence.later, in the database: no need to read the rows first.
        is_later = tuple_(*_by_code(self._connection, statement.excluded, order)) > tuple_(
            *_by_code(self._connection, table.c, order)
        )
        columns = (*order, "direction", "lane", "certainty", "uid", "zone", "change", "closed_ms")
        self._connection.execute(
            statement.on_conflict_do_update(
                index_elements=["scheme", "number"],
                set_={name: statement.excluded[name] for name in columns},
                where=is_later,
            ),
            self._presence_rows(sightings),
        )

    def last_seen(self, cards: Collection[CardKey]) -> Mapping[CardKey, Sighting]:
        table = schema.presence
        hold_presence(self._connection)
        found: dict[CardKey, Sighting] = {}
        for scheme in sorted({card.scheme for card in cards}):
            numbers = sorted(card.number for card in cards if card.scheme == scheme)
            for start in range(0, len(numbers), 500):
                chosen = table.c.number.in_(numbers[start : start + 500])
                rows = self._connection.execute(select(table).where(table.c.scheme == scheme, chosen))
                found |= {sighting.card: sighting for sighting in map(sighting_of, rows)}
        return found

    def suspect(self, suspicions: Collection[Suspicion]) -> None:
        rows = [
            {
                "scheme": one.card.scheme,
                "number": one.card.number,
                "sign": one.sign.value,
                "gate": one.gate,
                "time_ms": one.time_ms,
                "other_gate": one.other_gate,
                "other_time_ms": one.other_time_ms,
            }
            for one in suspicions
        ]
        put(self._connection, schema.suspicions, rows)

    def replace(self, sightings: Collection[Sighting]) -> None:
        put(self._connection, schema.presence, self._presence_rows(sightings))

    def next_change(self) -> int:
        """The number of this transaction, if it writes presence."""
        hold_presence(self._connection)
        return 1 + (self._connection.scalar(select(func.max(schema.presence.c.change))) or 0)

    def _presence_rows(self, sightings: Collection[Sighting]) -> list[dict[str, Any]]:
        change = self.next_change()
        return [_presence_row(sighting, change) for sighting in sightings]

    def everybody(self) -> Sequence[Sighting]:
        return [sighting_of(row) for row in self._connection.execute(select(schema.presence))]

    def entries_received(self, after_ms: int, until_ms: int) -> Sequence[tuple[str, bytes, int]]:
        table = schema.events
        chosen = select(table.c.gate, table.c.body, table.c.received_ms).where(
            table.c.kind == PASSAGE_COMPLETED,
            table.c.direction == ENTRY,
            table.c.received_ms > after_ms,
            table.c.received_ms <= until_ms,
        )
        return [(row.gate, row.body, row.received_ms) for row in self._connection.execute(chosen)]

    def said_of(self, cards: Collection[CardKey]) -> Sequence[Sighting]:
        marks = self._rows_of(schema.hand_marks, cards)
        said = [by_hand(CardKey(row.scheme, row.number), row.direction, row.at_ms, row.id) for row in marks]
        rows = [row for row in self._rows_of(schema.check_ins, cards) if row.direction in MOVES]
        told = [reported(row.source, check_in_of(row), row.seq) for row in rows]
        return said + [one for one in told if one is not None]

    def _rows_of(self, table: Table, cards: Collection[CardKey]) -> list[Any]:
        found: list[Any] = []
        for scheme in sorted({card.scheme for card in cards}):
            numbers = sorted(card.number for card in cards if card.scheme == scheme)
            for start in range(0, len(numbers), 500):
                chosen = table.c.number.in_(numbers[start : start + 500])
                found += self._connection.execute(select(table).where(table.c.scheme == scheme, chosen))
        return found

    def musters(self) -> Sequence[Muster]:
        table = schema.musters
        # Here already: who is on a new one is reckoned from the passages of all gates.
        hold_presence(self._connection)
        rows = self._connection.execute(select(table).order_by(table.c.began_ms.desc(), table.c.noticed_ms.desc()))
        return [
            Muster(row.id, row.began_ms, row.noticed_ms, row.gate, row.cause, row.closed_ms, row.closed_by)
            for row in rows
        ]

    def freeze(self, muster: Muster, people: Sequence[Frozen]) -> None:
        statement = upsert(self._connection, schema.musters).on_conflict_do_nothing()
        kept = self._connection.execute(statement, _muster_row(muster)).rowcount
        if kept and people:
            self._connection.execute(schema.muster_people.insert(), _frozen_rows(muster, people))

    def shown_since(self, received_ms: int) -> Sequence[tuple[str, bytes, int]]:
        return self._shown(schema.events.c.received_ms >= received_ms)

    def shown_between(self, from_ms: int, until_ms: int) -> Sequence[tuple[str, bytes, int]]:
        return self._shown(schema.events.c.time_ms.between(from_ms, until_ms))

    def _shown(self, where: ColumnElement[bool]) -> Sequence[tuple[str, bytes, int]]:
        table = schema.events
        chosen = select(table.c.gate, table.c.body, table.c.received_ms).where(table.c.kind == MUSTER_BADGE, where)
        return [(row.gate, row.body, row.received_ms) for row in self._connection.execute(chosen)]

    def cards_of_chips(self, uids: Collection[str]) -> Sequence[tuple[str, CardKey]]:
        table = schema.presence
        found: list[tuple[str, CardKey]] = []
        wanted = sorted(uids)
        for start in range(0, len(wanted), 500):
            chosen = table.c.uid.in_(wanted[start : start + 500])
            rows = self._connection.execute(select(table.c.uid, table.c.scheme, table.c.number).where(chosen))
            found += [(row.uid, CardKey(row.scheme, row.number)) for row in rows]
        return found

    def checks(self, muster: str) -> list[MusterCheck]:
        table = schema.muster_checks
        rows = self._connection.execute(select(table).where(table.c.muster == muster).order_by(table.c.id))
        return [MusterCheck(CardKey(row.scheme, row.number), row.seen, row.at_ms, row.said_by) for row in rows]

    def tick_off(self, muster: str, check: MusterCheck) -> None:
        self.check(muster, check)
        direction, reason = (EXIT, "seen outside at the muster") if check.seen else (ENTRY, "not seen at the muster")
        self.mark(HandMark(check.card, direction, check.at_ms, check.said_by, reason, check.at_ms))

    def check(self, muster: str, check: MusterCheck) -> None:
        """Keep that somebody was seen outside, or was not."""
        self._connection.execute(
            schema.muster_checks.insert(),
            {
                "muster": muster,
                "scheme": check.card.scheme,
                "number": check.card.number,
                "seen": check.seen,
                "at_ms": check.at_ms,
                "said_by": check.said_by,
            },
        )

    def mark(self, mark: HandMark) -> Sighting:
        """Keep a word, and let it count where it is the latest. Returns it as a sighting."""
        table = schema.hand_marks
        row = {
            "scheme": mark.card.scheme,
            "number": mark.card.number,
            "direction": mark.direction,
            "at_ms": mark.at_ms,
            "said_by": mark.said_by,
            "reason": mark.reason,
            "made_ms": mark.made_ms,
        }
        number = self._connection.scalar(table.insert().values(row).returning(table.c.id)) or 0
        sighting = by_hand(mark.card, mark.direction, mark.at_ms, number)
        self.see([sighting])
        return sighting

    def corrections(self, keys: Collection[JournalKey]) -> Mapping[Boot, Correction]:
        table = schema.clock_corrections
        # Here already: what is put right is reckoned from the passages of all gates.
        hold_presence(self._connection)
        gates = {key.gate for key in keys}
        rows = self._connection.execute(select(table).where(table.c.gate.in_(gates)))
        found = [Correction(Boot(JournalKey(row.gate, row.epoch), row.boot), row.seq, row.offset_ms) for row in rows]
        return {one.boot: one for one in found if one.boot.key in keys}

    def put_corrections(self, corrections: Collection[Correction]) -> None:
        rows = [
            {
                "gate": one.boot.key.gate,
                "epoch": one.boot.key.epoch,
                "boot": one.boot.boot,
                "seq": one.seq,
                "offset_ms": one.offset_ms,
            }
            for one in corrections
        ]
        put(self._connection, schema.clock_corrections, rows)

    def bodies_before(self, key: JournalKey, seq: int, limit: int) -> Sequence[bytes]:
        table = schema.events
        wanted = select(table.c.body).where(table.c.gate == key.gate, table.c.epoch == key.epoch, table.c.seq < seq)
        return self._connection.scalars(wanted.order_by(table.c.seq.desc()).limit(limit)).all()

    def passages_of(self, cards: Collection[CardKey]) -> Sequence[tuple[str, bytes]]:
        table = schema.events
        wanted = select(table.c.gate, table.c.body).where(table.c.kind == PASSAGE_COMPLETED)
        found: list[tuple[str, bytes]] = []
        for scheme in sorted({card.scheme for card in cards}):
            numbers = sorted(card.number for card in cards if card.scheme == scheme)
            for start in range(0, len(numbers), 500):
                chosen = table.c.number.in_(numbers[start : start + 500])
                rows = self._connection.execute(wanted.where(table.c.scheme == scheme, chosen))
                found += [(row.gate, row.body) for row in rows]
        return found

    def reject(self, rejected: Sequence[Rejected]) -> None:
        table = schema.quarantine
        hold_quarantine(self._connection)
        self._connection.execute(
            table.insert(),
            [
                {
                    "topic": _storable(one.topic, 200),
                    "payload": one.payload[:MAX_QUARANTINED_BYTES],
                    "size": len(one.payload),
                    "why": _storable(one.why, 500),
                    "at_ms": one.at_ms,
                }
                for one in rejected[-MAX_QUARANTINED:]
            ],
        )
        newest = self._connection.scalar(select(func.max(table.c.id))) or 0
        self._connection.execute(delete(table).where(table.c.id <= newest - MAX_QUARANTINED))

    def break_chain(self, breaks: Sequence[ChainBreak]) -> None:
        rows: list[dict[str, Any]] = [
            {
                "gate": one.key.gate,
                "epoch": one.key.epoch,
                "seq": one.seq,
                "expected": one.expected,
                "found": one.found,
                "at_ms": one.at_ms,
            }
            for one in breaks
        ]
        self._connection.execute(upsert(self._connection, schema.chain_breaks).on_conflict_do_nothing(), rows)

    def count(self, numbers: Mapping[str, int]) -> None:
        if not numbers:
            return
        table = schema.counters
        statement = upsert(self._connection, table)
        self._connection.execute(
            statement.on_conflict_do_update(
                index_elements=["name"], set_={"value": table.c.value + statement.excluded.value}
            ),
            [{"name": name, "value": value} for name, value in sorted(numbers.items())],
        )


def _by_code(connection: Connection, columns: Any, names: Sequence[str]) -> list[Any]:
    """Text in the order of its characters' numbers, as SQLite and Python have it: PostgreSQL sorts as its locale."""
    if connection.dialect.name != "postgresql":
        return [columns[name] for name in names]
    return [columns[name].collate("C") if isinstance(columns[name].type, String) else columns[name] for name in names]


def _presence_row(sighting: Sighting, change: int) -> dict[str, Any]:
    return {
        "scheme": sighting.card.scheme,
        "number": sighting.card.number,
        "time_ms": sighting.time_ms,
        "gate": sighting.gate,
        "epoch": sighting.epoch,
        "seq": sighting.seq,
        "direction": sighting.direction,
        "lane": sighting.lane,
        "certainty": str(sighting.certainty),
        "uid": sighting.uid,
        "zone": sighting.zone,
        "change": change,
        "closed_ms": None,
    }


def sighting_of(row: Any) -> Sighting:
    """A row of `presence` as a value."""
    card = CardKey(row.scheme, row.number)
    return Sighting(
        row.time_ms,
        row.gate,
        row.epoch,
        row.seq,
        card,
        row.direction,
        row.lane,
        Certainty(row.certainty),
        row.uid,
        row.zone,
    )


def check_in_of(row: Any) -> CheckIn:
    """A row of `check_ins` as a value."""
    card = None if row.number is None else CardKey(row.scheme, row.number)
    return CheckIn(row.theirs, row.direction, card, row.at_ms, row.deleted)


def keep_counting(connection: Connection, change: int) -> None:
    """After rows of presence have gone: the numbers of changes go on growing, though the greatest one may be gone."""
    table = schema.presence
    newest = select(func.max(table.c.change)).scalar_subquery()
    connection.execute(update(table).where(table.c.change == newest).values(change=change))


def _muster_row(muster: Muster) -> dict[str, object]:
    """A row of `musters`."""
    return {
        "id": muster.id,
        "began_ms": muster.began_ms,
        "noticed_ms": muster.noticed_ms,
        "gate": muster.gate,
        "cause": muster.cause,
        "closed_ms": muster.closed_ms,
        "closed_by": muster.closed_by,
        "running": True if muster.closed_ms is None else None,
    }


def _frozen_rows(muster: Muster, people: Sequence[Frozen]) -> list[dict[str, object]]:
    """Rows of `muster_people`."""
    return [
        {
            "muster": muster.id,
            "scheme": one.card.scheme,
            "number": one.card.number,
            "zone": one.zone,
            "since_ms": one.since_ms,
            "gate": one.gate,
            "lane": one.lane,
            "sure": one.sure.value,
            "out_ms": one.out_ms,
        }
        for one in people
    ]


def journal_of(row: Any) -> Journal:
    """A row of `journals` as a value."""
    fork = None if row.fork_seq is None else Fork(*(getattr(row, f"fork_{name}") for name in _FORK_FIELDS))
    return Journal(
        JournalKey(row.gate, row.epoch), row.through, row.through_hash, row.highest, row.stored, row.first_seen_ms, fork
    )


def _runs(seqs: Sequence[int]) -> list[tuple[int, int]]:
    """Ascending numbers as (first, last) of each stretch without a hole: one query each, and usually one."""
    if not seqs:
        return []
    if isinstance(seqs, range):
        return [(seqs[0], seqs[-1])]
    starts = [seqs[0], *(after for before, after in pairwise(seqs) if after != before + 1)]
    ends = [*(before for before, after in pairwise(seqs) if after != before + 1), seqs[-1]]
    return list(zip(starts, ends, strict=True))


def _storable(text: str, limit: int) -> str:
    """Cut, and free of what a database's text cannot hold (a lone surrogate, a NUL)."""
    return text[:limit].encode("utf-8", "replace").decode().replace("\0", "�")
