"""On site: who is inside, by company, since when, and how sure that is."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.widgets import Static

from gate.zones import SITE
from hub.console.desk import Desk, PageKey
from hub.console.roles import Right
from hub.console.screens.page import SearchedPage, fits
from hub.console.site import Picture, Site, View
from hub.console.texts import Text
from hub.console.widgets.sheet import Cell, Column, Heading, Sheet
from hub.presence import OFFICE, CardKey
from hub.queries import RosterEntry, roster, roster_changes

SURE = {
    "confirmed": Text.SURE_CONFIRMED,
    "assumed": Text.SURE_ASSUMED,
    "manual": Text.SURE_MANUAL,
    "reported": Text.SURE_REPORTED,
}


WHOLE_MS = 30_000
"""So often all of it is read: whose check-out is closed by the hour, and who was deleted, was not seen to change."""


@dataclass(frozen=True, slots=True)
class Inside:
    """One person; `hay` is what is searched in, `place` what it is sorted by."""

    entry: RosterEntry
    company: str
    hay: str
    place: tuple[bool, str, str]


class Keeper:
    """The roster, of which only what has changed is read again: a badge is one person, not five thousand. For one
    thread."""

    def __init__(self) -> None:
        self._inside: dict[CardKey, Inside] = {}
        self._revision = self._change = -1
        self._whole_ms = 0

    def read(self, site: Site) -> tuple[Inside, ...]:
        """Everybody, by company and name."""
        # Before what is read with it: what comes in between is read once more the next time.
        revision, change = site.store.revision(), site.store.presence_change()
        now_ms = site.clock()
        if revision != self._revision or change < self._change or not 0 <= now_ms - self._whole_ms < WHOLE_MS:
            found = roster(site.store, SITE, now_ms, site.closing)
            self._inside = {CardKey(one.scheme, one.number): _of(one) for one in found}
            self._whole_ms = now_ms
        elif change != self._change:
            for card, entry in roster_changes(site.store, self._change, now_ms, site.closing):
                if entry is None:
                    self._inside.pop(card, None)
                else:
                    self._inside[card] = _of(entry)
        self._revision, self._change = revision, change
        return tuple(sorted(self._inside.values(), key=lambda one: one.place))


def _of(entry: RosterEntry) -> Inside:
    company = entry.employer or entry.organisation_number or ""
    hay = " ".join(
        filter(None, (entry.name, company, entry.organisation_number, entry.scheme, entry.number, entry.zone))
    )
    place = (not company, company.casefold(), f"{(entry.name or '~').casefold()} {entry.number}")
    return Inside(entry, company, hay.casefold(), place)


class OnSitePage(SearchedPage):
    """The roster."""

    title: ClassVar[Text] = Text.ON_SITE

    def __init__(self, desk: Desk, name: str) -> None:
        super().__init__(desk, name)
        self.views = (View("roster", Keeper().read, ("presence", "revision", "inside"), stale_s=20.0),)
        self._people: tuple[Inside, ...] = ()
        self._by_company = True
        self._read = False

    def compose(self) -> ComposeResult:
        yield self.search_line()
        yield Static(classes="headline", markup=False)
        yield Sheet[Inside](
            self._columns(),
            lambda one: (one.entry.scheme, one.entry.number),
            self._cells,
            empty=self.desk.words.say(Text.READING),
            id="roster",
        )

    def show(self, picture: Picture) -> None:
        people = picture.values.get("roster")
        if people is None or (people is self._people and self._read):
            return
        self._people, self._read = people, True
        self.found()

    def tick(self) -> None:
        self._sheet.refresh()

    def relabel(self) -> None:
        super().relabel()
        self._sheet.say_columns(self._columns())
        self.found()

    def offers(self) -> Sequence[PageKey]:
        say = self.desk.words.say
        order = Text.COL_SINCE if self._by_company else Text.KEY_BY_COMPANY
        return (
            self.search_key(),
            PageKey("c", "c", say(Text.KEY_CHECK_OUT), self._check_out, Right.CORRECT_ROSTER),
            PageKey("enter", "Enter", say(Text.EXPLAIN), self._sheet.action_choose),
            PageKey("s", "s", say(order).casefold(), self._turn),
            PageKey("b", "b", say(Text.KEY_BLOCK), self._block, Right.DECIDE),
        )

    def found(self) -> None:
        say = self.desk.words.say
        people = [one for one in self._people if fits(self.sought, one.hay)] if self.sought else self._people
        empty = say(Text.NOBODY_FOUND, sought=self.sought) if self.sought else say(Text.NOBODY_INSIDE)
        if self._by_company:
            items: list[Inside | Heading] = []
            for company, group in groupby(people, key=lambda one: one.company):
                those = list(group)
                count = say(Text.ONE_PERSON) if len(those) == 1 else say(Text.PEOPLE, n=len(those))
                items += [Heading(company or say(Text.NO_COMPANY), count), *those]
        else:
            items = [*sorted(people, key=lambda one: one.entry.since_ms)]
        self._sheet.show(items, empty=empty if self._read else say(Text.READING))
        companies = len({one.company for one in people if one.company})
        head = say(Text.COUNTED, n=len(people), companies=companies)
        if self.sought:
            head = f"{say(Text.COUNTED_OF, n=len(people), all=len(self._people))} · {self.sought}"
        self.query_one(".headline", Static).update(head if self._read else "")

    @on(Sheet.Chosen)
    def _chosen(self, event: Sheet.Chosen) -> None:
        event.stop()
        if (one := self._sheet.chosen) is not None:
            self.desk.explain(_card(one))

    @property
    def _sheet(self) -> Sheet[Inside]:
        return self.query_one("#roster", Sheet)

    def _turn(self) -> None:
        self._by_company = not self._by_company
        self._sheet.say_columns(self._columns())
        self.found()
        self.desk.keys_changed()

    def _check_out(self) -> None:
        if (one := self._sheet.chosen) is not None:
            since = self.desk.words.moment(one.entry.since_ms, self.desk.now_ms)
            self.desk.ask(self.desk.acts.check_out(_card(one), _called(one), since))

    def _block(self) -> None:
        if (one := self._sheet.chosen) is not None:
            self.desk.ask(self.desk.acts.block(_card(one), _called(one)))

    def _columns(self) -> list[Column]:
        say = self.desk.words.say
        # The heading above them names the company already.
        company = Column("", 0, 0, 9) if self._by_company else Column(say(Text.COL_COMPANY), 12, 3, 4)
        return [
            Column(say(Text.COL_NAME), 16, 4),
            Column(say(Text.COL_SINCE), 12),
            company,
            Column(say(Text.COL_GATE), 10, 1, 2),
            Column(say(Text.COL_ZONE), 6, 1, 5),
            Column(say(Text.COL_SURE), 16, 3, 1),
            Column(say(Text.COL_CARD), 12, 1, 3),
        ]

    def _cells(self, one: Inside) -> list[Cell]:
        words, entry = self.desk.words, one.entry
        sure = words.say(SURE[entry.sure]) if entry.sure in SURE else entry.sure
        if entry.name and not entry.listed:
            how = Cell(f"▲ {words.say(Text.OFF_LIST)}", "warn")
        elif entry.sure == "confirmed":
            how = Cell(f"✓ {sure}", "good")
        else:
            how = Cell(f"▲ {sure}", "warn")
        gate = "" if entry.gate == OFFICE else entry.gate
        return [
            Cell(entry.name) if entry.name else Cell(words.say(Text.NOBODY), "dim"),
            Cell(words.moment(entry.since_ms, self.desk.now_ms)),
            Cell(one.company),
            Cell(f"{gate}/{entry.lane}" if gate and entry.lane else gate),
            Cell(entry.zone.removeprefix(SITE).removeprefix("/")),
            how,
            Cell(f"{entry.scheme}:{entry.number}", "dim"),
        ]


def _card(one: Inside) -> CardKey:
    return CardKey(one.entry.scheme, one.entry.number)


def _called(one: Inside) -> str:
    return one.entry.name or f"{one.entry.scheme}:{one.entry.number}"
