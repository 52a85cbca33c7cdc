"""Several profiles in one pass, sectors by the card's directory, serial numbers: the same channel, more to ask."""

from collections import Counter
from pathlib import Path

import pytest

from gate.errors import CodingError
from gate.model import CardContents, Medium, Unreadable
from gate.reader.channel import Outcome, read_card
from gate.reader.mad import PARTS, write_part
from gate.reader.mifare import Key, KeyType
from gate.reader.profiles import load_all, load_for_gate
from gate.simulator.card import VirtualCard, make_card
from gate.simulator.reader import CardInField

CODING = Path(__file__).parents[2] / "config" / "coding"
ANY, ANY_KEYS = CODING / "any-card.toml", CODING / "any-card.keys.toml"
CODINGS, KEYS = load_all(ANY, ANY_KEYS)
DEMO, SITE, UID = CODINGS
HMS_UID, SITE_UID = bytes.fromhex("5A112233"), bytes.fromhex("04A1B2C3D4E5F6")


def hms(number: str = "12345678", uid: bytes = HMS_UID, name: str = "Łukasz") -> VirtualCard:
    return make_card(DEMO, KEYS, {"card_number": number, "first_name": name, "last_name": "Wójcik"}, uid)


def visitor(number: str = "GJEST-0042") -> VirtualCard:
    return make_card(SITE, KEYS, {"card_number": number, "first_name": "Åse"}, SITE_UID)


class Counting(CardInField):
    """Says what was asked of the card."""

    def __init__(self, card: VirtualCard, **hand: object) -> None:
        super().__init__(card, **hand)  # type: ignore[arg-type]
        self.opened: Counter[int] = Counter()
        self.blocks: Counter[int] = Counter()

    def authenticate(self, sector: int, key_type: KeyType, key: Key) -> bool:
        self.opened[sector] += 1
        return super().authenticate(sector, key_type, key)

    def read(self, block: int) -> bytes | None:
        self.blocks[block] += 1
        return super().read(block)


def card_of(outcome: Outcome) -> str:
    assert isinstance(outcome.result, CardContents), outcome.result
    return str(outcome.result.card)


@pytest.mark.parametrize(
    ("card", "found", "medium"),
    [
        (hms(), "hms:12345678", Medium.CHIP),
        (visitor(), "site:GJEST-0042", Medium.CHIP),
        (VirtualCard.fresh(SITE_UID), "uid:04A1B2C3D4E5F6", Medium.UID),
    ],
)
def test_each_card_is_read_by_the_first_profile_that_knows_it(card: VirtualCard, found: str, medium: Medium) -> None:
    outcome = read_card(CardInField(card), CODINGS, KEYS)
    assert (card_of(outcome), outcome.medium) == (found, medium)


@pytest.mark.parametrize("card", [hms(), visitor()], ids=["hms", "visitor"])
def test_no_block_is_read_twice_and_no_key_refused_more_than_it_must(card: VirtualCard) -> None:
    """A refusal is asked for twice: a card that leaves looks the same."""
    channel = Counting(card)
    read_card(channel, CODINGS, KEYS)
    assert max(channel.blocks.values()) == 1
    assert max(channel.opened.values()) <= 2


def test_the_first_profile_costs_what_it_would_alone() -> None:
    alone = read_card(CardInField(hms()), DEMO, KEYS)
    among = read_card(CardInField(hms()), CODINGS, KEYS)
    assert (among.exchanges, among.decision_exchanges) == (alone.exchanges, alone.decision_exchanges)


def test_a_whole_card_is_one_authentication_a_sector_and_one_read_a_block() -> None:
    for coding, card in ((DEMO, hms()), (SITE, visitor())):
        channel = Counting(card)
        outcome = read_card(channel, coding, KEYS)
        assert set(channel.opened.values()) == {1}
        assert set(channel.blocks.values()) == {1}
        assert outcome.exchanges == 1 + channel.opened.total() + channel.blocks.total()


def test_a_damaged_card_is_not_a_weaker_one() -> None:
    """Read by its serial number, a card with one wrong byte would get another, weaker, identity."""
    image = bytearray(visitor().image)
    image[4 * 16] ^= 0x01
    result = read_card(CardInField(VirtualCard(bytes(image))), CODINGS, KEYS).result
    assert isinstance(result, Unreadable)
    assert "crc-16/ibm-3740 does not hold" in result.what


@pytest.mark.parametrize(
    ("at", "what"),
    [
        (1 * 16, "check CRC-8/MIFARE-MAD of the directory MAD1 does not hold"),
        (1 * 16 + 2, "check CRC-8/MIFARE-MAD of the directory MAD1 does not hold"),
    ],
)
def test_a_damaged_directory_is_a_reason(at: int, what: str) -> None:
    image = bytearray(visitor().image)
    image[at] ^= 0xFF
    result = read_card(CardInField(VirtualCard(bytes(image))), SITE, KEYS).result
    assert isinstance(result, Unreadable)
    assert what in result.what


def test_a_card_without_the_application_is_told_so() -> None:
    without = make_card(SITE, KEYS, {"card_number": "GJEST-0042"}, SITE_UID)
    image = bytearray(without.image)
    for block, content in write_part(PARTS[0], {3: 0x1234}).items():
        image[block * 16 : block * 16 + 16] = content
    result = read_card(CardInField(VirtualCard(bytes(image))), SITE, KEYS).result
    assert result == Unreadable("the card's directory does not know application 0x5056", 1)


