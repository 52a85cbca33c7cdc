"""Zones of a site, and how one lies in another. Pure.

A zone is named by the way to it: `site` is everything within the fence, `site/tunnel` a part of it that has
lanes of its own. So whoever knows a zone's name knows what lies around it, and nobody has to agree on a plan.
"""

from collections.abc import Iterator

OUTSIDE = ""
"""Off the site."""
SITE = "site"
GROUP_PATTERN = r"^[a-z0-9][a-z0-9-]{0,23}$"
"""How the site may call a group of its crew: first-aider, warden, crane."""
ZONE_PATTERN = r"^site(/[a-z0-9][a-z0-9-]{0,19}){0,3}$"


def around(zone: str) -> str:
    """The zone that this one lies in; OUTSIDE for the site itself."""
    return zone.rpartition("/")[0]


def within(zone: str, other: str) -> bool:
    """Whether who is in `zone` is in `other` too."""
    return zone == other or zone.startswith(f"{other}/")


def all_around(zone: str) -> Iterator[str]:
    """The zone and every one that it lies in, from the inside; nothing for OUTSIDE."""
    while zone:
        yield zone
        zone = around(zone)
