"""OSDP card reads: bits of any length, and cards with some of them changed."""

from functools import cache
from pathlib import Path
from random import Random

from gate.model import CardContents
from gate.reader.wiegand import OsdpLayout, compile_osdp, decode
from tests.fuzz.answers import check_answer

DEMO = Path(__file__).parents[2] / "config" / "coding" / "demo-osdp.toml"


@cache
def layout() -> OsdpLayout:
    """The demo's."""
    return compile_osdp(DEMO.read_text(encoding="utf-8"), "demo")


def check(data: bytes, bits: int) -> str:
    """Any bits whatever, and any number that is said of them."""
    return check_answer(decode(layout(), data, bits))


def standard_26(facility: int, number: int) -> bytes:
    """The 26-bit format with both parities, filled up to whole bytes."""
    body = f"{facility:08b}{number:016b}"
    even = str(body[:12].count("1") % 2)
    odd = str((body[12:].count("1") + 1) % 2)
    return int(f"{even}{body}{odd}000000", 2).to_bytes(4, "big")


def one(random: Random) -> str:
    """One input."""
    match random.randrange(3):
        case 0:
            return check(random.randbytes(random.randrange(20)), random.randrange(-5, 200))
        case 1:
            facility, number = random.randrange(256), random.randrange(65536)
            result = decode(layout(), standard_26(facility, number), 26)
            assert isinstance(result, CardContents), result
            assert result.card.number == f"{facility:03}{number:05}"
            return "whole card read"
        case _:
            data = bytearray(standard_26(random.randrange(256), random.randrange(65536)))
            at = random.randrange(26)
            data[at // 8] ^= 0x80 >> at % 8
            result = decode(layout(), bytes(data), 26)
            assert not isinstance(result, CardContents), (data, at)
            return "flipped bit found"
