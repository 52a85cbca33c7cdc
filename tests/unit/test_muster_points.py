"""A reader at an assembly point: how it is set up, and what a card that is shown there does and does not do."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args
from zoneinfo import ZoneInfo

import pytest
from gpiozero.pins.mock import MockFactory

from gate.cli import main
from gate.config import GateConfig, MusterPoint, ReaderSettings, load_config
from gate.controller import Controller, Place
from gate.decide import Rules
from gate.errors import StoreError
from gate.lane_control import LaneParts
from gate.model import (
    CardContents,
    CardId,
    CardReading,
    Direction,
    Event,
    EventKind,
    ListState,
    Medium,
    MusterReply,
    Permit,
    ReaderState,
    Unreadable,
)
from gate.muster_desk import MusterPlace
from gate.muster_sign import PointSign, lamps_of
from gate.ports import CardShown, HolderRead, ModeAsked, ReaderChanged
from gate.relay.display import AT_MUSTER, Face, Sign, muster_answer
from gate.relay.pins import GpioLane
from gate.relay.texts import Language
from gate.screen_cli import place
from gate.turnstile import Mode
from gate.uplink import contract, translate
from portvakt.errors import SettingsError
from tests.sim.ports import Log, MemoryDisk, MemoryJournal, MemoryLane, MemoryPermits, SetClock
from tests.sim.rig import CODING
from tests.waiting import wait_for

NOW_MS = 1_781_500_000_000
INGRID, STRANGER = CardId("hms", "01234560"), CardId("hms", "01234569")
CHIP = bytes.fromhex("04a1b2c3d4e5f6")

GATE = """\
site = "kvartal-7"
gate = "north"
[hub]
verify_key = "hub.pub"
"""
LANE = """
[[lanes]]
name = "main"
driver = "virtual"
"""
POINT = """
[[muster_points]]
name = "car-park"
"""
READER = """
[[readers]]
name = "assembly"
driver = "virtual"
muster_point = "car-park"
coding = "coding.toml"
keys = "keys.toml"
"""


def checked(tmp_path: Path, text: str) -> GateConfig:
    path = tmp_path / "gate.toml"
    path.write_text(text, encoding="utf-8")
    return load_config(path)


def test_a_gate_may_have_muster_readers_beside_its_lanes_or_nothing_else(tmp_path: Path) -> None:
    alone = checked(tmp_path, GATE + POINT + READER)
    assert (alone.lanes, [point.name for point in alone.muster_points]) == ((), ["car-park"])
    assert [reader.muster_point for reader in alone.readers] == ["car-park"]
    assert checked(tmp_path, GATE + LANE + POINT + READER).readers[0].at_lane is None


DRIVERS = {
    "pcsc": 'match = "00 02"\ncoding = "c.toml"\nkeys = "k.toml"',
    "virtual": 'coding = "c.toml"\nkeys = "k.toml"',
    "pn532": 'device = "/dev/serial0"\ncoding = "c.toml"\nkeys = "k.toml"',
    "osdp": 'device = "/dev/ttyUSB0"\naddress = 1\nlayout = "l.toml"',
    "stripe": 'device = "/dev/ttyUSB1"\nlayout = "l.toml"',
    "qr": 'device = "/dev/ttyUSB2"\nlayout = "l.toml"',
}


@pytest.mark.parametrize("driver", DRIVERS)
def test_every_driver_serves_at_an_assembly_point(tmp_path: Path, driver: str) -> None:
    reader = f'\n[[readers]]\nname = "r"\ndriver = "{driver}"\nmuster_point = "car-park"\n{DRIVERS[driver]}\n'
    assert checked(tmp_path, GATE + POINT + reader).readers[0].stands == "muster point car-park"


def test_the_test_above_knows_every_driver() -> None:
    assert {kind.__struct_config__.tag for kind in get_args(ReaderSettings)} == set(DRIVERS)


PLACE = 'muster_point = "car-park"\n'


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (GATE + READER.replace(PLACE, ""), "lanes: this gate has no lane and no muster point"),
        (
            GATE + LANE + POINT + READER.replace(PLACE, f'{PLACE}lane = "main"\n'),
            "readers.0.lane: a muster reader moves no turnstile; leave out lane, or muster_point",
        ),
        (
            GATE + LANE + POINT + READER.replace(PLACE, f'{PLACE}direction = "exit"\n'),
            "readers.0.direction: a muster reader moves no turnstile; leave out direction, or muster_point",
        ),
        (GATE + LANE + READER.replace(PLACE, ""), "readers.0.lane: reader 'assembly' stands nowhere"),
        (
            GATE + LANE + READER.replace(PLACE, 'direction = "entry"\n'),
            "readers.0.lane: reader 'assembly' has a direction, and no lane",
        ),
        (
            GATE + LANE + READER.replace(PLACE, 'lane = "main"\n'),
            "readers.0.direction: reader 'assembly' has a lane, and no direction (`entry` or `exit`)",
        ),
        (
            GATE + LANE + READER,
            "readers.0.muster_point: there is no muster point 'car-park'; there is no [[muster_points]] at all",
        ),
        (
            GATE + POINT + READER.replace("car-park", "meadow"),
            "muster_points.0.name: no reader stands at 'car-park'",
        ),
        (GATE + POINT + POINT + READER, "muster_points.1.name: two muster points are called 'car-park'"),
        (
            GATE + LANE.replace("main", "car-park") + POINT + READER,
            "muster_points.0.name: a lane is called 'car-park' too",
        ),
        (
            GATE + POINT + "green_lamp_pin = 18\nred_lamp_pin = 18\n" + READER,
            "muster_points.0.red_lamp_pin: pin 18 is green_lamp_pin of muster point 'car-park' already",
        ),
    ],
)
def test_settings_that_contradict_each_other_are_refused_in_words(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(SettingsError) as wrong:
        checked(tmp_path, text)
    assert told in str(wrong.value)


# --- a card is shown -----------------------------------------------------------------------------


@dataclass
class MemorySign:
    """Lamps and screen that write down what they were told."""

    name: str
    log: Log

    def start(self) -> None:
        self.log.append(f"start {self.name}")

    def show(self, reply: MusterReply, language: str | None) -> None:
        self.log.append(f"sign {reply} {language}")

    def greet(self, first_name: str) -> None:
        self.log.append(f"sign hello {first_name}")

    def close(self) -> None:
        self.log.append(f"close {self.name}")


def encode(event: Event, *, epoch: str, seq: int, prevhash: str) -> bytes:
    return translate.outgoing_record(event, site="site", gate="gate", epoch=epoch, seq=seq, prevhash=prevhash)


class BrokenPermits(MemoryPermits):
    """A list on a disk that cannot be read."""

    def find(self, card: CardId) -> Permit | None:
        raise StoreError("the disk has gone")


@dataclass
class Bench:
    """A gate with a lane, a reader at it, and one at the assembly point."""

    max_waiting: int = 100
    broken_list: bool = False
    log: Log = field(default_factory=list)

    def __post_init__(self) -> None:
        kind = BrokenPermits if self.broken_list else MemoryPermits
        self.disk = MemoryDisk("0123456789abcdef")
        self.clock = SetClock(NOW_MS)
        self.gate = Controller(
            lanes={"main": LaneParts(MemoryLane("main", self.log), 7_000)},
            readers={"outside": Place("main", Direction.ENTRY)},
            muster_readers={"assembly": MusterPlace(MemorySign("car-park", self.log), self._lamp)},
            permits=kind({INGRID: Permit(INGRID, language="pl")}, ListState(1, 1, "d", NOW_MS, NOW_MS + 10**9)),
            journal=MemoryJournal(self.disk, encode, contract.record_hash, max_waiting=self.max_waiting, log=self.log),
            clock=self.clock,
            rules=Rules(zone=ZoneInfo("Europe/Oslo")),
            deadline_ms=150,
            new_badge=lambda: "badge",
        )
        self.gate.start("1.2.3")
        self.log.clear()

    def _lamp(self, decision: object) -> None:
        self.log.append(f"lamp {getattr(decision, 'admitted', None)}")

    def show(self, result: CardId | Unreadable, uid: bytes = CHIP, reader: str = "assembly") -> None:
        contents = result if isinstance(result, Unreadable) else CardContents(result)
        self.gate.handle(CardShown(CardReading(reader, Medium.CHIP, contents, uid)))

    @property
    def events(self) -> list[Event]:
        return [event for event in self.disk.events if event.kind is EventKind.MUSTER_BADGE]


def test_a_card_is_written_down_and_then_counted_and_moves_nothing() -> None:
    bench = Bench()
    bench.show(INGRID)
    assert bench.log == ["commit muster.badge", "sign counted pl", "lamp True"]
    (event,) = bench.events
    assert (event.card, event.lane, event.direction, event.reason) == (INGRID, None, None, None)
    assert (event.detail, event.uid) == ({"reader": "assembly", "point": "car-park"}, CHIP)


def test_it_is_no_decision_so_a_card_that_no_list_knows_is_counted_too() -> None:
    bench = Bench()
    bench.show(STRANGER)
    assert bench.log == ["commit muster.badge", "sign counted None", "lamp True"]


def test_a_card_that_cannot_be_read_is_told_so_and_its_chip_is_kept() -> None:
    bench = Bench()
    bench.show(Unreadable("sector 1 does not open", 4, "card_number"))
    assert bench.log == ["commit muster.badge", "sign unreadable None", "lamp False"]
    (event,) = bench.events
    assert (event.card, event.reason, event.uid) == (None, "unreadable", CHIP)
    assert event.detail["what"] == "sector 1 does not open"


def test_a_serial_number_that_a_chip_makes_up_each_time_is_not_kept() -> None:
    bench = Bench()
    bench.show(Unreadable("removed too soon"), uid=bytes.fromhex("08aabbcc"))
    assert bench.events[0].uid == b""


@pytest.mark.parametrize("mode", [Mode.EVACUATED, Mode.LOCKED, Mode.NORMAL])
def test_p6_the_lanes_stay_as_they_are(mode: Mode) -> None:
    bench = Bench()
    bench.gate.handle(ModeAsked(None, mode, "office"))
    bench.log.clear()
    bench.show(INGRID)
    assert [line for line in bench.log if "main" in line] == []


def test_p4_a_disk_that_is_late_counts_all_the_same() -> None:
    bench = Bench()
    bench.disk.answers = False
    bench.show(INGRID)
    assert "sign counted pl" in bench.log
    assert bench.events == []
    bench.disk.answers = True
    bench.show(STRANGER)
    assert [event.card for event in bench.events] == [INGRID, STRANGER]


def test_p2_nobody_is_told_counted_when_there_is_no_room_to_write_it_down() -> None:
    bench = Bench(max_waiting=1)
    bench.disk.answers = False
    for _ in range(4):
        bench.show(INGRID)
    assert bench.log[-2:] == ["sign not_kept pl", "lamp False"]


def test_a_list_that_cannot_be_read_costs_the_language_alone() -> None:
    bench = Bench(broken_list=True)
    bench.show(INGRID)
    assert bench.log == ["commit muster.badge", "sign counted None", "lamp True"]


def test_p12_a_name_is_shown_beside_its_own_answer_only() -> None:
    bench = Bench()
    bench.show(INGRID)
    bench.show(STRANGER)
    bench.gate.handle(HolderRead("assembly", INGRID, "Ingrid"))
    assert "sign hello Ingrid" not in bench.log
    bench.gate.handle(HolderRead("assembly", STRANGER, "Sam"))
    assert bench.log[-1] == "sign hello Sam"


def test_its_health_is_told_like_any_reader_s() -> None:
    bench = Bench()
    bench.gate.handle(ReaderChanged("assembly", ReaderState.OK))
    bench.show(INGRID)
    health = bench.gate.health.readers["assembly"]
    assert (health.state, health.last_read_ms) == (ReaderState.OK, NOW_MS)
    bench.gate.handle(ReaderChanged("assembly", ReaderState.ABSENT, "unplugged"))
    assert "reader.assembly" in bench.gate.health.alarms


# --- lamps and screen ----------------------------------------------------------------------------


class Posted:
    """A display that keeps its faces."""

    def __init__(self) -> None:
        self.faces: list[Face] = []

    def post(self, face: Face) -> None:
        self.faces.append(face)


@pytest.mark.parametrize("language", Language)
def test_the_screen_says_counted_and_not_counted_each_in_its_own_words(language: Language) -> None:
    faces = [muster_answer(reply, language) for reply in MusterReply]
    assert [face.sign for face in faces] == [Sign.COUNTED, Sign.AGAIN, Sign.ASK]
    assert len({text for face in faces for text in (face.headline, face.next_step)}) == 6
    assert all(face.passing and not face.also for face in faces)
    # Nothing there may be taken for a turnstile that opens.
    assert not {face.sign for face in (*faces, AT_MUSTER)} & {Sign.GO, Sign.NOTE, Sign.OPEN}


def test_who_has_no_language_that_we_speak_is_told_in_english_too() -> None:
    assert muster_answer(MusterReply.COUNTED, None).also.startswith("You are counted.")


def test_p12_the_screen_shows_a_name_beside_the_answer_and_never_a_number() -> None:
    posted = Posted()
    sign = PointSign("car-park", display=posted)
    sign.greet("Nobody")
    sign.show(MusterReply.COUNTED, "nb")
    sign.greet("Ada")
    assert [face.name for face in posted.faces] == ["", "Ada"]


def test_lamps_at_the_assembly_point_tell_counted_from_not_counted() -> None:
    factory = MockFactory()
    settings = MusterPoint(name="car-park", green_lamp_pin=18, red_lamp_pin=21)
    wired = lamps_of(settings)
    assert wired is not None
    sign = PointSign("car-park", GpioLane(wired, factory))
    sign.start()
    try:
        sign.show(MusterReply.COUNTED, None)
        wait_for("green", lambda: factory.pin(18).state and not factory.pin(21).state)
        sign.show(MusterReply.NOT_KEPT, None)
        wait_for("red", lambda: factory.pin(21).state and not factory.pin(18).state)
    finally:
        sign.close()
    assert not factory.pin(21).state
    assert lamps_of(MusterPoint(name="car-park")) is None


@pytest.mark.parametrize(
    ("lanes", "lane", "point", "meant"),
    [
        # A service that has shown the only lane goes on doing so when a muster point is added.
        (LANE, None, None, "main"),
        (LANE, None, "car-park", "car-park"),
        ("", None, None, "car-park"),
        (LANE + LANE.replace("main", "side"), None, None, None),
        (LANE, "main", "car-park", None),
        (LANE, "car-park", None, None),
    ],
)
def test_which_screen_is_meant(
    tmp_path: Path, lanes: str, lane: str | None, point: str | None, meant: str | None
) -> None:
    config = checked(tmp_path, GATE + lanes + POINT + READER)
    if meant is None:
        with pytest.raises(SettingsError, match="--muster-point car-park"):
            place(config, lane, point)
    else:
        assert place(config, lane, point) == meant


def test_check_config_names_points_and_where_each_reader_stands(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checked(tmp_path, GATE + POINT + READER.replace('"coding.toml"', f'"{CODING}/demo.toml"').replace(
        '"keys.toml"', f'"{CODING}/demo.keys.toml"'
    ))  # fmt: skip
    assert main(["check-config", str(tmp_path / "gate.toml")]) == 0
    said = capsys.readouterr().out
    assert "muster point car-park" in said
    assert "reader       assembly: virtual, muster point car-park" in said
