"""The plots of a day, against what presence itself says at each of their moments."""

from hypothesis import given
from hypothesis import strategies as st

from hub.curves import MAX_POINTS, Inside, Steps, badges, people_inside, steps
from hub.presence import ENTRY, EXIT, CardKey, ClosingRule, Sighting, fold, standing
from tests.unit.test_hub_presence import HOUR_MS, RULE, oslo

MORNING_MS = oslo("2026-05-05T06:00")
PLOT = Steps(MORNING_MS, HOUR_MS, 12)
NEVER: ClosingRule | None = None


def seen(card: str, way: str, time_ms: int, *, gate: str = "north", seq: int | None = None) -> Sighting:
    return Sighting(time_ms, gate, "aa", time_ms if seq is None else seq, CardKey("hms", card), way)


def test_a_morning() -> None:
    sightings = [
        seen("1", ENTRY, MORNING_MS + HOUR_MS),
        seen("2", ENTRY, MORNING_MS + HOUR_MS + 1),
        seen("1", EXIT, MORNING_MS + 3 * HOUR_MS),
    ]
    found = people_inside(sightings, RULE, PLOT, MORNING_MS + 4 * HOUR_MS + 5)
    assert [one.people for one in found] == [0, 1, 2, 1, 1, 1]
    assert found[-1] == Inside(MORNING_MS + 4 * HOUR_MS + 5, 1)


def test_who_never_checked_out_leaves_the_plot_when_the_rule_says_so() -> None:
    night = Steps(oslo("2026-05-05T20:00"), HOUR_MS, 10)
    late, early = seen("1", ENTRY, oslo("2026-05-05T20:00")), seen("2", ENTRY, oslo("2026-05-05T07:00"))
    found = people_inside([late, early], RULE, night, night.until_ms)
    by_hour = {one.time_ms: one.people for one in found}
    assert by_hour[oslo("2026-05-06T02:00")] == 2
    # 03:00 closes whoever was seen twelve hours before: not the night shift.
    assert by_hour[oslo("2026-05-06T03:00")] == 1
    assert people_inside([early], NEVER, night, night.until_ms)[-1].people == 1


def test_nothing_is_drawn_of_what_has_not_been() -> None:
    assert people_inside([], RULE, PLOT, MORNING_MS - 1) == []
    assert people_inside([], RULE, PLOT, MORNING_MS) == [Inside(MORNING_MS, 0)]
    # A gate whose clock is ahead does not put anybody inside before the time.
    assert people_inside([seen("1", ENTRY, MORNING_MS + 90)], RULE, PLOT, MORNING_MS + 60)[-1].people == 0


_times = st.integers(MORNING_MS - 80 * HOUR_MS, MORNING_MS + 14 * HOUR_MS)
_sightings = st.lists(
    st.builds(
        lambda card, way, time_ms, gate, zone: Sighting(
            time_ms, gate, "aa", time_ms % 7, CardKey("hms", card), way, led_to=zone if way == ENTRY else ""
        ),
        st.sampled_from("123"), st.sampled_from([ENTRY, EXIT]), _times, st.sampled_from(["north", "south"]),
        st.sampled_from([None, "site", "site/tunnel", ""]),
    ),
    max_size=30,
    unique_by=lambda one: one[1:5],
)  # fmt: skip


@given(_sightings, st.sampled_from([RULE, NEVER]), st.integers(MORNING_MS, MORNING_MS + 13 * HOUR_MS))
def test_each_point_is_what_presence_says_of_that_moment(
    sightings: list[Sighting], rule: ClosingRule | None, now_ms: int
) -> None:
    for point in people_inside(sightings, rule, PLOT, now_ms):
        then = fold(one for one in sightings if one.time_ms <= point.time_ms)
        where = [standing(one, point.time_ms, rule) for one in then.values()]
        assert point.people == sum(one.inside for one in where)


@given(_sightings)
def test_the_same_sighting_twice_counts_once(sightings: list[Sighting]) -> None:
    once = people_inside(sightings, RULE, PLOT, PLOT.until_ms)
    assert people_inside([*sightings, *sightings], RULE, PLOT, PLOT.until_ms) == once


@given(st.integers(0, 400 * 24 * HOUR_MS))
def test_a_plot_of_any_length_has_a_bounded_number_of_points(length_ms: int) -> None:
    plot = steps(MORNING_MS, MORNING_MS + length_ms)
    assert 1 <= plot.points <= MAX_POINTS
    assert plot.until_ms >= MORNING_MS + length_ms
    assert plot.until_ms - plot.step_ms < MORNING_MS + max(1, length_ms)
    assert plot.step_ms % 60_000 == 0


def test_a_day_is_in_steps_of_five_minutes() -> None:
    plot = steps(oslo("2026-05-05T00:00"), oslo("2026-05-06T00:00"))
    assert (plot.step_ms, plot.points) == (300_000, 288)


def test_a_minute_without_badges_is_a_point_too() -> None:
    plot = Steps(MORNING_MS, 120_000, 3)
    found = badges({1: (5, 3)}, plot)
    assert [(one.granted, one.refused, one.a_minute) for one in found] == [(0, 0, 0), (5, 3, 4), (0, 0, 0)]
