"""Crew lists that were taken in, in SQL: which they were, and who was on the newest ones."""

import itertools
import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping

import msgspec
from sqlalchemy import Connection, and_, delete, func, select, update

from hub.presence import CardKey
from hub.records import CrewMember, KeptList
from hub.store import schema

_PART_ROWS = 5_000
_CHAIN = -1
"""The part that holds who engaged whom."""
_decoder = msgspec.msgpack.Decoder(list[CrewMember])
_chain_decoder = msgspec.msgpack.Decoder(dict[str, str])


def begin(connection: Connection, name: str, taken_by: str, taken_ms: int) -> int:
    """Note a list; returns its number. What came of it is said with `finish`."""
    table = schema.crew_lists
    number = (connection.scalar(select(func.max(table.c.id))) or 0) + 1
    row = {"id": number, "name": name, "taken_ms": taken_ms, "taken_by": taken_by}
    connection.execute(table.insert(), row | {"people": 0, "change": "", "revision": 0})
    return number


def finish(
    connection: Connection,
    number: int,
    members: Iterable[CrewMember],
    engaged_by: Mapping[str, str],
    said: Mapping[str, str | int],
) -> None:
    """Keep who is on the list now, with their contractor chain, and what is `said` of it: its change and revision."""
    rest = iter(members)
    _put_part(connection, number, _CHAIN, engaged_by)
    people = 0
    for part in itertools.count():
        piece = list(itertools.islice(rest, _PART_ROWS))
        if not piece:
            break
        people += len(piece)
        _put_part(connection, number, part, piece)
    table = schema.crew_lists
    connection.execute(update(table).where(table.c.id == number).values(**said, people=people))


def _put_part(connection: Connection, number: int, part: int, held: object) -> None:
    body = zlib.compress(msgspec.msgpack.encode(held), 1)
    connection.execute(schema.crew_list_parts.insert(), {"list_id": number, "part": part, "body": body})


def forget_rows(connection: Connection, keep: int) -> None:
    """Of all but the newest so many lists, forget who was on them."""
    table, parts = schema.crew_lists, schema.crew_list_parts
    newest = connection.scalars(select(table.c.id).order_by(table.c.id.desc()).limit(keep)).all()
    connection.execute(delete(parts).where(parts.c.list_id.not_in(newest)))


def forget_cards(connection: Connection, cards: Collection[CardKey]) -> int:
    """Take these cards out of every list that one can go back to; how many rows went."""
    table = schema.crew_list_parts
    gone = 0
    for row in connection.execute(select(table).where(table.c.part >= 0)).all():
        members = _decoder.decode(zlib.decompress(row.body))
        rest = [member for member in members if CardKey(member.scheme, member.number) not in cards]
        if len(rest) != len(members):
            gone += len(members) - len(rest)
            body = zlib.compress(msgspec.msgpack.encode(rest), 1)
            which = and_(table.c.list_id == row.list_id, table.c.part == row.part)
            connection.execute(update(table).where(which).values(body=body))
    return gone


def members_of(connection: Connection, number: int) -> Iterator[CrewMember]:
    """Who was on a kept list after it had been taken in; a piece at a time."""
    table = schema.crew_list_parts
    bodies = select(table.c.body).where(table.c.list_id == number, table.c.part >= 0).order_by(table.c.part)
    for body in connection.scalars(bodies, execution_options={"yield_per": 1}):
        yield from _decoder.decode(zlib.decompress(body))


def chain_of(connection: Connection, number: int) -> dict[str, str]:
    """Who had engaged whom when a kept list had been taken in."""
    table = schema.crew_list_parts
    body = connection.scalar(select(table.c.body).where(table.c.list_id == number, table.c.part == _CHAIN))
    return _chain_decoder.decode(zlib.decompress(body)) if body else {}


def kept_lists(connection: Connection) -> list[KeptList]:
    """Every list that was taken in, the newest first."""
    table, parts = schema.crew_lists, schema.crew_list_parts
    still = set(connection.scalars(select(parts.c.list_id).distinct()))
    rows = connection.execute(select(table).order_by(table.c.id.desc()))
    return [
        KeptList(
            row.id, row.name, row.taken_ms, row.taken_by, row.people, row.change, row.revision, kept=row.id in still
        )
        for row in rows
    ]
