"""Deliveries: how far every central system has been told, and what it did not take."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.widgets import Static

from hub.central.alarms import ASIDE, LATE, STOPPED
from hub.central.overview import AlarmLine, TargetLine, alarm_lines, target_lines
from hub.console.delivering import DeliveryActs
from hub.console.desk import Desk, PageKey
from hub.console.roles import Right
from hub.console.screens.page import Page
from hub.console.site import Picture, Site, View
from hub.console.texts import Text
from hub.console.widgets.aside import AsideDialog
from hub.console.widgets.sheet import Cell, Column, Sheet
from hub.tables import clean

MINUTE_MS = 60_000
ROOM_FOR_MORE = 18
STATES = {
    "told": ("✓", Text.TARGET_TOLD, "good"),
    "telling": ("●", Text.TARGET_TELLING, ""),
    "waiting": ("✗", Text.TARGET_WAITING, "bad"),
    "stopped": ("✗", Text.TARGET_STOPPED, "bad"),
    "unknown": ("○", Text.TARGET_UNKNOWN, "dim"),
    "left": ("○", Text.TARGET_LEFT, "dim"),
}
ALARMS = {LATE: Text.ALARM_LATE, STOPPED: Text.ALARM_STOPPED, ASIDE: Text.ALARM_ASIDE}


@dataclass(frozen=True, slots=True)
class Target:
    """One target; `deadline_ms` is None for one that is no longer in the settings."""

    line: TargetLine
    deadline_ms: int | None


@dataclass(frozen=True, slots=True)
class Deliveries:
    """All targets, and what the hub finds wrong with them."""

    targets: tuple[Target, ...]
    alarms: tuple[AlarmLine, ...]


def _deliveries(site: Site) -> Deliveries:
    deadlines = {one.name: round(one.deadline_min * MINUTE_MS) for one in site.config.targets}
    lines = target_lines(site.store, site.config.targets, site.clock())
    alarms = tuple(one for one in alarm_lines(site.store) if one.name in ALARMS)
    return Deliveries(tuple(Target(one, deadlines.get(one.name)) for one in lines), alarms)


DELIVERIES = View("deliveries", _deliveries, ("audit",), stale_s=2.0)
"""What is delivered moves no number of the pulse: it is looked at every other second."""


class DeliveriesPage(Page):
    """A line for each target."""

    title: ClassVar[Text] = Text.DELIVERIES
    invented: ClassVar[Text] = Text.DEMONSTRATION_OF_DELIVERIES
    views: Sequence[View] = (DELIVERIES,)
    DEFAULT_CSS = """
    DeliveriesPage #alarms {
        height: auto; max-height: 4; padding: 0 1; color: $error; text-style: bold;
        text-wrap: nowrap; text-overflow: ellipsis;
    }
    DeliveriesPage #more { height: auto; max-height: 6; padding: 0 1; border-top: solid $panel; }
    """

    def __init__(self, desk: Desk, name: str) -> None:
        super().__init__(desk, name)
        self._found: Deliveries | None = None

    def compose(self) -> ComposeResult:
        yield Static(id="alarms", markup=False)
        yield Sheet[Target](
            self._columns(), lambda one: one.line.name, self._cells,
            empty=self.desk.words.say(Text.READING), id="targets",
        )  # fmt: skip
        yield Static(id="more", markup=False)

    def show(self, picture: Picture) -> None:
        found: Deliveries | None = picture.values.get("deliveries")
        if found is not None:
            before = self._keys()
            self._found = found
            self._sheet.show(found.targets, empty=self.desk.words.say(Text.NO_TARGETS))
            self._say()
            if before != self._keys():
                self.desk.keys_changed()

    def tick(self) -> None:
        self._sheet.refresh()

    def relabel(self) -> None:
        self._sheet.say_columns(self._columns())
        self._say()

    def offers(self) -> Sequence[PageKey]:
        say, keep = self.desk.words.say, Right.KEEP_BOOKS
        one = self._sheet.chosen if self._found else None
        if one is None:
            return ()
        keys = []
        if one.line.state in ("stopped", "waiting"):
            keys.append(PageKey("w", "w", say(Text.KEY_WAKE), self._wake, keep))
        keys.append(PageKey("enter", "Enter", say(Text.KEY_ASIDE), self._sheet.action_choose))
        if one.line.aside:
            keys.append(PageKey("A", "A", say(Text.KEY_RETRY_ALL), self._retry_all, keep))
        return keys

    @on(Sheet.Chosen)
    def _chosen(self, event: Sheet.Chosen) -> None:
        event.stop()
        if (one := self._sheet.chosen) is not None:
            self.app.push_screen(AsideDialog(self.desk, one.line.name))

    @on(Sheet.Moved)
    def _moved(self, event: Sheet.Moved) -> None:
        event.stop()
        self._say()
        self.desk.keys_changed()

    @property
    def _sheet(self) -> Sheet[Target]:
        return self.query_one("#targets", Sheet)

    def _keys(self) -> Sequence[str]:
        return [key.key for key in self.offers()]

    def _wake(self) -> None:
        if (one := self._sheet.chosen) is not None:
            acts, name = self._acts, one.line.name
            self.desk.ask(acts.wake(name) if one.line.state == "stopped" else acts.try_now(name))

    def _retry_all(self) -> None:
        if (one := self._sheet.chosen) is not None:
            self.desk.ask(self._acts.retry_all(one.line.name, one.line.aside))

    @property
    def _acts(self) -> DeliveryActs:
        return DeliveryActs(self.desk.words, self.desk.acts.user)

    # --- what it says --------------------------------------------------------------------------------

    def _say(self) -> None:
        if self._found is None:
            return
        alarms = self.query_one("#alarms", Static)
        alarms.display = bool(self._found.alarms)
        alarms.update("\n".join(map(self._alarm, self._found.alarms)))
        more = self.query_one("#more", Static)
        lines = self._more()
        more.display = bool(lines) and self.app.size.height >= ROOM_FOR_MORE
        more.update("\n".join(lines))

    def _alarm(self, one: AlarmLine) -> str:
        """Of one that has stopped with its words; how much waits or was set aside stands in its line, as it is now."""
        words = self.desk.words
        what = words.say(ALARMS[one.name], subject=one.subject)
        at = words.moment(one.since_ms, self.desk.now_ms)
        said = f" · {clean(one.words)}" if one.name == STOPPED else ""
        return f"▲ {words.say(Text.ALARM_SINCE, what=what, at=at)}{said}"

    def _more(self) -> list[str]:
        """What is known of the target that is chosen."""
        words, now_ms, one = self.desk.words, self.desk.now_ms, self._sheet.chosen
        if one is None:
            return []
        line, found = one.line, []
        if line.words:
            found.append(words.say(Text.TARGET_SAYS, name=line.name, words=line.words))
        if line.failures:
            at = words.moment(line.next_try_ms, now_ms)
            found.append(words.say(Text.TARGET_TRIES, n=line.failures, at=at))
        if (look := line.look) is not None:
            at = words.moment(look.at_ms, now_ms)
            found.append(
                words.say(
                    Text.TARGET_LOOK,
                    at=at,
                    accepted=look.accepted,
                    expected=look.expected,
                    open=look.open,
                    aside=look.aside,
                    missing=look.missing,
                )
            )
        if line.remark:
            found.append(f"▲ {words.remark(line.kind, line.remark)}")
        return found

    def _columns(self) -> list[Column]:
        say = self.desk.words.say
        return [
            Column(say(Text.COL_TARGET), 12, 2),
            Column(say(Text.COL_STATE), 16, 1),
            Column(say(Text.COL_WAITS), 6, 0, 1),
            Column(say(Text.COL_QUEUED), 6, 0, 4),
            Column(say(Text.COL_LATER), 6, 0, 5),
            Column(say(Text.COL_ASIDE), 6, 0, 2),
            Column(say(Text.COL_OLDEST), 17, 1, 3),
            Column(say(Text.COL_TAKEN), 12, 1, 6),
        ]

    def _cells(self, one: Target) -> list[Cell]:
        words, line = self.desk.words, one.line
        sign, text, tone = STATES.get(line.state, ("▲", None, "warn"))
        state = words.say(text) if text is not None else line.state
        if line.late and line.state == "telling":
            sign, state, tone = "▲", words.say(Text.TARGET_LATE), "bad"
        elif line.aside and line.state == "told":
            sign, state, tone = "▲", words.say(Text.TARGET_REST), "warn"
        oldest = words.age(line.lag_ms) if line.oldest_ms is not None else "–"
        if one.deadline_ms is not None:
            oldest = f"{oldest} / {words.age(one.deadline_ms)}"
        taken = words.moment(line.accepted_ms, self.desk.now_ms) or words.say(Text.NEVER)
        return [
            Cell(line.name, "strong"),
            Cell(f"{sign} {state}", tone),
            Cell(str(line.waiting), "" if line.waiting else "dim"),
            Cell(str(line.queued), "" if line.queued else "dim"),
            Cell(str(line.later), "" if line.later else "dim"),
            Cell(f"✗ {line.aside}", "bad") if line.aside else Cell("0", "dim"),
            Cell(f"▲ {oldest}", "bad") if line.late else Cell(oldest),
            Cell(taken),
        ]
