"""Every page: empty, busy and with the store away, on every size of terminal."""

import re
import threading
from pathlib import Path

import pytest
from pytest_mock import MockerFixture

from hub.console.registry import PAGES
from hub.console.roles import Role
from hub.console.widgets.sheet import Sheet
from hub.errors import StoreError
from hub.store import HubStore
from tests.console.conftest import SMALL, USUAL, WIDE, Desk, Invented, StillClock, app_of, sitting

NAMES = [kind.name for kind in PAGES]
EMPTY = {
    "gates": "No gate has spoken",
    "now": "No badge yet",
    "on-site": "Nobody is on site",
    "waiting": "Nobody waits",
    "crew": "No crew list was taken in",
    "muster": "There has been no evacuation",
    "audit": "Nobody has done anything",
    "legal": "Nobody is on the list",
    "reports": "not checked today",
    "day": "0 let through, 0 refused",
    "deliveries": "No central system is told",
}
BUSY = {
    "gates": ("north/in-1", "● normal", "▲ locked down", "○ off line"),
    "now": ("✓ let in", "✗ "),
    "on-site": ("06:",),
    "waiting": ("hms:7098", "min)"),
    "crew": ("✓ let in",),
    "muster": ("There has been no",),
    "audit": ("blocked card",),
    "legal": ("✓ valid",),
    "reports": ("not checked today", "▸ "),
    "day": ("150 on site at 06:55", "On site through the day"),
    "deliveries": ("✗ NOT REACHED", "vaktbok"),
}


@pytest.mark.parametrize("size", [WIDE, USUAL, SMALL], ids=["wide", "usual", "small"])
@pytest.mark.parametrize("name", NAMES)
async def test_a_page_of_an_empty_hub_says_what_it_waits_for(empty: Invented, name: str, size: tuple[int, int]) -> None:
    async with sitting(app_of(empty), size) as desk:
        await desk.press(PAGES[NAMES.index(name)].key)
        await desk.shows(EMPTY[name][: size[0] - 8])
        assert f"[{PAGES[NAMES.index(name)].key} " in desk.text


@pytest.mark.parametrize("size", [WIDE, USUAL, SMALL], ids=["wide", "usual", "small"])
@pytest.mark.parametrize("name", NAMES)
async def test_a_page_of_a_busy_site_fits_the_terminal(busy: Invented, name: str, size: tuple[int, int]) -> None:
    async with sitting(app_of(busy), size) as desk:
        await desk.press(PAGES[NAMES.index(name)].key)
        await desk.shows(*BUSY[name])
        lines = desk.text.split("\n")
        assert len(lines) == size[1]
        assert "? help  q quit" in lines[-1]
        assert "▸ " in desk.text or name in ("muster", "deliveries", "day")


@pytest.mark.parametrize("name", NAMES)
async def test_while_the_store_is_away_a_page_keeps_its_picture_and_says_its_age(
    busy: Invented, name: str, mocker: MockerFixture
) -> None:
    async with sitting(app_of(busy), USUAL) as desk:
        await desk.press(PAGES[NAMES.index(name)].key)
        await desk.shows(*BUSY[name])
        broken = mocker.patch.object(HubStore, "reading", side_effect=StoreError("hub.sqlite3: disk I/O error"))
        assert isinstance(busy.clock, StillClock)
        busy.clock.at_ms += 42_000
        await desk.shows("THE DATABASE IS AWAY", "42 s old", "disk I/O error", *BUSY[name])
        mocker.stop(broken)
        await desk.hides("THE DATABASE IS AWAY")


async def test_a_store_that_neither_answers_nor_fails_is_told_too(busy: Invented, mocker: MockerFixture) -> None:
    async with sitting(app_of(busy), WIDE) as desk:
        hangs = threading.Event()

        def silent(store: HubStore) -> None:
            hangs.wait(30)
            raise StoreError(f"{store}: gone")

        mocker.patch("hub.live.pulse", side_effect=silent)
        assert isinstance(busy.clock, StillClock)
        busy.clock.at_ms += 9_000
        try:
            await desk.shows("THE DATABASE IS AWAY", "9 s old", "it does not answer")
        finally:
            hangs.set()


async def test_a_store_that_cannot_be_opened_is_told_and_tried_again(empty: Invented) -> None:
    """A real one: something else is in its place, and then is not."""
    file = Path(empty.config.state_dir or "") / "hub.sqlite3"
    empty.store.close()
    whole = file.read_bytes()
    for other in file.parent.glob("hub.sqlite3-*"):
        other.unlink()
    file.write_bytes(b"no database, " * 500)
    app = app_of(empty)
    async with app.run_test(size=WIDE) as pilot:
        desk = Desk(app, pilot)
        await desk.shows("THE DATABASE IS AWAY", "no picture yet", "file is not a")
        file.write_bytes(whole)
        await desk.shows("No gate has spoken")
        await desk.hides("THE DATABASE IS AWAY")


