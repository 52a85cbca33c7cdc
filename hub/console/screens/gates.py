"""Gates: each lane with its state, and the keys that run it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from rich.text import Text as Line
from textual import on
from textual.app import ComposeResult
from textual.message import Message
from textual.widgets import Static

from hub.console.acts import Act
from hub.console.desk import Desk, PageKey
from hub.console.roles import Right
from hub.console.screens.page import Page
from hub.console.site import Picture, Site, View
from hub.console.texts import Text
from hub.console.widgets.sheet import Cell, Column, Sheet
from hub.live import UNREAD, last_badges, last_muster_badges
from hub.presence import ENTRY, EXIT
from hub.queries import GateLine, SiteGates, gates
from hub.tables import gate_notes

DAY_MS = 86_400_000
ROOM_BELOW = 22
"""Rows of a terminal that has room for more than the lanes."""
LIST_OLD_MS = 10 * 60_000
"""Gates hear of their list each minute; after ten without a word something is wrong."""
DISK = ("journal.", "permits.")
"""Alarms of a gate that come of its disk; how full it is, it does not tell."""

MODES = {
    "normal": Text.MODE_NORMAL,
    "locked": Text.MODE_LOCKED,
    "held_open": Text.MODE_HELD_OPEN,
    "free": Text.MODE_FREE,
    "out_of_order": Text.MODE_OUT_OF_ORDER,
    "evacuated": Text.MODE_EVACUATED,
}
_GRAVE = ("evacuated", "free")


def _gates(site: Site) -> SiteGates:
    return gates(site.store)


def _last_badges(site: Site) -> dict[tuple[str, str], tuple[int, str]]:
    since_ms = site.clock() - DAY_MS
    return last_badges(site.store, since_ms) | last_muster_badges(site.store, since_ms)


GATES = View("gates", _gates, ("events", "gate_seen_ms", "revision"))
LAST = View("last_badges", _last_badges, ("events",), stale_s=30.0)


@dataclass(frozen=True, slots=True)
class LaneLine:
    """One lane with its gate, or one assembly point, which has no lane; both are None for a gate that never told its
    lanes."""

    line: GateLine
    lane: str | None
    mode: str
    last: tuple[int, str] | None
    revision: int
    point: str | None = None

    @property
    def gate(self) -> str:
        return self.line.gate

    @property
    def name(self) -> str:
        """Gate and place."""
        return "/".join(filter(None, (self.gate, self.lane or self.point)))


class GatesPage(Page):
    """Each lane: is it well, and what does it do?"""

    title: ClassVar[Text] = Text.GATES
    DEFAULT_CSS = """
    GatesPage #lane { height: auto; max-height: 12; padding: 0 1; background: $surface; border-top: solid $panel; }
    """
    views: Sequence[View] = (LAST,)

    def __init__(self, desk: Desk, name: str) -> None:
        super().__init__(desk, name)
        self._lines: tuple[LaneLine, ...] = ()
        self._inside = 0

    def compose(self) -> ComposeResult:
        yield Sheet[LaneLine](
            self._columns(),
            lambda line: (line.gate, line.lane, line.point),
            self._cells,
            empty=self.desk.words.say(Text.READING),
            id="lanes",
        )
        yield Static(id="lane", markup=False)

    def show(self, picture: Picture) -> None:
        found: SiteGates = picture.values["gates"]
        last = picture.values.get("last_badges") or {}
        self._inside = picture.pulse.inside
        self._lines = tuple(
            LaneLine(gate, lane, mode, last.get((gate.gate, lane or point or "")), found.revision, point)
            for gate in found.gates
            for lane, mode, point in _places(gate)
        )
        self._sheet.show(self._lines, empty=self.desk.words.say(Text.NO_GATES))
        self._say_lane()

    def tick(self) -> None:
        self._sheet.refresh()
        self._say_lane()

    def relabel(self) -> None:
        self._sheet.say_columns(self._columns())

    def offers(self) -> Sequence[PageKey]:
        say, run = self.desk.words.say, Right.RUN_GATES
        return (
            PageKey("o", "o", say(Text.KEY_OPEN), self._open, run),
            PageKey("h", "h", say(Text.KEY_HOLD), self._hold, run),
            PageKey("l", "l", say(Text.KEY_LOCK), self._lock, run),
            PageKey("n", "n", say(Text.KEY_NORMAL), self._normal, run),
            PageKey("E", "E", say(Text.KEY_EVACUATE), self._evacuate, run, grave=True),
            PageKey("x", "x", say(Text.KEY_OPEN_OUT), self._open_out, run),
            PageKey("L", "L", say(Text.KEY_LOCK_ALL), self._lock_all, run),
            PageKey("N", "N", say(Text.KEY_NORMAL_ALL), self._normal_all, run),
        )

    @on(Sheet.Moved)
    @on(Sheet.Chosen)
    def _moved(self, event: Message) -> None:
        event.stop()
        self._say_lane()

    def _say_lane(self) -> None:
        """All that is known of the lane that is chosen, below."""
        line = self._sheet.chosen
        place = self.query_one("#lane", Static)
        place.display = line is not None and self.app.size.height >= ROOM_BELOW
        if line is not None and place.display:
            place.update(Line("\n".join(self.notes(line))))

    def notes(self, line: LaneLine) -> list[str]:
        """What the line has no room for."""
        words, gate, now_ms = self.desk.words, line.line, self.desk.now_ms
        say = words.say
        found = [f"{line.name} · {say(Text.LAST_WORD, at=words.moment(gate.seen_ms, now_ms) or '–')} · {gate.version}"]
        if not gate.online and gate.seen_ms:
            found.append(f"○ {say(Text.AS_IT_WAS)}")
        held, current = gate.list_revision or 0, line.revision
        found.append(
            say(Text.LIST_SAME, revision=held) if held == current else say(Text.LIST_OTHER, held=held, current=current)
        )
        for reader, state in sorted(gate.readers.items()):
            read_ms = gate.reader_reads_ms.get(reader)
            last = say(Text.LAST_READ, at=words.moment(read_ms, now_ms)) if read_ms else ""
            point = gate.muster_readers.get(reader, "")
            text = Text.MUSTER_READER if point else Text.READER
            said = say(text, name=reader, state=words.reader(state), point=point)
            found.append(f"{'✓' if state == 'ok' else '✗'} {said} {last}".rstrip())
        for journal in gate.journals[-1:]:
            made = journal.made if journal.made is not None else "?"
            found.append(say(Text.RECORDS, made=made, stored=journal.stored, missing=journal.missing))
        return [*found, *(f"▲ {note}" for note in gate_notes(gate, current))]

    @property
    def _sheet(self) -> Sheet[LaneLine]:
        return self.query_one("#lanes", Sheet)

    def _columns(self) -> list[Column]:
        say = self.desk.words.say
        return [
            Column(say(Text.COL_LANE), 12, 2),
            Column(say(Text.COL_STATE), 14, 2),
            Column(say(Text.COL_LAST_BADGE), 10, 1, 1),
            Column(say(Text.COL_LIST), 10, 1, 3),
            Column(say(Text.COL_QUEUE), 5, 0, 2),
            Column(say(Text.COL_READERS), 10, 2, 4),
            Column(say(Text.COL_CLOCK), 10, 0, 5),
            Column(say(Text.COL_DISK), 6, 0, 6),
            Column(say(Text.COL_ALARMS), 10, 4, 7),
        ]

    def _cells(self, line: LaneLine) -> list[Cell]:
        gate = line.line
        return [
            Cell(line.name, "strong"),
            self._state(line),
            self._last(line),
            self._list(line),
            self._queue(gate),
            self._readers(gate),
            self._clock(gate),
            self._disk(gate),
            self._alarms(gate),
        ]

    def _state(self, line: LaneLine) -> Cell:
        say = self.desk.words.say
        if not line.line.online:
            return Cell(f"○ {say(Text.OFFLINE if line.line.seen_ms else Text.NEVER_SAID)}", "bad")
        if line.point is not None:
            return Cell(f"● {say(Text.MUSTER_POINT)}", "good")
        if line.lane is None:
            return Cell(f"● {say(Text.NO_LANES)}", "warn")
        mode = say(MODES[line.mode]) if line.mode in MODES else line.mode
        if line.mode == "normal":
            return Cell(f"● {mode}", "good")
        return Cell(f"✗ {mode}", "bad") if line.mode in _GRAVE else Cell(f"▲ {mode}", "warn")

    def _last(self, line: LaneLine) -> Cell:
        if line.last is None:
            return Cell("–", "dim")
        at_ms, kind = line.last
        refused = kind in ("badge.refused", UNREAD)
        return Cell(f"{'✗' if refused else '✓'} {self.desk.words.clock(at_ms)}", "bad" if refused else "")

    def _list(self, line: LaneLine) -> Cell:
        words, gate = self.desk.words, line.line
        if not gate.list_revision:
            return Cell(f"✗ {words.say(Text.LIST_NONE)}", "bad")
        age_ms = max(0, self.desk.now_ms - gate.list_confirmed_ms)
        age = words.age(age_ms)
        if gate.list_revision != line.revision:
            return Cell(f"▲ {words.say(Text.LIST_OLD)}", "warn")
        if age_ms > LIST_OLD_MS:
            return Cell(f"▲ {age}", "warn")
        return Cell(f"✓ {age}", "good")

    def _queue(self, gate: GateLine) -> Cell:
        if gate.unsent is None or not gate.online:
            return Cell("?", "dim")
        return Cell(str(gate.unsent), "warn" if gate.unsent else "dim")

    def _readers(self, gate: GateLine) -> Cell:
        if not gate.online:
            return Cell("–", "dim")
        bad = [
            f"{name} {self.desk.words.reader(state)}" for name, state in sorted(gate.readers.items()) if state != "ok"
        ]
        if bad:
            return Cell(f"✗ {', '.join(bad)}", "bad")
        if not gate.readers:
            return Cell("–", "dim")
        return Cell(f"✓ {self.desk.words.say(Text.READERS_FINE, n=len(gate.readers))}", "good")

    def _clock(self, gate: GateLine) -> Cell:
        if gate.clock_trusted is None or not gate.online:
            return Cell("–", "dim")
        say = self.desk.words.say
        return (
            Cell(f"✓ {say(Text.CLOCK_RIGHT)}", "good")
            if gate.clock_trusted
            else Cell(f"✗ {say(Text.CLOCK_WRONG)}", "bad")
        )

    def _disk(self, gate: GateLine) -> Cell:
        if not gate.online:
            return Cell("–", "dim")
        bad = next((alarm for alarm in gate.alarms if alarm.startswith(DISK)), None)
        return Cell(f"✗ {bad}", "bad") if bad else Cell(f"✓ {self.desk.words.say(Text.DISK_FINE)}", "good")

    def _alarms(self, gate: GateLine) -> Cell:
        if not gate.alarms:
            return Cell("–", "dim")
        return Cell(f"▲ {', '.join(gate.alarms)}", "bad")

    # --- keys ----------------------------------------------------------------------------------------

    def _lane(self) -> tuple[str, str] | None:
        line = self._sheet.chosen
        if line is None or line.lane is None:
            self.desk.tell(self.desk.words.say(Text.NO_GATE_CHOSEN))
            return None
        return line.gate, line.lane

    def _names(self) -> list[str]:
        names = list(dict.fromkeys(line.gate for line in self._lines))
        if not names:
            self.desk.tell(self.desk.words.say(Text.NO_GATE_CHOSEN))
        return names

    def _open(self) -> None:
        if lane := self._lane():
            self._ask(self.desk.acts.open_lane(*lane, ENTRY), lane[:1])

    def _open_out(self) -> None:
        if lane := self._lane():
            self._ask(self.desk.acts.open_lane(*lane, EXIT), lane[:1])

    def _hold(self) -> None:
        if lane := self._lane():
            self._ask(self.desk.acts.hold_lane(*lane), lane[:1])

    def _lock(self) -> None:
        if lane := self._lane():
            self._ask(self.desk.acts.lock_lane(*lane), lane[:1])

    def _normal(self) -> None:
        if lane := self._lane():
            self._ask(self.desk.acts.free_lane(*lane), lane[:1])

    def _lock_all(self) -> None:
        if names := self._names():
            self._ask(self.desk.acts.lock_all(names), names)

    def _normal_all(self) -> None:
        if names := self._names():
            self._ask(self.desk.acts.normal_all(names), names)

    def _evacuate(self) -> None:
        if names := self._names():
            self._ask(self.desk.acts.evacuate(names, self._inside), names)

    def _ask(self, act: Act, gates: Sequence[str]) -> None:
        """The question, with the gates that will not hear of it."""
        deaf = dict.fromkeys(one.gate for one in self._lines if one.gate in gates and not one.line.online)
        if deaf:
            warned = self.desk.words.say(Text.NOT_HEARD, gates=", ".join(deaf))
            act = replace(act, will=(warned, *act.will))
        self.desk.ask(act)


def _places(gate: GateLine) -> list[tuple[str | None, str, str | None]]:
    """Lane, its mode, and assembly point: one of the two, or neither."""
    found: list[tuple[str | None, str, str | None]] = [(lane, mode, None) for lane, mode in sorted(gate.lanes.items())]
    found += [(None, "", point) for point in sorted(set(gate.muster_readers.values()))]
    return found or [(None, "", None)]
