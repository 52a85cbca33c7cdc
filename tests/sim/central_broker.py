"""A central broker with settings of its own, somebody who listens there, and a line to it that goes deaf."""

import contextlib
import os
import select
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from tests.sim.mosquitto import Mosquitto, free_port
from tests.waiting import wait_for

USER, PASSWORD = "site", "open sesame"


def broker_with(folder: Path, *lines: str, port: int | None = None) -> Mosquitto:
    """A Mosquitto with these lines of configuration, after its listener's."""
    folder.mkdir(parents=True, exist_ok=True)
    port = port or free_port()
    config = folder / "central.conf"
    own = ["user root"] if os.geteuid() == 0 else []
    config.write_text("\n".join([*own, f"listener {port} 127.0.0.1", *lines]) + "\n", encoding="utf-8")
    return Mosquitto.configured(folder / "broker", config, port)


def password_file(folder: Path) -> Path:
    """Of a broker that knows one user."""
    file = folder / "passwords"
    file.touch(mode=0o600)
    subprocess.run(["mosquitto_passwd", "-b", str(file), USER, PASSWORD], check=True, capture_output=True)
    return file


class Subscriber:
    """Listens, MQTT 5, and keeps what comes, with repetitions."""

    def __init__(self, port: int, topic: str = "portvakt/v1/#", *, login: tuple[str, str] | None = None) -> None:
        self.messages: list[mqtt.MQTTMessage] = []
        self._topic = topic
        self._ready = 0
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        self._client.reconnect_delay_set(1, 1)
        if login:
            self._client.username_pw_set(*login)
        self._client.on_connect = self._subscribe
        self._client.on_subscribe = self._listening
        self._client.on_message = lambda _c, _u, message: self.messages.append(message)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        self.wait_until_it_listens(1)

    def _subscribe(self, client: mqtt.Client, *_rest: Any) -> None:
        client.subscribe(self._topic, 1)

    def _listening(self, *_rest: Any) -> None:
        self._ready += 1

    def wait_until_it_listens(self, times: int) -> None:
        """So often, it has connected."""
        wait_for("the subscriber to listen", lambda: self._ready >= times, 20)

    @property
    def bodies(self) -> list[bytes]:
        return [bytes(message.payload) for message in self.messages]

    def __enter__(self) -> "Subscriber":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.disconnect()
        self._client.loop_stop()


class Line:
    """A TCP line to a broker. While it is `deaf`, what the broker says is lost on the way."""

    def __init__(self, to_port: int) -> None:
        self.deaf = threading.Event()
        self._to_port = to_port
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def _accept(self) -> None:
        while not self._stop.is_set():
            if not select.select([self._server], [], [], 0.05)[0]:
                continue
            near, _ = self._server.accept()
            thread = threading.Thread(target=self._carry, args=(near,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _carry(self, near: socket.socket) -> None:
        with near, contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self._to_port)) as far:
            while not self._stop.is_set():
                for end in select.select([near, far], [], [], 0.05)[0]:
                    data = end.recv(65536)
                    if not data:
                        return
                    if end is near:
                        far.sendall(data)
                    elif not self.deaf.is_set():
                        near.sendall(data)

    def close(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(5)
        self._server.close()


@contextlib.contextmanager
def line_to(port: int) -> Iterator[Line]:
    """A line, for as long as the block lasts."""
    line = Line(port)
    try:
        yield line
    finally:
        line.close()
