"""The pages as they were looked at: `pytest tests/console/test_pictures.py --snapshot-update`, then look again.

Textual draws a little differently from version to version, so they hold for the one that the package is made with.
"""

import re
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from hub.console.app import ConsoleApp
from tests.console.conftest import Desk, app_of, invented_site
from tests.console.pictures import FOLDER, SHOTS, Shot, pressed

PINNED = re.findall(r"^textual==(.*)$", Path("packaging/constraints.txt").read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.skipif([version("textual")] != PINNED, reason=f"drawn by Textual {PINNED}")
@pytest.mark.parametrize("shot", SHOTS, ids=lambda shot: shot.name)
def test_a_page_is_drawn_as_it_was_looked_at(shot: Shot, snap_compare: Callable[..., bool], tmp_path: Path) -> None:
    with invented_site(tmp_path) as site:
        if shot.before is not None:
            shot.before(site)
        app = app_of(site, shot.role, shot.language, light=shot.light)
        assert snap_compare(app, terminal_size=shot.size, run_before=partial(_run, app, shot))


async def _run(app: ConsoleApp, shot: Shot, pilot: Pilot[Any]) -> None:
    desk = Desk(app, pilot)
    await desk.until("the first picture", lambda: app.picture is not None)
    await pressed(desk, shot)


def test_every_picture_is_in_the_docs_and_every_one_there_is_made() -> None:
    text = Path("docs/console.md").read_text(encoding="utf-8")
    named = set(re.findall(r"pictures/console-([a-z-]+)\.png", text))
    assert named == {shot.name for shot in SHOTS}
    assert {file.stem.removeprefix("console-") for file in FOLDER.glob("console-*.png")} == named
