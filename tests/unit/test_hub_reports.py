"""Reports as values: hours that add up, shares that hide nothing, and the same numbers in every format."""

import csv
import io
import json
import logging
from dataclasses import replace
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import load_workbook
from pypdf import PdfReader

from hub.presence import CardKey, Sure
from hub.records import CompanyFacts, CrewMember
from hub.reports.as_csv import as_csv
from hub.reports.as_json import as_json
from hub.reports.as_pdf import as_pdf
from hub.reports.as_text import as_text
from hub.reports.as_xlsx import as_xlsx
from hub.reports.hours import Attendance, Attended, By, Kept, Month, attendance, holders_of, hours
from hub.reports.report import Cell, Column, Imprint, Kind, Report, Table
from hub.reports.samordningsliste import contractors, samordningsliste
from hub.reports.shares import Demands, Role, Share, role_of, share, shares, shown_share
from hub.reports.words import Word
from hub.stays import Stay
from tests.unit.test_hub_presence import HOUR_MS, OSLO, oslo

NOW_MS = oslo("2026-12-24T12:00")
IMPRINT = Imprint("yard", "en", OSLO, NOW_MS)
MAY = Month(2026, 5)
WHOLE = Kept()
CARD, OTHER, STRANGER = (CardKey("hms", number) for number in ("5310027", "5310035", "9999999"))
TORBJORG = CrewMember("hms", "5310027", "Torbjørg", "Åsnes", "310451274", organisation_name="Vinkel Bygg AS")
MIKOLAJ = replace(TORBJORG, number="5310035", first_name="Mikołaj", last_name="Wrzosek", hired_by="312608332")
NAMES = {"310451274": "Vinkel Bygg AS", "312608332": "Fagspor Elektro AS"}
HOLDERS = holders_of([replace(TORBJORG, role="fagarbeider"), replace(MIKOLAJ, role="Lærling, tømrer")], NAMES)


def stay(card: CardKey, came: str, left: str | None, sure: Sure = Sure.CONFIRMED) -> Stay:
    return Stay(card, oslo(came), oslo(left) if left else None, "north", "north" if left else None, sure)


def attended(*stays: Stay, month: Month = MAY, kept: Kept = WHOLE, imprint: Imprint = IMPRINT) -> Attendance:
    return attendance(stays, month, kept, imprint)


def number(cell: Cell) -> int:
    assert isinstance(cell, int)
    return cell


def minutes(found: Attendance) -> dict[str, int]:
    return {f"{one.card.number} {one.day}": one.presence_min for one in found.days}


# --- hours ---------------------------------------------------------------------------------------


def test_a_night_shift_over_the_end_of_the_month_is_in_both() -> None:
    night = stay(CARD, "2026-05-31T22:00", "2026-06-01T06:00")
    assert minutes(attended(night)) == {"5310027 2026-05-31": 120}
    assert minutes(attended(night, month=Month(2026, 6))) == {"5310027 2026-06-01": 360}


@pytest.mark.parametrize(
    ("month", "days", "whole"),
    [
        (Month(2026, 3), 31, 31 * 24 * 60 - 60),
        (Month(2026, 10), 31, 31 * 24 * 60 + 60),
        (Month(2028, 2), 29, 29 * 24 * 60),
        (Month(2026, 12), 31, None),
    ],
)
def test_a_month_is_as_long_as_the_sites_clocks_say(month: Month, days: int, whole: int | None) -> None:
    assert (month.ends - month.begins).days == days
    if whole is not None:
        around = stay(CARD, f"{month.begins - timedelta(days=1)}T00:00", f"{month.ends + timedelta(days=1)}T00:00")
        late = Imprint("yard", "en", OSLO, oslo("2029-01-01T00:00"))
        assert sum(minutes(attended(around, month=month, imprint=late)).values()) == whole


def test_what_is_assumed_is_counted_apart() -> None:
    found = attended(
        stay(CARD, "2026-05-04T07:00", "2026-05-04T15:00"),
        stay(CARD, "2026-05-04T16:00", "2026-05-05T03:00", Sure.CLOSED_BY_RULE),
        stay(OTHER, "2026-05-04T07:00", "2026-05-04T08:00", Sure.ASSUMED),
        stay(OTHER, "2026-05-04T09:00", "2026-05-04T10:00", Sure.MANUAL),
    )
    assert [one[1:] for one in found.days] == [
        (date(2026, 5, 4), 16 * 60, 8 * 60),
        (date(2026, 5, 5), 3 * 60, 3 * 60),
        (date(2026, 5, 4), 2 * 60, 60),
    ]


