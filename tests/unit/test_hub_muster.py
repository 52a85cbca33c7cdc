"""The roll call of an evacuation: nobody disappears from it silently (P6)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.muster import NOTHING_NEW, UNACCOUNTED, Evacuation, Frozen, MusterCheck, Outcome, frozen, hold, roll_call
from hub.presence import CardKey, Certainty, Sighting, Sure, fold
from tests.sim.memory_store import MemoryStore
from tests.unit.test_hub_presence import CARDS, HOUR_MS, RULE, histories, oslo

FIRE_MS = oslo("2026-05-05T10:00")
CARD = CARDS[0]


def seen(at: str, direction: str, certainty: Certainty = Certainty.CERTAIN, card: CardKey = CARD) -> Sighting:
    return Sighting(oslo(at), "north", "00000000000000aa", oslo(at) // 1000, card, direction, "main", certainty)


IN = seen("2026-05-05T07:00", "entry")
PLACE = Frozen(CARD, "site", IN.time_ms, "north", "main", Sure.CONFIRMED)
BY_APP = Frozen(CARD, "site", oslo("2026-05-05T09:00"), "@app", None, Sure.REPORTED)
CHECK = MusterCheck(CARD, seen=True, at_ms=FIRE_MS + 300_000, said_by="Warden")


def outcome(
    then: list[Frozen], now: list[Sighting], after: list[Sighting], checks: list[MusterCheck]
) -> Outcome | None:
    presence = fold(now)
    called = roll_call(then, presence, frozen(presence, FIRE_MS, RULE), after, checks)
    return called[0].outcome if called else None


@pytest.mark.parametrize(
    ("then", "now", "after", "checks", "expected"),
    [
        ([PLACE], [IN], [], [], "missing"),
        ([PLACE], [IN], [], [CHECK], "seen_outside"),
        ([PLACE], [IN], [], [CHECK, CHECK._replace(seen=False)], "missing"),
        ([PLACE], [IN], [seen("2026-05-05T10:03", "exit")], [], "went_out"),
        # A gate whose clock was not set may mean a leaving of last week.
        ([PLACE], [IN], [seen("2026-05-05T10:03", "exit", Certainty.CLOCK_UNTRUSTED)], [], "missing"),
        ([PLACE], [IN], [seen("2026-05-05T10:03", "exit"), seen("2026-05-05T10:04", "entry")], [], "missing"),
        # Seen outside, and then he went in again to look for somebody.
        ([PLACE], [IN], [seen("2026-05-05T10:09", "entry")], [CHECK], "missing"),
        # What is known later takes nobody off; it stands beside the name.
        ([PLACE], [IN, seen("2026-05-05T09:59", "exit")], [], [], "left_before"),
        ([PLACE], [IN, seen("2026-05-05T09:59", "exit", Certainty.CLOCK_UNTRUSTED)], [], [], "missing"),
        # Checked in by an app, which takes it back: the gate's exit from before says nothing of where they are.
        ([BY_APP], [seen("2026-05-05T08:00", "exit")], [], [], "missing"),
        ([BY_APP], [], [], [], "missing"),
        ([BY_APP], [seen("2026-05-05T09:30", "exit")], [], [], "left_before"),
        ([], [IN], [], [], "missing"),
        ([], [], [seen("2026-05-05T10:03", "entry")], [], "came_in"),
        ([], [], [seen("2026-05-05T10:03", "entry"), seen("2026-05-05T10:05", "exit")], [], "went_out"),
        ([], [seen("2026-05-05T07:30", "exit")], [], [], None),
        ([], [], [seen("2026-05-05T10:05", "exit")], [], None),
    ],
)
def test_what_is_known_of_somebody(
    then: list[Frozen], now: list[Sighting], after: list[Sighting], checks: list[MusterCheck], expected: str | None
) -> None:
    assert outcome(then, now, after, checks) == expected


@pytest.mark.parametrize(
    ("last", "listed"),
    [
        (seen("2026-05-05T07:00", "entry"), "missing"),
        (seen("2026-05-04T07:00", "entry"), "may_be_inside"),
        # Closed by rule at 03:00 on the 4th: more than a day ago.
        (seen("2026-05-03T07:00", "entry"), None),
        (seen("2026-05-04T16:00", "exit"), None),
        (seen("2026-05-04T16:00", "exit", Certainty.CLOCK_UNTRUSTED), "may_be_inside"),
        (seen("2026-05-04T16:00", "exit", Certainty.MANUAL), None),
    ],
)
def test_a_check_out_that_was_only_assumed_takes_nobody_off(last: Sighting, listed: str | None) -> None:
    people = frozen({CARD: last}, FIRE_MS, RULE)
    assert outcome(people, [last], [], []) == listed


checks = st.lists(
    st.builds(MusterCheck, st.sampled_from(CARDS), st.booleans(), st.integers(0, 9), st.just("Warden")), max_size=5
)


@given(histories, histories, histories, checks)
def test_p6_whoever_was_frozen_is_on_the_roll_call_whatever_comes_to_be_known(
    then: list[Sighting], now: list[Sighting], after: list[Sighting], said: list[MusterCheck]
) -> None:
    was = frozen(fold(then), 6, None)
    presence = fold(now)
    called = roll_call(was, presence, frozen(presence, 6, None), after, said)
    named = [one.card for one in called]
    assert len(named) == len(set(named))
    assert {one.card for one in was} <= set(named)
    assert {one.card for one in frozen(presence, 6, None)} <= set(named)
    for one in called:
        if one.outcome not in UNACCOUNTED:
            # Nobody is accounted for without somebody or something that saw it.
            assert one.check is not None or one.left is not None or one.passages


def told(event: str, at_ms: int | None, gate: str = "north") -> Evacuation:
    return Evacuation(event, gate, "fire", at_ms)


def held(store: MemoryStore, *evacuations: Evacuation, now_ms: int = FIRE_MS) -> list[str]:
    with store.intake() as transaction:
        return [muster.id for muster in hold(transaction, evacuations, NOTHING_NEW, RULE, now_ms)]


def test_gates_that_tell_of_one_fire_make_one_muster() -> None:
    store = MemoryStore()
    assert held(store, told("a", FIRE_MS), told("b", FIRE_MS - 2_000, "south")) == ["a"]
    assert store.contents.musters["a"][0].began_ms == FIRE_MS - 2_000
    assert held(store, told("c", FIRE_MS + HOUR_MS, "east"), now_ms=FIRE_MS + HOUR_MS) == []


def test_the_fire_of_yesterday_is_kept_beside_that_of_today_and_calls_nobody() -> None:
    store = MemoryStore()
    held(store, told("today", FIRE_MS))
    assert held(store, told("yesterday", FIRE_MS - 20 * HOUR_MS, "south"), now_ms=FIRE_MS) == ["yesterday"]
    assert held(store, told("again", FIRE_MS - 20 * HOUR_MS + 1, "east"), now_ms=FIRE_MS) == []
    running = [muster.id for muster, _ in store.contents.musters.values() if muster.closed_ms is None]
    assert running == ["today"]


def test_a_gate_whose_clock_was_not_set_tells_of_now() -> None:
    store = MemoryStore()
    held(store, told("a", None), now_ms=FIRE_MS)
    assert store.contents.musters["a"][0].began_ms == FIRE_MS
