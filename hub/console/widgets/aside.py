"""What a central system did not take: its own words, the field that it means, and the keys to try again or give up."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text as Line
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from hub.central.overview import AsideLine, aside_lines, target_lines
from hub.console.bridge import Found
from hub.console.delivering import SHOWN_ID, DeliveryActs
from hub.console.desk import Desk
from hub.console.roles import Right, may
from hub.console.site import Site
from hub.console.texts import Text
from hub.console.widgets.bars import KeyBar, KeyHint
from hub.console.widgets.sheet import Cell, Column, Sheet
from hub.tables import clean

ASIDE = "aside"
AT_MOST = 500
WIDEST = 140


@dataclass(frozen=True, slots=True)
class SetAside:
    """The newest of them, and how many there are."""

    lines: tuple[AsideLine, ...]
    count: int


def set_aside(site: Site, target: str) -> SetAside:
    """A thread's part."""
    lines = tuple(aside_lines(site.store, target, AT_MOST))
    known = target_lines(site.store, site.config.targets, site.clock())
    return SetAside(lines, next((one.aside for one in known if one.name == target), len(lines)))


class AsideDialog(ModalScreen[None]):
    """Of one target."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", show=False)]
    DEFAULT_CSS = """
    AsideDialog .dialog { height: 100%; }
    AsideDialog Sheet { height: 1fr; background: $surface; }
    AsideDialog #said { height: auto; max-height: 7; padding: 0 1; border-top: solid $panel; }
    """

    def __init__(self, desk: Desk, target: str) -> None:
        super().__init__()
        self._desk = desk
        self._target = target
        self._found: SetAside | None = None

    def compose(self) -> ComposeResult:
        say = self._desk.words.say
        with Vertical(classes="dialog"):
            yield Static(Line(say(Text.ASIDE_HEAD, name=self._target)), classes="title", id="head")
            yield Sheet[AsideLine](
                self._columns(), lambda one: one.id, self._cells, empty=say(Text.READING), id="aside"
            )
            yield Static(id="said", markup=False)
            yield KeyBar()

    def on_mount(self) -> None:
        self.query_one(".dialog").styles.max_width = WIDEST
        self._sheet.focus()
        self._say()
        self.read()

    def on_screen_resume(self) -> None:
        """An act on top of it has ended: what is aside now?"""
        if self._found is not None:
            self.read()

    def read(self) -> None:
        """Ask anew."""
        self._desk.fetch(self, ASIDE, lambda site: set_aside(site, self._target))

    def on_found(self, event: Found) -> None:
        """Draw it."""
        event.stop()
        self._found = event.value
        self._sheet.show(event.value.lines, empty=self._desk.words.say(Text.NOTHING_ASIDE))
        self._say()

    # --- keys ----------------------------------------------------------------------------------------

    def on_key(self, event: events.Key) -> None:
        if event.character and self._press(event.character):
            event.stop()

    @on(KeyBar.Pressed)
    def _clicked(self, event: KeyBar.Pressed) -> None:
        event.stop()
        if not self._press(event.key):
            self.action_leave()

    @on(Sheet.Chosen)
    @on(Sheet.Moved)
    def _moved(self, event: Sheet.Moved | Sheet.Chosen) -> None:
        event.stop()
        self._say()

    def action_leave(self) -> None:
        """Back to the page."""
        self.dismiss()

    def _press(self, key: str) -> bool:
        one, found = self._sheet.chosen, self._found
        if one is None or found is None or not may(self._desk.role, Right.KEEP_BOOKS):
            return False
        acts = DeliveryActs(self._desk.words, self._desk.acts.user)
        match key:
            case "r":
                self._desk.ask(acts.retry(self._target, one.id))
            case "A":
                self._desk.ask(acts.retry_all(self._target, found.count))
            case "g":
                self._desk.ask(acts.give_up(self._target, one.id))
            case _:
                return False
        return True

    # --- what it says --------------------------------------------------------------------------------

    @property
    def _sheet(self) -> Sheet[AsideLine]:
        return self.query_one("#aside", Sheet)

    def _say(self) -> None:
        say = self._desk.words.say
        found, one = self._found, self._sheet.chosen
        if found is not None:
            count = f"{found.count}"
            if found.count > len(found.lines):
                count = say(Text.ASIDE_NEWEST, n=len(found.lines), all=found.count)
            self.query_one("#head", Static).update(Line(f"{say(Text.ASIDE_HEAD, name=self._target)} · {count}"))
        said = self.query_one("#said", Static)
        said.display = one is not None
        said.update("" if one is None else "\n".join(self._told(one)))
        hints = []
        if one is not None and may(self._desk.role, Right.KEEP_BOOKS):
            hints = [
                KeyHint("r", "r", say(Text.KEY_RETRY)),
                KeyHint("A", "A", say(Text.KEY_RETRY_ALL)),
                KeyHint("g", "g", say(Text.KEY_GIVE_UP), grave=True),
            ]
        self.query_one(KeyBar).say(hints, [KeyHint("escape", "Esc", say(Text.CLOSE))])

    def _told(self, one: AsideLine) -> Sequence[str]:
        """The whole of the receiver's words, which a line has no room for."""
        words, now_ms = self._desk.words, self._desk.now_ms
        field = f"{clean(one.field)}: " if one.field else ""
        answered = words.moment(one.answered_ms, now_ms) or "–"
        tried = words.say(Text.ASIDE_TRIED, n=one.attempts, at=answered)
        return (f"{one.id} · {tried}", f"{field}{clean(one.words)}")

    def _columns(self) -> list[Column]:
        say = self._desk.words.say
        return [
            Column("ID", SHOWN_ID, 0, 3),
            Column(say(Text.COL_HAPPENED), 12, 0, 2),
            Column(say(Text.COL_CARD), 12, 1, 4),
            Column(say(Text.COL_FIELD), 10, 1, 1),
            Column(say(Text.COL_SAID), 20, 5),
        ]

    def _cells(self, one: AsideLine) -> list[Cell]:
        return [
            Cell(one.id[:SHOWN_ID], "dim"),
            Cell(self._desk.words.moment(one.at_ms, self._desk.now_ms)),
            Cell(f"{one.scheme}:{one.number}" if one.number is not None else "–"),
            Cell(one.field or ""),
            Cell(one.words, "bad"),
        ]
