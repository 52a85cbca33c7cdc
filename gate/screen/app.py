"""The page: one sign as large as the display lets it be, its words below. Textual.

The sign, its colour and its word say the same, each alone: for who sees no colours, who reads no
Norwegian, and who stands three metres off in the sun.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from itertools import groupby

import msgspec
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.app import App, ComposeResult
from textual.containers import Vertical
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Static

from gate.relay.display import LOST, Face, Sign
from gate.screen.lettering import lettered
from gate.screen.pictograms import drawn

Faces = Callable[[], AsyncIterator[Face]]
"""The faces as they come; ends when whoever sends them has gone, raises TimeoutError when it is silent."""

COLOURS: Mapping[Sign, tuple[str, str]] = {
    Sign.SHOW_CARD: ("#ffffff", "#12395b"),
    Sign.GO: ("#000000", "#1fd655"),
    Sign.NOTE: ("#000000", "#1fd655"),
    Sign.STOP: ("#ffffff", "#a8001c"),
    Sign.ASK: ("#ffffff", "#a8001c"),
    Sign.AGAIN: ("#000000", "#ffc400"),
    Sign.CLOSED: ("#ffffff", "#a8001c"),
    Sign.OPEN: ("#000000", "#1fd655"),
    Sign.EVACUATE: ("#004d22", "#ffffff"),
    Sign.MUSTER: ("#ffffff", "#12395b"),
    Sign.COUNTED: ("#000000", "#1fd655"),
    Sign.LOST: ("#cccccc", "#222222"),
}
"""Ink and ground: bright ground for go, dark for stop, so that they differ without colour too. Each pair
has a contrast of 7 to 1 or more."""

RETRY_S = 1.0
LEAST_SIGN_ROWS = 5
SMALL_ROWS = 16


class BlockArea(Widget):
    """A drawing out of half blocks, in the middle of a strip as wide as the display. Line by line: text
    layout would take the blanks at a line's ends for nothing, and they are the drawing's shape."""

    def __init__(self, area: str) -> None:
        super().__init__(id=area)
        self._lines: Sequence[str] = ()
        self._style = Style()

    def paint(self, lines: Sequence[str], style: Style) -> None:
        """Draw these lines."""
        self._lines, self._style = lines, style
        self.styles.height = len(lines)
        self.display = bool(lines)
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """One line of the drawing."""
        line = (self._lines[y] if y < len(self._lines) else "").center(self.size.width)
        # Blanks as pieces of their own: an exported picture drops those that stand before ink.
        blank = Style(bgcolor=self._style.bgcolor)
        return Strip(
            Segment("".join(piece), blank if is_blank else self._style)
            for is_blank, piece in groupby(line, str.isspace)
        )


class LaneScreenApp(App[None]):
    """Shows faces until it is closed. Any key closes nothing: only Ctrl+Q does."""

    CSS = """
    Screen { layout: vertical; overflow: hidden; }
    #page { width: 100%; height: 100%; align: center middle; background: transparent; }
    #sign { width: 100%; }
    #large { width: 100%; margin-top: 1; }
    #word, #name, #headline, #next, #also { width: 100%; text-align: center; padding: 0 1; }
    #word, #name, #headline { text-style: bold; }
    """
    ENABLE_COMMAND_PALETTE = False

    def __init__(self, faces: Faces, passing_s: float, retry_s: float = RETRY_S) -> None:
        super().__init__()
        self._retry_s = retry_s
        self._faces = faces
        self._passing_s = passing_s
        self._resting = LOST
        self.face = LOST
        self._back: asyncio.TimerHandle | None = None

    def compose(self) -> ComposeResult:
        """Sign, word, name, headline (drawn large, or as text where that finds no room), what to do."""
        with Vertical(id="page"):
            yield BlockArea("sign")
            yield Static(id="word")
            yield Static(id="name")
            yield BlockArea("large")
            yield Static(id="headline")
            yield Static(id="next")
            yield Static(id="also")

    def on_mount(self) -> None:
        """Begin."""
        self._draw()
        self.run_worker(self._follow(), exclusive=True)

    def on_resize(self) -> None:
        """The sign is as large as the display lets it be."""
        self._draw()

    async def _follow(self) -> None:
        """Take faces as they come; a gate that has gone, or is silent, is shown as gone."""
        while True:
            with suppress(OSError, msgspec.DecodeError, ValueError):
                async for face in self._faces():
                    self.show_face(face)
            self._cancel()
            self._resting = self.face = LOST
            self._draw()
            await asyncio.sleep(self._retry_s)

    def show_face(self, face: Face) -> None:
        """Show a face; a passing one gives way to the lane's own after a few seconds."""
        self._cancel()
        if face.passing:
            self._back = asyncio.get_running_loop().call_later(self._passing_s, self._rest)
        else:
            self._resting = face
        self.face = face
        self._draw()

    def _rest(self) -> None:
        self._back = None
        self.face = self._resting
        self._draw()

    def _cancel(self) -> None:
        if self._back is not None:
            self._back.cancel()
            self._back = None

    def _draw(self) -> None:
        face, size = self.face, self.size
        ink, ground = COLOURS[face.sign]
        style = Style.parse(f"{ink} on {ground}")
        self.screen.styles.background = ground
        room = size.height - _lines_of_text(face, size.width)
        large = _large(face.headline, size.width - 2, room - LEAST_SIGN_ROWS - 1)
        # A row of ground above, where there is room: a sign that touches the edge is a worse sign.
        above = 1 if size.height > SMALL_ROWS else 0
        sign_rows = min(room - above - (len(large) + 1 if large else 1), size.width // 2 - 2)
        self.query_one("#sign", BlockArea).paint(drawn(face.sign, max(1, sign_rows)), style)
        self.query_one("#large", BlockArea).paint(large, style)
        headline = "" if large else face.headline
        for place, words in (
            ("word", face.word.upper()), ("name", face.name), ("headline", headline), ("next", face.next_step),
            ("also", face.also),
        ):  # fmt: skip
            widget = self.query_one(f"#{place}", Static)
            # Text, never markup: a name may hold square brackets.
            widget.update(Text(words, style=style))
            widget.styles.background = ground
            widget.display = bool(words)


def _lines_of_text(face: Face, columns: int) -> int:
    """Rows that the small text takes, the largest it may be."""
    running = (face.next_step, face.also)
    return bool(face.word) + bool(face.name) + sum(-(-len(text) // max(1, columns - 12)) for text in running)


def _large(headline: str, columns: int, rows: int) -> Sequence[str]:
    """The headline as large as it goes in less than half the room; nothing when not even the smallest fits."""
    for scale in (3, 2, 1):
        lines = lettered(headline, columns, scale)
        if lines is not None and len(lines) <= (rows if scale == 1 else rows // 2):
            return lines
    return ()
