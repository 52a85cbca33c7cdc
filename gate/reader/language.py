"""The language of coding profiles, and what can be wrong with one. Pure.

`docs/cards.md` teaches it and `config/coding/demo.toml` is the documented example; `coding.py` compiles a
profile into a plan.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Annotated

import msgspec

from gate.errors import CodingError
from gate.reader.checks import DIGIT_CHECKS, SUMS
from gate.reader.encodings import ENCODINGS, Options
from gate.reader.mad import FIRST_APPLICATION
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
Block = Annotated[int, msgspec.Meta(ge=0, lt=256)]
Offset = Annotated[int, msgspec.Meta(ge=0, lt=BLOCK_BYTES)]
Byte = Annotated[int, msgspec.Meta(ge=0, le=255)]


class AreaSettings(Settings, frozen=True, kw_only=True):
    """Sectors that open with one key. Their data blocks, trailers left out, count from 0 in the order given."""

    name: str
    sectors: Annotated[tuple[Sector, ...], msgspec.Meta(min_length=1)] | None = None
    application: Annotated[int, msgspec.Meta(ge=FIRST_APPLICATION, le=0xFFFF)] | None = None
    """In place of `sectors`: those that the card's own directory (MAD) gives to this application."""
    key: str
    key_type: str = "A"
    write_key: str | None = None
    """The key, by name, that making a card puts in the other place; the factory's when left out."""


class FieldSettings(Settings, frozen=True, kw_only=True):
    """Where one field stands: `length` bytes from byte `offset` of data block `block` of an area.

    A field may run on into the data blocks after it."""

    area: str
    block: Block
    offset: Offset = 0
    length: Annotated[int, msgspec.Meta(ge=1, le=256)]
    encoding: str
    terminator: Byte | None = None
    """The byte that ends a text; zero when left out."""
    first_year: Annotated[int, msgspec.Meta(ge=1900, le=2100)] | None = None
    """Two-digit years are those of the hundred years from here on; 1970 when left out."""
    epoch: date | None = None
    """The day from which days are counted; 1970-01-01 when left out."""

    @property
    def options(self) -> Options:
        """What the field says beside the name of its encoding."""
        given = {name: getattr(self, name) for name in _OPTIONS if getattr(self, name) is not None}
        return Options(**given)


_OPTIONS = ("terminator", "first_year", "epoch")


class Span(Settings, frozen=True, kw_only=True):
    """The bytes that a check is reckoned from."""

    block: Block
    offset: Offset = 0
    length: Annotated[int, msgspec.Meta(ge=1, le=4096)]


class Spot(Settings, frozen=True, kw_only=True):
    """Where a check stands."""

    block: Block
    offset: Offset = 0


class CheckSettings(Settings, frozen=True, kw_only=True):
    """A check: over bytes (`area`, `covers`, `at`), or over the digits of one field (`field`)."""

    kind: str
    area: str | None = None
    covers: Span | None = None
    at: Spot | None = None
    byte_order: str = "big"
    field: str | None = None


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


class UidSettings(Settings, frozen=True, kw_only=True):
    """The serial number as card number. Anybody can copy it: a weak credential."""

    form: str = "hex"
    """`hex`, `hex-reversed`, `decimal` or `decimal-reversed`: reversed is the last byte first."""
    lengths: Annotated[tuple[int, ...], msgspec.Meta(min_length=1)] = (4, 7, 10)
    """How many bytes a serial number of this scheme may have."""


UID_FORMS = ("hex", "hex-reversed", "decimal", "decimal-reversed")


class DirectorySettings(Settings, frozen=True, kw_only=True):
    """How the directory's own sectors open."""

    key: str = "mad"
    """Key A by name; `mad` is the one that NXP has published for this."""
    write_key: str | None = None
    """Key B by name, only to make cards; the factory's when left out."""


