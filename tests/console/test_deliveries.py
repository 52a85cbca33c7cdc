"""What central systems were told: how far each is, what it refused in its own words, and the keys to act on it."""

import pytest
from sqlalchemy import select, update

from hub.central import words as central
from hub.central.delivery import State
from hub.central.overview import AsideLine, TargetLine, alarm_lines, aside_lines, target_lines
from hub.config import database
from hub.console.app import ConsoleApp, Seat
from hub.console.demo.receivers import OF_ANOTHER_NAME
from hub.console.roles import Role
from hub.console.widgets.aside import AsideDialog
from hub.console.widgets.dialogs import AskDialog
from hub.store import HubStore, schema
from tests.console.conftest import SMALL, USUAL, WIDE, Desk, Invented, StillClock, app_of, sitting

REFUSED = "Ugyldig [verdi] for feltet \x1b[31mOrgNr\x1b[0m \u202e999: 😀 finnes ikke i Enhetsregisteret"
"""As a receiver may write it: markup, an escape, a right-to-left mark, an emoji."""


async def answered(desk: Desk) -> str:
    dialog = desk.app.screen
    assert isinstance(dialog, AskDialog), dialog
    await desk.until("an answer", lambda: dialog.said)
    return dialog.said


def line_of(site: Invented, target: str) -> TargetLine:
    lines = target_lines(site.store, site.config.targets, site.clock())
    return next(one for one in lines if one.name == target)


def goes_on(site: Invented, seconds: int, *, turns: int = 30) -> None:
    """The site, for so long."""
    assert site.stage is not None
    assert isinstance(site.clock, StillClock)
    for _ in range(turns):
        site.clock.at_ms += seconds * 1000 // turns
        site.stage.turn()


def aside_by_words(site: Invented) -> dict[bool, list[AsideLine]]:
    """What the guards' book did not take: for a name that it never agrees about, or for a card that it did not know."""
    found = aside_lines(site.store, "vaktbok")
    return {never: [one for one in found if (one.field == "navn") is never] for never in (True, False)}


def audited(site: Invented) -> list[tuple[str, str, str]]:
    with site.store.reading() as connection:
        rows = connection.execute(select(schema.audit).order_by(schema.audit.c.id))
        return [(row.who, row.action, row.detail) for row in rows]


async def test_every_target_says_how_far_it_is_by_words_and_signs(busy: Invented) -> None:
    async with sitting(app_of(busy), WIDE) as desk:
        await desk.press("9")
        await desk.shows("✓ has everything", "✗ NOT REACHED", "✗ STOPPED", "▲ 37 min / 30 min", "155", "✗ 3")
        await desk.shows("▲ hmsreg: something has waited too long", "▲ nabo has stopped", "vaktbok: something was set")
        await desk.press("down")
        await desk.shows("hmsreg says: 503 Service Unavailable", "failed attempts: 3; next 06:59:00")
        await desk.press("f2")
        await desk.shows("✗ NÅS IKKE", "MOTTAKER")


async def test_a_stopped_target_is_woken_and_whoever_did_it_is_in_the_audit(busy: Invented) -> None:
    async with sitting(app_of(busy), WIDE) as desk:
        await desk.press("9")
        await desk.shows("✗ STOPPED")
        await desk.press("down", "down", "down", "w")
        await desk.shows("Try nabo again now?", "The hub tries at once")
        assert line_of(busy, "nabo").state == "stopped"
        await desk.press("enter")
        assert "nabo is tried again" in await answered(desk)
        await desk.press("enter")
        await desk.hides("✗ STOPPED")
        assert line_of(busy, "nabo").state == "telling"
        assert ("kari", "target.woken", "nabo") in audited(busy)
        goes_on(busy, 35)
        await desk.hides("▲ nabo has stopped")
    assert line_of(busy, "nabo").state == "told"


