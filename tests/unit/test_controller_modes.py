"""The controller and the site: fire, modes, buttons, side gates, and what a restart keeps of them."""

from dataclasses import replace

import pytest

from gate.errors import StoreError
from gate.model import Direction, Event, EventKind, Medium, Reason
from gate.ports import (
    ButtonPressed,
    FireLoop,
    Input,
    KeyTurned,
    ModeAsked,
    PassageSensed,
    PassAsked,
    SideGateChanged,
    TurnedBack,
)
from gate.turnstile import Mode
from tests.unit.test_controller import INGRID, OLA, STRANGER, WALK_MS, Bench

ENTRY, EXIT = Direction.ENTRY, Direction.EXIT
BOTH_FREE = "hold main entry+exit"


@pytest.fixture
def bench() -> Bench:
    return Bench()


def given(bench: Bench, *inputs: Input) -> list[Event]:
    """Hand over the inputs; the events that came of them."""
    before = len(bench.disk.events)
    for one in inputs:
        bench.gate.handle(one)
    return bench.disk.events[before:]


def mode(bench: Bench) -> str:
    return bench.gate.health.lanes["main"]


# --- fire ------------------------------------------------------------------------------------------------


def test_p6_fire_frees_the_lane_before_anything_is_written(bench: Bench) -> None:
    events = given(bench, FireLoop(closed=True), FireLoop(closed=False))
    assert bench.log[:2] == [BOTH_FREE, "mode main evacuated"]
    assert [(event.kind, event.detail.get("mode"), event.detail.get("by")) for event in events] == [
        (EventKind.LANE_MODE, "evacuated", "fire loop"),
        (EventKind.ALARM_RAISED, None, None),
    ]
    assert bench.gate.health.alarms == ("fire",)


def test_p6_fire_is_latched_until_the_loop_is_whole_and_the_key_is_turned(bench: Bench) -> None:
    given(bench, FireLoop(closed=False))
    refused = given(bench, KeyTurned())
    assert [(event.kind, event.detail["what"]) for event in refused] == [
        (EventKind.COMMAND_REFUSED, "the fire loop is still open")
    ]
    given(bench, FireLoop(closed=True))
    assert mode(bench) == "evacuated"
    given(bench, KeyTurned())
    assert mode(bench) == "normal"
    assert bench.log[-4:-2] == ["secure main", "mode main normal"]
    assert bench.gate.health.alarms == ()


@pytest.mark.parametrize("asked", sorted(set(Mode) - {Mode.EVACUATED}))
def test_p6_no_command_ends_an_evacuation(bench: Bench, asked: Mode) -> None:
    given(bench, FireLoop(closed=False), FireLoop(closed=True))
    events = given(bench, ModeAsked("main", asked, "hub: anna"))
    assert mode(bench) == "evacuated"
    assert [(event.kind, event.detail["by"]) for event in events] == [(EventKind.COMMAND_REFUSED, "hub: anna")]


@pytest.mark.parametrize("card", [INGRID, STRANGER])
def test_p6_who_badges_out_of_a_fire_is_known_and_who_does_not_is_counted(bench: Bench, card: object) -> None:
    given(bench, FireLoop(closed=False))
    bench.badge(card, EXIT)  # type: ignore[arg-type]
    bench.body(EXIT)
    bench.body(EXIT)
    bench.body(ENTRY)
    passages = [(event.kind, event.direction, event.card) for event in bench.disk.events[-4:]]
    assert passages[1:] == [
        (EventKind.PASSAGE_COMPLETED, EXIT, card),
        (EventKind.PASSAGE_FREE, EXIT, None),
        (EventKind.PASSAGE_FREE, ENTRY, None),
    ]
    assert "secure main" not in bench.log


def test_nobody_is_sent_into_a_fire(bench: Bench) -> None:
    given(bench, FireLoop(closed=False))
    bench.badge(INGRID)
    assert bench.lane.shown[-1][0].reason is Reason.LANE_CLOSED
    assert not bench.lane.shown[-1][0].admitted


