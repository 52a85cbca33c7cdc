"""Pin-level facts of the real lane: whole lists of levels, on gpiozero's mock pins."""

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from gpiozero import OutputDevice
from gpiozero.exc import PinInvalidState, PinUnknownPi
from gpiozero.pins.mock import MockFactory, MockPin
from pytest_mock import MockerFixture

from gate.config import GpioLane as GpioLaneSettings
from gate.errors import RelayError
from gate.model import Decision, Direction, EventKind, Reason
from gate.ports import Input, Noted, PassageSensed
from gate.relay.outputs import lgpio_factory
from gate.relay.pins import BEEPS, GREEN, RED, GpioLane
from gate.relay.screen import Tone
from tests.waiting import wait_for

ENTRY, EXIT = Direction.ENTRY, Direction.EXIT
WELCOME = Decision(admitted=True, reason=Reason.GRANTED)
REFUSAL = Decision(admitted=False, reason=Reason.BLOCKED)
RELAYS = {ENTRY: 17, EXIT: 27}
SENSORS = {ENTRY: 5, EXIT: 6}
GREEN_PIN, RED_PIN, BUZZER_PIN = 22, 23, 24
LONG_MS = 10_000
REMEDY = "check the wiring, and that nothing else uses this pin, in gate.toml or on the Pi"


class SteadyPin(MockPin):  # type: ignore[misc] # gpiozero has no types
    """Becomes an output at its first level, as the gate's own lgpio pin does. `driven` is every level
    that was written to it, `broken` makes the next writes and reads fail."""

    def __init__(self, factory: Any, info: Any) -> None:
        super().__init__(factory, info)
        self.driven: list[bool] = []
        self.broken = False

    def output_with_state(self, state: bool) -> None:
        self._state = state
        self.function = "output"
        self.clear_states()
        self._note(state)

    def _set_state(self, value: bool) -> None:
        self._fail()
        super()._set_state(value)
        self._note(bool(value))

    def _get_state(self) -> bool:
        self._fail()
        return bool(super()._get_state())

    def _fail(self) -> None:
        if self.broken:
            raise PinInvalidState("the line does not answer")

    def _note(self, level: bool) -> None:
        self.driven.append(level)
        self.factory.order.append((self._number, level))


class Rig:
    """A lane on mock pins, and what it delivered."""

    def __init__(self, **changes: Any) -> None:
        self.factory: Any = MockFactory(pin_class=SteadyPin)
        self.factory.order = []
        self.heard: list[Input] = []
        wanted: dict[str, Any] = {
            "name": "north",
            "entry_relay_pin": RELAYS[ENTRY],
            "exit_relay_pin": RELAYS[EXIT],
            "pulse_ms": LONG_MS,
            "entry_sensor_pin": SENSORS[ENTRY],
            "exit_sensor_pin": SENSORS[EXIT],
            "debounce_ms": 5,
            "green_lamp_pin": GREEN_PIN,
            "red_lamp_pin": RED_PIN,
            "buzzer_pin": BUZZER_PIN,
        }
        self.lane = GpioLane(GpioLaneSettings(**{**wanted, **changes}), self.factory)

    def start(self) -> None:
        self.lane.start(self.heard.append)

    def pin(self, number: int) -> Any:
        return self.factory.pin(number)

    def levels(self, number: int) -> list[bool]:
        """Every level since the pin became an output, the first included."""
        return [state.state for state in self.pin(number).states]

    def outputs(self) -> dict[int, bool]:
        """The level of every pin that is an output now."""
        pins = [*RELAYS.values(), GREEN_PIN, RED_PIN, BUZZER_PIN]
        return {number: self.pin(number).state for number in pins if self.pin(number).function == "output"}


@pytest.fixture
def make() -> Iterator[Callable[..., Rig]]:
    rigs: list[Rig] = []

    def build(**changes: Any) -> Rig:
        rigs.append(Rig(**changes))
        return rigs[-1]

    yield build
    for rig in rigs:
        rig.lane.close()


