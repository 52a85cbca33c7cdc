"""The crew list as CSV for a spreadsheet, in the columns of the site's own lists. A cell that a spreadsheet would take
for a formula is defused."""

import csv
from collections.abc import Iterable
from typing import Any, Protocol

from hub.crew.columns import COLUMNS, Naming
from hub.crew.rows import SCHEME, SITE_SCHEME
from hub.records import CrewMember

_OTHERWISE = {"company_status": "register_status"}
"""A column whose field has another name."""
_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
"""Their wide forms, too: some spreadsheets take them for the same."""

_BLANKS = ("\t", "\r", "\n")


class Out(Protocol):
    def write(self, text: str, /) -> object: ...


def write_csv(members: Iterable[CrewMember], naming: Naming, out: Out) -> None:
    """Write a header and a row for each; nothing of a national identity number is known here."""
    writer = csv.writer(out, delimiter=";", lineterminator="\n")
    writer.writerow([naming.theirs(name) for name in COLUMNS])
    for member in members:
        if member.scheme in (SCHEME, SITE_SCHEME):
            writer.writerow([defused(_cell(member, name)) for name in COLUMNS])


def defused(cell: str) -> str:
    """The cell as a spreadsheet takes it for text, also one that looks past the blanks at its beginning."""
    return f"'{cell}" if cell.lstrip().startswith(_FORMULA) or cell[:1] in _BLANKS else cell


def _cell(member: CrewMember, name: str) -> str:
    if name == "card_number":
        return member.number if member.scheme == SCHEME else ""
    if name == "site_card":
        return member.number if member.scheme == SITE_SCHEME else ""
    if name == "qualifications":
        return " ".join(f"{one.kind}:{one.expiry}" if one.expiry else one.kind for one in member.qualifications)
    value: Any = getattr(member, _OTHERWISE.get(name, name))
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return " ".join(value) if isinstance(value, tuple) else str(value)
