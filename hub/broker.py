"""The built-in broker: amqtt in a thread, so that Portvakt can be tried with nothing else installed.

Not for a site: MQTT 3.1.1 only, plain TCP, no passwords, and what is retained is lost when it ends.
"""

import asyncio
import contextlib
import logging
import socket
import threading
from types import TracebackType
from typing import Any

from hub.errors import EmbeddedBrokerError

log = logging.getLogger(__name__)

START_TIMEOUT_S = 10.0


class EmbeddedBroker:
    """A broker that listens on host:port from `with` to the end of its block.

    Raises EmbeddedBrokerError when amqtt is not installed, or the address cannot be had.
    """

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._ending: asyncio.Event | None = None
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="broker", daemon=True)

    def __enter__(self) -> "EmbeddedBroker":
        try:
            from amqtt.broker import Broker  # an extra, and slow to import
        except ImportError as missing:
            self._loop.close()
            raise EmbeddedBrokerError(
                "[broker] embedded = true needs amqtt; install it (pip install 'portvakt[demo]'), "
                "or run Mosquitto and set embedded = false"
            ) from missing
        self._make = Broker
        try:
            # amqtt tells of a taken address with a traceback in the log, so it is tried first.
            with socket.create_server((self._host, self._port)):
                pass
        except OSError as taken:
            self._loop.close()
            raise self._refused(taken.strerror or str(taken)) from taken
        self._thread.start()
        answered = self._ready.wait(START_TIMEOUT_S)
        if self._failure or not answered:
            self.close()
            raise self._refused(str(self._failure or "it did not start in time")) from self._failure
        log.warning("broker=embedded listen=%s:%d note='for trying out; a site runs Mosquitto'", self._host, self._port)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End it; every client is cut off. Idempotent."""
        if self._ending is not None:
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._ending.set)
        if self._thread.is_alive():
            self._thread.join(5.0)

    def _refused(self, why: str) -> EmbeddedBrokerError:
        return EmbeddedBrokerError(
            f"the built-in broker cannot listen on {self._host}:{self._port} ({why}); "
            "is another broker running there? Set another [broker] port, or embedded = false"
        )

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
                runner.run(self._serve())
        except BaseException as failure:  # noqa: BLE001  # a thread's end: handed to the one who started it
            self._failure = failure
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._ending = asyncio.Event()
        broker: Any = self._make(self._settings())
        await broker.start()
        self._ready.set()
        try:
            await self._ending.wait()
        finally:
            await broker.shutdown()

    def _settings(self) -> dict[str, Any]:
        return {
            "listeners": {"default": {"type": "tcp", "bind": f"{self._host}:{self._port}"}},
            "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
        }
