"""The console at a site with 5,000 people inside: a badge from the commit to the screen; what one badge costs it; and
the roster read whole, which is what a page would cost that kept nothing. The screen is Textual's own, without a
terminal behind it."""

import asyncio
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gate.uplink.signing import Signer
from hub.config import HubConfig, database
from hub.console.app import ConsoleApp, Seat
from hub.console.roles import Role
from hub.console.screens.on_site import Keeper
from hub.console.site import Site, now_ms, site_of
from hub.ingest import Ingest
from hub.live import pulse
from hub.store import HubStore, schema
from tests.benchmarks.figures import Figure
from tests.console.conftest import Desk
from tests.sim.records import RecordBook

SITE = "bench"
INSIDE = 5_000
WHOLE = "console: the roster of 5,000 read whole"


def measure(quick: bool) -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        config = HubConfig(site=SITE, state_dir=folder)
        with closing(HubStore(database(config))) as store:
            _fill(store)
            book = RecordBook("north", site=SITE)
            ingest = Ingest(SITE, store, Signer(SITE, Ed25519PrivateKey.generate()))
            yield Figure("console: one look whether anything is new", "ms", _timed(lambda: pulse(store), 200))
            site = site_of(store, config)
            yield Figure(WHOLE, "ms", _timed(lambda: Keeper().read(site), 10))
            keeper = Keeper()
            keeper.read(site)
            yield Figure("console: the same after one badge", "ms", _changes(ingest, book, keeper, site), WHOLE)
            shown = asyncio.run(_on_screen(config, ingest, book, 10 if quick else 50))
            yield Figure("badge stored → on the console's screen", "ms", shown)


def _fill(store: HubStore) -> None:
    now = now_ms()
    rows = [
        {
            "scheme": "hms", "number": f"{n:08d}", "time_ms": now - n * 500, "gate": "north", "epoch": "0" * 16,
            "seq": n + 1, "direction": "entry", "lane": "main", "certainty": "certain", "uid": None, "zone": "site",
            "change": n + 1, "closed_ms": None,
        }
        for n in range(INSIDE)
    ]  # fmt: skip
    with store.writing() as connection:
        connection.execute(schema.presence.insert(), rows)


def _timed(act: Callable[[], object], times: int) -> list[float]:
    took = []
    for _ in range(times):
        began = time.perf_counter()
        act()
        took.append((time.perf_counter() - began) * 1000)
    return took


def _changes(ingest: Ingest, book: RecordBook, keeper: Keeper, site: Site) -> list[float]:
    took = []
    for n in range(30):
        at_ms = now_ms()
        book.passage(f"{n:08d}", "exit" if n % 2 else "entry", at_ms)
        ingest.take([book.message(len(book.bodies))], at_ms)
        began = time.perf_counter()
        found = keeper.read(site)
        took.append((time.perf_counter() - began) * 1000)
    if len(found) != INSIDE - 15:
        raise RuntimeError(f"{len(found)} of {INSIDE} are inside")
    return took


async def _on_screen(config: HubConfig, ingest: Ingest, book: RecordBook, times: int) -> list[float]:
    app = ConsoleApp(config, lambda: HubStore(database(config)), Seat("bench", Role.VIEWER, "en"))
    took = []
    async with app.run_test(size=(110, 32)) as pilot:
        desk = Desk(app, pilot)
        await desk.press("2")
        for n in range(times):
            number, at_ms = f"9{n:07d}", now_ms()
            book.add("badge.refused", at_ms=at_ms, card=number, direction="entry", lane="main", reason="unknown_card")
            ingest.take([book.message(len(book.bodies))], at_ms)
            began = time.perf_counter()
            await desk.shows(f"hms:{number}")
            took.append((time.perf_counter() - began) * 1000)
    return took
