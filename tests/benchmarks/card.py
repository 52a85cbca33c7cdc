"""Exchanges with a card until the decision, and for the whole card; against reading every data block."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

from gate.reader.channel import Outcome, read_card
from gate.reader.profiles import load_all, load_pair
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
    yield from _several_kinds(fields)


def _several_kinds(fields: dict[str, str | date]) -> Iterator[Figure]:
    """A list of profiles, against each profile alone."""
    (demo, site, uid), keys = load_all(CODING / "any-card.toml", CODING / "any-card.keys.toml")
    visitor = make_card(site, keys, {"card_number": "GJEST-0042"}, bytes.fromhex("04A1B2C3D4E5F6"))
    hms = make_card(demo, keys, fields, bytes.fromhex("04A1B2C3"))
    for card, alone, what in ((hms, demo, "an HMS card"), (visitor, site, "a site card")):
        name = f"exchanges until the decision, {what}, its profile alone"
        yield Figure(name, "exchanges", [_decided(read_card(CardInField(card), alone.for_decision(), keys))])
        chosen = [coding.for_decision() for coding in (demo, site, uid)]
        among = _decided(read_card(CardInField(card), chosen, keys))
        yield Figure(f"the same among three profiles ({what})", "exchanges", [among], against=name)


def _decided(outcome: Outcome) -> int:
    if outcome.decision_exchanges is None:
        raise RuntimeError(f"the benchmark's card was not read: {outcome}")
    return outcome.decision_exchanges
