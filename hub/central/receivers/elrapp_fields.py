"""Who was on the site, in ELRAPP's words: rows of its oversiktsliste, version 2, of one card and one day. Pure.

ELRAPP wants stays where gates see passages. What is told is a card's day, not a stay: a stay has no name of its own
that lasts, since an exit that comes late cuts it in two and an entry that comes late makes one of two. Of a card's day
there is always one, and all that was seen on it, or beside it at night, says what its rows are now.
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Annotated, Any, Literal, NamedTuple
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

import msgspec

from hub.central.happening import Happening
from hub.central.receivers.moments import midnight, moment
from hub.central.receivers.telling import Telling, organisation_number, told_of
from hub.central.target import Item, Unfit
from hub.presence import OFFICE, CardKey, Certainty, ClosingRule, Sighting
from hub.records import CrewMember
from hub.stays import Stay, by_day, day_begins_ms, local_day, stays

Row = dict[str, Any]

_NAMESPACE = UUID("6f1d5c0e-2f0b-5d55-9a6e-6f9b1f0a7c11")
_HOUR_MS = 3_600_000


class ElrappSettings(Telling, frozen=True, kw_only=True):
    """`POST /oversiktsliste/v2/{kontraktId}`."""

    api_key_file: str
    contract_id: Annotated[int, msgspec.Meta(ge=1)]
    mode: Literal["inout", "dayhours", "day"] = "inout"
    """Times in and out; or the day with the hours on site; or the day alone."""
    guessed: Literal["day", "aside", "send"] = "day"
    """Where an end of a stay was seen by nobody, or by a clock that nobody had set: the day alone is told, or nothing
    until a person has looked, or what the hub takes it to be."""
    correction: Literal["aside", "repost"] = "aside"
    """What was told and has changed since: set aside for a person, or told again as a new row."""
    grace_h: Annotated[float, msgspec.Meta(ge=0, le=24 * 14)] = 12.0
    """How long after its end a day is told: night shifts should be over by then."""
    longest_stay_days: Annotated[int, msgspec.Meta(ge=1, le=14)] = 1
    """How many midnights a stay may lie across."""
    schemes: tuple[str, ...] = ("hms",)
    """Kinds of cards that are told: ELRAPP takes no others than HMS cards."""
    card_number_as: Literal["number", "string"] = "number"
    """Their example is a number, which has no leading zeros."""
    batch: Annotated[int, msgspec.Meta(ge=1, le=500)] = 50
    timeout_s: Annotated[float, msgspec.Meta(gt=0, le=600)] = 60.0


def items_of(happening: Happening, settings: ElrappSettings, zone: ZoneInfo) -> list[Item]:
    """The days whose rows may be others because of it: its own, those before from which somebody may have stayed on
    into it, and when it came late those after it."""
    if not concerns(settings, happening) or happening.card is None or happening.at_ms is None:
        return []
    reach = timedelta(days=settings.longest_stay_days)
    own, known = local_day(happening.at_ms, zone), local_day(happening.received_ms, zone)
    spans = [(own - reach, min(max(own, known), own + reach))]
    if happening.certainty is Certainty.CLOCK_UNTRUSTED:
        # By a clock that was not set it may have been on any day; most likely it was not long ago.
        spans.append((known - reach, known))
    days = sorted({first + timedelta(days=one) for first, last in spans for one in range((last - first).days + 1)})
    return [_item(happening, happening.card, day, settings, zone) for day in days]


def concerns(settings: ElrappSettings, happening: Happening) -> bool:
    """Whether ELRAPP is to know of it."""
    if happening.card is None or happening.card.scheme not in settings.schemes:
        return False
    return told_of(settings, happening)


def heeded(sightings: Sequence[Sighting], settings: ElrappSettings) -> list[Sighting]:
    """Those of whom ELRAPP is to know: what another system delivers itself makes no row of ours."""
    reporters = {f"@{name}" for name in settings.reported_from}
    return [
        one
        for one in sightings
        if one.gate in reporters
        or (one.gate == OFFICE and "office" in settings.tell)
        or (not one.gate.startswith("@") and "gates" in settings.tell)
    ]


def item_id(contract_id: int, card: CardKey, day: date) -> str:
    """The key of a card's day."""
    return str(uuid5(_NAMESPACE, f"{contract_id} {card.scheme}:{card.number} {day.isoformat()}"))


def seen_around(day: date, settings: ElrappSettings, zone: ZoneInfo) -> tuple[int, int]:
    """From when until when sightings say what a day's rows are."""
    reach = timedelta(days=settings.longest_stay_days)
    return day_begins_ms(day - reach, zone), day_begins_ms(day + reach + timedelta(days=1), zone)


class CardDay(NamedTuple):
    """What one item is about."""

    card: CardKey
    day: date
    sightings: Sequence[Sighting]


def rows_of(
    about: CardDay,
    holder: CrewMember | None,
    settings: ElrappSettings,
    zones: tuple[ZoneInfo, ZoneInfo],
    closing: ClosingRule | None,
) -> list[Row]:
    """The rows of a card's day; none when nobody was seen. `zones`: the site's, and that of the times that are sent.

    Raises Unfit with the field.
    """
    site, sent = zones
    presences = _presences(about, settings, site, closing)
    if not presences:
        return []
    person = _person(about.card, holder, settings)
    return [_row(one, about.day, person, settings, sent) for one in presences]


