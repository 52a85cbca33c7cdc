"""Magnetic stripes: ISO/IEC 7811-2 by hand, both ways, and what a track must not be taken for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.model import Unreadable
from gate.reader.track import TRACKS, bits_of, bytes_of_bits, encode_bits, encode_text, find_in_bits, find_in_text

# Written out by hand after ISO/IEC 7811-2: data bits from the least significant, then odd parity.
#   ;     1     2     =     3     ?     LRC
TRACK_2 = "11010 10000 01000 10110 11001 11111 10011".replace(" ", "")
#   %         A         ?         LRC
TRACK_1 = "1010001 1000011 1111100 1101110".replace(" ", "")
BODY_1, BODY_2 = "A", "12=3"


def lrc_by_hand(bits: str, width: int) -> str:
    """Even ones in each column of all characters, then odd parity of its own."""
    rows = [bits[at : at + width - 1] for at in range(0, len(bits) - width, width)]
    columns = "".join(str(sum(int(row[column]) for row in rows) % 2) for column in range(width - 1))
    return columns + str((columns.count("1") + 1) % 2)


@pytest.mark.parametrize(("number", "bits", "body", "width"), [(2, TRACK_2, BODY_2, 5), (1, TRACK_1, BODY_1, 7)])
def test_a_track_written_out_by_hand(number: int, bits: str, body: str, width: int) -> None:
    assert bits[-width:] == lrc_by_hand(bits, width), "the vector itself"
    assert encode_bits(body, number) == bits
    assert find_in_bits(bits, number) == body
    assert find_in_bits(bits[::-1], number) == body


@pytest.mark.parametrize("before", ["", "0" * 40, "00000001000", "101"])
@pytest.mark.parametrize("after", ["", "0" * 40, "0001"])
@pytest.mark.parametrize("backwards", [False, True])
def test_clocking_zeros_and_a_spark_do_not_matter(before: str, after: str, backwards: bool) -> None:
    bits = encode_bits("100000008=12345678", 2)
    whole = before + bits + after
    assert find_in_bits(whole[::-1] if backwards else whole, 2) == "100000008=12345678"


def test_a_short_track_inside_a_damaged_one_is_chance() -> None:
    """What fuzzing found: one wrong bit, and a piece of the rest made a track of its own."""
    bits = encode_bits("354701208=561995847", 2)
    wrong = bits[:82] + ("1" if bits[82] == "0" else "0") + bits[83:]
    assert isinstance(find_in_bits(wrong, 2), Unreadable)


@pytest.mark.parametrize("at", range(35))
@pytest.mark.parametrize("backwards", [False, True])
def test_one_wrong_bit_anywhere_is_found(at: int, backwards: bool) -> None:
    wrong = TRACK_2[:at] + ("1" if TRACK_2[at] == "0" else "0") + TRACK_2[at + 1 :]
    assert isinstance(find_in_bits(wrong[::-1] if backwards else wrong, 2), Unreadable)


bodies = {
    1: st.text([chr(code) for code in range(0x20, 0x60) if chr(code) not in "%?"], min_size=1, max_size=76),
    2: st.text("0123456789:<=>", min_size=1, max_size=37),
    3: st.text("0123456789:<=>", min_size=1, max_size=104),
}


@given(st.sampled_from([1, 2, 3]).flatmap(lambda number: st.tuples(st.just(number), bodies[number])), st.booleans())
def test_every_body_comes_back_from_bits_and_from_text(track: tuple[int, str], backwards: bool) -> None:
    number, body = track
    bits = encode_bits(body, number)
    packed = bytes_of_bits(bits[::-1] if backwards else bits)
    found = find_in_bits(bits_of(packed), number)
    if isinstance(found, Unreadable):
        # A few characters may be as good a track backwards; then nobody can tell, and it has to say so.
        assert "two ways" in found.what
        assert len(body) < 6
    else:
        assert found == body
    for lrc in (False, True):
        if body == "E":
            continue  # in a text, what readers say of a track that they could not read
        assert find_in_text(f"noise{encode_text(body, number, lrc=lrc)}\r\n", number, lrc=lrc) == body


@given(st.sampled_from([1, 2, 3]), st.data())
def test_bits_packed_either_way_are_the_same_bits(number: int, data: st.DataObject) -> None:
    bits = encode_bits(data.draw(bodies[number]), number)
    for first in (False, True):
        packed = bytes_of_bits(bits, most_significant_first=first)
        assert bits_of(packed, most_significant_first=first).rstrip("0") == bits.rstrip("0")


@pytest.mark.parametrize(
    ("text", "number", "start", "body"),
    [
        (";12=3?", 2, None, "12=3"),
        ("%B1234^NAME/A^99?;12=3?+0123?\r\n", 1, None, "B1234^NAME/A^99"),
        ("%B1234^NAME/A^99?;12=3?+0123?\r\n", 2, None, "12=3"),
        ("%B1234^NAME/A^99?;12=3?+0123?\r\n", 3, None, "0123"),
        ("%A?;12=3?;0123?", 3, ";", "0123"),
        ("\x02;12=3?\x03", 2, None, "12=3"),
        ("MSR;12=3?\r", 2, None, "12=3"),
    ],
)
def test_tracks_are_found_among_a_reader_s_decorations(text: str, number: int, start: str | None, body: str) -> None:
    assert find_in_text(text, number, start=start) == body


@pytest.mark.parametrize(
    ("text", "number", "says"),
    [
        ("%E?;12=3?", 1, "the reader could not read track 1"),
        ("%A?;E?+E?", 2, "the reader could not read track 2"),
        ("%A?;E?+E?", 3, "the reader could not read track 3"),
        ("%A?", 2, "nothing stands on track 2"),
        (";?", 2, "nothing stands on track 2"),
        ("", 2, "no track in what the reader sent"),
        ("hello", 2, "no track in what the reader sent"),
        (";" + "1" * 38 + "?", 2, "longer than the standard lets it be"),
    ],
)
def test_what_a_reader_could_not_read_has_a_reason(text: str, number: int, says: str) -> None:
    found = find_in_text(text, number)
    assert isinstance(found, Unreadable)
    assert says in found.what


def test_a_wrong_lrc_in_a_text_is_found() -> None:
    right = encode_text("12=3", 2, lrc=True)
    wrong = right[:-1] + ("0" if right[-1] != "0" else "1")
    found = find_in_text(wrong, 2, lrc=True)
    assert isinstance(found, Unreadable)
    assert "LRC" in found.what


@pytest.mark.parametrize(("body", "number"), [("A", 2), ("1;2", 2), ("1?2", 2), ("1" * 38, 2), ("a", 1), ("1%", 1)])
def test_a_body_that_a_track_cannot_hold_is_refused(body: str, number: int) -> None:
    with pytest.raises(ValueError, match=r"track|alphabet|sentinel"):
        encode_bits(body, number)


def test_the_alphabets_are_those_of_the_standard() -> None:
    assert [(track.char_bits, track.start, track.separator, track.longest) for track in TRACKS.values()] == [
        (7, "%", "^", 79), (5, ";", "=", 40), (5, ";", "=", 107),
    ]  # fmt: skip