def test_hours_that_no_gate_has_seen_are_told_of() -> None:
    seen = stay(CARD, "2026-05-04T07:00", "2026-05-04T15:00")
    told = stay(OTHER, "2026-05-31T22:00", "2026-06-01T06:30", Sure.REPORTED)
    note = "Of these hours 2:00 rest on what other systems at the site have reported; no gate has seen them."
    assert note in hours(attended(seen, told), HOLDERS, By.PERSON, IMPRINT).notes
    assert not any("reported" in one for one in hours(attended(seen), HOLDERS, By.PERSON, IMPRINT).notes)


def test_an_exit_with_no_entry_is_told_and_not_counted() -> None:
    lost = Stay(CARD, None, oslo("2026-05-04T15:00"), None, "north", Sure.CONFIRMED)
    found = attended(lost, lost._replace(out_ms=oslo("2026-06-01T15:00")))
    assert (found.days, found.lost_exits) == ((), 1)
    assert "Exits with no known entry: 1." in as_text(hours(found, {}, By.PERSON, IMPRINT))


def test_days_whose_passages_are_deleted_are_not_counted_and_said_so() -> None:
    found = attended(stay(CARD, "2026-05-09T22:00", "2026-05-10T06:00"), kept=Kept(date(2026, 5, 10), erased=True))
    assert minutes(found) == {"5310027 2026-05-10": 360}
    text = as_text(hours(found, HOLDERS, By.DAY, IMPRINT))
    assert "Not known before 2026-05-10" in text
    assert "People who have asked to be erased are not counted." in text
    # A month that begins later is whole.
    june = attended(month=Month(2026, 6), kept=Kept(date(2026, 5, 10)))
    assert "Not known" not in as_text(hours(june, HOLDERS, By.DAY, IMPRINT))


def test_a_month_that_runs_says_up_to_when_and_who_is_still_inside() -> None:
    now = replace(IMPRINT, made_ms=oslo("2026-05-04T10:30"))
    found = attended(stay(CARD, "2026-05-04T07:00", None), imprint=now)
    text = as_text(hours(found, HOLDERS, By.PERSON, now))
    assert "counted up to 2026-05-04 10:30; still inside: 1" in text
    assert "3:30" in text


def test_it_says_on_every_report_that_it_is_presence_and_not_work() -> None:
    for by in By:
        for language, words in (("en", "not worked hours"), ("nb", "ikke arbeidede timer")):
            report = hours(attended(), HOLDERS, by, replace(IMPRINT, language=language))
            assert words in as_text(report)
            assert words in paper(report)
    report = shares(attended(), HOLDERS, Demands(0.5, 0.1, {}), IMPRINT)
    assert "not worked hours" in as_text(report)


spans = st.lists(
    st.builds(
        lambda card, began, long, sure: Stay(card, began, began + long, "north", "north", sure),
        st.sampled_from([CARD, OTHER, STRANGER]),
        st.integers(oslo("2026-04-28T00:00"), oslo("2026-06-03T00:00")),
        st.integers(0, 30 * HOUR_MS),
        st.sampled_from([Sure.CONFIRMED, Sure.CLOSED_BY_RULE]),
    ),
    max_size=20,
)


@given(spans)
def test_people_companies_and_days_add_up_to_the_same(stays: list[Stay]) -> None:
    found = attendance(stays, MAY, Kept(), IMPRINT)
    totals = []
    for by in By:
        (table,) = hours(found, HOLDERS, by, IMPRINT).tables
        keys = [column.key for column in table.columns]
        assert table.total is not None
        total = dict(zip(keys, table.total, strict=True))
        for key in ("presence_min", "assumed_min"):
            assert total[key] == sum(number(row[keys.index(key)]) for row in table.rows)
        totals.append((total["presence_min"], total["assumed_min"]))
    assert len(set(totals)) == 1
    assert all(one.assumed_min <= one.presence_min for one in found.days)


def test_a_hired_worker_is_with_the_company_that_hires() -> None:
    found = attended(
        stay(CARD, "2026-05-04T07:00", "2026-05-04T15:00"),
        stay(OTHER, "2026-05-04T07:00", "2026-05-04T08:00"),
        stay(STRANGER, "2026-05-04T07:00", "2026-05-04T07:30"),
    )
    (table,) = hours(found, HOLDERS, By.COMPANY, IMPRINT).tables
    assert table.rows == (
        (Word.UNKNOWN, "", 1, 1, 30, 0, 0),
        ("Fagspor Elektro AS", "312608332", 1, 1, 60, 0, 60),
        ("Vinkel Bygg AS", "310451274", 1, 1, 480, 0, 0),
    )
    assert table.total == (Word.TOTAL, "", 3, 3, 570, 0, 60)


