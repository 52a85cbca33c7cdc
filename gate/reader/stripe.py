"""A stripe profile: which track holds a card scheme's numbers, and where on it. Pure.

A profile (TOML, `config/coding/demo-stripe.toml` is the documented example) is compiled once; every
mistake in it is a CodingError that names file and key. What stands on a stripe is a value, never an
exception (P9), and is read only when the whole track has the stated shape: a bank card has a stripe
too, and nothing of it may be taken for a card number.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated

import msgspec

from gate.errors import CodingError
from gate.model import CardContents, CardId, Unreadable
from gate.reader.coding import accept_text
from gate.reader.language import NumberSettings
from gate.reader.track import (
    TRACKS,
    bits_of,
    bytes_of_bits,
    encode_bits,
    encode_text,
    find_in_bits,
    find_in_text,
)
from portvakt.errors import SettingsError
from portvakt.settings import Settings, parse

FORMS = ("text", "bits", "bits-hex")
"""Characters with sentinels; raw bits packed in bytes; the same as hexadecimal digits."""


class StripeField(Settings, frozen=True, kw_only=True):
    """Where a field stands: `length` characters from `offset` of a part; to the part's end when left out."""

    part: Annotated[int, msgspec.Meta(ge=0)] = 0
    offset: Annotated[int, msgspec.Meta(ge=0)] = 0
    length: Annotated[int, msgspec.Meta(ge=1)] | None = None


class StripeFields(Settings, frozen=True, kw_only=True):
    """What the gate takes from a stripe."""

    card_number: StripeField
    organisation_number: StripeField | None = None

    def by_name(self) -> dict[str, StripeField]:
        """Those that this scheme has."""
        found = {"card_number": self.card_number, "organisation_number": self.organisation_number}
        return {name: field for name, field in found.items() if field is not None}


class StripeProfile(Settings, frozen=True, kw_only=True):
    """The whole file."""

    scheme: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,15}$")]
    track: Annotated[int, msgspec.Meta(ge=1, le=3)]
    parts: Annotated[tuple[tuple[int, int], ...], msgspec.Meta(min_length=1)]
    """Fewest and most characters of each part between separators."""
    fields: StripeFields
    form: str = "text"
    start: str | None = None
    """The character that begins track 3 in a text; `+` when left out."""
    lrc: bool = False
    """In a text: the reader sends the check character."""
    most_significant_first: bool = True
    """In raw bits: the order within a byte."""
    separator: str | None = None
    """The standard's for this track when left out."""
    number: NumberSettings = NumberSettings()


@dataclass(frozen=True, slots=True)
class StripeLayout:
    """A compiled profile. `name` is what errors call its file."""

    name: str
    profile: StripeProfile
    separator: str

    @property
    def binary(self) -> bool:
        """Whether the reader sends bytes that are no text."""
        return self.profile.form == "bits"


def compile_stripe(text: str, name: str) -> StripeLayout:
    """Check a profile. Raises CodingError: `FILE, [line N,] key: what is wrong`."""
    try:
        profile = parse(text, StripeProfile, name)
    except SettingsError as wrong:
        raise CodingError(str(wrong)) from wrong
    for problem in _problems(profile):
        raise CodingError(f"{name}, {problem}")
    return StripeLayout(name, profile, profile.separator or TRACKS[profile.track].separator)


def _problems(profile: StripeProfile) -> Iterator[str]:
    """What the types cannot say; each begins with the key."""
    if profile.form not in FORMS:
        yield f"form: {profile.form!r} is none of {', '.join(FORMS)}"
    if profile.start is not None and (profile.track != 3 or profile.start not in (";", "+")):
        yield 'start: only track 3 has a choice, of ";" and "+"'
    if profile.number.min_length > profile.number.max_length:
        yield "number.min_length: is above max_length"
    yield from _part_problems(profile)
    yield from _field_problems(profile)