# --- start and end -------------------------------------------------------------------------------


@pytest.mark.parametrize("active_high", [True, False])
def test_P7_a_relay_is_off_from_the_moment_its_pin_is_an_output(make: Callable[..., Rig], active_high: bool) -> None:
    """P7: no click at start, for boards of either polarity."""
    rig = make(relay_active_high=active_high)
    assert [rig.pin(number).function for number in RELAYS.values()] == ["input", "input"]
    rig.start()
    off = not active_high
    assert [rig.levels(number) for number in RELAYS.values()] == [[off], [off]]
    assert [rig.pin(number).driven for number in RELAYS.values()] == [[off], [off]]


def test_P7_lamps_and_buzzer_are_off_from_the_start(make: Callable[..., Rig]) -> None:
    """P7: every output has a stated level."""
    rig = make()
    rig.start()
    assert [rig.levels(number) for number in (GREEN_PIN, RED_PIN, BUZZER_PIN)] == [[False], [False], [False]]


def test_P7_the_pis_own_pin_becomes_an_output_in_one_call_at_its_level(mocker: MockerFixture) -> None:
    """P7: gpiozero 2.0.1 would claim it low first, which is "on" for a board that is active low."""
    pytest.importorskip("lgpio", reason="no wheel for Python 3.13; Debian has it as python3-lgpio")
    calls = mocker.patch.multiple(
        "lgpio",
        gpiochip_open=mocker.DEFAULT,
        gpiochip_close=mocker.DEFAULT,
        gpio_claim_input=mocker.DEFAULT,
        gpio_claim_output=mocker.DEFAULT,
        gpio_write=mocker.DEFAULT,
        gpio_get_mode=mocker.DEFAULT,
    )
    calls["gpiochip_open"].return_value = 7
    calls["gpio_get_mode"].return_value = 0
    mocker.patch("gpiozero.pins.local.get_pi_revision", return_value=0x902120)
    lgpio_factory.cache_clear()
    factory = lgpio_factory()
    try:
        OutputDevice(17, active_high=False, initial_value=False, pin_factory=factory).close()
        OutputDevice(27, active_high=True, initial_value=False, pin_factory=factory).close()
    finally:
        factory.close()
        factory.pins.clear()
        lgpio_factory.cache_clear()
    assert calls["gpio_claim_output"].mock_calls == [mocker.call(7, 17, 1), mocker.call(7, 27, 0)]
    assert calls["gpio_write"].mock_calls == []


def test_P7_close_ends_a_pulse_before_it_lets_go_of_the_pins(make: Callable[..., Rig]) -> None:
    """P7: a closed pin floats, so the off level must have been driven first."""
    rig = make(relay_active_high=False)
    rig.start()
    rig.lane.release(EXIT)
    rig.lane.close()
    assert rig.pin(RELAYS[EXIT]).driven[:3] == [True, False, True]
    assert set(rig.pin(RELAYS[EXIT]).driven[2:]) == {True}
    assert rig.outputs() == {}


def test_closed_pins_can_be_had_again(make: Callable[..., Rig]) -> None:
    rig = make()
    rig.start()
    rig.lane.close()
    again = GpioLane(
        GpioLaneSettings(name="again", entry_relay_pin=RELAYS[ENTRY], exit_relay_pin=RELAYS[EXIT]), rig.factory
    )
    again.start(rig.heard.append)
    again.close()


# --- relays --------------------------------------------------------------------------------------


@pytest.mark.parametrize("direction", Direction)
@pytest.mark.parametrize("active_high", [True, False])
def test_P7_a_release_is_one_pulse_on_one_relay(
    make: Callable[..., Rig], direction: Direction, active_high: bool
) -> None:
    """P7: and it ends by itself, whatever becomes of the controller."""
    rig = make(pulse_ms=20, relay_active_high=active_high)
    rig.start()
    rig.lane.release(direction)
    on, off = active_high, not active_high
    wait_for("the pulse to end", lambda: len(rig.levels(RELAYS[direction])) == 3)
    other = EXIT if direction is ENTRY else ENTRY
    assert rig.levels(RELAYS[direction]) == [off, on, off]
    assert rig.levels(RELAYS[other]) == [off]
    pulse_ms = rig.pin(RELAYS[direction]).states[2].timestamp * 1000
    assert pulse_ms >= 18


