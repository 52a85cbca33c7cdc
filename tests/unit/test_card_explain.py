"""`gate card explain`: dumps that read, dumps that do not, dumps nobody has seen before."""

import argparse
import json
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.card_cli import add_commands
from gate.card_explain import explain
from gate.errors import CardImageError
from gate.reader.profiles import load_all
from gate.simulator.card import VirtualCard, make_card, save_card

CODING = Path(__file__).parents[2] / "config" / "coding"
ANY, ANY_KEYS = CODING / "any-card.toml", CODING / "any-card.keys.toml"
CODINGS, KEYS = load_all(ANY, ANY_KEYS)
DEMO, SITE = CODINGS[0], CODINGS[1]
HMS = make_card(DEMO, KEYS, {"card_number": "12345678", "first_name": "Łukasz"}, bytes.fromhex("5A112233"))
VISITOR = make_card(SITE, KEYS, {"card_number": "GJEST-0042"}, bytes.fromhex("04A1B2C3D4E5F6"))


def run(*words: str) -> int:
    parser = argparse.ArgumentParser(prog="gate")
    add_commands(parser.add_subparsers(required=True))
    args = parser.parse_args(["card", "explain", *words, "--coding", str(ANY), "--keys", str(ANY_KEYS)])
    return int(args.run(args))


def changed(card: VirtualCard, at: int, content: bytes) -> bytes:
    return card.image[:at] + content + card.image[at + len(content) :]


@pytest.fixture
def dump(tmp_path: Path) -> Path:
    path = tmp_path / "card.mfd"
    save_card(HMS, path)
    return path


def test_a_card_is_drawn_in_eighty_columns(dump: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(str(dump)) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(len(line) for line in lines[1:]) <= 80
    assert "  serial number  5A 11 22 33, SAK 18, ATQA 02 00, check byte 5A right" in lines
    assert "      32  128-143  2 blocks        -             demo-read    demo-write" in lines
    assert "                   read A B, write B; keys by B" in lines
    assert "  block 128  12 34 56 78 FF 00 00 00 00 00 00 00 00 00 00 00  ·4Vx············" in lines
    assert "             a  a  a  a  a  c  c  c  c  c  b  b  b  b" in lines
    assert "  a card_number          12345678" in lines
    assert "  ✓ reads as card hms:12345678" in lines


def test_p12_masked_it_shows_where_and_not_what(dump: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["--mask"], ["--mask", "--json"]):
        assert run(str(dump), *words) == 0
        said = capsys.readouterr().out
        for secret in ("12345678", "12 34 56", "Łukasz", "C5 81", "ukasz", HMS.image[128 * 16 :][:16].hex()):
            assert secret not in said
        assert "hms:12…78" in said


def test_p12_no_key_is_ever_printed(dump: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in ([], ["--json"]):
        run(str(dump), *words)
        said = capsys.readouterr().out.replace(" ", "").upper()
        for key in KEYS.values():
            assert key.hex().upper() not in said


def test_the_same_for_programs(dump: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(str(dump), "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert [(look["scheme"], look["result"]["readable"]) for look in said["codings"]] == [
        ("hms", True), ("site", False), ("uid", True),
    ]  # fmt: skip
    number = said["codings"][0]["fields"][0]
    assert (number["field"], number["blocks"], number["value"]) == ("card_number", [128], "12345678")
    assert len(said["sectors"]) == 40


def test_a_card_with_a_directory_is_found_by_it() -> None:
    found = explain(VISITOR.image, CODINGS, KEYS)
    assert "1 of 15 sectors" in found.directories[0]
    assert (found.sectors[1].application, found.sectors[1].key_a) == ("0x5056", "site-read")
    by_site = found.codings[1]
    assert str(by_site.result.card) == "site:GJEST-0042"  # type: ignore[union-attr]
    assert [check.wrong for check in by_site.found.checks] == [None]


@pytest.mark.parametrize(
    ("image", "says"),
    [
        (changed(HMS, 4, b"\x00"), "WRONG, 5A would be right"),
        (changed(HMS, 128 * 16, b"\xab"), "✕ unreadable: the field does not hold"),
        (changed(HMS, 143 * 16 + 6, b"\x00"), "LOCKED FOR GOOD"),
        (changed(VISITOR, 16, b"\x00"), "the check CRC-8/MIFARE-MAD of the directory MAD1 does not hold"),
        (changed(VISITOR, 4 * 16, b"X"), "✕ check crc-16/ibm-3740 the check crc-16/ibm-3740 does not hold"),
        (changed(HMS, 143 * 16, bytes(6)), "not in dump"),
        (changed(HMS, 143 * 16, b"secret"), "unknown"),
    ],
)
def test_what_is_wrong_is_said(image: bytes, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "card.mfd"
    path.write_bytes(image)
    run(str(path))
    assert says in capsys.readouterr().out


def test_a_dump_of_a_1k_is_explained_as_far_as_it_goes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "small.mfd"
    path.write_bytes(VISITOR.image[:1024])
    assert run(str(path)) == 0
    said = capsys.readouterr().out
    assert "MIFARE Classic 1K" in said
    assert "block 128  is not in this dump" in said
    assert "✓ reads as card site:GJEST-0042" in said


@pytest.mark.parametrize("size", [0, 1, 1023, 1025, 4095, 5000])
def test_a_dump_of_another_size_is_refused_with_the_file(size: int, tmp_path: Path) -> None:
    path = tmp_path / "card.mfd"
    path.write_bytes(bytes(size))
    with pytest.raises(CardImageError, match=rf"card\.mfd: a dump .* 1,024 or 4,096 bytes, not {size:,}"):
        run(str(path))
    with pytest.raises(CardImageError, match="cannot be read"):
        run(str(tmp_path / "none"))


def test_a_card_that_no_coding_reads_is_exit_status_1(tmp_path: Path) -> None:
    path = tmp_path / "card.mfd"
    path.write_bytes(b"\x08" + bytes(4095))
    assert run(str(path)) == 1


@given(st.integers(0, 2**32), st.sampled_from([HMS, VISITOR, None]), st.integers(0, 300))
def test_p9_whatever_stands_in_a_dump_is_explained(seed: int, card: VirtualCard | None, changes: int) -> None:
    random = Random(seed)
    image = bytearray(card.image if card else random.randbytes(4096))
    for _ in range(changes):
        image[random.randrange(4096)] = random.randrange(256)
    found = explain(bytes(image), CODINGS, KEYS)
    assert len(found.sectors) == 40
    assert len(found.codings) == 3
