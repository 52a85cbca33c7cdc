"""The sources of the settings, made and set to work."""

import contextlib
import logging
import time
from collections.abc import Iterator
from pathlib import Path

from hub.central.gathering import Asked, Gathering
from hub.central.registry import SourcePlace, make_source
from hub.config import HubConfig, NeighbourSettings, time_zone
from hub.store import HubStore
from portvakt.errors import SettingsError

log = logging.getLogger(__name__)


def asked(config: HubConfig, file: Path, one: NeighbourSettings) -> Asked:
    """A source of the settings in `file`. Raises SettingsError."""
    place = SourcePlace(one.name, config.site, one.settings, file, time_zone(config.presence))
    return Asked(one.name, make_source(one.kind, place), one.every_s)


@contextlib.contextmanager
def gathering(config: HubConfig, file: Path, store: HubStore) -> Iterator[None]:
    """All of them are read meanwhile. One that cannot be made is told of, and keeps nobody from working."""
    made = []
    for one in config.sources:
        try:
            made.append(asked(config, file, one))
        except SettingsError as wrong:
            log.error("source=%s failed=%r", one.name, str(wrong))
            with store.reporting() as reporting:
                reporting.failed(one.name, str(wrong), time.time_ns() // 1_000_000)
    threads = Gathering(store, made)
    threads.start()
    try:
        yield
    finally:
        threads.close()
