"""A real gate under a supervisor: ready, alive by its controller's turns, and missed when it hangs; lanes made safe."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sim.rig import ROOT
from tests.waiting import wait_for

CONFIG = """site = "yard"
gate = "north"
[hub]
verify_key = "hub.pub"
[broker]
port = 1
[clock]
trust = "always"
[[lanes]]
name = "main"
driver = "virtual"
[[readers]]
name = "outside"
driver = "virtual"
lane = "main"
direction = "entry"
coding = "{coding}/demo.toml"
keys = "{coding}/demo.keys.toml"
"""


class Supervised:
    """The gate's process, and what it tells."""

    def __init__(self, folder: Path) -> None:
        self.config = folder / "gate.toml"
        self.config.write_text(CONFIG.format(coding=ROOT / "config" / "coding"))
        self.env = {**os.environ, "PORTVAKT_GATE_CONFIG": str(self.config), "STATE_DIRECTORY": str(folder / "state"),
                    "PORTVAKT_HUB_CONFIG": str(folder / "hub.toml")}  # fmt: skip
        (folder / "hub.toml").write_text(f'site = "yard"\nstate_dir = "{folder}/hub"\n')
        self.run("hub", "key", "-o", str(folder / "hub.pub"))
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(folder / "notify"))
        self._socket.setblocking(False)
        self.heard: list[str] = []
        watched = {"NOTIFY_SOCKET": str(folder / "notify"), "WATCHDOG_USEC": "300000"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "gate", "run"], cwd=ROOT, env={**self.env, **watched},
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", *words],
            cwd=ROOT,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def listen(self) -> list[str]:
        while True:
            try:
                self.heard.append(self._socket.recv(4096).decode())
            except BlockingIOError:
                return self.heard

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self._socket.close()


@pytest.fixture
def supervised(tmp_path: Path) -> Iterator[Supervised]:
    made = Supervised(tmp_path)
    yield made
    made.close()


def test_a_gate_is_ready_alive_without_any_network_and_ends_on_purpose(supervised: Supervised) -> None:
    """P1: no broker answers, and the gate is ready all the same."""
    wait_for("ready", lambda: "READY=1\nSTATUS=gate north of site yard" in supervised.listen())
    wait_for("signs of life", lambda: supervised.listen().count("WATCHDOG=1") >= 3)
    supervised.process.terminate()
    assert supervised.process.wait(20) == 0
    assert supervised.listen()[-1] == "STOPPING=1"


def test_a_gate_that_hangs_is_missed_and_its_lanes_are_made_safe_after_it_was_killed(supervised: Supervised) -> None:
    wait_for("a sign of life", lambda: "WATCHDOG=1" in supervised.listen())
    supervised.process.send_signal(signal.SIGSTOP)
    wait_for("it to stand", lambda: "T" in Path(f"/proc/{supervised.process.pid}/stat").read_text().split()[2])
    before = len(supervised.listen())
    beside = supervised.run("gate", "safe-lanes")
    assert beside.returncode == 1
    assert "Traceback" not in beside.stderr
    assert len(supervised.listen()) == before
    supervised.process.kill()
    supervised.process.wait(20)
    after = supervised.run("gate", "safe-lanes")
    assert (after.returncode, after.stdout) == (0, "lane main: safe\n")
