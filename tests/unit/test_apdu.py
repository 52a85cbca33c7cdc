"""Commands and answers byte by byte, as PC/SC part 3 prints them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.reader.apdu import (
    ATR_CLASSIC_4K,
    Answer,
    authenticate,
    card_name,
    get_uid,
    load_key,
    read_block,
)
from gate.reader.mifare import Key, KeyType


@pytest.mark.parametrize(
    ("command", "bytes_"),
    [
        (get_uid(), "FFCA000000"),
        (load_key(0x00, 0x00, Key(bytes.fromhex("FFFFFFFFFFFF"))), "FF82000006FFFFFFFFFFFF"),
        (load_key(0x20, 0x1A, Key(bytes.fromhex("A0A1A2A3A4A5"))), "FF82201A06A0A1A2A3A4A5"),
        (authenticate(0x04, KeyType.A, 0x00), "FF860000050100046000"),
        (authenticate(0xFF, KeyType.B, 0x01), "FF860000050100FF6101"),
        (read_block(0x80), "FFB0008010"),
    ],
)
def test_commands_are_as_printed(command: bytes, bytes_: str) -> None:
    assert command.hex().upper() == bytes_


@pytest.mark.parametrize(
    ("raw", "ok", "refused", "words"),
    [
        ("9000", True, False, "done"),
        ("6300", False, True, "refused"),
        ("6982", False, True, "no sector"),
        ("6988", False, False, "key is not in the reader"),
        ("6700", False, False, "wrong length"),
        ("1234", False, False, "1234"),
    ],
)
def test_a_status_has_a_meaning(raw: str, ok: bool, refused: bool, words: str) -> None:
    answer = Answer.from_bytes(b"data" + bytes.fromhex(raw))
    assert answer is not None
    assert (answer.data, answer.ok, answer.refused) == (b"data", ok, refused)
    assert words in answer.meaning


@given(st.binary(max_size=300))
def test_no_answer_of_a_reader_is_an_exception(raw: bytes) -> None:
    """P9."""
    answer = Answer.from_bytes(raw)
    assert (answer is None) == (len(raw) < 2)
    assert answer is None or answer.meaning


def test_the_atr_of_a_4k_carries_its_check_byte_and_its_name() -> None:
    check = 0
    for byte in ATR_CLASSIC_4K[1:]:
        check ^= byte
    assert check == 0
    assert card_name(ATR_CLASSIC_4K) == "MIFARE Classic 4K"
    assert card_name(bytes.fromhex("3B8F8001804F0CA000000306030001000000006A")) == "MIFARE Classic 1K"


@given(st.binary(max_size=40))
def test_no_atr_is_an_exception(raw: bytes) -> None:
    """P9."""
    assert card_name(raw) is None or isinstance(card_name(raw), str)
