"""The application directory: its CRC, its order, and reading a card by it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.model import Unreadable
from gate.reader.coding import Authenticate, Coding, Read, compile_profile
from gate.reader.mad import PARTS, application_name, part_of, parts_for, read_part, sectors_of, write_part
from gate.reader.mifare import KeyType

MAD1, MAD2 = PARTS

# Every sector of a small card given to NFC Forum data (application E103): what any telephone writes.
NFC_FORUM = {1: bytes.fromhex("140103E103E103E103E103E103E103E1"), 2: bytes.fromhex("03E1" * 8)}


def test_a_directory_as_any_telephone_writes_it() -> None:
    entries = read_part(MAD1, NFC_FORUM)
    assert entries == dict.fromkeys(range(1, 16), 0xE103)


@given(st.sampled_from(PARTS), st.data())
def test_directories_round_trip(part: object, data: st.DataObject) -> None:
    chosen = data.draw(st.sampled_from(PARTS))
    entries = data.draw(st.dictionaries(st.sampled_from(list(chosen.tells_of)), st.integers(1, 0xFFFF), min_size=1))
    found = read_part(chosen, write_part(chosen, entries))
    assert found == {sector: entries.get(sector, 0) for sector in chosen.tells_of}


@given(st.sampled_from([0, 1]), st.data())
def test_one_changed_bit_is_found(which: int, data: st.DataObject) -> None:
    part = PARTS[which]
    blocks = {block: bytearray(content) for block, content in write_part(part, {part.tells_of[2]: 0x5189}).items()}
    bit = data.draw(st.integers(0, 128 * len(part.blocks) - 1))
    blocks[part.blocks[bit // 128]][bit % 128 // 8] ^= 1 << bit % 8
    found = read_part(part, {block: bytes(content) for block, content in blocks.items()})
    assert found == Unreadable(
        f"the check CRC-8/MIFARE-MAD of the directory MAD{part.version} does not hold", part.blocks[0]
    )


@pytest.mark.parametrize("empty", [b"\x00", b"\xff"])
def test_a_card_without_a_directory_is_told_from_a_broken_one(empty: bytes) -> None:
    found = read_part(MAD2, dict.fromkeys((64, 65, 66), empty * 16))
    assert found == Unreadable("the card has no directory MAD2", 64)
    assert read_part(MAD1, {1: bytes(16)}) == Unreadable("the directory MAD1 could not be read", 1)


@given(st.dictionaries(st.sampled_from([1, 2, 64, 65, 66]), st.binary(max_size=20)))
def test_p9_whatever_stands_there_is_a_value(blocks: dict[int, bytes]) -> None:
    for part in PARTS:
        assert isinstance(read_part(part, blocks), dict | Unreadable)


def test_ids_stand_with_the_application_code_first() -> None:
    assert write_part(MAD1, {1: 0x5189})[1][2:4] == bytes.fromhex("8951")


def test_a_second_directory_is_there_for_sectors_above_sixteen_and_never_alone() -> None:
    assert parts_for([3, 15]) == (MAD1,)
    assert parts_for([33]) == (MAD1, MAD2)
    assert part_of(16) is MAD2


def test_names() -> None:
    assert [application_name(number) for number in (0, 1, 0x5189)] == ["free", "defect", "0x5189"]
    assert sectors_of(7, {9: 7, 2: 7, 4: 8}) == (2, 9)


PROFILE = """
scheme = "id06"
[[areas]]
name = "card"
application = 0x5189
key = "read"
[fields.card_number]
area = "card"
block = 2
length = 20
encoding = "ascii"
"""


def coding() -> Coding:
    return compile_profile(PROFILE, "mad.toml")


def test_the_plan_reads_the_directory_first_and_says_so() -> None:
    plan = coding().plan
    assert plan.steps == (
        Authenticate(0, "mad", KeyType.A),
        Read(1),
        Read(2),
        Authenticate(1, "read", KeyType.A),
        Read(6),
        Authenticate(2, "read", KeyType.A),
        Read(8),
    )
    assert plan.decision_steps == 7


def test_a_card_s_directory_places_the_fields() -> None:
    located = coding().located({5: 0x5189, 9: 0x5189, 6: 0x5188}, complete=False)
    assert isinstance(located, Coding)
    assert located.places[0].blocks == (22, 36)
    assert located.for_decision().places[0].blocks == (22, 36)


def test_a_large_sector_holds_what_takes_two_small_ones() -> None:
    located = coding().located({33: 0x5189}, complete=True)
    assert isinstance(located, Coding)
    assert located.places[0].blocks == (146, 147)


@pytest.mark.parametrize(
    ("entries", "says"),
    [({}, "does not know application 0x5189"), ({4: 0x5189}, "has too few sectors for application 0x5189")],
)
def test_an_application_that_is_not_there_is_told(entries: dict[int, int], says: str) -> None:
    assert coding().located(entries, complete=False) is None
    assert coding().located(entries, complete=True) == Unreadable(f"the card's directory {says}", 1)
