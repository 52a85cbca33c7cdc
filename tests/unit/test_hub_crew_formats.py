"""Crew lists as XLSX and JSON, under a site's own column names; and what is wrong between companies and people."""

import csv
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook

from hub.crew import csv_list, fields, json_list, xlsx_list
from hub.crew.columns import COLUMNS, Naming
from hub.crew.csv_export import defused, write_csv
from hub.crew.fields import BadCell
from hub.crew.importing import compare
from hub.crew.rows import ReadList
from hub.presence import CardKey
from hub.records import CrewMember, Qualification

VINKEL, TAK, FAGSPOR = "310451274", "313917401", "312608332"
ROW = {"card_number": "5310027", "first_name": "Torbjørg", "last_name": "Åsnes", "organisation_number": VINKEL}
OTHER = {"card_number": "5310035", "first_name": "Sander", "last_name": "Vik", "organisation_number": TAK}


def xlsx_of(*rows: Sequence[Any], sheet: str = "Mannskap") -> bytes:
    book = Workbook()
    book.active.title = sheet
    for row in rows:
        book.active.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def json_of(*rows: Mapping[str, Any]) -> bytes:
    return json.dumps(rows).encode()


def told(read: ReadList) -> list[str]:
    return [str(problem) for problem in read.problems]


def members(*rows: Mapping[str, Any]) -> ReadList:
    return json_list.read_list(json_of(*rows))


def test_a_workbook_with_its_own_kinds_of_cells() -> None:
    """Numbers, dates and truth as Excel keeps them; rows and columns that are merely formatted."""
    header = ["card_number", "first_name", "last_name", "organisation_number", "valid_until", "training", None]
    data = xlsx_of(header, [5310027, "Torbjørg", "Åsnes", 310451274.0, date(2027, 6, 30), True], [], [None, ""])
    read = xlsx_list.read_list(data)
    assert read.problems == ()
    assert read.members == (
        CrewMember("hms", "5310027", "Torbjørg", "Åsnes", VINKEL, valid_until="2027-06-30", training=True),
    )
    assert read.members[0].list_row == 2


def test_a_formula_is_never_worked_out() -> None:
    """In a workbook, where Excel's own result stands beside it, and in CSV."""
    data = xlsx_of(list(ROW), [*ROW.values()], ["=A2+1", "Sander", "Vik", TAK])
    assert told(xlsx_list.read_list(data)) == [
        "row 3, card_number: holds a formula, which is never worked out here; in Excel: copy the column, paste values"
    ]
    text = ",".join(ROW) + "\n5310027,=HYPERLINK(1),Åsnes,310451274\n"
    (line,) = told(csv_list.read_list(text.encode()))
    assert line.startswith("row 2, first_name: '=HYPERLINK(1)' is a formula")


def test_a_cell_that_excel_could_not_work_out() -> None:
    (line,) = told(xlsx_list.read_list(xlsx_of(list(ROW), ["5310027", "#N/A", "Åsnes", VINKEL])))
    assert line.startswith("row 2, first_name: '#N/A' is an error of the spreadsheet")


def test_sheets_are_named() -> None:
    data = xlsx_of(list(ROW), [*ROW.values()])
    assert len(xlsx_list.read_list(data, "Mannskap").members) == 1
    (line,) = told(xlsx_list.read_list(data, "Liste"))
    assert line == "row 1: there is no sheet 'Liste'; its sheets are 'Mannskap'; see crew.sheet"


@settings(deadline=None)
@given(st.binary(max_size=60), st.floats(0, 1))
def test_a_damaged_workbook_never_raises(noise: bytes, place: float) -> None:
    """P9."""
    data = xlsx_of(list(ROW), [*ROW.values()])
    at = int(place * len(data))
    read = xlsx_list.read_list(data[:at] + noise + data[at + len(noise) :])
    assert read.problems or read.members


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"no workbook"])
def test_no_workbook(data: bytes) -> None:
    (line,) = told(xlsx_list.read_list(data))
    assert line.startswith("row 1: the file is no sound workbook")


