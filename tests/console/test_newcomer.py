"""What somebody meets who sees the console for the first time, on the terminals that people have."""

import re

import pytest
from rich.cells import cell_len

from hub.console.registry import PAGES
from hub.console.widgets.bars import KeyBar, TabBar
from hub.console.words import Language
from tests.console.conftest import SMALL, USUAL, WIDE, Invented, app_of, sitting
from tests.console.pictures import the_alarm

SIZES = pytest.mark.parametrize("size", [WIDE, USUAL, SMALL], ids=["wide", "usual", "small"])
LANGUAGES = pytest.mark.parametrize("language", ["nb", "en"])


@SIZES
@LANGUAGES
async def test_evacuating_has_its_key_at_the_foot(busy: Invented, size: tuple[int, int], language: Language) -> None:
    async with sitting(app_of(busy, language=language), size) as desk:
        await desk.shows("north/in-1")
        foot = desk.text.split("\n")[-1]
        assert "E EVA" in foot
        assert "q " in foot
        assert cell_len(foot) <= size[0]


@pytest.mark.parametrize("language", ["nb", "en"])
async def test_every_page_has_the_beginning_of_its_name_at_the_usual_width(busy: Invented, language: Language) -> None:
    async with sitting(app_of(busy, language=language), USUAL) as desk:
        tabs = desk.text.split("\n")[1]
        words = desk.app.words
        for kind in PAGES:
            assert f"{kind.key} {words.say(kind.title)[:3]}".rstrip() in tabs
        assert "8 § 15" in tabs
        assert re.search(r"4 \w{3,}\(2\) ", tabs)  # how many wait
        assert cell_len(tabs) <= USUAL[0]
        await desk.pilot.click(TabBar, offset=(tabs.index(" 6 ") + 2, 0))
        await desk.shows(f"[6 {words.say(PAGES[5].title)}]")


async def test_the_help_names_every_page(busy: Invented) -> None:
    async with sitting(app_of(busy, language="nb"), WIDE) as desk:
        await desk.press("question_mark")
        await desk.shows("Overalt", "1 Porter · 2 Nå · 3 Inne", "0 Rapporter · + Dagen", "neste side")


async def test_who_evacuates_is_told_which_gate_does_not_hear_it(busy: Invented) -> None:
    async with sitting(app_of(busy), USUAL) as desk:
        await desk.press("E")
        await desk.shows("EVACUATE THE WHOLE SITE?", "▲ west is off line and does not hear it: send somebody there.")
        await desk.press("escape", "l")
        await desk.shows("Lock down the entrance north/in-1?")
        assert "does not hear" not in desk.text
        await desk.press("escape", "end", "l")
        await desk.shows("Lock down the entrance west/road?", "▲ west is off line")


async def test_of_a_gate_that_is_off_line_nothing_is_said_to_be_well(busy: Invented) -> None:
    async with sitting(app_of(busy), WIDE) as desk:
        await desk.shows("west/road")
        line = next(one for one in desk.text.split("\n") if "west/road" in one)
        assert "○ off line" in line
        assert "✓" not in line
        await desk.press("end")
        await desk.shows("○ off line: this is the last that the gate has told")


async def test_what_is_asked_for_no_reason_does_not_say_that_one_is_kept(busy: Invented) -> None:
    async with sitting(app_of(busy), WIDE) as desk:
        await desk.press("9")
        await desk.shows("✗ NOT REACHED")
        await desk.press("down", "w")
        await desk.shows("Try hmsreg again now?", "If the receiver fails again", "Goes into the audit: kari, now.")
        await desk.press("escape", "1", "o")
        await desk.shows("Goes into the audit: kari, now, with the reason.")


async def test_a_card_that_is_not_blocked_is_not_asked_to_be_unblocked(busy: Invented) -> None:
    async with sitting(app_of(busy), WIDE) as desk:
        await desk.press("5")
        await desk.shows("✓ let in")
        await desk.press("u")
        await desk.shows("is not blocked.")
        await desk.press("slash", *"70118785", "enter", "u")
        await desk.shows("Unblock the card hms:70118785?")


async def test_a_day_without_a_badge_says_so_and_draws_nothing(busy: Invented) -> None:
    async with sitting(app_of(busy, language="nb"), WIDE) as desk:
        await desk.press("+")
        await desk.shows("Inne gjennom dagen", "travlest 06:22: 4,5 i minuttet")
        await desk.press("b")
        await desk.shows("Ingen utlesing denne dagen.")
        assert "Inne gjennom dagen" not in desk.text


async def test_the_commands_are_sought_in_the_language_of_the_page(busy: Invented) -> None:
    async with sitting(app_of(busy, language="nb"), WIDE) as desk:
        await desk.press("ctrl+p")
        await desk.shows("Søk etter kommando …", "gå til Mannskap")


async def test_keys_of_a_roll_call_are_offered_while_there_is_one(busy: Invented) -> None:
    async with sitting(app_of(busy), USUAL) as desk:
        await desk.press("6")
        await desk.shows("There has been no evacuation")
        assert "seen" not in desk.text.split("\n")[-1]
        the_alarm(busy)
        await desk.shows("LOOK FOR", "␣ seen  u not seen")


async def test_what_a_roll_call_cannot_know_is_said_to_its_end(busy: Invented) -> None:
    the_alarm(busy)
    async with sitting(app_of(busy, language="nb"), USUAL) as desk:
        await desk.press("6")
        await desk.shows("LET ETTER")
        told = " ".join(line.strip() for line in desk.text.split("\n"))
        assert "den som kom inn bak en annen, mangler." in told


@SIZES
async def test_every_alarm_of_the_deliveries_has_a_line(busy: Invented, size: tuple[int, int]) -> None:
    async with sitting(app_of(busy), size) as desk:
        await desk.press("9")
        await desk.shows("▲ hmsreg: something has", "▲ vaktbok: something", "▲ nabo has stopped", "vaktbok")


@SIZES
async def test_what_an_empty_page_waits_for_is_told_to_its_end(empty: Invented, size: tuple[int, int]) -> None:
    async with sitting(app_of(empty), size) as desk:
        await desk.shows("No gate has spoken yet.")
        told = " ".join(line.strip() for line in desk.text.split("\n"))
        assert "broker and `hub key`." in told
        assert desk.app.query_one(KeyBar).text
