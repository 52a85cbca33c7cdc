"""`gate card`: make and look at card dumps, for trying things out without a card.

A dump is the usual 4,096 bytes (.mfd), as other tools write it.
"""

import argparse
import json
import secrets
import sys
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any, TypeAlias

from gate.card_explain_cli import explain_command
from gate.card_write_cli import fields_of, one_coding, write_command
from gate.model import CardContents, Unreadable
from gate.reader.channel import Outcome, read_card
from gate.reader.coding import Authenticate, Coding, Read, Step
from gate.reader.encodings import Value
from gate.reader.language import FIELD_KINDS
from gate.reader.mad import PARTS
from gate.reader.profiles import for_gate, load_all, load_codings
from gate.simulator.card import load_card, make_card, save_card
from gate.simulator.reader import CardInField

Subparsers: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def add_commands(subparsers: Subparsers) -> None:
    """Add `card` with its verbs to the parser of `gate`. Each sets `run`: (args) -> exit status."""
    card = subparsers.add_parser("card", help="make and look at card dumps")
    verbs = card.add_subparsers(dest="verb", metavar="VERB", required=True)

    make = verbs.add_parser("make", help="make a dump of a card with these fields")
    make.add_argument(
        "--field",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        type=_field,
        dest="fields",
        help=f"a field of the card, as often as needed: {', '.join(FIELD_KINDS)}; dates as 2027-05-31",
    )
    make.add_argument("--uid", type=_uid, metavar="HEX", help="serial number of 4 or 7 bytes; otherwise a random one")
    make.add_argument("-o", "--output", type=Path, required=True, metavar="FILE", help="where the dump goes")
    make.set_defaults(run=make_command)

    show = verbs.add_parser("show", help="read a dump as a gate would read the card")
    show.add_argument("dump", type=Path, metavar="FILE", help="a dump of 4,096 bytes")
    show.add_argument("--json", action="store_true", help="for programs")
    show.set_defaults(run=show_command)

    plan = verbs.add_parser("plan", help="show how a card of this coding is read, exchange by exchange")
    plan.add_argument("--json", action="store_true", help="for programs")
    plan.add_argument("--all", action="store_true", help="all fields; a gate reads what a decision needs")
    plan.add_argument("--coding", type=Path, required=True, metavar="FILE", help="the coding profile (TOML)")
    plan.set_defaults(run=plan_command)

    look = verbs.add_parser("explain", help="draw a dump: sectors, which bytes became which field, what failed and why")
    look.add_argument("dump", type=Path, metavar="FILE", help="a dump of 1,024 or 4,096 bytes")
    look.add_argument(
        "--coding", type=Path, required=True, action="append", metavar="FILE", help="a profile; may be given again"
    )
    look.add_argument("--keys", type=Path, metavar="FILE", help="to name the keys in the dump")
    look.add_argument("--mask", action="store_true", help="hide what the fields hold")
    look.add_argument("--json", action="store_true", help="for programs")
    look.set_defaults(run=explain_command)

    write = verbs.add_parser("write", help="code a blank card, and prove it by reading it back")
    write.add_argument("--field", action="append", default=[], metavar="NAME=VALUE", type=_field, dest="fields",
                       help="a field of the card, as often as needed")  # fmt: skip
    write.add_argument("--reader", default="pcsc", metavar="KIND[:NAME]", help="pcsc, or pcsc:PART OF ITS NAME")
    write.add_argument("--dump", type=Path, metavar="FILE", help="a dump in place of a card in a reader")
    write.add_argument("--over", action="store_true", help="replace what the card's sectors hold")
    write.add_argument("--dry-run", action="store_true", help="say what would be written")
    write.add_argument("--wait", type=float, default=30.0, metavar="S", help="how long to wait for the card")
    write.add_argument("--key-structure", type=_number, default=0x00, help="as in gate.toml")
    write.add_argument("--key-slot", type=_number, default=0x00, help="as in gate.toml")
    write.set_defaults(run=write_command)

    for verb in (make, show, write):
        verb.add_argument("--coding", type=Path, required=True, metavar="FILE", help="the coding profile (TOML)")
        verb.add_argument("--keys", type=Path, required=True, metavar="FILE", help="the card keys (TOML)")


def plan_command(args: argparse.Namespace) -> int:
    """Print the read plan. Raises CodingError."""
    codings = load_codings(args.coding)
    plans = [_plan(coding if args.all else for_gate(coding)) for coding in codings]
    if args.json:
        # One profile is the ordinary case, and stays a plain object.
        plan = plans[0] if len(plans) == 1 else {"profiles": plans}
        print(json.dumps({"coding": str(args.coding), **plan}, indent=2))
        return 0
    for coding in codings:
        _draw_plan(coding if args.all else for_gate(coding), what="all fields" if args.all else "what a gate reads")
    return 0


def _plan(coding: Coding) -> dict[str, Any]:
    """The steps of a plan and their counts. The serial number is asked for first; a reader that keeps keys is
    given each of them once."""
    plan = coding.plan
    counts = {
        "until_decision": 1 + plan.decision_steps,
        "whole": 1 + len(plan.steps),
        "keys_loaded_once": len(coding.key_names),
    }
    steps = [_step_row(coding, step) for step in plan.steps]
    return {"scheme": coding.scheme, "directed": coding.directed, "steps": steps, "exchanges": counts}


