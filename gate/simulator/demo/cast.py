"""The people of the demo: 200 invented workers of 12 invented companies, and the crew list they are on.

Nobody here exists. The organisation numbers have a right check digit and stand in a range that the
register of business enterprises does not give out.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from random import Random

WORKERS = 200

_COMPANIES = (
    "Fjellstad Entreprenør", "Nordlys Betong", "Elvebakken Elektro", "Storhaug Tømrer", "Havn & Hagen Rør",
    "Grønnlia Stillas", "Baltic Bygg Norge", "Wisła Mur og Puss", "Carpați Armering", "Tindvik Tak",
    "Lysaker Ventilasjon Øst", "Sletta Anlegg",
)  # fmt: skip
_NAMES = {
    "nb": (("Kari", "Ola", "Ingrid", "Nils", "Sølvi", "Håkon", "Åse", "Trygve"),
           ("Fjellheim", "Storvik", "Bakkerud", "Sørlien", "Ødegårdsmo", "Tangvald", "Lundemyr")),
    "pl": (("Paweł", "Agnieszka", "Tomasz", "Zofia", "Michał"),
           ("Brzozowiecki", "Jaworniak", "Łukaszyk", "Sadowniczak")),
    "lt": (("Jonas", "Rūta", "Mindaugas", "Živilė"), ("Girdvainis", "Ąžuolytė", "Kalvėnas", "Upinis")),
    "ro": (("Ștefan", "Ioana", "Mihăiță", "Dorin"), ("Brăduleț", "Șteflea", "Pădureanu", "Izvorescu")),
    "en": (("Owen", "Grace", "Callum"), ("Hartwood", "Pennfield", "Ashbrook")),
}  # fmt: skip
_LANGUAGES = ("nb", "nb", "nb", "pl", "pl", "lt", "ro", "en")
_ROLES = ("skilled", "skilled", "skilled", "apprentice", "unskilled")
_WEIGHTS = (3, 2, 7, 6, 5, 4, 3, 2)


@dataclass(frozen=True, slots=True)
class Worker:
    """One line of the crew list, and what the worker's card says."""

    card_number: str
    first_name: str
    last_name: str
    date_of_birth: date
    gender: str
    organisation_number: str
    organisation_name: str
    card_expiry: date
    role: str
    valid_from: date
    valid_until: date
    language: str
    training: bool = True
    company_approved: bool = True
    status: str = "ok"

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}"


@dataclass(frozen=True, slots=True)
class Cast:
    """Everybody, and those of them who have a part in the play."""

    crew: Sequence[Worker]
    ordinary: Sequence[Worker]
    expired: Worker
    blocked: Worker
    untrained: Worker
    unapproved: Worker
    early: Worker
    moved: Worker
    """On the list for one company, with a card of another."""
    stranger: Worker
    """A good card that nobody has put on the list."""


def make_cast(today: date, seed: int = 1) -> Cast:
    """The same people for the same day and seed."""
    random = Random(seed)  # noqa: S311 - invented people need no secrecy
    companies = [(name, _organisation_number(10_000_000 + place)) for place, name in enumerate(_COMPANIES)]
    # One company is not approved at this site: the last one, with its few people.
    crew = [_worker(random, place, companies[place % (len(companies) - 1)], today) for place in range(WORKERS)]
    crew[1] = replace(crew[1], card_expiry=today - timedelta(days=12))
    crew[2] = replace(crew[2], status="blocked")
    crew[3] = replace(crew[3], training=False)
    for place in (4, 14, 24):
        name, number = companies[-1]
        crew[place] = replace(crew[place], organisation_name=name, organisation_number=number, company_approved=False)
    crew[5] = replace(crew[5], valid_from=today + timedelta(days=7), valid_until=today + timedelta(days=60))
    stranger = replace(_worker(random, WORKERS + 7, companies[0], today), card_number="70999999")
    former = companies[(6 + 1) % 11]
    return Cast(
        crew=crew,
        ordinary=[crew[0], *crew[7:12]],
        expired=crew[1],
        blocked=crew[2],
        untrained=crew[3],
        unapproved=crew[4],
        early=crew[5],
        moved=replace(crew[6], organisation_name=former[0], organisation_number=former[1]),
        stranger=stranger,
    )


def write_crew_list(crew: Sequence[Worker], path: Path) -> None:
    """The crew list as a main contractor would send it (CSV)."""
    columns = (
        "card_number", "first_name", "last_name", "date_of_birth", "organisation_number", "organisation_name",
        "card_expiry", "role", "valid_from", "valid_until", "language", "training", "company_approved", "status",
    )  # fmt: skip
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        for worker in crew:
            writer.writerow([_cell(getattr(worker, column)) for column in columns])


def _worker(random: Random, place: int, company: tuple[str, str], today: date) -> Worker:
    language = random.choice(_LANGUAGES)
    first_names, last_names = _NAMES[language]
    name, number = company
    return Worker(
        card_number=f"70{random.randrange(10):d}{place:05d}",
        first_name=random.choice(first_names),
        last_name=random.choice(last_names),
        date_of_birth=date(1962, 1, 1) + timedelta(days=random.randrange(15_000)),
        gender=random.choice("MF"),
        organisation_number=number,
        organisation_name=name,
        card_expiry=today + timedelta(days=random.randrange(40, 700)),
        role=random.choice(_ROLES),
        valid_from=today - timedelta(days=30),
        valid_until=today + timedelta(days=300),
        language=language,
    )


def _organisation_number(first_eight: int) -> str:
    """The next number from here on that has a check digit (modulus 11; some have none)."""
    while True:
        digits = f"{first_eight:08d}"
        rest = sum(int(digit) * weight for digit, weight in zip(digits, _WEIGHTS, strict=True)) % 11
        if rest != 1:
            return f"{digits}{(11 - rest) % 11}"
        first_eight += 1_000


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
