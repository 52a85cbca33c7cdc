"""Infotech ChkBox (byggekortleser) as a source: registrations of one project, over JSON:API 1.0.

    GET /registrations?filter[project]=&filter[time][ge]=&include=card&page[limit]=&page[offset]=
    Authorization: ApiKey …

Public are the addresses, `action` (`in`, `out`), `time`, the card's `cardId`, and that a time without offset is Central
European. Nothing is ever deleted there. A reader without network tells late, so each round looks back over hours that
were read before; what was told again counts once.
"""

import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import parse_qsl, urlencode, urlsplit
from zoneinfo import ZoneInfo

import msgspec

from hub.central.neighbours.answers import asked
from hub.central.neighbours.written import BadField, CardSettings, Unusable, card_of, iso, time_ms_of
from hub.central.registry import SourcePlace
from hub.central.source import Aside, Fetched, SourceAway, SourceRefused
from hub.central.web import Unreachable, Web, secret
from hub.presence import ENTRY, EXIT, CheckIn
from portvakt.credentials import named_file
from portvakt.settings import Settings

ZONE = ZoneInfo("Europe/Oslo")
"""Central European time, which their interface means where a time has no offset."""
MEDIA_TYPE = "application/vnd.api+json"
_PAGE = {"page[limit]", "page[offset]"}
_ACTIONS = {"in": ENTRY, "out": EXIT}


class ChkBoxSettings(Settings, frozen=True, kw_only=True):
    """What is to be known of a ChkBox project."""

    project: str
    key_file: str
    """Holds the API key, which Infotech gives to the project's owner; mode 0600."""
    base_url: str = "https://api.byggekortleser.no"
    card_attribute: str = "cardId"
    """Where a card holds the number that is printed on it."""
    cards: CardSettings = CardSettings()
    first_h: Annotated[float, msgspec.Meta(ge=0, le=24 * 366)] = 24.0
    """How far back the first round reaches."""
    look_back_h: Annotated[float, msgspec.Meta(ge=0, le=24 * 366)] = 48.0
    """How late a registration may come to them and still be seen here."""
    page: Annotated[int, msgspec.Meta(ge=1, le=500)] = 500
    """Nobody is known to have asked for more at once."""
    ca_file: str | None = None
    timeout_s: Annotated[float, msgspec.Meta(gt=0, le=600)] = 30.0


class _Cursor(msgspec.Struct, frozen=True):
    """From which time on a round reads; and in the middle of one, the next page. `newest_ms` is the newest time so
    far."""

    since_ms: int
    next: str | None = None
    newest_ms: int = 0
    anew: int = 0
    """How often this round was begun anew."""