def test_a_workbook_that_unpacks_without_end_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xlsx_list, "MAX_UNPACKED_BYTES", 100_000)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/worksheets/sheet1.xml", b" " * 200_000)
    (line,) = told(xlsx_list.read_list(out.getvalue()))
    assert line.startswith("row 1: the file unpacks to 200000 bytes")


def test_a_json_list() -> None:
    """Objects may leave names out; numbers, truth, null and lists of words are understood."""
    row = ROW | {"training": False, "organisation_number": 310451274, "role": None, "groups": ["first-aider", "warden"]}
    read = members(row, OTHER | {"valid_until": "2027-06-30"})
    assert told(read)[0].startswith("row 3, training: is empty")
    read = members(row, OTHER | {"training": True, "valid_until": "2027-06-30"})
    assert read.problems == ()
    assert read.members[0].groups == ("first-aider", "warden")
    assert [one.valid_until for one in read.members] == [None, "2027-06-30"]
    assert [one.training for one in read.members] == [False, True]


@pytest.mark.parametrize(
    ("data", "row"),
    [
        (b"{}", 1),
        (b"", 1),
        (b"[1]", 2),
        (b'[{"card_number": {}}, 3]', 3),
        (b"[" * 100_000, 1),
        (b"[]", 1),
        (b"\xff", 1),
    ],
)
def test_json_that_cannot_be_used(data: bytes, row: int) -> None:
    read = json_list.read_list(data)
    assert (read.members, read.problems[0].row) == ((), row)


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists))
def test_any_json_cell_is_read_or_refused(value: Any) -> None:
    """P9."""
    read = members(ROW | {"role": value})
    assert len(read.members) + len(read.problems) >= 1


def test_columns_by_the_names_of_the_site() -> None:
    naming = Naming({"card_number": "Kortnr", "first_name": "Fornavn", "last_name": "Etternavn"}, ("Telefon",))
    text = "KORTNR;Fornavn;Etternavn;organisation_number;Telefon\n53;Torbjørg;Åsnes;310451274;=22\n"
    read = csv_list.read_list(text.encode(), naming)
    assert told(read) == ["row 2, Kortnr: '53' is not a card number; 3 to 20 digits or letters, without spaces"]
    read = csv_list.read_list(text.replace("53;", "5310027;").encode(), naming)
    assert (len(read.members), read.problems) == (1, ())
    assert "there is no column 'card_number'; did you mean" in told(csv_list.read_list(b"card_number,x", naming))[0]


def test_an_identity_number_in_an_ignored_column_is_refused_as_well() -> None:
    """P12: what is not read is looked at."""
    naming = Naming({}, ("Merknad",))
    text = ",".join(ROW) + ",Merknad\n5310027,Torbjørg,Åsnes,310451274,fnr 110288 12345\n"
    (line,) = told(csv_list.read_list(text.encode(), naming))
    assert line.startswith("row 2, column 5: holds eleven digits")
    assert "12345" not in line


@pytest.mark.parametrize(
    ("headers", "ignored", "wrong"),
    [
        ({"cardnumber": "Kortnr"}, (), "crew.columns.cardnumber: there is no such column"),
        ({"role": "Rolle", "trade": "rolle"}, (), "crew.columns.role: another column is called 'Rolle' as well"),
        ({"role": "trade"}, (), "crew.columns.role: another column is called 'trade' as well"),
        ({"role": "Rolle"}, ("ROLLE",), "crew.columns.role: 'Rolle' is among crew.ignore as well"),
    ],
)
def test_a_naming_that_contradicts_itself(headers: dict[str, str], ignored: tuple[str, ...], wrong: str) -> None:
    assert Naming(headers, ignored).problems()[0].startswith(wrong)


