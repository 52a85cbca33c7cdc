"""The stage: a hub with its own broker, a cable, a gate, all real processes in a folder of their own."""

import json
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Any

from gate.reader.profiles import load_pair
from gate.simulator.cable import Cable
from gate.simulator.card import VirtualCard, make_card
from gate.simulator.demo.cast import Cast, Worker, make_cast, write_crew_list
from gate.simulator.remote import LaneState, RemoteControl, ShownAnswer
from portvakt.errors import PortvaktError

CODING = Path(__file__).parents[3] / "config" / "coding"
START_S = 20.0
SITE, GATE, LANE = "kvartal-7", "north", "main"


class DemoFailed(PortvaktError):
    """The demo could not go on; the message says at which step."""


class Stage:
    """Starts everything on entering, ends everything on leaving. `folder` holds settings, stores, logs."""

    def __init__(self, walk_s: float) -> None:
        self._temporary = tempfile.TemporaryDirectory(prefix="portvakt-demo-")
        self.folder = Path(self._temporary.name)
        self.cast: Cast = make_cast(date.today())  # noqa: DTZ011 - the site's own day
        self._coding, self._keys = load_pair(CODING / "demo.toml", CODING / "demo.keys.toml")
        self._walk_s = walk_s
        self._processes: list[subprocess.Popen[bytes]] = []
        self._asking = threading.Lock()
        self._closed = False
        self._random = Random(7)  # noqa: S311 - bytes of a broken card

    def __enter__(self) -> "Stage":
        try:
            self._build()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End everything; waits for a question that another thread has just asked."""
        with self._asking:
            self._closed = True
        for process in reversed(self._processes):
            process.terminate()
        for process in reversed(self._processes):
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._processes.clear()
        if hasattr(self, "cable"):
            self.cable.close()
        self._temporary.cleanup()

    # --- people and cards --------------------------------------------------------------------------

    def card_of(self, worker: Worker) -> VirtualCard:
        """The worker's card, coded as the demo's profile says."""
        fields: dict[str, str | date] = {
            "card_number": worker.card_number,
            "organisation_number": worker.organisation_number,
            "organisation_name": worker.organisation_name,
            "expiry_date": worker.card_expiry,
            "date_of_birth": worker.date_of_birth,
            "gender": worker.gender,
            "first_name": worker.first_name,
            "last_name": worker.last_name,
        }
        return make_card(self._coding, self._keys, fields, bytes.fromhex("04") + worker.card_number[-3:].encode())

    def broken_card(self, worker: Worker) -> VirtualCard:
        """The same card after a magnet, a washing machine and a winter: noise where the number stood."""
        card = self.card_of(worker)
        image = bytearray(card.image)
        for block in self._coding.plan.decision_blocks:
            image[block * 16 : block * 16 + 16] = self._random.randbytes(16)
        return VirtualCard(bytes(image))

    def show(self, card: VirtualCard, reader: str) -> ShownAnswer:
        """Hold a card to a reader and wait for the answer."""
        before = self.lane().answers
        self.remote.present(reader, card.image)
        self.wait(lambda: self.lane().answers > before, "the gate's answer to a badge")
        self.remote.remove(reader)
        shown = self.lane().shown
        if shown is None:
            raise DemoFailed("the lane shows nothing")
        return shown

    def lane(self) -> LaneState:
        return self.remote.lanes()[LANE]

    # --- what gate and hub say ---------------------------------------------------------------------

    def made(self) -> list[Mapping[str, Any]]:
        """The gate's journal, from the gate's own command line."""
        return [json.loads(line) for line in self._ask("gate", "journal").splitlines()]

    def stored(self) -> list[Mapping[str, Any]]:
        """What the hub's store holds."""
        return list(json.loads(self._ask("hub", "events", "--limit", "100000")))

    def roster(self) -> Sequence[Mapping[str, Any]]:
        """Who the hub believes is inside."""
        return list(json.loads(self._ask("hub", "roster")))

    def told(self) -> Mapping[str, Any]:
        """How far the client's system has been told, by the hub's own count."""
        (target,) = json.loads(self._ask("hub", "central", "status"))
        return dict(target)

    def asking(self) -> Sequence[Mapping[str, Any]]:
        """The cards that wait for somebody to let them in, with what the card register says of each."""
        return list(json.loads(self._ask("hub", "waiting")))

    def console_command(self) -> list[str]:
        """What opens this hub's console on a terminal."""
        return [*_program("hub"), "console", "--config", str(self.folder / "hub.toml")]

    def wait(self, until: Callable[[], bool], what: str, timeout_s: float = START_S) -> None:
        """Poll for a condition. Raises DemoFailed, which names it."""
        end = time.monotonic() + timeout_s
        while not until():
            for process in self._processes:
                if process.poll() is not None:
                    raise DemoFailed(f"a process ended early, see its log:\n{self._logs()}")
            if time.monotonic() > end:
                raise DemoFailed(f"waited {timeout_s:.0f} s for {what}; logs:\n{self._logs()}")
            time.sleep(0.02)

    # --- building ----------------------------------------------------------------------------------

    def _build(self) -> None:
        broker_port = _free_port()
        hmsreg = self._double("hmsreg", {})
        self._secret("hmsreg.password", "invented")
        lost = {self.cast.blocked.card_number: {"status": "blocked"}}
        register = self._double("card-register", {"cards": lost, "default": {"status": "valid"}})
        self._secret("register.secret", "portvakt-double")
        settings = HUB.format(site=SITE, port=broker_port, state=self.folder / "hub", hmsreg=hmsreg, register=register)
        self._config("hub", settings)
        self._command("hub", "key", "-o", str(self.folder / "hub.pub"))
        crew = self.folder / "crew.csv"
        write_crew_list(self.cast.crew, crew)
        self._command("hub", "crew", "import", str(crew))
        self._start("hub")
        self.cable = Cable("127.0.0.1", broker_port)
        self._config(
            "gate",
            GATE_TOML.format(
                site=SITE, gate=GATE, port=self.cable.port, state=self.folder / "gate", walk=self._walk_s, coding=CODING
            ),
        )
        self._start("gate")
        self.remote = RemoteControl(self.folder / "gate" / "control.sock")
        self.wait((self.folder / "gate" / "control.sock").exists, "the gate's control socket")
        self.wait(self._has_list, "the first permit list at the gate")

    def _double(self, name: str, data: Mapping[str, Any]) -> str:
        """Start the double of a central system; returns its address."""
        file, log = self.folder / f"{name}.json", self.folder / f"{name}.log"
        file.write_text(json.dumps(data), encoding="utf-8")
        command = [sys.executable, "-m", "portvakt.doubles", name, "--data", str(file)]
        self._spawn(command, log)
        self.wait(lambda: bool(_address_in(log)), f"the double of {name}")
        return _address_in(log)

    def _secret(self, name: str, text: str) -> None:
        file = self.folder / name
        file.touch(0o600)
        file.write_text(text, encoding="utf-8")

    def _has_list(self) -> bool:
        return any(event["type"].endswith("list.applied") for event in self.made())

    def _config(self, program: str, text: str) -> None:
        (self.folder / f"{program}.toml").write_text(text, encoding="utf-8")

    def _start(self, program: str) -> None:
        log = self.folder / f"{program}.log"
        self._spawn([*_program(program), "run", "--config", str(self.folder / f"{program}.toml")], log)
        ready = f"{program} ready".encode()
        self.wait(lambda: ready in log.read_bytes(), f"the {program} to be ready")

    def _spawn(self, command: Sequence[str], log: Path) -> None:
        with log.open("wb") as opened:
            process = subprocess.Popen(command, stdout=opened, stderr=opened, stdin=subprocess.DEVNULL)  # noqa: S603
        self._processes.append(process)

    def _ask(self, program: str, *words: str) -> str:
        return self._command(program, *words, "--json")

    def _command(self, program: str, *words: str) -> str:
        command = [*_program(program), *words, "--config", str(self.folder / f"{program}.toml")]
        with self._asking:
            if self._closed:
                raise DemoFailed("the demo has ended")
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)  # noqa: S603
        if done.returncode:
            raise DemoFailed(f"`{program} {' '.join(words)}` failed: {done.stderr.strip()}")
        return done.stdout

    def _logs(self) -> str:
        return "\n".join(
            f"--- {path.name}\n{path.read_text(encoding='utf-8', errors='replace')[-3000:]}"
            for path in sorted(self.folder.glob("*.log"))
        )


