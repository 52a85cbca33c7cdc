"""Audit: who did what, when and why; and what came of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult

from hub import live
from hub.asking import CommandLine, given_lately
from hub.console.desk import PageKey
from hub.console.screens.gates import MODES
from hub.console.screens.page import Page
from hub.console.screens.waiting import card_named
from hub.console.site import Picture, Site, View
from hub.console.texts import Text
from hub.console.widgets.sheet import Cell, Column, Sheet
from hub.live import OfficeWord
from hub.records import AuditEntry

AT_MOST = 500
DECISIONS = {
    "block": Text.DID_BLOCK,
    "unblock": Text.DID_UNBLOCK,
    "overrule": Text.DID_OVERRULE,
    "accept-block": Text.DID_ACCEPT_BLOCK,
    "block-held": Text.DID_HOLD_BLOCK,
    "approve": Text.DID_APPROVE,
    "extend": Text.DID_EXTEND,
    "turn-away": Text.DID_TURN_AWAY,
    "import": Text.DID_IMPORT,
    "back": Text.DID_BACK,
    "rules": Text.DID_RULES,
    "target.woken": Text.DID_WAKE,
    "delivery.retried": Text.DID_RETRY,
    "delivery.given_up": Text.DID_GIVE_UP,
}
WORDS = {"in": Text.WORD_IN, "out": Text.WORD_OUT, "seen": Text.WORD_SEEN, "not_seen": Text.WORD_NOT_SEEN}
OUTCOMES = {
    "done": ("✓", Text.OUTCOME_DONE, "good"),
    "refused": ("✗", Text.OUTCOME_REFUSED, "bad"),
    "waiting": ("…", Text.OUTCOME_WAITING, "warn"),
    "unanswered": ("▲", Text.OUTCOME_UNANSWERED, "warn"),
}

Deed = AuditEntry | CommandLine | OfficeWord


@dataclass(frozen=True, slots=True)
class Done:
    """Something that somebody did; `number` keeps two of one moment apart."""

    at_ms: int
    number: int
    deed: Deed


def _done(site: Site) -> tuple[Done, ...]:
    decisions = [Done(one.at_ms, n, one) for n, one in enumerate(live.audit(site.store, AT_MOST))]
    commands = [Done(one.issued_ms, one.number, one) for one in given_lately(site.store, AT_MOST, site.clock())]
    words = [Done(one.made_ms, n, one) for n, one in enumerate(live.office_words(site.store, AT_MOST))]
    return tuple(sorted([*decisions, *commands, *words], key=lambda one: -one.at_ms)[:AT_MOST])


AUDIT = View("audit", _done, stale_s=30.0)


class AuditPage(Page):
    """The newest 500."""

    title: ClassVar[Text] = Text.AUDIT
    views: Sequence[View] = (AUDIT,)

    def compose(self) -> ComposeResult:
        yield Sheet[Done](
            self._columns(), lambda one: one, self._cells, empty=self.desk.words.say(Text.READING), id="audit"
        )

    def show(self, picture: Picture) -> None:
        if (done := picture.values.get("audit")) is not None:
            sheet = self._sheet
            sheet.show(done, empty=self.desk.words.say(Text.NOTHING_DONE), follow=not sheet.at_top)

    def relabel(self) -> None:
        self._sheet.say_columns(self._columns())

    def offers(self) -> Sequence[PageKey]:
        return (PageKey("enter", "Enter", self.desk.words.say(Text.EXPLAIN), self._sheet.action_choose),)

    @on(Sheet.Chosen)
    def _chosen(self, event: Sheet.Chosen) -> None:
        event.stop()
        if (one := self._sheet.chosen) is None:
            return
        deed = one.deed
        if isinstance(deed, CommandLine):
            self.desk.tell(" · ".join(filter(None, (deed.why, deed.what))) or deed.action)
        elif deed.card:
            self.desk.explain(card_named(deed.card))

    @property
    def _sheet(self) -> Sheet[Done]:
        return self.query_one("#audit", Sheet)

    def _columns(self) -> list[Column]:
        say = self.desk.words.say
        return [
            Column(say(Text.COL_TIME), 11),
            Column(say(Text.COL_WHAT), 25, 3),
            Column(say(Text.COL_WHO), 8, 1, 1),
            Column(say(Text.COL_WHY), 14, 5, 2),
            Column(say(Text.COL_OUTCOME), 11, 1, 3),
        ]

    def _cells(self, one: Done) -> list[Cell]:
        words, deed = self.desk.words, one.deed
        at = Cell(words.moment(one.at_ms, self.desk.now_ms))
        if isinstance(deed, CommandLine):
            mode = MODES.get(deed.action)
            what = words.say(Text.DID_OPEN) if deed.action == "open" else words.say(mode) if mode else deed.action
            where = f"{deed.gate}/{deed.lane}" if deed.lane else f"{deed.gate} ({words.say(Text.ALL_LANES)})"
            sign, outcome, tone = OUTCOMES[deed.outcome]
            why = " · ".join(filter(None, (deed.why, deed.what)))
            return [at, Cell(f"{where}: {what}"), Cell(deed.by), Cell(why), Cell(f"{sign} {words.say(outcome)}", tone)]
        if isinstance(deed, OfficeWord):
            return [at, Cell(f"{deed.card} {words.say(WORDS[deed.what])}"), Cell(deed.by), Cell(deed.reason), Cell("")]
        did = words.say(DECISIONS[deed.action]) if deed.action in DECISIONS else deed.action
        return [at, Cell(f"{did} {deed.card or ''}".strip()), Cell(deed.who), Cell(deed.detail), Cell("")]
