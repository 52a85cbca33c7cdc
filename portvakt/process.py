"""One process per state folder, and an orderly end when the system asks for it."""

import fcntl
import os
import signal
import socket
import threading
from pathlib import Path
from types import FrameType, TracebackType

from portvakt.errors import AlreadyRunning, SettingsError


class FolderLock:
    """Holds a state folder for this process. The kernel lets go of it at exit, SIGKILL and power cut:
    a stale lock file can never keep a gate from starting.

    Raises AlreadyRunning when another process holds it, SettingsError when the folder cannot be used.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / "lock"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._file = self._path.open("a+", encoding="utf-8")
        except OSError as refused:
            raise SettingsError(
                f"state_dir: {folder} cannot be used ({refused.strerror}); it must be a folder this user may write in"
            ) from refused
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as held:
            self._file.seek(0)
            holder = self._file.read().strip() or "unknown"
            self._file.close()
            raise AlreadyRunning(
                f"{folder} is in use by process {holder}; stop that one, or set another state_dir"
            ) from held
        self._file.truncate(0)
        self._file.write(str(os.getpid()))
        self._file.flush()

    def __enter__(self) -> "FolderLock":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


def stop_on_signals() -> threading.Event:
    """An event that SIGTERM and SIGINT set. Call it from the main thread.

    A handler in Python runs in the main thread alone, and the kernel may hand the signal to another one (it
    does after SIGSTOP and SIGCONT): the main thread, asleep, would not notice. What any thread can do is
    write to the wakeup descriptor, and a thread that reads from it sets the event.
    """
    stop = threading.Event()
    here, there = socket.socketpair()
    there.settimeout(0)
    asked = (signal.SIGTERM, signal.SIGINT)

    def listen() -> None:
        # `there` is named so that it lives for as long as this thread does.
        while told := here.recv(64):
            if any(number in told for number in asked):
                stop.set()
        there.close()

    def ask(signum: int, frame: FrameType | None) -> None:
        """What counts has been written already; without a handler there is no writing."""

    threading.Thread(target=listen, name="signals", daemon=True).start()
    signal.set_wakeup_fd(there.fileno(), warn_on_full_buffer=False)
    for number in asked:
        signal.signal(number, ask)
    return stop
