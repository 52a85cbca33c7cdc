"""The units: every key is one that systemd knows, and what runs is fenced in."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from gate.cli import _parser
from gate.controller import IDLE_TICK_MS

UNITS = sorted((Path(__file__).parents[2] / "systemd").glob("*.service"))
ANALYZE = shutil.which("systemd-analyze")
needs_systemd = pytest.mark.skipif(ANALYZE is None, reason="systemd-analyze is not installed")


def analyze(*words: str) -> str:
    assert ANALYZE
    done = subprocess.run([ANALYZE, *words], capture_output=True, text=True, check=False, timeout=60)
    return done.stdout + done.stderr


@needs_systemd
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_systemd_understands_every_line_of_the_unit(unit: Path) -> None:
    """All but the program itself, which is not installed where the tests run."""
    told = [line for line in analyze("verify", str(unit)).splitlines() if unit.name in line]
    assert [line for line in told if "is not executable" not in line] == []


@needs_systemd
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_the_unit_is_fenced_in(unit: Path) -> None:
    """What `systemd-analyze security` calls OK: an exposure of at most 3.5 of 10."""
    told = analyze("security", "--offline=true", str(unit))
    level = re.search(r"Overall exposure level for .*: ([\d.]+)", told)
    if level is None:
        pytest.skip("this systemd cannot look at a unit off line")
    assert float(level[1]) <= 3.5


def test_there_are_units_for_both() -> None:
    assert [unit.stem for unit in UNITS] == ["gate", "hub"]


def test_a_gate_that_hangs_is_started_again_and_leaves_safe_lanes() -> None:
    unit = (Path(__file__).parents[2] / "systemd" / "gate.service").read_text(encoding="utf-8")
    found = re.search(r"^WatchdogSec=(\d+)$", unit, re.MULTILINE)
    assert found
    # The controller gives a sign each second, and waits for a late disk for 5 s at the most (journal.deadline_ms).
    assert int(found[1]) > 2 * (IDLE_TICK_MS / 1000 + 1)
    assert {"Type=notify", "Restart=always"} <= set(unit.splitlines())
    command = re.search(r"^ExecStopPost=\S+/gate (.*)$", unit, re.MULTILINE)
    assert command
    assert _parser().parse_args(command[1].split())
