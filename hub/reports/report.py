"""A report as a value: the same numbers on the screen, on paper, in a spreadsheet and for machines. Pure.

Whoever makes a report decides what is in it; whoever renders one only how it looks. So a number is worked out and
rounded once, here, and a renderer can do no more than write it down.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from enum import StrEnum, unique
from typing import NamedTuple

from hub.reports.words import NB, Word, said


@unique
class Kind(StrEnum):
    """What a cell holds, and in which unit."""

    TEXT = "text"
    """Also dates (YYYY-MM-DD) and numbers of cards and companies: nobody reckons with those."""
    COUNT = "count"
    MINUTES = "minutes"
    """Shown as hours and minutes, `160:30`: so that sums add up to the minute in every format."""
    SHARE = "share"
    """Of 1, with three digits after the point; shown as percent with one."""
    MOMENT = "moment"
    """Unix milliseconds in UTC, shown by the site's clocks."""
    YES = "yes"
    """A bool."""


Cell = str | int | float | bool | Word | tuple[Word, ...] | None
"""A Word is what the report itself says: machines get its name, people get it in their language."""


class Column(NamedTuple):
    """`key` is its name for machines, with the unit; `width` on paper is in relation to the others."""

    key: str
    heading: str
    kind: Kind = Kind.TEXT
    width: int = 20


class Fact(NamedTuple):
    """Something that holds for the whole report."""

    key: str
    label: str
    value: Cell
    kind: Kind = Kind.TEXT


@dataclass(frozen=True, slots=True)
class Table:
    """Rows with a cell for each column; `total` is one more, at the end. `name` is for machines."""

    name: str
    heading: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    total: tuple[Cell, ...] | None = None

    def __post_init__(self) -> None:
        """A row that does not fit would move its numbers under other headings. Raises ValueError."""
        width = len(self.columns)
        for row in (*self.rows, *([self.total] if self.total else [])):
            if len(row) != width:
                raise ValueError(f"{self.name}: a row of {len(row)} cells under {width} headings")

    def used(self) -> list[int]:
        """The places of the columns in which there is anything; all when there are no rows."""
        places = range(len(self.columns))
        return [place for place in places if any(row[place] not in (None, "", ()) for row in self.rows)] or list(places)


@dataclass(frozen=True, slots=True)
class Imprint:
    """Of which site a report is, in which language (`nb` or `en`), by whose clocks, and when it was made."""

    site: str
    language: str
    zone: tzinfo
    made_ms: int

    def say(self, word: Word, **values: object) -> str:
        """The word in the report's language."""
        return said(word, self.language, **values)

    def shown(self, cell: Cell, kind: Kind) -> str:
        """A cell as people read it."""
        if cell is None:
            return ""
        if kind is Kind.YES:
            return self.say(Word.YES if cell else Word.NO)
        if isinstance(cell, str):
            return cell
        if isinstance(cell, Word):
            return self.say(cell)
        if isinstance(cell, tuple):
            return "; ".join(map(self.say, cell))
        if kind is Kind.MINUTES:
            return clock(int(cell))
        if kind is Kind.SHARE:
            percent = f"{cell * 100:.1f} %"
            return percent.replace(".", ",") if self.language == NB else percent
        if kind is Kind.MOMENT:
            return f"{self.local(int(cell)):%Y-%m-%d %H:%M}"
        return str(cell)

    def local(self, at_ms: int) -> datetime:
        """A moment by the site's clocks."""
        return (datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=at_ms)).astimezone(self.zone)


@dataclass(frozen=True, slots=True)
class Report:
    """`name` is for machines and files. `notes` are what has to be known to read the numbers rightly."""

    name: str
    title: str
    below: str
    imprint: Imprint
    facts: tuple[Fact, ...]
    tables: tuple[Table, ...]
    notes: tuple[str, ...] = ()


def clock(minutes: int) -> str:
    """`160:30`."""
    return f"{minutes // 60}:{minutes % 60:02d}"


def added(rows: Sequence[Sequence[Cell]], place: int) -> int:
    """The sum of a column of whole numbers."""
    numbers = (row[place] for row in rows)
    return sum(number for number in numbers if isinstance(number, int))
