"""The day in plots and in words: the same numbers as the roster and the events have."""

from datetime import date
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select

from hub.console.screens.day import bar, day_curves
from hub.console.site import site_of
from hub.daily import day_of
from hub.queries import roster
from hub.store import schema
from tests.console.conftest import SMALL, USUAL, WIDE, Invented, StillClock, app_of, sitting

DAY_MS = 86_400_000


def test_the_curve_ends_where_the_roster_is_and_badges_add_up(busy: Invented) -> None:
    curves = day_curves(site_of(busy.store, busy.config, busy.clock), date(2026, 5, 5))
    assert curves.inside[-1].people == len(roster(busy.store))
    with busy.store.reading() as connection:
        counted = select(schema.events.c.kind, func.count()).group_by(schema.events.c.kind)
        kinds = {row[0]: row[1] for row in connection.execute(counted)}
    assert sum(one.granted for one in curves.badges) == kinds["badge.granted"]
    refused = sum(one.refused for one in curves.badges)
    assert refused == kinds["badge.refused"] == sum(count for _, count in curves.reasons)
    # From the hour on in which somebody came: nobody looks at an empty night.
    assert curves.inside[0].time_ms == curves.badges[0].time_ms
    assert curves.inside[0].time_ms % 3_600_000 == 0


@pytest.mark.parametrize("size", [WIDE, USUAL, SMALL], ids=["wide", "usual", "small"])
async def test_the_numbers_stand_there_in_words(busy: Invented, size: tuple[int, int]) -> None:
    async with sitting(app_of(busy), size) as desk:
        await desk.press("+")
        await desk.shows("2026-05-05 · 184 let through, 25", "150 on site at 06:55", "busiest at", "06:20")
        assert len(desk.text.split("\n")) == size[1]
        if size != SMALL:
            await desk.shows("Refused because", "company not approved", "█")
        await desk.press("f2")
        await desk.shows("Inne gjennom dagen")


async def test_another_day_is_looked_at_and_left_again(busy: Invented) -> None:
    assert isinstance(busy.clock, StillClock)
    busy.clock.at_ms += DAY_MS
    async with sitting(app_of(busy), WIDE) as desk:
        await desk.press("+")
        await desk.shows("2026-05-06 · 0 let through, 0 refused")
        await desk.press("b")
        await desk.shows("2026-05-05 · 184 let through, 25 refused (12 %)", "n later", "t today")
        await desk.press("b")
        await desk.shows("2026-05-04 · 0 let through")
        await desk.press("t")
        await desk.shows("2026-05-06 ·")


async def test_a_new_badge_moves_the_numbers(living: Invented) -> None:
    async with sitting(app_of(living), WIDE) as desk:
        await desk.press("+")
        await desk.shows("let through")
        before = desk.text.split("\n")[2]
        await desk.until("another number", lambda: desk.text.split("\n")[2] != before)


def test_a_bar_is_as_long_as_its_number() -> None:
    assert [bar(n, 24) for n in (0, 1, 12)] == ["", "█", "█" * 12]
    assert bar(1, 48) == "▌"
    assert bar(7, 7) == "█" * 24


def test_a_day_that_has_hardly_begun_can_be_shown(empty: Invented) -> None:
    assert isinstance(empty.clock, StillClock)
    midnight = date(2026, 5, 5)
    site = site_of(empty.store, empty.config, empty.clock)
    empty.clock.at_ms = day_of(midnight, ZoneInfo("Europe/Oslo")).from_ms
    curves = day_curves(site, midnight)
    assert [one.people for one in curves.inside] in ([0], [])