@pytest.mark.parametrize("size", [WIDE, USUAL, SMALL], ids=["wide", "usual", "small"])
async def test_what_was_refused_stands_in_the_receivers_own_words_as_text(
    busy: Invented, size: tuple[int, int]
) -> None:
    with busy.store.writing() as connection:
        aside = update(schema.deliveries).where(schema.deliveries.c.state == State.ASIDE.value)
        connection.execute(aside.values(words=REFUSED, field="OrgNr"))
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
    first, *_ = aside_lines(busy.store, "vaktbok")
    async with sitting(app_of(busy), WIDE) as desk:
        await desk.press("9")
        await desk.shows("vaktbok")
        await desk.press("end", "enter")
        await desk.shows("set aside · 3", first.id[:8])
        await desk.press("r")
        await desk.shows(f"Send {first.id[:8]} to vaktbok again?", "does not get it twice")
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
    async with sitting(app_of(busy, role), WIDE) as desk:
        await desk.press("9")
        await desk.shows("✗ STOPPED")
        await desk.press("down", "down", "down", "w")
        await desk.shows("you cannot do this")
        await desk.press("end", "enter")
        await desk.shows("set aside · 3")
        await desk.press("r", "A", "g")
        await desk.pilot.pause()
        assert isinstance(desk.app.screen, AsideDialog)
        assert "r send again" not in desk.text
    assert len(aside_lines(busy.store, "vaktbok")) == 3
    assert line_of(busy, "nabo").state == "stopped"


def test_in_the_demonstration_central_systems_are_told_as_people_walk(busy: Invented) -> None:
    before = {one.name: one for one in target_lines(busy.store, busy.config.targets, busy.clock())}
    assert [one.state for one in before.values()] == ["told", "waiting", "told", "stopped", "told"]
    assert before["hmsreg"].late
    assert before["elrapp"].later > 100  # of a day it hears when the day is over
    goes_on(busy, 60, turns=40)
    assert line_of(busy, "client").accepted > before["client"].accepted + 10
    assert line_of(busy, "elrapp").later > before["elrapp"].later
    assert line_of(busy, "nabo").waiting > before["nabo"].waiting + 10
    # The hub's own waiting ends by itself, where nobody wakes it before.
    assert line_of(busy, "hmsreg").state == "waiting"
    goes_on(busy, 240)
    after = line_of(busy, "hmsreg")
    assert (after.state, after.failures) == ("telling", 0)
    assert after.accepted > before["hmsreg"].accepted + 5


def test_in_the_demonstration_what_is_sent_again_is_taken_or_refused_again(busy: Invented) -> None:
    aside = aside_by_words(busy)
    assert len(aside[True]) == 1
    assert (aside[True][0].number or "").endswith(OF_ANOTHER_NAME)
    assert central.retry_all(busy.store, "vaktbok", "kari", busy.clock()) == 3
    goes_on(busy, 2, turns=4)
    found = aside_by_words(busy)
    assert [one.id for one in found[True]] == [aside[True][0].id]
    assert not {one.id for one in aside[False]} & {one.id for one in found[False]}


def test_in_the_demonstration_a_target_that_waits_goes_on_when_it_is_woken(busy: Invented) -> None:
    central.wake(busy.store, "hmsreg", "kari", busy.clock())
    goes_on(busy, 3, turns=6)
    some = line_of(busy, "hmsreg")
    assert (some.state, some.failures) == ("telling", 0)
    goes_on(busy, 100, turns=200)
    assert line_of(busy, "hmsreg").state == "told"
    goes_on(busy, 60, turns=4)
    assert {one.subject for one in alarm_lines(busy.store)} == {"nabo", "vaktbok"}


async def test_the_demonstration_says_on_the_page_that_its_central_systems_are_invented(busy: Invented) -> None:
    seat = Seat("demo", Role.MANAGER, "en", demonstration=True)
    app = ConsoleApp(busy.config, lambda: HubStore(database(busy.config)), seat, busy.clock)
    async with sitting(app, SMALL) as desk:
        await desk.shows("DEMONSTRATION: all of this is invented")
        await desk.press("9")
        await desk.shows("DEMONSTRATION: invented targets")
        await desk.press("f2")
        await desk.shows("DEMONSTRASJON: oppdiktede mottakere")
