"""Coding profiles: what is wrong with one is told by file and key; what is wrong with a card is a value."""

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.errors import CodingError
from gate.model import CardContents, CardId, Unreadable
from gate.reader.coding import (
    DECISION_FIELDS,
    Authenticate,
    Read,
    Step,
    compile_profile,
)
from gate.reader.contents import decode, encode, parse_value
from gate.reader.encodings import ENCODINGS, Value
from gate.reader.mifare import KeyType, is_trailer
from gate.reader.profiles import load_coding

DEMO = load_coding(Path(__file__).parents[2] / "config" / "coding" / "demo.toml")
FIELDS: dict[str, Value] = {
    "card_number": "12345678",
    "organisation_number": "100000008",
    "expiry_date": date(2027, 5, 31),
    "date_of_birth": date(1985, 2, 3),
    "gender": "F",
    "first_name": "Żaneta Åse",
    "last_name": "Ødegårdsłowska",
    "organisation_name": "Fjellstad Entreprenør",
}

AREA = """
scheme = "hms"
[[areas]]
name = "one"
sectors = [1, 2]
key = "read"
"""
NUMBER = """
[fields.card_number]
area = "one"
block = 0
length = 8
encoding = "digits"
"""


def one_field(name: str, encoding: str, length: int) -> str:
    """A profile with the number and one more field."""
    return f'{AREA}{NUMBER}[fields.{name}]\narea = "one"\nblock = 1\nlength = {length}\nencoding = "{encoding}"\n'


def test_what_is_written_is_read_back() -> None:
    contents = decode(DEMO, encode(DEMO, FIELDS))
    assert contents == CardContents(
        card=CardId("hms", "12345678"),
        expiry_date=date(2027, 5, 31),
        organisation_number="100000008",
        organisation_name="Fjellstad Entreprenør",
        first_name="Żaneta Åse",
        last_name="Ødegårdsłowska",
        date_of_birth=date(1985, 2, 3),
        gender="F",
    )


def test_fields_left_out_are_none_and_not_damaged() -> None:
    assert decode(DEMO, encode(DEMO, {"card_number": "12345"})) == CardContents(CardId("hms", "12345"))


def test_the_demo_decides_after_one_authentication_and_one_read() -> None:
    assert DEMO.plan.decision_steps == 2
    assert DEMO.plan.steps[:2] == (Authenticate(32, "demo-read", KeyType.A), Read(128))
    assert len(DEMO.plan.steps) == 9


def spread(order: str) -> str:
    """A profile with a sector for each field, in some order, and trailers in the way."""
    text = 'scheme = "x"\n[[areas]]\nname = "names"\nsectors = [3, 4]\nkey = "k1"\nkey_type = "B"\n'
    text += (
        '[[areas]]\nname = "number"\nsectors = [33]\nkey = "k2"\n[[areas]]\nname = "dates"\nsectors = [1]\nkey = "k1"\n'
    )
    fields = {
        "first_name": 'area = "names"\nblock = 2\noffset = 8\nlength = 24\nencoding = "latin1"\n',
        "card_number": 'area = "number"\nblock = 14\nlength = 16\nencoding = "ascii"\n',
        "gender": 'area = "number"\nblock = 0\nlength = 1\nencoding = "ascii"\n',
        "expiry_date": 'area = "dates"\nblock = 2\nlength = 8\nencoding = "date-digits-ddmmyyyy"\n',
    }
    return text + "".join(f"[fields.{name}]\n{fields[name]}" for name in order.split())


@pytest.mark.parametrize(
    "order", ["first_name card_number gender expiry_date", "expiry_date gender card_number first_name"]
)
def test_a_plan_opens_each_sector_once_decision_first_and_skips_trailers(order: str) -> None:
    plan = compile_profile(spread(order), "p").plan
    steps: list[Step] = [
        Authenticate(1, "k1", KeyType.A),
        Read(6),
        Authenticate(33, "k2", KeyType.A),
        Read(158),
        Read(144),
        Authenticate(3, "k1", KeyType.B),
        Read(14),
        Authenticate(4, "k1", KeyType.B),
        Read(16),
    ]
    assert list(plan.steps) == steps
    assert plan.decision_steps == 4
    assert plan.decision_blocks == {6, 158}
    assert not any(is_trailer(step.block) for step in plan.steps if isinstance(step, Read))


