"""Stripe and QR readers over real pyserial: what a line does that no pure test can show."""

import itertools
import logging
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gate.config import QrReader, StripeReader
from gate.drivers import new_reader
from gate.errors import CodingError
from gate.model import CardContents, CardId, CardReading, Medium, Unreadable
from gate.ports import CardShown, Input, ReaderChanged
from gate.reader import running, stripe
from gate.reader.layouts import load_stripe
from portvakt.backoff import Backoff
from tests.resources import held, nothing_grew
from tests.sim.serial_line import SerialLine
from tests.waiting import wait_for

CODING = Path(__file__).parents[2] / "config" / "coding"
NAME = "outside"
STRIPE = b";100000008=12345678?\r"
CODE = b"https://hms.example/kort/12345678\r"
CARD = CardContents(CardId("hms", "12345678"), organisation_number="100000008")


class Bench:
    """A started reader on a line, and what it delivered."""

    def __init__(self, settings: StripeReader | QrReader, line: SerialLine) -> None:
        self.reader = new_reader(settings)
        self.line = line
        self.inputs: list[Input] = []

    @property
    def shown(self) -> list[CardReading]:
        return [given.reading for given in self.inputs if isinstance(given, CardShown)]

    @property
    def states(self) -> list[str]:
        return [given.state for given in self.inputs if isinstance(given, ReaderChanged)]

    @property
    def said(self) -> str:
        """What the reader said of its latest state."""
        return [given.what for given in self.inputs if isinstance(given, ReaderChanged)][-1]

    def show(self, sent: bytes) -> CardReading:
        before = len(self.shown)
        self.line.send(sent)
        wait_for("the reading", lambda: len(self.shown) > before)
        return self.shown[-1]

    def wait_state(self, state: str) -> None:
        wait_for(f"the reader to be {state}", lambda: self.states[-1:] == [state])


Start = Callable[..., Bench]


@pytest.fixture
def line(tmp_path: Path) -> Iterator[SerialLine]:
    made = SerialLine(tmp_path / "reader")
    yield made
    made.unplug()


