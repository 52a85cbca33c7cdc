"""Who is inside: the fold must not care about order, repetition, or how the events were cut into batches."""

from collections.abc import Collection
from datetime import datetime, time
from random import Random
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.presence import CardKey, Certainty, ClosingRule, Sighting, as_of, by_hand, fold, inside, standing

HOUR_MS = 3_600_000

CARDS = [CardKey("hms", number) for number in ("5310027", "5310035", "0310118")]

sightings = st.builds(
    Sighting,
    time_ms=st.integers(0, 5),
    gate=st.sampled_from(["north", "south"]),
    epoch=st.sampled_from(["00000000000000aa", "00000000000000bb"]),
    seq=st.integers(1, 5),
    card=st.sampled_from(CARDS),
    direction=st.sampled_from(["entry", "exit"]),
)
# A record's place is its identity: two records in one place are the same record.
histories = st.lists(sightings, max_size=30, unique_by=lambda sighting: sighting[1:4])


@given(histories, st.randoms(use_true_random=False))
def test_order_does_not_matter(history: list[Sighting], random: Random) -> None:
    """Backlogs of several gates may arrive in any order."""
    shuffled = list(history)
    random.shuffle(shuffled)
    assert fold(shuffled) == fold(history)


@given(histories, histories)
def test_repetition_and_batches_do_not_matter(first: list[Sighting], second: list[Sighting]) -> None:
    """P3: folding again what was folded before changes nothing, nor does cutting the history in two."""
    once = fold(second, fold(first))
    assert fold(first, once) == once
    assert fold(second, once) == once
    assert fold([*first, *second]) == once


def test_the_latest_passage_decides() -> None:
    """An exit that arrives before the earlier entry still stands."""
    entry = Sighting(1000, "north", "00000000000000aa", 1, CARDS[0], "entry")
    left = Sighting(2000, "south", "00000000000000bb", 9, CARDS[0], "exit")
    assert inside(fold([left, entry])) == []
    assert inside(fold([entry])) == [entry]


def test_those_inside_come_longest_first() -> None:
    """The roster begins with whoever has been inside longest, and keeps how sure it is."""
    late = Sighting(2000, "north", "00000000000000aa", 2, CARDS[0], "entry", "main", Certainty.CLOCK_UNTRUSTED)
    early = Sighting(1000, "north", "00000000000000aa", 1, CARDS[1], "entry")
    assert inside(fold([late, early])) == [early, late]
    assert [sighting.certainty for sighting in inside(fold([late, early]))] == ["certain", "clock_untrusted"]


OSLO = ZoneInfo("Europe/Oslo")
RULE = ClosingRule(time(3), OSLO, 12 * HOUR_MS)


def oslo(text: str) -> int:
    """Unix milliseconds of a moment by the clocks in Oslo."""
    moment = datetime.fromisoformat(text)
    return round((moment if moment.tzinfo else moment.replace(tzinfo=OSLO)).timestamp() * 1000)


@pytest.mark.parametrize(
    ("came_in", "closes"),
    [
        ("2026-05-04T07:00", "2026-05-05T03:00"),
        ("2026-05-04T15:00", "2026-05-05T03:00"),
        # A night shift is not sent home in the middle of its work.
        ("2026-05-04T15:01", "2026-05-06T03:00"),
        ("2026-05-04T18:00", "2026-05-06T03:00"),
        # The clocks went forward on 29 March, and back on 25 October: twelve hours are twelve hours.
        ("2026-03-28T14:00", "2026-03-29T03:00+02:00"),
        ("2026-03-28T14:01", "2026-03-30T03:00+02:00"),
        ("2026-10-24T16:00", "2026-10-25T03:00+01:00"),
        ("2026-10-24T16:01", "2026-10-26T03:00+01:00"),
    ],
)
def test_a_forgotten_check_out_is_closed_at_the_hour_by_the_clocks_of_the_site(came_in: str, closes: str) -> None:
    assert RULE.closes_ms(oslo(came_in)) == oslo(closes)


@pytest.mark.parametrize(
    ("at", "came_in", "closes"),
    [
        # 02:30 was skipped that night: it is closed as long after midnight as on other days, at 03:30 summer time.
        (time(2, 30), "2026-03-28T07:00", "2026-03-29T03:30+02:00"),
        # 02:30 came twice: the first of the two.
        (time(2, 30), "2026-10-24T07:00", "2026-10-25T02:30+02:00"),
    ],
)
def test_an_hour_that_is_skipped_or_comes_twice(at: time, came_in: str, closes: str) -> None:
    assert RULE._replace(at=at).closes_ms(oslo(came_in)) == oslo(closes)


@given(st.integers(1_577_836_800_000, 2_051_222_400_000), st.times(), st.integers(1, 40))
def test_the_closing_comes_after_the_time_that_is_set_and_within_a_day_of_it(since_ms: int, hour: time, h: int) -> None:
    rule = ClosingRule(hour.replace(fold=0), OSLO, h * HOUR_MS)
    waited_ms = rule.closes_ms(since_ms) - since_ms
    # A day on which the clocks go back has 25 hours.
    assert h * HOUR_MS - 1 <= waited_ms <= (h + 25) * HOUR_MS


def test_how_sure_it_is_where_somebody_is() -> None:
    came_in = Sighting(oslo("2026-05-04T07:00"), "north", "00000000000000aa", 1, CARDS[0], "entry")
    said = by_hand(CARDS[0], "entry", came_in.time_ms, 1)
    doubted = came_in._replace(certainty=Certainty.CLOCK_UNTRUSTED)
    evening, morning = oslo("2026-05-04T20:00"), oslo("2026-05-05T06:00")
    assert [standing(one, evening, RULE).sure for one in (came_in, said, doubted)] == ["confirmed", "manual", "assumed"]
    closed = standing(came_in, morning, RULE)
    assert (closed.inside, closed.sure, closed.since_ms) == (False, "closed_by_rule", oslo("2026-05-05T03:00"))
    assert standing(came_in, morning, None).inside
    left = Sighting(oslo("2026-05-04T15:00"), "north", "00000000000000aa", 2, CARDS[0], "exit")
    # Told a day late: it is the later sighting, and nothing was ever forgotten.
    assert standing(fold([came_in, left])[CARDS[0]], morning, RULE) == (left, "", left.time_ms, "confirmed")


@given(histories, st.integers(-1, 6))
def test_the_presence_of_a_moment_is_that_of_its_passages(history: list[Sighting], then_ms: int) -> None:
    def all_of(cards: Collection[CardKey]) -> list[Sighting]:
        return [one for one in history if one.card in cards]

    now = fold(history)
    assert as_of(now.values(), all_of, then_ms) == fold(one for one in history if one.time_ms <= then_ms)
    assert as_of(now.values(), all_of, 6) == now
