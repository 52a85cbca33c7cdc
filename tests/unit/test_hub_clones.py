"""Signs of a card that exists twice, from the whole site."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.clones import Sign, suspicions
from hub.presence import CardKey, Certainty, Sighting

CARD = CardKey("hms", "12345678")
EPOCHS = {"north": "00000000000000aa", "south": "00000000000000bb"}
WALK_MS = 20_000


def seen(gate: str, time_ms: int, uid: str | None = "04aa", certainty: Certainty = Certainty.CERTAIN) -> Sighting:
    return Sighting(time_ms, gate, EPOCHS[gate], time_ms, CARD, "entry", "main", certainty, uid)


def signs(before: Sighting, after: Sighting) -> list[Sign]:
    return [one.sign for one in suspicions({CARD: before}, [after], WALK_MS)]


@pytest.mark.parametrize(
    ("after", "found"),
    [
        (seen("south", 100_000), []),
        (seen("south", 20_000), []),
        (seen("south", 19_999), [Sign.TOO_FAST]),
        (seen("north", 1_000), []),  # the same gate: out and in again
        (seen("south", 19_999, certainty=Certainty.CLOCK_UNTRUSTED), []),
        (seen("south", 100_000, "04bb"), [Sign.ANOTHER_CHIP]),
        (seen("north", 100_000, "04bb"), []),  # its own gate tells of that
        (seen("south", 100_000, None), []),
        (seen("south", 1_000, "04bb"), [Sign.ANOTHER_CHIP, Sign.TOO_FAST]),
    ],
)
def test_two_sightings(after: Sighting, found: list[Sign]) -> None:
    assert signs(seen("north", 0), after) == found


def test_a_stripe_between_two_chips_hides_nothing() -> None:
    found = suspicions({}, [seen("north", 0), seen("south", 100_000, None), seen("north", 200_000),
                            seen("south", 300_000, "04bb")], WALK_MS)  # fmt: skip
    assert [one.sign for one in found] == [Sign.ANOTHER_CHIP]


def test_what_came_late_from_before_the_last_sighting_is_not_compared_with_it() -> None:
    assert suspicions({CARD: seen("north", 50_000)}, [seen("south", 49_000, "04bb")], WALK_MS) == []


sightings = st.lists(
    st.builds(
        seen, st.sampled_from(["north", "south"]), st.integers(0, 200_000), st.sampled_from(["04aa", "04bb", None])
    ),
    max_size=8,
)


@given(sightings, st.randoms())
def test_p3_order_and_repetition_within_a_batch_change_nothing(found: list[Sighting], random: object) -> None:
    mixed = [*found, *found[:3]]
    random.shuffle(mixed)  # type: ignore[attr-defined]
    assert suspicions({}, mixed, WALK_MS) == suspicions({}, found, WALK_MS)
