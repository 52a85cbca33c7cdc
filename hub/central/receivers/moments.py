"""How receivers want a moment written. Pure.

Without an offset the hour that the clocks go through twice in autumn is written twice alike; nothing in such a text
tells the one from the other.
"""

from datetime import UTC, datetime, timedelta, tzinfo
from typing import Literal
from zoneinfo import ZoneInfo

from portvakt.settings import zone_named

TimeForm = Literal["local", "offset", "utc"]
"""`2026-05-04T07:00:00`, `2026-05-04T07:00:00+02:00` or `2026-05-04T05:00:00Z`, all of them one moment at Oslo."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def moment(at_ms: int, zone: tzinfo, form: TimeForm) -> str:
    """To the second, the fraction cut off."""
    whole = (_EPOCH + timedelta(seconds=at_ms // 1000)).astimezone(UTC if form == "utc" else zone)
    text = whole.isoformat(timespec="seconds")
    if form == "offset":
        return text
    return text[:19] + ("Z" if form == "utc" else "")


def midnight(day: str) -> str:
    """A day of ISO 8601 as receivers write one that want a time as well."""
    return f"{day}T00:00:00"


def named_zone(name: str | None, usual: ZoneInfo, key: str) -> ZoneInfo:
    """The time zone of this name; the usual one when none is named. Raises SettingsError."""
    return usual if name is None else zone_named(name, key)
