"""Cards at the assembly point: each that a reader types is ticked off, the newest on top."""

from typing import ClassVar

from rich.text import Text as Line
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from hub.console.bridge import Found, Outcome
from hub.console.desk import Desk
from hub.console.texts import Text
from hub.console.widgets.bars import KeyBar, KeyHint

SHOWN = 8
"""Lines of what came of the last cards."""
TICKED = "ticked"


class BadgesDialog(ModalScreen[None]):
    """Stays open from card to card: whoever holds the reader looks at people, not at keys."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", show=False)]

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self._said: list[Outcome] = []

    def compose(self) -> ComposeResult:
        say = self._desk.words.say
        with Vertical(classes="dialog"):
            yield Static(Line(say(Text.BADGES_TITLE)), classes="title")
            yield Static(Line(say(Text.BADGES_BODY)), classes="body")
            yield Input(id="typed")
            yield Static(Line(""), classes="body", id="ticked")
            yield KeyBar()

    def on_mount(self) -> None:
        self.query_one(KeyBar).say([KeyHint("escape", "Esc", self._desk.words.say(Text.CLOSE))])
        self.query_one(Input).focus()

    @on(Input.Submitted)
    def _typed(self, event: Input.Submitted) -> None:
        event.stop()
        typed, event.input.value = event.value.strip(), ""
        if typed:
            self._desk.fetch(self, TICKED, self._desk.acts.badged(typed))

    def on_found(self, event: Found) -> None:
        """What became of a card."""
        event.stop()
        latest: Outcome = event.value
        self._said = [latest, *self._said][:SHOWN]
        text = Line()
        for one in self._said:
            text.append(f"{'✓' if one.done else '✗'} {' '.join(one.lines)}\n", style="bold" if one is latest else "")
        self.query_one("#ticked", Static).update(text)

    @on(KeyBar.Pressed)
    def action_leave(self) -> None:
        """Back to the roll."""
        self.dismiss()
