"""The list of § 15: everybody, with what the law asks for, and what is missing told."""

import csv
import io
import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pypdf import PdfReader

from gate.uplink.signing import Signer
from hub.cli import main
from hub.ingest import Ingest
from hub.presence import CardKey
from hub.records import CrewMember
from hub.reports.oversiktsliste import Asked, Place, list15
from hub.store import HubStore
from tests.sim.records import RecordBook
from tests.unit.test_hub_presence import HOUR_MS, oslo

EXAMPLE = Path("config/crew.example.csv")
START_MS = oslo("2026-05-04T07:00")
PLACE = Place("yard", "Kvartal 7", "Storgata 1, 0155 Oslo", "Oslobygg")
NAMES = {"310451274": "Vinkel Bygg AS", "312608332": "Fagspor Elektro AS"}
TORBJORG = CrewMember("hms", "5310027", "Torbjørg", "Åsnes", "310451274", "1988-02-11", "Vinkel Bygg AS")


def listed(*members: CrewMember, seen: tuple[CardKey, ...] = (), day: date | None = None) -> list[Any]:
    found = list15(PLACE, members, NAMES, Asked(0, day, seen))
    return [(one.last_name, one.card, one.company, *one.missing) for one in found.people]


def test_a_hired_worker_stands_under_the_company_that_hires() -> None:
    hired = replace(TORBJORG, hired_by="312608332")
    (one,) = list15(PLACE, [hired], NAMES, Asked(0)).people
    assert (one.company_name, one.employer_name) == ("Fagspor Elektro AS", "Vinkel Bygg AS")
    assert list15(PLACE, [hired], NAMES, Asked(0)).companies == tuple(sorted(NAMES.items()))


def test_who_waits_for_the_card_is_listed_without_a_number() -> None:
    waiting = replace(TORBJORG, scheme="site", number="S-17", no_card_because="applied")
    assert listed(waiting) == [("Åsnes", None, "310451274")]
    assert listed(replace(waiting, no_card_because=None, date_of_birth=None)) == [
        ("Åsnes", None, "310451274", "no_birth", "no_card")
    ]


@pytest.mark.parametrize(
    ("changes", "on_it"),
    [
        ({}, True),
        ({"valid_from": "2026-05-04", "valid_until": "2026-05-04"}, True),
        ({"valid_from": "2026-05-05"}, False),
        ({"valid_until": "2026-05-03"}, False),
        ({"listed": False}, False),
    ],
)
def test_a_day_has_those_who_were_to_work_on_it(changes: dict[str, Any], on_it: bool) -> None:
    member = replace(TORBJORG, **changes)
    assert bool(listed(member, day=date(2026, 5, 4))) is on_it
    # Whoever a gate saw was there, whatever any list says.
    assert listed(member, seen=(CardKey("hms", "5310027"),), day=date(2026, 5, 4))
    assert listed(member)


def test_who_was_seen_and_is_on_no_list_is_told() -> None:
    assert listed(TORBJORG, seen=(CardKey("hms", "9999999"),)) == [
        ("Åsnes", "5310027", "310451274"),
        (None, "9999999", None, "not_listed"),
    ]


@pytest.fixture
def settings(store: HubStore, hub_toml: Path) -> Path:
    assert main(["crew", "import", str(EXAMPLE)]) == 0
    book = RecordBook()
    book.passage("5310118", "entry", START_MS)
    book.passage("5310118", "exit", START_MS + 8 * HOUR_MS)
    book.passage("9999999", "entry", oslo("2026-05-05T00:00") - 1)
    book.passage("8888888", "entry", oslo("2026-05-05T00:00"))
    Ingest("yard", store, Signer("yard", Ed25519PrivateKey.generate())).take([book.message()], START_MS + 9 * HOUR_MS)
    return hub_toml


