"""A reader on a serial line, for stripes and QR codes: pyserial's blocking read, turned into deliveries.

Driver; imported only when configured. One thread. It sleeps inside the read until a byte comes, and
only while a message is unfinished does the read have a timeout: the gap that ends it. A line that
goes away is a state, and is opened again with backoff.
"""

import logging
import termios
import threading
import time
from collections.abc import Callable
from typing import Any

import serial

from gate.config import QrReader, StripeReader
from gate.errors import ReaderLost
from gate.model import CardContents, CardReading, Decision, Medium, ReaderState, Unreadable
from gate.ports import CardShown, Deliver
from gate.reader.frames import FRAMINGS, MAX_FRAME_BYTES, Ended, Frame, Framer, Repeats, printable
from gate.reader.lines import refusal
from gate.reader.running import ReaderThread
from portvakt.backoff import Backoff

log = logging.getLogger(__name__)

Decode = Callable[[bytes], CardContents | Unreadable]
"""What a message says. Never raises."""

_WRITE_S = 1.0
_LEAST_BYTES = 3
"""The shortest message is a reader's error mark, `;E?`; fewer are noise, and nobody has shown anything."""

_GARBAGE_BYTES = 64
"""So many bytes with no whole message among them, and the settings are wrong or the line is."""

_PARITIES = {"none": serial.PARITY_NONE, "even": serial.PARITY_EVEN, "odd": serial.PARITY_ODD}


class SerialReader:
    """Keeps the contract of `gate.ports.Reader` with the device at `settings.device`."""

    def __init__(
        self,
        settings: StripeReader | QrReader,
        medium: Medium,
        decode: Decode,
        *,
        binary: bool = False,
        backoff: Backoff | None = None,
    ) -> None:
        """`binary` messages are no text: they are decoded as they come."""
        self.name = settings.name
        self._settings = settings
        self._medium = medium
        self._decode = decode
        self._binary = binary
        self._trigger = bytes.fromhex(settings.trigger_hex)
        self._repeats = Repeats(settings.hold_off_ms)
        self._thread = ReaderThread(settings.name, self._serve, self._interrupt, backoff)
        self._stopping = self._thread.stopping
        self._port_turn = threading.Lock()
        self._port: Any = None

    def start(self, deliver: Deliver) -> None:
        """Begin reading, in a thread of its own."""
        self._thread.start(deliver)

    def show(self, decision: Decision) -> None:
        """Stripe readers and scanners say for themselves that they have read."""

    def close(self) -> None:
        """Stop and let go. Idempotent."""
        self._thread.close()

    def _interrupt(self) -> None:
        with self._port_turn:
            if self._port is not None:
                self._port.cancel_read()

    def _serve(self) -> None:
        """Serve until told to stop. Raises ReaderLost when the line goes away."""
        port = self._opened()
        try:
            self._thread.report(ReaderState.OK)
            self._ask(port)
            framer = Framer(FRAMINGS[self._settings.framing], self._settings.idle_ms)
            whole_at = 0
            while not self._stopping.is_set():
                frames = self._received(port, framer)
                shown = [self._take(frame) for frame in frames]
                if any(shown):
                    self._ask(port)
                if any(frame.ended is Ended.WHOLE for frame in frames):
                    whole_at = framer.garbage
                    self._thread.report(ReaderState.OK)
                elif framer.garbage - whole_at >= _GARBAGE_BYTES:
                    self._thread.report(
                        ReaderState.FAULTY, "sends what is no message; check baud, data_bits, parity and framing"
                    )
        except (OSError, termios.error) as gone:
            # pyserial's own SerialException is an OSError.
            raise ReaderLost(f"{self._settings.device} is not there; is it plugged in?") from gone
        finally:
            with self._port_turn:
                self._port = None
            port.close()

    def _opened(self) -> Any:
        """Raises ReaderLost."""
        settings = self._settings
        try:
            port = serial.Serial(
                settings.device,
                settings.baud,
                bytesize=settings.data_bits,
                parity=_PARITIES[settings.parity],
                timeout=None,
                write_timeout=_WRITE_S,
                exclusive=True,
            )
        except (OSError, termios.error, ValueError) as refused:
            raise refusal(settings.device, refused) from refused
        with self._port_turn:
            self._port = port
        return port

    def _received(self, port: Any, framer: Framer) -> list[Frame]:
        """Sleep until bytes come, or until the gap that ends an unfinished message."""
        timeout = self._settings.idle_ms / 1000 if framer.waiting else None
        if port.timeout != timeout:
            port.timeout = timeout
        data = port.read(1)
        if data:
            data += port.read(min(port.in_waiting, MAX_FRAME_BYTES))
        now_ms = time.monotonic_ns() // 1_000_000
        return framer.feed(data, now_ms) if data else framer.tick(now_ms)

    def _ask(self, port: Any) -> None:
        if self._trigger:
            port.write(self._trigger)

    def _take(self, frame: Frame) -> bool:
        """Deliver what a message says, once for each showing. False: it was noise."""
        data = frame.data if self._binary else printable(frame.data)
        if frame.ended is not Ended.LONG and len(data) < _LEAST_BYTES:
            return False
        result = self._result(frame.ended, data)
        if not self._repeats.is_new(result, time.monotonic_ns() // 1_000_000):
            return True
        card = result.card.masked if isinstance(result, CardContents) else f"unreadable ({result.what})"
        log.info("reader=%s card=%s bytes=%d", self.name, card, len(data))
        self._thread.deliver(CardShown(CardReading(self.name, self._medium, result)))
        return True

    def _result(self, ended: Ended, data: bytes) -> CardContents | Unreadable:
        match ended:
            case Ended.WHOLE:
                return self._decode(data)
            case Ended.CUT:
                return Unreadable("only a part of it came; show it again")
            case Ended.LONG:
                return Unreadable(f"the reader sent more than {MAX_FRAME_BYTES} bytes without an end")
