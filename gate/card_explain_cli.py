"""`gate card explain`: a dump drawn for human eyes, 80 columns wide, or for programs."""

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from itertools import groupby
from pathlib import Path
from typing import Any

from gate.card_explain import CodingLook, Explanation, Marked, SectorLook, explain, letters, marked_blocks, shown
from gate.errors import CardImageError
from gate.model import CardContents, Unreadable
from gate.reader.mifare import blocks_of
from gate.reader.profiles import load_codings, load_keys

HIDDEN = "··"


def explain_command(args: argparse.Namespace) -> int:
    """Draw a dump; 1 when no coding reads it. Raises CodingError, CardImageError."""
    try:
        image = args.dump.read_bytes()
    except OSError as missing:
        raise CardImageError(f"{args.dump}: cannot be read ({missing.strerror})") from missing
    codings = [coding for path in args.coding for coding in load_codings(path)]
    keys = load_keys(args.keys) if args.keys else {}
    try:
        found = explain(image, codings, keys)
    except CardImageError as wrong:
        raise CardImageError(f"{args.dump}: {wrong}") from wrong
    if args.json:
        print(json.dumps(_for_programs(found, hide=args.mask), ensure_ascii=False, indent=2))
    else:
        print("\n".join(_drawn(found, args.dump, hide=args.mask)))
    return 0 if any(isinstance(look.result, CardContents) for look in found.codings) else 1


# --- drawn -------------------------------------------------------------------------------------------------


def _drawn(found: Explanation, dump: Path, *, hide: bool) -> Iterator[str]:
    yield f"{dump}: {found.kind}"
    yield f"  serial number  {found.serial}"
    for said in found.directories:
        yield f"  directory      {said}"
    yield ""
    yield from _map(found.sectors)
    for look in found.codings:
        yield ""
        yield from _by_coding(look, found, hide=hide)


def _map(sectors: Sequence[SectorLook]) -> Iterator[str]:
    yield "  SECTOR  BLOCKS   HOLDS           APPLICATION   KEY A        KEY B"
    for _, same in groupby(sectors, key=lambda look: replace(look, sector=0)):
        group = list(same)
        first, last = group[0], group[-1]
        number = f"{first.sector}" if first is last else f"{first.sector}-{last.sector}"
        blocks = f"{blocks_of(first.sector)[0]}-{blocks_of(last.sector)[-1]}"
        holds = f"{first.used} block{'s' * (first.used != 1)}" if first.used else "nothing"
        yield (
            f"  {number:>6}  {blocks:<7}  {holds:<14}  {first.application or '-':<12}  {first.key_a:<11}  {first.key_b}"
        )
        yield f"                   {first.access}"


def _by_coding(look: CodingLook, found: Explanation, *, hide: bool) -> Iterator[str]:
    yield f"By {look.name} (scheme {look.scheme}):"
    for blank, same in groupby(marked_blocks(look, found.blocks), key=lambda marked: not marked.content.strip(b"\0")):
        group = list(same)
        if blank and group[0].content:
            yield f"  block {group[0].block:>3}" + (f" to {group[-1].block}" if len(group) > 1 else "") + ": blank"
        else:
            for marked in group:
                yield from _block(marked, hide=hide)
    for letter, field in zip(letters(), look.found.fields, strict=False):
        wrong = isinstance(field.value, Unreadable)
        text = shown(field.value) if wrong or not hide else HIDDEN
        yield f"  {'✕' if wrong else letter} {field.place.name:<20} {text}"
    for check in look.found.checks:
        yield f"  {'✕' if check.wrong else '#'} check {check.kind:<14} {check.wrong or 'holds'}"
    match look.result:
        case CardContents(card=card):
            yield f"  ✓ reads as card {card.masked if hide else card}"
        case Unreadable(what, block, field_name):
            where = "".join(
                (f", block {block}" if block is not None else "", f", field {field_name}" if field_name else "")
            )
            yield f"  ✕ unreadable: {what}{where}"


def _block(marked: Marked, *, hide: bool) -> Iterator[str]:
    if not marked.content:
        yield f"  block {marked.block:>3}  is not in this dump"
        return
    hidden = [hide and mark is not None and mark != "#" for mark in marked.marks]
    cells = [HIDDEN if out else f"{byte:02X}" for byte, out in zip(marked.content, hidden, strict=True)]
    text = "".join(
        "·" if out or not 0x20 <= byte < 0x7F else chr(byte) for byte, out in zip(marked.content, hidden, strict=True)
    )
    yield f"  block {marked.block:>3}  {' '.join(cells)}  {text}"
    if any(marked.marks):
        yield f"             {'  '.join(mark or ' ' for mark in marked.marks)}".rstrip()


# --- for programs ------------------------------------------------------------------------------------------


def _for_programs(found: Explanation, *, hide: bool) -> dict[str, Any]:
    return {
        "kind": found.kind,
        "serial_number": found.serial,
        "directories": list(found.directories),
        "sectors": [asdict(sector) for sector in found.sectors],
        "codings": [_coding_for_programs(look, hide=hide) for look in found.codings],
    }


def _coding_for_programs(look: CodingLook, *, hide: bool) -> dict[str, Any]:
    result: dict[str, Any] = {"readable": isinstance(look.result, CardContents)}
    match look.result:
        case CardContents(card=card):
            result["card"] = card.masked if hide else str(card)
        case Unreadable(what, block, field_name):
            result |= {"what": what, "block": block, "field": field_name}
    fields = []
    for field in look.found.fields:
        wrong = isinstance(field.value, Unreadable)
        row: dict[str, Any] = {
            "field": field.place.name,
            "blocks": list(field.place.blocks),
            "offset": field.place.offset,
            "length": field.place.length,
            "ok": not wrong,
        }
        if not hide:
            row |= {"raw": field.raw.hex() if field.raw is not None else None, "value": shown(field.value)}
        elif wrong:
            row["value"] = shown(field.value)
        fields.append(row)
    checks = [{"kind": check.kind, "block": check.block, "wrong": check.wrong} for check in look.found.checks]
    return {"coding": look.name, "scheme": look.scheme, "result": result, "fields": fields, "checks": checks}
