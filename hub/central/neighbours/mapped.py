"""Check-ins from CSV or JSON, from a folder or an address, as the settings say what its columns mean.

For systems without a public interface (SmartDok, Infobric, the app HMSREG365) that can write a file all the same. A row
is one check-in (a time, and a word for in or out), or a stay (a time of coming, and one of leaving). A file is read
when it is new or has changed; rows that were known already count once. Bad rows are set aside, by row and field.
"""

import contextlib
import csv
import hashlib
import io
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import msgspec

from hub.central.neighbours.written import (
    BadField,
    CardSettings,
    Unusable,
    a_day_later,
    card_of,
    time_ms_by,
    time_ms_of,
)
from hub.central.registry import SourcePlace
from hub.central.source import Aside, Fetched, SourceAway, SourceRefused
from hub.central.web import Unreachable, Web, checked_address, secret
from hub.identity_number import masked
from hub.presence import CONFIRMATION, ENTRY, EXIT, CardKey, CheckIn
from portvakt.credentials import named_file
from portvakt.settings import Settings, zone_named

SETTLED_S = 2.0
"""A file that changed less than this ago may still be in the writing. By a clock that is ahead nobody can tell; what
was read too early is read once more."""
MAX_FILE_BYTES = 32 << 20
MAX_FILES = 5_000
KINDS = (".csv", ".json")


class ColumnSettings(Settings, frozen=True, kw_only=True):
    """What the columns are called there. Either `time` and `direction`, or `came` and `left`."""

    card: str
    id: str | None = None
    """What that system calls the row; where it has no such column, card, time and direction are the row's name."""
    time: str | None = None
    direction: str | None = None
    came: str | None = None
    left: str | None = None
    date: str | None = None
    """The day, where it stands apart from the hour."""
    deleted: str | None = None


class WordSettings(Settings, frozen=True, kw_only=True):
    """Their words, in small letters or large."""

    entry: tuple[str, ...] = ("in", "inn", "ankomst", "entry")
    exit: tuple[str, ...] = ("out", "ut", "avgang", "exit")
    confirmed: tuple[str, ...] = ("confirmed", "bekreftet")
    deleted: tuple[str, ...] = ("true", "yes", "ja", "1")


class MappedSettings(Settings, frozen=True, kw_only=True):
    """Where the rows are, and what they mean."""

    columns: ColumnSettings
    folder: str | None = None
    url: str | None = None
    kind: Literal["csv", "json"] | None = None
    """Told by the name's ending when left out."""
    rows: str | None = None
    """In JSON the way to the array, with dots: `data.items`; the whole is the array when left out."""
    words: WordSettings = WordSettings()
    cards: CardSettings = CardSettings()
    time_format: str | None = None
    """As strptime has it, such as `%d.%m.%Y %H:%M`; ISO 8601 when left out."""
    time_zone: str | None = None
    """Whose clock it is where a time says no offset; the site's when left out."""
    encoding: Literal["utf-8", "cp1252", "utf-16"] = "utf-8"
    authorization_file: str | None = None
    """Holds the header Authorization; mode 0600."""
    ca_file: str | None = None
    timeout_s: Annotated[float, msgspec.Meta(gt=0, le=600)] = 60.0


class BadFile(ValueError):
    """Nothing of it can be read."""


Row = tuple[int, Mapping[str, Any]]


