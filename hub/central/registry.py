"""Which targets and sources there are: ours, and those that other packages bring as entry points.

An entry point of `portvakt.targets` names a function `(TargetPlace) -> Target`, one of `portvakt.sources` a function
`(SourcePlace) -> Source`; `kind` in `[[targets]]` or `[[sources]]` of the settings is its name.
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, NamedTuple, TypeVar
from zoneinfo import ZoneInfo

import msgspec

from hub.central.source import Source
from hub.central.target import Target
from hub.config import BLOCKS
from hub.presence import ClosingRule
from portvakt.errors import SettingsError

GROUP = "portvakt.targets"
OURS: dict[str, str] = {
    "feed": "hub.central.receivers.feed:feed",
    "hmsreg-v1": "hub.central.receivers.hmsreg:HmsregV1",
    "hmsreg-v2": "hub.central.receivers.hmsreg_v2:HmsregV2",
    "elrapp": "hub.central.receivers.elrapp:Elrapp",
}
"""Kind: `module:function`."""
REMARKS: dict[str, str] = {
    "hmsreg-v1": "accepted is queued at HMSREG, which has no way to be asked what became of it",
    "hmsreg-v2": "UNVERIFIED: built from a third party's notes; confirm with HMSREG before use",
}
"""Kind: what whoever reads its numbers has to know."""
SOURCES = "portvakt.sources"
OUR_SOURCES: dict[str, str] = {
    "chkbox": "hub.central.neighbours.chkbox:make",
    "ditio": "hub.central.neighbours.ditio:make",
    "mapped": "hub.central.neighbours.mapped:make",
}

T = TypeVar("T")


class TargetPlace(NamedTuple):
    """What a target is made from. `settings` is its own table of the settings file; files that it names stand
    beside that one. `zone` is the site's time, `closing` its rule for check-outs that somebody forgot."""

    name: str
    site: str
    settings: Mapping[str, Any]
    settings_file: Path
    zone: ZoneInfo
    closing: ClosingRule | None = None

    def read(self, kind: type[T]) -> T:
        """The settings as a typed value. Raises SettingsError, which names target and key."""
        return _typed(self.settings, kind, f"targets.{self.name}")


class SourcePlace(NamedTuple):
    """What a source is made from; see TargetPlace."""

    name: str
    site: str
    settings: Mapping[str, Any]
    settings_file: Path
    zone: ZoneInfo

    def read(self, kind: type[T]) -> T:
        """The settings as a typed value. Raises SettingsError, which names source and key."""
        return _typed(self.settings, kind, f"sources.{self.name}")

    def wrong(self, key: str, what: str) -> SettingsError:
        """The error for what the types cannot say."""
        return SettingsError(f"sources.{self.name}.settings.{key}: {what}")


def make_target(kind: str, place: TargetPlace) -> Target:
    """A target of this kind. Raises SettingsError."""
    made: Callable[[TargetPlace], Target] = _found(GROUP, OURS, kind, f"targets.{place.name}")
    return made(place)


def make_source(kind: str, place: SourcePlace) -> Source:
    """A source of this kind. Raises SettingsError."""
    made: Callable[[SourcePlace], Source] = _found(SOURCES, OUR_SOURCES, kind, f"sources.{place.name}")
    return made(place)


def _found(group: str, ours: Mapping[str, str], kind: str, where: str) -> Any:
    if kind in ours:
        module, _, function = ours[kind].partition(":")
        return getattr(import_module(module), function)
    outside = {one.name: one for one in entry_points(group=group)}
    if kind not in outside:
        known = ", ".join(sorted(ours.keys() | outside.keys() | ({BLOCKS} if group == SOURCES else set())))
        raise SettingsError(f"{where}.kind: {kind!r} is none of {known}")
    return outside[kind].load()


def _typed(settings: Mapping[str, Any], kind: type[T], where: str) -> T:
    try:
        return msgspec.convert(dict(settings), kind)
    except msgspec.ValidationError as wrong:
        raise SettingsError(f"{where}.settings: {wrong}") from wrong
