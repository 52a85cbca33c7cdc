"""One hub for each site: who may speak for it. Pure.

    LISTENING --quiet for LISTEN_MS--> HELD
    LISTENING --another hub's retained presence--> listen on, until GHOST_MS
    LISTENING --another hub speaks--> refused
    HELD, still young --another hub is on line, whose instance is smaller--> refused
    HELD, settled --another hub is on line--> told, and held

A hub that holds its site says so every PRESENCE_MS. A retained presence that nobody repeats is a ghost: of
a hub whose disk is lost, kept by a broker that lost its power and so said no last will.

A settled hub does not give way: its site would have no hub because of one stray message.
Two that start in the same moment are told apart by their instance.
"""

from dataclasses import dataclass
from enum import Enum, auto

from gate.uplink.contract import HubStatus

LISTEN_MS = 1000
"""A broker sends retained messages right after the subscription; this is plenty on a site's network."""
PRESENCE_MS = 3000
GHOST_MS = 8000
"""More than two presences: one may be lost."""
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
        self._listen_ms = LISTEN_MS
        self._spoke_ms = 0
        self.state = Claim.WAITING

    def connected(self, now_ms: int) -> None:
        """The broker took us. The first time we listen; afterwards the claim stands."""
        if self.state is not Claim.HELD:
            self.state = Claim.LISTENING
            self._since_ms = now_ms
            self._listen_ms = LISTEN_MS

    def lost(self) -> None:
        """The broker is gone. What is held stays held: the site knows this hub."""
        if self.state is Claim.LISTENING:
            self.state = Claim.WAITING

    def heard(self, status: HubStatus, now_ms: int, *, retained: bool) -> Rival | None:
        """A hub's presence was received; `retained` when the broker gave it from its memory."""
        if status.instance == self._instance or not status.online:
            return None
        if retained and self.state is Claim.LISTENING:
            self._listen_ms = GHOST_MS
            return None
        young = self.state is Claim.HELD and now_ms - self._since_ms < YOUNG_MS
        wins = self.state is not Claim.HELD or (young and status.instance < self._instance)
        return Rival(status, wins)

    def tick(self, now_ms: int) -> bool:
        """True once: when the silence was long enough and the site is ours."""
        if self.state is Claim.LISTENING and now_ms - self._since_ms >= self._listen_ms:
            self.state = Claim.HELD
            self._since_ms = now_ms
            return True
        return False

    def presence_due(self, now_ms: int) -> bool:
        """True every PRESENCE_MS while the site is ours: time to say so."""
        if self.state is not Claim.HELD or now_ms - self._spoke_ms < PRESENCE_MS:
            return False
        self._spoke_ms = now_ms
        return True
