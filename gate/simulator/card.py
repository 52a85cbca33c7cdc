"""A MIFARE Classic 4K that is not there: memory, keys, access bits and authentication as on the chip.

For the demo, training and tests. Not modelled: CRYPTO1 itself, timing, and the value commands
(increment, decrement, restore, transfer), which no card scheme we know uses.
"""

from collections.abc import Mapping
from pathlib import Path

from gate.errors import CardImageError
from gate.reader.coding import Coding
from gate.reader.encodings import Value
from gate.reader.mifare import (
    ATQA_4_BYTE_UID,
    ATQA_7_BYTE_UID,
    BLOCK_BYTES,
    IMAGE_BYTES,
    KEY_BYTES,
    SAK,
    SECTOR_COUNT,
    TRANSPORT_ACCESS,
    TRANSPORT_KEY,
    Access,
    Keys,
    KeyType,
    is_trailer,
    sector_of,
    trailer,
    trailer_of,
)
from gate.reader.sheet import sheets

_ZERO_KEY = bytes(KEY_BYTES)


class VirtualCard:
    """One card. Not for two threads at once: like the real one, it is in one field at a time.

    A refusal ends the authentication, as on the chip. A sector whose access bits disagree with their
    inverted copies is locked for good.
    """

    def __init__(self, image: bytes) -> None:
        """From the usual dump of 4,096 bytes, block after block. Raises CardImageError."""
        if len(image) != IMAGE_BYTES:
            hint = "; that is a MIFARE Classic 1K, gates read the 4K" if len(image) == 1024 else ""
            raise CardImageError(f"a card dump is {IMAGE_BYTES} bytes, not {len(image)}{hint}")
        self._memory = bytearray(image)
        self.uid = _uid_of(image[:BLOCK_BYTES])
        """4 or 7 bytes, as on the wire."""
        self._open: tuple[int, KeyType] | None = None

    @classmethod
    def fresh(cls, uid: bytes) -> "VirtualCard":
        """A card as the factory delivers it. Raises CardImageError when the UID is not 4 or 7 bytes."""
        memory = bytearray(IMAGE_BYTES)
        memory[:BLOCK_BYTES] = _manufacturer_block(uid)
        for sector in range(SECTOR_COUNT):
            start = trailer_of(sector) * BLOCK_BYTES
            memory[start : start + BLOCK_BYTES] = trailer(TRANSPORT_KEY, TRANSPORT_ACCESS, TRANSPORT_KEY)
        return cls(bytes(memory))

    @property
    def atqa(self) -> bytes:
        """The answer to REQA, two bytes, least significant first."""
        return ATQA_4_BYTE_UID if len(self.uid) == 4 else ATQA_7_BYTE_UID

    @property
    def sak(self) -> int:
        """The answer to SELECT."""
        return SAK

    @property
    def image(self) -> bytes:
        """The whole memory, keys and all, as a dump of 4,096 bytes."""
        return bytes(self._memory)

    def __repr__(self) -> str:
        return f"VirtualCard(uid={self.uid.hex()})"

    def select(self) -> None:
        """Enter a field, or be woken again in it: no sector is open."""
        self._open = None

    def authenticate(self, block: int, key_type: KeyType, key: bytes) -> bool:
        """Open the sector that a block stands in. False: wrong key, or a locked sector."""
        self._open = None
        sector = sector_of(block)
        stored = self._block(trailer_of(sector))
        expected = stored[:KEY_BYTES] if key_type is KeyType.A else stored[-KEY_BYTES:]
        if key != expected or self._access(sector) is None:
            return False
        self._open = (sector, key_type)
        return True

    def read(self, block: int) -> bytes | None:
        """The 16 bytes of a block. None: the card refuses. Keys that may not be read are zeros."""
        access = self._opened(block)
        if access is None or self._open is None or not access.may_read(block, self._open[1]):
            self._open = None
            return None
        content = self._block(block)
        if not is_trailer(block):
            return content
        shown = access.holds(self._open[1], access.trailer_rights.read_key_b)
        return _ZERO_KEY + content[KEY_BYTES:-KEY_BYTES] + (content[-KEY_BYTES:] if shown else _ZERO_KEY)

    def write(self, block: int, content: bytes) -> bool:
        """Write the 16 bytes of a block. False: the card refuses.

        Of a trailer, the parts that this key may not write keep what they hold.
        """
        if len(content) != BLOCK_BYTES:
            raise ValueError(f"a block is {BLOCK_BYTES} bytes, not {len(content)}")
        access = self._opened(block)
        if access is None or self._open is None or not access.may_write(block, self._open[1]):
            self._open = None
            return False
        if is_trailer(block):
            content = self._merge_trailer(self._block(block), content, access, self._open[1])
        self._memory[block * BLOCK_BYTES : (block + 1) * BLOCK_BYTES] = content
        return True

    def _merge_trailer(self, old: bytes, new: bytes, access: Access, key_type: KeyType) -> bytes:
        rights = access.trailer_rights
        key_a = new if access.holds(key_type, rights.write_key_a) else old
        bits = new if access.holds(key_type, rights.write_access) else old
        key_b = new if access.holds(key_type, rights.write_key_b) else old
        return key_a[:KEY_BYTES] + bits[KEY_BYTES:-KEY_BYTES] + key_b[-KEY_BYTES:]

    def _opened(self, block: int) -> Access | None:
        """The access conditions of a block's sector, if that sector is the open one."""
        sector = sector_of(block)
        return self._access(sector) if self._open is not None and self._open[0] == sector else None

    def _access(self, sector: int) -> Access | None:
        return Access.from_bytes(self._block(trailer_of(sector))[KEY_BYTES:-KEY_BYTES])

    def _block(self, block: int) -> bytes:
        return bytes(self._memory[block * BLOCK_BYTES : (block + 1) * BLOCK_BYTES])


