"""`hub`: run the hub, give it crew lists, look into it.

Exit status: 0 done, 1 an expected failure (one line on stderr), 2 wrong usage. Everything heavy is
imported inside the verb that needs it, so that `hub --help` is quick on a small machine.
"""

import argparse
import contextlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from hub import (
    cards_cli,
    central_cli,
    console_cli,
    crew_cli,
    enrolment_cli,
    feed_cli,
    gates_cli,
    metrics_cli,
    person_cli,
    presence_cli,
    report_cli,
    sources_cli,
)
from hub.cli_parts import add_common, add_verb, config_of, opened, positive, print_json, settings_file
from portvakt.errors import PortvaktError

EXTRA_OF = {
    "openpyxl": "hub",
    "fpdf": "hub",
    "fontTools": "hub",
    "httpx": "hub",
    "authlib": "hub",
    "prometheus_client": "hub",
    "psycopg": "postgres",
    "amqtt": "demo",
    "textual": "console",
    "textual_serve": "console",
    "textual_plotext": "console",
    "aiohttp": "console",
}
"""Libraries that not every installation has, and the extra that brings them."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        return _done(options)
    except PortvaktError as failure:
        print(f"hub: {failure}", file=sys.stderr)
        return 1
    except ModuleNotFoundError as missing:
        library = (missing.name or "").partition(".")[0]
        if library not in EXTRA_OF:
            raise
        extra = EXTRA_OF[library]
        print(
            f"hub: this needs {library}: pip install 'portvakt[{extra}]', from a clone '.[{extra}]'",
            file=sys.stderr,
        )
        return 1
    except BrokenPipeError:
        # `hub events | head`: the reader has seen enough.
        _forget_output()
        return 0
    except OSError as refused:
        _forget_output()
        where = f"{refused.filename}: " if refused.filename else ""
        print(f"hub: {where}{refused.strerror or refused}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 1


def _done(options: argparse.Namespace) -> int:
    status = int(options.verb(options))
    # Here, and not at exit, somebody hears of a disk that is full.
    sys.stdout.flush()
    return status


def _forget_output() -> None:
    """What could not be written would be tried again, and complained of, at exit."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="hub", description="The hub of a Portvakt site.")
    add_common(parser, config=None, verbose=False)
    verbs = parser.add_subparsers(required=True, metavar="VERB")

    verb = add_verb(verbs, "run", _run, "run the hub until it is told to stop")
    verb.add_argument("--ingest", action="store_true", help="only take in events, beside the site's hub")

    verb = add_verb(verbs, "key", _key, "print the public key that the gates need; makes the key if there is none")
    verb.add_argument("-o", "--output", metavar="FILE", type=Path, help="write it to FILE instead")

    crew_cli.add_verbs(verbs)
    gates_cli.add_verbs(verbs)
    cards_cli.add_verbs(verbs)

    presence_cli.add_verbs(verbs)
    console_cli.add_verbs(verbs)
    person_cli.add_verbs(verbs)
    report_cli.add_verbs(verbs)
    central_cli.add_verbs(verbs)
    sources_cli.add_verbs(verbs)
    verb = add_verb(verbs, "suspicions", _suspicions, "cards that may exist twice", json=True)
    verb.add_argument("--limit", type=int, default=50, help="the newest so many (50)")

    verb = add_verb(verbs, "events", _events, "what happened, newest first", json=True)
    verb.add_argument("--gate", metavar="NAME")
    verb.add_argument("--kind", metavar="KIND", help="such as badge.refused, or badge for all of badge.…")
    verb.add_argument("--limit", metavar="N", type=positive, default=50)

    enrolment_cli.add_verbs(verbs)
    feed_cli.add_verbs(verbs)

    add_verb(verbs, "gates", _gates, "how the gates are, and whether all their records are here", json=True)

    metrics_cli.add_verbs(verbs)

    add_verb(verbs, "verify", _verify, "walk every gate's journal: is all of it here, unchanged, and once", json=True)

    verb = add_verb(verbs, "check-config", _check_config, "check a settings file")
    verb.add_argument("file", metavar="FILE", type=Path, nargs="?")
    return parser


