"""What the controller needs of the world. A docstring here is the contract that every driver keeps,
real or simulated; `tests/conformance` holds each driver to it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeAlias

from gate.model import (
    CardHistory,
    CardId,
    CardReading,
    Decision,
    Detail,
    Direction,
    Event,
    EventKind,
    JournalHead,
    ListState,
    Moment,
    MusterReply,
    OutgoingRecord,
    Permit,
    ReaderState,
)
from gate.site import Seen
from gate.turnstile import Mode


@dataclass(frozen=True, slots=True)
class CardShown:
    """A reader has something to decide on. Sent once for each showing, not again while it stays."""

    reading: CardReading


@dataclass(frozen=True, slots=True)
class HolderRead:
    """The first name on a card that was shown just before; only from readers that are set to greet (P12)."""

    reader: str
    card: CardId
    first_name: str


@dataclass(frozen=True, slots=True)
class ReaderChanged:
    """A reader's health changed; `what` is a short sentence of what is wrong and what to do, or empty."""

    reader: str
    state: ReaderState
    what: str = ""


@dataclass(frozen=True, slots=True)
class PassageSensed:
    """A body went through the lane, the sensor says in this direction."""

    lane: str
    direction: Direction


@dataclass(frozen=True, slots=True)
class Noted:
    """Another room has something for the journal: a list applied or refused, an alarm come or gone.

    For the two alarm kinds, `detail["alarm"]` names the alarm; one that is raised twice is noted once.
    """

    kind: EventKind
    detail: Detail
    command: int | None = None


@dataclass(frozen=True, slots=True)
class TurnedBack:
    """Somebody began to go through the lane in this direction, and went back."""

    lane: str
    direction: Direction


@dataclass(frozen=True, slots=True)
class ButtonPressed:
    """A person at the site lets one body through: the exit button, or the guard's for an entry."""

    lane: str
    direction: Direction


@dataclass(frozen=True, slots=True)
class FireLoop:
    """The fire input: a loop that is closed while all is well. Sent at the start and at every change."""

    closed: bool


@dataclass(frozen=True, slots=True)
class KeyTurned:
    """A person at the site has turned the key that ends an evacuation."""


@dataclass(frozen=True, slots=True)
class SideGateChanged:
    """The contact of a side gate: nobody counts who goes through."""

    name: str
    open: bool


@dataclass(frozen=True, slots=True)
class ModeAsked:
    """The site wants a lane, or all with None, in another mode. `by` says who, in a word or two; `number` is that
    of the hub's command, whose outcome is then recorded."""

    lane: str | None
    mode: Mode
    by: str
    number: int | None = None


@dataclass(frozen=True, slots=True)
class SiteTold:
    """The hub's word of where cards were seen last. `again_ms` is 0 for an old word that was kept by the
    broker; otherwise the hub has just spoken, and will again within that time."""

    sightings: Sequence[tuple[CardId, Seen]]
    again_ms: int = 0


@dataclass(frozen=True, slots=True)
class PassAsked:
    """The site lets one body through a lane."""

    lane: str
    direction: Direction
    by: str
    number: int | None = None


Input: TypeAlias = (
    CardShown
    | HolderRead
    | ReaderChanged
    | PassageSensed
    | TurnedBack
    | ButtonPressed
    | FireLoop
    | KeyTurned
    | SideGateChanged
    | ModeAsked
    | PassAsked
    | SiteTold
    | Noted
)
Deliver: TypeAlias = Callable[[Input], None]
"""Hands a value to the controller. Never blocks, may be called from any thread."""


class Clock(Protocol):
    """Time with its evidence."""

    def now(self) -> Moment:
        """The present instant. Never blocks; `monotonic_ms` never goes back within a boot."""


class Reader(Protocol):
    """A card reader. It runs its own thread; the controller sees values only.

    Must: deliver one CardShown for each showing, readable or not, and ReaderChanged whenever its
    health changes; recover by itself from an unplugged device or a restarted service.
    Must not: raise out of its thread, keep a card's contents after delivering them, log a card
    number that is not masked.
    """

    name: str

    def start(self, deliver: Deliver) -> None:
        """Begin reading. Returns at once; a device that is away is a state, not an error."""

    def show(self, decision: Decision) -> None:
        """Tell the worker at the reader itself, by its lamp and buzzer; one that has none does nothing.

        Returns at once. Never raises: a dark lamp stops nobody."""

    def close(self) -> None:
        """Stop and let go of the device. Idempotent; returns when the thread has ended."""