@pytest.mark.parametrize("card", [hms(), visitor()], ids=["hms", "visitor"])
def test_p9_pulled_at_each_single_exchange(card: VirtualCard) -> None:
    """Unreadable until a decision is possible, then contents: never another card, never the serial number."""
    whole = read_card(CardInField(card), CODINGS, KEYS)
    assert whole.decision_exchanges is not None
    for leaves_after in range(whole.exchanges):
        outcome = read_card(CardInField(card, leaves_after=leaves_after), CODINGS, KEYS)
        if leaves_after < whole.decision_exchanges:
            assert outcome.result == Unreadable("the card was taken away too soon", *_where(outcome.result))
        else:
            assert card_of(outcome) == card_of(whole)


def _where(result: object) -> tuple[int | None, str | None]:
    assert isinstance(result, Unreadable), result
    return result.block, result.field


@pytest.mark.parametrize("card", [hms(), visitor()], ids=["hms", "visitor"])
def test_p9_torn_once_at_each_single_exchange_it_is_read_all_the_same(card: VirtualCard) -> None:
    whole = read_card(CardInField(card), CODINGS, KEYS)
    for number in range(1, whole.exchanges + 1):
        outcome = read_card(CardInField(card, stumbles=frozenset({number})), CODINGS, KEYS)
        assert card_of(outcome) == card_of(whole), number


# --- what comes after the decision ---------------------------------------------------------------------------


def test_the_decision_is_handed_out_before_the_name_is_read() -> None:
    handed: list[Outcome] = []
    channel = CardInField(hms())
    outcome = read_card(channel, DEMO, KEYS, decided=handed.append)
    assert len(handed) == 1
    assert (handed[0].exchanges, handed[0].decision_exchanges) == (3, 3)
    first = handed[0].result
    assert isinstance(first, CardContents)
    assert (first.card.number, first.first_name, first.damaged) == ("12345678", None, ())
    assert isinstance(outcome.result, CardContents)
    assert outcome.result.first_name == "Łukasz"


class Swapped(CardInField):
    """Another card is put on after so many exchanges."""

    def __init__(self, card: VirtualCard, other: VirtualCard, after: int) -> None:
        super().__init__(card)
        self._other = other
        self._after = after

    def _exchange(self) -> None:
        super()._exchange()
        if self.exchanges == self._after:
            self._card = self._other
            self._other.select()


@pytest.mark.parametrize("after", range(1, 14))
def test_two_cards_are_never_mixed_whenever_the_second_is_put_on(after: int) -> None:
    """Number of one, name of the other: a stranger greeted by a name."""
    first, second = hms("11111111"), hms("22222222", bytes.fromhex("5A445566"), "Maria")
    handed: list[Outcome] = []
    outcome = read_card(Swapped(first, second, after), DEMO, KEYS, decided=handed.append)
    for one in (*handed, outcome):
        if isinstance(one.result, CardContents):
            owner = {"11111111": (None, "Łukasz"), "22222222": (None, "Maria")}[one.result.card.number]
            assert one.result.first_name in owner


# --- what a gate reads ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("greet", "names"), [(False, set()), (True, {"first_name"})])
def test_p12_a_gate_reads_no_name_unless_it_greets_and_then_the_first_alone(greet: bool, names: set[str]) -> None:
    codings, keys = load_for_gate(ANY, ANY_KEYS, greet=greet)
    result = read_card(CardInField(hms()), codings, keys).result
    assert isinstance(result, CardContents)
    known = {name for name in ("first_name", "last_name", "date_of_birth", "gender", "organisation_name")
             if getattr(result, name) is not None}  # fmt: skip
    assert known == names


def test_a_profile_that_takes_any_card_must_come_last(tmp_path: Path) -> None:
    for name in ("demo.toml", "uid.toml"):
        (tmp_path / name).write_bytes((CODING / name).read_bytes())
    (tmp_path / "list.toml").write_text('profiles = ["uid.toml", "demo.toml"]\n')
    with pytest.raises(CodingError, match=r"uid\.toml takes any card by its serial number"):
        load_all(tmp_path / "list.toml", ANY_KEYS)
    (tmp_path / "list.toml").write_text('profiles = ["none.toml"]\n')
    with pytest.raises(CodingError, match=r"none\.toml: cannot be read"):
        load_all(tmp_path / "list.toml", ANY_KEYS)


@pytest.mark.parametrize("name", ["id06", "valtti", "cscs", "uid"])
def test_foreign_cards_are_known_by_their_serial_number_and_marked_weak(name: str) -> None:
    codings, keys = load_all(CODING / f"{name}.toml", None)
    outcome = read_card(CardInField(VirtualCard.fresh(SITE_UID)), codings, keys)
    assert (card_of(outcome), outcome.medium) == (f"{name}:04A1B2C3D4E5F6", Medium.UID)


def test_a_telephone_s_serial_number_is_no_card() -> None:
    result = read_card(CardInField(VirtualCard.fresh(bytes.fromhex("08112233"))), CODINGS, KEYS).result
    assert isinstance(result, Unreadable)