class Profile(Settings, frozen=True, kw_only=True):
    """The whole file."""

    scheme: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,15}$")]
    areas: tuple[AreaSettings, ...] = ()
    fields: FieldTable | None = None
    checks: tuple[CheckSettings, ...] = ()
    uid: UidSettings | None = None
    directory: DirectorySettings = DirectorySettings()
    number: NumberSettings = NumberSettings()

    @property
    def named_fields(self) -> dict[str, FieldSettings]:
        """The fields of this scheme; none when the serial number is all."""
        return self.fields.by_name() if self.fields is not None else {}

    @property
    def applications(self) -> tuple[int, ...]:
        """What must be looked up in the card's directory."""
        return tuple(area.application for area in self.areas if area.application is not None)


def parse_profile(text: str, name: str) -> Profile:
    """A profile that is right in itself. Raises CodingError: `FILE, [line N,] key: what is wrong`."""
    try:
        profile = parse(text, Profile, name)
    except SettingsError as wrong:
        raise CodingError(str(wrong)) from wrong
    for problem in _problems(profile):
        raise CodingError(f"{name}, {problem}")
    return profile


def area_blocks(sectors: Sequence[int]) -> list[int]:
    """The data blocks of an area, by their numbers on the card."""
    return [block for sector in sectors for block in data_blocks(sector)]


