"""One card shown, from the first exchange to the name: what every driver of chips does with it."""

import logging
import time
from collections.abc import Sequence

from gate.model import CardContents, CardReading
from gate.ports import CardShown, Deliver, HolderRead
from gate.reader.channel import CardChannel, Outcome, read_card
from gate.reader.coding import Coding
from gate.reader.mifare import Keys

log = logging.getLogger(__name__)


def read_and_deliver(
    reader: str, channel: CardChannel, codings: Sequence[Coding], keys: Keys, deliver: Deliver
) -> Outcome:
    """Deliver the card as soon as a decision is possible, and the name, if it is read at all, after it: the
    turnstile turns meanwhile. Raises ReaderLost, ReaderHung."""
    began = time.monotonic()
    told: list[Outcome] = []

    def tell(outcome: Outcome) -> None:
        told.append(outcome)
        deliver_outcome(reader, outcome, deliver, (time.monotonic() - began) * 1000)

    outcome = read_card(channel, codings, keys, decided=tell)
    if not told:
        tell(outcome)
    elif isinstance(outcome.result, CardContents) and outcome.result.first_name:
        deliver(HolderRead(reader, outcome.result.card, outcome.result.first_name))
    return outcome


def deliver_outcome(reader: str, outcome: Outcome, deliver: Deliver, took_ms: float = 0.0) -> None:
    """Hand one showing to the controller, and a masked line to the log."""
    result = outcome.result
    card = result.card.masked if isinstance(result, CardContents) else f"unreadable ({result.what})"
    log.info(
        "reader=%s card=%s exchanges=%d decision_exchanges=%s took_ms=%.0f",
        reader, card, outcome.exchanges, outcome.decision_exchanges, took_ms,
    )  # fmt: skip
    deliver(CardShown(CardReading(reader, outcome.medium, result, outcome.uid, outcome.exchanges)))
