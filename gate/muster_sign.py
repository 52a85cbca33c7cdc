"""What stands beside the readers of an assembly point: lamps and buzzer on the Pi's pins, and a screen."""

from typing import Protocol

from gate import config
from gate.model import Direction, MusterReply
from gate.muster_desk import LAMPS
from gate.ports import Lane
from gate.relay.display import Face, muster_answer, named


class Display(Protocol):
    """Where faces go."""

    def post(self, face: Face) -> None: ...


class PointSign:
    """Keeps the contract of `gate.ports.MusterSign`. `lamps` is a lane without relays, `display` the screens; either
    may be left out."""

    def __init__(self, name: str, lamps: Lane | None = None, display: Display | None = None) -> None:
        self.name = name
        self._lamps = lamps
        self._display = display
        self._answer: Face | None = None

    def start(self) -> None:
        """Take the pins. Raises RelayError."""
        if self._lamps is not None:
            self._lamps.start(lambda _given: None)

    def show(self, reply: MusterReply, language: str | None) -> None:
        """Lamps first, then the screen."""
        if self._lamps is not None:
            self._lamps.show(LAMPS[reply], Direction.ENTRY, language)
        self._answer = muster_answer(reply, language)
        self._post(self._answer)

    def greet(self, first_name: str) -> None:
        """The name beside the answer that is shown."""
        if self._answer is not None:
            self._post(named(self._answer, first_name))

    def close(self) -> None:
        """Let go of the pins; whoever made the display closes it."""
        if self._lamps is not None:
            self._lamps.close()

    def _post(self, face: Face) -> None:
        if self._display is not None:
            self._display.post(face)


def lamps_of(settings: config.MusterPoint) -> config.GpioLane | None:
    """The point's lamps and buzzer as a lane without relays and sensors; None when nothing is wired."""
    if settings.green_lamp_pin is None and settings.red_lamp_pin is None and settings.buzzer_pin is None:
        return None
    return config.GpioLane(
        name=settings.name,
        green_lamp_pin=settings.green_lamp_pin,
        red_lamp_pin=settings.red_lamp_pin,
        buzzer_pin=settings.buzzer_pin,
    )
