"""Card numbers and times as other systems write them, to what this hub knows. Pure."""

import re
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from hub import identity_number
from hub.presence import CardKey
from portvakt.settings import Settings

_NUMBER = re.compile(r"[0-9A-Za-z][0-9A-Za-z-]{2,19}")
_HMS_DIGITS = 7


class Unusable(ValueError):
    """What was written cannot be used. The message repeats no card number and no name."""


class BadField(ValueError):
    """The same, and in which field."""

    def __init__(self, field: str, what: str) -> None:
        super().__init__(what)
        self.field = field
        self.what = what


class CardSettings(Settings, frozen=True, kw_only=True):
    """How a system writes card numbers."""

    scheme: str = "hms"
    drop_zero: bool = True
    """Of a number longer than seven digits one leading zero goes, as the neighbours do before they tell HMSREG."""


def card_of(written: Any, settings: CardSettings) -> CardKey | None:
    """The card; None where none is written. Raises Unusable."""
    if written is None:
        return None
    if isinstance(written, bool) or not isinstance(written, str | int):
        raise Unusable("is neither text nor a whole number")
    number = "".join(str(written).split())
    if not number:
        return None
    if identity_number.objection(number) is not None:
        raise Unusable("is like a national identity number, which may not be stored here")
    if settings.drop_zero and len(number) > _HMS_DIGITS:
        number = number.removeprefix("0")
    if not _NUMBER.fullmatch(number):
        raise Unusable("is no card number: 3 to 20 digits or letters")
    return CardKey(settings.scheme, number)


def time_ms_of(written: Any, zone: tzinfo) -> int:
    """A time in ISO 8601 as Unix milliseconds; `zone` is whose clock it is where it says no offset. Raises
    Unusable."""
    try:
        return _unix_ms(datetime.fromisoformat(written), zone)
    except (ValueError, TypeError, OverflowError):
        raise Unusable("is no time such as 2026-11-21T07:02:11+01:00") from None


def time_ms_by(written: str, shape: str, zone: tzinfo) -> int:
    """The same in another shape, as strptime has it. Raises Unusable."""
    try:
        return _unix_ms(datetime.strptime(written, shape), zone)  # noqa: DTZ007  # the zone follows
    except (ValueError, TypeError, OverflowError):
        raise Unusable(f"is no time of the form {shape}") from None


def a_day_later(time_ms: int, zone: tzinfo) -> int:
    """The same hour of the next day, by the clocks of `zone`. Raises Unusable."""
    try:
        return _unix_ms(datetime.fromtimestamp(time_ms / 1000, zone) + timedelta(days=1), zone)
    except (ValueError, OverflowError, OSError):
        raise Unusable("lies at the end of all time") from None


def iso(time_ms: int) -> str:
    """With its offset, in whole seconds, rounded down."""
    return datetime.fromtimestamp(time_ms // 1000, UTC).isoformat()


def _unix_ms(moment: datetime, zone: tzinfo) -> int:
    return round((moment if moment.tzinfo else moment.replace(tzinfo=zone)).timestamp() * 1000)
