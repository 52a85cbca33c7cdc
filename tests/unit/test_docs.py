"""Pages that are made from the code are as the code is now; links lead somewhere; settings in them are settings."""

import re
import shlex
import tomllib
from pathlib import Path
from typing import get_args

import pytest

from gate import config
from gate.config import GateConfig
from gate.reader.coding import compile_profile
from hub import cli as hub_cli
from hub.card_answers import CardStatus
from hub.config import HubConfig, RequirementSettings
from hub.crew.columns import COLUMNS
from hub.register_settings import card_register_problems
from portvakt.settings import parse
from tests.generated import DOCS, ROOT, made
from tests.pictures import ACROSS, PICTURE, drawn, sheet_faces

PAGES = sorted(DOCS.glob("*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_is_made_from_the_code_is_as_the_code_is(page: Path) -> None:
    """When this fails: `make docs`, then look at what changed."""
    text = page.read_text(encoding="utf-8")
    assert made(text) == text


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


def test_every_reader_is_in_the_table_of_what_was_tried() -> None:
    text = (DOCS / "readers.md").read_text(encoding="utf-8")
    drivers = {struct.__struct_config__.tag for struct in get_args(config.ReaderSettings)} - {"virtual"}
    rows = set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE))
    assert drivers <= rows


def test_the_profile_that_is_taught_is_one() -> None:
    (block,) = re.findall(r"```toml\n(.*?)```", (DOCS / "cards.md").read_text(encoding="utf-8"), re.DOTALL)
    assert compile_profile(block, "docs/cards.md").scheme == "mine"


READERS = re.findall(r"```toml\n(.*?)```", (DOCS / "readers.md").read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.parametrize("block", READERS, ids=range(len(READERS)))
def test_a_block_of_settings_can_be_copied_as_it_stands(block: str) -> None:
    whole = 'site = "a"\ngate = "b"\n[hub]\nverify_key = "k"\n[[lanes]]\nname = "main"\ndriver = "virtual"\n'
    assert tomllib.loads(block)
    assert parse(whole + block, GateConfig, "page").readers
    assert (ROOT / "config").is_dir()


def test_the_picture_of_the_lane_screen_is_as_the_page_is_now() -> None:
    """When this fails: `make docs`, then look at the picture."""
    assert PICTURE.read_text(encoding="utf-8") == drawn(sheet_faces(), ACROSS)


def test_every_column_of_a_crew_list_and_every_requirement_is_explained() -> None:
    text = (DOCS / "crew.md").read_text(encoding="utf-8")
    explained = {
        name for row in re.findall(r"^\| (`.*?) \|", text, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)
    }
    assert set(COLUMNS) <= explained
    assert set(RequirementSettings.__struct_fields__) - {"qualifications"} <= explained
    blocks = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    assert blocks
    assert {parse(f'site = "a"\n{block}', HubConfig, "page").site for block in blocks} == {"a"}


def test_the_page_about_reports_can_be_typed_as_it_stands() -> None:
    text = (DOCS / "reports.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    assert parse(f'site = "a"\n{block}', HubConfig, "page").reports.roles == {
        "bas": "skilled",
        "prosjektleder": "other",
    }
    typed = re.findall(r"^(?:    |\$ )hub (report [^#|\n]+)", text, re.MULTILINE)
    assert len(typed) == 8
    for line in typed:
        hub_cli._parser().parse_args(shlex.split(line))
    named = set(re.findall(r"^\| `(\w+)", text, re.MULTILINE))
    assert named - {"hub"} == {"oversiktsliste", "samordningsliste", "hours", "shares", "muster"}


def test_the_settings_of_registers_can_be_copied_and_every_word_for_a_status_is_explained() -> None:
    text = (DOCS / "registers.md").read_text(encoding="utf-8")
    cards, companies = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    config = parse(f'site = "a"\n{cards}{companies}', HubConfig, "page")
    assert config.card_register.on
    assert config.companies.on
    assert not card_register_problems(config.card_register)
    assert {status.value for status in CardStatus} <= set(re.findall(r"`(\w+)`", text))
