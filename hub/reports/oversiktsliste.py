"""The list of everybody who works here: oversiktsliste, byggherreforskriften § 15. Pure.

a) name and address of the site, b) the client, c) the employers, for hired workers the company that hires them,
d) their organisation numbers, e) name, date of birth, employer and HMS card number of everybody. No times: the law
asks for none. What is missing is told, row by row; the list is shown all the same.

The law asks for a check each day. Who has checked signs for a content, which its SHA-256 names.
"""

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

import msgspec

from hub.presence import CardKey
from hub.records import CrewMember, ListCheck
from hub.reports.report import Cell, Column, Fact, Imprint, Kind, Report, Table
from hub.reports.words import Word

HMS = "hms"
NOT_LISTED = "not_listed"
NO_NAME = "no_name"
NO_BIRTH = "no_birth"
NO_CARD = "no_card"
SITE_LACKS = {
    "name": Word.SITE_NAME_MISSING,
    "address": Word.SITE_ADDRESS_MISSING,
    "client": Word.SITE_CLIENT_MISSING,
}
_LACKS = {
    NOT_LISTED: Word.NOT_LISTED,
    NO_NAME: Word.NO_NAME,
    NO_BIRTH: Word.NO_BIRTH,
    NO_CARD: Word.NO_CARD,
    **SITE_LACKS,
}
_BECAUSE = {"applied": Word.APPLIED, "pupil": Word.PUPIL, "placement": Word.PLACEMENT}


@dataclass(frozen=True, slots=True)
class Place:
    """What the site has set about itself; empty where it has not. `site` is its name on the wire."""

    site: str
    name: str
    address: str
    client: str


class Asked(NamedTuple):
    """When the list was asked for, of which day, and the cards that went through a gate on it. Without a day it is of
    everybody so far."""

    at_ms: int
    day: date | None = None
    seen: Collection[CardKey] = ()


@dataclass(frozen=True, slots=True)
class Listed:
    """One person with one card. `company` is the employer, or the company that hires a hired worker; the employer
    stands beside it. `card` is None for who is here without an HMS card, `because` says why."""

    first_name: str | None
    last_name: str | None
    date_of_birth: str | None
    card: str | None
    because: str | None
    company: str | None
    company_name: str | None
    employer: str | None
    employer_name: str | None
    on_list: bool
    seen: bool
    """Whether a gate saw the card on the day that is asked for."""
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class List15:
    """The list. `day` is None for everybody who has ever been on it."""

    place: Place
    made_ms: int
    day: str | None
    companies: tuple[tuple[str, str | None], ...]
    people: tuple[Listed, ...]
    missing: tuple[str, ...]
    """What the site has not set."""

    @property
    def digest(self) -> str:
        """SHA-256 of what the law asks for, in hexadecimal: equal lists have equal ones, whenever they were made."""
        people = [
            (one.last_name, one.first_name, one.date_of_birth, one.card, one.because, one.company, one.employer)
            for one in self.people
        ]
        said = (self.place.name, self.place.address, self.place.client, self.companies, people)
        return hashlib.sha256(msgspec.json.encode(said)).hexdigest()

    def lacking(self) -> dict[str, int]:
        """How often what is missing."""
        found = Counter(what for one in self.people for what in one.missing)
        return dict(sorted((found + Counter(self.missing)).items()))


def list15(place: Place, members: Iterable[CrewMember], names: Mapping[str, str | None], asked: Asked) -> List15:
    """The list of a day: who was to work here on it, and whoever a gate saw on it; without a day everybody. `names`
    are those of companies by their numbers."""
    rows: list[Listed] = []
    known = set()
    for member in members:
        key = CardKey(member.scheme, member.number)
        known.add(key)
        if asked.day is None or key in asked.seen or _works(member, asked.day):
            rows.append(_of_member(member, names, seen=key in asked.seen))
    rows += [_stranger(card) for card in sorted(asked.seen) if card not in known]
    rows.sort(key=lambda one: (one.last_name is None, one.last_name or "", one.first_name or "", one.card or ""))
    numbers = {number for one in rows for number in (one.company, one.employer) if number}
    return List15(
        place,
        asked.at_ms,
        asked.day.isoformat() if asked.day else None,
        tuple((number, names.get(number)) for number in sorted(numbers)),
        tuple(rows),
        tuple(name for name in ("name", "address", "client") if not getattr(place, name)),
    )


def _works(member: CrewMember, day: date) -> bool:
    """On the crew list as it is now, and within the period that it names."""
    at = day.isoformat()
    return member.listed and (member.valid_from or at) <= at <= (member.valid_until or at)


def _of_member(member: CrewMember, names: Mapping[str, str | None], *, seen: bool) -> Listed:
    employer = member.organisation_number
    company = member.hired_by or employer
    card = member.number if member.scheme == HMS else None
    missing = []
    if not member.last_name:
        missing.append(NO_NAME)
    if member.date_of_birth is None:
        missing.append(NO_BIRTH)
    if card is None and member.no_card_because is None:
        missing.append(NO_CARD)
    return Listed(
        member.first_name,
        member.last_name,
        member.date_of_birth,
        card,
        member.no_card_because,
        company,
        names.get(company),
        employer,
        names.get(employer) or member.organisation_name,
        member.listed,
        seen,
        tuple(missing),
    )


def _stranger(card: CardKey) -> Listed:
    shown = card.number if card.scheme == HMS else None
    return Listed(
        None, None, None, shown, None, None, None, None, None, on_list=False, seen=True, missing=(NOT_LISTED,)
    )


