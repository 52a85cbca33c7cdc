"""Scenarios: what comes to one lane, step by step, and what is declared to come of it.

A scenario runs the gate's own controller over its own journal and permit store, in a folder of its own; the
turnstile, the card, the fire loop and the clock are simulated. So a site's rare day (a fire while somebody
walks through, a cut of the power after it) can be played, read and kept.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import msgspec

from gate.cache.journal import SqliteJournal
from gate.cache.permits import SqlitePermits
from gate.controller import Controller, Place
from gate.decide import Rules
from gate.errors import RelayError
from gate.lane_control import LaneParts
from gate.model import (
    CardContents,
    CardId,
    CardReading,
    Direction,
    Event,
    EventKind,
    ListState,
    Medium,
    Moment,
    Permit,
    Reason,
    Unreadable,
)
from gate.ports import (
    ButtonPressed,
    CardShown,
    FireLoop,
    Input,
    KeyTurned,
    ListedPermit,
    ModeAsked,
    Noted,
    SideGateChanged,
    SiteTold,
    TurnedBack,
)
from gate.rules import Action, Cover, Occupancy
from gate.simulator.turnstile import VirtualTurnstile
from gate.site import Seen
from gate.turnstile import Mode
from gate.uplink import contract, translate
from gate.zones import OUTSIDE
from gate.zones import SITE as ON_SITE
from portvakt.settings import Settings, load

LANE, SITE, GATE = "main", "scenario", "gate"
START_MS = 1_781_500_000_000
HEARTBEAT_MS = 60_000
PATIENT_MS = 20_000
"""A deadline that the journal's disk never misses: time stands still in a scenario."""

Way = Literal["entry", "exit"]


class ScenarioCard(Settings, frozen=True, kw_only=True):
    """A card on the list. A card that no scenario names is a stranger's."""

    name: str
    standing: str = "granted"
    language: str | None = None
    groups: tuple[str, ...] = ()


class Step(Settings, frozen=True, kw_only=True):
    """One thing that happens, and what is declared of the lane after it; what is left out is not compared."""

    do: Literal[
        "badge", "unreadable", "body", "back", "button", "fire", "loop_whole", "key", "mode", "wait", "restart",
        "power_cut", "elsewhere", "relay_breaks", "relay_mends", "sensor_sticks", "sensor_works", "side_gate_opens",
        "side_gate_closes",
    ]  # fmt: skip
    after_s: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    card: str | None = None
    way: Way = "entry"
    to: str | None = None
    """The mode that is asked for."""
    reason: str | None = None
    """What the badge of this step was answered with."""
    events: tuple[str, ...] | None = None
    mode: str | None = None
    ways: tuple[Way, ...] | None = None
    """Which ways give to a body now."""


class Scenario(Settings, frozen=True, kw_only=True):
    """The whole file."""

    title: str
    walk_s: float = 7.0
    tailgate_ms: int = 0
    cards: tuple[ScenarioCard, ...] = ()
    limit: Annotated[int, msgspec.Meta(ge=1)] | None = None
    """At most so many on the site."""
    cover: str | None = None
    """The group of which somebody is inside before the second goes in."""
    steps: Annotated[tuple[Step, ...], msgspec.Meta(min_length=1)]


@dataclass(frozen=True, slots=True)
class Played:
    """One step as it went. `wrong` says where it is not as declared."""

    at_s: float
    what: str
    mode: str
    ways: tuple[str, ...]
    events: tuple[str, ...]
    reasons: tuple[str, ...]
    warnings: tuple[str, ...]
    wrong: tuple[str, ...]


def load_scenario(path: Path) -> Scenario:
    """Read a scenario. Raises SettingsError, which names file, line and key."""
    return load(path, Scenario)


def play(scenario: Scenario) -> Iterator[Played]:
    """Play it step by step."""
    with TemporaryDirectory(prefix="portvakt-scenario-") as folder:
        stage = _Stage(scenario, Path(folder))
        try:
            for step in scenario.steps:
                yield stage.play(step)
        finally:
            stage.close()


