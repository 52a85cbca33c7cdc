"""Opening hours, entering twice, rest, and how old a list may be: on the clock at the site."""

from dataclasses import replace
from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.decide import HOUR_MS, Circumstances, Rules, decide
from gate.model import (
    CardContents,
    CardHistory,
    CardId,
    CardReading,
    Direction,
    LastChip,
    LastPassage,
    ListState,
    Medium,
    Moment,
    Permit,
    Reason,
)
from gate.rules import DAY_MS, Action, ListPolicy, OpeningHours, Passback, Rest, is_open
from gate.zones import OUTSIDE, SITE

TUNNEL = "site/tunnel"
OSLO = ZoneInfo("Europe/Oslo")
WEEKDAYS = frozenset(range(5))
ENTRY, EXIT = Direction.ENTRY, Direction.EXIT


def ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def oslo(year: int, month: int, day: int, hour: int, minute: int = 0, *, fold: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=OSLO, fold=fold)


# --- opening hours ------------------------------------------------------------------------------------------

DAY_SHIFT = OpeningHours(WEEKDAYS, time(5, 30), time(19))
NIGHT_SHIFT = OpeningHours(frozenset({4}), time(22), time(6))


@pytest.mark.parametrize(
    ("hours", "at", "open_"),
    [
        (DAY_SHIFT, oslo(2026, 6, 15, 5, 29), False),  # a Monday
        (DAY_SHIFT, oslo(2026, 6, 15, 5, 30), True),
        (DAY_SHIFT, oslo(2026, 6, 15, 18, 59), True),
        (DAY_SHIFT, oslo(2026, 6, 15, 19, 0), False),
        (DAY_SHIFT, oslo(2026, 6, 14, 12), False),  # a Sunday
        (NIGHT_SHIFT, oslo(2026, 6, 19, 21, 59), False),  # a Friday
        (NIGHT_SHIFT, oslo(2026, 6, 19, 23), True),
        (NIGHT_SHIFT, oslo(2026, 6, 20, 5, 59), True),
        (NIGHT_SHIFT, oslo(2026, 6, 20, 6), False),
        (NIGHT_SHIFT, oslo(2026, 6, 20, 23), False),
    ],
)
def test_a_stretch_of_hours_over_midnight_too(hours: OpeningHours, at: datetime, open_: bool) -> None:
    assert is_open((hours,), "main", (), at) is open_


@pytest.mark.parametrize(
    ("at", "open_"),
    [
        # The clocks go forward at 02:00 and back at 03:00; 02:30 comes never, and twice.
        (datetime(2026, 3, 29, 0, 59, tzinfo=UTC), True),
        (datetime(2026, 3, 29, 1, 0, tzinfo=UTC), False),
        (datetime(2026, 10, 25, 0, 59, tzinfo=UTC), True),
        (datetime(2026, 10, 25, 1, 0, tzinfo=UTC), True),
        (datetime(2026, 10, 25, 2, 0, tzinfo=UTC), False),
    ],
)
def test_hours_are_those_of_the_clock_on_the_wall_when_it_changes(at: datetime, open_: bool) -> None:
    night = OpeningHours(frozenset({5}), time(20), time(3))
    assert is_open((night,), "main", (), at.astimezone(OSLO)) is open_


def test_a_lane_that_no_hours_speak_of_is_open() -> None:
    yard = replace(DAY_SHIFT, lanes=frozenset({"yard"}))
    sunday = oslo(2026, 6, 14, 12)
    assert is_open((yard,), "main", (), sunday)
    assert not is_open((yard,), "yard", (), sunday)
    assert is_open((), "yard", (), sunday)


# --- entering twice -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "since_ms", "applies"),
    [
        (Passback(), 10 * HOUR_MS, True),
        (Passback(for_ms=2 * HOUR_MS), 2 * HOUR_MS, True),
        (Passback(for_ms=2 * HOUR_MS), 2 * HOUR_MS + 1, False),
        (Passback(grace_ms=60_000), 59_999, False),
        (Passback(grace_ms=60_000), 60_000, True),
        (Passback(), -1, True),
    ],
)
def test_an_entry_without_an_exit_between(rule: Passback, since_ms: int, applies: bool) -> None:
    now = ms(oslo(2026, 6, 15, 12))
    assert rule.applies(LastPassage(SITE, now - since_ms), SITE, now, OSLO) is applies
    assert not rule.applies(LastPassage(OUTSIDE, now - since_ms), SITE, now, OSLO)
    assert not rule.applies(None, SITE, now, OSLO)


