"""The verbs of `hub` about what the gates know and do: compare, command, commands."""

import argparse
import sys
from typing import Any

from hub.cli_parts import add_verb, now_ms, opened, positive, print_json, who_is_here

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


def add_verbs(verbs: Any) -> None:
    """Add them to `hub`."""
    verb = add_verb(verbs, "command", _command, "have a gate do something, now; waits for what came of it", json=True)
    verb.add_argument("action", choices=sorted(ACTIONS), help="open lets one body through; the others are modes")
    verb.add_argument("gate", metavar="GATE")
    verb.add_argument("--lane", metavar="NAME", help="this lane; without it all of the gate's (open needs one)")
    verb.add_argument("--exit", action="store_const", const="exit", dest="direction", default="entry", help="open: out")
    verb.add_argument("--by", metavar="WHO", help="who wants it (who is logged in)")
    verb.add_argument("--reason", metavar="TEXT", default="", help="why, for the record")

    verb = add_verb(
        verbs, "commands", _commands, "what was asked of the gates, by whom, and what came of it", json=True
    )
    verb.add_argument("--limit", metavar="N", type=positive, default=50)

    add_verb(verbs, "compare", _compare, "what each gate knows of the list; 1 when a gate has another one", json=True)


def _command(options: argparse.Namespace) -> int:
    from hub import gates_tables
    from hub.asking import ask, lines
    from hub.records import Asked

    lane, direction = options.lane, options.direction if options.action == "open" else None
    if options.action == "open" and lane is None:
        print("hub: open needs --lane NAME: it lets one body through one lane", file=sys.stderr)
        return 2
    asked = Asked(options.gate, ACTIONS[options.action], lane, direction, options.by or who_is_here(), options.reason)
    with opened(options) as store:
        given, answer = ask(store, asked)
        (line,) = lines([given], {given.number: answer} if answer else {}, now_ms())
    print_json(line) if options.json else print(gates_tables.outcome_text(line))
    return int(line.outcome != "done")


def _commands(options: argparse.Namespace) -> int:
    from hub import gates_tables
    from hub.asking import given_lately

    with opened(options) as store:
        found = given_lately(store, options.limit, now_ms())
    print_json(found) if options.json else print(gates_tables.commands_text(found))
    return 0


def _compare(options: argparse.Namespace) -> int:
    from hub import comparison, gates_tables

    with opened(options) as store:
        found = comparison.compare(store)
    print_json(found) if options.json else print(gates_tables.comparison_text(found))
    return int(not found.all_equal)
