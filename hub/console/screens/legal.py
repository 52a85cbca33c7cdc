"""The list of § 15: who works here by law, and whether card and access are valid. Nothing to press."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, tzinfo
from typing import ClassVar

from textual.app import ComposeResult
from textual.widgets import Static

from hub import live
from hub.console.desk import Desk, PageKey
from hub.console.papers import place_of, signing
from hub.console.roles import Right
from hub.console.screens.page import SearchedPage, fits
from hub.console.site import Picture, Site, View
from hub.console.texts import Text
from hub.console.widgets.sheet import Cell, Column, Sheet
from hub.console.words import Words
from hub.records import ListCheck
from hub.reports.oversiktsliste import HMS, List15, Listed, checked
from hub.reports.reading import read_list15
from hub.reports.report import Imprint

MOST = 50_000


@dataclass(frozen=True, slots=True)
class LegalLine:
    """One person of the list, with what a gate says to the card today; None for one without a card."""

    listed: Listed
    number: int
    answer: str | None
    hay: str


@dataclass(frozen=True, slots=True)
class Legal:
    """The list of today."""

    found: List15
    checks: tuple[ListCheck, ...]
    zone: tzinfo
    lines: tuple[LegalLine, ...]


def _legal(site: Site) -> Legal:
    today = Words("en", site.zone).today(site.clock())
    imprint = Imprint(site.config.site, "nb", site.zone, site.clock())
    found, checks = read_list15(site.store, place_of(site.config), date.fromisoformat(today), imprint)
    answers = {(line.scheme, line.number): line.answer for line in live.crew(site.store, today, MOST)}
    lines = tuple(
        LegalLine(one, number, answers.get((HMS, one.card)) if one.card else None, _hay(one))
        for number, one in enumerate(found.people)
    )
    return Legal(found, tuple(checks), site.zone, lines)


LEGAL = View("legal", _legal, ("revision",), stale_s=60.0)


class LegalPage(SearchedPage):
    """What the Labour Inspection asks for."""

    title: ClassVar[Text] = Text.LEGAL
    right: ClassVar[Right] = Right.SEE_LEGAL_LIST
    views: Sequence[View] = (LEGAL,)

    def __init__(self, desk: Desk, name: str) -> None:
        super().__init__(desk, name)
        self._legal: Legal | None = None

    def compose(self) -> ComposeResult:
        yield self.search_line()
        yield Static(classes="headline", id="law", markup=False)
        yield Static(classes="headline", id="place", markup=False)
        yield Static(classes="headline", id="signed", markup=False)
        yield Sheet[LegalLine](
            self._columns(), lambda one: one.number, self._cells, empty=self.desk.words.say(Text.READING), id="legal"
        )

    def show(self, picture: Picture) -> None:
        legal = picture.values.get("legal")
        if legal is not None and legal is not self._legal:
            self._legal = legal
            self.found()

    def relabel(self) -> None:
        super().relabel()
        self._sheet.say_columns(self._columns())
        self.found()

    def offers(self) -> Sequence[PageKey]:
        key = self.search_key()
        sign = PageKey("s", "s", self.desk.words.say(Text.KEY_SIGN), self._sign, Right.KEEP_BOOKS)
        return (PageKey(key.key, key.shown, key.does, key.press, Right.SEE_LEGAL_LIST), sign)

    def _sign(self) -> None:
        self.desk.ask(signing(self.desk.words, self.desk.acts.user))

    def found(self) -> None:
        say, legal = self.desk.words.say, self._legal
        if legal is None:
            return
        lines = [one for one in legal.lines if fits(self.sought, one.hay)]
        empty = say(Text.NOBODY_FOUND, sought=self.sought) if self.sought else say(Text.NO_LEGAL)
        self._sheet.show(lines, empty=empty)
        count = say(Text.LEGAL_COUNT, n=len(lines), companies=len(legal.found.companies))
        self.query_one("#law", Static).update(f"{say(Text.LEGAL_HEAD)} · {legal.found.day} · {count}")
        place = legal.found.place
        where = ", ".join(filter(None, (place.name or place.site, place.address, place.client)))
        if legal.found.missing:
            names = ", ".join(f"list15.{name}" for name in legal.found.missing)
            where += f" · ▲ {say(Text.LEGAL_NO_SITE, names=names)}"
        self.query_one("#place", Static).update(where)
        imprint = Imprint(place.site, self.desk.words.language, legal.zone, legal.found.made_ms)
        signed = checked(legal.found, legal.checks, imprint)
        self.query_one("#signed", Static).update(f"{say(Text.LEGAL_CHECK)}: {signed}")

    @property
    def _sheet(self) -> Sheet[LegalLine]:
        return self.query_one("#legal", Sheet)

    def _columns(self) -> list[Column]:
        say = self.desk.words.say
        return [
            Column(say(Text.COL_NAME), 16, 4),
            Column(say(Text.COL_BORN), 10, 0, 3),
            Column(say(Text.COL_CARD), 9, 0, 2),
            Column(say(Text.COL_COMPANY), 12, 4, 1),
            Column(say(Text.COL_ORGANISATION), 9, 0, 5),
            Column(say(Text.COL_VALID), 16, 3),
            Column(say(Text.COL_MISSING), 10, 2, 4),
        ]

    def _cells(self, one: LegalLine) -> list[Cell]:
        words, listed = self.desk.words, one.listed
        name = f"{listed.last_name}, {listed.first_name}" if listed.last_name else words.say(Text.NOBODY)
        if one.answer is None:
            valid = Cell("–", "dim")
        elif one.answer == "granted":
            valid = Cell(f"✓ {words.say(Text.VALID_PLAIN)}", "good")
        else:
            valid = Cell(f"✗ {words.answer(one.answer)}", "bad")
        missing = ", ".join(map(words.lacking, listed.missing))
        return [
            Cell(name),
            Cell(listed.date_of_birth or ""),
            Cell(listed.card or ""),
            Cell(listed.company_name or ""),
            Cell(listed.company or ""),
            valid,
            Cell(f"▲ {missing}" if missing else "", "warn"),
        ]


def _hay(one: Listed) -> str:
    texts = (one.first_name, one.last_name, one.card, one.company_name, one.company, one.employer_name)
    return " ".join(filter(None, texts)).casefold()
