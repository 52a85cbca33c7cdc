"""P12: what must go, and when."""

from datetime import date
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.retention import DAY_MS, Gone, Limits, due, list_kept_until, months_later, together
from tests.unit.test_hub_presence import oslo

LIMITS = Limits(90, 365, date(2026, 8, 31), ZoneInfo("Europe/Oslo"))


@pytest.mark.parametrize(
    ("day", "later"),
    [
        (date(2026, 8, 31), date(2027, 2, 28)),
        (date(2027, 8, 31), date(2028, 2, 29)),
        (date(2026, 6, 30), date(2026, 12, 30)),
        (date(2026, 7, 1), date(2027, 1, 1)),
    ],
)
def test_six_months_end_on_the_same_day_or_the_last_one(day: date, later: date) -> None:
    assert months_later(day, 6) == later


@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)), st.integers(0, 40))
def test_months_are_added_in_any_steps_but_for_the_ends_of_months(day: date, months: int) -> None:
    later = months_later(day, months)
    assert (later.year * 12 + later.month) - (day.year * 12 + day.month) == months
    assert later.day <= day.day


@pytest.mark.parametrize(
    ("now", "goes"),
    [
        ("2027-02-28T23:59", False),
        # Midnight is that of the site.
        ("2027-03-01T00:00", True),
    ],
)
def test_the_list_of_paragraph_15_goes_the_day_after_six_months(now: str, goes: bool) -> None:
    assert ("crew" in {one.what for one in due(LIMITS, oslo(now), None)}) is goes


def test_the_list_stays_while_the_work_goes_on() -> None:
    now_ms = oslo("2030-01-01T12:00")
    assert list_kept_until(LIMITS._replace(work_ended=None), None) is None
    # Somebody went in last week: a forgotten or mistyped setting deletes no running site.
    assert list_kept_until(LIMITS, now_ms - 7 * DAY_MS) == date(2030, 6, 25)
    assert {one.what for one in due(LIMITS, now_ms, now_ms - 7 * DAY_MS)} == {"passages", "musters"}
    assert list_kept_until(LIMITS, oslo("2026-08-01T12:00")) == date(2027, 2, 28)


def test_passages_and_musters_have_clocks_of_their_own() -> None:
    now_ms = oslo("2026-05-05T12:00")
    before = {one.what: now_ms - one.before_ms for one in due(LIMITS, now_ms, None)}
    assert before == {"passages": 90 * DAY_MS, "musters": 365 * DAY_MS}


def test_what_went_is_added_up() -> None:
    one, other = Gone({"a": 1, "none": 0}, 5, 9), Gone({"a": 2, "b": 1}, None, None)
    assert together(one, other) == ({"a": 3, "b": 1}, 5, 9)
    assert together(one, other).total == 4
