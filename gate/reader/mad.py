"""The MIFARE Application Directory: which sectors belong to which application. Pure.

NXP AN10787. MAD1 stands in sector 0, blocks 1 and 2, and tells of sectors 1 to 15; MAD2 stands in sector
16, blocks 64 to 66, and tells of sectors 17 to 39. Each begins with a CRC-8 over the rest of it, then an
information byte, then two bytes for each sector, the application code before the function cluster code.

    CRC · info · sector 1 · sector 2 · … · sector 7  |  sector 8 · … · sector 15
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gate.model import Unreadable
from gate.reader.checks import MAD_CRC
from gate.reader.mifare import BLOCK_BYTES

CHECK = "CRC-8/MIFARE-MAD"

_ADMINISTRATIVE = {0x0000: "free", 0x0001: "defect", 0x0002: "reserved", 0x0003: "further directory data",
                   0x0004: "card holder's data", 0x0005: "not there"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Part:
    """One of the two directories: where it stands and of which sectors it tells."""

    version: int
    sector: int
    blocks: tuple[int, ...]
    tells_of: range


PARTS = (Part(1, 0, (1, 2), range(1, 16)), Part(2, 16, (64, 65, 66), range(17, 40)))

GENERAL_PURPOSE_BYTE = {1: 0xC1, 2: 0xC2}
"""The user byte of sector 0's trailer, by the directory's version: a directory is there, several applications."""

FIRST_APPLICATION = 0x0006
"""Ids below it are for the directory's own use."""


def part_of(sector: int) -> Part:
    """The directory that stands in a sector. Raises KeyError for any other sector."""
    return {part.sector: part for part in PARTS}[sector]


def read_part(part: Part, blocks: Mapping[int, bytes]) -> dict[int, int] | Unreadable:
    """The application id of each sector that one directory tells of."""
    raw = b"".join(blocks.get(block, b"") for block in part.blocks)
    first = part.blocks[0]
    if len(raw) != len(part.blocks) * BLOCK_BYTES:
        return Unreadable(f"the directory MAD{part.version} could not be read", first)
    if not raw.strip(b"\x00") or not raw.strip(b"\xff"):
        return Unreadable(f"the card has no directory MAD{part.version}", first)
    if MAD_CRC.of(raw[1:]) != raw[0]:
        return Unreadable(f"the check {CHECK} of the directory MAD{part.version} does not hold", first)
    return {
        sector: int.from_bytes(raw[2 + 2 * turn : 4 + 2 * turn], "little") for turn, sector in enumerate(part.tells_of)
    }


def write_part(part: Part, applications: Mapping[int, int]) -> dict[int, bytes]:
    """The blocks of one directory; sectors that are left out are free."""
    entries = b"".join(applications.get(sector, 0).to_bytes(2, "little") for sector in part.tells_of)
    # The information byte names the card publisher's sector; 0 names none.
    body = b"\x00" + entries
    raw = bytes((MAD_CRC.of(body),)) + body
    return {block: raw[turn * BLOCK_BYTES :][:BLOCK_BYTES] for turn, block in enumerate(part.blocks)}


def sectors_of(application: int, entries: Mapping[int, int]) -> tuple[int, ...]:
    """The sectors of an application, in their order on the card."""
    return tuple(sorted(sector for sector, found in entries.items() if found == application))


def parts_for(sectors: Iterable[int]) -> tuple[Part, ...]:
    """The directories that a card needs to tell of these sectors. MAD2 never stands without MAD1."""
    return PARTS if any(sector >= PARTS[1].sector for sector in sectors) else PARTS[:1]


def application_name(application: int) -> str:
    """An id as it is written: function cluster, then application, or what an administrative one means."""
    return _ADMINISTRATIVE.get(application, f"0x{application:04X}")
