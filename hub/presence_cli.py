"""`hub roster`, `hub in`, `hub out`, `hub muster`: who is inside, by gates and by people."""

import argparse
from datetime import datetime
from typing import TYPE_CHECKING, Any

from gate.zones import SITE
from hub.cli_parts import add_verb, card, config_of, now_ms, opened, print_json
from hub.errors import OfficeError

if TYPE_CHECKING:
    from hub.presence import HandMark


def add_verbs(verbs: Any) -> None:
    """Add them to the program."""
    verb = add_verb(verbs, "roster", _roster, "who is inside now", json=True)
    verb.add_argument("--zone", default=SITE, help="only who is in this part of the site, such as site/tunnel")

    for name, function, told in (
        ("in", _in, "say that somebody is inside whom no gate saw go in"),
        ("out", _out, "say that somebody has left whom no gate saw leave"),
    ):
        verb = add_verb(verbs, name, function, told, json=True)
        verb.add_argument("card", metavar="CARD", type=card, help="its number, or SCHEME:NUMBER")
        verb.add_argument("--by", metavar="NAME", required=True, help="who says so")
        verb.add_argument("--reason", metavar="TEXT", required=True)
        verb.add_argument("--at", metavar="TIME", help="when it was, such as 2026-05-31T15:40 by the site's clocks")

    verb = add_verb(verbs, "muster", _muster, "who is to be looked for at an evacuation", json=True)
    act = verb.add_mutually_exclusive_group()
    act.add_argument("--check", metavar="CARD", type=card, help="this person was seen outside")
    act.add_argument("--missing", metavar="CARD", type=card, help="this person was ticked off by mistake")
    act.add_argument("--close", action="store_true", help="the muster is over")
    verb.add_argument("--by", metavar="NAME", help="who says so")
    verb.add_argument("--force", action="store_true", help="close it although somebody is unaccounted for")


def _roster(options: argparse.Namespace) -> int:
    from hub import queries, tables
    from hub.config import closing_rule

    closing = closing_rule(config_of(options).presence)
    with opened(options) as store:
        entries = queries.roster(store, options.zone, now_ms(), closing)
    print_json(entries) if options.json else print(tables.roster_text(entries, options.zone))
    return 0


def _in(options: argparse.Namespace) -> int:
    from hub.office import check_in
    from hub.presence import ENTRY

    return _say(options, check_in, ENTRY)


def _out(options: argparse.Namespace) -> int:
    from hub.office import check_out
    from hub.presence import EXIT

    return _say(options, check_out, EXIT)


def _say(options: argparse.Namespace, act: Any, direction: str) -> int:
    from hub import tables
    from hub.config import closing_rule

    mark = _mark(options, direction)
    with opened(options) as store:
        where = act(store, mark, closing_rule(config_of(options).presence))
    if options.json:
        print_json({"inside": where.inside, "zone": where.zone, "since_ms": where.since_ms, "sure": where.sure.value})
        return 0
    seen = f"{mark.card.scheme}:{mark.card.number} is {'inside' if where.inside else 'outside'}"
    print(f"{seen} since {tables.moment(where.since_ms)} ({tables.sure_text(where.sure)})")
    return 0


def _mark(options: argparse.Namespace, direction: str) -> "HandMark":
    from hub.config import time_zone
    from hub.presence import HandMark

    made_ms = now_ms()
    at_ms = made_ms
    if options.at is not None:
        try:
            at = datetime.fromisoformat(options.at)
        except ValueError:
            raise OfficeError(f"--at: {options.at!r} is no time; write it as 2026-05-31T15:40") from None
        if at.tzinfo is None:
            at = at.replace(tzinfo=time_zone(config_of(options).presence))
        at_ms = round(at.timestamp() * 1000)
    return HandMark(options.card, direction, at_ms, options.by, options.reason, made_ms)


def _muster(options: argparse.Namespace) -> int:
    from hub import office, tables
    from hub.config import closing_rule
    from hub.roll_call import latest_muster

    closing = closing_rule(config_of(options).presence)
    acts = options.check is not None or options.missing is not None or options.close
    if acts and options.by is None:
        raise OfficeError("--by NAME: whoever asks later wants to know who said so")
    with opened(options) as store:
        if options.check is not None:
            office.seen_outside(store, options.check, options.by, now_ms())
        elif options.missing is not None:
            office.not_seen(store, options.missing, options.by, now_ms())
        elif options.close:
            close = office.close_muster_unaccounted if options.force else office.close_muster
            close(store, options.by, now_ms(), closing)
        call = latest_muster(store, closing)
    print_json(call) if options.json else print(tables.muster_text(call))
    return 0
