"""What a gate knows of the whole site: who is where, how many, and whether it is alone."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.alarms import Alarms
from gate.crowd import Crowding
from gate.model import CardId, LastPassage, Moment
from gate.rules import EVERYBODY, Occupancy
from gate.site import HOUR_MS, KEEP_INSIDE_MS, KEEP_OUTSIDE_MS, Seen, SitePicture, latest
from gate.zones import OUTSIDE, SITE, all_around, around, within

TUNNEL, SHAFT = "site/tunnel", "site/tunnel/shaft"
INGRID, OLA = CardId("hms", "01234560"), CardId("hms", "01234561")
NOW_MS = 1_781_500_000_000
NOW = Moment("boot-1", 1, NOW_MS, trusted=True)

zones = st.sampled_from([OUTSIDE, SITE, TUNNEL, SHAFT])
sightings = st.tuples(
    st.builds(CardId, st.just("hms"), st.sampled_from("123")),
    st.builds(Seen, st.integers(0, 5), zones, st.sampled_from([(), ("warden",), ("warden", "crane")])),
)


def test_zones_lie_in_one_another() -> None:
    assert list(all_around(SHAFT)) == [SHAFT, TUNNEL, SITE]
    assert list(all_around(OUTSIDE)) == []
    assert around(SITE) == OUTSIDE
    assert within(SHAFT, SITE)
    assert within(TUNNEL, TUNNEL)
    assert not within(SITE, TUNNEL)
    assert not within("site/tunnel-2", TUNNEL)
    assert not within(OUTSIDE, SITE)


@given(st.lists(sightings), st.randoms(use_true_random=False))
def test_the_order_in_which_the_hub_tells_does_not_matter(told: list[tuple[CardId, Seen]], chance: object) -> None:
    """Of two at the same millisecond the one that came last holds, so those are left out."""
    once = {(card, seen.wall_ms): (card, seen) for card, seen in told}
    straight, shuffled = SitePicture(), SitePicture()
    straight.told(once.values())
    again = [*once.values(), *once.values()]
    chance.shuffle(again)  # type: ignore[attr-defined]
    for one in again:
        shuffled.told([one])
    assert dict(straight.crowd) == dict(shuffled.crowd)
    cards = {card for card, _ in once.values()}
    assert {card: straight.last_passage(card) for card in cards} == {
        card: shuffled.last_passage(card) for card in cards
    }


@given(st.lists(st.tuples(st.booleans(), sightings)))
def test_the_counts_are_those_of_the_cards(steps: list[tuple[bool, tuple[CardId, Seen]]]) -> None:
    picture = SitePicture()
    for own, (card, seen) in steps:
        if own:
            picture.saw(card, seen)
        else:
            picture.told([(card, seen)])
    counted: Counter[tuple[str, str]] = Counter()
    for seen in picture._seen.values():
        counted.update((zone, group) for zone in all_around(seen.zone) for group in (EVERYBODY, *seen.groups))
    assert dict(picture.crowd) == dict(counted)


def test_what_the_gate_saw_itself_counts_although_its_clock_is_slow() -> None:
    picture = SitePicture()
    picture.told([(INGRID, Seen(NOW_MS, OUTSIDE))])
    picture.saw(INGRID, Seen(0, SITE))
    assert picture.last_passage(INGRID) == LastPassage(SITE, 0)
    picture.told([(INGRID, Seen(NOW_MS + 1, OUTSIDE))])
    assert picture.crowd.get((SITE, EVERYBODY), 0) == 0


@pytest.mark.parametrize(
    ("recorded_ms", "told_ms", "trusted", "zone"),
    [
        (NOW_MS - 2, NOW_MS - 1, True, OUTSIDE),
        (NOW_MS - 1, NOW_MS - 2, True, SITE),
        (NOW_MS - 1, NOW_MS - 1, True, SITE),
        (NOW_MS + 1, NOW_MS - 9, True, OUTSIDE),  # by a clock that ran ahead and has been set since
        (NOW_MS + 1, NOW_MS - 9, False, SITE),
    ],
)
def test_p10_the_later_of_two_holds_unless_it_lies_in_the_future(
    recorded_ms: int, told_ms: int, trusted: bool, zone: str
) -> None:
    recorded, told = LastPassage(SITE, recorded_ms), LastPassage(OUTSIDE, told_ms)
    now = Moment("boot-1", 1, NOW_MS, trusted)
    found = latest(recorded, told, now)
    assert found is not None
    assert found.zone == zone
    assert latest(recorded, None, now) == recorded
    assert latest(None, told, now) == told
    assert latest(None, None, now) is None


def test_a_gate_is_alone_until_it_hears_and_after_two_and_a_half_heartbeats() -> None:
    picture = SitePicture()
    assert picture.alone(0)
    picture.heard(60_000, monotonic_ms=1_000)
    assert not picture.alone(1_000 + 149_999)
    assert picture.alone(1_000 + 150_000)


def test_p12_who_left_long_ago_is_forgotten_and_who_is_inside_later() -> None:
    picture = SitePicture()
    picture.told([(INGRID, Seen(NOW_MS, OUTSIDE)), (OLA, Seen(NOW_MS, SITE))])
    picture.forget(NOW_MS + KEEP_OUTSIDE_MS)
    assert len(picture) == 2
    picture.forget(NOW_MS + KEEP_OUTSIDE_MS + HOUR_MS)
    assert picture.last_passage(INGRID) is None
    assert len(picture) == 1
    picture.forget(NOW_MS + KEEP_INSIDE_MS + HOUR_MS)
    assert len(picture) == 0
    assert not picture.crowd


@pytest.mark.parametrize("warn_at", [None, 10])
def test_a_crowded_zone_is_one_alarm_that_ends_well_below_its_level(warn_at: int | None) -> None:
    alarms = Alarms()
    crowding = Crowding([Occupancy(12, warn_at=warn_at)], alarms)
    told = []
    for inside in (9, 10, 9, 10, 12, 9, 8, 9, 10):
        told += [event.kind for event in crowding.look({(SITE, EVERYBODY): inside}, NOW)]
    assert told == ([] if warn_at is None else ["alarm.raised", "alarm.cleared", "alarm.raised"])
    assert ("crowded.site" in alarms) is (warn_at is not None)
