"""Serial framing: whole, byte by byte, with noise before and after; and the decoders behind it."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.reader.frames import FRAMINGS, MAX_FRAME_BYTES, Ended, Frame, Framer, Repeats, printable
from tests.fuzz import cards, frames, qr, tracks, wiegand

IDLE_MS = 50
SENT = {
    "cr": b";12=3?\r", "lf": b";12=3?\n", "crlf": b";12=3?\r\n", "stx-etx": b"\x02;12=3?\x03", "idle": b";12=3?",
}  # fmt: skip


def fed(framing: str, *pieces: bytes) -> list[Frame]:
    framer = Framer(FRAMINGS[framing], IDLE_MS)
    found = [frame for piece in pieces for frame in framer.feed(piece, 0)]
    return found + framer.tick(IDLE_MS)


@pytest.mark.parametrize("framing", FRAMINGS)
def test_a_message_is_a_frame_however_it_trickles_in(framing: str) -> None:
    sent = SENT[framing]
    assert fed(framing, sent) == [Frame(b";12=3?")]
    assert fed(framing, *(sent[at : at + 1] for at in range(len(sent)))) == [Frame(b";12=3?")]


@pytest.mark.parametrize("framing", ["cr", "lf", "crlf", "stx-etx"])
def test_messages_that_come_at_once_are_told_apart(framing: str) -> None:
    assert fed(framing, SENT[framing] * 3) == [Frame(b";12=3?")] * 3


@pytest.mark.parametrize("framing", FRAMINGS)
def test_noise_before_and_after_that_the_line_has_been_quiet_about_costs_no_message(framing: str) -> None:
    framer = Framer(FRAMINGS[framing], IDLE_MS)
    found = framer.feed(b"\xff\x00\x55", 0)
    found += framer.feed(SENT[framing], IDLE_MS)
    found += framer.tick(2 * IDLE_MS)
    found += framer.feed(b"\xfe", 3 * IDLE_MS) + framer.tick(4 * IDLE_MS)
    assert Frame(b";12=3?") in found
    assert not framer.waiting


def test_half_a_message_is_cut_by_silence_and_not_glued_to_the_next() -> None:
    framer = Framer(FRAMINGS["cr"], IDLE_MS)
    assert framer.feed(b";12", 0) == []
    assert framer.feed(b";45=6?\r", IDLE_MS) == [Frame(b";12", Ended.CUT), Frame(b";45=6?")]


def test_a_second_start_drops_the_first() -> None:
    assert fed("stx-etx", b"\x02;12\x02;45=6?\x03") == [Frame(b";45=6?")]


def test_p11_a_message_without_an_end_is_one_answer_and_does_not_grow() -> None:
    framer = Framer(FRAMINGS["cr"], IDLE_MS)
    found: list[Frame] = []
    for _ in range(50):
        found += framer.feed(b"x" * 1000, 0)
        assert framer.held <= MAX_FRAME_BYTES
    assert found == [Frame(b"", Ended.LONG)]
    assert framer.feed(b"\r;12=3?\r", 0) == [Frame(b";12=3?")]


def test_the_same_again_within_the_hold_off_is_the_same_showing() -> None:
    repeats = Repeats(1_000)
    shown = [repeats.is_new(what, at) for what, at in [("a", 0), ("a", 900), ("a", 1_800), ("b", 1_900), ("a", 2_000),
                                                       ("a", 3_000)]]  # fmt: skip
    assert shown == [True, False, False, True, True, True]


@pytest.mark.parametrize(
    ("data", "clean"), [(b"\x00\xff;1?\x80 ", b";1?"), (b"\x00\xff", b""), (b"", b""), (b"a", b"a")]
)
def test_what_is_no_character_at_the_ends_is_noise(data: bytes, clean: bytes) -> None:
    assert printable(data) == clean


# --- the fuzzers, at a smaller count than `make fuzz` ----------------------------------------------------


@given(
    st.sampled_from(sorted(FRAMINGS)),
    st.lists(st.tuples(st.sampled_from([0, 10, 60]), st.binary(max_size=80)), max_size=5),
)
def test_p9_any_stream_in_any_framing(framing: str, pieces: list[tuple[int, bytes]]) -> None:
    frames.check(framing, pieces)


@pytest.mark.parametrize("fuzzer", [tracks, qr, frames, cards, wiegand], ids=lambda module: module.__name__[11:])
@settings(max_examples=300)
@given(seed=st.integers(0, 2**48))
def test_p9_every_fuzzer_for_a_while(fuzzer: object, seed: int) -> None:
    assert fuzzer.one(Random(seed))  # type: ignore[attr-defined]


@given(st.binary(max_size=300), st.sampled_from(tracks.FORMS), st.booleans())
def test_p9_any_bytes_from_a_stripe_reader(data: bytes, form: str, lrc: bool) -> None:
    tracks.check(form, data, lrc=lrc and form == "text")


@given(st.binary(max_size=700))
def test_p9_any_bytes_from_a_scanner(data: bytes) -> None:
    qr.check(data)


@given(st.binary(max_size=40), st.integers(-10, 400))
def test_p9_any_bits_from_an_osdp_reader(data: bytes, bits: int) -> None:
    wiegand.check(data, bits)
