"""The demo: what a newcomer sees first."""

import re
import subprocess
import sys

from textual.widgets import OptionList, Static

from gate.simulator.demo.app import DemoApp, visitors
from gate.simulator.demo.stage import Stage
from tests.waiting import wait_for_async

REFUSALS = {
    "unknown_card", "expired", "blocked", "training_missing", "employer_mismatch",
    "company_not_approved", "outside_period", "already_inside", "unreadable",
}  # fmt: skip


def test_the_morning_plays_without_a_terminal() -> None:
    """Grants, nine refusals, an exit with an expired card, a cut network; and the count at the end."""
    done = subprocess.run(
        [sys.executable, "-m", "gate.simulator.demo"],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=90, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert set(re.findall(r"✖ refused .*\[(\w+)\]", done.stdout)) == REFUSALS
    assert re.search(r"▶ turns .*leaves with the expired card.*\[expired\]", done.stdout)
    waiting = re.search(r"(\d+) events were waiting", done.stdout)
    assert waiting
    assert int(waiting[1]) >= 5
    counted = re.search(r"made (\d+), stored (\d+), lost 0, twice 0\n$", done.stdout)
    assert counted
    assert counted[1] == counted[2]
    assert int(counted[1]) >= 17


async def test_the_page_shows_what_the_gate_answers() -> None:
    with Stage(6.0) as stage:
        app = DemoApp(stage)
        async with app.run_test(size=(120, 36)) as pilot:
            people = app.query_one(OptionList)
            labels = [visitor.label for visitor in visitors(stage)]
            people.highlighted = labels.index("a card that is blocked")
            await pilot.press("enter")
            await wait_for_async("the refusal on the screen", lambda: "blocked" in _text(app, "#lane"))
            people.highlighted = 0
            await pilot.press("enter")
            await wait_for_async("the released lane", lambda: "released for entry" in _text(app, "#lane"))
            await pilot.press("w")
            await wait_for_async("the walk", lambda: "turnstile locked" in _text(app, "#lane"))
            await wait_for_async(
                "nothing waiting at the gate", lambda: "waiting at the gate 0" in _text(app, "#counts")
            )


def _text(app: DemoApp, where: str) -> str:
    return str(app.query_one(where, Static).render())
