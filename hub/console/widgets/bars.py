"""The lines above and below a page: the site, the pages, what is wrong, the keys. Each is drawn as text that fits."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual import events
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from hub.tables import clean


@dataclass(frozen=True, slots=True)
class KeyHint:
    """A key as it is shown, and what it does; `key` is what Textual calls it."""

    key: str
    shown: str
    does: str
    grave: bool = False


class TopBar(Widget):
    """Site, how many are inside, what is wrong; at the right the time and who sits here."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"bar--strong", "bar--bad", "bar--plain"}
    DEFAULT_CSS = """
    TopBar { height: 1; background: $panel; }
    TopBar .bar--strong { text-style: bold; color: $foreground; }
    TopBar .bar--bad { text-style: bold; color: $error; }
    TopBar .bar--plain { color: $text-muted; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._left: Sequence[tuple[str, str]] = ()
        self._right: Sequence[str] = ()

    def say(self, left: Sequence[tuple[str, str]], right: Sequence[str]) -> None:
        """Texts with their tones (`strong`, `bad`, `plain`) at the left; of those at the right the first go first."""
        if (left, right) != (self._left, self._right):
            self._left, self._right = left, right
            self.refresh()

    @property
    def text(self) -> str:
        """All of it."""
        return "  ".join([*(text for text, _ in self._left), *self._right])

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        ground = self.rich_style
        segments = [Segment(" ", ground)]
        used = 1
        for text, tone in self._left:
            shown = clean(text)
            if used + cell_len(shown) + 1 > width:
                break
            segments += [Segment(shown, self._tone(tone)), Segment("  ", ground)]
            used += cell_len(shown) + 2
        right = list(self._right)
        while right and used + cell_len("  ".join(right)) + 1 > width:
            right.pop(0)
        tail = clean("  ".join(right)) + " " if right else ""
        segments += [Segment(" " * max(0, width - used - cell_len(tail)), ground), Segment(tail, self._tone("plain"))]
        return Strip(segments).adjust_cell_length(width, ground)

    def _tone(self, tone: str) -> Style:
        return self.get_component_rich_style(f"bar--{tone}")


SHORTEST = 3
"""So many letters of a title still say which page it is."""


@dataclass(frozen=True, slots=True)
class Tab:
    """A page in the line of pages; `count` of what waits there."""

    name: str
    key: str
    title: str
    count: int = 0

    @property
    def whole(self) -> str:
        return f"{self.title} {self.count}" if self.count else self.title

    def shortened(self, letters: int) -> str:
        """So much of the title; the count is never left out of it."""
        title = self.title if letters > 0 and len(self.title) <= SHORTEST + 1 else self.title[:letters].rstrip()
        return f"{title}({self.count})" if title and self.count else title


class TabBar(Widget):
    """The pages by number; where there is little room only the one at hand has its whole name."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"tab--on", "tab--off"}
    DEFAULT_CSS = """
    TabBar { height: 1; background: $surface; }
    TabBar .tab--on { background: $primary; color: $background; text-style: bold; }
    TabBar .tab--off { color: $foreground; }
    """

    class Pressed(Message):
        """A page was clicked."""

        def __init__(self, page: str) -> None:
            super().__init__()
            self.page = page

    def __init__(self) -> None:
        super().__init__()
        self._tabs: Sequence[Tab] = ()
        self._on = ""
        self._places: list[tuple[int, int, str]] = []

    def say(self, tabs: Sequence[Tab], on: str) -> None:
        """Every page; the name of the one at hand."""
        if (tabs, on) != (self._tabs, self._on):
            self._tabs, self._on = tabs, on
            self.refresh()

    @property
    def text(self) -> str:
        return "  ".join(f"{tab.key} {tab.whole}" for tab in self._tabs)

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        texts = self._fitting(width)
        self._places, at = [], 0
        segments = []
        for tab, text in zip(self._tabs, texts, strict=True):
            on = tab.name == self._on
            # Brackets besides the colour: there may be none.
            shown = f"[{text[1:-1]}]" if on else text
            style = self.get_component_rich_style("tab--on" if on else "tab--off")
            # Blanks as pieces of their own: an exported picture drops those that stand before ink.
            segments += [Segment(shown, style)] if on else [Segment(" ", style), Segment(shown[1:], style)]
            self._places.append((at, at + cell_len(text), tab.name))
            at += cell_len(text)
        return Strip(segments).adjust_cell_length(width, self.rich_style)

    def _fitting(self, width: int) -> list[str]:
        """Whole titles; what has no room for them has as much of each as all have room for, or the keys alone."""
        wide = [f" {tab.key} {tab.whole} " for tab in self._tabs]
        if sum(map(cell_len, wide)) <= width:
            return wide
        longest = max((len(tab.title) for tab in self._tabs), default=0)
        for letters in range(longest, SHORTEST - 1, -1):
            texts = [self._tab(one, letters) for one in self._tabs]
            if sum(map(cell_len, texts)) <= width:
                return texts
        spread = [self._tab(one, 0) + ("" if one.name == self._on else " ") for one in self._tabs]
        return spread if sum(map(cell_len, spread)) <= width else [self._tab(one, 0) for one in self._tabs]

    def _tab(self, tab: Tab, letters: int) -> str:
        return f" {tab.key} {tab.whole} " if tab.name == self._on else f" {tab.key} {tab.shortened(letters)}".rstrip()

    def on_click(self, event: events.Click) -> None:
        for start, end, name in self._places:
            if start <= event.x < end:
                self.post_message(self.Pressed(name))


