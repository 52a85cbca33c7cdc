"""Crew facts to permits: the only thing that a gate needs to know. Pure.

A permit holds a card number and an answer, never a name (P12). A card that once had a permit keeps one
for ever: when it leaves the crew list its answer becomes `not_on_crew_list`, because a card that
merely disappeared could not be told from one that never was. The order is that of (scheme, number),
so equal facts give equal bytes.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gate.uplink.contract import WirePermit, digest_of

GRANTED = "granted"
BLOCKED = "blocked"
CANCELLED = "cancelled"
NOT_ON_CREW_LIST = "not_on_crew_list"
COMPANY_NOT_APPROVED = "company_not_approved"
TRAINING_MISSING = "training_missing"


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


def standing(facts: CardFacts) -> str:
    """The first objection, gravest first, or `granted`."""
    if facts.status == BLOCKED:
        return BLOCKED
    if facts.status == CANCELLED:
        return CANCELLED
    if not facts.listed:
        return NOT_ON_CREW_LIST
    if not facts.company_approved:
        return COMPANY_NOT_APPROVED
    if not facts.training:
        return TRAINING_MISSING
    return GRANTED


def permit(facts: CardFacts) -> WirePermit:
    """The compiled answer for one card."""
    return WirePermit(
        scheme=facts.scheme,
        number=facts.number,
        standing=standing(facts),
        valid_from=facts.valid_from,
        valid_until=facts.valid_until,
        card_expiry=facts.card_expiry,
        employer=facts.employer,
        language=facts.language,
        groups=facts.groups,
    )


def compile_permits(cards: Iterable[CardFacts], before: Iterable[WirePermit] = ()) -> tuple[WirePermit, ...]:
    """The whole list: a permit for every card known now, and for every one that an earlier list named."""
    compiled = {
        (old.scheme, old.number): WirePermit(
            scheme=old.scheme, number=old.number, standing=NOT_ON_CREW_LIST, employer=old.employer
        )
        for old in before
    }
    for facts in cards:
        compiled[facts.scheme, facts.number] = permit(facts)
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