class Presence(NamedTuple):
    """One row before it is put into words: times, or hours, or neither."""

    in_ms: int | None = None
    out_ms: int | None = None
    hours: float | None = None


_DAY_ALONE = Presence()


def _presences(about: CardDay, settings: ElrappSettings, zone: ZoneInfo, closing: ClosingRule | None) -> list[Presence]:
    until_ms = seen_around(about.day, settings, zone)[1]
    found = stays(about.sightings, closing, until_ms)
    whole = [stay for stay in found if _whole(stay)]
    known = whole if settings.guessed == "send" else [stay for stay in whole if not stay.guessed]
    loose = _loose(about, known, zone)
    if loose and settings.guessed == "aside":
        field = "DatoUt" if settings.mode == "inout" else "Timer" if settings.mode == "dayhours" else "Dato"
        raise Unfit("an entry or an exit of this day was seen by nobody, or by a clock that was not set", field)
    spent_ms = sum(length for stay in known for day, length in by_day(stay, zone, until_ms) if day == about.day)
    seen = spent_ms > 0 or any(local_day(one.time_ms, zone) == about.day for one in about.sightings)
    if settings.mode == "dayhours" and spent_ms and not loose:
        return [Presence(hours=max(0.01, round(spent_ms / _HOUR_MS, 2)))]
    if settings.mode != "inout":
        return [_DAY_ALONE] if seen else []
    begun = [stay for stay in known if stay.in_ms is not None and local_day(stay.in_ms, zone) == about.day]
    return [Presence(stay.in_ms, stay.out_ms) for stay in begun] + [_DAY_ALONE] * loose


def _whole(stay: Stay) -> bool:
    return stay.in_ms is not None and stay.out_ms is not None


def _loose(about: CardDay, known: Sequence[Stay], zone: ZoneInfo) -> bool:
    """Whether the card was seen on this day outside all stays whose ends are known."""
    spans = [(stay.in_ms or 0, stay.out_ms or 0) for stay in known]
    return any(
        local_day(one.time_ms, zone) == about.day and not any(first <= one.time_ms <= last for first, last in spans)
        for one in about.sightings
    )


def _person(card: CardKey, holder: CrewMember | None, settings: ElrappSettings) -> Row:
    if holder is None:
        raise Unfit("no crew list has ever named this card", "Etternavn")
    said: Row = {
        "Fornavn": holder.first_name,
        "Etternavn": holder.last_name,
        "Orgnummer": organisation_number(holder, settings.unit),
        "Fdato": holder.date_of_birth,
        "HmsUtlopsdato": holder.card_expiry,
    }
    for field, value in said.items():
        if not value:
            raise Unfit(f"the crew list has left it empty: {_COLUMNS[field]}", field)
    return {"Kortnummer": _card_number(card, settings), "KontraktId": settings.contract_id} | said


_COLUMNS: Mapping[str, str] = {
    "Fornavn": "first_name",
    "Etternavn": "last_name",
    "Orgnummer": "organisation_number",
    "Fdato": "date_of_birth",
    "HmsUtlopsdato": "card_expiry",
}


def _card_number(card: CardKey, settings: ElrappSettings) -> str | int:
    if settings.card_number_as == "string":
        return card.number
    if not (card.number.isascii() and card.number.isdigit()) or int(card.number) >= 1 << 53:
        raise Unfit("ELRAPP takes numbers, and the card's number is none", "Kortnummer")
    return int(card.number)


def _row(one: Presence, day: date, person: Row, settings: ElrappSettings, zone: ZoneInfo) -> Row:
    """In the order of their page."""
    came, left = (moment(at_ms, zone, settings.time_form) if at_ms else None for at_ms in (one.in_ms, one.out_ms))
    if came and left and settings.time_form == "local" and left < came:
        # Without an offset, in the hour that the clocks go through twice, somebody leaves before they came.
        came = left = None
    hours = one.hours
    return {
        "Kortnummer": person["Kortnummer"],
        "KontraktId": person["KontraktId"],
        "DatoInn": came,
        "DatoUt": left,
        "Dato": None if came else midnight(day.isoformat()),
        "Timer": int(hours) if hours is not None and hours.is_integer() else hours,
        "Fornavn": person["Fornavn"],
        "Etternavn": person["Etternavn"],
        "Orgnummer": person["Orgnummer"],
        "Fdato": person["Fdato"],
        "HmsUtlopsdato": person["HmsUtlopsdato"],
    }


def _item(happening: Happening, card: CardKey, day: date, settings: ElrappSettings, zone: ZoneInfo) -> Item:
    ends_ms = day_begins_ms(day + timedelta(days=1), zone)
    return Item(
        item_id(settings.contract_id, card, day),
        happening.id,
        card,
        day_begins_ms(day, zone),
        ends_ms + int(settings.grace_h * _HOUR_MS),
    )


# --- what ELRAPP was told, kept as what it calls our rows ----------------------------------------

Told = dict[str, str]
"""Print of a row: ELRAPP's id of it."""


def print_of(row: bytes) -> str:
    """By which a row is known again, without its words."""
    return hashlib.sha256(row).hexdigest()[:16]


def told_in(receiver_id: str | None) -> Told:
    """What `receiver_id` of a delivery says: `ID#PRINT ID#PRINT`."""
    pairs = (one.rpartition("#") for one in (receiver_id or "").split())
    return {row: known for known, _, row in pairs if known}


def as_receiver_id(told: Told) -> str:
    """The same the other way round."""
    return " ".join(f"{known}#{row}" for row, known in told.items())
