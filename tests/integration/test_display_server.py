"""Faces over a real socket to real screens: who comes late, who is slow, who hears nothing."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from gate.model import Decision, Direction, Reason
from gate.relay.display import Face, Sign, answer, of_mode
from gate.relay.display_server import MAX_SCREENS, DisplayServer
from gate.screen_cli import faces_from
from gate.turnstile import Mode

RESTING = of_mode(Mode.NORMAL)
CLOSED = of_mode(Mode.LOCKED)
PASSING = answer(Decision(admitted=True, reason=Reason.GRANTED), Direction.ENTRY, "nb")


class Screen:
    """What `gate screen` does, without its page."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(10)
        self._socket.connect(str(path))
        self._file = self._socket.makefile("rb")

    def line(self) -> bytes:
        return self._file.readline()

    def face(self) -> Face:
        """The next face; heartbeats are passed over."""
        while not (line := self.line()).strip():
            assert line, "the gate has gone"
        return msgspec.json.decode(line, type=Face)

    def close(self) -> None:
        self._file.close()
        self._socket.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "screen-main.sock"


@pytest.fixture
def server(path: Path) -> Iterator[DisplayServer]:
    made = DisplayServer(path, RESTING, heartbeat_s=0.05)
    yield made
    made.close()


def test_whoever_comes_sees_the_lane_s_own_face_and_never_a_stranger_s_answer(
    server: DisplayServer, path: Path
) -> None:
    early = Screen(path)
    assert early.face() == RESTING
    server.post(PASSING)
    assert early.face() == PASSING
    late = Screen(path)
    assert late.face() == RESTING
    server.post(CLOSED)
    assert early.face() == late.face() == CLOSED
    later = Screen(path)
    assert later.face() == CLOSED
    for screen in (early, late, later):
        screen.close()


def test_a_gate_that_lives_says_so(server: DisplayServer, path: Path) -> None:
    screen = Screen(path)
    screen.face()
    assert [screen.line() for _ in range(3)] == [b"\n"] * 3
    screen.close()


def test_a_screen_that_does_not_read_is_dropped_and_nobody_waits_for_it(server: DisplayServer, path: Path) -> None:
    deaf, quick = Screen(path), Screen(path)
    assert quick.face() == RESTING
    long = Face(Sign.GO, "x" * 60_000)
    for _ in range(40):
        server.post(long)
        assert quick.face() == long
    deaf._socket.settimeout(10)
    while deaf.line():
        pass
    quick.close()
    deaf.close()


def test_more_screens_than_there_is_room_for_push_the_oldest_out(server: DisplayServer, path: Path) -> None:
    screens = [Screen(path) for _ in range(MAX_SCREENS + 1)]
    assert screens[-1].face() == RESTING
    assert screens[0].face() == RESTING
    while screens[0].line():
        pass
    server.post(CLOSED)
    assert screens[1].face() == RESTING
    assert screens[1].face() == CLOSED
    for screen in screens:
        screen.close()


def test_a_socket_left_by_a_killed_gate_is_taken_over(path: Path) -> None:
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(path))
    left.close()
    server = DisplayServer(path, RESTING)
    screen = Screen(path)
    assert screen.face() == RESTING
    screen.close()
    server.close()
    server.close()
    assert not path.exists()


def test_what_is_no_socket_is_left_alone(path: Path) -> None:
    path.write_text("mine")
    before = threading.active_count()
    with pytest.raises(OSError, match="in use"):
        DisplayServer(path, RESTING)
    assert path.read_text() == "mine"
    assert threading.active_count() == before


def test_the_page_s_source_ends_with_the_gate_and_says_when_it_is_silent(path: Path) -> None:
    async def run() -> None:
        server = DisplayServer(path, RESTING, heartbeat_s=0.05)
        faces = faces_from(path, silence_s=5)
        assert await anext(faces) == RESTING
        await asyncio.to_thread(server.close)
        with pytest.raises(StopAsyncIteration):
            await anext(faces)
        with pytest.raises(FileNotFoundError):
            await anext(faces_from(path.with_name("nobody-screen-main.sock"), silence_s=5))

        writers: list[asyncio.StreamWriter] = []
        listening = await asyncio.start_unix_server(lambda _reader, writer: writers.append(writer), str(path))
        with pytest.raises(TimeoutError):
            await anext(faces_from(path, silence_s=0.2))
        for writer in writers:
            writer.close()
        listening.close()

    asyncio.run(run())


def test_p9_posts_from_many_threads_all_come(server: DisplayServer, path: Path) -> None:
    screen = Screen(path)
    screen.face()
    names = [f"name-{number}" for number in range(12)]
    threads = [
        threading.Thread(target=server.post, args=(Face(Sign.GO, "x", name=name, passing=True),)) for name in names
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {screen.face().name for _ in names} == set(names)
    screen.close()
