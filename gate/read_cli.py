"""`gate read`: what a reader reads, without a gate around it. For whoever has just wired one."""

import argparse
import json
import queue
import signal
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from gate.errors import ReaderError
from gate.model import CardContents, CardReading, ReaderState, Unreadable
from gate.ports import CardShown, Input, ReaderChanged
from portvakt.errors import PortvaktError, SettingsError

if TYPE_CHECKING:
    from gate.config import ReaderSettings

Subparsers: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"

KINDS = ("pcsc", "pn532", "stripe", "qr", "osdp")
CODING_FOLDERS = (Path("/etc/portvakt/coding"), Path("config/coding"))
INTERRUPTED = 130
NOWHERE = "none"
"""The lane of a reader that works no turnstile."""


class WrongUse(PortvaktError):
    """Words of the command line that do not fit together; exit status 2."""


def add_commands(subparsers: Subparsers) -> None:
    """Add `read` to the parser of `gate`."""
    read = subparsers.add_parser("read", help="show what a reader reads")
    read.add_argument(
        "--reader", metavar="KIND[:WHERE]",
        help="pcsc, pcsc:PART OF ITS NAME, pn532:DEVICE, stripe:DEVICE, qr:DEVICE",
    )  # fmt: skip
    read.add_argument("--config", type=Path, metavar="FILE", help="take a reader of this gate.toml instead …")
    read.add_argument("--name", help="… the one of this name; needed for osdp, and for settings beyond the ordinary")
    read.add_argument("--coding", type=Path, metavar="FILE", help="how chips are coded; default: the demo's")
    read.add_argument("--keys", type=Path, metavar="FILE", help="the card keys; default: the demo's test keys")
    read.add_argument(
        "--layout", type=Path, metavar="FILE", help="the profile of stripes or QR codes; default: the demo's"
    )
    read.add_argument("--baud", type=int, default=9600, help="of a stripe reader or scanner")
    read.add_argument("--framing", default="cr", help="what ends its messages: cr, lf, crlf, stx-etx, idle")
    read.add_argument("--once", action="store_true", help="end after the first card; 1 when it could not be read")
    read.add_argument("--timeout", type=float, metavar="S", help="end after so long without a card, with 1")
    read.add_argument("--plain", action="store_true", help="whole card numbers; they are masked otherwise")
    read.add_argument("--json", action="store_true", help="one line a card, for programs")
    read.set_defaults(run=read_command)


def read_command(args: argparse.Namespace) -> int:
    """Read until told to stop. Raises ReaderError, CodingError, SettingsError."""
    from gate.drivers import new_reader

    try:
        settings = _settings(args)
    except WrongUse as wrong:
        print(f"gate: {wrong}", file=sys.stderr)
        return 2
    heard: queue.Queue[Input] = queue.Queue()
    reader = new_reader(settings)
    # A shell that starts us in the background has SIGINT ignored, and with it Ctrl-C of whoever brings us back.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    reader.start(heard.put)
    try:
        return _listen(heard, args)
    except KeyboardInterrupt:
        return INTERRUPTED
    finally:
        reader.close()


def _listen(heard: "queue.Queue[Input]", args: argparse.Namespace) -> int:
    until = time.monotonic() + args.timeout if args.timeout else None
    last: ReaderChanged | None = None
    while True:
        wait_s = None if until is None else max(0.0, until - time.monotonic())
        try:
            given = heard.get(timeout=wait_s)
        except queue.Empty:
            why = f"; the reader is {last.state}" if last and last.state is not ReaderState.OK else ""
            raise ReaderError(f"no card within {args.timeout:g} s{why}") from None
        if isinstance(given, ReaderChanged):
            last = given
            print(f"reader {given.state}{': ' if given.what else ''}{given.what}", file=sys.stderr, flush=True)
        elif isinstance(given, CardShown):
            print(_line(given.reading, args), flush=True)
            if args.once:
                return 1 if isinstance(given.reading.result, Unreadable) else 0


