"""What a central broker is told, as single CloudEvents 1.0 in JSON. Pure.

Versioned by the `v1` of type and schema, append-only: a field is added and may be missing, none is renamed, and no
word changes its meaning. `docs/feed/` is made from here. How much of people is in it is the subscriber's profile:

    full          card, name, birth date, company
    pseudonymous  card and person as a keyed hash, stable within the site; companies by number alone
    none          nothing of card, person or company

No profile lets a national identity number through (P12).
"""

import hashlib
import hmac
import unicodedata
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum, unique
from typing import Annotated, Any, Literal, NamedTuple
from urllib.parse import quote

import msgspec
from msgspec import UNSET, Meta, UnsetType

from gate.uplink.contract import TYPE_PREFIX
from hub.central.happening import ALARM_CLEARED, ALARM_RAISED, MOVEMENTS, PASSAGE, Happening
from hub.central.target import Unfit
from hub.identity_number import masked, objection
from hub.presence import CardKey, Certainty, Sighting, Sure, standing
from hub.records import CrewMember

VERSION = "v1"
MAX_MESSAGE_BYTES = 8 << 10
SCHEMAS = f"https://portvakt.no/schemas/feed/{VERSION}"
"""Names the schemas of `data`; they are kept in `docs/feed/`."""

REFUSED = "badge.refused"
_HOW: Mapping[str, Literal["completed", "forced", "tailgated", "free"]] = {
    PASSAGE: "completed",
    "passage.forced": "forced",
    "passage.tailgated": "tailgated",
    "passage.free": "free",
}
_STATE: Mapping[str, Literal["raised", "cleared"]] = {ALARM_RAISED: "raised", ALARM_CLEARED: "cleared"}
_ROSTER_NAMESPACE = uuid.UUID("0d0ac5cd-9b7c-5b25-9f39-6b2a5f1f5b7a")


@unique
class Profile(StrEnum):
    """How much a subscriber may know of people."""

    FULL = "full"
    PSEUDONYMOUS = "pseudonymous"
    NONE = "none"


@unique
class Kind(StrEnum):
    """What the feed tells of."""

    PASSAGE = "passage"
    REFUSAL = "refusal"
    ROSTER = "roster"
    ALARM = "alarm"


class Voice(NamedTuple):
    """Who speaks, and how much is said of people. `key` is that of the pseudonyms."""

    site: str
    profile: Profile
    key: bytes = b""


# --- what the messages hold ----------------------------------------------------------------------

_Pseudonym = Annotated[
    str,
    Meta(
        pattern="^[0-9a-f]{64}$",
        description="HMAC-SHA-256 under the site's own key: the same at every event of this site, and told apart "
        "from everybody else's; nobody without the key can tell whose it is.",
    ),
]
_Zone = Annotated[str, Meta(description="A part of the site, such as `site/tunnel`; `off` is off the site.")]
_Gate = Annotated[str, Meta(description="The gate that saw it; left out where none did.")]
_Lane = Annotated[str, Meta(description="The lane of that gate.")]
_Organisation = Annotated[str, Meta(description="Organisation number (Enhetsregisteret), or a foreign company's own.")]
_Reason = Annotated[
    str, Meta(description="A gate's stable word: `granted`, or what stood against it, such as `expired`.")
]
OFF_SITE = "off"