def test_P7_a_release_the_other_way_secures_the_first_before_it_frees(make: Callable[..., Rig]) -> None:
    """P7: there is no moment with both relays on."""
    rig = make()
    rig.start()
    rig.factory.order.clear()
    rig.lane.release(ENTRY)
    rig.lane.release(EXIT)
    assert [written for written in rig.factory.order if written[0] in RELAYS.values()] == [
        (RELAYS[EXIT], False),
        (RELAYS[ENTRY], True),
        (RELAYS[ENTRY], False),
        (RELAYS[EXIT], True),
    ]


def test_a_release_while_it_pulses_does_not_click_the_relay(make: Callable[..., Rig]) -> None:
    rig = make()
    rig.start()
    rig.lane.release(ENTRY)
    rig.lane.release(ENTRY)
    assert rig.levels(RELAYS[ENTRY]) == [False, True]


def test_P7_secure_ends_a_pulse_at_once_and_for_good(make: Callable[..., Rig]) -> None:
    """P7: in the caller's thread, before it returns; the lane's thread does not take it up again."""
    rig = make()
    rig.start()
    rig.lane.release(ENTRY)
    rig.lane.secure()
    assert rig.levels(RELAYS[ENTRY]) == [False, True, False]
    rig.lane.show(WELCOME, ENTRY, None)
    wait_for("the lane's thread to have been round all outputs", lambda: rig.pin(GREEN_PIN).state)
    assert rig.levels(RELAYS[ENTRY]) == [False, True, False]


# --- what goes wrong -----------------------------------------------------------------------------


def test_P7_a_relay_that_does_not_answer_is_driven_off_as_soon_as_it_does(
    make: Callable[..., Rig], mocker: MockerFixture
) -> None:
    """P7: the end of a pulse is not given up; the lane's alarm is up meanwhile, and once."""
    mocker.patch("gate.relay.pins.RETRY_MS", 5)
    rig = make(pulse_ms=20)
    rig.start()
    relay = rig.pin(RELAYS[EXIT])
    rig.lane.release(EXIT)
    relay.broken = True
    raised = wait_for("the alarm", lambda: rig.heard)
    assert raised == [
        Noted(
            EventKind.ALARM_RAISED,
            {
                "alarm": "lane.north",
                "what": f"lane north: exit relay on GPIO27: the line does not answer; {REMEDY}",
            },
        )
    ]
    assert relay.driven[-1] is True
    relay.broken = False
    wait_for("the relay to be off", lambda: relay.driven[-1] is False)
    wait_for("the alarm to clear", lambda: len(rig.heard) == 2)
    assert rig.heard[1] == Noted(EventKind.ALARM_CLEARED, {"alarm": "lane.north"})
    assert rig.levels(RELAYS[EXIT]) == [False, True, False]


def test_P7_a_release_that_fails_says_so_and_leaves_the_relay_to_be_driven_off(
    make: Callable[..., Rig], mocker: MockerFixture
) -> None:
    """P7: nobody knows its level, so off is written until it holds."""
    mocker.patch("gate.relay.pins.RETRY_MS", 5)
    rig = make()
    rig.start()
    relay = rig.pin(RELAYS[ENTRY])
    relay.broken = True
    with pytest.raises(RelayError, match="lane north: entry relay on GPIO17: the line does not answer; check"):
        rig.lane.release(ENTRY)
    relay.broken = False
    wait_for("the relay to be driven off", lambda: relay.driven == [False, False])


