"""Cards shown at an assembly point: who is ticked off by them, on which muster. Pure but for the transaction.

    a muster ran at the time of the card            --> that person was seen outside, by that reader, at that time
    none did                                        --> the event is kept, and nothing follows: a reader was tried
    the muster is told of after the card            --> the cards since it began are looked at again
    the gate's clock was not set                    --> proves nothing, until the clock is and the right time is known
    only the chip could be read                     --> the card that was last seen with that chip, and with no other
    the entry that tells whose chip comes later     --> looked at again

The time that counts is that of the card, not of its arrival: a card that is told of when the muster is long closed
stands on it all the same, and one that was shown before it began never does. The same card, reader and time is
written once, however often it is looked at.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

from gate.uplink.contract import MUSTER_BADGE, ContractError, WireClock, WireEvent, decode_event
from hub.corrections import Boot, Correction, boot_before, first_of_each_boot, time_ms_of
from hub.muster import Muster, MusterCheck, MusterTransaction
from hub.presence import CardKey, Sighting
from hub.records import JournalKey

BY_UID = "uid"
"""The medium of a card whose serial number stands for its number."""
LATE_MS = 10_000
"""Nobody is through a turnstile and at the assembly point sooner: an entry that is told of faster tells of no card
that was shown already."""
LOOK_BACK_MS = 24 * 3_600_000
"""So long after its end a muster is looked at again for what comes to be known; a card itself may come at any time."""

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_SAID = re.compile(r"muster reader ([a-z0-9-]+/[a-z0-9-]+) at ([a-z0-9-]+)")
RESERVED = "muster reader "
"""What no person's name begins with: it says that a reader has seen somebody."""


class Shown(NamedTuple):
    """One card at an assembly point. `card` is None where only a chip's serial number, or nothing, could be read; the
    time is the gate's own."""

    key: JournalKey
    seq: int
    reader: str
    point: str
    card: CardKey | None
    medium: str | None
    uid: str | None
    time_ms: int
    clock: WireClock
    received_ms: int

    @property
    def said_by(self) -> str:
        """In place of the name of who saw somebody."""
        return f"{RESERVED}{self.key.gate}/{self.reader} at {self.point}"


class News(NamedTuple):
    """What came in one transaction: cards at readers, musters that began, clocks that were set, passages."""

    shown: Sequence[Shown]
    began: Sequence[Muster]
    set_right: Sequence[Correction]
    seen: Sequence[Sighting]


class RollTransaction(MusterTransaction, Protocol):
    """What is needed of a transaction. Reads show what was committed before."""

    def shown_since(self, received_ms: int) -> Sequence[tuple[str, bytes, int]]:
        """Gate, body and time of arrival of every stored card at a muster reader that arrived since then."""

    def shown_between(self, from_ms: int, until_ms: int) -> Sequence[tuple[str, bytes, int]]:
        """The same of those whose gate says that it was between these times."""

    def cards_of_chips(self, uids: Collection[str]) -> Sequence[tuple[str, CardKey]]:
        """Chip and card of every card that was last seen with one of these chips."""

    def checks(self, muster: str) -> Sequence[MusterCheck]:
        """All words about who was seen outside."""

    def tick_off(self, muster: str, check: MusterCheck) -> None:
        """Keep that somebody was seen outside, and let presence follow."""


def shown_of(event: WireEvent, gate: str, received_ms: int) -> Shown | None:
    """The card at an assembly point that the event tells of; None for any other event."""
    time_ms = time_ms_of(event.time)
    if event.kind != MUSTER_BADGE or time_ms is None:
        return None
    data = event.data
    return Shown(
        JournalKey(gate, event.epoch),
        event.seq,
        _name(data.detail.get("reader")),
        _name(data.detail.get("point")),
        CardKey(data.card.scheme, data.card.number) if data.card else None,
        data.medium,
        data.uid.lower() if data.uid else None,
        time_ms,
        data.clock,
        received_ms,
    )


def place_said(said_by: str) -> tuple[str, str] | None:
    """Of a word that a reader gave: gate and reader with a slash between them, and the assembly point; None for a
    person's word."""
    found = _SAID.fullmatch(said_by)
    return (found[1], found[2]) if found else None


def tick_off(transaction: RollTransaction, news: News, now_ms: int) -> int:
    """Tick off whoever these news tell of; returns how many words were written. Costs one look at the musters, and
    only when something came that a roll call could rest on."""
    told_late = {one.uid.lower() for one in news.seen if one.uid and now_ms - one.time_ms > LATE_MS}
    if not (news.shown or news.began or news.set_right or told_late):
        return 0
    # A gate whose clock is set says so at every start: that alone is looked into only where a muster may rest on it.
    musters = list({one.id: one for one in (*transaction.musters(), *news.began)}.values())
    open_ones = [one for one in musters if one.closed_ms is None or one.closed_ms > now_ms - LOOK_BACK_MS]
    candidates = {(one.key, one.seq): one for one in news.shown}
    if open_ones:
        candidates |= {(one.key, one.seq): one for one in _again(transaction, news, open_ones, told_late, now_ms)}
    if not candidates or not musters:
        return 0
    return _write(transaction, news, musters, list(candidates.values()))