class ChkBox:
    """See `hub.central.source.Source`."""

    def __init__(self, settings: ChkBoxSettings, settings_file: Path) -> None:
        """Raises SettingsError."""
        self._settings = settings
        key = secret(settings_file, settings.key_file, "key_file")
        self._base = urlsplit(settings.base_url)
        self._web = Web(
            settings.base_url,
            headers={"Authorization": f"ApiKey {key}", "Accept": MEDIA_TYPE},
            ca_file=named_file(settings_file, settings.ca_file) if settings.ca_file else None,
            timeout_s=settings.timeout_s,
        )
        self._astray: str | None = None
        """A cursor that was refused: what it says of the next page may have ended, so the round begins anew."""
        self._page: tuple[str | None, Any] = (None, None)
        """The last page: how it was asked for, where it was not the first of a round, and its first registration."""

    def fetch(self, cursor: str) -> Fetched:
        """One page of a round."""
        now_ms = time.time_ns() // 1_000_000
        said = self._settings
        begun = msgspec.json.decode(cursor, type=_Cursor) if cursor else _Cursor(now_ms - int(said.first_h * 3_600_000))
        if cursor and cursor == self._astray:
            begun = msgspec.structs.replace(begun, next=None, anew=begun.anew + 1)
        path = begun.next or self._first_page(begun.since_ms)
        try:
            answer = self._web.ask("GET", path)
        except Unreachable as failed:
            raise SourceAway(str(failed)) from failed
        try:
            page = asked(answer, f"{self._base.netloc}/registrations")
            if not isinstance(page, dict) or not isinstance(page.get("data"), list):
                raise SourceAway(f"{self._base.netloc}/registrations: an answer without `data`")
            self._refuse_repetition(begun.next, page["data"])
        except SourceRefused:
            self._astray = cursor
            raise
        check_ins, aside = self._registrations(page)
        self._astray = None
        newest_ms = max([begun.newest_ms, *(one.at_ms for one in check_ins if one.at_ms <= now_ms)])
        following = self._following(page, path)
        since_ms = begun.since_ms
        if following is None:
            since_ms = max(since_ms, newest_ms - int(said.look_back_h * 3_600_000))
        after = _Cursor(since_ms, following, newest_ms, begun.anew if following else 0)
        return Fetched(tuple(check_ins), msgspec.json.encode(after).decode(), following is not None, tuple(aside))

    def close(self) -> None:
        self._web.close()

    def _refuse_repetition(self, following: str | None, registrations: list[Any]) -> None:
        """Raises SourceRefused where another page was asked for and the same one came: without end, otherwise."""
        before, self._page = self._page, (following, registrations[0] if registrations else None)
        if following not in (None, before[0]) and before[1] is not None and before[1] == self._page[1]:
            raise SourceRefused(f"{self._base.netloc}/registrations: the next page is the same page as before")

    def _first_page(self, since_ms: int) -> str:
        asked_for = {
            "filter[project]": self._settings.project,
            "filter[time][ge]": iso(since_ms),
            "include": "card",
            "page[limit]": str(self._settings.page),
        }
        return f"/registrations?{urlencode(asked_for)}"

    def _following(self, page: Mapping[str, Any], path: str) -> str | None:
        """The next page: where the answer says, as long as that is the same system; after a full one that says nothing
        of it, by number."""
        links = page.get("links")
        links = links if isinstance(links, dict) else {}
        if "next" not in links and len(page["data"]) >= self._settings.page:
            return _further(path, len(page["data"]))
        link = links.get("next")
        if isinstance(link, dict):
            link = link.get("href")
        if not isinstance(link, str) or not link:
            return None
        parts = urlsplit(link)
        if parts.netloc and (parts.scheme, parts.netloc) != (self._base.scheme, self._base.netloc):
            raise SourceRefused(f"{self._base.netloc}: its next page is at another address, {parts.netloc}; not asked")
        here = parts.path.removeprefix(self._base.path.rstrip("/"))
        following = f"{here}?{parts.query}"
        if following == path:
            raise SourceAway(f"{self._base.netloc}/registrations: a page that names itself as the next one")
        return following

    def _registrations(self, page: Mapping[str, Any]) -> tuple[list[CheckIn], list[Aside]]:
        numbers = dict(self._numbers(page.get("included")))
        found, aside = [], []
        for place, one in enumerate(page["data"], start=1):
            try:
                found.append(self._registration(one, numbers))
            except BadField as wrong:
                theirs = one.get("id") if isinstance(one, dict) else None
                where = f"registration {theirs}" if isinstance(theirs, str) else f"registration {place} of a page"
                aside.append(Aside(f"{where}, {wrong.field}", wrong.what))
        return found, aside

    def _numbers(self, included: Any) -> Iterable[tuple[str, Any]]:
        """Of each card that came with the page, their id and the number that is printed on it."""
        for one in included if isinstance(included, list) else ():
            if isinstance(one, dict) and one.get("type") in ("card", "cards"):
                attributes = one.get("attributes")
                if isinstance(attributes, dict):
                    yield str(one.get("id")), attributes.get(self._settings.card_attribute)

    def _registration(self, one: Any, numbers: Mapping[str, Any]) -> CheckIn:
        if not isinstance(one, dict) or not isinstance(one.get("id"), str) or not one["id"]:
            raise BadField("id", "is missing")
        attributes = one.get("attributes")
        attributes = attributes if isinstance(attributes, dict) else {}
        direction = _ACTIONS.get(str(attributes.get("action")))
        if direction is None:
            raise BadField("action", "is neither in nor out")
        try:
            at_ms = time_ms_of(attributes.get("time"), ZONE)
        except Unusable as wrong:
            raise BadField("time", str(wrong)) from wrong
        try:
            card = card_of(numbers.get(_related(one)), self._settings.cards)
        except Unusable as wrong:
            raise BadField("card", str(wrong)) from wrong
        return CheckIn(one["id"], direction, card, at_ms)


def make(place: SourcePlace) -> ChkBox:
    """For `hub.central.registry`. Raises SettingsError."""
    return ChkBox(place.read(ChkBoxSettings), place.settings_file)


def _further(path: str, count: int) -> str | None:
    """The page after this one; None after one that is named in another way than ours."""
    parts = urlsplit(path)
    asked_for = dict(parse_qsl(parts.query, keep_blank_values=True))
    offset = asked_for.get("page[offset]", "0")
    if not offset.isdecimal() or any(name.startswith("page[") for name in asked_for.keys() - _PAGE):
        return None
    return f"{parts.path}?{urlencode(asked_for | {'page[offset]': str(int(offset) + count)})}"


def _related(one: Mapping[str, Any]) -> str:
    """The id of a registration's card; empty where it has none."""
    found: Any = one
    for step in ("relationships", "card", "data", "id"):
        found = found.get(step) if isinstance(found, dict) else None
    return str(found or "")
