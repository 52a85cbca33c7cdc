"""A site whose gates join: hub, Mosquitto with the hub's own configuration, gates made by `gate join`. All are real."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gate.cache.journal import read_bodies
from gate.uplink import contract
from tests.sim.mosquitto import Mosquitto, free_port
from tests.sim.rig import CODING, ROOT, Program
from tests.waiting import wait_for

SITE = "yard"
HUB = """site = "yard"
state_dir = "{folder}/hub"
[list]
heartbeat_s = 1
[enrolment]
host = "127.0.0.1"
port = {port}
join_port = {join_port}
broker_dir = "{folder}/broker"
"""
BROKER = """[broker]
host = "127.0.0.1"
port = {port}
ca_file = "{folder}/hub/ca.pem"
cert_file = "{folder}/hub/hub.pem"
"""
GATE = """site = "x"
gate = "x"
state_dir = "{folder}/{name}/state"
remote_control = true
[hub]
verify_key = "x"
[broker]
host = "nowhere"      # stays until the gate has joined
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


def run(*words: str, status: int = 0) -> str:
    """A command of gate or hub; its output, or what it complained of."""
    done = subprocess.run(
        [sys.executable, "-m", *words], capture_output=True, text=True, check=False, timeout=90, cwd=ROOT
    )
    assert done.returncode == status, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout if status == 0 else done.stderr


class Members:
    """Hub and broker, and the gates that were made."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # The broker's own user passes through to its files.
        folder.chmod(0o711)
        self.port, self.join_port = free_port(), free_port()
        self.settings = folder / "hub.toml"
        self.settings.write_text(HUB.format(folder=folder, port=self.port, join_port=self.join_port))
        self.on_hub("broker-config", "-d", str(folder / "broker"))
        with self.settings.open("a") as file:
            file.write(BROKER.format(folder=folder, port=self.port))
        self.broker = Mosquitto.configured(folder / "mosquitto", folder / "broker" / "portvakt.conf", self.port)
        self.hub = Program("hub", self.settings, {})
        self.gates: list[Program] = []

    def open(self) -> None:
        self.broker.start()
        self.on_hub("crew", "import", str(ROOT / "config" / "crew.example.csv"))
        self.hub.start()

    def on_hub(self, *words: str, status: int = 0) -> str:
        return run("hub", "--config", str(self.settings), *words, status=status)

    def bundle(self, name: str) -> Path:
        file = self.folder / f"{name}.bundle"
        self.on_hub("enroll", name, "-o", str(file))
        return file

    def settings_of(self, name: str) -> Path:
        file = self.folder / name / "gate.toml"
        if not file.exists():
            file.parent.mkdir()
            file.write_text(GATE.format(name=name, folder=self.folder, coding=CODING))
        return file

    def join(self, name: str, bundle: Path, *words: str, status: int = 0) -> Any:
        told = run(
            "gate", "join", str(bundle), "--config", str(self.settings_of(name)), "--force", "--json", *words,
            status=status,
        )  # fmt: skip
        return json.loads(told) if status == 0 else told

    def gate(self, name: str) -> Program:
        """A gate that runs, with settings as `gate join` has left them."""
        self.gates.append(Program("gate", self.settings_of(name), {}))
        self.gates[-1].start()
        return self.gates[-1]

    def made(self, name: str) -> list[contract.WireEvent]:
        journal = self.folder / name / "state" / "journal.db"
        return [contract.decode_event(body) for body in read_bodies(journal)] if journal.exists() else []

    def at_hub(self, name: str) -> Any:
        """The hub's line for this gate; None before it has spoken."""
        lines = json.loads(self.on_hub("gates", "--json"))["gates"]
        return next((line for line in lines if line["gate"] == name), None)

    def wait_for_gate(self, name: str, described: str, condition: Callable[[Any], bool]) -> None:
        def fits() -> bool:
            line = self.at_hub(name)
            return line is not None and condition(line)

        wait_for(f"{name} at the hub: {described}", fits, 30)

    def wait_for_list(self, name: str) -> None:
        wait_for(f"the list at {name}", lambda: any(one.kind == "list.applied" for one in self.made(name)), 30)

    def close(self) -> None:
        for program in (*self.gates, self.hub):
            program.kill()
        self.broker.kill()


@contextmanager
def members(folder: Path) -> Iterator[Members]:
    """A site that runs, with no gate yet."""
    site = Members(folder)
    try:
        site.open()
        yield site
    finally:
        site.close()
