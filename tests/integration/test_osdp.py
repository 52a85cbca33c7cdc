"""OSDP through libosdp: two readers on one line, keys, lamps, power, and the adapter pulled out."""

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from osdp.constants import CardFormat, CommandLEDColor

from gate.config import OsdpReader as Settings
from gate.errors import CodingError
from gate.model import CardContents, CardId, CardReading, Decision, Medium, Reason, Unreadable
from gate.ports import CardShown, Input, ReaderChanged
from gate.reader.layouts import DEFAULT_SCBK, load_scbk
from gate.reader.osdp import OsdpReader, on_buses
from portvakt.backoff import Backoff
from tests.resources import held, nothing_grew
from tests.sim.osdp import OsdpLine
from tests.waiting import wait_for

CODING = Path(__file__).parents[2] / "config" / "coding"
KEYS = [secrets.token_bytes(16), secrets.token_bytes(16)]
CARD = bytes.fromhex("12345678")
GO, STOP = Decision(admitted=True, reason=Reason.GRANTED), Decision(admitted=False, reason=Reason.EXPIRED)


class Bench:
    """The readers of one line, and what each delivered."""

    def __init__(self, readers: list[OsdpReader]) -> None:
        self.readers = readers
        self.inputs: list[list[Input]] = [[] for _ in readers]
        for reader, inputs in zip(readers, self.inputs, strict=True):
            reader.start(inputs.append)

    def shown(self, number: int = 0) -> list[CardReading]:
        return [given.reading for given in self.inputs[number] if isinstance(given, CardShown)]

    def states(self, number: int = 0) -> list[str]:
        return [given.state for given in self.inputs[number] if isinstance(given, ReaderChanged)]

    def said(self, number: int = 0) -> str:
        return [given.what for given in self.inputs[number] if isinstance(given, ReaderChanged)][-1]

    def wait_state(self, state: str, number: int = 0) -> None:
        wait_for(f"reader {number} to be {state}", lambda: self.states(number)[-1:] == [state], 20)

    def card(self, number: int = 0) -> CardReading:
        return wait_for("a card", lambda: self.shown(number))[-1]


Start = Callable[..., Bench]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., tuple[OsdpLine, Bench]]]:
    made: list[tuple[OsdpLine, Bench]] = []

    def run(keys: list[bytes | None], ours: list[bytes | None] | None = None, **more: Any) -> tuple[OsdpLine, Bench]:
        line = OsdpLine(tmp_path / "bus", *keys)
        settings = []
        for number, key in enumerate(ours or keys):
            file = tmp_path / f"{number}.scbk"
            if key is not None:
                file.write_text(key.hex())
                file.chmod(0o600)
            settings.append(
                Settings(
                    name=f"reader-{number}", lane="main", direction="entry", device=str(line.line.link),
                    address=101 + number, layout=str(CODING / "demo-osdp.toml"),
                    scbk_file=str(file) if key is not None else None, **more,
                )
            )  # fmt: skip
        bench = Bench(on_buses(settings, Backoff(lambda: 1.0, first_ms=1, cap_ms=20)))
        made.append((line, bench))
        return line, bench

    yield run
    for line, bench in made:
        for reader in bench.readers:
            reader.close()
        line.close()


Starts = Callable[..., tuple[OsdpLine, Bench]]


def test_a_card_comes_through_the_secure_channel_once(start: Starts) -> None:
    line, bench = start([KEYS[0]])
    bench.wait_state("ok")
    line.peripherals[0].show(CARD, 32)
    assert bench.card() == CardReading("reader-0", Medium.OSDP, CardContents(CardId("hms", "12345678")))
    line.peripherals[0].show(bytes.fromhex("ffffffff"), 32)
    wait_for("the other card", lambda: len(bench.shown()) == 2)
    assert isinstance(bench.shown()[1].result, Unreadable)


def test_a_line_in_clear_is_a_weaker_medium(start: Starts) -> None:
    line, bench = start([None])
    bench.wait_state("ok")
    line.peripherals[0].show(CARD, 32, CardFormat.Unspecified)
    assert bench.card().medium is Medium.UID


