"""One hub for each site: who may speak for it. Pure.

    LISTENING --quiet for LISTEN_MS--> HELD
    LISTENING --another hub is on line--> refused
    HELD, still young --another hub is on line, whose instance is smaller--> refused
    HELD, settled --another hub is on line--> told, and held

A settled hub does not give way: its site would have no hub because of one stray message.
Two that start in the same moment are told apart by their instance.
"""

from dataclasses import dataclass
from enum import Enum, auto

from gate.uplink.contract import HubStatus

LISTEN_MS = 1000
"""A broker sends retained messages right after the subscription; this is plenty on a site's network."""
YOUNG_MS = 2000
"""How long after the claim a rival may still win: as long as both may have listened to silence, twice."""


class Claim(Enum):
    """Where the claim stands."""

    WAITING = auto()
    LISTENING = auto()
    HELD = auto()


@dataclass(frozen=True, slots=True)
class Rival:
    """Another hub that is on line. `wins` says whether we have to go."""

    status: HubStatus
    wins: bool


class SiteClaim:
    """The claim of one hub. Times are monotonic milliseconds."""

    def __init__(self, instance: str) -> None:
        self._instance = instance
        self._since_ms = 0
        self.state = Claim.WAITING

    def connected(self, now_ms: int) -> None:
        """The broker took us. The first time we listen; afterwards the claim stands."""
        if self.state is not Claim.HELD:
            self.state = Claim.LISTENING
            self._since_ms = now_ms

    def lost(self) -> None:
        """The broker is gone. What is held stays held: the site knows this hub."""
        if self.state is Claim.LISTENING:
            self.state = Claim.WAITING

    def heard(self, status: HubStatus, now_ms: int) -> Rival | None:
        """A hub's presence was received."""
        if status.instance == self._instance or not status.online:
            return None
        young = self.state is Claim.HELD and now_ms - self._since_ms < YOUNG_MS
        wins = self.state is not Claim.HELD or (young and status.instance < self._instance)
        return Rival(status, wins)

    def tick(self, now_ms: int) -> bool:
        """True once: when the silence was long enough and the site is ours."""
        if self.state is Claim.LISTENING and now_ms - self._since_ms >= LISTEN_MS:
            self.state = Claim.HELD
            self._since_ms = now_ms
            return True
        return False
