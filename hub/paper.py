"""A page of paper for people: its font, its heading, its parts. What stands on it is told by who writes it.

The font has to have every letter of five languages; it comes with the system, as it is larger than this program.
"""

import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from fontTools.ttLib import TTFont, TTLibError
from fpdf import FPDF
from fpdf.bidi import BidiParagraph
from fpdf.enums import XPos, YPos
from fpdf.errors import FPDFException

from hub.errors import PaperError

FOLDERS = ("/usr/share/fonts/truetype/dejavu", "/usr/share/fonts/dejavu-sans-fonts", "/usr/share/fonts/TTF")
REGULAR, BOLD = "DejaVuSans.ttf", "DejaVuSans-Bold.ttf"
INK, FAINT, BAND, STRIPE = (28, 32, 38), (104, 112, 122), (16, 62, 92), (240, 244, 247)

_JOINERS = frozenset("\u200d\ufe0e\ufe0f")
"""They say how other signs are drawn, and are nothing by themselves."""

LINE_MM, PADDING_MM, GAP_MM = 4.6, 1.5, 1.2
MAX_LINES = 12
"""Of a cell: what is longer is cut."""

Orientation = Literal["portrait", "landscape"]
Style = Literal["", "B"]


class _Ink(NamedTuple):
    """How a row of a table is drawn."""

    style: Style
    text: tuple[int, int, int]
    fill: tuple[int, int, int] | None