@pytest.fixture
def told(settings: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> Callable[..., tuple[int, str, str]]:
    """Ask for the list; exit status, output and error output."""

    def ask(*words: str) -> tuple[int, str, str]:
        capsysbinary.readouterr()
        try:
            status = main(["report", "oversiktsliste", *words])
        except SystemExit as wrong:
            status = int(str(wrong.code))
        out, err = capsysbinary.readouterr()
        return status, out.decode("utf-8-sig"), err.decode()

    return ask


Ask = Callable[..., tuple[int, str, str]]


def test_the_list_as_json_says_what_the_site_has_not_set(told: Ask) -> None:
    status, out, err = told("--json", "--day", "2026-05-04")
    assert status == 0
    assert "list15.name, list15.address, list15.client" in err
    found = json.loads(out)
    assert [found["facts"][name] for name in ("site_name", "address", "client")] == [None, None, None]
    people = found["tables"]["people"]["rows"]
    assert {one["hms_card"] for one in people if one["seen"]} == {"5310118", "9999999"}
    assert {one["last_name"] for one in people} >= {"Åsnes", "Žilinskė", None}
    assert next(one["remark"] for one in people if one["hms_card"] == "9999999") == ["not_listed"]
    assert "since" not in out


def test_the_table_for_a_spreadsheet_holds_no_formula(settings: Path, told: Ask) -> None:
    text = settings.read_text(encoding="utf-8")
    settings.write_text(text + '[list15]\nname = "=HYPERLINK(1)"\naddress = " +47"\nclient = "@b"\n', encoding="utf-8")
    _, out, _ = told("--format", "csv", "--language", "en")
    rows = list(csv.DictReader(io.StringIO(out.split("\r\n\r\n")[0]), delimiter=";"))
    assert {(row["Site"], row["Address"], row["Client"]) for row in rows} == {("'=HYPERLINK(1)", "' +47", "'@b")}
    assert {row["Last name"] for row in rows} >= {"Åsnes", "Wrzosek"}
    assert all(row["Born"] for row in rows)


def test_the_page(told: Ask, tmp_path: Path) -> None:
    target = tmp_path / "list.pdf"
    status, _, err = told("--day", "2026-05-04", "-o", str(target))
    assert (status, target.stat().st_mode & 0o777) == (0, 0o600)
    assert "address" in err
    text = " ".join(" ".join(page.extract_text() for page in PdfReader(target).pages).split())
    for words in ("Oversiktsliste", "mangler", "Žilinskė", "Rūta", "1991-07-04", "Fagspor Elektro AS", "(ukjent)",
                  "ikke kontrollert 2026-05-04"):  # fmt: skip
        assert words in text
    told("--day", "2026-05-04", "-o", str(target), "--language", "en")
    text = " ".join(" ".join(page.extract_text() for page in PdfReader(target).pages).split())
    for words in ("List of persons", "missing", "seen at a gate, on no crew list", "not checked on 2026-05-04"):
        assert words in text


def test_a_day_that_is_none_is_refused(told: Ask) -> None:
    for far in ("9999-12-31", "0001-01-01"):
        status, _, err = told("--day", far)
        assert (status, "is no date" in err) == (2, True)
    status, _, err = told("--day", "yesterday")
    assert status == 2
    assert "'yesterday' is no date; write it as 2026-05-31" in err


def test_the_daily_check_is_signed_and_stands_on_the_list(told: Ask, store: HubStore) -> None:
    today = ("--day", "--language", "en")
    assert "not checked today" in told(*today)[1]
    status, out, _ = told("--check", "--by", " A.  Berg ", "--json")
    (row,) = json.loads(out)["tables"]["checks"]["rows"]
    assert (status, row["by"], row["people"]) == (0, "A. Berg", 7)
    assert row["missing"] == "adresse; byggherre; byggeplassens navn"
    assert re.search(r"checked today at \d\d:\d\d by A. Berg$", told(*today)[1], re.MULTILINE)
    assert f"SHA-256 of the content: {row['sha256']}" in told(*today)[1]
    # Whoever is added after it was not checked.
    with store.changing_crew() as crew:
        crew.write([replace(TORBJORG, number="5310999", last_name="Nyberg")])
    assert "by A. Berg; the list has changed since" in told(*today)[1]
    told("--check", "--by", "B. Dahl")
    assert re.search(r"checked today at \d\d:\d\d by B. Dahl$", told(*today)[1], re.MULTILINE)
    # Nothing of an earlier check is replaced; the newest stands first.
    rows = json.loads(told("--checks", "--json")[1])["tables"]["checks"]["rows"]
    assert [(one["by"], one["people"]) for one in rows] == [("B. Dahl", 8), ("A. Berg", 7)]
    assert rows[1] == row


def test_a_check_wants_a_name_and_no_number_of_eleven_digits(told: Ask) -> None:
    status, _, err = told("--check")
    assert (status, "--check needs --by NAME" in err) == (2, True)
    assert told("--check", "--by", "  ")[0] == 2
    status, _, err = told("--check", "--by", "01017012345")
    assert (status, "eleven digits" in err) == (1, True)
    for name in ("x" * 201, "A. Berg\x1b[2J", "\udcff"):
        status, _, err = told("--check", "--by", name)
        assert (status, "--by: one line of at most 200 letters" in err) == (1, True)
    status, _, err = told("--check", "--by", "A. Berg", "--day", "2026-05-04")
    assert (status, "leave --day out" in err) == (2, True)
    assert told("--by", "A. Berg")[0] == 2
    assert json.loads(told("--checks", "--json")[1])["tables"]["checks"]["rows"] == []


def test_equal_lists_have_equal_digests_and_others_do_not() -> None:
    def digest(*members: CrewMember, place: Place = PLACE, at_ms: int = 0) -> str:
        return list15(place, members, NAMES, Asked(at_ms)).digest

    other = replace(TORBJORG, number="5310035")
    assert digest(TORBJORG, other) == digest(other, TORBJORG, at_ms=5)
    changed = [replace(TORBJORG, **what) for what in ({"first_name": "T"}, {"date_of_birth": None}, {"number": "1"})]
    assert len({digest(TORBJORG), *map(digest, changed), digest(TORBJORG, place=replace(PLACE, client="x"))}) == 5
