"""Daily checks of the list of § 15, in SQL."""

from msgspec import json
from sqlalchemy import Connection, select

from hub.records import ListCheck
from hub.store import schema

_decoder = json.Decoder(dict[str, int])


def put_check(connection: Connection, check: ListCheck) -> None:
    """Keep it. Nothing is ever replaced."""
    row = {name: getattr(check, name) for name in ListCheck.__dataclass_fields__}
    row["missing"] = json.encode(check.missing).decode()
    connection.execute(schema.list_checks.insert(), row)


def read_checks(connection: Connection, day: str | None = None) -> list[ListCheck]:
    """All checks, or those of a day (ISO 8601), in the order in which they were made."""
    table = schema.list_checks
    chosen = select(table).order_by(table.c.id)
    if day is not None:
        chosen = chosen.where(table.c.day == day)
    return [
        ListCheck(row.day, row.at_ms, row.said_by, row.people, _decoder.decode(row.missing), row.digest)
        for row in connection.execute(chosen)
    ]
