"""Blocked cards in SQL: by this site, by others for all sites, and those that the others have to hear of."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict

from sqlalchemy import ColumnElement, Connection, Table, and_, delete, not_, select

from hub.presence import CardKey
from hub.records import Block, HeardBlock, ToldBlock
from hub.store import schema
from hub.store.database import put

_OURS = tuple(schema.blocks.columns)
_HEARD = tuple(schema.heard_blocks.c[name] for name in HeardBlock.__dataclass_fields__)
_COUNTS = and_(not_(schema.heard_blocks.c.held), schema.heard_blocks.c.overruled_ms.is_(None))


def read_blocks(connection: Connection) -> list[Block]:
    """Every block that counts here, ours and those of other sites, the newest first. A card may have several."""
    table = schema.heard_blocks
    ours = [Block(*row) for row in connection.execute(select(*_OURS))]
    columns = (table.c.scheme, table.c.number, table.c.reason, table.c.said_by, table.c.at_ms, table.c.origin)
    theirs = [
        Block(row.scheme, row.number, row.reason, row.said_by, row.at_ms, all_sites=True, origin=row.origin)
        for row in connection.execute(select(*columns).where(_COUNTS))
    ]
    return sorted(ours + theirs, key=lambda one: -one.blocked_ms)


def write_block(connection: Connection, block: Block) -> None:
    """Block a card here, or say another reason. What was meant for all sites stays so, and its time only grows: the
    others go by it."""
    before = _ours(connection, block)
    lifted = schema.lifted_blocks
    lifted_ms = connection.scalar(select(lifted.c.lifted_ms).where(_is(lifted, block)))
    row = {name: getattr(block, name) for name in schema.blocks.columns.keys()}  # noqa: SIM118  # no dict
    row["all_sites"] = block.all_sites or bool(before and before.all_sites)
    row["blocked_ms"] = max(block.blocked_ms, before.blocked_ms + 1 if before else 0, (lifted_ms or 0) + 1)
    put(connection, schema.blocks, [row])
    if row["all_sites"]:
        connection.execute(delete(lifted).where(_is(lifted, block)))


def lift_block(connection: Connection, card: CardKey, now_ms: int) -> None:
    """Our block ends; the others hear it if it was for all sites."""
    before = _ours(connection, card)
    if before is None:
        return
    connection.execute(delete(schema.blocks).where(_is(schema.blocks, card)))
    if before.all_sites:
        row = {"scheme": card.scheme, "number": card.number, "lifted_ms": max(now_ms, before.blocked_ms + 1)}
        put(connection, schema.lifted_blocks, [row])


def read_told(connection: Connection) -> list[ToldBlock]:
    """What the other sites are told."""
    lifted = schema.lifted_blocks
    blocked = connection.execute(select(*_OURS).where(schema.blocks.c.all_sites))
    return [
        *(
            ToldBlock(row.scheme, row.number, row.blocked_ms, blocked=True, reason=row.reason, said_by=row.blocked_by)
            for row in blocked
        ),
        *(
            ToldBlock(row.scheme, row.number, row.lifted_ms, blocked=False)
            for row in connection.execute(select(lifted))
        ),
    ]


def read_heard(connection: Connection, origin: str | None = None, card: CardKey | None = None) -> list[HeardBlock]:
    """What other sites have blocked for all, or one of them, or one card; whether it counts here or not."""
    table = schema.heard_blocks
    chosen = select(*_HEARD).order_by(table.c.origin, table.c.scheme, table.c.number)
    if origin is not None:
        chosen = chosen.where(table.c.origin == origin)
    if card is not None:
        chosen = chosen.where(_is(table, card))
    return [HeardBlock(*row) for row in connection.execute(chosen)]


def write_heard(connection: Connection, heard: Sequence[HeardBlock]) -> None:
    """Insert or replace."""
    put(connection, schema.heard_blocks, [asdict(one) for one in heard])


def drop_heard(connection: Connection, heard: Iterable[HeardBlock]) -> None:
    """The sites that had blocked these cards do so no longer."""
    table = schema.heard_blocks
    for one in heard:
        connection.execute(delete(table).where(table.c.origin == one.origin, _is(table, one)))


def _ours(connection: Connection, card: Block | CardKey) -> Block | None:
    row = connection.execute(select(*_OURS).where(_is(schema.blocks, card))).first()
    return Block(*row) if row is not None else None


def _is(table: Table, card: Block | CardKey | HeardBlock) -> ColumnElement[bool]:
    return and_(table.c.scheme == card.scheme, table.c.number == card.number)