class Paper(FPDF):
    """Pages of A4. `page_words` is how a page is numbered, such as `Page {page} of {pages}`. Raises PaperError when the
    machine has no font for it."""

    def __init__(
        self, title: str, below: str, footer: str, page_words: str, orientation: Orientation = "portrait"
    ) -> None:
        super().__init__(orientation, format="A4")
        self._title, self._below, self._footer, self._page_words = title, below, footer, page_words
        fonts = _font_folder()
        try:
            self.add_font("sans", "", fonts / REGULAR)
            self.add_font("sans", "B", fonts / BOLD)
            self._drawn = _letters(fonts / REGULAR) & _letters(fonts / BOLD)
        except (OSError, FPDFException, TTLibError) as broken:
            raise PaperError(
                f"{fonts}: its font cannot be used ({broken}); install fonts-dejavu-core again"
            ) from broken
        self.set_margins(18, 16)
        self.set_auto_page_break(auto=True, margin=20)
        self.alias_nb_pages()
        self.set_title(title)
        self.set_creator("Portvakt")

    def header(self) -> None:
        """A band on the first page."""
        if self.page_no() > 1:
            return
        self.set_fill_color(*BAND)
        self.rect(0, 0, self.w, 31, style="F")
        self.set_y(10)
        self.set_text_color(255, 255, 255)
        self.set_font("sans", "B", 19)
        self._line(self._title, 9)
        self.set_font("sans", "", 9)
        self._line(self._below, 5)
        self.set_y(39)

    def footer(self) -> None:
        """Whose page this is, and which of how many."""
        self.set_y(-14)
        self.set_font("sans", "", 8)
        self.set_text_color(*FAINT)
        self.cell(0, 5, self._footer)
        self.set_x(self.l_margin)
        self.cell(0, 5, self._page_words.format(page=self.page_no(), pages="{nb}"), align="R")

    def part(self, heading: str) -> None:
        """A heading with a line below it."""
        if self.get_y() > self.h - 50:
            self.add_page()
        self.ln(4)
        self.set_font("sans", "B", 12)
        self.set_text_color(*BAND)
        self._line(heading, 7)
        self.set_draw_color(*BAND)
        self.set_line_width(0.3)
        self.line(self.l_margin, self.get_y(), self.w - self.r_margin, self.get_y())
        self.ln(2)

    def pairs(self, pairs: Iterable[tuple[str, str | None]]) -> None:
        """What is what, one below the other; without those that are empty."""
        for label, value in pairs:
            if not value:
                continue
            self.set_font("sans", "", 9)
            self.set_text_color(*FAINT)
            self.cell(52, 5.4, label)
            self.set_text_color(*INK)
            self.multi_cell(0, 5.4, self._legible(value), new_x=XPos.LMARGIN, new_y=YPos.NEXT, align="L")
        self.ln(1.5)

    def paragraph(self, text: str) -> None:
        """Text over the whole width."""
        self.set_font("sans", "", 9)
        self.set_text_color(*INK)
        self.multi_cell(0, 5, self._legible(text), new_x=XPos.LMARGIN, new_y=YPos.NEXT, align="L")

    def rows(
        self,
        heads: Sequence[str],
        rows: Iterable[Sequence[str]],
        widths: Sequence[int],
        total: Sequence[str] | None = None,
    ) -> None:
        """A table that goes on over pages, its heads on each. `widths` are in relation to each other."""
        share = self.epw / sum(widths)
        columns = [width * share for width in widths]
        self._heads(heads, columns)
        for place, row in enumerate(rows):
            self._row(row, heads, columns, _Ink("", INK, None if place % 2 else STRIPE))
        if total:
            self._row(total, heads, columns, _Ink("B", INK, None))
        self.ln(1.5)

    def _heads(self, heads: Sequence[str], columns: Sequence[float]) -> None:
        self._draw(self._wrapped(heads, columns, "B"), columns, _Ink("B", (255, 255, 255), BAND))

    def _row(self, row: Sequence[str], heads: Sequence[str], columns: Sequence[float], ink: "_Ink") -> None:
        lines = self._wrapped(row, columns, ink.style)
        if self.get_y() + _height_mm(lines) > self.page_break_trigger:
            self.add_page()
            self._heads(heads, columns)
        self._draw(lines, columns, ink)

    def _wrapped(self, row: Sequence[str], columns: Sequence[float], style: Style) -> list[list[str]]:
        """The lines of each cell. FPDF's own tables take ten times as long, and fail at a cell higher than a page."""
        self.set_font("sans", style, 8.5)
        return [
            self._lines(self._legible(text), column - 2 * PADDING_MM) for text, column in zip(row, columns, strict=True)
        ]

    def _lines(self, text: str, width: float) -> list[str]:
        lines: list[str] = []
        for line in text.split("\n"):
            rest = line
            while len(lines) < MAX_LINES:
                fits = self._fitting(rest, width)
                lines.append(rest[:fits].strip())
                rest = rest[fits:]
                if not rest.strip():
                    break
            else:
                lines[-1] = f"{lines[-1][:-1]}…"
                return lines
        return lines

    def _fitting(self, text: str, width: float) -> int:
        """How many signs fit into the width: whole words, or as much of one as there is room for."""
        if self.get_string_width(text) <= width:
            return len(text)
        some = 1 + bisect_right(range(2, len(text)), width, key=lambda end: self.get_string_width(text[:end]))
        blank = text.rfind(" ", 0, some + 1)
        return blank + 1 if blank > 0 else some

    def _draw(self, lines: Sequence[Sequence[str]], columns: Sequence[float], ink: "_Ink") -> None:
        left, top = self.l_margin, self.get_y()
        height = _height_mm(lines)
        if ink.fill is not None:
            self.set_fill_color(*ink.fill)
            self.rect(left, top, self.epw, height, style="F")
        self.set_font("sans", ink.style, 8.5)
        self.set_text_color(*ink.text)
        for cell, column in zip(lines, columns, strict=True):
            for place, line in enumerate(cell):
                if line:
                    self.text(left + PADDING_MM, top + LINE_MM * (place + 0.8), line)
            left += column
        self.set_y(top + height)

    def _legible(self, text: str) -> str:
        """The text as it can be drawn: a letter that the font lacks is a mark, not a gap and a line in the log; what is
        written from right to left stands so."""
        drawn = "".join(
            sign if sign == "\n" or (sign.isprintable() and ord(sign) in self._drawn) else "�"
            for sign in text
            if sign not in _JOINERS
        )
        if any(unicodedata.bidirectional(sign) in ("R", "AL") for sign in drawn):
            return "\n".join(BidiParagraph(line).get_reordered_string() for line in drawn.split("\n"))
        return drawn

    def _line(self, text: str, height: float) -> None:
        self.cell(0, height, self._legible(text), new_x=XPos.LMARGIN, new_y=YPos.NEXT)


def _height_mm(lines: Sequence[Sequence[str]]) -> float:
    return LINE_MM * max(len(cell) for cell in lines) + GAP_MM


def _letters(font: Path) -> frozenset[int]:
    with TTFont(font, lazy=True) as opened:
        return frozenset(opened.getBestCmap())


def _font_folder() -> Path:
    for folder in map(Path, FOLDERS):
        if (folder / REGULAR).is_file() and (folder / BOLD).is_file():
            return folder
    raise PaperError(f"no font {REGULAR} on this machine; install fonts-dejavu-core, or write FILE.json instead")
