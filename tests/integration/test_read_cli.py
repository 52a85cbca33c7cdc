"""`gate read` as an installer types it: real processes, a real pcscd, pseudo terminals for the rest."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gate.simulator.card import VirtualCard
from tests.sim import vpcd
from tests.sim.pn532 import Pn532
from tests.sim.readers import card_of, session_pcscd
from tests.sim.serial_line import SerialLine
from tests.waiting import wait_for

ROOT = Path(__file__).parents[2]
needs_pcscd = pytest.mark.skipif(vpcd.missing() is not None, reason=vpcd.missing() or "")


class Reading:
    """One `gate read` process."""

    def __init__(self, folder: Path, *words: str) -> None:
        self.folder = folder
        self.out, self.err = folder / "out", folder / "err"
        with self.out.open("w") as out, self.err.open("w") as err:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "gate", "read", *words], cwd=ROOT, stdout=out, stderr=err, env=os.environ.copy()
            )

    def wait_ready(self) -> None:
        wait_for(
            "the reader to be ready", lambda: "reader ok" in self.err.read_text() or self.process.poll() is not None
        )
        assert self.process.poll() is None, self.err.read_text()

    def end(self) -> tuple[int, str, str]:
        try:
            status = self.process.wait(20)
        finally:
            # One that hangs would hold its line, and with it the next test's.
            self.process.kill()
            self.process.wait()
        return status, self.out.read_text(), self.err.read_text()


@pytest.fixture
def line(tmp_path: Path) -> Iterator[SerialLine]:
    made = SerialLine(tmp_path / "line")
    yield made
    made.unplug()


@needs_pcscd
def test_a_card_on_pcsc_is_read_once_for_programs(tmp_path: Path) -> None:
    slot = session_pcscd().slot(0)
    reading = Reading(tmp_path, "--reader", f"pcsc:{slot.reader}", "--once", "--json", "--timeout", "20")
    reading.wait_ready()
    slot.insert(card_of())
    status, out, err = reading.end()
    slot.remove()
    assert status == 0, err
    row = json.loads(out)
    assert (row["card"], row["medium"], row["uid"], row["readable"]) == ("hms:12…78", "chip", "5A112233", True)
    assert (row["organisation_number"], row["expiry_date"]) == ("100000008", "2027-05-31")
    assert row["exchanges"] == 4
    assert "Łukasz" not in out


@needs_pcscd
def test_several_pcsc_readers_must_be_told_apart(tmp_path: Path) -> None:
    session_pcscd()
    status, _, err = Reading(tmp_path, "--reader", "pcsc", "--once").end()
    assert status == 1
    assert "pcscd has 2 readers; say which: --reader 'pcsc:Virtual PCD 00 00'" in err


def test_a_card_on_a_pn532_is_read_once(tmp_path: Path) -> None:
    chip = Pn532(tmp_path / "chip")
    try:
        chip.present(card_of())
        status, out, err = Reading(tmp_path, "--reader", f"pn532:{chip.line.name}", "--once", "--plain").end()
    finally:
        chip.close()
    assert status == 0, err
    assert "chip    hms:12345678" in out
    assert "exchanges 3" in out


def test_a_card_that_cannot_be_read_is_exit_status_1_with_its_reason(tmp_path: Path) -> None:
    chip = Pn532(tmp_path / "chip")
    try:
        chip.present(VirtualCard.fresh(bytes.fromhex("5A112233")))
        status, out, _ = Reading(tmp_path, "--reader", f"pn532:{chip.line.link}", "--once").end()
    finally:
        chip.close()
    assert status == 1
    assert "unreadable: sector 32 does not open with key 'demo-read'  block 128  field card_number" in out


@pytest.mark.parametrize(
    ("kind", "sent", "card"),
    [("stripe", b";100000008=12345678?\r", "hms:12…78"), ("qr", b"https://hms.example/kort/12345678\r", "hms:12…78")],
)
def test_a_stripe_and_a_code_are_read_once(tmp_path: Path, line: SerialLine, kind: str, sent: bytes, card: str) -> None:
    reading = Reading(tmp_path, "--reader", f"{kind}:{line.name}", "--once", "--json")
    reading.wait_ready()
    line.send(sent)
    status, out, err = reading.end()
    assert status == 0, err
    assert (json.loads(out)["card"], json.loads(out)["medium"]) == (card, kind)


def test_no_card_in_time_is_exit_status_1(tmp_path: Path, line: SerialLine) -> None:
    status, _, err = Reading(tmp_path, "--reader", f"qr:{line.name}", "--timeout", "0.1").end()
    assert (status, err.splitlines()[-1]) == (1, "gate: no card within 0.1 s")


def test_a_reader_that_is_away_says_so(tmp_path: Path) -> None:
    status, _, err = Reading(tmp_path, "--reader", "stripe:/dev/nothing", "--timeout", "0.3").end()
    assert status == 1
    assert "reader absent: /dev/nothing is not there; is it plugged in?" in err
    assert err.splitlines()[-1] == "gate: no card within 0.3 s; the reader is absent"


def test_interrupted_it_ends_without_a_traceback(tmp_path: Path, line: SerialLine) -> None:
    reading = Reading(tmp_path, "--reader", f"qr:{line.name}")
    reading.wait_ready()
    reading.process.send_signal(2)
    status, _, err = reading.end()
    assert status == 130
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "say which reader"),
        (["--reader", "nfc"], "'nfc' is none of pcsc, pn532, stripe, qr, osdp"),
        (["--reader", "stripe"], "say where it is, such as stripe:/dev/ttyUSB0"),
        (["--reader", "osdp:/dev/x"], "use --config gate.toml --name NAME"),
        (["--config", "config/gate.toml"], "say which reader with --name: outside, inside"),
    ],
)
def test_wrong_use_is_exit_status_2(tmp_path: Path, words: list[str], says: str) -> None:
    status, _, err = Reading(tmp_path, *words).end()
    assert status == 2
    assert says in err
