"""A table of any length: only the lines that are on the screen are made.

It holds values, not widgets, so that 5,000 of them scroll as 50 do. Everything is text: a name with square brackets is
a name, a character that would move the cursor is shown as `�`.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import Any, ClassVar, Generic, TypeVar

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from hub.tables import clean

GAP = 2
MARK = 2
"""The cells of the cursor's own sign, so that it is seen where there are no colours."""
NEAR_END = 30

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Column:
    """`grows` is its share of what room is left; where there is too little, the columns with the highest `goes` go
    first, one by one. 0 never goes."""

    title: str
    width: int
    grows: int = 0
    goes: int = 0


@dataclass(frozen=True, slots=True)
class Cell:
    """A text and how it is meant: `good`, `bad`, `warn`, `dim`, `strong`, or nothing. The words say the same."""

    text: str
    tone: str = ""


Cells = Sequence[Cell | str]


@dataclass(frozen=True, slots=True)
class Heading:
    """A line between the items, over the whole width; the cursor passes over it."""

    text: str
    count: str = ""


class Sheet(ScrollView, Generic[T], can_focus=True):
    """Lines of items, one of them chosen."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "sheet--head", "sheet--cursor", "sheet--good", "sheet--bad", "sheet--warn", "sheet--dim", "sheet--strong",
        "sheet--heading", "sheet--line",
    }  # fmt: skip
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1)", show=False),
        Binding("down", "move(1)", show=False),
        Binding("pageup", "page(-1)", show=False),
        Binding("pagedown", "page(1)", show=False),
        Binding("home", "edge(-1)", show=False),
        Binding("end", "edge(1)", show=False),
        Binding("enter", "choose", show=False),
    ]
    DEFAULT_CSS = """
    Sheet { height: 1fr; background: $background; scrollbar-size-vertical: 1; overflow-x: hidden; }
    Sheet .sheet--line { color: $foreground; }
    Sheet .sheet--head { color: $text-muted; text-style: bold; }
    Sheet .sheet--cursor { background: $cursor-faint; text-style: bold; }
    Sheet:focus .sheet--cursor { background: $cursor; }
    Sheet .sheet--good { color: $success; }
    Sheet .sheet--bad { color: $error; text-style: bold; }
    Sheet .sheet--warn { color: $warning; }
    Sheet .sheet--dim { color: $text-muted; }
    Sheet .sheet--strong { text-style: bold; }
    Sheet .sheet--heading { color: $accent; text-style: bold; }
    """

    class Chosen(Message):
        """Enter, or a click on the line that the cursor is on."""

        def __init__(self, sheet: "Sheet[Any]") -> None:
            super().__init__()
            self.sheet = sheet

        @property
        def control(self) -> "Sheet[Any]":
            return self.sheet

    class Moved(Message):
        """The cursor is on another line. `near_end` when few lines follow."""

        def __init__(self, sheet: "Sheet[Any]", *, near_end: bool) -> None:
            super().__init__()
            self.sheet = sheet
            self.near_end = near_end

        @property
        def control(self) -> "Sheet[Any]":
            return self.sheet

    def __init__(
        self,
        columns: Sequence[Column],
        key: Callable[[T], Hashable],
        cells: Callable[[T], Cells],
        *,
        empty: str = "",
        id: str | None = None,  # noqa: A002  # Textual's own word
    ) -> None:
        super().__init__(id=id)
        self._columns = tuple(columns)
        self._key = key
        self._cells = cells
        self._items: Sequence[T | Heading] = ()
        self._cursor = 0
        self._empty = empty
        self._laid_out: tuple[int, Sequence[tuple[int, Column, int]]] = (-1, ())

    # --- what it holds -----------------------------------------------------------------------------

    @property
    def items(self) -> Sequence[T | Heading]:
        return self._items

    @property
    def chosen(self) -> T | None:
        """What the cursor is on."""
        if 0 <= self._cursor < len(self._items):
            item = self._items[self._cursor]
            return None if isinstance(item, Heading) else item
        return None

    @property
    def at_top(self) -> bool:
        """Whether the cursor is on the first item."""
        return self._cursor <= next((n for n, item in enumerate(self._items) if not isinstance(item, Heading)), 0)

    def show(self, items: Sequence[T | Heading], *, empty: str | None = None, follow: bool = True) -> None:
        """Hold these. The cursor stays on the item that it was on; without `follow` on the line."""
        before = self.chosen
        self._items = items
        if empty is not None:
            self._empty = empty
        if follow and before is not None:
            key = self._key(before)
            self._cursor = next(
                (n for n, one in enumerate(items) if not isinstance(one, Heading) and self._key(one) == key),
                min(self._cursor, max(0, len(items) - 1)),
            )
        self._settle(1)
        self.virtual_size = Size(0, len(items) + 1)
        self._reveal()
        self.refresh()

    def choose(self, item: T) -> None:
        """Put the cursor there."""
        key = self._key(item)
        for n, one in enumerate(self._items):
            if not isinstance(one, Heading) and self._key(one) == key:
                self._go(n, 1)
                return

    def choose_first(self) -> None:
        """Put the cursor on the first item."""
        self._go(0, 1)

    def say_columns(self, columns: Sequence[Column]) -> None:
        """Other words, or other columns."""
        self._columns = tuple(columns)
        self._laid_out = (-1, ())
        self.refresh()

    # --- the cursor --------------------------------------------------------------------------------

    def action_move(self, by: int) -> None:
        self._go(self._cursor + by, by)

    def action_page(self, by: int) -> None:
        self._go(self._cursor + by * max(1, self._rows - 1), by)

    def action_edge(self, by: int) -> None:
        self._go(0 if by < 0 else len(self._items) - 1, -by)

    def action_choose(self) -> None:
        if self.chosen is not None:
            self.post_message(self.Chosen(self))

    def on_click(self, event: events.Click) -> None:
        place = int(event.y + self.scroll_offset.y) - 1
        if event.y == 0 or not 0 <= place < len(self._items) or isinstance(self._items[place], Heading):
            return
        again = place == self._cursor and self.has_focus
        self._go(place, 1)
        if again or event.chain == 2:
            self.action_choose()

    def on_resize(self) -> None:
        self._reveal()

    @property
    def _rows(self) -> int:
        return max(1, self.size.height - 1)

    def _go(self, place: int, by: int) -> None:
        if not self._items:
            return
        self._cursor = max(0, min(place, len(self._items) - 1))
        self._settle(by)
        self._reveal()
        self.refresh()
        self.post_message(self.Moved(self, near_end=self._cursor >= len(self._items) - NEAR_END))

    def _settle(self, by: int) -> None:
        """Off a heading, in the direction in which it goes; back where there is nothing."""
        self._cursor = max(0, min(self._cursor, len(self._items) - 1))
        for step in (1 if by >= 0 else -1, -1 if by >= 0 else 1):
            place = self._cursor
            while 0 <= place < len(self._items) and isinstance(self._items[place], Heading):
                place += step
            if 0 <= place < len(self._items):
                self._cursor = place
                return

    def _reveal(self) -> None:
        top = int(self.scroll_offset.y)
        first = self._cursor
        # The heading above a first item comes into view with it.
        if first and isinstance(self._items[first - 1], Heading):
            first -= 1
        if first < top:
            self.scroll_to(y=first, animate=False, force=True, immediate=True)
        elif self._cursor >= top + self._rows:
            self.scroll_to(y=self._cursor - self._rows + 1, animate=False, force=True, immediate=True)

    # --- drawing -----------------------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        """The head, or one item."""
        width = self.size.width
        layout = self._layout(width)
        ground = self.rich_style
        if y == 0:
            head = self._style("head")
            texts = [(_fit(column.title, size), head) for _, column, size in layout]
            return self._line(texts, " " * MARK, head, width)
        place = y - 1 + int(self.scroll_offset.y)
        if place >= len(self._items):
            lines = wrap(self._empty, max(1, width - 2 * MARK)) if not self._items else []
            if 0 <= y - 2 < len(lines):
                return Strip([Segment(set_cell_size(" " * MARK + lines[y - 2], width), self._style("dim"))], width)
            return Strip([Segment(" " * width, ground)], width)
        item = self._items[place]
        if isinstance(item, Heading):
            count = f"{item.count} " if item.count else ""
            room = max(0, width - cell_len(count) - 1)
            text = f"{_fit(clean(item.text), room)} {count}"
            return Strip([Segment(set_cell_size(text, width), self._style("heading"))], width)
        on = place == self._cursor
        base = ground + self._tone("line")
        if on:
            lit = self._tone("cursor")
            base = base + Style(bgcolor=lit.bgcolor, bold=True)
        cells = self._cells(item)
        texts = []
        for number, _, size in layout:
            cell = cells[number]
            text, tone = (cell, "") if isinstance(cell, str) else (cell.text, cell.tone)
            texts.append((_fit(clean(text), size), base + _ink(self._tone(tone)) if tone else base))
        return self._line(texts, "▸ " if on else " " * MARK, base, width)

    def _line(self, texts: Sequence[tuple[str, Style]], mark: str, base: Style, width: int) -> Strip:
        segments = [Segment(mark, base)]
        for text, style in texts:
            segments += [Segment(text, style), Segment(" " * GAP, base)]
        return Strip(segments).adjust_cell_length(width, base)

    def _tone(self, name: str) -> Style:
        return self.get_component_rich_style(f"sheet--{name}")

    def _style(self, name: str) -> Style:
        return self.rich_style + _ink(self._tone(name))

    def _layout(self, width: int) -> Sequence[tuple[int, Column, int]]:
        """Which columns are shown, and how wide."""
        if self._laid_out[0] == width:
            return self._laid_out[1]
        room = width - MARK
        kept = list(enumerate(self._columns))
        while len(kept) > 1 and sum(column.width + GAP for _, column in kept) - GAP > room:
            going = [(column.goes, number) for number, column in kept if column.goes]
            if not going:
                break
            last = max(going)[1]
            kept = [(number, column) for number, column in kept if number != last]
        left = max(0, room - sum(column.width + GAP for _, column in kept) + GAP)
        shares = sum(column.grows for _, column in kept) or 1
        sizes = [(number, column, column.width + left * column.grows // shares) for number, column in kept]
        self._laid_out = (width, sizes)
        return sizes

    def line_of(self, item: T) -> Region | None:
        """Where an item is on the screen; None when it is not."""
        key = self._key(item)
        for n, one in enumerate(self._items):
            if not isinstance(one, Heading) and self._key(one) == key:
                y = n + 1 - int(self.scroll_offset.y)
                return (
                    Region(self.region.x, self.region.y + y, self.size.width, 1) if 0 < y < self.size.height else None
                )
        return None


def _ink(style: Style) -> Style:
    """What is written, without the ground under it."""
    return Style(color=style.color, bold=style.bold)


def _fit(text: str, size: int) -> str:
    """As wide as that, with `…` for what has no room."""
    wide = cell_len(text)
    if wide <= size:
        return text + " " * (size - wide)
    return set_cell_size(text, size - 1) + "…" if size > 0 else ""
