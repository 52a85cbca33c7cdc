"""A page of paper for people: its font, its heading, its parts. What stands on it is told by who writes it.

The font has to have every letter of five languages; it comes with the system, as it is larger than this program.
"""

import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

from fontTools.ttLib import TTFont, TTLibError
from fpdf import FPDF
from fpdf.bidi import BidiParagraph
from fpdf.enums import TableBordersLayout, XPos, YPos
from fpdf.errors import FPDFException
from fpdf.fonts import FontFace

from hub.errors import PaperError

FOLDERS = ("/usr/share/fonts/truetype/dejavu", "/usr/share/fonts/dejavu-sans-fonts", "/usr/share/fonts/TTF")
REGULAR, BOLD = "DejaVuSans.ttf", "DejaVuSans-Bold.ttf"
INK, FAINT, BAND, STRIPE = (28, 32, 38), (104, 112, 122), (16, 62, 92), (240, 244, 247)

_JOINERS = frozenset("\u200d\ufe0e\ufe0f")
"""They say how other signs are drawn, and are nothing by themselves."""

Orientation = Literal["portrait", "landscape"]


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
        self.set_font("sans", "", 8.5)
        self.set_text_color(*INK)
        style = FontFace(emphasis="BOLD", color=(255, 255, 255), fill_color=BAND)
        with self.table(
            borders_layout=TableBordersLayout.NONE, headings_style=style, cell_fill_color=STRIPE, cell_fill_mode="ROWS",
            col_widths=tuple(widths), line_height=5.2, text_align="LEFT", padding=(0.6, 1.5),
        ) as table:  # fmt: skip
            table.row(list(heads))
            for row in rows:
                table.row([self._legible(cell) for cell in row])
            if total:
                table.row([self._legible(cell) for cell in total], style=FontFace(emphasis="BOLD"))

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


def _letters(font: Path) -> frozenset[int]:
    with TTFont(font, lazy=True) as opened:
        return frozenset(opened.getBestCmap())


def _font_folder() -> Path:
    for folder in map(Path, FOLDERS):
        if (folder / REGULAR).is_file() and (folder / BOLD).is_file():
            return folder
    raise PaperError(f"no font {REGULAR} on this machine; install fonts-dejavu-core, or write FILE.json instead")
