"""Between the blocks of a card and the values that stand in them, by a coding. Pure.

`examine` tells of each field and check what came of it; `decode` sums that up into what a gate goes by.
Whatever stands on a card is a value, never an exception (P9).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from gate.errors import CodingError
from gate.model import CardContents, CardId, Unreadable
from gate.reader.checks import digits_hold
from gate.reader.coding import DECISION_FIELDS, RANDOM_UID, Check, Coding, DigitCheck, Place, accept_text
from gate.reader.encodings import Value
from gate.reader.language import FIELD_KINDS, NumberSettings, bytes_of
from gate.reader.mifare import BLOCK_BYTES


@dataclass(frozen=True, slots=True)
class FieldFound:
    """What came of one field: its value, None when it is empty, or what is wrong with it.

    `raw` is what stood there; None when a block is missing."""

    place: Place
    raw: bytes | None
    value: Value | Unreadable | None


@dataclass(frozen=True, slots=True)
class CheckFound:
    """What came of one check. None: it holds. `fields` fall with it."""

    kind: str
    block: int
    fields: frozenset[str]
    decisive: bool
    wrong: str | None


@dataclass(frozen=True, slots=True)
class Examination:
    """Everything that a coding says of a card."""

    fields: tuple[FieldFound, ...]
    checks: tuple[CheckFound, ...]


def examine(coding: Coding, blocks: Mapping[int, bytes]) -> Examination:
    """Look at every field and check. Never raises, whatever the blocks hold."""
    fields = tuple(_examine_field(place, blocks, coding.number) for place in coding.places)
    sums = tuple(_examine_check(check, blocks) for check in coding.checks)
    digits = tuple(_examine_digits(check, fields) for check in coding.digit_checks)
    return Examination(fields, sums + digits)


def decode(coding: Coding, blocks: Mapping[int, bytes]) -> CardContents | Unreadable:
    """What the card says, from the blocks that could be read. Never raises.

    A field of the decision that is missing or undecodable, or a check over one, makes the whole card
    Unreadable; any other is named in `damaged`.
    """
    found = examine(coding, blocks)
    values: dict[str, Value] = {}
    damaged: list[str] = []
    for field in found.fields:
        name = field.place.name
        if isinstance(field.value, Unreadable):
            if name in DECISION_FIELDS:
                return field.value
            damaged.append(name)
        elif field.value is not None:
            values[name] = field.value
    if "card_number" not in values:
        first = next(place.blocks[0] for place in coding.places if place.name == "card_number")
        return Unreadable(NO_NUMBER, first, "card_number")
    for check in found.checks:
        if check.wrong and check.decisive:
            return Unreadable(check.wrong, check.block)
        if check.wrong:
            damaged += sorted(check.fields & values.keys())
            values = {name: value for name, value in values.items() if name not in check.fields}
    return _contents(coding.scheme, values, damaged)


NO_NUMBER = "the card carries no card number"


def _contents(scheme: str, values: Mapping[str, Value], damaged: list[str]) -> CardContents:
    texts = {name: value for name, value in values.items() if isinstance(value, str)}
    dates = {name: value for name, value in values.items() if isinstance(value, date)}
    return CardContents(
        card=CardId(scheme, texts["card_number"]),
        expiry_date=dates.get("expiry_date"),
        organisation_number=texts.get("organisation_number"),
        organisation_name=texts.get("organisation_name"),
        first_name=texts.get("first_name"),
        last_name=texts.get("last_name"),
        date_of_birth=dates.get("date_of_birth"),
        gender=texts.get("gender"),
        damaged=tuple(damaged),
    )


def decode_uid(coding: Coding, uid: bytes) -> CardContents | Unreadable:
    """What a serial number alone says."""
    rule = coding.profile.uid
    if rule is None or not uid:
        return Unreadable("the reader does not tell the card's serial number")
    if len(uid) not in rule.lengths:
        return Unreadable(f"a serial number of {len(uid)} bytes is none of this scheme")
    if len(uid) == 4 and uid[0] == RANDOM_UID:
        return Unreadable("the serial number is drawn anew at every showing, as telephones do")
    raw = uid[::-1] if rule.form.endswith("-reversed") else uid
    text = raw.hex().upper() if rule.form.startswith("hex") else str(int.from_bytes(raw, "big"))
    number, wrong = accept_text("card_number", text, coding.number)
    return Unreadable(wrong, field="card_number") if wrong else CardContents(CardId(coding.scheme, number))


def _examine_field(place: Place, blocks: Mapping[int, bytes], number: NumberSettings) -> FieldFound:
    def unreadable(what: str, block: int) -> FieldFound:
        return FieldFound(place, raw, Unreadable(what, block, place.name))

    raw: bytes | None = None
    for block in place.blocks:
        if len(blocks.get(block, b"")) != BLOCK_BYTES:
            return unreadable("the block could not be read", block)
    raw = b"".join(blocks[block] for block in place.blocks)[place.offset : place.offset + place.length]
    try:
        value = place.encoding.decode(raw)
    except ValueError:
        # The error itself may repeat what stands on the card: it goes no further.
        return unreadable(f"the field does not hold {place.encoding.expects}", place.blocks[0])
    if isinstance(value, str):
        value, wrong = accept_text(place.name, value, number)
        if wrong:
            return unreadable(wrong, place.blocks[0])
    return FieldFound(place, raw, value)


def _examine_check(check: Check, blocks: Mapping[int, bytes]) -> CheckFound:
    first = check.stands[0][0]
    missing = min((block for block in check.blocks if len(blocks.get(block, b"")) != BLOCK_BYTES), default=None)
    wrong = None
    if missing is not None:
        wrong = f"the check {check.kind} cannot be made: block {missing} could not be read"
    elif check.reckoned(blocks) != bytes(blocks[block][byte] for block, byte in check.stands):
        wrong = f"the check {check.kind} does not hold"
    return CheckFound(check.kind, first, check.fields, check.decisive, wrong)


def _examine_digits(check: DigitCheck, fields: tuple[FieldFound, ...]) -> CheckFound:
    found = next(field for field in fields if field.place.name == check.field)
    # A field that is empty or undecodable is told of already.
    holds = not isinstance(found.value, str) or digits_hold(check.kind, found.value)
    wrong = None if holds else f"the check {check.kind} of `{check.field}` does not hold"
    return CheckFound(
        check.kind, found.place.blocks[0], frozenset({check.field}), check.field in DECISION_FIELDS, wrong
    )


# --- the other way ---------------------------------------------------------------------------------------


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
    """The blocks of a card with these fields and their checks, by block number; fields left out stay zeros.

    Raises CodingError for a field that this coding lacks, that does not fit its place, or that would
    not read back as it was given.
    """
    used = {block for place in coding.places for block in place.blocks}
    blocks = {block: bytearray(BLOCK_BYTES) for block in used.union(*(check.blocks for check in coding.checks))}
    known = {place.name: place for place in coding.places}
    for name, value in fields.items():
        place = known.get(name)
        if place is None:
            raise CodingError(f"{coding.name} has no field {name!r}; it has {', '.join(known)}")
        raw = _encode_place(coding, place, value)
        for (block, byte), content in zip(bytes_of(place.blocks, place.offset, place.length), raw, strict=True):
            blocks[block][byte] = content
    for check in coding.checks:
        for (block, byte), content in zip(check.stands, check.reckoned(blocks), strict=True):
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
    if not _reads_back(place, raw, value):
        raise CodingError(f"{place.name}: the value would read back as another; {coding.name} cannot hold it")
    for check in coding.digit_checks:
        if check.field == place.name and not digits_hold(check.kind, str(value)):
            raise CodingError(f"{place.name}: its last digit is not the check digit that {check.kind} asks for")
    return raw


def _reads_back(place: Place, raw: bytes, value: Value) -> bool:
    try:
        return place.encoding.decode(raw) == value
    except ValueError:
        return False
