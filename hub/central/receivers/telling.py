"""What all targets that tell a register who comes and goes have in common: where it is, of what it is told. Pure."""

from typing import Annotated, Literal

import msgspec

from hub.central.happening import BY_HAND, PASSAGE, REPORTED, Happening
from hub.central.receivers.moments import TimeForm
from hub.records import CrewMember
from portvakt.settings import Settings

Unit = Literal["main", "employer", "hired_by"]


class Telling(Settings, frozen=True, kw_only=True):
    """Where the register is, how fast and how patiently it is told, and of what."""

    base_url: str
    connections: Annotated[int, msgspec.Meta(ge=1, le=16)] = 1
    per_second: Annotated[float, msgspec.Meta(gt=0, le=1000)] | None = None
    timeout_s: Annotated[float, msgspec.Meta(gt=0, le=600)] = 30.0
    ca_file: str | None = None
    tell: tuple[Literal["gates", "office"], ...] = ("gates", "office")
    """Passages that gates saw, and what a person at the site office wrote down."""
    reported_from: tuple[str, ...] = ()
    """Other systems at the site whose reports are told here; never one that delivers them itself."""
    unit: Unit = "main"
    """Whose organisation number: the main unit's, as on the card; the employer's, which may be a sub-unit; or that of
    the company that hires."""
    time_form: TimeForm = "local"
    time_zone: str | None = None


def told_of(settings: Telling, happening: Happening) -> bool:
    """Whether it is of a kind, and from somebody, that the register is told of."""
    if happening.kind == PASSAGE:
        return "gates" in settings.tell
    if happening.kind == BY_HAND:
        return "office" in settings.tell
    return happening.kind == REPORTED and reporter(happening) in settings.reported_from


def reporter(happening: Happening) -> str:
    """Which other system has reported it."""
    return str(happening.detail.get("source") or happening.stream.name.removeprefix("@"))


def organisation_number(holder: CrewMember, unit: Unit) -> str:
    """The card names the main unit, while staff may be registered at a sub-unit; who is hired works for another."""
    if unit == "main":
        return holder.main_unit or holder.organisation_number
    if unit == "hired_by":
        return holder.hired_by or holder.organisation_number
    return holder.organisation_number
