"""What another system at the site tells, beside what it told before: what is new, what follows. Pure but for the
transaction.

    known, and told the same again           --> nothing
    known, and told with another card, time  --> a new version under a new number; the old one is there no more
    known, and told as taken back            --> the same; it moves nobody any more
    taken back before it was ever known      --> nothing: it never was

Presence follows: of cards that something was taken back from, by all that is known of them; of others as usual.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

from hub.corrections import ClockTransaction, history
from hub.presence import CardKey, CheckIn, Sighting, fold, place_of, reported


class Taken(NamedTuple):
    """What came of some check-ins: how many were new, had changed, were taken back; the rest was known."""

    new: int = 0
    changed: int = 0
    withdrawn: int = 0


@dataclass(frozen=True, slots=True)
class Kept:
    """A check-in as it is kept under a number of its source."""

    seq: int
    version: int
    check_in: CheckIn


class Name(NamedTuple):
    """What a source calls one thing that it tells."""

    theirs: str
    direction: str


class Change(NamedTuple):
    """Of one thing: what was known of it, and what is to be kept now."""

    before: Kept | None
    after: Kept


class Following(ClockTransaction, Protocol):
    """What is needed of a transaction for presence to follow."""

    def see(self, sightings: Collection[Sighting]) -> None:
        """Merge into presence; see `hub.ingest.EventTransaction`."""

    def forget_presence(self, cards: Collection[CardKey]) -> None:
        """Of these nothing is known any more."""


def changes(known: Mapping[Name, Kept], told: Iterable[CheckIn], seq: int) -> list[Change]:
    """What is new or has changed, numbered from the one after `seq`."""
    after: dict[Name, Kept] = {}
    for one in told:
        name = Name(one.theirs, one.direction)
        if (kept := _after(after.get(name) or known.get(name), one)) is not None:
            after[name] = kept
    changed = [
        (name, kept)
        for name, kept in after.items()
        # What was taken back before it was known never was; what was changed and changed back is as it was.
        if (name in known or not kept.check_in.deleted) and not _same(known.get(name), kept)
    ]
    return [Change(known.get(name), replace(kept, seq=seq + place)) for place, (name, kept) in enumerate(changed, 1)]


def taken(changed: Collection[Change]) -> Taken:
    """How many of which kind."""
    new = sum(one.before is None for one in changed)
    withdrawn = sum(one.after.check_in.deleted for one in changed)
    return Taken(new, len(changed) - new - withdrawn, withdrawn)


def follow(transaction: Following, source: str, changed: Sequence[Change]) -> None:
    """Let presence follow."""
    place = place_of(source)
    before = [one.before for one in changed if one.before is not None]
    gone = {(place, "", kept.seq) for kept in before}
    cards = {kept.check_in.card for kept in before if kept.check_in.moves and kept.check_in.card is not None}
    moved = (reported(source, one.after.check_in, one.after.seq) for one in changed)
    seen = [one for one in moved if one is not None]
    fresh = fold(one for one in seen if one.card not in cards)
    if fresh:
        transaction.see(list(fresh.values()))
    if not cards:
        return
    still = [one for one in history(transaction, cards) if one[1:4] not in gone]
    left = fold([*still, *(one for one in seen if one.card in cards)])
    if left:
        transaction.replace(list(left.values()))
    if cards - left.keys():
        transaction.forget_presence(cards - left.keys())


def _after(before: Kept | None, told: CheckIn) -> Kept | None:
    """What is to be kept now; None when nothing has changed."""
    if before is None:
        return None if told.deleted else Kept(0, 1, told)
    if told.deleted:
        told = before.check_in._replace(deleted=True)
    return None if told == before.check_in else Kept(0, before.version + 1, told)


def _same(known: Kept | None, kept: Kept) -> bool:
    return known is not None and known.check_in == kept.check_in
