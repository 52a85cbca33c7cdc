"""Signs that a card has been copied. Pure.

CRYPTO1 is broken: whoever has held a card for a minute may own two of it. What a gate can see is that
the same card number comes from another chip than before. Nobody is refused for it: a copy of the serial
number is as easy as a copy of the rest, and a worker with a new chip under an old number is no thief.
"""

from gate.model import CardHistory, CardReading, Medium

_RANDOM_UID = 0x08
"""The first byte of a 4-byte serial number that the chip makes up for each showing (ISO/IEC 14443-3)."""


def tells_chips_apart(uid: bytes) -> bool:
    """Whether a serial number is the chip's own."""
    return bool(uid) and not (len(uid) == 4 and uid[0] == _RANDOM_UID)


def chip_of(reading: CardReading) -> bytes:
    """The serial number of the chip that the card's number was read from; empty where there is none."""
    return reading.uid if reading.medium is Medium.CHIP and tells_chips_apart(reading.uid) else b""


def another_chip(reading: CardReading, history: CardHistory) -> bytes | None:
    """The chip that held this card's number before, when it was another one."""
    chip, before = chip_of(reading), history.last_chip
    return before.uid if chip and before is not None and before.uid != chip else None
