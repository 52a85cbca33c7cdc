"""A coding profile: where a card scheme keeps its fields, and how they are spelt. Pure.

A profile (TOML, `config/coding/demo.toml` is the documented example) is compiled once, into a Coding
with a ReadPlan; every mistake in it is a CodingError that names the file and the key. What stands on a
card is the card's business: undecodable contents are values, never an exception (P9).

    profile text ─compile_profile─▶ Coding ── .plan ─▶ (channel.py reads) ─▶ blocks ─decode─▶ contents
    field values ─encode─▶ blocks, to make a card

No key is ever seen here, only its name.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TypeAlias

from gate.errors import CodingError
from gate.model import CardContents, CardId, Unreadable
from gate.reader.encodings import ENCODINGS, Encoding, Value
from gate.reader.language import (
    FIELD_KINDS,
    MAX_NUMBER_CHARACTERS,
    NumberSettings,
    blocks_of_field,
    bytes_of,
    parse_profile,
)
from gate.reader.mifare import BLOCK_BYTES, KeyType, sector_of

DECISION_FIELDS = ("card_number", "expiry_date", "organisation_number")
"""What a decision needs; the blocks of these are read first."""

MAX_TEXT_CHARACTERS = 80

_NUMBER = re.compile(r"[0-9A-Za-z-]+")
# Eleven digits as Norwegian identity numbers are written: together, or six and five (P12).
_NATIONAL_IDENTITY = re.compile(r"(?<!\d)\d{6}[ .\-]?\d{5}(?!\d)")


@dataclass(frozen=True, slots=True)
class Authenticate:
    """Open a sector with the named key."""

    sector: int
    key: str
    key_type: KeyType


@dataclass(frozen=True, slots=True)
class Read:
    """Read one block of the sector that was opened last."""

    block: int


Step: TypeAlias = Authenticate | Read


@dataclass(frozen=True, slots=True)
class ReadPlan:
    """The fewest exchanges that read the fields: each sector opened once, each block read once.

    After the first `decision_steps` steps all that a decision needs has been read."""

    steps: tuple[Step, ...]
    decision_steps: int

    @property
    def decision_blocks(self) -> frozenset[int]:
        """The blocks without which there is no decision."""
        return frozenset(step.block for step in self.steps[: self.decision_steps] if isinstance(step, Read))


@dataclass(frozen=True, slots=True)
class Place:
    """A field on the card: `length` bytes from byte `offset` of the first of `blocks` (card-wide numbers)."""

    name: str
    blocks: tuple[int, ...]
    offset: int
    length: int
    encoding: Encoding


@dataclass(frozen=True, slots=True)
class Opening:
    """How one sector opens, and which key stands beside that one when a card is made."""

    sector: int
    key: str
    key_type: KeyType
    write_key: str | None


@dataclass(frozen=True, slots=True)
class Coding:
    """A compiled profile. `name` is what errors call its file."""

    name: str
    scheme: str
    number: NumberSettings
    places: tuple[Place, ...]
    openings: tuple[Opening, ...]
    plan: ReadPlan

    @property
    def key_names(self) -> frozenset[str]:
        """The keys that reading needs."""
        return frozenset(step.key for step in self.plan.steps if isinstance(step, Authenticate))

    def without(self, unwanted: frozenset[str]) -> "Coding":
        """The same coding that leaves some fields unread: what a gate does not need it need not see (P12)."""
        places = tuple(place for place in self.places if place.name not in unwanted)
        plan = _plan(places, self.openings)
        return Coding(self.name, self.scheme, self.number, places, self.openings, plan)


def compile_profile(text: str, name: str) -> Coding:
    """Check a profile and lay out its reading. Raises CodingError: `FILE, [line N,] key: what is wrong`."""
    profile = parse_profile(text, name)
    areas = {area.name: area for area in profile.areas}
    openings = tuple(
        Opening(sector, area.key, KeyType[area.key_type], area.write_key)
        for area in profile.areas
        for sector in area.sectors
    )
    places = tuple(
        Place(key, blocks_of_field(field, areas[field.area]), field.offset, field.length, ENCODINGS[field.encoding])
        for key, field in profile.fields.by_name().items()
    )
    return Coding(name, profile.scheme, profile.number, places, openings, _plan(places, openings))


def _plan(places: Sequence[Place], openings: Sequence[Opening]) -> ReadPlan:
    opening_of = {opening.sector: opening for opening in openings}
    decisive = {block for place in places if place.name in DECISION_FIELDS for block in place.blocks}
    sectors: dict[int, set[int]] = {}
    for place in places:
        for block in place.blocks:
            sectors.setdefault(sector_of(block), set()).add(block)

    def turn(sector: int) -> tuple[bool, int, str, int]:
        # Sectors of the decision first, and of those the one with the most other blocks last: its
        # others come after the decision. Then by key, as changing the reader's key costs an exchange.
        blocks = sectors[sector]
        others = len(blocks - decisive) if blocks & decisive else 0
        return not blocks & decisive, others, opening_of[sector].key, sector

    steps: list[Step] = []
    decision_steps = 0
    for sector in sorted(sectors, key=turn):
        opening = opening_of[sector]
        steps.append(Authenticate(sector, opening.key, opening.key_type))
        for block in sorted(sectors[sector], key=lambda block: (block not in decisive, block)):
            steps.append(Read(block))
            if block in decisive:
                decision_steps = len(steps)
    return ReadPlan(tuple(steps), decision_steps)


def decode(coding: Coding, blocks: Mapping[int, bytes]) -> CardContents | Unreadable:
    """What the card says, from the blocks that could be read. Never raises, whatever they hold.

    A field of the decision that is missing or undecodable makes the whole card Unreadable; any other
    is named in `damaged`.
    """
    texts: dict[str, str] = {}
    dates: dict[str, date] = {}
    damaged: list[str] = []
    for place in coding.places:
        value = _decode_place(place, blocks, coding.number)
        if isinstance(value, Unreadable):
            if place.name in DECISION_FIELDS:
                return value
            damaged.append(place.name)
        elif isinstance(value, date):
            dates[place.name] = value
        elif value is not None:
            texts[place.name] = value
    if "card_number" not in texts:
        first = next(place.blocks[0] for place in coding.places if place.name == "card_number")
        return Unreadable("the card carries no card number", first, "card_number")
    return CardContents(
        card=CardId(coding.scheme, texts["card_number"]),
        expiry_date=dates.get("expiry_date"),
        organisation_number=texts.get("organisation_number"),
        organisation_name=texts.get("organisation_name"),
        first_name=texts.get("first_name"),
        last_name=texts.get("last_name"),
        date_of_birth=dates.get("date_of_birth"),
        gender=texts.get("gender"),
        damaged=tuple(damaged),
    )


def _decode_place(place: Place, blocks: Mapping[int, bytes], number: NumberSettings) -> Value | Unreadable | None:
    for block in place.blocks:
        if len(blocks.get(block, b"")) != BLOCK_BYTES:
            return Unreadable("the block could not be read", block, place.name)
    raw = b"".join(blocks[block] for block in place.blocks)[place.offset : place.offset + place.length]
    try:
        value = place.encoding.decode(raw)
    except ValueError:
        # The error itself may repeat what stands on the card: it goes no further.
        return Unreadable(f"the field does not hold {place.encoding.expects}", place.blocks[0], place.name)
    if isinstance(value, str):
        value, wrong = accept_text(place.name, value, number)
        if wrong:
            return Unreadable(wrong, place.blocks[0], place.name)
    return value


def accept_text(name: str, text: str, number: NumberSettings) -> tuple[str, str | None]:
    """A text as we keep it, and what is wrong with it, if anything; that never repeats the text.

    Control characters go and blanks are folded, so that nothing from a card can play on a terminal.
    """
    # isprintable also rejects the direction marks that turn a line of a log around.
    clean = " ".join("".join(ch if ch.isprintable() else " " for ch in text).split())[:MAX_TEXT_CHARACTERS]
    if name in ("card_number", "organisation_number"):
        clean = clean.replace(" ", "")
    if name == "card_number" and number.drop_zero_above and len(clean) > number.drop_zero_above:
        clean = clean.removeprefix("0")
    if _NATIONAL_IDENTITY.search(text) or _NATIONAL_IDENTITY.search(clean):
        return "", "the field holds what may be a national identity number, which is never taken in"
    if not clean:
        return "", "the field holds no printable character"
    if name == "card_number":
        return clean, _number_problem(clean, number)
    if name == "organisation_number" and not (_NUMBER.fullmatch(clean) and len(clean) <= MAX_NUMBER_CHARACTERS):
        return "", "the field does not hold an organisation number"
    return clean, None


def _number_problem(text: str, number: NumberSettings) -> str | None:
    if number.digits_only and not (text.isascii() and text.isdigit()):
        return "the card number is not made of digits alone"
    if not _NUMBER.fullmatch(text):
        return "the card number holds other characters than letters, digits and hyphens"
    if not number.min_length <= len(text) <= number.max_length:
        return f"the card number has {len(text)} characters, not {number.min_length} to {number.max_length}"
    return None


def parse_value(name: str, text: str) -> Value:
    """A field's value from the words of a command line: a date as YYYY-MM-DD. Raises CodingError."""
    kind = FIELD_KINDS.get(name)
    if kind is None:
        raise CodingError(f"there is no field {name!r}; fields are {', '.join(FIELD_KINDS)}")
    if kind is str:
        return text
    try:
        return date.fromisoformat(text)
    except ValueError as wrong:
        raise CodingError(f"{name}: not a date; write it as 2027-05-31") from wrong


