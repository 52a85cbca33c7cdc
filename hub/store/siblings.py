"""One book of another site's blocks into the store: what it changes, how far that site was heard, and the permits."""

import json
from collections.abc import Iterable, Mapping, Sequence

import msgspec
from sqlalchemy import Connection, func, not_, select, update

from hub.permits import Requirements
from hub.presence import CardKey, place_of
from hub.records import AuditEntry, HeardBlock, Rejected
from hub.store import blocks, schema
from hub.store.check_ins import CheckInTransaction
from hub.store.crew import CrewTransaction


class SiblingTransaction:
    """Reads and writes what other sites' hubs have said, inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._crew = CrewTransaction(connection)
        self._source = CheckInTransaction(connection)

    def heard_up_to(self, source: str) -> dict[str, int]:
        """By site the `made_ms` of the newest book that was taken of it."""
        try:
            return msgspec.json.decode(self._source.cursor(source) or "{}", type=dict[str, int])
        except msgspec.DecodeError:
            # A source of another kind was called so before.
            return {}

    def heard_of(self, origin: str) -> Mapping[CardKey, HeardBlock]:
        """What is known of one site's blocks."""
        return {CardKey(one.scheme, one.number): one for one in blocks.read_heard(self._connection, origin)}

    def fresh_since(self, origin: str, since_ms: int) -> int:
        """How many cards of it were taken since then without anybody's word."""
        table = schema.heard_blocks
        chosen = select(func.count()).where(
            table.c.origin == origin, table.c.heard_ms >= since_ms, not_(table.c.held), table.c.accepted_by.is_(None)
        )
        return self._connection.scalar(chosen) or 0

    def write(self, heard: Sequence[HeardBlock], lifted: Iterable[HeardBlock], entries: Iterable[AuditEntry]) -> None:
        """What a book has changed."""
        blocks.write_heard(self._connection, heard)
        blocks.drop_heard(self._connection, lifted)
        for entry in entries:
            self._crew.note(entry)

    def compile(self, now_ms: int, requirements: Requirements) -> int:
        """The permits that follow; the revision, 0 where none may go out yet."""
        return self._crew.compile(now_ms, requirements).revision if self._crew.may_publish() else 0

    def took(self, source: str, up_to: Mapping[str, int], now_ms: int) -> None:
        """So far the sites were heard."""
        self._source.succeeded(source, json.dumps(dict(sorted(up_to.items()))), now_ms)

    def well(self, source: str, now_ms: int) -> None:
        """The broker is there, and had nothing new."""
        self._source.succeeded(source, self._source.cursor(source), now_ms)

    def failed(self, source: str, words: str, now_ms: int) -> None:
        """The broker could not be read."""
        self._source.failed(source, words, now_ms)

    def refuse(self, source: str, why: Iterable[str], now_ms: int) -> None:
        """Keep why something was not taken, and when it was so last."""
        table, topic = schema.quarantine, place_of(source)
        for words in why:
            again = update(table).where(table.c.topic == topic, table.c.why == words).values(at_ms=now_ms)
            if not self._connection.execute(again).rowcount:
                self._source.set_aside(source, [Rejected(topic, b"", words, now_ms)])
