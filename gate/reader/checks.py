"""Checks over what stands on a card: CRCs, sums, and check digits. Pure.

A CRC goes by its name in Greg Cook's catalogue of parametrised CRC algorithms, or by an alias of it;
its parameters stand here as that catalogue writes them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import xor


@dataclass(frozen=True, slots=True)
class Crc:
    """A CRC by its parameters. `reflected` says that bits go in and come out lowest first."""

    width: int
    polynomial: int
    preset: int
    reflected: bool = False
    final_xor: int = 0

    def of(self, data: bytes) -> int:
        """The CRC of some bytes."""
        register = self.preset
        top = 1 << self.width - 1
        mask = (1 << self.width) - 1
        for byte in data:
            register ^= (_mirrored(byte, 8) if self.reflected else byte) << self.width - 8
            for _ in range(8):
                register = (register << 1 ^ self.polynomial if register & top else register << 1) & mask
        return (_mirrored(register, self.width) if self.reflected else register) ^ self.final_xor


def _mirrored(value: int, width: int) -> int:
    return int(f"{value:0{width}b}"[::-1], 2)


@dataclass(frozen=True, slots=True)
class Sum:
    """A check of `length` bytes that is reckoned from bytes."""

    length: int
    of: Callable[[bytes], int]


MAD_CRC = Crc(8, 0x1D, 0xC7)
"""CRC-8/MIFARE-MAD, NXP AN10787."""

_CRC_16: Mapping[str, Crc] = {
    "crc-16/arc": Crc(16, 0x8005, 0x0000, reflected=True),
    "crc-16/genibus": Crc(16, 0x1021, 0xFFFF, final_xor=0xFFFF),
    "crc-16/ibm-3740": Crc(16, 0x1021, 0xFFFF),
    "crc-16/ibm-sdlc": Crc(16, 0x1021, 0xFFFF, reflected=True, final_xor=0xFFFF),
    # The catalogue prints the preset as the register holds it, not as it is sent: C6C6, and not 6363.
    "crc-16/iso-iec-14443-3-a": Crc(16, 0x1021, 0xC6C6, reflected=True),
    "crc-16/kermit": Crc(16, 0x1021, 0x0000, reflected=True),
    "crc-16/mcrf4xx": Crc(16, 0x1021, 0xFFFF, reflected=True),
    "crc-16/modbus": Crc(16, 0x8005, 0xFFFF, reflected=True),
    "crc-16/spi-fujitsu": Crc(16, 0x1021, 0x1D0F),
    "crc-16/umts": Crc(16, 0x8005, 0x0000),
    "crc-16/usb": Crc(16, 0x8005, 0xFFFF, reflected=True, final_xor=0xFFFF),
    "crc-16/xmodem": Crc(16, 0x1021, 0x0000),
}

_CRC_8: Mapping[str, Crc] = {
    "crc-8/mifare-mad": MAD_CRC,
    "crc-8/maxim-dow": Crc(8, 0x31, 0x00, reflected=True),
    "crc-8/smbus": Crc(8, 0x07, 0x00),
}

ALIASES: Mapping[str, str] = {
    "crc-16/ccitt-false": "crc-16/ibm-3740",
    "crc-16/x-25": "crc-16/ibm-sdlc",
    "crc-16/ccitt": "crc-16/kermit",
    "crc-16/aug-ccitt": "crc-16/spi-fujitsu",
    "crc-16/buypass": "crc-16/umts",
    "crc-a": "crc-16/iso-iec-14443-3-a",
    "crc-b": "crc-16/ibm-sdlc",
}


def _xor(data: bytes) -> int:
    return reduce(xor, data, 0)


def _lrc(data: bytes) -> int:
    """What brings the sum of all bytes, itself included, to a multiple of 256 (ISO 1155)."""
    return -sum(data) & 0xFF


SUMS: Mapping[str, Sum] = {
    **{name: Sum(2, crc.of) for name, crc in _CRC_16.items()},
    **{name: Sum(1, crc.of) for name, crc in _CRC_8.items()},
    **{alias: Sum(2, _CRC_16[name].of) for alias, name in ALIASES.items()},
    "xor": Sum(1, _xor),
    "lrc": Sum(1, _lrc),
}
"""Checks over bytes, by their name in a profile."""


def _modulo_10(digits: Sequence[int]) -> bool:
    """ISO/IEC 7812-1 annex B, "Luhn": every second digit from the right counts twice, across its own digits."""
    total = sum(digit if turn % 2 == 0 else sum(divmod(2 * digit, 10)) for turn, digit in enumerate(reversed(digits)))
    return total % 10 == 0


def _modulo_11(digits: Sequence[int]) -> bool:
    """Weights 2 to 7 from the right and again, as in Norwegian organisation and account numbers. A remainder that
    would need the digit ten makes no number."""
    total = sum(digit * (1 if turn == 0 else 2 + (turn - 1) % 6) for turn, digit in enumerate(reversed(digits)))
    return total % 11 == 0


DIGIT_CHECKS: Mapping[str, Callable[[Sequence[int]], bool]] = {"modulo-10": _modulo_10, "modulo-11": _modulo_11}
"""Checks over the digits of one field, whose last digit is the check, by their name in a profile."""


def digits_hold(kind: str, text: str) -> bool:
    """Whether a number's last digit is the check digit of the others; one of other characters has none."""
    return text.isascii() and text.isdigit() and DIGIT_CHECKS[kind]([int(digit) for digit in text])
