"""An evacuation on real parts: broker, hub, a gate with a lane, and one that stands at the assembly point alone. While
cards are shown there the broker is away, and the hub is killed; the roll call is right, and nobody is on it twice."""

import asyncio
import contextlib
import json
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from gate.cache.journal import read_bodies
from gate.model import Direction
from gate.reader.profiles import load_pair
from gate.relay.display import Face, Sign
from gate.screen_cli import faces_from
from gate.simulator.card import make_card
from gate.simulator.remote import RemoteControl
from gate.uplink import contract
from hub.corrections import time_ms_of
from tests.sim.mosquitto import Mosquitto
from tests.sim.rig import CODING, ROOT, Program
from tests.sim.yard import GATE, HUB, LANE, ORGANISATION, READER, has_list
from tests.waiting import wait_for

ADA, BO, CY, SAM = "11111111", "22222222", "33333333", "99999999"
CREW = f"""card_number,first_name,last_name,organisation_number,language
{ADA},Ada,Nordli,{ORGANISATION},nb
{BO},Bo,Nordli,{ORGANISATION},pl
{CY},Cy,Nordli,{ORGANISATION},en
"""
POINT = """[[muster_points]]
name = "car-park"
[[readers]]
name = "assembly"
driver = "virtual"
muster_point = "car-park"
greet = true
coding = "{coding}/demo.toml"
keys = "{coding}/demo.keys.toml"
"""


class Yard:
    """The whole site."""

    def __init__(self, folder: Path, broker: Mosquitto) -> None:
        self.folder, self.broker = folder, broker
        words = {"folder": folder, "port": broker.port, "coding": CODING}
        (folder / "hub.toml").write_text(HUB.format(**words))
        (folder / "north.toml").write_text((GATE + LANE + READER).format(name="north", direction="entry", **words))
        (folder / "field.toml").write_text((GATE + POINT).format(name="field", **words))
        self.hub = Program("hub", folder / "hub.toml", {})
        self.north = Program("gate", folder / "north.toml", {})
        self.field = Program("gate", folder / "field.toml", {})
        self._coding, self._keys = load_pair(CODING / "demo.toml", CODING / "demo.keys.toml")

    def open(self) -> None:
        (self.folder / "crew.csv").write_text(CREW)
        self.run("key", "-o", str(self.folder / "hub.pub"))
        self.run("crew", "import", str(self.folder / "crew.csv"))
        for program in (self.hub, self.north, self.field):
            program.start()
        for gate in (self.north, self.field):
            wait_for("the list at the gate", partial(has_list, gate))

    def run(self, *words: str) -> str:
        command = [sys.executable, "-m", "hub", *words, "--config", str(self.folder / "hub.toml")]
        return subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT, timeout=60).stdout

    def muster(self) -> dict[str, dict[str, Any]]:
        found = json.loads(self.run("muster", "--json"))
        return {one["number"]: one for one in found["people"]} if found else {}

    def goes_in(self, number: str) -> None:
        remote = RemoteControl(self.folder / "north" / "control.sock")
        before = remote.lanes()["main"].answers
        remote.present("entry", self.card(number))
        wait_for("the lane's answer", lambda: remote.lanes()["main"].answers > before)
        remote.remove("entry")
        assert remote.walk("main", Direction.ENTRY)

    def shows(self, image: bytes) -> None:
        """A card is held to the reader at the assembly point, until it is in the journal, and taken away."""
        before = len(self.shown())
        remote = RemoteControl(self.folder / "field" / "control.sock")
        remote.present("assembly", image)
        wait_for("the card in the journal", lambda: len(self.shown()) > before)
        remote.remove("assembly")

    def shown(self) -> list[contract.WireEvent]:
        events = [contract.decode_event(body) for body in read_bodies(self.folder / "field" / "journal.db")]
        return [event for event in events if event.kind == contract.MUSTER_BADGE]

    def card(self, number: str) -> bytes:
        fields = {"card_number": number, "organisation_number": ORGANISATION, "first_name": f"Nr {number[0]}"}
        return bytes(make_card(self._coding, self._keys, fields, bytes.fromhex("04") + number[:3].encode()).image)

    def words_about(self) -> list[str]:
        """The cards of all words that were ever written down of who was seen outside."""
        with contextlib.closing(sqlite3.connect(next((self.folder / "hub").glob("*.sqlite3")))) as database:
            return sorted(row[0] for row in database.execute("SELECT number FROM muster_checks"))


@pytest.fixture
def yard() -> Iterator[Yard]:
    # Short, because a unix socket's path has 107 characters at most.
    with tempfile.TemporaryDirectory(prefix="pv-") as name, Mosquitto(Path(name) / "broker") as broker:
        whole = Yard(Path(name), broker)
        try:
            whole.open()
            yield whole
        finally:
            for program in (whole.north, whole.field, whole.hub):
                program.kill()