class Lane(Protocol):
    """One turnstile. Every call returns within a few milliseconds and may be repeated without harm."""

    name: str

    def start(self, deliver: Deliver) -> None:
        """Drive the outputs to their safe level, then begin to deliver PassageSensed."""

    def release(self, direction: Direction) -> None:
        """Let one body through in this direction. Raises RelayError."""

    def secure(self) -> None:
        """Back to the locked rest state. Raises RelayError."""

    def hold(self, ways: frozenset[Direction]) -> None:
        """Leave these ways released, the others locked, until `secure` or another `hold`. Raises RelayError."""

    def show_mode(self, mode: Mode) -> None:
        """Tell whoever comes what the lane does now. Never raises."""

    def show(self, decision: Decision, direction: Direction, language: str | None) -> None:
        """Tell the worker, by lamps, buzzer or screen. Never raises: a dark lamp stops nobody."""

    def greet(self, first_name: str) -> None:
        """Add the holder's name to the answer that is shown now. Never raises; a lane without a screen does
        nothing."""

    def close(self) -> None:
        """Drive the outputs to their safe level and let go of them. Idempotent."""


class MusterSign(Protocol):
    """What stands beside the readers of an assembly point: lamps, buzzer, screen. Nothing there moves."""

    name: str

    def start(self) -> None:
        """Begin, with everything dark. Raises RelayError."""

    def show(self, reply: MusterReply, language: str | None) -> None:
        """Tell whoever has shown a card what came of it. Returns at once; never raises."""

    def greet(self, first_name: str) -> None:
        """Add the holder's name to the answer that is shown now. Never raises."""

    def close(self) -> None:
        """Let go. Idempotent; never raises."""


class Panel(Protocol):
    """The site's own contacts at this gate: fire loop, key switch, side gates."""

    def start(self, deliver: Deliver) -> None:
        """Deliver how every contact stands, then every change. Raises RelayError."""

    def close(self) -> None:
        """Let go. Idempotent."""


class PermitStore(Protocol):
    """The allow-list on the SD card."""

    def find(self, card: CardId) -> Permit | None:
        """The permit for a card; None when the list does not know it. Raises StoreError."""

    def state(self) -> ListState | None:
        """Which list this is; None before the first one."""


class Journal(Protocol):
    """The gate's append-only record, and the outbox, in one file."""

    def append(self, events: Sequence[Event], deadline_ms: int) -> bool:
        """Commit the events in order, as one transaction.

        True: they are on the disk. False: the disk has not answered within the deadline; the events
        are safe in memory, keep their place, and will be written. Blocks no longer than the deadline.
        Raises StoreFull, and then keeps nothing, when the memory before the disk is full too.
        """

    @property
    def waiting(self) -> int:
        """How many events are in memory only."""

    def history(self, card: CardId) -> CardHistory:
        """What this gate has recorded of a card. Raises StoreError."""

    def modes(self) -> Mapping[str, str]:
        """The mode that each lane was last recorded in (`gate.turnstile.Mode`)."""

    def head(self) -> JournalHead:
        """The end of the chain that is on the disk."""


class Outbox(Protocol):
    """The uplink's side of the journal."""

    def head(self) -> JournalHead:
        """The end of the chain that is on the disk."""

    def oldest(self) -> int:
        """The lowest number that is still there; 0 while there is none."""

    def settled(self) -> int:
        """The highest number that the hub has acknowledged; 0 before the first."""

    def commanded(self) -> int:
        """The highest number of a command whose outcome was recorded; 0 before the first."""

    def read(self, after: int, limit: int) -> Sequence[OutgoingRecord]:
        """Up to `limit` committed records with numbers above `after`, in order."""

    def settle(self, through: int) -> None:
        """The hub has committed everything up to `through`. Never moves back."""


class ListedPermit(NamedTuple):
    """A permit with its share in the list's digest: 32 bytes, made from what came over the wire."""

    permit: Permit
    proof: bytes


class PermitKeeper(Protocol):
    """The uplink's side of the permit store."""

    def state(self) -> ListState | None:
        """Which list this is; None before the first one."""

    def proofs(self, cards: Sequence[CardId]) -> Mapping[CardId, bytes]:
        """Of these cards, those that are listed. Raises StoreError."""

    def replace(self, permits: Sequence[ListedPermit], state: ListState) -> None:
        """Make this the list, in one transaction that lookups never wait for.

        Raises ListRefused when `state.revision` is not above the present one (P5)."""

    def change(self, permits: Sequence[ListedPermit], state: ListState) -> None:
        """The same, with all other permits left as they are."""

    def confirm(self, state: ListState) -> None:
        """The hub says that the present list is still the current one. Raises ListRefused when
        `state` speaks of another revision or digest."""
