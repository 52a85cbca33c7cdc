"""A crew list from an Excel workbook (XLSX). A formula is never worked out, and what Excel worked out is not believed:
a cell with one makes its row a bad one."""

import io
import zipfile
import zlib
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any
from xml.etree.ElementTree import ParseError

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from hub.crew.columns import OUR_NAMES, Naming
from hub.crew.fields import BadCell, shown
from hub.crew.rows import MAX_FILE_BYTES, BrokenFile, Cell, Progress, ReadList, Row, quiet, read_rows, unusable

MAX_UNPACKED_BYTES = 2 << 30
MAX_COLUMNS = 200
_DAMAGE = (
    zipfile.BadZipFile,
    InvalidFileException,
    ParseError,
    zlib.error,
    KeyError,
    ValueError,
    TypeError,
    IndexError,
    AttributeError,
    EOFError,
    OSError,
    NotImplementedError,
    RuntimeError,
)
"""What zipfile, the XML parser and openpyxl are known to raise for files that are no sound workbooks."""
_SAVE_AGAIN = "open it in Excel and save it again as .xlsx"


def read_list(
    data: bytes, sheet: str | None = None, naming: Naming = OUR_NAMES, progress: Progress = quiet
) -> ReadList:
    """Read one sheet, the first one when none is named. Never raises for what the file holds."""
    if len(data) > MAX_FILE_BYTES:
        what = f"the file has {len(data)} bytes; the limit is {MAX_FILE_BYTES}"
        return unusable(1, what, "is this the right file?")
    try:
        unpacked = sum(part.file_size for part in zipfile.ZipFile(io.BytesIO(data)).infolist())
        if unpacked > MAX_UNPACKED_BYTES:
            what = f"the file unpacks to {unpacked} bytes; the limit is {MAX_UNPACKED_BYTES}"
            return unusable(1, what, "is this the right file?")
        book = load_workbook(io.BytesIO(data), read_only=True, keep_links=False)
    except _DAMAGE as damage:
        return unusable(1, f"the file is no sound workbook ({_kind(damage)})", _SAVE_AGAIN)
    try:
        if sheet is not None and sheet not in book.sheetnames:
            named = ", ".join(map(shown, book.sheetnames))
            return unusable(1, f"there is no sheet {shown(sheet)}", f"its sheets are {named}; see crew.sheet")
        chosen = book[sheet] if sheet is not None else book.worksheets[0]
        return read_rows(_rows(chosen), naming, progress)
    except _DAMAGE as damage:
        return unusable(1, f"the file is no sound workbook ({_kind(damage)})", _SAVE_AGAIN)
    finally:
        book.close()


def _rows(sheet: Any) -> Iterator[Row]:
    # What the file says about its size is often wrong.
    sheet.reset_dimensions()
    width = 0
    row = 0
    try:
        for row, cells in enumerate(sheet.iter_rows(max_col=MAX_COLUMNS), start=1):
            read = [_text(cell) for cell in cells]
            while read and not read[-1]:
                read.pop()
            width = width or len(read)
            yield row, read + [""] * (width - len(read))
    except _DAMAGE as damage:
        raise BrokenFile(row + 1, f"the workbook is damaged here ({_kind(damage)})", _SAVE_AGAIN) from damage


def _text(cell: Any) -> Cell:
    value = cell.value
    if cell.data_type == "f":
        return BadCell("holds a formula, which is never worked out here", "in Excel: copy the column, paste values")
    if cell.data_type == "e":
        return BadCell(f"{shown(str(value))} is an error of the spreadsheet", "write the value itself")
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == datetime.min.time() else value.isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


def _kind(damage: BaseException) -> str:
    # Its text may repeat what stands in the file.
    return type(damage).__name__
