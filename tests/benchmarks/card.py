"""Exchanges with a card until the decision, and for the whole card; against reading every data block."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

from gate.reader.channel import read_card
from gate.reader.profiles import load_pair
from gate.simulator.card import make_card
from gate.simulator.reader import CardInField
from tests.benchmarks.figures import Figure

CODING = Path("config/coding")
WHOLE_CARD = 40 + 216 + 1
"""What a dump reader does: 40 authentications, 216 data blocks, the serial number."""


def measure(quick: bool) -> Iterator[Figure]:
    coding, keys = load_pair(CODING / "demo.toml", CODING / "demo.keys.toml")
    fields: dict[str, str | date] = {
        "card_number": "12345678",
        "organisation_number": "100000008",
        "expiry_date": date(2027, 5, 31),
        "first_name": "Živilė",
        "last_name": "Ødegårdsmo",
        "organisation_name": "Fjellstad Entreprenør",
        "date_of_birth": date(1990, 1, 1),
        "gender": "F",
    }
    card = make_card(coding, keys, fields, bytes.fromhex("04A1B2C3"))
    outcome = read_card(CardInField(card), coding, keys)
    yield Figure("exchanges, dump of the whole card", "exchanges", [WHOLE_CARD])
    decided = outcome.decision_exchanges
    if decided is None:
        raise RuntimeError(f"the benchmark's card was not read: {outcome}")
    yield Figure("exchanges until the decision", "exchanges", [decided], against="exchanges, dump of the whole card")
    yield Figure(
        "exchanges for all fields", "exchanges", [outcome.exchanges], against="exchanges, dump of the whole card"
    )
