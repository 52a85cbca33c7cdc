"""Tracks: random bytes, random bits, and cards with a few bits or characters changed."""

from functools import cache
from pathlib import Path
from random import Random

from gate.model import CardContents
from gate.reader import stripe
from gate.reader.stripe import StripeLayout, compile_stripe
from gate.reader.track import encode_bits, find_in_bits
from tests.fuzz.answers import check_answer

DEMO = Path(__file__).parents[2] / "config" / "coding" / "demo-stripe.toml"
FORMS = ("text", "bits", "bits-hex")


@cache
def layout(form: str, *, lrc: bool = False) -> StripeLayout:
    """The demo's layout in another form."""
    text = DEMO.read_text(encoding="utf-8").replace('form = "text"', f'form = "{form}"')
    return compile_stripe(text.replace("lrc = false", f"lrc = {str(lrc).lower()}"), "demo")


def check(form: str, data: bytes, *, lrc: bool = False) -> str:
    """Any bytes whatever."""
    return check_answer(stripe.decode(layout(form, lrc=lrc), data))


def check_flipped_bit(body: str, number: int, at: int, *, backwards: bool) -> str:
    """One wrong bit is found, by its parity or the LRC: never another body."""
    bits = encode_bits(body, number)
    at %= len(bits)
    wrong = "000" + bits[:at] + ("1" if bits[at] == "0" else "0") + bits[at + 1 :] + "0000"
    read = find_in_bits(wrong[::-1] if backwards else wrong, number)
    # The sentinels too are covered: a card with one wrong bit is never read.
    assert not isinstance(read, str), (body, at, read)
    return "flipped bit found"


def one(random: Random) -> str:
    """One input."""
    form = random.choice(FORMS)
    lrc = form == "text" and random.random() < 0.5
    match random.randrange(4):
        case 0:
            return check(form, random.randbytes(random.randrange(200)), lrc=lrc)
        case 1:
            alphabet = "0123456789:;<=>?%+^E \r\nABab"
            text = "".join(random.choices(alphabet, k=random.randrange(120)))
            return check(form, text.encode(), lrc=lrc)
        case 2:
            digits = "".join(random.choices("0123456789", k=18))
            body = f"{digits[:9]}={digits[9:]}"
            return check_flipped_bit(body, 2, random.randrange(1000), backwards=random.random() < 0.5)
        case _:
            return _changed_card(random, form, lrc=lrc)


def _changed_card(random: Random, form: str, *, lrc: bool) -> str:
    number, organisation = f"{random.randrange(10**8):08}", f"{random.randrange(10**9):09}"
    fields = {"card_number": number, "organisation_number": organisation}
    whole = stripe.encode(layout(form, lrc=lrc), fields, backwards=random.random() < 0.5)
    if random.random() < 0.2:
        result = stripe.decode(layout(form, lrc=lrc), whole)
        assert isinstance(result, CardContents), (form, lrc, whole, result)
        assert (result.card.number, result.organisation_number) == (number, organisation)
        return "whole card read"
    data = bytearray(whole)
    for _ in range(random.randrange(1, 5)):
        at = random.randrange(len(data))
        match random.randrange(3):
            case 0:
                data[at] ^= 1 << random.randrange(8)
            case 1:
                del data[at]
            case _:
                data.insert(at, random.randrange(256))
        if not data:
            break
    return check(form, bytes(data), lrc=lrc)