def test_somebody_on_two_days_is_one_person() -> None:
    found = attended(
        stay(CARD, "2026-05-04T07:00", "2026-05-04T15:00"), stay(CARD, "2026-05-05T07:00", "2026-05-05T15:00")
    )
    (table,) = hours(found, HOLDERS, By.DAY, IMPRINT).tables
    assert [row[1] for row in table.rows] == [1, 1]
    assert table.total == (Word.TOTAL, 1, 960, 0)


# --- shares --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "role"),
    [
        ("fagarbeider", Role.SKILLED),
        (" Fagarbeider\u00a0 tømrer", Role.SKILLED),
        ("Lærling (elektro)", Role.APPRENTICE),
        ("ufaglært", Role.UNSKILLED),
        ("under opplæring", Role.TRAINING),
        ("Skilled worker", Role.SKILLED),
        ("apprentice/carpenter", Role.APPRENTICE),
        ("bas", Role.SKILLED),
        ("Prosjektleder", Role.OTHER),
        ("carpenter", Role.UNKNOWN),
        ("lærling, fagarbeider", Role.UNKNOWN),
        ("", Role.UNKNOWN),
        (None, Role.UNKNOWN),
    ],
)
def test_words_for_roles(text: str | None, role: Role) -> None:
    assert role_of(text, {"Bas": Role.SKILLED, "prosjektleder": Role.OTHER}) is role


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        ({Role.SKILLED: 50, Role.UNSKILLED: 50}, Word.MET),
        ({Role.SKILLED: 49, Role.UNSKILLED: 51}, Word.NOT_MET),
        ({Role.SKILLED: 49, Role.UNSKILLED: 50, Role.UNKNOWN: 1}, Word.CANNOT_TELL),
        ({Role.SKILLED: 49, Role.UNSKILLED: 51, Role.OTHER: 900}, Word.NOT_MET),
        ({Role.SKILLED: 49_999, Role.UNSKILLED: 50_001}, Word.NOT_MET),
        ({Role.OTHER: 900}, Word.CANNOT_TELL),
        ({}, Word.CANNOT_TELL),
    ],
)
def test_whether_a_share_is_reached(found: dict[Role, int], verdict: Word) -> None:
    assert share(found, Role.SKILLED).verdict(0.5) is verdict


def test_a_share_that_is_not_reached_does_not_look_reached() -> None:
    found = share({Role.SKILLED: 49_999, Role.UNSKILLED: 50_001}, Role.SKILLED)
    assert IMPRINT.shown(shown_share(found.least), Kind.SHARE) == "49.9 %"


@given(st.integers(0, 100_000), st.integers(1, 100_000))
def test_a_share_is_shown_as_it_is_held(some: int, rest: int) -> None:
    found = share({Role.SKILLED: some, Role.UNSKILLED: rest}, Role.SKILLED)
    assert IMPRINT.shown(shown_share(found.least), Kind.SHARE) == f"{some * 1000 // (some + rest) / 10:.1f} %"


def test_a_third_is_a_third_and_a_tenth_a_tenth() -> None:
    third = share({Role.SKILLED: 1, Role.UNSKILLED: 2}, Role.SKILLED)
    assert [third.verdict(asked) for asked in (0.333, 0.3333, 0.3334)] == [Word.MET, Word.MET, Word.NOT_MET]
    assert share({Role.APPRENTICE: 3, Role.UNSKILLED: 27}, Role.APPRENTICE).verdict(0.1) is Word.MET


def test_of_no_hours_there_is_no_share() -> None:
    assert share({}, Role.SKILLED) == Share(None, None)
    report = shares(attended(), {}, Demands(0.5, 0.1, {}), IMPRINT)
    assert [row[1:] for row in report.tables[0].rows] == [
        (0.5, None, None, Word.CANNOT_TELL),
        (0.1, None, None, Word.CANNOT_TELL),
    ]


def test_unknown_roles_are_counted_shown_and_their_words_told() -> None:
    holders = {**HOLDERS, STRANGER: replace(HOLDERS[CARD], role="betong  arbeider")}
    found = attended(
        stay(CARD, "2026-05-04T07:00", "2026-05-04T13:00"),
        stay(OTHER, "2026-05-04T07:00", "2026-05-04T09:00"),
        stay(STRANGER, "2026-05-04T07:00", "2026-05-04T09:00"),
    )
    report = shares(found, holders, Demands(0.6, 0.5, {}), IMPRINT)
    demands, roles, companies = report.tables
    assert [row[1:] for row in demands.rows] == [(0.6, 0.6, 0.8, Word.MET), (0.5, 0.2, 0.4, Word.NOT_MET)]
    assert {row[0]: row[1:] for row in roles.rows}[Word.ROLE_UNKNOWN] == (1, 120, 0, 0.2)
    assert roles.total == (Word.TOTAL, 3, 600, 0, None)
    assert sum(number(row[2]) for row in companies.rows) == 600
    assert "Words for a role that nobody has explained: betong arbeider." in as_text(report)


