"""The right time of passages that a gate recorded before its clock was set (P10). Pure but for the transaction.

A Pi has no clock battery. Within one boot, wall time is monotonic time plus a constant; when a time source
sets the clock, the gate says that constant in a `clock.trusted` event. From then on every untrusted passage
of that boot, here already or still to come, counts at `monotonic + offset`. The stored event keeps its
first time; presence is what changes, for a roll call that goes by wrong times calls the wrong people.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import NamedTuple, Protocol

from gate.uplink import contract
from gate.uplink.contract import ContractError, WireClock, WireEvent
from hub.presence import ENTRY, EXIT, PASSAGE_COMPLETED, CardKey, Certainty, Sighting, fold
from hub.records import MAX_NUMBER, JournalKey

CLOCK_TRUSTED = "clock.trusted"
MAX_BOOT = 64
"""Characters of the name of a boot, as in the contract."""
LOOK_BACK = 500
"""How many stored records of a boot are looked at in one step."""


class Boot(NamedTuple):
    """One run of a gate's kernel, within one journal."""

    key: JournalKey
    boot: str


class Correction(NamedTuple):
    """`wall = monotonic + offset_ms` for the untrusted records of a boot; `seq` is where the gate said so."""

    boot: Boot
    seq: int
    offset_ms: int


class Passage(NamedTuple):
    """A sighting with the clock that it was seen by."""

    sighting: Sighting
    clock: WireClock


class ClockTransaction(Protocol):
    """What is needed of a transaction. Reads show what was committed before."""

    def corrections(self, keys: Collection[JournalKey]) -> Mapping[Boot, Correction]:
        """All corrections known for these journals."""

    def put_corrections(self, corrections: Collection[Correction]) -> None:
        """Insert or replace."""

    def bodies_before(self, key: JournalKey, seq: int, limit: int) -> Sequence[bytes]:
        """Stored records with numbers below `seq`, the highest first."""

    def passages_of(self, cards: Collection[CardKey]) -> Sequence[tuple[str, bytes]]:
        """Gate and body of every stored passage of these cards."""

    def said_of(self, cards: Collection[CardKey]) -> Sequence[Sighting]:
        """All that the site office and other systems said of these cards."""

    def entries_received(self, after_ms: int, until_ms: int) -> Sequence[tuple[str, bytes, int]]:
        """Gate, body and time of arrival of every stored entry that arrived between these times."""

    def last_seen(self, cards: Collection[CardKey]) -> Mapping[CardKey, Sighting]:
        """The sighting that presence rests on, of those cards that were seen."""

    def replace(self, sightings: Collection[Sighting]) -> None:
        """Make these the presence of their cards, whatever was there."""


def correction_of(event: WireEvent, key: JournalKey) -> Correction | None:
    """What a `clock.trusted` event says; None for any other event, and for one that says nothing usable."""
    boot, offset_ms = event.data.detail.get("boot"), event.data.detail.get("offset_ms")
    if event.kind != CLOCK_TRUSTED or not isinstance(boot, str) or type(offset_ms) is not int:
        return None
    if len(boot) > MAX_BOOT or "\0" in boot or abs(offset_ms) > MAX_NUMBER:
        return None
    return Correction(Boot(key, boot), event.seq, offset_ms)


def passage_of(event: WireEvent, gate: str, time_ms: int | None) -> Passage | None:
    """The sighting in a completed passage; None for any other event."""
    data = event.data
    known = event.kind == PASSAGE_COMPLETED and data.direction in (ENTRY, EXIT)
    if not known or data.card is None or data.direction is None or time_ms is None:
        return None
    certainty = Certainty.CERTAIN if data.clock.trusted else Certainty.CLOCK_UNTRUSTED
    card = CardKey(data.card.scheme, data.card.number)
    sighting = Sighting(
        time_ms, gate, event.epoch, event.seq, card, data.direction, data.lane, certainty, data.uid, data.zone
    )
    return Passage(sighting, data.clock)


def settle(
    transaction: ClockTransaction, passages: Sequence[Passage], said: Iterable[Correction]
) -> tuple[list[Sighting], list[Sighting]]:
    """The sightings of new passages at their right times, and those cards' presence that must be replaced.

    `said` are the corrections among the new records. Costs nothing while every clock is trusted.
    """
    offered = first_of_each_boot(said)
    doubtful = [one for one in passages if not one.clock.trusted]
    if not offered and not doubtful:
        return [one.sighting for one in passages], []
    known = transaction.corrections({_boot(one).key for one in doubtful} | {boot.key for boot in offered})
    arrived = {boot: one for boot, one in offered.items() if boot not in known or one.seq < known[boot].seq}
    valid = {**known, **arrived}
    seen = [_corrected(one, valid) for one in passages]
    if not arrived:
        return seen, []
    transaction.put_corrections(arrived.values())
    cards = {card for correction in arrived.values() for card in _doubtful_cards(transaction, correction)}
    if not cards:
        return seen, []
    again = history(transaction, cards, arrived) + [one for one in seen if one.card in cards]
    return [one for one in seen if one.card not in cards], list(fold(again).values())


