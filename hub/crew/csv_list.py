"""A crew list from a CSV file: every good row as a value, every bad one with its place and what to do. Pure.

UTF-8, with or without BOM; `,` or `;` between the cells; the first row names the columns. Row numbers
are those that a spreadsheet shows. Nothing here touches a store.
"""

import csv
import difflib
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hub.crew import fields
from hub.crew.fields import BadCell, shown
from hub.presence import CardKey
from hub.records import CrewMember

MAX_FILE_BYTES = 64 << 20
MAX_ROWS = 200_000
SCHEME = "hms"

COLUMNS: Mapping[str, Callable[[str], Any]] = {
    "card_number": fields.card_number,
    "first_name": fields.required,
    "last_name": fields.required,
    "date_of_birth": fields.day,
    "organisation_number": fields.organisation_number,
    "organisation_name": fields.text,
    "card_expiry": fields.day,
    "role": fields.text,
    "valid_from": fields.day,
    "valid_until": fields.day,
    "language": fields.language,
    "training": fields.yes_or_no,
    "company_approved": fields.yes_or_no,
    "status": fields.status,
    "groups": fields.groups,
}
"""Every column that there is. One that is left out counts as empty, training and company_approved as yes."""
REQUIRED = ("card_number", "first_name", "last_name", "organisation_number")


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, and where. `row` is 1 for the header; `field` is a column, or None for the whole row."""

    row: int
    field: str | None
    what: str
    advice: str

    def __str__(self) -> str:
        where = f"row {self.row}, {self.field}" if self.field else f"row {self.row}"
        return f"{where}: {self.what}; {self.advice}"


@dataclass(frozen=True, slots=True)
class ReadList:
    """A file as far as it could be read. `doubtful` are the cards that bad rows name: they are neither
    on the list nor off it."""

    members: tuple[CrewMember, ...]
    problems: tuple[Problem, ...]
    doubtful: frozenset[CardKey] = frozenset()


def read_list(data: bytes) -> ReadList:
    """Read a whole file. Never raises for what the file holds."""
    decoded = _decoded(data)
    if isinstance(decoded, Problem):
        return ReadList((), (decoded,))
    delimiter = ";" if decoded.partition("\n")[0].count(";") > decoded.partition("\n")[0].count(",") else ","
    rows: list[list[str]] = []
    try:
        for row in csv.reader(io.StringIO(decoded, newline=""), delimiter=delimiter, strict=True):
            rows.append([cell.strip() for cell in row])
            if len(rows) > MAX_ROWS:
                return _unusable(len(rows), f"more than {MAX_ROWS} rows", "is this the right file?")
    except csv.Error as broken:
        return _unusable(
            len(rows) + 1, f"cannot be read as CSV ({broken})", "look for a quotation mark without its pair"
        )
    if not rows or not any(rows[0]):
        return _unusable(1, "the file is empty", f"the first row names the columns: {', '.join(REQUIRED)} …")
    if wrong := _header_problems(rows[0]):
        return ReadList((), tuple(wrong))
    return _Reader([name.casefold() for name in rows[0]]).read(rows[1:])


class _Reader:
    """Reads the rows below a header that is in order."""

    def __init__(self, header: Sequence[str]) -> None:
        self._header = header
        self._members: dict[CardKey, CrewMember] = {}
        self._row_of: dict[CardKey, int] = {}
        self._approved: dict[str, tuple[bool, int]] = {}
        self._problems: list[Problem] = []
        self._doubtful: set[CardKey] = set()

    def read(self, rows: Sequence[Sequence[str]]) -> ReadList:
        for number, row in enumerate(rows, start=2):
            if any(row):
                self._row(number, row)
        if not self._row_of and not self._problems:
            return _unusable(2, "there is no row below the header", "a list that names nobody would lock everybody out")
        kept = [member for key, member in self._members.items() if key not in self._doubtful]
        return ReadList(tuple(kept), tuple(self._problems), frozenset(self._doubtful))

    def _row(self, number: int, row: Sequence[str]) -> None:
        problems: list[Problem] = []
        if len(row) != len(self._header):
            what = f"has {len(row)} cells where the header has {len(self._header)}"
            problems.append(
                Problem(number, None, what, "a cell that holds the delimiter must stand in quotation marks")
            )
        values: dict[str, Any] = {}
        for name, cell in zip(self._header, row, strict=False):
            try:
                fields.refuse_identity_number(cell)
                values[name] = COLUMNS[name](cell)
            except BadCell as bad:
                problems.append(Problem(number, name, bad.what, bad.advice))
        if not problems:
            problems += _between_cells(number, values)
        if not problems:
            problems += self._between_rows(number, values)
        number_on_card = values.get("card_number")
        key = CardKey(SCHEME, number_on_card) if number_on_card else None
        if problems:
            self._problems += problems
            if key:
                self._doubtful.add(key)
        elif key:
            del values["card_number"]
            self._row_of[key] = number
            self._members[key] = CrewMember(SCHEME, key.number, **values)

    def _between_rows(self, number: int, values: Mapping[str, Any]) -> list[Problem]:
        """What is wrong only because of another row."""
        earlier = self._row_of.get(CardKey(SCHEME, values["card_number"]))
        if earlier:
            return [Problem(number, "card_number", f"stands in row {earlier} as well", "keep one of the two rows")]
        approved = values.get("company_approved", True)
        company = values["organisation_number"]
        said, where = self._approved.setdefault(company, (approved, number))
        if said != approved:
            what = f"says {_word(approved)} for {fields.shown_organisation(company)}, row {where} says {_word(said)}"
            return [Problem(number, "company_approved", what, "a company is approved or not; make its rows agree")]
        return []


def _between_cells(number: int, values: Mapping[str, Any]) -> list[Problem]:
    first, last = values.get("valid_from"), values.get("valid_until")
    if first and last and last < first:
        return [Problem(number, "valid_until", f"{last} is before valid_from {first}", "exchange or correct the dates")]
    return []


def _header_problems(header: Sequence[str]) -> list[Problem]:
    names = [name.casefold() for name in header]
    found = []
    for place, name in enumerate(names, start=1):
        if not name:
            found.append(Problem(1, None, f"column {place} has no name", "name it, or remove the column"))
        elif name not in COLUMNS:
            near = difflib.get_close_matches(name, COLUMNS, 1)
            advice = f"did you mean {near[0]}?" if near else f"remove it; columns are {', '.join(COLUMNS)}"
            found.append(Problem(1, None, f"there is no column {shown(header[place - 1])}", advice))
        elif name in names[: place - 1]:
            found.append(Problem(1, name, "stands twice in the header", "keep one of the two columns"))
    found += [
        Problem(1, name, "this column is missing", f"required are {', '.join(REQUIRED)}")
        for name in REQUIRED
        if name not in names
    ]
    return found


def _decoded(data: bytes) -> str | Problem:
    save_as = "save the file as UTF-8 (in Excel: CSV UTF-8)"
    if len(data) > MAX_FILE_BYTES:
        return Problem(
            1, None, f"the file has {len(data)} bytes; the limit is {MAX_FILE_BYTES}", "is this the right file?"
        )
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return Problem(1, None, "the file is UTF-16", save_as)
    try:
        decoded = data.decode("utf-8-sig")
    except UnicodeDecodeError as broken:
        row = _row_at(data, broken.start)
        return Problem(row, None, f"byte 0x{data[broken.start]:02X} is not UTF-8, as in Latin-1", save_as)
    if "\0" in decoded:
        row = _row_at(data, data.index(b"\0"))
        return Problem(row, None, "holds a NUL byte, so this is no text file", "export the list as CSV UTF-8")
    return decoded


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


def _unusable(row: int, what: str, advice: str) -> ReadList:
    return ReadList((), (Problem(row, None, what, advice),))


def _word(approved: bool) -> str:  # noqa: FBT001  # a cell's value, not a switch
    return "yes" if approved else "no"