def test_P7_secure_tries_both_relays_before_it_complains(make: Callable[..., Rig]) -> None:
    """P7: one dead pin does not keep the other one on."""
    rig = make()
    rig.start()
    rig.lane.release(EXIT)
    rig.pin(RELAYS[ENTRY]).broken = True
    with pytest.raises(RelayError, match="entry relay on GPIO17"):
        rig.lane.secure()
    assert rig.levels(RELAYS[EXIT]) == [False, True, False]
    rig.pin(RELAYS[ENTRY]).broken = False


def test_P7_no_release_while_the_other_direction_cannot_be_secured(make: Callable[..., Rig]) -> None:
    """P7: never both."""
    rig = make()
    rig.start()
    rig.pin(RELAYS[ENTRY]).broken = True
    with pytest.raises(RelayError, match="entry relay on GPIO17"):
        rig.lane.release(EXIT)
    assert rig.levels(RELAYS[EXIT]) == [False]
    rig.pin(RELAYS[ENTRY]).broken = False


def test_close_lets_go_of_every_pin_even_when_one_does_not_answer(
    make: Callable[..., Rig], caplog: pytest.LogCaptureFixture
) -> None:
    rig = make()
    rig.start()
    rig.lane.release(EXIT)
    rig.pin(RELAYS[ENTRY]).broken = True
    rig.lane.close()
    assert rig.outputs() == {}
    assert rig.pin(RELAYS[EXIT]).driven[-1] is False
    assert "closing=failed" in caplog.text


def test_a_pin_that_is_named_twice_is_refused_and_nothing_is_held(make: Callable[..., Rig]) -> None:
    """The start of a gate with a slip in its settings leaves no state behind."""
    rig = make(buzzer_pin=RELAYS[EXIT])
    with pytest.raises(RelayError, match=r"lane north: buzzer on GPIO27: .*already in use.*; check the wiring"):
        rig.start()
    assert rig.outputs() == {}
    with pytest.raises(RelayError, match="does not hold its pins"):
        rig.lane.release(ENTRY)
    other = GpioLane(GpioLaneSettings(name="south", entry_relay_pin=17, exit_relay_pin=27), rig.factory)
    other.start(rig.heard.append)
    other.close()


def test_two_lanes_on_one_pin_are_refused(make: Callable[..., Rig]) -> None:
    rig = make()
    rig.start()
    other = GpioLane(GpioLaneSettings(name="south", entry_relay_pin=4, exit_relay_pin=27), rig.factory)
    with pytest.raises(RelayError, match=r"lane south: exit relay on GPIO27: .*already in use"):
        other.start(rig.heard.append)
    assert rig.pin(4).function == "input"
    rig.lane.release(EXIT)
    assert rig.levels(RELAYS[EXIT]) == [False, True]


def test_a_machine_without_pins_is_a_relay_error_not_another_driver(mocker: MockerFixture) -> None:
    """gpiozero itself would fall back to its next driver with a warning. Patched, so that no test moves
    a relay on whatever machine it runs."""
    pytest.importorskip("lgpio", reason="no wheel for Python 3.13; Debian has it as python3-lgpio")
    mocker.patch("gpiozero.pins.local.get_pi_revision", side_effect=PinUnknownPi("no Pi revision"))
    lgpio_factory.cache_clear()
    lane = GpioLane(GpioLaneSettings(name="north", entry_relay_pin=17, exit_relay_pin=27))
    with pytest.raises(RelayError, match=r"the Pi's pins: no Pi revision; is this a Raspberry Pi"):
        lane.start(lambda _: None)
    lane.close()


def test_P7_a_fault_of_ours_in_a_lamp_does_not_leave_a_relay_on(
    make: Callable[..., Rig], mocker: MockerFixture, caplog: pytest.LogCaptureFixture
) -> None:
    """P7: the lane's thread outlives it, and tries everything again."""
    mocker.patch("gate.relay.pins.RETRY_MS", 5)
    rig = make(pulse_ms=20)
    rig.start()
    mocker.patch("gate.relay.pins.level_at", side_effect=ZeroDivisionError("a fault of ours"))
    rig.lane.release(ENTRY)
    wait_for("the fault to be logged", lambda: "fault=unexpected" in caplog.text)
    mocker.stopall()
    wait_for("the pulse to end", lambda: rig.levels(RELAYS[ENTRY]) == [False, True, False])