def _line(reading: CardReading, args: argparse.Namespace) -> str:
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    row: dict[str, Any] = {"time": now, "medium": str(reading.medium), "uid": reading.uid.hex().upper()}
    match reading.result:
        case CardContents(card=card) as contents:
            row |= {"readable": True, "card": str(card) if args.plain else card.masked}
            row["organisation_number"] = contents.organisation_number
            row["expiry_date"] = contents.expiry_date.isoformat() if contents.expiry_date else None
        case Unreadable(what, block, field):
            row |= {"readable": False, "what": what, "block": block, "field": field}
    row["exchanges"] = reading.exchanges
    row = {name: value for name, value in row.items() if value not in (None, "")}
    if args.json:
        return json.dumps(row, ensure_ascii=False)
    words = [now, f"{reading.medium:<6}"]
    if row["readable"]:
        words += [f"{row['card']:<20}"]
        words += [f"{label} {row[name]}" for name, label in _LABELS.items() if name in row]
    else:
        words += [f"unreadable: {row['what']}"]
        words += [f"{name} {row[name]}" for name in ("block", "field") if name in row]
    return "  ".join(words)


_LABELS = {"organisation_number": "employer", "expiry_date": "until", "uid": "chip", "exchanges": "exchanges"}


def _settings(args: argparse.Namespace) -> "ReaderSettings":
    if args.config is not None or args.name is not None:
        return _of_config(args)
    if args.reader is None:
        raise WrongUse("say which reader: --reader pcsc, or --config gate.toml --name outside")
    kind, _, where = args.reader.partition(":")
    if kind not in KINDS:
        raise WrongUse(f"--reader: {kind!r} is none of {', '.join(KINDS)}")
    if kind == "osdp":
        raise WrongUse("an osdp reader has an address and a key of its own: use --config gate.toml --name NAME")
    if kind != "pcsc" and not where:
        raise WrongUse(f"--reader: say where it is, such as {kind}:/dev/ttyUSB0")
    return _made(kind, where, args)


def _made(kind: str, where: str, args: argparse.Namespace) -> "ReaderSettings":
    from gate.config import PcscReader, Pn532Reader, QrReader, StripeReader

    if kind in ("stripe", "qr"):
        made = StripeReader if kind == "stripe" else QrReader
        layout = str(args.layout or _default(f"demo-{kind}.toml", "--layout"))
        return made(
            name=kind,
            lane=NOWHERE,
            direction="entry",
            device=where,
            layout=layout,
            baud=args.baud,
            framing=args.framing,
        )
    coding = str(args.coding or _default("demo.toml", "--coding"))
    keys = str(args.keys or _default("demo.keys.toml", "--keys"))
    if kind == "pn532":
        return Pn532Reader(name=kind, lane=NOWHERE, direction="entry", device=where, coding=coding, keys=keys)
    match = where or _only_reader()
    return PcscReader(name=kind, lane=NOWHERE, direction="entry", match=match, coding=coding, keys=keys)


def _only_reader() -> str:
    """The name of the one PC/SC reader there is. Raises ReaderError."""
    from gate.reader.pcsc_desk import names

    found = names()
    if not found:
        raise ReaderError("pcscd has no reader; is it plugged in? `pcsc_scan` shows what there is")
    if len(found) > 1:
        raise ReaderError(f"pcscd has {len(found)} readers; say which: --reader 'pcsc:{found[0]}'")
    return found[0]


def _default(name: str, option: str) -> Path:
    for folder in CODING_FOLDERS:
        with suppress(OSError):
            if (folder / name).exists():
                print(f"using {folder / name}", file=sys.stderr)
                return folder / name
    places = " nor ".join(str(folder) for folder in CODING_FOLDERS)
    raise WrongUse(f"there is no {name} in {places}; say which with {option}")


def _of_config(args: argparse.Namespace) -> "ReaderSettings":
    from gate.config import load_config
    from gate.places import config_path

    config = load_config(config_path(args.config))
    named = {reader.name: reader for reader in config.readers}
    if args.name is None and len(named) > 1:
        raise WrongUse(f"say which reader with --name: {', '.join(named)}")
    name = args.name or next(iter(named))
    if name not in named:
        raise SettingsError(f"there is no reader {name!r} in the settings; there are {', '.join(named)}")
    return named[name]
