"""The 4K memory map and its access bits, against the tables of NXP MF1S70yyX."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.reader.mifare import (
    BLOCK_COUNT,
    DATA_RIGHTS,
    ISSUED_ACCESS,
    SECTOR_COUNT,
    TRAILER_RIGHTS,
    TRANSPORT_ACCESS,
    Access,
    Key,
    KeyType,
    blocks_of,
    data_blocks,
    group_of,
    is_trailer,
    sector_of,
    trailer_of,
)

A, B = KeyType.A, KeyType.B
conditions = st.tuples(*[st.integers(0, 7)] * 4)


@pytest.mark.parametrize(
    ("sector", "first", "trailer", "count"),
    [(0, 0, 3, 4), (1, 4, 7, 4), (31, 124, 127, 4), (32, 128, 143, 16), (33, 144, 159, 16), (39, 240, 255, 16)],
)
def test_the_memory_map_is_that_of_the_data_sheet(sector: int, first: int, trailer: int, count: int) -> None:
    assert (blocks_of(sector)[0], trailer_of(sector), len(blocks_of(sector))) == (first, trailer, count)


def test_every_block_stands_in_exactly_one_sector() -> None:
    assert [block for sector in range(SECTOR_COUNT) for block in blocks_of(sector)] == list(range(BLOCK_COUNT))
    assert all(block in blocks_of(sector_of(block)) for block in range(BLOCK_COUNT))


def test_data_blocks_leave_out_trailers_and_the_manufacturer_block() -> None:
    assert list(data_blocks(0)) == [1, 2]
    data = {block for sector in range(SECTOR_COUNT) for block in data_blocks(sector)}
    assert len(data) == 215
    assert not any(is_trailer(block) for block in data)


@pytest.mark.parametrize("block", [-1, 256])
def test_a_block_outside_the_card_is_refused(block: int) -> None:
    with pytest.raises(ValueError, match="not on a 4K card"):
        sector_of(block)


@pytest.mark.parametrize("sector", [-1, 40])
def test_a_sector_outside_the_card_is_refused(sector: int) -> None:
    with pytest.raises(ValueError, match="not on a 4K card"):
        blocks_of(sector)


def test_five_data_blocks_of_a_large_sector_share_one_condition() -> None:
    assert [group_of(block) for block in blocks_of(32)] == [0] * 5 + [1] * 5 + [2] * 5 + [3]
    assert [group_of(block) for block in blocks_of(31)] == [0, 1, 2, 3]


def test_transport_access_is_what_the_factory_writes() -> None:
    assert TRANSPORT_ACCESS.to_bytes() == bytes.fromhex("FF078069")
    assert Access.from_bytes(bytes.fromhex("FF078069")) == TRANSPORT_ACCESS


def test_issued_access_is_the_well_known_787788() -> None:
    assert ISSUED_ACCESS.to_bytes()[:3] == bytes.fromhex("787788")


@given(conditions, st.integers(0, 255))
def test_access_bits_round_trip(given_conditions: tuple[int, int, int, int], user: int) -> None:
    access = Access(given_conditions)
    assert Access.from_bytes(access.to_bytes(user)) == access


@given(conditions, st.integers(0, 23))
def test_one_flipped_access_bit_is_found(given_conditions: tuple[int, int, int, int], bit: int) -> None:
    raw = bytearray(Access(given_conditions).to_bytes())
    raw[bit // 8] ^= 1 << bit % 8
    assert Access.from_bytes(bytes(raw)) is None


def test_too_few_access_bytes_are_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="3 bytes, not 2"):
        Access.from_bytes(b"\xff\x07")


# MF1S70yyX table 8, as printed: C1 C2 C3, who reads, who writes.
TABLE_8 = [
    ("000", "AB", "AB"),
    ("010", "AB", ""),
    ("100", "AB", "B"),
    ("110", "AB", "B"),
    ("001", "AB", ""),
    ("011", "B", "B"),
    ("101", "B", ""),
    ("111", "", ""),
]

# MF1S70yyX table 7, as printed: C1 C2 C3, write key A, read and write access bits, read and write key B.
TABLE_7 = [
    ("000", "A", "A", "", "A", "A"),
    ("010", "", "A", "", "A", ""),
    ("100", "B", "AB", "", "", "B"),
    ("110", "", "AB", "", "", ""),
    ("001", "A", "A", "A", "A", "A"),
    ("011", "B", "AB", "B", "", "B"),
    ("101", "", "AB", "B", "", ""),
    ("111", "", "AB", "", "", ""),
]


def _keys(letters: str) -> frozenset[KeyType]:
    return frozenset(KeyType[letter] for letter in letters)


@pytest.mark.parametrize(("bits", "read", "write"), TABLE_8)
def test_data_rights_follow_table_8(bits: str, read: str, write: str) -> None:
    rights = DATA_RIGHTS[int(bits, 2)]
    assert (rights.read, rights.write) == (_keys(read), _keys(write))


@pytest.mark.parametrize(("bits", "printed"), [(row[0], row[1:]) for row in TABLE_7])
def test_trailer_rights_follow_table_7(bits: str, printed: tuple[str, ...]) -> None:
    rights = TRAILER_RIGHTS[int(bits, 2)]
    found = (rights.write_key_a, rights.read_access, rights.write_access, rights.read_key_b, rights.write_key_b)
    assert found == tuple(_keys(letters) for letters in printed)


@pytest.mark.parametrize(("bits", "is_data"), [(row[0], bool(row[4])) for row in TABLE_7])
def test_a_key_b_that_can_be_read_opens_nothing(bits: str, is_data: bool) -> None:
    access = Access((0, 0, 0, int(bits, 2)))
    assert access.key_b_is_data is is_data
    assert access.may_read(4, A)
    assert access.may_read(4, B) is not is_data
    assert access.may_write(4, B) is not is_data
    assert access.may_read(7, B) is not is_data


def test_each_group_has_its_own_condition() -> None:
    access = Access((0b000, 0b011, 0b111, 0b011))
    assert [access.may_read(block, A) for block in (4, 5, 6)] == [True, False, False]
    assert [access.may_read(block, B) for block in (4, 5, 6)] == [True, True, False]
    assert [access.may_write(block, A) for block in (128, 132, 133, 138)] == [True, True, False, False]


def test_the_manufacturer_block_is_never_written() -> None:
    assert not TRANSPORT_ACCESS.may_write(0, A)
    assert TRANSPORT_ACCESS.may_write(1, A)


def test_a_key_never_shows_itself() -> None:
    key = Key(bytes.fromhex("A0A1A2A3A4A5"))
    assert {repr(key), str(key), f"{key}", f"{key!r}"} == {"<key>"}
    assert str({"name": key}) == "{'name': <key>}"
    assert key == bytes.fromhex("A0A1A2A3A4A5")
