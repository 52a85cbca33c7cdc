"""A private Mosquitto: its own port on 127.0.0.1, its own folder, log file and life."""

import contextlib
import os
import shutil
import socket
import subprocess
from pathlib import Path
from types import TracebackType

from tests.waiting import wait_for

BINARY = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")


def free_port() -> int:
    """A TCP port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def listens(port: int) -> bool:
    """Whether somebody takes connections there."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1.0):
        return True
    return False


class Mosquitto:
    """A broker that can be killed and started again.

    `with Mosquitto(folder) as broker:` starts it; at the end of the block it is gone. Without
    persistence a restart forgets everything retained, as the brokers of many sites do.
    """

    def __init__(self, folder: Path, *, port: int | None = None, persistent: bool = False) -> None:
        self.port = port or free_port()
        self.folder = folder
        self.log = folder / "mosquitto.log"
        folder.mkdir(parents=True, exist_ok=True)
        self._config = folder / "mosquitto.conf"
        lines = [
            f"listener {self.port} 127.0.0.1",
            "allow_anonymous true",
            "max_inflight_messages 100",
            "max_queued_messages 100000",
            f"persistence {str(persistent).lower()}",
            f"persistence_location {folder}/",
        ]
        if os.geteuid() == 0:
            # As root it would become the user `mosquitto`, who may not read the test's folder.
            lines.append("user root")
        self._config.write_text("\n".join(lines) + "\n", encoding="utf-8")
        self._process: subprocess.Popen[bytes] | None = None

    @classmethod
    def configured(cls, folder: Path, config: Path, port: int) -> "Mosquitto":
        """One that runs with a configuration that was written by the hub; `port` is one it listens on.

        Started by root it becomes the user `mosquitto`, as on a site: it must be able to reach its files.
        """
        broker = cls(folder, port=port)
        broker._config.write_text(f"log_type all\n{config.read_text(encoding='utf-8')}", encoding="utf-8")
        return broker

    def __enter__(self) -> "Mosquitto":
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def start(self) -> None:
        """Start it and wait until it listens."""
        assert BINARY, "mosquitto is not installed"
        assert self._process is None, "it is running"
        # A file of its own: a broker that inherits the test's pipe keeps it open when the test dies.
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [BINARY, "-c", str(self._config)], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        wait_for(f"mosquitto on port {self.port}, see {self.log}", lambda: listens(self.port))

    def stop(self) -> None:
        """SIGTERM: an orderly end. Idempotent."""
        self._end(kill=False)

    def kill(self) -> None:
        """SIGKILL: what a power cut looks like to everybody else. Idempotent."""
        self._end(kill=True)

    def restart(self) -> None:
        """Kill it, and start it again on the same port."""
        self.kill()
        self.start()

    def _end(self, *, kill: bool) -> None:
        if self._process is None:
            return
        self._process.kill() if kill else self._process.terminate()
        self._process.wait(10.0)
        self._process = None
