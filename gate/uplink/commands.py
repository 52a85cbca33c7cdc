"""The hub's commands: signed, for this gate, each once, and none that is late. Pure.

A gate's own clock may be wrong (P10), so what is late is judged by the hub's: everything that the hub signs says when,
and time goes on from the latest of these by the monotonic clock. A gate whose own clock is trusted also knows that the
hub's can hardly be earlier than that. So an old command that somebody kept back and says now is refused.

A hub whose clock was ahead and has been put right is believed as soon as it says what the gate's own trusted clock
says: nothing that old can say that.
"""

from typing import TypeAlias

from gate.model import Direction, EventKind
from gate.ports import ModeAsked, Noted, PassAsked
from gate.turnstile import Mode
from gate.uplink.contract import OPEN, Command

CLOCKS_APART_MS = 30_000
"""A hub's clock and a gate's trusted one are not further apart, unless one of them is wrong."""

Given: TypeAlias = ModeAsked | PassAsked | Noted


class HubTime:
    """What the hub's clock says at least. Milliseconds."""

    def __init__(self) -> None:
        self._ahead_ms: int | None = None
        self._own_ahead_ms: int | None = None

    @property
    def known(self) -> bool:
        """Whether anything was heard."""
        return self._ahead_ms is not None

    def heard(self, hub_ms: int, now_ms: int) -> None:
        """The hub's clock said `hub_ms`, or more, at `now_ms` of the monotonic clock."""
        ahead_ms = hub_ms - now_ms
        if self._ahead_ms is None or self._corrected(ahead_ms):
            self._ahead_ms = ahead_ms
        else:
            self._ahead_ms = max(self._ahead_ms, ahead_ms)

    def own(self, wall_ms: int, now_ms: int) -> None:
        """The gate's own trusted clock says `wall_ms` at `now_ms` of the monotonic clock."""
        self._own_ahead_ms = wall_ms - now_ms
        self.heard(wall_ms - CLOCKS_APART_MS, now_ms)

    def at(self, now_ms: int) -> int:
        """Now; 0 before anything was heard."""
        return 0 if self._ahead_ms is None else self._ahead_ms + now_ms

    def _corrected(self, ahead_ms: int) -> bool:
        """Whether the hub now agrees with the gate's own clock, and did not before."""
        if self._ahead_ms is None or self._own_ahead_ms is None:
            return False
        was_ahead = self._ahead_ms > self._own_ahead_ms + CLOCKS_APART_MS
        return was_ahead and abs(ahead_ms - self._own_ahead_ms) < CLOCKS_APART_MS


class CommandFollower:
    """Takes each command once. `last` is the number of the last one whose outcome is in the journal."""

    def __init__(self, gate: str, last: int) -> None:
        self._gate = gate
        self._last = last

    def take(self, command: Command, hub_ms: int) -> list[Given]:
        """What to do; nothing for a command that was taken before, or is another gate's."""
        if command.gate != self._gate or command.number <= self._last:
            return []
        self._last = command.number
        if hub_ms > command.expires_ms:
            late_s = (hub_ms - command.expires_ms) // 1000
            return [_refused(command, f"it came {late_s} s too late; are the clocks of hub and gate right?")]
        return [_asked(command)]


def _asked(command: Command) -> Given:
    number, by = command.number, command.by
    if command.action == OPEN:
        if command.lane is None or command.direction not in set(Direction):
            return _refused(command, "it names no lane and no way through it")
        return PassAsked(command.lane, Direction(command.direction), by, number)
    if command.action not in set(Mode):
        return _refused(command, f"this gate does not know {command.action[:16]!r}; is it older than its hub?")
    return ModeAsked(command.lane, Mode(command.action), by, number)


def _refused(command: Command, why: str) -> Noted:
    detail = {"command": command.action, "by": command.by, "what": why}
    return Noted(EventKind.COMMAND_REFUSED, detail, command.number)