def test_fields_that_a_gate_does_not_need_are_not_read() -> None:
    """P12."""
    names = frozenset(FIELDS) - set(DECISION_FIELDS)
    assert len(DEMO.without(names).plan.steps) == 2


@pytest.mark.parametrize("missing", [name for name in FIELDS if name not in DECISION_FIELDS])
def test_a_damaged_field_that_no_decision_needs_is_named(missing: str) -> None:
    blocks = encode(DEMO, FIELDS)
    place = next(place for place in DEMO.places if place.name == missing)
    del blocks[place.blocks[-1]]
    contents = decode(DEMO, blocks)
    assert isinstance(contents, CardContents)
    assert missing in contents.damaged
    assert getattr(contents, missing) is None


@pytest.mark.parametrize("name", DECISION_FIELDS)
def test_a_damaged_field_of_the_decision_makes_the_card_unreadable(name: str) -> None:
    """P9: never None, never an exception, and it says where."""
    blocks = {block: bytearray(content) for block, content in encode(DEMO, FIELDS).items()}
    place = next(place for place in DEMO.places if place.name == name)
    blocks[128][place.offset] = 0xAB
    found = decode(DEMO, {block: bytes(content) for block, content in blocks.items()})
    assert isinstance(found, Unreadable)
    assert (found.block, found.field) == (128, name)


def test_a_card_without_a_number_is_unreadable() -> None:
    blank = {block: bytes(16) for block in encode(DEMO, {})}
    assert decode(DEMO, blank) == Unreadable("the card carries no card number", 128, "card_number")
    assert isinstance(decode(DEMO, {}), Unreadable)


@given(st.dictionaries(st.integers(128, 142), st.one_of(st.binary(min_size=16, max_size=16), st.binary(max_size=20))))
def test_whatever_stands_on_a_card_is_a_value(blocks: dict[int, bytes]) -> None:
    """P9."""
    assert isinstance(decode(DEMO, blocks), CardContents | Unreadable)


@given(st.binary(min_size=16 * 5, max_size=16 * 5), st.sampled_from(sorted(ENCODINGS)))
def test_whatever_stands_in_a_field_of_any_encoding_is_a_value(content: bytes, encoding: str) -> None:
    """P9: and no control character gets through."""
    kind, length = ENCODINGS[encoding].kind, ENCODINGS[encoding].length or 40
    name = "date_of_birth" if kind is date else "last_name"
    coding = compile_profile(one_field(name, encoding, length), "p")
    blocks = {block: content[place * 16 :][:16] for place, block in enumerate((5, 6, 8, 9, 10))}
    found = decode(coding, {4: b"1234567\x00".ljust(16, b"\x00"), **blocks})
    assert isinstance(found, CardContents)
    assert found.last_name is None or found.last_name.isprintable()


@given(st.sampled_from([name for name, row in ENCODINGS.items() if row.kind is str]), st.text(max_size=30))
def test_a_text_is_kept_whole_or_refused(encoding: str, text: str) -> None:
    """Nothing is cut off or altered in silence, but blanks and control characters."""
    coding = compile_profile(one_field("last_name", encoding, 24), "p")
    try:
        blocks = encode(coding, {"card_number": "1234567", "last_name": text})
    except CodingError as refused:
        assert str(refused).startswith("last_name: ")  # noqa: PT017 -- either way is right, and both are looked at
        return
    contents = decode(coding, blocks)
    assert isinstance(contents, CardContents)
    assert contents.last_name == " ".join("".join(ch if ch.isprintable() else " " for ch in text).split())


@pytest.mark.parametrize("number", ["01019012345", "010190 12345", "010190-12345", "nr 01019012345."])
def test_a_national_identity_number_is_never_taken_in_nor_repeated(number: str) -> None:
    """P12."""
    coding = compile_profile(one_field("last_name", "ascii", 20), "p")
    raw = number.encode().ljust(32, b"\x00")
    found = decode(coding, {4: b"1234567".ljust(16, b"\x00"), 5: raw[:16], 6: raw[16:]})
    assert isinstance(found, CardContents)
    assert found.damaged == ("last_name",)
    with pytest.raises(CodingError) as refused:
        encode(coding, {"card_number": "1234567", "last_name": number})
    assert "12345" not in str(refused.value)


