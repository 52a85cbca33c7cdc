"""A whole site of real processes: a hub, two gates, Mosquitto between them, and hands that hold cards to the gates."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from gate.model import Direction
from gate.reader.profiles import load_pair
from gate.simulator.card import make_card
from gate.simulator.remote import RemoteControl, ShownAnswer
from tests.sim.mosquitto import Mosquitto
from tests.sim.rig import CODING, ROOT, Program
from tests.waiting import wait_for

HUB = """site = "yard"
state_dir = "{folder}/hub"
[broker]
port = {port}
[list]
heartbeat_s = 1
"""
GATE = """site = "yard"
gate = "{name}"
state_dir = "{folder}/{name}"
remote_control = true
[hub]
verify_key = "hub.pub"
[broker]
port = {port}
[clock]
trust = "always"
"""
RULES = """[rules]
already_inside = "refuse"
[[rules.occupancy]]
limit = 2
[[rules.cover]]
group = "first-aider"
action = "refuse"
"""
LANE = """[[lanes]]
name = "main"
driver = "virtual"
"""
WALK = "walk_s = 1.5\n"
READER = """[[readers]]
name = "{direction}"
driver = "virtual"
lane = "main"
direction = "{direction}"
coding = "{coding}/demo.toml"
keys = "{coding}/demo.keys.toml"
"""
ORGANISATION = "310451274"
CREW = f"""card_number,first_name,last_name,organisation_number,groups
11111111,Ada,Nordli,{ORGANISATION},first-aider
22222222,Bo,Nordli,{ORGANISATION},
33333333,Cy,Nordli,{ORGANISATION},
"""


class Gate:
    """One of the two: a process, and a hand that holds cards to it."""

    def __init__(self, folder: Path, name: str, port: int) -> None:
        settings = folder / f"{name}.toml"
        readers = "".join(READER.format(direction=direction, coding=CODING) for direction in Direction)
        settings.write_text(GATE.format(name=name, folder=folder, port=port) + RULES + LANE + WALK + readers)
        self.program = Program("gate", settings, {})
        self.remote = RemoteControl(folder / name / "control.sock")
        self._coding, self._keys = load_pair(CODING / "demo.toml", CODING / "demo.keys.toml")

    def badge(self, number: str, direction: Direction = Direction.ENTRY) -> ShownAnswer:
        card = make_card(
            self._coding, self._keys, {"card_number": number, "organisation_number": ORGANISATION}, bytes(4)
        )
        before = self.remote.lanes()["main"].answers
        self.remote.present(direction, bytes(card.image))
        wait_for("the lane's answer", lambda: self.remote.lanes()["main"].answers > before)
        self.remote.remove(direction)
        shown = self.remote.lanes()["main"].shown
        assert shown is not None
        return shown

    def goes(self, number: str, direction: Direction = Direction.ENTRY) -> None:
        """In or out, through the turnstile."""
        assert self.badge(number, direction).admitted
        assert self.remote.walk("main", direction)

    def answers(self, number: str) -> str:
        """What an entry gets; a grant is left unused."""
        shown = self.badge(number)
        wait_for("the lane to be locked again", lambda: self.remote.lanes()["main"].released is None)
        return shown.reason


class Yard:
    """Hub and two gates."""

    def __init__(self, folder: Path, broker: Mosquitto) -> None:
        self.folder = folder
        self.broker = broker
        (folder / "hub.toml").write_text(HUB.format(folder=folder, port=broker.port))
        self.hub = Program("hub", folder / "hub.toml", {})
        self.north, self.south = (Gate(folder, name, broker.port) for name in ("north", "south"))

    def open(self) -> None:
        self.run("hub", "key", "-o", str(self.folder / "hub.pub"))
        self.import_crew(CREW)
        for program in (self.hub, self.north.program, self.south.program):
            program.start()
        for gate in (self.north, self.south):
            wait_for("the list at the gate", partial(has_list, gate.program))

    def run(self, *words: str) -> str:
        return subprocess.run(
            [sys.executable, "-m", *words, "--config", str(self.folder / "hub.toml")],
            capture_output=True, text=True, check=True, cwd=ROOT,
        ).stdout  # fmt: skip

    def import_crew(self, crew: str) -> None:
        (self.folder / "crew.csv").write_text(crew)
        self.run("hub", "crew", "import", str(self.folder / "crew.csv"))

    def compare(self) -> dict[str, Any]:
        """`hub compare --json`, whatever it ends with; the gates by name."""
        said = subprocess.run(
            [sys.executable, "-m", "hub", "compare", "--json", "--config", str(self.folder / "hub.toml")],
            capture_output=True, text=True, check=False, cwd=ROOT,
        )  # fmt: skip
        found: dict[str, Any] = json.loads(said.stdout)
        found["gates"] = {gate["gate"]: gate for gate in found["gates"]}
        found["status"] = said.returncode
        return found


def has_list(gate: Program) -> bool:
    return "list=applied" in gate.log


@contextmanager
def opened() -> Iterator[Yard]:
    # Short, because a unix socket's path has 107 characters at most.
    with tempfile.TemporaryDirectory(prefix="pv-") as name, Mosquitto(Path(name) / "broker") as broker:
        yard = Yard(Path(name), broker)
        try:
            yard.open()
            yield yard
        finally:
            for program in (yard.north.program, yard.south.program, yard.hub):
                program.kill()