def _run(options: argparse.Namespace) -> int:
    from hub.wiring import run, run_ingest
    from portvakt import logs
    from portvakt.process import stop_on_signals

    config = config_of(options)
    logs.configure("debug" if options.verbose else config.log_level)
    stop = stop_on_signals()
    if options.ingest:
        run_ingest(config, stop, _told)
    else:
        run(config, settings_file(options), stop, _told)
    return 0


def _told(line: str) -> None:
    print(line, flush=True)


def _key(options: argparse.Namespace) -> int:
    from hub.config import signing_key_file
    from hub.errors import KeyFileError
    from hub.keys import public_pem, signing_key
    from portvakt.files import replace_file

    pem = public_pem(signing_key(signing_key_file(config_of(options))))
    if options.output is None:
        print(pem.decode("ascii"), end="")
        return 0
    try:
        replace_file(options.output, pem, 0o644)
    except OSError as refused:
        raise KeyFileError(f"{options.output}: cannot be written ({refused.strerror})") from refused
    return 0


def _events(options: argparse.Namespace) -> int:
    from hub import queries, tables

    with opened(options) as store:
        found = queries.events(store, gate=options.gate, kind=options.kind, limit=options.limit)
    print_json(found) if options.json else print(tables.events_text(found))
    return 0


def _gates(options: argparse.Namespace) -> int:
    from hub import queries, tables

    with opened(options) as store:
        site = queries.gates(store)
    print_json(site) if options.json else print(tables.gates_text(site))
    return 0


def _verify(options: argparse.Namespace) -> int:
    from hub import tables
    from hub.verify import verify

    with opened(options) as store:
        proof = verify(store, config_of(options).site)
    print_json(proof) if options.json else print(tables.proof_text(proof))
    return 0 if proof.sound else 1


def _suspicions(options: argparse.Namespace) -> int:
    from hub import queries, tables

    with opened(options) as store:
        found = queries.suspicions(store, options.limit)
    print_json(found) if options.json else print(tables.suspicions_text(found))
    return 0


def _check_config(options: argparse.Namespace) -> int:
    from hub.central.gathering import asked_of
    from hub.central.siblings.settings import listening_of, telling_of
    from hub.config import BLOCKS, PostgresAddress, database, load_config, signing_key_file, warnings
    from hub.crew.mailbox import PUBLIC_KEY
    from hub.keys import public_key
    from portvakt.link import check_files

    file = options.file or settings_file(options)
    config = load_config(file)
    check_files(config.broker)
    crew_cli.naming_of(config, file)
    register = "none is asked"
    if config.card_register.on:
        from hub.central.registers.card_register import HttpCardRegister

        HttpCardRegister(config.card_register).close()
        register = config.card_register.base_url
    for target in config.targets:
        # Only who tells others needs what they need.
        from hub.central.couriers import target_of

        target_of(config, target, file).close()
    if config.crew.source.public_key_file is not None:
        public_key(Path(config.crew.source.public_key_file), PUBLIC_KEY)
    for one in config.sources:
        if one.kind == BLOCKS:
            listening_of(config, one, file)
        else:
            asked_of(config, one, file).source.close()
    telling = telling_of(config, file)
    for warning in warnings(config):
        print(f"{file}: warning: {warning}", file=sys.stderr)
    broker = "the hub's own, for trying out" if config.broker.embedded else "outside"
    print(f"{file} is in order")
    print(f"  site         {config.site}")
    print(f"  broker       {config.broker.host}:{config.broker.port} ({broker})")
    print(f"  list         valid {config.list.valid_h:g} h, confirmed every {config.list.heartbeat_s:g} s")
    where = database(config)
    print(f"  database     {where.url if isinstance(where, PostgresAddress) else where}")
    print(f"  signing key  {signing_key_file(config)}")
    print(f"  cards        {register}")
    if telling is not None:
        print(f"  all sites    told at {telling.broker.host}:{telling.broker.port}, {telling.topic}")
    for target in config.targets:
        print(f"  target       {target.name} ({target.kind})")
    return 0