def _again(
    transaction: RollTransaction, news: News, open_ones: Sequence[Muster], told_late: Collection[str], now_ms: int
) -> Iterator[Shown]:
    """Stored cards that these news may have something to say of."""
    if news.began:
        yield from _read(transaction.shown_since(min(one.began_ms for one in news.began)))
    for correction in first_of_each_boot(news.set_right).values():
        events = boot_before(transaction, correction)
        # When it came is not known here; it was before now, and its right time is before that.
        found = (shown_of(event, correction.boot.key.gate, now_ms) for event in events)
        yield from (one for one in found if one is not None and not one.clock.trusted)
    for muster in open_ones if told_late else ():
        stored = _read(transaction.shown_between(muster.began_ms, muster.closed_ms or now_ms))
        yield from (one for one in stored if one.uid in told_late)


def _write(transaction: RollTransaction, news: News, musters: Sequence[Muster], found: Sequence[Shown]) -> int:
    keys = {one.key for one in found if not one.clock.trusted}
    arrived = first_of_each_boot(news.set_right)
    known = transaction.corrections(keys) if keys else {}
    clocks = {boot: _earlier(known.get(boot), arrived.get(boot)) for boot in {*known, *arrived}}
    chips = _cards_of(transaction, news.seen, {one.uid for one in found if one.uid and _needs_chip(one)})
    written: dict[str, set[MusterCheck]] = {}
    number = 0
    for one in sorted(found, key=lambda one: (one.time_ms, one.key, one.seq)):
        at_ms = _moment(one, clocks)
        muster = None if at_ms is None else _running_at(musters, at_ms)
        card = chips.get(one.uid or "", one.card) if _needs_chip(one) else one.card
        if at_ms is None or muster is None or card is None:
            continue
        check = MusterCheck(card, seen=True, at_ms=at_ms, said_by=one.said_by)
        if muster.id not in written:
            written[muster.id] = set(transaction.checks(muster.id))
        if check not in written[muster.id]:
            written[muster.id].add(check)
            transaction.tick_off(muster.id, check)
            number += 1
    return number


def _running_at(musters: Iterable[Muster], at_ms: int) -> Muster | None:
    """The muster that ran then; of several the last to begin."""
    ran = [one for one in musters if one.began_ms <= at_ms and (one.closed_ms is None or at_ms <= one.closed_ms)]
    return max(ran, key=lambda one: (one.began_ms, one.noticed_ms), default=None)


def _moment(shown: Shown, clocks: Mapping[Boot, Correction | None]) -> int | None:
    """When it was, by all that is known; None while nobody knows. Never after the hub has heard of it."""
    if shown.clock.trusted:
        return min(shown.time_ms, shown.received_ms)
    correction = clocks.get(Boot(shown.key, shown.clock.boot))
    return None if correction is None else min(shown.clock.monotonic_ms + correction.offset_ms, shown.received_ms)


def _needs_chip(shown: Shown) -> bool:
    return shown.card is None or shown.medium == BY_UID


def _cards_of(transaction: RollTransaction, seen: Iterable[Sighting], uids: Collection[str]) -> Mapping[str, CardKey]:
    """Whose chip it is, where that is one card's alone: of a copied card nobody can say which was shown."""
    if not uids:
        return {}
    owners: dict[str, set[CardKey]] = {}
    for uid, card in transaction.cards_of_chips(uids):
        owners.setdefault(uid.lower(), set()).add(card)
    for one in seen:
        if one.uid and one.uid.lower() in uids:
            owners.setdefault(one.uid.lower(), set()).add(one.card)
    return {uid: next(iter(cards)) for uid, cards in owners.items() if len(cards) == 1}


def _earlier(one: Correction | None, other: Correction | None) -> Correction | None:
    both = [found for found in (one, other) if found is not None]
    return min(both, key=lambda found: found.seq, default=None)


def _read(stored: Iterable[tuple[str, bytes, int]]) -> Iterator[Shown]:
    for gate, body, received_ms in stored:
        try:
            shown = shown_of(decode_event(bytes(body)), gate, received_ms)
        except ContractError:
            continue
        if shown is not None:
            yield shown


def _name(word: object) -> str:
    """A name as the settings of a gate allow it; whatever else a gate sends is none."""
    return word if isinstance(word, str) and _NAME.fullmatch(word) else "unnamed"