def test_an_identity_number_that_lost_its_zero() -> None:
    """P12: a spreadsheet takes the leading zero away. The one here is synthetic, with right check digits."""
    with pytest.raises(BadCell, match="without its leading zero") as refused:
        fields.refuse_identity_number("1817090067")
    assert "1817090067" not in str(refused.value)


@pytest.mark.parametrize("value", ["5310027123", "1817090068", "4799990027"])
def test_other_numbers_of_ten_digits_are_left_alone(value: str) -> None:
    fields.refuse_identity_number(value)


def test_a_card_on_its_way() -> None:
    """Whoever has no card yet, or needs none, is listed on a card of the site: with an end, and a reason."""
    row = ROW | {"card_number": "", "site_card": "0017", "no_card_because": "pupil", "valid_until": "2027-06-30"}
    read = members(row)
    assert read.problems == ()
    (pupil,) = read.members
    assert (pupil.scheme, pupil.number, pupil.no_card_because) == ("site", "0017", "pupil")
    assert told(members(row | {"valid_until": ""}))[0].startswith("row 2, valid_until: is empty beside a site_card")
    assert told(members(row | {"no_card_because": ""}))[0].startswith("row 2, no_card_because: is empty beside")
    assert told(members(ROW | {"no_card_because": "pupil"}))[0].startswith("row 2, no_card_because: says why")
    assert told(members(row | {"site_card": ""}))[0].startswith("row 2, card_number: is empty")


def test_one_person_two_cards() -> None:
    """One for each employer is right; two for one employer are not, and neither is taken."""
    born = {"date_of_birth": "1988-02-11"}
    first = ROW | born
    read = members(first, first | {"card_number": "5310100", "organisation_number": TAK})
    assert read.problems == ()
    assert read.members[1].same_as == CardKey("hms", "5310027")
    read = members(first, first | {"card_number": "5310100"})
    advice = "keep the row of the card that is in use"
    assert told(read) == [
        "row 3, card_number: is another card of the person in row 2, for the same employer; " + advice
    ]
    assert not read.members
    assert len(read.doubtful) == 2
    # Without a birth date nobody can tell.
    assert members(ROW, ROW | {"card_number": "5310100"}).problems == ()


def test_a_card_of_two_people() -> None:
    read = members(ROW, ROW | {"first_name": "Sander", "organisation_number": TAK})
    assert told(read) == ["row 3, card_number: is somebody else's in row 2; a card is one person's; see whose it is"]
    assert not read.members
    assert read.doubtful == {CardKey("hms", "5310027")}


def test_a_contractor_chain() -> None:
    read = members(ROW | {"engaged_by": f"{TAK} > {FAGSPOR}"}, OTHER | {"engaged_by": FAGSPOR})
    assert read.problems == ()
    assert read.chain == {VINKEL: TAK, TAK: FAGSPOR}
    assert read.members[0].engaged_by == TAK


def test_a_company_twice_in_the_chain() -> None:
    """Said twice otherwise: by its own rows, by somebody's way up, and within one way."""
    (line,) = told(members(ROW | {"engaged_by": TAK}, OTHER | {"organisation_number": VINKEL, "engaged_by": FAGSPOR}))
    assert line.startswith(
        "row 3, engaged_by: says 312 608 332 for 310 451 274, row 2 says 313 917 401; a company stands"
    )
    (line,) = told(members(ROW | {"engaged_by": f"{TAK} > {FAGSPOR}"}, OTHER | {"engaged_by": "310688126"}))
    assert line.startswith("row 3, engaged_by: has 310 688 126 above 313 917 401, row 2 has 312 608 332; a company")
    (line,) = told(members(ROW | {"engaged_by": f"{TAK} > {TAK}"}))
    assert line.startswith("row 2, engaged_by: comes back to a company that it has passed")