def _draw_plan(coding: Coding, what: str) -> None:
    plan = _plan(coding)
    counts = plan["exchanges"]
    print(f"{coding.name}: {what}")
    print("   1  serial number (UID)")
    for number, (row, step) in enumerate(zip(plan["steps"], coding.plan.steps, strict=True), start=2):
        match step:
            case Authenticate():
                print(f"  {number:>2}  open sector {row['sector']} with key {row['key_type']} {row['key']!r}")
            case Read():
                print(f"  {number:>2}  read block {row['block']}: {', '.join(row['fields'])}")
        if number == 1 + coding.plan.decision_steps:
            print(f"      -- the lane can turn: {counts['until_decision']} exchanges --")
    if coding.directed:
        print("      the card's directory says which sectors; these are the first free ones")
    print(f"{counts['whole']} exchanges, and {counts['keys_loaded_once']} to load a key with the first card (PC/SC)")


def _step_row(coding: Coding, step: Step) -> dict[str, Any]:
    match step:
        case Authenticate():
            return {"do": "authenticate", "sector": step.sector, "key": step.key, "key_type": step.key_type.name}
        case Read():
            fields = [place.name for place in coding.places if step.block in place.blocks]
            fields += [check.kind for check in coding.checks if step.block in check.blocks]
            fields += [f"MAD{part.version}" for part in PARTS if step.block in part.blocks and coding.directed]
            return {"do": "read", "block": step.block, "fields": fields}


def make_command(args: argparse.Namespace) -> int:
    """Write a dump. Raises CodingError, CardImageError."""
    coding, keys = one_coding(args.coding, args.keys)
    fields = fields_of(args.fields)
    # A first byte of 08 means "random serial number" (ISO 14443-3), which a Classic never has.
    uid = args.uid or b"\x5a" + secrets.token_bytes(3)
    card = make_card(coding, keys, fields, uid)
    save_card(card, args.output)
    sys.stdout.write(f"{args.output}: a card with UID {card.uid.hex().upper()} and {', '.join(fields)}\n")
    return 0


def show_command(args: argparse.Namespace) -> int:
    """Print what a gate would read; 1 when it would read nothing. Raises CodingError, CardImageError."""
    codings, keys = load_all(args.coding, args.keys)
    outcome = read_card(CardInField(load_card(args.dump)), codings, keys)
    sys.stdout.write(_json(outcome) if args.json else _table(outcome, args.dump))
    return 1 if isinstance(outcome.result, Unreadable) else 0


def _fields(contents: CardContents) -> dict[str, Value | None]:
    """The fields by name, in the order of the profile language."""
    return {
        name: contents.card.number if name == "card_number" else getattr(contents, name) for name in FIELD_KINDS
    }  # fmt: skip


def _json(outcome: Outcome) -> str:
    result = outcome.result
    shown: dict[str, Any] = {"uid": outcome.uid.hex(), "exchanges": outcome.exchanges}
    if isinstance(result, CardContents):
        fields = {name: value.isoformat() if isinstance(value, date) else value
                  for name, value in _fields(result).items()}  # fmt: skip
        shown |= {"readable": True, "scheme": result.card.scheme, "medium": outcome.medium}
        shown |= {"damaged": list(result.damaged), "fields": fields}
    else:
        shown |= {"readable": False, **asdict(result)}
    return json.dumps(shown, ensure_ascii=False, indent=2) + "\n"


def _table(outcome: Outcome, dump: Path) -> str:
    result = outcome.result
    rows = [("uid", outcome.uid.hex(" ").upper())]
    if isinstance(result, CardContents):
        rows.append(("scheme", result.card.scheme))
        rows.append(("medium", str(outcome.medium)))
        rows += [(name, _cell(name, value, result)) for name, value in _fields(result).items()]
        rows.append(("exchanges", f"{outcome.exchanges}, the decision after {outcome.decision_exchanges}"))
    else:
        rows.append(("unreadable", result.what))
        if result.block is not None:
            rows.append(("block", str(result.block)))
        if result.field is not None:
            rows.append(("field", result.field))
    width = max(len(name) for name, _ in rows)
    lines = [f"{dump}: MIFARE Classic 4K"] + [f"  {name.replace('_', ' '):<{width}}  {value}" for name, value in rows]
    return "\n".join(lines) + "\n"


def _cell(name: str, value: Value | None, contents: CardContents) -> str:
    if name in contents.damaged:
        return "(damaged)"
    return "-" if value is None else str(value)


def _field(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError("write a field as NAME=VALUE")
    return name, value


def _number(text: str) -> int:
    return int(text, 0)


def _uid(text: str) -> bytes:
    try:
        uid = bytes.fromhex(text.replace(":", ""))
    except ValueError as wrong:
        raise argparse.ArgumentTypeError("a UID is hexadecimal digits") from wrong
    if len(uid) not in (4, 7):
        raise argparse.ArgumentTypeError(f"a UID is 4 or 7 bytes, not {len(uid)}")
    return uid
