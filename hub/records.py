"""The values that travel between the hub's rooms: frozen, free of database and broker. Pure.

Hashes are the 32 bytes of a SHA-256; times are Unix milliseconds in UTC.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from gate.uplink.contract import GENESIS_HASH

MAX_NUMBER = 1 << 53
"""Greater ones are not exact in every JSON reader, and far greater ones fit into no database."""
GENESIS = bytes.fromhex(GENESIS_HASH)


class JournalKey(NamedTuple):
    """One journal file of one gate: a new file has a new epoch."""

    gate: str
    epoch: str


@dataclass(frozen=True, slots=True)
class Fork:
    """A second history of one journal: other records in places where records stand already.

    An older image of the disk was put back, or a copy of it runs elsewhere. In the first case the old history has
    ended for good; in the second both go on, and that is what tells them apart.
    """

    seq: int
    """The lowest place that was claimed twice, so far."""
    tip: int
    """The highest number that was here when the other history showed, and that record's hash."""
    tip_hash: bytes
    records: int
    """How often a place was claimed that was taken; repetitions count."""
    first_ms: int
    last_ms: int
    both_ms: int | None = None
    """When the history that was here first went on all the same."""


@dataclass(frozen=True, slots=True)
class Journal:
    """How far the hub holds a journal.

    `through`: all of 1..through is committed here, and `through_hash` is the hash of that record.
    `highest` is the greatest number seen, `stored` how many records are here; so
    `highest - stored` records are missing.
    """

    key: JournalKey
    through: int = 0
    through_hash: bytes = GENESIS
    highest: int = 0
    stored: int = 0
    first_seen_ms: int = 0
    fork: Fork | None = None


class Link(NamedTuple):
    """A record's place in the chain: its own hash, and the one it names as the record before it."""

    hash: bytes
    previous: bytes


class EventRecord(NamedTuple):
    """One event as it is stored, in the order of the table's columns; `body` is the very bytes of the journal."""

    id: str
    gate: str
    epoch: str
    seq: int
    kind: str
    time_ms: int | None
    scheme: str | None
    number: str | None
    lane: str | None
    direction: str | None
    reason: str | None
    badge: str | None
    body: bytes
    hash: bytes
    previous: bytes
    received_ms: int


@dataclass(frozen=True, slots=True)
class Rejected:
    """Something that could not be understood; kept aside and counted (P9)."""

    topic: str
    payload: bytes
    why: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class ChainBreak:
    """A record that does not follow the one before it: history was edited, or a disk was copied."""

    key: JournalKey
    seq: int
    expected: bytes
    found: bytes
    at_ms: int


class Qualification(NamedTuple):
    """What somebody may do, and until when (ISO 8601; None: for ever)."""

    kind: str
    expiry: str | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody wants of a gate, in the words of `gate.uplink.contract.Command`; and why, for the audit."""

    gate: str
    action: str
    lane: str | None
    direction: str | None
    by: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class GivenCommand:
    """The same under its number, valid for a short time."""

    number: int
    asked: Asked
    issued_ms: int
    expires_ms: int


@dataclass(frozen=True, slots=True)
class Answer:
    """What a gate's journal says of a command; `what` is why not."""

    done: bool
    what: str
    received_ms: int