# --- sensors -------------------------------------------------------------------------------------


@pytest.mark.parametrize("active_low", [True, False])
def test_a_bouncing_sensor_is_one_body(make: Callable[..., Rig], active_low: bool) -> None:
    rig = make(sensor_active_low=active_low, debounce_ms=20)
    rig.start()
    sensor = rig.pin(SENSORS[EXIT])
    active, rest = (sensor.drive_low, sensor.drive_high) if active_low else (sensor.drive_high, sensor.drive_low)
    for _ in range(5):
        active()
        rest()
    active()
    wait_for("the body to be sensed", lambda: rig.heard)
    rest()
    rig.lane.close()
    assert rig.heard == [PassageSensed("north", EXIT)]


def test_every_body_is_sensed_and_a_spark_is_not(make: Callable[..., Rig]) -> None:
    rig = make()
    rig.start()
    for bodies in (1, 2, 3):
        rig.pin(SENSORS[ENTRY]).drive_low()
        wait_for("the body to be sensed", lambda bodies=bodies: len(rig.heard) == bodies)  # type: ignore[misc]
        rig.pin(SENSORS[ENTRY]).drive_high()
        wait_for("the sensor to be at rest", lambda: not rig.lane._inputs[0].debounce.active)
    rig.pin(SENSORS[EXIT]).drive_low()
    rig.pin(SENSORS[EXIT]).drive_high()
    assert rig.heard == [PassageSensed("north", ENTRY)] * 3


def test_somebody_who_stands_in_the_sensor_at_start_has_not_gone_through(make: Callable[..., Rig]) -> None:
    rig = make(sensor_active_low=True, debounce_ms=0)
    # The mock pulls the pin to its rest level when it becomes an input, so the body holds it down then.
    sensor = rig.pin(SENSORS[ENTRY])
    sensor._set_pull = lambda pull: setattr(sensor, "_pull", pull)
    sensor.drive_low()
    rig.start()
    assert rig.lane._inputs[0].debounce.active is True
    sensor.drive_high()
    sensor.drive_low()
    wait_for("the next body", lambda: rig.heard)
    assert rig.heard == [PassageSensed("north", ENTRY)]


def test_an_edge_that_the_kernel_dropped_does_not_deafen_the_sensor(
    make: Callable[..., Rig], mocker: MockerFixture
) -> None:
    mocker.patch("gate.relay.pins.LOOK_MS", 5)
    rig = make()
    rig.start()
    sensor = rig.pin(SENSORS[ENTRY])
    sensor.drive_low()
    wait_for("the body to be sensed", lambda: rig.heard)
    sensor._state = True
    wait_for("the rest level to be seen without an edge", lambda: not rig.lane._inputs[0].debounce.active)


def test_a_sensor_that_does_not_answer_raises_the_lanes_alarm_once(
    make: Callable[..., Rig], mocker: MockerFixture
) -> None:
    mocker.patch("gate.relay.pins.LOOK_MS", 5)
    rig = make()
    rig.start()
    rig.pin(SENSORS[EXIT]).broken = True
    wait_for("the alarm", lambda: rig.heard)
    rig.pin(SENSORS[EXIT]).broken = False
    wait_for("the alarm to clear", lambda: len(rig.heard) == 2)
    assert [given.kind for given in rig.heard if isinstance(given, Noted)] == [
        EventKind.ALARM_RAISED,
        EventKind.ALARM_CLEARED,
    ]


def test_nothing_is_delivered_after_close(make: Callable[..., Rig]) -> None:
    rig = make(debounce_ms=0)
    rig.start()
    rig.lane.close()
    rig.lane._edge(0, active=True)
    assert rig.heard == []


