"""Serial framing: bytes as they trickle in, to frames; and which frames are one showing. Pure.

A Framer is fed whatever came and the time at which it came; how the bytes were cut on the way makes no
difference. Every byte ends up in a frame that is WHOLE, in a delimiter, or in `garbage`. A gap of
`idle_ms` ends what is unfinished, so noise before a code is never read as its beginning once the line
has been quiet.
"""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from enum import Enum, auto

MAX_FRAME_BYTES = 1024
"""Three tracks are some 230 characters; no card's QR code that we know of is near this."""


class Ended(Enum):
    """How a frame came to its end. Only a WHOLE one may be read; the others are answered as unreadable."""

    WHOLE = auto()
    CUT = auto()
    """The line fell silent in the middle."""
    LONG = auto()
    """There was no end within the bound; `data` is empty."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One message of the reader, without its delimiters."""

    data: bytes
    ended: Ended = Ended.WHOLE


@dataclass(frozen=True, slots=True)
class Framing:
    """What stands before and after a message. No end: silence is the end."""

    start: bytes
    end: bytes


FRAMINGS: Mapping[str, Framing] = {
    "cr": Framing(b"", b"\r"),
    "lf": Framing(b"", b"\n"),
    "crlf": Framing(b"", b"\r\n"),
    "stx-etx": Framing(b"\x02", b"\x03"),
    "idle": Framing(b"", b""),
}
"""The framings by their names in the settings."""

_LINE_ENDS = b"\r\n"


class Framer:
    """Cuts a stream into frames. `garbage` counts the bytes that were in no whole frame."""

    def __init__(self, framing: Framing, idle_ms: int, max_bytes: int = MAX_FRAME_BYTES) -> None:
        self._framing = framing
        self._idle_ms = idle_ms
        self._max_bytes = max_bytes
        self._buffer = bytearray()
        self._inside = not framing.start
        self._skipping = False
        self._before = b""
        self._heard_ms = 0
        self.garbage = 0

    @property
    def waiting(self) -> bool:
        """Whether something is unfinished: then `tick` wants to be called when the line stays quiet."""
        return bool(self._buffer) or self._skipping or (self._inside and bool(self._framing.start))

    @property
    def held(self) -> int:
        """How many bytes are kept of what is unfinished; never more than the bound."""
        return len(self._buffer)

    def feed(self, data: bytes, now_ms: int) -> list[Frame]:
        """The frames that these bytes complete."""
        frames = self.tick(now_ms)
        self._heard_ms = now_ms
        for byte in data:
            frame = self._take(bytes((byte,)))
            if frame is not None:
                frames.append(frame)
        return frames

    def tick(self, now_ms: int) -> list[Frame]:
        """What the silence until now has ended."""
        if not self.waiting or now_ms - self._heard_ms < self._idle_ms:
            return []
        data = bytes(self._buffer)
        by_silence = not self._framing.end
        opened = self._inside and bool(self._framing.start)
        self._rest()
        if not data:
            self.garbage += opened
            return []
        if by_silence:
            return [Frame(data)]
        self.garbage += len(data) + opened
        return [Frame(data, Ended.CUT)]

    def _take(self, byte: bytes) -> Frame | None:
        start, end = self._framing.start, self._framing.end
        if start and byte == start:
            # A second start: the first one's end was lost.
            self.garbage += len(self._buffer) + self._inside
            self._rest()
            self._inside = True
            return None
        if self._skipping:
            self._skip(byte)
            return None
        if not self._inside:
            self.garbage += 1
            return None
        if end and not start and not self._buffer and byte in _LINE_ENDS:
            # Readers that end a line with both, whatever the settings say of one.
            return None
        self._buffer += byte
        if end and self._buffer.endswith(end):
            frame = Frame(bytes(self._buffer[: -len(end)]))
            self._rest()
            return frame if frame.data else None
        if len(self._buffer) > self._max_bytes:
            self.garbage += len(self._buffer) + bool(start)
            self._rest()
            self._skipping, self._before = True, byte
            return Frame(b"", Ended.LONG)
        return None

    def _skip(self, byte: bytes) -> None:
        """Past what was too long, up to its end or a silence."""
        self.garbage += 1
        self._before = (self._before + byte)[-2:]
        if self._framing.end and self._before.endswith(self._framing.end):
            self._rest()

    def _rest(self) -> None:
        self._buffer.clear()
        self._skipping = False
        self._before = b""
        self._inside = not self._framing.start


class Repeats:
    """Tells a new showing from one that goes on: a scanner repeats what stays before it.

    The same again within `hold_off_ms` of the last time is the same showing, however long it lasts.
    """

    def __init__(self, hold_off_ms: int) -> None:
        self._hold_off_ms = hold_off_ms
        # A hash, so that a card's contents are not kept after they were delivered (P12).
        self._last: int | None = None
        self._last_ms = 0

    def is_new(self, shown: Hashable, now_ms: int) -> bool:
        """Whether this begins a showing; remembers it."""
        mark = hash(shown)
        new = mark != self._last or now_ms - self._last_ms >= self._hold_off_ms
        self._last, self._last_ms = mark, now_ms
        return new


def printable(data: bytes) -> bytes:
    """A text without what is no character at either end: a line picks up such bytes when it is plugged in."""
    first = next((at for at, byte in enumerate(data) if 0x20 < byte < 0x7F), len(data))
    last = next((at for at in range(len(data), 0, -1) if 0x20 < data[at - 1] < 0x7F), 0)
    return data[first:last]
