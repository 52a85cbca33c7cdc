"""The command `gate`: exits 0, 1 (the job failed) or 2 (wrong use); no traceback for what was expected."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

import gate
from gate import card_cli, doctor_cli, join_cli, read_cli, screen_cli, simulate_cli
from gate.places import DEFAULT_CONFIGS, config_path
from portvakt import logs
from portvakt.errors import PortvaktError


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, run, and turn an expected failure into one line on stderr and exit code 1."""
    arguments = _parser().parse_args(argv)
    try:
        return int(arguments.run(arguments))
    except PortvaktError as failed:
        print(f"gate: {failed}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        # The reader of our output went away (`gate journal | head`); that is its right.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="gate", description="The controller of one gate: cards in, turnstile out.")
    parser.add_argument("--version", action="version", version=f"portvakt {gate.__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    run = commands.add_parser("run", help="run the gate until SIGTERM")
    _add_config(run)
    run.set_defaults(run=_run)

    safe = commands.add_parser("safe-lanes", help="put every lane as it is to stand without a gate; after a crash")
    _add_config(safe)
    safe.set_defaults(run=_safe_lanes)

    check = commands.add_parser("check-config", help="check a settings file and what it refers to")
    check.add_argument("file", type=Path, nargs="?", help="default: the first of --config's places")
    check.add_argument("--json", action="store_true", help="for a machine to read")
    check.set_defaults(run=_check_config)

    journal = commands.add_parser("journal", help="show this gate's journal, oldest first")
    _add_config(journal)
    journal.add_argument("--json", action="store_true", help="one event a line, as it goes to the hub")
    journal.add_argument("--verify", action="store_true", help="check the hash chain instead of showing it")
    journal.set_defaults(run=_journal)

    card_cli.add_commands(commands)
    doctor_cli.add_commands(commands)
    read_cli.add_commands(commands)
    simulate_cli.add_commands(commands)
    screen_cli.add_commands(commands)
    join_cli.add_commands(commands)
    return parser


def _add_config(parser: argparse.ArgumentParser) -> None:
    places = ", ".join(DEFAULT_CONFIGS)
    parser.add_argument("--config", type=Path, help=f"settings file (default: $PORTVAKT_GATE_CONFIG, then {places})")


def _run(arguments: argparse.Namespace) -> int:
    from gate.config import load_config
    from gate.wiring import Gate
    from portvakt.notify import Supervisor
    from portvakt.process import stop_on_signals

    config = load_config(config_path(arguments.config))
    logs.configure(config.log_level)
    stop = stop_on_signals()
    Gate(config, Supervisor()).run(
        stop, ready=lambda: print(f"gate ready site={config.site} gate={config.gate}", flush=True)
    )
    return 0


def _safe_lanes(arguments: argparse.Namespace) -> int:
    """P7: what a process that was killed had no time for. Refuses beside a running gate."""
    from gate.config import load_config, state_dir
    from gate.drivers import new_lane
    from gate.errors import RelayError
    from portvakt.process import FolderLock

    config = load_config(config_path(arguments.config))
    failed = 0
    with FolderLock(state_dir(config)):
        for settings in config.lanes:
            try:
                lane = new_lane(settings)
                lane.start(lambda _given: None)
                lane.close()
                print(f"lane {settings.name}: safe")
            except RelayError as broken:
                failed = 1
                print(f"gate: {broken}", file=sys.stderr)
    return failed


def _check_config(arguments: argparse.Namespace) -> int:
    from gate import wiring
    from gate.config import load_config, state_dir, warnings

    path = config_path(arguments.file)
    config = load_config(path)
    found = wiring.check(config)
    if arguments.json:
        answer = {
            "file": str(path),
            "ok": not found.problems,
            "problems": found.problems,
            "to_do": found.still_to_do,
            "warnings": warnings(config),
        }
        print(json.dumps(answer, ensure_ascii=False))
        return 1 if found.problems else 0
    for problem in found.problems:
        print(f"{path}: {problem}", file=sys.stderr)
    if not found.problems:
        print(f"{path} is in order")
        print(f"  site, gate   {config.site}, {config.gate}")
        print(f"  broker       {config.broker.host}:{config.broker.port}")
        for lane in config.lanes:
            print(f"  lane         {lane.name}: {_driver(lane)}, {lane.walk_s:g} s to walk through")
        for point in config.muster_points:
            print(f"  muster point {point.name}")
        for reader in config.readers:
            print(f"  reader       {reader.name}: {_driver(reader)}, {reader.stands}")
        print(f"  state        {state_dir(config)}")
    for task in found.still_to_do:
        print(f"  to do        {task}")
    for warning in warnings(config):
        print(f"  look at      {warning}")
    return 1 if found.problems else 0


def _driver(settings: msgspec.Struct) -> str:
    return str(settings.__struct_config__.tag)


def _journal(arguments: argparse.Namespace) -> int:
    from gate.cache.journal import read_bodies, read_chain
    from gate.config import load_config, state_dir
    from gate.errors import StoreError
    from gate.uplink import contract

    path = state_dir(load_config(config_path(arguments.config))) / "journal.db"
    if not path.exists():
        raise StoreError(f"there is no journal at {path}; has this gate run?")
    if arguments.verify:
        return _verify(read_chain(path))
    for body in read_bodies(path):
        event = contract.decode_event(body)
        if arguments.json:
            print(body.decode())
        else:
            data = event.data
            card = f"{data.card.scheme}:…{data.card.number[-2:]}" if data.card else "-"
            words = [
                event.time,
                f"{event.seq:>6}",
                f"{event.kind:<18}",
                data.direction or "-",
                card,
                data.reason or "-",
            ]
            print("  ".join(words))
    return 0


def _verify(chain: Sequence[tuple[bytes, str]]) -> int:
    from gate.uplink import contract

    before = None
    for body, stored_hash in chain:
        event = contract.decode_event(body)
        if before is not None and event.prevhash != before:
            print(f"gate: the chain is broken before record {event.seq}", file=sys.stderr)
            return 1
        before = contract.record_hash(body)
        if before != stored_hash:
            print(f"gate: record {event.seq} was changed after it was written", file=sys.stderr)
            return 1
    print(f"{len(chain)} records, chain whole")
    return 0