def test_an_evacuation_with_the_broker_away_and_the_hub_killed_ends_with_the_right_roll_call(yard: Yard) -> None:
    for number in (ADA, BO, CY):
        yard.goes_in(number)
    wait_for("all three inside", lambda: len(json.loads(yard.run("roster", "--json"))) == 3)
    # A try of the reader, while nothing burns: it is kept, and clears nobody.
    yard.shows(yard.card(CY))
    wait_for("the try at the hub", lambda: "muster.badge" in yard.run("events", "--kind", "muster.badge"))
    yard.run("command", "evacuate", "north", "--by", "Kari")
    wait_for("the muster", lambda: len(yard.muster()) == 3)
    assert {one["outcome"] for one in yard.muster().values()} == {"missing"}

    yard.shows(yard.card(ADA))
    wait_for("Ada to be ticked off", lambda: yard.muster()[ADA]["outcome"] == "seen_outside")
    ada = yard.muster()[ADA]
    assert (ada["seen_by"], ada["seen_point"]) == ("muster reader field/assembly at car-park", "car-park")

    yard.broker.kill()
    yard.shows(yard.card(BO))
    yard.hub.kill()
    yard.shows(yard.card(SAM))
    yard.shows(yard.card(ADA))
    assert yard.words_about() == [ADA]
    yard.broker.start()
    yard.hub.start()
    wait_for("Bo to be ticked off", lambda: yard.muster()[BO]["outcome"] == "seen_outside", 60)
    wait_for("Sam, whom no list knows", lambda: SAM in yard.muster(), 60)
    # Killed once more: what was committed is there, and what the gate may send again counts once.
    yard.hub.kill()
    yard.hub.start()
    wait_for("both of Ada's cards", lambda: yard.words_about() == [ADA, ADA, BO, SAM])
    found = yard.muster()
    assert {number: one["outcome"] for number, one in found.items()} == {
        ADA: "seen_outside", BO: "seen_outside", CY: "missing", SAM: "seen_outside",
    }  # fmt: skip
    assert (found[SAM]["name"], found[SAM]["known_then"], found[SAM]["known_now"]) == (None, False, False)
    assert [one["number"] for one in json.loads(yard.run("roster", "--json"))] == [CY]
    assert "not on the list" in yard.run("muster")
    assert "assembly (muster point car-park) ok" in yard.run("gates")
    # By the time of the card it was when the broker was away, not when the hub heard of it.
    (bo,) = [event for event in yard.shown() if event.data.card and event.data.card.number == BO]
    assert time_ms_of(bo.time) == found[BO]["seen_ms"]


def test_the_screen_at_the_assembly_point_says_that_a_card_was_counted_or_could_not_be_read(yard: Yard) -> None:
    path = yard.folder / "field" / "screen-car-park.sock"

    async def run() -> list[Face]:
        faces = faces_from(path)
        seen = [await anext(faces)]
        await asyncio.to_thread(yard.shows, yard.card(BO))
        seen += [await anext(faces), await anext(faces)]
        await asyncio.to_thread(yard.shows, bytes(4096))
        seen.append(await anext(faces))
        await faces.aclose()
        return seen

    resting, counted, greeted, unread = asyncio.run(run())
    assert (resting.sign, resting.next_step) == (Sign.MUSTER, "Roll call: show card")
    assert (counted.sign, counted.headline, counted.name) == (Sign.COUNTED, "Obecność zapisana", "")
    assert greeted.name == "Nr 2"
    assert (unread.sign, unread.passing) == (Sign.AGAIN, True)
    assert [event.data.reason for event in yard.shown()] == [None, "unreadable"]
    yard.field.stop()
    done = subprocess.run(
        [sys.executable, "-m", "gate", "doctor", "--json", "--config", str(yard.folder / "field.toml")],
        capture_output=True, text=True, check=False, cwd=ROOT, timeout=60,
    )  # fmt: skip
    found = {one["part"]: (one["state"], one["says"]) for one in json.loads(done.stdout)["findings"]}
    assert found["reader assembly"] == ("well", "virtual, muster point car-park")
    assert found["muster point car-park"][0] == "well"


@pytest.mark.skipif(Path("/dev/gpiochip0").exists(), reason="this machine has pins of its own")
def test_lamps_that_cannot_be_had_are_an_alarm_and_keep_no_gate_from_working(tmp_path: Path) -> None:
    words = {"folder": tmp_path, "port": 9, "coding": CODING}
    (tmp_path / "hub.toml").write_text(HUB.format(**words))
    lamps = POINT.replace('name = "car-park"\n', 'name = "car-park"\ngreen_lamp_pin = 18\n')
    (tmp_path / "field.toml").write_text((GATE + LANE + lamps).format(name="field", **words))
    key = [sys.executable, "-m", "hub", "key", "-o", str(tmp_path / "hub.pub"), "--config", str(tmp_path / "hub.toml")]
    subprocess.run(key, check=True, capture_output=True, cwd=ROOT, timeout=60)
    field = Program("gate", tmp_path / "field.toml", {})
    try:
        field.start()
        field.stop()
    finally:
        field.kill()
    events = [contract.decode_event(body) for body in read_bodies(tmp_path / "field" / "journal.db")]
    alarms = [event.data.detail for event in events if event.kind == "alarm.raised"]
    assert "muster_point.car-park" in [alarm["alarm"] for alarm in alarms]
    assert events[-1].kind == "gate.stopped"
