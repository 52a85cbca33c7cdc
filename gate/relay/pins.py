"""A turnstile on the Pi's pins: relays, lamps, buzzer, passage sensors and buttons.

What the relays do (P7). A lane fails secure, where a relay that is drawn releases, or safe, where a relay
that is drawn locks:

                   fails secure                     fails safe
    start          locked, from the moment in       locked, from that moment
                   which the pin is an output
    release        drawn for `pulse_ms`             let go for `pulse_ms`
    hold           drawn until told otherwise       let go until told otherwise
    secure         let go at once                   drawn at once
    close          let go                           let go: free
    fault          tried again until it obeys, and the gate alarms
    exit, crash    the kernel takes the pin back: the relay board's own resistor must mean "let go"
    power away     let go                           let go: free
    power return   as start

One thread a lane ends the pulses, plays lamps and buzzer and settles the sensors. Whoever calls only
takes the lane's lock, which is never held for longer than a few pin writes.
"""

import logging
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol

from gate import config
from gate.errors import RelayError
from gate.model import Decision, Direction, EventKind
from gate.ports import ButtonPressed, Deliver, Input, Noted, PassageSensed, TurnedBack
from gate.relay.beams import Beams, Move
from gate.relay.debounce import Debounce
from gate.relay.outputs import Contact, Output, lgpio_factory
from gate.relay.rhythm import Rhythm, level_at
from gate.relay.screen import LaneScreen, Tone
from gate.turnstile import Mode

log = logging.getLogger(__name__)

RETRY_MS = 500
"""How soon a pin that could not be driven is tried again."""
LOOK_MS = 1_000
"""How often the sensors are read although no edge came: an edge that the kernel dropped must not leave
a contact "active" for good, deaf to every body after it."""

BEEPS: dict[Tone, Rhythm] = {
    Tone.PASS: (150,),
    Tone.NOTE: (150, 100, 500),
    Tone.STOP: (150, 100, 150, 100, 150),
}
GREEN: dict[Tone, Rhythm] = {Tone.PASS: (2_500,), Tone.NOTE: (700, 200, 700, 200, 700)}
# Red blinks fast and green does not: who cannot tell the colours sees the rhythm.
RED: dict[Tone, Rhythm] = {Tone.STOP: (250, 150, 250, 150, 250, 150, 250, 150, 250)}


class _Meaning(Protocol):
    """What a settled change of a contact says."""

    def __call__(self, *, active: bool) -> None: ...


@dataclass(slots=True)
class _Input:
    contact: Contact
    meaning: _Meaning
    debounce: Debounce
    since_ms: int
    stuck: bool = False


