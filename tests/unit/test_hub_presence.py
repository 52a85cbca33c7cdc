"""Who is inside: the fold must not care about order, repetition, or how the events were cut into batches."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from hub.presence import CardKey, Certainty, Sighting, fold, inside

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
