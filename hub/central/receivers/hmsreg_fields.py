"""A passage in HMSREG's words, v1 and v2. Pure.

What their page does not say is a setting, and `docs/hmsreg.md` tells which: words for leaving and for kinds of cards,
time zone, which fields are numbers. v2 is known from a third party's notes alone: unverified.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

import msgspec

from hub.central.happening import REPORTED, Happening
from hub.central.receivers.moments import midnight, moment
from hub.central.receivers.telling import Telling, Unit, organisation_number, told_of
from hub.central.target import Unfit
from hub.presence import ENTRY, EXIT, CardKey, Certainty
from hub.records import CrewMember
from portvakt.errors import SettingsError

Field = Literal[
    "Kortnr",
    "Retning",
    "Tidspunkt",
    "Navn",
    "Orgnr",
    "HmsRegnr",
    "Kilde",
    "Korttype",
    "Fødselsdato",
    "ExternalRef",
]
FieldV2 = Literal[
    "cardNumber", "cardType", "location", "timestamp", "direction", "externalRef", "name", "company", "source"
]


class RegistrationSettings(Telling, frozen=True, kw_only=True):
    """What is the same in both versions."""

    connections: Annotated[int, msgspec.Meta(ge=1, le=16)] = 4
    """One record a call; so many calls at once, never two about one card."""
    skip_schemes: tuple[str, ...] = ("site",)
    """Cards of these kinds are nobody's business there: what the site issued for who has no HMS card."""
    card_types: dict[str, str] = msgspec.field(default_factory=lambda: {"hms": "HMS"})
    """`SCHEME` or `SCHEME/CARD_TYPE`: the word for it there."""
    drop_zero_over: Annotated[int, msgspec.Meta(ge=0, le=20)] = 7
    """A number with more digits than this loses one leading zero; 0: never."""
    card_number_length: Annotated[int, msgspec.Meta(ge=1, le=20)] = 8
    untrusted_time: Literal["aside", "send"] = "aside"
    """A passage at a gate whose clock had not been set, and was not put right in time."""


class V1Settings(RegistrationSettings, frozen=True, kw_only=True):
    """`POST /api/registreringer`."""

    user: str
    password_file: str
    source: str
    """`Kilde`, as agreed with HMSREG."""
    hmsreg_number: str | int
    """`HmsRegnr` of the site, a text or a number: as it stands here, so it is sent."""
    hmsreg_numbers: dict[str, str | int] = msgspec.field(default_factory=dict)
    """The same by gate, where gates have their own."""
    entry_word: str = "Ankomst"
    exit_word: str = "Avgang"
    orgnr_as: Literal["string", "number"] = "string"
    empty_fields: Literal["leave out", "null"] = "leave out"
    required: tuple[Field, ...] = ("Kortnr", "Retning", "Tidspunkt")
    """Without these a record is not sent. Only Kortnr is publicly said to be."""
    leave_out: tuple[Field, ...] = ()
    lengths: dict[Field, Annotated[int, msgspec.Meta(ge=1, le=1000)]] = msgspec.field(default_factory=dict)
    """How long a text may be, where they have told. Navn is cut, what is too long otherwise goes aside."""
    queued_words: tuple[str, ...] = ()
    """Other answers than `Registration is queued` by which they say the same."""


class V2Settings(RegistrationSettings, frozen=True, kw_only=True):
    """`POST /api/v2/registration`: unverified."""

    headers: dict[str, str]
    """Who we are, as agreed: header = text with `{id}` and `{secret}` in it."""
    provider_id: str
    secret_file: str
    location: int | str
    """The checkpoint or site there."""
    locations: dict[str, int | str] = msgspec.field(default_factory=dict)
    """The same by gate."""
    entry_word: str = "In"
    exit_word: str = "Out"
    send_name: bool = False
    send_company: bool = False
    queue_path: str
    """Where to ask what became of a record: a path with `{id}` in it."""
    id_fields: tuple[str, ...] = ("id", "queueId", "queueItemId", "itemId")
    """Where an answer says what to ask for; none: it is asked for by externalRef."""
    status_fields: tuple[str, ...] = ("status", "state")
    done_words: tuple[str, ...] = ("done", "completed", "processed", "succeeded", "success", "ok")
    failed_words: tuple[str, ...] = ("failed", "error", "rejected", "invalid")
    waiting_words: tuple[str, ...] = ("queued", "pending", "waiting", "processing", "running")


def check_v1(settings: V1Settings) -> None:
    """Raises SettingsError for what the types cannot say."""
    if both := set(settings.required) & set(settings.leave_out):
        raise SettingsError(f"leave_out: {', '.join(sorted(both))} is in required as well")
    if "Kortnr" in settings.leave_out:
        raise SettingsError("leave_out: HMSREG takes nothing without Kortnr")


def check_v2(settings: V2Settings) -> None:
    """Raises SettingsError for what the types cannot say."""
    if not any("{secret}" in text for text in settings.headers.values()):
        raise SettingsError('headers: none has {secret} in it, such as { "X-Provider-Secret" = "{secret}" }')
    if "{id}" not in settings.queue_path:
        raise SettingsError("queue_path: has no {id} in it, such as /api/v2/queue/{id}")


def concerns(settings: RegistrationSettings, happening: Happening) -> bool:
    """Whether HMSREG is to know of it at all."""
    if happening.card is None or happening.card.scheme in settings.skip_schemes:
        return False
    if happening.kind == REPORTED and happening.direction not in (ENTRY, EXIT):
        return False
    return told_of(settings, happening)


