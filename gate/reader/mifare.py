"""The memory of a MIFARE Classic 4K, and who may do what in it. Pure.

Decides from the access bits alone, by the tables of NXP MF1S70yyX (rev. 3.2, §8.7). Knows no layout:
where a scheme keeps its fields is a coding profile's matter (`coding.py`).

    sectors  0-31    4 blocks each    blocks   0-127
    sectors 32-39   16 blocks each    blocks 128-255

A block is 16 bytes. The last block of a sector is its trailer: key A (6), access bits (3), a user
byte, key B (6). Block 0 is the manufacturer's and can never be written.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum, unique
from typing import TypeAlias

BLOCK_BYTES = 16
BLOCK_COUNT = 256
SECTOR_COUNT = 40
IMAGE_BYTES = BLOCK_COUNT * BLOCK_BYTES
KEY_BYTES = 6
MANUFACTURER_BLOCK = 0

_SMALL_SECTORS = 32
_SMALL_BLOCKS = 4
_LARGE_BLOCKS = 16
_FIRST_LARGE_BLOCK = _SMALL_SECTORS * _SMALL_BLOCKS

ATQA_4_BYTE_UID = b"\x02\x00"
ATQA_7_BYTE_UID = b"\x42\x00"
"""As on the wire and in dumps: least significant byte first."""
SAK = 0x18

TRAILER_GROUP = 3
"""The group number of the trailer; groups 0 to 2 hold data."""


@unique
class KeyType(IntEnum):
    """Which of a sector's two keys; the value is the command byte on the air and in PC/SC."""

    A = 0x60
    B = 0x61


class Key(bytes):
    """Six bytes that never show themselves: not in a repr, a log line, or an f-string."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "<key>"

    __str__ = __repr__


Keys: TypeAlias = Mapping[str, Key]
"""Keys by the name that coding profiles call them."""

TRANSPORT_KEY = Key(b"\xff" * KEY_BYTES)
"""What a card from the factory opens with; published by NXP."""

DIRECTORY_KEY = Key(bytes.fromhex("A0A1A2A3A4A5"))
"""Key A of the sectors with the application directory; published by NXP (AN10787) so that all can read it."""

PUBLISHED_KEYS: Keys = {"factory": TRANSPORT_KEY, "mad": DIRECTORY_KEY}
"""Keys that a profile may name without a key file. A key file's own go before them."""


def sector_of(block: int) -> int:
    """The sector that a block (0 to 255) stands in. Raises ValueError outside the card."""
    if not 0 <= block < BLOCK_COUNT:
        raise ValueError(f"block {block} is not on a 4K card: blocks go from 0 to {BLOCK_COUNT - 1}")
    if block < _FIRST_LARGE_BLOCK:
        return block // _SMALL_BLOCKS
    return _SMALL_SECTORS + (block - _FIRST_LARGE_BLOCK) // _LARGE_BLOCKS


def blocks_of(sector: int) -> range:
    """All blocks of a sector (0 to 39), its trailer last. Raises ValueError outside the card."""
    if not 0 <= sector < SECTOR_COUNT:
        raise ValueError(f"sector {sector} is not on a 4K card: sectors go from 0 to {SECTOR_COUNT - 1}")
    if sector < _SMALL_SECTORS:
        return range(sector * _SMALL_BLOCKS, (sector + 1) * _SMALL_BLOCKS)
    first = _FIRST_LARGE_BLOCK + (sector - _SMALL_SECTORS) * _LARGE_BLOCKS
    return range(first, first + _LARGE_BLOCKS)


def trailer_of(sector: int) -> int:
    """The block that holds a sector's keys and access bits."""
    return blocks_of(sector)[-1]


def data_blocks(sector: int) -> range:
    """The blocks of a sector that can hold data: neither its trailer nor the manufacturer's block."""
    blocks = blocks_of(sector)[:-1]
    return blocks[1:] if sector == 0 else blocks


def is_trailer(block: int) -> bool:
    """Whether a block holds keys and access bits."""
    return block == trailer_of(sector_of(block))


def group_of(block: int) -> int:
    """Which of its sector's four access conditions governs a block.

    In a small sector each block has its own; in a large one, five data blocks share one.
    """
    blocks = blocks_of(sector_of(block))
    place = block - blocks[0]
    if place == len(blocks) - 1:
        return TRAILER_GROUP
    return place if len(blocks) == _SMALL_BLOCKS else place // 5


Condition: TypeAlias = int
"""An access condition: the bits C1 C2 C3 as one number from 0b000 to 0b111, C1 the highest."""

_A = frozenset({KeyType.A})
_B = frozenset({KeyType.B})
_AB = _A | _B
_NEVER: frozenset[KeyType] = frozenset()


@dataclass(frozen=True, slots=True)
class DataRights:
    """Which keys may read and write a data block."""

    read: frozenset[KeyType]
    write: frozenset[KeyType]


@dataclass(frozen=True, slots=True)
class TrailerRights:
    """Which keys may touch the parts of a trailer. Key A can never be read."""

    write_key_a: frozenset[KeyType]
    read_access: frozenset[KeyType]
    write_access: frozenset[KeyType]
    read_key_b: frozenset[KeyType]
    write_key_b: frozenset[KeyType]


