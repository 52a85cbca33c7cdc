"""The demo on a real terminal: `k` opens the console of its hub, which shows the badge; `q` comes back."""

import fcntl
import os
import pty
import re
import shlex
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gate.simulator.demo.stage import Stage
from tests.waiting import wait_for

ROWS, COLUMNS = 40, 140


class Terminal:
    """A terminal, and what a program has drawn on it."""

    def __init__(self, command: list[str]) -> None:
        mine, its = pty.openpty()
        fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        environment = {
            **os.environ,
            "TERM": "xterm-256color",
            "COLUMNS": str(COLUMNS),
            "LINES": str(ROWS),
            "LANG": "C.UTF-8",
        }
        self.program = subprocess.Popen(
            command, stdin=its, stdout=its, stderr=its, env=environment, start_new_session=True
        )
        os.close(its)
        os.set_blocking(mine, False)
        self._mine = mine
        self.drawn = ""

    def type(self, text: str) -> int:
        """Returns how much was drawn before."""
        before = len(self.drawn)
        os.write(self._mine, text.encode())
        return before

    def shows(self, *wanted: str, since: int = 0, timeout_s: float = 60.0) -> None:
        """Wait until all of it has been drawn since then."""

        def drawn() -> bool:
            self._read()
            text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", self.drawn[since:])
            return all(one in text for one in wanted)

        try:
            wait_for(f"{wanted} on the terminal", drawn, timeout_s)
        except AssertionError as vain:
            raise AssertionError(f"{vain}\n{self.drawn[since:][-3000:]!r}") from None

    def _read(self) -> None:
        try:
            while piece := os.read(self._mine, 65_536):
                self.drawn += piece.decode(errors="replace")
        except (BlockingIOError, OSError):
            return

    def end(self) -> None:
        if self.program.poll() is None:
            self.program.terminate()
        self.program.wait(20)
        os.close(self._mine)


@contextmanager
def terminal(command: list[str]) -> Iterator[Terminal]:
    opened = Terminal(command)
    try:
        yield opened
    finally:
        opened.end()


def test_a_badge_of_the_demo_is_on_the_console_that_a_key_opens() -> None:
    with terminal([sys.executable, "-m", "gate.simulator.demo"]) as demo:
        demo.shows("Who comes?", "k opens the console")
        before = demo.type("\r")
        demo.shows("released for entry", since=before)
        before = demo.type("k")
        demo.shows("1 Gates", "north/main", "(manager)", since=before)
        before = demo.type("2")
        demo.shows("✓ let in", since=before)
        before = demo.type("q")
        demo.shows("Who comes?", since=before)
        demo.type("q")
        wait_for("the demo to end", lambda: demo.program.poll() is not None, 30)
        assert demo.program.returncode == 0


def test_the_command_that_the_demo_names_opens_the_console_beside_it() -> None:
    with Stage(6.0) as stage:
        stage.show(stage.card_of(stage.cast.blocked), "outside")
        command = shlex.split(shlex.join(stage.console_command()))
        assert Path(command[0]).name.startswith("python")
        with terminal(command) as console:
            console.shows("1 Gates", "north/main")
            before = console.type("2")
            console.shows("card is blocked", since=before)
            console.type("q")
            wait_for("the console to end", lambda: console.program.poll() is not None, 30)
            assert console.program.returncode == 0
