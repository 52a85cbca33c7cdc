"""Shares of skilled workers and apprentices in the presence hours of a month (Oslomodellen and its like). Pure.

Contracts count worked hours; the report says that these are presence hours. Whose role nobody has explained is
counted and shown: a share is told as the least and the most that it can be.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum, unique
from fractions import Fraction
from typing import NamedTuple

from hub.presence import CardKey
from hub.reports.hours import Attendance, Attended, Holder, hours_notes
from hub.reports.report import Cell, Column, Fact, Imprint, Kind, Report, Table, added
from hub.reports.words import Word


@unique
class Role(StrEnum):
    """What counts of a role."""

    SKILLED = "skilled"
    APPRENTICE = "apprentice"
    UNSKILLED = "unskilled"
    TRAINING = "training"
    UNKNOWN = "unknown"
    OTHER = "other"
    """Work that is no trade's: it is shown, and in no share."""


USUAL_WORDS: Mapping[str, Role] = {
    "fagarbeider": Role.SKILLED,
    "faglært": Role.SKILLED,
    "fagbrev": Role.SKILLED,
    "svenn": Role.SKILLED,
    "skilled": Role.SKILLED,
    "journeyman": Role.SKILLED,
    "lærling": Role.APPRENTICE,
    "apprentice": Role.APPRENTICE,
    "ufaglært": Role.UNSKILLED,
    "hjelpearbeider": Role.UNSKILLED,
    "unskilled": Role.UNSKILLED,
    "under opplæring": Role.TRAINING,
    "under arbeidstrening": Role.TRAINING,
    "person under arbeidstrening": Role.TRAINING,
    "under training": Role.TRAINING,
    "trainee": Role.TRAINING,
}
"""Those of HMSREG, and their English ones. The name of a trade says nothing of a certificate."""

_SHOWN = {
    Role.SKILLED: Word.SKILLED,
    Role.APPRENTICE: Word.APPRENTICE,
    Role.UNSKILLED: Word.UNSKILLED,
    Role.TRAINING: Word.TRAINING,
    Role.UNKNOWN: Word.ROLE_UNKNOWN,
    Role.OTHER: Word.OTHER,
}


class Demands(NamedTuple):
    """What the contract asks for, of 1, and what the site's own words for roles mean."""

    skilled: float
    apprentice: float
    words: Mapping[str, Role]


@dataclass(frozen=True, slots=True)
class Share:
    """Of all hours that count: at least so much, at most so much if all unknown ones were of it. None of no hours."""

    least: Fraction | None
    most: Fraction | None

    def verdict(self, demanded: float) -> Word:
        """Whether so much is reached."""
        if self.least is None or self.most is None:
            return Word.CANNOT_TELL
        # As it is written in the settings: 0.1 is a tenth.
        asked = Fraction(str(demanded))
        if self.least >= asked:
            return Word.MET
        return Word.NOT_MET if self.most < asked else Word.CANNOT_TELL


def role_of(text: str | None, words: Mapping[str, Role]) -> Role:
    """What a crew list's word for a role counts as: as a whole, or by the only one of its words that counts."""
    said = " ".join((text or "").casefold().split())
    known = {word.casefold(): role for word, role in {**USUAL_WORDS, **words}.items()}
    if said in known:
        return known[said]
    parts = said.replace(",", " ").replace("/", " ").replace("(", " ").replace(")", " ").split()
    found = {known[part] for part in parts if part in known}
    return found.pop() if len(found) == 1 else Role.UNKNOWN


def share(minutes: Mapping[Role, int], role: Role) -> Share:
    """The share of a role in these minutes."""
    counting = sum(number for one, number in minutes.items() if one is not Role.OTHER)
    if not counting:
        return Share(None, None)
    sure, unknown = minutes.get(role, 0), minutes.get(Role.UNKNOWN, 0)
    return Share(Fraction(sure, counting), Fraction(sure + unknown, counting))


def shown_share(part: Fraction | None) -> float | None:
    """Cut off after three digits, not rounded: a share that is not reached never looks as if it were."""
    return None if part is None else part.numerator * 1000 // part.denominator / 1000


