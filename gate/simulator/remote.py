"""A hand for the simulator in another process: show cards, walk through, look at the lanes.

A Unix socket that only its owner may open, one JSON object a line each way. Never open beside a real
turnstile (`gate.config` sees to that). A request that cannot be served is answered with
`{"error": …}` and ends nothing.

    {"do":"present","reader":"north-in","card":"<base64 of a 4,096-byte dump>"}   {"ok":true}
    {"do":"remove","reader":"north-in"}                                           {"ok":true}
    {"do":"walk","lane":"north","direction":"entry"}                              {"turned":true}
    {"do":"force","lane":"north","direction":"exit"}                              {"turned":true}
    {"do":"lanes"}                                                                {"lanes":{"north":{…}}}
"""

import asyncio
import contextlib
import logging
import socket
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Protocol, TypeAlias, TypeVar

import msgspec

from gate.errors import GateError
from gate.model import Direction, Reason
from gate.simulator.loop import LoopThread
from gate.simulator.turnstile import TurnstileState, VirtualTurnstile
from portvakt.errors import PortvaktError

log = logging.getLogger(__name__)

MAX_REQUEST_BYTES = 16 * 1024
"""A card dump is 5,464 characters of Base64; the rest of a request is a few words."""
MAX_ANSWER_BYTES = 1024 * 1024
ANSWER_TIMEOUT_S = 10.0


class RemoteError(GateError, ConnectionError):
    """The gate does not answer on its control socket, or says why it cannot do what was asked."""


class CardSlot(Protocol):
    """A simulated reader as the remote control needs it. Called from the socket's thread."""

    def present(self, image: bytes) -> None:
        """Hold a card with this dump to the reader. Raises CardImageError when it is none."""

    def remove(self) -> None:
        """Take it away."""


# --- what crosses the socket ---------------------------------------------------------------------


class Present(msgspec.Struct, tag_field="do", tag="present", forbid_unknown_fields=True, frozen=True):
    reader: str
    card: bytes


class Remove(msgspec.Struct, tag_field="do", tag="remove", forbid_unknown_fields=True, frozen=True):
    reader: str


class Walk(msgspec.Struct, tag_field="do", tag="walk", forbid_unknown_fields=True, frozen=True):
    lane: str
    direction: Direction


class Force(msgspec.Struct, tag_field="do", tag="force", forbid_unknown_fields=True, frozen=True):
    lane: str
    direction: Direction


class Lanes(msgspec.Struct, tag_field="do", tag="lanes", forbid_unknown_fields=True, frozen=True):
    pass


Request: TypeAlias = Present | Remove | Walk | Force | Lanes


class ShownAnswer(msgspec.Struct, frozen=True):
    """What a lane showed last."""

    admitted: bool
    reason: Reason
    warnings: tuple[Reason, ...]
    direction: Direction
    language: str
    tone: str
    symbol: str
    word: str
    headline: str
    next_step: str


class LaneState(msgspec.Struct, frozen=True):
    """One lane; the counts are since the gate started."""

    released: Direction | None
    shown: ShownAnswer | None
    answers: int
    releases: dict[Direction, int]
    bodies: dict[Direction, int]


class Done(msgspec.Struct, frozen=True):
    ok: bool


class Turned(msgspec.Struct, frozen=True):
    turned: bool


class AllLanes(msgspec.Struct, frozen=True):
    lanes: dict[str, LaneState]


class Refused(msgspec.Struct, frozen=True):
    error: str


Answer: TypeAlias = Done | Turned | AllLanes | Refused

_request = msgspec.json.Decoder(Request)


# --- the gate's end ------------------------------------------------------------------------------


