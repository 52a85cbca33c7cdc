"""QR texts: random bytes, links put together at random, and good codes with a few characters changed."""

from functools import cache
from pathlib import Path
from random import Random

from gate.model import CardContents
from gate.reader import qr
from gate.reader.qr import QrLayout, compile_qr
from tests.fuzz.answers import check_answer

DEMO = Path(__file__).parents[2] / "config" / "coding" / "demo-qr.toml"

PIECES = (
    "https://", "http://", "ftp://", "]Q1", "]C0", "HMS:", "hms.example", "www.hms.example", "elsewhere.example",
    "user@", ":443", "/", "//", "/kort/", "/sjekk", "/kvittering/", "..", "?", "?nr=", "&nr=", "&", "#", "%2F", "%00",
    "%", "[", "]", "\\", " ", "\t", "\r\n", "æ", "\u202e", "12345678", "1234567", "abcdefghij", "-", "0" * 30,
)  # fmt: skip


@cache
def layout() -> QrLayout:
    """The demo's."""
    return compile_qr(DEMO.read_text(encoding="utf-8"), "demo")


def check(data: bytes) -> str:
    """Any bytes whatever."""
    return check_answer(qr.decode(layout(), data))


def one(random: Random) -> str:
    """One input."""
    match random.randrange(4):
        case 0:
            return check(random.randbytes(random.randrange(700)))
        case 1:
            return check("".join(random.choices(PIECES, k=random.randrange(12))).encode())
        case 2:
            return _identity_number(random)
        case _:
            return _changed_code(random)


def _identity_number(random: Random) -> str:
    digits = f"{random.randrange(10**11):011}"
    form = random.choice(("{}", "HMS:{}", "https://hms.example/kort/{}", "https://hms.example/kvittering/a?id={}"))
    result = qr.decode(layout(), form.format(digits).encode())
    assert check_answer(result) == "unreadable with a reason"
    assert digits not in repr(result)
    return "identity number refused"


def _changed_code(random: Random) -> str:
    number = f"{random.randrange(10**7, 10**8)}"
    form = random.choice(("HMS:{}", "https://hms.example/kort/{}", "https://hms.example/sjekk?nr={}"))
    data = bytearray(form.format(number).encode())
    if random.random() < 0.2:
        result = qr.decode(layout(), bytes(data))
        assert isinstance(result, CardContents), (data, result)
        assert result.card.number == number
        return "whole code read"
    for _ in range(random.randrange(1, 4)):
        data[random.randrange(len(data))] = random.randrange(256)
    return check(bytes(data))
