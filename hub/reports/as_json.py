"""A report for machines: whole minutes, shares of 1, Unix milliseconds; keys are English in every language."""

from collections.abc import Sequence
from typing import Any

import msgspec

from hub.reports.report import Cell, Column, Report
from hub.reports.words import Word

_NOTHING = (Word.UNKNOWN, Word.MISSING)


def as_json(report: Report) -> bytes:
    """One object. A row has a key for each column; a cell of which nothing is known is null.

    What the report itself says, such as `not_met`, is the same in every language.
    """
    imprint = report.imprint
    told: dict[str, Any] = {
        "report": report.name,
        "title": report.title,
        "site": imprint.site,
        "language": imprint.language,
        "time_zone": str(imprint.zone),
        "made_ms": imprint.made_ms,
        "facts": {one.key: _value(one.value) for one in report.facts},
        "tables": {
            table.name: {
                "columns": [{"key": one.key, "heading": one.heading, "kind": one.kind.value} for one in table.columns],
                "rows": [_row(table.columns, row) for row in table.rows],
                "total": _row(table.columns, table.total) if table.total else None,
            }
            for table in report.tables
        },
        "notes": report.notes,
    }
    return msgspec.json.format(msgspec.json.encode(told), indent=2) + b"\n"


def _row(columns: Sequence[Column], row: Sequence[Cell]) -> dict[str, Any]:
    return {column.key: _value(cell) for column, cell in zip(columns, row, strict=True)}


def _value(cell: Cell) -> Any:
    if isinstance(cell, tuple):
        return [word.name.lower() for word in cell]
    if isinstance(cell, Word):
        return None if cell in _NOTHING else cell.name.lower()
    return cell