class RemoteServer:
    """Serves the control socket at `path` until `close`. Raises RemoteError when it cannot be opened."""

    def __init__(self, path: Path, readers: Mapping[str, CardSlot], lanes: Mapping[str, VirtualTurnstile]) -> None:
        self.path = path
        self._readers = readers
        self._lanes = lanes
        listening = _listen(path)
        self._loop = LoopThread("remote")
        self._server = self._loop.run(asyncio.start_unix_server(self._serve, sock=listening, limit=MAX_REQUEST_BYTES))

    def close(self) -> None:
        """Stop serving and take the socket away. Idempotent; returns when the thread has ended."""
        if not self._loop.closed:
            self._loop.run(self._end())
            self._loop.close()
            self.path.unlink(missing_ok=True)

    def __enter__(self) -> "RemoteServer":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def _end(self) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            # A peer that goes away, and our own closing, are the two ordinary ends of this.
            with contextlib.suppress(ConnectionError, asyncio.CancelledError):
                while await self._exchange(reader, writer):
                    pass
        finally:
            writer.transport.abort()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One request and its answer; False when the peer has said all."""
        try:
            line = await reader.readuntil(b"\n")
        except asyncio.IncompleteReadError:
            return False
        except asyncio.LimitOverrunError:
            answer: Answer = Refused(f"a request is one line of at most {MAX_REQUEST_BYTES} bytes")
            await _skip_line(reader)
        else:
            answer = self.answer(line)
        writer.write(msgspec.json.encode(answer) + b"\n")
        await writer.drain()
        return True

    def answer(self, line: bytes) -> Answer:
        """Do what one request asks. Raises nothing that comes from the request."""
        try:
            return self._do(_request.decode(line))
        except (msgspec.DecodeError, PortvaktError) as bad:
            return Refused(str(bad))
        except Exception as fault:
            log.exception("remote=fault")
            return Refused(f"a fault in the gate, see its log: {fault}")

    def _do(self, request: Request) -> Answer:
        match request:
            case Present(reader, card):
                _named("reader", reader, self._readers).present(card)
                return Done(ok=True)
            case Remove(reader):
                _named("reader", reader, self._readers).remove()
                return Done(ok=True)
            case Walk(lane, direction):
                return Turned(_named("lane", lane, self._lanes).walk(direction))
            case Force(lane, direction):
                _named("lane", lane, self._lanes).force(direction)
                return Turned(turned=True)
            case Lanes():
                return AllLanes({name: lane_state(lane.state) for name, lane in self._lanes.items()})


def lane_state(state: TurnstileState) -> LaneState:
    """A turnstile's state as it crosses the socket."""
    shown = None
    if state.shown is not None:
        decision, screen = state.shown.decision, state.shown.screen
        shown = ShownAnswer(
            admitted=decision.admitted,
            reason=decision.reason,
            warnings=decision.warnings,
            direction=state.shown.direction,
            language=screen.language,
            tone=screen.tone,
            symbol=screen.symbol,
            word=screen.word,
            headline=screen.headline,
            next_step=screen.next_step,
        )
    return LaneState(state.released, shown, state.answers, dict(state.releases), dict(state.bodies))


Part = TypeVar("Part")


def _named(kind: str, name: str, parts: Mapping[str, Part]) -> Part:
    try:
        return parts[name]
    except KeyError:
        known = ", ".join(parts) or "none at all"
        raise RemoteError(f"there is no {kind} {name!r}; there is: {known}") from None


def _listen(path: Path) -> socket.socket:
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        # The gate holds its state folder's lock, so whatever socket lies here belongs to nobody.
        if path.is_socket():
            path.unlink()
        listening.bind(str(path))
        # Nobody can connect before listen(), so there is no moment in which it is open to others.
        path.chmod(0o600)
        listening.listen()
    except OSError as broken:
        listening.close()
        raise RemoteError(f"{path}: cannot open the control socket: {broken}; a path may have 107 bytes") from broken
    return listening


async def _skip_line(reader: asyncio.StreamReader) -> None:
    """Drop the rest of a line that is too long, in pieces no larger than the limit."""
    while True:
        try:
            await reader.readuntil(b"\n")
        except asyncio.LimitOverrunError as over:
            await reader.readexactly(over.consumed)
        except asyncio.IncompleteReadError:
            return
        else:
            return


# --- the other end -------------------------------------------------------------------------------


class RemoteControl:
    """Drives a running gate's simulator. One connection a call; thread-safe. Every method raises
    RemoteError, when the gate does not answer or cannot do it."""

    def __init__(self, path: Path, timeout_s: float = ANSWER_TIMEOUT_S) -> None:
        self._path = path
        self._timeout_s = timeout_s

    def present(self, reader: str, image: bytes) -> None:
        """Hold a card with this dump to a reader, and leave it there."""
        self._ask(Present(reader, image), Done)

    def remove(self, reader: str) -> None:
        """Take the card away."""
        self._ask(Remove(reader), Done)

    def walk(self, lane: str, direction: Direction) -> bool:
        """Push the arm; False when it does not give."""
        return self._ask(Walk(lane, direction), Turned).turned

    def force(self, lane: str, direction: Direction) -> None:
        """Go through whatever the arm says."""
        self._ask(Force(lane, direction), Turned)

    def lanes(self) -> dict[str, LaneState]:
        """What every lane does and shows."""
        return self._ask(Lanes(), AllLanes).lanes

    def _ask(self, request: Request, expected: type[Part]) -> Part:
        line = self._exchange(msgspec.json.encode(request) + b"\n")
        try:
            return msgspec.json.decode(line, type=expected)
        except msgspec.ValidationError:
            raise RemoteError(msgspec.json.decode(line, type=Refused).error) from None

    def _exchange(self, line: bytes) -> bytes:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as wire:
            wire.settimeout(self._timeout_s)
            try:
                wire.connect(str(self._path))
                wire.sendall(line)
                with wire.makefile("rb") as answers:
                    answer = answers.readline(MAX_ANSWER_BYTES)
            except OSError as away:
                raise RemoteError(
                    f"{self._path}: the gate does not answer ({away}); does it run, with remote_control = true?"
                ) from away
        if not answer.endswith(b"\n"):
            raise RemoteError(f"{self._path}: the gate closed the connection without an answer; see its log")
        return answer
