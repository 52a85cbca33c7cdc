"""What an OSDP reader sends of a card: bits without a meaning, and the profile that gives them one. Pure.

A profile (TOML, `config/coding/demo-osdp.toml` is the documented example) lists the formats that are a
card's, by their number of bits; bits of any other number, or with a parity that does not hold, are no
card of this scheme. Every mistake in a profile is a CodingError that names file and key.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

import msgspec

from gate.errors import CodingError
from gate.model import CardContents, CardId, Unreadable
from gate.reader.coding import accept_text
from gate.reader.language import NumberSettings
from portvakt.errors import SettingsError
from portvakt.settings import Settings, parse

MAX_BITS = 1024
FORMS = ("decimal", "hex", "bcd", "ascii")

Run = tuple[int, int]
"""First bit, counted from 0, and number of bits."""


class PartSettings(Settings, frozen=True, kw_only=True):
    """A part of the card number: `length` bits from bit `first`."""

    first: Annotated[int, msgspec.Meta(ge=0, lt=MAX_BITS)]
    length: Annotated[int, msgspec.Meta(ge=1, le=MAX_BITS)]
    form: str = "decimal"
    digits: Annotated[int, msgspec.Meta(ge=0, le=40)] = 0
    """Zeros fill up to so many digits; the parts before the last need it, or 1 and 23 would be 12 and 3."""


class FormatSettings(Settings, frozen=True, kw_only=True):
    """One format of the scheme."""

    bits: Annotated[int, msgspec.Meta(ge=1, le=MAX_BITS)]
    card_number: Annotated[tuple[PartSettings, ...], msgspec.Meta(min_length=1)]
    even: tuple[Run, ...] = ()
    """Runs of bits with an even number of ones, the parity bit among them."""
    odd: tuple[Run, ...] = ()


class OsdpProfile(Settings, frozen=True, kw_only=True):
    """The whole file."""

    scheme: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,15}$")]
    formats: Annotated[tuple[FormatSettings, ...], msgspec.Meta(min_length=1)]
    number: NumberSettings = NumberSettings()


@dataclass(frozen=True, slots=True)
class OsdpLayout:
    """A compiled profile. `name` is what errors call its file."""

    name: str
    profile: OsdpProfile


def compile_osdp(text: str, name: str) -> OsdpLayout:
    """Check a profile. Raises CodingError: `FILE, [line N,] key: what is wrong`."""
    try:
        profile = parse(text, OsdpProfile, name)
    except SettingsError as wrong:
        raise CodingError(str(wrong)) from wrong
    for problem in _problems(profile):
        raise CodingError(f"{name}, {problem}")
    return OsdpLayout(name, profile)


def _problems(profile: OsdpProfile) -> Iterator[str]:
    """What the types cannot say; each begins with the key."""
    seen: set[int] = set()
    for turn, form in enumerate(profile.formats):
        here = f"formats.{turn}"
        if form.bits in seen:
            yield f"{here}.bits: there are two formats of {form.bits} bits"
        seen.add(form.bits)
        for place, part in enumerate(form.card_number):
            key = f"{here}.card_number.{place}"
            if part.form not in FORMS:
                yield f"{key}.form: {part.form!r} is none of {', '.join(FORMS)}"
            unit = {"bcd": 4, "ascii": 8}.get(part.form, 1)
            if part.length % unit:
                yield f"{key}.length: {part.form} goes by {unit} bits"
            if part.first + part.length > form.bits:
                yield f"{key}: runs past the end of {form.bits} bits"
            if part.form == "decimal" and not part.digits and place < len(form.card_number) - 1:
                yield f"{key}.digits: a part before another needs a fixed number of digits"
        for name in ("even", "odd"):
            for run in getattr(form, name):
                if run[0] < 0 or run[1] < 1 or sum(run) > form.bits:
                    yield f"{here}.{name}: is [first bit, number of bits], within {form.bits} bits"
    if profile.number.min_length > profile.number.max_length:
        yield "number.min_length: is above max_length"


def decode(layout: OsdpLayout, data: bytes, bits: int) -> CardContents | Unreadable:
    """What a card is, from the first `bits` bits of what the reader sent. Never raises, whatever that was."""
    if not 0 < bits <= len(data) * 8:
        return Unreadable(f"the reader speaks of {bits} bits and sent {len(data) * 8}")
    form = next((form for form in layout.profile.formats if form.bits == bits), None)
    if form is None:
        known = ", ".join(str(form.bits) for form in layout.profile.formats)
        return Unreadable(f"{bits} bits are no card of this scheme, which has {known}; is it the right card?")
    text = "".join(f"{byte:08b}" for byte in data)[:bits]
    for name, runs in (("even", form.even), ("odd", form.odd)):
        for first, length in runs:
            if text[first : first + length].count("1") % 2 != (name == "odd"):
                return Unreadable(f"the {name} parity of bits {first} to {first + length - 1} does not hold")
    parts = [_part(part, text[part.first : part.first + part.length]) for part in form.card_number]
    if any(part is None for part in parts):
        return Unreadable("the card number's bits are not what the profile says", field="card_number")
    number, wrong = accept_text("card_number", "".join(part or "" for part in parts), layout.profile.number)
    return Unreadable(wrong, field="card_number") if wrong else CardContents(CardId(layout.profile.scheme, number))


def _part(part: PartSettings, bits: str) -> str | None:
    value = int(bits, 2)
    match part.form:
        case "decimal":
            return f"{value:0{max(1, part.digits)}d}"
        case "hex":
            return f"{value:0{max(part.digits, -(-len(bits) // 4))}X}"
        case "bcd":
            digits = f"{value:0{len(bits) // 4}x}".rstrip("f")
            return digits if digits.isdecimal() else None
        case _:
            raw = value.to_bytes(len(bits) // 8, "big").strip(b"\x00 ")
            return raw.decode("ascii") if raw and raw.isascii() else None
