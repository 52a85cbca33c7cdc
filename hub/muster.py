"""Who may be inside when a site is evacuated: frozen, and never shortened. Pure but for the transaction.

    a lane is evacuated, or a fire loop opens   --> a muster runs, with everybody who may be inside at that moment
    another gate tells the same                 --> it is the same muster
    passages, and words of the office, after it --> stand beside the names; they take nobody off
    it is told of more than OVER_MS late        --> kept for the record, closed at once

What was frozen stays as it was known then. What came to be known later is read beside it: somebody who was
inside after all is added and marked so; somebody who had left before is marked so, and stays.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum, unique
from typing import NamedTuple, Protocol

from gate.uplink.contract import WireEvent
from hub.corrections import ClockTransaction, Doubted, doubted_entries, history
from hub.presence import CardKey, Certainty, ClosingRule, Sighting, Sure, as_of, fold, standing

LANE_MODE = "lane.mode"
EVACUATED = "evacuated"
ALARM_RAISED = "alarm.raised"
FIRE = "fire"

DOUBTED_MS = 24 * 3_600_000
"""Whose leaving was only assumed within this time before, may be inside."""
TOLD_TOGETHER_MS = 10 * 60_000
"""Gates whose clocks differ, or whose loops open one after the other, tell of one evacuation."""


OVER_MS = 12 * 3_600_000
"""What a gate tells of later than this is over: it is kept for the record, and nobody is called to it."""


class Evacuation(NamedTuple):
    """A gate has said that it lets everybody out. `event` is that record's id; the time is the gate's own, or None
    where its clock had not been set."""

    event: str
    gate: str
    cause: str
    time_ms: int | None


class Arrived(NamedTuple):
    """What came in one transaction with the evacuation: sightings at their right times, and presence that a clock's
    correction has replaced."""

    seen: Collection[Sighting]
    replaced: Collection[Sighting] = ()


NOTHING_NEW = Arrived(())


@dataclass(frozen=True, slots=True)
class Muster:
    """One evacuation. It began by a gate's clock, and was noticed when the hub heard of it; it runs until a person
    closes it: `closed_by`, which is None for one that was over before it was noticed."""

    id: str
    began_ms: int
    noticed_ms: int
    gate: str
    cause: str
    closed_ms: int | None = None
    closed_by: str | None = None


class Frozen(NamedTuple):
    """Somebody who was, or may have been, inside when it began. `out_ms` is when the site had taken them to have
    left, where that was only assumed: they may be inside."""

    card: CardKey
    zone: str
    since_ms: int
    gate: str
    lane: str | None
    sure: Sure
    out_ms: int | None = None


class MusterCheck(NamedTuple):
    """A word that somebody was seen outside at an evacuation, or was not after all: a person's, or that of a reader at
    the assembly point (`hub.muster_readers`)."""

    card: CardKey
    seen: bool
    at_ms: int
    said_by: str


class MusterTransaction(ClockTransaction, Protocol):
    """What is needed of a transaction. Reads show what was committed before."""

    def musters(self) -> Sequence[Muster]:
        """All that are kept, the latest to begin first."""

    def everybody(self) -> Sequence[Sighting]:
        """The presence of every card."""

    def freeze(self, muster: Muster, people: Sequence[Frozen]) -> None:
        """Keep it with its people. Nothing happens when it is kept already, or runs while another one runs."""


def evacuation_of(event: WireEvent, gate: str, time_ms: int | None) -> Evacuation | None:
    """What the event says of an evacuation; None for any other."""
    detail = event.data.detail
    if event.kind == LANE_MODE and detail.get("mode") == EVACUATED:
        cause = EVACUATED
    elif event.kind == ALARM_RAISED and detail.get("alarm") == FIRE:
        cause = FIRE
    else:
        return None
    return Evacuation(event.id, gate, cause, time_ms if event.data.clock.trusted else None)


def hold(
    transaction: MusterTransaction,
    told: Iterable[Evacuation],
    arrived: Arrived,
    rule: ClosingRule | None,
    now_ms: int,
) -> list[Muster]:
    """Begin a muster for each evacuation that is none of those known. Returns those that began. Costs nothing while
    nobody tells of one."""
    asked = [(_moment(one, now_ms), one) for one in told]
    if not asked:
        return []
    known = list(transaction.musters())
    began: list[Muster] = []
    # The latest first: it is the one that people are called to.
    for at_ms, evacuation in sorted(asked, reverse=True):
        if any(_covers(muster, at_ms) for muster in known):
            continue
        together = [(ms, one) for ms, one in asked if at_ms - TOLD_TOGETHER_MS <= ms <= at_ms]
        first_ms = min(ms for ms, _ in together)
        cause = FIRE if any(one.cause == FIRE for _, one in together) else evacuation.cause
        over = now_ms - first_ms > OVER_MS or any(muster.closed_ms is None for muster in known)
        muster = Muster(evacuation.event, first_ms, now_ms, evacuation.gate, cause, now_ms if over else None)
        transaction.freeze(muster, inside_at(transaction, muster, rule, arrived))
        known.append(muster)
        began.append(muster)
    return began


def inside_at(
    transaction: MusterTransaction, muster: Muster, rule: ClosingRule | None, arrived: Arrived = NOTHING_NEW
) -> list[Frozen]:
    """Everybody who was, or may have been, inside when it began, by what is known now; longest first."""
    at_ms = muster.began_ms
    doubted = doubted_entries(transaction, at_ms - DOUBTED_MS, max(at_ms, muster.noticed_ms))
    doubted += [
        Doubted(one, muster.noticed_ms)
        for one in arrived.seen
        if one.inside and one.certainty is Certainty.CLOCK_UNTRUSTED
    ]
    return frozen(presence_at(transaction, at_ms, arrived), at_ms, rule, doubted)


def presence_at(transaction: MusterTransaction, at_ms: int, arrived: Arrived = NOTHING_NEW) -> dict[CardKey, Sighting]:
    """The presence of that moment, by what is known now."""
    presence = {one.card: one for one in (*transaction.everybody(), *arrived.replaced)}
    latest = fold(arrived.seen, presence)
    new = [*arrived.seen, *arrived.replaced]
    places = {one[1:4] for one in new}

    def all_of(cards: Collection[CardKey]) -> list[Sighting]:
        stored = [one for one in history(transaction, cards) if one[1:4] not in places]
        return stored + [one for one in new if one.card in cards]

    return as_of(latest.values(), all_of, at_ms)


def passages_after(transaction: MusterTransaction, after_ms: int, until_ms: int) -> list[Sighting]:
    """All sightings between these times, by what is known now."""
    cards = {one.card for one in transaction.everybody() if one.time_ms > after_ms}
    return [one for one in history(transaction, cards) if after_ms < one.time_ms <= until_ms] if cards else []


def frozen(
    presence: Mapping[CardKey, Sighting], at_ms: int, rule: ClosingRule | None, doubted: Iterable[Doubted] = ()
) -> list[Frozen]:
    """Of a presence those who are inside or may be. Whose leaving was seen by nobody may be inside; so may be who was
    seen going in, and it is not known whether that was before the exit which counts."""
    found = {}
    for seen in presence.values():
        where = standing(seen, at_ms, rule)
        unseen = where.sure is Sure.CLOSED_BY_RULE or seen.certainty is Certainty.CLOCK_UNTRUSTED
        if where.inside:
            found[seen.card] = _frozen(seen, where.sure)
        elif unseen and where.since_ms > at_ms - DOUBTED_MS:
            found[seen.card] = _frozen(seen, where.sure, where.since_ms)
    for entry, received_ms in doubted:
        last = presence.get(entry.card)
        if entry.card not in found and (last is None or last.time_ms <= received_ms):
            found[entry.card] = _frozen(entry, Sure.ASSUMED, last.time_ms if last else at_ms)
    return sorted(found.values(), key=lambda one: (one.since_ms, one.card))


def _frozen(seen: Sighting, sure: Sure, out_ms: int | None = None) -> Frozen:
    return Frozen(seen.card, seen.zone, seen.time_ms, seen.gate, seen.lane, sure, out_ms)


def _moment(evacuation: Evacuation, now_ms: int) -> int:
    """By a clock that was not set, or that runs ahead, it is when the hub heard of it."""
    return now_ms if evacuation.time_ms is None else min(evacuation.time_ms, now_ms)


def _covers(muster: Muster, at_ms: int) -> bool:
    began_ms = muster.began_ms - TOLD_TOGETHER_MS
    if muster.closed_ms is None:
        # A gate that comes back tells of the fire of yesterday while that of today is mustered: another one.
        return at_ms >= began_ms
    if muster.closed_by is None:
        return abs(at_ms - muster.began_ms) <= TOLD_TOGETHER_MS
    return began_ms <= at_ms <= muster.closed_ms


@unique
class Outcome(StrEnum):
    """What is known of somebody on a muster. The first three are those to look for."""

    MISSING = "missing"
    MAY_BE_INSIDE = "may_be_inside"
    """Nobody saw them leave: the check-out was closed by rule, or seen by a clock that was not set."""
    CAME_IN = "came_in"
    """They went in after it began."""
    WENT_OUT = "went_out"
    """A gate saw them leave after it began."""
    LEFT_BEFORE = "left_before"
    """Not known when it began: they had left."""
    SEEN_OUTSIDE = "seen_outside"
    """A person saw them, or they showed their card at the assembly point."""


UNACCOUNTED = frozenset({Outcome.MISSING, Outcome.MAY_BE_INSIDE, Outcome.CAME_IN})


class Called(NamedTuple):
    """One name of a muster. `then` is how it was frozen, None for who was not on the list; `now` is how it would be
    frozen by what is known now; `passages` came after it began, in their order."""

    card: CardKey
    outcome: Outcome
    then: Frozen | None
    now: Frozen | None
    left: Sighting | None
    passages: tuple[Sighting, ...]
    check: MusterCheck | None


def roll_call(
    then: Iterable[Frozen],
    presence: Mapping[CardKey, Sighting],
    now: Iterable[Frozen],
    passages: Iterable[Sighting],
    checks: Iterable[MusterCheck],
) -> list[Called]:
    """Every name, those to look for first, the longest inside first.

    `presence` is that of the beginning by what is known now, `now` who of it is or may be inside, `passages` all
    that came after it began. Of `checks` about a card the latest counts, of two at one time the one given last: what
    a reader has seen may be told late. Nobody of `then` is ever left out.
    """
    was = {one.card: one for one in then}
    would_be = {one.card: one for one in now}
    words = {one.card: one for one in sorted(checks, key=lambda one: one.at_ms)}
    went: dict[CardKey, list[Sighting]] = {}
    for passage in sorted(set(passages), key=lambda one: one[:4]):
        went.setdefault(passage.card, []).append(passage)
    found = []
    for card in was.keys() | would_be.keys() | went.keys() | words.keys():
        after = tuple(went.get(card, ()))
        word = words.get(card)
        last = presence.get(card)
        left = last if card in was and card not in would_be and last is not None and _sure_exit(last) else None
        outcome = _outcome(was.get(card) or would_be.get(card), left, after, word)
        if outcome is not None:
            found.append(Called(card, outcome, was.get(card), would_be.get(card), left, after, word))
    order = list(Outcome)
    return sorted(found, key=lambda one: (order.index(one.outcome), _since(one), one.card))


def _outcome(
    inside: Frozen | None, left: Sighting | None, after: Sequence[Sighting], word: MusterCheck | None
) -> Outcome | None:
    """None for who was outside all the time, and went out once more."""
    came_in = [one for one in after if one.inside]
    if word is not None and word.seen and not any(one.time_ms > word.at_ms for one in came_in):
        return Outcome.SEEN_OUTSIDE
    if after and _sure_exit(after[-1]):
        return Outcome.WENT_OUT if inside is not None or came_in else None
    if came_in and (inside is None or inside.out_ms is not None or left is not None):
        return Outcome.CAME_IN
    if inside is None:
        return Outcome.MISSING if word is not None else None
    if left is not None:
        return Outcome.LEFT_BEFORE
    return Outcome.MISSING if inside.out_ms is None else Outcome.MAY_BE_INSIDE


_NO_PROOF = (Certainty.CLOCK_UNTRUSTED, Certainty.REPORTED)
"""In a roll call: a phone may check out somebody who is still inside. A gate's sensor or a person's word clears."""


def _sure_exit(seen: Sighting) -> bool:
    return not seen.inside and seen.certainty not in _NO_PROOF


def _since(called: Called) -> int:
    known = called.then or called.now
    return known.since_ms if known else called.passages[0].time_ms if called.passages else 0
