"""Two real gates, a real hub, a real broker between them: rules that one gate alone cannot keep, and its screen."""

import asyncio
import contextlib
import os
import pty
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gate.cache.journal import read_bodies
from gate.model import Direction
from gate.relay.display import Sign
from gate.screen_cli import faces_from
from gate.uplink import contract
from tests.sim.rig import ROOT
from tests.sim.yard import Yard, opened
from tests.waiting import wait_for


@pytest.fixture
def yard() -> Iterator[Yard]:
    with opened() as whole:
        yield whole


def test_what_one_gate_sees_the_other_one_goes_by(yard: Yard) -> None:
    """Entered twice, by two gates; nobody in charge inside; full; and room again when one has left."""
    north, south = yard.north, yard.south
    north.goes("22222222")
    wait_for("south to know who is inside", lambda: south.answers("22222222") == "already_inside")
    assert south.answers("33333333") == "cover_missing"
    south.goes("11111111")
    wait_for("north to know that it is full", lambda: north.answers("33333333") == "zone_full")
    south.goes("22222222", Direction.EXIT)
    wait_for("north to know that there is room", lambda: north.answers("33333333") == "granted")


def test_p1_without_the_hub_a_gate_goes_on_by_itself_and_warns(yard: Yard) -> None:
    north, south = yard.north, yard.south
    north.goes("11111111")
    wait_for("south to know who is inside", lambda: south.answers("11111111") == "already_inside")
    yard.hub.kill()
    wait_for("south to be alone", lambda: south.answers("11111111") == "granted")
    yard.hub.start()
    wait_for("south to hear the hub again", lambda: south.answers("11111111") == "already_inside")
    south.program.kill()
    south.program.start()
    wait_for("south to know it after a restart, too", lambda: south.answers("11111111") == "already_inside")


def test_a_screen_shows_answers_and_notices_a_gate_that_was_killed(yard: Yard) -> None:
    path = yard.folder / "north" / "screen-main.sock"

    async def run() -> None:
        faces = faces_from(path)
        assert (await anext(faces)).sign is Sign.SHOW_CARD
        await asyncio.to_thread(yard.north.badge, "99999999")
        assert (await anext(faces)).sign is Sign.ASK
        await asyncio.to_thread(yard.north.goes, "11111111")
        assert [(await anext(faces)).sign for _ in range(2)] == [Sign.GO, Sign.SHOW_CARD]
        await asyncio.to_thread(yard.north.program.kill)
        with pytest.raises(StopAsyncIteration):
            await anext(faces)
        await asyncio.to_thread(yard.north.program.start)
        again = faces_from(path)
        assert (await anext(again)).sign is Sign.SHOW_CARD
        await again.aclose()

    asyncio.run(run())


def test_gate_screen_ends_in_order_when_it_is_told_to() -> None:
    """By systemd, that is: with 0, and a terminal as it was."""
    parent, child = pty.openpty()
    page = subprocess.Popen(
        [sys.executable, "-m", "gate", "screen", "--demo"], cwd=ROOT, stdin=child, stdout=child, stderr=child,
        env={**os.environ, "TERM": "linux", "COLUMNS": "80", "LINES": "24"},
    )  # fmt: skip
    os.close(child)
    said = b""
    while "█".encode() not in said:
        said += os.read(parent, 65536)
    page.send_signal(signal.SIGTERM)
    with contextlib.suppress(OSError):
        # A pseudo terminal whose other side has gone says so with an error.
        while more := os.read(parent, 65536):
            said += more
    assert page.wait(20) == 0
    assert said.rfind(b"\x1b[?1049l") > said.rfind(b"\x1b[?1049h"), "the page's screen was left"
    os.close(parent)


def test_p4_a_disk_that_takes_no_byte_more_keeps_no_worker_waiting_and_loses_nothing(yard: Yard) -> None:
    """The kernel refuses every write of the gate's process, as a full card does, and then allows it again."""
    north, journal = yard.north, yard.folder / "north" / "journal.db"
    north.goes("11111111")
    wait_for("the passage on the disk", lambda: "passage.completed" in kinds(journal))
    before = len(kinds(journal))
    limits = resource.prlimit(north.program.pid, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
    north.goes("22222222")
    north.goes("22222222", Direction.EXIT)
    assert len(kinds(journal)) == before
    resource.prlimit(north.program.pid, resource.RLIMIT_FSIZE, limits)
    wait_for("all of it on the disk", lambda: kinds(journal)[-1] == "alarm.cleared")
    written = kinds(journal)[before:]
    assert [kind for kind in written if kind in ("badge.granted", "passage.completed")] == [
        "badge.granted", "passage.completed", "badge.granted", "passage.completed",
    ]  # fmt: skip
    assert "alarm.raised" in written
    wait_for("the hub to have it all", lambda: '"22222222"' in yard.run("hub", "events", "--json"))


def kinds(journal: Path) -> list[str]:
    return [contract.decode_event(body).kind for body in read_bodies(journal)]
