"""How a field's bytes spell its value: small decoders, each with its encoder. Pure.

A decoder takes exactly the bytes of the field and returns its value, or None when the field is empty
(never written: all zeros, all ones, or all blanks; or a text of no length). It raises ValueError for
bytes that are not in its encoding; the caller tells what was expected and never repeats what stood there.

A further encoding is one more row in the tables at the end.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TypeAlias

Value: TypeAlias = str | date


@dataclass(frozen=True, slots=True)
class Options:
    """What a field may say beside the name of its encoding."""

    terminator: int = 0x00
    """The byte that ends a text."""
    first_year: int = 1970
    """Years of two digits are those of the hundred years from here on."""
    epoch: date = date(1970, 1, 1)
    """The day from which days are counted."""


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
    takes: frozenset[str] = frozenset()
    """Which of the Options make a difference to it."""


def _unwritten(raw: bytes) -> bool:
    return not raw.strip(b"\x00") or not raw.strip(b"\xff")


def _blank(raw: bytes) -> bool:
    # Only characters can be blanks: in BCD the byte 0x20 is the digits 2 and 0.
    return _unwritten(raw) or not raw.strip(b"\x00 ")


# --- text: a character set, and how the text ends --------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Charset:
    name: str
    title: str
    decode: Callable[[bytes], str]
    encode: Callable[[str], bytes]


def _codec(name: str, title: str) -> _Charset:
    return _Charset(name, title, lambda raw: raw.decode(name), lambda text: text.encode(name))


_NS_4551_1 = dict(zip("ÆØÅæøå‾", "[\\]{|}~", strict=True))
"""ISO 646-NO: ASCII with the Norwegian letters, and an overline, in the places of brackets and tilde."""


def _decode_ns4551(raw: bytes) -> str:
    return raw.decode("ascii").translate({ord(place): letter for letter, place in _NS_4551_1.items()})


def _encode_ns4551(text: str) -> bytes:
    for at, letter in enumerate(text):
        if letter not in _NS_4551_1 and (not letter.isascii() or letter in _NS_4551_1.values()):
            raise UnicodeEncodeError("NS 4551-1", text, at, at + 1, "it is not in this set")
    return text.translate({ord(letter): place for letter, place in _NS_4551_1.items()}).encode("ascii")


def _room(raw: bytes, length: int) -> None:
    if len(raw) > length:
        raise ValueError(f"takes {len(raw)} bytes and the field has {length}")


def _terminated(charset: _Charset, options: Options) -> Encoding:
    """Characters up to the terminator or the field's end; the rest is filled with zeros."""
    end = bytes((options.terminator,))

    def decode(raw: bytes) -> str | None:
        text = raw.split(end, 1)[0].rstrip(b"\x00")
        return charset.decode(text).rstrip(" ") or None if not _blank(raw) else None

    def encode(value: Value, length: int) -> bytes:
        raw = charset.encode(str(value))
        _room(raw, length)
        return raw.ljust(length, b"\x00") if options.terminator == 0 else (raw + end)[:length].ljust(length, b"\x00")

    return Encoding(str, charset.title, decode, encode, takes=frozenset({"terminator"}))


def _fixed(charset: _Charset) -> Encoding:
    """The whole field, filled up with blanks; zeros may follow the text, and not stand in it."""

    def decode(raw: bytes) -> str | None:
        text = raw.rstrip(b"\x00 ")
        if b"\x00" in text and not _unwritten(raw):
            raise ValueError("a zero byte stands in the text")
        return charset.decode(text) if not _blank(raw) else None

    def encode(value: Value, length: int) -> bytes:
        raw = charset.encode(str(value))
        _room(raw, length)
        return raw.ljust(length, b" ")

    return Encoding(str, f"{charset.title} filled up with blanks", decode, encode)


def _prefixed(charset: _Charset) -> Encoding:
    """A byte that says how many bytes of text follow; what comes after them is not looked at."""

    def decode(raw: bytes) -> str | None:
        if _unwritten(raw):
            return None
        if raw[0] > len(raw) - 1:
            raise ValueError("the length byte says more than the field can hold")
        return charset.decode(raw[1 : 1 + raw[0]]).rstrip(" ") or None

    def encode(value: Value, length: int) -> bytes:
        raw = charset.encode(str(value))
        _room(raw, min(length - 1, 255))
        return (bytes((len(raw),)) + raw).ljust(length, b"\x00")

    return Encoding(str, f"{charset.title} after a byte with its length", decode, encode)


# --- numbers ---------------------------------------------------------------------------------------------


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


def _swapped(raw: bytes) -> bytes:
    return bytes((byte << 4 | byte >> 4) & 0xFF for byte in raw)


def _binary(byte_order: str, expects: str) -> Encoding:
    """A whole number. It has no leading zeros to keep."""
    big = byte_order == "big"

    def decode(raw: bytes) -> str | None:
        return None if _unwritten(raw) else str(int.from_bytes(raw, "big" if big else "little"))

    def encode(value: Value, length: int) -> bytes:
        number = int(_only_digits(str(value)))
        limit = (1 << 8 * length) - 1
        if not 0 < number < limit:
            raise ValueError(f"is not between 1 and {limit - 1}, which is what {length} bytes hold")
        if str(number) != str(value):
            raise ValueError("begins with a zero, which a binary number cannot keep")
        return number.to_bytes(length, "big" if big else "little")

    return Encoding(str, expects, decode, encode)


# --- dates -----------------------------------------------------------------------------------------------


