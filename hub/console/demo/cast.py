"""The people of the demonstration: invented, of invented companies. Nobody here exists.

The organisation numbers have a right check digit and stand in a range that the register does not give out.
"""

from dataclasses import replace
from datetime import date, timedelta
from random import Random
from typing import NamedTuple

from hub import organisation_number
from hub.records import CrewMember

COMPANIES = (
    "Fjellstad Entreprenør", "Nordlys Betong", "Elvebakken Elektro", "Storhaug Tømrer", "Havn & Hagen Rør",
    "Grønnlia Stillas", "Baltic Bygg Norge", "Wisła Mur og Puss", "Carpați Armering", "Tindvik Tak",
    "Lysaker Ventilasjon Øst", "Sletta Anlegg",
)  # fmt: skip
NAMES = (
    (("Kari", "Ola", "Ingrid", "Nils", "Sølvi", "Håkon", "Åse", "Trygve", "Marit", "Eirik", "Silje", "Torbjørn", "Hege",
      "Øyvind", "Randi", "Sindre", "Guro", "Vegard"),
     ("Fjellheim", "Storvik", "Bakkerud", "Sørlien", "Ødegårdsmo", "Tangvald", "Lundemyr", "Åsgard", "Kvernmo",
      "Hauglid", "Nordtveit", "Elvestrand", "Myrhaug", "Skogbakken", "Trøan", "Vikøren")),
    (("Paweł", "Agnieszka", "Tomasz", "Zofia", "Michał", "Grzegorz", "Małgorzata", "Wojciech"),
     ("Brzozowiecki", "Jaworniak", "Łukaszyk", "Sadowniczak", "Wilczyński", "Dąbkowski")),
    (("Jonas", "Rūta", "Mindaugas", "Živilė", "Vytenis"), ("Girdvainis", "Ąžuolytė", "Kalvėnas", "Upinis", "Šilinis")),
    (("Ștefan", "Ioana", "Mihăiță", "Dorin", "Ilinca"), ("Brăduleț", "Șteflea", "Pădureanu", "Izvorescu")),
    (("Owen", "Grace", "Callum", "Niamh"), ("Hartwood", "Pennfield", "Ashbrook", "Wrenley")),
)  # fmt: skip
ROLES = ("fagarbeider", "fagarbeider", "fagarbeider", "lærling", "ufaglært")
WORKERS = 340
BAD_DAYS = 12
"""The first so many have something that keeps them out."""
STRANGERS = ("70988101", "70988217", "70988334")


class Cast(NamedTuple):
    """Everybody on the list, those whom a gate lets in, those whom it does not, and cards that nobody knows."""

    crew: list[CrewMember]
    welcome: list[CrewMember]
    unwelcome: list[CrewMember]
    strangers: tuple[str, ...]


def make_cast(today: date, random: Random) -> Cast:
    """The same people for the same day and seed."""
    numbers = [_organisation(place) for place in range(len(COMPANIES))]
    crew = [_worker(place, numbers, today, random) for place in range(WORKERS)]
    kinds = (
        {"training": False},
        {"card_expiry": (today - timedelta(days=9)).isoformat()},
        {"valid_from": (today + timedelta(days=6)).isoformat()},
        {"status": "cancelled"},
    )
    for place in range(BAD_DAYS):
        crew[place] = replace(crew[place], **kinds[place % len(kinds)])
    unwelcome = [*crew[:BAD_DAYS], *(one for one in crew if not one.company_approved)]
    welcome = [one for one in crew[BAD_DAYS:] if one.company_approved]
    return Cast(crew, welcome, unwelcome, STRANGERS)


def _worker(place: int, numbers: list[str], today: date, random: Random) -> CrewMember:
    firsts, lasts = NAMES[random.choice((0, 0, 0, 1, 1, 2, 3, 4))]
    # The last company has few people, and nobody has approved it.
    company = len(numbers) - 1 if place % 71 == 70 else random.randrange(len(numbers) - 1)
    return CrewMember(
        scheme="hms",
        number=f"70{place * 7919 % 1_000_000:06d}",
        first_name=random.choice(firsts),
        last_name=random.choice(lasts),
        organisation_number=numbers[company],
        organisation_name=COMPANIES[company],
        company_approved=company != len(numbers) - 1,
        date_of_birth=(date(1962, 1, 1) + timedelta(days=random.randrange(15_000))).isoformat(),
        card_expiry=(today + timedelta(days=random.randrange(40, 700))).isoformat(),
        role=random.choice(ROLES),
        valid_from=(today - timedelta(days=30)).isoformat(),
        valid_until=(today + timedelta(days=200)).isoformat(),
    )


def _organisation(place: int) -> str:
    start = 100_000_000 + place * 7_000
    return next(str(number) for number in range(start, start + 7_000) if organisation_number.fits(str(number)))
