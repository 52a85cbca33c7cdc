"""A PN532 on a serial line, through nfcpy. Driver; imported only when configured.

One thread. The chip tells nobody that a card came: the field is looked at every `poll_ms`, and is off
in between, so a card that stays begins each time as a new one would. A chip that hangs is reset by its
RSTPDN pin where that is wired, and opened anew where it is not.
"""

import logging
import termios
from pathlib import Path
from typing import Any

import nfc.clf.pn532
import nfc.clf.transport
import serial

from gate.config import Pn532Reader as Pn532Settings
from gate.errors import ReaderError, ReaderHung, ReaderLost, ReaderTransient
from gate.model import Decision, ReaderState, Unreadable
from gate.ports import Deliver
from gate.reader.channel import TOO_SOON, Outcome
from gate.reader.lines import refusal
from gate.reader.pn532_channel import Chip, Pn532Channel, Target
from gate.reader.profiles import load_for_gate
from gate.reader.running import ReaderThread
from gate.reader.showing import deliver_outcome, read_and_deliver
from portvakt.backoff import Backoff

log = logging.getLogger(__name__)

RESET_S = 0.1
"""How long the chip is held in reset, and then left to wake up."""

_FAST_BAUDS = (921_600, 460_800, 230_400)
_WAKE_UP = bytes(10)
_ACK = bytes.fromhex("0000FF00FF00")
_SET_115200 = bytes.fromhex("0000FF03FDD410041800")
"""SetSerialBaudRate, UM0701-02 §7.2.6: 0x04 is 115,200."""
_ANSWER_BYTES = 9
_ANSWER_S = 0.1

LOOKS_UNTIL_GONE = 2
"""A card at the edge of the field misses a look now and then, and has not left."""

# nfcpy logs whole frames, and with them card numbers, at a level below debug (P12).
logging.getLogger("nfc").setLevel(logging.WARNING)


class _Line(nfc.clf.transport.TTY):  # type: ignore[misc]
    """nfcpy's line, closed as a line should be.

    nfcpy throws away what is not out yet. Before it changes the speed that is the acknowledgement
    without which the chip stays at the speed before, deaf to all that comes.
    """

    tty: serial.Serial | None

    def close(self) -> None:
        line, self.tty = self.tty, None
        if line is None:
            return
        try:
            line.flush()
        finally:
            line.close()


class Pn532Reader:
    """Keeps the contract of `gate.ports.Reader` with the chip at `settings.device`."""

    def __init__(self, settings: Pn532Settings, backoff: Backoff | None = None, pin_factory: Any = None) -> None:
        """Raises CodingError when the profile or its keys cannot be used."""
        self.name = settings.name
        self._settings = settings
        self._codings, self._keys = load_for_gate(Path(settings.coding), Path(settings.keys), greet=settings.greet)
        self._pin_factory = pin_factory
        self._thread = ReaderThread(settings.name, self._serve, _nothing, backoff)
        self._stopping = self._thread.stopping
        self._hangs = False

    def start(self, deliver: Deliver) -> None:
        """Begin reading, in a thread of its own."""
        self._thread.start(deliver)

    def show(self, decision: Decision) -> None:
        """The chip has no lamp."""

    def close(self) -> None:
        """Stop and let go. Idempotent."""
        self._thread.close()

    def _serve(self) -> None:
        """Serve until told to stop. Raises ReaderLost, ReaderHung, ReaderError."""
        if self._hangs:
            self._reset()
        device = _opened(self._settings.device)
        chip = Chip(device.chipset)
        try:
            self._watch(chip)
        except ReaderHung:
            self._hangs = True
            raise
        finally:
            _let_go(device)

    def _watch(self, chip: Chip) -> None:
        present: list[Target] = []
        missed = 0
        while not self._stopping.is_set():
            targets = _looked(chip)
            if targets is not None:
                self._hangs = False
                self._thread.report(ReaderState.OK)
                missed = 0 if targets else missed + 1
                if targets and {target.uid for target in targets} != {target.uid for target in present}:
                    present = self._read(chip, targets)
                elif missed >= LOOKS_UNTIL_GONE:
                    present = []
                _quieted(chip)
            self._stopping.wait(self._settings.poll_ms / 1000)

    def _read(self, chip: Chip, targets: list[Target]) -> list[Target]:
        """Deliver one showing; the cards that it was."""
        channel = Pn532Channel(chip, targets, self._stopping)
        try:
            outcome = read_and_deliver(self.name, channel, self._codings, self._keys, self._thread.deliver)
        except (ReaderLost, ReaderHung):
            lost = Outcome(Unreadable("the reader was lost while it read the card"), b"", 0, None)
            deliver_outcome(self.name, lost, self._thread.deliver)
            raise
        gone = isinstance(outcome.result, Unreadable) and outcome.result.what == TOO_SOON
        return [] if gone or channel.left else targets

    def _reset(self) -> None:
        """Pull RSTPDN low and let it go; without a wire there is nothing but to open the line anew."""
        if self._settings.reset_pin is None:
            return
        from gpiozero import OutputDevice  # noqa: PLC0415 - a gate without the wire need not load it

        pin = OutputDevice(self._settings.reset_pin, initial_value=True, pin_factory=self._pin_factory)
        try:
            pin.off()
            self._stopping.wait(RESET_S)
            pin.on()
            self._stopping.wait(RESET_S)
            log.warning("reader=%s reset_pin=%d chip=reset", self.name, self._settings.reset_pin)
        finally:
            pin.close()


