"""Cards: random memories, real cards with bytes changed, and cards that behave badly in the field."""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from random import Random

from gate.errors import ReaderTransient
from gate.model import CardContents
from gate.reader.channel import Outcome, read_card
from gate.reader.coding import Coding
from gate.reader.mifare import IMAGE_BYTES, Key, Keys, KeyType
from gate.reader.profiles import load_all
from gate.simulator.card import VirtualCard, make_card
from gate.simulator.reader import CardInField
from tests.fuzz.answers import check_answer

CODING = Path(__file__).parents[2] / "config" / "coding"


@cache
def codings() -> tuple[Sequence[Coding], Keys]:
    """What workers carry: two chips and the serial number."""
    return load_all(CODING / "any-card.toml", CODING / "any-card.keys.toml")


@cache
def whole_cards() -> Sequence[VirtualCard]:
    """One of each scheme."""
    (demo, site, _), keys = codings()
    fields: Mapping[str, str] = {"card_number": "12345678", "first_name": "Łukasz", "organisation_number": "100000008"}
    visitor = {"card_number": "GJEST-0042", "first_name": "Åse"}
    return (
        make_card(demo, keys, fields, bytes.fromhex("5A112233")),
        make_card(site, keys, visitor, bytes.fromhex("04A1B2C3D4E5F6")),
    )


class LyingCard:
    """A channel whose answers are any bytes of any length, and which comes and goes as it likes."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self.exchanges = 0

    def uid(self) -> bytes:
        self._exchange()
        return self._random.randbytes(self._random.choice((0, 4, 4, 7, 7, 10, 3)))

    def authenticate(self, sector: int, key_type: KeyType, key: Key) -> bool:
        self._exchange()
        return self._random.random() < 0.8

    def read(self, block: int) -> bytes | None:
        self._exchange()
        if self._random.random() < 0.1:
            return None
        return self._random.randbytes(self._random.choice((16, 16, 16, 16, 0, 1, 15, 17, 64)))

    def restart(self) -> bool:
        return self._random.random() < 0.9

    def _exchange(self) -> None:
        self.exchanges += 1
        if self._random.random() < 0.05:
            raise ReaderTransient("torn")


def check(outcome: Outcome) -> str:
    """A reason, or contents that keep the rules; and an end."""
    assert outcome.exchanges < 400
    result = outcome.result
    if isinstance(result, CardContents):
        for text in (result.first_name, result.last_name, result.organisation_name, result.gender):
            assert text is None or (text.isprintable() and not re.search(r"\d{11}", text)), text
    return check_answer(result)


def one(random: Random) -> str:
    """One input."""
    chosen, keys = codings()
    # By the chip alone half the time: a serial number is always read, and would hide the rest.
    chosen = chosen if random.random() < 0.5 else chosen[:2]
    match random.randrange(4):
        case 0:
            return check(read_card(LyingCard(random), chosen, keys))
        case 1:
            return check(read_card(CardInField(_random_memory(random)), chosen, keys))
        case _:
            return check(read_card(_changed_card(random), chosen, keys))


def _random_memory(random: Random) -> VirtualCard:
    image = bytearray(random.randbytes(IMAGE_BYTES))
    image[:10] = whole_cards()[0].image[:10]
    if random.random() < 0.7:
        # Sectors that open, with whatever in them.
        for sector in (0, 1, 32):
            trailer = {0: 3, 1: 7, 32: 143}[sector] * 16
            source = whole_cards()[0 if sector == 32 else 1].image
            image[trailer : trailer + 16] = source[trailer : trailer + 16]
    return VirtualCard(bytes(image))


def _changed_card(random: Random) -> CardInField:
    card = random.choice(whole_cards())
    image = bytearray(card.image)
    for _ in range(random.randrange(6)):
        block = random.choice((1, 2, 3, 4, 5, 6, 7, 128, 129, 130, 131, 143))
        image[block * 16 + random.randrange(16)] = random.randrange(256)
    leaves = random.randrange(1, 14) if random.random() < 0.3 else None
    stumbles = frozenset(random.sample(range(1, 20), random.randrange(4)))
    return CardInField(VirtualCard(bytes(image)), leaves, stumbles)
