"""Which targets there are: ours, and those that other packages bring as entry points of `portvakt.targets`.

An entry point names a function `(TargetPlace) -> Target`; `[[targets]] kind` in the settings is its name.
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, NamedTuple, TypeVar
from zoneinfo import ZoneInfo

import msgspec

from hub.central.target import Target
from hub.presence import ClosingRule
from portvakt.errors import SettingsError

GROUP = "portvakt.targets"
OURS: dict[str, str] = {
    "feed": "hub.central.feed:feed",
    "hmsreg-v1": "hub.central.hmsreg:HmsregV1",
    "hmsreg-v2": "hub.central.hmsreg_v2:HmsregV2",
    "elrapp": "hub.central.elrapp:Elrapp",
}
"""Kind: `module:function`."""
REMARKS: dict[str, str] = {
    "hmsreg-v1": "accepted is queued at HMSREG, which has no way to be asked what became of it",
    "hmsreg-v2": "UNVERIFIED: built from a third party's notes; confirm with HMSREG before use",
}
"""Kind: what whoever reads its numbers has to know."""

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
        try:
            return msgspec.convert(dict(self.settings), kind)
        except msgspec.ValidationError as wrong:
            raise SettingsError(f"targets.{self.name}.settings: {wrong}") from wrong


def make_target(kind: str, place: TargetPlace) -> Target:
    """A target of this kind. Raises SettingsError."""
    found: Callable[[TargetPlace], Target]
    if kind in OURS:
        module, _, function = OURS[kind].partition(":")
        found = getattr(import_module(module), function)
    else:
        outside = {one.name: one for one in entry_points(group=GROUP)}
        if kind not in outside:
            known = ", ".join(sorted(OURS.keys() | outside.keys()))
            raise SettingsError(f"targets.{place.name}.kind: {kind!r} is none of {known}")
        found = outside[kind].load()
    return found(place)
