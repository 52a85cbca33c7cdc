"""Stripe, QR and OSDP profiles: what they take, what they refuse, and every mistake with its key."""

from pathlib import Path

import pytest

from gate.errors import CodingError
from gate.model import CardContents, CardId, Unreadable
from gate.reader import qr, stripe, wiegand
from gate.reader.layouts import load_osdp, load_qr, load_stripe
from tests.fuzz.wiegand import standard_26

CODING = Path(__file__).parents[2] / "config" / "coding"
STRIPE, QR, OSDP = (
    load_stripe(CODING / "demo-stripe.toml"),
    load_qr(CODING / "demo-qr.toml"),
    load_osdp(CODING / "demo-osdp.toml"),
)


def what(result: CardContents | Unreadable) -> str:
    assert isinstance(result, Unreadable)
    return result.what


# --- stripes -----------------------------------------------------------------------------------------------


def test_a_stripe_gives_number_and_employer() -> None:
    assert stripe.decode(STRIPE, b";100000008=12345678?") == CardContents(
        CardId("hms", "12345678"), organisation_number="100000008"
    )


@pytest.mark.parametrize(
    "sent",
    [
        b"%B4111111111111111^TEST/CARD^30121010000000000?;4111111111111111=30121010000000000?",
        b";4111111111111111=30121010000000000?",
        b";10000000=12345678?",
        b";100000008=123456789?",
        b";100000008=12345678=1?",
    ],
)
def test_a_bank_card_s_stripe_is_never_taken_for_a_card(sent: bytes) -> None:
    assert "another shape than this scheme's" in what(stripe.decode(STRIPE, sent))


STRIPE_TEXT = (CODING / "demo-stripe.toml").read_text(encoding="utf-8")
QR_TEXT = (CODING / "demo-qr.toml").read_text(encoding="utf-8")
OSDP_TEXT = (CODING / "demo-osdp.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("track = 2", "track = 4", "track"),
        ('form = "text"', 'form = "morse"', "form: 'morse' is none of text, bits, bits-hex"),
        ("[[9, 9], [7, 8]]", "[[9, 8], [7, 8]]", "parts.0: is [fewest, most] characters"),
        ("[[9, 9], [7, 8]]", "[[9, 9], [7, 80]]", "do not fit on track 2"),
        ("part = 1", "part = 2", "fields.card_number.part: there are 2 parts"),
        ("part = 1", "part = 0", "overlaps 'card_number'"),
        ('# separator = "="', 'separator = "^"', "separator: '^' is not a character"),
        ("max_length = 8", "max_length = 3", "number.min_length: is above max_length"),
        ("track = 2", "", "track"),
    ],
)
def test_a_mistake_in_a_stripe_profile_is_told_with_its_key(old: str, new: str, says: str) -> None:
    assert old in STRIPE_TEXT
    with pytest.raises(CodingError) as wrong:
        stripe.compile_stripe(STRIPE_TEXT.replace(old, new, 1), "mine.toml")
    assert str(wrong.value).startswith("mine.toml, ")
    assert says in str(wrong.value)


