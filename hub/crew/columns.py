"""The columns of a crew list, by our names and by those of the site's own lists. Pure."""

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hub.crew import fields
from hub.crew.fields import shown

COLUMNS: Mapping[str, Callable[[str], Any]] = {
    "card_number": fields.card_number,
    "first_name": fields.required,
    "last_name": fields.required,
    "date_of_birth": fields.day,
    "organisation_number": fields.organisation_number,
    "organisation_name": fields.text,
    "main_unit": fields.optional_organisation_number,
    "engaged_by": fields.chain,
    "hired_by": fields.optional_organisation_number,
    "card_expiry": fields.day,
    "card_type": fields.text,
    "role": fields.text,
    "trade": fields.text,
    "valid_from": fields.day,
    "valid_until": fields.day,
    "language": fields.language,
    "training": fields.yes_or_no,
    "company_approved": fields.yes_or_no,
    "company_status": fields.register_status,
    "startbank": fields.optional_yes_or_no,
    "startbank_as_of": fields.day,
    "tax_attestation": fields.day,
    "status": fields.status,
    "status_as_of": fields.day,
    "groups": fields.groups,
    "qualifications": fields.qualifications,
    "confirmed_by": fields.text,
    "site_card": fields.site_card,
    "no_card_because": fields.no_card_because,
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
class Naming:
    """What the columns are called in the lists of a site. `headers` is our name: theirs."""

    headers: Mapping[str, str] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()

    def theirs(self, name: str) -> str:
        return self.headers.get(name, name)

    def ours(self) -> dict[str, str]:
        """Their name in small letters: ours."""
        return {self.theirs(name).casefold(): name for name in COLUMNS}

    def problems(self) -> list[str]:
        """What is wrong with it; each entry begins with the key in the settings."""
        found = [
            f"crew.columns.{name}: there is no such column; columns are {', '.join(COLUMNS)}"
            for name in self.headers
            if name not in COLUMNS
        ]
        names = [self.theirs(name).casefold() for name in COLUMNS]
        for name, header in self.headers.items():
            if names.count(header.casefold()) > 1:
                found.append(f"crew.columns.{name}: another column is called {header!r} as well")
            if header.casefold() in {one.casefold() for one in self.ignored}:
                found.append(f"crew.columns.{name}: {header!r} is among crew.ignore as well")
        return found


OUR_NAMES = Naming()


def read_header(header: Sequence[str], naming: Naming) -> tuple[list[str | None], list[Problem]]:
    """Our name of each column, None for one that is ignored; and what is wrong with the header."""
    ours = naming.ours()
    ignored = {name.casefold() for name in naming.ignored}
    folded = [name.casefold() for name in header]
    places: list[str | None] = []
    found = []
    for place, name in enumerate(folded, start=1):
        places.append(ours.get(name))
        if not name:
            found.append(Problem(1, None, f"column {place} has no name", "name it, or remove the column"))
        elif name in ignored:
            continue
        elif name not in ours:
            near = difflib.get_close_matches(name, ours, 1)
            known = ", ".join(map(naming.theirs, COLUMNS))
            advice = f"did you mean {naming.theirs(ours[near[0]])}?" if near else f"remove it; columns are {known}"
            found.append(Problem(1, None, f"there is no column {shown(header[place - 1])}", advice))
        elif name in folded[: place - 1]:
            found.append(
                Problem(1, naming.theirs(ours[name]), "stands twice in the header", "keep one of the two columns")
            )
    required = ", ".join(map(naming.theirs, REQUIRED))
    found += [
        Problem(1, naming.theirs(name), "this column is missing", f"required are {required}")
        for name in REQUIRED
        if name not in places
    ]
    return places, found
