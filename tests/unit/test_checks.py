"""Checks: the catalogue's own check values, one changed bit is found, and a failing check says so by name."""

from collections.abc import Sequence
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.errors import CodingError
from gate.model import CardContents, Unreadable
from gate.reader.checks import ALIASES, DIGIT_CHECKS, SUMS, digits_hold
from gate.reader.coding import Coding, compile_profile
from gate.reader.contents import decode, encode
from gate.reader.encodings import Value

# Of the ASCII digits 1 to 9, as the CRC catalogue prints them; the two sums reckoned by hand.
CHECK_VALUES = {
    "crc-16/arc": 0xBB3D,
    "crc-16/genibus": 0xD64E,
    "crc-16/ibm-3740": 0x29B1,
    "crc-16/ibm-sdlc": 0x906E,
    "crc-16/iso-iec-14443-3-a": 0xBF05,
    "crc-16/kermit": 0x2189,
    "crc-16/mcrf4xx": 0x6F91,
    "crc-16/modbus": 0x4B37,
    "crc-16/spi-fujitsu": 0xE5CC,
    "crc-16/umts": 0xFEE8,
    "crc-16/usb": 0xB4C8,
    "crc-16/xmodem": 0x31C3,
    "crc-8/mifare-mad": 0x99,
    "crc-8/maxim-dow": 0xA1,
    "crc-8/smbus": 0xF4,
    "xor": 0x31,
    "lrc": 0x23,
}


def test_every_check_has_its_value() -> None:
    assert CHECK_VALUES.keys() | ALIASES.keys() == SUMS.keys()


@pytest.mark.parametrize(("name", "value"), CHECK_VALUES.items())
def test_a_check_has_the_catalogue_s_value(name: str, value: int) -> None:
    assert SUMS[name].of(b"123456789") == value


