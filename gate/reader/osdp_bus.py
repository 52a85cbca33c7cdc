"""An OSDP bus: one serial line, one control panel, one thread, and the readers on it. Driver.

libosdp speaks the protocol, secure channel and all. What it leaves to us: a peripheral that was silent
for 8 s it would not speak to for 300 s; here it is taken off the list and put on again every other
second, which brings it back at once and disturbs no other reader on the line.

A peripheral is given a key in install mode only. One that comes back with another key, or with none, is
told of and left alone: whoever can reset a reader must not be handed its new key (promise of the issuer
of every key: once, on purpose).
"""

import logging
import termios
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import osdp_sys
import serial
from osdp.constants import Event, EventNotification, LibFlag, LogLevel

from gate.errors import ReaderLost
from gate.model import ReaderState
from gate.ports import Deliver, Input, ReaderChanged
from gate.reader.lines import refusal
from gate.reader.running import ReaderThread
from portvakt.backoff import Backoff

log = logging.getLogger(__name__)

TURN_S = 0.005
"""libosdp wants to be called every 50 ms at least; a card waits for one turn."""
LOOK_S = 0.1
REVIVE_S = 2.0
OFF_S = 0.2
HEARD_S = 4.0
"""A peripheral that sent a frame within this time is there, whatever becomes of its secure channel."""

MAX_ORDERS = 16
_START_OF_MESSAGE = 0x53
_REPLY = 0x80

osdp_sys.set_loglevel(LogLevel.Critical)


@dataclass
class Station:
    """One reader on a bus. `key` is its secure channel base key; None leaves the line in clear."""

    name: str
    address: int
    key: bytes | None
    install: bool
    card: Any
    """Called with (data, bits, secure) for each card."""
    deliver: Deliver | None = None
    orders: deque[dict[str, int | bool]] = field(default_factory=lambda: deque(maxlen=MAX_ORDERS))
    tampered: bool = False
    said: tuple[ReaderState, str] | None = None
    revive_s: float = 0.0
    off: bool = False

    def report(self, state: ReaderState, what: str = "") -> None:
        """Say how the reader is, once a change."""
        if self.deliver is not None and (state, what) != self.said:
            self.said = (state, what)
            level = logging.INFO if state is ReaderState.OK else logging.WARNING
            log.log(level, "reader=%s state=%s what=%r", self.name, state, what)
            self.deliver(ReaderChanged(self.name, state, what))