class _Clock:
    """A clock that the scenario moves."""

    def __init__(self) -> None:
        self.moment = Moment("boot-1", 1_000_000, START_MS, trusted=True)

    def now(self) -> Moment:
        return self.moment

    def advance(self, by_ms: int) -> None:
        at = self.moment
        self.moment = replace(at, monotonic_ms=at.monotonic_ms + by_ms, wall_ms=at.wall_ms + by_ms)

    def reboot(self) -> None:
        self.moment = replace(self.moment, boot=self.moment.boot + "+", monotonic_ms=5_000)


class _Turnstile(VirtualTurnstile):
    """One whose relay breaks and whose sensor sticks."""

    relay_broken = False
    sensor_stuck = False

    def release(self, direction: Direction) -> None:
        self._obey()
        super().release(direction)

    def hold(self, ways: frozenset[Direction]) -> None:
        self._obey()
        super().hold(ways)

    def force(self, direction: Direction) -> None:
        if not self.sensor_stuck:
            super().force(direction)

    def _obey(self) -> None:
        if self.relay_broken:
            raise RelayError(f"lane {self.name}: the relay board does not answer")


class _Stage:
    """The gate of a scenario, and the world around it."""

    def __init__(self, scenario: Scenario, folder: Path) -> None:
        self._scenario = scenario
        self._folder = folder
        self._clock = _Clock()
        self._badges = 0
        self._loop_closed = True
        self._began_ms = START_MS
        self._cards = {card.name: CardId("hms", f"{number:08}") for number, card in enumerate(scenario.cards, start=1)}
        self._permits = SqlitePermits(folder / "permits.db")
        permits = [
            ListedPermit(
                Permit(self._cards[card.name], Reason(card.standing), language=card.language, groups=card.groups), b""
            )
            for card in scenario.cards
        ]
        self._permits.replace(permits, ListState(1, len(permits), "", START_MS, START_MS + 30 * 86_400_000))
        self._build()

    def play(self, step: Step) -> Played:
        self._pass_time(int(step.after_s * 1000))
        seen = self._journal.head().seq
        self._do(step)
        self._controller.tick()
        bodies = self._journal.read(seen, 1_000)
        recorded = [contract.decode_event(record.body) for record in bodies]
        events = tuple(event.kind for event in recorded)
        reasons = tuple(event.data.reason for event in recorded if event.data.reason is not None)
        warnings = tuple(warning for event in recorded for warning in event.data.warnings)
        mode = self._controller.health.lanes[LANE]
        ways = self._ways()
        wrong = []
        compared = (
            ("events", step.events, events),
            ("mode", step.mode, mode),
            ("ways", step.ways, ways),
            ("reason", step.reason, ", ".join(reasons)),
        )
        for name, declared, found in compared:
            if declared is not None and declared != found:
                wrong.append(f"{name}: declared {_words(declared)}, found {_words(found)}")
        at_s = (self._clock.moment.wall_ms - self._began_ms) / 1000
        return Played(at_s, _told(step), mode, ways, events, reasons, warnings, tuple(wrong))

    def close(self) -> None:
        self._turnstile.close()
        self._journal.close()
        self._permits.close()

    # --- the gate ----------------------------------------------------------------------------------------

    def _build(self) -> None:
        def encode(event: Event, *, epoch: str, seq: int, prevhash: str) -> bytes:
            return translate.outgoing_record(event, site=SITE, gate=GATE, epoch=epoch, seq=seq, prevhash=prevhash)

        self._journal = SqliteJournal(self._folder / "journal.db", encode, contract.record_hash, max_waiting=1_000)
        self._turnstile = _Turnstile(LANE)
        parts = LaneParts(self._turnstile, int(self._scenario.walk_s * 1000), self._scenario.tailgate_ms)
        self._controller = Controller(
            lanes={LANE: parts},
            readers={way: Place(LANE, Direction(way)) for way in ("entry", "exit")},
            permits=self._permits,
            journal=self._journal,
            clock=self._clock,
            rules=_rules(self._scenario),
            deadline_ms=PATIENT_MS,
            new_badge=self._new_badge,
        )
        self._turnstile.start(self._controller.handle)
        self._controller.start("scenario")
        self._controller.handle(FireLoop(self._loop_closed))

    def _new_badge(self) -> str:
        self._badges += 1
        return f"badge-{self._badges}"

    def _pass_time(self, by_ms: int) -> None:
        while by_ms > 0:
            step_ms = min(by_ms, max(1, self._controller.due_ms()))
            self._clock.advance(step_ms)
            self._controller.tick()
            by_ms -= step_ms

    def _ways(self) -> tuple[str, ...]:
        state = self._turnstile.state
        free = set(state.held) | ({state.released} if state.released else set())
        return tuple(way for way in ("entry", "exit") if way in free)

    # --- the world -----------------------------------------------------------------------------------------

    def _do(self, step: Step) -> None:
        way = Direction(step.way)
        inputs: Mapping[str, Input] = {
            "back": TurnedBack(LANE, way),
            "button": ButtonPressed(LANE, way),
            "key": KeyTurned(),
            "side_gate_opens": SideGateChanged("side", open=True),
            "side_gate_closes": SideGateChanged("side", open=False),
        }
        match step.do:
            case "badge" | "unreadable":
                self._controller.handle(CardShown(CardReading(step.way, Medium.CHIP, self._card(step))))
            case "body":
                self._turnstile.force(way)
            case "fire" | "loop_whole":
                self._loop_closed = step.do == "loop_whole"
                self._controller.handle(FireLoop(self._loop_closed))
            case "mode":
                self._controller.handle(ModeAsked(LANE, Mode(step.to or "normal"), "scenario"))
            case "restart" | "power_cut":
                self._start_again(cut=step.do == "power_cut")
            case "relay_breaks" | "relay_mends":
                self._turnstile.relay_broken = step.do == "relay_breaks"
            case "sensor_sticks" | "sensor_works":
                self._stick(stuck=step.do == "sensor_sticks")
            case "wait":
                pass
            case "elsewhere":
                self._controller.handle(self._told_by_the_hub(step))
            case _:
                self._controller.handle(inputs[step.do])

    def _told_by_the_hub(self, step: Step) -> SiteTold:
        """The card went in or out by another gate, and the hub says so."""
        card = self._cards.get(step.card or "", CardId("hms", "99999999"))
        known = next((one for one in self._scenario.cards if one.name == step.card), None)
        zone = ON_SITE if step.way == "entry" else OUTSIDE
        seen = Seen(self._clock.moment.wall_ms, zone, known.groups if known else ())
        return SiteTold([(card, seen)], HEARTBEAT_MS)

    def _card(self, step: Step) -> CardContents | Unreadable:
        if step.do == "unreadable":
            return Unreadable("the card does not answer; hold it still")
        return CardContents(self._cards.get(step.card or "", CardId("hms", "99999999")))

    def _stick(self, *, stuck: bool) -> None:
        """As the driver tells it: a contact that stays active."""
        self._turnstile.sensor_stuck = stuck
        kind = EventKind.ALARM_RAISED if stuck else EventKind.ALARM_CLEARED
        self._controller.handle(Noted(kind, {"alarm": f"stuck.{LANE}", "what": "active for 30 s"}))

    def _start_again(self, *, cut: bool) -> None:
        if not cut:
            self._controller.stop()
        # What was committed is on the disk; nothing else of the process is left.
        self._turnstile.close()
        self._journal.close()
        if cut:
            self._clock.reboot()
        self._build()


def _rules(scenario: Scenario) -> Rules:
    return Rules(
        ZoneInfo("Europe/Oslo"),
        occupancy=(Occupancy(scenario.limit),) if scenario.limit else (),
        cover=(Cover(scenario.cover, action=Action.REFUSE),) if scenario.cover else (),
    )


def _told(step: Step) -> str:
    words = [step.do.replace("_", " ")]
    if step.do in ("badge", "elsewhere"):
        words.append(step.card or "a stranger")
    if step.do in ("badge", "unreadable", "body", "back", "button", "elsewhere"):
        words.append(step.way)
    if step.do == "mode":
        words.append(step.to or "normal")
    return " ".join(words)


def _words(value: str | tuple[str, ...]) -> str:
    return value if isinstance(value, str) else (", ".join(value) or "nothing")