@pytest.fixture
def start(line: SerialLine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    started: list[Bench] = []

    def run(kind: str = "stripe", first: str | None = "ok", **more: object) -> Bench:
        settings = {"name": NAME, "lane": "main", "direction": "entry", "device": str(line.link), "hold_off_ms": 0}
        settings["layout"] = str(CODING / f"demo-{kind}.toml")
        made = (StripeReader if kind == "stripe" else QrReader)(**(settings | more))  # type: ignore[arg-type]
        bench = Bench(made, line)
        bench.reader.start(bench.inputs.append)
        started.append(bench)
        if first is not None:
            bench.wait_state(first)
        return bench

    monkeypatch.setattr(running, "default_backoff", lambda: Backoff(lambda: 1.0, first_ms=1, cap_ms=10))
    yield run
    for bench in started:
        bench.reader.close()


# --- the contract of gate.ports.Reader ------------------------------------------------------------------


def test_a_stripe_is_read(start: Start) -> None:
    assert start().show(STRIPE) == CardReading(NAME, Medium.STRIPE, CARD)


def test_a_code_is_read(start: Start) -> None:
    reading = start("qr").show(CODE)
    assert reading == CardReading(NAME, Medium.QR, CardContents(CardId("hms", "12345678")))


@pytest.mark.parametrize("backwards", [False, True])
def test_raw_bits_are_read_whichever_way_the_card_was_pulled(start: Start, tmp_path: Path, backwards: bool) -> None:
    profile = tmp_path / "bits.toml"
    text = (CODING / "demo-stripe.toml").read_text(encoding="utf-8").replace('form = "text"', 'form = "bits"')
    profile.write_text(text, encoding="utf-8")
    fields = {"card_number": "12345678", "organisation_number": "100000008"}
    sent = stripe.encode(load_stripe(profile), fields, backwards=backwards)
    bench = start(layout=str(profile), framing="idle", idle_ms=20)
    assert bench.show(sent).result == CARD


@pytest.mark.parametrize("kind", ["stripe", "qr"])
def test_a_reader_that_repeats_what_stays_before_it_delivers_it_once(start: Start, kind: str) -> None:
    sent, other = (STRIPE, b"%E?;E?\r") if kind == "stripe" else (CODE, b"HMS:7654321\r")
    bench = start(kind, hold_off_ms=60_000)
    bench.show(sent * 5)
    bench.show(other)
    assert len(bench.shown) == 2


def test_a_card_shown_again_after_the_hold_off_is_delivered_again(start: Start) -> None:
    bench = start()
    assert bench.show(STRIPE) == bench.show(STRIPE)
    assert len(bench.shown) == 2


def test_an_unreadable_card_is_an_answer_too(start: Start) -> None:
    """P9."""
    result = start().show(b";E?\r").result
    assert result == Unreadable("the reader could not read track 2; pull the card through evenly")


def test_health_is_told_at_the_start(start: Start) -> None:
    assert start().states == ["ok"]


def test_closing_twice_is_closing_once_and_leaves_no_thread_and_no_descriptor(start: Start) -> None:
    before = held()
    bench = start()
    bench.reader.close()
    bench.reader.close()
    assert [thread.name for thread in threading.enumerate() if thread.name == f"reader-{NAME}"] == []
    nothing_grew(before)


def test_p12_no_whole_card_number_is_logged(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    bench = start()
    bench.show(STRIPE)
    bench.reader.close()
    bench = start("qr")
    bench.show(CODE)
    bench.show(b"https://elsewhere.example/kort/12345678\r")
    assert "12…78" in caplog.text
    assert "12345678" not in caplog.text
    assert "100000008" not in caplog.text


# --- what a line does ---------------------------------------------------------------------------------------


def test_a_message_that_trickles_in_is_one_reading(start: Start) -> None:
    bench = start(idle_ms=2000)
    for byte in STRIPE:
        bench.line.send(bytes((byte,)))
    wait_for("the reading", lambda: bench.shown)
    assert [reading.result for reading in bench.shown] == [CARD]


def test_a_card_that_came_in_part_is_unreadable_and_the_next_one_is_whole(start: Start) -> None:
    """P9: the worker gets an answer."""
    bench = start(idle_ms=20)
    assert bench.show(b";100000008=12").result == Unreadable("only a part of it came; show it again")
    assert bench.show(STRIPE).result == CARD


def test_noise_before_a_card_is_not_a_showing(start: Start) -> None:
    bench = start(idle_ms=20)
    bench.line.send(b"\x00\xff\x80")
    assert bench.show(STRIPE).result == CARD
    assert len(bench.shown) == 1


def test_a_line_full_of_nonsense_is_a_state_that_ends_with_the_first_message(start: Start) -> None:
    bench = start("qr", framing="stx-etx")
    bench.line.send(b"\x81\x99" * 50)
    bench.wait_state("faulty")
    assert bench.said == "sends what is no message; check baud, data_bits, parity and framing"
    bench.show(b"\x02HMS:1234567\x03")
    bench.wait_state("ok")


def test_a_message_without_an_end_is_an_answer_and_does_not_grow(start: Start) -> None:
    """P11."""
    bench = start("qr", idle_ms=20)
    for _ in range(3):
        bench.line.send(b"x" * 1000)
    wait_for("the answer", lambda: bench.shown)
    assert bench.shown[0].result == Unreadable("the reader sent more than 1024 bytes without an end")


def test_a_reader_that_is_unplugged_is_absent_and_comes_back_behind_its_link(start: Start) -> None:
    bench = start()
    bench.line.unplug()
    bench.wait_state("absent")
    bench.line.plug_in()
    bench.wait_state("ok")
    assert bench.show(STRIPE).result == CARD
    assert bench.states == ["ok", "absent", "ok"]


def test_p11_unplugged_a_hundred_times_and_nothing_grows(start: Start) -> None:
    bench = start()
    bench.line.unplug()
    bench.wait_state("absent")
    before = held()
    for _ in range(100):
        bench.line.plug_in()
        bench.wait_state("ok")
        bench.line.unplug()
        bench.wait_state("absent")
    nothing_grew(before)


def test_half_a_card_before_the_plug_was_pulled_is_not_glued_to_the_next(start: Start) -> None:
    bench = start(idle_ms=2000)
    bench.line.send(b";100000008=12")
    bench.line.unplug()
    bench.wait_state("absent")
    bench.line.plug_in()
    bench.wait_state("ok")
    assert bench.show(STRIPE).result == CARD
    assert len(bench.shown) == 1


def test_a_reader_that_is_away_at_the_start_is_read_when_it_comes(start: Start, line: SerialLine) -> None:
    line.unplug()
    bench = start(first="absent")
    line.plug_in()
    bench.wait_state("ok")
    assert bench.show(STRIPE).result == CARD


def test_a_reader_can_be_closed_while_it_is_away(start: Start, line: SerialLine) -> None:
    line.unplug()
    start(first="absent").reader.close()


def test_a_line_in_use_by_another_program_says_so(start: Start) -> None:
    bench = start()
    other = start(first="faulty")
    assert other.said == f"{bench.line.link} is in use by another program"
    bench.reader.close()
    other.wait_state("ok")


def test_a_device_that_is_no_serial_line_says_so(start: Start, tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_bytes(b"")
    bench = start(first=None, device=str(plain))
    wait_for("the state", lambda: bench.states)
    assert bench.said.startswith(f"{plain} cannot be opened as a serial line with these settings")


def test_a_scanner_that_waits_to_be_asked_is_asked_at_the_start_and_after_each_reading(start: Start) -> None:
    bench = start("qr", trigger_hex="16540D")
    heard = itertools.accumulate(iter(bench.line.heard, None))
    wait_for("the first trigger", lambda: next(heard) == b"\x16T\r")
    bench.show(CODE)
    wait_for("the second", lambda: next(heard) == b"\x16T\r" * 2)


def test_raw_bits_want_a_framing_that_lets_every_byte_through(start: Start, tmp_path: Path) -> None:
    profile = tmp_path / "bits.toml"
    text = (CODING / "demo-stripe.toml").read_text(encoding="utf-8").replace('form = "text"', 'form = "bits"')
    profile.write_text(text, encoding="utf-8")
    with pytest.raises(CodingError, match=r'form: raw bits .* framing = "idle"'):
        start(layout=str(profile), framing="cr")
