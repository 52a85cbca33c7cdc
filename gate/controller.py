"""The one thread that owns the lanes: inputs in order -> decide -> turnstile -> journal -> effects.

It knows ports only, asks nothing of the network (P1), and is itself free of threads and clocks: whoever
runs it calls `handle` for every input and `tick` no later than `due_ms`. The seeded simulation drives
this very class.

The order that makes it safe:
- a grant is on the disk before the relay moves, unless the disk is late (P4);
- on a fire the lanes are free before anything is written (P6);
- a lane that is released is locked again by a body or by the clock, and the outcome is recorded;
- nothing that goes wrong with a card, a disk or a lamp ends the thread (P9).
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TypeAlias

from gate import records
from gate.alarms import Alarms
from gate.crowd import Crowding
from gate.decide import Circumstances, Rules, decide, decide_by_hand
from gate.errors import StoreError
from gate.lane_control import LaneControl, LaneParts
from gate.model import (
    NOTHING_KNOWN,
    CardContents,
    CardHistory,
    CardId,
    CardReading,
    Decision,
    Direction,
    Event,
    EventKind,
    Medium,
    Moment,
    Permit,
    ReaderState,
    Reason,
)
from gate.muster_desk import MusterDesk, MusterPlace
from gate.ports import (
    ButtonPressed,
    CardShown,
    Clock,
    FireLoop,
    HolderRead,
    Input,
    Journal,
    KeyTurned,
    ModeAsked,
    Noted,
    PassageSensed,
    PassAsked,
    PermitStore,
    ReaderChanged,
    SideGateChanged,
    SiteTold,
    TurnedBack,
)
from gate.recorder import Recorder
from gate.site import Seen, SitePicture, latest
from gate.suspicion import another_chip, chip_of
from gate.timekeeping import Timekeeper
from gate.turnstile import MODE_SIGNALS, Grant, Mode, Signal

log = logging.getLogger(__name__)

IDLE_TICK_MS = 1_000
"""How long the controller may go without a look at the clock."""
FIRE = "fire"
"""The alarm that stands from the opening of the loop until a person at the site has turned the key."""

_SIGNAL_FOR = {mode: signal for signal, mode in MODE_SIGNALS.items() if signal is not Signal.RESET}


OPEN = "open"
"""The command that lets one body through."""


def _outcome(lane: str | None, command: str, by: str, *, number: int, why: str, now: Moment) -> Event:
    """What came of a command of the hub; `why` not, or empty."""
    if why:
        return records.command_refused(lane, command, by, why, now, number=number)
    return records.command_done(lane, command, by, number, now)


def _no_lamp(decision: Decision) -> None:
    """A reader that shows nothing."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a reader stands."""

    lane: str
    direction: Direction
    show: Callable[[Decision], None] = _no_lamp
    """The reader's own lamp and buzzer."""


@dataclass(frozen=True, slots=True)
class ReaderHealth:
    """How a reader is, and when it last gave a card's contents: Unix time in ms, None before the first.

    A reader that says it is well and has read nothing all morning is not well."""

    state: ReaderState = ReaderState.STARTING
    what: str = ""
    last_read_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Health:
    """What the gate says of itself, for its status and its logs."""

    readers: Mapping[str, ReaderHealth]
    lanes: Mapping[str, str]
    alarms: tuple[str, ...]
    clock_trusted: bool


@dataclass(frozen=True, slots=True)
class _ByHand:
    """Somebody at the site lets one body through."""

    lane: str
    direction: Direction
    by: str
    number: int | None = None


_Asked: TypeAlias = CardReading | _ByHand


