"""The right time of passages that a gate recorded before its clock was set (P10). Pure but for the transaction.

A Pi has no clock battery. Within one boot, wall time is monotonic time plus a constant; when a time source
sets the clock, the gate says that constant in a `clock.trusted` event. From then on every untrusted passage
of that boot, here already or still to come, counts at `monotonic + offset`. The stored event keeps its
first time; presence is what changes, for a roll call that goes by wrong times calls the wrong people.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
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
    offered = _first(said)
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
    stored = [passage for gate, body in transaction.passages_of(cards) if (passage := _read(body, gate))]
    valid = {**transaction.corrections({_boot(one).key for one in stored}), **valid}
    again = [_corrected(one, valid) for one in stored] + [one for one in seen if one.card in cards]
    return [one for one in seen if one.card not in cards], list(fold(again).values())


def _first(said: Iterable[Correction]) -> dict[Boot, Correction]:
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
    """The cards of stored untrusted passages of the boot: it reaches down from the correction without a gap."""
    key, boot = correction.boot
    below = correction.seq
    while bodies := transaction.bodies_before(key, below, LOOK_BACK):
        for body in bodies:
            event = _event(body)
            if event is None:
                below -= 1
                continue
            below = event.seq
            if event.data.clock.boot != boot:
                return
            passage = passage_of(event, key.gate, 0)
            if passage is not None and not passage.clock.trusted:
                yield passage.sighting.card


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
