"""The rows of a crew list: every good one as a value, every bad one with its place and what to do. Pure.

Which kind of file they come from makes no difference here. Row numbers are those that a spreadsheet shows.
"""

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from hub import identity_number
from hub.chain import loop_at
from hub.crew import fields
from hub.crew.columns import COLUMNS, OUR_NAMES, REQUIRED, Naming, Problem, read_header
from hub.crew.fields import BadCell
from hub.presence import CardKey
from hub.records import CrewMember

MAX_FILE_BYTES = 256 << 20
MAX_ROWS = 1_000_000
SCHEME = "hms"
SITE_SCHEME = "site"
"""Of the cards that the site itself issues."""
PROGRESS_ROWS = 1_000

Cell = str | BadCell
"""A cell as text; or what is wrong with it, when its file already says so."""
Row = tuple[int, Sequence[Cell]]
Progress = Callable[[int], None]
"""Told how many rows have been read."""

_REMEMBERED = 20_000
_NAMES = frozenset({"card_number", "first_name", "last_name"})
"""What differs from row to row: not worth remembering."""


@dataclass(frozen=True, slots=True)
class ReadList:
    """A file as far as it could be read. `doubtful` are the cards that bad rows name: they are neither
    on the list nor off it. `chain` says who engaged companies further up."""

    members: tuple[CrewMember, ...]
    problems: tuple[Problem, ...]
    doubtful: frozenset[CardKey] = frozenset()
    chain: Mapping[str, str] = field(default_factory=dict)


def unusable(row: int, what: str, advice: str) -> ReadList:
    """A file of which nothing can be taken."""
    return ReadList((), (Problem(row, None, what, advice),))


def quiet(_rows: int) -> None:
    """Nobody looks on."""


class BrokenFile(Exception):
    """The rows end here, because the rest of the file cannot be read."""

    def __init__(self, row: int, what: str, advice: str) -> None:
        super().__init__(what)
        self.problem = Problem(row, None, what, advice)


def read_rows(rows: Iterable[Row], naming: Naming = OUR_NAMES, progress: Progress = quiet) -> ReadList:
    """Read rows, the header first. They may raise BrokenFile; then nothing of the file is used."""
    rest = iter(rows)
    try:
        _, header = next(rest, (1, ()))
        if not any(header):
            names = ", ".join(map(naming.theirs, REQUIRED))
            return unusable(1, "the file is empty", f"the first row names the columns: {names} …")
        names_read, wrong = read_header([cell if isinstance(cell, str) else cell.what for cell in header], naming)
        if wrong:
            return ReadList((), tuple(wrong))
        return _Reader(names_read, naming).read(rest, progress)
    except BrokenFile as broken:
        return ReadList((), (broken.problem,))


_COMPANY_FACTS = (
    "company_approved", "main_unit", "engaged_by", "company_status", "startbank", "startbank_as_of", "tax_attestation",
)  # fmt: skip


@dataclass(slots=True)
class _Company:
    """What the first row of a company says about it."""

    row: int
    said: dict[str, Any]


