"""What a small installation lacks is not missed until somebody asks for it, and then told."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from hub.cli import EXTRA_OF

WITHOUT = f"""import sys
for name in {list(EXTRA_OF)!r}:
    sys.modules[name] = None
from hub.cli import main
sys.exit(main(sys.argv[1:]))
"""


def run(folder: Path, *words: str) -> tuple[int, str]:
    settings = folder / "hub.toml"
    settings.write_text(f'site = "yard"\nstate_dir = "{folder}/state"\n', encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT, *words, "--config", str(settings)], capture_output=True, text=True, check=False
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout + done.stderr


def test_without_any_of_them_a_crew_list_is_taken_in_and_asked_about(tmp_path: Path) -> None:
    assert run(tmp_path, "crew", "import", "config/crew.example.csv")[0] == 0
    for words in (
        ["roster"],
        ["why", "5310027"],
        ["compare"],
        ["gates"],
        ["verify"],
        ["crew", "lists"],
        ["report", "oversiktsliste"],
    ):
        status, said = run(tmp_path, *words)
        assert status == 0, said


@pytest.mark.parametrize(
    ("words", "library"),
    [
        (["report", "oversiktsliste", "-o", "{folder}/list.pdf"], "fontTools"),
        (["report", "oversiktsliste", "-o", "{folder}/list.xlsx"], "openpyxl"),
        (["crew", "import", "{folder}/crew.xlsx"], "openpyxl"),
        (["metrics"], "prometheus_client"),
    ],
)
def test_what_needs_one_says_how_to_get_it(tmp_path: Path, words: list[str], library: str) -> None:
    (tmp_path / "crew.xlsx").write_bytes(b"PK")
    status, said = run(tmp_path, *(word.format(folder=tmp_path) for word in words))
    assert status == 1
    assert library in said
    assert re.search(r"portvakt\[hub\]|extra `hub`", said)


def test_a_console_without_textual_says_how_to_get_it(tmp_path: Path) -> None:
    for words in (
        ["console", "--in-browser", "look"],
        ["console", "--demo", "--in-browser", "press"],
        ["console", "--web"],
    ):
        status, said = run(tmp_path, *words)
        assert status == 1
        assert "portvakt[console]" in said


def test_a_console_without_a_terminal_says_what_machines_take(tmp_path: Path) -> None:
    status, said = run(tmp_path, "console")
    assert (status, "needs a terminal" in said, "--json" in said) == (1, True, True)
