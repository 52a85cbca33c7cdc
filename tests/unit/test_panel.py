"""The site's own contacts on gpiozero's mock pins: fire loop, key switch, side gates."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from gpiozero.pins.mock import MockFactory
from pytest_mock import MockerFixture

from gate.config import FireSettings, SideGate
from gate.errors import RelayError
from gate.model import EventKind
from gate.ports import FireLoop, Input, KeyTurned, Noted, SideGateChanged
from gate.relay.panel import GpioPanel
from tests.waiting import wait_for

LOOP, KEY, SIDE = 12, 16, 20
WIRED = FireSettings(loop_pin=LOOP, key_pin=KEY)
GATES = (SideGate(name="delivery", pin=SIDE),)


class Rig:
    """A panel, its pins, and what it delivered."""

    def __init__(self, fire: FireSettings, gates: tuple[SideGate, ...]) -> None:
        self.factory = MockFactory()
        self.heard: list[Input] = []
        self.panel = GpioPanel(fire, gates, self.factory)

    def pin(self, number: int) -> Any:
        return self.factory.pin(number)

    def close_contact(self, number: int) -> None:
        """Closed before the panel starts: the mock would pull the pin up then."""
        pin = self.pin(number)
        pin._set_pull = lambda pull: setattr(pin, "_pull", pull)
        pin.drive_low()

    def wait(self, given: Input) -> None:
        wait_for(f"{given}", lambda: given in self.heard)


@pytest.fixture
def make() -> Iterator[Callable[..., Rig]]:
    rigs: list[Rig] = []

    def build(fire: FireSettings = WIRED, gates: tuple[SideGate, ...] = GATES, closed: tuple[int, ...] = ()) -> Rig:
        rigs.append(Rig(fire, gates))
        for number in closed:
            rigs[-1].close_contact(number)
        return rigs[-1]

    yield build
    for rig in rigs:
        rig.panel.close()
        rig.factory.reset()


def test_every_contact_is_told_as_it_stands(make: Callable[..., Rig]) -> None:
    rig = make(closed=(LOOP, SIDE))
    rig.panel.start(rig.heard.append)
    assert rig.heard[:2] == [FireLoop(closed=True), SideGateChanged("delivery", open=False)]


def test_p6_a_loop_that_is_open_at_the_start_is_fire(make: Callable[..., Rig]) -> None:
    rig = make()
    rig.panel.start(rig.heard.append)
    assert rig.heard[0] == FireLoop(closed=False)


def test_p6_a_cut_wire_is_fire_and_the_key_is_told_once_a_turn(make: Callable[..., Rig]) -> None:
    rig = make(closed=(LOOP, SIDE))
    rig.panel.start(rig.heard.append)
    rig.pin(LOOP).drive_high()
    rig.wait(FireLoop(closed=False))
    rig.pin(LOOP).drive_low()
    wait_for("the loop to be whole", lambda: rig.heard.count(FireLoop(closed=True)) == 2)
    for turns in (1, 2):
        rig.pin(KEY).drive_low()
        wait_for("the key", lambda turns=turns: rig.heard.count(KeyTurned()) == turns)  # type: ignore[misc]
        rig.pin(KEY).drive_high()
        wait_for("the key to be back", lambda: not rig.panel._watched[1].debounce.active)
    rig.pin(SIDE).drive_high()
    rig.wait(SideGateChanged("delivery", open=True))


def test_p6_a_loop_that_cannot_be_read_is_fire(make: Callable[..., Rig], mocker: MockerFixture) -> None:
    rig = make(closed=(LOOP, SIDE))
    rig.panel.start(rig.heard.append)
    contact = rig.panel._watched[0].contact
    broken = mocker.patch.object(contact, "read", side_effect=RelayError("GPIO12 does not answer"))
    rig.wait(FireLoop(closed=False))
    alarm = {"alarm": f"panel.{contact.what}"}
    rig.wait(Noted(EventKind.ALARM_RAISED, alarm | {"what": "GPIO12 does not answer"}))
    broken.side_effect = None
    broken.return_value = True
    rig.wait(Noted(EventKind.ALARM_CLEARED, alarm))


def test_a_side_gate_that_cannot_be_read_is_an_alarm_and_no_guess(
    make: Callable[..., Rig], mocker: MockerFixture
) -> None:
    rig = make(closed=(LOOP, SIDE))
    rig.panel.start(rig.heard.append)
    mocker.patch.object(rig.panel._watched[2].contact, "read", side_effect=RelayError("no answer"))
    wait_for("the alarm", lambda: any(isinstance(given, Noted) for given in rig.heard))
    assert SideGateChanged("delivery", open=True) not in rig.heard


def test_a_pin_that_is_taken_is_refused_and_the_others_are_let_go(make: Callable[..., Rig]) -> None:
    rig = make(gates=(SideGate(name="delivery", pin=KEY),))
    with pytest.raises(RelayError, match="side gate delivery on GPIO16"):
        rig.panel.start(rig.heard.append)
    again = GpioPanel(WIRED, (), rig.factory)
    again.start(rig.heard.append)
    again.close()
    again.close()
