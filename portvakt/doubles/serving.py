"""A small HTTP server for doubles, on this machine alone, and the ways in which real ones misbehave."""

import contextlib
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked. Names of headers are in lower case; of a repeated query parameter the first counts."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """What is answered."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Fault:
    """One misbehaviour, for one request.

    `reply` is given instead of the real answer; `served` says whether the request is carried out all the same, as when
    an answer is lost on the way. `slow_s` waits first, `cut_after` breaks the connection after so many bytes of the
    body.
    """

    reply: Reply | None = None
    served: bool = False
    slow_s: float = 0.0
    cut_after: int | None = None


HTML = Reply(200, b"<html><body>Maintenance</body></html>", "text/html")
BROKEN = Reply(500, b"<html><body>Internal Server Error</body></html>", "text/html")

Answering = Callable[[Request], Reply]


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """Whoever breaks off is no fault of the double; anything else is shown."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class Serving:
    """A double behind HTTP on 127.0.0.1. `answer` is called by one thread at a time."""

    def __init__(self, answer: Answering, port: int = 0) -> None:
        self.requests: list[Request] = []
        self._faults: deque[Fault] = deque()
        self._answer = answer
        self._lock = threading.Lock()
        self._hurry = threading.Event()
        self._server = _Server(("127.0.0.1", port), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), name="double", daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def misbehave(self, *faults: Fault) -> None:
        """The next requests meet these, one each."""
        with self._lock:
            self._faults.extend(faults)

    def behave(self) -> None:
        """Forget faults that nobody has met yet."""
        with self._lock:
            self._faults.clear()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._hurry.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def serve_forever(self) -> None:
        """In this thread, until it is interrupted."""
        with contextlib.suppress(KeyboardInterrupt):
            self._server.serve_forever()

    def _reply(self, request: Request) -> tuple[Reply, Fault]:
        with self._lock:
            self.requests.append(request)
            fault = self._faults.popleft() if self._faults else Fault()
            if fault.reply is None:
                return self._answer(request), fault
            if fault.served:
                self._answer(request)
            return fault.reply, fault

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        serving = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # Head and body go out in two pieces; the second would wait 40 ms for whoever acknowledges late.
            disable_nagle_algorithm = True

            def handle_any(self) -> None:
                parts = urlsplit(self.path)
                request = Request(
                    self.command,
                    parts.path,
                    {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()},
                    {name.lower(): value for name, value in self.headers.items()},
                    self.rfile.read(int(self.headers.get("content-length") or 0)),
                )
                reply, fault = serving._reply(request)
                if fault.slow_s:
                    serving._hurry.wait(fault.slow_s)
                with contextlib.suppress(OSError):
                    self._send(reply, fault.cut_after)

            def _send(self, reply: Reply, cut_after: int | None) -> None:
                self.send_response(reply.status)
                self.send_header("Content-Type", reply.content_type)
                self.send_header("Content-Length", str(len(reply.body)))
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(reply.body if cut_after is None else reply.body[:cut_after])
                if cut_after is not None:
                    self.wfile.flush()
                    self.close_connection = True

            do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = handle_any  # noqa: N815

            def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
                """Nothing: requests are about people."""

        return Handler
