"""`gate doctor` on an installation of real parts, well and broken."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sim import vpcd
from tests.sim.rig import ROOT, Site, site

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(vpcd.missing() is not None, reason=str(vpcd.missing())),
]


@pytest.fixture(scope="module")
def running() -> Iterator[Site]:
    with tempfile.TemporaryDirectory(prefix="pv-") as folder, site(Path(folder)) as whole:
        yield whole


def doctor(running: Site, *words: str, answers: str = "", env: dict[str, str] | None = None) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "gate", "doctor", "--config", str(running.folder / "gate.toml"), *words],
        input=answers, capture_output=True, text=True, timeout=60, cwd=ROOT, check=False,
        env={**os.environ, **running.pcsc.env, **(env or {})},
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout


def states(running: Site, env: dict[str, str] | None = None) -> tuple[int, dict[str, str]]:
    status, text = doctor(running, "--json", env=env)
    return status, {finding["part"]: finding["state"] for finding in json.loads(text)["findings"]}


def test_beside_a_running_gate_readers_and_lanes_are_left_alone(running: Site) -> None:
    if running.gate.dead():
        running.gate.start()
    status, found = states(running)
    assert status == 0
    assert found == {
        "settings": "well", "disk": "well", "gate": "warning", "journal": "well", "permits": "well",
        "clock": "warning", "broker": "well", "hub": "well", "readers, lanes": "skipped",
    }  # fmt: skip


def test_a_stopped_gate_is_looked_at_to_the_last_relay(running: Site) -> None:
    running.gate.stop()
    running.insert(running.cast.ordinary[0])
    status, text = doctor(running, "--card", "--wait", "3", "--lanes", answers="y\nn\n")
    running.remove()
    assert "✓ reader outside: card" in text
    assert "✓ lane main: entry" in text
    assert "✓ lane main: exit" not in text, "what was not agreed to does not move"
    # No card was held to the other reader.
    assert "✗ reader inside: card" in text
    assert (status, text.endswith("1 to mend\n")) == (1, True)


def test_a_service_that_is_away_is_told(running: Site) -> None:
    running.gate.stop()
    status, found = states(running, {"PCSCLITE_CSOCK_NAME": str(running.folder / "nobody")})
    assert (status, found["reader outside"], found["lane main"]) == (1, "failed", "well")


def test_a_broker_that_is_away_is_told(running: Site) -> None:
    running.gate.stop()
    running.broker.kill()
    status, found = states(running)
    running.broker.start()
    assert (status, found["broker"], "hub" in found) == (1, "failed", False)


def test_p8_a_hub_with_another_key_is_told(running: Site) -> None:
    running.gate.stop()
    good = (running.folder / "hub.pub").read_bytes()
    other = running.folder / "other.toml"
    other.write_text(f'site = "e2e"\nstate_dir = "{running.folder / "other"}"\n', encoding="utf-8")
    subprocess.run(
        [sys.executable, "-m", "hub", "key", "--config", str(other), "-o", str(running.folder / "hub.pub")],
        check=True, cwd=ROOT,
    )  # fmt: skip
    status, found = states(running)
    (running.folder / "hub.pub").write_bytes(good)
    assert (status, found["hub"], found["settings"]) == (1, "failed", "well")


def test_damaged_files_are_told_and_left_alone(running: Site) -> None:
    running.gate.stop()
    permits = running.folder / "gate" / "permits.db"
    good = permits.read_bytes()
    for extra in permits.parent.glob("permits.db-*"):
        extra.unlink()
    permits.write_bytes(b"no database" * 1000)
    status, found = states(running)
    assert (status, found["permits"]) == (1, "failed")
    assert permits.read_bytes() == b"no database" * 1000
    permits.write_bytes(good)
