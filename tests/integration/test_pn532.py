"""The PN532 driver on a chip behind a pseudo terminal, real nfcpy frames between them.

That the chip is one is proven by a client that nobody here wrote: Debian's nfc-list.
"""

import os
import shutil
import subprocess
import termios
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import serial
from gpiozero.pins.mock import MockFactory
from pytest_mock import MockerFixture

from gate.config import Pn532Reader as Settings
from gate.model import CardContents, Medium, Unreadable
from gate.reader.pn532 import Pn532Reader
from gate.simulator.card import VirtualCard
from portvakt.backoff import Backoff
from tests.resources import held, nothing_grew
from tests.sim.pn532 import Pn532
from tests.sim.readers import KEYS, NAME, PROFILE, Bench, card_of
from tests.waiting import wait_for

RESET_PIN = 25
Start = Callable[..., Bench]


@pytest.fixture
def chip(tmp_path: Path) -> Iterator[Pn532]:
    made = Pn532(tmp_path / "pn532")
    yield made
    made.close()


@pytest.fixture
def start(chip: Pn532) -> Iterator[Start]:
    benches: list[Bench] = []

    def run(state: str = "ok", pins: MockFactory | None = None, **more: object) -> Bench:
        settings = {"name": NAME, "lane": "main", "direction": "entry", "device": str(chip.line.link),
                    "coding": PROFILE, "keys": KEYS, "poll_ms": 20}  # fmt: skip
        reader = Pn532Reader(
            Settings(**(settings | more)),  # type: ignore[arg-type]
            Backoff(lambda: 1.0, first_ms=1, cap_ms=20),
            pins,
        )
        bench = Bench(reader, chip)
        reader.start(bench.inputs.append)
        benches.append(bench)
        bench.wait_state(state)
        return bench

    yield run
    for bench in benches:
        bench.reader.close()


@pytest.mark.skipif(shutil.which("nfc-list") is None, reason="libnfc-bin is not installed")
@pytest.mark.parametrize("uid", ["5A112233", "04112233445566"])
def test_a_client_that_nobody_here_wrote_lists_the_card(chip: Pn532, uid: str) -> None:
    chip.present(card_of(uid=bytes.fromhex(uid)))
    listed = subprocess.run(
        ["nfc-list"],
        env={**os.environ, "LIBNFC_DEVICE": f"pn532_uart:{chip.line.name}:115200"},
        capture_output=True, text=True, timeout=30, check=True,
    ).stdout  # fmt: skip
    said = {" ".join(line.split()) for line in listed.splitlines()}
    assert "1 ISO14443A passive target(s) found:" in said
    spaced = " ".join(uid[at : at + 2].lower() for at in range(0, len(uid), 2))
    assert f"UID (NFCID1): {spaced}" in said
    assert "SAK (SEL_RES): 18" in said
    assert f"ATQA (SENS_RES): 00 {'02' if len(uid) == 8 else '42'}" in said


def test_a_decision_takes_three_exchanges(chip: Pn532, start: Start) -> None:
    """Listing, one authentication, one read; the chip keeps no keys."""
    bench = start()
    reading = bench.show(card_of())
    assert (reading.medium, reading.uid) == (Medium.CHIP, bytes.fromhex("5A112233"))
    told = [code for code in chip.commands if code in (0x40, 0x4A)]
    assert told[-3:] == [0x4A, 0x40, 0x40] or told[-4:-1] == [0x4A, 0x40, 0x40]


def test_two_cards_in_the_field_are_told_to_come_one_by_one(chip: Pn532, start: Start) -> None:
    bench = start()
    chip.present(card_of(), beside=card_of("87654321", bytes.fromhex("04112233445566")))
    wait_for("the reading", lambda: bench.shown)
    result = bench.shown[0].result
    assert isinstance(result, Unreadable)
    assert result.what == "several cards at once; show one"
    chip.present(card_of())
    wait_for("the one that stayed", lambda: len(bench.shown) == 2)
    assert isinstance(bench.shown[1].result, CardContents)


@pytest.mark.parametrize("leaves_after", range(1, 4))
def test_p9_a_card_pulled_at_each_single_exchange_is_an_answer(chip: Pn532, start: Start, leaves_after: int) -> None:
    bench = start()
    bench.hand.present(card_of(), leaves_after=leaves_after)
    wait_for("the answer", lambda: bench.shown)
    readable = isinstance(bench.shown[0].result, CardContents)
    assert readable is (leaves_after == 3)
    other = card_of("87654321", bytes.fromhex("04112233445566"))
    assert isinstance(bench.show(other).result, CardContents)


def test_a_card_with_another_key_is_unreadable_with_the_reason(chip: Pn532, start: Start) -> None:
    blank = VirtualCard.fresh(bytes.fromhex("5A112233"))
    result = start().show(blank).result
    assert result == Unreadable("sector 32 does not open with key 'demo-read'", 128, "card_number")