def _looked(chip: Chip) -> list[Target] | None:
    """The cards in the field; None when a frame was spoilt, which says nothing of the field."""
    try:
        return chip.targets()
    except ReaderTransient:
        return None


def _quieted(chip: Chip) -> None:
    try:
        chip.field_off()
    except ReaderTransient as spoilt:
        log.debug("field=on why=%r", str(spoilt))


def _opened(device: str) -> Any:
    """nfcpy's device. Raises ReaderLost, ReaderHung, ReaderError.

    nfcpy begins at 115,200 baud and goes up. A gate that was killed leaves the chip up there, deaf to the
    next one; so a chip that does not answer is told, at each speed that it may be at, to come down first.
    """
    try:
        return _initialised(device)
    except ReaderHung:
        _call_down(device)
        return _initialised(device)


def _initialised(device: str) -> Any:
    try:
        transport = _Line(device)
    except (OSError, termios.error, ValueError) as refused:
        raise refusal(device, refused) from refused
    try:
        if transport.tty is not None:
            transport.tty.exclusive = True
        return nfc.clf.pn532.init(transport)
    except (OSError, termios.error, IndexError, TypeError, ReaderError) as silent:
        _close_line(transport)
        if not Path(device).exists():
            raise ReaderLost(f"{device} is not there; is it plugged in?") from silent
        raise ReaderHung(f"no PN532 answers at {device}; check wiring and the module's switches (HSU)") from silent


def _call_down(device: str) -> None:
    for baud in _FAST_BAUDS:
        try:
            with serial.Serial(device, baud, timeout=_ANSWER_S, exclusive=True) as line:
                line.write(_WAKE_UP + _SET_115200)
                if line.read(len(_ACK)) == _ACK and line.read(_ANSWER_BYTES):
                    # The chip changes its speed when the answer was acknowledged.
                    line.write(_ACK)
                    line.flush()
                    log.warning("device=%s baud=%d chip=called_down", device, baud)
                    return
        except (OSError, termios.error) as refused:
            log.debug("device=%s baud=%d why=%r", device, baud, str(refused))


def _let_go(device: Any) -> None:
    """Close the line. A chip that hangs cannot be put to sleep first."""
    try:
        device.close()
    except (OSError, termios.error, IndexError, TypeError, nfc.clf.pn532.Chipset.Error) as broken:
        log.debug("chip=unclosed why=%r", str(broken))
        if device.chipset is not None and device.chipset.transport is not None:
            _close_line(device.chipset.transport)


def _close_line(line: _Line) -> None:
    try:
        line.close()
    except (OSError, termios.error) as gone:
        log.debug("line=undrained why=%r", str(gone))


def _nothing() -> None:
    """The looks are short: nothing needs to be interrupted."""
