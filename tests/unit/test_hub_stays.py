"""Stays: neither order nor repetition matters, they say what the roster says, and no hour of theirs is lost."""

from datetime import date, datetime, time, timedelta
from itertools import pairwise
from random import Random
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.presence import CardKey, Certainty, ClosingRule, Sighting, Sure, by_hand, fold, standing
from hub.stays import Stay, by_day, day_begins_ms, length_ms, local_day, stays
from tests.unit.test_hub_presence import HOUR_MS, OSLO, RULE, oslo

CARD, OTHER = CardKey("hms", "5310027"), CardKey("hms", "5310035")
NOW_MS = oslo("2026-06-01T12:00")
EPOCH = "00000000000000aa"
ZONES = [ZoneInfo(name) for name in ("Europe/Oslo", "UTC", "America/Havana", "America/Asuncion", "Pacific/Apia")]
WEEK = st.integers(oslo("2026-05-04T00:00") // 60_000, oslo("2026-05-11T00:00") // 60_000)

sightings = st.builds(
    Sighting,
    time_ms=WEEK.map(lambda minute: minute * 60_000),
    gate=st.sampled_from(["north", "south"]),
    epoch=st.just(EPOCH),
    seq=st.integers(1, 50),
    card=st.sampled_from([CARD, OTHER]),
    direction=st.sampled_from(["entry", "exit"]),
    certainty=st.sampled_from(list(Certainty)),
    led_to=st.sampled_from([None, None, "site", "site/tunnel", ""]),
)
histories = st.lists(sightings, max_size=30, unique_by=lambda one: one[1:4])
rules = st.sampled_from([None, RULE, ClosingRule(time(12), OSLO, HOUR_MS)])


def at(text: str, direction: str, seq: int, **rest: object) -> Sighting:
    return Sighting(oslo(f"2026-05-{text}"), "north", EPOCH, seq, CARD, direction, **rest)  # type: ignore[arg-type]


def spans(*seen: Sighting, rule: ClosingRule | None = RULE) -> list[tuple[int | None, int | None, str]]:
    return [(one.in_ms, one.out_ms, one.sure.value) for one in stays(seen, rule, NOW_MS)]


@given(histories, rules, st.randoms(use_true_random=False))
def test_order_and_repetition_do_not_matter(history: list[Sighting], rule: ClosingRule | None, random: Random) -> None:
    """P3: a backlog that comes late, or twice, makes no other stays."""
    shuffled = history + random.sample(history, len(history) // 2)
    random.shuffle(shuffled)
    assert stays(shuffled, rule, NOW_MS) == stays(history, rule, NOW_MS)


@given(histories, rules, WEEK)
def test_those_are_in_a_stay_who_are_on_the_roster(
    history: list[Sighting], rule: ClosingRule | None, minute: int
) -> None:
    at_ms = minute * 60_000 + 1
    known = fold(one for one in history if one.time_ms <= at_ms).values()
    roster = {one.card for one in known if standing(one, at_ms, rule).inside}
    staying = {
        one.card
        for one in stays(history, rule, NOW_MS)
        if one.in_ms is not None and one.in_ms <= at_ms and (one.out_ms is None or at_ms < one.out_ms)
    }
    assert staying == roster


@given(histories, rules)
def test_stays_of_a_card_follow_each_other(history: list[Sighting], rule: ClosingRule | None) -> None:
    for card in (CARD, OTHER):
        mine = [one for one in stays(history, rule, NOW_MS) if one.card == card]
        for before, after in pairwise(mine):
            assert before.out_ms is not None
            assert before.out_ms <= (after.in_ms if after.in_ms is not None else after.out_ms or 0)


@given(
    st.integers(oslo("2007-01-01T00:00") // 60_000, oslo("2030-01-01T00:00") // 60_000),
    st.integers(0, 40 * 24 * 60),
    st.sampled_from(ZONES),
)
def test_no_hour_of_a_stay_is_lost_and_each_is_in_its_day(minute: int, minutes: int, zone: ZoneInfo) -> None:
    in_ms = minute * 60_000
    stay = Stay(CARD, in_ms, in_ms + minutes * 60_000, "north", "north", Sure.CONFIRMED)
    days = by_day(stay, zone, NOW_MS)
    assert sum(ms for _, ms in days) == length_ms(stay, NOW_MS) == minutes * 60_000
    at_ms = in_ms
    for day, ms in days:
        assert local_day(at_ms, zone) == local_day(at_ms + ms - 1, zone) == day
        at_ms += ms


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-05-04", 24)])
def test_a_day_has_as_many_hours_as_it_has(day: str, hours: int) -> None:
    this = date.fromisoformat(day)
    noon = datetime.combine(this, time(12), OSLO)
    begins, ends = (round((noon + timedelta(days=days)).timestamp() * 1000) for days in (-1, 1))
    stay = Stay(CARD, begins, ends, "north", "north", Sure.CONFIRMED)
    assert dict(by_day(stay, OSLO, NOW_MS))[this] == hours * HOUR_MS
    assert day_begins_ms(this + timedelta(days=1), OSLO) - day_begins_ms(this, OSLO) == hours * HOUR_MS


def test_an_entry_and_an_exit_are_a_stay() -> None:
    seen = (at("04T07:00", "entry", 1), at("04T15:30", "exit", 2))
    assert stays(seen, RULE, NOW_MS) == [
        Stay(CARD, oslo("2026-05-04T07:00"), oslo("2026-05-04T15:30"), "north", "north", Sure.CONFIRMED)
    ]


def test_another_part_of_the_site_is_no_other_stay() -> None:
    seen = (
        at("04T07:00", "entry", 1),
        at("04T08:00", "entry", 2, led_to="site/tunnel"),
        at("04T12:00", "exit", 3, led_to="site"),
        at("04T15:00", "exit", 4),
    )
    assert spans(*seen) == [(oslo("2026-05-04T07:00"), oslo("2026-05-04T15:00"), "confirmed")]


def test_an_exit_without_an_entry_is_kept_and_has_no_length() -> None:
    (stay,) = stays([at("04T15:00", "exit", 1)], RULE, NOW_MS)
    assert stay == Stay(CARD, None, oslo("2026-05-04T15:00"), None, "north", Sure.CONFIRMED)
    assert by_day(stay, OSLO, NOW_MS) == []
    assert length_ms(stay, NOW_MS) == 0


def test_a_forgotten_check_out_is_closed_by_the_rule_and_the_next_entry_is_another_stay() -> None:
    seen = (at("04T07:00", "entry", 1), at("05T07:00", "entry", 2), at("05T15:00", "exit", 3))
    assert spans(*seen) == [
        (oslo("2026-05-04T07:00"), oslo("2026-05-05T03:00"), "closed_by_rule"),
        (oslo("2026-05-05T07:00"), oslo("2026-05-05T15:00"), "confirmed"),
    ]
    # Where nothing is ever closed it is one, as on the roster.
    assert spans(*seen, rule=None) == [(oslo("2026-05-04T07:00"), oslo("2026-05-05T15:00"), "confirmed")]


def test_an_exit_after_the_rules_hour_makes_no_stay_of_33_hours() -> None:
    assert spans(at("04T07:00", "entry", 1), at("05T16:00", "exit", 2)) == [
        (oslo("2026-05-04T07:00"), oslo("2026-05-05T03:00"), "closed_by_rule"),
        (None, oslo("2026-05-05T16:00"), "confirmed"),
    ]


def test_the_rule_goes_by_when_somebody_was_seen_last() -> None:
    seen = (at("04T07:00", "entry", 1), at("04T22:00", "entry", 2, led_to="site/tunnel"))
    assert spans(*seen) == [(oslo("2026-05-04T07:00"), oslo("2026-05-06T03:00"), "closed_by_rule")]


def test_who_is_still_inside_has_hours_up_to_now() -> None:
    came_ms = NOW_MS - 3 * HOUR_MS
    (stay,) = stays([Sighting(came_ms, "north", EPOCH, 1, CARD, "entry")], RULE, NOW_MS)
    assert stay.lasts
    assert by_day(stay, OSLO, NOW_MS) == [(date(2026, 6, 1), 3 * HOUR_MS)]
    # A gate whose clock runs ahead gives no negative hours.
    assert by_day(stay, OSLO, came_ms - 1) == []


def test_a_stay_is_as_sure_as_its_less_sure_end() -> None:
    doubtful = at("04T07:00", "entry", 1, certainty=Certainty.CLOCK_UNTRUSTED)
    word = by_hand(CARD, "exit", oslo("2026-05-04T15:00"), 1)
    assert spans(doubtful, word)[0][2] == "assumed"
    (stay,) = stays([at("04T07:00", "entry", 1, certainty=Certainty.CLOCK_CORRECTED), word], RULE, NOW_MS)
    assert (stay.sure, stay.out_gate, stay.guessed) == (Sure.MANUAL, "@office", False)
    (forgotten,) = stays([doubtful], RULE, NOW_MS)
    assert (forgotten.sure, forgotten.out_gate, forgotten.guessed) == (Sure.CLOSED_BY_RULE, None, True)
