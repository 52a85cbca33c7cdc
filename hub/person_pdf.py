"""What is held about a worker as a page to hand over, in the worker's language.

The font has to have every letter of five languages; it comes with the system, as it is larger than this program.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any

from fontTools.ttLib import TTLibError
from fpdf import FPDF
from fpdf.enums import TableBordersLayout, XPos, YPos
from fpdf.errors import FPDFException
from fpdf.fonts import FontFace

from hub.errors import PaperError
from hub.person import HeldCard, HeldMuster, HeldRecord, PersonFile
from hub.person_texts import Text, said

FOLDERS = ("/usr/share/fonts/truetype/dejavu", "/usr/share/fonts/dejavu-sans-fonts", "/usr/share/fonts/TTF")
REGULAR, BOLD = "DejaVuSans.ttf", "DejaVuSans-Bold.ttf"
INK, FAINT, BAND, STRIPE = (28, 32, 38), (104, 112, 122), (16, 62, 92), (240, 244, 247)
MAX_RECORDS = 20_000
"""Of one page's passages: a worker's ten years."""


def person_pdf(file: PersonFile, zone: tzinfo) -> bytes:
    """The page. Times are by the clocks of `zone`. Raises PaperError when the machine has no font for it."""
    paper = _Paper(file, zone, _font_folder())
    paper.write()
    return bytes(paper.output())


def _font_folder() -> Path:
    for folder in map(Path, FOLDERS):
        if (folder / REGULAR).is_file() and (folder / BOLD).is_file():
            return folder
    raise PaperError(f"no font {REGULAR} on this machine; install fonts-dejavu-core, or export FILE.json instead")


class _Paper(FPDF):
    def __init__(self, file: PersonFile, zone: tzinfo, fonts: Path) -> None:
        super().__init__(format="A4")
        self._file = file
        self._zone = zone
        self._language = file.language
        try:
            self.add_font("sans", "", fonts / REGULAR)
            self.add_font("sans", "B", fonts / BOLD)
        except (OSError, FPDFException, TTLibError) as broken:
            raise PaperError(
                f"{fonts}: its font cannot be used ({broken}); install fonts-dejavu-core again"
            ) from broken
        self.set_margins(18, 16)
        self.set_auto_page_break(auto=True, margin=20)
        self.alias_nb_pages()
        title = self._say(Text.TITLE)
        self.set_title(title)
        self.set_creator("Portvakt")
        self.set_lang(file.language or "nb")

    def header(self) -> None:
        """A band on the first page."""
        if self.page_no() > 1:
            return
        self.set_fill_color(*BAND)
        self.rect(0, 0, self.w, 31, style="F")
        self.set_y(10)
        self.set_text_color(255, 255, 255)
        self.set_font("sans", "B", 19)
        self._line(self._say(Text.TITLE), 9)
        self.set_font("sans", "", 9)
        self._line(self._say(Text.MADE, site=self._file.site, when=self._moment(self._file.made_ms)), 5)
        self.set_y(39)

    def footer(self) -> None:
        """Whose page this is, and which of how many."""
        self.set_y(-14)
        self.set_font("sans", "", 8)
        self.set_text_color(*FAINT)
        self.cell(0, 5, f"Portvakt · {self._file.site}")
        self.set_x(self.l_margin)
        self.cell(0, 5, self._say(Text.PAGE, page=self.page_no(), pages="{nb}"), align="R")

    def write(self) -> None:  # type: ignore[override]
        """Everything, part by part."""
        file = self._file
        self.add_page()
        self._paragraph(self._say(Text.INTRO))
        self._part(Text.YOU)
        name = " ".join(filter(None, (file.first_name, file.last_name)))
        self._pairs(((Text.NAME, name), (Text.BORN, file.date_of_birth), (Text.LANGUAGE, file.language)))
        self._part(Text.CARDS)
        for card in file.cards:
            self._pairs(self._card(card))
        self._part(Text.NOW)
        places = [
            self._say(Text.INSIDE if one.inside else Text.OUTSIDE, when=self._moment(one.since_ms))
            for one in file.places
        ]
        chips = [f"{self._say(Text.CHIP)}: {one.uid}" for one in file.places if one.uid]
        self._paragraph("\n".join([*places, *chips]) or self._say(Text.NOTHING))
        self._part(Text.PASSAGES)
        self._passages(file.records[-MAX_RECORDS:])
        self._part(Text.MUSTERS)
        self._paragraph("\n".join(map(self._muster, file.musters)) or self._say(Text.NOTHING))
        if file.others:
            self._part(Text.OTHERS)
            for table, rows in file.others.items():
                self._paragraph("\n".join(f"{table.replace('_', ' ')}: {self._row(row)}" for row in rows))
        self._part(Text.KEPT)
        self._kept()

    def _card(self, card: HeldCard) -> Iterable[tuple[Text, str | None]]:
        employer = ", ".join(filter(None, (card.employer_name, card.employer)))
        period = (
            f"{card.valid_from or '…'} – {card.valid_until or '…'}" if card.valid_from or card.valid_until else None
        )
        return (
            (Text.CARD, f"{card.scheme} {card.number}"),
            (Text.EMPLOYER, employer),
            (Text.EXPIRES, card.expiry),
            (Text.ROLE, card.role),
            (Text.PERIOD, period),
            (Text.ON_LIST, self._yes(card.listed)),
            (Text.INDUCTION, self._yes(card.training)),
            (Text.GROUPS, ", ".join(card.groups)),
        )

    def _passages(self, records: Sequence[HeldRecord]) -> None:
        if not records:
            self._paragraph(self._say(Text.NOTHING))
            return
        self.set_font("sans", "", 8.5)
        self.set_text_color(*INK)
        heads = FontFace(emphasis="BOLD", color=(255, 255, 255), fill_color=BAND)
        with self.table(
            borders_layout=TableBordersLayout.NONE, headings_style=heads, cell_fill_color=STRIPE, cell_fill_mode="ROWS",
            col_widths=(40, 34, 48, 52), line_height=5.2, text_align="LEFT", padding=(0.6, 1.5),
        ) as table:  # fmt: skip
            table.row([self._say(head) for head in (Text.TIME, Text.GATE, Text.WHAT, Text.NOTE)])
            for one in records:
                when = self._moment(one.time_ms) if one.time_ms is not None else ""
                gate = "/".join(filter(None, (one.gate, one.lane)))
                table.row([when, gate, self._what(one), _note(one)])

    def _what(self, record: HeldRecord) -> str:
        match record.kind, record.direction:
            case "passage.completed", "entry":
                return self._say(Text.WENT_IN)
            case "passage.completed", _:
                return self._say(Text.WENT_OUT)
            case "badge.granted", _:
                return self._say(Text.ACCEPTED)
            case "badge.refused", _:
                return self._say(Text.REFUSED)
            case "passage.abandoned", _:
                return self._say(Text.TURNED_BACK)
            case kind, _:
                return kind

    def _muster(self, muster: HeldMuster) -> str:
        words = [
            self._say(Text.SEEN if one.seen else Text.NOT_SEEN, when=self._moment(one.at_ms), who=one.said_by)
            for one in muster.words
        ]
        return "; ".join([self._moment(muster.began_ms), *words])

    def _kept(self) -> None:
        file = self._file
        until = [self._say(Text.KEPT_LIST_UNTIL, day=file.list_until)] if file.list_until else []
        lines = (
            self._say(Text.KEPT_PASSAGES, days=file.passages_days),
            self._say(Text.KEPT_MUSTERS, days=file.musters_days),
            " ".join([self._say(Text.KEPT_LIST), *until]),
        )
        self._paragraph("\n".join(lines))

    def _row(self, row: dict[str, Any]) -> str:
        shown = {
            name.removesuffix("_ms"): self._moment(value) if name.endswith("_ms") and value is not None else value
            for name, value in row.items()
        }
        return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in shown.items() if value is not None)

    # --- typesetting -----------------------------------------------------------------------------------

    def _part(self, heading: Text) -> None:
        if self.get_y() > self.h - 50:
            self.add_page()
        self.ln(4)
        self.set_font("sans", "B", 12)
        self.set_text_color(*BAND)
        self._line(self._say(heading), 7)
        self.set_draw_color(*BAND)
        self.set_line_width(0.3)
        self.line(self.l_margin, self.get_y(), self.w - self.r_margin, self.get_y())
        self.ln(2)

    def _pairs(self, pairs: Iterable[tuple[Text, str | None]]) -> None:
        for label, value in pairs:
            if not value:
                continue
            self.set_font("sans", "", 9)
            self.set_text_color(*FAINT)
            self.cell(52, 5.4, self._say(label))
            self.set_text_color(*INK)
            self.multi_cell(0, 5.4, _clean(value), new_x=XPos.LMARGIN, new_y=YPos.NEXT, align="L")
        self.ln(1.5)

    def _paragraph(self, text: str) -> None:
        self.set_font("sans", "", 9)
        self.set_text_color(*INK)
        self.multi_cell(0, 5, _clean(text), new_x=XPos.LMARGIN, new_y=YPos.NEXT, align="L")

    def _line(self, text: str, height: float) -> None:
        self.cell(0, height, _clean(text), new_x=XPos.LMARGIN, new_y=YPos.NEXT)

    def _say(self, text: Text, **values: object) -> str:
        return said(text, self._language, **values)

    def _yes(self, value: bool | None) -> str | None:  # noqa: FBT001 - a fact to be put into words
        return None if value is None else self._say(Text.YES if value else Text.NO)

    def _moment(self, at_ms: int) -> str:
        return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(self._zone).strftime("%Y-%m-%d %H:%M")


def _note(record: HeldRecord) -> str:
    """Why, by which medium, and from which chip it was read."""
    data = record.record.get("data", {})
    return ", ".join(filter(None, ((record.reason or "").replace("_", " "), data.get("medium"), data.get("uid"))))


def _clean(text: str) -> str:
    return "".join(sign if sign.isprintable() or sign == "\n" else "�" for sign in text)
