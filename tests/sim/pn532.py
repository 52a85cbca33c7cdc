"""A PN532 on a pseudo terminal: real frames, and cards that tests hold before it.

Frames and commands after NXP's user manual UM0701-02: normal and extended information frames with their
checksums, ACK, error frame; the commands that nfcpy and libnfc use. Proven by `nfc-list`.
Not modelled: time on the air, NACK, bit rates above 106 kbit/s, other modulations (never a target).
"""

import os
import threading
from collections.abc import Callable
from pathlib import Path

from gate.reader.mifare import BLOCK_BYTES, KeyType
from gate.simulator.card import VirtualCard
from tests.sim.serial_line import SerialLine

ACK = bytes.fromhex("0000FF00FF00")
_START = b"\x00\xff"
_BAUDS = (9_600, 19_200, 38_400, 57_600, 115_200, 230_400, 460_800, 921_600, 1_288_000)

TIMEOUT, FORMAT, AUTHENTICATION, CONTEXT = 0x01, 0x13, 0x14, 0x27


class Pn532:
    """One chip. `present` and `remove` are the hand; the rest is what goes wrong."""

    def __init__(self, link: Path) -> None:
        self.line = SerialLine(link)
        self.hangs = False
        """From now on nothing is answered, until `reset`."""
        self.spoil_next = 0
        """So many answers go out with a wrong checksum."""
        self.noise_next = b""
        """Goes out before the next answer."""
        self.hears_late = False
        """The acknowledgement before a change of speed is heard when the gate has already changed its own."""
        self.commands: list[int] = []
        self._cards: list[VirtualCard] = []
        self._turn = threading.Lock()
        self._leaves_after: int | None = None
        self._stumbles: frozenset[int] = frozenset()
        self._exchanges = 0
        self._field = False
        self.baud = 115_200
        """The speed that it speaks; it hears nothing of a line that is set to another."""
        self._coming_baud = 0
        self._buffer = bytearray()
        self._stopping = threading.Event()
        self._wake = os.pipe()
        self._thread = threading.Thread(target=self._run, name="pn532", daemon=True)
        self._thread.start()

    # --- the hand -------------------------------------------------------------------------------------

    def present(
        self,
        card: VirtualCard,
        leaves_after: int | None = None,
        stumbles: frozenset[int] = frozenset(),
        beside: VirtualCard | None = None,
    ) -> None:
        """Hold a card, or two, to the antenna. With `leaves_after` they are gone after so many exchanges
        (listing is one); with `stumbles` those exchanges, counted from 1, come to nothing."""
        with self._turn:
            self._cards = [card] if beside is None else [card, beside]
            self._leaves_after, self._stumbles, self._exchanges = leaves_after, stumbles, 0
            for held in self._cards:
                held.select()

    def remove(self) -> None:
        """Take all cards away."""
        with self._turn:
            self._cards = []

    # --- the installation -----------------------------------------------------------------------------

    def reset(self) -> None:
        """The RSTPDN pin was pulled low and let go."""
        with self._turn:
            self.hangs = False
            self.baud = 115_200
            self._buffer.clear()
            self._field = False

    def unplug(self) -> None:
        """The line goes away. Idempotent."""
        self._pause()
        self.line.unplug()

    def plug_in(self) -> None:
        """Another line under the same link."""
        self.line.plug_in()
        self._buffer.clear()
        self.baud = 115_200
        self._stopping = threading.Event()
        self._wake = os.pipe()
        self._thread = threading.Thread(target=self._run, name="pn532", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Take it all down. Idempotent."""
        self.unplug()

    def _pause(self) -> None:
        if self._thread.is_alive():
            self._stopping.set()
            os.write(self._wake[1], b"x")
            self._thread.join()
            for end in self._wake:
                os.close(end)

    # --- frames ---------------------------------------------------------------------------------------

    def _run(self) -> None:
        ours = self.line.ours
        stopping = self._stopping
        while not stopping.is_set():
            while self.hears_late and self._coming_baud not in (0, self.line.baud) and not stopping.is_set():
                stopping.wait(0.001)
            data = self.line.wait(self._wake[0])
            if data is None:
                return
            if self._coming_baud and data.startswith(ACK):
                # It was sent at the speed before; a terminal only knows the speed of now.
                self.baud, self._coming_baud = self._coming_baud, 0
                data = data[len(ACK) :]
            if self.line.baud != self.baud:
                self._buffer.clear()
                continue
            self._buffer += data
            while (command := self._next_frame()) is not None:
                with self._turn:
                    if not self.hangs:
                        os.write(ours, ACK)
                        self._send(self._answer(command))

    def _next_frame(self) -> bytes | None:
        """The next whole command from the host, without TFI; ACKs and garbage are passed over."""
        while True:
            start = self._buffer.find(_START)
            if start < 0:
                del self._buffer[:-1]
                return None
            frame = bytes(self._buffer[start + 2 :])
            if len(frame) < 2:
                return None
            if frame[:2] in (b"\x00\xff", b"\xff\x00"):
                del self._buffer[: start + 4]
                continue
            head, length = 2, frame[0]
            if frame[:2] == b"\xff\xff":
                if len(frame) < 5:
                    return None
                head, length = 5, frame[2] << 8 | frame[3]
                wrong = sum(frame[2:5]) & 0xFF
            else:
                wrong = sum(frame[:2]) & 0xFF
            if wrong:
                del self._buffer[: start + 2]
                continue
            if len(frame) < head + length + 1:
                return None
            body = frame[head : head + length]
            del self._buffer[: start + 2 + head + length + 1]
            if sum(frame[head : head + length + 1]) & 0xFF == 0 and body[:1] == b"\xd4":
                return body[1:]

    def _send(self, answer: bytes | None) -> None:
        body = b"\x7f" if answer is None else b"\xd5" + answer
        length = len(body)
        if length < 256:
            head = b"\x00\x00\xff" + bytes((length, -length & 0xFF))
        else:
            size = length.to_bytes(2, "big")
            head = b"\x00\x00\xff\xff\xff" + size + bytes((-sum(size) & 0xFF,))
        check = -sum(body) & 0xFF
        if self.spoil_next:
            self.spoil_next -= 1
            check ^= 0x55
        noise, self.noise_next = self.noise_next, b""
        os.write(self.line.ours, noise + head + body + bytes((check, 0)))

    # --- commands -------------------------------------------------------------------------------------

    def _answer(self, command: bytes) -> bytes | None:
        """The answer, its code first; None is the error frame."""
        code, data = command[0], command[1:]
        self.commands.append(code)
        known: dict[int, Callable[[bytes], bytes]] = {
            0x00: lambda data: data if data[:1] == b"\x00" else b"\x00",
            0x02: lambda _: bytes.fromhex("32010607"),
            0x04: lambda _: bytes.fromhex("0001000080"),
            # Every register reads 0 but the error register, which nfcpy looks at when no card is there.
            0x06: lambda data: bytes(0x26 if data[at : at + 2] == b"\x63\x39" else 0 for at in range(0, len(data), 2)),
            0x08: lambda _: b"",
            0x10: self._set_baud,
            0x12: lambda _: b"",
            0x14: lambda _: b"",
            0x16: self._power_down,
            0x32: self._rf_configuration,
            0x40: self._data_exchange,
            0x42: lambda _: bytes((TIMEOUT,)),
            0x44: lambda _: b"\x00",
            0x4A: self._list_passive_target,
            0x52: lambda _: b"\x00",
            0x54: lambda _: b"\x00",
            0x60: lambda _: b"\x00",
        }
        if code not in known:
            return None
        return bytes((code + 1,)) + known[code](data)

    def _set_baud(self, data: bytes) -> bytes:
        self._coming_baud = _BAUDS[data[0]]
        return b""

    def _power_down(self, _: bytes) -> bytes:
        self._field = False
        return b"\x00"

    def _rf_configuration(self, data: bytes) -> bytes:
        if data[:1] == b"\x01":
            self._field = bool(data[1] & 0x01)
            if not self._field:
                for card in self._cards:
                    card.select()
        return b""

    def _list_passive_target(self, data: bytes) -> bytes:
        most, modulation = data[0], data[1]
        if modulation != 0x00 or not self._exchange():
            return b"\x00"
        self._field = True
        found = b""
        for number, card in enumerate(self._cards[:most], start=1):
            card.select()
            # SENS_RES goes out as it is read, most significant byte first.
            found += bytes((number, card.atqa[1], card.atqa[0], card.sak, len(card.uid))) + card.uid
        return bytes((min(most, len(self._cards)),)) + found

    def _data_exchange(self, data: bytes) -> bytes:
        target, command = data[0] & 0x3F, data[1:]
        if not self._exchange():
            return bytes((TIMEOUT,))
        if not self._field or not 1 <= target <= len(self._cards):
            return bytes((CONTEXT,))
        card = self._cards[target - 1]
        match command[0]:
            case 0x60 | 0x61 if len(command) == 12:
                right = command[8:12] == card.uid[-4:] and card.authenticate(
                    command[1], KeyType(command[0]), command[2:8]
                )
                return b"\x00" if right else bytes((AUTHENTICATION,))
            case 0x30:
                content = card.read(command[1])
                return bytes((FORMAT,)) if content is None else b"\x00" + content
            case 0xA0 if len(command) == 2 + BLOCK_BYTES:
                return b"\x00" if card.write(command[1], command[2:]) else bytes((FORMAT,))
            case _:
                return bytes((TIMEOUT,))

    @property
    def looks(self) -> int:
        """How often the field was looked at."""
        return self.commands.count(0x4A)

    def _exchange(self) -> bool:
        """Whether a card is there to be spoken to, this time."""
        if not self._cards:
            return False
        if self._leaves_after is not None and self._exchanges >= self._leaves_after:
            self._cards = []
            return False
        self._exchanges += 1
        return self._exchanges not in self._stumbles