@dataclass(frozen=True, slots=True)
class CrewMember:
    """One row of a crew list: one card, its holder, and what the holder may do here. Dates are ISO 8601 or None.

    `organisation_number` is the employer, which may be a sub-unit; the card names `main_unit`. `hired_by` is the
    company that hires the worker from the employer, `engaged_by` the next one up the contractor chain.
    """

    scheme: str
    number: str
    first_name: str
    last_name: str
    organisation_number: str
    date_of_birth: str | None = None
    organisation_name: str | None = None
    card_expiry: str | None = None
    role: str | None = None
    valid_from: str | None = None
    valid_until: str | None = None
    language: str | None = None
    training: bool = True
    company_approved: bool = True
    status: str = "ok"
    """What the list says of the card. What counts, with a register's word weighed in, is in `hub.permits.CardFacts`."""
    listed: bool = True
    groups: tuple[str, ...] = ()
    card_type: str | None = None
    status_as_of: str | None = None
    trade: str | None = None
    hired_by: str | None = None
    main_unit: str | None = None
    engaged_by: str | None = None
    register_status: str | None = None
    """None or `ok` is in order; otherwise `bankrupt`, `dissolving` or `deleted`."""
    startbank: bool | None = None
    startbank_as_of: str | None = None
    """The day on which somebody looked there."""
    tax_attestation: str | None = None
    """The day of the tax attestation (skatteattest) that the company has shown."""
    qualifications: tuple[Qualification, ...] = ()
    confirmed_by: str | None = None
    """Who has confirmed the qualifications."""
    no_card_because: str | None = None
    """`applied`, `pupil` or `placement`, for who is here on a card of the site."""
    approved_by: str | None = None
    """Who let this card in at the hub; None when a crew list did."""
    list_id: int | None = field(default=None, compare=False)
    """The kept list that brought these facts, and the row in it."""
    list_row: int | None = field(default=None, compare=False)
    same_as: tuple[str, str] | None = field(default=None, compare=False)
    """Another card of the same person, further up in the same list."""


@dataclass(frozen=True, slots=True)
class Block:
    """A card that opens nothing, whatever any list says."""

    scheme: str
    number: str
    reason: str
    blocked_by: str
    blocked_ms: int
    all_sites: bool = False
    origin: str | None = None
    """The site that has blocked it for all; None when this one did."""


@dataclass(frozen=True, slots=True)
class HeardBlock:
    """A card that another site has blocked for all. `at_ms` is by the clock of that site, the other times by ours.

    It counts unless it is `held` until somebody here accepts it, or was overruled here.
    """

    origin: str
    scheme: str
    number: str
    at_ms: int
    reason: str
    said_by: str
    heard_ms: int
    held: bool = False
    accepted_by: str | None = None
    overruled_ms: int | None = None
    overruled_by: str | None = None
    overruled_because: str | None = None

    @property
    def counts(self) -> bool:
        return not self.held and self.overruled_ms is None


@dataclass(frozen=True, slots=True)
class ToldBlock:
    """What this site tells the others of one card: blocked, or no longer."""

    scheme: str
    number: str
    at_ms: int
    blocked: bool
    reason: str = ""
    said_by: str = ""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Who did what to which card, when and why. `detail` names no person."""

    at_ms: int
    who: str
    action: str
    card: str | None
    detail: str


@dataclass(frozen=True, slots=True)
class CompanyFacts:
    """A company by all that crew lists have said of it; the fields are those of CrewMember."""

    organisation_number: str
    name: str | None
    approved: bool
    register_status: str | None = None
    startbank: bool | None = None


@dataclass(frozen=True, slots=True)
class ListCheck:
    """Somebody has checked the list of § 15 of a day (ISO 8601). `missing` is how often what was missing, `digest` the
    SHA-256 of what was checked, in hexadecimal."""

    day: str
    at_ms: int
    said_by: str
    people: int
    missing: Mapping[str, int]
    digest: str


@dataclass(frozen=True, slots=True)
class KeptList:
    """A crew list that was taken in. `change` is the difference that it made, as `+12 −3 ~7`."""

    id: int
    name: str
    taken_ms: int
    taken_by: str
    people: int
    change: str
    revision: int
    kept: bool
    """Whether its rows are still here, so that one can go back to it."""


@dataclass(frozen=True, slots=True)
class Enrolment:
    """A gate that may join, or has. Of its token only the public half is here, and the SHA-256 of the public key
    that it was spent on."""

    gate: str
    token_public: bytes | None
    token_expires_ms: int
    made_ms: int
    token_spent_on: str | None = None
    revoked_ms: int | None = None


@dataclass(frozen=True, slots=True)
class IssuedCertificate:
    """A certificate that a gate was given. `serial` is hexadecimal, `public_key` the SHA-256 of the key in it."""

    serial: str
    gate: str
    public_key: str
    pem: str
    not_before_ms: int
    not_after_ms: int
    revoked_ms: int | None = None
