"""The read model of an evacuation: every name with what was known then, and what is known now.

Values, never rows; times are Unix milliseconds in UTC. Raises StoreError.
"""

from dataclasses import dataclass

from hub.muster import UNACCOUNTED, Called, Muster, inside_at, passages_after, presence_at, roll_call
from hub.muster_readers import place_said
from hub.presence import OFFICE, CardKey, ClosingRule
from hub.store import HubStore, OfficeTransaction

FOREVER_MS = 1 << 62


@dataclass(frozen=True, slots=True)
class CalledPassage:
    """Somebody was seen at a gate after it began; `gate` is None for a word of the office."""

    time_ms: int
    gate: str | None
    direction: str
    zone: str
    certainty: str


@dataclass(frozen=True, slots=True)
class CalledPerson:
    """One name. `name` is None for a card on no crew list. `out_ms` is when the check-out was assumed to be."""

    scheme: str
    number: str
    name: str | None
    employer: str | None
    outcome: str
    known_then: bool
    known_now: bool
    zone: str
    since_ms: int | None
    gate: str | None
    lane: str | None
    sure: str | None
    out_ms: int | None
    left_before_ms: int | None
    seen_ms: int | None
    seen_by: str | None
    """A person's name, or which muster reader: then it stands in the next two as well, gate and reader with a slash."""
    seen_reader: str | None
    seen_point: str | None
    passages: tuple[CalledPassage, ...]

    @property
    def not_on_list(self) -> bool:
        """Whether they were seen outside, and nothing had them inside: a visitor, or an entry that no gate told of."""
        came_in = any(one.zone for one in self.passages)
        return self.seen_ms is not None and not (self.known_then or self.known_now or came_in)


@dataclass(frozen=True, slots=True)
class RollCall:
    """One muster: `then` were on the list when it was frozen, `now` would be on it by what is known now."""

    id: str
    began_ms: int
    noticed_ms: int
    gate: str
    cause: str
    running: bool
    closed_ms: int | None
    closed_by: str | None
    then: int
    now: int
    unaccounted: int
    people: tuple[CalledPerson, ...]


def latest_muster(store: HubStore, closing: ClosingRule | None) -> RollCall | None:
    """The muster that runs, otherwise the last one; None when there never was one."""
    with store.looking() as looking:
        known = looking.musters()
        chosen = next((one for one in known if one.closed_ms is None), known[0] if known else None)
        return called_by(looking, chosen, closing) if chosen else None


def muster_called(store: HubStore, name: str, closing: ClosingRule | None) -> RollCall | None:
    """The muster whose id is this, or alone begins so; None when there is none, or more than one."""
    with store.looking() as looking:
        meant = [one for one in looking.musters() if one.id.startswith(name.lower())]
        return called_by(looking, meant[0], closing) if len(meant) == 1 else None


def called_by(looking: OfficeTransaction, muster: Muster, closing: ClosingRule | None) -> RollCall:
    """The roll call of this muster, as far as is known now."""
    then = looking.frozen(muster.id)
    presence = presence_at(looking, muster.began_ms)
    now = inside_at(looking, muster, closing)
    passages = passages_after(looking, muster.began_ms, muster.closed_ms or FOREVER_MS)
    people = roll_call(then, presence, now, passages, looking.checks(muster.id))
    names, employers = looking.holders(), looking.employers()
    return RollCall(
        id=muster.id,
        began_ms=muster.began_ms,
        noticed_ms=muster.noticed_ms,
        gate=muster.gate,
        cause=muster.cause,
        running=muster.closed_ms is None,
        closed_ms=muster.closed_ms,
        closed_by=muster.closed_by,
        then=len(then),
        now=len(now),
        unaccounted=sum(one.outcome in UNACCOUNTED for one in people),
        people=tuple(_person(one, names, employers) for one in people),
    )


def _person(called: Called, names: dict[CardKey, str], employers: dict[CardKey, str]) -> CalledPerson:
    known = called.then or called.now
    seen = called.check if called.check and called.check.seen else None
    place = place_said(seen.said_by) if seen else None
    return CalledPerson(
        scheme=called.card.scheme,
        number=called.card.number,
        name=names.get(called.card),
        employer=employers.get(called.card),
        outcome=called.outcome.value,
        known_then=called.then is not None,
        known_now=called.now is not None,
        zone=known.zone if known else "",
        since_ms=known.since_ms if known else None,
        gate=_gate(known.gate) if known else None,
        lane=known.lane if known else None,
        sure=known.sure.value if known else None,
        out_ms=known.out_ms if known else None,
        left_before_ms=called.left.time_ms if called.left else None,
        seen_ms=seen.at_ms if seen else None,
        seen_by=seen.said_by if seen else None,
        seen_reader=place[0] if place else None,
        seen_point=place[1] if place else None,
        passages=tuple(
            CalledPassage(one.time_ms, _gate(one.gate), one.direction, one.zone, one.certainty.value)
            for one in called.passages
        ),
    )


def _gate(name: str) -> str | None:
    return None if name == OFFICE else name
