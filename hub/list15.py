"""The list of everybody who works here: oversiktsliste, byggherreforskriften § 15. Pure.

a) name and address of the site, b) the client, c) the employers, for hired workers the company that hires them,
d) their organisation numbers, e) name, date of birth, employer and HMS card number of everybody. No times: the law
asks for none. What is missing is told, row by row; the list is shown all the same.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from hub.presence import CardKey
from hub.records import CrewMember

HMS = "hms"
NOT_LISTED = "seen here, on no crew list"
NO_BIRTH = "no date of birth"
NO_CARD = "no HMS card, and no reason given"


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
