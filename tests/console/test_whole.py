"""The console on a real site: a hub, gates and a broker as processes; and on a PostgreSQL that goes away."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from textual.widgets import Input

from hub.config import HubConfig, PostgresAddress, database, load_config
from hub.console.app import ConsoleApp, Seat
from hub.console.roles import Role
from hub.store import HubStore
from tests.console.conftest import WIDE, Desk, sitting
from tests.sim.postgres import Postgres
from tests.sim.yard import ORGANISATION, Yard, opened


def console(config: HubConfig) -> ConsoleApp:
    return ConsoleApp(config, lambda: HubStore(database(config)), Seat("kari", Role.MANAGER, "en"))


async def said(desk: Desk, *wanted: str) -> str:
    """What the dialog says came of it."""
    await desk.until(f"{wanted} said", lambda: all(one in getattr(desk.app.screen, "said", "") for one in wanted))
    return str(getattr(desk.app.screen, "said", ""))


async def test_who_is_refused_at_a_real_gate_is_let_in_from_the_console() -> None:
    """A stranger shows a card; somebody at the console approves it by the keys on the screen; the gate lets it in."""
    with opened() as yard:
        await _let_the_stranger_in(yard)


async def _let_the_stranger_in(yard: Yard) -> None:
    config = load_config(yard.folder / "hub.toml")
    yard.north.goes("11111111")
    assert yard.north.answers("44444444") == "unknown_card"
    async with sitting(console(config), WIDE) as desk:
        await desk.shows("north/main", "● normal", "1 on site", "4 Waiting 1")
        await desk.press("2", "f")
        await desk.shows("✗ unknown card", "hms:44444444")
        await desk.press("enter")
        await desk.shows("What mends it: m approve")
        await desk.press("m")
        await desk.shows("Approve the card hms:44444444?")
        desk.app.screen.query_one("#field-company", Input).value = ORGANISATION
        await desk.press("tab", "tab")
        await desk.type("Dag")
        await desk.press("tab")
        await desk.type("Nordli")
        await desk.press("enter")
        await said(
            desk,
            f"approved until {datetime.now(UTC).astimezone().date().isoformat()}",
            "is at every gate on line after",
        )
        await desk.press("enter", "escape")
        # By the gate's own list, not by the hub's word for it.
        assert yard.north.badge("44444444").admitted
        assert yard.north.remote.walk("main", "entry")  # type: ignore[arg-type]
        await desk.shows("2 on site")
        await desk.press("3")
        await desk.shows("Dag Nordli")

        # Once more somebody whom a rule of the gate keeps out: in once, on the guard's word, and on the roster.
        assert yard.north.answers("22222222") != "granted"
        await desk.press("2")
        await desk.shows("Bo Nordli")
        await desk.press("o")
        await desk.shows("Let Bo Nordli in once through north/main?")
        await desk.type("the crane waits for him")
        await desk.press("enter")
        await desk.shows("done after")
        assert yard.north.remote.walk("main", "entry")  # type: ignore[arg-type]
        await said(desk, "north/main: done after", "Went in at")
        await desk.press("enter", "3")
        await desk.shows("Bo Nordli", "▲ by hand", "3 on site")

        await desk.press("1", "l", "enter")
        await said(desk, "north/main: done after")
        await desk.press("enter")
        await desk.shows("▲ locked down")


@pytest.mark.real
async def test_a_postgresql_that_stops_and_comes_back(postgres: Postgres, tmp_path: Path) -> None:
    address: PostgresAddress = postgres.database()
    config = HubConfig(site="yard", state_dir=str(tmp_path), database=address.url)
    async with sitting(console(config), WIDE) as desk:
        await desk.shows("No gate has spoken")
        try:
            postgres.stop("immediate")
            await desk.shows("THE DATABASE IS AWAY", "this picture is", "No gate has spoken")
        finally:
            postgres.start()
        await desk.hides("THE DATABASE IS AWAY")
