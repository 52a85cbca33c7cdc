"""The page itself, on terminals of many sizes: nothing is lost, nothing stays longer than it may."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import msgspec
import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from gate.model import Decision, Direction, Reason
from gate.relay.display import LOST, Face, Sign, answer, named, of_mode
from gate.relay.texts import Language
from gate.screen.app import BlockArea, LaneScreenApp
from gate.turnstile import Mode

RESTING = of_mode(Mode.NORMAL)
GO = Decision(admitted=True, reason=Reason.GRANTED)
SIZES = [(50, 15), (80, 24), (160, 45)]
PLACES = ("word", "name", "headline", "next", "also")
Test = Callable[[LaneScreenApp, Pilot[None]], Awaitable[None]]


class Gate:
    """A source of faces: what is put into it comes out; an exception is raised there, None ends it."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[Face | Exception | None] = asyncio.Queue()
        self.connections = 0

    async def faces(self) -> AsyncIterator[Face]:
        self.connections += 1
        while (given := await self.queue.get()) is not None:
            if isinstance(given, Exception):
                raise given
            yield given


def page(test: Test, gate: Gate, size: tuple[int, int] = (80, 24), passing_s: float = 60) -> None:
    async def run() -> None:
        app = LaneScreenApp(gate.faces, passing_s, retry_s=0.01)
        async with app.run_test(size=size) as pilot:
            await test(app, pilot)

    asyncio.run(run())


async def until(app: LaneScreenApp, pilot: Pilot[None], condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await pilot.pause(0.01)


def all_faces() -> list[Face]:
    entries = [
        answer(Decision(admitted=reason is Reason.GRANTED, reason=reason), Direction.ENTRY, language)
        for reason in sorted(set(Reason) - {Reason.EXPIRES_SOON})
        for language in (*Language, None)
    ]
    soon = Decision(admitted=True, reason=Reason.GRANTED, warnings=(Reason.EXPIRES_SOON,))
    warned = [answer(soon, Direction.ENTRY, language) for language in Language]
    exits = [answer(Decision(admitted=True, reason=Reason.EXPIRED), Direction.EXIT, language) for language in Language]
    named = [msgspec.structs.replace(answer(GO, Direction.ENTRY, language), name="Władysława") for language in Language]
    return [*entries, *warned, *exits, *named, *(of_mode(mode) for mode in Mode), LOST]


@pytest.mark.parametrize("size", SIZES)
def test_everything_fits_on_the_display(size: tuple[int, int]) -> None:
    """Each face there is: every word whole, sign and words within the display, none over another."""

    async def test(app: LaneScreenApp, pilot: Pilot[None]) -> None:
        for face in all_faces():
            app.show_face(face)
            await pilot.pause()
            shown = [widget for widget in app.query("#page > *") if widget.display]
            bottom = 0
            for widget in sorted(shown, key=lambda widget: widget.region.y):
                region = widget.region
                assert region.y >= bottom, f"{face}: {widget.id} over another"
                bottom = region.bottom
                assert region.height == widget.virtual_size.height or isinstance(widget, BlockArea)
                assert region.height > 0, f"{face}: {widget.id} is squeezed away"
            assert bottom <= size[1], f"{face}: {bottom} rows of {size[1]}"
            assert app.query_one("#sign", BlockArea).region.height >= 4, f"{face}: the sign is too small"
            large = app.query_one("#large", BlockArea)
            assert large.display or app.query_one("#headline", Static).display
            assert app.screen.max_scroll_y == 0

    page(test, Gate(), size)


def test_an_answer_gives_way_to_the_lane_s_own_face() -> None:
    gate = Gate()

    async def test(app: LaneScreenApp, pilot: Pilot[None]) -> None:
        assert app.face == LOST
        await gate.queue.put(RESTING)
        await until(app, pilot, lambda: app.face == RESTING)
        await gate.queue.put(answer(GO, Direction.ENTRY, "nb"))
        await until(app, pilot, lambda: app.face.sign is Sign.GO)
        await until(app, pilot, lambda: app.face == RESTING)

    page(test, gate, passing_s=0.05)


@pytest.mark.parametrize("trouble", [None, TimeoutError(), ConnectionResetError(), msgspec.DecodeError("no JSON")])
def test_a_gate_that_is_gone_silent_or_mad_is_shown_as_gone_and_asked_again(trouble: Exception | None) -> None:
    gate = Gate()

    async def test(app: LaneScreenApp, pilot: Pilot[None]) -> None:
        await gate.queue.put(RESTING)
        await gate.queue.put(answer(GO, Direction.ENTRY, "nb"))
        await until(app, pilot, lambda: app.face.sign is Sign.GO)
        await gate.queue.put(trouble)
        await until(app, pilot, lambda: app.face == LOST)
        await until(app, pilot, lambda: gate.connections > 1)
        await gate.queue.put(RESTING)
        await until(app, pilot, lambda: app.face == RESTING)

    page(test, gate)


@pytest.mark.parametrize("name", ["[red]Ada[/]", "\u202eadA", "Ada 👷\u200d♀️", "A" * 200, "Ada\nBo", "\x1b[31mAda"])
@pytest.mark.parametrize("size", [(40, 15), (80, 24)])
def test_p9_a_name_is_text_whatever_it_holds(name: str, size: tuple[int, int]) -> None:
    gate = Gate()

    async def test(app: LaneScreenApp, pilot: Pilot[None]) -> None:
        app.show_face(named(answer(GO, Direction.ENTRY, "nb"), name))
        await pilot.pause()
        place = app.query_one("#name", Static)
        assert place.region.height == 1
        shown = "".join(segment.text for segment in place.render_line(0))
        assert "\x1b" not in shown
        assert "\u202e" not in shown
        if name == "[red]Ada[/]":
            assert "[red]Ada[/]" in shown

    page(test, gate, size)


@pytest.mark.parametrize("size", [(1, 1), (10, 3), (20, 8), (300, 100)])
def test_p9_no_size_stops_the_page(size: tuple[int, int]) -> None:
    async def test(app: LaneScreenApp, pilot: Pilot[None]) -> None:
        for face in all_faces()[::7]:
            app.show_face(face)
            await pilot.pause()

    page(test, Gate(), size)
