"""Commands from the hub's command line to a real gate and back, over a real broker."""

import json
import subprocess
import sys
from collections.abc import Iterator

import pytest

from gate.model import Direction
from tests.sim.rig import ROOT
from tests.sim.yard import Yard, opened
from tests.waiting import wait_for


@pytest.fixture
def yard() -> Iterator[Yard]:
    with opened() as whole:
        yield whole


def command(yard: Yard, *words: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "hub", "command", *words, "--config", str(yard.folder / "hub.toml")],
        capture_output=True, text=True, check=False, cwd=ROOT,
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout + done.stderr


def test_let_in_lock_evacuate_and_who_did_it(yard: Yard) -> None:
    north = yard.north
    status, said = command(yard, "open", "north", "--lane", "main", "--by", "ada", "--reason", "forgot her card")
    assert (status, said.partition(" after")[0]) == (0, "north/main: open, done")
    assert north.remote.walk("main", Direction.ENTRY)
    wait_for("the turnstile to be locked", lambda: north.remote.lanes()["main"].released is None)

    assert command(yard, "lock", "north", "--by", "ada")[0] == 0
    assert north.answers("22222222") == "lane_closed"
    # South was not meant.
    assert yard.south.answers("22222222") == "granted"
    status, said = command(yard, "open", "north", "--lane", "main", "--by", "ada")
    assert (status, "refused" in said) == (1, True)
    assert command(yard, "normal", "north", "--by", "ada")[0] == 0
    assert north.answers("22222222") == "granted"

    assert command(yard, "evacuate", "north", "--by", "bo")[0] == 0
    status, said = command(yard, "normal", "north", "--by", "bo")
    assert (status, "only a person at the gate ends that" in said) == (1, True)
    assert command(yard, "open", "north", "--lane", "side")[0] == 1

    rows = json.loads(yard.run("hub", "commands", "--json"))
    assert [(row["action"], row["by"], row["outcome"]) for row in rows[-1:0:-1]] == [
        ("open", "ada", "done"),
        ("locked", "ada", "done"),
        ("open", "ada", "refused"),
        ("normal", "ada", "done"),
        ("evacuated", "bo", "done"),
        ("normal", "bo", "refused"),
    ]
    assert rows[-1]["why"] == "forgot her card"
    assert "this gate has no lane 'side'" in rows[0]["what"]


def test_a_command_is_done_once_although_the_gate_is_killed_and_it_is_said_again(yard: Yard) -> None:
    """The gate that comes back knows from its journal what it did; the hub's database shows it once."""
    assert command(yard, "hold-open", "south", "--by", "ada")[0] == 0
    yard.south.program.kill()
    yard.south.program.start()
    wait_for("the gate to be back", lambda: yard.compare()["gates"]["south"]["online"])
    assert command(yard, "normal", "south", "--by", "ada")[0] == 0
    done = json.loads(yard.run("hub", "events", "--gate", "south", "--kind", "command.done", "--json"))
    assert len(done) == 2
    assert len(json.loads(yard.run("hub", "events", "--gate", "south", "--kind", "lane.mode", "--json"))) == 2


def test_wrong_words_are_told_before_anything_is_asked(yard: Yard) -> None:
    status, said = command(yard, "open", "north")
    assert (status, "needs --lane" in said) == (2, True)
    status, said = command(yard, "dance", "north")
    assert status == 2
    status, said = command(yard, "lock", "west")
    assert (status, "there are north, south" in said) == (1, True)
    assert json.loads(yard.run("hub", "commands", "--json")) == []
