"""Presence hours of a month, from stays. Pure.

A gate knows presence, not work; the report says so. It is rounded once: to the minute, for a card and a day. All
other numbers are sums of those, so the days, the people and the companies add up to the same.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum, unique
from typing import NamedTuple, TypeVar

from hub.presence import CardKey, Sure
from hub.records import CrewMember
from hub.reports.report import Cell, Column, Fact, Imprint, Kind, Report, Table, added, clock
from hub.reports.words import Word
from hub.stays import Stay, by_day, day_begins_ms, local_day

MINUTE_MS = 60_000

Key = TypeVar("Key")


class Month(NamedTuple):
    """A month of a calendar."""

    year: int
    month: int

    @property
    def begins(self) -> date:
        """Its first day."""
        return date(self.year, self.month, 1)

    @property
    def ends(self) -> date:
        """The day after its last one."""
        return (self.begins + timedelta(days=31)).replace(day=1)

    def __str__(self) -> str:
        return f"{self.year:04d}-{self.month:02d}"


class Attended(NamedTuple):
    """How long a card's holder was on the site on a day; of that, how long is only assumed."""

    card: CardKey
    day: date
    presence_min: int
    assumed_min: int


@dataclass(frozen=True, slots=True)
class Attendance:
    """A month of it. `known_from` is the first day of which everything is still kept, None where nothing was ever
    deleted; nothing before it is in `days`. `lost_exits` are exits in the month of which nobody saw the entry."""

    month: Month
    known_from: date | None
    days: tuple[Attended, ...]
    lost_exits: int
    still_inside: int
    erased: bool = False
    """Whether somebody who was there that month has been erased on request."""
    reported_min: int = 0
    """Of the presence, what rests on other systems' word."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a card, and for whom. The company is the one that hires the holder from the employer, if one does."""

    name: str
    company: str
    company_name: str
    hired: bool
    role: str | None = None


@dataclass(slots=True)
class _Sum:
    presence_min: int = 0
    assumed_min: int = 0
    hired_min: int = 0
    person_days: int = 0
    cards: set[CardKey] = field(default_factory=set)


@unique
class By(StrEnum):
    """What has a row of its own."""

    PERSON = "person"
    COMPANY = "company"
    DAY = "day"


class Kept(NamedTuple):
    """Since which day everything is kept, and whether somebody of the month has been erased."""

    known_from: date | None = None
    erased: bool = False


def attendance(stays: Iterable[Stay], month: Month, kept: Kept, imprint: Imprint) -> Attendance:
    """What the stays say of a month. They may be of any time, and come one by one."""
    first = max(month.begins, kept.known_from or month.begins)
    begins_ms, ends_ms = (day_begins_ms(day, imprint.zone) for day in (month.begins, month.ends))
    present: defaultdict[tuple[CardKey, date], int] = defaultdict(int)
    assumed: defaultdict[tuple[CardKey, date], int] = defaultdict(int)
    reported: defaultdict[tuple[CardKey, date], int] = defaultdict(int)
    lost = inside = 0
    for stay in stays:
        if stay.in_ms is None:
            lost += stay.out_ms is not None and first <= local_day(stay.out_ms, imprint.zone) < month.ends
        elif stay.in_ms < ends_ms and (stay.out_ms is None or stay.out_ms > begins_ms):
            inside += stay.lasts
            for day, ms in by_day(stay, imprint.zone, imprint.made_ms):
                if first <= day < month.ends:
                    present[stay.card, day] += ms
                    assumed[stay.card, day] += ms if stay.guessed else 0
                    reported[stay.card, day] += ms if stay.sure is Sure.REPORTED else 0
    days = tuple(
        Attended(card, day, _minutes(ms), _minutes(assumed[card, day])) for (card, day), ms in sorted(present.items())
    )
    return Attendance(month, kept.known_from, days, lost, inside, kept.erased, sum(map(_minutes, reported.values())))