class Reading:
    """Rows to check-ins. Pure."""

    def __init__(self, settings: MappedSettings, zone: ZoneInfo) -> None:
        self._settings = settings
        self._columns = settings.columns
        self._zone = zone
        words = settings.words
        pairs = ((words.entry, ENTRY), (words.exit, EXIT), (words.confirmed, CONFIRMATION))
        self._directions = {word.casefold(): direction for those, direction in pairs for word in those}
        self._deleted = {word.casefold() for word in words.deleted}

    def read(self, name: str, data: bytes, kind: str) -> tuple[list[CheckIn], list[Aside]]:
        """All rows of a file. Raises BadFile."""
        if len(data) > MAX_FILE_BYTES:
            raise BadFile(f"is longer than {MAX_FILE_BYTES} bytes")
        rows = self._csv(data) if kind == "csv" else self._json(data)
        found: list[CheckIn] = []
        aside: list[Aside] = []
        try:
            for number, row in rows:
                try:
                    found += self._row(row)
                except BadField as wrong:
                    aside.append(Aside(f"{name}, row {number}, {wrong.field}", wrong.what))
        except _Ends as ends:
            aside.append(Aside(f"{name}, row {ends.row} and all after it", ends.what))
        return found, aside

    def _row(self, row: Mapping[str, Any]) -> list[CheckIn]:
        columns = self._columns
        with _at(columns.card):
            card = card_of(row.get(columns.card), self._settings.cards)
        if columns.time is not None and columns.direction is not None:
            word = _text(row.get(columns.direction)).casefold()
            direction = self._directions.get(word)
            if direction is None:
                raise BadField(columns.direction, f"{_shown(word)} is none of their words in settings.words")
            return [self._check_in(row, card, direction, columns.time)]
        stay: list[CheckIn] = []
        for direction, column in ((ENTRY, columns.came), (EXIT, columns.left)):
            # Who has not left yet has nothing there; under a name of its own, that takes back what stood there.
            if column is not None and (columns.id is not None or _text(row.get(column))):
                stay.append(self._check_in(row, card, direction, column, stay[0].at_ms if stay else 0))
        return stay

    def _check_in(
        self, row: Mapping[str, Any], card: CardKey | None, direction: str, column: str, after_ms: int = 0
    ) -> CheckIn:
        written = _text(row.get(column))
        theirs = _text(row.get(self._columns.id)) if self._columns.id else ""
        if self._columns.id and not theirs:
            raise BadField(self._columns.id, "is empty")
        deleted = self._is_deleted(row)
        if theirs and (deleted or (not written and column != self._columns.time)):
            return CheckIn(theirs, direction, deleted=True)
        with _at(column):
            at_ms = self._time_ms(row, written)
            if self._columns.date and at_ms < after_ms:
                # One day stands in the row, and the stay went over midnight.
                at_ms = a_day_later(at_ms, self._zone)
        return CheckIn(theirs or _name(card, at_ms), direction, card, at_ms, deleted)

    def _time_ms(self, row: Mapping[str, Any], written: str) -> int:
        if self._columns.date:
            written = f"{_text(row.get(self._columns.date))} {written}"
        if self._settings.time_format is not None:
            return time_ms_by(written, self._settings.time_format, self._zone)
        return time_ms_of(written, self._zone)

    def _is_deleted(self, row: Mapping[str, Any]) -> bool:
        column = self._columns.deleted
        return column is not None and _text(row.get(column)).casefold() in self._deleted

    def _csv(self, data: bytes) -> Iterator[Row]:
        text = self._decoded(data)
        first = text.partition("\n")[0]
        delimiter = max(";,\t", key=first.count)
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        number = 1
        try:
            header = [cell.strip() for cell in next(reader, [])]
            self._complete(header)
            for number, cells in enumerate(reader, start=2):
                if any(cells):
                    yield number, dict(zip(header, map(str.strip, cells), strict=False))
        except csv.Error as broken:
            raise _Ends(number + 1, f"cannot be read as CSV ({broken})") from broken

    def _json(self, data: bytes) -> Iterator[Row]:
        try:
            found = msgspec.json.decode(self._decoded(data))
        except (msgspec.DecodeError, RecursionError) as broken:
            raise BadFile(f"is no JSON ({broken})") from broken
        for step in self._settings.rows.split(".") if self._settings.rows else ():
            found = found.get(step) if isinstance(found, dict) else None
        if not isinstance(found, list):
            raise BadFile(f"has no array at {self._settings.rows or 'its top'} (settings.rows)")
        rows = [row if isinstance(row, dict) else {} for row in found]
        if rows:
            self._complete({name for row in rows for name in row})
        yield from enumerate(rows, start=1)

    def _decoded(self, data: bytes) -> str:
        encoding = "utf-8-sig" if self._settings.encoding == "utf-8" else self._settings.encoding
        try:
            return data.decode(encoding)
        except UnicodeDecodeError as broken:
            raise BadFile(f"byte {broken.start} is not {self._settings.encoding} (settings.encoding)") from broken

    def _complete(self, header: Iterable[str]) -> None:
        named = [getattr(self._columns, field) for field in self._columns.__struct_fields__]
        if missing := [name for name in named if name is not None and name not in header]:
            raise BadFile(f"has no column {', '.join(map(repr, missing))} (settings.columns)")


@dataclass(frozen=True, slots=True)
class _Seen:
    """A file as it was when it was read."""

    changed_ns: int
    size: int


