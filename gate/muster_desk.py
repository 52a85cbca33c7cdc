"""The muster readers of a gate: a card shown there is written down, and told of; it moves and decides nothing.

Written down first, told second: whoever is told "counted" is on the disk, or safe in memory before it (P2, P4).
Whether a roll call runs is the hub's to know; the gate counts all the same, with the hub away too (P1).
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from gate import records
from gate.errors import StoreError
from gate.model import CardId, CardReading, Decision, Moment, MusterReply, Reason
from gate.ports import MusterSign, PermitStore
from gate.recorder import Recorder

log = logging.getLogger(__name__)

LAMPS = {
    MusterReply.COUNTED: Decision(admitted=True, reason=Reason.GRANTED),
    MusterReply.UNREADABLE: Decision(admitted=False, reason=Reason.UNREADABLE),
    MusterReply.NOT_KEPT: Decision(admitted=False, reason=Reason.LANE_CLOSED),
}
"""The answer for a light that knows go and stop alone, as a reader's own does."""


def _no_lamp(decision: Decision) -> None:
    """A reader that shows nothing."""


@dataclass(frozen=True, slots=True)
class MusterPlace:
    """Where a muster reader stands."""

    sign: MusterSign
    show: Callable[[Decision], None] = _no_lamp
    """The reader's own lamp and buzzer."""


class MusterDesk:
    """See the module. Not thread-safe: the controller's thread calls it."""

    def __init__(self, places: Mapping[str, MusterPlace], permits: PermitStore, recorder: Recorder) -> None:
        """`places` by the reader's name."""
        self._places = places
        self._permits = permits
        self._recorder = recorder
        self._answered: dict[str, CardId | None] = {}
        """Whose card each point has answered last: a name that comes after it belongs to that one only."""

    def __contains__(self, reader: str) -> bool:
        """Whether this reader is one of them."""
        return reader in self._places

    def shown(self, reading: CardReading, now: Moment) -> None:
        """Take one card to its end."""
        place = self._places[reading.reader]
        point = place.sign.name
        card, _ = records.who(reading)
        kept = self._recorder.record([records.muster_badge(reading, point, now)])
        read = MusterReply.UNREADABLE if card is None else MusterReply.COUNTED
        reply = read if kept else MusterReply.NOT_KEPT
        place.sign.show(reply, self._language(card))
        place.show(LAMPS[reply])
        self._answered[point] = card if reply is MusterReply.COUNTED else None
        log.info(
            "muster point=%s reader=%s card=%s medium=%s reply=%s",
            point, reading.reader, records.masked(reading), reading.medium, reply,
        )  # fmt: skip

    def greet(self, reader: str, card: CardId, first_name: str) -> None:
        """The holder's name, beside the answer that their card got."""
        sign = self._places[reader].sign
        if self._answered.get(sign.name) == card:
            sign.greet(first_name)

    def _language(self, card: CardId | None) -> str | None:
        try:
            permit = self._permits.find(card) if card is not None else None
        except StoreError:
            # A list that cannot be read costs the language; a badge at a lane raises the alarm.
            return None
        return permit.language if permit is not None else None
