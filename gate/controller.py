"""The one thread that owns the lanes: inputs in order -> decide -> turnstile -> journal -> effects.

It knows ports only, asks nothing of the network (P1), and is itself free of threads and clocks: whoever
runs it calls `handle` for every input and `tick` no later than `due_ms`. The seeded simulation drives
this very class.

The order that makes it safe:
- a grant is on the disk before the relay moves, unless the disk is late (P4);
- a lane that is released is secured by a body or by the clock, and the outcome is recorded;
- nothing that goes wrong with a card, a disk or a lamp ends the thread (P9).
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from gate.decide import Circumstances, Rules, decide
from gate.errors import RelayError, StoreError, StoreFull
from gate.model import (
    CardContents,
    CardHistory,
    CardId,
    CardReading,
    Decision,
    Direction,
    Event,
    EventKind,
    Moment,
    Permit,
    ReaderState,
    Reason,
    Unreadable,
)
from gate.ports import CardShown, Clock, Input, Journal, Lane, Noted, PassageSensed, PermitStore, ReaderChanged
from gate.suspicion import another_chip, chip_of
from gate.timekeeping import Correction, Timekeeper
from gate.turnstile import BODY_FOR, Effect, Grant, Signal, Turnstile

log = logging.getLogger(__name__)

IDLE_TICK_MS = 1_000
"""How long the controller may go without a look at the clock."""


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
class LaneParts:
    """One lane as the controller needs it."""

    driver: Lane
    walk_ms: int


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
    ) -> None:
        self._lanes = lanes
        self._places = readers
        self._permits = permits
        self._journal = journal
        self._clock = clock
        self._rules = rules
        self._deadline_ms = deadline_ms
        self._new_badge = new_badge
        self._turnstiles = {name: Turnstile() for name in lanes}
        self._waiting: dict[tuple[str, Direction], CardReading] = {}
        self._alarms: dict[str, str] = {}
        self._readers = dict.fromkeys(readers, ReaderHealth())
        self._timekeeper = Timekeeper()
        self._clock_trusted = False
        self.unrecorded = 0

    @property
    def health(self) -> Health:
        return Health(
            readers=dict(self._readers),
            lanes={name: str(turnstile.state) for name, turnstile in self._turnstiles.items()},
            alarms=tuple(sorted(self._alarms)),
            clock_trusted=self._clock_trusted,
        )

    def start(self, version: str) -> None:
        """Record that the gate runs. Grants left open by a crash ended with the process before."""
        now = self._look_at_the_clock()
        self._record([Event(EventKind.GATE_STARTED, now, detail={"version": version})])

    def stop(self) -> None:
        """Give up open grants, which secures their lanes, and record the end."""
        now = self._clock.now()
        for name in self._turnstiles:
            if self._turnstiles[name].grant is not None:
                self._signal(name, Signal.OVERDUE, now)
        self._record([Event(EventKind.GATE_STOPPED, now)])

    def handle(self, given: Input) -> None:
        """Take one input to its end."""
        now = self._look_at_the_clock()
        match given:
            case CardShown(reading):
                try:
                    self._badge(reading, now)
                except Exception:
                    # A fault of ours must lock nobody in (P6); the thread logs it and goes on.
                    self._last_resort(reading, now)
                    raise
            case PassageSensed(lane, direction):
                self._signal(lane, BODY_FOR[direction], now, direction)
                self._serve_waiting(now)
            case ReaderChanged(reader, state, what):
                self._reader_changed(reader, state, what, now)
            case Noted(EventKind.ALARM_RAISED, detail):
                self._raise_alarm(str(detail["alarm"]), str(detail.get("what", "")), now)
            case Noted(EventKind.ALARM_CLEARED, detail):
                self._clear_alarm(str(detail["alarm"]), now)
            case Noted(kind, detail):
                self._record([Event(kind, now, detail=detail)])

    def tick(self) -> None:
        """Look at the clock: end overdue grants, serve who waits."""
        now = self._look_at_the_clock()
        for name in self._turnstiles:
            if self._turnstiles[name].overdue(now.monotonic_ms):
                self._signal(name, Signal.OVERDUE, now)
            elif self._turnstiles[name].free and _relay_alarm(name) in self._alarms:
                # What would not be driven may still stand released: locked again as soon as it obeys (P7).
                self._drive(name, self._lanes[name].driver.secure, now)
        self._serve_waiting(now)

    def due_ms(self) -> int:
        """How many milliseconds from now the next `tick` is due, at the latest."""
        now_ms = self._clock.now().monotonic_ms
        deadlines = [turnstile.grant.until_ms for turnstile in self._turnstiles.values() if turnstile.grant]
        return max(0, min([until - now_ms for until in deadlines] + [IDLE_TICK_MS]))

    # --- a badge ---------------------------------------------------------------------------------

    def _badge(self, reading: CardReading, now: Moment) -> None:
        place = self._places[reading.reader]
        turnstile = self._turnstiles[place.lane]
        if not turnstile.free:
            if not _same_showing(turnstile.grant, reading, place.direction):
                # The newest waits: whoever stood there before has either gone or will badge again.
                self._waiting[place.lane, place.direction] = reading
            return
        if isinstance(reading.result, CardContents):
            self._readers[reading.reader] = replace(self._readers[reading.reader], last_read_ms=now.wall_ms)
        history, follows = self._history(reading, now)
        decision, permit, alarms = self._decision(reading, place, history, now)
        badge = self._new_badge()
        event = _badge_event(reading, place, decision, badge, now)
        if (before := another_chip(reading, history)) is not None:
            follows = [*follows, _suspicion(event, before)]
            log.warning("card=%s suspicion=another_chip lane=%s", _masked(reading), place.lane)
        recorded = self._record([event, *alarms, *follows])
        if not recorded and place.direction is Direction.ENTRY and decision.admitted:
            # No disk and no memory left: an entry that cannot be recorded is no entry (P4, P11).
            decision = Decision(admitted=False, reason=Reason.LANE_CLOSED)
        if decision.admitted:
            until_ms = now.monotonic_ms + self._lanes[place.lane].walk_ms
            card, employer = _who(reading)
            grant = Grant(badge, place.direction, card, reading.medium, employer, until_ms)
            self._turnstiles[place.lane], effects = turnstile.give(grant)
            self._perform(place.lane, effects, grant, place.direction, now)
        self._lanes[place.lane].driver.show(decision, place.direction, permit.language if permit else None)
        place.show(decision)
        log.info(
            "badge lane=%s direction=%s card=%s medium=%s admitted=%s reason=%s warnings=%s",
            place.lane, place.direction, _masked(reading), reading.medium,
            "yes" if decision.admitted else "no", decision.reason, ",".join(decision.warnings) or "-",
        )  # fmt: skip

    def _last_resort(self, reading: CardReading, now: Moment) -> None:
        """Let out, unrecorded as it may be, whoever stands at an exit that could not be served."""
        place = self._places.get(reading.reader)
        if place is None or place.direction is Direction.ENTRY or not self._turnstiles[place.lane].free:
            return
        until_ms = now.monotonic_ms + self._lanes[place.lane].walk_ms
        grant = Grant(self._new_badge(), place.direction, None, reading.medium, None, until_ms)
        self._turnstiles[place.lane], _ = self._turnstiles[place.lane].give(grant)
        self._drive(place.lane, lambda: self._lanes[place.lane].driver.release(place.direction), now)

    def _decision(
        self, reading: CardReading, place: Place, history: CardHistory, now: Moment
    ) -> tuple[Decision, Permit | None, list[Event]]:
        """The answer, the permit it rests on, and the alarms of what could not be asked."""
        permit, held = None, None
        card, _ = _who(reading)
        try:
            held = self._permits.state()
            permit = self._permits.find(card) if card is not None else None
            alarms = self._cleared("permits.unreadable", now)
        except StoreError as broken:
            held, alarms = None, self._raised("permits.unreadable", str(broken), now)
        around = Circumstances(place.direction, now, held, history)
        return decide(reading, permit, around, self._rules), permit, alarms

    def _history(self, reading: CardReading, now: Moment) -> tuple[CardHistory, list[Event]]:
        """What is known of the card from before; nothing when the journal cannot be read, which refuses nobody."""
        card, _ = _who(reading)
        try:
            history = self._journal.history(card) if card is not None else CardHistory()
        except StoreError as broken:
            return CardHistory(), self._raised("journal.unreadable", str(broken), now)
        return history, self._cleared("journal.unreadable", now)

    def _serve_waiting(self, now: Moment) -> None:
        """Decide who waited while the lane was busy; who leaves goes first."""
        for direction in (Direction.EXIT, Direction.ENTRY):
            for lane, turnstile in self._turnstiles.items():
                if turnstile.free and (lane, direction) in self._waiting:
                    self._badge(self._waiting.pop((lane, direction)), now)

    # --- a lane ----------------------------------------------------------------------------------

    def _signal(self, lane: str, signal: Signal, now: Moment, direction: Direction | None = None) -> None:
        before = self._turnstiles[lane]
        self._turnstiles[lane], effects = before.take(signal)
        self._perform(lane, effects, before.grant, direction, now)

    def _perform(
        self, lane: str, effects: Sequence[Effect], grant: Grant | None, direction: Direction | None, now: Moment
    ) -> None:
        for effect in effects:
            if effect is Effect.RELEASE and grant is not None:
                self._drive(lane, lambda: self._lanes[lane].driver.release(grant.direction), now)
            elif effect is Effect.SECURE:
                self._drive(lane, self._lanes[lane].driver.secure, now)
            elif effect is Effect.FORCED:
                self._record([Event(EventKind.PASSAGE_FORCED, now, lane, direction)])
                log.warning("passage lane=%s direction=%s outcome=forced", lane, direction)
            elif grant is not None:
                self._record([_passage_event(effect, lane, grant, now)])
                log.info("passage lane=%s direction=%s outcome=%s", lane, grant.direction, effect)

    def _drive(self, lane: str, act: Callable[[], None], now: Moment) -> None:
        alarm = _relay_alarm(lane)
        try:
            act()
        except RelayError as broken:
            repeated = alarm in self._alarms
            log.log(logging.DEBUG if repeated else logging.ERROR, "lane=%s fault=%r", lane, str(broken))
            self._raise_alarm(alarm, str(broken), now)
        else:
            self._clear_alarm(alarm, now)

    # --- the record ------------------------------------------------------------------------------

    def _record(self, events: Sequence[Event]) -> bool:
        """Append to the journal; False when there was no room even in memory."""
        try:
            on_disk = self._journal.append(events, self._deadline_ms)
        except StoreFull as full:
            self.unrecorded += len(events)
            self._alarms["journal.full"] = str(full)
            log.error("journal=full unrecorded=%d why=%r", self.unrecorded, str(full))
            return False
        moment = events[-1].moment
        self._follow(self._late_events(moment) if not on_disk else self._settled_events(moment))
        return True

    def _follow(self, events: Sequence[Event]) -> None:
        """Append what is to be said of the journal itself, without waiting: whoever stands at the
        turnstile has waited one deadline already."""
        if not events:
            return
        try:
            self._journal.append(events, 0)
        except StoreFull:
            self.unrecorded += len(events)

    def _late_events(self, now: Moment) -> list[Event]:
        return self._raised("journal.late", f"the disk did not answer within {self._deadline_ms} ms", now)

    def _settled_events(self, now: Moment) -> list[Event]:
        events = self._cleared("journal.late", now)
        if full := self._cleared("journal.full", now):
            events += [replace(event, detail={**event.detail, "unrecorded": self.unrecorded}) for event in full]
            self.unrecorded = 0
        return events

    # --- alarms, readers, the clock --------------------------------------------------------------

    def _raised(self, alarm: str, what: str, now: Moment) -> list[Event]:
        """The event of an alarm that was not up before."""
        if alarm in self._alarms:
            return []
        self._alarms[alarm] = what
        log.warning("alarm=%s state=raised what=%r", alarm, what)
        return [Event(EventKind.ALARM_RAISED, now, detail={"alarm": alarm, "what": what[:300]})]

    def _cleared(self, alarm: str, now: Moment) -> list[Event]:
        if self._alarms.pop(alarm, None) is None:
            return []
        log.info("alarm=%s state=cleared", alarm)
        return [Event(EventKind.ALARM_CLEARED, now, detail={"alarm": alarm})]

    def _raise_alarm(self, alarm: str, what: str, now: Moment) -> None:
        if events := self._raised(alarm, what, now):
            self._record(events)

    def _clear_alarm(self, alarm: str, now: Moment) -> None:
        if events := self._cleared(alarm, now):
            self._record(events)

    def _reader_changed(self, reader: str, state: ReaderState, what: str, now: Moment) -> None:
        self._readers[reader] = replace(self._readers[reader], state=state, what=what)
        if state is ReaderState.OK:
            self._clear_alarm(f"reader.{reader}", now)
        else:
            self._raise_alarm(f"reader.{reader}", f"{state}: {what}" if what else state, now)

    def _look_at_the_clock(self) -> Moment:
        now = self._clock.now()
        self._clock_trusted = now.trusted
        self._timekeeper, correction = self._timekeeper.observe(now)
        if correction is not None:
            self._record([_correction_event(correction, now)])
        return now


def _relay_alarm(lane: str) -> str:
    """Its own name: the driver's `lane.*`, of a dead sensor say, must not end because a relay obeys."""
    return f"relay.{lane}"


