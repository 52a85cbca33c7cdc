"""The gate's values: frozen, comparable, free of any driver.

Every other room speaks in these. Times are whole milliseconds and say so in their names; dates are
calendar dates where the site is. A card number is a string: it may start with 0 and may hold letters.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import IntEnum, StrEnum, unique
from typing import TypeAlias


@unique
class Direction(StrEnum):
    """Which way a body goes. Rules may refuse ENTRY, never EXIT."""

    ENTRY = "entry"
    EXIT = "exit"


@unique
class Medium(StrEnum):
    """How a card was shown."""

    CHIP = "chip"
    OSDP = "osdp"
    STRIPE = "stripe"
    QR = "qr"
    UID = "uid"
    MANUAL = "manual"


class Strength(IntEnum):
    """How hard a credential is to copy; greater is stronger. Even CHIP is a claim: CRYPTO1 is broken."""

    UID = 1
    QR = 2
    STRIPE = 3
    OSDP = 4
    CHIP = 5
    MANUAL = 6


STRENGTH_OF: Mapping[Medium, Strength] = {medium: Strength[medium.name] for medium in Medium}


@dataclass(frozen=True, slots=True, order=True)
class CardId:
    """A card: its scheme (`hms`, `site`, `id06` …) and its number in that scheme's own spelling."""

    scheme: str
    number: str

    def __str__(self) -> str:
        return f"{self.scheme}:{self.number}"

    @property
    def masked(self) -> str:
        """The form for logs: enough to recognise one's own card, too little to list people."""
        shown = self.number
        return f"{self.scheme}:{shown[:2]}…{shown[-2:]}" if len(shown) > 4 else f"{self.scheme}:…"


@dataclass(frozen=True, slots=True)
class CardContents:
    """What the card says of itself; None means that the card does not carry the field.

    A field that is there but cannot be decoded is never None here: if a decision needs it, the whole
    reading is UNREADABLE; otherwise its name stands in `damaged`.
    """

    card: CardId
    expiry_date: date | None = None
    organisation_number: str | None = None
    organisation_name: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    date_of_birth: date | None = None
    gender: str | None = None
    damaged: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A card was there but gave no number: what went wrong, and where on the card."""

    what: str
    block: int | None = None
    field: str | None = None


@dataclass(frozen=True, slots=True)
class Moment:
    """An instant with its evidence (P10).

    `boot` identifies one run of the kernel; `monotonic_ms` counts within it and never jumps;
    `wall_ms` is Unix time in UTC as the clock showed it; `trusted` says whether that clock had been
    set by a time source during this boot.
    """

    boot: str
    monotonic_ms: int
    wall_ms: int
    trusted: bool


@unique
class ReaderState(StrEnum):
    """How a reader is. FAULTY is what needs a person: settings, rights, a line that carries nonsense."""

    STARTING = "starting"
    OK = "ok"
    ABSENT = "absent"
    HUNG = "hung"
    FAULTY = "faulty"
    TAMPERED = "tampered"


@dataclass(frozen=True, slots=True)
class CardReading:
    """One showing of one card at one reader. `uid` is 4, 7 or 10 bytes as on the wire, or empty."""

    reader: str
    medium: Medium
    result: CardContents | Unreadable
    uid: bytes = b""
    exchanges: int | None = field(default=None, compare=False)
    """Between card, reader and gate, where that is counted."""


@unique
class Reason(StrEnum):
    """Why a badge was answered as it was. The value is the stable code: on the wire, in every store.

    GRANTED is the answer without an objection; every other member is an objection, which refuses an
    entry and is merely noted at an exit. EXPIRES_SOON is the one that only ever warns.
    """

    GRANTED = "granted"
    UNREADABLE = "unreadable"
    LANE_CLOSED = "lane_closed"
    BLOCKED = "blocked"
    UNKNOWN_CARD = "unknown_card"
    CANCELLED = "cancelled"
    EMPLOYER_MISMATCH = "employer_mismatch"
    WEAK_CREDENTIAL = "weak_credential"
    EXPIRED = "expired"
    NOT_ON_CREW_LIST = "not_on_crew_list"
    OUTSIDE_PERIOD = "outside_period"
    COMPANY_NOT_APPROVED = "company_not_approved"
    TRAINING_MISSING = "training_missing"
    ALREADY_INSIDE = "already_inside"
    ZONE_FULL = "zone_full"
    COVER_MISSING = "cover_missing"
    SHORT_REST = "short_rest"
    OUTSIDE_HOURS = "outside_hours"
    EXPIRES_SOON = "expires_soon"
    LIST_STALE = "list_stale"
    CLOCK_UNTRUSTED = "clock_untrusted"


@dataclass(frozen=True, slots=True)
class Permit:
    """The compiled answer for one card on one site.

    `standing` is GRANTED, or the objection that the hub has already found (blocked, cancelled,
    not_on_crew_list, company_not_approved, training_missing). Dates are inclusive. `employer` is the
    organisation number that the card is expected to carry: the main unit, not the sub-unit. `groups` are
    the site's own words: whose hours hold, who is a first-aider.
    """

    card: CardId
    standing: Reason = Reason.GRANTED
    valid_from: date | None = None
    valid_until: date | None = None
    card_expiry: date | None = None
    employer: str | None = None
    language: str | None = None
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ListState:
    """Which permit list the gate holds. `confirmed_ms` is when the hub last signed that it is current."""

    revision: int
    count: int
    digest: str
    confirmed_ms: int
    expires_ms: int


@dataclass(frozen=True, slots=True)
class LastPassage:
    """The last completed passage of one card that is known here, and the zone that it led to (`gate.zones`)."""

    zone: str
    wall_ms: int


@dataclass(frozen=True, slots=True)
class LastChip:
    """The last chip that this gate itself read a card number from. `uid` is its serial number."""

    uid: bytes
    wall_ms: int


@dataclass(frozen=True, slots=True)
class CardHistory:
    """What this gate remembers of one card; None is what it has not seen, or forgotten (P12)."""

    last_passage: LastPassage | None = None
    last_chip: LastChip | None = None


NOTHING_KNOWN = CardHistory()


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer to one badge.

    `reason` is the first objection, or GRANTED. An exit is admitted whatever the reason; an entry is
    admitted only with GRANTED. `warnings` are objections that a rule says to note and let pass.
    """

    admitted: bool
    reason: Reason
    warnings: tuple[Reason, ...] = ()