def _minutes(ms: int) -> int:
    return (ms + MINUTE_MS // 2) // MINUTE_MS


def holders_of(members: Iterable[CrewMember], names: Mapping[str, str | None]) -> dict[CardKey, Holder]:
    """The holders of all cards that a crew list has ever named."""
    found = {}
    for one in members:
        company = one.hired_by or one.organisation_number
        hired = company != one.organisation_number
        known = names.get(company) or (None if hired else one.organisation_name)
        name = ", ".join(filter(None, (one.last_name, one.first_name)))
        found[CardKey(one.scheme, one.number)] = Holder(name, company, known or "", hired, one.role)
    return found


def hours(attended: Attendance, holders: Mapping[CardKey, Holder], by: By, imprint: Imprint) -> Report:
    """The report."""
    make = {By.PERSON: _by_person, By.COMPANY: _by_company, By.DAY: _by_day}[by]
    title = {By.PERSON: Word.HOURS_BY_PERSON, By.COMPANY: Word.HOURS_BY_COMPANY, By.DAY: Word.HOURS_BY_DAY}[by]
    return Report(
        "hours",
        imprint.say(title),
        str(attended.month),
        imprint,
        (Fact("month", imprint.say(Word.MONTH), str(attended.month)),),
        (make(attended, holders, imprint),),
        hours_notes(attended, imprint),
    )


def hours_notes(attended: Attendance, imprint: Imprint) -> tuple[str, ...]:
    """What has to be known of presence hours."""
    say = imprint.say
    notes = [say(Word.NOT_WORKED), say(Word.ASSUMED_MEANS)]
    if attended.reported_min:
        notes.append(say(Word.FROM_OTHERS, time=clock(attended.reported_min)))
    if attended.known_from is not None and attended.known_from > attended.month.begins:
        notes.append(say(Word.KNOWN_FROM, day=attended.known_from.isoformat()))
    if attended.erased:
        notes.append(say(Word.ERASED))
    if attended.lost_exits:
        notes.append(say(Word.LOST_EXITS, number=attended.lost_exits))
    now = imprint.local(imprint.made_ms)
    if now.date() < attended.month.ends:
        notes.append(say(Word.NOT_OVER, when=f"{now:%Y-%m-%d %H:%M}", number=attended.still_inside))
    notes.append(say(Word.AS_LISTED_NOW))
    return tuple(notes)


def _summed(attended: Attendance, holders: Mapping[CardKey, Holder], key: Callable[[Attended], Key]) -> dict[Key, _Sum]:
    found: dict[Key, _Sum] = {}
    for one in attended.days:
        sum_ = found.setdefault(key(one), _Sum())
        sum_.presence_min += one.presence_min
        sum_.assumed_min += one.assumed_min
        sum_.person_days += 1
        sum_.cards.add(one.card)
        holder = holders.get(one.card)
        sum_.hired_min += one.presence_min if holder and holder.hired else 0
    return found


def _by_person(attended: Attendance, holders: Mapping[CardKey, Holder], imprint: Imprint) -> Table:
    say = imprint.say
    columns = (
        Column("name", say(Word.NAME), width=52),
        Column("card", say(Word.CARD), width=28),
        Column("company", say(Word.COMPANY), width=54),
        Column("company_number", say(Word.NUMBER), width=22),
        Column("days", say(Word.DAYS), Kind.COUNT, 14),
        *_minutes_columns(imprint),
    )
    rows: list[tuple[Cell, ...]] = []
    for card, sum_ in _summed(attended, holders, lambda one: one.card).items():
        one = holders.get(card)
        name = one.name if one and one.name else Word.UNKNOWN
        rows.append(
            (name, f"{card.scheme}:{card.number}", one.company_name if one else "", one.company if one else "",
             sum_.person_days, sum_.presence_min, sum_.assumed_min)
        )  # fmt: skip
    rows.sort(key=lambda row: (row[0] is Word.UNKNOWN, str(row[0]), str(row[1])))
    return _with_total("people", say(Word.PEOPLE), columns, rows)


def _by_company(attended: Attendance, holders: Mapping[CardKey, Holder], imprint: Imprint) -> Table:
    say = imprint.say
    columns = (
        Column("company", say(Word.COMPANY), width=60),
        Column("company_number", say(Word.NUMBER), width=24),
        Column("people", say(Word.PEOPLE), Kind.COUNT, 18),
        Column("person_days", say(Word.PERSON_DAYS), Kind.COUNT, 20),
        *_minutes_columns(imprint),
        Column("hired_in_min", say(Word.OF_HIRED), Kind.MINUTES, 26),
    )

    def company(one: Attended) -> tuple[str, str]:
        holder = holders.get(one.card)
        return (holder.company_name, holder.company) if holder else ("", "")

    rows: list[tuple[Cell, ...]] = [
        (name or (None if number else Word.UNKNOWN), number, len(sum_.cards), sum_.person_days,
         sum_.presence_min, sum_.assumed_min, sum_.hired_min)
        for (name, number), sum_ in sorted(_summed(attended, holders, company).items())
    ]  # fmt: skip
    return _with_total("companies", say(Word.COMPANIES), columns, rows)


def _by_day(attended: Attendance, holders: Mapping[CardKey, Holder], imprint: Imprint) -> Table:
    say = imprint.say
    columns = (
        Column("day", say(Word.DAY), width=26),
        Column("people", say(Word.PEOPLE), Kind.COUNT, 20),
        *_minutes_columns(imprint),
    )
    rows: list[tuple[Cell, ...]] = [
        (day.isoformat(), len(sum_.cards), sum_.presence_min, sum_.assumed_min)
        for day, sum_ in sorted(_summed(attended, holders, lambda one: one.day).items())
    ]
    table = _with_total("days", say(Word.DAYS), columns, rows)
    # Who was there on two days is one person.
    everybody = len({one.card for one in attended.days})
    total = (*(table.total or ())[:1], everybody, *(table.total or ())[2:])
    return Table(table.name, table.heading, columns, table.rows, total)


def _minutes_columns(imprint: Imprint) -> tuple[Column, Column]:
    return (
        Column("presence_min", imprint.say(Word.PRESENCE), Kind.MINUTES, 24),
        Column("assumed_min", imprint.say(Word.ASSUMED), Kind.MINUTES, 26),
    )


def _with_total(name: str, heading: str, columns: Sequence[Column], rows: Sequence[tuple[Cell, ...]]) -> Table:
    total: list[Cell] = [
        added(rows, place) if column.kind in (Kind.COUNT, Kind.MINUTES) else "" for place, column in enumerate(columns)
    ]
    total[0] = Word.TOTAL
    return Table(name, f"{heading} ({len(rows)})", tuple(columns), tuple(rows), tuple(total))
