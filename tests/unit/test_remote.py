"""The remote control of a running gate's simulator."""

import base64
import json
import socket
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gate.errors import CardImageError
from gate.model import Decision, Direction, Reason
from gate.ports import Input, PassageSensed
from gate.simulator.remote import MAX_REQUEST_BYTES, Refused, RemoteControl, RemoteError, RemoteServer
from gate.simulator.turnstile import VirtualTurnstile
from tests.waiting import wait_for

DUMP = bytes(range(256)) * 16


class Slot:
    """A reader that remembers its hand movements."""

    def __init__(self) -> None:
        self.seen: list[bytes | None] = []

    def present(self, image: bytes) -> None:
        if len(image) != 4096:
            raise CardImageError(f"a card dump is 4096 bytes, not {len(image)}")
        self.seen.append(image)

    def remove(self) -> None:
        self.seen.append(None)


class BrokenSlot:
    """A reader with a fault of ours in it."""

    def present(self, image: bytes) -> None:
        raise ZeroDivisionError("a fault of ours")

    def remove(self) -> None:
        raise ZeroDivisionError("a fault of ours")


class Gate:
    """What a running gate puts behind the socket."""

    def __init__(self, folder: Path) -> None:
        self.slot = Slot()
        self.lane = VirtualTurnstile("north")
        self.heard: list[Input] = []
        self.lane.start(self.heard.append)
        self.path = folder / "remote"
        self.server = RemoteServer(self.path, {"north-in": self.slot, "bad": BrokenSlot()}, {"north": self.lane})
        self.control = RemoteControl(self.path)

    def raw(self, data: bytes) -> list[dict[str, object]]:
        """Send bytes as they are, close our half, and read every answer."""
        with socket.socket(socket.AF_UNIX) as wire:
            wire.settimeout(10)
            wire.connect(str(self.path))
            sender = threading.Thread(target=_say, args=(wire, data))
            sender.start()
            with wire.makefile("rb") as answers:
                found = [json.loads(line) for line in answers]
            sender.join(10)
            return found


def _say(wire: socket.socket, data: bytes) -> None:
    wire.sendall(data)
    wire.shutdown(socket.SHUT_WR)


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    running = Gate(tmp_path)
    yield running
    running.server.close()


def test_a_card_is_shown_and_taken_away(gate: Gate) -> None:
    gate.control.present("north-in", DUMP)
    gate.control.remove("north-in")
    assert gate.slot.seen == [DUMP, None]


def test_an_arm_gives_only_when_released_and_can_be_forced(gate: Gate) -> None:
    assert gate.control.walk("north", Direction.ENTRY) is False
    gate.lane.release(Direction.ENTRY)
    assert gate.control.walk("north", Direction.ENTRY) is True
    gate.control.force("north", Direction.EXIT)
    assert gate.heard == [PassageSensed("north", Direction.ENTRY), PassageSensed("north", Direction.EXIT)]


def test_the_lanes_tell_their_whole_state(gate: Gate) -> None:
    before = gate.control.lanes()["north"]
    assert (before.released, before.shown) == (None, None)
    assert before.releases == {Direction.ENTRY: 0, Direction.EXIT: 0}

    refusal = Decision(admitted=False, reason=Reason.EXPIRED, warnings=(Reason.LIST_STALE,))
    gate.lane.release(Direction.EXIT)
    gate.lane.show(refusal, Direction.ENTRY, "pl")
    after = gate.control.lanes()["north"]
    assert (after.released, after.releases[Direction.EXIT]) == (Direction.EXIT, 1)
    assert after.shown is not None
    shown = (after.shown.admitted, after.shown.reason, after.shown.warnings, after.shown.direction)
    assert shown == (False, Reason.EXPIRED, (Reason.LIST_STALE,), Direction.ENTRY)
    assert (after.shown.language, after.shown.headline, after.shown.symbol) == ("pl", "Karta straciła ważność", "✕")


def test_the_socket_is_its_owners_alone(gate: Gate) -> None:
    assert stat.S_IMODE(gate.path.stat().st_mode) == 0o600


def test_a_socket_left_by_a_crash_is_replaced(tmp_path: Path) -> None:
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(tmp_path / "remote"))
    left.close()
    gate = Gate(tmp_path)
    assert gate.control.lanes()
    gate.server.close()


def test_a_file_that_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "remote").write_text("notes")
    with pytest.raises(RemoteError, match="cannot open the control socket"):
        Gate(tmp_path)
    assert (tmp_path / "remote").read_text() == "notes"


