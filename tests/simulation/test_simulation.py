"""The simulated site keeps every promise, is the same for the same seed, and notices planted bugs."""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.simulation.mutants import MUTANTS, hunt, remembered
from tests.simulation.site import Plan, live

HERE = Path(__file__).parent


@pytest.mark.parametrize("seed", range(1, 9))
def test_p1_to_p11_hold_for_a_site_where_everything_goes_wrong(seed: int) -> None:
    """Crashes, cuts, late disks, amnesia, wrong clocks and an attacker; nothing lost, nothing twice."""
    outcome = live(Plan(seed, days=2, gates=3))
    assert str(outcome) == f"made {outcome.made}, stored {outcome.made}, lost 0, twice 0, wrongly admitted 0"
    assert outcome.made > 300


def test_the_faults_and_the_people_are_really_played() -> None:
    """What is never played proves nothing."""
    played = (
        "gate crashes", "gate power cuts", "hub crashes", "hub power cuts", "cuts", "broker amnesias",
        "blackouts", "late disks", "late appends", "unreadable disks", "clock jumps", "stuck relays", "storms",
        "replays", "usurpations", "forgeries", "changes forged", "lists changed", "commands", "commands carried out",
        "garbage", "long silences", "left by the fence",
        "messages lost", "messages late", "messages doubled", "journals set aside", "lists applied", "turned back",
        "squeezed through", "times corrected", "entry refused: blocked", "entry refused: unknown_card",
        "entry refused: expired", "exit admitted: blocked", "exit admitted: unknown_card",
        "entry refused: zone_full", "entry refused: cover_missing",
        "refused by a rule of the site: already_inside", "pictures compared", "musters", "stays",
        "cards at the assembly point", "cards that accounted for somebody",
        "cables dug through", "central away", "central broken", "central locked", "central busy", "asked to wait",
        "central losing its answers", "answers of central lost", "told again", "refused by central",
        "queued by central", "taken from central's queue", "refused in central's queue", "passages told",
        "central fails at one record", "set aside after many failures", "targets woken", "courier store failures",
        "requests while central was down", "deliveries put in their right order", "deliveries aside",
        "queues looked at",
        "register away", "register slow", "register answering with a web page", "register answering by halves",
        "register busy", "register asked to wait", "register locked", "register losing its answers",
        "register talking nonsense", "register calling all cards invalid", "requests while register was down",
        "answers held back", "register.held raised", "register.held over", "register.silent raised",
        "closed by the register's word", "opened by the register's word", "cards as the register says",
        "the register's word compared", "sweeps by hand", "register says temporary",
        "app away", "app restarts", "app restored", "app's clock set", "tokens of a former life", "reader away",
        "app losing its answers", "reader losing its answers", "requests while app was down",
        "check-ins new", "check-ins changed", "check-ins withdrawn", "musters called again",
        "the app's word compared", "the reader's word compared", "asking threads' store failures",
        "targets added late", "targets renamed", "targets taken away", "targets that came back", "backfills",
        "backfills finished", "backfills interrupted", "backfills that began while news were read",
        "passages told to late central", "told late central again", "late central away", "late central locked",
        "late deliveries aside", "refused in late central's queue", "asked late central for what it has forgotten",
        "deliveries retried", "deliveries retried with all others", "deliveries given up", "late targets woken",
        "happenings stumbled over", "deliveries lost from the database", "daily looks", "missing deliveries found",
        "alarm delivery.late", "alarm delivery.stopped", "alarm delivery.aside", "alarm source.failing",
    )  # fmt: skip
    counts: Counter[str] = Counter()
    for seed in range(1, 9):
        counts += live(Plan(seed, days=7, gates=3)).counts
        if all(counts[what] for what in played):
            break
    assert [what for what in played if not counts[what]] == []


def test_one_seed_is_one_run_in_every_process() -> None:
    """The digest covers every line of the trace; string hashing differs between the two processes."""
    command = [sys.executable, "-m", "tests.simulation", "--seed", "3", "--days", "1", "--gates", "2"]
    runs = [
        subprocess.run(
            command, cwd=HERE.parent.parent, env={**os.environ, "PYTHONHASHSEED": salt}, check=True,
            capture_output=True, text=True,
        ).stdout
        for salt in ("1", "2")
    ]  # fmt: skip
    lines = [next(line for line in run.splitlines() if line.startswith("seed 3, trace")) for run in runs]
    assert lines[0] == lines[1]
    assert runs[0].splitlines()[-1].endswith("lost 0, twice 0, wrongly admitted 0")


def test_another_seed_is_another_run() -> None:
    assert live(Plan(1, days=1, gates=2)).digest != live(Plan(2, days=1, gates=2)).digest


@pytest.mark.parametrize("name", MUTANTS)
def test_a_planted_bug_is_caught(name: str) -> None:
    caught = hunt(name, seeds=remembered(name, range(1, 13)), days=2, gates=3)
    assert caught.promise is not None, f"{name} survived twelve seeds"


def test_a_failure_replays_from_its_seed() -> None:
    """The same promise, the same instant, the same last lines."""
    found, again = (hunt("ack_of_the_highest", seeds=range(1, 13), days=2, gates=3) for _ in range(2))
    assert found.promise == "P2"
    assert found.tail
    assert found == again
