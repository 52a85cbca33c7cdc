"""May this card pass here, now? The one place where a card is let in or refused.

Rules may refuse an ENTRY and never an EXIT (P6): a card that leaves gets the same look, what is wrong
with it is recorded, and it is let out. Nothing here reads a clock, a file or a network (P1): all that
an answer rests on is in the arguments, so every answer can be given again from the journal.

The objections are looked for in a fixed order, the most serious and least mendable first: a blocked
card is told that it is blocked, not that its training is missing.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, tzinfo

from gate.model import (
    NOTHING_KNOWN,
    CardContents,
    CardHistory,
    CardReading,
    Decision,
    Direction,
    ListState,
    Medium,
    Moment,
    Permit,
    Reason,
    Unreadable,
)
from gate.rules import (
    DAY_MS,
    NO_REST_RULE,
    WARN_OF_PASSBACK,
    Action,
    Cover,
    Crowd,
    ListPolicy,
    Occupancy,
    OpeningHours,
    Passback,
    Rest,
    is_newly_in,
    is_open,
)
from gate.zones import SITE

HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Credentials:
    """Which media count, by direction. One that does not count refuses an entry and is noted at an exit.

    `if_chip_seen`: those that open an entry only when this gate has read the same card's number from its
    chip within `chip_seen_ms`: paper or a copied stripe alone opens nothing.
    """

    entry: frozenset[Medium] = frozenset({Medium.CHIP, Medium.OSDP})
    exit: frozenset[Medium] = frozenset(Medium)
    if_chip_seen: frozenset[Medium] = frozenset()
    chip_seen_ms: int = 14 * 86_400_000

    def suffice(self, medium: Medium, at: "Circumstances") -> bool:
        """Whether a card shown this way may pass, as far as that goes."""
        if at.direction is Direction.EXIT:
            return medium in self.exit
        if medium in self.entry:
            return True
        seen = at.history.last_chip
        if medium not in self.if_chip_seen or seen is None or not at.now.trusted:
            return False
        return 0 <= at.now.wall_ms - seen.wall_ms <= self.chip_seen_ms


@dataclass(frozen=True, slots=True)
class Rules:
    """The site's choices; `zone` is where its calendar days begin and end.

    `hub_away`: the most that a rule about the whole site does while the gate knows its own passages only.
    """

    zone: tzinfo
    credentials: Credentials = Credentials()
    passback: Passback = WARN_OF_PASSBACK
    hours: tuple[OpeningHours, ...] = ()
    outside_hours: Action = Action.REFUSE
    rest: Rest = NO_REST_RULE
    occupancy: tuple[Occupancy, ...] = ()
    cover: tuple[Cover, ...] = ()
    hub_away: Action = Action.WARN
    manual_pass: Action = Action.OFF
    expiry_notice_days: int = 30
    ageing_after_ms: int = 24 * HOUR_MS
    ageing_list: ListPolicy = ListPolicy.EVERYBODY
    stale_after_ms: int = 72 * HOUR_MS
    stale_list: ListPolicy = ListPolicy.NOBODY
    seen_here_ms: int = 14 * DAY_MS
    untrusted_clock: Action = Action.WARN


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What holds at the lane at this moment, apart from the card. An entry leads to `zone`.

    `alone`: other gates may have seen what this one has not heard of.
    """

    direction: Direction
    now: Moment
    list_state: ListState | None
    history: CardHistory = NOTHING_KNOWN
    lane_closed: bool = False
    lane: str = ""
    zone: str = SITE
    crowd: Crowd = field(default_factory=dict)
    alone: bool = False


def decide(reading: CardReading, permit: Permit | None, circumstances: Circumstances, rules: Rules) -> Decision:
    """The answer to one badge; `permit` is what the list holds for the card, None when nothing."""
    refusals: list[Reason] = []
    warnings: list[Reason] = []
    for reason, action in _objections(reading, permit, circumstances, rules):
        if action is Action.REFUSE:
            refusals.append(reason)
        elif action is Action.WARN:
            warnings.append(reason)
    first = refusals[0] if refusals else Reason.GRANTED
    leaving = circumstances.direction is Direction.EXIT
    # Two rules may object for the same reason, in different ways.
    noted = tuple(reason for reason in dict.fromkeys(warnings) if reason not in refusals)
    return Decision(admitted=leaving or not refusals, reason=first, warnings=noted)


def decide_by_hand(direction: Direction, *, lane_closed: bool, rules: Rules) -> Decision:
    """The answer to a button, or to a person who lets somebody through: nobody's card."""
    if direction is Direction.EXIT:
        return Decision(admitted=True, reason=Reason.GRANTED)
    if lane_closed:
        return Decision(admitted=False, reason=Reason.LANE_CLOSED)
    if rules.manual_pass is Action.REFUSE:
        return Decision(admitted=False, reason=Reason.WEAK_CREDENTIAL)
    warned = rules.manual_pass is Action.WARN
    return Decision(admitted=True, reason=Reason.GRANTED, warnings=(Reason.WEAK_CREDENTIAL,) if warned else ())


def _objections(
    reading: CardReading, permit: Permit | None, at: Circumstances, rules: Rules
) -> Iterator[tuple[Reason, Action]]:
    entering = at.direction is Direction.ENTRY
    if isinstance(reading.result, Unreadable):
        yield Reason.UNREADABLE, Action.REFUSE
        return
    if entering and at.lane_closed:
        yield Reason.LANE_CLOSED, Action.REFUSE
    if permit is not None and permit.standing is Reason.BLOCKED:
        yield Reason.BLOCKED, Action.REFUSE
    if at.list_state is None:
        # A gate that has never had a list knows nobody: "unknown card" would blame the worker.
        yield Reason.LIST_STALE, Action.REFUSE
        return
    if permit is None:
        yield Reason.UNKNOWN_CARD, Action.REFUSE
        return
    yield from _objections_to_the_card(reading, reading.result, permit, at, rules)
    if permit.standing not in (Reason.GRANTED, Reason.BLOCKED, Reason.CANCELLED):
        yield permit.standing, Action.REFUSE
    if entering:
        yield from _objections_to_the_moment(reading.result, permit, at, rules)


