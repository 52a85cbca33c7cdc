"""Who is inside: a fold over completed passages. Pure.

Backlogs come late, twice, and out of order across gates, so the fold must not care: of every card only
the latest passage counts, by (time, gate, epoch, seq). That is a maximum over a total order, hence
commutative and idempotent. Nothing but `passage.completed` changes presence: a granted badge whose
holder turned round changes nothing; nor does anything but a person's word (`by_hand`) and what another system at
the site reports (`reported`), which are sightings too.

A check-out that somebody forgot is not an event and is stored nowhere as one: it follows from the last
sighting, the hour that the site has set, and the time of asking. So an exit that is told a day late is
simply the later sighting, and the roster is what it would have been.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import UTC, datetime, time, timedelta, tzinfo
from enum import StrEnum, unique
from typing import NamedTuple

from gate.zones import OUTSIDE, SITE

PASSAGE_COMPLETED = "passage.completed"
ENTRY = "entry"
EXIT = "exit"
CONFIRMATION = "confirmed"
"""Of a check-in: somebody says that they are still there. It moves nobody."""
MOVES = (ENTRY, EXIT)


@unique
class Certainty(StrEnum):
    """How sure we are that a person's last passage is what we think it is."""

    CERTAIN = "certain"
    CLOCK_UNTRUSTED = "clock_untrusted"
    """The gate's clock had not been set, so another passage may really have been later."""
    CLOCK_CORRECTED = "clock_corrected"
    """The clock was set later in the same boot, and the time reckoned back from there."""
    MANUAL = "manual"
    """No gate saw it: a person at the site office said so."""
    REPORTED = "reported"
    """No gate saw it: another system at the site has told of it."""


@unique
class Sure(StrEnum):
    """How sure we are of where somebody is now."""

    CONFIRMED = "confirmed"
    """A turnstile's sensor saw the body, and its gate's clock was right."""
    ASSUMED = "assumed"
    """A gate saw it by a clock that nobody had set: another passage may really be the last."""
    CLOSED_BY_RULE = "closed_by_rule"
    """Nobody saw them leave; the site's hour came, and the check-out was taken for forgotten."""
    MANUAL = "manual"
    REPORTED = "reported"


OFFICE = "@office"
"""In place of a gate's name where a person's word stands; no gate can be called so."""


class CardKey(NamedTuple):
    """A card: scheme and number, both as strings."""

    scheme: str
    number: str


def card_named(text: str) -> CardKey | None:
    """`hms:5310027`, or the number of an HMS card alone, as people and readers write it; None when it is neither."""
    scheme, colon, number = text.strip().rpartition(":")
    if not number or (colon and not scheme):
        return None
    return CardKey(scheme or "hms", number)


class Sighting(NamedTuple):
    """One completed passage of one card. The first four fields are the order, `time_ms` is Unix time in UTC."""

    time_ms: int
    gate: str
    epoch: str
    seq: int
    card: CardKey
    direction: str
    lane: str | None = None
    certainty: Certainty = Certainty.CERTAIN
    uid: str | None = None
    """Serial number of the chip that was shown, hexadecimal."""
    led_to: str | None = None
    """The zone, as far as the gate said."""

    @property
    def zone(self) -> str:
        """Where the card's holder is after this passage; empty is off the site."""
        if self.led_to is not None:
            return self.led_to
        return SITE if self.direction == ENTRY else OUTSIDE

    @property
    def inside(self) -> bool:
        """Whether the card's holder is on the site after this passage."""
        return self.zone != OUTSIDE


class Located(NamedTuple):
    """Where a card was seen last, and the groups that its permit names."""

    card: CardKey
    zone: str
    time_ms: int
    groups: tuple[str, ...] = ()


Presence = Mapping[CardKey, Sighting]


def later(one: Sighting, other: Sighting) -> Sighting:
    """The one of two sightings of a card that counts."""
    return one if one[:4] >= other[:4] else other


def fold(sightings: Iterable[Sighting], start: Presence | None = None) -> dict[CardKey, Sighting]:
    """The latest sighting of every card, beginning from what was known."""
    known = dict(start or {})
    for sighting in sightings:
        before = known.get(sighting.card)
        known[sighting.card] = sighting if before is None else later(before, sighting)
    return known


def inside(presence: Presence) -> list[Sighting]:
    """Those who are inside, longest first."""
    return sorted(sighting for sighting in presence.values() if sighting.inside)


