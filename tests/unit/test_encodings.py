"""Every encoding reads back what it wrote, and takes any bytes without an exception of its own."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.reader.encodings import ENCODINGS, Encoding, Options, Value, encoding_of

TEXTS = [
    name
    for name, row in ENCODINGS.items()
    if row.kind is str and name.split("-")[0] in ("ascii", "latin1", "utf", "ns4551")
]
NUMBERS = ["digits", "bcd", "bcd-swapped", "binary", "binary-little"]
DATES = [name for name, row in ENCODINGS.items() if row.kind is date]


def field_of(encoding: Encoding) -> int:
    return encoding.length or 4


def test_every_encoding_is_looked_at_here() -> None:
    assert {*TEXTS, *NUMBERS, *DATES} == set(ENCODINGS)


def read_back(encoding: Encoding, value: Value, length: int) -> Value | None:
    raw = encoding.encode(value, length)
    assert len(raw) == length
    return encoding.decode(raw)


LETTERS = {
    "ascii": st.characters(min_codepoint=0x21, max_codepoint=0x7E),
    "latin1": st.characters(min_codepoint=0x21, max_codepoint=0xFE, exclude_categories=["Cc"]),
    "utf-8": st.characters(min_codepoint=0x21, exclude_categories=["Cs", "Cc"]),
    "ns4551": st.sampled_from("ABCxyz0189 ÆØÅæøå‾.-".replace(" ", "")),
}


@given(st.sampled_from(TEXTS), st.data())
def test_every_text_encoding_reads_back_what_it_wrote(name: str, data: st.DataObject) -> None:
    letters = next(letters for charset, letters in LETTERS.items() if name.startswith(charset))
    text = data.draw(st.text(letters, min_size=1, max_size=12))
    assert read_back(ENCODINGS[name], text, 80) == text


@given(st.sampled_from(["digits", "bcd", "bcd-swapped"]), st.text("0123456789", min_size=1, max_size=8))
def test_digits_keep_their_leading_zeros(name: str, text: str) -> None:
    if set(text) == {"0"}:
        text += "1"
    assert read_back(ENCODINGS[name], text, 10) == text


@given(st.sampled_from(["binary", "binary-little"]), st.integers(1, 2**32 - 2))
def test_binary_numbers_come_back(name: str, number: int) -> None:
    assert read_back(ENCODINGS[name], str(number), 4) == str(number)


@given(st.sampled_from(DATES), st.dates(date(1971, 1, 1), date(2069, 12, 31)))
def test_every_date_encoding_reads_back_what_it_wrote(name: str, day: date) -> None:
    if "d" not in name.removeprefix("date-").removeprefix("bcd").removeprefix("digits"):
        day = (day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
    assert read_back(ENCODINGS[name], day, field_of(ENCODINGS[name])) == day


@given(st.sampled_from(sorted(ENCODINGS)), st.binary(min_size=0, max_size=256), st.data())
def test_p9_any_bytes_are_a_value_or_a_value_error(name: str, raw: bytes, data: st.DataObject) -> None:
    options = data.draw(
        st.builds(Options, st.integers(0, 255), st.integers(1900, 2100), st.dates(date(1900, 1, 1), date(2100, 1, 1)))
    )
    encoding = encoding_of(name, options)
    raw = raw.ljust(encoding.length, b"1")[: encoding.length] if encoding.length else raw or b"1"
    try:
        value = encoding.decode(raw)
    except ValueError:
        return
    assert value is None or type(value) is encoding.kind


@pytest.mark.parametrize("name", ENCODINGS)
@pytest.mark.parametrize("empty", [b"\x00", b"\xff"])
def test_a_field_that_was_never_written_is_none(name: str, empty: bytes) -> None:
    assert ENCODINGS[name].decode(empty * field_of(ENCODINGS[name])) is None


EXAMPLES: list[tuple[str, str, Value]] = [
    ("ascii", "4f 6c 61 00", "Ola"),
    ("ascii", "4f 6c 61 20", "Ola"),
    ("ascii", "4f 6c 61 00 58 58", "Ola"),
    ("ascii-fixed", "4f 6c 61 20 00", "Ola"),
    ("ascii-prefixed", "03 4f 6c 61 58 58", "Ola"),
    ("latin1", "c6 72 6c 69 67", "Ærlig"),
    ("utf-8-prefixed", "04 c5 81 75 6b 00", "Łuk"),
    ("ns4551", "5b 5c 5d 7b 7c 7d", "ÆØÅæøå"),
    ("ns4551-fixed", "5d 73 65 20", "Åse"),
    ("digits", "30 30 31 32 00", "0012"),
    ("bcd", "00 12 3f ff", "00123"),
    ("bcd-swapped", "00 21 f3 ff", "00123"),
    ("binary", "00 01 00 00", "65536"),
    ("binary-little", "00 00 01 00", "65536"),
    ("date-bcd-yyyymmdd", "20 27 05 31", date(2027, 5, 31)),
    ("date-bcd-ddmmyyyy", "31 05 20 27", date(2027, 5, 31)),
    ("date-bcd-yymmdd", "27 05 31", date(2027, 5, 31)),
    ("date-bcd-ddmmyy", "31 05 85", date(1985, 5, 31)),
    ("date-bcd-yymm", "24 02", date(2024, 2, 29)),
    ("date-bcd-mmyy", "12 27", date(2027, 12, 31)),
    ("date-digits-yyyymm", "32 30 32 37 30 35", date(2027, 5, 31)),
    ("date-text-yyyy-mm-dd", "32 30 32 37 2d 30 35 2d 33 31", date(2027, 5, 31)),
    ("date-text-dd.mm.yyyy", "33 31 2e 30 35 2e 32 30 32 37", date(2027, 5, 31)),
    ("date-days", "51 d4", date(1970, 1, 1) + timedelta(days=0x51D4)),
    ("date-days-little", "01 00", date(1970, 1, 2)),
]


@pytest.mark.parametrize(("name", "raw", "value"), EXAMPLES)
def test_bytes_mean_what_they_should(name: str, raw: str, value: Value) -> None:
    assert ENCODINGS[name].decode(bytes.fromhex(raw)) == value


WRONG = [
    ("ascii", "c6"),
    ("utf-8", "c5 41"),
    ("ascii-fixed", "41 00 42"),
    ("ascii-prefixed", "04 41 42 43"),
    ("ascii-prefixed", "c8 41 42 43"),
    ("ns4551", "c6"),
    ("digits", "b2 31"),
    ("bcd", "1a 11"),
    ("bcd-swapped", "a1 11"),
    ("date-bcd-yyyymmdd", "20 27 13 01"),
    ("date-bcd-yyyymmdd", "20 27 02 29"),
    ("date-bcd-yymm", "27 13"),
    ("date-digits-ddmmyy", "33 31 30 35 32 20"),
    ("date-text-yyyy-mm-dd", "32 30 32 37 2f 30 35 2d 33 31"),
    ("date-days", "7f ff ff ff"),
]


@pytest.mark.parametrize(("name", "raw"), WRONG)
def test_what_is_not_in_an_encoding_is_no_value(name: str, raw: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 -- whichever: the caller says what was expected
        ENCODINGS[name].decode(bytes.fromhex(raw))


def test_a_text_may_end_with_a_byte_of_its_own() -> None:
    encoding = encoding_of("ascii", Options(terminator=0x3C))
    assert encoding.decode(b"NORDMANN<<OLA<<<") == "NORDMANN"
    assert encoding.decode(b"NORDMANN\x00\x00") == "NORDMANN"
    assert encoding.decode(b"<<<<") is None
    assert read_back(encoding, "OLA", 3) == "OLA"
    assert encoding.encode("OLA", 5) == b"OLA<\x00"


@pytest.mark.parametrize(("first_year", "year"), [(1970, 2027), (1930, 2027), (1928, 2027), (2028, 2127), (1900, 1927)])
def test_two_digits_of_a_year_belong_to_the_hundred_years_that_the_profile_names(first_year: int, year: int) -> None:
    encoding = encoding_of("date-bcd-yymmdd", Options(first_year=first_year))
    assert encoding.decode(b"\x27\x05\x31") == date(year, 5, 31)


def test_days_are_counted_from_the_profile_s_epoch() -> None:
    encoding = encoding_of("date-days", Options(epoch=date(2000, 1, 1)))
    assert encoding.decode(b"\x00\x1f") == date(2000, 2, 1)
    assert read_back(encoding, date(2027, 5, 31), 2) == date(2027, 5, 31)
    with pytest.raises(ValueError, match="not among the days"):
        encoding.encode(date(1999, 1, 1), 2)


@pytest.mark.parametrize("letter", "[]{}|\\~Łé")
def test_letters_that_the_norwegian_set_lacks_are_refused(letter: str) -> None:
    with pytest.raises(UnicodeEncodeError):
        ENCODINGS["ns4551"].encode(f"A{letter}", 10)
