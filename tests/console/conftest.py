"""The console on real stores: an invented site whose clock stands still, and a hand that presses keys."""

import contextlib
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from msgspec.structs import replace
from textual.pilot import Pilot

from hub.config import HubConfig, closing_rule, database
from hub.console.app import ConsoleApp, Seat
from hub.console.demo import invented
from hub.console.demo.stage import Stage
from hub.console.roles import Role
from hub.console.site import now_ms
from hub.console.words import Language
from hub.store import HubStore
from tests.unit.test_hub_presence import oslo
from tests.waiting import wait_for_async

MORNING_MS = oslo("2026-05-05T06:55")
WIDE, USUAL, SMALL = (110, 32), (80, 24), (40, 15)


class StillClock:
    """A time that goes on when it is told to."""

    def __init__(self, at_ms: int = MORNING_MS) -> None:
        self.at_ms = at_ms

    def __call__(self) -> int:
        return self.at_ms


@dataclass
class Invented:
    """An invented site."""

    config: HubConfig
    store: HubStore
    clock: Callable[[], int]
    stage: Stage | None


class Desk:
    """Somebody at the console."""

    def __init__(self, app: ConsoleApp, pilot: Pilot[None]) -> None:
        self.app = app
        self.pilot = pilot

    @property
    def text(self) -> str:
        """All that is on the screen, line by line."""
        strips = self.app.screen._compositor.render_strips()  # what Textual itself draws
        return "\n".join("".join(segment.text for segment in strip).rstrip() for strip in strips)

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)

    async def type(self, text: str) -> None:
        await self.pilot.press(*text)

    async def until(self, described: str, condition: Callable[[], object]) -> None:
        await wait_for_async(described, condition)

    async def shows(self, *wanted: str) -> None:
        """Wait until all of it is on the screen."""
        try:
            await wait_for_async(f"{wanted} on the screen", lambda: all(one in self.text for one in wanted))
        except AssertionError as vain:
            raise AssertionError(f"{vain}\n{self.text}") from None

    async def hides(self, *unwanted: str) -> None:
        await wait_for_async(f"{unwanted} gone from the screen", lambda: not any(one in self.text for one in unwanted))


def app_of(
    site: Invented, role: Role = Role.MANAGER, language: Language = "en", *, light: bool = False, user: str = "kari"
) -> ConsoleApp:
    seat = Seat(user, role, language, light=light)
    return ConsoleApp(site.config, lambda: HubStore(database(site.config)), seat, site.clock)


@contextlib.asynccontextmanager
async def sitting(app: ConsoleApp, size: tuple[int, int] = WIDE) -> AsyncIterator[Desk]:
    """The console, with its first picture."""
    async with app.run_test(size=size, notifications=True) as pilot:
        desk = Desk(app, pilot)
        await desk.until("the first picture", lambda: app.picture is not None)
        await pilot.pause()
        yield desk


@contextlib.contextmanager
def invented_site(folder: Path, *, busy: bool = True) -> Iterator[Invented]:
    config = invented(folder)
    if not busy:
        config = replace(config, targets=())
    clock = StillClock()
    with contextlib.closing(HubStore(database(config))) as store:
        stage = None
        if busy:
            stage = Stage(store, closing_rule(config.presence), clock=clock)
            stage.open()
        yield Invented(config, store, clock, stage)


@pytest.fixture
def busy(tmp_path: Path) -> Iterator[Invented]:
    """A site at 06:55."""
    with invented_site(tmp_path) as site:
        yield site


@pytest.fixture
def living(tmp_path: Path) -> Iterator[Invented]:
    """The same by the real clock, and it goes on: people come, gates obey."""
    config = invented(tmp_path)
    with contextlib.closing(HubStore(database(config))) as store:
        stage = Stage(store, closing_rule(config.presence))
        stage.open()
        stop = threading.Event()
        thread = threading.Thread(target=stage.play, args=(stop,))
        thread.start()
        try:
            yield Invented(config, store, now_ms, stage)
        finally:
            stop.set()
            thread.join()


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Invented]:
    """A hub that nobody has spoken to."""
    with invented_site(tmp_path, busy=False) as site:
        yield site
