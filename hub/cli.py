"""`hub`: run the hub, give it crew lists, look into it.

Exit status: 0 done, 1 an expected failure (one line on stderr), 2 wrong usage. Everything heavy is
imported inside the verb that needs it, so that `hub --help` is quick on a small machine.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gate.zones import SITE
from hub import enrolment_cli
from portvakt.errors import PortvaktError

if TYPE_CHECKING:
    from hub.config import HubConfig
    from hub.store import HubStore


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

    crew = verbs.add_parser("crew", help="crew lists").add_subparsers(required=True, metavar="VERB")
    verb = _add(crew, "import", _crew_import, "take in a crew list; it replaces the one before", json=True)
    verb.add_argument("file", metavar="FILE.csv", type=Path)
    verb.add_argument("--dry-run", action="store_true", help="only show what would change")
    verb.add_argument("--partial", action="store_true", help="take the good rows although others are bad")

    verb = _add(verbs, "roster", _roster, "who is inside now", json=True)
    verb.add_argument("--zone", default=SITE, help="only who is in this part of the site, such as site/tunnel")
    verb = _add(verbs, "suspicions", _suspicions, "cards that may exist twice", json=True)
    verb.add_argument("--limit", type=int, default=50, help="the newest so many (50)")

    verb = _add(verbs, "events", _events, "what happened, newest first", json=True)
    verb.add_argument("--gate", metavar="NAME")
    verb.add_argument("--kind", metavar="KIND", help="such as badge.refused, or badge for all of badge.…")
    verb.add_argument("--limit", metavar="N", type=_positive, default=50)

    enrolment_cli.add_verbs(verbs, _add)

    _add(verbs, "gates", _gates, "how the gates are, and whether all their records are here", json=True)

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


def _config(options: argparse.Namespace) -> "HubConfig":
    from hub.config import find_config, load_config

    return load_config(options.config or find_config())


def _store(options: argparse.Namespace) -> "HubStore":
    from hub.config import database_file
    from hub.store import HubStore

    return HubStore(database_file(_config(options)))


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

    pem = public_pem(signing_key(signing_key_file(_config(options))))
    if options.output is None:
        print(pem.decode("ascii"), end="")
        return 0
    try:
        options.output.write_bytes(pem)
    except OSError as refused:
        raise KeyFileError(f"{options.output}: cannot be written ({refused.strerror})") from refused
    return 0


def _crew_import(options: argparse.Namespace) -> int:
    from hub.crew.importing import import_list, read_file

    read = read_file(options.file)
    store = _store(options)
    try:
        outcome = import_list(
            store, read, time.time_ns() // 1_000_000, dry_run=options.dry_run, partial=options.partial
        )
    finally:
        store.close()
    failed = bool(outcome.problems and not options.partial) or not read.members
    if options.json:
        change = outcome.change
        _print_json(
            {
                "written": outcome.written,
                "dry_run": options.dry_run,
                "revision": outcome.revision,
                "added": len(change.added),
                "removed": len(change.removed),
                "changed": len(change.changed),
                "unchanged": change.unchanged,
                "kept": outcome.kept,
                "problems": outcome.problems,
            }
        )
        return int(failed)
    for problem in outcome.problems:
        print(f"{options.file}, {problem}", file=sys.stderr)
    rows = len({problem.row for problem in outcome.problems})
    if failed:
        advice = "; --partial takes the good ones" if read.members else ""
        print(f"hub: nothing was written, because of {rows} bad row{'s' * (rows != 1)}{advice}", file=sys.stderr)
    if outcome.written:
        print(f"{outcome.change}, {outcome.change.unchanged} unchanged; the list is revision {outcome.revision}")
        if outcome.kept:
            print(f"cards that only bad rows name keep what they had: {outcome.kept}")
    elif options.dry_run and read.members:
        print(f"{outcome.change}, {outcome.change.unchanged} unchanged; dry run, nothing was written")
    return int(failed)


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
    from portvakt.link import check_files

    file = options.file or options.config or find_config()
    config = load_config(file)
    check_files(config.broker)
    broker = "the hub's own, for trying out" if config.broker.embedded else "outside"
    print(f"{file} is in order")
    print(f"  site         {config.site}")
    print(f"  broker       {config.broker.host}:{config.broker.port} ({broker})")
    print(f"  list         valid {config.list.valid_h:g} h, confirmed every {config.list.heartbeat_s:g} s")
    print(f"  database     {database_file(config)}")
    print(f"  signing key  {signing_key_file(config)}")
    return 0


def _print_json(value: Any) -> None:
    import msgspec

    print(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())
