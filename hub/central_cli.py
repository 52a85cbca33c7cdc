"""`hub central`: how the central systems are, what they did not take, and what to do about it."""

import argparse
import sys
from typing import Any

from hub.cli_parts import add_verb, config_of, now_ms, opened, positive, print_json, settings_file, who_is_here


def add_verbs(verbs: Any) -> None:
    """Add them to `hub`."""
    told = "central systems: who was told what"
    parser: argparse.ArgumentParser = verbs.add_parser("central", help=told, description=told)
    acts = parser.add_subparsers(required=True, metavar="ACT")

    add_verb(
        acts, "status", _status, "each target: what waits, since when, what was refused; 1 when one is late", json=True
    )

    verb = add_verb(acts, "aside", _aside, "what receivers did not take, with their words", json=True)
    verb.add_argument("target", metavar="TARGET", nargs="?")
    verb.add_argument("--limit", metavar="N", type=positive, default=50)

    verb = add_verb(
        acts, "retry", _retry, "send once more what was set aside; without an id: wake a target that stopped"
    )
    verb.add_argument("target", metavar="TARGET")
    verb.add_argument("id", metavar="ID", nargs="?", help="of what was set aside, or its beginning")
    verb.add_argument("--all", action="store_true", help="all that was set aside for it")
    verb.add_argument("--by", metavar="WHO", help="who wants it (who is logged in)")

    verb = add_verb(acts, "give-up", _give_up, "what was set aside will not be told; kept with the reason")
    verb.add_argument("target", metavar="TARGET")
    verb.add_argument("id", metavar="ID")
    verb.add_argument("--reason", metavar="TEXT", required=True)
    verb.add_argument("--by", metavar="WHO", help="who says so (who is logged in)")

    verb = add_verb(
        acts, "backfill", _backfill, "tell a target what has happened since a day; may be interrupted and resumed"
    )
    verb.add_argument("target", metavar="TARGET")
    verb.add_argument("--since", metavar="DAY", required=True, help="such as 2026-11-01")

    add_verb(acts, "alarms", _alarms, "what the hub finds wrong with its deliveries now", json=True)


def _status(options: argparse.Namespace) -> int:
    from hub import central_tables
    from hub.central.overview import target_lines

    with opened(options) as store:
        lines = target_lines(store, config_of(options).targets, now_ms())
    print_json(lines) if options.json else print(central_tables.targets_text(lines, now_ms()))
    return 1 if any(one.late or one.state == "stopped" for one in lines) else 0


def _aside(options: argparse.Namespace) -> int:
    from hub import central_tables
    from hub.central.overview import aside_lines, target_lines
    from hub.central.words import unknown

    with opened(options) as store:
        targets = {one.name for one in target_lines(store, config_of(options).targets, now_ms())}
        if options.target is not None and options.target not in targets:
            raise unknown(options.target)
        lines = aside_lines(store, options.target, options.limit)
    print_json(lines) if options.json else print(central_tables.aside_text(lines))
    return 0


def _retry(options: argparse.Namespace) -> int:
    from hub.central import words
    from hub.central.ledger import Ledger

    by = options.by or who_is_here()
    with opened(options) as store:
        if options.all:
            count = words.retry_all(store, options.target, by, now_ms())
            print(f"{options.target}: {count} are sent once more")
        elif options.id is not None:
            words.retry(store, options.target, options.id, by, now_ms())
            print(f"{options.target}: {options.id} is sent once more")
        else:
            words.wake(store, options.target, by, now_ms())
            print(f"{options.target}: is tried again now")
        if Ledger(store, config_of(options).site, options.target).receiver().stopped is not None:
            print(f"{options.target}: has stopped; when that is mended: hub central retry {options.target}")
    return 0


def _give_up(options: argparse.Namespace) -> int:
    from hub.central import words

    with opened(options) as store:
        by = options.by or who_is_here()
        words.give_up(store, options.target, options.id, by=by, reason=options.reason, now_ms=now_ms())
    print(f"{options.target}: {options.id} is given up")
    return 0


def _backfill(options: argparse.Namespace) -> int:
    from contextlib import closing

    from hub.central.couriers import clock_wait_ms, day_ms, target_of
    from hub.central.ledger import Ledger
    from hub.central.looking_back import Progress, backfill
    from hub.config import time_zone
    from portvakt.errors import SettingsError

    config = config_of(options)
    named = [one for one in config.targets if one.name == options.target]
    if not named:
        raise SettingsError(f"{settings_file(options)}: no [[targets]] is called {options.target!r}")
    since_ms = day_ms(options.since, time_zone(config.presence), "--since")
    last = Progress(0, 0, 0)
    with opened(options) as store, closing(target_of(config, named[0], settings_file(options))) as target:
        ledger, wait_ms = Ledger(store, config.site, options.target), clock_wait_ms(named[0])
        for last in backfill(ledger, target, since_ms, now_ms, clock_wait_ms=wait_ms):
            if sys.stderr.isatty():
                share = 100 * last.done // max(1, last.total)
                print(
                    f"\r{share:3d} %  {last.done} of {last.total} looked at, {last.queued} queued",
                    end="",
                    file=sys.stderr,
                )
    if sys.stderr.isatty():
        print(file=sys.stderr)
    print(f"{options.target}: {last.total} records looked at, {last.queued} queued; the running hub sends them")
    return 0


def _alarms(options: argparse.Namespace) -> int:
    from hub import central_tables
    from hub.central.overview import alarm_lines

    with opened(options) as store:
        found = alarm_lines(store)
    print_json(found) if options.json else print(central_tables.alarms_text(found))
    return 0