def blocks_needed(profile: Profile, area: str) -> int:
    """How many data blocks fields and checks need of an area."""
    ends = [field.block * BLOCK_BYTES + field.offset + field.length
            for field in profile.named_fields.values() if field.area == area]  # fmt: skip
    for check in profile.checks:
        if check.area == area and check.covers is not None and check.at is not None:
            ends.append(check.covers.block * BLOCK_BYTES + check.covers.offset + check.covers.length)
            ends.append(check.at.block * BLOCK_BYTES + check.at.offset + SUMS[check.kind].length)
    return -(-max(ends, default=0) // BLOCK_BYTES)


def bytes_of(blocks: Sequence[int], offset: int, length: int) -> list[tuple[int, int]]:
    """The (block, byte) places of `length` bytes from byte `offset` of the first of some blocks."""
    return [(blocks[place // BLOCK_BYTES], place % BLOCK_BYTES) for place in range(offset, offset + length)]


def _problems(profile: Profile) -> Iterator[str]:
    """What the types cannot say; each begins with the key."""
    yield from _shape_problems(profile)
    yield from _area_problems(profile)
    if profile.number.min_length > profile.number.max_length:
        yield "number.min_length: is above max_length"
    areas = {area.name: area for area in profile.areas}
    # By area and the byte's number in it: which sectors an application has only the card knows.
    taken: dict[tuple[str, int], str] = {}
    for name, field in profile.named_fields.items():
        if problem := _field_problem(name, field, areas):
            yield f"fields.{name}.{problem}"
            continue
        start = field.block * BLOCK_BYTES + field.offset
        if problem := _occupy(taken, name, field.area, range(start, start + field.length)):
            yield f"fields.{name}: {problem}"
    for turn, check in enumerate(profile.checks):
        if problem := _check_problem(check, areas, profile.named_fields):
            yield f"checks.{turn}.{problem}"
        elif check.area is not None and check.at is not None:
            start = check.at.block * BLOCK_BYTES + check.at.offset
            if problem := _occupy(taken, check.kind, check.area, range(start, start + SUMS[check.kind].length)):
                yield f"checks.{turn}.at: {problem}"


def _occupy(taken: dict[tuple[str, int], str], name: str, area: str, places: range) -> str | None:
    for place in places:
        if (area, place) in taken:
            other = taken[area, place]
            return f"overlaps `{other}` at byte {place % BLOCK_BYTES} of data block {place // BLOCK_BYTES}"
        taken[area, place] = name
    return None


def _shape_problems(profile: Profile) -> Iterator[str]:
    if profile.uid is None:
        if profile.fields is None:
            yield "fields: the setting `fields` is missing here; a card known by its serial number alone has `uid`"
        return
    if profile.fields is not None or profile.areas or profile.checks:
        yield "uid: the serial number is all that is read; areas, fields and checks need a profile of their own"
    if profile.uid.form not in UID_FORMS:
        yield f"uid.form: {profile.uid.form!r} is none of {', '.join(UID_FORMS)}"
    elif profile.uid.form.startswith("hex") and profile.number.digits_only:
        yield "number.digits_only: a serial number in hex holds letters; set it to false, or `form` to decimal"
    if not set(profile.uid.lengths) <= {4, 7, 10}:
        yield "uid.lengths: a serial number has 4, 7 or 10 bytes"


def _area_problems(profile: Profile) -> Iterator[str]:
    owner: dict[int, str] = {}
    names: set[str] = set()
    for turn, area in enumerate(profile.areas):
        if area.name in names:
            yield f"areas.{turn}.name: two areas are called {area.name!r}"
        names.add(area.name)
        if area.key_type not in ("A", "B"):
            yield f'areas.{turn}.key_type: {area.key_type!r} is neither "A" nor "B"'
        if (area.sectors is None) == (area.application is None):
            yield f"areas.{turn}.sectors: an area has either `sectors` or `application`"
        if profile.applications.count(area.application or 0) > 1:
            yield f"areas.{turn}.application: two areas are of application 0x{area.application:04X}"
        for sector in area.sectors or ():
            if sector in owner:
                yield f"areas.{turn}.sectors: sector {sector} stands in area {owner[sector]!r} already"
            owner[sector] = area.name
            if profile.applications and sector in (0, 16):
                yield f"areas.{turn}.sectors: sector {sector} holds the directory in which `application` is looked up"


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
    for option in _OPTIONS:
        if getattr(field, option) is not None and option not in encoding.takes:
            return f"{option}: makes no difference to {field.encoding!r}"
    if not _fits(areas[field.area], field.block, field.offset + field.length):
        return f"block: the field runs past the end of area {field.area!r}"
    return None


def _check_problem(
    check: CheckSettings, areas: Mapping[str, AreaSettings], fields: Mapping[str, FieldSettings]
) -> str | None:
    """The first mistake in one check, beginning with its key."""
    if check.kind in DIGIT_CHECKS:
        if check.field is None or check.field not in fields or FIELD_KINDS[check.field] is not str:
            return f"field: {check.kind!r} checks the digits of one field, and {check.field!r} is none of this profile"
        if (check.area, check.covers, check.at) != (None, None, None):
            return f"covers: {check.kind!r} is over a field, and has neither `area`, `covers` nor `at`"
        return None
    if check.kind not in SUMS:
        return f"kind: {check.kind!r} is none of {', '.join((*SUMS, *DIGIT_CHECKS))}"
    if check.byte_order not in ("big", "little"):
        return f"byte_order: {check.byte_order!r} is neither `big` nor `little`"
    if check.area is None or check.area not in areas:
        return f"area: there is no area {check.area!r}; areas are {', '.join(areas)}"
    if check.covers is None or check.at is None or check.field is not None:
        return f"covers: {check.kind!r} is over bytes: say which with `covers`, and where it stands with `at`"
    length = SUMS[check.kind].length
    if not _fits(areas[check.area], check.covers.block, check.covers.offset + check.covers.length):
        return f"covers: runs past the end of area {check.area!r}"
    if not _fits(areas[check.area], check.at.block, check.at.offset + length):
        return f"at: runs past the end of area {check.area!r}"
    start = check.covers.block * BLOCK_BYTES + check.covers.offset
    stands = check.at.block * BLOCK_BYTES + check.at.offset
    if stands < start + check.covers.length and start < stands + length:
        return "at: a check cannot stand among the bytes that it covers"
    return None


def _fits(area: AreaSettings, block: int, length: int) -> bool:
    """Whether bytes end within an area. How long an application's is, only the card says."""
    return area.sectors is None or length <= (len(area_blocks(area.sectors)) - block) * BLOCK_BYTES


_KIND: Mapping[type, str] = {str: "text", date: "a date"}
