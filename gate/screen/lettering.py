"""Capital letters drawn large, out of half blocks, for who stands three metres off. Pure.

A letter is five points by seven, with two rows above and two below for marks: Å, Ż, Ė, Ș and the rest
are a letter and its mark, as Unicode's canonical decomposition has them.
"""

import unicodedata
from collections.abc import Mapping, Sequence

from gate.screen.blocks import Picture, in_blocks

_SHEET = """
A     B     C     D     E     F     G     H     I     J
.###. ####. .#### ####. ##### ##### .#### #...# ###   ...##
#...# #...# #.... #...# #.... #.... #.... #...# .#.   ....#
#...# #...# #.... #...# #.... #.... #.... #...# .#.   ....#
##### ####. #.... #...# ####. ####. #..## ##### .#.   ....#
#...# #...# #.... #...# #.... #.... #...# #...# .#.   ....#
#...# #...# #.... #...# #.... #.... #...# #...# .#.   #...#
#...# ####. .#### ####. ##### #.... .###. #...# ###   .###.

K     L     M     N     O     P     Q     R     S     T
#...# #.... #...# #...# .###. ####. .###. ####. .#### #####
#..#. #.... ##.## ##..# #...# #...# #...# #...# #.... ..#..
#.#.. #.... #.#.# ##..# #...# #...# #...# #...# #.... ..#..
##... #.... #.#.# #.#.# #...# ####. #...# ####. .###. ..#..
#.#.. #.... #...# #..## #...# #.... #.#.# #.#.. ....# ..#..
#..#. #.... #...# #..## #...# #.... #..#. #..#. ....# ..#..
#...# ##### #...# #...# .###. #.... .##.# #...# ####. ..#..

U     V     W     X     Y     Z     Æ     Ø     Ł     !
#...# #...# #...# #...# #...# ##### .#### .##.# .#... #
#...# #...# #...# #...# #...# ....# #.#.. #..#. .#... #
#...# #...# #...# .#.#. .#.#. ...#. #.#.. #.#.# .#.#. #
#...# #...# #.#.# ..#.. ..#.. ..#.. ##### #.#.# .##.. #
#...# .#.#. #.#.# .#.#. ..#.. .#... #.#.. #.#.# ##... #
#...# .#.#. ##.## #...# ..#.. #.... #.#.. .#..# .#... .
.###. ..#.. #...# #...# ..#.. ##### #.### #.##. .#### #

0     1     2     3     4     5     6     7     8     9
.###. .#.   .###. .###. ...#. ##### .###. ##### .###. .###.
#..## ##.   #...# #...# ..##. #.... #.... ....# #...# #...#
#.#.# .#.   ....# ....# .#.#. ####. #.... ...#. #...# #...#
#.#.# .#.   ..##. ..##. #..#. ....# ####. ..#.. .###. .####
#.#.# .#.   .#... ....# ##### ....# #...# .#... #...# ....#
##..# .#.   #.... #...# ...#. #...# #...# .#... #...# ....#
.###. ###   ##### .###. ...#. .###. .###. .#... .###. .###.

.     ,     :     ;     -     ?     '     /     …     +
.     ..    .     ..    ...   .###. #     ....# ..... .....
.     ..    .     ..    ...   #...# #     ....# ..... ..#..
.     ..    #     .#    ...   ....# .     ...#. ..... ..#..
.     ..    .     ..    ###   ..##. .     ..#.. ..... #####
.     ..    .     ..    ...   ..#.. .     .#... ..... ..#..
.     .#    #     .#    ...   ..... .     #.... ..... ..#..
#     #.    .     #.    ...   ..#.. .     #.... #.#.# .....
"""

_MARKS_ABOVE: Mapping[str, tuple[str, str]] = {
    "\u0301": ("...#.", "..#.."),
    "\u0302": ("..#..", ".#.#."),
    "\u0304": (".....", ".###."),
    "\u0306": (".#.#.", "..#.."),
    "\u0307": ("..#..", "....."),
    "\u030a": ("..#..", ".#.#."),
    "\u030c": (".#.#.", "..#.."),
}
"""Acute, circumflex, macron, breve, dot, ring, caron: by their combining characters."""
_MARKS_BELOW: Mapping[str, tuple[str, str]] = {
    "\u0326": (".....", "..#.."),
    "\u0327": (".....", "..#.."),
    "\u0328": ("...#.", "...##"),
}
"""Comma, cedilla, ogonek."""

_NO_MARK: tuple[str, str] = (".....", ".....")
_GAP = "."


def _letters(sheet: str) -> Mapping[str, tuple[str, ...]]:
    found = {}
    for band in sheet.strip().split("\n\n"):
        names, *rows = (line.split() for line in band.splitlines())
        for place, name in enumerate(names):
            found[name] = tuple(row[place] for row in rows)
    return found


LETTERS = _letters(_SHEET)


def lettered(text: str, columns: int, scale: int = 1) -> list[str] | None:
    """The text in capitals, over as many lines as it takes; None when a word is wider than the columns.

    A line of letters is six rows of text high; at `scale` 2 twice that.
    """
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and _width(longer) * scale <= columns:
            lines[-1] = longer
        else:
            lines.append(word)
    if any(_width(line) * scale > columns for line in lines):
        return None
    return [row for line in lines for row in in_blocks(_scaled(_line(line), scale))]


def _width(text: str) -> int:
    return len(_line(text)[0])


def _line(text: str) -> Picture:
    """Twelve rows of points: two for marks, seven for letters, two for marks, one of air."""
    glyphs = [_glyph(character) for character in text.upper()]
    return [_GAP.join(glyph[row] for glyph in glyphs) for row in range(12)] if glyphs else [""] * 12


def _glyph(character: str) -> Picture:
    if character.isspace():
        return ("...",) * 12
    base = character if character in LETTERS else unicodedata.normalize("NFD", character)[0]
    marks = () if base == character else tuple(unicodedata.normalize("NFD", character)[1:])
    body = LETTERS.get(base, LETTERS["?"])
    wide = len(body[0])
    above = next((_MARKS_ABOVE[mark] for mark in marks if mark in _MARKS_ABOVE), _NO_MARK)
    below = next((_MARKS_BELOW[mark] for mark in marks if mark in _MARKS_BELOW), _NO_MARK)
    return (*_narrowed(above, wide), *body, *_narrowed(below, wide), "." * wide)


def _narrowed(mark: Sequence[str], wide: int) -> tuple[str, ...]:
    """The middle of a mark, for a letter that is not five points wide."""
    start = max(0, (5 - wide) // 2)
    return tuple(row[start : start + wide] for row in mark)


def _scaled(picture: Picture, scale: int) -> Picture:
    wide = ["".join(point * scale for point in row) for row in picture]
    return [row for row in wide for _ in range(scale)]
