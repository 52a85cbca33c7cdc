"""What stands on a card when it is issued: data, directory and trailers, sector by sector. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from gate.errors import CodingError
from gate.reader import mad
from gate.reader.coding import Coding
from gate.reader.contents import encode
from gate.reader.encodings import Value
from gate.reader.mifare import (
    DIRECTORY_KEY,
    FACTORY_USER_BYTE,
    ISSUED_ACCESS,
    TRANSPORT_KEY,
    Key,
    Keys,
    KeyType,
    sector_of,
    trailer,
)


@dataclass(frozen=True, slots=True, repr=False)
class SectorSheet:
    """One sector as it is to be: its data blocks, and how it opens afterwards."""

    sector: int
    blocks: Mapping[int, bytes]
    key_a: Key
    key_b: Key
    user_byte: int = FACTORY_USER_BYTE

    @property
    def trailer(self) -> bytes:
        """Closed as an issuer closes it: both keys read, key B alone writes."""
        return trailer(self.key_a, ISSUED_ACCESS, self.key_b, self.user_byte)

    def __repr__(self) -> str:
        return f"SectorSheet({self.sector}, blocks {sorted(self.blocks)})"


def sheets(coding: Coding, keys: Keys, fields: Mapping[str, Value]) -> tuple[SectorSheet, ...]:
    """The sectors of a card with these fields; the directory last, so that it never promises too much.

    Raises CodingError: a field that does not fit, a key that is missing, a profile that has no sectors.
    """
    if coding.by_uid:
        raise CodingError(f"{coding.name}: this scheme goes by the serial number, which nobody can write")
    blocks = encode(coding, fields)
    found = []
    for opening in coding.openings:
        first = _key(keys, opening.key)
        second = TRANSPORT_KEY if opening.write_key is None else _key(keys, opening.write_key)
        key_a, key_b = (first, second) if opening.key_type is KeyType.A else (second, first)
        own = {block: content for block, content in blocks.items() if sector_of(block) == opening.sector}
        found.append(SectorSheet(opening.sector, own, key_a, key_b))
    return (*found, *_directory(coding, keys))


def _directory(coding: Coding, keys: Keys) -> list[SectorSheet]:
    if not coding.directed:
        return []
    applications = {
        sector: area.application
        for area in coding.profile.areas
        if area.application is not None
        for sector in coding.sectors[area.name]
    }
    parts = mad.parts_for(opening.sector for opening in coding.openings)
    version = parts[-1].version
    found = []
    for part in reversed(parts):
        # AN10787: sector 0's trailer says which directory there is; that of sector 16 has no such byte.
        user_byte = mad.GENERAL_PURPOSE_BYTE[version] if part.version == 1 else 0x00
        blocks = mad.write_part(part, applications)
        found.append(SectorSheet(part.sector, blocks, DIRECTORY_KEY, _directory_key_b(coding, keys), user_byte))
    return found


def _directory_key_b(coding: Coding, keys: Keys) -> Key:
    """Who may write an area may write the directory; without such a key the factory's."""
    writers = [area.write_key for area in coding.profile.areas if area.application is not None and area.write_key]
    return _key(keys, writers[0]) if writers else TRANSPORT_KEY


def _key(keys: Keys, name: str) -> Key:
    try:
        return keys[name]
    except KeyError:
        raise CodingError(f"the key file has no key {name!r}, which making a card needs") from None
