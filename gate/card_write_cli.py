"""`gate card write`: code a blank card through a reader, or into a dump."""

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gate.errors import CodingError
from gate.reader.coding import Coding
from gate.reader.contents import parse_value
from gate.reader.encodings import Value
from gate.reader.mifare import Keys
from gate.reader.profiles import load_all
from gate.reader.sheet import SectorSheet, sheets
from gate.reader.writing import WritableChannel, Wrote, write_card
from gate.simulator.card import load_card, save_card
from gate.simulator.reader import CardInField

WORDS = {Wrote.CODED: "written and closed", Wrote.RENEWED: "rewritten", Wrote.FOUND: "was right already"}


def fields_of(given: list[tuple[str, str]]) -> dict[str, Value]:
    """The fields of a command line. Raises CodingError."""
    fields: dict[str, Value] = {}
    for name, text in given:
        if name in fields:
            raise CodingError(f"{name}: given twice")
        fields[name] = parse_value(name, text)
    if "card_number" not in fields:
        raise CodingError("a card needs a number; add --field card_number=…")
    return fields


def one_coding(path: Path, keys_path: Path | None) -> tuple[Coding, Keys]:
    """The profile that a card is to be coded by. Raises CodingError, also for a list of several."""
    codings, keys = load_all(path, keys_path)
    if len(codings) > 1:
        names = ", ".join(coding.name for coding in codings)
        raise CodingError(f"{path}: a card is coded by one profile; say which: {names}")
    return codings[0], keys


def write_command(args: argparse.Namespace) -> int:
    """Code a card. Raises CodingError, WriteRefused, ReaderError."""
    coding, keys = one_coding(args.coding, args.keys)
    plan = sheets(coding, keys, fields_of(args.fields))
    if args.dry_run:
        for sheet in plan:
            print(f"sector {sheet.sector:>2}: {_blocks(sheet)}, then its trailer")
        print("nothing was written")
        return 0
    with _card(args) as channel:
        uid = write_card(channel, plan, _say, over=args.over)
    print(f"card {uid.hex(' ').upper()} is coded; look at it with `gate card show` or `gate read`")
    return 0


@contextmanager
def _card(args: argparse.Namespace) -> Iterator[WritableChannel]:
    if args.dump is not None:
        card = load_card(args.dump)
        try:
            yield CardInField(card)
        finally:
            save_card(card, args.dump)
        return
    from gate.reader.pcsc_desk import card_on

    kind, _, match = args.reader.partition(":")
    if kind != "pcsc":
        raise CodingError(f"--reader: {kind!r} cannot write; use pcsc, or pcsc:PART OF THE READER'S NAME")
    print(f"hold the card to the reader and leave it there ({args.wait:g} s)", file=sys.stderr)
    with card_on(match, args.key_structure, args.key_slot, args.wait) as channel:
        yield channel


def _say(sheet: SectorSheet, wrote: Wrote) -> None:
    print(f"sector {sheet.sector:>2}: {WORDS[wrote]} ({_blocks(sheet)})", flush=True)


def _blocks(sheet: SectorSheet) -> str:
    numbers = sorted(sheet.blocks)
    if not numbers:
        return "no data"
    return f"block {numbers[0]}" if len(numbers) == 1 else f"blocks {numbers[0]}-{numbers[-1]}"
