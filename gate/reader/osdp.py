"""An OSDP reader (IEC 60839-11-5): a peripheral on a bus that it may share. Driver; see `osdp_bus.py`."""

import logging
from collections.abc import Sequence
from pathlib import Path

from osdp.constants import Command, CommandLEDColor

from gate.config import OsdpReader as OsdpSettings
from gate.model import CardContents, CardReading, Decision, Medium
from gate.ports import CardShown, Deliver
from gate.reader.layouts import load_osdp, load_scbk
from gate.reader.osdp_bus import OsdpBus, Station
from gate.reader.wiegand import decode
from portvakt.backoff import Backoff

log = logging.getLogger(__name__)

_SHOWN_TENTHS = 25
_TEMPORARY = 2
_TONE = 2


class OsdpReader:
    """Keeps the contract of `gate.ports.Reader`."""

    def __init__(self, settings: OsdpSettings) -> None:
        """Raises CodingError when the profile or the key cannot be used."""
        self.name = settings.name
        self._layout = load_osdp(Path(settings.layout))
        key = load_scbk(Path(settings.scbk_file)) if settings.scbk_file is not None else None
        self.station = Station(settings.name, settings.address, key, settings.install, self._card)
        self._bus: OsdpBus | None = None

    def join(self, bus: OsdpBus) -> None:
        """Stand on this bus."""
        self._bus = bus

    def start(self, deliver: Deliver) -> None:
        """Begin reading; the bus begins with its first reader."""
        self.station.deliver = deliver
        if self._bus is not None:
            self._bus.start()

    def show(self, decision: Decision) -> None:
        """Lamp and buzzer of the reader: green and one long tone, red and three short ones."""
        colour = CommandLEDColor.Green if decision.admitted else CommandLEDColor.Red
        on, off, times = (3, 1, 1) if decision.admitted else (1, 1, 3)
        self.station.orders.append({
            "command": Command.LED, "reader": 0, "led_number": 0, "temporary": True, "control_code": _TEMPORARY,
            "on_count": _SHOWN_TENTHS, "off_count": 0, "on_color": colour, "off_color": CommandLEDColor.Black,
            "timer_count": _SHOWN_TENTHS,
        })  # fmt: skip
        self.station.orders.append({
            "command": Command.Buzzer, "reader": 0, "control_code": _TONE,
            "on_count": on, "off_count": off, "rep_count": times,
        })  # fmt: skip

    def close(self) -> None:
        """Stop listening; the line ends with the first reader that is closed, as all are. Idempotent."""
        self.station.deliver = None
        if self._bus is not None:
            self._bus.close()

    def _card(self, data: bytes, bits: int, secure: bool) -> None:  # noqa: FBT001 - a fact of the line
        deliver = self.station.deliver
        if deliver is None:
            return
        result = decode(self._layout, data, bits)
        card = result.card.masked if isinstance(result, CardContents) else f"unreadable ({result.what})"
        # In clear anybody with two wires can say any number: no better than a serial number.
        medium = Medium.OSDP if secure else Medium.UID
        log.info("reader=%s card=%s bits=%d secure=%s", self.name, card, bits, "yes" if secure else "no")
        deliver(CardShown(CardReading(self.name, medium, result)))


def on_buses(all_settings: Sequence[OsdpSettings], backoff: Backoff | None = None) -> list[OsdpReader]:
    """Readers by their settings, in that order; those with one device share its bus. Raises CodingError."""
    readers = [OsdpReader(settings) for settings in all_settings]
    devices: dict[str, list[OsdpReader]] = {}
    for settings, reader in zip(all_settings, readers, strict=True):
        devices.setdefault(settings.device, []).append(reader)
    for device, sharing in devices.items():
        baud = next(settings.baud for settings in all_settings if settings.device == device)
        bus = OsdpBus(device, baud, [reader.station for reader in sharing], backoff)
        for reader in sharing:
            reader.join(bus)
    return readers