def _to_date(text: str | None, order: str, first_year: int) -> date | None:
    """A date by its order, such as `ddmmyy`; one without a day is the last day of its month."""
    if text is None:
        return None
    if len(text) != len(order):
        raise ValueError(f"not {len(order)} characters")
    parts = {"y": "", "m": "", "d": ""}
    for letter, character in zip(order, text, strict=True):
        if letter in parts:
            parts[letter] += _only_digits(character)
        elif letter != character:
            raise ValueError(f"no {letter!r} where it should stand")
    year = int(parts["y"])
    if len(parts["y"]) == 2:
        year = first_year + (year - first_year) % 100
    if parts["d"]:
        return date(year, int(parts["m"]), int(parts["d"]))
    return _month_end(date(year, int(parts["m"]), 1))


def _month_end(first: date) -> date:
    # December of the year 9999 has no month after it.
    return first.replace(day=31) if first.month == 12 else first.replace(month=first.month + 1) - timedelta(days=1)


def _from_date(value: Value, order: str) -> str:
    if not isinstance(value, date):
        raise ValueError("is not a date")  # noqa: TRY004 -- one error class for whatever cannot be encoded
    year = f"{value.year:04}"
    text = order.replace("yyyy", year).replace("yy", year[2:])
    return text.replace("mm", f"{value.month:02}").replace("dd", f"{value.day:02}")


def _text_of_date(raw: bytes) -> str | None:
    return None if _blank(raw) else raw.decode("ascii")


def _encode_text_of_date(value: Value, length: int) -> bytes:
    return str(value).encode("ascii")


Spelling: TypeAlias = tuple[str, Callable[[bytes], str | None], Callable[[Value, int], bytes], int]
"""A word for it, bytes to digits, digits to bytes, digits a byte."""

_BCD: Spelling = ("BCD", _bcd, _encode_bcd, 2)
_SWAPPED: Spelling = ("BCD, low half first", lambda raw: _bcd(_swapped(raw)),
                      lambda value, length: _swapped(_encode_bcd(value, length)), 2)  # fmt: skip
_DIGITS: Spelling = ("ASCII", _digits, _encode_digits, 1)
_TEXT: Spelling = ("ASCII", _text_of_date, _encode_text_of_date, 1)


def _date(order: str, spelling: Spelling, options: Options) -> Encoding:
    word, read, write, per_byte = spelling
    return Encoding(
        date,
        f"a date, {order}, in {word}",
        lambda raw: _to_date(read(raw), order, options.first_year),
        lambda value, length: write(_from_date(value, order), length),
        len(order) // per_byte,
        frozenset() if "yyyy" in order else frozenset({"first_year"}),
    )


def _days(byte_order: str, options: Options) -> Encoding:
    big = byte_order == "big"

    def decode(raw: bytes) -> date | None:
        if _unwritten(raw):
            return None
        try:
            return options.epoch + timedelta(days=int.from_bytes(raw, "big" if big else "little"))
        except OverflowError as too_many:
            raise ValueError("more days than a calendar has") from too_many

    def encode(value: Value, length: int) -> bytes:
        if not isinstance(value, date):
            raise ValueError("is not a date")  # noqa: TRY004 -- as above
        days = (value - options.epoch).days
        if not 0 < days < (1 << 8 * length) - 1:
            raise ValueError(f"is not among the days that {length} bytes count from {options.epoch}")
        return days.to_bytes(length, "big" if big else "little")

    return Encoding(
        date, f"days since {options.epoch}, {byte_order}-endian", decode, encode, takes=frozenset({"epoch"})
    )


# --- the tables ------------------------------------------------------------------------------------------

_CHARSETS: Mapping[str, _Charset] = {
    "ascii": _codec("ascii", "ASCII text"),
    "latin1": _codec("latin-1", "Latin-1 text"),
    "utf-8": _codec("utf-8", "UTF-8 text"),
    "ns4551": _Charset("NS 4551-1", "text in Norwegian 7-bit characters", _decode_ns4551, _encode_ns4551),
}
_ORDERS = ("yyyymmdd", "ddmmyyyy", "yymmdd", "ddmmyy", "yyyymm", "mmyyyy", "yymm", "mmyy")
_WRITTEN_ORDERS = ("yyyy-mm-dd", "dd.mm.yyyy")


def _all(options: Options) -> dict[str, Encoding]:
    found: dict[str, Encoding] = {}
    for name, charset in _CHARSETS.items():
        found[name] = _terminated(charset, options)
        found[f"{name}-fixed"] = _fixed(charset)
        found[f"{name}-prefixed"] = _prefixed(charset)
    found["digits"] = Encoding(str, "digits in ASCII", _digits, _encode_digits)
    found["bcd"] = Encoding(str, "digits in BCD", _bcd, _encode_bcd)
    found["bcd-swapped"] = Encoding(str, "digits in BCD, low half first", _SWAPPED[1], _SWAPPED[2])
    found["binary"] = _binary("big", "a binary number")
    found["binary-little"] = _binary("little", "a binary number, its lowest byte first")
    for order in _ORDERS:
        found[f"date-bcd-{order}"] = _date(order, _BCD, options)
        found[f"date-digits-{order}"] = _date(order, _DIGITS, options)
    for order in _WRITTEN_ORDERS:
        found[f"date-text-{order}"] = _date(order, _TEXT, options)
    found["date-days"] = _days("big", options)
    found["date-days-little"] = _days("little", options)
    return found


ENCODINGS: Mapping[str, Encoding] = _all(Options())
"""Every encoding by its name in a profile."""


def encoding_of(name: str, options: Options) -> Encoding:
    """An encoding with a field's own options."""
    return ENCODINGS[name] if options == Options() else _all(options)[name]
