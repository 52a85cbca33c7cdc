"""What a dump holds, looked at by a coding: for whoever wonders why a card does not read. Pure.

Works on the bytes alone, so that a card that no gate would read is explained as well: half a dump, keys
that are not ours, access bits that contradict themselves, a directory that is damaged.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from gate.errors import CardImageError
from gate.model import CardContents, Unreadable
from gate.reader import mad
from gate.reader.coding import Coding
from gate.reader.contents import Examination, decode, decode_uid, examine
from gate.reader.language import bytes_of
from gate.reader.mifare import (
    ATQA_7_BYTE_UID,
    BLOCK_BYTES,
    IMAGE_BYTES,
    KEY_BYTES,
    PUBLISHED_KEYS,
    SAK,
    TRAILER_GROUP,
    TRAILER_RIGHTS,
    Access,
    Keys,
    KeyType,
    blocks_of,
    data_blocks,
    sector_of,
    trailer_of,
)

SIZES = {1024: "MIFARE Classic 1K", IMAGE_BYTES: "MIFARE Classic 4K"}

_READERS = {frozenset(): "nobody", frozenset({KeyType.A}): "A", frozenset({KeyType.B}): "B"}


@dataclass(frozen=True, slots=True)
class SectorLook:
    """One sector. Keys by name where they are known, never by their bytes; `used` data blocks are not blank."""

    sector: int
    application: str
    used: int
    key_a: str
    key_b: str
    access: str


@dataclass(frozen=True, slots=True)
class CodingLook:
    """The dump by one coding. `located` is None when the card's directory does not place its fields."""

    name: str
    scheme: str
    located: Coding | None
    found: Examination
    result: CardContents | Unreadable


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything that can be said of a dump."""

    kind: str
    serial: str
    directories: tuple[str, ...]
    sectors: tuple[SectorLook, ...]
    codings: tuple[CodingLook, ...]
    blocks: Mapping[int, bytes]


def explain(image: bytes, codings: Sequence[Coding], keys: Keys) -> Explanation:
    """Look at a dump of 1,024 or 4,096 bytes. Raises CardImageError for any other size."""
    if len(image) not in SIZES:
        sizes = " or ".join(f"{size:,}" for size in SIZES)
        raise CardImageError(f"a dump of a MIFARE Classic has {sizes} bytes, not {len(image):,}")
    blocks = {
        number: image[number * BLOCK_BYTES : (number + 1) * BLOCK_BYTES] for number in range(len(image) // BLOCK_BYTES)
    }
    entries, directories = _directories(blocks)
    sectors = range(sector_of(max(blocks)) + 1)
    uid = _uid(blocks[0])
    return Explanation(
        kind=SIZES[len(image)],
        serial=_serial(blocks[0]),
        directories=directories,
        sectors=tuple(_sector(sector, blocks, entries, {**PUBLISHED_KEYS, **keys}) for sector in sectors),
        codings=tuple(_by_coding(coding, blocks, entries, uid) for coding in codings),
        blocks=blocks,
    )


# --- the card itself -------------------------------------------------------------------------------------


def _uid(block: bytes) -> bytes:
    """The serial number in a manufacturer block: a long one has its ATQA behind it, a short one its check byte."""
    long = block[8:10] == ATQA_7_BYTE_UID and block[7] & SAK == SAK
    return block[:7] if long else block[:4]


def _serial(block: bytes) -> str:
    uid = _uid(block)
    text = uid.hex(" ").upper()
    if len(uid) == 7:
        return f"{text}, SAK {block[7]:02X}, ATQA {block[8:10].hex(' ').upper()}"
    check = block[0] ^ block[1] ^ block[2] ^ block[3]
    right = "right" if check == block[4] else f"WRONG, {check:02X} would be right: a reader does not see this card"
    return f"{text}, SAK {block[5]:02X}, ATQA {block[6:8].hex(' ').upper()}, check byte {block[4]:02X} {right}"


def _directories(blocks: Mapping[int, bytes]) -> tuple[dict[int, int], tuple[str, ...]]:
    """The application of each sector, and a sentence for each directory."""
    entries: dict[int, int] = {}
    said = []
    for part in mad.PARTS:
        if part.blocks[0] not in blocks:
            continue
        found = mad.read_part(part, blocks)
        if isinstance(found, Unreadable):
            said.append(found.what)
            continue
        entries |= found
        given = sum(application >= mad.FIRST_APPLICATION for application in found.values())
        said.append(f"MAD{part.version} is whole: {given} of {len(found)} sectors are given to an application")
    return entries, tuple(said)


def _sector(sector: int, blocks: Mapping[int, bytes], entries: Mapping[int, int], keys: Keys) -> SectorLook:
    end = blocks[trailer_of(sector)]
    access = Access.from_bytes(end[KEY_BYTES:-KEY_BYTES])
    blank = (bytes(BLOCK_BYTES), b"\xff" * BLOCK_BYTES)
    if access is None:
        words = "LOCKED FOR GOOD: the access bits contradict their copies"
        key_b = "-"
    else:
        words = _access_words(access, sector)
        key_b = "is data" if access.key_b_is_data and end[-KEY_BYTES:] not in keys.values() else _key(end, keys, -6)
    directory = next((f"MAD{part.version}" for part in mad.PARTS if part.sector == sector), None)
    application = mad.application_name(entries[sector]) if sector in entries else ""
    return SectorLook(
        sector=sector,
        application=directory if directory and entries else application,
        used=sum(blocks[block] not in blank for block in data_blocks(sector)),
        key_a=_key(end, keys, 0),
        key_b=key_b,
        access=words,
    )


def _key(end: bytes, keys: Keys, start: int) -> str:
    """A key's name. Zeros are what a reader shows in place of a key, so a dump with them lacks it."""
    key = end[start:][:KEY_BYTES]
    if key == bytes(KEY_BYTES):
        return "not in dump"
    return next((name for name, known in keys.items() if known == key), "unknown")


