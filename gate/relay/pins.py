"""A turnstile on the Pi's pins: relays, lamps, buzzer and passage sensors.

What the relays do (P7); "off" is the level that `relay_active_high` makes the resting one:

    start          off, from the moment in which the pin becomes an output
    release        one relay on for `pulse_ms`, the other secured first
    secure, close  off at once
    fault          a relay that does not answer is tried again until it is off, and the gate alarms
    exit, crash    the kernel takes the pin back: the relay board's own resistor must mean "off"
    power return   as start

One thread a lane ends the pulses, plays lamps and buzzer and settles the sensors. Whoever calls only
takes the lane's lock, which is never held for longer than a few pin writes.
"""

import logging
import threading
import time
from typing import Any

from gate import config
from gate.errors import RelayError
from gate.model import Decision, Direction, EventKind
from gate.ports import Deliver, Input, Noted, PassageSensed
from gate.relay.debounce import Debounce
from gate.relay.outputs import Contact, Output, lgpio_factory
from gate.relay.rhythm import Rhythm, level_at
from gate.relay.screen import LaneScreen, Tone

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
        self._contacts: dict[Direction, Contact] = {}
        self._debounces: dict[Direction, Debounce] = {}
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
        """Pulse this direction's relay, the other one secured first; again while it pulses: a whole pulse
        from now. Raises RelayError."""
        with self._turn:
            if not self._open:
                raise RelayError(f"lane {self.name} does not hold its pins; start it before releasing it")
            relay = self._relays[direction]
            for other in self._relays.values():
                if other is not relay:
                    self._stop(other)
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
        """End any pulse at once. Raises RelayError, after having tried both relays.

        A lane that does not hold its pins is at rest already.
        """
        with self._turn:
            broken = None
            for relay in self._relays.values() if self._open else ():
                try:
                    self._stop(relay)
                except RelayError as error:
                    broken = error
            self._turn.notify()
            if broken is not None:
                raise broken

    def show(self, decision: Decision, direction: Direction, language: str | None) -> None:
        """Lamps and buzzer, from now on. Never raises and waits for no pin."""
        screen = LaneScreen.of(decision, direction, language)
        log.debug("lane=%s tone=%s reason=%s headline=%r", self.name, screen.tone, decision.reason, screen.headline)
        with self._turn:
            for sign, rhythms in (("green lamp", GREEN), ("red lamp", RED), ("buzzer", BEEPS)):
                if sign in self._signs:
                    self._playing[self._signs[sign]] = (rhythms.get(screen.tone, ()), _now_ms())
            self._turn.notify()

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
        relays = ((Direction.ENTRY, wanted.entry_relay_pin), (Direction.EXIT, wanted.exit_relay_pin))
        for direction, pin in relays:
            what = f"lane {self.name}: {direction} relay"
            self._relays[direction] = Output(what, pin, factory, active_high=wanted.relay_active_high)
        signs = (
            ("green lamp", wanted.green_lamp_pin),
            ("red lamp", wanted.red_lamp_pin),
            ("buzzer", wanted.buzzer_pin),
        )
        for sign, pin_or_none in signs:
            if pin_or_none is not None:
                self._signs[sign] = Output(f"lane {self.name}: {sign}", pin_or_none, factory)
        sensors = ((Direction.ENTRY, wanted.entry_sensor_pin), (Direction.EXIT, wanted.exit_sensor_pin))
        for direction, pin_or_none in sensors:
            if pin_or_none is not None:
                self._take_sensor(direction, pin_or_none, factory)

    def _take_sensor(self, direction: Direction, pin: int, factory: Any) -> None:
        what = f"lane {self.name}: {direction} sensor"
        contact = Contact(
            what,
            pin,
            factory,
            on_active=lambda: self._edge(direction, active=True),
            on_inactive=lambda: self._edge(direction, active=False),
            active_low=self._settings.sensor_active_low,
        )
        self._contacts[direction] = contact
        # A contact that is active at start is a state, not a body going through now.
        self._debounces[direction] = Debounce(self._settings.debounce_ms, active=contact.read())

    def _edge(self, direction: Direction, *, active: bool) -> None:
        """Called by gpiozero's thread; a late one finds the lane closed."""
        with self._turn:
            if self._open:
                self._sense(direction, active=active, at_ms=_now_ms())
                self._turn.notify()

    def _let_go(self) -> None:
        """Close what is held, relays first; a pin that fails does not keep the others from being safe."""
        parts: tuple[Output | Contact, ...] = (*self._relays.values(), *self._signs.values(), *self._contacts.values())
        for part in parts:
            try:
                part.close()
            except RelayError as broken:
                log.error("lane=%s closing=failed fault=%r", self.name, str(broken))
        self._relays, self._signs, self._contacts = {}, {}, {}

    def _stop(self, relay: Output) -> None:
        self._playing.pop(relay, None)
        relay.write(on=False)

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
        for output in (*self._relays.values(), *self._signs.values()):
            rhythm, started_ms = self._playing.get(output, ((), 0))
            on, change_ms = level_at(rhythm, now_ms - started_ms)
            if change_ms is None:
                self._playing.pop(output, None)
            else:
                due_ms = min(due_ms, started_ms + change_ms)
            if output.on is not on and not self._drive(output, on=on):
                due_ms = min(due_ms, now_ms + RETRY_MS)
        for direction, contact in self._contacts.items():
            self._look(direction, contact, now_ms)
            due_ms = min(due_ms, self._debounces[direction].due_ms or due_ms)
        return due_ms

    def _drive(self, output: Output, *, on: bool) -> bool:
        try:
            output.write(on=on)
        except RelayError as broken:
            self._mark(output, broken)
            return False
        self._mark(output, None)
        return True

    def _look(self, direction: Direction, contact: Contact, now_ms: int) -> None:
        try:
            active = contact.read()
        except RelayError as broken:
            self._mark(contact, broken)
            return
        self._mark(contact, None)
        self._sense(direction, active=active, at_ms=now_ms)

    def _sense(self, direction: Direction, *, active: bool, at_ms: int) -> None:
        self._debounces[direction], settled = self._debounces[direction].edge(active=active, at_ms=at_ms)
        if settled:
            self._found.append(PassageSensed(self.name, direction))

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
