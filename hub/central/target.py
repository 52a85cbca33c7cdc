"""The contract of a target: a central system that is told what happens at the site. Pure.

A target says which happenings concern it and what is to be said of each; the courier (`hub.central.courier`) keeps the
queue, the order, the retries and the proof. `docs/central.md` walks through one in fifty lines.

    item   what a happening becomes here, under the key by which the receiver knows it again; nothing: not its business
    draft  the words to send, made when they are sent: what was mended meanwhile is sent mended
    send   says them; one outcome for each, in their order
    ask    what became of those that the receiver has only put into a queue of its own
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from hub.central.happening import Happening
from hub.presence import CardKey, Sighting
from hub.records import CrewMember


class Item(NamedTuple):
    """One thing that a receiver is to know.

    `id` is a UUID and the receiver's key. Items of one card go in the order of `at_ms`, the next one when the one
    before is accepted or set aside. Nothing is sent before `not_before_ms`. `happening` is where it came from.
    """

    id: str
    happening: str
    card: CardKey | None
    at_ms: int
    not_before_ms: int = 0


class Draft(NamedTuple):
    """What is to be sent. `receiver_id` is what the receiver calls it, where it was told before: then this corrects
    it."""

    item: Item
    body: bytes
    receiver_id: str | None = None

    @property
    def digest(self) -> bytes:
        """SHA-256 of the words."""
        return hashlib.sha256(self.body).digest()


@dataclass(frozen=True, slots=True)
class Accepted:
    """The receiver has it."""

    receiver_id: str | None = None
    words: str = ""


@dataclass(frozen=True, slots=True)
class Queued:
    """The receiver has put it into a queue of its own; `receiver_id` is what to ask for."""

    receiver_id: str
    words: str = ""


@dataclass(frozen=True, slots=True)
class Refused:
    """The receiver will never take it as it is: it goes aside, with the receiver's words, and the next one goes."""

    words: str
    field: str | None = None


@dataclass(frozen=True, slots=True)
class Later:
    """Nobody can tell: no answer, an answer that cannot be understood, or one that asks to wait. It is sent again."""

    words: str
    after_ms: int | None = None
    """As the receiver said (`Retry-After`); the whole target waits so long."""


@dataclass(frozen=True, slots=True)
class Stopped:
    """Nothing can be sent until a person has done something: a password, a certificate, an address."""

    words: str


Outcome = Accepted | Queued | Refused | Later | Stopped


class Unfit(Exception):
    """Raised by `draft`: a field that the receiver demands is not known here. The item goes aside."""

    def __init__(self, words: str, field: str | None = None) -> None:
        super().__init__(words)
        self.words = words
        self.field = field


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast a receiver may be told: so many at once, in pieces of so many, and no more than so many a second."""

    connections: int = 1
    batch: int = 1
    per_second: float | None = None


class Facts(Protocol):
    """What is known here, at the moment of drafting. Each may raise StoreError."""

    def happening(self, happening: str) -> Happening | None:
        """By its id; None when it was deleted meanwhile."""

    def holder(self, card: CardKey) -> CrewMember | None:
        """Whose card it is; None for a card that no crew list ever named."""

    def sightings(self, card: CardKey, from_ms: int, until_ms: int) -> Sequence[Sighting]:
        """All that was seen or said of a card in this time, in order."""


class Target(Protocol):
    """One receiver. `send` and `ask` may be called from several threads at once, all else from one."""

    pace: Pace

    def items(self, happening: Happening) -> Sequence[Item]:
        """What the receiver is to know of this; mostly one item, or none."""

    def draft(self, item: Item, facts: Facts) -> bytes | None:
        """The words. None: there is nothing to say after all. Raises Unfit or StoreError.

        The same facts make the same bytes: that is how a change is told from a repetition.
        """

    def send(self, drafts: Sequence[Draft]) -> Sequence[Outcome]:
        """Say them, at most `pace.batch`; blocking, with a time limit of its own. One outcome for each draft."""

    def ask(self, queued: Sequence[str]) -> Sequence[Outcome]:
        """What became of these, by the receiver's ids. Only called for what `send` called Queued."""

    def close(self) -> None:
        """Let go of connections."""
