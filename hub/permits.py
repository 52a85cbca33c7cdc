"""Crew facts to permits: the only thing that a gate needs to know. Pure.

A permit holds a card number and an answer, never a name (P12). A card that once had a permit keeps one
for ever: when it leaves the crew list its answer becomes `not_on_crew_list`, because a card that
merely disappeared could not be told from one that never was. The order is that of (scheme, number),
so equal facts give equal bytes.

Which requirements count is the site's choice: each refuses, warns or is off. A block counts always.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from gate.uplink.contract import WirePermit, digest_of

GRANTED = "granted"
BLOCKED = "blocked"
CANCELLED = "cancelled"
NOT_ON_CREW_LIST = "not_on_crew_list"
COMPANY_NOT_APPROVED = "company_not_approved"
TRAINING_MISSING = "training_missing"

Action = Literal["refuse", "warn", "off"]


@dataclass(frozen=True, slots=True)
class CardFacts:
    """What the hub knows of one card. Dates are ISO 8601 or None; `employer` is an organisation number."""

    scheme: str
    number: str
    status: str = "ok"
    """`ok`, `blocked` (by this site) or `cancelled` (by the card's issuer)."""
    listed: bool = True
    company_approved: bool = True
    training: bool = True
    valid_from: str | None = None
    valid_until: str | None = None
    card_expiry: str | None = None
    employer: str | None = None
    language: str | None = None
    groups: tuple[str, ...] = ()
    registered: bool = True
    """False when the register of companies says bankrupt, dissolving or deleted."""
    startbank: bool = False
    chain_level: int | None = 0
    """See `hub.chain`; None is a chain without an end."""
    qualifications: tuple[tuple[str, str | None], ...] = ()
    """Kinds, each with the last day on which it counts."""


class QualificationRule(NamedTuple):
    """Who is of one of these groups, or everybody when none is named, needs this qualification."""

    kind: str
    action: Action = "refuse"
    groups: tuple[str, ...] = ()

    def concerns(self, facts: CardFacts) -> bool:
        return not self.groups or not set(self.groups).isdisjoint(facts.groups)


@dataclass(frozen=True, slots=True)
class Requirements:
    """What a worker needs at this site. The defaults are those of a site that has set nothing."""

    card_valid: Action = "refuse"
    crew_list: Action = "refuse"
    company_approved: Action = "refuse"
    company_registered: Action = "off"
    startbank: Action = "off"
    chain_level: Action = "off"
    chain_level_max: int = 1
    induction: Action = "refuse"
    qualifications: tuple[QualificationRule, ...] = ()


USUAL = Requirements()


class Finding(NamedTuple):
    """One requirement, looked at for one card. `standing` is what the gate is told when it refuses."""

    requirement: str
    action: Action
    met: bool
    value: str
    standing: str


@dataclass(frozen=True, slots=True)
class ListHead:
    """Which list is the current one, without its permits."""

    revision: int
    count: int
    digest: str


@dataclass(frozen=True, slots=True)
class PermitList:
    """One revision of the list. Revision 0 is "no list was ever made"."""

    revision: int
    permits: tuple[WirePermit, ...]
    digest: str


NO_LIST = PermitList(0, (), digest_of(()))


class _Check(NamedTuple):
    """`requirement` names the field of Requirements that says what follows."""

    requirement: str
    standing: str
    met: Callable[[CardFacts, Requirements], bool]
    value: Callable[[CardFacts], str]


_CHECKS = (
    _Check(
        "card_valid",
        CANCELLED,
        lambda facts, _: facts.status != CANCELLED,
        lambda facts: _yes(facts.status != CANCELLED),
    ),
    _Check("crew_list", NOT_ON_CREW_LIST, lambda facts, _: facts.listed, lambda facts: _yes(facts.listed)),
    _Check(
        "company_approved",
        COMPANY_NOT_APPROVED,
        lambda facts, _: facts.company_approved,
        lambda facts: _yes(facts.company_approved),
    ),
    _Check(
        "company_registered",
        COMPANY_NOT_APPROVED,
        lambda facts, _: facts.registered,
        lambda facts: _yes(facts.registered),
    ),
    _Check("startbank", COMPANY_NOT_APPROVED, lambda facts, _: facts.startbank, lambda facts: _yes(facts.startbank)),
    _Check(
        "chain_level",
        COMPANY_NOT_APPROVED,
        lambda facts, rules: facts.chain_level is not None and facts.chain_level <= rules.chain_level_max,
        lambda facts: "loop" if facts.chain_level is None else str(facts.chain_level),
    ),
    _Check("induction", TRAINING_MISSING, lambda facts, _: facts.training, lambda facts: _yes(facts.training)),
)
"""Gravest first."""


def examine(facts: CardFacts, requirements: Requirements = USUAL, today: str | None = None) -> Iterator[Finding]:
    """Every requirement of the site with what is known of this card, gravest first. A qualification that ended before
    `today` (ISO 8601) is not met; without a day all count."""
    blocked = facts.status == BLOCKED
    yield Finding("not_blocked", "refuse", not blocked, "blocked" if blocked else "yes", BLOCKED)
    for check in _CHECKS:
        action: Action = getattr(requirements, check.requirement)
        met = check.met(facts, requirements)
        yield Finding(check.requirement, action, met, check.value(facts), check.standing)
    held = dict(facts.qualifications)
    for rule in requirements.qualifications:
        if rule.concerns(facts):
            expiry = held.get(rule.kind)
            met = rule.kind in held and not (today and expiry and expiry < today)
            value = f"until {expiry}" if expiry else _yes(rule.kind in held)
            yield Finding(f"qualification {rule.kind}", rule.action, met, value, TRAINING_MISSING)


def standing(facts: CardFacts, requirements: Requirements = USUAL) -> str:
    """The first objection, gravest first, or `granted`."""
    if facts.status == BLOCKED:
        return BLOCKED
    for check in _CHECKS:
        if getattr(requirements, check.requirement) == "refuse" and not check.met(facts, requirements):
            return check.standing
    held = {kind for kind, _ in facts.qualifications}
    if any(rule.action == "refuse" and rule.kind not in held for rule in _rules_for(facts, requirements)):
        return TRAINING_MISSING
    return GRANTED


def permit(facts: CardFacts, requirements: Requirements = USUAL) -> WirePermit:
    """The compiled answer for one card. It ends with the first required qualification that ends."""
    return WirePermit(
        scheme=facts.scheme,
        number=facts.number,
        standing=standing(facts, requirements),
        valid_from=facts.valid_from,
        valid_until=_last_day(facts, requirements),
        card_expiry=facts.card_expiry,
        employer=facts.employer,
        language=facts.language,
        groups=facts.groups,
    )


def answer(held: WirePermit | None, today: str) -> str:
    """What a gate says to a card on this day (ISO 8601), as far as the list goes: its word, or `unknown_card`."""
    if held is None:
        return "unknown_card"
    if held.standing in (BLOCKED, CANCELLED):
        return held.standing
    if held.card_expiry is not None and held.card_expiry < today:
        return "expired"
    begun = held.valid_from is None or held.valid_from <= today
    if not begun or (held.valid_until is not None and held.valid_until < today):
        return "outside_period"
    return held.standing


def _last_day(facts: CardFacts, requirements: Requirements) -> str | None:
    if not requirements.qualifications:
        return facts.valid_until
    held = dict(facts.qualifications)
    needed = [held.get(rule.kind) for rule in _rules_for(facts, requirements) if rule.action == "refuse"]
    # ISO 8601 dates sort as text.
    return min((day for day in (facts.valid_until, *needed) if day is not None), default=None)


def _rules_for(facts: CardFacts, requirements: Requirements) -> Iterator[QualificationRule]:
    return (rule for rule in requirements.qualifications if rule.concerns(facts))


def _yes(value: bool) -> str:  # noqa: FBT001  # a fact, not a switch
    return "yes" if value else "no"


def compile_permits(
    cards: Iterable[CardFacts], before: Iterable[WirePermit] = (), requirements: Requirements = USUAL
) -> tuple[WirePermit, ...]:
    """The whole list: a permit for every card known now, and for every one that an earlier list named."""
    compiled = {(facts.scheme, facts.number): permit(facts, requirements) for facts in cards}
    for old in before:
        if (old.scheme, old.number) not in compiled:
            compiled[old.scheme, old.number] = WirePermit(
                scheme=old.scheme, number=old.number, standing=NOT_ON_CREW_LIST, employer=old.employer
            )
    return tuple(compiled[key] for key in sorted(compiled))


def succeed(current: PermitList, permits: Sequence[WirePermit], held: int = 0) -> PermitList:
    """The list after `current`: itself when nothing changed, otherwise the next revision. It never goes back.

    `held` is the highest revision that a gate holds. After a hub has lost its disk that is more than the
    hub's own, and a list below it would be refused by every gate (P5): the next one goes above it.
    """
    permits = tuple(permits)
    if current.revision >= held and current.revision and permits == current.permits:
        return current
    return PermitList(max(current.revision, held) + 1, permits, digest_of(permits))
