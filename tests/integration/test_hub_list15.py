"""The list of § 15: everybody, with what the law asks for, and what is missing told."""

import contextlib
import csv
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pypdf import PdfReader

from gate.uplink.signing import Signer
from hub.cli import main
from hub.config import PostgresAddress
from hub.ingest import Ingest
from hub.list15 import Asked, Place, list15
from hub.presence import CardKey
from hub.records import CrewMember
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
        ("Åsnes", None, "310451274", "no date of birth", "no HMS card, and no reason given")
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
        (None, "9999999", None, "seen here, on no crew list"),
    ]


@pytest.fixture
def store(database: Path | PostgresAddress) -> Iterator[HubStore]:
    with contextlib.closing(HubStore(database)) as opened:
        yield opened


@pytest.fixture
def settings(
    tmp_path: Path, store: HubStore, database: Path | PostgresAddress, monkeypatch: pytest.MonkeyPatch
) -> Path:
    text = f'site = "yard"\nstate_dir = "{tmp_path / "state"}"\n'
    if isinstance(database, PostgresAddress):
        text += f'database = "{database.url}"\n'
    file = tmp_path / "hub.toml"
    file.write_text(text, encoding="utf-8")
    monkeypatch.setenv("PORTVAKT_HUB_CONFIG", str(file))
    assert main(["crew", "import", str(EXAMPLE)]) == 0
    book = RecordBook()
    book.passage("5310118", "entry", START_MS)
    book.passage("5310118", "exit", START_MS + 8 * HOUR_MS)
    book.passage("9999999", "entry", oslo("2026-05-05T00:00") - 1)
    book.passage("8888888", "entry", oslo("2026-05-05T00:00"))
    Ingest("yard", store, Signer("yard", Ed25519PrivateKey.generate())).take([book.message()], START_MS + 9 * HOUR_MS)
    return file


def test_the_list_as_json_says_what_the_site_has_not_set(settings: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["list15", "--json", "--date", "2026-05-04"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["missing"] == ["name", "address", "client"]
    seen = {one["card"] for one in told["people"] if one["seen"]}
    assert seen == {"5310118", "9999999"}
    assert {one["last_name"] for one in told["people"]} >= {"Åsnes", "Žilinskė", None}
    assert "since" not in json.dumps(told)


def test_the_table_for_a_spreadsheet_holds_no_formula(
    settings: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = settings.read_text(encoding="utf-8")
    settings.write_text(text + '[list15]\nname = "=HYPERLINK(1)"\naddress = "+47"\nclient = "@b"\n', encoding="utf-8")
    target = tmp_path / "list.csv"
    assert main(["list15", "--csv", str(target)]) == 0
    rows = list(csv.DictReader(io.StringIO(target.read_bytes().decode("utf-8-sig")), delimiter=";"))
    assert {(row["site"], row["address"], row["client"]) for row in rows} == {("'=HYPERLINK(1)", "'+47", "'@b")}
    assert {row["last_name"] for row in rows} >= {"Åsnes", "Wrzosek"}
    assert all(row["date_of_birth"] for row in rows)


def test_the_page(settings: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "list.pdf"
    assert main(["list15", "--date", "2026-05-04", "--pdf", str(target)]) == 0
    assert "address" in capsys.readouterr().err
    text = " ".join(" ".join(page.extract_text() for page in PdfReader(target).pages).split())
    for words in ("Oversiktsliste", "mangler", "Žilinskė, Rūta", "1991-07-04", "Fagspor Elektro AS", "(ukjent)"):
        assert words in text


def test_a_day_that_is_none_is_refused(settings: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list15", "--date", "yesterday"]) == 1
    assert "'yesterday' is not a date" in capsys.readouterr().err
