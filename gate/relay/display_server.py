"""Faces to the screens of a lane, over a Unix socket: one JSON line a face. Driver.

Whoever connects gets the lane's own face at once, never an answer to somebody who has gone. An empty
line every second says that the gate lives: silence tells a screen that what it shows may be true no
more. A screen that is slow or dead is dropped, never waited for: `post` only hands over.
"""

import contextlib
import logging
import selectors
import socket
import threading
from collections import deque
from pathlib import Path

import msgspec

from gate.relay.display import Face

log = logging.getLogger(__name__)

MAX_SCREENS = 8
HEARTBEAT_S = 1.0
MAX_WAITING = 16
_encode = msgspec.json.encode


class DisplayServer:
    """Serves one lane's faces from a thread of its own until closed."""

    def __init__(self, path: Path, first: Face, heartbeat_s: float = HEARTBEAT_S) -> None:
        """Raises OSError when the socket cannot be made."""
        if path.is_socket():
            # Left behind by a gate that was killed; anything else that lies there is not ours to remove.
            path.unlink()
        self._path = path
        self._resting = first
        self._heartbeat_s = heartbeat_s
        self._waiting: deque[Face] = deque(maxlen=MAX_WAITING)
        self._closing = False
        self._listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._screens: list[socket.socket] = []
        try:
            self._listening.bind(str(path))
            path.chmod(0o660)
            self._listening.listen(MAX_SCREENS)
        except OSError:
            self._listening.close()
            raise
        self._listening.settimeout(0)
        self._wake_here, self._wake_there = socket.socketpair()
        self._wake_there.settimeout(0)
        self._thread = threading.Thread(target=self._run, name=f"display-{path.stem}", daemon=True)
        self._thread.start()

    def post(self, face: Face) -> None:
        """Show this from now on. Never blocks, never raises."""
        self._waiting.append(face)
        self._wake()

    def close(self) -> None:
        """Let the screens go. Idempotent."""
        if self._closing:
            return
        self._closing = True
        self._wake()
        self._thread.join()

    def _wake(self) -> None:
        # A full pipe has woken the thread already.
        with contextlib.suppress(OSError):
            self._wake_there.send(b"x")

    def _run(self) -> None:
        selector = selectors.DefaultSelector()
        selector.register(self._listening, selectors.EVENT_READ)
        selector.register(self._wake_here, selectors.EVENT_READ)
        while not self._closing:
            ready = selector.select(self._heartbeat_s)
            for key, _ in ready:
                if key.fileobj is self._listening:
                    self._take_in()
                else:
                    self._wake_here.recv(4096)
            self._hand_on()
            if not ready:
                self._tell(self._screens, b"\n")
        selector.close()
        for one in (*self._screens, self._listening, self._wake_here, self._wake_there):
            one.close()
        self._path.unlink(missing_ok=True)

    def _hand_on(self) -> None:
        while self._waiting:
            face = self._waiting.popleft()
            if not face.passing:
                self._resting = face
            self._tell(self._screens, _line(face))

    def _take_in(self) -> None:
        with contextlib.suppress(OSError):
            screen, _ = self._listening.accept()
            screen.settimeout(0)
            if len(self._screens) >= MAX_SCREENS:
                self._screens.pop(0).close()
            self._screens.append(screen)
            self._tell([screen], _line(self._resting))

    def _tell(self, screens: list[socket.socket], line: bytes) -> None:
        for screen in list(screens):
            try:
                screen.sendall(line)
            except OSError:
                log.info("screen=dropped socket=%s", self._path.name)
                self._screens.remove(screen)
                screen.close()


def _line(face: Face) -> bytes:
    return _encode(face) + b"\n"