@given(st.sampled_from(sorted(SUMS)), st.binary(min_size=1, max_size=48), st.data())
def test_one_changed_bit_is_found(name: str, content: bytes, data: st.DataObject) -> None:
    bit = data.draw(st.integers(0, 8 * len(content) - 1))
    changed = bytearray(content)
    changed[bit // 8] ^= 1 << bit % 8
    assert SUMS[name].of(bytes(changed)) != SUMS[name].of(content)


@pytest.mark.parametrize(
    ("kind", "number", "holds"),
    [
        ("modulo-10", "79927398713", True),
        ("modulo-10", "79927398710", False),
        ("modulo-10", "0079927398713", True),
        ("modulo-11", "100000008", True),
        ("modulo-11", "100000009", False),
        ("modulo-11", "10000000A", False),
        ("modulo-10", "", True),
    ],
)
def test_check_digits(kind: str, number: str, holds: bool) -> None:
    assert digits_hold(kind, number) is holds if number else not digits_hold(kind, number)


@given(st.sampled_from(sorted(DIGIT_CHECKS)), st.lists(st.integers(0, 9), min_size=2, max_size=12), st.data())
def test_one_changed_digit_is_found(kind: str, digits: Sequence[int], data: st.DataObject) -> None:
    complete = [*digits[:-1], 0]
    good = next((last for last in range(10) if DIGIT_CHECKS[kind]([*complete[:-1], last])), None)
    if good is None:
        return
    complete[-1] = good
    at = data.draw(st.integers(0, len(complete) - 1))
    other = data.draw(st.integers(0, 9).filter(lambda digit: digit != complete[at]))
    assert not DIGIT_CHECKS[kind]([*complete[:at], other, *complete[at + 1 :]])


PROFILE = """
scheme = "hms"
[[areas]]
name = "card"
sectors = [1, 2]
key = "read"
[fields.card_number]
area = "card"
block = 0
length = 4
encoding = "bcd"
[fields.expiry_date]
area = "card"
block = 0
offset = 4
length = 4
encoding = "date-bcd-yyyymmdd"
[fields.last_name]
area = "card"
block = 2
length = 24
encoding = "utf-8"
"""
FIELDS: dict[str, Value] = {"card_number": "12345674", "expiry_date": date(2027, 5, 31), "last_name": "Ødegård"}


def coding_with(*checks: str) -> Coding:
    return compile_profile(PROFILE + "".join(f"[[checks]]\n{check}\n" for check in checks), "p")


def over_bytes(kind: str, order: str = "big") -> str:
    where = "covers = { block = 0, length = 14 }\nat = { block = 0, offset = 14 }"
    return f'kind = "{kind}"\narea = "card"\n{where}\nbyte_order = "{order}"'


OVER_NAME = 'kind = "xor"\narea = "card"\ncovers = { block = 2, length = 24 }\nat = { block = 4, offset = 15 }'


@pytest.mark.parametrize("kind", SUMS)
@pytest.mark.parametrize("order", ["big", "little"])
def test_a_card_is_written_with_its_check_and_read_with_it(kind: str, order: str) -> None:
    coding = coding_with(over_bytes(kind, order))
    blocks = encode(coding, FIELDS)
    value = SUMS[kind].of(blocks[4][:14])
    length = SUMS[kind].length
    assert int.from_bytes(blocks[4][14 : 14 + length], "little" if order == "little" else "big") == value
    assert isinstance(decode(coding, blocks), CardContents)


@pytest.mark.parametrize("kind", SUMS)
@pytest.mark.parametrize("byte", range(15))
def test_a_check_that_fails_makes_the_card_unreadable_and_names_itself_and_the_block(kind: str, byte: int) -> None:
    """P9."""
    coding = coding_with(over_bytes(kind))
    blocks = encode(coding, FIELDS)
    content = bytearray(blocks[4])
    content[byte] ^= 0x01 if byte < 4 or byte > 7 else 0x00
    content[13] ^= 0x10
    found = decode(coding, {**blocks, 4: bytes(content)})
    assert found == Unreadable(f"the check {kind} does not hold", 4)


def test_a_check_over_a_name_damages_the_name_alone() -> None:
    coding = coding_with(OVER_NAME)
    blocks = encode(coding, FIELDS)
    content = bytearray(blocks[6])
    content[0] ^= 0x01
    found = decode(coding, {**blocks, 6: b"A" + blocks[6][1:]})
    assert isinstance(found, CardContents)
    assert (found.card.number, found.last_name, found.damaged) == ("12345674", None, ("last_name",))


def test_p12_a_gate_that_reads_no_name_reads_no_check_of_it_either() -> None:
    coding = coding_with(over_bytes("crc-16/arc"), OVER_NAME).for_decision()
    assert [check.kind for check in coding.checks] == ["crc-16/arc"]
    assert coding.plan.decision_blocks == {4}
    assert len(coding.plan.steps) == 2


def test_a_check_over_several_blocks_belongs_to_the_decision() -> None:
    check = (
        over_bytes("crc-16/x-25").replace("length = 14", "length = 90").replace("at = { block = 0", "at = { block = 5")
    )
    coding = coding_with(check)
    # Sector 1 gives blocks 4 to 6, sector 2 blocks 8 to 10: trailers are skipped.
    assert coding.plan.decision_blocks == {4, 5, 6, 8, 9, 10}
    blocks = encode(coding, FIELDS)
    assert isinstance(decode(coding, blocks), CardContents)
    assert decode(coding, {**blocks, 9: b"\x01" * 16}) == Unreadable("the check crc-16/x-25 does not hold", 10)
    del blocks[9]
    found = decode(coding, blocks)
    assert isinstance(found, Unreadable)
    assert found.what == "the check crc-16/x-25 cannot be made: block 9 could not be read"


def test_a_check_digit_is_asked_of_the_card_and_of_who_writes_it() -> None:
    coding = coding_with('kind = "modulo-10"\nfield = "card_number"')
    assert isinstance(decode(coding, encode(coding, FIELDS)), CardContents)
    with pytest.raises(CodingError, match="card_number: its last digit is not the check digit that modulo-10 asks for"):
        encode(coding, {**FIELDS, "card_number": "12345678"})
    wrong = encode(coding_with(), {**FIELDS, "card_number": "12345678"})
    assert decode(coding, wrong) == Unreadable("the check modulo-10 of `card_number` does not hold", 4)
