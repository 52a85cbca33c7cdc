"""The numbers over HTTP: each request looks at the hub's database anew, one at a time. Threads inside.

Answers GET /metrics. Whoever hangs is dropped after a while, and no more than a few are heard at once (P11).
"""

import contextlib
import http.server
import ipaddress
import logging
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Any, NamedTuple

from hub.errors import ListenError, StoreError
from hub.metrics import CONTENT_TYPE, nothing

log = logging.getLogger(__name__)

AT_ONCE = 8
SILENT_S = 10.0


class Address(NamedTuple):
    """Where to listen; an IP address without brackets."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def loopback(self) -> bool:
        """Whether only this machine reaches it."""
        return ipaddress.ip_address(self.host).is_loopback


def address(text: str) -> Address:
    """`127.0.0.1:9464`, `[::1]:9464`. Raises ValueError."""
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]") if host.startswith("[") else host
    ipaddress.ip_address(host)
    if not 0 <= int(port) <= 65535:
        raise ValueError(port)
    return Address(host, int(port))


@contextlib.contextmanager
def serving(at: Address, scrape: Callable[[], bytes]) -> Iterator[Address]:
    """Answer requests with what `scrape` returns, or with 503 where it raises StoreError; gives the address that it is
    really at. Raises ListenError."""
    try:
        server = _Server(at, scrape)
    except OSError as refused:
        raise ListenError(f"{at}: cannot be listened on ({refused.strerror}); is another program there?") from refused
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, name="metrics", daemon=True)
    thread.start()
    try:
        yield Address(at.host, server.server_address[1])
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    # Whoever ends does not wait for somebody who reads slowly.
    block_on_close = False
    request_queue_size = AT_ONCE

    def __init__(self, at: Address, scrape: Callable[[], bytes]) -> None:
        self.address_family = socket.AF_INET6 if ":" in at.host else socket.AF_INET
        self._scrape = scrape
        self._one_at_a_time = threading.Lock()
        self._room = threading.BoundedSemaphore(AT_ONCE)
        self._away = False
        super().__init__((at.host, at.port), _Handler)

    def server_bind(self) -> None:
        # HTTPServer's own asks the name service who we are, which may take its time.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

    def process_request(self, request: Any, client_address: Any) -> None:
        if self._room.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        log.warning("metrics=failed client=%s", client_address[0], exc_info=True)

    def scraped(self) -> tuple[HTTPStatus, bytes]:
        with self._one_at_a_time:
            try:
                found = self._scrape()
            except StoreError as failed:
                if not self._away:
                    log.error("store=failed why=%r note='503 until it is back'", str(failed))
                self._away = True
                return HTTPStatus.SERVICE_UNAVAILABLE, nothing()
            if self._away:
                log.warning("store=back")
            self._away = False
            return HTTPStatus.OK, found


class _Handler(http.server.BaseHTTPRequestHandler):
    server: _Server
    server_version = "portvakt"
    sys_version = ""
    timeout = SILENT_S

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/metrics":
            self._answer(*self.server.scraped(), CONTENT_TYPE)
        elif path == "/":
            self._answer(HTTPStatus.OK, b"Portvakt: /metrics\n", "text/plain; charset=utf-8")
        else:
            self._answer(HTTPStatus.NOT_FOUND, b"/metrics\n", "text/plain; charset=utf-8")

    def _answer(self, status: HTTPStatus, body: bytes, content_type: str) -> None:
        # Whoever asked may have gone.
        with contextlib.suppress(ConnectionError, TimeoutError):
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        log.debug(format, *args)