def encode(coding: Coding, fields: Mapping[str, Value]) -> dict[int, bytes]:
    """The blocks of a card with these fields, by block number; fields left out stay zeros.

    Raises CodingError for a field that this coding lacks, that does not fit its place, or that would
    not read back as it was given.
    """
    blocks = {block: bytearray(BLOCK_BYTES) for place in coding.places for block in place.blocks}
    known = {place.name: place for place in coding.places}
    for name, value in fields.items():
        place = known.get(name)
        if place is None:
            raise CodingError(f"{coding.name} has no field {name!r}; it has {', '.join(known)}")
        raw = _encode_place(coding, place, value)
        for (block, byte), content in zip(bytes_of(place.blocks, place.offset, place.length), raw, strict=True):
            blocks[block][byte] = content
    return {block: bytes(content) for block, content in blocks.items()}


def _encode_place(coding: Coding, place: Place, value: Value) -> bytes:
    if isinstance(value, str):
        value, wrong = accept_text(place.name, value, coding.number)
        if wrong:
            raise CodingError(f"{place.name}: {wrong}")
    try:
        raw = place.encoding.encode(value, place.length)
    except UnicodeEncodeError as wrong:
        raise CodingError(f"{place.name}: {coding.name} spells it in {wrong.encoding}, which lacks a letter") from None
    except ValueError as wrong:
        raise CodingError(f"{place.name}: the value {wrong}") from None
    if place.encoding.decode(raw) != value:
        raise CodingError(f"{place.name}: the value would read back as another; {coding.name} cannot hold it")
    return raw
