"""A lane that also has a screen: everything goes on to its driver, and what a worker meets to the screen."""

from typing import Protocol

from gate.model import Decision, Direction
from gate.ports import Deliver, Lane
from gate.relay.display import Face, answer, named, of_mode
from gate.turnstile import Mode


class Display(Protocol):
    """Where faces go."""

    def post(self, face: Face) -> None: ...


class DisplayedLane:
    """Keeps the contract of `gate.ports.Lane`."""

    def __init__(self, lane: Lane, display: Display) -> None:
        self.name = lane.name
        self._lane = lane
        self._display = display
        self._mode = Mode.NORMAL
        self._welcome: Face | None = None
        """The answer that sends somebody through, while the arm gives."""

    def start(self, deliver: Deliver) -> None:
        """As the driver does."""
        self._lane.start(deliver)

    def release(self, direction: Direction) -> None:
        """As the driver does."""
        self._lane.release(direction)

    def secure(self) -> None:
        """As the driver does. An arm that is locked again may not be shown as go."""
        self._end_welcome()
        self._lane.secure()

    def hold(self, ways: frozenset[Direction]) -> None:
        """As the driver does."""
        self._end_welcome()
        self._lane.hold(ways)

    def show_mode(self, mode: Mode) -> None:
        """Lamps first, then the screen."""
        self._lane.show_mode(mode)
        self._mode = mode
        self._welcome = None
        self._display.post(of_mode(mode))

    def show(self, decision: Decision, direction: Direction, language: str | None) -> None:
        """Lamps first, then the screen; an evacuation is not painted over."""
        self._lane.show(decision, direction, language)
        if self._mode is not Mode.EVACUATED:
            face = answer(decision, direction, language)
            self._welcome = face if decision.admitted else None
            self._display.post(face)

    def greet(self, first_name: str) -> None:
        """The name beside the answer that is shown."""
        self._lane.greet(first_name)
        if self._welcome is not None:
            self._welcome = named(self._welcome, first_name)
            self._display.post(self._welcome)

    def close(self) -> None:
        """As the driver does; whoever made the display closes it."""
        self._lane.close()

    def _end_welcome(self) -> None:
        if self._welcome is not None:
            self._welcome = None
            self._display.post(of_mode(self._mode))
