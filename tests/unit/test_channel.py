"""Carrying out a read plan: what is tried again, how often, and what comes of it."""

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.errors import ReaderLost, ReaderTransient
from gate.model import CardContents, Unreadable
from gate.reader.channel import TORN_TRIES, read_card
from gate.reader.coding import compile_profile
from gate.reader.encodings import Value
from gate.reader.mifare import ISSUED_ACCESS, TRANSPORT_KEY, Access, Key, KeyType, trailer
from gate.reader.profiles import load_pair
from gate.simulator.card import VirtualCard, make_card
from gate.simulator.reader import CardInField

CODING = Path(__file__).parents[2] / "config" / "coding"
DEMO, KEYS = load_pair(CODING / "demo.toml", CODING / "demo.keys.toml")
UID = bytes.fromhex("5A112233")
NO_MORE = frozenset(range(1, 1000))

SECTORS = compile_profile(
    """
scheme = "hms"
[[areas]]
name = "number"
sectors = [1]
key = "demo-read"
[[areas]]
name = "names"
sectors = [2]
key = "demo-write"
[[areas]]
name = "company"
sectors = [3]
key = "demo-read"
[fields.card_number]
area = "number"
block = 0
length = 8
encoding = "digits"
[fields.last_name]
area = "names"
block = 0
length = 16
encoding = "utf-8"
[fields.organisation_name]
area = "company"
block = 0
length = 16
encoding = "utf-8"
""",
    "sectors.toml",
)


def demo_card() -> VirtualCard:
    return make_card(DEMO, KEYS, {"card_number": "12345678", "expiry_date": date(2027, 5, 31)}, UID)


def test_the_demo_card_takes_ten_exchanges_and_three_until_the_decision() -> None:
    outcome = read_card(CardInField(demo_card()), DEMO, KEYS)
    assert (outcome.exchanges, outcome.decision_exchanges) == (10, 3)


def test_blocks_that_were_read_are_not_read_again() -> None:
    outcome = read_card(CardInField(demo_card(), stumbles=frozenset({6})), DEMO, KEYS)
    # Serial number and authentication once more, and the block that failed.
    assert outcome.exchanges == 10 + 3


def test_a_card_that_never_answers_is_given_up() -> None:
    outcome = read_card(CardInField(demo_card(), stumbles=NO_MORE), DEMO, KEYS)
    assert outcome.result == Unreadable("the card does not answer; hold it still", 128, "card_number")
    assert outcome.exchanges == TORN_TRIES


@given(st.sets(st.integers(1, 30)), st.none() | st.integers(0, 30))
def test_however_a_card_shakes_there_is_one_outcome(stumbles: set[int], leaves_after: int | None) -> None:
    """P9."""
    outcome = read_card(CardInField(demo_card(), leaves_after, frozenset(stumbles)), DEMO, KEYS)
    assert isinstance(outcome.result, CardContents | Unreadable)
    if isinstance(outcome.result, CardContents):
        assert outcome.result.expiry_date == date(2027, 5, 31)


def test_a_sector_that_no_decision_needs_may_stay_closed() -> None:
    """P9: the rest goes on."""
    fields: dict[str, Value] = {"card_number": "12345678", "last_name": "Nilsen", "organisation_name": "Fjellstad"}
    card = make_card(SECTORS, KEYS, fields, UID)
    other = {**KEYS, "demo-write": Key(bytes.fromhex("A0A1A2A3A4A5"))}
    result = read_card(CardInField(card), SECTORS, other).result
    assert isinstance(result, CardContents)
    assert (result.card.number, result.last_name, result.organisation_name) == ("12345678", None, "Fjellstad")
    assert result.damaged == ("last_name",)


def test_access_bits_that_forbid_reading_are_told() -> None:
    card = VirtualCard.fresh(UID)
    assert card.authenticate(128, KeyType.A, TRANSPORT_KEY)
    assert card.write(143, trailer(KEYS["demo-read"], Access((0b111, 0b100, 0b100, 0b011)), TRANSPORT_KEY))
    outcome = read_card(CardInField(card), DEMO, KEYS)
    assert outcome.result == Unreadable("the card's access bits forbid reading", 128, "card_number")


class _Swapped(CardInField):
    """Another card comes into the field when the first has given its decision."""

    def restart(self) -> bool:
        self._card = make_card(DEMO, KEYS, {"card_number": "87654321"}, bytes.fromhex("5A999999"))
        return super().restart()


def test_two_cards_are_never_mixed() -> None:
    outcome = read_card(_Swapped(demo_card(), stumbles=frozenset({4})), DEMO, KEYS)
    assert isinstance(outcome.result, CardContents)
    assert outcome.uid == bytes.fromhex("5A999999")
    assert (outcome.result.card.number, outcome.result.expiry_date) == ("87654321", None)


class _NewUidEachTime(CardInField):
    """A telephone: its serial number is drawn anew at every look."""

    def uid(self) -> bytes:
        super().uid()
        return b"\x08" + self.exchanges.to_bytes(3, "big")

    def read(self, block: int) -> bytes | None:
        raise ReaderTransient("no Classic")


def test_a_serial_number_that_changes_at_every_look_ends_too() -> None:
    outcome = read_card(_NewUidEachTime(demo_card()), DEMO, KEYS)
    assert isinstance(outcome.result, Unreadable)
    assert outcome.exchanges <= 3 * TORN_TRIES


class _Unplugged(CardInField):
    def read(self, block: int) -> bytes | None:
        raise ReaderLost("unplugged")


def test_a_lost_reader_is_the_drivers_matter() -> None:
    with pytest.raises(ReaderLost):
        read_card(_Unplugged(demo_card()), DEMO, KEYS)


def test_a_sector_opened_by_key_b() -> None:
    text = (CODING / "demo.toml").read_text().replace('key_type = "A"', 'key_type = "B"')
    coding = compile_profile(text, "b.toml")
    card = make_card(coding, KEYS, {"card_number": "12345678"}, UID)
    assert isinstance(read_card(CardInField(card), coding, KEYS).result, CardContents)
    assert card.authenticate(128, KeyType.B, KEYS["demo-read"])
    assert ISSUED_ACCESS.to_bytes() in card.image
