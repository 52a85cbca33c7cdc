"""A morning at the north gate, played without a hand: 12 badges in, 2 out, and a network cut.

Everything that is printed comes from the processes themselves: the lane's answer from the gate, the
counts from the gate's journal and the hub's store.
"""

import sys

from rich.console import Console
from rich.table import Table
from rich.text import Text

from gate.model import Direction
from gate.simulator.card import VirtualCard
from gate.simulator.demo.cast import Worker
from gate.simulator.demo.stage import LANE, Stage, roster_cells
from gate.simulator.remote import ShownAnswer

WALK_S = 1.5
"""Short, so that the abandoned passage does not keep the audience waiting."""


class Morning:
    """The play. Each scene asserts nothing; the closing count says whether it went well."""

    def __init__(self, stage: Stage, console: Console) -> None:
        self._stage = stage
        self._console = console
        self._badges = 0
        self._walks = 0

    def play(self) -> bool:
        """True when every event made is stored once."""
        cast = self._stage.cast
        first, second, third, *_ = cast.ordinary
        self._say(
            "The hub, its broker and the gate run. 200 workers of 12 companies are on the crew list.\n"
            "HMSREG and the card register are doubles: what they are told goes no further than this machine.\n"
        )
        self._in(first, "walks in", walks=True)
        self._in(cast.stranger, "is on no crew list")
        self._in(cast.expired, "card ran out 12 days ago")
        self._in(cast.blocked, "card reported lost")
        self._in(second, "badges, then runs back for the helmet")
        self._say("  … nobody walks; the lane locks again", "dim")
        self._until_abandoned()

        self._stage.cable.cut()
        self._say("\n  ✂  the network is cut; the gate goes on alone", "bold yellow")
        self._in(third, "walks in, with no network", walks=True)
        self._in(cast.untrained, "has not done the induction")
        self._in(cast.moved, "card is of another employer")
        self._in(cast.unapproved, "company not approved here")
        waiting = len(self._stage.made()) - len(self._stage.stored())
        self._stage.cable.mend()
        self._say(f"  ✓  the network is back; {waiting} events were waiting in the gate's journal", "bold yellow")
        self._stage.wait(self._drained, "the backlog to drain")
        self._say("     and now the hub has them\n", "yellow")

        self._in(cast.early, "starts next week")
        self._in(first, "lends the card to a mate, who tries to follow")
        self._show("?", "holds up a card that no longer reads", self._stage.broken_card(second), "outside")
        self._out(cast.expired, "leaves with the expired card: nobody is locked in")
        self._out(first, "goes home")
        return self._close()

    # --- scenes ------------------------------------------------------------------------------------

    def _in(self, worker: Worker, does: str, *, walks: bool = False) -> None:
        answer = self._show(worker.name, does, self._stage.card_of(worker), "outside")
        if walks and answer.admitted:
            self._walk(Direction.ENTRY)

    def _out(self, worker: Worker, does: str) -> None:
        answer = self._show(worker.name, does, self._stage.card_of(worker), "inside")
        if answer.admitted:
            self._walk(Direction.EXIT)

    def _show(self, who: str, does: str, card: VirtualCard, reader: str) -> ShownAnswer:
        self._badges += 1
        answer = self._stage.show(card, reader)
        mark = Text("  ▶ turns  ", "bold green") if answer.admitted else Text("  ✖ refused", "bold red")
        line = Text.assemble(
            (f"{self._badges:>3} ", "dim"),
            mark,
            "  ",
            (f"{who:<22.22}", "bold"),
            f" {does}",
            (f"  [{answer.reason}]", "dim"),
        )
        self._console.print(line)
        self._console.print(Text.assemble(" " * 17, (answer.headline, "italic"), "  ", (answer.next_step, "dim")))
        return answer

    def _walk(self, direction: Direction) -> None:
        # Walks first and counts then: the lane waits for a worker, not for an audience.
        self._stage.remote.walk(LANE, direction)
        self._walks += 1
        self._stage.wait(lambda: self._count("passage.completed") >= self._walks, "the passage to be recorded")

    def _until_abandoned(self) -> None:
        self._stage.wait(lambda: self._count("passage.abandoned") > 0, "the abandoned passage to be recorded")

    def _count(self, kind: str) -> int:
        return sum(event["type"].endswith(kind) for event in self._stage.made())

    def _drained(self) -> bool:
        return len(self._stage.stored()) >= len(self._stage.made())

    # --- the end -----------------------------------------------------------------------------------

    def _close(self) -> bool:
        self._stage.wait(self._drained, "the last events to reach the hub")
        roster = Table(title="On site now, says the hub", title_justify="left")
        for column in ("name", "employer", "card", "since", "by"):
            roster.add_column(column)
        for person in self._stage.roster():
            roster.add_row(*(Text(cell) for cell in roster_cells(person)))
        self._console.print()
        self._console.print(roster)
        made = [event["id"] for event in self._stage.made()]
        stored = [event["id"] for event in self._stage.stored()]
        lost = len(set(made) - set(stored))
        twice = len(stored) - len(set(stored))
        self._tell_of_hmsreg()
        self._tell_of_register()
        self._console.print(
            f"\nmade {len(made)}, stored {len(stored)}, lost {lost}, twice {twice}", style="bold", highlight=False
        )
        return not lost and not twice and len(made) == len(stored)

    def _tell_of_hmsreg(self) -> None:
        """The client's system: the real one is not asked from a demonstration."""
        self._stage.wait(self._all_told, "HMSREG's double to be told of every passage")
        told = self._stage.told()
        taken, aside = told["accepted"], told["aside"]
        self._say(
            f"\nHMSREG's double has taken {taken} of {self._walks} passages, set aside {aside} (hub central status)"
        )

    def _tell_of_register(self) -> None:
        """The hub has asked about the card that nobody knew."""
        card = f"hms:{self._stage.cast.stranger.card_number}"
        self._stage.wait(lambda: self._word_on(card) is not None, "the card register's double to be asked")
        self._say(
            f"The card register's double calls the stranger's card {self._word_on(card)} (hub waiting; hub approve)"
        )

    def _word_on(self, card: str) -> str | None:
        return next((one["register"] for one in self._stage.asking() if one["card"] == card), None)

    def _all_told(self) -> bool:
        told = self._stage.told()
        return int(told["accepted"]) + int(told["aside"]) >= self._walks and not told["waiting"]

    def _say(self, text: str, style: str = "") -> None:
        self._console.print(text, style=style, highlight=False)


def play() -> int:
    """Play the morning on standard output; 0 when nothing was lost and nothing counted twice."""
    console = Console(file=sys.stdout, width=None if sys.stdout.isatty() else 120)
    with Stage(WALK_S) as stage:
        return 0 if Morning(stage, console).play() else 1