def roster_cells(person: Mapping[str, Any]) -> tuple[str, str, str, str, str]:
    """A line of the hub's roster: name, employer, card, since when, by which gate."""
    since = datetime.fromtimestamp(person["since_ms"] / 1000).astimezone()
    card = f"{person['scheme']} {person['number']}"
    return person["name"] or "?", person["employer"] or "?", card, f"{since:%H:%M:%S}", person["gate"]


def _address_in(log: Path) -> str:
    found = re.search(r"http://\S+:\d+", log.read_text(encoding="utf-8"))
    return found[0] if found else ""


def _program(name: str) -> list[str]:
    return [sys.executable, "-m", name]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


HUB = """\
site = "{site}"
state_dir = "{state}"
log_level = "info"
[broker]
host = "127.0.0.1"
port = {port}
embedded = true
[list]
heartbeat_s = 30
[console]
everybody_else = "manager"
[card_register]
base_url = "{register}/v1"
token_url = "{register}/oauth/token"
client_id = "portvakt"
secret_file = "register.secret"
scope = "card.status.read"
per_second = 50.0
[[targets]]
name = "hmsreg"
kind = "hmsreg-v1"
[targets.settings]
base_url = "{hmsreg}"
user = "portvakt"
password_file = "hmsreg.password"
source = "Portvakt"
hmsreg_number = "12345"
"""

GATE_TOML = """\
site = "{site}"
gate = "{gate}"
state_dir = "{state}"
remote_control = true
[hub]
verify_key = "hub.pub"
[broker]
host = "127.0.0.1"
port = {port}
[[lanes]]
name = "main"
driver = "virtual"
walk_s = {walk}
[[readers]]
name = "outside"
driver = "virtual"
lane = "main"
direction = "entry"
coding = "{coding}/demo.toml"
keys = "{coding}/demo.keys.toml"
[[readers]]
name = "inside"
driver = "virtual"
lane = "main"
direction = "exit"
coding = "{coding}/demo.toml"
keys = "{coding}/demo.keys.toml"
[rules]
already_inside = "refuse"
hub_away = "refuse"
[clock]
trust = "always"
"""
