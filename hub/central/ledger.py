"""What each target was told, and what it said, in the hub's database.

Only the target's own courier and a person's words write here, so nobody has to wait for anybody: a row is claimed by
nothing but its state.
"""

import contextlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import BigInteger, Connection, Update, and_, bindparam, func, or_, select, update

from hub.central import streams, what_is_due
from hub.central.delivery import Ahead, Delivery, Found, Receiver, State
from hub.central.happening import Happening, Place, Stream
from hub.central.streams import Piece, Span
from hub.central.target import Item
from hub.corrections import history
from hub.errors import OfficeError
from hub.presence import CardKey, Sighting
from hub.records import CrewMember
from hub.store import HubStore, SqlEventTransaction, schema
from hub.store.database import upsert
from hub.store.people import read_members

READ_AT_ONCE = 500
"""Happenings that are looked at in one transaction."""
SETTLED = ("at_ms", "state", "attempts", "due_ms", "words", "field", "receiver_id", "digest", "answered_ms")
"""What an answer may change."""


class Ledger:
    """One target's part. Every method may raise StoreError; then nothing was written."""

    def __init__(self, store: HubStore, site: str, target: str) -> None:
        self._store = store
        self._site = site
        self._target = target
        self._read_since_ms = 0
        """From when on the target was to be told when it was last read what comes next."""

    def enter(self, kind: str, since_ms: int | None, now_ms: int) -> None:
        """Know the target. One that is new is told of what happens from `since_ms` on; without that, from now on."""
        table = schema.targets
        with self._store.taking_in() as connection:
            known = connection.scalar(select(table.c.kind).where(table.c.name == self._target))
            if known is not None:
                changed = {"kind": kind, "stopped": None, "pause_until_ms": 0}
                connection.execute(update(table).where(table.c.name == self._target).values(**changed))
                return
            connection.execute(
                table.insert(),
                {
                    "name": self._target,
                    "kind": kind,
                    "since_ms": now_ms if since_ms is None else since_ms,
                    "failures": 0,
                    "pause_until_ms": 0,
                    "words": "",
                },
            )
            if since_ms is None:
                self._put_cursors(connection, streams.ends(connection))

    def ahead(self) -> Ahead:
        """What comes next in every stream, a piece of each."""
        with self._store.reading() as connection:
            known = self._cursors(connection)
            found: list[Happening] = []
            cursors: dict[Stream, int] = {}
            for stream, end in streams.ends(connection).items():
                after = known.get(stream, 0)
                if end <= after or len(found) >= READ_AT_ONCE:
                    continue
                piece = streams.read(connection, self._site, Span(stream, after, end), READ_AT_ONCE - len(found))
                found += piece.happenings
                cursors[stream] = piece.through
            self._read_since_ms = self._since_ms(connection)
        return Ahead([one for one in found if one.from_on(self._read_since_ms)], cursors)

    def plan(self, wanted: Sequence[tuple[Happening, Item]], cursors: Mapping[Stream, int], now_ms: int) -> None:
        """Put items into the queue and move the cursors. An item that is there already is looked at again where
        something else has happened to it since. Nothing at all, where a backfill has begun since `ahead`: that has
        not seen these, and they were chosen by the day before."""
        table = schema.deliveries
        with self._store.taking_in() as connection:
            if self._asked_from(connection) != self._read_since_ms:
                return
            statement = upsert(connection, table)
            new = statement.excluded
            again = statement.on_conflict_do_update(
                index_elements=["target", "id"],
                set_={
                    "happening": new.happening, "stream": new.stream, "epoch": new.epoch, "seq": new.seq,
                    "at_ms": new.at_ms, "state": State.WAITING.value, "due_ms": new.due_ms,
                    "ready_ms": new.ready_ms, "attempts": 0, "words": "",
                },
                where=table.c.happening != new.happening,
            )  # fmt: skip
            # One statement a row: of two items with one id the later is the one that counts.
            rows = [self._row(happening, item, now_ms) for happening, item in wanted]
            if rows:
                connection.execute(again, rows)
            self._put_cursors(connection, cursors)

    def due(self, now_ms: int, most: int, under_way: Collection[str]) -> Found:
        """What may be sent now, of each card the earliest that is open; what was never tried goes before what has
        failed, so that one that always fails is not all that a receiver ever sees."""
        with self._store.reading() as connection:
            return _found(what_is_due.due(connection, self._target, now_ms, most, under_way))

    def to_ask(self, now_ms: int, most: int) -> list[Delivery]:
        """What the receiver has in its own queue, and may be asked for."""
        table = schema.deliveries
        chosen = select(table).where(
            table.c.target == self._target, table.c.state == State.QUEUED.value, table.c.due_ms <= now_ms
        )
        with self._store.reading() as connection:
            return _found(connection.execute(chosen.order_by(table.c.due_ms).limit(most))).deliveries

    def waiting_of(self, streams: Collection[Stream]) -> Found:
        """All of these streams that waits to be sent."""
        table = schema.deliveries
        theirs = or_(*(and_(table.c.stream == one.name, table.c.epoch == one.epoch) for one in streams))
        waiting = and_(table.c.target == self._target, table.c.state == State.WAITING.value)
        with self._store.reading() as connection:
            return _found(connection.execute(select(table).where(waiting, theirs)))

    def next_due_ms(self, from_ms: int = 0) -> int | None:
        """When something may be sent or asked for, from that time on; None when nothing is open."""
        with self._store.reading() as connection:
            return what_is_due.next_due_ms(connection, self._target, from_ms)

    @contextlib.contextmanager
    def facts(self, places: Mapping[str, Place]) -> Iterator["SqlFacts"]:
        """What drafts are made from, all of one moment."""
        with self._store.reading() as connection:
            yield SqlFacts(connection, self._site, places)

    def settle(self, deliveries: Sequence[Delivery], receiver: Receiver, now_ms: int) -> None:
        """Write down what came of these, and how the receiver is."""
        targets = schema.targets
        with self._store.taking_in() as connection:
            if deliveries:
                connection.execute(self._settling(), [_changed(one, now_ms) for one in deliveries])
            connection.execute(
                update(targets)
                .where(targets.c.name == self._target)
                .values(
                    failures=receiver.failures,
                    pause_until_ms=receiver.pause_until_ms,
                    stopped=receiver.stopped,
                    words=receiver.words,
                    accepted_ms=receiver.accepted_ms,
                )
            )

    def receiver(self) -> Receiver:
        """How the target was when it was written down last; a person may have woken it since."""
        table = schema.targets
        with self._store.reading() as connection:
            row = connection.execute(select(table).where(table.c.name == self._target)).one()
            return Receiver(row.failures, row.pause_until_ms, row.stopped, row.words, row.accepted_ms)

    # --- what has happened already ---------------------------------------------------------------

    def begin_backfill(self, since_ms: int) -> list[Span]:
        """What is to be walked, or is left of it. Raises OfficeError when the target is not known here."""
        targets, cursors = schema.targets, schema.target_cursors
        mine = targets.c.name == self._target
        with self._store.taking_in() as connection:
            row = connection.execute(select(targets).where(mine)).first()
            if row is None:
                raise OfficeError(
                    f"target {self._target!r} is not known yet; it is from the first `hub run` with it in the settings"
                )
            if row.backfill_since_ms != since_ms:
                connection.execute(
                    update(targets).where(mine).values(backfill_since_ms=since_ms, since_ms=min(row.since_ms, since_ms))
                )
                afresh = update(cursors).where(cursors.c.target == self._target).values(backfill_seq=None)
                connection.execute(afresh)
            rows = connection.execute(select(cursors).where(cursors.c.target == self._target))
            return [Span(Stream(one.stream, one.epoch), one.backfill_seq or 0, one.seq) for one in rows]

    def end_backfill(self) -> None:
        """The next one begins at the beginning."""
        targets, cursors = schema.targets, schema.target_cursors
        with self._store.taking_in() as connection:
            connection.execute(update(targets).where(targets.c.name == self._target).values(backfill_since_ms=None))
            connection.execute(update(cursors).where(cursors.c.target == self._target).values(backfill_seq=None))

    def pieces(self, span: Span) -> Iterator[Piece]:
        """A span, a piece at a time."""
        while span.after < span.through:
            with self._store.reading() as connection:
                piece = streams.read(connection, self._site, span, READ_AT_ONCE)
            yield piece
            span = span._replace(after=piece.through)

    def add(self, wanted: Sequence[tuple[Happening, Item]], walked: Mapping[Stream, int], now_ms: int) -> int:
        """Queue what is not there yet, and note how far a backfill has come; returns how many were new."""
        cursors = schema.target_cursors
        with self._store.taking_in() as connection:
            count = self._put_new(connection, wanted, now_ms)
            for stream, seq in walked.items():
                place = and_(
                    cursors.c.target == self._target, cursors.c.stream == stream.name, cursors.c.epoch == stream.epoch
                )
                connection.execute(update(cursors).where(place).values(backfill_seq=seq))
        return count

    def since_ms(self) -> int:
        """From when on the target is told."""
        with self._store.reading() as connection:
            return self._since_ms(connection)

    def reconciled_ms(self) -> int | None:
        """When it was looked after last that nothing is missing."""
        table = schema.targets
        with self._store.reading() as connection:
            last: int | None = connection.scalar(select(table.c.reconciled_ms).where(table.c.name == self._target))
            return last

    def told_since(self, from_ms: int) -> list[Span]:
        """What the target was asked about, from about that time on."""
        with self._store.reading() as connection:
            begins = streams.begins(connection, from_ms)
            return [
                Span(stream, begins[stream] - 1, seq)
                for stream, seq in self._cursors(connection).items()
                if stream in begins and begins[stream] <= seq
            ]

    def states(self, ids: Sequence[str]) -> dict[str, str]:
        """In which state each of these is; nothing of those that are not there."""
        with self._store.reading() as connection:
            return self._states(connection, ids)

    def note(self, counted: Mapping[str, int], missing: Sequence[tuple[Happening, Item]], now_ms: int) -> None:
        """Keep what the daily look has found, and queue what was missing."""
        table, targets = schema.reconciliations, schema.targets
        with self._store.taking_in() as connection:
            self._put_new(connection, missing, now_ms)
            connection.execute(table.insert(), {"target": self._target, "at_ms": now_ms, **counted})
            connection.execute(update(targets).where(targets.c.name == self._target).values(reconciled_ms=now_ms))

    def _put_new(self, connection: Connection, wanted: Sequence[tuple[Happening, Item]], now_ms: int) -> int:
        known = self._states(connection, [item.id for _, item in wanted])
        new = {item.id: self._row(told, item, now_ms) for told, item in wanted if item.id not in known}
        if new:
            connection.execute(upsert(connection, schema.deliveries).on_conflict_do_nothing(), list(new.values()))
        return len(new)

    def _settling(self) -> Update:
        """One statement for any number of rows."""
        table = schema.deliveries
        # Where something else has happened to it meanwhile, it is looked at again.
        as_it_was = and_(
            table.c.target == self._target,
            table.c.id == bindparam("its_id", type_=table.c.id.type),
            table.c.happening == bindparam("its_happening", type_=table.c.happening.type),
        )
        first_sent_ms = func.coalesce(table.c.first_sent_ms, bindparam("sent_ms", type_=BigInteger))
        values: dict[str, Any] = {name: bindparam(name, type_=table.c[name].type) for name in SETTLED}
        return update(table).where(as_it_was).values(values | {"first_sent_ms": first_sent_ms})

    def _states(self, connection: Connection, ids: Sequence[str]) -> dict[str, str]:
        table = schema.deliveries
        found: dict[str, str] = {}
        for start in range(0, len(ids), 500):
            chosen = select(table.c.id, table.c.state).where(
                table.c.target == self._target, table.c.id.in_(ids[start : start + 500])
            )
            found |= {row.id: row.state for row in connection.execute(chosen)}
        return found

    def _cursors(self, connection: Connection) -> dict[Stream, int]:
        table = schema.target_cursors
        rows = connection.execute(select(table).where(table.c.target == self._target))
        return {Stream(row.stream, row.epoch): row.seq for row in rows}

    def _since_ms(self, connection: Connection) -> int:
        table = schema.targets
        return connection.scalar(select(table.c.since_ms).where(table.c.name == self._target)) or 0

    def _asked_from(self, connection: Connection) -> int:
        """The same, and nobody changes it until this transaction has ended."""
        table = schema.targets
        mine = select(table.c.since_ms).where(table.c.name == self._target)
        return connection.scalar(mine.with_for_update()) or 0

    def _put_cursors(self, connection: Connection, cursors: Mapping[Stream, int]) -> None:
        if not cursors:
            return
        statement = upsert(connection, schema.target_cursors)
        rows = [
            {"target": self._target, "stream": stream.name, "epoch": stream.epoch, "seq": seq}
            for stream, seq in cursors.items()
        ]
        moved = statement.on_conflict_do_update(
            index_elements=["target", "stream", "epoch"], set_={"seq": statement.excluded.seq}
        )
        connection.execute(moved, rows)

    def _row(self, happening: Happening, item: Item, now_ms: int) -> dict[str, Any]:
        return {
            "target": self._target,
            "id": item.id,
            "happening": item.happening,
            "stream": happening.stream.name,
            "epoch": happening.stream.epoch,
            "seq": happening.seq,
            "scheme": item.card.scheme if item.card else None,
            "number": item.card.number if item.card else None,
            "at_ms": item.at_ms,
            "ready_ms": max(now_ms, item.not_before_ms),
            "state": State.WAITING.value,
            "attempts": 0,
            "due_ms": item.not_before_ms,
            "words": "",
            "field": None,
            "receiver_id": None,
            "digest": None,
            "first_sent_ms": None,
            "answered_ms": None,
        }