class Banner(Widget):
    """What everybody has to know, one line; away when there is nothing."""

    DEFAULT_CSS = """
    Banner { height: auto; max-height: 3; padding: 0 1; display: none; text-style: bold; }
    Banner.bad { display: block; background: $error; color: $background; }
    Banner.note { display: block; background: $warning; color: $background; }
    """

    def __init__(self, id: str) -> None:  # noqa: A002  # Textual's own word
        super().__init__(id=id)
        self.text = ""

    def say(self, text: str, tone: str = "bad") -> None:
        """Nothing takes it away."""
        shown = clean(text)
        if shown != self.text or (shown and not self.has_class(tone)):
            self.text = shown
            self.set_class(bool(shown) and tone == "bad", "bad")
            self.set_class(bool(shown) and tone == "note", "note")
            self.refresh(layout=True)

    def render(self) -> Text:
        return Text(self.text, overflow="ellipsis")


class KeyBar(Widget):
    """What can be pressed now. Those that find no room are in the help; grave ones are the last to go."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"key--key", "key--does", "key--grave"}
    DEFAULT_CSS = """
    KeyBar { height: 1; background: $panel; }
    KeyBar .key--key { color: $accent; text-style: bold; }
    KeyBar .key--does { color: $foreground; }
    KeyBar .key--grave { color: $error; text-style: bold; }
    """

    class Pressed(Message):
        """A key was clicked."""

        def __init__(self, key: str) -> None:
            super().__init__()
            self.key = key

    def __init__(self) -> None:
        super().__init__()
        self._hints: Sequence[KeyHint] = ()
        self._last: Sequence[KeyHint] = ()
        self._places: list[tuple[int, int, str]] = []

    def say(self, hints: Sequence[KeyHint], last: Sequence[KeyHint] = ()) -> None:
        """`last` are those that always have a place."""
        if (hints, last) != (self._hints, self._last):
            self._hints, self._last = hints, last
            self.refresh()

    @property
    def text(self) -> str:
        return "  ".join(f"{hint.shown} {hint.does}" for hint in (*self._hints, *self._last))

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        shown = self._shown(width)
        ground = self.rich_style
        segments, at = [Segment(" ", ground)], 1
        self._places = []
        for hint in (*shown, *self._last):
            tone = "grave" if hint.grave else "does"
            segments += [
                Segment(hint.shown, self.get_component_rich_style("key--grave" if hint.grave else "key--key")),
                Segment(" ", ground),
                Segment(clean(hint.does), self.get_component_rich_style(f"key--{tone}")),
                Segment("  ", ground),
            ]
            self._places.append((at, at + _wide(hint) - 2, hint.key))
            at += _wide(hint)
        return Strip(segments).adjust_cell_length(width, ground)

    def _shown(self, width: int) -> list[KeyHint]:
        """The first ones that have room; but before them those that matter most when there is no time to look."""
        room = width - 1 - sum(_wide(hint) for hint in self._last)
        kept: list[KeyHint] = []
        for hint in (*(one for one in self._hints if one.grave), *(one for one in self._hints if not one.grave)):
            if _wide(hint) > room:
                break
            kept.append(hint)
            room -= _wide(hint)
        return [hint for hint in self._hints if hint in kept]

    def on_click(self, event: events.Click) -> None:
        for start, end, key in self._places:
            if start <= event.x < end:
                self.post_message(self.Pressed(key))


def _wide(hint: KeyHint) -> int:
    return cell_len(f"{hint.shown} {clean(hint.does)}") + 2
