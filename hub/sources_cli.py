"""`hub sources`, `hub confirmations`: what other systems at the site tell of who is here."""

import argparse
from typing import Any

from hub.cli_parts import add_verb, config_of, now_ms, opened, print_json


def add_verbs(verbs: Any) -> None:
    """Add them to the program."""
    add_verb(verbs, "sources", _sources, "other systems that tell who is here: how they are", json=True)
    add_verb(
        verbs, "confirmations", _confirmations, "who has to confirm every hour, and whose word is missing", json=True
    )


def _sources(options: argparse.Namespace) -> int:
    from hub import sources, sources_tables
    from hub.config import warnings

    config = config_of(options)
    with opened(options) as store:
        page = sources.sources(store, config.sources, warnings(config), now_ms())
    print_json(page) if options.json else print(sources_tables.sources_text(page))
    return 0


def _confirmations(options: argparse.Namespace) -> int:
    from hub import sources, sources_tables
    from hub.config import closing_rule

    config = config_of(options)
    with opened(options) as store:
        found = sources.confirmations(store, config.confirmations, now_ms(), closing_rule(config.presence))
    print_json(found) if options.json else print(sources_tables.confirmations_text(found, config.confirmations.group))
    return 0
