"""All that a thread may call of the console. What it hands over is immutable; Textual's own queue carries it."""

from dataclasses import dataclass
from typing import Any, Protocol

from textual.message import Message

from hub.console.site import Picture


class Receiver(Protocol):
    """An app, a page or a dialog: whatever Textual lets a message be posted to from any thread."""

    def post_message(self, message: Message) -> bool: ...


@dataclass
class Pictured(Message):
    """The site was read."""

    picture: Picture


@dataclass
class Away(Message):
    """The store does not answer."""

    why: str


@dataclass
class Unreadable(Message):
    """The store answers, and what it says cannot be shown."""

    why: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of something that was asked for, line by line, in the words that are shown."""

    done: bool
    lines: tuple[str, ...]


@dataclass
class Told(Message):
    """How far an act has got."""

    line: str


@dataclass
class Answered(Message):
    """What came of an act."""

    outcome: Outcome


@dataclass
class Found(Message):
    """What was asked for by name, and what it is."""

    name: str
    value: Any


class Bridge:
    """From a thread to one receiver."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver

    def picture(self, picture: Picture) -> None:
        """Show this."""
        self._receiver.post_message(Pictured(picture))

    def away(self, why: str) -> None:
        """Keep what there is, and say that it grows old."""
        self._receiver.post_message(Away(why))

    def unreadable(self, why: str) -> None:
        """Keep what there is, and say what cannot be shown."""
        self._receiver.post_message(Unreadable(why))

    def tell(self, line: str) -> None:
        """How far it has got."""
        self._receiver.post_message(Told(line))

    def answer(self, outcome: Outcome) -> None:
        """Tell what came of it."""
        self._receiver.post_message(Answered(outcome))

    def found(self, name: str, value: Any) -> None:
        """Here is what was asked for."""
        self._receiver.post_message(Found(name, value))
