"""Ditio as a source: its crew list registrations, each a stay with a check-in and perhaps a check-out.

    GET v1/crew-list-registrations?ProjectIds=&IncludeOpen=true&ModifiedSince=&ContinuationToken=

OAuth2 client credentials with the scope reportingapiv1. Public are id, projectId, hseCardId, checkInDateTime,
checkOutDateTime (UTC) and isDeleted. One record is two check-ins here; a record that was deleted, went to another
project, or lost its check-out, takes them back.
"""

import time
from datetime import UTC
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlencode

import msgspec

from hub.central.neighbours.answers import asked
from hub.central.neighbours.written import CardSettings, Unusable, card_of, iso, time_ms_of
from hub.central.oauth import ClientCredentials, NoToken, OAuthSettings, TokenRefused
from hub.central.registry import SourcePlace
from hub.central.source import Aside, Fetched, SourceAway, SourceRefused
from hub.central.web import Unreachable, Web
from hub.presence import ENTRY, EXIT, CardKey, CheckIn
from portvakt.credentials import named_file
from portvakt.settings import Settings

PATH = "/v1/crew-list-registrations"


class DitioSettings(Settings, frozen=True, kw_only=True):
    """What is to be known of a company's Ditio."""

    oauth: OAuthSettings
    projects: tuple[str, ...]
    """Their ids."""
    base_url: str = "https://core-api.ditio.app/reporting"
    cards: CardSettings = CardSettings()
    first_h: Annotated[float, msgspec.Meta(ge=0, le=24 * 366)] = 24.0
    """How far back the first round reaches."""
    overlap_s: Annotated[float, msgspec.Meta(ge=0, le=86_400)] = 300.0
    """So much of what was read is asked for again: a record that was being written then has an earlier time."""
    ca_file: str | None = None
    timeout_s: Annotated[float, msgspec.Meta(gt=0, le=600)] = 30.0


class _Cursor(msgspec.Struct, frozen=True):
    """From when on changes are to be read; and in the middle of a round, its token and when it began."""

    since_ms: int
    first: bool = False
    token: str | None = None
    began_ms: int = 0
    anew: int = 0
    """How often this round was begun anew."""


class Ditio:
    """See `hub.central.source.Source`."""

    def __init__(self, settings: DitioSettings, settings_file: Path) -> None:
        """Raises SettingsError."""
        self._settings = settings
        self._auth = ClientCredentials(settings.oauth, settings_file)
        self._web = Web(
            settings.base_url,
            headers={"Accept": "application/json"},
            auth=self._auth,
            ca_file=named_file(settings_file, settings.ca_file) if settings.ca_file else None,
            timeout_s=settings.timeout_s,
        )
        self._astray: str | None = None
        """A cursor that was refused: its token may have ended, so the round begins anew."""

    def fetch(self, cursor: str) -> Fetched:
        """One page of a round."""
        now_ms = time.time_ns() // 1_000_000
        begun = (
            msgspec.json.decode(cursor, type=_Cursor)
            if cursor
            else _Cursor(now_ms - int(self._settings.first_h * 3_600_000), first=True)
        )
        if cursor and cursor == self._astray:
            begun = msgspec.structs.replace(begun, token=None, anew=begun.anew + 1)
        try:
            answer = self._web.ask("GET", f"{PATH}?{urlencode(self._wanted(begun, now_ms))}")
        except TokenRefused as refused:
            raise SourceRefused(str(refused)) from refused
        except NoToken as failed:
            raise SourceAway(str(failed), failed.after_ms) from failed
        except Unreachable as failed:
            raise SourceAway(str(failed)) from failed
        try:
            page = asked(answer, PATH)
        except SourceRefused:
            self._astray = cursor
            raise
        if not isinstance(page, dict) or not isinstance(page.get("data"), list):
            raise SourceAway(f"{PATH}: an answer without `data`")
        self._astray = None
        # By their clock where they tell it, and of the round's first answer: what changes meanwhile comes next time.
        began_ms = begun.began_ms or min(answer.date_ms or now_ms, now_ms)
        token = page.get("continuationToken")
        if isinstance(token, str) and token:
            if token == begun.token:
                raise SourceAway(f"{PATH}: a page whose continuationToken is its own")
            after = msgspec.structs.replace(begun, token=token, began_ms=began_ms)
        else:
            after = _Cursor(began_ms - int(self._settings.overlap_s * 1000))
        check_ins, aside = self._records(page["data"])
        encoded = msgspec.json.encode(after).decode()
        return Fetched(tuple(check_ins), encoded, after.token is not None, tuple(aside))

    def close(self) -> None:
        self._web.close()
        self._auth.close()

    def _wanted(self, begun: _Cursor, now_ms: int) -> dict[str, str]:
        wanted = {"ProjectIds": ",".join(self._settings.projects), "IncludeOpen": "true"}
        if begun.first:
            wanted |= {"FromDateTime": _utc(begun.since_ms), "ToDateTime": _utc(begun.began_ms or now_ms)}
        else:
            wanted["ModifiedSince"] = _utc(begun.since_ms)
        if begun.token is not None:
            wanted["ContinuationToken"] = begun.token
        return wanted

    def _records(self, data: list[Any]) -> tuple[list[CheckIn], list[Aside]]:
        found: list[CheckIn] = []
        aside: list[Aside] = []
        for place, record in enumerate(data, start=1):
            theirs = record.get("id") if isinstance(record, dict) else None
            if not isinstance(theirs, str) or not theirs:
                aside.append(Aside(f"record {place} of a page, id", "is missing"))
                continue
            for direction, field in ((ENTRY, "checkInDateTime"), (EXIT, "checkOutDateTime")):
                try:
                    found.append(self._check_in(record, theirs, direction, field))
                except Unusable as wrong:
                    aside.append(Aside(f"record {theirs}", str(wrong)))
        return found, aside

    def _check_in(self, record: dict[str, Any], theirs: str, direction: str, field: str) -> CheckIn:
        elsewhere = record.get("projectId") not in (None, *self._settings.projects)
        if record.get("isDeleted") is True or elsewhere or record.get(field) is None:
            return CheckIn(theirs, direction, deleted=True)
        try:
            at_ms = time_ms_of(record[field], UTC)
        except Unusable as wrong:
            raise Unusable(f"{field} {wrong}") from wrong
        return CheckIn(theirs, direction, self._card(record), at_ms)

    def _card(self, record: dict[str, Any]) -> CardKey | None:
        try:
            return card_of(record.get("hseCardId"), self._settings.cards)
        except Unusable as wrong:
            raise Unusable(f"hseCardId {wrong}") from wrong


def make(place: SourcePlace) -> Ditio:
    """For `hub.central.registry`. Raises SettingsError."""
    settings = place.read(DitioSettings)
    if not settings.projects:
        raise place.wrong("projects", "names no project; what others have in Ditio is none of this site's business")
    return Ditio(settings, place.settings_file)


def _utc(time_ms: int) -> str:
    return iso(time_ms).replace("+00:00", "Z")
