"""README and issue lines stay true: every command typed there is one that the programs take."""

import re
import shlex
from pathlib import Path

import pytest

from gate import cli as gate_cli
from hub import cli as hub_cli

ROOT = Path(__file__).parents[2]
PARSERS = {"gate": gate_cli._parser, "hub": hub_cli._parser}


def commands() -> list[tuple[str, tuple[str, ...]]]:
    """Program and words of each `.venv/bin/gate …` and `.venv/bin/hub …` in the README."""
    text = (ROOT / "README.md").read_text(encoding="utf-8").replace("\\\n", " ")
    found = []
    for block in re.findall(r"```\n(.*?)```", text, re.DOTALL):
        for line in block.splitlines():
            parts = line.split("#")[0].split(";")
            matches = (re.match(r"\s*\.venv/bin/(gate|hub) (.*)", part) for part in parts)
            found += [(match[1], tuple(shlex.split(match[2]))) for match in matches if match]
    return found


def test_the_readme_is_read() -> None:
    """The extractor itself finds what is there."""
    found = commands()
    assert ("hub", ("roster",)) in found
    assert ("hub", ("events",)) in found
    assert len(found) >= 12


@pytest.mark.parametrize(("program", "words"), commands())
def test_a_command_of_the_readme_exists(program: str, words: tuple[str, ...]) -> None:
    PARSERS[program]().parse_args(words)


@pytest.mark.parametrize(("program", "words"), commands())
def test_a_file_that_the_readme_names_is_there(program: str, words: tuple[str, ...]) -> None:
    for word in words:
        if word.startswith("config/") and not word.endswith(".pub"):
            assert list(ROOT.glob(word)), word


def test_the_links_of_the_readme_lead_somewhere() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", text):
        assert (ROOT / target).exists(), target


def test_the_make_targets_of_the_readme_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"^make (\w+)", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
