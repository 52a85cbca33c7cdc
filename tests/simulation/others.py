"""Servers of others, which the hub asks: how they are today, and the lines to them.

Down for hours, slow, answering HTML, half an answer, "too many requests", or a wrong password: whatever it is, it is
told to the product's own HTTP client, which knows no difference between this and a network.
"""

import email.utils
from collections.abc import Callable
from enum import StrEnum, unique

import httpx

from hub.central.web import Line
from portvakt.doubles.serving import Reply, Request
from tests.simulation.world import HOUR_MS, Machine, World

TIMEOUT_MS = 10_000
WELL_FOR_MS = HOUR_MS
"""After so long without a fault on either side everything that was said is known."""


@unique
class Mood(StrEnum):
    """How somebody else's server is today."""

    WELL = "well"
    AWAY = "away"
    SLOW = "slow"
    HTML = "answering with a web page"
    HALF = "answering by halves"
    BUSY = "busy"
    LOCKED = "locked"
    LOSING = "losing its answers"
    NONSENSE = "talking nonsense"
    MAD = "calling all cards invalid"


DOWN = frozenset({Mood.AWAY, Mood.HTML, Mood.LOCKED})
"""Nothing that is asked is answered."""


class OtherServer:
    """Somebody else's. Outlives every hub; a subclass says what it answers when it is well."""

    def __init__(self, world: World, name: str, *, patience_ms: int) -> None:
        """Whoever gets no answer asks on average no oftener than every `patience_ms` in the long run."""
        self.world = world
        self.name = name
        self.chance = world.chance(f"server/{name}")
        self.mood = Mood.WELL
        self._patience_ms = patience_ms
        self._well_since_ms: int | None = world.now_ms
        self._down_since_ms: int | None = None
        self._requests = 0
        self._alone_until_ms = 0

    def be(self, mood: Mood) -> None:
        self.world.trace(self.name, f"is {mood}")
        self.world.counts[f"{self.name} {mood}"] += 1
        self.mood = mood
        self._well_since_ms = self.world.now_ms if mood is Mood.WELL else None
        self._down_since_ms = self.world.now_ms if mood in DOWN else None
        self._requests = self._alone_until_ms = 0

    def hub_troubled(self) -> None:
        """The hub died or its disk failed: what it had just heard may be lost, and it begins anew."""
        self._requests = self._alone_until_ms = 0
        self._down_since_ms = self.world.now_ms if self._down_since_ms is not None else None
        if self._well_since_ms is not None:
            self._well_since_ms = self.world.now_ms

    @property
    def clock_ms(self) -> int:
        """Its own."""
        return self.world.now_ms

    @property
    def well_since_ms(self) -> int | None:
        """Since when nothing has been wrong, here or at the hub; None when something is."""
        return self._well_since_ms

    @property
    def well_for_long(self) -> bool:
        return self._well_since_ms is not None and self.world.now_ms - self._well_since_ms >= WELL_FOR_MS

    def answer(self, request: Request) -> Reply:
        """When it is well. Raises httpx.TransportError where a line breaks."""
        raise NotImplementedError

    def asked(self, request: Request, spend: Callable[[int], None]) -> Reply:
        """A request has come; `spend` is told how long it takes."""
        self._be_left_alone(request)
        match self.mood:
            case Mood.AWAY:
                spend(TIMEOUT_MS)
                raise httpx.ConnectTimeout("nobody there")
            case Mood.HTML:
                spend(80)
                return self.chance.choice(
                    (Reply(200, b"<html>Maintenance</html>", "text/html"), Reply(502, b"<html>502</html>", "text/html"))
                )
            case Mood.HALF:
                return self._half(self.answer(request), spend)
            case Mood.BUSY if self.chance.random() < 0.5:
                spend(50)
                seconds = self.chance.randint(5, 300)
                self.world.counts[f"{self.name} asked to wait"] += 1
                self._alone_until_ms = self.world.now_ms + seconds * 1_000
                return Reply(429, b"", headers={"Retry-After": str(seconds)})
            case Mood.LOCKED:
                spend(50)
                return Reply(self.chance.choice((401, 403)), b'{"error": "no"}')
            case Mood.LOSING if self.chance.random() < 0.4:
                self.answer(request)
                spend(TIMEOUT_MS)
                raise httpx.ReadTimeout("no answer")
            case Mood.SLOW:
                spend(self.chance.randint(2_000, 9_000))
                return self.answer(request)
        spend(self.chance.randint(5, 300))
        return self.answer(request)

    def _half(self, whole: Reply, spend: Callable[[int], None]) -> Reply:
        """Some of the bytes, and then either nobody notices or the line is cut."""
        spend(500)
        if self.chance.random() < 0.3:
            return whole
        if self.chance.random() < 0.5:
            raise httpx.RemoteProtocolError("peer closed connection without sending complete message body")
        return Reply(whole.status, whole.body[: len(whole.body) // 2], whole.content_type)

    def _be_left_alone(self, request: Request) -> None:
        now_ms = self.world.now_ms
        if now_ms < self._alone_until_ms:
            left_ms = self._alone_until_ms - now_ms
            raise self.world.broken("backoff", f"hub: {self.name} is asked {left_ms} ms before the time it asked for")
        if self._down_since_ms is None:
            return
        self._requests += 1
        self.world.counts[f"requests while {self.name} was down"] += 1
        down_ms = now_ms - self._down_since_ms
        if self._requests > 30 + 2 * down_ms // self._patience_ms:
            raise self.world.broken(
                "backoff", f"hub: {self._requests} requests to {self.name} in {down_ms // 1000} s of an outage"
            )


class SimTransport(httpx.BaseTransport):
    """The way from one thread of one hub process to a server."""

    def __init__(self, hub: Machine, server: OtherServer, spend: Callable[[int], None]) -> None:
        self._hub = hub
        self._server = server
        self._spend = spend

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """As httpx wants it. Raises SimCrash where the process dies at it."""
        self._hub.point(f"request to {self._server.name}")
        query: dict[str, str] = dict(request.url.params)
        reply = self._server.asked(
            Request(request.method, request.url.path, query, dict(request.headers), request.read()), self._spend
        )
        self._hub.point(f"answer of {self._server.name}")
        headers = {"content-type": reply.content_type, "date": self._date(), **reply.headers}
        return httpx.Response(reply.status, headers=headers, content=reply.body)

    def _date(self) -> str:
        return email.utils.formatdate(self._server.clock_ms / 1000, usegmt=True)


class Patience:
    """The clock of one thread: it goes on while that thread waits for an answer."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.spent_ms = 0

    def spend(self, ms: int) -> None:
        self.spent_ms += ms

    def pause(self, seconds: float) -> bool:
        """As the product's threads pause; nobody tells them to stop."""
        self.spent_ms += round(seconds * 1000)
        return False

    def now_ms(self) -> int:
        return self._world.now_ms + self.spent_ms

    def line(self, hub: Machine, server: OtherServer) -> Line:
        return Line(SimTransport(hub, server, self.spend), self.now_ms, lambda: self.now_ms() / 1000)