def load_card(path: Path) -> VirtualCard:
    """A card from a dump. Raises CardImageError, which names the file."""
    try:
        return VirtualCard(path.read_bytes())
    except OSError as missing:
        raise CardImageError(f"{path}: cannot be read ({missing.strerror})") from missing
    except CardImageError as wrong:
        raise CardImageError(f"{path}: {wrong}") from wrong


def save_card(card: VirtualCard, path: Path) -> None:
    """Write a card's dump. Raises CardImageError, which names the file."""
    try:
        path.write_bytes(card.image)
    except OSError as wrong:
        raise CardImageError(f"{path}: cannot be written ({wrong.strerror})") from wrong


def make_card(coding: Coding, keys: Keys, fields: Mapping[str, Value], uid: bytes) -> VirtualCard:
    """A fresh card, coded and closed as an issuer would: sectors in use open with the profile's keys only.

    Raises CodingError (a field that does not fit, a key that is missing), CardImageError (UID).
    """
    card = VirtualCard.fresh(uid)
    for sheet in sheets(coding, keys, fields):
        card.authenticate(trailer_of(sheet.sector), KeyType.A, TRANSPORT_KEY)
        for block, content in sheet.blocks.items():
            card.write(block, content)
        card.write(trailer_of(sheet.sector), sheet.trailer)
    card.select()
    return card


def _manufacturer_block(uid: bytes) -> bytes:
    if len(uid) == 4:
        check = uid[0] ^ uid[1] ^ uid[2] ^ uid[3]
        start = uid + bytes((check, SAK)) + ATQA_4_BYTE_UID
    elif len(uid) == 7:
        start = uid + bytes((SAK,)) + ATQA_7_BYTE_UID
    else:
        raise CardImageError(f"a UID is 4 or 7 bytes, not {len(uid)}")
    return start.ljust(BLOCK_BYTES, b"\x00")


def _uid_of(block: bytes) -> bytes:
    """The UID in a manufacturer block. The ATQA tells a long one; a short one has its check byte."""
    if block[8:10] == ATQA_7_BYTE_UID and block[7] & SAK == SAK:
        return block[:7]
    if block[0] ^ block[1] ^ block[2] ^ block[3] == block[4]:
        return block[:4]
    raise CardImageError("block 0 holds neither a 4-byte UID with its check byte nor a 7-byte UID")
