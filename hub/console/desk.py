"""What a page or a dialog may ask of the app around it, and the keys that a page offers."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from textual.message_pump import MessagePump

from hub.console.acts import Act, Acts
from hub.console.roles import Right, Role
from hub.console.site import Site
from hub.console.words import Words
from hub.live import HappeningLine
from hub.presence import CardKey


@dataclass(frozen=True, slots=True)
class PageKey:
    """A key of a page; `key` is Textual's name of it. Offered to those alone who hold the right."""

    key: str
    shown: str
    does: str
    press: Callable[[], None]
    right: Right = Right.LOOK
    grave: bool = False


class Desk(Protocol):
    """What a page may ask of the app around it."""

    words: Words
    role: Role

    @property
    def acts(self) -> Acts: ...

    @property
    def now_ms(self) -> int: ...

    def ask(self, act: Act | None) -> None:
        """Put the question, if the role may."""

    def explain(self, card: CardKey, happening: HappeningLine | None = None) -> None:
        """Show what the answer to a card rests on."""

    def fetch(self, receiver: MessagePump, name: str, read: Callable[[Site], object]) -> None:
        """Have it read in a thread; it comes back as `Found`."""

    def do(self, act: Callable[[Site], None], right: Right) -> None:
        """Have it done in a thread, without a question."""

    def keys_changed(self) -> None:
        """Offer other keys."""

    def tell(self, text: str) -> None:
        """A line that goes by."""