@unique
class MusterReply(StrEnum):
    """What came of a card at a muster reader. NOT_KEPT: it was read, and there was no room left to write it down."""

    COUNTED = "counted"
    UNREADABLE = "unreadable"
    NOT_KEPT = "not_kept"


@unique
class EventKind(StrEnum):
    """What the journal records. The value is the tail of the CloudEvents type.

    PASSAGE_FREE is a body where everybody may go, PASSAGE_FORCED one without a grant where one was
    wanted, PASSAGE_TAILGATED one on another's grant. A side gate that opens lets out nobody knows how many.
    MUSTER_BADGE is a card shown at an assembly point: it moves nothing, and nothing is decided about it.
    """

    BADGE_GRANTED = "badge.granted"
    BADGE_REFUSED = "badge.refused"
    MUSTER_BADGE = "muster.badge"
    PASSAGE_COMPLETED = "passage.completed"
    PASSAGE_ABANDONED = "passage.abandoned"
    PASSAGE_FORCED = "passage.forced"
    PASSAGE_TAILGATED = "passage.tailgated"
    PASSAGE_FREE = "passage.free"
    LANE_MODE = "lane.mode"
    SIDE_GATE_OPENED = "side_gate.opened"
    SIDE_GATE_CLOSED = "side_gate.closed"
    COMMAND_DONE = "command.done"
    COMMAND_REFUSED = "command.refused"
    GATE_STARTED = "gate.started"
    GATE_STOPPED = "gate.stopped"
    CLOCK_TRUSTED = "clock.trusted"
    LIST_APPLIED = "list.applied"
    LIST_REFUSED = "list.refused"
    CLONE_SUSPECTED = "clone.suspected"
    ALARM_RAISED = "alarm.raised"
    ALARM_CLEARED = "alarm.cleared"


Detail: TypeAlias = Mapping[str, str | int | bool]


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened, before the journal gives it its number.

    `badge` ties a passage to the badge that was granted: it is that badge's own random id. `uid` is the
    serial number of the chip that was read, where it says which chip that was. `zone` is where a passage led
    (`gate.zones`). `command` is the number of the hub's command that it came of.
    """

    kind: EventKind
    moment: Moment
    lane: str | None = None
    direction: Direction | None = None
    card: CardId | None = None
    medium: Medium | None = None
    reason: Reason | None = None
    warnings: tuple[Reason, ...] = ()
    employer: str | None = None
    badge: str | None = None
    uid: bytes = b""
    zone: str | None = None
    detail: Detail = field(default_factory=dict)
    command: int | None = None


@dataclass(frozen=True, slots=True)
class JournalHead:
    """The end of the journal's chain: its epoch (a new one for every new journal file), the last
    number given, and the hash of that record."""

    epoch: str
    seq: int
    hash: str


@dataclass(frozen=True, slots=True)
class OutgoingRecord:
    """A journal record as it goes out: exactly the bytes that were committed."""

    seq: int
    body: bytes
