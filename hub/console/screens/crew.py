"""Crew: everybody who may, or might, work here, and what a gate says to each card today."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.widgets import Static

from hub import live
from hub.console.desk import Desk, PageKey
from hub.console.roles import Right
from hub.console.screens.page import SearchedPage, fits
from hub.console.site import Picture, Site, View
from hub.console.texts import Text
from hub.console.widgets.sheet import Cell, Column, Sheet
from hub.console.words import Words
from hub.live import CrewLine
from hub.presence import CardKey

MOST = 50_000


@dataclass(frozen=True, slots=True)
class Member:
    """One card; `hay` is what is searched in."""

    line: CrewLine
    hay: str


def _crew(site: Site) -> tuple[Member, ...]:
    today = Words("en", site.zone).today(site.clock())
    return tuple(_member(line) for line in live.crew(site.store, today, MOST))


def _member(line: CrewLine) -> Member:
    hay = (line.name, line.employer, line.organisation_number, line.scheme, line.number, line.role)
    return Member(line, " ".join(filter(None, hay)).casefold())


CREW = View("crew", _crew, ("revision", "audit"), stale_s=60.0)


class CrewPage(SearchedPage):
    """The crew list as it counts."""

    title: ClassVar[Text] = Text.CREW
    views: Sequence[View] = (CREW,)

    def __init__(self, desk: Desk, name: str) -> None:
        super().__init__(desk, name)
        self._members: tuple[Member, ...] = ()
        self._refused_only = False
        self._read = False

    def compose(self) -> ComposeResult:
        yield self.search_line()
        yield Static(classes="headline", markup=False)
        yield Sheet[Member](
            self._columns(), lambda one: (one.line.scheme, one.line.number), self._cells,
            empty=self.desk.words.say(Text.READING), id="crew",
        )  # fmt: skip

    def show(self, picture: Picture) -> None:
        members = picture.values.get("crew")
        if members is None or (members is self._members and self._read):
            return
        self._members, self._read = members, True
        self.found()

    def relabel(self) -> None:
        super().relabel()
        self._sheet.say_columns(self._columns())
        self.found()

    def offers(self) -> Sequence[PageKey]:
        say, decide = self.desk.words.say, Right.DECIDE
        only = Text.KEY_EVERYTHING if self._refused_only else Text.KEY_REFUSED_ONLY
        return (
            self.search_key(),
            PageKey("enter", "Enter", say(Text.EXPLAIN), self._sheet.action_choose),
            PageKey("b", "b", say(Text.KEY_BLOCK), self._block, decide),
            PageKey("u", "u", say(Text.KEY_UNBLOCK), self._unblock, decide),
            PageKey("e", "e", say(Text.KEY_EXTEND), self._extend, decide),
            PageKey("g", "g", say(Text.KEY_PASS), self._give_pass, decide),
            PageKey("f", "f", say(only), self._turn),
        )

    def found(self) -> None:
        say = self.desk.words.say
        members = [
            one
            for one in self._members
            if fits(self.sought, one.hay) and not (self._refused_only and one.line.answer == "granted")
        ]
        empty = say(Text.NOBODY_FOUND, sought=self.sought) if self.sought else say(Text.NO_CREW)
        self._sheet.show(members, empty=empty if self._read else say(Text.READING))
        companies = len({one.line.organisation_number for one in members})
        head = say(Text.COUNTED, n=len(members), companies=companies)
        if len(members) < len(self._members):
            head = say(Text.COUNTED_OF, n=len(members), all=len(self._members))
        if self.sought:
            head += f" · {self.sought}"
        if self._refused_only:
            head += f" · {say(Text.ONLY_REFUSED)}"
        if len(self._members) >= MOST:
            head += f" · {say(Text.MORE_CREW, n=MOST)}"
        self.query_one(".headline", Static).update(head if self._read else "")

    @on(Sheet.Chosen)
    def _chosen(self, event: Sheet.Chosen) -> None:
        event.stop()
        if (one := self._sheet.chosen) is not None:
            self.desk.explain(_card(one))

    @property
    def _sheet(self) -> Sheet[Member]:
        return self.query_one("#crew", Sheet)

    def _turn(self) -> None:
        self._refused_only = not self._refused_only
        self.found()
        self.desk.keys_changed()

    def _block(self) -> None:
        if (one := self._sheet.chosen) is not None:
            self.desk.ask(self.desk.acts.block(_card(one), one.line.name))

    def _unblock(self) -> None:
        one = self._sheet.chosen
        if one is None:
            return
        card = _card(one)
        if one.line.blocked:
            self.desk.ask(self.desk.acts.unblock(card, None, self.desk.now_ms))
        elif one.line.answer == "blocked":
            # Another site has: why, and what can be done about it.
            self.desk.explain(card)
        else:
            self.desk.tell(self.desk.words.say(Text.NOT_BLOCKED, card=f"{card.scheme}:{card.number}"))

    def _extend(self) -> None:
        one = self._sheet.chosen
        if one is None:
            return
        line = one.line
        if line.approved_by is None:
            self.desk.ask(self.desk.acts.prolong(_card(one), line.name))
            return
        until = line.valid_until or self.desk.words.today(self.desk.now_ms)
        self.desk.ask(self.desk.acts.extend(_card(one), line.name, line.organisation_number, until))

    def _give_pass(self) -> None:
        companies = tuple(sorted({one.line.employer for one in self._members if one.line.employer}))
        self.desk.ask(self.desk.acts.give_pass(companies, self.desk.words.today(self.desk.now_ms)))

    def _columns(self) -> list[Column]:
        say = self.desk.words.say
        return [
            Column(say(Text.COL_NAME), 16, 4),
            Column(say(Text.COL_ANSWER), 16, 3),
            Column(say(Text.COL_COMPANY), 12, 4, 1),
            Column(say(Text.COL_ROLE), 11, 1, 4),
            Column(say(Text.COL_UNTIL), 10, 0, 3),
            Column(say(Text.COL_CARD), 13, 1, 2),
        ]

    def _cells(self, one: Member) -> list[Cell]:
        line = one.line
        said = self.desk.words.answer(line.answer)
        good = line.answer == "granted"
        return [
            Cell(line.name) if line.name else Cell(self.desk.words.say(Text.NOBODY), "dim"),
            Cell(f"{'✓' if good else '✗'} {said}", "good" if good else "bad"),
            Cell(line.employer or line.organisation_number),
            Cell(line.role or ""),
            Cell(line.valid_until or ""),
            Cell(f"{line.scheme}:{line.number}", "dim"),
        ]


def _card(one: Member) -> CardKey:
    return CardKey(one.line.scheme, one.line.number)