def test_a_gate_that_is_not_there_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(RemoteError, match=r"does not answer .* does it run, with remote_control = true"):
        RemoteControl(tmp_path / "remote").lanes()


def test_a_gate_that_hangs_is_a_clear_error(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as mute:
        mute.bind(str(tmp_path / "remote"))
        mute.listen()
        with pytest.raises(RemoteError, match="does not answer"):
            RemoteControl(tmp_path / "remote", timeout_s=0.05).lanes()


def test_unknown_names_are_answered_with_the_known_ones(gate: Gate) -> None:
    with pytest.raises(RemoteError, match="there is no reader 'south-in'; there is: north-in, bad"):
        gate.control.present("south-in", DUMP)
    with pytest.raises(RemoteError, match="there is no lane 'south'; there is: north"):
        gate.control.walk("south", Direction.ENTRY)


def test_a_dump_that_is_no_card_is_answered_with_why(gate: Gate) -> None:
    with pytest.raises(RemoteError, match="4096 bytes, not 3"):
        gate.control.present("north-in", b"abc")


def test_P9_a_fault_of_ours_is_answered_and_ends_nothing(gate: Gate) -> None:
    """P9: the next request is served."""
    with pytest.raises(RemoteError, match="a fault in the gate"):
        gate.control.present("bad", DUMP)
    assert gate.control.lanes()


BAD_REQUESTS = {
    "empty": b"",
    "no JSON": b"not json",
    "a list": b"[]",
    "no verb": b"{}",
    "unknown verb": b'{"do":"dance"}',
    "field missing": b'{"do":"walk","lane":"north"}',
    "unknown direction": b'{"do":"walk","lane":"north","direction":"up"}',
    "no Base64": b'{"do":"present","reader":"north-in","card":"***"}',
    "unknown field": b'{"do":"lanes","colour":"red"}',
    "no UTF-8": b'{"do":"remove","reader":"\xff\xfe"}',
    "deep": b"[" * 10_000,
    "one byte too long": b"x" * (MAX_REQUEST_BYTES + 1),
    "far too long": b"x" * (MAX_REQUEST_BYTES * 9),
}


@pytest.mark.parametrize("request_line", BAD_REQUESTS.values(), ids=BAD_REQUESTS.keys())
def test_P9_a_bad_request_is_answered_and_the_next_one_served(gate: Gate, request_line: bytes) -> None:
    """P9: on the same connection."""
    answers = gate.raw(request_line + b'\n{"do":"remove","reader":"north-in"}\n')
    assert [set(answer) for answer in answers] == [{"error"}, {"ok"}]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200))
def test_P9_no_bytes_get_anything_but_an_answer(gate: Gate, noise: bytes) -> None:
    """P9: whatever comes in."""
    assert isinstance(gate.server.answer(noise), Refused)


def test_half_a_request_is_dropped_without_an_answer(gate: Gate) -> None:
    assert gate.raw(b'{"do":"lanes"}') == []
    assert gate.raw(b'{"do":"lanes"}\n{"do":"la')[1:] == []


def test_the_documented_requests_are_served(gate: Gate) -> None:
    """The lines in the module's docstring, with a real dump in the first."""
    card = base64.b64encode(DUMP).decode()
    lines = [
        {"do": "present", "reader": "north-in", "card": card},
        {"do": "remove", "reader": "north-in"},
        {"do": "walk", "lane": "north", "direction": "entry"},
        {"do": "force", "lane": "north", "direction": "exit"},
        {"do": "lanes"},
    ]
    answers = gate.raw(b"".join(msgspec.json.encode(line) + b"\n" for line in lines))
    assert answers[:4] == [{"ok": True}, {"ok": True}, {"turned": False}, {"turned": True}]
    assert list(answers[4]) == ["lanes"]


def test_an_idle_visitor_keeps_nobody_waiting(gate: Gate) -> None:
    with socket.socket(socket.AF_UNIX) as idle:
        idle.connect(str(gate.path))
        idle.sendall(b'{"do":')
        assert gate.control.lanes()


def test_closing_ends_threads_connections_and_socket(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    gate = Gate(tmp_path)
    with socket.socket(socket.AF_UNIX) as visitor:
        visitor.settimeout(10)
        visitor.connect(str(gate.path))
        visitor.sendall(b'{"do":"lanes"}\n')
        assert visitor.recv(65536)
        gate.server.close()
        gate.server.close()
        assert visitor.recv(1) == b""
    assert not gate.path.exists()
    wait_for("no thread to be left", lambda: set(threading.enumerate()) == before)
