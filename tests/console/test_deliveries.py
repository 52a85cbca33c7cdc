"""What central systems were told: how far each is, what it refused in its own words, and the keys to act on it."""

import pytest
from sqlalchemy import select

from hub.central.overview import aside_lines, target_lines
from hub.console.roles import Role
from hub.console.widgets.aside import AsideDialog
from hub.console.widgets.dialogs import AskDialog
from hub.store import schema
from tests.console.conftest import SMALL, USUAL, WIDE, Desk, Invented, app_of, sitting
from tests.console.targets import four_targets, id_of


async def answered(desk: Desk) -> str:
    dialog = desk.app.screen
    assert isinstance(dialog, AskDialog), dialog
    await desk.until("an answer", lambda: dialog.said)
    return dialog.said


def state_of(site: Invented, target: str) -> str:
    return next(one.state for one in target_lines(site.store, site.config.targets, site.clock()) if one.name == target)


def audited(site: Invented) -> list[tuple[str, str, str]]:
    with site.store.reading() as connection:
        rows = connection.execute(select(schema.audit).order_by(schema.audit.c.id))
        return [(row.who, row.action, row.detail) for row in rows]


async def test_every_target_says_how_far_it_is_by_words_and_signs(busy: Invented) -> None:
    four_targets(busy)
    async with sitting(app_of(busy), WIDE) as desk:
        await desk.press("9")
        await desk.shows("✓ has everything", "✗ NOT REACHED", "✗ STOPPED", "▲ 44 min / 30 min", "112", "✗ 3")
        await desk.shows(
            "▲ hmsreg: something has waited too long", "▲ elrapp has stopped", "vaktbok: something was set"
        )
        await desk.press("down")
        await desk.shows("hmsreg says: 503 Service Unavailable", "4 attempts have failed; next 06:55:40")
        await desk.press("f2")
        await desk.shows("✗ NÅS IKKE", "MOTTAKER")


async def test_a_stopped_target_is_woken_and_whoever_did_it_is_in_the_audit(busy: Invented) -> None:
    four_targets(busy)
    async with sitting(app_of(busy), WIDE) as desk:
        await desk.press("9")
        await desk.shows("✗ STOPPED")
        await desk.press("down", "down", "w")
        await desk.shows("Try elrapp again now?", "The hub tries at once")
        assert state_of(busy, "elrapp") == "stopped"
        await desk.press("enter")
        assert "elrapp is tried again" in await answered(desk)
        await desk.press("enter")
        await desk.hides("✗ STOPPED")
    assert state_of(busy, "elrapp") == "telling"
    assert ("kari", "target.woken", "elrapp") in audited(busy)


@pytest.mark.parametrize("size", [WIDE, USUAL, SMALL], ids=["wide", "usual", "small"])
async def test_what_was_refused_stands_in_the_receivers_own_words_as_text(
    busy: Invented, size: tuple[int, int]
) -> None:
    four_targets(busy)
    async with sitting(app_of(busy), size) as desk:
        await desk.press("9")
        await desk.shows("vaktbok")
        await desk.press("end", "enter")
        await desk.shows("vaktbok: set aside · 3", "Ugyldig [verdi]", "OrgNr")
        assert "\x1b" not in desk.text
        assert "\u202e" not in desk.text
        assert len(desk.text.split("\n")) == size[1]
        await desk.press("escape")
        await desk.shows("▸ vaktbok")


async def test_one_is_sent_again_one_is_given_up_and_then_all(busy: Invented) -> None:
    four_targets(busy)
    async with sitting(app_of(busy), WIDE) as desk:
        await desk.press("9")
        await desk.shows("vaktbok")
        await desk.press("end", "enter")
        await desk.shows("set aside · 3", id_of(500)[:8])
        await desk.press("r")
        await desk.shows(f"Send {id_of(500)[:8]} to vaktbok again?", "does not get it twice")
        await desk.press("enter")
        assert "in the queue to vaktbok again" in await answered(desk)
        await desk.press("enter")
        await desk.shows("set aside · 2")
        await desk.press("g")
        await desk.shows("Never tell vaktbok of", "cannot be taken back")
        await desk.press("enter")
        assert "has to be filled in" in await answered(desk)
        await desk.type("paid in cash")
        await desk.press("enter")
        await desk.shows("is given up")
        await desk.press("enter")
        await desk.shows("set aside · 1")
        await desk.press("A")
        await desk.shows("Send all 1 to vaktbok again?")
        await desk.press("enter")
        assert "1 are in the queue" in await answered(desk)
        await desk.press("enter")
        await desk.shows("Nothing is set aside.")
    assert aside_lines(busy.store, "vaktbok") == []
    done = [(who, action) for who, action, _ in audited(busy)]
    assert done[-3:] == [("kari", "delivery.retried"), ("kari", "delivery.given_up"), ("kari", "delivery.retried")]
    assert audited(busy)[-2][2].endswith("paid in cash")


@pytest.mark.parametrize("role", [Role.VIEWER, Role.GUARD])
async def test_who_keeps_no_books_sees_it_and_presses_nothing(busy: Invented, role: Role) -> None:
    four_targets(busy)
    async with sitting(app_of(busy, role), WIDE) as desk:
        await desk.press("9")
        await desk.shows("✗ STOPPED")
        await desk.press("down", "down", "w")
        await desk.shows("you cannot do this")
        await desk.press("end", "enter")
        await desk.shows("set aside · 3")
        await desk.press("r", "A", "g")
        await desk.pilot.pause()
        assert isinstance(desk.app.screen, AsideDialog)
        assert "r send again" not in desk.text
    assert len(aside_lines(busy.store, "vaktbok")) == 3
    assert state_of(busy, "elrapp") == "stopped"
