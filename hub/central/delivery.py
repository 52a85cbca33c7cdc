"""What becomes of a thing that a receiver is to know: waiting, queued there, accepted, set aside. Pure.

    waiting ──send──▶ accepted            the receiver has it
       ▲  │ └───────▶ queued ──ask──▶ …   it is in the receiver's own queue; not done yet
       │  └─────────▶ aside               it will never take it as it is; kept with its words, for a person
       └─ later: again after a while, that grows with every failure (full jitter)

Of one card only the earliest that is open may go; all others wait for it. A receiver that fails is a pause for the
whole target, and then one record is tried before many; a receiver that wants a person stops it. A record at which the
receiver fails again and again while it takes others goes aside, and so does one that stays in its queue for a day:
nothing may hold back the rest.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum, unique
from typing import NamedTuple, TypeVar

from hub.central.happening import Happening, Place, Stream
from hub.central.target import Accepted, Draft, Item, Later, Outcome, Pace, Queued, Refused, Stopped
from hub.presence import Certainty
from portvakt.backoff import Backoff

T = TypeVar("T", str, str | None)

MAX_WORDS = 300
ASK_FIRST_MS = 2_000
ASK_CAP_MS = 600_000
LONGEST_PAUSE_MS = 86_400_000
"""No receiver may ask for more (`hub.central.web`)."""
QUEUED_FOR_MS = 86_400_000
"""What a receiver has in its own queue for so long, it has forgotten, or will never decide."""


@unique
class State(StrEnum):
    """Of one delivery."""

    WAITING = "waiting"
    QUEUED = "queued"
    ACCEPTED = "accepted"
    ASIDE = "aside"
    GIVEN_UP = "given_up"
    """A person has said that it will not be told."""


OPEN = (State.WAITING, State.QUEUED)
"""What holds back later things of the same card."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One thing for one receiver. `due_ms` is when it may be sent, or asked for, next."""

    item: Item
    state: State = State.WAITING
    attempts: int = 0
    due_ms: int = 0
    words: str = ""
    field: str | None = None
    receiver_id: str | None = None
    digest: bytes | None = None
    """SHA-256 of what was accepted last."""
    answered_ms: int | None = None


class Ahead(NamedTuple):
    """What a target has not been asked about yet, and its cursors after that."""

    happenings: list[Happening]
    cursors: dict[Stream, int]


class Found(NamedTuple):
    """Some of a target's deliveries, each with where it came from."""

    deliveries: list[Delivery]
    places: dict[str, Place]
    first_sent_ms: dict[str, int]


@dataclass(frozen=True, slots=True)
class Receiver:
    """How a target is. `stopped` holds the words for the person who can mend it."""

    failures: int = 0
    """In a row, without anything that went through between them."""
    pause_until_ms: int = 0
    stopped: str | None = None
    words: str = ""
    """Of the last failure."""
    accepted_ms: int | None = None
    """When something was taken last."""

    def may_send(self, now_ms: int) -> bool:
        # What lies further ahead comes from a clock that has been put back since.
        pausing = 0 < self.pause_until_ms - now_ms <= LONGEST_PAUSE_MS
        return self.stopped is None and not pausing

    def at_once(self, pace: Pace) -> int:
        """How many may be under way: one, as long as nobody knows whether the receiver is back."""
        return 1 if self.failures else pace.connections

    def in_one(self, pace: Pace) -> int:
        """How many go into one request."""
        return 1 if self.failures else pace.batch


@dataclass(frozen=True, slots=True)
class Rules:
    """What the site has set, and chance."""

    attempts: int
    records: Backoff
    target: Backoff


def settled_time(item: Item, happening: Happening, clock_wait_ms: int) -> Item:
    """Kept back a while, where the gate may still say what time it really was."""
    if happening.certainty is not Certainty.CLOCK_UNTRUSTED:
        return item
    return item._replace(not_before_ms=max(item.not_before_ms, happening.received_ms + clock_wait_ms))


def answered(delivery: Delivery, draft: Draft, outcome: Outcome, now_ms: int, rules: Rules) -> Delivery:
    """What a delivery is after its receiver has answered."""
    tried = replace(delivery, attempts=delivery.attempts + 1, answered_ms=now_ms, field=None)
    match outcome:
        case Accepted(receiver_id, words):
            known = _plain(receiver_id) or draft.receiver_id
            return replace(
                tried, state=State.ACCEPTED, words=_short(words), receiver_id=known, digest=draft.digest, due_ms=0
            )
        case Queued(receiver_id, words):
            due_ms = now_ms + ASK_FIRST_MS
            return replace(
                tried,
                state=State.QUEUED,
                words=_short(words),
                receiver_id=_plain(receiver_id),
                digest=draft.digest,
                due_ms=due_ms,
            )
        case Refused(words, field):
            return replace(tried, state=State.ASIDE, words=_short(words), field=_plain(field), due_ms=0)
        case Later(words):
            wait_ms = rules.records.wait_ms(tried.attempts)
            return replace(tried, state=State.WAITING, words=_short(words), due_ms=now_ms + wait_ms)
        case Stopped(words):
            # Nobody has looked at the record itself.
            return replace(delivery, state=State.WAITING, words=_short(words))