class MappedFolder:
    """The files of a folder, each when it is new or has changed. See `hub.central.source.Source`."""

    def __init__(self, folder: Path, settings: MappedSettings, reading: Reading) -> None:
        self._folder = folder
        self._kind = settings.kind
        self._reading = reading

    def fetch(self, cursor: str) -> Fetched:
        """One file, the one that changed first of those that can be read."""
        read = msgspec.json.decode(cursor, type=dict[str, _Seen]) if cursor else {}
        there = self._files()
        read = {name: seen for name, seen in read.items() if name in there}
        now_ns = time.time_ns()
        new = sorted(
            (seen.changed_ns, name)
            for name, seen in there.items()
            if read.get(name) != seen and not 0 <= now_ns - seen.changed_ns <= SETTLED_S * 1e9
        )
        if not new:
            return Fetched((), msgspec.json.encode(read).decode())
        name, contents = self._readable([name for _, name in new])
        shown = masked(name)
        found: list[CheckIn] = []
        try:
            kind = self._kind or Path(name).suffix.lower().removeprefix(".")
            found, aside = self._reading.read(shown, contents, kind)
        except BadFile as bad:
            aside = [Aside(shown, str(bad))]
        after = msgspec.json.encode({**read, name: there[name]}).decode()
        return Fetched(tuple(found), after, len(new) > 1, tuple(aside))

    def close(self) -> None:
        """Nothing is held open."""

    def _readable(self, names: Sequence[str]) -> tuple[str, bytes]:
        """The first of these that can be read, and what it holds. Raises SourceAway where none can."""
        wrong = []
        for name in names:
            try:
                with (self._folder / name).open("rb") as opened:
                    return name, opened.read(MAX_FILE_BYTES + 1)
            except OSError as refused:
                wrong.append(f"{self._folder / masked(name)}: cannot be read ({refused.strerror})")
        raise SourceAway("; ".join(wrong))

    def _files(self) -> dict[str, _Seen]:
        try:
            with os.scandir(self._folder) as entries:
                found = {
                    entry.name: _Seen(entry.stat().st_mtime_ns, entry.stat().st_size)
                    for entry in entries
                    if entry.is_file()
                    and not entry.name.startswith((".", "~"))
                    and Path(entry.name).suffix.lower() in KINDS
                }
        except OSError as refused:
            raise SourceRefused(f"{self._folder}: cannot be read ({refused.strerror})") from refused
        if len(found) > MAX_FILES:
            raise SourceRefused(f"{self._folder}: holds more than {MAX_FILES} files; move the old ones away")
        return found


class MappedAddress:
    """What an address gives, whenever it is something else than before. See `hub.central.source.Source`."""

    def __init__(self, web: Web, url: str, settings: MappedSettings, reading: Reading) -> None:
        parts = urlsplit(url)
        self._web = web
        self._path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        self._where = checked_address(url)
        self._kind = settings.kind or ("json" if parts.path.endswith(".json") else None)
        self._reading = reading

    def fetch(self, cursor: str) -> Fetched:
        """All of it."""
        try:
            answer = self._web.ask("GET", self._path)
        except Unreachable as failed:
            raise SourceAway(str(failed)) from failed
        if answer.status in (401, 403, 404):
            raise SourceRefused(f"{self._where}: answers {answer.status}")
        if not answer.fine:
            raise SourceAway(f"{self._where}: answers {answer.status}", answer.retry_after_ms)
        if answer.content_type == "text/html":
            raise SourceAway(f"{self._where}: answers with a web page")
        digest = hashlib.sha256(answer.body).hexdigest()
        if digest == cursor:
            return Fetched((), cursor)
        kind = self._kind or ("json" if answer.content_type == "application/json" else "csv")
        try:
            found, aside = self._reading.read(self._where, answer.body, kind)
        except BadFile as bad:
            raise SourceAway(f"{self._where}: {bad}") from bad
        return Fetched(tuple(found), digest, aside=tuple(aside))

    def close(self) -> None:
        self._web.close()


def make(place: SourcePlace) -> MappedFolder | MappedAddress:
    """For `hub.central.registry`. Raises SettingsError."""
    settings = place.read(MappedSettings)
    columns = settings.columns
    if (settings.folder is None) == (settings.url is None):
        raise place.wrong("folder", "set it, or url; one of the two")
    moments = (columns.time is not None and columns.direction is not None, columns.came is not None)
    if sum(moments) != 1 or (columns.left is not None and columns.came is None):
        raise place.wrong("columns", "name time and direction, or came and left")
    key = f"sources.{place.name}.settings.time_zone"
    reading = Reading(settings, zone_named(settings.time_zone, key) if settings.time_zone else place.zone)
    if settings.folder is not None:
        return MappedFolder(place.settings_file.parent / settings.folder, settings, reading)
    url = settings.url or ""
    checked_address(url)
    headers = {}
    if settings.authorization_file:
        headers["Authorization"] = secret(place.settings_file, settings.authorization_file, "authorization_file")
    parts = urlsplit(url)
    ca_file = named_file(place.settings_file, settings.ca_file) if settings.ca_file else None
    web = Web(f"{parts.scheme}://{parts.netloc}", headers=headers, ca_file=ca_file, timeout_s=settings.timeout_s)
    return MappedAddress(web, url, settings, reading)


class _Ends(ValueError):
    """From this row on nothing of a file can be read."""

    def __init__(self, row: int, what: str) -> None:
        super().__init__(what)
        self.row = row
        self.what = what


@contextlib.contextmanager
def _at(field: str) -> Iterator[None]:
    """What is unusable inside is so in this field."""
    try:
        yield
    except Unusable as wrong:
        raise BadField(field, str(wrong)) from wrong


def _text(cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return str(cell).strip() if isinstance(cell, str | int) else ""


def _shown(word: str) -> str:
    return repr(masked(word[:30]))


def _name(card: CardKey | None, at_ms: int) -> str:
    """The name of a row that has none: a hash, because a name goes into no log, and a card's number must not."""
    return hashlib.sha256(f"{card.scheme if card else ''}\n{card.number if card else ''}\n{at_ms}".encode()).hexdigest()
