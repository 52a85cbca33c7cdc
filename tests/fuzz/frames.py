"""Serial byte streams: any stream, any framing, cut any way."""

from collections.abc import Sequence
from random import Random

from gate.reader.frames import FRAMINGS, Ended, Frame, Framer

IDLE_MS = 50
MAX_BYTES = 32


def fed(framing: str, pieces: Sequence[tuple[int, bytes]]) -> tuple[list[Frame], int]:
    """Frames and garbage of pieces, each after a pause in ms; then silence."""
    framer = Framer(FRAMINGS[framing], IDLE_MS, MAX_BYTES)
    frames: list[Frame] = []
    now_ms = 0
    for pause_ms, data in pieces:
        now_ms += pause_ms
        frames += framer.tick(now_ms)
        frames += framer.feed(data, now_ms)
        assert framer.held <= MAX_BYTES
    frames += framer.tick(now_ms + IDLE_MS)
    assert not framer.waiting
    return frames, framer.garbage


def check(framing: str, pieces: Sequence[tuple[int, bytes]]) -> str:
    """Bounded, accounted for, and the same frames however the bytes were cut on the way."""
    frames, garbage = fed(framing, pieces)
    whole = [frame for frame in frames if frame.ended is Ended.WHOLE]
    total = sum(len(data) for _, data in pieces)
    assert all(0 < len(frame.data) <= MAX_BYTES for frame in whole)
    kept = sum(len(frame.data) for frame in whole)
    assert kept + garbage <= total
    if framing == "idle":
        assert kept + garbage == total
    single = [(pause_ms if not at else 0, data[at : at + 1])
              for pause_ms, data in pieces for at in range(max(1, len(data)))]  # fmt: skip
    assert fed(framing, single) == (frames, garbage)
    return f"with {min(len(whole), 3)}{'+' if len(whole) > 2 else ''} frames"


def one(random: Random) -> str:
    """One input."""
    framing = random.choice(tuple(FRAMINGS))
    pieces = []
    for _ in range(random.randrange(6)):
        length = random.randrange(80)
        busy = random.random() < 0.7
        data = bytes(random.choices(b"\x02\x03\r\n0123456789;=?", k=length)) if busy else random.randbytes(length)
        pieces.append((random.choice((0, 10, 60)), data))
    return check(framing, pieces)
