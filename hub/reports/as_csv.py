"""A report as CSV for a spreadsheet: UTF-8 that says so, semicolons; no cell is a formula."""

import csv
import io
from collections.abc import Sequence
from typing import Any

from hub.crew.csv_export import defused
from hub.reports.report import Cell, Column, Imprint, Kind, Report, Table


def as_csv(report: Report) -> bytes:
    """Each table under its headings, with an empty line between them, and the notes at the end.

    What holds for the whole report stands in every row of the first table, so that rows of several reports can be put
    together.
    """
    out = io.StringIO()
    writer = csv.writer(out, delimiter=";", lineterminator="\r\n")
    facts = [(one.label, _cell(one.value, one.kind, report.imprint)) for one in report.facts]
    for place, table in enumerate(report.tables):
        if place:
            writer.writerow(())
        _write(writer, table, [] if place else facts, report.imprint)
    if report.notes:
        writer.writerow(())
        writer.writerows((defused(note),) for note in report.notes)
    return out.getvalue().encode("utf-8-sig")


def _write(writer: Any, table: Table, facts: Sequence[tuple[str, str]], imprint: Imprint) -> None:
    writer.writerow([*(defused(label) for label, _ in facts), *(defused(one.heading) for one in table.columns)])
    beside = [value for _, value in facts]
    for row in table.rows:
        writer.writerow([*beside, *_cells(table.columns, row, imprint)])
    if table.total:
        writer.writerow([*([""] * len(facts)), *_cells(table.columns, table.total, imprint)])


def _cells(columns: Sequence[Column], row: Sequence[Cell], imprint: Imprint) -> list[str]:
    return [_cell(cell, column.kind, imprint) for cell, column in zip(row, columns, strict=True)]


def _cell(cell: Cell, kind: Kind, imprint: Imprint) -> str:
    shown = imprint.shown(cell, kind)
    if not isinstance(cell, str):
        return shown
    # CSV goes to screens as well, where control characters move the cursor.
    return defused("".join(sign if sign.isprintable() or sign == "\n" else "�" for sign in shown))
