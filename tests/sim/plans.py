"""How SQLite finds what it is asked for: by an index, or by reading a whole table."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import event

from hub.store import HubStore


def plans(store: HubStore, act: Callable[[], object]) -> list[str]:
    """Every step of every SELECT of `act`, in SQLite's words: `SEARCH events USING INDEX …`, `SCAN events`."""
    asked: list[tuple[str, Any]] = []

    def note(_: object, __: object, text: str, values: Any, *rest: object) -> None:
        if text.startswith("SELECT"):
            asked.append((text, values))

    reader = store._backend.reader
    event.listen(reader, "before_cursor_execute", note)
    act()
    event.remove(reader, "before_cursor_execute", note)
    with store.reading() as connection:
        return [
            str(row[3])
            for text, values in asked
            for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", values)
        ]