class ClosingRule(NamedTuple):
    """At which hour forgotten check-outs are closed: at `at` by the clocks of `zone`, for whoever was then seen last
    `after_ms` ago or longer. The night shift is not sent home in the middle of its work."""

    at: time
    zone: tzinfo
    after_ms: int

    def closes_ms(self, since_ms: int) -> int:
        """When somebody who came in then is taken to have left.

        Where the clocks go forward over the hour, it is as long after midnight as on any day; where they go
        back over it, it is the first of the two.
        """
        earliest = datetime.fromtimestamp((since_ms + self.after_ms) / 1000, UTC)
        day = earliest.astimezone(self.zone).date()
        closing = datetime.combine(day, self.at, self.zone)
        if closing.astimezone(UTC) < earliest:
            closing = datetime.combine(day + timedelta(days=1), self.at, self.zone)
        return round(closing.timestamp() * 1000)


class Standing(NamedTuple):
    """Where a card's holder is by all that is known: `zone`, since when, and how sure that is."""

    sighting: Sighting
    zone: str
    since_ms: int
    sure: Sure

    @property
    def inside(self) -> bool:
        """Whether the holder is on the site."""
        return self.zone != OUTSIDE


SURE_OF = {
    Certainty.CERTAIN: Sure.CONFIRMED,
    Certainty.CLOCK_CORRECTED: Sure.CONFIRMED,
    Certainty.CLOCK_UNTRUSTED: Sure.ASSUMED,
    Certainty.MANUAL: Sure.MANUAL,
    Certainty.REPORTED: Sure.REPORTED,
}
"""What a sighting says of where somebody is, as long as no rule has closed it."""


def standing(sighting: Sighting, now_ms: int, rule: ClosingRule | None) -> Standing:
    """Where somebody is who was last seen like this. Without a rule nothing is ever closed."""
    if rule is not None and sighting.inside:
        closes_ms = rule.closes_ms(sighting.time_ms)
        if closes_ms <= now_ms:
            return Standing(sighting, OUTSIDE, closes_ms, Sure.CLOSED_BY_RULE)
    return Standing(sighting, sighting.zone, sighting.time_ms, SURE_OF[sighting.certainty])


def as_of(
    latest: Iterable[Sighting], history: Callable[[Collection[CardKey]], Iterable[Sighting]], then_ms: int
) -> dict[CardKey, Sighting]:
    """The presence of a moment in the past, from that of now. `history` gives all sightings of some cards, and is
    asked for those alone who were seen since."""
    known: dict[CardKey, Sighting] = {}
    since: set[CardKey] = set()
    for sighting in latest:
        if sighting.time_ms <= then_ms:
            known[sighting.card] = sighting
        else:
            since.add(sighting.card)
    if since:
        known |= fold(one for one in history(since) if one.time_ms <= then_ms)
    return known


class HandMark(NamedTuple):
    """A person's word that somebody went in or out at `at_ms`; it was written down at `made_ms`."""

    card: CardKey
    direction: str
    at_ms: int
    said_by: str
    reason: str
    made_ms: int


def by_hand(card: CardKey, direction: str, at_ms: int, number: int) -> Sighting:
    """What a person at the office said, as a sighting. `number` grows with every word that is written down."""
    return Sighting(at_ms, OFFICE, "", number, card, direction, certainty=Certainty.MANUAL)


class CheckIn(NamedTuple):
    """What another system at the site knows of somebody: that they came, left, or confirmed to be there still.

    `theirs` and `direction` together are what it calls this one thing: told again with another card or time, it has
    changed; told again as `deleted`, it never was, and neither card nor time need be said. `card` is None where that
    system knows no card number of the person.
    """

    theirs: str
    direction: str
    card: CardKey | None = None
    at_ms: int = 0
    deleted: bool = False

    @property
    def moves(self) -> bool:
        """Whether it says of a card where its holder is."""
        return self.card is not None and self.direction in MOVES and not self.deleted


def place_of(source: str) -> str:
    """What stands in place of a gate's name where another system has reported; no gate can be called so."""
    return f"@{source}"


def reported(source: str, check_in: CheckIn, seq: int) -> Sighting | None:
    """What another system said, as a sighting; None when it moves nobody. `seq` grows with all that this source
    tells."""
    if check_in.card is None or not check_in.moves:
        return None
    place = place_of(source)
    return Sighting(check_in.at_ms, place, "", seq, check_in.card, check_in.direction, certainty=Certainty.REPORTED)