@pytest.mark.parametrize(
    ("entered", "now", "applies"),
    [
        (oslo(2026, 6, 15, 7), oslo(2026, 6, 15, 23), True),
        (oslo(2026, 6, 15, 7), oslo(2026, 6, 16, 2, 59), True),
        (oslo(2026, 6, 15, 7), oslo(2026, 6, 16, 3), False),
        (oslo(2026, 6, 15, 2), oslo(2026, 6, 15, 3), False),
        (oslo(2026, 6, 15, 3), oslo(2026, 6, 16, 2), True),
        # The night with 23 hours.
        (oslo(2026, 3, 28, 20), oslo(2026, 3, 29, 3), False),
    ],
)
def test_entries_are_forgotten_at_the_reset(entered: datetime, now: datetime, applies: bool) -> None:
    rule = Passback(reset=time(3))
    assert rule.applies(LastPassage(SITE, ms(entered)), SITE, ms(now), OSLO) is applies


# --- rest -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("out_ms", "short"),
    [(1, False), (3 * HOUR_MS - 1, False), (3 * HOUR_MS, True), (11 * HOUR_MS - 1, True), (11 * HOUR_MS, False)],
)
def test_a_break_is_no_rest_and_rest_is_long_enough(out_ms: int, short: bool) -> None:
    now = ms(oslo(2026, 6, 15, 6))
    assert Rest().is_short(LastPassage(OUTSIDE, now - out_ms), now) is short
    assert not Rest().is_short(LastPassage(SITE, now - out_ms), now)


# --- the age of the list --------------------------------------------------------------------------------------------

CARD = CardId("hms", "01234567")
NOW = Moment("boot-1", 1, ms(oslo(2026, 6, 15, 7)), trusted=True)
KNOWN = CardHistory(last_chip=LastChip(b"\x04\x01", NOW.wall_ms - DAY_MS))
LONG_AGO = CardHistory(LastPassage(OUTSIDE, NOW.wall_ms - 15 * DAY_MS))


def admitted(age_ms: int, rules: Rules, history: CardHistory, direction: Direction = ENTRY) -> bool:
    held = ListState(1, 1, "d", NOW.wall_ms - age_ms, NOW.wall_ms + DAY_MS)
    at = Circumstances(direction, NOW, held, history)
    answer = decide(CardReading("r", Medium.CHIP, CardContents(CARD)), Permit(CARD), at, rules)
    assert answer.reason in (Reason.GRANTED, Reason.LIST_STALE)
    return answer.admitted


@pytest.mark.parametrize("policy", ListPolicy)
@pytest.mark.parametrize(("history", "known"), [(KNOWN, True), (LONG_AGO, False), (CardHistory(), False)])
def test_p5_a_list_ages_in_grades(policy: ListPolicy, history: CardHistory, known: bool) -> None:
    rules = Rules(OSLO, ageing_list=policy, stale_list=ListPolicy.NOBODY)
    expected = {ListPolicy.EVERYBODY: True, ListPolicy.SEEN_HERE: known, ListPolicy.NOBODY: False}[policy]
    assert admitted(24 * HOUR_MS, rules, history), "fresh"
    assert admitted(24 * HOUR_MS + 1, rules, history) is expected, "ageing"
    assert not admitted(72 * HOUR_MS + 1, rules, history), "stale"
    stale = replace(rules, stale_list=policy)
    assert admitted(72 * HOUR_MS + 1, stale, history) is expected
    assert admitted(99 * DAY_MS, rules, history, EXIT), "nobody is kept in"


@given(st.integers(-(10**18), 10**18), st.integers(-(10**18), 10**18), st.sampled_from((SITE, TUNNEL, OUTSIDE)))
def test_p9_no_time_whatever_stops_a_rule(wall_ms: int, last_ms: int, zone: str) -> None:
    last = LastPassage(zone, last_ms)
    for rule in (Passback(Action.REFUSE, 1000, 10, time(3)), Passback(reset=time(0))):
        assert rule.applies(last, SITE, wall_ms, OSLO) in (True, False)
    assert Rest(Action.REFUSE).is_short(last, wall_ms) in (True, False)