def oversiktsliste(found: List15, checks: Sequence[ListCheck], imprint: Imprint) -> Report:
    """The list as a report. `checks` are those of its day, or of today, in their order."""
    say = imprint.say
    day = found.day
    facts = [
        *place_facts(found.place, imprint),
        *([Fact("day", say(Word.DAY), day)] if day else []),
        Fact("check", say(Word.CHECK), _checked(found, checks, imprint)),
        Fact("sha256", say(Word.DIGEST), found.digest),
    ]
    gaps = sum(bool(one.missing) for one in found.people)
    notes = [say(Word.PEOPLE_WITH_GAPS, number=gaps, people=len(found.people))] if gaps else []
    return Report(
        "oversiktsliste",
        say(Word.LIST15),
        " · ".join(filter(None, (say(Word.LIST15_LAW), day))),
        imprint,
        tuple(facts),
        (_people(found, imprint), _companies(found, imprint)),
        tuple(notes),
    )


def place_facts(place: Place, imprint: Imprint) -> list[Fact]:
    """What the site says of itself."""
    said = (
        ("site_name", Word.SITE, place.name),
        ("address", Word.ADDRESS, place.address),
        ("client", Word.CLIENT, place.client),
    )
    return [Fact(key, imprint.say(word), value or Word.MISSING) for key, word, value in said]


def _checked(found: List15, checks: Sequence[ListCheck], imprint: Imprint) -> str:
    today = imprint.local(imprint.made_ms).date().isoformat()
    this_day = found.day is None or found.day == today
    if not checks:
        return imprint.say(Word.NOT_CHECKED_TODAY if this_day else Word.NOT_CHECKED_ON, day=found.day)
    last = checks[-1]
    when = imprint.local(last.at_ms)
    if this_day and when.date().isoformat() == today:
        checked = imprint.say(Word.CHECKED_TODAY, when=f"{when:%H:%M}", by=last.said_by)
    else:
        checked = imprint.say(Word.CHECKED_ON, when=f"{when:%Y-%m-%d %H:%M}", by=last.said_by)
    changed = found.day is not None and last.digest != found.digest
    return imprint.say(Word.CHANGED_SINCE, checked=checked) if changed else checked


def _people(found: List15, imprint: Imprint) -> Table:
    say = imprint.say
    columns = [
        Column("last_name", say(Word.LAST_NAME), width=26),
        Column("first_name", say(Word.FIRST_NAME), width=25),
        Column("date_of_birth", say(Word.BORN), width=26),
        Column("hms_card", say(Word.HMS_CARD), width=23),
        Column("company", say(Word.COMPANY), width=40),
        Column("company_number", say(Word.NUMBER), width=26),
        Column("employer", say(Word.EMPLOYER), width=40),
        Column("employer_number", say(Word.EMPLOYER_NUMBER), width=26),
        Column("remark", say(Word.REMARK), width=42),
    ]
    if found.day is not None:
        columns.append(Column("seen", say(Word.SEEN), Kind.YES, 20))
    rows = []
    for one in found.people:
        row: list[Cell] = [
            one.last_name or (None if one.first_name else Word.UNKNOWN), one.first_name, one.date_of_birth,
            one.card, one.company_name, one.company, one.employer_name, one.employer, _remark(one),
        ]  # fmt: skip
        rows.append((*row, one.seen) if found.day is not None else tuple(row))
    return Table("people", f"{say(Word.PEOPLE)} ({len(rows)})", tuple(columns), tuple(rows))


def _companies(found: List15, imprint: Imprint) -> Table:
    say = imprint.say
    columns = (Column("company_number", say(Word.NUMBER), width=24), Column("company", say(Word.COMPANY), width=90))
    return Table("companies", f"{say(Word.COMPANIES)} ({len(found.companies)})", columns, found.companies)


def _remark(one: Listed) -> tuple[Word, ...]:
    words = [_LACKS[what] for what in one.missing]
    if one.because in _BECAUSE:
        words.append(_BECAUSE[one.because])
    if one.company != one.employer:
        words.append(Word.HIRED_FROM)
    if not one.on_list and NOT_LISTED not in one.missing:
        words.append(Word.OFF_LIST)
    return tuple(words)


def list_checks(checks: Sequence[ListCheck], imprint: Imprint) -> Report:
    """The daily checks that were signed, the newest first."""
    say = imprint.say
    columns = (
        Column("day", say(Word.DAY), width=22),
        Column("at_ms", say(Word.AT), Kind.MOMENT, 32),
        Column("by", say(Word.BY), width=44),
        Column("people", say(Word.PEOPLE), Kind.COUNT, 18),
        Column("missing", say(Word.WHAT_MISSED), width=70),
        Column("sha256", say(Word.DIGEST), width=90),
    )
    rows = tuple(
        (one.day, one.at_ms, one.said_by, one.people, lacking_text(one.missing, imprint), one.digest)
        for one in reversed(checks)
    )
    table = Table("checks", say(Word.CHECKS), columns, rows)
    return Report("oversiktsliste-checks", say(Word.CHECKS), say(Word.LIST15_LAW), imprint, (), (table,))


def lacking_text(missing: Mapping[str, int], imprint: Imprint) -> str:
    """What was missing how often, in words."""
    return "; ".join(
        f"{number} {imprint.say(_LACKS[what])}" if what not in SITE_LACKS else imprint.say(_LACKS[what])
        for what, number in missing.items()
    )
