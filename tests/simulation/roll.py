"""Cards at the assembly point: people who show them around a fire, and what must have come of it at the end.

P2: a card that was shown while a muster ran has accounted for its holder. P3: once. P6: and no other card has.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import TYPE_CHECKING

from gate.model import CardContents, CardId, CardReading, Medium, MusterReply
from gate.muster_desk import MusterPlace
from gate.ports import CardShown
from gate.uplink.contract import MUSTER_BADGE, decode_event
from hub.corrections import Boot, Correction
from hub.muster import Muster
from hub.muster_readers import shown_of
from hub.presence import CardKey
from hub.records import EventRecord
from tests.simulation.world import MINUTE_MS, World

if TYPE_CHECKING:
    from tests.simulation.sim_gate import SimGate
    from tests.simulation.sim_store import HubFile

READER, POINT = "assembly", "meadow"
SHOWN = 8
"""Cards around one fire."""


class Signpost:
    """Lamps at the point, which prove nothing here."""

    name = POINT

    def start(self) -> None:
        """Dark."""

    def show(self, reply: MusterReply, language: str | None) -> None:
        """Lit."""

    def greet(self, first_name: str) -> None:
        """Lamps know no names."""

    def close(self) -> None:
        """Dark."""


MUSTER_READERS: Mapping[str, MusterPlace] = {READER: MusterPlace(Signpost())}


def cards_around_a_fire(world: World, gates: "Sequence[SimGate]", cards: Sequence[CardId], chance: Random) -> None:
    """From its first moment to when it is over: with other fires about, some are of no muster, or of another one."""
    for _ in range(SHOWN):
        gate, card = chance.choice(gates), chance.choice(cards)
        reading = CardReading(READER, Medium.CHIP, CardContents(card))
        world.after(chance.randint(0, 50 * MINUTE_MS), _showing(world, gate, reading))


def _showing(world: World, gate: "SimGate", reading: CardReading) -> Callable[[], None]:
    def show() -> None:
        world.counts["cards at the assembly point"] += 1
        gate.deliver(CardShown(reading))

    return show


def judge(world: World, hub: "HubFile") -> None:
    """Every word on every muster has its card, and every card its word. Raises Broken."""
    musters = [muster for muster, _ in hub.musters.values()]
    due: set[tuple[str, CardKey, int]] = set()
    allowed: set[tuple[str, CardKey, int]] = set()
    for records in hub.events.values():
        for record in records.values():
            at_ms, known_at_once = _when(record, hub.corrections)
            card = CardKey(record.scheme or "", record.number or "")
            ran = [one for one in musters if at_ms is not None and _ran(one, at_ms)]
            allowed |= {(one.id, card, at_ms or 0) for one in ran}
            if ran and known_at_once:
                latest = max(ran, key=lambda one: (one.began_ms, one.noticed_ms))
                due.add((latest.id, card, at_ms or 0))
    written = Counter(
        (muster, one.card, one.at_ms, one.said_by) for muster, words in hub.checks.items() for one in words
    )
    world.counts["cards that accounted for somebody"] += len(written)
    if twice := [words for words, number in written.items() if number > 1]:
        raise world.broken("P3", f"hub: {twice[0][1].number} was ticked off twice by one card")
    told = {words[:3] for words in written}
    if wrong := sorted(told - allowed):
        raise world.broken("P6", f"hub: {wrong[0][1].number} was ticked off by no card of the time of that muster")
    if lost := sorted(due - told):
        raise world.broken("P2", f"hub: {lost[0][1].number} has shown the card, and nobody was told")


def _when(record: EventRecord, corrections: Mapping[Boot, Correction]) -> tuple[int | None, bool]:
    """When a card was shown, as far as anybody knows; and whether that was known when it was told."""
    if record.kind != MUSTER_BADGE:
        return None, False
    shown = shown_of(decode_event(record.body), record.gate, record.received_ms)
    if shown is None:
        return None, False
    if shown.clock.trusted:
        return min(shown.time_ms, record.received_ms), True
    correction = corrections.get(Boot(shown.key, shown.clock.boot))
    right_ms = None if correction is None else shown.clock.monotonic_ms + correction.offset_ms
    # A clock that is set a day after the muster was closed is not looked at for it any more.
    return right_ms, False


def _ran(muster: Muster, at_ms: int) -> bool:
    return muster.began_ms <= at_ms and (muster.closed_ms is None or at_ms <= muster.closed_ms)
