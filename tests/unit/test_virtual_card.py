"""The simulated card behaves as the chip: keys, access bits, what reads as zeros, what is refused."""

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.errors import CardImageError
from gate.reader.mifare import (
    IMAGE_BYTES,
    ISSUED_ACCESS,
    TRANSPORT_ACCESS,
    TRANSPORT_KEY,
    Access,
    KeyType,
    trailer,
)
from gate.reader.profiles import load_pair
from gate.simulator.card import VirtualCard, load_card, make_card, save_card

A, B = KeyType.A, KeyType.B
SHORT, LONG = bytes.fromhex("5A112233"), bytes.fromhex("04112233445566")
KEY_A, KEY_B = bytes.fromhex("A0A1A2A3A4A5"), bytes.fromhex("D3F7D3F7D3F7")
CODING = Path(__file__).parents[2] / "config" / "coding"
CONTENT = bytes(range(16))


def card_with(access: Access, block: int = 7) -> VirtualCard:
    """A fresh card whose one sector has these rights and the keys KEY_A, KEY_B."""
    card = VirtualCard.fresh(SHORT)
    assert card.authenticate(block, A, TRANSPORT_KEY)
    assert card.write(block, trailer(KEY_A, access, KEY_B))
    return card


@pytest.mark.parametrize(("uid", "atqa"), [(SHORT, "0200"), (LONG, "4200")])
def test_a_card_tells_its_uid_and_kind(uid: bytes, atqa: str) -> None:
    card = VirtualCard.fresh(uid)
    assert (card.uid, card.atqa.hex(), card.sak) == (uid, atqa, 0x18)
    assert VirtualCard(card.image).uid == uid


@given(st.one_of(st.binary(min_size=4, max_size=4), st.binary(min_size=7, max_size=7)))
def test_every_uid_survives_its_dump(uid: bytes) -> None:
    assert VirtualCard(VirtualCard.fresh(uid).image).uid == uid


@pytest.mark.parametrize("uid", [b"", b"123", b"12345", b"1234567890"])
def test_a_uid_of_another_length_is_refused(uid: bytes) -> None:
    with pytest.raises(CardImageError, match="4 or 7 bytes"):
        VirtualCard.fresh(uid)


def test_a_fresh_card_opens_with_the_transport_key_and_shows_key_a_as_zeros() -> None:
    card = VirtualCard.fresh(SHORT)
    assert card.authenticate(4, A, TRANSPORT_KEY)
    assert card.read(4) == bytes(16)
    assert card.read(7) == bytes(6) + bytes.fromhex("FF078069") + TRANSPORT_KEY
    assert card.read(0) is None


def test_nothing_is_read_without_authentication() -> None:
    card = VirtualCard.fresh(SHORT)
    assert card.read(4) is None
    assert not card.write(4, CONTENT)


def test_one_sector_is_open_at_a_time_and_a_refusal_closes_it() -> None:
    card = VirtualCard.fresh(SHORT)
    assert card.authenticate(4, A, TRANSPORT_KEY)
    assert card.read(8) is None
    assert card.read(4) is None


def test_a_wrong_key_opens_nothing_and_closes_what_was_open() -> None:
    card = VirtualCard.fresh(SHORT)
    assert card.authenticate(4, A, TRANSPORT_KEY)
    assert not card.authenticate(4, A, KEY_A)
    assert card.read(4) is None


def test_a_new_select_closes_the_sector() -> None:
    card = VirtualCard.fresh(SHORT)
    assert card.authenticate(4, A, TRANSPORT_KEY)
    card.select()
    assert card.read(4) is None


def test_a_readable_key_b_authenticates_but_reads_nothing() -> None:
    card = VirtualCard.fresh(SHORT)
    assert card.authenticate(4, B, TRANSPORT_KEY)
    assert card.read(4) is None


def test_an_issued_sector_is_read_by_a_and_written_by_b() -> None:
    card = card_with(ISSUED_ACCESS)
    assert card.authenticate(4, B, KEY_B)
    assert card.write(4, CONTENT)
    assert card.authenticate(4, A, KEY_A)
    assert card.read(4) == CONTENT
    assert not card.write(4, bytes(16))
    assert card.authenticate(4, A, KEY_A)
    assert card.read(7) == bytes(6) + ISSUED_ACCESS.to_bytes() + bytes(6)


def test_a_trailer_keeps_the_parts_that_a_key_may_not_write() -> None:
    # 100: key B writes both keys, nobody the access bits.
    card = card_with(Access((0b100, 0b100, 0b100, 0b100)))
    assert card.authenticate(7, B, KEY_B)
    assert card.write(7, trailer(b"new--a", TRANSPORT_ACCESS, b"new--b"))
    assert card.authenticate(7, A, b"new--a")
    assert card.authenticate(7, B, b"new--b")
    assert card.image[7 * 16 + 6 : 7 * 16 + 9] == Access((0b100, 0b100, 0b100, 0b100)).to_bytes()[:3]


def test_access_bits_that_contradict_themselves_lock_the_sector_for_good() -> None:
    card = VirtualCard.fresh(SHORT)
    assert card.authenticate(4, A, TRANSPORT_KEY)
    assert card.write(7, TRANSPORT_KEY + bytes(4) + TRANSPORT_KEY)
    assert card.read(4) is None
    assert not card.authenticate(4, A, TRANSPORT_KEY)
    assert card.authenticate(8, A, TRANSPORT_KEY)


def test_the_manufacturer_block_cannot_be_written() -> None:
    card = VirtualCard.fresh(SHORT)
    assert card.authenticate(0, A, TRANSPORT_KEY)
    assert not card.write(0, CONTENT)


def test_groups_of_five_in_large_sectors_are_enforced() -> None:
    card = card_with(Access((0b000, 0b111, 0b000, 0b011)), block=143)
    for block, readable in ((128, True), (132, True), (133, False), (137, False), (138, True), (142, True)):
        assert card.authenticate(block, A, KEY_A)
        assert (card.read(block) is not None) is readable


def test_a_dump_comes_back_the_same(tmp_path: Path) -> None:
    path = tmp_path / "c.mfd"
    card = card_with(ISSUED_ACCESS)
    save_card(card, path)
    assert path.stat().st_size == IMAGE_BYTES
    assert load_card(path).image == card.image


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"", "not 0"), (bytes(1024), "Classic 1K"), (bytes(4097), "not 4097"), (b"\x01" + bytes(4095), "block 0")],
)
def test_what_is_not_a_card_is_refused_by_name(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "no.mfd"
    path.write_bytes(content)
    with pytest.raises(CardImageError, match=says) as refused:
        load_card(path)
    assert str(path) in str(refused.value)


def test_a_dump_that_is_not_there_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(CardImageError, match=r"gone\.mfd: cannot be read"):
        load_card(tmp_path / "gone.mfd")


def test_a_made_card_opens_with_the_profiles_keys_only() -> None:
    coding, keys = load_pair(CODING / "demo.toml", CODING / "demo.keys.toml")
    card = make_card(coding, keys, {"card_number": "12345678", "expiry_date": date(2027, 5, 31)}, LONG)
    assert not card.authenticate(128, A, TRANSPORT_KEY)
    assert not card.authenticate(128, B, TRANSPORT_KEY)
    assert card.authenticate(128, A, keys["demo-read"])
    assert card.read(128) is not None
    assert not card.write(128, CONTENT)
    assert card.authenticate(128, B, keys["demo-write"])