def test_a_lane_without_sensors_lamps_and_buzzer_still_turns(make: Callable[..., Rig]) -> None:
    rig = make(entry_sensor_pin=None, exit_sensor_pin=None, green_lamp_pin=None, red_lamp_pin=None, buzzer_pin=None)
    rig.start()
    rig.lane.show(WELCOME, ENTRY, None)
    rig.lane.release(ENTRY)
    assert rig.outputs() == {RELAYS[ENTRY]: True, RELAYS[EXIT]: False}


# --- lamps and buzzer ----------------------------------------------------------------------------


def test_no_two_answers_sound_alike_and_the_lamps_differ_in_rhythm_too() -> None:
    """Colour never speaks alone."""
    assert len({BEEPS[tone] for tone in Tone}) == len(Tone)
    assert not set(GREEN.values()) & set(RED.values())
    assert set(GREEN) | set(RED) == set(Tone)


@pytest.mark.parametrize(("decision", "lamp", "dark"), [(WELCOME, GREEN_PIN, RED_PIN), (REFUSAL, RED_PIN, GREEN_PIN)])
def test_an_answer_lights_its_lamp_and_sounds_its_rhythm_to_the_end(
    make: Callable[..., Rig], mocker: MockerFixture, decision: Decision, lamp: int, dark: int
) -> None:
    tone = Tone.PASS if decision.admitted else Tone.STOP
    mocker.patch.dict("gate.relay.pins.BEEPS", {tone: tuple(length // 10 for length in BEEPS[tone])})
    mocker.patch.dict("gate.relay.pins.GREEN", {Tone.PASS: (30,)})
    mocker.patch.dict("gate.relay.pins.RED", {Tone.STOP: (10, 10, 10)})
    rig = make()
    rig.start()
    rig.lane.show(decision, ENTRY, "en")
    lamp_levels = [False, True, False] if decision.admitted else [False, True, False, True, False]
    beeps = BEEPS[tone]
    wait_for("the lamp to have played", lambda: rig.levels(lamp) == lamp_levels)
    wait_for("the buzzer to have played", lambda: len(rig.levels(BUZZER_PIN)) == len(beeps) + 2)
    assert rig.levels(BUZZER_PIN) == [place % 2 == 1 for place in range(len(beeps) + 2)]
    assert rig.levels(dark) == [False]


def test_the_next_answer_takes_the_place_of_the_one_before(make: Callable[..., Rig]) -> None:
    rig = make()
    rig.start()
    rig.lane.show(WELCOME, ENTRY, None)
    wait_for("green", lambda: rig.pin(GREEN_PIN).state)
    rig.lane.show(REFUSAL, ENTRY, None)
    wait_for("red alone", lambda: rig.pin(RED_PIN).state and not rig.pin(GREEN_PIN).state)
    assert rig.levels(GREEN_PIN) == [False, True, False]


def test_a_dark_lamp_stops_nobody_and_is_logged_once(
    make: Callable[..., Rig], mocker: MockerFixture, caplog: pytest.LogCaptureFixture
) -> None:
    mocker.patch("gate.relay.pins.RETRY_MS", 5)
    caplog.set_level(logging.INFO)
    rig = make(pulse_ms=20)
    rig.start()
    lamp = rig.pin(GREEN_PIN)
    lamp.broken = True
    rig.lane.show(WELCOME, ENTRY, None)
    rig.lane.release(ENTRY)
    wait_for("the pulse to end", lambda: rig.levels(RELAYS[ENTRY]) == [False, True, False])
    lamp.broken = False
    wait_for("the lamp to be lit", lambda: lamp.state)

    def told() -> list[str]:
        return [record.message for record in caplog.records if "green lamp" in record.message]

    wait_for("the lamp's recovery to be told", lambda: len(told()) == 2)
    assert rig.heard == []
    assert told() == [
        f"lane=north fault='lane north: green lamp on GPIO22: the line does not answer; {REMEDY}'",
        "lane=north recovered='lane north: green lamp on GPIO22'",
    ]
