"""The demo on a terminal: choose who comes and with which card; see the lane, the journal, the roster.

The screen asks the running gate and hub; it decides nothing itself.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from rich.text import Text
from textual import work
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import DataTable, Footer, Header, OptionList, Static
from textual.widgets.option_list import Option

from gate.simulator.card import VirtualCard
from gate.simulator.demo.cast import Worker
from gate.simulator.demo.stage import LANE, Stage, roster_cells
from gate.simulator.remote import LaneState
from portvakt.errors import PortvaktError

WALK_S = 6.0


@dataclass(frozen=True, slots=True)
class Visitor:
    """A line of the list: who, with what card, at which reader."""

    label: str
    card: Callable[[], VirtualCard]
    reader: str = "outside"


@dataclass(frozen=True, slots=True)
class Picture:
    """What gate and hub say at one moment."""

    lane: LaneState
    roster: Sequence[Mapping[str, Any]]
    made: int
    stored: int
    told: int
    """Passages that the double of HMSREG has taken."""


def visitors(stage: Stage) -> list[Visitor]:
    """Who can come to the gate."""
    cast = stage.cast
    found = [Visitor(f"{worker.name}, {worker.organisation_name}", _card(stage, worker)) for worker in cast.ordinary]
    found += [
        Visitor("a stranger: good card, on no crew list", _card(stage, cast.stranger)),
        Visitor("an expired card", _card(stage, cast.expired)),
        Visitor("a card that is blocked", _card(stage, cast.blocked)),
        Visitor("no safety induction yet", _card(stage, cast.untrained)),
        Visitor("company not approved", _card(stage, cast.unapproved)),
        Visitor("starts next week", _card(stage, cast.early)),
        Visitor("card of another employer", _card(stage, cast.moved)),
        Visitor("a broken card", lambda: stage.broken_card(cast.ordinary[0])),
    ]
    leaving = [Visitor(f"{worker.name} leaves", _card(stage, worker), "inside") for worker in cast.ordinary[:3]]
    return [*found, *leaving, Visitor("the expired card leaves", _card(stage, cast.expired), "inside")]


def _card(stage: Stage, worker: Worker) -> Callable[[], VirtualCard]:
    return lambda: stage.card_of(worker)


class DemoApp(App[None]):
    """One gate, seen from above."""

    TITLE = "Portvakt: the north gate"
    CSS = """
    #left { width: 46; }
    #people { height: 1fr; border: round $primary; }
    #lane { height: 13; border: heavy $primary; content-align: center middle; text-align: center; }
    #counts { height: 3; border: round $primary; padding: 0 1; }
    #roster { height: 1fr; border: round $primary; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("w", "walk", "walk through"),
        Binding("c", "cable", "cut / mend the network"),
        Binding("q", "quit", "quit"),
    ]

    def __init__(self, stage: Stage) -> None:
        super().__init__()
        self._stage = stage
        self._visitors = visitors(stage)
        self._cut = False

    def compose(self) -> ComposeResult:
        yield Header()
        with Horizontal():
            with Vertical(id="left"):
                yield OptionList(*(Option(Text(visitor.label)) for visitor in self._visitors), id="people")
            with Vertical():
                yield Static("Choose who comes to the gate, and press Enter.", id="lane")
                yield Static("", id="counts")
                yield DataTable(id="roster", cursor_type="none")
        yield Footer()

    def on_mount(self) -> None:
        self.query_one("#people").border_title = "Who comes?"
        self.query_one("#roster").border_title = "On site now, says the hub"
        self.query_one(DataTable).add_columns("name", "employer", "since")
        self._look()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self._show(self._visitors[event.option_index])

    def action_walk(self) -> None:
        self._walk()

    def action_cable(self) -> None:
        self._cut = not self._cut
        (self._stage.cable.cut if self._cut else self._stage.cable.mend)()
        self.sub_title = "NETWORK CUT: the gate decides alone" if self._cut else ""

    @work(thread=True, exclusive=True, group="badge")
    def _show(self, visitor: Visitor) -> None:
        self._guarded(lambda: self._stage.show(visitor.card(), visitor.reader))

    @work(thread=True, exclusive=True, group="walk")
    def _walk(self) -> None:
        released = self._stage.lane().released
        if released is None:
            self.call_from_thread(self.notify, "The turnstile is locked: nobody can walk through.", severity="warning")
            return
        self._guarded(lambda: self._stage.remote.walk(LANE, released))

    @work(thread=True, exclusive=True, group="look")
    def _look(self) -> None:
        """Ask gate and hub; a second after the answer, again."""
        try:
            made, stored = len(self._stage.made()), len(self._stage.stored())
            told = int(self._stage.told()["accepted"])
            picture = Picture(self._stage.lane(), self._stage.roster(), made, stored, told)
        except PortvaktError as failed:
            self.call_from_thread(self.notify, str(failed), severity="error")
        else:
            self.call_from_thread(self.draw, picture)
        self.call_from_thread(self.set_timer, 1.0, self._look)

    def _guarded(self, act: Callable[[], object]) -> None:
        try:
            act()
            lane = self._stage.lane()
        except PortvaktError as failed:
            self.call_from_thread(self.notify, str(failed), severity="error")
        else:
            self.call_from_thread(self.draw_lane, lane)

    def draw(self, picture: Picture) -> None:
        """Put what gate and hub say on the screen."""
        self.draw_lane(picture.lane)
        waiting = picture.made - picture.stored
        self.query_one("#counts", Static).update(
            f"gate made {picture.made}   hub stored {picture.stored}   waiting at the gate {waiting}   "
            f"HMSREG (a double) told {picture.told}"
        )
        roster = self.query_one(DataTable)
        roster.clear()
        for person in picture.roster:
            name, employer, _, since, _ = roster_cells(person)
            roster.add_row(Text(name), Text(employer), Text(since))

    def draw_lane(self, lane: LaneState) -> None:
        shown, released = lane.shown, lane.released
        if shown is None:
            return
        colour = "green" if shown.admitted else "red"
        state = f"released for {released}: press w to walk through" if released else "locked"
        self.query_one("#lane", Static).update(
            Text.assemble(
                (f"{shown.symbol}  {shown.word}\n\n{shown.headline}\n", f"bold {colour}"),
                f"{shown.next_step}\n\n",
                (f"{shown.reason}   turnstile {state}", "dim"),
            )
        )


def run() -> int:
    """Run the demo on this terminal."""
    print("starting broker, hub and gate …")
    with Stage(WALK_S) as stage:
        DemoApp(stage).run()
    return 0
