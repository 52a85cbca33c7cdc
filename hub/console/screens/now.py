"""Now: what happens at the gates, as it happens; Enter says why."""

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.widgets import Static

from hub.console.bridge import Found
from hub.console.desk import Desk, PageKey
from hub.console.roles import Right
from hub.console.screens.gates import MODES
from hub.console.screens.page import Page
from hub.console.site import Picture, Site, View
from hub.console.texts import Text
from hub.console.widgets.sheet import Cell, Column, Sheet
from hub.live import TOLD, UNREADABLE, HappeningLine, happenings
from hub.presence import ENTRY, CardKey

AT_ONCE = 200
HELD = 2_000
"""So many lines are held at most, however far back somebody reads."""
REFUSED = "badge.refused"
GRANTED = "badge.granted"
OLDER = "older"


def _newest(site: Site) -> tuple[HappeningLine, ...]:
    return happenings(site.store, AT_ONCE)


def _refused(site: Site) -> tuple[HappeningLine, ...]:
    return happenings(site.store, AT_ONCE, kinds=(REFUSED,))


NEWEST = View("happenings", _newest, ("events", "revision"))
REFUSALS = View("refusals", _refused, ("events", "revision"))


class NowPage(Page):
    """Live while the cursor is on the first line; further down it stands still and is read back as far as one likes."""

    title: ClassVar[Text] = Text.NOW
    views: Sequence[View] = (NEWEST,)

    def __init__(self, desk: Desk, name: str) -> None:
        super().__init__(desk, name)
        self._refused_only = False
        self._newest: tuple[HappeningLine, ...] = ()
        self._back: list[HappeningLine] | None = None
        """What is being read back; None while it is live."""
        self._fetching = False
        self._whole = False

    def compose(self) -> ComposeResult:
        yield Static(classes="headline", markup=False)
        yield Sheet[HappeningLine](
            self._columns(), lambda line: line.place, self._cells, empty=self.desk.words.say(Text.READING), id="badges"
        )

    def show(self, picture: Picture) -> None:
        view = REFUSALS if self._refused_only else NEWEST
        if view.name not in picture.values:
            return
        self._newest = picture.values[view.name]
        if self._back is None:
            self._sheet.show(self._newest, empty=self.desk.words.say(Text.NO_BADGES), follow=not self._sheet.at_top)
        self._say()

    def relabel(self) -> None:
        self._sheet.say_columns(self._columns())
        self._say()

    def offers(self) -> Sequence[PageKey]:
        say = self.desk.words.say
        only = Text.KEY_EVERYTHING if self._refused_only else Text.KEY_REFUSED_ONLY
        return (
            PageKey("enter", "Enter", say(Text.EXPLAIN), self._sheet.action_choose),
            PageKey("o", "o", say(Text.KEY_LET_IN), self._let_in, Right.LET_IN),
            PageKey("f", "f", say(only), self._turn),
        )

    @property
    def chosen(self) -> HappeningLine | None:
        """What the cursor is on."""
        return self._sheet.chosen

    @on(Sheet.Chosen)
    def _chosen(self, event: Sheet.Chosen) -> None:
        event.stop()
        line = self._sheet.chosen
        if line is None:
            return
        if line.scheme and line.number:
            self.desk.explain(CardKey(line.scheme, line.number), line)
        elif line.what:
            self.desk.tell(line.what)

    @on(Sheet.Moved)
    def _moved(self, event: Sheet.Moved) -> None:
        event.stop()
        if self._sheet.at_top:
            self._go_live()
            return
        if self._back is None:
            self._back, self._whole = list(self._newest), False
        if event.near_end and not self._fetching and not self._whole and self._back:
            self._fetching = True
            before = self._back[-1].place
            kinds = (REFUSED,) if self._refused_only else TOLD
            self.desk.fetch(
                self, OLDER, lambda site: happenings(site.store, AT_ONCE, before=before, kinds=kinds)
            )  # fmt: skip
        self._say()

    def on_found(self, event: Found) -> None:
        """Older lines."""
        event.stop()
        self._fetching = False
        if self._back is None or not self._back:
            return
        older: tuple[HappeningLine, ...] = event.value
        self._whole = len(older) < AT_ONCE
        if older and older[0].place >= self._back[-1].place:
            return
        # The newest go first: whoever reads back does not look at them, and `Home` has them again.
        self._back = [*self._back, *older][-HELD:]
        self._sheet.show(self._back)

    @property
    def _sheet(self) -> Sheet[HappeningLine]:
        return self.query_one("#badges", Sheet)

    def _go_live(self) -> None:
        if self._back is not None:
            self._back = None
            self._sheet.show(self._newest, follow=False)
            self._sheet.choose_first()
        self._say()

    def _turn(self) -> None:
        self._refused_only = not self._refused_only
        self.views = (REFUSALS,) if self._refused_only else (NEWEST,)
        self._back, self._newest = None, ()
        self._sheet.show((), empty=self.desk.words.say(Text.READING))
        self.desk.keys_changed()
        self._say()

    def _say(self) -> None:
        say = self.desk.words.say
        if self._back is None:
            text = f"● {say(Text.LIVE)}"
        else:
            new = sum(line.place > self._back[0].place for line in self._newest) if self._back else 0
            text = f"▲ {say(Text.READING_BACK, n=new)}" if new else f"▲ {say(Text.READING_BACK_PLAIN)}"
        if self._refused_only:
            text += f" · {say(Text.ONLY_REFUSED)}"
        self.query_one(".headline", Static).update(text)

    def _let_in(self) -> None:
        line = self._sheet.chosen
        if line is None or line.lane is None:
            self.desk.tell(self.desk.words.say(Text.NO_LANE_KNOWN))
            return
        card = CardKey(line.scheme, line.number) if line.scheme and line.number else None
        self.desk.ask(self.desk.acts.let_in(card, self._who(line).text, line.gate, line.lane))

    # --- a line --------------------------------------------------------------------------------------

    def _columns(self) -> list[Column]:
        say = self.desk.words.say
        return [
            Column(say(Text.COL_TIME), 8, 0, 1),
            Column(say(Text.COL_ANSWER), 22, 3),
            Column(say(Text.COL_NAME), 12, 4),
            Column(say(Text.COL_COMPANY), 12, 3, 4),
            Column(say(Text.COL_WAY), 5, 0, 3),
            Column(say(Text.COL_GATE), 10, 1, 2),
            Column(say(Text.COL_CARD), 12, 1, 5),
        ]

    def _cells(self, line: HappeningLine) -> list[Cell]:
        words = self.desk.words
        way = ""
        if line.direction:
            way = f"→ {words.say(Text.IN)}" if line.direction == ENTRY else f"← {words.say(Text.OUT)}"
        return [
            Cell(words.moment(line.place.time_ms, self.desk.now_ms).rsplit(" ", 1)[-1], "" if line.trusted else "warn"),
            self._answer(line) if line.trusted else self._doubted(self._answer(line)),
            self._who(line),
            Cell(line.employer or ""),
            Cell(way),
            Cell("/".join(filter(None, (line.gate, line.lane or line.point)))),
            Cell(f"{line.scheme}:{line.number}" if line.number else "", "dim"),
        ]

    def _doubted(self, cell: Cell) -> Cell:
        return Cell(f"{cell.text} · {self.desk.words.say(Text.CLOCK_NOT_SET)}", cell.tone or "warn")

    def _answer(self, line: HappeningLine) -> Cell:
        words = self.desk.words
        if line.kind == REFUSED:
            return Cell(f"✗ {words.answer(line.reason)}", "bad")
        if line.kind == GRANTED:
            return self._granted(line)
        match line.kind:
            case "passage.forced":
                return Cell(f"✗ {words.say(Text.FORCED)}", "bad")
            case "passage.tailgated":
                return Cell(f"▲ {words.say(Text.TAILGATED)}", "warn")
            case "side_gate.opened":
                return Cell(f"▲ {words.say(Text.SIDE_GATE, what=line.what)}", "warn")
            case "lane.mode":
                mode = words.say(MODES[line.what]) if line.what in MODES else line.what
                return Cell(f"▲ {words.say(Text.MODE_BECAME, mode=mode, by=line.by or '?')}", "warn")
            case "alarm.raised":
                return Cell(f"▲ {words.say(Text.ALARM, what=line.what)}", "warn")
            case "command.refused":
                return Cell(f"✗ {words.say(Text.COMMAND_REFUSED, what=line.what)}", "warn")
            case "muster.badge" if line.reason == UNREADABLE:
                return Cell(f"✗ {words.say(Text.MUSTER_UNREAD)}", "warn")
            case "muster.badge":
                return Cell(f"✓ {words.say(Text.AT_MUSTER)}", "good")
            case "clone.suspected":
                return Cell(f"▲ {words.say(Text.CLONE)}", "warn")
        return Cell(line.kind)

    def _granted(self, line: HappeningLine) -> Cell:
        words = self.desk.words
        said = words.say(Text.LET_IN if line.direction == ENTRY else Text.LET_OUT)
        noted = [*line.warnings]
        if line.reason and line.reason not in ("granted", *noted):
            # An exit is never refused; what would have refused an entry is noted.
            noted.insert(0, line.reason)
        if noted:
            return Cell(f"▲ {said}: {', '.join(map(words.answer, noted))}", "warn")
        return Cell(f"✓ {said}", "good")

    def _who(self, line: HappeningLine) -> Cell:
        say = self.desk.words.say
        if line.name is not None:
            return Cell(line.name, "strong" if line.kind == REFUSED else "")
        if line.number:
            return Cell(say(Text.UNKNOWN_PERSON), "dim")
        if line.by is not None and line.kind in (GRANTED, REFUSED):
            return Cell(say(Text.BY_HAND, by=line.by), "dim")
        if line.kind == REFUSED:
            return Cell(say(Text.NO_CARD), "dim")
        return Cell("")
