"""Points to text: two rows of points are one row of half blocks. Pure."""

from collections.abc import Sequence
from typing import TypeAlias

Picture: TypeAlias = Sequence[str]
"""Rows of points from the top, an even number of them; `#` is ink, anything else ground."""

_BLOCKS = {(False, False): " ", (True, False): "▀", (False, True): "▄", (True, True): "█"}


def in_blocks(picture: Picture) -> list[str]:
    """Half as many rows of text, as wide as the picture."""
    return [
        "".join(_BLOCKS[upper == "#", lower == "#"] for upper, lower in zip(above, below, strict=True))
        for above, below in zip(picture[::2], picture[1::2], strict=True)
    ]