# MF1S70yyX table 8. Increment and decrement are left out: no card scheme we know keeps a purse.
DATA_RIGHTS: Sequence[DataRights] = (
    DataRights(read=_AB, write=_AB),  # 000 transport
    DataRights(read=_AB, write=_NEVER),  # 001
    DataRights(read=_AB, write=_NEVER),  # 010
    DataRights(read=_B, write=_B),  # 011
    DataRights(read=_AB, write=_B),  # 100
    DataRights(read=_B, write=_NEVER),  # 101
    DataRights(read=_AB, write=_B),  # 110
    DataRights(read=_NEVER, write=_NEVER),  # 111
)

# MF1S70yyX table 7, in its column order: write A, read access, write access, read B, write B.
TRAILER_RIGHTS: Sequence[TrailerRights] = (
    TrailerRights(_A, _A, _NEVER, _A, _A),  # 000
    TrailerRights(_A, _A, _A, _A, _A),  # 001 transport
    TrailerRights(_NEVER, _A, _NEVER, _A, _NEVER),  # 010
    TrailerRights(_B, _AB, _B, _NEVER, _B),  # 011
    TrailerRights(_B, _AB, _NEVER, _NEVER, _B),  # 100
    TrailerRights(_NEVER, _AB, _B, _NEVER, _NEVER),  # 101
    TrailerRights(_NEVER, _AB, _NEVER, _NEVER, _NEVER),  # 110
    TrailerRights(_NEVER, _AB, _NEVER, _NEVER, _NEVER),  # 111
)


@dataclass(frozen=True, slots=True)
class Access:
    """The access conditions of one sector: three data groups, then the trailer."""

    conditions: tuple[Condition, Condition, Condition, Condition]

    @classmethod
    def from_bytes(cls, raw: bytes) -> "Access | None":
        """Decode bytes 6 to 8 of a trailer; a ninth, the user byte, may follow and is not looked at.

        None when a bit disagrees with its inverted copy: a real card locks such a sector for good.
        Raises ValueError when there are fewer than three bytes.
        """
        if len(raw) < 3:
            raise ValueError(f"access bits are 3 bytes, not {len(raw)}")
        c1, not_c1 = raw[1] >> 4, raw[0] & 0x0F
        c2, not_c2 = raw[2] & 0x0F, raw[0] >> 4
        c3, not_c3 = raw[2] >> 4, raw[1] & 0x0F
        if (c1 ^ not_c1, c2 ^ not_c2, c3 ^ not_c3) != (0x0F, 0x0F, 0x0F):
            return None
        first, second, third, trailer = (
            (c1 >> group & 1) << 2 | (c2 >> group & 1) << 1 | (c3 >> group & 1) for group in range(4)
        )
        return cls((first, second, third, trailer))

    def to_bytes(self, user_byte: int = 0x69) -> bytes:
        """The four bytes of a trailer between its keys. 0x69 is what the factory writes as user byte."""
        c1 = c2 = c3 = 0
        for group, condition in enumerate(self.conditions):
            c1 |= (condition >> 2 & 1) << group
            c2 |= (condition >> 1 & 1) << group
            c3 |= (condition & 1) << group
        return bytes(((~c2 & 0x0F) << 4 | ~c1 & 0x0F, c1 << 4 | ~c3 & 0x0F, c3 << 4 | c2, user_byte))

    @property
    def key_b_is_data(self) -> bool:
        """Whether key B can be read, and so is no key: the card refuses all access after it (table 7, note 1)."""
        return bool(self.trailer_rights.read_key_b)

    @property
    def trailer_rights(self) -> TrailerRights:
        """What the keys may do with the trailer."""
        return TRAILER_RIGHTS[self.conditions[TRAILER_GROUP]]

    def may_read(self, block: int, key_type: KeyType) -> bool:
        """Whether a block may be read after authentication with this key.

        A trailer counts as readable when its access bits are: its keys then read as zeros.
        """
        return self.holds(key_type, self._rights(block)[0])

    def may_write(self, block: int, key_type: KeyType) -> bool:
        """Whether a block may be written; a trailer, whether any part of it may be."""
        return block != MANUFACTURER_BLOCK and self.holds(key_type, self._rights(block)[1])

    def holds(self, key_type: KeyType, allowed: frozenset[KeyType]) -> bool:
        """Whether this key is among the allowed, and is a key at all in this sector."""
        if key_type is KeyType.B and self.key_b_is_data:
            return False
        return key_type in allowed

    def _rights(self, block: int) -> tuple[frozenset[KeyType], frozenset[KeyType]]:
        group = group_of(block)
        if group == TRAILER_GROUP:
            rights = self.trailer_rights
            return rights.read_access, rights.write_key_a | rights.write_access | rights.write_key_b
        return DATA_RIGHTS[self.conditions[group]].read, DATA_RIGHTS[self.conditions[group]].write


TRANSPORT_ACCESS = Access((0b000, 0b000, 0b000, 0b001))
"""As delivered by the factory: FF 07 80 69, everything with key A."""

ISSUED_ACCESS = Access((0b100, 0b100, 0b100, 0b011))
"""As an issuer leaves a sector: both keys read, key B alone writes, and neither key can be read back."""


FACTORY_USER_BYTE = 0x69


def trailer(key_a: bytes, access: Access, key_b: bytes, user_byte: int = FACTORY_USER_BYTE) -> bytes:
    """The 16 bytes of a sector trailer."""
    return key_a + access.to_bytes(user_byte) + key_b
