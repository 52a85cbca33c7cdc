"""A site of real processes for end-to-end tests: Mosquitto, hub, one gate with a PC/SC reader on a real pcscd.

Only the plastic is simulated: the card in the reader (tests/sim/vpcd.py) and the turnstile.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

from gate.cache.journal import read_bodies
from gate.model import Direction
from gate.reader.profiles import load_pair
from gate.simulator.card import VirtualCard, make_card
from gate.simulator.demo.cast import Worker, make_cast, write_crew_list
from gate.simulator.remote import LaneState, RemoteControl, ShownAnswer
from gate.uplink import contract
from tests.sim.mosquitto import Mosquitto
from tests.sim.vpcd import PrivatePcscd, private_pcscd
from tests.waiting import wait_for

ROOT = Path(__file__).parents[2]
CODING = ROOT / "config" / "coding"
LANE = "main"
SLOT = {"entry": 0, "exit": 1}


class Program:
    """`gate run` or `hub run` as a process that may be killed and started again."""

    def __init__(self, name: str, settings: Path, env: Mapping[str, str]) -> None:
        self.name = name
        self._settings = settings
        self._env = {**os.environ, **env}
        self._log = settings.with_suffix(".log")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, kill_point: str | None = None) -> None:
        """Start it, and wait until it is ready."""
        before = self._log.stat().st_size if self._log.exists() else 0
        words = [self.name, "run", "--config", str(self._settings)]
        if kill_point is None:
            command = [sys.executable, "-m", *words]
        else:
            command = [sys.executable, str(ROOT / "tests/sim/killpoints.py"), kill_point, str(self.marker), *words]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, env=self._env, cwd=ROOT)
        ready = f"{self.name} ready".encode()
        wait_for(f"{self.name} to be ready", lambda: ready in self._log.read_bytes()[before:] or self._died(), 20)

    @property
    def marker(self) -> Path:
        """Make this file, and the process dies at its kill point."""
        return self._settings.with_suffix(".die")

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def log(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")

    def dead(self) -> bool:
        return self._process is None or self._process.poll() is not None

    def kill(self) -> None:
        """SIGKILL."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def stop(self) -> None:
        """SIGTERM, and an orderly end."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            assert self._process.wait(20) == 0, self.log

    def _died(self) -> bool:
        assert not self.dead(), f"{self.name} ended early:\n{self.log}"
        return False


class Site:
    """The whole site."""

    def __init__(self, folder: Path, broker: Mosquitto, pcsc: PrivatePcscd) -> None:
        self.folder = folder
        self.broker = broker
        self.pcsc = pcsc
        self.cast = make_cast(date.today())  # noqa: DTZ011 - the site's own day
        self._coding, self._keys = load_pair(CODING / "demo.toml", CODING / "demo.keys.toml")
        self.hub = Program("hub", self._settings("hub", _HUB, port=broker.port, state=folder / "hub"), {})
        self.gate = Program(
            "gate",
            self._settings("gate", _GATE, port=broker.port, state=folder / "gate", coding=CODING),
            pcsc.env,
        )
        self.remote = RemoteControl(folder / "gate" / "control.sock")

    def open(self) -> None:
        """Key, crew list, hub, gate, first list at the gate."""
        self.command("hub", "key", "-o", str(self.folder / "hub.pub"))
        crew = self.folder / "crew.csv"
        write_crew_list(self.cast.crew, crew)
        self.command("hub", "crew", "import", str(crew))
        self.hub.start()
        self.gate.start()
        self.wait_for_list(1)

    def card_of(self, worker: Worker) -> VirtualCard:
        fields: dict[str, str | date] = {
            "card_number": worker.card_number,
            "organisation_number": worker.organisation_number,
            "expiry_date": worker.card_expiry,
            "first_name": worker.first_name,
            "last_name": worker.last_name,
        }
        return make_card(self._coding, self._keys, fields, bytes.fromhex("04") + worker.card_number[-3:].encode())

    def badge(self, worker: Worker, direction: str = "entry") -> ShownAnswer:
        """Hold the worker's card to the real reader; returns what the lane showed."""
        before = self.lane().answers
        self.insert(worker, direction)
        wait_for("the lane's answer", lambda: self.lane().answers > before)
        self.remove(direction)
        shown = self.lane().shown
        assert shown is not None
        return shown

    def insert(self, worker: Worker, direction: str = "entry") -> None:
        self.pcsc.slot(SLOT[direction]).insert(self.card_of(worker))

    def remove(self, direction: str = "entry") -> None:
        # pcscd looks every 400 ms: until then a gate that starts would still find the card.
        self.pcsc.slot(SLOT[direction]).remove()
        self.pcsc.slot(SLOT[direction]).wait_empty()

    def walk(self, direction: str = "entry") -> None:
        """A body goes through the released lane, and its passage is recorded."""
        before = self.count("passage.completed")
        assert self.remote.walk(LANE, Direction(direction))
        wait_for("the passage in the journal", lambda: self.count("passage.completed") > before)

    def lane(self) -> LaneState:
        return self.remote.lanes()[LANE]

    def made(self) -> list[contract.WireEvent]:
        """The gate's journal, read from the file, whether or not the gate lives."""
        return [contract.decode_event(body) for body in read_bodies(self.folder / "gate" / "journal.db")]

    def count(self, kind: str) -> int:
        return sum(event.kind == kind for event in self.made())

    def stored(self) -> list[Mapping[str, Any]]:
        return list(json.loads(self.command("hub", "events", "--limit", "10000", "--json")))

    def roster(self) -> Sequence[Mapping[str, Any]]:
        return list(json.loads(self.command("hub", "roster", "--json")))

    def wait_for_list(self, revision: int) -> None:
        def applied() -> bool:
            return any(event.data.detail.get("revision") == revision for event in self.made())

        wait_for(f"list {revision} at the gate", applied, 20)

    def wait_until_all_stored(self) -> None:
        """Made = stored, none twice."""
        made = {event.id for event in self.made()}

        def all_there() -> bool:
            return made <= {event["id"] for event in self.stored()}

        wait_for("every event of the journal at the hub", all_there, 60)
        stored = [event["id"] for event in self.stored()]
        assert len(stored) == len(set(stored))

    def command(self, program: str, *words: str, status: int = 0) -> str:
        settings = self.folder / f"{program}.toml"
        done = subprocess.run(
            [sys.executable, "-m", program, *words, "--config", str(settings)],
            capture_output=True, text=True, check=False, timeout=60, cwd=ROOT,
        )  # fmt: skip
        assert done.returncode == status, done.stderr
        return done.stdout

    def _settings(self, name: str, template: str, **words: object) -> Path:
        path = self.folder / f"{name}.toml"
        path.write_text(template.format(**words), encoding="utf-8")
        return path


@contextmanager
def site(folder: Path) -> Iterator[Site]:
    """A site that runs. `folder` must be short, for its sockets."""
    with Mosquitto(folder / "broker") as broker, private_pcscd(folder / "pcsc") as pcsc:
        whole = Site(folder, broker, pcsc)
        try:
            whole.open()
            yield whole
        finally:
            whole.gate.kill()
            whole.hub.kill()


_HUB = """\
site = "e2e"
state_dir = "{state}"
[broker]
port = {port}
[list]
heartbeat_s = 5
"""

_GATE = """\
site = "e2e"
gate = "north"
state_dir = "{state}"
remote_control = true
[hub]
verify_key = "hub.pub"
[broker]
port = {port}
[[lanes]]
name = "main"
driver = "virtual"
walk_s = 30
[[readers]]
name = "outside"
driver = "pcsc"
lane = "main"
direction = "entry"
match = "00 00"
coding = "{coding}/demo.toml"
keys = "{coding}/demo.keys.toml"
[[readers]]
name = "inside"
driver = "pcsc"
lane = "main"
direction = "exit"
match = "00 01"
coding = "{coding}/demo.toml"
keys = "{coding}/demo.keys.toml"
[rules]
already_inside = "off"
[clock]
trust = "always"
"""
