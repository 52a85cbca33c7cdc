"""Reports at the console: the same tables as `hub report`, in files that their owner alone reads, and the signature."""

import re
from io import BytesIO
from pathlib import Path

import pytest
from msgspec.structs import replace
from openpyxl import load_workbook
from textual.widgets import Log

from hub.console.roles import Role
from hub.console.screens.reports import ReportDialog
from hub.console.widgets.dialogs import AskDialog
from hub.reports.reading import read_list_checks
from tests.console.conftest import SMALL, USUAL, WIDE, Desk, Invented, app_of, sitting


async def told(desk: Desk) -> str:
    """The line that goes by."""
    await desk.until("a word", lambda: len(desk.app._notifications))
    return str(list(desk.app._notifications)[-1].message)


async def test_a_report_is_shown_as_the_command_line_has_it(busy: Invented) -> None:
    async with sitting(app_of(busy), WIDE) as desk:
        await desk.press("0")
        await desk.shows("▸ List of persons, § 15", "Daily check: not checked today", "2026-05-05", "2026-05")
        await desk.press("enter")
        await desk.until("the list", lambda: "Kaigata 7" in "\n".join(desk.app.screen.query_one(Log).lines))
        lines = "\n".join(desk.app.screen.query_one(Log).lines)
        assert "HMS card" in lines
        assert "SHA-256 of the content" in lines
        await desk.press("escape")
        await desk.press("down", "down", "down", "enter")
        await desk.until("the hours", lambda: isinstance(desk.app.screen, ReportDialog))
        await desk.until("a sum", lambda: "Total" in "\n".join(desk.app.screen.query_one(Log).lines))


@pytest.mark.parametrize("size", [USUAL, SMALL], ids=["usual", "small"])
async def test_a_wide_report_is_scrolled_on_a_small_screen(busy: Invented, size: tuple[int, int]) -> None:
    async with sitting(app_of(busy), size) as desk:
        await desk.press("0", "enter")
        await desk.shows("List of persons")
        log = desk.app.screen.query_one(Log)
        await desk.until("all of it", lambda: log.virtual_size.width > size[0])
        await desk.press(*["right"] * 5)
        await desk.until("it has moved", lambda: log.scroll_offset.x > 0)
        assert len(desk.text.split("\n")) == size[1]


async def test_a_report_goes_into_a_file_whose_path_is_told(busy: Invented) -> None:
    async with sitting(app_of(busy), WIDE) as desk:
        await desk.press("0")
        await desk.press("down", "down", "down", "b", "f", "f", "f", "f")
        await desk.shows("Of 2026-04 · files as xlsx", "w write xlsx file")
        await desk.press("w")
        file = Path(re.search(r"Written: (.*)", await told(desk))[1])  # type: ignore[index]
    assert file.parent == Path(busy.config.state_dir or "") / "reports"
    assert re.fullmatch(r"hours-person-2026-04-en-2026-05-05-\d{6}\.xlsx", file.name)
    assert file.stat().st_mode & 0o777 == 0o600
    book = load_workbook(BytesIO(file.read_bytes()))
    assert book.sheetnames


async def test_a_month_that_has_not_begun_cannot_be_asked_for(busy: Invented) -> None:
    async with sitting(app_of(busy), WIDE) as desk:
        await desk.press("0", "down", "down", "down", "n", "n")
        await desk.shows("Of 2026-05 ·")
        await desk.press("b")
        await desk.shows("Of 2026-04 ·")
        await desk.press("n")
        await desk.shows("Of 2026-05 ·")


async def test_a_report_is_printed_and_what_the_printer_says_is_told(busy: Invented, tmp_path: Path) -> None:
    paper = tmp_path / "paper.pdf"
    command = ("sh", "-c", f"cat > {paper}")
    busy.config = replace(busy.config, console=replace(busy.config.console, print_command=command))
    async with sitting(app_of(busy), WIDE) as desk:
        await desk.press("0", "p")
        assert await told(desk) == "Sent to the printer."
    assert paper.read_bytes().startswith(b"%PDF")
    command = ("sh", "-c", "echo no [toner] >&2; exit 1")
    busy.config = replace(busy.config, console=replace(busy.config.console, print_command=command))
    async with sitting(app_of(busy), WIDE) as desk:
        await desk.press("0", "p")
        said = await told(desk)
        assert "no [toner]" in said
        assert Path(re.search(r"Saved as (.*)\.$", said)[1]).read_bytes().startswith(b"%PDF")  # type: ignore[index]


async def test_a_manager_signs_the_list_and_the_inspector_sees_who_has(busy: Invented) -> None:
    async with sitting(app_of(busy), WIDE) as desk:
        await desk.press("8")
        await desk.shows("Daily check: not checked today")
        await desk.press("s")
        await desk.shows("Sign that the list of today has been checked?", "fingerprint")
        assert isinstance(desk.app.screen, AskDialog)
        await desk.press(*["backspace"] * 4)
        await desk.type("Kari Holm")
        await desk.press("enter")
        await desk.shows("Signed by Kari Holm (kari)")
        await desk.press("enter")
        await desk.shows("checked today at 06:55 by Kari Holm (kari)")
    (check,) = read_list_checks(busy.store)
    assert (check.said_by, check.day) == ("Kari Holm (kari)", "2026-05-05")
    async with sitting(app_of(busy, Role.INSPECTOR, "nb"), WIDE) as desk:
        await desk.shows("Daglig kontroll: kontrollert i dag kl. 06:55 av Kari Holm (kari)")
        assert "signer" not in desk.text
        await desk.press("s")
        await desk.shows("Som tilsyn kan du ikke")
    assert len(read_list_checks(busy.store)) == 1


async def test_an_identity_number_is_no_name(busy: Invented) -> None:
    async with sitting(app_of(busy), WIDE) as desk:
        await desk.press("0", "s")
        await desk.shows("Sign that the list")
        await desk.press(*["backspace"] * 4)
        await desk.type("01019010046")
        await desk.press("enter")
        await desk.shows("✗ Name of who has checked it")
    assert read_list_checks(busy.store) == []


@pytest.mark.parametrize("role", [Role.VIEWER, Role.GUARD])
async def test_who_keeps_no_books_looks_and_writes_nothing(busy: Invented, role: Role) -> None:
    async with sitting(app_of(busy, role), WIDE) as desk:
        await desk.press("0")
        await desk.shows("List of persons")
        assert "w write" not in desk.text
        await desk.press("w", "p", "s")
        await desk.shows(f"As {role}")
        await desk.press("enter")
        await desk.until("the list", lambda: "Kaigata 7" in "\n".join(desk.app.screen.query_one(Log).lines))
    assert not (Path(busy.config.state_dir or "") / "reports").exists()
