"""Files of other systems, by the columns and words that a site sets."""

import contextlib
import csv
import io
import json
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.central.neighbours.chkbox import ChkBox, ChkBoxSettings
from hub.central.neighbours.ditio import Ditio, DitioSettings
from hub.central.neighbours.mapped import BadFile, MappedSettings, Reading, make
from hub.central.neighbours.written import CardSettings, Unusable, card_of
from hub.central.registry import SourcePlace, make_source
from hub.presence import CONFIRMATION, ENTRY, EXIT, CardKey, CheckIn
from portvakt.errors import SettingsError
from tests.unit.test_hub_presence import oslo

OSLO = ZoneInfo("Europe/Oslo")
EVENTS = {"card": "Kortnr", "time": "Tid", "direction": "Retning", "id": "Id"}
STAYS = {"card": "Kortnr", "came": "Inn", "left": "Ut"}
CARD = CardKey("hms", "5310027")
IDENTITY = "15079412345"


def reading(columns: dict[str, str], **settings: Any) -> Reading:
    return Reading(msgspec.convert({"columns": columns, **settings}, MappedSettings), OSLO)


def read(columns: dict[str, str], text: str, **settings: Any) -> tuple[list[CheckIn], list[str]]:
    kind = settings.pop("kind", "csv")
    found, aside = reading(columns, **settings).read("day.csv", text.encode(), kind)
    return found, [str(one) for one in aside]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_row_is_a_check_in(delimiter: str) -> None:
    rows = (
        "Id,Kortnr,Tid,Retning,Navn\n"
        "7,5310027,2026-11-20T06:58:12,Ankomst,Åse\n"
        "8, 05310027 ,2026-11-20T15:01+01:00,UT,Åse\n"
    )
    found, aside = read(EVENTS, "\ufeff" + rows.replace(",", delimiter))
    assert aside == []
    assert found == [
        CheckIn("7", ENTRY, CARD, oslo("2026-11-20T06:58:12")),
        CheckIn("8", EXIT, CARD, oslo("2026-11-20T15:01")),
    ]


def test_a_stay_is_two_and_who_has_not_left_is_one() -> None:
    rows = "Dag;Kortnr;Inn;Ut\n20.11.2026;5310027;06.58;15.01\n20.11.2026;5310118;07.00;\n"
    settings = {"time_format": "%d.%m.%Y %H.%M"}
    found, aside = read(STAYS | {"date": "Dag"}, rows, **settings)
    assert aside == []
    assert [(one.direction, one.card and one.card.number, one.at_ms) for one in found] == [
        (ENTRY, "5310027", oslo("2026-11-20T06:58")),
        (EXIT, "5310027", oslo("2026-11-20T15:01")),
        (ENTRY, "5310118", oslo("2026-11-20T07:00")),
    ]
    again, _ = read(STAYS | {"date": "Dag"}, rows, **settings)
    assert again == found
    assert len({one.theirs for one in found}) == 3
    assert not any("5310" in one.theirs for one in found)


@pytest.mark.parametrize(
    ("day", "left"),
    [
        ("20.11.2026", "2026-11-21T06:00"),
        ("31.12.2026", "2027-01-01T06:00"),
        ("24.10.2026", "2026-10-25T06:00"),
        ("28.03.2026", "2026-03-29T06:00"),
    ],
)
def test_a_stay_that_goes_over_midnight_has_one_date(day: str, left: str) -> None:
    """Also over the end of a year, and where the night has 25 hours or 23."""
    rows = f"Dag;Kortnr;Inn;Ut\n{day};5310027;22.00;06.00\n"
    found, aside = read(STAYS | {"date": "Dag"}, rows, time_format="%d.%m.%Y %H.%M")
    assert aside == []
    assert [(one.direction, one.at_ms) for one in found][1:] == [(EXIT, oslo(left))]
    assert found[0].at_ms < found[1].at_ms


def test_a_stay_with_a_name_of_its_own_takes_back_what_is_no_longer_there() -> None:
    columns = STAYS | {"id": "Id", "deleted": "Slettet"}
    rows = "Id,Kortnr,Inn,Ut,Slettet\n7,5310027,2026-11-20T06:58,,\n8,5310027,2026-11-20T06:58,2026-11-20T15:00,ja\n"
    found, aside = read(columns, rows)
    assert aside == []
    assert found == [
        CheckIn("7", ENTRY, CARD, oslo("2026-11-20T06:58")),
        CheckIn("7", EXIT, deleted=True),
        CheckIn("8", ENTRY, deleted=True),
        CheckIn("8", EXIT, deleted=True),
    ]