class GpioLane:
    """Keeps the contract of `gate.ports.Lane`. Thread-safe.

    `pin_factory` is gpiozero's; left out, it is the Pi's own pins by lgpio. `start` raises RelayError
    when a pin cannot be had, and then holds none.
    """

    def __init__(self, settings: config.GpioLane, pin_factory: Any = None) -> None:
        self.name = settings.name
        self._settings = settings
        self._factory = pin_factory
        self._turn = threading.Condition()
        self._thread: threading.Thread | None = None
        self._open = False
        self._closed = False
        self._relays: dict[Direction, Output] = {}
        self._signs: dict[str, Output] = {}
        self._lit: Output | None = None
        self._held: frozenset[Direction] = frozenset()
        self._inputs: list[_Input] = []
        self._beams = Beams()
        self._playing: dict[Output, tuple[Rhythm, int]] = {}
        self._faulty: set[Output | Contact] = set()
        self._found: list[Input] = []

    def start(self, deliver: Deliver) -> None:
        """Drive the outputs to their safe level, then begin to deliver. Raises RelayError."""
        with self._turn:
            if self._open:
                return
            if self._closed:
                raise RelayError(f"lane {self.name} is closed; make a new one")
            try:
                self._take_pins()
            except BaseException:
                self._let_go()
                raise
            self._open = True
            self._thread = threading.Thread(target=self._run, args=(deliver,), name=f"lane-{self.name}", daemon=True)
            self._thread.start()

    def release(self, direction: Direction) -> None:
        """Pulse this direction's relay, the other one put to rest first; again while it pulses: a whole
        pulse from now. A way without a relay turns by itself. Raises RelayError."""
        with self._turn:
            if not self._open:
                raise RelayError(f"lane {self.name} does not hold its pins; start it before releasing it")
            for way, other in self._relays.items():
                if way is not direction:
                    self._rest(way, other)
            relay = self._relays.get(direction)
            if relay is None:
                return
            self._playing[relay] = ((self._settings.pulse_ms,), _now_ms())
            try:
                relay.write(on=True)
            except RelayError:
                # It may be on or not; the lane's thread drives it off.
                self._playing.pop(relay)
                raise
            finally:
                self._turn.notify()

    def secure(self) -> None:
        """End any pulse at once, and hold nothing. Raises RelayError, after having tried both relays.

        A lane that does not hold its pins is at rest already.
        """
        self._all_to_rest(frozenset())

    def hold(self, ways: frozenset[Direction]) -> None:
        """Leave these ways released. Raises RelayError, after having tried both relays."""
        with self._turn:
            if not self._open:
                raise RelayError(f"lane {self.name} does not hold its pins; start it before releasing it")
            self._all_to_rest(ways)

    def show_mode(self, mode: Mode) -> None:
        """While everybody may go green is lit, while nobody may enter red. Never raises."""
        lit = {Mode.FREE: "green lamp", Mode.HELD_OPEN: "green lamp", Mode.EVACUATED: "green lamp",
               Mode.LOCKED: "red lamp", Mode.OUT_OF_ORDER: "red lamp"}.get(mode)  # fmt: skip
        with self._turn:
            self._lit = self._signs.get(lit) if lit else None
            self._turn.notify()

    def show(self, decision: Decision, direction: Direction, language: str | None) -> None:
        """Lamps and buzzer, from now on. Never raises and waits for no pin."""
        screen = LaneScreen.of(decision, direction, language)
        log.debug("lane=%s tone=%s reason=%s headline=%r", self.name, screen.tone, decision.reason, screen.headline)
        with self._turn:
            for sign, rhythms in (("green lamp", GREEN), ("red lamp", RED), ("buzzer", BEEPS)):
                if sign in self._signs:
                    self._playing[self._signs[sign]] = (rhythms.get(screen.tone, ()), _now_ms())
            self._turn.notify()

    def greet(self, first_name: str) -> None:
        """Lamps know no names."""

    def close(self) -> None:
        """Drive every output to its safe level, then let go of all pins. Idempotent; never raises."""
        with self._turn:
            was_open, self._open, self._closed = self._open, False, True
            self._playing.clear()
            self._turn.notify()
        if was_open and self._thread is not None:
            self._thread.join()
            self._let_go()

    # --- pins ------------------------------------------------------------------------------------

    def _take_pins(self) -> None:
        wanted = self._settings
        factory = lgpio_factory() if self._factory is None else self._factory
        fails_safe = wanted.fails == "safe"
        for direction, pin in ((Direction.ENTRY, wanted.entry_relay_pin), (Direction.EXIT, wanted.exit_relay_pin)):
            if pin is not None:
                self._relays[direction] = Output(
                    f"lane {self.name}: {direction} relay",
                    pin,
                    factory,
                    active_high=wanted.relay_active_high is not fails_safe,
                    on_when_closed=fails_safe,
                )
        signs = (
            ("green lamp", wanted.green_lamp_pin),
            ("red lamp", wanted.red_lamp_pin),
            ("buzzer", wanted.buzzer_pin),
        )
        for sign, pin_or_none in signs:
            if pin_or_none is not None:
                self._signs[sign] = Output(f"lane {self.name}: {sign}", pin_or_none, factory)
        sense = self._beam if wanted.sensor == "beams" else self._body
        inputs: tuple[tuple[str, int | None, _Meaning], ...] = (
            ("entry sensor", wanted.entry_sensor_pin, partial(sense, Direction.ENTRY)),
            ("exit sensor", wanted.exit_sensor_pin, partial(sense, Direction.EXIT)),
            ("entry button", wanted.entry_button_pin, partial(self._button, Direction.ENTRY)),
            ("exit button", wanted.exit_button_pin, partial(self._button, Direction.EXIT)),
        )
        for what, pin_or_none, meaning in inputs:
            if pin_or_none is not None:
                self._take_input(f"lane {self.name}: {what}", pin_or_none, meaning, factory)

    def _take_input(self, what: str, pin: int, meaning: _Meaning, factory: Any) -> None:
        place = len(self._inputs)
        active_low = self._settings.sensor_active_low if "sensor" in what else True
        contact = Contact(
            what,
            pin,
            factory,
            on_active=lambda: self._edge(place, active=True),
            on_inactive=lambda: self._edge(place, active=False),
            active_low=active_low,
        )
        active = contact.read()
        # A contact that is active at start is a state, not a body going through now.
        self._inputs.append(_Input(contact, meaning, Debounce(self._settings.debounce_ms, active=active), _now_ms()))
        if active and self._settings.sensor == "beams" and "sensor" in what:
            outer = "entry" in what
            self._beams = replace(self._beams, outer=self._beams.outer or outer, inner=self._beams.inner or not outer)

    # --- what contacts mean ------------------------------------------------------------------------

    def _body(self, direction: Direction, *, active: bool) -> None:
        if active:
            self._found.append(PassageSensed(self.name, direction))

    def _beam(self, side: Direction, *, active: bool) -> None:
        outer, inner = self._beams.outer, self._beams.inner
        outer, inner = (active, inner) if side is Direction.ENTRY else (outer, active)
        self._beams, done = self._beams.edge(outer=outer, inner=inner)
        if done is not None:
            direction, move = done
            kind = PassageSensed if move is Move.THROUGH else TurnedBack
            self._found.append(kind(self.name, direction))

    def _button(self, direction: Direction, *, active: bool) -> None:
        if active:
            self._found.append(ButtonPressed(self.name, direction))

    def _edge(self, place: int, *, active: bool) -> None:
        """Called by gpiozero's thread; a late one finds the lane closed."""
        with self._turn:
            if self._open:
                self._sense(self._inputs[place], active=active, at_ms=_now_ms())
                self._turn.notify()

    def _let_go(self) -> None:
        """Close what is held, relays first; a pin that fails does not keep the others from being safe."""
        parts: tuple[Output | Contact, ...] = (
            *self._relays.values(),
            *self._signs.values(),
            *(found.contact for found in self._inputs),
        )
        for part in parts:
            try:
                part.close()
            except RelayError as broken:
                log.error("lane=%s closing=failed fault=%r", self.name, str(broken))
        self._relays, self._signs, self._inputs = {}, {}, []

    def _all_to_rest(self, held: frozenset[Direction]) -> None:
        with self._turn:
            self._held = held
            broken = None
            for way, relay in self._relays.items() if self._open else ():
                try:
                    self._rest(way, relay)
                except RelayError as error:
                    broken = error
            self._turn.notify()
            if broken is not None:
                raise broken

    def _rest(self, way: Direction, relay: Output) -> None:
        self._playing.pop(relay, None)
        relay.write(on=way in self._held)

    def _at_rest(self) -> Iterator[tuple[Output, bool]]:
        """Every output, with its level while nothing is played on it."""
        for way, relay in self._relays.items():
            yield relay, way in self._held
        for sign in self._signs.values():
            yield sign, sign is self._lit

    # --- the lane's thread -----------------------------------------------------------------------

    def _run(self, deliver: Deliver) -> None:
        while True:
            with self._turn:
                if not self._open:
                    return
                due_ms = self._guarded_serve()
                found, self._found = self._found, []
                if not found:
                    self._turn.wait(max(1, due_ms - _now_ms()) / 1000)
            for given in found:
                deliver(given)

    def _guarded_serve(self) -> int:
        """A fault of ours in a lamp must not leave a relay on: the next turn tries everything again."""
        try:
            return self._serve(_now_ms())
        except Exception:
            log.exception("lane=%s fault=unexpected", self.name)
            return _now_ms() + RETRY_MS

    def _serve(self, now_ms: int) -> int:
        """Bring every output to the level of this moment, settle the sensors; says when to look again."""
        due_ms = now_ms + LOOK_MS
        for output, resting in self._at_rest():
            rhythm, started_ms = self._playing.get(output, ((), 0))
            on, change_ms = level_at(rhythm, now_ms - started_ms)
            if change_ms is None:
                self._playing.pop(output, None)
                on = resting
            else:
                due_ms = min(due_ms, started_ms + change_ms)
            if output.on is not on and not self._drive(output, on=on):
                due_ms = min(due_ms, now_ms + RETRY_MS)
        for found in self._inputs:
            self._look(found, now_ms)
            due_ms = min(due_ms, found.debounce.due_ms or due_ms)
        return due_ms

    def _drive(self, output: Output, *, on: bool) -> bool:
        try:
            output.write(on=on)
        except RelayError as broken:
            self._mark(output, broken)
            return False
        self._mark(output, None)
        return True

    def _look(self, found: "_Input", now_ms: int) -> None:
        try:
            active = found.contact.read()
        except RelayError as broken:
            self._mark(found.contact, broken)
            return
        self._mark(found.contact, None)
        self._sense(found, active=active, at_ms=now_ms)
        self._watch_stuck(found, now_ms)

    def _sense(self, found: "_Input", *, active: bool, at_ms: int) -> None:
        found.debounce, settled = found.debounce.edge(active=active, at_ms=at_ms)
        if settled is not None:
            found.since_ms = at_ms
            found.meaning(active=settled)

    def _watch_stuck(self, found: "_Input", now_ms: int) -> None:
        """A contact that stays active sees nobody any more: dirt, a pallet, or somebody who stands there."""
        stuck_ms = int(self._settings.stuck_after_s * 1000)
        stuck = found.debounce.active and now_ms - found.since_ms >= stuck_ms
        if stuck is found.stuck:
            return
        found.stuck = stuck
        alarm = f"stuck.{found.contact.what}"
        if stuck:
            what = f"active for {self._settings.stuck_after_s:g} s: is something in front of it?"
            self._found.append(Noted(EventKind.ALARM_RAISED, {"alarm": alarm, "what": what}))
        else:
            self._found.append(Noted(EventKind.ALARM_CLEARED, {"alarm": alarm}))

    def _mark(self, part: Output | Contact, broken: RelayError | None) -> None:
        """Log a pin's failure once, and its recovery. A relay or sensor raises the lane's alarm; a dark
        lamp stops nobody."""
        if (broken is not None) == (part in self._faulty):
            return
        if broken is not None:
            self._faulty.add(part)
            log.error("lane=%s fault=%r", self.name, str(broken))
        else:
            self._faulty.discard(part)
            log.info("lane=%s recovered=%r", self.name, part.what)
        signs = self._signs.values()
        if part in signs:
            return
        alarm = f"lane.{self.name}"
        if broken is not None:
            self._found.append(Noted(EventKind.ALARM_RAISED, {"alarm": alarm, "what": str(broken)}))
        elif not self._faulty.difference(signs):
            self._found.append(Noted(EventKind.ALARM_CLEARED, {"alarm": alarm}))


def _now_ms() -> int:
    return time.monotonic_ns() // 1_000_000