def test_a_national_identity_number_as_card_number_makes_the_card_unreadable() -> None:
    """P12."""
    coding = compile_profile(f"{AREA}{NUMBER}".replace("length = 8", "length = 12"), "p")
    found = decode(coding, {4: b"01019012345".ljust(16, b"\x00")})
    assert isinstance(found, Unreadable)
    assert "01019012345" not in repr(found)


@pytest.mark.parametrize(
    ("rules", "written", "kept"),
    [
        ("", "0012345", "0012345"),
        ("drop_zero_above = 7", "0012345", "0012345"),
        ("drop_zero_above = 7", "00123456", "0123456"),
        ("drop_zero_above = 7", "12345678", "12345678"),
        ("", " 123 45", "12345"),
        ("digits_only = false", "AB-123", "AB-123"),
        ("digits_only = true", "AB-123", None),
        ("digits_only = false", "AB/123", None),
        ("min_length = 7", "12345", None),
        ("max_length = 4", "12345", None),
    ],
)
def test_a_card_number_is_spelt_as_its_scheme_says(rules: str, written: str, kept: str | None) -> None:
    coding = compile_profile(f"{AREA}{NUMBER}[number]\n{rules}\n".replace('"digits"', '"ascii"'), "p")
    found = decode(coding, {4: written.encode().ljust(16, b"\x00")})
    if kept is None:
        assert isinstance(found, Unreadable)
        assert written not in found.what
    else:
        assert isinstance(found, CardContents)
        assert found.card.number == kept


def test_text_from_a_card_cannot_play_on_a_terminal() -> None:
    coding = compile_profile(one_field("last_name", "utf-8", 40), "p")
    raw = "\x1b[31mRed\r\nline \u202eturned\x07".encode().ljust(48, b"\x00")
    found = decode(coding, {4: b"1234567".ljust(16, b"\x00"), 5: raw[:16], 6: raw[16:32], 8: raw[32:]})
    assert isinstance(found, CardContents)
    assert found.last_name == "[31mRed line turned"


CRC = """
[[checks]]
kind = "crc-16/x-25"
area = "one"
covers = { block = 0, length = 16 }
at = { block = 1, offset = 14 }
"""
DIRECTED = AREA.replace("sectors = [1, 2]", "application = 0x5189")
UID_ONLY = 'scheme = "x"\n[uid]\n[number]\ndigits_only = false\n'