def test_p9_a_bad_row_is_set_aside_by_row_and_field_and_the_rest_goes_on() -> None:
    rows = (
        "Id,Kortnr,Tid,Retning\n"
        "1,5310027,2026-11-20T06:58,inn\n"
        "2,5310027,i går,inn\n"
        "3,5310027,2026-11-20T06:58,rundt\n"
        f"4,{IDENTITY},2026-11-20T06:58,inn\n"
        "5,!,2026-11-20T06:58,inn\n"
        ",5310027,2026-11-20T06:58,inn\n"
        "7,5310027,,inn\n"
        "8\n"
        "9,,2026-11-20T06:58,bekreftet\n"
    )
    found, aside = read(EVENTS, rows)
    assert [(one.theirs, one.card, one.direction) for one in found] == [("1", CARD, ENTRY), ("9", None, CONFIRMATION)]
    assert aside == [
        "day.csv, row 3, Tid: is no time such as 2026-11-21T07:02:11+01:00",
        "day.csv, row 4, Retning: 'rundt' is none of their words in settings.words",
        "day.csv, row 5, Kortnr: is like a national identity number, which may not be stored here",
        "day.csv, row 6, Kortnr: is no card number: 3 to 20 digits or letters",
        "day.csv, row 7, Id: is empty",
        "day.csv, row 8, Tid: is no time such as 2026-11-21T07:02:11+01:00",
        "day.csv, row 9, Retning: '' is none of their words in settings.words",
    ]


@pytest.mark.parametrize(
    ("data", "kind", "settings", "what"),
    [
        (b"Kort;Tid\n1;2\n", "csv", {}, "has no column 'Kortnr', 'Id', 'Retning'"),
        ("Id,Kortnr,Tid,Retning,Å\n".encode("cp1252"), "csv", {}, "is not utf-8"),
        (b"", "csv", {}, "has no column"),
        (b"<html>", "json", {}, "is no JSON"),
        (b'{"data": {}}', "json", {"rows": "data.items"}, "has no array at data.items"),
        (b'[{"Id": "1"}]', "json", {}, "has no column"),
        (b"x" * ((32 << 20) + 1), "csv", {}, "is longer than"),
    ],
)
def test_p9_a_file_that_is_none_says_why(data: bytes, kind: str, settings: dict[str, Any], what: str) -> None:
    with pytest.raises(BadFile, match=what):
        reading(EVENTS, **settings).read("day", data, kind)


def test_p9_what_stands_before_a_broken_row_is_taken() -> None:
    rows = 'Id,Kortnr,Tid,Retning\n1,5310027,2026-11-20T06:58,inn\n"2,5310027\n3,5310027,2026-11-20T06:59,inn\n'
    found, aside = read(EVENTS, rows)
    assert [one.theirs for one in found] == ["1"]
    assert aside == ["day.csv, row 3 and all after it: cannot be read as CSV (unexpected end of data)"]


def test_json_of_any_depth() -> None:
    columns = {"card": "hseCard", "time": "at", "direction": "type", "id": "key"}
    rows = '{"page": {"items": [{"key": 12, "hseCard": 5310027, "at": "2026-11-20T05:58:00Z", "type": "IN"}, 3]}}'
    found, aside = read(columns, rows, kind="json", rows="page.items")
    assert found == [CheckIn("12", ENTRY, CARD, oslo("2026-11-20T06:58"))]
    assert len(aside) == 1
    assert aside[0].startswith("day.csv, row 2, ")


def test_the_hour_that_comes_twice_is_the_first_of_the_two() -> None:
    found, _ = read(
        EVENTS, "Id,Kortnr,Tid,Retning\n1,5310027,2026-10-25T02:30,inn\n2,5310027,2026-10-25T02:30+01:00,inn\n"
    )
    assert found[1].at_ms - found[0].at_ms == 3_600_000


@pytest.mark.parametrize(
    ("written", "settings", "found"),
    [
        ("4388261", {}, "4388261"),
        ("04388261", {}, "4388261"),
        ("004388261", {}, "04388261"),
        ("04388261", {"drop_zero": False}, "04388261"),
        (" 43 88 261 ", {}, "4388261"),
        (4388261, {}, "4388261"),
        ("", {}, None),
        (None, {}, None),
    ],
)
def test_card_numbers_as_the_neighbours_write_them(written: Any, settings: dict[str, Any], found: str | None) -> None:
    card = card_of(written, CardSettings(**settings))
    assert (card.number if card else None) == found


