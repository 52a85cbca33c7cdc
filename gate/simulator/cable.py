"""A network cable that can be cut: a TCP forwarder between two parties on this machine.

For the demo and the tests. What was under way when it is cut is lost, as in a real cable.
"""

import asyncio
import socket
import struct
from collections.abc import Callable
from typing import cast

from gate.simulator.loop import LoopThread

HIGH_WATER_BYTES = 64 * 1024
"""How much may wait for a slow end before the fast end is held back."""


class Cable:
    """Listens on `port` of 127.0.0.1 and forwards to the target. Whole when new. Thread-safe.

    A target that refuses shows as a connection that is closed at once.
    """

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._whole = True
        self._ends: set[_End] = set()
        self._dialling: set[asyncio.Task[None]] = set()
        self._loop = LoopThread("cable")
        self._server = self._loop.run(self._listen())
        self.host = "127.0.0.1"
        self.port: int = self._server.sockets[0].getsockname()[1]

    @property
    def whole(self) -> bool:
        """Whether anything gets through."""
        return self._whole

    @property
    def connections(self) -> int:
        """How many are under way, both ends up."""
        return sum(1 for end in self._ends.copy() if end.peer is not None) // 2

    def cut(self) -> None:
        """Drop every connection at once and close each new one, until `mend`. Returns when that is so."""
        self._loop.run(self._cut())

    def mend(self) -> None:
        """Let new connections through. Those that were cut stay cut."""
        self._whole = True

    def close(self) -> None:
        """Cut it and let go of the port. Idempotent; returns when the thread has ended."""
        if not self._loop.closed:
            self._loop.run(self._end())
            self._loop.close()

    # --- in the loop -----------------------------------------------------------------------------

    async def _listen(self) -> asyncio.Server:
        return await asyncio.get_running_loop().create_server(lambda: _End(self._joined, self._left), "127.0.0.1", 0)

    async def _cut(self) -> None:
        self._whole = False
        for task in self._dialling:
            task.cancel()
        for end in self._ends:
            end.drop()
        while self._ends:
            await asyncio.sleep(0)

    async def _end(self) -> None:
        self._server.close()
        await self._cut()
        await self._server.wait_closed()

    def _joined(self, end: "_End") -> None:
        """Somebody has connected."""
        if not self._admit(end):
            return
        # Nobody to forward to yet.
        end.transport.pause_reading()
        task = asyncio.get_running_loop().create_task(self._dial(end))
        self._dialling.add(task)
        task.add_done_callback(self._dialling.discard)

    def _admit(self, end: "_End") -> bool:
        self._ends.add(end)
        if not self._whole:
            end.drop()
        return self._whole

    async def _dial(self, near: "_End") -> None:
        loop = asyncio.get_running_loop()
        try:
            _, far = await loop.create_connection(lambda: _End(self._admit, self._left), *self._target)
        except OSError:
            near.drop()
            return
        if near.transport.is_closing():
            far.drop()
            return
        near.peer, far.peer = far, near
        near.transport.resume_reading()

    def _left(self, end: "_End") -> None:
        self._ends.discard(end)
        if end.peer is not None:
            end.peer.transport.close()


class _End(asyncio.Protocol):
    """One end of one connection; `peer` is the other, once it is up."""

    def __init__(self, joined: Callable[["_End"], object], left: Callable[["_End"], None]) -> None:
        self._joined = joined
        self._left = left
        self._heard_all = False
        self.peer: _End | None = None
        self.transport: asyncio.Transport

    def drop(self) -> None:
        """End the connection now; what is still in the kernel's buffers goes with it (RST, no FIN)."""
        if not self.transport.is_closing():
            linger_for_no_time = struct.pack("ii", 1, 0)
            self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_for_no_time)
        self.transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.transport.set_write_buffer_limits(HIGH_WATER_BYTES)
        self._joined(self)

    def data_received(self, data: bytes) -> None:
        if self.peer is not None:
            self.peer.transport.write(data)

    def eof_received(self) -> bool:
        self._heard_all = True
        if self.peer is None or self.peer.transport.is_closing():
            return False
        if self.peer._heard_all:
            self.peer.transport.close()
            return False
        # The other direction may still have something to say.
        self.peer.transport.write_eof()
        return True

    def pause_writing(self) -> None:
        if self.peer is not None:
            self.peer.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.peer is not None:
            self.peer.transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        self._left(self)
