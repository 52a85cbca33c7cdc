"""A serial line without a wire: a pseudo terminal, with the real pyserial at its other end.

The device stands behind a symbolic link, as udev's by-id names do: a plug that is pulled and pushed in
again may come back as another device under the same link.
"""

import os
import re
import select
import termios
import tty
from pathlib import Path


class SerialLine:
    """The reader's end of the line. `link` is what the settings name as the device."""

    def __init__(self, link: Path) -> None:
        self.link = link
        self._ends: tuple[int, int] | None = None
        self.plug_in()

    def plug_in(self) -> None:
        """A new device behind the link."""
        ours, theirs = os.openpty()
        # Raw at both ends, or the terminal would echo and turn CR into LF.
        tty.setraw(ours)
        tty.setraw(theirs)
        self._ends = ours, theirs
        self.link.symlink_to(os.ttyname(theirs))

    def unplug(self) -> None:
        """The device goes, and its link with it, whoever has it open. Idempotent."""
        if self._ends is not None:
            for end in self._ends:
                os.close(end)
            self._ends = None
            self.link.unlink()

    @property
    def ours(self) -> int:
        """The reader's own end."""
        assert self._ends is not None, "the line is unplugged"
        return self._ends[0]

    @property
    def name(self) -> str:
        """The terminal behind the link."""
        assert self._ends is not None, "the line is unplugged"
        return os.ttyname(self._ends[1])

    @property
    def baud(self) -> int:
        """The speed that the gate has set the line to."""
        assert self._ends is not None, "the line is unplugged"
        speed = termios.tcgetattr(self._ends[1])[5]
        return next(
            (int(name[1:]) for name, value in vars(termios).items() if value == speed and re.fullmatch(r"B\d+", name)),
            0,
        )

    def wait(self, wake: int) -> bytes | None:
        """What comes next from the gate; None when `wake` becomes readable first."""
        ready, _, _ = select.select([self.ours, wake], [], [])
        return None if wake in ready else os.read(self.ours, 4096)

    def send(self, data: bytes) -> None:
        """What the reader sends."""
        assert self._ends is not None, "the line is unplugged"
        os.write(self._ends[0], data)

    def heard(self) -> bytes:
        """What was sent to the reader since the last call."""
        assert self._ends is not None, "the line is unplugged"
        ready, _, _ = select.select([self._ends[0]], [], [], 0)
        return os.read(self._ends[0], 4096) if ready else b""