@pytest.mark.parametrize("written", [True, 1.5, IDENTITY, "1", "x" * 21, "12-\x00", ["5310027"]])
def test_what_is_no_card_number(written: Any) -> None:
    with pytest.raises(Unusable) as wrong:
        card_of(written, CardSettings())
    assert str(written) not in str(wrong.value)


@pytest.mark.parametrize(
    ("settings", "what"),
    [
        ({"columns": EVENTS}, "folder: set it, or url"),
        ({"columns": EVENTS, "folder": "x", "url": "https://a.example/b.csv"}, "one of the two"),
        ({"columns": {"card": "K"}, "folder": "x"}, "columns: name time and direction, or came and left"),
        ({"columns": EVENTS | STAYS, "folder": "x"}, "columns: name time and direction"),
        ({"columns": EVENTS, "folder": "x", "time_zone": "Oslo"}, "'Oslo' is not a time zone"),
        ({"columns": EVENTS, "folder": "x", "time_zone": "Europe"}, "'Europe' is not a time zone"),
        ({"columns": EVENTS, "url": "http://a.example/b.csv"}, "https"),
        ({"columns": EVENTS, "url": "https://a.example/b", "authorization_file": "none"}, "authorization_file"),
        ({"columns": EVENTS, "folders": "x"}, "folders"),
    ],
)
def test_settings_that_cannot_be_meant(tmp_path: Path, settings: dict[str, Any], what: str) -> None:
    with pytest.raises(SettingsError, match=what):
        make(SourcePlace("app", "yard", settings, tmp_path / "hub.toml", OSLO))


def test_an_unknown_kind_names_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"sources.app.kind: 'x' is none of blocks, chkbox, ditio, mapped"):
        make_source("x", SourcePlace("app", "yard", {}, tmp_path / "hub.toml", OSLO))


_likely = ["5310027", "2026-11-20T06:58", "inn", "ut", "", "=1", "9" * 30]
_cells = st.one_of(st.text(max_size=20), st.sampled_from(_likely)).filter(str.isprintable)
_columns = ["Id", "Kortnr", "Tid", "Retning"]
_json = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), _cells),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(_cells, inner, max_size=4)),
    max_leaves=20,
)


@given(st.binary(max_size=300))
def test_p9_any_bytes_are_rows_or_a_file_that_is_none(data: bytes) -> None:
    for kind in ("csv", "json"):
        with contextlib.suppress(BadFile):
            reading(EVENTS).read("day", data, kind)


@given(st.lists(st.lists(_cells, max_size=6), max_size=6))
def test_p9_any_cells_below_the_right_header(rows: list[list[str]]) -> None:
    file = io.StringIO()
    csv.writer(file).writerows([["Id", "Kortnr", "Tid", "Retning"], *rows])
    found, aside = reading(EVENTS).read("day", file.getvalue().encode("utf-8", "replace"), "csv")
    assert len(found) + len(aside) <= len(rows) + 1
    assert all(one.card is None or len(one.card.number) <= 20 for one in found)


@given(st.lists(st.fixed_dictionaries({}, optional=dict.fromkeys(_columns, _json)), max_size=6))
def test_p9_any_json_in_the_right_places(rows: list[dict[str, Any]]) -> None:
    rows.append({"Id": "last", "Kortnr": 5310027, "Tid": "2026-11-20T06:58", "Retning": "inn"})
    data = json.dumps(rows).encode()
    found, _ = reading(EVENTS).read("day", data, "json")
    assert found[-1] == CheckIn("last", ENTRY, CARD, oslo("2026-11-20T06:58"))


@given(_json, _json, _json)
def test_p9_whatever_chkbox_or_ditio_say(one: Any, other: Any, third: Any) -> None:
    page = {
        "data": [
            one,
            {"id": "r", "attributes": {"action": "in", "time": other}, "relationships": third},
            {"id": "r", "attributes": third, "relationships": {"card": {"data": other}}},
        ],
        "included": [one, {"type": "card", "id": other, "attributes": third}, *([third] if third else [])],
    }
    box = ChkBox.__new__(ChkBox)
    box._settings = ChkBoxSettings(project="p", key_file="k")
    found, aside = box._registrations(page)
    assert len(found) + len(aside) == 3
    crew = Ditio.__new__(Ditio)
    crew._settings = msgspec.convert(
        {"oauth": {"token_url": "https://a.example/t", "client_id": "c", "secret_file": "s"}, "projects": ["p"]},
        DitioSettings,
    )
    record = {"id": "r", "projectId": "p", "hseCardId": one, "checkInDateTime": other, "checkOutDateTime": third}
    told, beside = crew._records([one, record])
    assert 2 <= len(told) + len(beside) <= 4
