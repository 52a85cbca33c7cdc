"""The cable between two parties: whole, cut, mended."""

import socket
import threading
from collections.abc import Iterator

import pytest

from gate.simulator.cable import Cable
from tests.waiting import wait_for


class EchoServer:
    """Sends back what it gets; counts its connections."""

    def __init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self.accepted = 0
        self._wires: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def _accept(self) -> None:
        while True:
            try:
                wire, _ = self._listening.accept()
            except OSError:
                return
            self.accepted += 1
            self._wires.append(wire)
            self._threads.append(threading.Thread(target=self._echo, args=(wire,)))
            self._threads[-1].start()

    def _echo(self, wire: socket.socket) -> None:
        with wire:
            try:
                while data := wire.recv(65536):
                    wire.sendall(data)
            except ConnectionError:
                return

    def close(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for thread in self._threads:
            thread.join(10)
            assert not thread.is_alive()


@pytest.fixture
def server() -> Iterator[EchoServer]:
    echo = EchoServer()
    yield echo
    echo.close()


@pytest.fixture
def cable(server: EchoServer) -> Iterator[Cable]:
    # After the server in the order of making, so before it in that of closing: its connections end.
    between = Cable("127.0.0.1", server.port)
    yield between
    between.close()


def connect(cable: Cable) -> socket.socket:
    return socket.create_connection((cable.host, cable.port), timeout=10)


def echoed(wire: socket.socket, data: bytes) -> bytes:
    wire.sendall(data)
    found = b""
    while len(found) < len(data):
        found += wire.recv(65536)
    return found


def gone(wire: socket.socket) -> bool:
    """Whether the other end has dropped the connection; waits until it has said something."""
    try:
        return wire.recv(1) == b""
    except ConnectionError:
        return True


def refused(cable: Cable) -> bool:
    """Whether a new connection is dropped. The reset may be as fast as the connecting."""
    try:
        with connect(cable) as wire:
            return gone(wire)
    except ConnectionError:
        return True


def test_a_whole_cable_carries_both_ways(cable: Cable) -> None:
    with connect(cable) as wire:
        assert echoed(wire, b"hello") == b"hello"
        assert cable.connections == 1


def test_more_than_the_buffers_hold_comes_through_unchanged(cable: Cable) -> None:
    data = bytes(range(256)) * 8192
    found = bytearray()
    with connect(cable) as wire:
        sender = threading.Thread(target=wire.sendall, args=(data,))
        sender.start()
        while len(found) < len(data):
            found += wire.recv(65536)
        sender.join(10)
    assert bytes(found) == data


def test_P11_a_slow_end_holds_the_fast_one_back() -> None:
    """P11: what waits in the cable has a bound, here the kernel's buffers and two high waters."""
    far_more_bytes = 64 * 1024 * 1024
    with socket.create_server(("127.0.0.1", 0)) as never_reads:
        cable = Cable("127.0.0.1", never_reads.getsockname()[1])
        with connect(cable) as wire:
            wire.settimeout(0.2)
            with pytest.raises(TimeoutError):
                wire.sendall(bytes(far_more_bytes))
        cable.close()


def test_one_side_may_finish_and_still_hear_the_answer(cable: Cable) -> None:
    with connect(cable) as wire:
        wire.sendall(b"last words")
        wire.shutdown(socket.SHUT_WR)
        found = b""
        while chunk := wire.recv(65536):
            found += chunk
    assert found == b"last words"
    wait_for("both ends to be gone", lambda: cable.connections == 0)


def test_cutting_drops_every_connection_at_once(cable: Cable) -> None:
    with connect(cable) as first, connect(cable) as second:
        assert echoed(first, b"a") + echoed(second, b"b") == b"ab"
        cable.cut()
        assert cable.connections == 0
        assert gone(first)
        assert gone(second)


def test_a_cut_cable_lets_nobody_through_and_a_mended_one_does(cable: Cable, server: EchoServer) -> None:
    cable.cut()
    assert refused(cable)
    assert (cable.whole, server.accepted) == (False, 0)
    cable.mend()
    with connect(cable) as wire:
        assert echoed(wire, b"again") == b"again"
    assert (cable.whole, server.accepted) == (True, 1)


def test_mending_does_not_bring_back_what_was_cut(cable: Cable) -> None:
    with connect(cable) as wire:
        assert echoed(wire, b"a") == b"a"
        cable.cut()
        cable.mend()
        assert gone(wire)


def test_a_target_that_is_away_shows_as_a_closed_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        nobody = taken.getsockname()[1]
    cable = Cable("127.0.0.1", nobody)
    assert refused(cable)
    cable.close()


def test_cut_mend_and_close_may_be_repeated_and_leave_no_thread(server: EchoServer) -> None:
    before = set(threading.enumerate())
    cable = Cable("127.0.0.1", server.port)
    with connect(cable) as wire:
        assert echoed(wire, b"a") == b"a"
        for _ in range(2):
            cable.cut()
        for _ in range(2):
            cable.mend()
        for _ in range(2):
            cable.close()
        assert gone(wire)
    wait_for("the server's connection thread to end", lambda: not set(threading.enumerate()) - before)
