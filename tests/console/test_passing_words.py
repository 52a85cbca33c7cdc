"""A line that goes by, such as that a role may not do this: long enough to be read, and one at a time."""

import pytest

from hub.console import app
from hub.console.roles import Role
from tests.console.conftest import WIDE, Invented, app_of, sitting

LONGEST_LOOK_AWAY_S = 20.0


async def test_it_waits_for_a_reader_who_looks_away_and_goes_with_the_next_key(
    busy: Invented, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert app.TOLD_S > LONGEST_LOOK_AWAY_S
    async with sitting(app_of(busy, Role.VIEWER), WIDE) as desk:
        await desk.press("E")
        await desk.shows("As viewer you cannot do this")
        # Somebody who types on at once has not read it.
        await desk.press("down")
        assert "As viewer you cannot do this" in desk.text
        monkeypatch.setattr(app, "READ_S", 0.0)
        await desk.press("down")
        await desk.hides("As viewer you cannot do this")


async def test_the_next_one_takes_its_place(busy: Invented) -> None:
    async with sitting(app_of(busy, Role.VIEWER), WIDE) as desk:
        await desk.press("E", "L", "N")
        await desk.shows("As viewer you cannot do this")
        assert desk.text.count("you cannot do this") == 1