class Controller:
    """See the module. Not thread-safe: one thread calls it. `health` alone may be read from any."""

    def __init__(
        self,
        *,
        lanes: Mapping[str, LaneParts],
        readers: Mapping[str, Place],
        permits: PermitStore,
        journal: Journal,
        clock: Clock,
        rules: Rules,
        deadline_ms: int,
        new_badge: Callable[[], str],
        muster_readers: Mapping[str, MusterPlace] = MappingProxyType({}),
    ) -> None:
        self._alarms = Alarms()
        self._recorder = Recorder(journal, self._alarms, deadline_ms)
        self._muster = MusterDesk(muster_readers, permits, self._recorder)
        self._lanes = {name: LaneControl(name, parts, self._alarms) for name, parts in lanes.items()}
        self._places = readers
        self._permits = permits
        self._journal = journal
        self._clock = clock
        self._rules = rules
        self._new_badge = new_badge
        self._waiting: dict[tuple[str, Direction], _Asked] = {}
        self._answered: dict[str, CardId | None] = {}
        """Whose badge each lane has answered last: a name that comes after it belongs to that one only."""
        self._readers = dict.fromkeys((*readers, *muster_readers), ReaderHealth())
        self._site = SitePicture()
        self._crowding = Crowding(rules.occupancy, self._alarms)
        self._timekeeper = Timekeeper()
        self._clock_trusted = False
        self._loop_closed: bool | None = None

    @property
    def health(self) -> Health:
        return Health(
            readers=dict(self._readers),
            lanes={name: str(lane.turnstile.mode) for name, lane in self._lanes.items()},
            alarms=self._alarms.names,
            clock_trusted=self._clock_trusted,
        )

    @property
    def unrecorded(self) -> int:
        """How many events there was no room for, on disk or in memory, since that was last told."""
        return self._recorder.unrecorded

    def start(self, version: str) -> None:
        """Record that the gate runs. Grants left open by a crash ended with the process before; a mode
        that the site asked for, and an evacuation, did not."""
        began = self._clock.now()
        resumed: list[Event] = []
        for name, mode in self._modes_before().items():
            if name in self._lanes and mode is not Mode.NORMAL:
                resumed += self._lanes[name].resume(mode, began)
                log.warning("lane=%s mode=%s since=before_restart", name, mode)
                if mode is Mode.EVACUATED:
                    resumed += self._alarms.raised(FIRE, "evacuated before the gate was started again", began)
        now = self._look_at_the_clock()
        self._recorder.record([Event(EventKind.GATE_STARTED, now, detail={"version": version}), *resumed])

    def stop(self) -> None:
        """Give up open grants, which locks their lanes, and record the end."""
        now = self._clock.now()
        for lane in self._lanes.values():
            if lane.turnstile.grant is not None:
                self._recorder.record(lane.signal(Signal.OVERDUE, now))
        self._recorder.record([Event(EventKind.GATE_STOPPED, now)])

    def handle(self, given: Input) -> None:
        """Take one input to its end."""
        now = self._look_at_the_clock()
        match given:
            case CardShown(reading) if reading.reader in self._muster:
                self._has_read(reading, now)
                self._muster.shown(reading, now)
            case CardShown(reading):
                self._ask(self._places[reading.reader], reading, now)
            case ButtonPressed(lane, direction):
                self._ask(Place(lane, direction), _ByHand(lane, direction, "button"), now)
            case PassageSensed(lane, direction):
                events = self._lanes[lane].body(direction, now)
                self._recorder.record(events)
                self._saw(events, now)
                self._serve_waiting(now)
            case TurnedBack(lane, direction):
                self._recorder.record(self._lanes[lane].turned_back(direction, now))
                self._serve_waiting(now)
            case HolderRead(reader, card, first_name) if reader in self._muster:
                self._muster.greet(reader, card, first_name)
            case HolderRead(reader, card, first_name):
                lane = self._places[reader].lane
                if self._answered.get(lane) == card:
                    self._lanes[lane].greet(first_name)
            case ReaderChanged(reader, state, what):
                self._reader_changed(reader, state, what, now)
            case Noted():
                self._noted(given, now)
            case _:
                self._from_the_site(given, now)

    def _from_the_site(
        self, given: FireLoop | KeyTurned | SideGateChanged | ModeAsked | PassAsked | SiteTold, now: Moment
    ) -> None:
        match given:
            case FireLoop(closed):
                self._fire_loop(closed, now)
            case KeyTurned():
                self._key_turned(now)
            case SideGateChanged(name, is_open):
                self._side_gate(name, is_open, now)
            case ModeAsked():
                self._mode_asked(given, now)
            case SiteTold():
                self._told(given, now)
            case PassAsked(lane, direction, by, number):
                if self._known(lane, by, number, now):
                    self._ask(Place(lane, direction), _ByHand(lane, direction, by, number), now)

    def _noted(self, given: Noted, now: Moment) -> None:
        kind, detail = given.kind, given.detail
        if kind is EventKind.ALARM_RAISED:
            alarm, what = str(detail["alarm"]), str(detail.get("what", ""))
            self._recorder.record(self._alarms.raised(alarm, what, now))
        elif kind is EventKind.ALARM_CLEARED:
            self._recorder.record(self._alarms.cleared(str(detail["alarm"]), now))
        else:
            self._recorder.record([Event(kind, now, detail=detail, command=given.command)])

    def tick(self) -> None:
        """Look at the clock: end overdue grants, serve who waits."""
        now = self._look_at_the_clock()
        self._recorder.look(now)
        for lane in self._lanes.values():
            self._recorder.record(lane.look(now))
        self._serve_waiting(now)

    def due_ms(self) -> int:
        """How many milliseconds from now the next `tick` is due, at the latest."""
        now_ms = self._clock.now().monotonic_ms
        grants = [lane.turnstile.grant for lane in self._lanes.values()]
        return max(0, min([grant.until_ms - now_ms for grant in grants if grant] + [IDLE_TICK_MS]))

    # --- somebody wants to pass ----------------------------------------------------------------------

    def _ask(self, place: Place, asked: _Asked, now: Moment) -> None:
        lane = self._lanes[place.lane]
        if not lane.turnstile.free:
            if not _same_showing(lane.turnstile.grant, asked, place.direction):
                # The newest waits: whoever stood there before has either gone or will badge again.
                self._waiting[place.lane, place.direction] = asked
            return
        if not lane.obeys:
            # Perhaps it does by now: a worker waits.
            self._recorder.record(lane.look(now))
        try:
            if isinstance(asked, CardReading):
                self._badge(lane, asked, place, now)
            else:
                self._by_hand(lane, asked, now)
        except Exception:
            # A fault of ours must lock nobody in (P6); the thread logs it and goes on.
            if place.direction is Direction.EXIT and lane.turnstile.free:
                until_ms = now.monotonic_ms + lane.walk_ms
                lane.let_out(Grant(self._new_badge(), place.direction, None, Medium.MANUAL, None, until_ms), now)
            raise

    def _serve_waiting(self, now: Moment) -> None:
        """Decide who waited while the lane was busy; who leaves goes first."""
        for direction in (Direction.EXIT, Direction.ENTRY):
            for name, lane in self._lanes.items():
                if lane.turnstile.free and (name, direction) in self._waiting:
                    asked = self._waiting.pop((name, direction))
                    place = self._places[asked.reader] if isinstance(asked, CardReading) else Place(name, direction)
                    self._ask(place, asked, now)

    def _badge(self, lane: LaneControl, reading: CardReading, place: Place, now: Moment) -> None:
        self._has_read(reading, now)
        history, follows = self._history(reading, now)
        decision, permit, alarms = self._decision(reading, place, history, now)
        badge = self._new_badge()
        event = records.badge(reading, decision, lane=place.lane, direction=place.direction, badge_id=badge, now=now)
        if (before := another_chip(reading, history)) is not None:
            follows = [*follows, records.suspicion(event, before)]
            log.warning("card=%s suspicion=another_chip lane=%s", records.masked(reading), place.lane)
        card, employer = records.who(reading)
        until_ms = now.monotonic_ms + lane.walk_ms
        grant = Grant(badge, place.direction, card, reading.medium, employer, until_ms, chip_of(reading))
        decision = self._carry_out(lane, grant, decision, [event, *alarms, *follows], now)
        lane.show(decision, place.direction, permit.language if permit else None)
        place.show(decision)
        self._answered[lane.name] = card if decision.admitted else None
        log.info(
            "badge lane=%s direction=%s card=%s medium=%s admitted=%s reason=%s warnings=%s",
            place.lane, place.direction, records.masked(reading), reading.medium,
            "yes" if decision.admitted else "no", decision.reason, ",".join(decision.warnings) or "-",
        )  # fmt: skip

    def _by_hand(self, lane: LaneControl, asked: _ByHand, now: Moment) -> None:
        """A button, or the site manager: nobody's card, and a person who answers for it."""
        decision = decide_by_hand(asked.direction, lane_closed=not lane.takes_entries, rules=self._rules)
        badge = self._new_badge()
        event = records.by_hand(
            asked.by, decision, lane=lane.name, direction=asked.direction, badge_id=badge, number=asked.number, now=now
        )
        grant = Grant(badge, asked.direction, None, Medium.MANUAL, None, now.monotonic_ms + lane.walk_ms)
        decision = self._carry_out(lane, grant, decision, [event], now)
        lane.show(decision, asked.direction, None)
        if asked.number is not None:
            why = "" if decision.admitted else "the lane does not turn, or the gate's disk is full"
            self._recorder.record([_outcome(lane.name, OPEN, asked.by, number=asked.number, why=why, now=now)])
        self._answered[lane.name] = None
        log.info(
            "pass lane=%s direction=%s by=%s admitted=%s",
            lane.name, asked.direction, asked.by, "yes" if decision.admitted else "no",
        )  # fmt: skip

    def _carry_out(
        self, lane: LaneControl, grant: Grant, decision: Decision, events: list[Event], now: Moment
    ) -> Decision:
        """Record, then release; the decision as the worker meets it."""
        closed = Decision(admitted=False, reason=Reason.LANE_CLOSED)
        recorded = self._recorder.record(events)
        if not recorded and grant.direction is Direction.ENTRY and decision.admitted:
            # No disk and no memory left: an entry that cannot be recorded is no entry (P4, P11).
            return closed
        if not decision.admitted:
            return decision
        turns, follows = lane.give(grant, now)
        self._recorder.record(follows)
        # A lamp that says "go" at an arm that does not give sends the worker into it.
        return decision if turns else closed

    def _decision(
        self, reading: CardReading, place: Place, history: CardHistory, now: Moment
    ) -> tuple[Decision, Permit | None, list[Event]]:
        """The answer, the permit it rests on, and the alarms of what could not be asked."""
        permit, held = None, None
        card, _ = records.who(reading)
        try:
            held = self._permits.state()
            permit = self._permits.find(card) if card is not None else None
            alarms = self._alarms.cleared("permits.unreadable", now)
        except StoreError as broken:
            held, alarms = None, self._alarms.raised("permits.unreadable", str(broken), now)
        lane = self._lanes[place.lane]
        around = Circumstances(
            place.direction, now, held, history, lane_closed=not lane.takes_entries, lane=lane.name, zone=lane.zone,
            crowd=self._site.crowd, alone=self._site.alone(now.monotonic_ms),
        )  # fmt: skip
        return decide(reading, permit, around, self._rules), permit, alarms

    def _history(self, reading: CardReading, now: Moment) -> tuple[CardHistory, list[Event]]:
        """What is known of the card from before; nothing when the journal cannot be read, which refuses nobody."""
        card, _ = records.who(reading)
        try:
            history = self._journal.history(card) if card is not None else NOTHING_KNOWN
        except StoreError as broken:
            return NOTHING_KNOWN, self._alarms.raised("journal.unreadable", str(broken), now)
        elsewhere = self._site.last_passage(card) if card is not None else None
        history = replace(history, last_passage=latest(history.last_passage, elsewhere, now))
        return history, self._alarms.cleared("journal.unreadable", now)

    # --- who is where ------------------------------------------------------------------------------------

    def _saw(self, events: Iterable[Event], now: Moment) -> None:
        """Bodies went through here: that counts before the hub has heard of it."""
        for event in events:
            if event.kind is EventKind.PASSAGE_COMPLETED and event.card is not None and event.zone is not None:
                # By a clock that was not set: any word of the hub's, which knows better, is the later one.
                seen_ms = now.wall_ms if now.trusted else 0
                self._site.saw(event.card, Seen(seen_ms, event.zone, self._groups(event.card)))
        self._recorder.record(self._crowding.look(self._site.crowd, now))

    def _told(self, told: SiteTold, now: Moment) -> None:
        self._site.told(told.sightings)
        if told.again_ms:
            self._site.heard(told.again_ms, now.monotonic_ms)
        if now.trusted:
            self._site.forget(now.wall_ms)
        self._recorder.record(self._crowding.look(self._site.crowd, now))

    def _groups(self, card: CardId) -> tuple[str, ...]:
        try:
            permit = self._permits.find(card)
        except StoreError:
            # The badge before has raised the alarm; the hub tells the groups in a moment.
            return ()
        return permit.groups if permit is not None else ()

    # --- modes, fire -------------------------------------------------------------------------------------

    def _modes_before(self) -> Mapping[str, Mode]:
        try:
            return {lane: Mode(mode) for lane, mode in self._journal.modes().items()}
        except (StoreError, ValueError) as unreadable:
            log.error("modes=unreadable why=%r", str(unreadable))
            return {}

    def _fire_loop(self, closed: bool, now: Moment) -> None:  # noqa: FBT001 - a contact's state
        self._loop_closed = closed
        if closed:
            log.info("fire_loop=closed evacuated=%s", "yes" if FIRE in self._alarms else "no")
            return
        events = self._to_mode(self._lanes.values(), Signal.FIRE, "fire loop", now)
        events += self._alarms.raised(FIRE, "the fire loop is open: every lane is free both ways", now)
        self._recorder.record(events)

    def _key_turned(self, now: Moment) -> None:
        """The only way out of an evacuation: the loop whole again, and a person at the site."""
        if self._loop_closed is False:
            why = "the fire loop is still open"
            self._recorder.record([records.command_refused(None, "reset", "key switch", why, now)])
            return
        events = self._to_mode(self._lanes.values(), Signal.RESET, "key switch", now)
        self._recorder.record(events + self._alarms.cleared(FIRE, now))
        self._serve_waiting(now)

    def _mode_asked(self, asked: ModeAsked, now: Moment) -> None:
        name, mode, by, number = asked.lane, asked.mode, asked.by, asked.number
        if name is not None and not self._known(name, by, number, now):
            return
        lanes = list(self._lanes.values()) if name is None else [self._lanes[name]]
        refusing = [lane for lane in lanes if lane.turnstile.mode is Mode.EVACUATED and mode is not Mode.EVACUATED]
        why = "evacuated: only a person at the gate ends that"
        events = self._to_mode(lanes, _SIGNAL_FOR[mode], by, now)
        if number is None:
            events += [records.command_refused(lane.name, mode, by, why, now) for lane in refusing]
        else:
            events.append(_outcome(name, mode, by, number=number, why=why if refusing else "", now=now))
        self._recorder.record(events)
        self._serve_waiting(now)

    def _to_mode(self, lanes: Iterable[LaneControl], signal: Signal, by: str, now: Moment) -> list[Event]:
        """Drive all of them first; the events of the change."""
        changed: list[LaneControl] = []
        events: list[Event] = []
        for lane in lanes:
            before = lane.turnstile.mode
            events += lane.signal(signal, now)
            if lane.turnstile.mode is not before:
                changed.append(lane)
                log.warning("lane=%s mode=%s before=%s by=%r", lane.name, lane.turnstile.mode, before, by)
        return [records.mode(lane.name, lane.turnstile.mode, by, now) for lane in changed] + events

    def _known(self, lane: str, by: str, number: int | None, now: Moment) -> bool:
        if lane in self._lanes:
            return True
        why = f"this gate has no lane {lane!r}; it has {', '.join(self._lanes)}"
        self._recorder.record([records.command_refused(None, "mode", by, why, now, number=number)])
        return False

    def _side_gate(self, name: str, is_open: bool, now: Moment) -> None:  # noqa: FBT001 - a contact's state
        kind = EventKind.SIDE_GATE_OPENED if is_open else EventKind.SIDE_GATE_CLOSED
        self._recorder.record([Event(kind, now, detail={"side_gate": name})])
        log.warning("side_gate=%s state=%s", name, "open" if is_open else "closed")

    # --- readers, the clock --------------------------------------------------------------------------------

    def _reader_changed(self, reader: str, state: ReaderState, what: str, now: Moment) -> None:
        self._readers[reader] = replace(self._readers[reader], state=state, what=what)
        alarm = f"reader.{reader}"
        if state is ReaderState.OK:
            self._recorder.record(self._alarms.cleared(alarm, now))
        else:
            self._recorder.record(self._alarms.raised(alarm, f"{state}: {what}" if what else state, now))

    def _has_read(self, reading: CardReading, now: Moment) -> None:
        if isinstance(reading.result, CardContents):
            self._readers[reading.reader] = replace(self._readers[reading.reader], last_read_ms=now.wall_ms)

    def _look_at_the_clock(self) -> Moment:
        now = self._clock.now()
        self._clock_trusted = now.trusted
        self._timekeeper, correction = self._timekeeper.observe(now)
        if correction is not None:
            self._recorder.record([records.correction(correction, now)])
        return now


def _same_showing(grant: Grant | None, asked: _Asked, direction: Direction) -> bool:
    """Whether this is the worker who already has the lane, holding the card to it once more."""
    if grant is None or not isinstance(asked, CardReading):
        return False
    card, _ = records.who(asked)
    return card is not None and grant.card == card and grant.direction is direction
