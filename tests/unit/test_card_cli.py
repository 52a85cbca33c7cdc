"""`gate card make`, `show` and `plan`."""

import argparse
import json
from pathlib import Path

import pytest

from gate.card_cli import add_commands
from gate.errors import CodingError
from gate.simulator.card import load_card

CODING = Path(__file__).parents[2] / "config" / "coding"
WITH = ["--coding", str(CODING / "demo.toml"), "--keys", str(CODING / "demo.keys.toml")]
FIELDS = {
    "card_number": "12345678",
    "organisation_number": "100000008",
    "expiry_date": "2027-05-31",
    "first_name": "Łukasz",
}


def run(*words: str) -> int:
    parser = argparse.ArgumentParser(prog="gate")
    add_commands(parser.add_subparsers(required=True))
    args = parser.parse_args(["card", *words])
    return int(args.run(args))


def make(path: Path, *more: str, **fields: str) -> Path:
    words = [word for name, value in (fields or FIELDS).items() for word in ("--field", f"{name}={value}")]
    assert run("make", *WITH, *words, *more, "-o", str(path)) == 0
    return path


@pytest.fixture
def dump(tmp_path: Path) -> Path:
    return make(tmp_path / "c.mfd")


def test_a_made_card_is_shown_aligned(dump: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert run("show", str(dump), *WITH) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "  card number          12345678" in lines
    assert "  expiry date          2027-05-31" in lines
    assert "  first name           Łukasz" in lines
    assert "  gender               -" in lines


def test_a_made_card_is_shown_to_programs(dump: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert run("show", str(dump), *WITH, "--json") == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["readable"], shown["scheme"], shown["damaged"]) == (True, "hms", [])
    assert {name: value for name, value in shown["fields"].items() if value is not None} == FIELDS


def test_a_damaged_card_is_shown_with_its_block_and_exit_status_1(
    dump: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image = bytearray(dump.read_bytes())
    image[128 * 16] = 0xAB
    dump.write_bytes(image)
    assert run("show", str(dump), *WITH) == 1
    assert "block       128" in capsys.readouterr().out
    assert run("show", str(dump), *WITH, "--json") == 1
    assert json.loads(capsys.readouterr().out)["block"] == 128


@pytest.mark.parametrize("uid", ["5A112233", "04:11:22:33:44:55:66"])
def test_a_uid_can_be_chosen(tmp_path: Path, uid: str) -> None:
    path = make(tmp_path / "c.mfd", "--uid", uid)
    assert load_card(path).uid == bytes.fromhex(uid.replace(":", ""))


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        (["shoe_size=44"], "no field 'shoe_size'; fields are card_number"),
        (["card_number=12345678", "expiry_date=tomorrow"], "expiry_date: not a date"),
        (["first_name=Ola"], "needs a number"),
        (["card_number=12345678", "card_number=12345679"], "given twice"),
        (["card_number=1"], "1 characters, not 5 to 10"),
    ],
)
def test_a_wrong_field_is_told(tmp_path: Path, fields: list[str], says: str) -> None:
    words = [word for field in fields for word in ("--field", field)]
    with pytest.raises(CodingError, match=says):
        run("make", *WITH, *words, "-o", str(tmp_path / "c.mfd"))
    assert not (tmp_path / "c.mfd").exists()


@pytest.mark.parametrize(
    "words", [["make"], ["make", *WITH], ["show"], ["make", *WITH, "--uid", "01", "-o", "c"], ["peel"]], ids=str
)
def test_wrong_use_exits_2(words: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run(*words)
    assert ended.value.code == 2


# --- the plan --------------------------------------------------------------------------------------------


def test_the_plan_of_the_demo_needs_four_exchanges_at_most_until_the_decision(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Loading the key with the first card included."""
    assert run("plan", "--coding", str(CODING / "demo.toml"), "--json") == 0
    counts = json.loads(capsys.readouterr().out)["exchanges"]
    assert counts == {"until_decision": 3, "whole": 3, "keys_loaded_once": 1}


def test_a_whole_card_takes_one_authentication_a_sector_and_one_read_a_block(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run("plan", "--coding", str(CODING / "demo.toml"), "--all", "--json") == 0
    plan = json.loads(capsys.readouterr().out)
    opened = [step["sector"] for step in plan["steps"] if step["do"] == "authenticate"]
    read = [step["block"] for step in plan["steps"] if step["do"] == "read"]
    assert opened == sorted(set(opened)) == [32]
    assert read == sorted(set(read)) == list(range(128, 136))
    assert plan["exchanges"]["whole"] == 1 + len(opened) + len(read)


def test_p12_a_gate_s_plan_reads_no_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("plan", "--coding", str(CODING / "demo.toml")) == 0
    shown = capsys.readouterr().out
    assert "the lane can turn: 3 exchanges" in shown
    assert "name" not in shown
