"""The language of coding profiles, and what can be wrong with one. Pure.

`config/coding/demo.toml` is the documented example; `coding.py` compiles a profile into a plan.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Annotated

import msgspec

from gate.errors import CodingError
from gate.reader.encodings import ENCODINGS
from gate.reader.mifare import BLOCK_BYTES, SECTOR_COUNT, data_blocks
from portvakt.errors import SettingsError
from portvakt.settings import Settings, parse

FIELD_KINDS: Mapping[str, type[str] | type[date]] = {
    "card_number": str,
    "expiry_date": date,
    "organisation_number": str,
    "organisation_name": str,
    "first_name": str,
    "last_name": str,
    "date_of_birth": date,
    "gender": str,
}
"""What a card may say of itself, as in `gate.model.CardContents`."""

MAX_NUMBER_CHARACTERS = 40
"""As long as the wire contract lets a card number be."""

Sector = Annotated[int, msgspec.Meta(ge=0, lt=SECTOR_COUNT)]


class AreaSettings(Settings, frozen=True, kw_only=True):
    """Sectors that open with one key. Their data blocks, trailers left out, count from 0 in the order given."""

    name: str
    sectors: Annotated[tuple[Sector, ...], msgspec.Meta(min_length=1)]
    key: str
    key_type: str = "A"
    write_key: str | None = None
    """The key, by name, that making a card puts in the other place; the factory's when left out."""


class FieldSettings(Settings, frozen=True, kw_only=True):
    """Where one field stands: `length` bytes from byte `offset` of data block `block` of an area.

    A field may run on into the data blocks after it."""

    area: str
    block: Annotated[int, msgspec.Meta(ge=0)]
    offset: Annotated[int, msgspec.Meta(ge=0, lt=BLOCK_BYTES)] = 0
    length: Annotated[int, msgspec.Meta(ge=1, le=256)]
    encoding: str


class NumberSettings(Settings, frozen=True, kw_only=True):
    """How the card number is spelt in this scheme, whatever blanks or zeros the card pads it with."""

    digits_only: bool = True
    min_length: Annotated[int, msgspec.Meta(ge=1, le=MAX_NUMBER_CHARACTERS)] = 1
    max_length: Annotated[int, msgspec.Meta(ge=1, le=MAX_NUMBER_CHARACTERS)] = MAX_NUMBER_CHARACTERS
    drop_zero_above: Annotated[int, msgspec.Meta(ge=1)] | None = None
    """One leading zero goes when the number is longer than this; none goes when left out."""


class FieldTable(Settings, frozen=True, kw_only=True):
    """The fields of `FIELD_KINDS`; a card scheme need not have them all."""

    card_number: FieldSettings
    expiry_date: FieldSettings | None = None
    organisation_number: FieldSettings | None = None
    organisation_name: FieldSettings | None = None
    first_name: FieldSettings | None = None
    last_name: FieldSettings | None = None
    date_of_birth: FieldSettings | None = None
    gender: FieldSettings | None = None

    def by_name(self) -> dict[str, FieldSettings]:
        """Those that this scheme has."""
        return {name: field for name, field in msgspec.structs.asdict(self).items() if field is not None}


class Profile(Settings, frozen=True, kw_only=True):
    """The whole file."""

    scheme: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,15}$")]
    areas: tuple[AreaSettings, ...]
    fields: FieldTable
    number: NumberSettings = NumberSettings()


def parse_profile(text: str, name: str) -> Profile:
    """A profile that is right in itself. Raises CodingError: `FILE, [line N,] key: what is wrong`."""
    try:
        profile = parse(text, Profile, name)
    except SettingsError as wrong:
        raise CodingError(str(wrong)) from wrong
    for problem in _problems(profile):
        raise CodingError(f"{name}, {problem}")
    return profile


def area_blocks(area: AreaSettings) -> list[int]:
    """The data blocks of an area, by their numbers on the card."""
    return [block for sector in area.sectors for block in data_blocks(sector)]


def blocks_of_field(field: FieldSettings, area: AreaSettings) -> tuple[int, ...]:
    """The blocks that a field stands in, by their numbers on the card."""
    count = -(-(field.offset + field.length) // BLOCK_BYTES)
    return tuple(area_blocks(area)[field.block : field.block + count])


def _problems(profile: Profile) -> Iterator[str]:
    """What the types cannot say; each begins with the key."""
    owner: dict[int, str] = {}
    areas: dict[str, AreaSettings] = {}
    for turn, area in enumerate(profile.areas):
        if area.name in areas:
            yield f"areas.{turn}.name: two areas are called {area.name!r}"
        areas[area.name] = area
        if area.key_type not in ("A", "B"):
            yield f'areas.{turn}.key_type: {area.key_type!r} is neither "A" nor "B"'
        for sector in area.sectors:
            if sector in owner:
                yield f"areas.{turn}.sectors: sector {sector} stands in area {owner[sector]!r} already"
            owner[sector] = area.name
    if profile.number.min_length > profile.number.max_length:
        yield "number.min_length: is above max_length"
    taken: dict[tuple[int, int], str] = {}
    for name, field in profile.fields.by_name().items():
        if problem := _field_problem(name, field, areas):
            yield f"fields.{name}.{problem}"
            continue
        for place in bytes_of(blocks_of_field(field, areas[field.area]), field.offset, field.length):
            if place in taken:
                yield f"fields.{name}: overlaps `{taken[place]}` at byte {place[1]} of block {place[0]}"
                break
            taken[place] = name


def _field_problem(name: str, field: FieldSettings, areas: Mapping[str, AreaSettings]) -> str | None:
    """The first mistake in one field, beginning with its key."""
    if field.area not in areas:
        return f"area: there is no area {field.area!r}; areas are {', '.join(areas)}"
    encoding = ENCODINGS.get(field.encoding)
    if encoding is None:
        return f"encoding: {field.encoding!r} is none of {', '.join(ENCODINGS)}"
    if encoding.kind is not FIELD_KINDS[name]:
        return f"encoding: {field.encoding!r} gives {_KIND[encoding.kind]}, the field is {_KIND[FIELD_KINDS[name]]}"
    if encoding.length not in (None, field.length):
        return f"length: {field.encoding!r} takes {encoding.length} bytes, not {field.length}"
    room = (len(area_blocks(areas[field.area])) - field.block) * BLOCK_BYTES
    if field.offset + field.length > room:
        return f"block: the field runs past the end of area {field.area!r}"
    return None


_KIND: Mapping[type, str] = {str: "text", date: "a date"}


def bytes_of(blocks: Sequence[int], offset: int, length: int) -> list[tuple[int, int]]:
    """The (block, byte) places that a field covers."""
    return [(blocks[place // BLOCK_BYTES], place % BLOCK_BYTES) for place in range(offset, offset + length)]
