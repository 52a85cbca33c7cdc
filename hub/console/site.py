"""The site as the console meets it: its store and settings, and the pictures that are taken of it."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from hub.config import HubConfig, closing_rule, requirements_of, state_dir, time_zone
from hub.live import Pulse
from hub.permits import Requirements
from hub.presence import ClosingRule
from hub.queries import company_names
from hub.store import HubStore


def now_ms() -> int:
    """Unix time."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class User:
    """Who sits here, as the audit is to have it."""

    name: str


@dataclass(frozen=True, slots=True)
class Site:
    """What is needed to ask the site anything. Any thread may use it."""

    store: HubStore
    config: HubConfig
    zone: ZoneInfo
    closing: ClosingRule | None
    requirements: Requirements
    clock: Callable[[], int] = now_ms

    def company_names(self) -> dict[str, str]:
        """What companies are called, by their organisation numbers, as far as a list has said it. Raises StoreError."""
        with self.store.reading() as connection:
            return {number: name for number, name in company_names(connection).items() if name}

    @property
    def folder(self) -> Path:
        """Where a file may be put down."""
        return state_dir(self.config)


def site_of(store: HubStore, config: HubConfig, clock: Callable[[], int] = now_ms) -> Site:
    """Raises SettingsError."""
    zone = time_zone(config.presence)
    return Site(store, config, zone, closing_rule(config.presence), requirements_of(config.requirements), clock)


@dataclass(frozen=True, slots=True)
class View:
    """Something that can be read of the site: it is read again when a number of the pulse has changed that it follows
    (all when none is named), and after `stale_s`."""

    name: str
    read: Callable[[Site], Any]
    follows: tuple[str, ...] = ()
    stale_s: float = 5.0

    def beat(self, pulse: Pulse) -> tuple[int | None, ...]:
        """What of the pulse it goes by."""
        return tuple(getattr(pulse, name) for name in self.follows) or pulse


@dataclass(frozen=True, slots=True)
class Picture:
    """What was read, by the names of views; each value is immutable. `at_ms` is when the store last answered."""

    at_ms: int
    pulse: Pulse
    values: Mapping[str, Any] = field(default_factory=dict)
