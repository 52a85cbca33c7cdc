"""What the console shows of the readers at the assembly points."""

from dataclasses import replace

import pytest

from hub.console.screens.muster import readers_not_counting
from hub.console.site import site_of
from hub.console.words import Words
from hub.queries import GateLine, gates
from hub.records import Asked
from tests.console.conftest import WIDE, Invented, StillClock, app_of, sitting
from tests.console.pictures import the_alarm


def turn(site: Invented) -> None:
    """So much later that the gates say anew how they are."""
    assert site.stage is not None
    assert isinstance(site.clock, StillClock)
    site.clock.at_ms += 3_000
    site.stage.turn()


async def test_the_roll_says_who_was_seen_by_a_reader_and_where(busy: Invented) -> None:
    assert busy.stage is not None
    the_alarm(busy)
    busy.stage.gates[1].muster_badge("assembly", "99999999", busy.clock())
    turn(busy)
    async with sitting(app_of(busy), WIDE) as desk:
        await desk.press("6")
        await desk.shows("LOOK FOR")
        await desk.press("/")
        await desk.type("99999999")
        await desk.press("enter")
        await desk.shows("seen outside", "hms:99999999", "not on list", "07:01:00 car-park")


async def test_a_card_at_the_assembly_point_goes_by_like_any_badge(busy: Invented) -> None:
    assert busy.stage is not None
    south = busy.stage.gates[1]
    south.muster_badge("assembly", "99999999", busy.clock())
    turn(busy)
    async with sitting(app_of(busy), WIDE) as desk:
        await desk.shows("south/car-p", "● muster point", "✓ 06:55:00")
        south.write(
            "muster.badge", busy.clock(), reason="unreadable", medium="chip",
            detail={"reader": "assembly", "point": "car-park", "what": "removed too soon"},
        )  # fmt: skip
        turn(busy)
        await desk.shows("✗ 06:55:03")
        await desk.press("2")
        await desk.shows("✓ at muster point", "✗ muster: card not read", "south/car-")


async def test_a_reader_that_counts_nobody_is_told_while_the_roll_is_called(busy: Invented) -> None:
    assert busy.stage is not None
    busy.store.give(Asked("north", "evacuated", None, None, "kari", "smoke"), busy.clock(), 10_000)
    turn(busy)
    async with sitting(app_of(busy), WIDE) as desk:
        await desk.press("6")
        await desk.shows("LOOK FOR")
        assert "Tick off by hand" not in desk.text
        busy.stage.gates[1].readers["assembly"] = "hung"
        turn(busy)
        await desk.shows("▲ Reader assembly at car-park: hung. Tick off by hand.")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({}, []),
        ({"online": False}, ["▲ Reader at car-park: gate south is off line. What it counts comes when it is back."]),
        (
            {"clock_trusted": False},
            ["▲ Reader at car-park: its clock is not set, so cards do not count yet. Tick off by hand."],
        ),
        ({"readers": {}}, ["▲ Reader assembly at car-park: ?. Tick off by hand."]),
        ({"muster_readers": {}, "online": False}, []),
    ],
)
def test_why_a_reader_does_not_count(busy: Invented, change: dict[str, object], told: list[str]) -> None:
    (south,) = [one for one in gates(busy.store).gates if one.gate == "south"]
    changed: GateLine = replace(south, **change)  # type: ignore[arg-type]
    words = Words("en", site_of(busy.store, busy.config).zone)
    assert readers_not_counting([changed], words) == told
