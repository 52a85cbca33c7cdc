"""Requests on their way to one receiver, and what comes of them.

More may be handed over than there are connections: they wait in line, each to be sent as soon as one is free. When the
receiver has failed at one, those in line are handed back unsent, and so is what has waited too long to be what is true
now. Nobody has looked at these: they are sent another time, made anew.
"""

import logging
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from hub.central.target import Draft, Later, Outcome, Stopped, Target

log = logging.getLogger(__name__)

FRESH_MS = 1_000
"""How long a draft may wait in line."""


class Sent(NamedTuple):
    """One request, with what came back: an outcome for each draft; None where it was not sent."""

    drafts: Sequence[Draft]
    outcomes: Sequence[Outcome] | None

    @property
    def failed(self) -> bool:
        """Whether the receiver would rather not be asked again at once."""
        return any(isinstance(one, Later | Stopped) for one in self.outcomes or ())


class Sender(Protocol):
    """Carries requests to the target."""

    def start(self, drafts: Sequence[Draft]) -> None:
        """Send these; the answer is told by `done`."""

    def done(self, wait_ms: int) -> Sequence[Sent]:
        """What has been answered or handed back; waits up to so long when something is open and nothing has been."""

    def under_way(self) -> int:
        """Requests of which `done` has not told yet."""


class WaitingLine:
    """What waits, what is under way, what has come back. No thread, no clock: who shares it holds a lock."""

    def __init__(self, connections: int) -> None:
        self._connections = connections
        self._waiting: deque[tuple[int, Sequence[Draft]]] = deque()
        self._under_way = 0
        self._back: list[Sent] = []

    def add(self, drafts: Sequence[Draft], now_ms: int) -> None:
        """At the end of the line. Straight back when a failure has come back that nobody has been told of yet."""
        if any(one.failed for one in self._back):
            self._back.append(Sent(drafts, None))
        else:
            self._waiting.append((now_ms, drafts))

    def next(self, now_ms: int) -> Sequence[Draft] | None:
        """What is to be sent now, and then `answered`; None while there is nothing, or no connection for it."""
        while self._waiting and self._under_way < self._connections:
            since_ms, drafts = self._waiting.popleft()
            if now_ms - since_ms <= FRESH_MS:
                self._under_way += 1
                return drafts
            self._back.append(Sent(drafts, None))
        return None

    def answered(self, sent: Sent) -> None:
        """One that was under way has come back."""
        self._under_way -= 1
        self._back.append(sent)
        if sent.failed:
            self._back += [Sent(drafts, None) for _, drafts in self._waiting]
            self._waiting.clear()

    def has_come_back(self) -> bool:
        return bool(self._back)

    def take_back(self) -> list[Sent]:
        """All that has come back, once."""
        found, self._back = self._back, []
        return found

    def open(self) -> int:
        """Requests that `take_back` has not told of."""
        return len(self._waiting) + self._under_way + len(self._back)


class AtOnce:
    """Sends in the caller's thread."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._back: list[Sent] = []

    def start(self, drafts: Sequence[Draft]) -> None:
        failed = any(one.failed for one in self._back)
        self._back.append(Sent(drafts, None if failed else sent(self._target, drafts)))

    def done(self, wait_ms: int) -> Sequence[Sent]:
        found, self._back = self._back, []
        return found

    def under_way(self) -> int:
        return len(self._back)


def sent(target: Target, drafts: Sequence[Draft]) -> Sequence[Outcome]:
    """The target's outcomes, one for each draft, whatever it does."""
    try:
        outcomes = list(target.send(drafts))
    except Exception as fault:
        log.exception("target failed")
        outcomes = [Later(f"{type(fault).__name__} in the target; see the log")] * len(drafts)
    missing = len(drafts) - len(outcomes)
    return [*outcomes[: len(drafts)], *[Later("the target gave no outcome")] * missing]
