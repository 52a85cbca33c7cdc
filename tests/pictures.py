"""The lane screen's picture in `docs/`: `python -m tests.pictures` writes it, a test compares.

Drawn from the page's own lines, as a drawing that needs no font to show its blocks. With a folder, every
face in every language goes there, one file each, to be looked at.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from pathlib import Path
from xml.sax.saxutils import escape

from textual.widget import Widget

from gate.model import Decision, Direction, MusterReply, Reason
from gate.relay.display import AT_MUSTER, LOST, Face, answer, muster_answer, named, of_mode
from gate.relay.texts import Language
from gate.screen.app import COLOURS, LaneScreenApp
from gate.turnstile import Mode

PICTURE = Path(__file__).parents[1] / "docs" / "pictures" / "screen.svg"
COLUMNS, ROWS = 64, 24
CELL_WIDTH, CELL_HEIGHT = 5, 10
GAP = 12
ACROSS = 4
BLOCKS = {"█": (0, 2), "▀": (0, 1), "▄": (1, 1)}
"""A block's first half of a cell, and how many halves it fills."""


def sheet_faces() -> Sequence[Face]:
    """One of each kind, in all five languages."""
    go = Decision(admitted=True, reason=Reason.GRANTED)
    soon = Decision(admitted=True, reason=Reason.GRANTED, warnings=(Reason.EXPIRES_SOON,))

    def refused(reason: Reason, language: str) -> Face:
        return answer(Decision(admitted=False, reason=reason), Direction.ENTRY, language)

    return [
        of_mode(Mode.NORMAL),
        named(answer(go, Direction.ENTRY, "pl"), "Łukasz"),
        answer(soon, Direction.ENTRY, "en"),
        refused(Reason.UNREADABLE, "lt"),
        refused(Reason.EXPIRED, "ro"),
        refused(Reason.TRAINING_MISSING, "nb"),
        of_mode(Mode.LOCKED),
        of_mode(Mode.EVACUATED),
    ]


def every_face() -> Iterator[tuple[str, Face]]:
    """All there are, by a name for a file."""
    for language in Language:
        for reason in Reason:
            admitted = reason in (Reason.GRANTED, Reason.EXPIRES_SOON)
            warned = (reason,) if reason is Reason.EXPIRES_SOON else ()
            decision = Decision(admitted, Reason.GRANTED if warned else reason, warned)
            yield f"{language}-entry-{reason}", answer(decision, Direction.ENTRY, language)
        for reason in (Reason.GRANTED, Reason.EXPIRED):
            leaving = Decision(admitted=True, reason=reason)
            yield f"{language}-exit-{reason}", answer(leaving, Direction.EXIT, language)
        for reply in MusterReply:
            yield f"{language}-muster-{reply}", muster_answer(reply, language)
    yield from ((f"mode-{mode}", of_mode(mode)) for mode in Mode)
    yield "muster", AT_MUSTER
    yield "lost", LOST


def drawn(faces: Sequence[Face], across: int) -> str:
    """The faces as one SVG."""
    pages = asyncio.run(_pages(faces))
    width, height = COLUMNS * CELL_WIDTH + GAP, ROWS * CELL_HEIGHT + GAP
    down = -(-len(faces) // across)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{across * width - GAP}" height="{down * height - GAP}" '
        f'font-family="monospace" font-size="{CELL_HEIGHT * 0.8:g}" text-anchor="middle">'
    )
    parts = [head]
    for place, (face, page) in enumerate(zip(faces, pages, strict=True)):
        ink, ground = COLOURS[face.sign]
        parts.append(f'<g transform="translate({place % across * width} {place // across * height})" fill="{ink}">')
        parts.append(f'<rect width="{width - GAP}" height="{height - GAP}" rx="4" fill="{ground}" stroke="#888888"/>')
        parts += [piece for row, line in enumerate(page) for piece in _line(row, line)]
        parts.append("</g>")
    return "\n".join([*parts, "</svg>", ""])


def _line(row: int, line: str) -> Iterator[str]:
    if not BLOCKS.keys().isdisjoint(line):
        path = "".join(_runs(row, line))
        yield f'<path d="{path}"/>'
    elif words := line.strip():
        yield f'<text x="{COLUMNS * CELL_WIDTH / 2:g}" y="{(row + 0.8) * CELL_HEIGHT:g}">{escape(words)}</text>'


def _runs(row: int, line: str) -> Iterator[str]:
    """Rectangles, as many cells wide as the same block goes on."""
    start = 0
    while start < len(line):
        end = start + 1
        while end < len(line) and line[end] == line[start]:
            end += 1
        if line[start] in BLOCKS:
            first, halves = BLOCKS[line[start]]
            top = row * CELL_HEIGHT + first * CELL_HEIGHT // 2
            wide = (end - start) * CELL_WIDTH
            yield f"M{start * CELL_WIDTH} {top}h{wide}v{halves * CELL_HEIGHT // 2}h-{wide}z"
        start = end


async def _pages(faces: Iterable[Face]) -> list[list[str]]:
    async def nothing() -> AsyncIterator[Face]:
        await asyncio.Event().wait()
        yield LOST

    app = LaneScreenApp(nothing, passing_s=3600)
    pages = []
    async with app.run_test(size=(COLUMNS, ROWS)) as pilot:
        for face in faces:
            app.show_face(face)
            await pilot.pause()
            pages.append(_lines([widget for widget in app.query("#page > *") if widget.display]))
    return pages


def _lines(widgets: Iterable[Widget]) -> list[str]:
    lines = [""] * ROWS
    for widget in widgets:
        for y in range(widget.region.height):
            lines[widget.region.y + y] = "".join(segment.text for segment in widget.render_line(y))
    return lines


def main() -> int:
    if folder := sys.argv[1:]:
        Path(folder[0]).mkdir(parents=True, exist_ok=True)
        for name, face in every_face():
            Path(folder[0], f"{name}.svg").write_text(drawn([face], 1), encoding="utf-8")
        return 0
    PICTURE.parent.mkdir(exist_ok=True)
    PICTURE.write_text(drawn(sheet_faces(), ACROSS), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