def test_p6_fire_during_a_passage_ends_an_entry_and_lets_an_exit_go_on(bench: Bench) -> None:
    bench.badge(INGRID)
    events = given(bench, FireLoop(closed=False))
    assert EventKind.PASSAGE_ABANDONED in [event.kind for event in events]
    other = Bench()
    other.badge(INGRID, EXIT)
    given(other, FireLoop(closed=False))
    other.body(EXIT)
    assert other.disk.events[-1].kind is EventKind.PASSAGE_COMPLETED
    assert other.disk.events[-1].card == INGRID


def test_p6_an_evacuation_survives_a_restart(bench: Bench) -> None:
    given(bench, FireLoop(closed=False))
    bench.restart()
    assert mode(bench) == "evacuated"
    assert bench.log[:2] == [BOTH_FREE, "mode main evacuated"]
    given(bench, FireLoop(closed=True), KeyTurned())
    bench.restart()
    assert mode(bench) == "normal"


def test_p6_fire_frees_the_lane_although_the_disk_is_gone(bench: Bench) -> None:
    bench.disk.answers = False
    bench.gate.handle(FireLoop(closed=False))
    assert BOTH_FREE in bench.log
    full = Bench(max_waiting=1)
    full.disk.answers = False
    full.gate.handle(FireLoop(closed=False))
    assert BOTH_FREE in full.log


