"""Whatever a name holds, it is shown as text, in its own cells, and nothing beside it moves."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from rich.cells import cell_len

from gate.uplink.signing import Signer
from hub.config import database
from hub.console.demo import invented
from hub.console.widgets.sheet import _fit
from hub.crew.importing import Terms, import_list
from hub.crew.rows import ReadList
from hub.ingest import Ingest
from hub.records import CrewMember
from hub.store import HubStore
from tests.console.conftest import MORNING_MS, SMALL, USUAL, WIDE, Invented, StillClock, app_of, sitting
from tests.sim.records import RecordBook

ORGANISATION = "100000008"
NAMES = {
    "11111111": "[red]Rød[/red] [link=file:///etc/passwd]",
    "22222222": "\u05d3\u05d5\u05d3\u202e\u05db\u05d4\u05df",
    "33333333": "Zoë \U0001f477\u200d\u2640\ufe0f Åse",
    "44444444": "L" + "ø" * 198 + "n",
    "55555555": "a\tb\x1b[31mc",
    "66666666": "名前 漢字",
}


@pytest.fixture
def odd(tmp_path: Path) -> Iterator[Invented]:
    """Everybody has come in, and has been refused once."""
    config = invented(tmp_path)
    with contextlib.closing(HubStore(database(config))) as store:
        members = tuple(
            CrewMember("hms", number, "", name, ORGANISATION, organisation_name=f"[b]{name}")
            for number, name in NAMES.items()
        )
        import_list(store, ReadList(members, ()), "crew.csv", Terms("office", MORNING_MS - 3_600_000))
        book = RecordBook("north", site=config.site)
        for n, number in enumerate(NAMES):
            at_ms = MORNING_MS - 60_000 + n * 1000
            book.add("badge.refused", at_ms=at_ms, card=number, direction="entry", lane="main", reason="short_rest")
            book.passage(number, "entry", at_ms)
        Ingest(config.site, store, Signer(config.site, Ed25519PrivateKey.generate())).take([book.message()], MORNING_MS)
        yield Invented(config, store, StillClock(), None)


@pytest.mark.parametrize("size", [WIDE, USUAL, SMALL], ids=["wide", "usual", "small"])
@pytest.mark.parametrize("page", ["2", "3", "5", "8"])
async def test_a_name_is_text_on_every_page(odd: Invented, page: str, size: tuple[int, int]) -> None:
    async with sitting(app_of(odd), size) as desk:
        await desk.press(page)
        await desk.shows("[red]Rød", "名前", "Løøø")
        text = desk.text
        assert all(cell_len(line) <= size[0] for line in text.split("\n"))
        assert "\x1b" not in text
        assert "\u202e" not in text
        assert "\u200d" not in text
        # The cursor can go over all of them.
        await desk.press(*["down"] * 6, "home")
        assert "▸" in desk.text


@pytest.mark.parametrize("number", NAMES)
async def test_a_name_is_text_in_questions_and_explanations(odd: Invented, number: str) -> None:
    async with sitting(app_of(odd), USUAL) as desk:
        await desk.press("5", "slash")
        await desk.type(number)
        await desk.press("enter", "b")
        await desk.shows(f"Block the card hms:{number}")
        await desk.press("escape", "enter")
        await desk.shows(f"hms:{number}", "Last badges", "rest too short")
        assert "\u202e" not in desk.text


@pytest.mark.parametrize("name", [*NAMES.values(), ""])
@pytest.mark.parametrize("size", [0, 1, 2, 7, 40])
def test_a_cell_is_as_wide_as_it_is_told_to_be(name: str, size: int) -> None:
    assert cell_len(_fit(name.replace("\t", " ").replace("\x1b", "?"), size)) == size
