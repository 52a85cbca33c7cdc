"""The site's own contacts at this gate: the fire loop, the key that ends an evacuation, side gates.

The pins are read at a steady rate instead of waiting for edges: an edge that the kernel dropped must
not hide a fire. At the start every contact is told as it stands, so that a gate that is started during
a fire is evacuated before its first reader is.

The fire loop is closed while all is well: a cut wire, a pulled plug and the fire panel's contact are
the same to it (P6). A pin that cannot be read counts as an open loop.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gate.config import FireSettings, SideGate
from gate.errors import RelayError
from gate.model import EventKind
from gate.ports import Deliver, FireLoop, Input, KeyTurned, Noted, SideGateChanged
from gate.relay.debounce import Debounce
from gate.relay.outputs import Contact, lgpio_factory

log = logging.getLogger(__name__)

LOOK_S = 0.02
SETTLE_MS = 20
"""A relay contact bounces for a few milliseconds; nobody is faster through a turnstile than this."""


@dataclass(slots=True)
class _Watched:
    contact: Contact
    says: Callable[[bool], Input | None]
    debounce: Debounce
    blind_as: bool | None = None
    """What a pin that cannot be read is taken for; None where that says nothing."""
    blind: bool = False


class GpioPanel:
    """Watches the contacts in a thread of its own. `start` raises RelayError when a pin cannot be had."""

    def __init__(self, fire: FireSettings, side_gates: tuple[SideGate, ...], pin_factory: Any = None) -> None:
        self._fire = fire
        self._side_gates = side_gates
        self._factory = pin_factory
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._watched: list[_Watched] = []

    def start(self, deliver: Deliver) -> None:
        """Tell how every contact stands, then every change."""
        factory = lgpio_factory() if self._factory is None else self._factory
        try:
            self._take_pins(factory)
        except BaseException:
            self._let_go()
            raise
        for watched in self._watched:
            self._tell(watched, deliver)
        self._thread = threading.Thread(target=self._run, args=(deliver,), name="panel", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop and let the pins go. Idempotent; never raises."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
        self._let_go()

    def _take_pins(self, factory: Any) -> None:
        if self._fire.loop_pin is not None:
            self._take("fire loop", self._fire.loop_pin, FireLoop, factory, blind_as=False)
        if self._fire.key_pin is not None:
            self._take("key switch", self._fire.key_pin, lambda turned: KeyTurned() if turned else None, factory)
        for gate in self._side_gates:
            # Its contact is closed while the gate is.
            self._take(f"side gate {gate.name}", gate.pin, _side_gate(gate.name), factory)

    def _take(
        self, what: str, pin: int, says: Callable[[bool], Input | None], factory: Any, *, blind_as: bool | None = None
    ) -> None:
        contact = Contact(what, pin, factory, _nothing, _nothing, active_low=True)
        self._watched.append(_Watched(contact, says, Debounce(SETTLE_MS, active=contact.read()), blind_as))

    def _let_go(self) -> None:
        for watched in self._watched:
            try:
                watched.contact.close()
            except RelayError as broken:
                log.error("panel=closing fault=%r", str(broken))
        self._watched = []

    def _run(self, deliver: Deliver) -> None:
        while not self._stopping.wait(LOOK_S):
            for watched in self._watched:
                try:
                    self._look(watched, deliver)
                except Exception:  # the next look tries again (P9)
                    log.exception("panel=%r fault=unexpected", watched.contact.what)

    def _look(self, watched: _Watched, deliver: Deliver) -> None:
        try:
            active = watched.contact.read()
        except RelayError as broken:
            self._blind(watched, str(broken), deliver)
            if watched.blind_as is None:
                return
            active = watched.blind_as
        else:
            self._blind(watched, None, deliver)
        watched.debounce, settled = watched.debounce.edge(active=active, at_ms=time.monotonic_ns() // 1_000_000)
        if settled is not None:
            self._tell(watched, deliver)

    def _tell(self, watched: _Watched, deliver: Deliver) -> None:
        given = watched.says(watched.debounce.active)
        if given is not None:
            deliver(given)

    def _blind(self, watched: _Watched, why: str | None, deliver: Deliver) -> None:
        if (why is not None) is watched.blind:
            return
        watched.blind = why is not None
        alarm = f"panel.{watched.contact.what}"
        if why is not None:
            log.error("panel=%r fault=%r", watched.contact.what, why)
            deliver(Noted(EventKind.ALARM_RAISED, {"alarm": alarm, "what": why}))
        else:
            deliver(Noted(EventKind.ALARM_CLEARED, {"alarm": alarm}))


def _side_gate(name: str) -> Callable[[bool], Input]:
    return lambda closed: SideGateChanged(name, open=not closed)


def _nothing() -> None:
    """Edges are not waited for."""
