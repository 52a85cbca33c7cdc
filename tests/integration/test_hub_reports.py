"""`hub report`: from passages in the database to numbers on screen and paper."""

import contextlib
import csv
import io
import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from openpyxl import load_workbook
from pypdf import PdfReader

from gate.uplink.signing import Signer
from hub import report_cli
from hub.cli import main
from hub.ingest import Ingest
from hub.office import check_in, check_out
from hub.presence import CardKey, HandMark
from hub.purging import Purge, forgotten
from hub.reports.hours import By, Month, hours
from hub.reports.reading import read_attendance
from hub.reports.report import Imprint
from hub.retention import DAY_MS, Limits
from hub.store import ForgettingTransaction, HubStore
from hub.store.retention import KeptRecord
from tests.sim.records import RecordBook
from tests.unit.test_hub_presence import HOUR_MS, OSLO, RULE, oslo

EXAMPLE = Path("config/crew.example.csv")
KEY = Ed25519PrivateKey.generate()
LIMITS = Limits(90, 365, None, OSLO)
MAY = Month(2026, 5)
NOW_MS = oslo("2026-06-10T12:00")

Ask = Callable[..., tuple[int, str, str]]


@pytest.fixture
def settings(store: HubStore, hub_toml: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(report_cli, "now_ms", lambda: NOW_MS)
    assert main(["crew", "import", str(EXAMPLE)]) == 0
    return hub_toml


@pytest.fixture
def report(settings: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> Ask:
    """Ask for a report; exit status, output and error output."""

    def ask(*words: str) -> tuple[int, str, str]:
        capsysbinary.readouterr()
        try:
            status = main(["report", *words])
        except SystemExit as wrong:
            status = int(str(wrong.code))
        out, err = capsysbinary.readouterr()
        return status, out.decode("utf-8-sig", "replace"), err.decode()

    return ask


def take(store: HubStore, *books: RecordBook, at_ms: int = NOW_MS - DAY_MS) -> None:
    ingest = Ingest("yard", store, Signer("yard", KEY), closing=RULE)
    for book in books:
        ingest.take([book.message()], at_ms)


def a_day(book: RecordBook, card: str, day: str, came: str = "07:00", left: str | None = "15:00") -> None:
    book.passage(card, "entry", oslo(f"{day}T{came}"))
    if left is not None:
        book.passage(card, "exit", oslo(f"{day}T{left}"))


def minutes(store: HubStore, month: Month = MAY, now_ms: int = NOW_MS) -> dict[str, tuple[int, int]]:
    found, _ = read_attendance(store, month, RULE, Imprint("yard", "en", OSLO, now_ms))
    return {f"{one.card.number} {one.day}": one[2:] for one in found.days}


def test_passages_of_several_gates_and_words_of_the_office_make_hours(store: HubStore, settings: Path) -> None:
    north, south = RecordBook(), RecordBook("south", epoch="00000000000000bb")
    north.passage("5310027", "entry", oslo("2026-05-04T07:00"))
    south.passage("5310027", "exit", oslo("2026-05-04T15:30"))
    a_day(north, "5310035", "2026-05-04", left=None)
    a_day(south, "9999999", "2026-05-05", "23:00", None)
    south.passage("9999999", "exit", oslo("2026-05-06T01:00"))
    take(store, south, north)
    for act, direction, at in ((check_in, "entry", "07:00"), (check_out, "exit", "08:15")):
        at_ms = oslo(f"2026-05-07T{at}")
        act(store, HandMark(CardKey("hms", "5310118"), direction, at_ms, "office", "side gate", at_ms), RULE)
    assert minutes(store) == {
        "5310027 2026-05-04": (510, 0),
        "5310035 2026-05-04": (17 * 60, 17 * 60),
        "5310035 2026-05-05": (180, 180),
        "5310118 2026-05-07": (75, 0),
        "9999999 2026-05-05": (60, 0),
        "9999999 2026-05-06": (60, 0),
    }


def test_p3_a_batch_that_came_twice_counts_once(store: HubStore, settings: Path) -> None:
    book = RecordBook()
    a_day(book, "5310027", "2026-05-04")
    take(store, book, book)
    take(store, book, at_ms=NOW_MS)
    assert minutes(store) == {"5310027 2026-05-04": (480, 0)}


def test_p10_a_clock_that_was_set_later_puts_the_hours_right(store: HubStore, settings: Path) -> None:
    book = RecordBook()
    entered_ms = oslo("2026-05-04T07:00")
    boot_ms = entered_ms - HOUR_MS
    # By a clock that stands in April; monotonic time is right.
    for direction, after_h in (("entry", 1), ("exit", 6)):
        book.add(
            "passage.completed", at_ms=oslo("2026-04-01T00:00") + after_h * HOUR_MS, monotonic_ms=after_h * HOUR_MS,
            trusted=False, card="5310027", direction=direction, lane="main",
        )  # fmt: skip
    take(store, book)
    assert minutes(store, Month(2026, 4)) == {"5310027 2026-04-01": (300, 300)}
    book.add(
        "clock.trusted", at_ms=boot_ms + 7 * HOUR_MS, monotonic_ms=7 * HOUR_MS,
        detail={"boot": "boot", "offset_ms": boot_ms},
    )  # fmt: skip
    take(store, book)
    assert minutes(store, Month(2026, 4)) == {}
    assert minutes(store) == {"5310027 2026-05-04": (300, 0)}


def test_who_came_before_the_month_and_left_in_it_or_after_it(store: HubStore, settings: Path) -> None:
    book = RecordBook()
    a_day(book, "5310027", "2026-04-30", "18:00", None)
    # It arrived in the month before, as it would.
    take(store, book, at_ms=oslo("2026-04-30T18:01"))
    book.passage("5310027", "exit", oslo("2026-05-01T06:00"))
    a_day(book, "5310027", "2026-05-31", "22:00", None)
    book.passage("5310027", "exit", oslo("2026-06-01T06:00"))
    take(store, book)
    assert minutes(store) == {"5310027 2026-05-01": (360, 0), "5310027 2026-05-31": (120, 0)}


@pytest.mark.parametrize(("day", "expected"), [("2026-03-29", 23 * 60), ("2026-10-25", 25 * 60)])
def test_days_on_which_the_clocks_change(store: HubStore, settings: Path, day: str, expected: int) -> None:
    book = RecordBook()
    begins = oslo(f"{day}T00:00")
    # Seen every few hours, so that no rule closes it.
    for hour in range(-3, 30, 6):
        book.passage("5310027", "entry", begins + hour * HOUR_MS)
    book.passage("5310027", "exit", begins + 30 * HOUR_MS)
    take(store, book, at_ms=begins + 31 * HOUR_MS)
    found = minutes(store, Month(2026, int(day[5:7])), begins + 40 * HOUR_MS)
    assert found[f"5310027 {day}"] == (expected, 0)
    assert sum(number for number, _ in found.values()) == 33 * 60


def test_purged_days_are_not_counted_and_the_report_says_so(store: HubStore, settings: Path, report: Ask) -> None:
    book = RecordBook()
    for day in ("2026-05-04", "2026-05-19", "2026-05-20"):
        a_day(book, "5310027", day)
    take(store, book, at_ms=oslo("2026-05-20T16:00"))
    before = report("hours", "--month", "2026-05", "--language", "en")[1]
    assert "24:00" in before
    assert "Not known before" not in before
    # 21 days before the afternoon of the 9th is in the middle of the 19th: of that day, too, something is gone.
    Purge("yard", store, KEY, LIMITS._replace(passages_days=21)).all(oslo("2026-06-09T14:00"))
    after = report("hours", "--month", "2026-05", "--language", "en")[1]
    assert "Not known before 2026-05-20" in after
    assert minutes(store) == {"5310027 2026-05-20": (480, 0)}


def test_records_of_deletions_from_before_the_limit_was_written_down() -> None:
    said = {"site": "y", "number": 1, "at_ms": 900, "what": "passages", "rule": "", "gone": {}, "oldest_ms": 1}

    def old(newest_ms: int) -> bytes:
        return json.dumps({**said, "newest_ms": newest_ms, "previous": ""}).encode()

    assert forgotten([KeptRecord(1, 900, old(500), b"")]).before_ms == 500
    # A clock that stood in the future hides nothing.
    assert forgotten([KeptRecord(1, 900, old(5000), b"")]).before_ms == 900
    assert forgotten([KeptRecord(1, 900, b"garbage", b"")]) == (None, None, None)


def test_who_was_erased_is_not_counted_and_the_report_says_so(store: HubStore, settings: Path, report: Ask) -> None:
    book = RecordBook()
    a_day(book, "5310027", "2026-05-04")
    a_day(book, "5310035", "2026-05-04")
    take(store, book)
    assert main(["person", "5310027", "--erase", "--by", "A. Clerk"]) == 0
    out = report("hours", "--month", "2026-05", "--language", "en")[1]
    assert "5310027" not in out
    assert "People who have asked to be erased are not counted." in out
    june = report("hours", "--month", "2026-06", "--language", "en")[1]
    assert "erased" not in june


def test_the_same_hours_in_every_format(store: HubStore, settings: Path, report: Ask, tmp_path: Path) -> None:
    book = RecordBook()
    for card in ("5310027", "5310035", "5310118", "9999999"):
        for day in range(4, 9):
            a_day(book, card, f"2026-05-{day:02d}", f"07:0{day}", f"15:4{day}")
    a_day(book, "5310126", "2026-05-08", left=None)
    take(store, book)
    for by in By:
        words = ("hours", "--month", "2026-05", "--by", by.value, "--language", "en")
        told = json.loads(report(*words, "--json")[1])
        ((name, table),) = told["tables"].items()
        clock = [f"{row['presence_min'] // 60}:{row['presence_min'] % 60:02d}" for row in table["rows"]]
        total = table["total"]["presence_min"]
        assert total == sum(row["presence_min"] for row in table["rows"])
        (file := tmp_path / f"{name}.xlsx").unlink(missing_ok=True)
        assert report(*words, "-o", str(file))[0] == 0
        sheet = load_workbook(file).worksheets[0]
        place = [cell.value for cell in sheet[1]].index("Presence (h:min)")
        held = [row[place].total_seconds() / 60 for row in sheet.iter_rows(min_row=2, values_only=True)]
        assert held == [*(row["presence_min"] for row in table["rows"]), total]
        assert report(*words, "-o", str(tmp_path / "hours.pdf"))[0] == 0
        page = " ".join(one.extract_text() for one in PdfReader(tmp_path / "hours.pdf").pages)
        csv_text = report(*words, "--format", "csv")[1]
        rows = list(csv.DictReader(io.StringIO(csv_text.split("\r\n\r\n")[0]), delimiter=";"))
        shown = f"{total // 60}:{total % 60:02d}"
        assert [row["Presence (h:min)"] for row in rows] == [*clock, shown]
        for text in (page, report(*words)[1]):
            assert all(one in text for one in (*clock, shown))
            assert "not worked hours" in text


def test_shares_by_the_sites_own_words(store: HubStore, settings: Path, report: Ask) -> None:
    book = RecordBook()
    for card in ("5310027", "5310118", "5310126", "5310217", "9999999"):
        a_day(book, card, "2026-05-04")
    take(store, book)
    words = ("shares", "--month", "2026-05", "--json")
    told = json.loads(report(*words)[1])["tables"]
    skilled, apprentice = told["demands"]["rows"]
    assert (skilled["at_least"], skilled["at_most"], skilled["verdict"]) == (0.0, 0.8, "cannot_tell")
    assert (apprentice["at_least"], apprentice["demanded"], apprentice["verdict"]) == (0.2, 0.1, "met")
    text = settings.read_text(encoding="utf-8")
    settings.write_text(
        text + "[reports]\nskilled_share = 0.6\n"
        'roles = { Carpenter = "skilled", electrician = "skilled", driver = "other" }\n',
        encoding="utf-8",
    )
    told = json.loads(report(*words)[1])["tables"]
    skilled = told["demands"]["rows"][0]
    # Two of four: the driver's hours are in no share, the stranger's might be anybody's.
    assert (skilled["at_least"], skilled["at_most"], skilled["verdict"]) == (0.5, 0.75, "cannot_tell")
    assert {row["role"]: row["presence_min"] for row in told["roles"]["rows"]} == {
        "skilled": 960, "apprentice": 480, "unskilled": 0, "training": 0, "role_unknown": 480, "other": 480
    }  # fmt: skip


def test_the_contractors(settings: Path, report: Ask) -> None:
    told = json.loads(report("samordningsliste", "--json")[1])["tables"]["companies"]
    assert {row["company"]: row["people"] for row in told["rows"]}["Vinkel Bygg AS"] == 2
    assert told["total"]["people"] == 7
    assert "Samordningsliste" in report("samordningsliste")[1]


def test_musters_running_and_past(store: HubStore, settings: Path, report: Ask, tmp_path: Path) -> None:
    status, _, err = report("muster")
    assert (status, "there has been no evacuation" in err) == (1, True)
    assert json.loads(report("muster", "--list", "--json")[1])["tables"]["musters"]["rows"] == []
    book = RecordBook()
    began_ms = oslo("2026-06-09T10:00")
    a_day(book, "5310027", "2026-06-09", left=None)
    book.passage("9999999", "entry", began_ms - HOUR_MS)
    book.add("lane.mode", at_ms=began_ms, lane="main", detail={"mode": "evacuated", "by": "x"})
    book.passage("9999999", "exit", began_ms + 60_000)
    take(store, book, at_ms=began_ms + 120_000)
    told = json.loads(report("muster", "--json")[1])
    assert (told["facts"]["unaccounted"], told["facts"]["closed_ms"]) == (1, "still_runs")
    assert [(row["name"], row["outcome"]) for row in told["tables"]["people"]["rows"]] == [
        ("Torbjørg Åsnes", "missing_person"),
        (None, "went_out"),
    ]
    with store.office() as office:
        office.close(told["facts"]["id"], began_ms + HOUR_MS, "A. Warden")
    later_ms = oslo("2026-06-10T10:00")
    book.add("lane.mode", at_ms=later_ms, lane="main", detail={"mode": "evacuated", "by": "x"})
    take(store, book, at_ms=later_ms)
    rows = json.loads(report("muster", "--list", "--json")[1])["tables"]["musters"]["rows"]
    assert [(row["began_ms"], row["closed_by"]) for row in rows] == [(later_ms, None), (began_ms, "A. Warden")]
    page = tmp_path / "muster.pdf"
    assert report("muster", "--id", rows[1]["id"][:12], "-o", str(page))[0] == 0
    text = " ".join(PdfReader(page).pages[0].extract_text().split())
    for words in ("Evakueringsliste", "A. Warden", "Torbjørg Åsnes", "MÅ FINNES", "gikk ut siden"):
        assert words in text
    status, _, err = report("muster", "--id", "nothing")
    assert (status, "see hub report muster --list" in err) == (1, True)


@pytest.mark.parametrize("month", ["2026-13", "2026-5", "may", "2026", "2026-05-04", "0000-01", "9999-12"])
def test_a_month_that_is_none_is_wrong_use(report: Ask, month: str) -> None:
    for verb in ("hours", "shares"):
        status, out, err = report(verb, "--month", month)
        assert (status, out) == (2, "")
        assert f"'{month}' is no month; write it as 2026-11" in err


def test_a_month_that_has_not_begun_is_wrong_use(report: Ask) -> None:
    assert report("hours", "--month", "2026-06")[0] == 0
    status, _, err = report("hours", "--month", "2026-07")
    assert (status, "--month: 2026-07 has not begun" in err) == (2, True)


def test_an_empty_site(report: Ask, tmp_path: Path) -> None:
    for words in (("hours", "--month", "2026-05"), ("shares", "--month", "2026-05"), ("oversiktsliste", "--checks")):
        for ending in ("txt", "json", "csv", "xlsx", "pdf"):
            file = tmp_path / f"empty.{ending}"
            assert report(*words, "-o", str(file))[0] == 0
            assert file.stat().st_size


def test_the_file_is_put_into_place_whole_or_not_at_all(report: Ask, tmp_path: Path) -> None:
    file = tmp_path / "list.json"
    file.write_text("the old one", encoding="utf-8")
    status, out, err = report("oversiktsliste", "-o", str(file))
    assert (status, out, json.loads(file.read_text(encoding="utf-8"))["report"]) == (0, "", "oversiktsliste")
    assert f"{file}: Oversiktsliste, 7 rows, json" in err
    status, _, err = report("oversiktsliste", "-o", str(tmp_path / "none" / "list.pdf"))
    assert (status, "cannot be written (No such file or directory)" in err) == (1, True)
    status, _, err = report("oversiktsliste", "-o", str(tmp_path / "list.doc"))
    assert (status, "it ends in none of .txt, .json, .csv, .xlsx, .pdf; say --format" in err) == (2, True)
    assert report("oversiktsliste", "-o", str(tmp_path / "list.doc"), "--format", "csv")[0] == 0
    assert sorted(one.name for one in tmp_path.glob("*list*")) == ["list.doc", "list.json"]


def test_pages_go_into_a_pipe_but_not_onto_a_screen(settings: Path) -> None:
    command = [sys.executable, "-m", "hub", "report", "oversiktsliste", "--format", "pdf"]
    piped = subprocess.run(command, capture_output=True, check=True)
    assert piped.stdout.startswith(b"%PDF-")
    ours, theirs = pty.openpty()
    with contextlib.closing(os.fdopen(ours, "rb", 0)):
        done = subprocess.run(command, stdout=theirs, stderr=subprocess.PIPE, text=True, check=False)
        os.close(theirs)
    assert done.returncode == 2
    assert "--format pdf is not for a screen; name a file with -o" in done.stderr


def test_five_thousand_people_for_a_month(store: HubStore, settings: Path) -> None:
    book = RecordBook()
    for number in range(5_000):
        a_day(book, f"{number:07d}", "2026-05-04")
    batches = [book.message(*range(first, first + 500)) for first in range(1, len(book.bodies), 500)]
    Ingest("yard", store, Signer("yard", KEY), closing=RULE).take(batches, NOW_MS)
    imprint = Imprint("yard", "en", OSLO, NOW_MS)
    found, holders = read_attendance(store, MAY, RULE, imprint)
    (table,) = hours(found, holders, By.COMPANY, imprint).tables
    assert table.total is not None
    assert table.total[2:5] == (5_000, 5_000, 5_000 * 480)


def test_a_check_goes_with_the_list(store: HubStore, settings: Path, report: Ask) -> None:
    """P12: the name of who has checked is kept as long as the list, and no longer."""
    assert report("oversiktsliste", "--check", "--by", "A. Berg")[0] == 0
    with store.forgetting() as forgetting:
        gone = ForgettingTransaction(forgetting.connection).purge_crew(NOW_MS)
    assert gone.counts["list_checks"] == 1
    assert "Berg" not in report("oversiktsliste", "--checks")[1]
