"""One card in the field of a PN532, as a CardChannel. Driver; part of `pn532.py`.

Speaks to nfcpy's chipset object: its tag layer knows no MIFARE Classic, and its `exchange` would send
an authentication past the chip's own CRYPTO1. Everything that nfcpy raises is turned into our errors here.
"""

import struct
import termios
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from nfc.clf.pn532 import Chipset
from serial import SerialException

from gate.errors import ReaderHung, ReaderLost, ReaderTransient
from gate.reader.mifare import BLOCK_BYTES, Key, KeyType, trailer_of

LIST_PASSIVE_TARGET = 0x4A
TYPE_A_106 = 0x00
MIFARE_READ = 0x30
MIFARE_WRITE = 0xA0
_RF_FIELD = 0x01

EXCHANGE_S = 0.25
LIST_S = 0.5
RESTART_PAUSE_S = 0.01
"""The field stays off so long that a card in it has lost its power and begins anew."""

SILENT_TRIES = 3
"""A frame that was spoilt on the line is asked for again; a chip that is silent so often hangs."""

# The chip's words for a card that said no; anything else may be a card that left.
_REFUSALS = frozenset({0x05, 0x13, 0x14, 0x27})

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Target:
    """A card that has answered. `uid` is as on the wire."""

    uid: bytes
    sak: int


class Chip:
    """A PN532 whose every failure is one of ours."""

    def __init__(self, chipset: Any) -> None:
        self._chipset = chipset
        self._silent = 0

    def targets(self) -> list[Target]:
        """The cards in the field, two at most. Raises ReaderTransient, ReaderHung, ReaderLost."""
        # nfcpy's own call asks for one card only, and so never sees that there are two.
        answer = self._ask(lambda: self._chipset.command(LIST_PASSIVE_TARGET, bytearray((2, TYPE_A_106)), LIST_S))
        return _targets(bytes(answer or b""))

    def exchange(self, command: bytes) -> bytes | None:
        """One exchange with the card. None: it refused. Raises ReaderTransient, ReaderHung, ReaderLost."""
        try:
            answer, _ = self._ask(lambda: self._chipset.in_data_exchange(bytearray(command), EXCHANGE_S))
            return bytes(answer)
        except Chipset.Error as said:
            if said.errno in _REFUSALS:
                return None
            raise ReaderTransient("the card does not answer; hold it still") from said

    def field_off(self) -> None:
        """Take the power from every card in the field; listing gives it back."""
        self._ask(lambda: self._chipset.rf_configuration(_RF_FIELD, b"\x02"))

    def _ask(self, ask: Callable[[], T]) -> T:
        try:
            answer = ask()
        except Chipset.Error:
            self._silent = 0
            raise
        except (SerialException, termios.error) as gone:
            # pyserial lets the terminal's own error through when the line goes between two of its calls.
            raise ReaderLost("the line to the chip is gone; is it plugged in?") from gone
        except (OSError, IndexError, struct.error, TypeError) as spoilt:
            # nfcpy trips over frames that are cut short in any of these ways.
            self._silent += 1
            if self._silent >= SILENT_TRIES:
                raise ReaderHung("the chip does not answer any more") from spoilt
            raise ReaderTransient("a frame was spoilt between chip and gate") from spoilt
        self._silent = 0
        return answer


class Pn532Channel:
    """Keeps the contract of `gate.reader.writing.WritableChannel`, from the targets that were just listed."""

    def __init__(self, chip: Chip, targets: list[Target], stopping: threading.Event) -> None:
        self._chip = chip
        self._targets = targets
        self._stopping = stopping
        self._exchanges = 1

    @property
    def exchanges(self) -> int:
        """Commands to the chip: listing, authentications, reads. The chip keeps no keys, so none is loaded."""
        return self._exchanges

    @property
    def left(self) -> bool:
        """Whether the field was empty when it was looked at last."""
        return not self._targets

    def uid(self) -> bytes:
        """The serial number, as listed. Raises ReaderTransient when there are two cards."""
        if len(self._targets) != 1:
            raise ReaderTransient("several cards at once; show one")
        return self._targets[0].uid

    def authenticate(self, sector: int, key_type: KeyType, key: Key) -> bool:
        """Open a sector."""
        # NXP AN10927: CRYPTO1 takes the last four bytes of a long serial number.
        command = bytes((key_type, trailer_of(sector))) + key + self.uid()[-4:]
        return self._exchange(command) is not None

    def read(self, block: int) -> bytes | None:
        """Read a block of the open sector."""
        content = self._exchange(bytes((MIFARE_READ, block)))
        if content is not None and len(content) != BLOCK_BYTES:
            raise ReaderTransient(f"the card sent {len(content)} bytes for a block of {BLOCK_BYTES}")
        return content

    def write(self, block: int, content: bytes) -> bool:
        """Write a block of the open sector."""
        return self._exchange(bytes((MIFARE_WRITE, block)) + content) is not None

    def restart(self) -> bool:
        """Take the card's power and list it anew. False: none is in the field any more."""
        for _ in range(SILENT_TRIES):
            try:
                self._chip.field_off()
                if self._stopping.wait(RESTART_PAUSE_S):
                    return False
                self._exchanges += 1
                self._targets = self._chip.targets()
            except ReaderTransient:
                continue
            if self._targets:
                return True
        return False

    def _exchange(self, command: bytes) -> bytes | None:
        self._exchanges += 1
        return self._chip.exchange(command)


def _targets(answer: bytes) -> list[Target]:
    """The answer to InListPassiveTarget: count, then for each: number, SENS_RES (2), SEL_RES, length, UID,
    and for a card of ISO/IEC 14443-4 its ATS with its own length first. Raises ReaderTransient."""
    targets: list[Target] = []
    if not answer:
        return targets
    at = 1
    try:
        for _ in range(answer[0]):
            sak, length = answer[at + 3], answer[at + 4]
            uid = answer[at + 5 : at + 5 + length]
            if len(uid) != length or length not in (4, 7, 10):
                raise ReaderTransient("the chip's answer is cut short")
            targets.append(Target(uid, sak))
            at += 5 + length
            if sak & 0x20 and at < len(answer):
                at += answer[at]
    except IndexError:
        raise ReaderTransient("the chip's answer is cut short") from None
    return targets
