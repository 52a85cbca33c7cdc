"""Crew lists: every bad row is named with what to do, and no identity number is ever repeated."""

import csv
import io
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub import identity_number, organisation_number
from hub.crew.columns import COLUMNS, Problem
from hub.crew.csv_list import read_list
from hub.crew.importing import compare
from hub.presence import CardKey
from hub.records import CrewMember

GOOD = {
    "card_number": "5310027",
    "first_name": "Torbjørg",
    "last_name": "Åsnes",
    "date_of_birth": "1988-02-11",
    "organisation_number": "310451274",
    "organisation_name": "Vinkel Bygg AS",
    "valid_from": "2026-01-05",
    "valid_until": "2027-06-30",
    "training": "yes",
    "company_approved": "yes",
    "status": "ok",
}
IDENTITY = "11028812345"


def csv_of(*rows: Mapping[str, str], delimiter: str = ",") -> bytes:
    out = io.StringIO()
    writer = csv.DictWriter(out, list(GOOD), delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def problems(data: bytes) -> list[str]:
    return [str(problem) for problem in read_list(data).problems]


@pytest.mark.parametrize("delimiter", [",", ";"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_a_good_list(delimiter: str, mark: bytes) -> None:
    """Both delimiters, with and without BOM, dates both ways, numbers as text with their zeros."""
    row = GOOD | {"card_number": "0310027", "valid_from": "05.01.2026", "organisation_number": "310 451 274"}
    read = read_list(mark + csv_of(row, delimiter=delimiter))
    assert read.problems == ()
    assert read.members == (
        CrewMember(
            "hms", "0310027", "Torbjørg", "Åsnes", "310451274", "1988-02-11", "Vinkel Bygg AS",
            valid_from="2026-01-05", valid_until="2027-06-30",
        ),
    )  # fmt: skip


def test_the_example_is_good() -> None:
    """What we ship as an example can be imported."""
    read = read_list(Path("config/crew.example.csv").read_bytes())
    assert (len(read.members), read.problems) == (7, ())


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("card_number", "", "is empty; write the number"),
        ("card_number", "5.31003E+06", "changed by the spreadsheet; format the column as text"),
        ("card_number", "53 10027", "is not a card number"),
        ("first_name", "", "is empty; fill it in"),
        ("last_name", "Å" * 81, "81 characters"),
        ("last_name", "Ås\tnes", "control character"),
        ("date_of_birth", "11/02/1988", "'11/02/1988' is not a date; write it as 2026-05-31"),
        ("date_of_birth", "2026-02-30", "is not a date"),
        ("date_of_birth", "0026-02-03", "is not a date"),
        ("organisation_number", "", "is empty"),
        ("organisation_number", "31045127", "is not nine digits; look it up"),
        ("organisation_number", "310451275", "310 451 275 has a wrong check digit"),
        ("organisation_number", "31045127४", "is not nine digits"),
        ("valid_until", "2025-12-31", "2025-12-31 is before valid_from 2026-01-05"),
        ("training", "", "is empty; write yes or no"),
        ("training", "maybe", "'maybe' is neither yes nor no"),
        ("company_approved", "?", "is neither yes nor no"),
        ("status", "fired", "'fired' is not a status; write ok, blocked or cancelled"),
    ],
)
def test_a_bad_cell_is_named(field: str, value: str, told: str) -> None:
    """Row as the spreadsheet shows it, column, what is wrong, what to do; the other row is read."""
    other = GOOD | {"card_number": "5310035", "first_name": "Sander"}
    read = read_list(csv_of(other, GOOD | {field: value}))
    assert [(problem.row, problem.field) for problem in read.problems] == [(3, field)]
    assert told in str(read.problems[0])
    assert [member.number for member in read.members] == ["5310035"]


@pytest.mark.parametrize("field", list(GOOD))
@pytest.mark.parametrize(
    "value", [IDENTITY, "110288 12345", f"Kari {IDENTITY}", "110288-12345", "11.02.88 " + IDENTITY]
)
def test_identity_numbers_are_refused_and_never_repeated(field: str, value: str) -> None:
    """P12: in whatever column they stand."""
    told = problems(csv_of(GOOD | {field: value}))
    assert told[0].startswith(f"row 2, {field}: holds eleven digits like a national identity number")
    assert not any("12345" in line for line in told)


def test_identity_numbers_in_the_header_are_not_repeated() -> None:
    """A file without its header shows its first row in errors; not this part of it."""
    told = problems(f"5310027,{IDENTITY},Åsnes,1{IDENTITY}9\n".encode())
    assert told
    assert not any("12345" in line for line in told)


@given(st.text(alphabet="0123456789 -.abcÅ;,\"'", max_size=40))
def test_no_message_shows_eleven_digits(value: str) -> None:
    """Whatever stands in a cell, its message never shows eleven digits in a row."""
    for name in COLUMNS:
        for problem in read_list(csv_of(GOOD | {name: value}) if name in GOOD else b"").problems:
            assert not identity_number._ELEVEN.search(problem.what.replace("310 451 274", ""))


def test_duplicate_cards_are_both_doubtful() -> None:
    """Which of two rows is right cannot be guessed, so neither is taken."""
    other = GOOD | {"card_number": "5310035", "first_name": "Sander"}
    read = read_list(csv_of(GOOD, GOOD | {"last_name": "Vik"}, other))
    assert [str(problem) for problem in read.problems] == [
        "row 3, card_number: is somebody else's in row 2; a card is one person's; see whose it is"
    ]
    assert [member.number for member in read.members] == ["5310035"]
    assert read.doubtful == {CardKey("hms", "5310027")}


def test_a_company_is_approved_or_not() -> None:
    """Two rows of one company may not contradict each other."""
    told = problems(csv_of(GOOD, GOOD | {"card_number": "5310035", "first_name": "Sander", "company_approved": "no"}))
    (line,) = told
    assert line.startswith("row 3, company_approved: says no for 310 451 274, row 2 says yes; ")


def test_wrong_and_missing_columns() -> None:
    """The header is checked first, and a near miss is guessed."""
    missing = "this column is missing; required are card_number, first_name, last_name, organisation_number"
    told = problems(b"card_number,firstname,last_name,last_name,shoe size,\n1,2,3,4,5,6\n")
    assert told == [
        "row 1: there is no column 'firstname'; did you mean first_name?",
        "row 1, last_name: stands twice in the header; keep one of the two columns",
        f"row 1: there is no column 'shoe size'; remove it; columns are {', '.join(COLUMNS)}",
        "row 1: column 6 has no name; name it, or remove the column",
        f"row 1, first_name: {missing}",
        f"row 1, organisation_number: {missing}",
    ]


@pytest.mark.parametrize(
    ("data", "row", "told"),
    [
        (
            csv_of(GOOD, GOOD).decode().encode("latin-1"),
            2,
            "byte 0xF8 is not UTF-8, as in Latin-1; save the file as UTF-8",
        ),
        (csv_of(GOOD).decode().encode("utf-16"), 1, "the file is UTF-16; save the file as UTF-8"),
        (b'card_number,"role\nhere"\n1,\xe5', 2, "byte 0xE5"),
        (csv_of(GOOD) + b"\0", 3, "NUL byte"),
        (b"", 1, "the file is empty"),
        (b"\n\n", 1, "the file is empty"),
        (csv_of(), 2, "no row below the header"),
        (csv_of(GOOD) + b'"never closed', 3, "cannot be read as CSV"),
        (csv_of(GOOD) + b"a,b\n", 3, "has 2 cells where the header has 11"),
    ],
)
def test_files_that_cannot_be_used(data: bytes, row: int, told: str) -> None:
    """The row is the one that a spreadsheet shows."""
    problem = read_list(data).problems[0]
    assert problem.row == row
    assert told in str(problem)


def test_blank_rows_count_but_say_nothing() -> None:
    """Row numbers stay those of the spreadsheet."""
    data = csv_of(GOOD).rstrip() + b"\r\n\r\n,,,,,,,,,,\r\n" + b"x" + b"," * 10 + b"\r\n"
    assert {problem.row for problem in read_list(data).problems} == {5}


@given(st.binary(max_size=300))
def test_garbage_never_raises(data: bytes) -> None:
    """P9: whatever the file is, the answer is a list of problems."""
    read = read_list(data)
    assert read.problems or read.members


@given(st.binary(max_size=60), st.integers(0, 400))
def test_damage_never_raises(noise: bytes, place: int) -> None:
    """P9: the same for a good file with noise in it."""
    data = csv_of(GOOD, GOOD | {"card_number": "5310035"})
    read_list(data[:place] + noise + data[place:])


@pytest.mark.parametrize(
    ("digits", "fits"),
    [("123456785", True), ("310451274", True), ("123456784", False), ("000000000", True), ("310000010", False)],
)
def test_organisation_numbers(digits: str, fits: bool) -> None:
    """The official example of Enhetsregisteret, and neighbours."""
    assert organisation_number.fits(digits) is fits


def test_the_difference() -> None:
    """Added, removed, changed; a card that only a bad row names stays as it was; one that returns is added."""
    known = {
        CardKey("hms", number): CrewMember("hms", number, "A", "B", "310451274", listed=listed)
        for number, listed in (("1", True), ("2", True), ("3", True), ("4", False), ("5", True))
    }
    new = [
        CrewMember("hms", "1", "A", "B", "310451274"),
        CrewMember("hms", "2", "A", "C", "310451274"),
        CrewMember("hms", "4", "A", "B", "310451274"),
        CrewMember("hms", "6", "A", "B", "310451274"),
    ]
    change = compare(new, known.values(), frozenset({CardKey("hms", "5")}))
    assert [member.number for member in change.added] == ["4", "6"]
    assert change.removed == (CardKey("hms", "3"),)
    assert [member.number for member in change.changed] == ["2"]
    assert (change.unchanged, str(change)) == (1, "+2 −1 ~1")


def test_problems_read_well() -> None:
    """Where, what, and what to do, on one line."""
    assert str(Problem(7, "role", "is odd", "mend it")) == "row 7, role: is odd; mend it"
    assert str(Problem(7, None, "is odd", "mend it")) == "row 7: is odd; mend it"