def history(
    transaction: ClockTransaction, cards: Collection[CardKey], arrived: Mapping[Boot, Correction] = MappingProxyType({})
) -> list[Sighting]:
    """All that is known of these cards, each sighting at its right time; `arrived` are corrections that came just
    now. A passage whose record is gone by the site's rules of retention is known as far as presence rests on it."""
    stored = [passage for gate, body in transaction.passages_of(cards) if (passage := _read(body, gate))]
    valid = {**transaction.corrections({_boot(one).key for one in stored}), **arrived}
    seen = [_corrected(one, valid) for one in stored] + list(transaction.said_of(cards))
    places = {one[1:4] for one in seen}
    kept = [one for one in transaction.last_seen(cards).values() if one[1:4] not in places]
    return kept + seen


def seen_in(stored: Iterable[tuple[str, bytes]], valid: Mapping[Boot, Correction]) -> Iterable[Sighting]:
    """The sightings in stored passages, gate and body of each, at their right times by these corrections."""
    return (_corrected(passage, valid) for gate, body in stored if (passage := _read(body, gate)))


class Doubted(NamedTuple):
    """Somebody went in, by a clock that nobody had set; `received_ms` is when the hub heard of it, so it was before."""

    sighting: Sighting
    received_ms: int


def doubted_entries(transaction: ClockTransaction, after_ms: int, until_ms: int) -> list[Doubted]:
    """Entries that arrived between these times, whose right time nobody knows, and that are the last thing which their
    gate has seen of the card. By the time that they name they may be older than an exit that was before them."""
    arrived = transaction.entries_received(after_ms, until_ms)
    read = [(passage, ms) for gate, body, ms in arrived if (passage := _read(body, gate)) and not passage.clock.trusted]
    if not read:
        return []
    known = transaction.corrections({_boot(one).key for one, _ in read})
    open_ones = [Doubted(one.sighting, ms) for one, ms in read if _boot(one) not in known]
    last: dict[tuple[CardKey, str, str], int] = {}
    for seen in history(transaction, {one.sighting.card for one in open_ones}):
        place = (seen.card, seen.gate, seen.epoch)
        last[place] = max(last.get(place, 0), seen.seq)
    return [one for one in open_ones if last.get((one.sighting.card, *one.sighting[1:3]), 0) <= one.sighting.seq]


def first_of_each_boot(said: Iterable[Correction]) -> dict[Boot, Correction]:
    """Of each boot the first: it is the one that trust came with; later ones are jumps of a trusted clock."""
    found: dict[Boot, Correction] = {}
    for one in said:
        if one.boot not in found or one.seq < found[one.boot].seq:
            found[one.boot] = one
    return found


def _boot(passage: Passage) -> Boot:
    sighting = passage.sighting
    return Boot(JournalKey(sighting.gate, sighting.epoch), passage.clock.boot)


def _corrected(passage: Passage, valid: Mapping[Boot, Correction]) -> Sighting:
    correction = valid.get(_boot(passage))
    if passage.clock.trusted or correction is None:
        return passage.sighting
    time_ms = passage.clock.monotonic_ms + correction.offset_ms
    return passage.sighting._replace(time_ms=time_ms, certainty=Certainty.CLOCK_CORRECTED)


def _doubtful_cards(transaction: ClockTransaction, correction: Correction) -> Iterable[CardKey]:
    """The cards of stored untrusted passages of the boot."""
    for event in boot_before(transaction, correction):
        passage = passage_of(event, correction.boot.key.gate, 0)
        if passage is not None and not passage.clock.trusted:
            yield passage.sighting.card


def boot_before(transaction: ClockTransaction, correction: Correction) -> Iterable[WireEvent]:
    """The stored events of the boot, the latest first: it reaches down from the correction without a gap."""
    key, boot = correction.boot
    below = correction.seq
    while bodies := transaction.bodies_before(key, below, LOOK_BACK):
        for body in bodies:
            if not body:
                # Purged, and so is what came before: nothing is left there to correct.
                return
            event = _event(body)
            if event is None:
                below -= 1
                continue
            below = event.seq
            if event.data.clock.boot != boot:
                return
            yield event


def _read(body: bytes, gate: str) -> Passage | None:
    event = _event(body)
    return passage_of(event, gate, time_ms_of(event.time)) if event is not None else None


def _event(body: bytes) -> WireEvent | None:
    try:
        return contract.decode_event(body)
    except ContractError:
        return None


def time_ms_of(text: str) -> int | None:
    """RFC 3339 to Unix milliseconds; None when it is no such time."""
    try:
        moment = datetime.fromisoformat(text)
        return round(moment.timestamp() * 1000) if moment.tzinfo else None
    except (ValueError, OverflowError):
        return None
