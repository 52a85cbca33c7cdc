"""The commands by which a PC/SC reader speaks to a memory card. Pure.

Pseudo-APDUs of PC/SC 2.01 part 3, supplemental document for contactless storage cards: class FF is
answered by the reader, which talks MIFARE to the card. An answer is data, then the status SW1 SW2.
"""

from dataclasses import dataclass

from gate.reader.mifare import BLOCK_BYTES, KEY_BYTES, Key, KeyType

CLASS = 0xFF
GET_DATA = 0xCA
LOAD_KEYS = 0x82
GENERAL_AUTHENTICATE = 0x86
READ_BINARY = 0xB0
UPDATE_BINARY = 0xD6

OK = 0x9000

ATR_CLASSIC_4K = bytes.fromhex("3B8F8001804F0CA0000003060300020000000069")
"""What PC/SC says in place of a memory card's own answer: RID A000000306, standard 03, card name 0002.
The last byte is the exclusive or of all but the first."""

_STORAGE_CARD = bytes.fromhex("4F0CA000000306")
_CARD_NAMES = {0x0001: "MIFARE Classic 1K", 0x0002: "MIFARE Classic 4K", 0x0003: "MIFARE Ultralight"}

_MEANINGS = {
    0x6300: "the card refused or did not answer",
    0x6581: "the memory failed",
    0x6700: "wrong length",
    0x6800: "the class byte is not served",
    0x6981: "the command does not fit this card",
    0x6982: "no sector is open, or not this one",
    0x6983: "the key cannot be used for this",
    0x6984: "the key's reference is not valid",
    0x6986: "the command is not allowed now",
    0x6988: "the key is not in the reader",
    0x6989: "the key has the wrong length",
    0x6A81: "the function is not served",
    0x6A82: "there is no such block",
    0x6B00: "wrong parameters",
    0x6D00: "the command is not known",
    0x6E00: "the class is not known",
}

# What says "not with this key" or "not this block" rather than "something went wrong".
_REFUSALS = frozenset({0x6300, 0x6982, 0x6986, 0x6A82})


@dataclass(frozen=True, slots=True)
class Answer:
    """A reader's answer: `data`, and its status as one number of 16 bits."""

    data: bytes
    status: int

    @classmethod
    def from_bytes(cls, raw: bytes) -> "Answer | None":
        """Split an answer. None when it is too short to hold a status."""
        if len(raw) < 2:
            return None
        return cls(raw[:-2], int.from_bytes(raw[-2:], "big"))

    @property
    def ok(self) -> bool:
        """Whether the command was carried out."""
        return self.status == OK

    @property
    def refused(self) -> bool:
        """Whether the card said no, as far as a status can tell it from a card that left."""
        return self.status in _REFUSALS

    @property
    def meaning(self) -> str:
        """The status in words, with its number."""
        if self.ok:
            return "done (9000)"
        known = _MEANINGS.get(self.status, "not in PC/SC part 3")
        return f"{known} ({self.status:04X})"


def get_uid() -> bytes:
    """Ask for the card's serial number."""
    return bytes((CLASS, GET_DATA, 0x00, 0x00, 0x00))


def load_key(structure: int, slot: int, key: Key) -> bytes:
    """Put a key into one of the reader's own slots; `structure` is 00 volatile, 20 non-volatile."""
    return bytes((CLASS, LOAD_KEYS, structure, slot, KEY_BYTES)) + key


def authenticate(block: int, key_type: KeyType, slot: int) -> bytes:
    """Open the sector of a block with the key in a slot."""
    return bytes((CLASS, GENERAL_AUTHENTICATE, 0x00, 0x00, 0x05, 0x01, 0x00, block, key_type, slot))


def read_block(block: int) -> bytes:
    """Read the 16 bytes of a block."""
    return bytes((CLASS, READ_BINARY, 0x00, block, BLOCK_BYTES))


def write_block(block: int, content: bytes) -> bytes:
    """Write the 16 bytes of a block."""
    return bytes((CLASS, UPDATE_BINARY, 0x00, block, BLOCK_BYTES)) + content


def card_name(atr: bytes) -> str | None:
    """Which memory card an ATR stands for; None when it is not one, or one without a name here."""
    place = atr.find(_STORAGE_CARD)
    if place < 0 or len(atr) < place + 10:
        return None
    return _CARD_NAMES.get(int.from_bytes(atr[place + 8 : place + 10], "big"))