class FeedCard(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A card: scheme and number, or its pseudonym."""

    scheme: str | UnsetType = UNSET
    number: Annotated[str, Meta(description="As it stands on the card, leading zeros included.")] | UnsetType = UNSET
    pseudonym: _Pseudonym | UnsetType = UNSET


class FeedPerson(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Whose card it is, by the crew list; the pseudonym is made from names and birth date, and is the same for all
    cards of one person."""

    first_name: str | UnsetType = UNSET
    last_name: str | UnsetType = UNSET
    date_of_birth: Annotated[str, Meta(extra_json_schema={"format": "date"})] | UnsetType = UNSET
    pseudonym: _Pseudonym | UnsetType = UNSET


class FeedCompany(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A company. Its name is in no profile but `full`: that of a sole proprietor is a person's."""

    organisation_number: _Organisation
    name: str | UnsetType = UNSET


class _Whose(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    site: str
    personal: Annotated[Profile, Meta(description="How much of people is told here.")]
    gate: _Gate | UnsetType = UNSET
    lane: _Lane | UnsetType = UNSET
    card: FeedCard | UnsetType = UNSET
    person: FeedPerson | UnsetType = UNSET
    employer: FeedCompany | UnsetType = UNSET
    main_unit: _Organisation | UnsetType = UNSET
    hired_by: _Organisation | UnsetType = UNSET


class Passage(_Whose, frozen=True, kw_only=True, omit_defaults=True):
    """A body went through a turnstile; its sensor saw it. `how`: `completed` after a grant, `tailgated` on another's
    grant, `forced` without one, `free` where everybody might go."""

    how: Literal["completed", "forced", "tailgated", "free"]
    direction: Literal["entry", "exit"] | UnsetType = UNSET
    zone: _Zone | UnsetType = UNSET
    medium: Annotated[str, Meta(description="How the card was shown: `chip`, `qr`, …")] | UnsetType = UNSET
    reason: _Reason | UnsetType = UNSET
    warnings: tuple[_Reason, ...] = ()
    certainty: Annotated[Certainty, Meta(description="How sure the time is.")]


class Refusal(_Whose, frozen=True, kw_only=True, omit_defaults=True):
    """A card was shown, and the lane stayed shut. A card that no crew list names has no person here."""

    direction: Literal["entry", "exit"] | UnsetType = UNSET
    medium: Annotated[str, Meta(description="How the card was shown: `chip`, `qr`, …")] | UnsetType = UNSET
    reason: _Reason | UnsetType = UNSET
    warnings: tuple[_Reason, ...] = ()
    certainty: Annotated[Certainty, Meta(description="How sure the time is.")]


class RosterChange(_Whose, frozen=True, kw_only=True, omit_defaults=True):
    """Somebody came or went. Of each card the change with the latest `time` counts: gates that were cut off tell
    later. `entered` says where somebody is now, so it is told anew in another part of the site."""

    change: Literal["entered", "left"]
    zone: _Zone
    sure: Annotated[
        Sure,
        Meta(
            description="`confirmed`: a turnstile's sensor saw the body, by a clock that was right; `assumed`: by a "
            "clock that nobody had set; `manual`: a person said so; `reported`: another system at the site did."
        ),
    ]


class Alarm(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something is wrong with gate or hub, or is no longer. What it is about, and its sentence, are told in the profile
    `full` alone."""

    site: str
    personal: Annotated[Profile, Meta(description="How much of people is told here.")]
    alarm: Annotated[str, Meta(description="The alarm's stable name, such as `disk.full`.")]
    state: Literal["raised", "cleared"]
    gate: _Gate | UnsetType = UNSET
    lane: _Lane | UnsetType = UNSET
    about: Annotated[str, Meta(description="Which one, such as a target's name.")] | UnsetType = UNSET
    what: str | UnsetType = UNSET


# --- the envelope --------------------------------------------------------------------------------


class _CloudEvent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    specversion: Literal["1.0"]
    id: Annotated[
        str,
        Meta(
            description="The same at every attempt and for every receiver: whoever has it already drops the event.",
            extra_json_schema={"format": "uuid"},
        ),
    ]
    source: Annotated[
        str,
        Meta(
            description="`/portvakt/SITE/GATE`; where no gate saw it `@office`, `@hub` or another system's name "
            "stands for the gate.",
            extra_json_schema={"format": "uri-reference"},
        ),
    ]
    subject: Annotated[str, Meta(min_length=1, description="The lane, the zone, or the alarm.")] | UnsetType = UNSET
    time: Annotated[
        str,
        Meta(
            pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$",
            description="When it happened, in UTC; what is known of it now, so a gate's clock that was put right "
            "later is put right here.",
            extra_json_schema={"format": "date-time"},
        ),
    ]
    datacontenttype: Literal["application/json"]


class PassageEvent(_CloudEvent, frozen=True, kw_only=True, omit_defaults=True):
    """A passage."""

    type: Literal["no.portvakt.feed.passage.v1"]
    dataschema: Literal["https://portvakt.no/schemas/feed/v1/passage.json"]
    data: Passage


class RefusalEvent(_CloudEvent, frozen=True, kw_only=True, omit_defaults=True):
    """A refusal."""

    type: Literal["no.portvakt.feed.refusal.v1"]
    dataschema: Literal["https://portvakt.no/schemas/feed/v1/refusal.json"]
    data: Refusal


class RosterEvent(_CloudEvent, frozen=True, kw_only=True, omit_defaults=True):
    """A change of the roster."""

    type: Literal["no.portvakt.feed.roster.v1"]
    dataschema: Literal["https://portvakt.no/schemas/feed/v1/roster.json"]
    data: RosterChange


class AlarmEvent(_CloudEvent, frozen=True, kw_only=True, omit_defaults=True):
    """An alarm."""

    type: Literal["no.portvakt.feed.alarm.v1"]
    dataschema: Literal["https://portvakt.no/schemas/feed/v1/alarm.json"]
    data: Alarm


FeedEvent = PassageEvent | RefusalEvent | RosterEvent | AlarmEvent
EVENTS: Mapping[Kind, type[FeedEvent]] = {
    Kind.PASSAGE: PassageEvent,
    Kind.REFUSAL: RefusalEvent,
    Kind.ROSTER: RosterEvent,
    Kind.ALARM: AlarmEvent,
}
CONTENTS: Mapping[Kind, type[msgspec.Struct]] = {
    Kind.PASSAGE: Passage,
    Kind.REFUSAL: Refusal,
    Kind.ROSTER: RosterChange,
    Kind.ALARM: Alarm,
}


class Typed(msgspec.Struct, frozen=True):
    """A CloudEvent of which only the type matters."""

    type: str


_typed = msgspec.json.Decoder(Typed)
_decoders = {kind: msgspec.json.Decoder(event) for kind, event in EVENTS.items()}


def type_of(kind: Kind) -> str:
    """The CloudEvents `type`."""
    return f"{TYPE_PREFIX}feed.{kind}.{VERSION}"


def schema_of(kind: Kind) -> str:
    """The CloudEvents `dataschema`."""
    return f"{SCHEMAS}/{kind}.json"


def kind_of(event_type: str) -> Kind | None:
    """The kind of a CloudEvents `type`; None for one that is not the feed's."""
    return next((kind for kind in Kind if type_of(kind) == event_type), None)


# --- from what happened to what is said ------------------------------------------------------------


def kinds_of(happening: Happening) -> tuple[Kind, ...]:
    """What the feed tells of it: a passage is also a change of the roster, where it is known whose."""
    told = []
    if happening.kind in _HOW:
        told.append(Kind.PASSAGE)
    if happening.kind == REFUSED:
        told.append(Kind.REFUSAL)
    if happening.kind in MOVEMENTS and _sighting(happening) is not None:
        told.append(Kind.ROSTER)
    if happening.kind in _STATE:
        told.append(Kind.ALARM)
    return tuple(told)


def event_id(kind: Kind, happening: str) -> str:
    """The event's id: that of what happened, or one that is made from it."""
    return str(uuid.uuid5(_ROSTER_NAMESPACE, happening)) if kind is Kind.ROSTER else happening


def encode(kind: Kind, happening: Happening, holder: CrewMember | None, voice: Voice) -> bytes:
    """The message's bytes; the same facts make the same. Raises Unfit."""
    body = msgspec.json.encode(_event(kind, happening, holder, voice))
    if len(body) > MAX_MESSAGE_BYTES:
        raise Unfit(f"has {len(body)} bytes as a message of the feed; the limit is {MAX_MESSAGE_BYTES}")
    return body


def decode(body: bytes) -> FeedEvent:
    """One message from its bytes, which may come from a stranger. Raises ValueError."""
    if len(body) > MAX_MESSAGE_BYTES:
        raise ValueError(f"{len(body)} bytes; the limit is {MAX_MESSAGE_BYTES}")
    try:
        kind = kind_of(_typed.decode(body).type)
        if kind is None:
            raise ValueError("its type is none of the feed's")
        return _decoders[kind].decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as broken:
        raise ValueError(str(broken)) from broken


def pseudonym(key: bytes, site: str, *names: str) -> str:
    """HMAC-SHA-256 over the JSON array of the site and these names, in hexadecimal."""
    return hmac.new(key, msgspec.json.encode([site, *names]), hashlib.sha256).hexdigest()


def _event(kind: Kind, happening: Happening, holder: CrewMember | None, voice: Voice) -> FeedEvent:
    data: Passage | Refusal | RosterChange | Alarm
    match kind:
        case Kind.PASSAGE:
            data = _passage(happening, holder, voice)
            subject = data.lane
        case Kind.REFUSAL:
            data = _refusal(happening, holder, voice)
            subject = data.lane
        case Kind.ROSTER:
            data = _roster(happening, holder, voice)
            subject = data.zone
        case Kind.ALARM:
            data = _alarm(happening, voice)
            subject = data.alarm
    envelope: dict[str, Any] = {
        "specversion": "1.0",
        "id": event_id(kind, happening.id),
        "source": quote(f"/portvakt/{voice.site}/{happening.stream.name}", safe="/@-._~"),
        "subject": subject or UNSET,
        "time": _moment(happening.received_ms if happening.at_ms is None else happening.at_ms),
        "datacontenttype": "application/json",
        "type": type_of(kind),
        "dataschema": schema_of(kind),
        "data": data,
    }
    return EVENTS[kind](**envelope)


def _passage(happening: Happening, holder: CrewMember | None, voice: Voice) -> Passage:
    return Passage(
        **_whose(happening, holder, voice),
        how=_HOW[happening.kind],
        direction=_direction(happening),
        zone=UNSET if happening.zone is None else happening.zone or OFF_SITE,
        medium=happening.medium or UNSET,
        reason=happening.reason or UNSET,
        warnings=happening.warnings,
        certainty=happening.certainty,
    )


def _refusal(happening: Happening, holder: CrewMember | None, voice: Voice) -> Refusal:
    return Refusal(
        **_whose(happening, holder, voice),
        direction=_direction(happening),
        medium=happening.medium or UNSET,
        reason=happening.reason or UNSET,
        warnings=happening.warnings,
        certainty=happening.certainty,
    )


def _roster(happening: Happening, holder: CrewMember | None, voice: Voice) -> RosterChange:
    seen = _sighting(happening)
    if seen is None:
        raise Unfit("tells of nobody who came or went")
    return RosterChange(
        **_whose(happening, holder, voice),
        change="entered" if seen.inside else "left",
        zone=seen.zone or OFF_SITE,
        sure=standing(seen, seen.time_ms, None).sure,
    )


def _alarm(happening: Happening, voice: Voice) -> Alarm:
    """Gates name an alarm in its details, the hub as its reason."""
    said = happening.detail
    full = voice.profile is Profile.FULL
    about, what = str(said.get("subject", "")), str(said.get("what") or said.get("words") or "")
    return Alarm(
        site=voice.site,
        personal=voice.profile,
        alarm=str(said.get("alarm") or happening.reason or "unnamed"),
        state=_STATE[happening.kind],
        gate=happening.gate or UNSET,
        lane=happening.lane or UNSET,
        about=masked(about) if full and about else UNSET,
        what=masked(what) if full and what else UNSET,
    )


def _sighting(happening: Happening) -> Sighting | None:
    """Who was seen where; None where nobody knows whose it was, which way, or when."""
    if happening.card is None or happening.at_ms is None or happening.direction not in ("entry", "exit"):
        return None
    return Sighting(
        happening.at_ms,
        happening.stream.name,
        happening.stream.epoch,
        happening.seq,
        happening.card,
        happening.direction,
        certainty=happening.certainty,
        led_to=happening.zone,
    )


def _direction(happening: Happening) -> Literal["entry", "exit"] | UnsetType:
    match happening.direction:
        case "entry":
            return "entry"
        case "exit":
            return "exit"
    return UNSET


def _whose(happening: Happening, holder: CrewMember | None, voice: Voice) -> dict[str, Any]:
    """Where it was and whose it is, as far as the profile goes."""
    told: dict[str, Any] = {"site": voice.site, "personal": voice.profile}
    told |= {name: value for name in ("gate", "lane") if (value := getattr(happening, name))}
    if voice.profile is Profile.NONE:
        return told
    if happening.card is not None and objection(happening.card.number) is None:
        told["card"] = _card(happening.card, voice)
    if holder is None:
        return told
    full = voice.profile is Profile.FULL
    if person := _person(holder, voice):
        told["person"] = person
    told["employer"] = FeedCompany(
        organisation_number=holder.organisation_number,
        name=_kept(holder.organisation_name) if full and holder.organisation_name else UNSET,
    )
    return told | {name: value for name in ("main_unit", "hired_by") if (value := getattr(holder, name))}


def _card(card: CardKey, voice: Voice) -> FeedCard:
    if voice.profile is Profile.FULL:
        return FeedCard(scheme=card.scheme, number=card.number)
    return FeedCard(pseudonym=pseudonym(voice.key, voice.site, "card", card.scheme, card.number))


def _person(holder: CrewMember, voice: Voice) -> FeedPerson | None:
    if voice.profile is Profile.FULL:
        return FeedPerson(
            first_name=_kept(holder.first_name),
            last_name=_kept(holder.last_name),
            date_of_birth=holder.date_of_birth or UNSET,
        )
    if holder.date_of_birth is None:
        # Names alone are shared by too many: two people would be one.
        return None
    names = (unicodedata.normalize("NFC", name).casefold() for name in (holder.last_name, holder.first_name))
    return FeedPerson(pseudonym=pseudonym(voice.key, voice.site, "person", *names, holder.date_of_birth))


def _kept(text: str) -> str:
    return text if objection(text) is None else masked(text)


def _moment(at_ms: int) -> str:
    """RFC 3339 in UTC, to the millisecond. Raises Unfit for what no calendar holds."""
    try:
        told = datetime.fromtimestamp(at_ms / 1000, UTC)
    except (OverflowError, ValueError, OSError):
        raise Unfit(f"its time ({at_ms} ms since 1970) is no date", "time") from None
    return told.isoformat(timespec="milliseconds").replace("+00:00", "Z")