async def test_keys_are_pages_and_every_page_has_help(busy: Invented) -> None:
    async with sitting(app_of(busy), USUAL) as desk:
        for kind in PAGES:
            await desk.press(kind.key)
            assert desk.app.kind is kind
            await desk.press("question_mark")
            await desk.shows("Keys · ", "Everywhere", "You are kari, manager")
            await desk.press("escape")
        await desk.press("right")
        assert desk.app.kind is PAGES[0]
        await desk.press("left")
        assert desk.app.kind is PAGES[-1]


async def test_both_languages_at_once_by_one_key(busy: Invented) -> None:
    async with sitting(app_of(busy), WIDE) as desk:
        for kind in PAGES:
            await desk.press(kind.key)
            english = desk.text
            await desk.press("f2")
            await desk.pilot.pause()
            assert kind.title.value[0] in desk.text
            assert desk.text != english
            await desk.press("f2")


async def test_light_and_dark_are_both_whole(busy: Invented) -> None:
    async with sitting(app_of(busy, light=True), USUAL) as desk:
        assert desk.app.theme == "portvakt-light"
        await desk.press("f3")
        assert desk.app.theme == "portvakt-dark"


async def test_without_colour_everything_is_still_said(busy: Invented, monkeypatch: pytest.MonkeyPatch) -> None:
    """Signs and words are the same; what is chosen and which page is at hand have signs of their own."""
    async with sitting(app_of(busy), USUAL) as desk:
        coloured = desk.text
    monkeypatch.setenv("NO_COLOR", "1")
    async with sitting(app_of(busy), USUAL) as desk:
        assert desk.app.no_color
        assert desk.text == coloured
        assert "[1 Gates]" in desk.text
        assert "▸ north/in-1" in desk.text
        drawn = desk.app.export_screenshot()
        colours = set(re.findall(r"fill: (#[0-9a-f]{6})", drawn))
        assert colours
        # Of the frame around an exported picture one grey is not quite one.
        assert all(_spread(one) <= 3 for one in colours), colours


def _spread(colour: str) -> int:
    parts = [int(colour[at : at + 2], 16) for at in (1, 3, 5)]
    return max(parts) - min(parts)


async def test_the_inspector_sees_the_list_of_the_law_and_can_press_nothing(busy: Invented) -> None:
    async with sitting(app_of(busy, Role.INSPECTOR), USUAL) as desk:
        assert [kind.name for kind in desk.app._kinds] == ["legal"]
        await desk.shows("§ 15", "✓ valid", "/ search")
        assert "on site" not in desk.text
        for key in "1234567":
            await desk.press(key)
            assert desk.app.kind.name == "legal"
        await desk.press("enter", "o", "b", "a", "E")
        assert len(desk.app.screen_stack) == 1


async def test_a_viewer_sees_everything_and_presses_nothing(busy: Invented) -> None:
    async with sitting(app_of(busy, Role.VIEWER), USUAL) as desk:
        assert "EVACUATE" not in desk.text
        for key in ("o", "E", "L"):
            await desk.press(key)
            assert len(desk.app.screen_stack) == 1
        await desk.shows("As viewer you cannot do this")
        await desk.press("4", "a")
        assert len(desk.app.screen_stack) == 1


async def test_search_narrows_and_escape_brings_everybody_back(busy: Invented) -> None:
    async with sitting(app_of(busy), USUAL) as desk:
        await desk.press("3")
        await desk.shows("people, ")
        sheet = desk.app.page.query_one(Sheet)
        await desk.until("everybody", lambda: len(sheet.items) > 20)
        everybody = len(sheet.items)
        await desk.press("slash")
        await desk.type("tindvik")
        await desk.until("fewer", lambda: 0 < len(sheet.items) < everybody)
        await desk.shows("Tindvik Tak", "tindvik")
        await desk.type(" zzz")
        await desk.shows("Nothing found")
        await desk.press("escape")
        await desk.until("everybody again", lambda: len(sheet.items) == everybody)


async def test_the_mouse_goes_to_pages_lines_and_keys(busy: Invented) -> None:
    async with sitting(app_of(busy), WIDE) as desk:
        lines = desk.text.split("\n")
        await desk.pilot.click(offset=(lines[1].index("5 Crew"), 1))
        assert desk.app.kind.name == "crew"
        await desk.shows("✓ let in")
        lines = desk.text.split("\n")
        await desk.pilot.click(offset=(lines[-1].index("search"), len(lines) - 1))
        await desk.type("ash")
        await desk.press("enter")
        sheet = desk.app.page.query_one(Sheet)
        await desk.pilot.click(sheet, offset=(5, 3))
        chosen = sheet.chosen
        assert chosen is sheet.items[2]
        await desk.pilot.click(sheet, offset=(5, 3))
        await desk.shows("Last badges", "Esc close")


async def test_the_palette_knows_pages_and_keys(busy: Invented) -> None:
    async with sitting(app_of(busy), WIDE) as desk:
        commands = {command.title for command in desk.app.get_system_commands(desk.app.screen)}
        assert {"go to Muster", "let one in", "EVACUATE", "norsk", "help"} <= commands
        await desk.press("ctrl+p")
        await desk.type("go to Aud")
        await desk.press("enter")
        await desk.until("the audit", lambda: desk.app.kind.name == "audit")