def test_noise_and_spoilt_frames_cost_a_look_and_no_card(chip: Pn532, start: Start) -> None:
    bench = start()
    # On a busy machine the chip may have missed its 100 ms at the opening.
    before = list(bench.states)
    chip.noise_next = b"\x00\x55\xff"
    chip.spoil_next = 1
    assert isinstance(bench.show(card_of()).result, CardContents)
    assert bench.states == before


@pytest.mark.parametrize("baud", [921_600, 460_800, 230_400])
def test_a_chip_that_a_killed_gate_left_at_another_speed_is_called_down(chip: Pn532, start: Start, baud: int) -> None:
    chip.baud = baud
    bench = start()
    assert isinstance(bench.show(card_of()).result, CardContents)


def test_a_chip_that_hears_the_last_acknowledgement_late_follows_to_the_new_speed(
    chip: Pn532, start: Start, mocker: MockerFixture
) -> None:
    """nfcpy throws away what is not out yet when it opens the line anew. Whether the kernel still has it
    then depends on how busy the machine is, so that it is not asked to is what can be tested."""
    thrown_away = mocker.spy(serial.Serial, "reset_output_buffer")
    chip.hears_late = True
    bench = start()
    assert bench.states == ["ok"]
    assert chip.baud > 115_200
    assert thrown_away.call_count == 0


def test_a_chip_that_hangs_is_a_state_and_is_opened_anew(chip: Pn532, start: Start) -> None:
    bench = start()
    chip.hangs = True
    bench.wait_state("hung")
    assert bench.said == "the chip does not answer any more" or "no PN532 answers" in bench.said
    chip.hangs = False
    bench.wait_state("ok")
    assert isinstance(bench.show(card_of()).result, CardContents)


def test_a_chip_that_hangs_is_reset_by_its_pin(chip: Pn532, start: Start) -> None:
    pins = MockFactory()
    try:
        bench = start(pins=pins, reset_pin=RESET_PIN)
        pin = pins.pin(RESET_PIN)
        chip.hangs = True
        wait_for("the reset", lambda: [bool(state.state) for state in pin.states][-2:] == [False, True])
        chip.reset()
        bench.wait_state("ok")
        assert isinstance(bench.show(card_of()).result, CardContents)
    finally:
        pins.reset()


def test_p11_unplugged_thirty_times_and_nothing_grows(chip: Pn532, start: Start) -> None:
    bench = start()
    chip.unplug()
    bench.wait_state("absent")
    before = held()
    for _ in range(30):
        chip.plug_in()
        bench.wait_state("ok")
        chip.unplug()
        bench.wait_state("absent")
    nothing_grew(before)
    chip.plug_in()
    bench.wait_state("ok")
    assert isinstance(bench.show(card_of()).result, CardContents)


def test_a_line_that_goes_between_two_calls_is_a_reader_that_is_away(
    chip: Pn532, start: Start, mocker: MockerFixture, caplog: pytest.LogCaptureFixture
) -> None:
    """pyserial then raises what is no OSError: seen once in some thousand unplugs, so it is made here."""
    bench = start()
    gone = [termios.error(5, "Input/output error")]

    flush = serial.Serial.reset_input_buffer

    def flush_or_fail(port: serial.Serial) -> None:
        if gone:
            raise gone.pop()
        flush(port)

    mocker.patch("serial.Serial.reset_input_buffer", flush_or_fail)
    wait_for("the reader is away and back", lambda: bench.states[:2] == ["ok", "absent"] and bench.states[-1] == "ok")
    assert isinstance(bench.show(card_of()).result, CardContents)
    assert "internal error" not in caplog.text
    assert "Traceback" not in caplog.text


def test_a_reader_that_is_not_there_at_the_start_is_read_when_it_comes(chip: Pn532, start: Start) -> None:
    chip.unplug()
    bench = start("absent")
    assert "is it plugged in" in bench.said
    chip.plug_in()
    bench.wait_state("ok")


def test_a_line_without_a_chip_says_what_to_look_at(chip: Pn532, start: Start) -> None:
    chip.hangs = True
    bench = start("hung")
    assert bench.said.endswith("check wiring and the module's switches (HSU)")


def test_p11_taps_and_nothing_grows(chip: Pn532, start: Start) -> None:
    """`make soak` does the same for longer."""
    taps = int(os.environ.get("PORTVAKT_TAPS", "60"))
    bench = start()
    cards = [card_of("12345678"), card_of("87654321", bytes.fromhex("04112233445566"))]
    bench.show(cards[0])
    before = held()
    for tap in range(1, taps):
        assert isinstance(bench.show(cards[tap % 2]).result, CardContents)
        del bench.inputs[:-2]
    nothing_grew(before)
