"""Waiting: cards that nobody here knows, and that have asked to come in."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult

from hub import explanation
from hub.console.desk import Desk, PageKey
from hub.console.roles import Right
from hub.console.screens.page import Page
from hub.console.site import Picture, Site, View
from hub.console.texts import Text
from hub.console.widgets.sheet import Cell, Column, Sheet
from hub.explanation import Waiting
from hub.presence import CardKey

DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Queue:
    """Who waits, and the companies that they may be of."""

    cards: tuple[Waiting, ...]
    companies: tuple[str, ...]


def _queue(site: Site) -> Queue:
    since_ms = site.clock() - round(site.config.console.waiting_days * DAY_MS)
    return Queue(tuple(explanation.waiting(site.store, since_ms)), tuple(sorted(site.company_names().values())))


QUEUE = View("waiting", _queue, ("events", "audit", "revision"), stale_s=30.0)


class WaitingPage(Page):
    """The queue at the office door."""

    title: ClassVar[Text] = Text.WAITING
    views: Sequence[View] = ()

    def __init__(self, desk: Desk, name: str) -> None:
        super().__init__(desk, name)
        self._companies: tuple[str, ...] = ()

    def compose(self) -> ComposeResult:
        yield Sheet[Waiting](
            self._columns(), lambda one: one.card, self._cells, empty=self.desk.words.say(Text.READING), id="waiting"
        )

    def show(self, picture: Picture) -> None:
        queue: Queue | None = picture.values.get("waiting")
        if queue is not None:
            self._companies = queue.companies
            self._sheet.show(queue.cards, empty=self.desk.words.say(Text.NOBODY_WAITS))

    def tick(self) -> None:
        self._sheet.refresh()

    def relabel(self) -> None:
        self._sheet.say_columns(self._columns())

    def offers(self) -> Sequence[PageKey]:
        say = self.desk.words.say
        return (
            PageKey("a", "a", say(Text.KEY_APPROVE), self._approve, Right.DECIDE),
            PageKey("v", "v", say(Text.KEY_VISITOR), self._visitor, Right.DECIDE),
            PageKey("r", "r", say(Text.KEY_TURN_AWAY), self._turn_away, Right.DECIDE),
            PageKey("enter", "Enter", say(Text.EXPLAIN), self._sheet.action_choose),
        )

    @on(Sheet.Chosen)
    def _chosen(self, event: Sheet.Chosen) -> None:
        event.stop()
        if (one := self._sheet.chosen) is not None:
            self.desk.explain(card_named(one.card))

    @property
    def _sheet(self) -> Sheet[Waiting]:
        return self.query_one("#waiting", Sheet)

    def _approve(self) -> None:
        if (one := self._sheet.chosen) is not None:
            today = self.desk.words.today(self.desk.now_ms)
            self.desk.ask(self.desk.acts.approve(card_named(one.card), self._companies, today))

    def _visitor(self) -> None:
        if (one := self._sheet.chosen) is not None:
            today = self.desk.words.today(self.desk.now_ms)
            self.desk.ask(self.desk.acts.approve_visitor(card_named(one.card), self._companies, today))

    def _turn_away(self) -> None:
        if (one := self._sheet.chosen) is not None:
            self.desk.ask(self.desk.acts.turn_away(card_named(one.card)))

    def _columns(self) -> list[Column]:
        say = self.desk.words.say
        return [
            Column(say(Text.COL_CARD), 14, 1),
            Column(say(Text.COL_LAST_BADGE), 15),
            Column(say(Text.COL_GATE), 8, 1, 2),
            Column(say(Text.COL_TIMES), 6, 0, 3),
            Column(say(Text.COL_ANSWER), 14, 2, 1),
            Column(say(Text.COL_REGISTER), 12, 1, 5),
            Column(say(Text.COL_NAME), 10, 3, 4),
        ]

    def _cells(self, one: Waiting) -> list[Cell]:
        words = self.desk.words
        note = one.name or ""
        if one.turned_away_ms is not None:
            away = words.say(Text.TURNED_AWAY_AT, at=words.moment(one.turned_away_ms, self.desk.now_ms))
            note = f"{note} ▲ {away}".strip()
        ago = words.age(self.desk.now_ms - one.last_ms)
        return [
            Cell(one.card, "strong"),
            Cell(f"{words.moment(one.last_ms, self.desk.now_ms).rsplit(' ', 1)[-1][:5]} ({ago})"),
            Cell(one.gate),
            Cell(str(one.times)),
            Cell(f"✗ {words.answer(one.reason)}", "bad"),
            Cell(words.register(one.register) if one.register else "–", "" if one.register else "dim"),
            Cell(note),
        ]


def card_named(text: str) -> CardKey:
    """`scheme:number`, as the hub writes it."""
    scheme, _, number = text.partition(":")
    return CardKey(scheme, number)