def test_a_chain_with_a_loop() -> None:
    """None of the companies in it is taken, nor one that runs into it; the others are."""
    third = {"card_number": "5310100", "first_name": "Rūta", "last_name": "Žilinskė", "organisation_number": FAGSPOR}
    fourth = third | {"card_number": "5310101", "organisation_number": "310688126"}
    read = members(ROW | {"engaged_by": TAK}, OTHER | {"engaged_by": VINKEL}, third | {"engaged_by": VINKEL}, fourth)
    assert told(read) == [
        "row 2, engaged_by: the chain is a loop: 310 451 274, 313 917 401; find out who was engaged by whom"
    ]
    assert [one.number for one in read.members] == ["5310101"]
    assert read.chain == {}


def test_qualifications() -> None:
    read = members(ROW | {"qualifications": "crane, hot-work:2027-05-31", "confirmed_by": "Site office"})
    assert read.members[0].qualifications == (Qualification("crane"), Qualification("hot-work", "2027-05-31"))
    assert "names crane twice" in told(members(ROW | {"qualifications": "crane crane:2027-05-31"}))[0]
    assert "is not a date" in told(members(ROW | {"qualifications": "crane:soon"}))[0]


def test_a_status_of_a_later_day_counts() -> None:
    """A register's word flips both ways: a list that is older than what is known does not bring back what was."""
    now = CrewMember("hms", "1", "A", "B", VINKEL, status="cancelled", status_as_of="2026-03-02")
    older = CrewMember("hms", "1", "A", "B", VINKEL, status="ok", status_as_of="2026-03-01")
    newer = CrewMember("hms", "1", "A", "B", VINKEL, status="ok", status_as_of="2026-03-03")
    assert (compare([older], [now]).changed, compare([older], [now]).unchanged) == ((), 1)
    assert [one.status for one in compare([newer], [now]).changed] == ["ok"]


def test_whoever_was_let_in_by_hand_stays_until_a_list_names_them() -> None:
    by_hand = CrewMember("hms", "1", "A", "B", VINKEL, approved_by="office")
    listed = CrewMember("hms", "2", "A", "C", VINKEL)
    change = compare([], [by_hand, listed])
    assert (change.removed, change.listed) == ((CardKey("hms", "2"),), 1)
    named = CrewMember("hms", "1", "A", "B", VINKEL)
    assert compare([named], [by_hand]).changed == (named,)


def test_progress_is_told() -> None:
    heard: list[int] = []
    rows = [ROW | {"card_number": f"{5310000 + place}"} for place in range(2500)]
    json_list.read_list(json_of(*rows), progress=heard.append)
    assert heard == [1000, 2000, 2500]


@given(st.text(max_size=10))
def test_no_exported_cell_is_a_formula(text: str) -> None:
    assert defused(text)[:1] not in ("=", "+", "-", "@", "\t", "\r")
    assert defused(text).endswith(text)


def test_an_export_can_be_taken_in_again() -> None:
    naming = Naming({"card_number": "Kortnr"})
    listed = (
        CrewMember(
            "hms", "0310027", "Torbjørg", "Åsnes", VINKEL, "1988-02-11", "Vinkel Bygg AS", "2027-09-30", "carpenter",
            "2026-01-05", "2027-06-30", "nb", groups=("first-aider",), trade="timber", hired_by=TAK, main_unit=FAGSPOR,
            engaged_by=TAK, register_status="ok", startbank=True,
            qualifications=(Qualification("crane", "2027-05-31"),), confirmed_by="office",
            status_as_of="2026-03-01", card_type="building",
        ),
        CrewMember("site", "0017", "Sander", "Vik", TAK, valid_until="2027-06-30", no_card_because="applied"),
    )  # fmt: skip
    out = io.StringIO()
    write_csv(listed, naming, out)
    assert next(csv.reader(io.StringIO(out.getvalue()), delimiter=";")) == ["Kortnr", *list(COLUMNS)[1:]]
    read = csv_list.read_list(out.getvalue().encode(), naming)
    assert (read.members, read.problems) == (listed, ())
