"""How a field's bytes spell its value: a table of small decoders, each with its encoder. Pure.

A decoder takes exactly the bytes of the field and returns its value, or None when the field is empty
(never written: all zeros, all ones, or all blanks). It raises ValueError for bytes that are not in its
encoding; the caller tells what was expected and never repeats what stood there.

A further encoding is one more row in ENCODINGS.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TypeAlias

Value: TypeAlias = str | date


@dataclass(frozen=True, slots=True)
class Encoding:
    """One way to spell a value. `expects` completes the sentence "the field should hold …"."""

    kind: type[str] | type[date]
    expects: str
    decode: Callable[[bytes], Value | None]
    encode: Callable[[Value, int], bytes]
    """(value, length of the field in bytes) to exactly that many bytes. Raises ValueError, which says why not."""
    length: int | None = None
    """The only length in bytes that this encoding can have; None for any."""


def _unwritten(raw: bytes) -> bool:
    return not raw.strip(b"\x00") or not raw.strip(b"\xff")


def _blank(raw: bytes) -> bool:
    # Only characters can be blanks: in BCD the byte 0x20 is the digits 2 and 0.
    return _unwritten(raw) or not raw.strip(b"\x00 ")


def _text(codec: str, expects: str) -> Encoding:
    """Characters up to the first zero byte; the rest of the field is filled with zeros."""

    def decode(raw: bytes) -> str | None:
        if _blank(raw):
            return None
        return raw.split(b"\x00", 1)[0].decode(codec).rstrip(" ")

    def encode(value: Value, length: int) -> bytes:
        raw = str(value).encode(codec)
        if len(raw) > length:
            raise ValueError(f"takes {len(raw)} bytes and the field has {length}")
        return raw.ljust(length, b"\x00")

    return Encoding(str, expects, decode, encode)


def _digits(raw: bytes) -> str | None:
    if _blank(raw):
        return None
    return _only_digits(raw.strip(b"\x00 ").decode("ascii"))


def _only_digits(text: str) -> str:
    # str.isdigit alone would let through superscripts and other scripts' digits.
    if not (text.isascii() and text.isdigit()):
        raise ValueError("is not made of digits")
    return text


def _encode_digits(value: Value, length: int) -> bytes:
    text = _only_digits(str(value))
    if len(text) > length:
        raise ValueError(f"has {len(text)} digits and the field takes {length}")
    return text.encode("ascii").ljust(length, b"\x00")


def _bcd(raw: bytes) -> str | None:
    """Two digits a byte, high half first; halves of F fill up the end, so leading zeros survive."""
    if _unwritten(raw):
        return None
    return _only_digits(raw.hex().rstrip("f"))


def _encode_bcd(value: Value, length: int) -> bytes:
    text = _only_digits(str(value))
    if len(text) > 2 * length:
        raise ValueError(f"has {len(text)} digits and the field takes {2 * length}")
    return bytes.fromhex(text.ljust(2 * length, "f"))


def _decode_number(raw: bytes) -> str | None:
    """A whole number, most significant byte first. It has no leading zeros to keep."""
    return None if _unwritten(raw) else str(int.from_bytes(raw, "big"))


def _encode_number(value: Value, length: int) -> bytes:
    number = int(_only_digits(str(value)))
    limit = (1 << 8 * length) - 1
    if not 0 < number < limit:
        raise ValueError(f"is not between 1 and {limit - 1}, which is what {length} bytes hold")
    if str(number) != str(value):
        raise ValueError("begins with a zero, which a binary number cannot keep")
    return number.to_bytes(length, "big")


def _to_date(digits: str | None, order: str) -> date | None:
    if digits is None:
        return None
    if len(digits) != 8:
        raise ValueError("not eight digits")
    at_year = order.index("y")
    at_month = order.index("m")
    at_day = order.index("d")
    return date(
        int(digits[at_year : at_year + 4]), int(digits[at_month : at_month + 2]), int(digits[at_day : at_day + 2])
    )


def _from_date(value: Value, order: str) -> str:
    if not isinstance(value, date):
        raise ValueError("is not a date")  # noqa: TRY004 -- one error class for whatever cannot be encoded
    year, month, day = f"{value.year:04}", f"{value.month:02}", f"{value.day:02}"
    return order.replace("yyyy", year).replace("mm", month).replace("dd", day)


def _date(
    order: str,
    spelling: str,
    digits: Callable[[bytes], str | None],
    undigits: Callable[[Value, int], bytes],
    length: int,
) -> Encoding:
    return Encoding(
        date,
        f"a date, {order}, in {spelling}",
        lambda raw: _to_date(digits(raw), order),
        lambda value, field_bytes: undigits(_from_date(value, order), field_bytes),
        length,
    )


ENCODINGS: Mapping[str, Encoding] = {
    "ascii": _text("ascii", "ASCII text"),
    "latin1": _text("latin-1", "Latin-1 text"),
    "utf-8": _text("utf-8", "UTF-8 text"),
    "digits": Encoding(str, "digits in ASCII", _digits, _encode_digits),
    "bcd": Encoding(str, "digits in BCD", _bcd, _encode_bcd),
    "binary": Encoding(str, "a binary number", _decode_number, _encode_number),
    "date-bcd-yyyymmdd": _date("yyyymmdd", "BCD", _bcd, _encode_bcd, 4),
    "date-bcd-ddmmyyyy": _date("ddmmyyyy", "BCD", _bcd, _encode_bcd, 4),
    "date-digits-yyyymmdd": _date("yyyymmdd", "ASCII", _digits, _encode_digits, 8),
    "date-digits-ddmmyyyy": _date("ddmmyyyy", "ASCII", _digits, _encode_digits, 8),
}
