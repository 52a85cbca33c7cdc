"""Cards written through a channel: whole, torn at every single exchange, and not ours to write."""

import argparse
from datetime import date
from pathlib import Path

import pytest

from gate.card_cli import add_commands
from gate.errors import CodingError, ReaderTransient, WriteRefused
from gate.model import CardContents
from gate.reader.channel import read_card
from gate.reader.encodings import Value
from gate.reader.mifare import KeyType, trailer_of
from gate.reader.profiles import load_all
from gate.reader.sheet import sheets
from gate.reader.writing import Wrote, write_card
from gate.simulator.card import VirtualCard, load_card, make_card, save_card
from gate.simulator.reader import CardInField

CODING = Path(__file__).parents[2] / "config" / "coding"
(SITE,), KEYS = load_all(CODING / "site-card.toml", CODING / "site-card.keys.toml")
(DEMO,), DEMO_KEYS = load_all(CODING / "demo.toml", CODING / "demo.keys.toml")
UID = bytes.fromhex("04A1B2C3D4E5F6")
FIELDS: dict[str, Value] = {"card_number": "GJEST-0042", "expiry_date": date(2027, 1, 31), "first_name": "Åse"}
SHEETS = sheets(SITE, KEYS, FIELDS)


def write(card: VirtualCard, over: bool = False, plan: object = SHEETS, **hand: object) -> tuple[list[Wrote], int]:
    """What was done to each sector, and in how many exchanges."""
    done: list[Wrote] = []
    channel = CardInField(card, **hand)  # type: ignore[arg-type]
    write_card(channel, plan, lambda _, wrote: done.append(wrote), over=over)  # type: ignore[arg-type]
    return done, channel.exchanges


def test_a_blank_card_is_coded_as_an_issuer_would() -> None:
    card = VirtualCard.fresh(UID)
    assert write(card)[0] == [Wrote.CODED, Wrote.CODED]
    assert card.image == make_card(SITE, KEYS, FIELDS, UID).image
    found = read_card(CardInField(card), SITE, KEYS).result
    assert isinstance(found, CardContents)
    assert (found.card.number, found.expiry_date, found.first_name) == ("GJEST-0042", date(2027, 1, 31), "Åse")


def test_the_same_again_changes_nothing() -> None:
    card = VirtualCard.fresh(UID)
    write(card)
    before = card.image
    assert write(card)[0] == [Wrote.FOUND, Wrote.FOUND]
    assert card.image == before


@pytest.mark.parametrize("stumbling", [False, True])
def test_torn_at_every_single_exchange_and_finished_by_writing_again(stumbling: bool) -> None:
    """Taken away after each exchange in turn; or each exchange fails once with the card still there."""
    whole = VirtualCard.fresh(UID)
    _, exchanges = write(whole)
    for number in range(1, exchanges):
        card = VirtualCard.fresh(UID)
        if stumbling:
            write(card, stumbles=frozenset({number}))
        else:
            with pytest.raises(ReaderTransient, match="hold the card to the reader and give the same command again"):
                write(card, leaves_after=number)
            for sector in range(40):
                opened = {
                    key for key in ("factory", "mad", "site-read", "site-write")
                    if card.authenticate(trailer_of(sector), KeyType.A, KEYS[key])
                }  # fmt: skip
                assert opened, f"sector {sector} opens with no key after {number} exchanges"
            write(card)
        assert card.image == whole.image, number


def test_other_contents_are_replaced_only_when_asked() -> None:
    card = VirtualCard.fresh(UID)
    write(card)
    other = sheets(SITE, KEYS, {**FIELDS, "card_number": "GJEST-0043"})
    with pytest.raises(WriteRefused, match="sector 1: it is coded already, with other contents"):
        write(card, plan=other)
    assert write(card, plan=other, over=True)[0] == [Wrote.RENEWED, Wrote.FOUND]
    assert card.image == make_card(SITE, KEYS, {**FIELDS, "card_number": "GJEST-0043"}, UID).image


def test_a_sector_with_foreign_data_is_left_alone() -> None:
    card = VirtualCard.fresh(UID)
    card.authenticate(6, KeyType.A, KEYS["factory"])
    card.write(6, b"somebody else's!")
    before = card.image
    with pytest.raises(WriteRefused, match="sector 1: block 6 is not blank"):
        write(card)
    assert card.image == before
    assert write(card, over=True)[0] == [Wrote.CODED, Wrote.CODED]


def test_a_sector_with_foreign_keys_is_left_alone() -> None:
    hms = make_card(DEMO, DEMO_KEYS, {"card_number": "12345678"}, UID)
    before = hms.image
    strange = sheets(DEMO, {**DEMO_KEYS, "demo-read": KEYS["site-read"]}, {"card_number": "7654321"})
    with pytest.raises(WriteRefused, match="sector 32: it opens neither"):
        write(hms, plan=strange, over=True)
    assert hms.image == before


def test_the_directory_is_written_last_so_that_it_never_promises_too_much() -> None:
    assert [sheet.sector for sheet in SHEETS] == [1, 0]
    assert "0x" not in repr(SHEETS[0])
    assert KEYS["site-read"].hex() not in repr(SHEETS)


def test_a_scheme_that_goes_by_the_serial_number_cannot_be_written() -> None:
    (uid,), keys = load_all(CODING / "uid.toml", None)
    with pytest.raises(CodingError, match="which nobody can write"):
        sheets(uid, keys, FIELDS)


# --- the command ------------------------------------------------------------------------------------------


def run(*words: str) -> int:
    parser = argparse.ArgumentParser(prog="gate")
    add_commands(parser.add_subparsers(required=True))
    args = parser.parse_args(
        ["card", "write", "--coding", str(CODING / "site-card.toml"), "--keys", str(CODING / "site-card.keys.toml"),
         *words]
    )  # fmt: skip
    return int(args.run(args))


def test_the_command_codes_a_dump(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "blank.mfd"
    save_card(VirtualCard.fresh(UID), path)
    assert run("--dump", str(path), "--field", "card_number=GJEST-0042", "--dry-run") == 0
    assert load_card(path).image == VirtualCard.fresh(UID).image
    assert run("--dump", str(path), "--field", "card_number=GJEST-0042") == 0
    said = capsys.readouterr().out
    assert "sector  1: blocks 4-6, then its trailer\n" in said
    assert "sector  1: written and closed (blocks 4-6)\n" in said
    assert "card 04 A1 B2 C3 D4 E5 F6 is coded" in said
    assert load_card(path).image == make_card(SITE, KEYS, {"card_number": "GJEST-0042"}, UID).image


def test_what_cannot_be_written_is_refused_before_a_card_is_asked_for() -> None:
    with pytest.raises(CodingError, match="a card needs a number"):
        run("--field", "first_name=Åse")
    with pytest.raises(CodingError, match="'nfc' cannot write"):
        run("--field", "card_number=GJEST-0042", "--reader", "nfc:1")
    with pytest.raises(CodingError, match=r"say which: .*demo.toml, .*site-card.toml, .*uid.toml"):
        run("--field", "card_number=GJEST-0042", "--coding", str(CODING / "any-card.toml"),
            "--keys", str(CODING / "any-card.keys.toml"))  # fmt: skip