class OsdpBus:
    """Runs while at least one of its readers is started."""

    def __init__(self, device: str, baud: int, stations: Sequence[Station], backoff: Backoff | None = None) -> None:
        self._device = device
        self._baud = baud
        self._stations = list(stations)
        self._thread = ReaderThread(f"osdp {device}", self._serve, _nothing, backoff)
        self._started = False

    def start(self) -> None:
        """Begin, unless it runs already."""
        if not self._started:
            self._started = True
            self._thread.start(self._to_all)

    def close(self) -> None:
        """Stop. Idempotent."""
        self._thread.close()

    def _to_all(self, given: Input) -> None:
        """What is wrong with the line holds for every reader on it; that it is well says nothing of them."""
        if isinstance(given, ReaderChanged) and given.state is not ReaderState.OK:
            for station in self._stations:
                station.report(given.state, given.what)

    def _serve(self) -> None:
        """Serve until told to stop. Raises ReaderLost when the line goes away."""
        try:
            port = serial.Serial(self._device, self._baud, timeout=0, exclusive=True)
        except (OSError, ValueError) as refused:
            raise refusal(self._device, refused) from refused
        self._thread.report(ReaderState.OK)
        try:
            self._run(_Line(port), time.monotonic)
        finally:
            port.close()

    def _run(self, line: "_Line", now_s: Any) -> None:
        panel = osdp_sys.ControlPanel([_info(station, line) for station in self._stations])
        panel.set_event_callback(self._heard)
        look_s = 0.0
        for station in self._stations:
            # What was known of a reader on another line, or of this one before it was pulled, is known no more.
            station.off, station.revive_s, station.tampered = False, now_s() + REVIVE_S, False
        self._panel = panel
        while not self._thread.stopping.wait(TURN_S):
            panel.refresh()
            if line.broken is not None:
                raise ReaderLost(f"{self._device} is not there; is it plugged in?") from line.broken
            self._send_orders(panel)
            if now_s() >= look_s:
                look_s = now_s() + LOOK_S
                self._look(panel, line, now_s())

    def _send_orders(self, panel: Any) -> None:
        for number, station in enumerate(self._stations):
            while station.orders:
                panel.submit_command(number, station.orders.popleft())

    def _look(self, panel: Any, line: "_Line", now: float) -> None:
        online, secure = panel.status(), panel.sc_status()
        for number, station in enumerate(self._stations):
            heard = now - line.heard_s.get(station.address, now - HEARD_S) < HEARD_S
            well = heard and bool(online >> number & 1) and (station.key is None or bool(secure >> number & 1))
            if well:
                station.revive_s = now + REVIVE_S
                if station.tampered:
                    station.report(ReaderState.TAMPERED, "the reader reports that it was opened or torn off")
                elif station.install:
                    station.report(ReaderState.OK, "has its key; set install = false now")
                else:
                    station.report(ReaderState.OK)
                continue
            if heard and not online >> number & 1:
                station.report(
                    ReaderState.FAULTY,
                    "answers, and opens no secure channel: it has another key, or was reset to the maker's; "
                    "compare scbk_file, or set install = true to give it this key, once",
                )
            elif now >= station.revive_s:
                station.report(ReaderState.ABSENT, f"nothing answers at address {station.address}")
            self._revive(panel, number, station, now)

    def _revive(self, panel: Any, number: int, station: Station, now: float) -> None:
        if station.off and now >= station.revive_s:
            panel.enable_pd(number)
            station.off, station.revive_s = False, now + REVIVE_S
        elif not station.off and now >= station.revive_s:
            panel.disable_pd(number)
            station.off, station.revive_s = True, now + OFF_S

    def _heard(self, number: int, event: dict[str, Any]) -> int:
        """Called by libosdp within `refresh`. Whatever goes wrong with one event, the bus goes on (P9)."""
        try:
            station = self._stations[number]
            if event["event"] == Event.CardRead:
                secure = bool(self._panel.sc_status() >> number & 1)
                station.card(bytes(event["data"]), int(event["length"]), secure)
            elif event["event"] == Event.Status:
                station.tampered = bool(bytes(event.get("report", b"\x00"))[:1].strip(b"\x00"))
            elif event["event"] == Event.Notification and event["type"] == EventNotification.PeripheralDeviceStatus:
                log.debug("reader=%s online=%s", station.name, event["arg0"])
        except Exception:
            log.exception("osdp=%s event=failed", self._device)
        return 0


class _Line:
    """libosdp's channel. Its calls come from C: nothing may be raised through them."""

    id = 0

    def __init__(self, port: Any) -> None:
        self._port = port
        self._tail = b""
        self.broken: Exception | None = None
        self.heard_s: dict[int, float] = {}
        """When each address has sent a frame last."""

    def read(self, most: int) -> bytes:
        try:
            data = bytes(self._port.read(min(most, self._port.in_waiting)))
        except (OSError, termios.error, TypeError) as gone:
            self.broken = gone
            return b""
        if data:
            self._note(self._tail + data)
            self._tail = data[-1:]
        return data

    def write(self, data: bytes) -> int:
        try:
            return int(self._port.write(data))
        except (OSError, termios.error, TypeError) as gone:
            self.broken = gone
            return len(data)

    def flush(self) -> None:
        """What libosdp has not read is stale."""

    def _note(self, data: bytes) -> None:
        now = time.monotonic()
        for at in range(len(data) - 1):
            if data[at] == _START_OF_MESSAGE and data[at + 1] & _REPLY:
                self.heard_s[data[at + 1] & 0x7F] = now


def _info(station: Station, line: _Line) -> dict[str, Any]:
    flags = LibFlag.EnableNotification
    if station.key is not None:
        flags |= LibFlag.InstallMode if station.install else LibFlag.EnforceSecure
    return {
        "name": station.name, "address": station.address, "flags": flags, "scbk": station.key, "channel": line,
        "version": 0, "model": 0, "vendor_code": 0, "serial_number": 0, "firmware_version": 0,
    }  # fmt: skip


def _nothing() -> None:
    """The turns are short: nothing needs to be interrupted."""