# --- QR ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "card"),
    [
        ("https://hms.example/kort/12345678", "hms:12345678"),
        ("HTTPS://HMS.EXAMPLE/kort/12345678", "hms:12345678"),
        ("https://www.hms.example/kort/12345678/", "hms:12345678"),
        ("https://hms.example/sjekk?x=1&nr=12345678", "hms:12345678"),
        ("https://hms.example/kvittering/Ab3dEf9hIj", "hms-receipt:Ab3dEf9hIj"),
        ("]Q1https://hms.example/kort/12345678", "hms:12345678"),
        ("HMS:12345678", "hms:12345678"),
        ("  HMS:1234567\t", "hms:1234567"),
    ],
)
def test_a_card_s_code_is_read(text: str, card: str) -> None:
    result = qr.decode(QR, text.encode())
    assert isinstance(result, CardContents)
    assert str(result.card) == card


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("https://hms.example.evil.example/kort/12345678", "link to elsewhere"),
        ("https://hms.example@evil.example/kort/12345678", "link to elsewhere"),
        ("https://hms.example:8443/kort/12345678", "link to elsewhere"),
        ("ftp://hms.example/kort/12345678", "link to elsewhere"),
        ("javascript://hms.example/kort/12345678", "link to elsewhere"),
        ("https://hms.example/kort/../kort/12345678", "another form"),
        ("https://hms.example/kort/1234567%38", None),
        ("https://hms.example/sjekk?nr=12345678&nr=87654321", "says one thing twice"),
        ("https://hms.example/kort/12%0034567", "control characters"),
        ("https://[hms.example/kort/1", "wrongly written|elsewhere"),
        ("]C012345678", "bar code of another kind"),
        ("HMS:12345678\u202e", "other characters"),
        ("HMS:1234\x075678", "control characters"),
        ("HMS:010190 12345", "national identity number"),
        ("https://hms.example/kort/01019012345", "national identity number"),
        ("x" * 600, "more than a card's code"),
        ("hello", "not a card's"),
        ("", "not a card's"),
    ],
)
def test_any_other_code_has_a_reason(text: str, says: str | None) -> None:
    result = qr.decode(QR, text.encode())
    if says is None:
        assert isinstance(result, CardContents)
    else:
        assert any(word in what(result) for word in says.split("|")), result


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('path = "/kort/{card_number}"', 'path = "kort/{card_number}"', "links.0.path: begins with a slash"),
        ('path = "/kort/{card_number}"', 'path = "/kort"', "holds {card_number} just once"),
        ('path = "/kort/{card_number}"', 'path = "/{name}/{card_number}"', "'name' is none of"),
        (
            '"hms.example", "www.hms.example"',
            '"https://hms.example"',
            "links.0.hosts: 'https://hms.example' is no host",
        ),
        ("HMS:{card_number}", "HMS", "codes.0.text: holds {card_number} just once"),
    ],
)
def test_a_mistake_in_a_qr_profile_is_told_with_its_key(old: str, new: str, says: str) -> None:
    assert old in QR_TEXT
    with pytest.raises(CodingError) as wrong:
        qr.compile_qr(QR_TEXT.replace(old, new, 1), "mine.toml")
    assert says in str(wrong.value)


# --- OSDP ---------------------------------------------------------------------------------------------------


def test_bits_are_a_card_by_their_format() -> None:
    assert wiegand.decode(OSDP, bytes.fromhex("12345678"), 32) == CardContents(CardId("hms", "12345678"))
    assert wiegand.decode(OSDP, bytes.fromhex("1234567f"), 32) == CardContents(CardId("hms", "1234567"))
    assert wiegand.decode(OSDP, standard_26(7, 42), 26) == CardContents(CardId("hms", "00700042"))


@pytest.mark.parametrize(
    ("data", "bits", "says"),
    [
        ("12345678", 31, "31 bits are no card of this scheme, which has 32, 26"),
        ("12345678", 0, "speaks of 0 bits and sent 32"),
        ("12345678", 33, "speaks of 33 bits and sent 32"),
        ("", 32, "speaks of 32 bits and sent 0"),
        ("1234567a", 32, "not what the profile says"),
        ("ffffffff", 32, "not what the profile says"),
        ("80000000", 26, "the even parity of bits 0 to 12 does not hold"),
    ],
)
def test_bits_that_are_no_card_have_a_reason(data: str, bits: int, says: str) -> None:
    assert says in what(wiegand.decode(OSDP, bytes.fromhex(data), bits))


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("bits = 26", "bits = 32", "formats.1.bits: there are two formats of 32 bits"),
        ('form = "bcd"', 'form = "roman"', "formats.0.card_number.0.form: 'roman' is none of"),
        ('length = 32, form = "bcd"', 'length = 31, form = "bcd"', "bcd goes by 4 bits"),
        ("first = 9, length = 16", "first = 20, length = 16", "runs past the end of 26 bits"),
        ("length = 8, digits = 3", "length = 8", "needs a fixed number of digits"),
        ("even = [[0, 13]]", "even = [[20, 13]]", "formats.1.even: is [first bit, number of bits]"),
    ],
)
def test_a_mistake_in_an_osdp_profile_is_told_with_its_key(old: str, new: str, says: str) -> None:
    assert old in OSDP_TEXT
    with pytest.raises(CodingError) as wrong:
        wiegand.compile_osdp(OSDP_TEXT.replace(old, new, 1), "mine.toml")
    assert says in str(wrong.value)


def test_p12_eleven_digits_are_taken_from_nothing() -> None:
    wide = OSDP_TEXT.replace("max_length = 10", "max_length = 20").replace("digits = 3", "digits = 6")
    layout = wiegand.compile_osdp(wide, "wide")
    assert "national identity number" in what(wiegand.decode(layout, standard_26(7, 42), 26))
