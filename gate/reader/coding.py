"""A coding profile: where a card scheme keeps its fields, and how they are spelt. Pure.

A profile (TOML, `config/coding/demo.toml` is the documented example) is compiled once, into a Coding
with a ReadPlan; every mistake in it is a CodingError that names the file and the key.

    profile text ─compile_profile─▶ Coding ── .plan ─▶ (channel.py reads) ─▶ blocks ─(contents.py)─▶ contents

Where the card's own directory says which sectors are meant, the coding is `directed`: its plan supposes
the first free ones, and `located` is the coding for one card. No key is ever seen here, only its name.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from gate.errors import CodingError
from gate.model import Unreadable
from gate.reader import mad
from gate.reader.checks import SUMS
from gate.reader.encodings import Encoding, encoding_of
from gate.reader.language import (
    FIELD_KINDS,
    MAX_NUMBER_CHARACTERS,
    CheckSettings,
    NumberSettings,
    Profile,
    area_blocks,
    blocks_needed,
    bytes_of,
    parse_profile,
)
from gate.reader.mifare import BLOCK_BYTES, SECTOR_COUNT, KeyType, sector_of

DECISION_FIELDS = ("card_number", "expiry_date", "organisation_number")
"""What a decision needs; the blocks of these are read first."""

MAX_TEXT_CHARACTERS = 80

IDENTITY_REFUSED = "the field holds what may be a national identity number, which is never taken in"

RANDOM_UID = 0x08
"""ISO/IEC 14443-3: a serial number that is drawn anew in every field has four bytes and begins with this."""

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
class Check:
    """A check over bytes of the card. `fields` are those it speaks for."""

    kind: str
    covers: tuple[tuple[int, int], ...]
    """(block, byte) of each byte that it is reckoned from, in order."""
    stands: tuple[tuple[int, int], ...]
    byte_order: str
    fields: frozenset[str]

    @property
    def blocks(self) -> frozenset[int]:
        """The blocks that must be read to know whether it holds."""
        return frozenset(block for block, _ in (*self.covers, *self.stands))

    @property
    def decisive(self) -> bool:
        """Whether the whole card falls with it; otherwise only its fields do."""
        return not self.fields or not self.fields.isdisjoint(DECISION_FIELDS)

    def reckoned(self, blocks: Mapping[int, bytes | bytearray]) -> bytes:
        """The check as it should stand on a card with these blocks."""
        kind = SUMS[self.kind]
        value = kind.of(bytes(blocks[block][byte] for block, byte in self.covers))
        return value.to_bytes(kind.length, "little" if self.byte_order == "little" else "big")


@dataclass(frozen=True, slots=True)
class DigitCheck:
    """A check digit at the end of one field's number."""

    kind: str
    field: str


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
    profile: Profile
    places: tuple[Place, ...]
    checks: tuple[Check, ...]
    digit_checks: tuple[DigitCheck, ...]
    openings: tuple[Opening, ...]
    plan: ReadPlan
    sectors: Mapping[str, tuple[int, ...]]
    """The sectors of each area, by its name."""
    unwanted: frozenset[str] = frozenset()

    @property
    def scheme(self) -> str:
        """The cards' scheme."""
        return self.profile.scheme

    @property
    def number(self) -> NumberSettings:
        """How the card number is spelt."""
        return self.profile.number

    @property
    def by_uid(self) -> bool:
        """Whether the card's serial number is all that is read."""
        return self.profile.uid is not None

    @property
    def directed(self) -> bool:
        """Whether the card's own directory says where its fields are."""
        return bool(self.profile.applications)

    @property
    def key_names(self) -> frozenset[str]:
        """The keys that reading needs."""
        return frozenset(step.key for step in self.plan.steps if isinstance(step, Authenticate))

    def without(self, unwanted: frozenset[str]) -> "Coding":
        """The same coding that leaves some fields unread: what a gate does not need it need not see (P12)."""
        return _coding(self.profile, self.name, self.sectors, self.unwanted | unwanted)

    def for_decision(self) -> "Coding":
        """The same coding cut down to what a decision needs."""
        return self.without(frozenset(FIELD_KINDS) - frozenset(DECISION_FIELDS))

    def directory_steps(self, part: mad.Part) -> tuple[Step, ...]:
        """How one of the card's directories is read."""
        return (
            Authenticate(part.sector, self.profile.directory.key, KeyType.A),
            *(Read(block) for block in part.blocks),
        )

    def located(self, entries: Mapping[int, int], *, complete: bool) -> "Coding | Unreadable | None":
        """The coding for a card with this directory. None: not all is found, and it is not `complete`."""
        sectors: dict[str, tuple[int, ...]] = {}
        for area in self.profile.areas:
            if area.application is None:
                continue
            found = mad.sectors_of(area.application, entries)
            if len(area_blocks(found)) < blocks_needed(self.profile, area.name):
                what = "has too few sectors for" if found else "does not know"
                if not complete:
                    return None
                return Unreadable(f"the card's directory {what} application 0x{area.application:04X}", 1)
            sectors[area.name] = found
        return _coding(self.profile, self.name, sectors, self.unwanted)


