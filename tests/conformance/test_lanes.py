"""One suite over every lane driver, real and simulated: the contract in `gate.ports.Lane`."""

from collections.abc import Callable, Iterator
from typing import Any, Protocol

import pytest
from gpiozero.pins.mock import MockFactory

from gate.config import GpioLane as GpioLaneSettings
from gate.errors import RelayError
from gate.model import Decision, Direction, Reason
from gate.ports import Input, Lane, PassageSensed
from gate.relay.pins import GpioLane
from gate.relay.screen import LaneScreen
from gate.simulator.turnstile import VirtualTurnstile
from tests.waiting import wait_for

ENTRY, EXIT = Direction.ENTRY, Direction.EXIT
WELCOME = Decision(admitted=True, reason=Reason.GRANTED)


class Rig(Protocol):
    """A lane with the world around it."""

    lane: Lane
    heard: list[Input]

    def freed(self) -> set[Direction]:
        """In which directions the lane is free now."""

    def pass_body(self, direction: Direction) -> None:
        """A body goes through, released or not."""


class GpioRig:
    """The real driver on gpiozero's mock pins. A pulse longer than any test stands for "released"."""

    def __init__(self) -> None:
        self.heard: list[Input] = []
        self.factory: Any = MockFactory()
        settings = GpioLaneSettings(
            name="north",
            entry_relay_pin=17,
            exit_relay_pin=27,
            relay_active_high=False,
            pulse_ms=10_000,
            entry_sensor_pin=5,
            exit_sensor_pin=6,
            debounce_ms=5,
            green_lamp_pin=22,
            red_lamp_pin=23,
            buzzer_pin=24,
        )
        self.lane = GpioLane(settings, self.factory)

    def freed(self) -> set[Direction]:
        pins = {ENTRY: self.factory.pin(17), EXIT: self.factory.pin(27)}
        return {direction for direction, pin in pins.items() if pin.function == "output" and not pin.state}

    def pass_body(self, direction: Direction) -> None:
        sensor = self.factory.pin({ENTRY: 5, EXIT: 6}[direction])
        before = len(self.heard)
        sensor.drive_low()
        wait_for("the sensor to settle", lambda: len(self.heard) > before)
        sensor.drive_high()


class VirtualRig:
    """The simulated turnstile."""

    def __init__(self) -> None:
        self.heard: list[Input] = []
        self.lane = VirtualTurnstile("north")

    def freed(self) -> set[Direction]:
        released = self.lane.state.released
        return set() if released is None else {released}

    def pass_body(self, direction: Direction) -> None:
        self.lane.force(direction)


@pytest.fixture(params=[GpioRig, VirtualRig])
def rig(request: pytest.FixtureRequest) -> Iterator[Rig]:
    make: Callable[[], Rig] = request.param
    made = make()
    yield made
    made.lane.close()


@pytest.fixture
def running(rig: Rig) -> Rig:
    rig.lane.start(rig.heard.append)
    return rig


def test_P7_a_lane_is_locked_both_ways_before_and_after_its_start(rig: Rig) -> None:
    """P7: start moves nothing."""
    assert rig.freed() == set()
    rig.lane.start(rig.heard.append)
    assert rig.freed() == set()
    assert rig.heard == []


@pytest.mark.parametrize("direction", Direction)
def test_P7_a_release_frees_exactly_one_direction(running: Rig, direction: Direction) -> None:
    """P7: never both."""
    running.lane.release(direction)
    assert running.freed() == {direction}


@pytest.mark.parametrize(("first", "second"), [(ENTRY, EXIT), (EXIT, ENTRY)])
def test_P7_a_release_the_other_way_takes_back_the_first(running: Rig, first: Direction, second: Direction) -> None:
    """P7: never both, not even one after the other."""
    running.lane.release(first)
    running.lane.release(second)
    assert running.freed() == {second}


def test_a_release_may_be_repeated(running: Rig) -> None:
    running.lane.release(ENTRY)
    running.lane.release(ENTRY)
    assert running.freed() == {ENTRY}


def test_P7_secure_locks_at_once_and_may_be_repeated(running: Rig) -> None:
    """P7: secure is the way back from any state."""
    running.lane.secure()
    assert running.freed() == set()
    running.lane.release(EXIT)
    running.lane.secure()
    assert running.freed() == set()
    running.lane.secure()
    assert running.freed() == set()


def test_a_lane_can_be_released_again_after_it_was_secured(running: Rig) -> None:
    running.lane.release(ENTRY)
    running.lane.secure()
    running.lane.release(ENTRY)
    assert running.freed() == {ENTRY}


def test_P7_close_locks_and_may_be_repeated(running: Rig) -> None:
    """P7: the end is as safe as the start."""
    running.lane.release(ENTRY)
    running.lane.close()
    assert running.freed() == set()
    running.lane.close()
    assert running.freed() == set()


def test_close_before_start_is_harmless(rig: Rig) -> None:
    rig.lane.close()
    assert rig.freed() == set()


def test_P7_nothing_is_released_before_the_start_or_after_the_end(rig: Rig) -> None:
    """P7: and whoever asks is told."""
    with pytest.raises(RelayError, match="north"):
        rig.lane.release(ENTRY)
    rig.lane.start(rig.heard.append)
    rig.lane.close()
    with pytest.raises(RelayError, match="north"):
        rig.lane.release(ENTRY)
    rig.lane.secure()
    assert rig.freed() == set()


def test_a_closed_lane_does_not_start_again(running: Rig) -> None:
    running.lane.close()
    with pytest.raises(RelayError, match="north is closed"):
        running.lane.start(running.heard.append)


def test_a_second_start_changes_nothing(running: Rig) -> None:
    running.lane.release(ENTRY)
    running.lane.start(running.heard.append)
    assert running.freed() == {ENTRY}


@pytest.mark.parametrize("direction", Direction)
def test_a_body_is_sensed_once_in_its_direction(running: Rig, direction: Direction) -> None:
    running.lane.release(direction)
    running.pass_body(direction)
    assert running.heard == [PassageSensed("north", direction)]


def test_a_body_without_a_release_is_sensed_too(running: Rig) -> None:
    running.pass_body(ENTRY)
    assert running.heard == [PassageSensed("north", ENTRY)]
    assert running.freed() == set()


@pytest.mark.parametrize("when", ["before start", "running", "closed"])
@pytest.mark.parametrize("admitted", [True, False])
def test_show_never_raises_and_moves_nothing(rig: Rig, when: str, admitted: bool) -> None:
    if when != "before start":
        rig.lane.start(rig.heard.append)
    if when == "closed":
        rig.lane.close()
    for reason in Reason:
        rig.lane.show(Decision(admitted=admitted, reason=reason), ENTRY, "xx")
        rig.lane.show(Decision(admitted=admitted, reason=reason), EXIT, None)
    assert rig.freed() == set()


def test_the_simulated_lane_keeps_what_was_shown() -> None:
    rig = VirtualRig()
    rig.lane.start(rig.heard.append)
    rig.lane.show(WELCOME, ENTRY, "lt")
    assert rig.lane.state.shown is not None
    assert rig.lane.state.shown.screen == LaneScreen.of(WELCOME, ENTRY, "lt")
