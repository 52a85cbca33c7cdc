"""What the verbs of `hub` share: common options, settings and store, JSON out. Imports nothing heavy."""

import argparse
import getpass
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hub.config import HubConfig
    from hub.presence import CardKey
    from hub.store import HubStore


def add_verb(
    verbs: Any, name: str, function: Callable[[argparse.Namespace], int], described: str, *, json: bool = False
) -> argparse.ArgumentParser:
    """A verb. The common options may stand before it or after it."""
    verb: argparse.ArgumentParser = verbs.add_parser(name, help=described, description=described)
    # Suppressed: a default here would undo what was said before the verb.
    add_common(verb, config=argparse.SUPPRESS, verbose=argparse.SUPPRESS)
    if json:
        verb.add_argument("--json", action="store_true", help="for machines")
    verb.set_defaults(verb=function)
    return verb


def add_common(parser: argparse.ArgumentParser, *, config: str | None, verbose: str | bool) -> None:
    parser.add_argument(
        "--config",
        metavar="FILE",
        type=Path,
        default=config,
        help="settings (default: $PORTVAKT_HUB_CONFIG, /etc/portvakt/hub.toml, config/hub.toml)",
    )
    parser.add_argument("-v", "--verbose", action="store_true", default=verbose, help="log more")


def positive(text: str) -> int:
    """A number from 1."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number


def card(text: str) -> "CardKey":
    """`hms:5310027`, or the number of an HMS card alone."""
    from hub.presence import card_named

    named = card_named(text)
    if named is None:
        raise argparse.ArgumentTypeError("a card's number, or SCHEME:NUMBER")
    return named


def who_is_here() -> str:
    """Who is logged in, for the audit; behind sudo whoever has called it."""
    named = os.environ.get("SUDO_USER")
    try:
        return named or getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


def settings_file(options: argparse.Namespace) -> Path:
    """The file of the settings that count."""
    from hub.config import find_config

    return options.config or find_config()


def config_of(options: argparse.Namespace) -> "HubConfig":
    """The settings that count."""
    from hub.config import load_config

    return load_config(settings_file(options))


def store_of(options: argparse.Namespace) -> "HubStore":
    """The hub's database; the caller closes it."""
    from hub.config import database
    from hub.store import HubStore

    return HubStore(database(config_of(options)))


@contextmanager
def opened(options: argparse.Namespace) -> Iterator["HubStore"]:
    """The hub's database, closed afterwards."""
    store = store_of(options)
    try:
        yield store
    finally:
        store.close()


def now_ms() -> int:
    """Unix time."""
    return time.time_ns() // 1_000_000


def print_json(value: Any) -> None:
    """For machines."""
    import msgspec

    print(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())