def test_the_usual_demands_are_those_of_oslo() -> None:
    text = as_text(shares(attended(), HOLDERS, Demands(0.5, 0.1, {}), replace(IMPRINT, language="nb")))
    assert "50,0 %" in text
    assert "10,0 %" in text


# --- contractors ---------------------------------------------------------------------------------


def test_the_chain_from_the_top_with_people_and_hired_workers() -> None:
    chain = {"312608332": "310451274", "313917401": "312608332", "1": "2", "2": "1"}
    companies = [CompanyFacts(number, name, approved=True) for number, name in NAMES.items()]
    companies += [CompanyFacts("313917401", "Tak AS", approved=False, register_status="bankrupt")]
    companies += [CompanyFacts(number, None, approved=True) for number in ("1", "2", "999")]
    left = replace(TORBJORG, number="1", listed=False, organisation_number="999")
    found = contractors(companies, chain, [TORBJORG, MIKOLAJ, left])
    assert [(one.number, one.level, one.people, one.hired_in, one.hired_out) for one in found] == [
        ("310451274", 0, 1, 0, 1),
        ("312608332", 1, 1, 1, 0),
        ("313917401", 2, 0, 0, 0),
        ("1", None, 0, 0, 0),
        ("2", None, 0, 0, 0),
    ]
    report = samordningsliste(found, 1, [], IMPRINT)
    (table,) = report.tables
    assert table.total is not None
    assert table.total[4:7] == (2, 1, 1)
    text = as_text(report)
    for words in ("too far down the chain", "bankrupt", "further down: 1", "engaged each other in a loop: 2"):
        assert words in text


def test_who_engages_and_has_nobody_here_is_on_it_all_the_same() -> None:
    found = contractors([CompanyFacts("310451274", "Vinkel", approved=True)], {"310451274": "888"}, [TORBJORG])
    assert [(one.number, one.level, one.facts is None) for one in found] == [
        ("888", 0, True),
        ("310451274", 1, False),
    ]


# --- formats -------------------------------------------------------------------------------------

HARD = [
    '=cmd|" /C calc"!A0',
    "+47 99 99 99 99",
    "@SUM(A1)",
    "\t=1+1",
    "  -2",
    "＝1",
    "#N/A",
    "👷🏽‍♂️ Ola 漢字",
    "שלום עולם",
    "x" * 200,
    'a "quote"; and; semicolons\nand lines',
    "bell\x07",
]


def report_of(names: list[str], *, language: str = "en", zone: ZoneInfo = OSLO) -> Report:
    columns = (
        Column("name", "Name", width=60),
        Column("presence_min", "Presence", Kind.MINUTES),
        Column("people", "People", Kind.COUNT),
        Column("share", "Share", Kind.SHARE),
        Column("at_ms", "At", Kind.MOMENT, 30),
        Column("ok", "OK", Kind.YES),
    )
    at_ms = oslo("2026-10-25T02:30+02:00")
    rows = tuple((name, 9_630 + place, place, 0.461, at_ms, place % 2 == 0) for place, name in enumerate(names))
    total = (Word.TOTAL, sum(row[1] for row in rows), sum(row[2] for row in rows), None, None, None)
    imprint = Imprint("yard", language, zone, NOW_MS)
    return Report("try", "A try", "", imprint, (), (Table("rows", "Rows", columns, rows, total),), ("=a note",))


def paper(report: Report) -> str:
    pages = PdfReader(io.BytesIO(as_pdf(report))).pages
    return " ".join(" ".join(page.extract_text() for page in pages).split())


def test_a_row_that_does_not_fit_its_headings_is_no_table() -> None:
    with pytest.raises(ValueError, match="try: a row of 2 cells under 1 headings"):
        Table("try", "", (Column("a", "A"),), (("b", "c"),))