def _objections_to_the_card(
    reading: CardReading, contents: CardContents, permit: Permit, at: Circumstances, rules: Rules
) -> Iterator[tuple[Reason, Action]]:
    if permit.standing is Reason.CANCELLED:
        yield Reason.CANCELLED, Action.REFUSE
    if contents.organisation_number and permit.employer and contents.organisation_number != permit.employer:
        yield Reason.EMPLOYER_MISMATCH, Action.REFUSE
    if not rules.credentials.suffice(reading.medium, at):
        yield Reason.WEAK_CREDENTIAL, Action.REFUSE
    today = _certain_day(at, rules)
    if any(expiry is not None and expiry < today for expiry in (contents.expiry_date, permit.card_expiry)):
        yield Reason.EXPIRED, Action.REFUSE
    ended = permit.valid_until is not None and permit.valid_until < today
    # An untrusted clock cannot say that a period has not begun yet; CLOCK_UNTRUSTED answers for it.
    not_begun = at.now.trusted and permit.valid_from is not None and today < permit.valid_from
    if ended or not_begun:
        yield Reason.OUTSIDE_PERIOD, Action.REFUSE


def _objections_to_the_moment(
    contents: CardContents, permit: Permit, at: Circumstances, rules: Rules
) -> Iterator[tuple[Reason, Action]]:
    yield from _objections_of_the_site(permit, at, rules)
    if at.now.trusted:
        if rules.rest.is_short(at.history.last_passage, at.now.wall_ms):
            yield Reason.SHORT_REST, rules.rest.action
        if rules.hours and not is_open(rules.hours, at.lane, permit.groups, _local(at.now.wall_ms, rules.zone)):
            yield Reason.OUTSIDE_HOURS, rules.outside_hours
        if _expires_soon(contents, permit, at, rules):
            yield Reason.EXPIRES_SOON, Action.WARN
        if at.list_state is not None and not _list_suffices(at.list_state, at, rules):
            yield Reason.LIST_STALE, Action.REFUSE
    elif rules.hours or permit.valid_from or permit.valid_until or permit.card_expiry or contents.expiry_date:
        yield Reason.CLOCK_UNTRUSTED, rules.untrusted_clock


def _objections_of_the_site(permit: Permit, at: Circumstances, rules: Rules) -> Iterator[tuple[Reason, Action]]:
    """What others have seen counts here: who is inside already, how many, and who with them."""
    last = at.history.last_passage
    most = rules.hub_away if at.alone else Action.REFUSE
    if rules.passback.applies(last, at.zone, at.now.wall_ms, rules.zone):
        yield Reason.ALREADY_INSIDE, rules.passback.action.at_most(most)
    for limit in rules.occupancy:
        if is_newly_in(limit.zone, at.zone, last) and limit.is_full(at.crowd):
            yield Reason.ZONE_FULL, limit.action.at_most(most)
    for cover in rules.cover:
        if is_newly_in(cover.zone, at.zone, last) and cover.is_missing(at.crowd, permit.groups):
            yield Reason.COVER_MISSING, cover.action.at_most(most)


def _expires_soon(contents: CardContents, permit: Permit, at: Circumstances, rules: Rules) -> bool:
    """Whether the card has not expired, and will within the days of notice."""
    known = [day for day in (contents.expiry_date, permit.card_expiry) if day is not None]
    left = (min(known) - _certain_day(at, rules)).days if known else rules.expiry_notice_days
    return 0 <= left < rules.expiry_notice_days


def _list_suffices(held: ListState, at: Circumstances, rules: Rules) -> bool:
    """Whether a list of this age is good enough for this card (P5): fresh, ageing or stale, each its policy."""
    match _list_policy(held, at.now, rules):
        case ListPolicy.EVERYBODY:
            return True
        case ListPolicy.SEEN_HERE:
            seen = (at.history.last_passage, at.history.last_chip)
            return any(one is not None and 0 <= at.now.wall_ms - one.wall_ms <= rules.seen_here_ms for one in seen)
        case _:
            return False


def _list_policy(held: ListState, now: Moment, rules: Rules) -> ListPolicy:
    age_ms = now.wall_ms - held.confirmed_ms
    if age_ms > rules.stale_after_ms or now.wall_ms > held.expires_ms:
        return rules.stale_list
    return rules.ageing_list if age_ms > rules.ageing_after_ms else ListPolicy.EVERYBODY


def _certain_day(at: Circumstances, rules: Rules) -> date:
    """The calendar day at the site that it is at least.

    With a trusted clock that is today. Without one it is the day on which the hub last signed the
    list: a card that had expired by then has surely expired, and no clock that runs wild into the
    future can expire anybody (P10).
    """
    wall_ms = at.now.wall_ms
    if not at.now.trusted:
        wall_ms = at.list_state.confirmed_ms if at.list_state is not None else 0
    try:
        return datetime.fromtimestamp(wall_ms / 1000, rules.zone).date()
    except (OverflowError, ValueError, OSError):
        # A clock outside years 1 to 9999 is no reason to keep anybody in (P6).
        return date.min if wall_ms < 0 else date.max


def _local(wall_ms: int, zone: tzinfo) -> datetime:
    try:
        return datetime.fromtimestamp(wall_ms / 1000, zone)
    except (OverflowError, ValueError, OSError):
        return datetime.min.replace(tzinfo=zone)
