"""`hub purge`, `hub purges`, `hub person`: how long what is known about people is kept, and what is held."""

import argparse
from typing import TYPE_CHECKING, Any

from hub.cli_parts import add_verb, config_of, now_ms, opened, print_json

if TYPE_CHECKING:
    from hub.purging import Purge
    from hub.store import HubStore


def add_verbs(verbs: Any) -> None:
    """Add them to the program."""
    verb = add_verb(
        verbs, "purge", _purge, "delete what has been kept long enough; a running hub does it daily", json=True
    )
    verb.add_argument("--dry-run", action="store_true", help="only show what would go")
    add_verb(verbs, "purges", _purges, "what was deleted, by which rule, and whether the records are sound", json=True)


def _purge(options: argparse.Namespace) -> int:
    from hub import tables

    with opened(options) as store:
        purge = purge_of(options, store)
        gone = purge.would_go(now_ms()) if options.dry_run else purge.all(now_ms())
    if options.json:
        print_json({"dry_run": options.dry_run, "gone": {what: one._asdict() for what, one in gone.items()}})
        return 0
    print(tables.gone_text(gone))
    if options.dry_run:
        print("dry run, nothing was deleted")
    return 0


def _purges(options: argparse.Namespace) -> int:
    from hub import tables
    from hub.config import signing_key_file
    from hub.keys import signing_key
    from hub.purging import shown_records

    config = config_of(options)
    public = signing_key(signing_key_file(config)).public_key()
    with opened(options) as store:
        records = shown_records(store, config.site, public)
    print_json(records) if options.json else print(tables.purges_text(records))
    return int(not all(one.sound for one in records))


def purge_of(options: argparse.Namespace, store: "HubStore") -> "Purge":
    """What deletes at this site."""
    from hub.config import limits, signing_key_file
    from hub.keys import signing_key
    from hub.purging import Purge

    config = config_of(options)
    return Purge(config.site, store, signing_key(signing_key_file(config)), limits(config))