def _part_problems(profile: StripeProfile) -> Iterator[str]:
    alphabet = TRACKS[profile.track]
    if profile.separator is not None and not (len(profile.separator) == 1 and alphabet.holds(profile.separator)):
        yield f"separator: {profile.separator!r} is not a character that can stand on track {profile.track}"
    for turn, (fewest, most) in enumerate(profile.parts):
        if not 0 <= fewest <= most:
            yield f"parts.{turn}: is [fewest, most] characters"
    longest = sum(most for _, most in profile.parts) + len(profile.parts) - 1
    if longest > alphabet.longest - 3:
        yield f"parts: {longest} characters do not fit on track {profile.track}, which holds {alphabet.longest - 3}"


def _field_problems(profile: StripeProfile) -> Iterator[str]:
    taken: dict[tuple[int, int], str] = {}
    for name, field in profile.fields.by_name().items():
        if field.part >= len(profile.parts):
            yield f"fields.{name}.part: there are {len(profile.parts)} parts, counted from 0"
            continue
        fewest, most = profile.parts[field.part]
        end = most if field.length is None else field.offset + field.length
        if field.offset >= end or end > (most if field.length is None else fewest):
            yield f"fields.{name}: runs past the end of part {field.part}, which has {fewest} to {most} characters"
        for at in range(field.offset, end):
            if (field.part, at) in taken:
                yield f"fields.{name}: overlaps {taken[field.part, at]!r}"
                break
            taken[field.part, at] = name


def decode(layout: StripeLayout, data: bytes) -> CardContents | Unreadable:
    """What a stripe says, from what the reader sent. Never raises, whatever that was."""
    profile = layout.profile
    body = _body(layout, data)
    if isinstance(body, Unreadable):
        return body
    parts = body.split(layout.separator)
    shape = [len(part) for part in parts]
    if len(parts) != len(profile.parts) or not all(
        fewest <= length <= most for length, (fewest, most) in zip(shape, profile.parts, strict=True)
    ):
        return Unreadable(f"track {profile.track} has another shape than this scheme's; is it the right card?")
    found: dict[str, str] = {}
    for name, field in profile.fields.by_name().items():
        end = None if field.length is None else field.offset + field.length
        text, wrong = accept_text(name, parts[field.part][field.offset : end], profile.number)
        if wrong:
            return Unreadable(wrong, field=name)
        found[name] = text
    return CardContents(
        CardId(profile.scheme, found["card_number"]), organisation_number=found.get("organisation_number")
    )


def _body(layout: StripeLayout, data: bytes) -> str | Unreadable:
    profile = layout.profile
    # Latin-1, as it takes every byte: what is no character of a track is not found in one.
    text = data.decode("latin-1")
    if profile.form == "text":
        return find_in_text(text, profile.track, start=profile.start, lrc=profile.lrc)
    if profile.form == "bits-hex":
        try:
            data = bytes.fromhex(text)
        except ValueError:
            return Unreadable("what the reader sent is not hexadecimal digits; is `form` the right one?")
    return find_in_bits(bits_of(data, most_significant_first=profile.most_significant_first), profile.track)


def encode(layout: StripeLayout, fields: Mapping[str, str], *, backwards: bool = False) -> bytes:
    """What a reader sends for a card with these fields; characters of no field are zeros.

    Raises CodingError for fields that the track cannot hold.
    """
    profile = layout.profile
    parts = [["0"] * fewest for fewest, _ in profile.parts]
    for name, text in fields.items():
        field = profile.fields.by_name().get(name)
        if field is None:
            raise CodingError(f"{layout.name} has no field {name!r}; it has {', '.join(profile.fields.by_name())}")
        if field.length not in (None, len(text)):
            raise CodingError(f"{name}: has {len(text)} characters, not {field.length}")
        end = None if field.length is None else field.offset + field.length
        parts[field.part][field.offset : end] = text
    body = layout.separator.join("".join(part) for part in parts)
    try:
        if profile.form == "text":
            return encode_text(body, profile.track, start=profile.start, lrc=profile.lrc).encode("ascii")
        bits = "0" * 24 + encode_bits(body, profile.track) + "0" * 24
    except ValueError as wrong:
        raise CodingError(f"{layout.name}: {wrong}") from wrong
    packed = bytes_of_bits(bits[::-1] if backwards else bits, most_significant_first=profile.most_significant_first)
    return packed if profile.form == "bits" else packed.hex().upper().encode("ascii")