MISTAKES = [
    (DIRECTED.replace("0x5189", "0x0001") + NUMBER, "areas.0.application"),
    (DIRECTED + "sectors = [1]" + NUMBER, "areas.0.sectors: an area has either"),
    (AREA.replace("sectors = [1, 2]", "") + NUMBER, "areas.0.sectors: an area has either"),
    (DIRECTED + '[[areas]]\nname = "two"\nkey = "k"\nsectors = [16]\n' + NUMBER, "sector 16 holds the directory"),
    (DIRECTED + '[[areas]]\nname = "two"\nkey = "k"\napplication = 0x5189\n' + NUMBER, "two areas are of application"),
    (DIRECTED + NUMBER.replace("block = 0", "block = 255"), "need 256 blocks, more than a card has"),
    (UID_ONLY.replace("[uid]", '[uid]\nform = "octal"'), "uid.form: 'octal' is none of"),
    (UID_ONLY.replace("[uid]", "[uid]\nlengths = [5]"), "uid.lengths"),
    (UID_ONLY.replace("false", "true"), "number.digits_only: a serial number in hex"),
    (AREA + NUMBER + "[uid]", "uid: the serial number is all that is read"),
    (AREA + NUMBER + "terminator = 13", "terminator: makes no difference to 'digits'"),
    (one_field("expiry_date", "date-bcd-yymmdd", 3) + "first_year = 20", "fields.expiry_date.first_year"),
    (AREA + NUMBER + CRC.replace("x-25", "x-26"), "checks.0.kind: 'crc-16/x-26' is none of"),
    (AREA + NUMBER + CRC.replace('"one"', '"two"'), "checks.0.area: there is no area 'two'"),
    (AREA + NUMBER + CRC.replace("length = 16", "length = 160"), "checks.0.covers: runs past the end"),
    (
        AREA + NUMBER + CRC.replace("offset = 14", "offset = 15").replace("block = 1", "block = 5"),
        "checks.0.at: runs past",
    ),
    (AREA + NUMBER + CRC.replace("block = 1", "block = 0"), "checks.0.at: a check cannot stand among"),
    (
        AREA
        + NUMBER
        + CRC.replace("block = 0", "block = 2").replace("block = 1, offset = 14", "block = 0, offset = 7"),
        "checks.0.at: overlaps `card_number` at byte 7 of data block 0",
    ),
    (AREA + NUMBER + CRC + 'byte_order = "middle"', "checks.0.byte_order"),
    (AREA + NUMBER + '[[checks]]\nkind = "xor"', "checks.0.area"),
    (AREA + NUMBER + '[[checks]]\nkind = "xor"\narea = "one"', "checks.0.covers: 'xor' is over bytes"),
    (AREA + NUMBER + '[[checks]]\nkind = "modulo-10"', "checks.0.field: 'modulo-10' checks the digits"),
    (AREA + NUMBER + '[[checks]]\nkind = "modulo-10"\nfield = "card_number"\narea = "one"', "checks.0.covers"),
    ("scheme = 1", "p.toml, line 1, scheme"),
    ("scheme =", "p.toml: not valid TOML"),
    (AREA, "the setting `fields` is missing"),
    (AREA + "[fields]", "line 7, fields: the setting `card_number` is missing here"),
    (AREA + NUMBER.replace('"one"', '"two"'), "fields.card_number.area: there is no area 'two'"),
    (AREA + NUMBER.replace('"digits"', '"ebcdic"'), "fields.card_number.encoding: 'ebcdic' is none of"),
    (AREA + NUMBER.replace('"digits"', '"date-bcd-yyyymmdd"'), "gives a date, the field is text"),
    (AREA + NUMBER.replace("block = 0", "block = 6"), "fields.card_number.block: the field runs past the end"),
    (AREA + NUMBER.replace("block = 0", "blok = 0"), "fields.card_number.blok: no such setting"),
    (AREA + NUMBER.replace("length = 8", "length = 0"), "fields.card_number.length"),
    (AREA + NUMBER + NUMBER.replace("card_number", "shoe_size"), "fields.shoe_size: no such setting"),
    (
        AREA + NUMBER + NUMBER.replace("card_number", "last_name"),
        "fields.last_name: overlaps `card_number` at byte 0 of data block 0",
    ),
    (AREA.replace("[1, 2]", "[40]") + NUMBER, "areas.0.sectors"),
    (AREA.replace("[1, 2]", "[1, 1]") + NUMBER, "areas.0.sectors: sector 1 stands in area 'one' already"),
    (AREA + 'key_type = "C"' + NUMBER, "areas.0.key_type: 'C' is neither"),
    (one_field("expiry_date", "date-bcd-yyyymmdd", 8), "fields.expiry_date.length: 'date-bcd-yyyymmdd' takes 4"),
    (AREA + NUMBER + "[number]\nmin_length = 9\nmax_length = 8", "number.min_length"),
]


@pytest.mark.parametrize(("text", "says"), MISTAKES, ids=[says for _, says in MISTAKES])
def test_a_mistake_in_a_profile_is_told_by_file_and_key(text: str, says: str) -> None:
    """P9."""
    with pytest.raises(CodingError) as refused:
        compile_profile(text, "p.toml")
    assert str(refused.value).startswith("p.toml")
    assert says in str(refused.value)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"shoe_size": "44"}, "no field 'shoe_size'"),
        ({"first_name": "x" * 33}, "takes 33 bytes and the field has 32"),
        ({"card_number": "12345678901234"}, "characters, not 5 to 10"),
        ({"card_number": "12a45"}, "digits"),
        ({"gender": "Ø"}, "lacks a letter"),
        ({"gender": ""}, "no printable character"),
        ({"expiry_date": "soon"}, "not a date"),
    ],
)
def test_a_field_that_does_not_fit_is_refused(fields: dict[str, Value], says: str) -> None:
    with pytest.raises(CodingError, match=says):
        encode(DEMO, fields)


def test_values_from_a_command_line() -> None:
    assert parse_value("expiry_date", "2027-05-31") == date(2027, 5, 31)
    assert parse_value("first_name", "2027-05-31") == "2027-05-31"
    with pytest.raises(CodingError, match="write it as 2027-05-31"):
        parse_value("expiry_date", "31.5.2027")
    with pytest.raises(CodingError, match="no field 'shoe_size'"):
        parse_value("shoe_size", "44")
