"""A person's period and a card of the site's own, given at the console: audited, and in the gates' list."""

from datetime import date, timedelta

from sqlalchemy import select

from hub import live
from hub.console.site import site_of
from hub.console.widgets.dialogs import AskDialog
from hub.console.words import Words
from hub.store import schema
from tests.console.conftest import WIDE, Desk, Invented, app_of, sitting


async def answered(desk: Desk) -> str:
    dialog = desk.app.screen
    assert isinstance(dialog, AskDialog), dialog
    await desk.until("an answer", lambda: dialog.said)
    return dialog.said


async def test_somebody_outside_the_period_is_extended_and_the_gates_let_them_in(living: Invented) -> None:
    today = Words("en", site_of(living.store, living.config).zone).today(living.clock())
    last = next(one.valid_until for one in live.crew(living.store, today, 1000) if one.answer == "granted")
    assert last is not None
    after = (date.fromisoformat(last) + timedelta(days=1)).isoformat()
    later = (date.fromisoformat(last) + timedelta(days=300)).isoformat()
    # Who is let in on the last day of the list's period, and not the day after.
    good = {one.number for one in live.crew(living.store, last, 1000) if one.answer == "granted"}
    outside = [one for one in live.crew(living.store, after, 1000) if one.answer == "outside_period"]
    person = next(one for one in outside if one.number in good)
    before = living.store.revision()
    async with sitting(app_of(living), WIDE) as desk:
        await desk.press("5")
        await desk.shows("people")
        await desk.press("slash")
        await desk.type(person.number)
        await desk.press("enter", "e")
        await desk.shows(f"Extend {person.name}?", "decides again")
        await desk.type(later)
        await desk.press("tab")
        await desk.type("stays for the roof")
        await desk.press("enter")
        said = await answered(desk)
        assert f"is valid until {later}" in said
    line = next(one for one in live.crew(living.store, after, 1000) if one.number == person.number)
    assert (line.answer, line.valid_until, line.approved_by) == ("granted", later, None)
    assert living.store.revision() == before + 1
    with living.store.reading() as connection:
        note = connection.execute(select(schema.audit).order_by(schema.audit.c.id.desc()).limit(1)).one()
    assert (note.who, note.action) == ("kari", "extend")
    assert note.detail.startswith(f"until {later}, was ")
    assert note.detail.endswith(": stays for the roof")


async def test_a_pass_of_the_site_is_given_out_and_the_gates_know_it(living: Invented) -> None:
    async with sitting(app_of(living), WIDE) as desk:
        await desk.press("5")
        await desk.shows("people")
        company = next(one.employer for one in live.crew(living.store, "2026-05-05", 1000) if one.employer)
        await desk.press("g")
        await desk.shows("Give out one of the site's own cards?", "Number on the card")
        for text in ("0017", "Dag [red]", "Nordli", "2008-02-01", company):
            await desk.type(text)
            await desk.press("tab")
        await desk.press("enter")
        said = await answered(desk)
        assert "site:0017 is approved until" in said
        assert "The gates now answer: let in" in said
        await desk.press("enter", "slash")
        await desk.type("0017")
        await desk.shows("Dag [red]")
    permit = next(one for one in living.store.permit_list().permits if one.number == "0017")
    assert permit.scheme == "site"


async def test_a_pass_without_a_number_or_with_an_unknown_reason_is_told(living: Invented) -> None:
    async with sitting(app_of(living), WIDE) as desk:
        await desk.press("5", "g")
        await desk.shows("Number on the card")
        await desk.press("enter")
        assert "Number on the card" in await answered(desk)
        assert "has to be filled in" in await answered(desk)