def compile_profile(text: str, name: str) -> Coding:
    """Check a profile and lay out its reading. Raises CodingError: `FILE, [line N,] key: what is wrong`."""
    profile = parse_profile(text, name)
    return _coding(profile, name, _supposed(profile, name), frozenset())


def _supposed(profile: Profile, name: str) -> dict[str, tuple[int, ...]]:
    """Sectors for the areas that only a card's directory can place: the first free ones."""
    used = {sector for area in profile.areas for sector in area.sectors or ()} | {part.sector for part in mad.PARTS}
    free = [sector for sector in range(SECTOR_COUNT) if sector not in used]
    sectors: dict[str, tuple[int, ...]] = {}
    for area in profile.areas:
        if area.application is None:
            continue
        needed = blocks_needed(profile, area.name)
        taken: list[int] = []
        while free and (not taken or len(area_blocks(taken)) < needed):
            taken.append(free.pop(0))
        if len(area_blocks(taken)) < needed:
            raise CodingError(f"{name}, areas: the fields of {area.name!r} need {needed} blocks, more than a card has")
        sectors[area.name] = tuple(taken)
    return sectors


def _coding(profile: Profile, name: str, located: Mapping[str, tuple[int, ...]], unwanted: frozenset[str]) -> Coding:
    sectors = {area.name: area.sectors or located[area.name] for area in profile.areas}
    openings = tuple(
        Opening(sector, area.key, KeyType[area.key_type], area.write_key)
        for area in profile.areas
        for sector in sectors[area.name]
    )
    whole = tuple(
        _place(key, area_blocks(sectors[field.area])[field.block :], field.offset, field.length,
               encoding_of(field.encoding, field.options))
        for key, field in profile.named_fields.items()
    )  # fmt: skip
    checks = tuple(
        _check(check, area_blocks(sectors[check.area]), whole) for check in profile.checks if check.area is not None
    )
    places = tuple(place for place in whole if place.name not in unwanted)
    kept = tuple(check for check in checks if check.decisive or check.fields - unwanted)
    digit_checks = tuple(
        DigitCheck(check.kind, check.field)
        for check in profile.checks
        if check.field is not None and check.field not in unwanted
    )
    plan = _plan(places, kept, openings)
    coding = Coding(name, profile, places, kept, digit_checks, openings, plan, sectors, unwanted)
    return _with_directory(coding) if profile.applications else coding


def _with_directory(coding: Coding) -> Coding:
    """Put the reading of the directory before the rest; it belongs to what a decision needs."""
    parts = mad.parts_for(opening.sector for opening in coding.openings)
    before = tuple(step for part in parts for step in coding.directory_steps(part))
    plan = ReadPlan(before + coding.plan.steps, len(before) + coding.plan.decision_steps)
    return replace(coding, plan=plan)


def _place(name: str, blocks: Sequence[int], offset: int, length: int, encoding: Encoding) -> Place:
    return Place(name, tuple(blocks[: -(-(offset + length) // BLOCK_BYTES)]), offset, length, encoding)


def _check(settings: CheckSettings, blocks: Sequence[int], places: Sequence[Place]) -> Check:
    covers, at = settings.covers, settings.at
    if covers is None or at is None:
        raise CodingError(f"checks: {settings.kind!r} has no place")
    covered = bytes_of(blocks[covers.block :], covers.offset, covers.length)
    stands = bytes_of(blocks[at.block :], at.offset, SUMS[settings.kind].length)
    fields = frozenset(
        place.name
        for place in places
        if not set(covered).isdisjoint(bytes_of(place.blocks, place.offset, place.length))
    )
    return Check(settings.kind, tuple(covered), tuple(stands), settings.byte_order, fields)


def _plan(places: Sequence[Place], checks: Sequence[Check], openings: Sequence[Opening]) -> ReadPlan:
    opening_of = {opening.sector: opening for opening in openings}
    decisive = {block for place in places if place.name in DECISION_FIELDS for block in place.blocks}
    decisive |= {block for check in checks if check.decisive for block in check.blocks}
    wanted = {block for place in places for block in place.blocks} | {b for check in checks for b in check.blocks}
    sectors: dict[int, set[int]] = {}
    for block in wanted:
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
        return "", IDENTITY_REFUSED
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
