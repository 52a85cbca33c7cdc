"""Reports: choose one, of when, as what; look at it, put it in a file or on paper, sign the list of § 15."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import ClassVar

from rich.text import Text as Line
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Log, Static

from hub.console import papers
from hub.console.bridge import Found
from hub.console.desk import Desk, PageKey
from hub.console.papers import PAPERS, Choice, Span
from hub.console.roles import Right
from hub.console.screens.page import Page
from hub.console.site import Picture, Site, View
from hub.console.texts import Text
from hub.console.widgets.bars import KeyBar, KeyHint
from hub.console.widgets.sheet import Cell, Column, Sheet
from hub.reports.as_text import as_text
from hub.reports.oversiktsliste import checked
from hub.reports.reading import read_list15
from hub.reports.rendering import FORMS
from hub.reports.report import Imprint

SHOWN = "shown"
DONE = "done"
LIST15 = "oversiktsliste"


@dataclass(frozen=True, slots=True)
class Checked:
    """Whether the list of today is signed, in both languages."""

    norwegian: str
    english: str


def _checked(site: Site) -> Checked:
    imprint = Imprint(site.config.site, "nb", site.zone, site.clock())
    day = imprint.local(imprint.made_ms).date()
    found, checks = read_list15(site.store, papers.place_of(site.config), day, imprint)
    norwegian, english = (checked(found, checks, replace(imprint, language=one)) for one in ("nb", "en"))
    return Checked(norwegian, english)


CHECKED = View("checked", _checked, ("revision",), stale_s=60.0)


class ReportsPage(Page):
    """What `hub report` gives, by keys."""

    title: ClassVar[Text] = Text.REPORTS
    views: Sequence[View] = (CHECKED,)

    def __init__(self, desk: Desk, name: str) -> None:
        super().__init__(desk, name)
        self._day: date | None = None
        self._form = papers.PAPER
        self._checked: Checked | None = None

    def compose(self) -> ComposeResult:
        yield Static(classes="headline", id="choice", markup=False)
        yield Static(classes="headline", id="signed", markup=False)
        yield Sheet[str](self._columns(), lambda one: one, self._cells, id="papers")

    def on_mount(self) -> None:
        self._sheet.show(tuple(PAPERS))
        self._say()

    def show(self, picture: Picture) -> None:
        self._checked = picture.values.get("checked")
        self._say()

    def relabel(self) -> None:
        self._sheet.say_columns(self._columns())
        self._say()

    def offers(self) -> Sequence[PageKey]:
        say, keep = self.desk.words.say, Right.KEEP_BOOKS
        keys = [
            PageKey("enter", "Enter", say(Text.KEY_SHOW), self._sheet.action_choose),
            PageKey("w", "w", say(Text.KEY_WRITE, form=self.desk.words.form(self._form)), self._write, keep),
            PageKey("p", "p", say(Text.KEY_PRINT), self._print, keep),
            PageKey("s", "s", say(Text.KEY_SIGN), self._sign, keep),
        ]
        if PAPERS[self._choice.name].span != Span.NOW:
            keys += [
                PageKey("b", "b", say(Text.KEY_EARLIER), lambda: self._move(-1)),
                PageKey("n", "n", say(Text.KEY_LATER), lambda: self._move(1)),
            ]
        return (*keys, PageKey("f", "f", say(Text.KEY_FORM), self._turn_form))

    @on(Sheet.Moved)
    def _moved(self, event: Sheet.Moved) -> None:
        event.stop()
        self._say()
        self.desk.keys_changed()

    @on(Sheet.Chosen)
    def _chosen(self, event: Sheet.Chosen) -> None:
        event.stop()
        self.app.push_screen(ReportDialog(self.desk, self._choice))

    def on_found(self, event: Found) -> None:
        """What became of the file, or of the paper."""
        event.stop()
        self.desk.tell(str(event.value))

    @property
    def _sheet(self) -> Sheet[str]:
        return self.query_one("#papers", Sheet)

    @property
    def _choice(self) -> Choice:
        words = self.desk.words
        today = date.fromisoformat(words.today(self.desk.now_ms))
        name = self._sheet.chosen or LIST15
        return Choice(name, self._day or today, self._form, words.language)

    def _move(self, by: int) -> None:
        today = date.fromisoformat(self.desk.words.today(self.desk.now_ms))
        day = self._choice.moved(by, last=today).day
        self._day = None if day == today else day
        self._sheet.refresh()
        self._say()

    def _turn_form(self) -> None:
        self._form = FORMS[(FORMS.index(self._form) + 1) % len(FORMS)]
        self._say()
        self.desk.keys_changed()

    def _write(self) -> None:
        choice, words = self._choice, self.desk.words
        self.desk.fetch(self, DONE, lambda site: papers.written(site, choice, words))

    def _print(self) -> None:
        choice, words = self._choice, self.desk.words
        self.desk.fetch(self, DONE, lambda site: papers.printed(site, choice, words))

    def _sign(self) -> None:
        self.desk.ask(papers.signing(self.desk.words, self.desk.acts.user))

    # --- what it says --------------------------------------------------------------------------------

    def _say(self) -> None:
        say, choice = self.desk.words.say, self._choice
        when = choice.when or say(Text.OF_NOW)
        chosen = say(Text.CHOSEN_PAPER, when=when, form=self.desk.words.form(choice.form))
        self.query_one("#choice", Static).update(chosen)
        signed = self.query_one("#signed", Static)
        if self._checked is not None:
            text = self._checked.norwegian if self.desk.words.language == "nb" else self._checked.english
            signed.update(f"{say(Text.LEGAL_CHECK)}: {text}")

    def _columns(self) -> list[Column]:
        say = self.desk.words.say
        return [Column(say(Text.COL_REPORT), 24, 3), Column(say(Text.COL_OF), 12, 1, 1)]

    def _cells(self, one: str) -> list[Cell]:
        words = self.desk.words
        when = replace(self._choice, name=one).when
        return [Cell(words.say(PAPERS[one].title)), Cell(when or words.say(Text.OF_NOW), "" if when else "dim")]


class ReportDialog(ModalScreen[None]):
    """A report as `hub report` shows it, to be scrolled both ways."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q", "leave", show=False)]
    DEFAULT_CSS = """
    ReportDialog .dialog { height: 100%; }
    ReportDialog Log { height: 1fr; background: $surface; padding: 0 1; scrollbar-size: 1 1; }
    """

    def __init__(self, desk: Desk, choice: Choice) -> None:
        super().__init__()
        self._desk = desk
        self._choice = choice

    def compose(self) -> ComposeResult:
        say = self._desk.words.say
        with Vertical(classes="dialog"):
            title = " · ".join(filter(None, (say(PAPERS[self._choice.name].title), self._choice.when)))
            yield Static(Line(title), classes="title")
            yield Log(highlight=False, auto_scroll=False)
            yield KeyBar()

    def on_mount(self) -> None:
        self.query_one(".dialog").styles.max_width = "100%"
        words, choice = self._desk.words, self._choice
        self.query_one(Log).write_line(words.say(Text.READING))
        self.query_one(Log).focus()
        self.query_one(KeyBar).say(
            [KeyHint("arrows", "← ↑ ↓ →", words.say(Text.MOVE))], [KeyHint("escape", "Esc", words.say(Text.CLOSE))]
        )
        self._desk.fetch(self, SHOWN, lambda site: as_text(papers.made(site, choice)))

    def on_found(self, event: Found) -> None:
        """Show it, from its beginning."""
        event.stop()
        log = self.query_one(Log)
        log.clear()
        log.write(str(event.value))

    def on_key(self, event: events.Key) -> None:
        if event.key == "enter":
            event.stop()
            self.action_leave()

    @on(KeyBar.Pressed)
    def _clicked(self, event: KeyBar.Pressed) -> None:
        event.stop()
        self.action_leave()

    def action_leave(self) -> None:
        """Back to the page."""
        self.dismiss()