def test_no_cell_of_a_spreadsheet_is_a_formula_whatever_people_are_called() -> None:
    rows = list(csv.reader(io.StringIO(as_csv(report_of(HARD)).decode("utf-8-sig"), newline=""), delimiter=";"))
    named = [row[0] for row in rows[1 : 1 + len(HARD)]]
    assert [name for name in named if name.startswith("'")] == [f"'{HARD[place]}" for place in (0, 1, 2, 4, 5)]
    assert named[3] == "�=1+1"
    assert named[-2:] == [HARD[-2], "bell�"]
    assert rows[-1] == ["'=a note"]
    book = load_workbook(io.BytesIO(as_xlsx(report_of(HARD))))
    cells = [row[0] for row in book.worksheets[0].iter_rows(min_row=2, max_row=1 + len(HARD))]
    assert {cell.data_type for cell in cells} == {"s"}
    assert [cell.value for cell in cells][:4] == [*HARD[:3], "�=1+1"]
    assert [cell.quotePrefix for cell in cells][:3] == [True] * 3
    assert "f" not in {cell.data_type for row in book.worksheets[1].iter_rows() for cell in row}
    assert all(isinstance(cell.value, str | None) for row in book.worksheets[1].iter_rows() for cell in row)


def test_names_that_a_font_lacks_are_drawn_and_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        text = paper(report_of(HARD))
    assert caplog.records == []
    assert "Ola ��" in text
    # Drawn from right to left, which is how it is read out again.
    assert "שלום" in text or "םולש" in text
    assert text.count("x") >= 200


def test_the_numbers_are_the_same_in_every_format() -> None:
    report = report_of(["Åsnes", "Žilinskė", "Wrzosek"])
    told = json.loads(as_json(report))["tables"]["rows"]
    assert [row["presence_min"] for row in told["rows"]] == [9_630, 9_631, 9_632]
    assert told["total"] == {
        "name": "total", "presence_min": 28_893, "people": 3, "share": None, "at_ms": None, "ok": None
    }  # fmt: skip
    shown = [("Åsnes", "160:30"), ("Žilinskė", "160:31"), ("Wrzosek", "160:32"), ("Total", "481:33")]
    rows = list(csv.reader(io.StringIO(as_csv(report).decode("utf-8-sig")), delimiter=";"))
    assert [(row[0], row[1]) for row in rows[1:5]] == shown
    assert rows[1][2:] == ["0", "46.1 %", "2026-10-25 02:30", "yes"]
    for text in (as_text(report), paper(report)):
        for name, clock in shown:
            assert name in text
            assert clock in text
        assert "46.1 %" in text
    sheet = load_workbook(io.BytesIO(as_xlsx(report))).worksheets[0]
    cells = list(sheet.iter_rows(min_row=2, values_only=True))
    assert [(row[0], row[1] // timedelta(minutes=1)) for row in cells] == [
        ("Åsnes", 9_630), ("Žilinskė", 9_631), ("Wrzosek", 9_632), ("Total", 28_893)
    ]  # fmt: skip
    assert cells[0][2:4] == (0, 0.461)
    assert f"{cells[0][4]:%Y-%m-%d %H:%M}" == "2026-10-25 02:30"


def test_words_have_the_same_places_to_fill_in_every_language() -> None:
    for word in Word:
        places = {tuple(sorted(part.split("}")[0] for part in text.split("{")[1:])) for text in word.value}
        assert len(word.value) == 2
        assert len(places) == 1, word
    assert replace(IMPRINT, language="nb").shown(0.5, Kind.SHARE) == "50,0 %"


def test_an_empty_site_has_reports_too() -> None:
    empty = attended()
    for report in (
        *(hours(empty, {}, by, IMPRINT) for by in By),
        shares(empty, {}, Demands(0.5, 0.1, {}), IMPRINT),
        samordningsliste([], 1, [], IMPRINT),
    ):
        assert as_text(report)
        assert json.loads(as_json(report))["report"] == report.name
        assert as_csv(report)
        assert load_workbook(io.BytesIO(as_xlsx(report)))
        assert report.title in paper(report)


def test_five_thousand_people_in_every_format() -> None:
    cards = [CardKey("hms", f"{number:07d}") for number in range(5_000)]
    members = [replace(TORBJORG, number=card.number, last_name=f"Nr{card.number}") for card in cards]
    days = tuple(Attended(card, date(2026, 5, 4), 480, 0) for card in cards)
    report = hours(Attendance(MAY, None, days, 0, 0), holders_of(members, NAMES), By.PERSON, IMPRINT)
    assert len(json.loads(as_json(report))["tables"]["people"]["rows"]) == 5_000
    assert as_text(report).count("8:00") == 5_000
    assert as_csv(report).count(b";8:00;") == 5_000
    assert load_workbook(io.BytesIO(as_xlsx(report))).worksheets[0].max_row == 5_002
    pages = PdfReader(io.BytesIO(as_pdf(report))).pages
    assert "Nr0004999" in pages[-1].extract_text()
    assert "40000:00" in pages[-1].extract_text()