class _Reader:
    """Reads the rows below a header that is in order."""

    def __init__(self, header: Sequence[str | None], naming: Naming) -> None:
        self._header = header
        self._naming = naming
        self._members: dict[CardKey, CrewMember] = {}
        self._row_of: dict[CardKey, int] = {}
        self._cards_of: dict[int, tuple[CardKey, ...]] = {}
        self._companies: dict[str, _Company] = {}
        self._above: dict[str, tuple[str, int]] = {}
        self._problems: list[Problem] = []
        self._doubtful: set[CardKey] = set()
        self._parsed: dict[str, dict[str, Any]] = {name: {} for name in COLUMNS}

    def read(self, rows: Iterable[Row], progress: Progress) -> ReadList:
        count = 0
        for number, cells in rows:
            if any(cells):
                count += 1
                if count > MAX_ROWS:
                    raise BrokenFile(number, f"more than {MAX_ROWS} rows", "is this the right file?")
                if count % PROGRESS_ROWS == 0:
                    progress(count)
                self._take(number, cells)
        if not count:
            raise BrokenFile(
                2,
                "there is no row below the header",
                "a list of nobody would lock everybody out; is this the right file?",
            )
        progress(count)
        self._refuse_loops()
        chain = {company: above for company, (above, _) in self._above.items()}
        # Somebody else's row may tell who engaged a company whose own rows do not.
        members = tuple(
            member
            if member.engaged_by or member.organisation_number not in chain
            else replace(member, engaged_by=chain[member.organisation_number])
            for key, member in self._members.items()
            if key not in self._doubtful
        )
        return ReadList(members, tuple(self._problems), frozenset(self._doubtful), chain)

    def _take(self, number: int, row: Sequence[Cell]) -> None:
        values, problems = self._values(number, row)
        scheme, on_card = SCHEME, values.pop("card_number", None)
        if site_card := values.pop("site_card", None):
            scheme, on_card = SITE_SCHEME, site_card
        if not problems:
            problems += self._between_cells(number, values, scheme)
        if not problems and on_card:
            problems += self._between_rows(number, values, CardKey(scheme, on_card))
        key = CardKey(scheme, on_card) if on_card else None
        if problems:
            self._problems += problems
            if key:
                self._doubtful.add(key)
        elif key:
            self._row_of[key] = number
            self._members[key] = self._member(number, key, values)

    def _member(self, number: int, key: CardKey, values: dict[str, Any]) -> CrewMember:
        above = values.pop("engaged_by", ())
        for company, engaged_by in zip((values["organisation_number"], *above), above, strict=False):
            self._above.setdefault(company, (engaged_by, number))
        values["engaged_by"] = above[0] if above else None
        values["register_status"] = values.pop("company_status", None)
        same_as = None
        if values.get("date_of_birth"):
            person = hash((values["first_name"], values["last_name"], values["date_of_birth"]))
            held = self._cards_of.get(person, ())
            self._cards_of[person] = (*held, key)
            same_as = held[0] if held else None
        return CrewMember(key.scheme, key.number, **values, list_row=number, same_as=same_as)

    def _values(self, number: int, row: Sequence[Cell]) -> tuple[dict[str, Any], list[Problem]]:
        problems: list[Problem] = []
        if len(row) != len(self._header):
            what = f"has {len(row)} cells where the header has {len(self._header)}"
            problems.append(
                Problem(number, None, what, "a cell that holds the delimiter must stand in quotation marks")
            )
        perhaps = identity_number.worth_a_look("\0".join(cell for cell in row if isinstance(cell, str)))
        on_site_card = any(name == "site_card" and cell for name, cell in zip(self._header, row, strict=False))
        values: dict[str, Any] = {}
        for place, (name, cell) in enumerate(zip(self._header, row, strict=False), start=1):
            try:
                if perhaps and isinstance(cell, str):
                    fields.refuse_identity_number(cell)
                if name is None or (name == "card_number" and not cell and on_site_card):
                    continue
                values[name] = self._parse(name, cell)
            except BadCell as bad:
                problems.append(Problem(number, self._called(name, place), bad.what, bad.advice))
        return values, problems

    def _called(self, name: str | None, place: int) -> str:
        return self._naming.theirs(name) if name else f"column {place}"

    def _parse(self, name: str, cell: Cell) -> Any:
        """The cell's value. Equal cells of a column give one object, which is worked out once."""
        if not isinstance(cell, str):
            raise cell
        if name in _NAMES:
            return COLUMNS[name](cell)
        parsed = self._parsed[name]
        if cell not in parsed:
            if len(parsed) >= _REMEMBERED:
                parsed.clear()
            parsed[cell] = COLUMNS[name](cell)
        return parsed[cell]

    def _between_cells(self, number: int, values: Mapping[str, Any], scheme: str) -> list[Problem]:
        first, last = values.get("valid_from"), values.get("valid_until")
        theirs = self._naming.theirs
        if first and last and last < first:
            what = f"{last} is before {theirs('valid_from')} {first}"
            return [Problem(number, theirs("valid_until"), what, "exchange or correct the dates")]
        if values.get("no_card_because") and scheme != SITE_SCHEME:
            what = "says why there is no card, and there is one"
            return [
                Problem(number, theirs("no_card_because"), what, f"leave it empty, or give a {theirs('site_card')}")
            ]
        if scheme == SITE_SCHEME and not (last and values.get("no_card_because")):
            missing = "valid_until" if not last else "no_card_because"
            what = f"is empty beside a {theirs('site_card')}"
            return [Problem(number, theirs(missing), what, "a card of the site has an end, and a reason")]
        return []

    def _between_rows(self, number: int, values: Mapping[str, Any], key: CardKey) -> list[Problem]:
        """What is wrong only because of another row."""
        column = self._naming.theirs("card_number" if key.scheme == SCHEME else "site_card")
        name = (values["first_name"], values["last_name"], values.get("date_of_birth"))
        if earlier := self._row_of.get(key):
            if _name(self._members[key]) == name:
                what, advice = f"stands in row {earlier} as well", "keep one of the two rows"
            else:
                what, advice = f"is somebody else's in row {earlier}", "a card is one person's; see whose it is"
            return [Problem(number, column, what, advice)]
        return self._one_person(number, values, name, column) + self._one_company(number, values)

    def _one_person(self, number: int, values: Mapping[str, Any], name: tuple[Any, ...], column: str) -> list[Problem]:
        """One person has one card for each employer. Without a birth date nobody can tell."""
        for key in self._cards_of.get(hash(name), ()) if name[2] else ():
            member = self._members[key]
            if _name(member) == name and member.organisation_number == values["organisation_number"]:
                self._doubtful.add(key)
                what = f"is another card of the person in row {member.list_row}, for the same employer"
                return [Problem(number, column, what, "keep the row of the card that is in use")]
        return []

    def _one_company(self, number: int, values: Mapping[str, Any]) -> list[Problem]:
        company = values["organisation_number"]
        said = {name: values[name] for name in _COMPANY_FACTS if name in values}
        first = self._companies.setdefault(company, _Company(number, said))
        for name, value in said.items():
            if first.said[name] != value:
                what = f"says {_word(value)} for {fields.shown_organisation(company)}, row {first.row} says"
                advice = (
                    "a company stands once in the chain; make its rows agree"
                    if name == "engaged_by"
                    else "a company has one answer; make its rows agree"
                )
                column = self._naming.theirs(name)
                return [Problem(number, column, f"{what} {_word(first.said[name])}", advice)]
        return self._one_chain(number, (company, *values.get("engaged_by", ())))

    def _one_chain(self, number: int, way: Sequence[str]) -> list[Problem]:
        column = self._naming.theirs("engaged_by")
        if len(set(way)) < len(way):
            return [Problem(number, column, "comes back to a company that it has passed", "a chain has an end")]
        for company, above in itertools.pairwise(way):
            known, row = self._above.get(company, (above, number))
            if known != above:
                what = (
                    f"has {_word((above,))} above {fields.shown_organisation(company)}, row {row} has {_word((known,))}"
                )
                return [Problem(number, column, what, "a company stands once in the chain; make its rows agree")]
        return []

    def _refuse_loops(self) -> None:
        """A chain that runs into a loop has no level: no row of a company in it can be taken."""
        engaged_by = {company: above for company, (above, _) in self._above.items()}
        looping = {company: loop for company in engaged_by if (loop := loop_at(company, engaged_by))}
        for loop in sorted({tuple(sorted(loop)) for loop in looping.values()}):
            row = min(self._above[company][1] for company in loop)
            what = f"the chain is a loop: {', '.join(map(fields.shown_organisation, loop))}"
            self._problems.append(
                Problem(row, self._naming.theirs("engaged_by"), what, "find out who was engaged by whom")
            )
        if looping:
            self._doubtful |= {key for key, member in self._members.items() if member.organisation_number in looping}
            for company in looping:
                del self._above[company]


def _name(member: CrewMember) -> tuple[Any, ...]:
    return (member.first_name, member.last_name, member.date_of_birth)


def _word(value: Any) -> str:
    if isinstance(value, tuple):
        return " > ".join(map(fields.shown_organisation, value)) or "nobody"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value) if value is not None else "nothing"