class SqlFacts:
    """See `hub.central.target.Facts`."""

    def __init__(self, connection: Connection, site: str, places: Mapping[str, Place]) -> None:
        """`places` says where each happening is kept."""
        self._connection = connection
        self._places = places
        self._told = {one.id: one for one in streams.find(connection, site, places.values())}
        self._holders: dict[CardKey, CrewMember] = {}
        self._asked: set[CardKey] = set()

    def happening(self, happening: str) -> Happening | None:
        return self._told.get(happening)

    def holder(self, card: CardKey) -> CrewMember | None:
        if card not in self._asked:
            cards = {one.card for one in self._told.values() if one.card is not None} | {card}
            self._asked |= cards
            found = read_members(self._connection, cards)
            self._holders |= {CardKey(one.scheme, one.number): one for one in found}
        return self._holders.get(card)

    def sightings(self, card: CardKey, from_ms: int, until_ms: int) -> Sequence[Sighting]:
        found = history(SqlEventTransaction(self._connection), [card])
        return sorted({one for one in found if from_ms <= one.time_ms <= until_ms})


def _changed(one: Delivery, now_ms: int) -> dict[str, Any]:
    return {
        "its_id": one.item.id,
        "its_happening": one.item.happening,
        "sent_ms": now_ms if one.attempts else None,
        "at_ms": one.item.at_ms,
        "state": one.state.value,
        "attempts": one.attempts,
        "due_ms": one.due_ms,
        "words": one.words,
        "field": one.field,
        "receiver_id": one.receiver_id,
        "digest": one.digest,
        "answered_ms": one.answered_ms,
    }


def _found(rows: Any) -> Found:
    deliveries: list[Delivery] = []
    places: dict[str, Place] = {}
    first_sent: dict[str, int] = {}
    for row in rows:
        card = CardKey(row.scheme, row.number) if row.number is not None else None
        item = Item(row.id, row.happening, card, row.at_ms)
        deliveries.append(
            Delivery(
                item, State(row.state), row.attempts, row.due_ms, row.words, row.field, row.receiver_id, row.digest,
                row.answered_ms,
            )
        )  # fmt: skip
        places[row.happening] = Place(Stream(row.stream, row.epoch), row.seq)
        if row.first_sent_ms is not None:
            first_sent[row.id] = row.first_sent_ms
    return Found(deliveries, places, first_sent)
