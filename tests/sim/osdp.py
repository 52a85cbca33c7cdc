"""OSDP peripherals on a bus: libosdp's own peripheral role, several of them on one pseudo terminal.

The same library speaks at both ends, so this proves our side of it and not the protocol. Each peripheral
hears everything on the line, also what the others answer, as on RS-485.
"""

import select
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import osdp_sys
from osdp.constants import Capability, CardFormat, Command, Event, StatusReportType

from tests.sim.serial_line import SerialLine

_POLL_S = 0.002


@dataclass
class Peripheral:
    """One reader. `key` is None while it has its maker's."""

    address: int
    key: bytes | None
    bus: "OsdpLine"
    powered: bool = True
    id: int = 1
    buffer: bytearray = field(default_factory=bytearray)
    lamps: list[int] = field(default_factory=list)
    """The colours that its lamp was told to show."""
    beeps: list[int] = field(default_factory=list)
    device: Any = None

    def boot(self) -> None:
        """As after power-on: with the key it has, and nothing else remembered."""
        capabilities = (Capability.LEDControl, Capability.AudibleControl, Capability.CommunicationSecurity,
                        Capability.ContactStatusMonitoring)  # fmt: skip
        info = {
            "name": f"pd{self.address}", "address": self.address, "flags": 0, "scbk": self.key, "channel": self,
            "version": 1, "model": 1, "vendor_code": 0xCAFE, "serial_number": self.address, "firmware_version": 1,
        }  # fmt: skip
        self.buffer.clear()
        self.device = osdp_sys.PeripheralDevice(
            info,
            capabilities=[{"function_code": one, "compliance_level": 1, "num_items": 1} for one in capabilities],
        )
        self.device.set_command_callback(self._command)

    def show(self, data: bytes, bits: int, form: int = CardFormat.Wiegand) -> None:
        """Hold a card to it."""
        with self.bus.turn:
            self.device.submit_event({
                "event": Event.CardRead, "reader_no": 0, "direction": 0, "format": form, "length": bits, "data": data,
            })  # fmt: skip

    def tamper(self, *, opened: bool) -> None:
        """Its housing is opened, or closed again."""
        report = b"\x01\x00" if opened else b"\x00\x00"
        with self.bus.turn:
            self.device.submit_event(
                {"event": Event.Status, "type": StatusReportType.Local, "report": report, "nr_entries": 2}
            )

    def cut_power(self) -> None:
        """It says nothing any more."""
        with self.bus.turn:
            self.powered = False

    def give_power(self, key: bytes | None = None, *, cleared: bool = False) -> None:
        """It comes back, with another key or its maker's if that is said."""
        with self.bus.turn:
            self.key = None if cleared else (key or self.key)
            self.boot()
            self.powered = True

    # --- libosdp's channel ----------------------------------------------------------------------------

    def read(self, most: int) -> bytes:
        data = bytes(self.buffer[:most])
        del self.buffer[:most]
        return data

    def write(self, data: bytes) -> int:
        self.bus.answer(self, data)
        return len(data)

    def flush(self) -> None:
        self.buffer.clear()

    def _command(self, command: dict[str, Any]) -> tuple[int, None]:
        if command["command"] == Command.LED:
            self.lamps.append(command["on_color"])
        elif command["command"] == Command.Buzzer:
            self.beeps.append(command["rep_count"])
        elif command["command"] == Command.Keyset:
            self.key = bytes(command["data"])
        return 0, None


class OsdpLine:
    """A line with peripherals at addresses 101, 102 …, by their keys."""

    def __init__(self, link: Path, *keys: bytes | None) -> None:
        self.line = SerialLine(link)
        self.turn = threading.RLock()
        self.peripherals = [Peripheral(101 + number, key, self) for number, key in enumerate(keys)]
        for one in self.peripherals:
            one.boot()
        self._stopping = threading.Event()
        self._begin()

    def answer(self, sender: Peripheral, data: bytes) -> None:
        """A peripheral sends: the gate hears it, and the others too."""
        self.line.send(data)
        for one in self.peripherals:
            if one is not sender:
                one.buffer += data

    def unplug(self) -> None:
        """The adapter is pulled out of the Pi. Idempotent."""
        self._stopping.set()
        self._thread.join()
        self.line.unplug()

    def plug_in(self) -> None:
        """And pushed in again; the readers kept their power."""
        self.line.plug_in()
        self._begin()

    def close(self) -> None:
        """Take it all down. Idempotent."""
        self.unplug()

    def _begin(self) -> None:
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(self._stopping,), name="osdp-line", daemon=True)
        self._thread.start()

    def _run(self, stopping: threading.Event) -> None:
        while not stopping.is_set():
            ready, _, _ = select.select([self.line.ours], [], [], _POLL_S)
            data = self.line.heard() if ready else b""
            with self.turn:
                for one in self.peripherals:
                    if one.powered:
                        one.buffer += data
                        one.device.refresh()
