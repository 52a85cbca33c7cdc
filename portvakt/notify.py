"""What a service tells systemd: that it is ready, how it is, and that it is alive (sd_notify(3)).

A few lines over a datagram socket, and nothing at all where no systemd listens.
"""

import logging
import os
import socket
import time
from collections.abc import Callable, Mapping

log = logging.getLogger(__name__)


class Supervisor:
    """Whoever started this process. Never raises, never blocks: a deaf supervisor stops nobody."""

    def __init__(
        self, environment: Mapping[str, str] = os.environ, now_s: Callable[[], float] = time.monotonic
    ) -> None:
        address = environment.get("NOTIFY_SOCKET", "")
        # A name that begins with @ is in the abstract namespace, written with a zero byte.
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._now_s = now_s
        self._every_s = _watchdog_s(environment) / 3
        self._told_s = now_s()

    def ready(self, status: str) -> None:
        """The service works; `status` is what people read in `systemctl status`."""
        self._tell(f"READY=1\nSTATUS={_one_line(status)}")

    def status(self, text: str) -> None:
        """How it is now."""
        self._tell(f"STATUS={_one_line(text)}")

    def stopping(self) -> None:
        """It ends, on purpose."""
        self._tell("STOPPING=1")

    def alive(self) -> None:
        """Called after each turn of work: the watchdog is fed as often as it needs, and no more."""
        if self._every_s and self._now_s() - self._told_s >= self._every_s:
            self._told_s = self._now_s()
            self._tell("WATCHDOG=1")

    def _tell(self, message: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as line:
                line.sendto(message.encode(), self._address)
        except OSError as deaf:
            log.debug("supervisor=deaf why=%r", str(deaf))


def _watchdog_s(environment: Mapping[str, str]) -> float:
    """The watchdog's limit in seconds; 0 when there is none, or when it watches another process."""
    if environment.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return 0.0
    try:
        return int(environment.get("WATCHDOG_USEC", "0")) / 1_000_000
    except ValueError:
        return 0.0


def _one_line(text: str) -> str:
    return " ".join(text.split())