def test_lamp_and_buzzer_tell_the_decision(start: Starts) -> None:
    line, bench = start([KEYS[0]])
    bench.wait_state("ok")
    bench.readers[0].show(GO)
    bench.readers[0].show(STOP)
    reader = line.peripherals[0]
    wait_for("both answers", lambda: len(reader.beeps) == 2)
    assert reader.lamps == [CommandLEDColor.Green, CommandLEDColor.Red]
    assert reader.beeps == [1, 3]


def test_one_reader_s_power_cycle_disturbs_no_other_on_the_bus(start: Starts) -> None:
    """libosdp alone would not speak to it again for 300 seconds."""
    line, bench = start(list(KEYS))
    bench.wait_state("ok", 0)
    bench.wait_state("ok", 1)
    line.peripherals[1].cut_power()
    bench.wait_state("absent", 1)
    line.peripherals[0].show(CARD, 32)
    bench.card(0)
    line.peripherals[1].give_power()
    bench.wait_state("ok", 1)
    line.peripherals[1].show(CARD, 32)
    assert bench.card(1).medium is Medium.OSDP
    assert bench.states(0) == ["ok"]


@pytest.mark.parametrize("cleared", [False, True])
def test_a_reader_that_comes_back_with_another_key_is_told_of_and_left_alone(start: Starts, cleared: bool) -> None:
    line, bench = start(list(KEYS))
    bench.wait_state("ok", 1)
    reader = line.peripherals[1]
    reader.cut_power()
    other = secrets.token_bytes(16)
    reader.give_power(other, cleared=cleared)
    bench.wait_state("faulty", 1)
    assert "it has another key, or was reset to the maker's" in bench.said(1)
    line.peripherals[0].show(CARD, 32)
    bench.card(0)
    assert reader.key == (None if cleared else other), "it was given a key nobody asked for"
    assert KEYS[1].hex() not in bench.said(1)


def test_install_mode_gives_a_new_reader_its_key_and_asks_to_be_switched_off(start: Starts) -> None:
    line, bench = start([None], ours=[KEYS[0]], install=True)
    bench.wait_state("ok")
    assert bench.said() == "has its key; set install = false now"
    wait_for("the key", lambda: line.peripherals[0].key == KEYS[0])
    line.peripherals[0].show(CARD, 32)
    assert bench.card().medium is Medium.OSDP


def test_a_reader_that_is_opened_says_so(start: Starts) -> None:
    line, bench = start([KEYS[0]])
    bench.wait_state("ok")
    line.peripherals[0].tamper(opened=True)
    bench.wait_state("tampered")
    line.peripherals[0].tamper(opened=False)
    bench.wait_state("ok")


def test_p11_the_adapter_is_pulled_out_ten_times_and_nothing_grows(start: Starts) -> None:
    line, bench = start(list(KEYS))
    bench.wait_state("ok", 0)
    bench.wait_state("ok", 1)
    line.unplug()
    bench.wait_state("absent", 0)
    bench.wait_state("absent", 1)
    before = held()
    for _ in range(10):
        line.plug_in()
        bench.wait_state("ok", 0)
        bench.wait_state("ok", 1)
        line.unplug()
        bench.wait_state("absent", 0)
        bench.wait_state("absent", 1)
    nothing_grew(before)


@pytest.mark.parametrize(
    ("text", "mode", "says"),
    [
        (DEFAULT_SCBK.hex(), 0o600, "default key of every reader"),
        ("00" * 15, 0o600, "32 hexadecimal digits"),
        ("zz" * 16, 0o600, "32 hexadecimal digits"),
        ("ab" * 16, 0o640, "others on this machine may read this key"),
    ],
)
def test_p8_a_key_file_that_is_no_secret_is_refused(tmp_path: Path, text: str, mode: int, says: str) -> None:
    file = tmp_path / "north.scbk"
    file.write_text(text)
    file.chmod(mode)
    with pytest.raises(CodingError, match=says) as refused:
        load_scbk(file)
    assert text not in str(refused.value)
