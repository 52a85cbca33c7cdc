"""The simulated turnstile's world side: walking, forcing, looking on."""

from gate.model import Decision, Direction, Reason
from gate.ports import Input, PassageSensed
from gate.simulator.turnstile import MOVEMENTS_KEPT, Movement, TurnstileState, VirtualTurnstile

ENTRY, EXIT = Direction.ENTRY, Direction.EXIT


def test_an_arm_gives_for_one_body_a_release_in_that_direction() -> None:
    heard: list[Input] = []
    lane = VirtualTurnstile("north")
    lane.start(heard.append)
    assert lane.walk(ENTRY) is False
    lane.release(ENTRY)
    assert lane.walk(EXIT) is False
    assert lane.walk(ENTRY) is True
    assert lane.walk(ENTRY) is False
    assert heard == [PassageSensed("north", ENTRY)]
    assert lane.state.bodies == {ENTRY: 1, EXIT: 0}


def test_every_movement_is_on_record_in_order() -> None:
    lane = VirtualTurnstile("north")
    lane.start(lambda _: lane.secure())
    lane.secure()
    lane.release(ENTRY)
    lane.show(Decision(admitted=True, reason=Reason.GRANTED), ENTRY, None)
    lane.walk(ENTRY)
    lane.release(EXIT)
    lane.release(ENTRY)
    lane.close()
    assert lane.movements == [
        (Movement.RELEASED, ENTRY),
        (Movement.SHOWN, ENTRY),
        (Movement.BODY, ENTRY),
        (Movement.SECURED, None),
        (Movement.RELEASED, EXIT),
        (Movement.SECURED, None),
        (Movement.RELEASED, ENTRY),
        (Movement.SECURED, None),
    ]
    assert lane.state.releases == {ENTRY: 2, EXIT: 1}


def test_the_record_of_movements_has_a_bound() -> None:
    """P11."""
    lane = VirtualTurnstile("north")
    for _ in range(MOVEMENTS_KEPT + 5):
        lane.force(EXIT)
    assert len(lane.movements) == MOVEMENTS_KEPT
    assert lane.state.bodies[EXIT] == MOVEMENTS_KEPT + 5


def test_observers_see_each_movement_with_the_state_it_led_to() -> None:
    seen: list[tuple[Movement, TurnstileState]] = []
    lane = VirtualTurnstile("north")
    lane.observe(lambda movement, state: seen.append((movement, state)))
    lane.start(lambda _: None)
    lane.release(EXIT)
    lane.secure()
    assert [(movement, state.released) for movement, state in seen] == [
        (Movement.RELEASED, EXIT),
        (Movement.SECURED, None),
    ]
