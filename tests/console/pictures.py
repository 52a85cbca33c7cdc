"""The pictures in docs/console.md: `python -m tests.console.pictures` writes them, of an invented site at 06:55.

Textual exports what it draws as SVG; librsvg makes a PNG of it, with the font of Debian's fonts-dejavu-core.
"""

import asyncio
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from PIL import Image

from hub.commands import VALID_MS
from hub.console.app import ConsoleApp
from hub.console.roles import Role
from hub.console.words import Language
from hub.office import check_out, seen_outside
from hub.presence import EXIT, CardKey, HandMark
from hub.queries import roster
from hub.records import Asked
from hub.roll_call import latest_muster
from tests.console.conftest import SMALL, USUAL, WIDE, Desk, Invented, StillClock, app_of, invented_site, sitting

FOLDER = Path(__file__).parents[2] / "docs" / "pictures"
RENDERER = "rsvg-convert"
FONT = "DejaVu Sans Mono"
PIXELS_A_CELL = 9
SVG_CELL = 12.2
COLOURS = 200


@dataclass(frozen=True)
class Shot:
    """One picture: what is pressed, and what then stands on the screen."""

    name: str
    keys: Sequence[str]
    shows: str
    size: tuple[int, int] = WIDE
    language: Language = "en"
    light: bool = False
    role: Role = Role.MANAGER
    before: Callable[[Invented], None] | None = None


def a_busy_morning(site: Invented) -> None:
    """Somebody has been at work already."""
    assert site.stage is not None
    assert isinstance(site.clock, StillClock)
    first = roster(site.store)[0]
    card = (first.scheme, first.number)
    said = HandMark(CardKey(*card), EXIT, site.clock(), "ola", "left by the side gate", site.clock())
    check_out(site.store, said, None)
    for asked in (
        Asked("north", "open", "in-1", "entry", "ola", "crane driver, card in the other jacket"),
        Asked("south", "held_open", "main", None, "kari", "concrete delivery"),
        Asked("south", "normal", "main", None, "kari", "delivery is in"),
        Asked("tower", "open", "lift", "entry", "ola", ""),
    ):
        site.clock.at_ms += 20_000
        site.store.give(asked, site.clock(), VALID_MS)
        site.stage.turn()


def the_alarm(site: Invented) -> None:
    """Six minutes ago; most of them have been seen, every other one by the reader at the assembly point."""
    assert site.stage is not None
    assert isinstance(site.clock, StillClock)
    site.store.give(Asked("north", "evacuated", None, None, "kari", "smoke in the basement"), site.clock(), VALID_MS)
    site.stage.turn()
    call = latest_muster(site.store, None)
    assert call is not None
    for n, one in enumerate(call.people):
        site.clock.at_ms += 2_000
        if n % 9 > 1 and n % 2:
            site.stage.gates[1].muster_badge("assembly", one.number, site.clock.at_ms)
            site.stage.turn()
        elif n % 9 > 1:
            seen_outside(site.store, CardKey(one.scheme, one.number), "warden", site.clock())
    site.clock.at_ms += 60_000


SHOTS = (
    Shot("gates", ["down", "down"], "READERS", before=a_busy_morning),
    Shot("now", ["2"], "● live"),
    Shot("why", ["2", "f", "down", "enter"], "Last badges"),
    Shot("let-in", ["2", "f", "o"], "in once through"),
    Shot("on-site", ["3"], "companies"),
    Shot("waiting", ["4"], "unknown card"),
    Shot("approve", ["4", "a", *"Tindvik Tak"], "Approve the card"),
    Shot("crew", ["5", "f"], "refused only"),
    Shot("muster", ["6"], "LOOK FOR", before=the_alarm),
    Shot("evacuate", ["E"], "EVACUATE THE WHOLE SITE?"),
    Shot("audit", ["7"], "opened for one", before=a_busy_morning),
    Shot("legal", ["8"], "✓ valid", role=Role.INSPECTOR),
    Shot("deliveries", ["9", "down"], "says: 503"),
    Shot("aside", ["9", "end", "enter"], "set aside · 3"),
    Shot("reports", ["0"], "not checked today"),
    Shot("report", ["0", "enter"], "SHA-256"),
    Shot("day", ["+"], "Refused because"),
    Shot("help", ["question_mark"], "Everywhere"),
    Shot("now-light", ["2"], "● direkte", USUAL, "nb", light=True),
    Shot("gates-small", [], "normal", SMALL),
    Shot("deliveries-small", ["9"], "vaktbok", SMALL, "nb"),
    Shot("day-small", ["+"], "busiest", SMALL),
    Shot("muster-small", ["6"], "LOOK FOR", SMALL, before=the_alarm),
)


async def shot_of(site: Invented, shot: Shot) -> str:
    """SVG."""
    app: ConsoleApp = app_of(site, shot.role, shot.language, light=shot.light)
    async with sitting(app, shot.size) as desk:
        await pressed(desk, shot)
        return app.export_screenshot(title="hub console")


async def pressed(desk: Desk, shot: Shot) -> None:
    """Press its keys, and wait for what then stands there."""
    for key in shot.keys:
        await desk.press("space" if key == " " else key)
        await desk.hides("Reading …")
    await desk.shows(shot.shows)
    await desk.pilot.pause()


_INDENTED = re.compile(r'x="([0-9.]+)"( y="[0-9.]+") textLength="([0-9.]+)"([^>]*)>((?:&#160;)+)')


def _indented(text: re.Match[str]) -> str:
    """librsvg leaves out what is blank at the beginning, and stretches the rest: begin where there is ink."""
    x, y, length, rest, blanks = text.groups()
    room = blanks.count("&") * SVG_CELL
    return f'x="{float(x) + room:g}"{y} textLength="{float(length) - room:g}"{rest}>'


def rendered(svg: str, columns: int) -> bytes:
    """PNG, with few colours, so that it is small."""
    svg = _INDENTED.sub(_indented, svg)
    svg = re.sub(r"@font-face\s*\{.*?\}", "", svg, flags=re.DOTALL).replace("Fira Code", FONT)
    done = subprocess.run(
        [RENDERER, "--width", str(columns * PIXELS_A_CELL), "--format", "png"],
        input=svg.encode(), capture_output=True, check=True,
    )  # fmt: skip
    image = Image.open(BytesIO(done.stdout)).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    out = BytesIO()
    image.save(out, "PNG", optimize=True)
    return out.getvalue()


def main() -> int:
    if shutil.which(RENDERER) is None:
        print(f"{RENDERER} is not installed (Debian package librsvg2-bin)", file=sys.stderr)
        return 1
    wanted = sys.argv[1:]
    for shot in SHOTS:
        if wanted and shot.name not in wanted:
            continue
        with tempfile.TemporaryDirectory() as folder, invented_site(Path(folder)) as site:
            if shot.before is not None:
                shot.before(site)
            svg = asyncio.run(shot_of(site, shot))
        (FOLDER / f"console-{shot.name}.png").write_bytes(rendered(svg, shot.size[0]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
