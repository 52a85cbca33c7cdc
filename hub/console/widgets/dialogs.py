"""What stands over a page: a question with its answer, the keys, why a card was refused."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import ClassVar

from rich.text import Text as Line
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.suggester import SuggestFromList
from textual.widgets import Input, Label, Static

from hub.console.acts import SIGNS, Act, carried_out
from hub.console.bridge import Answered, Bridge, Outcome, Told
from hub.console.desk import PageKey
from hub.console.site import Site
from hub.console.texts import Text
from hub.console.widgets.bars import KeyBar, KeyHint
from hub.console.words import Words
from hub.tables import clean

DIALOG_CSS = """
ModalScreen { align: center middle; background: $background 60%; }
.dialog { width: 100%; max-width: 78; height: auto; max-height: 100%; background: $surface; border: round $primary; }
.dialog.grave { border: heavy $error; }
.dialog .title { width: 100%; padding: 0 1; text-style: bold; height: auto; }
.dialog.grave .title { color: $error; }
.dialog .body { width: 100%; padding: 0 1; height: auto; }
.dialog Label { padding: 0 1; color: $text-muted; }
.dialog Input { margin: 0 1; border: none; height: 1; padding: 0 1; background: $panel; }
.dialog Input:focus { border: none; background: $primary 30%; }
.dialog VerticalScroll { height: auto; max-height: 1fr; }
.dialog KeyBar { dock: bottom; }
"""


class AskDialog(ModalScreen[bool]):
    """Asks once; then shows what came of it. Dismissed with whether anything was done."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", show=False),
        Binding("down,tab", "app.focus_next", show=False),
        Binding("up,shift+tab", "app.focus_previous", show=False),
    ]

    def __init__(self, act: Act, site: Callable[[], Site | None], words: Words) -> None:
        super().__init__()
        self._act = act
        self._site = site
        self._words = words
        self._asking = True
        self._outcome: Outcome | None = None

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog grave" if self._act.grave else "dialog"):
            mark = "▲ " if self._act.grave else ""
            yield Static(Line(f"{mark}{self._act.title}"), classes="title")
            with VerticalScroll(can_focus=False):
                yield Static(Line("\n".join(self._act.will)), classes="body", id="will")
                for field in self._act.fields:
                    yield Label(Line(field.label))
                    suggester = SuggestFromList(field.suggestions, case_sensitive=False) if field.suggestions else None
                    yield Input(field.value, id=f"field-{field.name}", suggester=suggester, select_on_focus=False)
                yield Static(Line(""), classes="body", id="said")
            yield KeyBar()

    def on_mount(self) -> None:
        self._say_keys()
        if inputs := self.query(Input):
            # The first one that is empty is what has to be told.
            (next((one for one in inputs if not one.value), None) or inputs.first()).focus()

    def on_key(self, event: events.Key) -> None:
        if event.key == "enter":
            event.stop()
            self._go_on()

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self._go_on()

    @on(KeyBar.Pressed)
    def _clicked(self, event: KeyBar.Pressed) -> None:
        event.stop()
        self._go_on() if event.key == "enter" else self.action_leave()

    def action_leave(self) -> None:
        """Nothing is done; while the gate is asked there is nothing to take back."""
        if self._asking or self._outcome is not None:
            self.dismiss(bool(self._outcome and self._outcome.done))

    @property
    def said(self) -> str:
        """What came of it, as it is shown."""
        return "\n".join(self._outcome.lines) if self._outcome else ""

    def _go_on(self) -> None:
        if self._outcome is not None and (self._outcome.done or not self._act.fields):
            self.dismiss(self._outcome.done)
            return
        if not self._asking and self._outcome is None:
            return
        site = self._site()
        if site is None:
            return
        said = {field.name: self.query_one(f"#field-{field.name}", Input).value.strip() for field in self._act.fields}
        self._asking, self._outcome = False, None
        for one in self.query(Input):
            one.disabled = True
        self.query_one("#said", Static).update(Line(f"… {self._act.waits}", style="bold"))
        self._say_keys()
        self.run_worker(partial(_carry_out, self._act, site, said, Bridge(self)), thread=True)

    def on_told(self, event: Told) -> None:
        """How far it has got."""
        event.stop()
        self.query_one("#said", Static).update(Line(f"… {event.line}", style="bold"))

    def on_answered(self, event: Answered) -> None:
        """The gate's own answer, or the hub's."""
        event.stop()
        self._outcome = event.outcome
        done = event.outcome.done
        tone = "good" if done else "bad"
        said = self.query_one("#said", Static)
        said.update(Line("\n".join(_signed(event.outcome))))
        said.set_classes(f"body {tone}")
        if not done and self._act.fields:
            self._asking = True
            for one in self.query(Input):
                one.disabled = False
            self.query(Input).first().focus()
        self._say_keys()
        said.scroll_visible(animate=False)

    def _say_keys(self) -> None:
        say = self._words.say
        enter = KeyHint("enter", "Enter", say(Text.DO_IT), grave=self._act.grave)
        leave = KeyHint("escape", "Esc", say(Text.CANCEL))
        close = KeyHint("escape", "Esc", say(Text.CLOSE))
        if self._outcome is not None and (self._outcome.done or not self._act.fields):
            hints = [KeyHint("enter", "Enter", say(Text.CLOSE))]
        elif self._asking:
            hints = [enter, close if self._outcome else leave]
            if len(self._act.fields) > 1:
                hints.append(KeyHint("tab", "Tab", say(Text.NEXT_FIELD)))
        else:
            hints = []
        self.query_one(KeyBar).say(hints)