def shares(attended: Attendance, holders: Mapping[CardKey, Holder], demands: Demands, imprint: Imprint) -> Report:
    """The report."""
    say = imprint.say
    roles = {card: role_of(holder.role, demands.words) for card, holder in holders.items()}

    def role(one: Attended) -> Role:
        return roles.get(one.card, Role.UNKNOWN)

    unexplained = sorted(
        {
            " ".join((holders[one.card].role or "").split())
            for one in attended.days
            if one.card in holders and role(one) is Role.UNKNOWN and holders[one.card].role
        }
    )
    notes = [say(Word.CONTRACT_SAYS), *hours_notes(attended, imprint), say(Word.UNKNOWN_COUNTED)]
    if unexplained:
        notes.append(say(Word.UNKNOWN_WORDS, words=", ".join(unexplained)))
    tables = (
        _demands(_minutes_by(attended.days, role), demands, imprint),
        _roles(attended, role, imprint),
        _companies(attended, holders, role, imprint),
    )
    month = str(attended.month)
    facts = (Fact("month", say(Word.MONTH), month),)
    return Report("shares", say(Word.SHARES), f"{month} · {say(Word.HOURS)}", imprint, facts, tables, tuple(notes))


def _minutes_by(days: Iterable[Attended], role: Callable[[Attended], Role]) -> dict[Role, int]:
    found: dict[Role, int] = {}
    for one in days:
        found[role(one)] = found.get(role(one), 0) + one.presence_min
    return found


def _demands(minutes: Mapping[Role, int], demands: Demands, imprint: Imprint) -> Table:
    say = imprint.say
    columns = (
        Column("share", say(Word.SHARE), width=40),
        Column("demanded", say(Word.DEMANDED), Kind.SHARE, 26),
        Column("at_least", say(Word.AT_LEAST), Kind.SHARE),
        Column("at_most", say(Word.AT_MOST), Kind.SHARE),
        Column("verdict", say(Word.VERDICT), width=34),
    )
    rows: list[tuple[Cell, ...]] = []
    for role, word, demanded in (
        (Role.SKILLED, Word.SKILLED_SHARE, demands.skilled),
        (Role.APPRENTICE, Word.APPRENTICE_SHARE, demands.apprentice),
    ):
        found = share(minutes, role)
        rows.append((word, demanded, shown_share(found.least), shown_share(found.most), found.verdict(demanded)))
    return Table("demands", say(Word.DEMANDS), columns, tuple(rows))


def _roles(attended: Attendance, role: Callable[[Attended], Role], imprint: Imprint) -> Table:
    say = imprint.say
    columns = (
        Column("role", say(Word.ROLE), width=50),
        Column("people", say(Word.PEOPLE), Kind.COUNT),
        Column("presence_min", say(Word.PRESENCE), Kind.MINUTES, 28),
        Column("assumed_min", say(Word.ASSUMED), Kind.MINUTES, 28),
        Column("share", say(Word.SHARE), Kind.SHARE),
    )
    minutes = _minutes_by(attended.days, role)
    rows: list[tuple[Cell, ...]] = []
    for one in Role:
        days = [day for day in attended.days if role(day) is one]
        if not days and one is Role.OTHER:
            continue
        part = None if one is Role.OTHER else shown_share(share(minutes, one).least)
        assumed = sum(day.assumed_min for day in days)
        rows.append((_SHOWN[one], len({day.card for day in days}), minutes.get(one, 0), assumed, part))
    total: tuple[Cell, ...] = (Word.TOTAL, added(rows, 1), added(rows, 2), added(rows, 3), None)
    return Table("roles", say(Word.ROLES), columns, tuple(rows), total)


def _companies(
    attended: Attendance, holders: Mapping[CardKey, Holder], role: Callable[[Attended], Role], imprint: Imprint
) -> Table:
    say = imprint.say
    columns = (
        Column("company", say(Word.COMPANY), width=60),
        Column("company_number", say(Word.NUMBER), width=24),
        Column("presence_min", say(Word.PRESENCE), Kind.MINUTES, 28),
        Column("skilled", say(Word.SKILLED_SHARE).capitalize(), Kind.SHARE, 24),
        Column("apprentice", say(Word.APPRENTICE_SHARE).capitalize(), Kind.SHARE, 24),
        Column("unknown", say(Word.ROLE_UNKNOWN_SHARE), Kind.SHARE),
    )
    of_company: dict[tuple[str, str], list[Attended]] = {}
    for one in attended.days:
        holder = holders.get(one.card)
        key = (holder.company_name, holder.company) if holder else ("", "")
        of_company.setdefault(key, []).append(one)
    rows: list[tuple[Cell, ...]] = []
    for (name, number), days in sorted(of_company.items()):
        minutes = _minutes_by(days, role)
        parts = (shown_share(share(minutes, one).least) for one in (Role.SKILLED, Role.APPRENTICE, Role.UNKNOWN))
        rows.append((name or (None if number else Word.UNKNOWN), number, sum(minutes.values()), *parts))
    total: tuple[Cell, ...] = (Word.TOTAL, "", added(rows, 2), None, None, None)
    return Table("companies", say(Word.BY_COMPANY), columns, tuple(rows), total if rows else None)
