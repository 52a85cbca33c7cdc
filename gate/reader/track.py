"""Magnetic stripes: the tracks of ISO/IEC 7811-2 and -6, as text and as raw bits. Pure.

    bits ─find_in_bits─▶ body ◀─find_in_text─ text      (body: what stands between the sentinels)
    body ─encode_bits─▶ bits      body ─encode_text─▶ text

A character on the stripe is its data bits, least significant first, then a bit that makes the number
of ones odd. After the end sentinel comes the LRC: it makes the number of ones in each data bit, over
all characters with both sentinels, even, and has an odd parity bit of its own. A stripe that was
pulled through the other way gives the same bits backwards.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from gate.model import Unreadable

END = "?"
MAX_BITS = 2048
"""The longest track is 535 bits and the densest 553; the rest is room for clocking zeros."""

NOISE_CHARACTERS = 2
"""So much beside a track may be scratches and sparks; more is another track, or half of one."""

ERROR_MARK = "E"
"""What serial readers put between the sentinels of a track that they could not read."""


@dataclass(frozen=True, slots=True)
class Alphabet:
    """How one track spells its characters."""

    data_bits: int
    base: int
    """The ASCII code of the character whose value is 0."""
    start: str
    separator: str
    longest: int
    """Characters, with sentinels and LRC."""

    @property
    def char_bits(self) -> int:
        """Bits on the stripe, with parity."""
        return self.data_bits + 1

    def holds(self, char: str) -> bool:
        """Whether a character is in this alphabet."""
        return 0 <= ord(char) - self.base < 1 << self.data_bits

    def value(self, char: str) -> int:
        """The data bits of a character. Raises ValueError when it is not in this alphabet."""
        if not self.holds(char):
            raise ValueError(f"{char!r} is not in the alphabet of this track")
        return ord(char) - self.base

    def char(self, value: int) -> str:
        """The character of these data bits."""
        return chr(self.base + value)


TRACKS: Mapping[int, Alphabet] = {
    1: Alphabet(data_bits=6, base=0x20, start="%", separator="^", longest=79),
    2: Alphabet(data_bits=4, base=0x30, start=";", separator="=", longest=40),
    3: Alphabet(data_bits=4, base=0x30, start=";", separator="=", longest=107),
}
"""Track 1 in the alphabet of IATA, tracks 2 and 3 in that of ABA."""

# --- text, as serial readers send it --------------------------------------------------------------------

_BODIES = re.compile(
    r"%(?P<iata>[\x20-\x24\x26-\x3e\x40-\x5f]*)\?"  # all but both sentinels
    r"|(?P<start>[;+])(?P<aba>[0-9:<=>]*|E)\?"
)
"""A track in a text. Many readers begin track 3 with a plus sign, to tell it from track 2."""


def find_in_text(text: str, number: int, *, start: str | None = None, lrc: bool = False) -> str | Unreadable:
    """What one track holds, from what a reader sent; text around the tracks does not matter.

    `start` is the character that begins track 3 as this reader sends it, `+` when None; when it is `;`
    as for track 2, track 3 is the second of two, or the only one. With `lrc` the reader sends the
    LRC, as a character after each end sentinel, and it is checked.
    """
    bodies: dict[str, list[str]] = {"%": [], ";": [], "+": []}
    at = 0
    while found := _BODIES.search(text, at):
        at = found.end()
        body = found["iata"] if found["start"] is None else found["aba"]
        if lrc and body != ERROR_MARK:
            if text[at : at + 1] != _lrc_char(1 if found["start"] is None else 2, body):
                body = _LRC_WRONG
            at += 1
        bodies[found["start"] or "%"].append(body)
    if not any(bodies.values()):
        return Unreadable("no track in what the reader sent; are its baud rate, framing and form as in the settings?")
    mine = bodies[{1: "%", 2: ";", 3: start or "+"}[number]]
    return _accept(mine[-1] if number == 3 else mine[0], number) if mine else _nothing(number)


_LRC_WRONG = "\x00"


def _accept(body: str, number: int) -> str | Unreadable:
    if body == ERROR_MARK:
        return Unreadable(f"the reader could not read track {number}; pull the card through evenly")
    if body == _LRC_WRONG:
        return Unreadable(f"the check character (LRC) of track {number} is wrong; pull the card through evenly")
    return _whole(body, number)


def _whole(body: str, number: int) -> str | Unreadable:
    if not body:
        return _nothing(number)
    if len(body) + 3 > TRACKS[number].longest:
        return Unreadable(f"track {number} is longer than the standard lets it be")
    return body


def _nothing(number: int) -> Unreadable:
    return Unreadable(f"nothing stands on track {number}; is it the right card, the stripe on the right side?")


def encode_text(body: str, number: int, *, start: str | None = None, lrc: bool = False) -> str:
    """A track as a serial reader sends it. Raises ValueError for a body that the track cannot hold."""
    _values(TRACKS[number], body)
    check = _lrc_char(number, body) if lrc else ""
    first = (start or "+") if number == 3 else TRACKS[number].start
    return f"{first}{body}{END}{check}"


def _lrc_char(number: int, body: str) -> str:
    alphabet = TRACKS[number]
    check = alphabet.value(alphabet.start) ^ alphabet.value(END)
    for char in body:
        check ^= alphabet.value(char)
    return alphabet.char(check)


# --- bits, as they stand on the stripe --------------------------------------------------------------------


def bits_of(data: bytes, *, most_significant_first: bool = True) -> str:
    """Packed bits as a string of 0 and 1, in the order in which they passed the head."""
    bits = (f"{byte:08b}" for byte in data)
    return "".join(bits if most_significant_first else (byte[::-1] for byte in bits))


def bytes_of_bits(bits: str, *, most_significant_first: bool = True) -> bytes:
    """The reverse, filled up with zeros, which a stripe has after its track anyway."""
    padded = bits + "0" * (-len(bits) % 8)
    bytes_ = (padded[at : at + 8] for at in range(0, len(padded), 8))
    return bytes(int(byte if most_significant_first else byte[::-1], 2) for byte in bytes_)


def encode_bits(body: str, number: int) -> str:
    """A track from start sentinel to LRC, as a string of 0 and 1. Raises ValueError as `encode_text`."""
    alphabet = TRACKS[number]
    return "".join(_char_bits(alphabet, value) for value in _values(alphabet, body))


def find_in_bits(bits: str, number: int) -> str | Unreadable:
    """What the track holds, whichever way the card was pulled.

    A track must fill what lies between the first and the last one, but for the noise of two characters: a
    shorter one inside a damaged or backward track would be chance. Two ways to read are none.
    """
    if len(bits) > MAX_BITS:
        return Unreadable(f"{len(bits)} bits are more than a stripe holds")
    span = bits.strip("0")
    if not span:
        return _nothing(number)
    alphabet = TRACKS[number]
    found: set[str] = set()
    furthest = (-1, "no start sentinel")
    for way in (span, span[::-1]):
        for start in _starts(alphabet, way):
            read = _read(alphabet, way, start)
            if isinstance(read, str):
                found.add(read)
            else:
                furthest = max(furthest, read)
    if len(found) > 1:
        return Unreadable(f"track {number} reads in two ways; pull the card through again")
    if found:
        # In bits there are no error marks: an E is an E.
        return _whole(found.pop(), number)
    return Unreadable(f"track {number}: {furthest[1]}; pull the card through evenly")


def _values(alphabet: Alphabet, body: str) -> list[int]:
    """Start sentinel, body, end sentinel, LRC."""
    if any(sentinel in body for sentinel in (alphabet.start, END)):
        raise ValueError("a sentinel cannot stand inside a track")
    if len(body) + 3 > alphabet.longest:
        raise ValueError(f"the track holds {alphabet.longest - 3} characters, not {len(body)}")
    values = [alphabet.value(char) for char in (alphabet.start, *body, END)]
    check = 0
    for value in values:
        check ^= value
    return [*values, check]


def _char_bits(alphabet: Alphabet, value: int) -> str:
    data = f"{value:0{alphabet.data_bits}b}"[::-1]
    return data + ("0" if data.count("1") % 2 else "1")


def _starts(alphabet: Alphabet, bits: str) -> Iterator[int]:
    """Where a start sentinel may stand."""
    pattern = _char_bits(alphabet, alphabet.value(alphabet.start))
    at = bits.find(pattern)
    while 0 <= at <= NOISE_CHARACTERS * alphabet.char_bits:
        yield at
        at = bits.find(pattern, at + 1)


def _read(alphabet: Alphabet, bits: str, start: int) -> str | tuple[int, str]:
    """The body of the track that starts here; or how many characters were good, and what stopped it."""
    width = alphabet.char_bits
    chars: list[str] = []
    check = 0
    ended = False
    # The last zeros of the LRC may have been taken for clocking.
    bits += "0" * width
    for count, at in enumerate(range(start, len(bits) - width + 1, width)):
        char = bits[at : at + width]
        if char.count("1") % 2 == 0:
            return count, f"the parity of character {count + 1} is wrong" if count else "no start sentinel"
        value = int(char[:-1][::-1], 2)
        check ^= value
        if ended:
            if check:
                return count, "the check character (LRC) is wrong"
            covered = at + width - start
            stray = len(bits) - width - covered
            whole = stray <= NOISE_CHARACTERS * width
            return "".join(chars[1:-1]) if whole else (count, "only part of it is there")
        chars.append(alphabet.char(value))
        if count and chars[-1] == alphabet.start:
            return count, "a second start sentinel"
        ended = bool(count) and chars[-1] == END
        if count >= alphabet.longest:
            return count, "no end sentinel where the standard has it"
    return len(chars), "no end sentinel"
