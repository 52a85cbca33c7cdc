"""What every verb of `hub` begins or ends with: its settings, its store, its answer for a machine."""

import argparse
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hub.config import HubConfig
    from hub.store import HubStore


def settings_of(options: argparse.Namespace) -> "HubConfig":
    """The settings that the command line names, or those that are found. Raises SettingsError."""
    from hub.config import find_config, load_config

    return load_config(options.config or find_config())


def store_of(options: argparse.Namespace) -> "HubStore":
    """The store of these settings. Raises SettingsError, StoreError."""
    from hub.config import database
    from hub.store import HubStore

    return HubStore(database(settings_of(options)))


def print_json(value: Any) -> None:
    """A value of ours as JSON."""
    import msgspec

    print(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def positive(text: str) -> int:
    """How many, from the command line; at least one."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number