def _who(reading: CardReading) -> tuple[CardId | None, str | None]:
    """The card and its employer, both None when nothing could be read."""
    match reading.result:
        case CardContents(card=card, organisation_number=employer):
            return card, employer
        case _:
            return None, None


def _masked(reading: CardReading) -> str:
    card, _ = _who(reading)
    return card.masked if card else "-"


def _same_showing(grant: Grant | None, reading: CardReading, direction: Direction) -> bool:
    """Whether this is the worker who already has the lane, holding the card to it once more."""
    card, _ = _who(reading)
    return grant is not None and card is not None and grant.card == card and grant.direction is direction


def _badge_event(reading: CardReading, place: Place, decision: Decision, badge: str, now: Moment) -> Event:
    card, employer = _who(reading)
    kind = EventKind.BADGE_GRANTED if decision.admitted else EventKind.BADGE_REFUSED
    event = Event(
        kind,
        now,
        place.lane,
        place.direction,
        card,
        reading.medium,
        decision.reason,
        decision.warnings,
        employer,
        badge,
        chip_of(reading),
    )
    match reading.result:
        case Unreadable(what, block, field):
            detail: dict[str, str | int | bool] = {"what": what[:300]}
            if block is not None:
                detail["block"] = block
            if field is not None:
                detail["field"] = field
            return replace(event, detail=detail)
        case _:
            return event


def _suspicion(badge: Event, before: bytes) -> Event:
    what = "the card's number was read from another chip than before; compare card and worker"
    return replace(badge, kind=EventKind.CLONE_SUSPECTED, reason=None, warnings=(), detail={
        "what": what, "uid_before": before.hex(),
    })  # fmt: skip


def _correction_event(correction: Correction, now: Moment) -> Event:
    detail: dict[str, str | int | bool] = {
        "boot": correction.boot,
        "offset_ms": correction.offset_ms,
        "moved_ms": correction.moved_ms,
    }
    return Event(EventKind.CLOCK_TRUSTED, now, detail=detail)


_OUTCOMES = {Effect.COMPLETED: EventKind.PASSAGE_COMPLETED, Effect.ABANDONED: EventKind.PASSAGE_ABANDONED}


def _passage_event(outcome: Effect, lane: str, grant: Grant, now: Moment) -> Event:
    return Event(
        _OUTCOMES[outcome], now, lane, grant.direction, grant.card, grant.medium,
        employer=grant.employer, badge=grant.badge,
    )  # fmt: skip