def registration_v1(
    happening: Happening, holder: CrewMember | None, settings: V1Settings, zone: ZoneInfo
) -> dict[str, Any]:
    """One record of `POST /api/registreringer`, in the order of their page. Raises Unfit with the field."""
    said: dict[Field, Any] = {
        "Kortnr": _card_number(happening, settings, "Kortnr"),
        "Retning": _direction(happening, settings.entry_word, settings.exit_word, "Retning"),
        "Tidspunkt": _time(happening, settings, zone, "Tidspunkt"),
        "Navn": _name(holder),
        "Orgnr": _orgnr(holder, settings),
        "HmsRegnr": settings.hmsreg_numbers.get(happening.gate or "", settings.hmsreg_number),
        "Kilde": settings.source,
        "Korttype": _card_type(happening, holder, settings, "Korttype"),
        "Fødselsdato": midnight(holder.date_of_birth) if holder and holder.date_of_birth else None,
        "ExternalRef": happening.id,
    }
    for name in settings.required:
        if said[name] in (None, ""):
            raise Unfit(_missing(name, holder), name)
    for name, longest in settings.lengths.items():
        if isinstance(said[name], str) and len(said[name]) > longest:
            if name != "Navn":
                raise Unfit(f"{name} has {len(said[name])} characters; there it may have {longest}", name)
            said[name] = said[name][:longest].rstrip()
    kept = {name: value for name, value in said.items() if name not in settings.leave_out}
    if settings.empty_fields == "leave out":
        return {name: value for name, value in kept.items() if value not in (None, "")}
    return {str(name): value for name, value in kept.items()}


def registration_v2(
    happening: Happening, holder: CrewMember | None, settings: V2Settings, zone: ZoneInfo
) -> dict[str, Any]:
    """One record of `POST /api/v2/registration`: unverified. Raises Unfit with the field."""
    said: dict[FieldV2, Any] = {
        "cardNumber": _card_number(happening, settings, "cardNumber"),
        "cardType": _card_type(happening, holder, settings, "cardType"),
        "location": settings.locations.get(happening.gate or "", settings.location),
        "timestamp": _time(happening, settings, zone, "timestamp"),
        "direction": _direction(happening, settings.entry_word, settings.exit_word, "direction"),
        "externalRef": happening.id,
    }
    if settings.send_name and (name := _name(holder)):
        said["name"] = name
    if settings.send_company and (number := _unit(holder, settings.unit)):
        said["company"] = number
    return {str(name): value for name, value in said.items()}


def card_number(number: str, drop_zero_over: int) -> str:
    """As another supplier sends it: without spaces, and one leading zero less where it is longer than so many."""
    plain = "".join(number.split())
    if drop_zero_over and len(plain) > drop_zero_over and plain.startswith("0"):
        return plain[1:]
    return plain


def word_for(card: CardKey, card_type: str | None, words: Mapping[str, str]) -> str | None:
    """What such a card is called there; None where nobody has said."""
    return words.get(f"{card.scheme}/{card_type}", words.get(card.scheme))


def _card_number(happening: Happening, settings: RegistrationSettings, field: str) -> str:
    if happening.card is None:
        raise Unfit("nobody's card was read", field)
    number = card_number(happening.card.number, settings.drop_zero_over)
    if not number or len(number) > settings.card_number_length:
        what = f"the card's number has {len(number)} characters; there it may have {settings.card_number_length}"
        raise Unfit(what, field)
    return number


def _direction(happening: Happening, entry: str, leaving: str, field: str) -> str:
    if happening.direction not in (ENTRY, EXIT):
        raise Unfit("neither an entry nor an exit", field)
    return entry if happening.direction == ENTRY else leaving


def _time(happening: Happening, settings: RegistrationSettings, zone: ZoneInfo, field: str) -> str:
    if happening.at_ms is None:
        raise Unfit("when it was cannot be read in the gate's record", field)
    if happening.certainty is Certainty.CLOCK_UNTRUSTED and settings.untrusted_time == "aside":
        what = "the gate's clock had not been set, and nothing has told the right time since"
        raise Unfit(f'{what}; untrusted_time = "send" sends such times all the same', field)
    return moment(happening.at_ms, zone, settings.time_form)


def _card_type(happening: Happening, holder: CrewMember | None, settings: RegistrationSettings, field: str) -> str:
    card = happening.card
    word = word_for(card, holder.card_type if holder else None, settings.card_types) if card else None
    if word is None:
        scheme = card.scheme if card else ""
        what = f"no word is set for cards of the kind {scheme}"
        raise Unfit(f"{what}; name it in card_types, or in skip_schemes if it is not to be told", field)
    return word


def _name(holder: CrewMember | None) -> str | None:
    return (f"{holder.first_name} {holder.last_name}".strip() or None) if holder else None


def _unit(holder: CrewMember | None, unit: Unit) -> str | None:
    return (organisation_number(holder, unit) or None) if holder else None


def _orgnr(holder: CrewMember | None, settings: V1Settings) -> str | int | None:
    number = _unit(holder, settings.unit)
    if number is not None and settings.orgnr_as == "number":
        if not (number.isascii() and number.isdigit()):
            raise Unfit("the employer's organisation number is no number", "Orgnr")
        return int(number)
    return number


def _missing(name: Field, holder: CrewMember | None) -> str:
    if holder is None and name in ("Navn", "Orgnr", "Fødselsdato"):
        return f"{name} is not known: no crew list has ever named this card"
    return f"{name} is not known: the crew list has left it empty"