def test_p6_modes_that_cannot_be_read_at_the_start_are_the_ordinary_one(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise StoreError("worn out")

    with monkeypatch.context() as patch:
        patch.setattr(bench.journal, "modes", broken)
        bench.restart()
    assert mode(bench) == "normal"


# --- modes -------------------------------------------------------------------------------------------------


def test_a_locked_lane_lets_out_only_and_stays_so_after_a_restart(bench: Bench) -> None:
    events = given(bench, ModeAsked(None, Mode.LOCKED, "hub: anna"))
    assert [(event.kind, dict(event.detail)) for event in events] == [
        (EventKind.LANE_MODE, {"mode": "locked", "by": "hub: anna"})
    ]
    bench.restart()
    bench.badge(INGRID)
    assert bench.disk.events[-1].reason is Reason.LANE_CLOSED
    bench.badge(STRANGER, EXIT)
    assert "release main exit" in bench.log


def test_a_lane_held_open_counts_bodies_and_knows_who_badged(bench: Bench) -> None:
    given(bench, ModeAsked("main", Mode.HELD_OPEN, "hub: anna"))
    assert "hold main entry" in bench.log
    bench.badge(INGRID)
    bench.body()
    bench.body()
    assert [(event.kind, event.card) for event in bench.disk.events[-2:]] == [
        (EventKind.PASSAGE_COMPLETED, INGRID),
        (EventKind.PASSAGE_FREE, None),
    ]
    bench.badge(OLA, EXIT)
    bench.body(EXIT)
    assert bench.log[-2] == "hold main entry"


def test_a_grant_without_a_body_ends_without_moving_a_lane_that_is_free(bench: Bench) -> None:
    given(bench, ModeAsked("main", Mode.FREE, "hub: anna"))
    bench.badge(INGRID)
    bench.wait(WALK_MS)
    assert bench.disk.events[-1].kind is EventKind.PASSAGE_ABANDONED
    assert "secure main" not in bench.log


def test_the_same_mode_again_is_no_event(bench: Bench) -> None:
    given(bench, ModeAsked("main", Mode.LOCKED, "hub: anna"))
    assert given(bench, ModeAsked("main", Mode.LOCKED, "hub: anna")) == []


@pytest.mark.parametrize("asked", [ModeAsked("south", Mode.FREE, "hub"), PassAsked("south", ENTRY, "hub")])
def test_p9_a_command_for_a_lane_that_is_not_there_is_refused_and_recorded(bench: Bench, asked: Input) -> None:
    events = given(bench, asked)
    assert [(event.kind, event.detail["what"]) for event in events] == [
        (EventKind.COMMAND_REFUSED, "this gate has no lane 'south'; it has main")
    ]


# --- by hand, turned back, tailgated, side gates ----------------------------------------------------------------


def test_p6_the_exit_button_lets_out_whoever_presses_it(bench: Bench) -> None:
    events = given(bench, ButtonPressed("main", EXIT), PassageSensed("main", EXIT))
    assert [(event.kind, event.medium, event.card) for event in events] == [
        (EventKind.BADGE_GRANTED, Medium.MANUAL, None),
        (EventKind.PASSAGE_COMPLETED, Medium.MANUAL, None),
    ]
    assert events[0].detail == {"by": "button"}


@pytest.mark.parametrize("closed", [Mode.LOCKED, Mode.OUT_OF_ORDER])
def test_a_pass_by_hand_opens_an_entry_unless_the_lane_is_closed(bench: Bench, closed: Mode) -> None:
    given(bench, PassAsked("main", ENTRY, "hub: anna"), PassageSensed("main", ENTRY))
    assert "release main entry" in bench.log
    bench.log.clear()
    given(bench, ModeAsked("main", closed, "hub: anna"))
    events = given(bench, PassAsked("main", ENTRY, "hub: anna"))
    assert [(event.kind, event.reason) for event in events] == [(EventKind.BADGE_REFUSED, Reason.LANE_CLOSED)]
    assert "release main entry" not in bench.log


def test_a_pass_by_hand_waits_for_who_is_in_the_lane(bench: Bench) -> None:
    bench.badge(INGRID)
    given(bench, ButtonPressed("main", EXIT))
    bench.body()
    assert bench.log[-2:] == ["release main exit", "show main exit granted"]


def test_who_turns_back_has_not_entered(bench: Bench) -> None:
    bench.badge(INGRID)
    events = given(bench, TurnedBack("main", ENTRY))
    assert [(event.kind, event.card, dict(event.detail)) for event in events] == [
        (EventKind.PASSAGE_ABANDONED, INGRID, {"turned_back": True})
    ]
    assert bench.log[-2] == "secure main"
    assert given(bench, TurnedBack("main", ENTRY)) == []


def test_a_second_person_on_one_grant_is_told(bench: Bench) -> None:
    tight = Bench(behind_ms=1_500)
    tight.badge(INGRID)
    tight.body()
    tight.clock.advance(800)
    tight.body()
    tight.clock.advance(800)
    tight.body()
    assert [event.kind for event in tight.disk.events[-2:]] == [
        EventKind.PASSAGE_TAILGATED,
        EventKind.PASSAGE_FORCED,
    ]


def test_a_side_gate_is_recorded_whoever_goes_through(bench: Bench) -> None:
    events = given(bench, SideGateChanged("delivery", open=True), SideGateChanged("delivery", open=False))
    assert [(event.kind, dict(event.detail)) for event in events] == [
        (EventKind.SIDE_GATE_OPENED, {"side_gate": "delivery"}),
        (EventKind.SIDE_GATE_CLOSED, {"side_gate": "delivery"}),
    ]


# --- a relay that does not obey -----------------------------------------------------------------------------------


def test_nobody_is_told_to_go_by_an_arm_that_does_not_give(bench: Bench) -> None:
    bench.lane.broken = "GPIO17 is in use"
    bench.badge(INGRID)
    decision, _, _ = bench.lane.shown[-1]
    assert decision == replace(decision, admitted=False, reason=Reason.LANE_CLOSED)
    assert [event.kind for event in bench.disk.events[-3:]] == [
        EventKind.BADGE_GRANTED,
        EventKind.ALARM_RAISED,
        EventKind.PASSAGE_ABANDONED,
    ]