def _access_words(access: Access, sector: int) -> str:
    groups: dict[str, list[str]] = {}
    large = len(blocks_of(sector)) > 4
    for group in range(TRAILER_GROUP):
        first = blocks_of(sector)[group * 5 if large else group]
        readers = frozenset(key for key in KeyType if access.may_read(first, key))
        writers = frozenset(key for key in KeyType if access.may_write(first if first else 1, key))
        words = f"read {_READERS.get(readers, 'A B')}, write {_READERS.get(writers, 'A B')}"
        groups.setdefault(words, []).append(f"{group * 5}-{group * 5 + 4}" if large else str(group))
    if access.trailer_rights == TRAILER_RIGHTS[1]:
        keys = "; keys as from the factory"
    else:
        writers = frozenset(key for key in KeyType if access.holds(key, access.trailer_rights.write_key_a))
        keys = f"; keys by {_READERS.get(writers, 'A B')}"
    if len(groups) == 1:
        return next(iter(groups)) + keys
    return ", ".join(f"[{' '.join(which)}] {words}" for words, which in groups.items()) + keys


# --- by a coding -----------------------------------------------------------------------------------------


def _by_coding(coding: Coding, blocks: Mapping[int, bytes], entries: Mapping[int, int], uid: bytes) -> CodingLook:
    nothing = Examination((), ())
    if coding.by_uid:
        return CodingLook(coding.name, coding.scheme, None, nothing, decode_uid(coding, uid))
    located = coding.located(entries, complete=True) if coding.directed else coding
    if not isinstance(located, Coding):
        why = located or Unreadable("the card's directory does not say where its fields are", 1)
        return CodingLook(coding.name, coding.scheme, None, nothing, why)
    return CodingLook(coding.name, coding.scheme, located, examine(located, blocks), decode(located, blocks))


@dataclass(frozen=True, slots=True)
class Marked:
    """One block with a mark for each byte: a letter for a field, `#` for a check, None for nothing."""

    block: int
    content: bytes
    marks: tuple[str | None, ...]


def marked_blocks(look: CodingLook, blocks: Mapping[int, bytes]) -> tuple[Marked, ...]:
    """The blocks that a coding uses, each byte marked with what it became; fields are a, b, c in their order."""
    marks: dict[tuple[int, int], str] = {}
    for letter, field in zip(letters(), look.found.fields, strict=False):
        place = field.place
        marks |= dict.fromkeys(bytes_of(place.blocks, place.offset, place.length), letter)
    for check in look.located.checks if look.located else ():
        marks |= dict.fromkeys(check.stands, "#")
    used = sorted({block for block, _ in marks})
    return tuple(
        Marked(block, blocks.get(block, b""), tuple(marks.get((block, byte)) for byte in range(BLOCK_BYTES)))
        for block in used
    )


def letters() -> str:
    """The marks of fields, in their order."""
    return "abcdefgh"


def shown(value: object) -> str:
    """A field's value as text."""
    match value:
        case None:
            return "(empty)"
        case Unreadable(what=what):
            return what
        case date():
            return value.isoformat()
        case _:
            return str(value)
