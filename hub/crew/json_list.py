"""A crew list from a JSON file: an array of objects, whose names are those of the columns. Pure.

The first object counts as row 2, as if it stood below a header.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from hub.crew.columns import OUR_NAMES, Naming
from hub.crew.fields import BadCell, shown
from hub.crew.rows import MAX_FILE_BYTES, BrokenFile, Cell, Progress, ReadList, Row, quiet, read_rows, unusable

_file = msgspec.json.Decoder(list[msgspec.Raw])
_object = msgspec.json.Decoder(dict[str, Any])


def read_list(data: bytes, naming: Naming = OUR_NAMES, progress: Progress = quiet) -> ReadList:
    """Read a whole file. Never raises for what the file holds."""
    if len(data) > MAX_FILE_BYTES:
        what = f"the file has {len(data)} bytes; the limit is {MAX_FILE_BYTES}"
        return unusable(1, what, "is this the right file?")
    try:
        objects = _file.decode(data.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return unusable(1, "the file is no JSON array", "export the list as [{…}, {…}]")
    return read_rows(_rows(objects), naming, progress)


def _rows(objects: Sequence[msgspec.Raw]) -> Iterator[Row]:
    """Objects may leave names out, so the header is made of all of them."""
    header: dict[str, None] = {}
    for row, raw in enumerate(objects, start=2):
        header.update(dict.fromkeys(_decoded(row, raw)))
    yield 1, list(header)
    for row, raw in enumerate(objects, start=2):
        held = _decoded(row, raw)
        yield row, [_text(held.get(name)) for name in header]


def _decoded(row: int, raw: msgspec.Raw) -> dict[str, Any]:
    try:
        return _object.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as broken:
        raise BrokenFile(row, "is no JSON object", "each person is one object: {…}") from broken


def _text(value: Any) -> Cell:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (str, int)):
        return str(value).strip()
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return " ".join(value)
    return BadCell(f"{shown(str(value))} is neither text nor a whole number", "write it in quotation marks")
