"""sd_notify: what systemd hears, and what happens when nobody listens."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from portvakt.notify import Supervisor


class Systemd:
    """The other end of $NOTIFY_SOCKET."""

    def __init__(self, address: str) -> None:
        self.environment = {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "9000000", "WATCHDOG_PID": str(os.getpid())}
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind("\0" + address[1:] if address.startswith("@") else address)
        self._socket.setblocking(False)

    def heard(self) -> list[str]:
        found = []
        while True:
            try:
                found.append(self._socket.recv(4096).decode())
            except BlockingIOError:
                return found

    def close(self) -> None:
        self._socket.close()


@pytest.fixture(params=["path", "abstract"])
def systemd(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Systemd]:
    address = str(tmp_path / "notify") if request.param == "path" else f"@portvakt-test-{os.getpid()}"
    made = Systemd(address)
    yield made
    made.close()


class Clock:
    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def test_systemd_hears_ready_status_and_the_end(systemd: Systemd) -> None:
    supervisor = Supervisor(systemd.environment)
    supervisor.ready("gate north\nof site")
    supervisor.status("list is stale")
    supervisor.stopping()
    assert systemd.heard() == ["READY=1\nSTATUS=gate north of site", "STATUS=list is stale", "STOPPING=1"]


def test_the_watchdog_is_fed_as_often_as_it_needs_and_no_more(systemd: Systemd) -> None:
    clock = Clock()
    supervisor = Supervisor(systemd.environment, clock)
    for _ in range(10):
        supervisor.alive()
    assert systemd.heard() == []
    clock.now_s += 3.0
    for _ in range(10):
        supervisor.alive()
    assert systemd.heard() == ["WATCHDOG=1"]


@pytest.mark.parametrize("changed", [{"WATCHDOG_PID": "1"}, {"WATCHDOG_USEC": "soon"}, {"WATCHDOG_USEC": "0"}])
def test_a_watchdog_that_is_not_ours_is_not_fed(systemd: Systemd, changed: dict[str, str]) -> None:
    clock = Clock()
    supervisor = Supervisor({**systemd.environment, **changed}, clock)
    clock.now_s += 3600
    supervisor.alive()
    assert systemd.heard() == []


def test_p9_a_supervisor_that_is_not_there_or_deaf_stops_nobody(tmp_path: Path) -> None:
    for environment in ({}, {"NOTIFY_SOCKET": str(tmp_path / "gone"), "WATCHDOG_USEC": "1"}):
        supervisor = Supervisor(environment)
        supervisor.ready("x")
        supervisor.alive()
        supervisor.stopping()