def _signed(outcome: Outcome) -> Sequence[str]:
    """With a sign before the first line, where they have none of their own."""
    lines = [clean(line) for line in outcome.lines]
    if any(line.startswith(tuple(SIGNS.values())) for line in lines):
        return lines
    return [f"{'  ' if n else SIGNS[outcome.done]}{line}" for n, line in enumerate(lines)]


def _carry_out(act: Act, site: Site, said: Mapping[str, str], bridge: Bridge) -> None:
    """The thread's part."""
    bridge.answer(carried_out(act, site, said, bridge.tell))


class HelpDialog(ModalScreen[None]):
    """Every key of the page, and everywhere; what the signs mean."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", show=False)]

    def __init__(
        self, words: Words, title: str, keys: tuple[Sequence[PageKey], Sequence[KeyHint], Sequence[KeyHint]], who: str
    ) -> None:
        """The page's own keys, those that work everywhere, the pages."""
        super().__init__()
        self._words = words
        self._title = title
        self._here, self._everywhere, self._pages = keys
        self._who = who

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static(Line(f"{self._words.say(Text.HELP_TITLE)} · {self._title}"), classes="title")
            with VerticalScroll():
                yield Static(self.text(), classes="body")
            yield KeyBar()

    def text(self) -> Line:
        """All of it."""
        say = self._words.say
        text = Line(f"{self._who}\n")
        for heading, hints in (
            (Text.HELP_PAGE, [(key.shown, key.does) for key in self._here]),
            (Text.HELP_ALL, [(hint.shown, hint.does) for hint in self._everywhere]),
            (
                Text.HELP_SIGNS,
                [
                    ("✓ ●", say(Text.SIGN_GOOD)),
                    ("✗", say(Text.SIGN_BAD)),
                    ("▲", say(Text.SIGN_WARN)),
                    ("○", say(Text.SIGN_OFF)),
                ],
            ),
        ):
            if not hints:
                continue
            text.append(f"\n{say(heading)}\n", style="bold")
            if heading is Text.HELP_ALL:
                # As one paragraph: a line for each would push all else off a small terminal.
                text.append("  " + " · ".join(f"{page.shown} {page.does}" for page in self._pages) + "\n")
            for shown, does in hints:
                text.append(f"  {shown:<14} {does}\n")
        text.append(f"\n{say(Text.HELP_MOUSE)}")
        return text

    def on_mount(self) -> None:
        self.query_one(KeyBar).say([KeyHint("escape", "Esc", self._words.say(Text.CLOSE))])

    def on_key(self, event: events.Key) -> None:
        # No bindings: the very key that has opened this would be looked up among them, and close it again.
        if event.key in ("question_mark", "q", "enter"):
            event.stop()
            self.action_leave()

    @on(KeyBar.Pressed)
    def action_leave(self) -> None:
        """Back to the page."""
        self.dismiss()
