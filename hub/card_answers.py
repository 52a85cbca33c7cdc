"""What a card register says of a card, and when its word counts at the gates. Pure.

Three may speak about a card, and each keeps its own word: the site blocks (nothing lifts that but the site), the crew
list says ok, blocked or cancelled as of a day, the register answers as of a moment. Between list and register the
later day counts; of the same day the register, which was asked itself. Only a register's explicit answer has a word
in this at all: silence, an error, or an answer that nobody understands changes nothing.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from enum import StrEnum, unique
from typing import NamedTuple

from hub.presence import CardKey


@unique
class CardStatus(StrEnum):
    """The statuses that are told apart here; a register's own words are kept beside."""

    VALID = "valid"
    TEMPORARY = "temporary"
    """A receipt that counts as a card."""
    EXPIRED = "expired"
    BLOCKED = "blocked"
    """Lost, stolen, replaced."""
    INVALIDATED = "invalidated"
    """The holder left the employer, or the employer fell out of a register; it may become valid again."""
    PENDING = "pending"
    """Ordered, not delivered."""
    UNKNOWN = "unknown"
    """The register knows no such card."""
    OTHER = "other"
    """A word that nobody has given a meaning here."""


GOOD = frozenset({CardStatus.VALID, CardStatus.TEMPORARY})
OK = "ok"
CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a register said of a card. `words` are its own. `employer` is the organisation number that it names,
    `expiry` an ISO 8601 date; both None where it says nothing of it."""

    status: CardStatus
    words: str
    level: str = "number"
    """How it was asked: by the card's number, or by the code of its chip or QR."""
    employer: str | None = None
    expiry: str | None = None


@dataclass(frozen=True, slots=True)
class CardAnswer:
    """What is kept of a register's word on one card. Times are Unix milliseconds.

    `counts` is what the gates go by: `ok`, `cancelled`, or None for nothing yet; `counts_day` is the day, by the
    site's calendar, on which that was said last. `held`: the last answer would turn a card that is valid here not
    valid, and waits (see `too_many`).
    """

    card: CardKey
    answer: Answer | None
    answered_ms: int | None
    asked_ms: int
    failure: str | None = None
    """Why the last question got no answer."""
    counts: str | None = None
    counts_day: str | None = None
    held: bool = False


class Asking(NamedTuple):
    """One question: of which card, when, on which day of the site, and which answers make a card not valid."""

    card: CardKey
    now_ms: int
    day: str
    not_valid: Collection[CardStatus]


def verdict(status: CardStatus, not_valid: Collection[CardStatus]) -> str | None:
    """What an answer means at the gates; None: nothing."""
    if status in GOOD:
        return OK
    return CANCELLED if status in not_valid else None


def effective(said: str, said_day: str | None, counts: str | None, counts_day: str | None) -> str:
    """The status of a card, of what the crew list and the register say. Days are ISO 8601, of the site's calendar."""
    if said not in (OK, CANCELLED) or counts is None or counts_day is None:
        return said
    return said if (said_day or "") > counts_day else counts


def too_many(turned: int, valid: int, share: float, few: int) -> bool:
    """Whether so many answers "not valid" at once are more likely a mistake of the register than of so many people."""
    return turned > max(few, share * valid)


def heard(before: CardAnswer | None, asked: Asking, answer: Answer) -> CardAnswer:
    """What is kept after an answer. One that makes a card not valid is held first: whether it counts is decided when
    all of its round have answered."""
    counts, day = (before.counts, before.counts_day) if before else (None, None)
    says = verdict(answer.status, asked.not_valid)
    held = says == CANCELLED and counts != CANCELLED
    if says is not None and not held:
        counts, day = says, asked.day
    return CardAnswer(asked.card, answer, asked.now_ms, asked.now_ms, None, counts, day, held)


def not_heard(before: CardAnswer | None, asked: Asking, why: str) -> CardAnswer:
    """What is kept after a question that got no answer about this card: all that was known, and why it is older now."""
    if before is None:
        return CardAnswer(asked.card, None, None, asked.now_ms, why)
    return replace(before, asked_ms=asked.now_ms, failure=why)


def released(held: CardAnswer, day: str) -> CardAnswer:
    """It counts from now on."""
    return replace(held, counts=CANCELLED, counts_day=day, held=False)
