"""A crew list from a CSV file: UTF-8, with or without BOM; `,` or `;` between the cells; the first row names the
columns. Pure. Nothing here touches a store."""

import codecs
import csv
import io
from collections.abc import Iterator

from hub.crew.columns import OUR_NAMES, Naming, Problem
from hub.crew.rows import MAX_FILE_BYTES, BrokenFile, Progress, ReadList, Row, quiet, read_rows

_PIECE = 1 << 20
_SAVE_AS = "save the file as UTF-8 (in Excel: CSV UTF-8)"


def read_list(data: bytes, naming: Naming = OUR_NAMES, progress: Progress = quiet) -> ReadList:
    """Read a whole file. Never raises for what the file holds."""
    if wrong := _unreadable(data):
        return ReadList((), (wrong,))
    return read_rows(_rows(data), naming, progress)


def _rows(data: bytes) -> Iterator[Row]:
    first = data.partition(b"\n")[0]
    delimiter = ";" if first.count(b";") > first.count(b",") else ","
    # Decoded as it is read: a text of the whole file would take up to four times its bytes.
    text = io.TextIOWrapper(io.BytesIO(data), encoding="utf-8-sig", newline="")
    row = 0
    try:
        for row, cells in enumerate(csv.reader(text, delimiter=delimiter, strict=True), start=1):
            yield row, [cell.strip() for cell in cells]
    except csv.Error as broken:
        advice = "look for a quotation mark without its pair"
        raise BrokenFile(row + 1, f"cannot be read as CSV ({broken})", advice) from broken


def _unreadable(data: bytes) -> Problem | None:
    if len(data) > MAX_FILE_BYTES:
        what = f"the file has {len(data)} bytes; the limit is {MAX_FILE_BYTES}"
        return Problem(1, None, what, "is this the right file?")
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return Problem(1, None, "the file is UTF-16", _SAVE_AS)
    if (place := _first_not_utf8(data)) is not None:
        what = f"byte 0x{data[place]:02X} is not UTF-8, as in Latin-1"
        return Problem(_row_at(data, place), None, what, _SAVE_AS)
    if b"\0" in data:
        row = _row_at(data, data.index(b"\0"))
        return Problem(row, None, "holds a NUL byte, so this is no text file", "export the list as CSV UTF-8")
    return None


def _first_not_utf8(data: bytes) -> int | None:
    pieces = (data[start : start + _PIECE] for start in range(0, len(data), _PIECE))
    try:
        for _ in codecs.iterdecode(pieces, "utf-8"):
            pass
    except UnicodeDecodeError:
        # Where in the piece is no help. The whole, which takes more memory, says where in the file.
        try:
            data.decode("utf-8")
        except UnicodeDecodeError as broken:
            return broken.start
    return None


def _row_at(data: bytes, place: int) -> int:
    """The spreadsheet's row at a byte: line breaks inside quotation marks do not begin a row."""
    quoted = False
    row = 1
    for byte in data[:place]:
        if byte == 0x22:
            quoted = not quoted
        elif byte == 0x0A and not quoted:
            row += 1
    return row
