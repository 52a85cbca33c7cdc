"""A report as an Excel workbook: numbers are numbers, times are times, and all that somebody has written is text."""

import io
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from hub.reports.report import Cell, Column, Imprint, Kind, Report, Table
from hub.reports.words import Word

MAX_TEXT = 32_000
"""Excel holds 32,767 signs in a cell."""
_BAND = PatternFill("solid", fgColor="103E5C")
_HEADING = Font(bold=True, color="FFFFFF")
_BOLD = Font(bold=True)
_WRAPPED = Alignment(wrap_text=True, vertical="top")
_FORMATS = {
    Kind.COUNT: "0",
    Kind.MINUTES: "[h]:mm",
    Kind.SHARE: "0.0%",
    Kind.MOMENT: "yyyy-mm-dd hh:mm",
}


def as_xlsx(report: Report) -> bytes:
    """A sheet for each table, its headings in the first row, and one about the report: what it is of, and its notes."""
    book = Workbook(write_only=True)
    for table in report.tables:
        _sheet(book.create_sheet(_title(table.name, report.imprint)), table, report.imprint)
    _about(book.create_sheet(report.imprint.say(Word.ABOUT)), report)
    book.properties.title = report.title
    book.properties.creator = "Portvakt"
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _title(name: str, imprint: Imprint) -> str:
    word = {
        "people": Word.PEOPLE,
        "companies": Word.COMPANIES,
        "days": Word.DAYS,
        "demands": Word.DEMANDS,
        "roles": Word.ROLE,
        "musters": Word.MUSTERS,
    }.get(name)
    return imprint.say(word) if word else name


def _sheet(sheet: Any, table: Table, imprint: Imprint) -> None:
    for place, column in enumerate(table.columns, 1):
        sheet.column_dimensions[get_column_letter(place)].width = max(10, column.width * 0.55)
    sheet.freeze_panes = "A2"
    sheet.auto_filter.ref = f"A1:{get_column_letter(len(table.columns))}{len(table.rows) + 1}"
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.paperSize = Worksheet.PAPERSIZE_A4
    sheet.page_setup.fitToHeight = 0
    sheet.sheet_properties.pageSetUpPr.fitToPage = True
    sheet.print_title_rows = "1:1"
    sheet.append([_heading(sheet, column) for column in table.columns])
    for row in table.rows:
        sheet.append(_cells(sheet, table.columns, row, imprint))
    if table.total:
        cells = _cells(sheet, table.columns, table.total, imprint)
        for cell in cells:
            cell.font = _BOLD
        sheet.append(cells)


def _about(sheet: Any, report: Report) -> None:
    imprint = report.imprint
    sheet.column_dimensions["A"].width, sheet.column_dimensions["B"].width = 32, 90
    made = imprint.say(Word.MADE, when=f"{imprint.local(imprint.made_ms):%Y-%m-%d %H:%M}")
    pairs = [(report.title, report.below), ("Portvakt", f"{imprint.site} · {made}")]
    pairs += [(one.label, imprint.shown(one.value, one.kind)) for one in report.facts]
    pairs += [(imprint.say(Word.NOTES) if not place else "", note) for place, note in enumerate(report.notes)]
    for label, value in pairs:
        cells = [_text(sheet, label), _text(sheet, value)]
        cells[0].font = _BOLD
        cells[1].alignment = _WRAPPED
        sheet.append(cells)


def _heading(sheet: Any, column: Column) -> Any:
    cell = _text(sheet, column.heading)
    cell.font, cell.fill, cell.alignment = _HEADING, _BAND, _WRAPPED
    return cell


def _cells(sheet: Any, columns: Sequence[Column], row: Sequence[Cell], imprint: Imprint) -> list[Any]:
    return [_cell(sheet, cell, column.kind, imprint) for cell, column in zip(row, columns, strict=True)]


def _cell(sheet: Any, value: Cell, kind: Kind, imprint: Imprint) -> Any:
    if not isinstance(value, int | float) or kind not in _FORMATS:
        return _text(sheet, imprint.shown(value, kind))
    held: object = value
    if kind is Kind.MINUTES:
        held = timedelta(minutes=int(value))
    elif kind is Kind.MOMENT:
        # A workbook knows no time zones.
        held = imprint.local(int(value)).replace(tzinfo=None)
    cell = WriteOnlyCell(sheet, held)
    cell.number_format = _FORMATS[kind]
    return cell


def _text(sheet: Any, text: str) -> Any:
    """A cell that is text whatever it begins with, also after somebody has edited it."""
    printable = "".join(sign if sign.isprintable() or sign == "\n" else "�" for sign in text)
    cell = WriteOnlyCell(sheet, printable[:MAX_TEXT])
    # openpyxl has taken "=…" for a formula, and "#N/A" for an error.
    cell.data_type = "s"
    cell.quotePrefix = text.startswith(("=", "+", "-", "@"))
    return cell
