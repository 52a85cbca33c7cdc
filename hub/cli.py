"""`hub`: run the hub, give it crew lists, look into it.

Exit status: 0 done, 1 an expected failure (one line on stderr), 2 wrong usage. Everything heavy is
imported inside the verb that needs it, so that `hub --help` is quick on a small machine.
"""

import argparse
import getpass
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gate.zones import SITE
from hub import crew_cli
from hub.opened import print_json as _print_json
from hub.opened import settings_of as _config
from hub.opened import store_of as _store
from portvakt.errors import PortvaktError

ACTIONS = {
    "open": "open",
    "normal": "normal",
    "lock": "locked",
    "hold-open": "held_open",
    "free": "free",
    "out-of-order": "out_of_order",
    "evacuate": "evacuated",
}
"""The command line's words for the contract's."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.verb(options))
    except PortvaktError as failure:
        print(f"hub: {failure}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        # `hub events | head`: the reader has seen enough. Python would complain again at exit.
        sys.stderr.close()
        return 0
    except KeyboardInterrupt:
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="hub", description="The hub of a Portvakt site.")
    _add_common(parser, config=None, verbose=False)
    verbs = parser.add_subparsers(required=True, metavar="VERB")

    _add(verbs, "run", _run, "run the hub until it is told to stop")

    verb = _add(verbs, "key", _key, "print the public key that the gates need; makes the key if there is none")
    verb.add_argument("-o", "--output", metavar="FILE", type=Path, help="write it to FILE instead")

    crew_cli.add_verbs(verbs, _add)

    verb = _add(verbs, "roster", _roster, "who is inside now", json=True)
    verb.add_argument("--zone", default=SITE, help="only who is in this part of the site, such as site/tunnel")
    verb = _add(verbs, "suspicions", _suspicions, "cards that may exist twice", json=True)
    verb.add_argument("--limit", type=int, default=50, help="the newest so many (50)")

    verb = _add(verbs, "events", _events, "what happened, newest first", json=True)
    verb.add_argument("--gate", metavar="NAME")
    verb.add_argument("--kind", metavar="KIND", help="such as badge.refused, or badge for all of badge.…")
    verb.add_argument("--limit", metavar="N", type=_positive, default=50)

    _add(verbs, "gates", _gates, "how the gates are, and whether all their records are here", json=True)

    verb = _add(verbs, "command", _command, "have a gate do something, now; waits for what came of it", json=True)
    verb.add_argument("action", choices=sorted(ACTIONS), help="open lets one body through; the others are modes")
    verb.add_argument("gate", metavar="GATE")
    verb.add_argument("--lane", metavar="NAME", help="this lane; without it all of the gate's (open needs one)")
    verb.add_argument("--exit", action="store_const", const="exit", dest="direction", default="entry", help="open: out")
    verb.add_argument("--by", metavar="WHO", help="who wants it (default: this machine's user)")
    verb.add_argument("--reason", metavar="TEXT", default="", help="why, for the record")

    verb = _add(verbs, "commands", _commands, "what was asked of the gates, by whom, and what came of it", json=True)
    verb.add_argument("--limit", metavar="N", type=_positive, default=50)

    _add(verbs, "compare", _compare, "what each gate knows of the list; 1 when a gate has another one", json=True)

    verb = _add(verbs, "check-config", _check_config, "check a settings file")
    verb.add_argument("file", metavar="FILE", type=Path, nargs="?")
    return parser


def _add(verbs: Any, name: str, function: Any, described: str, *, json: bool = False) -> argparse.ArgumentParser:
    """A verb. The common options may stand before it or after it."""
    verb: argparse.ArgumentParser = verbs.add_parser(name, help=described, description=described)
    # Suppressed: a default here would undo what was said before the verb.
    _add_common(verb, config=argparse.SUPPRESS, verbose=argparse.SUPPRESS)
    if json:
        verb.add_argument("--json", action="store_true", help="for machines")
    verb.set_defaults(verb=function)
    return verb


def _add_common(parser: argparse.ArgumentParser, *, config: str | None, verbose: str | bool) -> None:
    parser.add_argument(
        "--config",
        metavar="FILE",
        type=Path,
        default=config,
        help="settings (default: $PORTVAKT_HUB_CONFIG, /etc/portvakt/hub.toml, config/hub.toml)",
    )
    parser.add_argument("-v", "--verbose", action="store_true", default=verbose, help="log more")


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number


def _run(options: argparse.Namespace) -> int:
    from hub.wiring import run
    from portvakt import logs
    from portvakt.process import stop_on_signals

    config = _config(options)
    logs.configure("debug" if options.verbose else config.log_level)
    run(config, stop_on_signals(), lambda line: print(line, flush=True))
    return 0


def _key(options: argparse.Namespace) -> int:
    from hub.config import signing_key_file
    from hub.errors import KeyFileError
    from hub.keys import public_pem, signing_key
    from portvakt.durable import write_durably

    pem = public_pem(signing_key(signing_key_file(_config(options))))
    if options.output is None:
        print(pem.decode("ascii"), end="")
        return 0
    try:
        write_durably(options.output, pem)
    except OSError as refused:
        raise KeyFileError(f"{options.output}: cannot be written ({refused.strerror})") from refused
    return 0


def _roster(options: argparse.Namespace) -> int:
    from hub import queries, tables

    store = _store(options)
    try:
        entries = queries.roster(store, options.zone)
    finally:
        store.close()
    _print_json(entries) if options.json else print(tables.roster_text(entries, options.zone))
    return 0


def _events(options: argparse.Namespace) -> int:
    from hub import queries, tables

    store = _store(options)
    try:
        found = queries.events(store, gate=options.gate, kind=options.kind, limit=options.limit)
    finally:
        store.close()
    _print_json(found) if options.json else print(tables.events_text(found))
    return 0


def _gates(options: argparse.Namespace) -> int:
    from hub import queries, tables

    store = _store(options)
    try:
        site = queries.gates(store)
    finally:
        store.close()
    _print_json(site) if options.json else print(tables.gates_text(site))
    return 0


def _command(options: argparse.Namespace) -> int:
    from hub import tables
    from hub.asking import ask, lines
    from hub.records import Asked

    lane, direction = options.lane, options.direction if options.action == "open" else None
    if options.action == "open" and lane is None:
        print("hub: open needs --lane NAME: it lets one body through one lane", file=sys.stderr)
        return 2
    asked = Asked(
        options.gate, ACTIONS[options.action], lane, direction, (options.by or getpass.getuser())[:40], options.reason
    )
    store = _store(options)
    try:
        given, answer = ask(store, asked)
        (line,) = lines([given], {given.number: answer} if answer else {}, time.time_ns() // 1_000_000)
    finally:
        store.close()
    _print_json(line) if options.json else print(tables.outcome_text(line))
    return int(line.outcome != "done")


def _commands(options: argparse.Namespace) -> int:
    from hub import tables
    from hub.asking import given_lately

    store = _store(options)
    try:
        found = given_lately(store, options.limit, time.time_ns() // 1_000_000)
    finally:
        store.close()
    _print_json(found) if options.json else print(tables.commands_text(found))
    return 0


def _compare(options: argparse.Namespace) -> int:
    from hub import comparison, tables

    store = _store(options)
    try:
        found = comparison.compare(store)
    finally:
        store.close()
    _print_json(found) if options.json else print(tables.comparison_text(found))
    return int(not found.all_equal)


def _suspicions(options: argparse.Namespace) -> int:
    from hub import queries, tables

    store = _store(options)
    try:
        found = queries.suspicions(store, options.limit)
    finally:
        store.close()
    _print_json(found) if options.json else print(tables.suspicions_text(found))
    return 0


def _check_config(options: argparse.Namespace) -> int:
    from hub.config import database_file, find_config, load_config, signing_key_file

    file = options.file or options.config or find_config()
    config = load_config(file)
    crew_cli.naming_of(config, file)
    broker = "the hub's own, for trying out" if config.broker.embedded else "outside"
    print(f"{file} is in order")
    print(f"  site         {config.site}")
    print(f"  broker       {config.broker.host}:{config.broker.port} ({broker})")
    print(f"  list         valid {config.list.valid_h:g} h, confirmed every {config.list.heartbeat_s:g} s")
    print(f"  database     {database_file(config)}")
    print(f"  signing key  {signing_key_file(config)}")
    return 0