def asked(delivery: Delivery, outcome: Outcome, now_ms: int) -> Delivery:
    """What a queued delivery is after its receiver was asked what became of it."""
    match outcome:
        case Accepted(receiver_id, words):
            known = _plain(receiver_id) or delivery.receiver_id
            return replace(
                delivery, state=State.ACCEPTED, words=_short(words), receiver_id=known, due_ms=0, answered_ms=now_ms
            )
        case Refused(words, field):
            aside = replace(
                delivery, state=State.ASIDE, words=_short(words), field=_plain(field), due_ms=0, answered_ms=now_ms
            )
            # It was never accepted: the same words are not told already.
            return replace(aside, digest=None)
        case Queued(_, words) if now_ms - (delivery.answered_ms or now_ms) >= QUEUED_FOR_MS:
            told = _short(f"in the receiver's own queue for more than a day; last: {words}")
            return replace(delivery, state=State.ASIDE, words=told, due_ms=0, answered_ms=now_ms, digest=None)
        case Queued(_, words) | Later(words) | Stopped(words):
            waited_ms = max(ASK_FIRST_MS, now_ms - (delivery.answered_ms or now_ms))
            return replace(delivery, words=_short(words), due_ms=now_ms + min(ASK_CAP_MS, waited_ms))


def worn_out(delivery: Delivery, receiver: Receiver, first_sent_ms: int, rules: Rules) -> Delivery:
    """The same, set aside where the receiver has failed at it too often and has taken others meanwhile."""
    others = receiver.accepted_ms is not None and receiver.accepted_ms >= first_sent_ms
    if delivery.state is not State.WAITING or delivery.attempts < rules.attempts or not others:
        return delivery
    words = f"failed {delivery.attempts} times, while others went through; last: {delivery.words}"
    return replace(delivery, state=State.ASIDE, words=_short(words), due_ms=0)


def unfit(delivery: Delivery, words: str, field: str | None, now_ms: int) -> Delivery:
    """What could not even be written goes aside as what the receiver refuses."""
    return replace(delivery, state=State.ASIDE, words=_short(words), field=_plain(field), due_ms=0, answered_ms=now_ms)


def nothing_new(delivery: Delivery, words: str, now_ms: int) -> Delivery:
    """There is nothing to say, or what was said already."""
    return replace(delivery, state=State.ACCEPTED, words=words, due_ms=0, answered_ms=now_ms)


def receiver_after(receiver: Receiver, outcomes: Sequence[Outcome], now_ms: int, rules: Rules) -> Receiver:
    """What the outcomes of one request tell of the receiver. A wait that it asked for, and a stop, outlast what went
    through meanwhile on another connection."""
    for one in outcomes:
        if isinstance(one, Stopped):
            return replace(receiver, stopped=_short(one.words), words=_short(one.words))
    later = [one for one in outcomes if isinstance(one, Later)]
    if not later and outcomes:
        return replace(receiver, failures=0, words="", accepted_ms=_taken_ms(receiver, outcomes, now_ms))
    if not later:
        return receiver
    asked_to_wait = max((one.after_ms or 0 for one in later), default=0)
    if len(later) < len(outcomes):
        # It is there: what failed waits by itself.
        return replace(
            receiver,
            failures=0,
            pause_until_ms=max(receiver.pause_until_ms, now_ms + asked_to_wait),
            words=_short(later[-1].words),
            accepted_ms=_taken_ms(receiver, outcomes, now_ms),
        )
    wait_ms = max(asked_to_wait, rules.target.wait_ms(receiver.failures))
    return replace(
        receiver,
        failures=receiver.failures + 1,
        pause_until_ms=max(receiver.pause_until_ms, now_ms + wait_ms),
        words=_short(later[-1].words),
    )


def _taken_ms(receiver: Receiver, outcomes: Sequence[Outcome], now_ms: int) -> int | None:
    taken = any(isinstance(one, Accepted | Queued) for one in outcomes)
    return now_ms if taken else receiver.accepted_ms


class Throttle:
    """No more than so many a second; a second's worth may go at once. Times are passed in."""

    def __init__(self, per_second: float | None) -> None:
        self._per_second = per_second
        self._left = per_second or 0.0
        self._at_ms: int | None = None

    def allowed(self, now_ms: int) -> int | None:
        """How many may go now; None: as many as there are."""
        if self._per_second is None:
            return None
        if self._at_ms is not None:
            gained = max(0, now_ms - self._at_ms) / 1000 * self._per_second
            self._left = min(max(1.0, self._per_second), self._left + gained)
        self._at_ms = now_ms
        return int(self._left)

    def went(self, count: int) -> None:
        """So many were sent."""
        self._left -= count


def _short(words: str) -> str:
    """One line of what a receiver says."""
    return _plain(" ".join(words.split())[:MAX_WORDS])


def _plain(text: T) -> T:
    """The text as any database takes it: one with a zero or half a character in it would stop the target for good."""
    if text is None or text.isprintable():
        return text
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)
