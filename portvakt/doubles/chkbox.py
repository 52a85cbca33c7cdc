"""A double of Infotech's ChkBox (byggekortleser).

Public, from Ditio's own sample against it: JSON:API 1.0 with the media type application/vnd.api+json; the header
`Authorization: ApiKey …`; GET /projects/{id}, GET /cards?filter[cardId]=, GET /registrations with filter[project],
filter[time][ge], include=card, page[limit] and page[offset]; POST /registrations, answered 202 with an empty body and
carried out later; a time without offset is Central European; card ids are opaque, and unknown cards are not created.

Our choice: the form of ids, `links.next` (`linked`; their sample goes by page[offset] alone), the order by time and
then id, the words of errors, the largest page of 500, and that what was posted is there with the next request.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import msgspec

from portvakt.doubles.serving import Reply, Request, Serving

KEY = "double-of-chkbox"
MEDIA_TYPE = "application/vnd.api+json"
MOST_OF_A_PAGE = 500
ZONE = ZoneInfo("Europe/Oslo")


@dataclass(frozen=True, slots=True)
class Registration:
    """Somebody came or left. `time` is as it was written there; `card` the card's opaque id, None where there is
    none."""

    id: str
    project: str
    action: str
    time: str
    card: str | None


@dataclass(slots=True)
class ChkBox:
    """What the double holds. `cards` are opaque ids, each with the number that is printed on the card."""

    projects: dict[str, str] = field(default_factory=lambda: {"SKK180039": "Kvartal 7"})
    cards: dict[str, str] = field(default_factory=dict)
    registrations: list[Registration] = field(default_factory=list)
    key: str = KEY
    linked: bool = True
    """Whether a page names the next one."""

    def register(self, number: str, action: str, time: str, project: str = "SKK180039") -> Registration:
        """Somebody holds a card to one of their readers, or an app says so; an empty number is nobody's card."""
        card = next((one for one, printed in self.cards.items() if printed == number), None)
        if card is None and number:
            card = f"crd-{len(self.cards) + 1:04x}"
            self.cards[card] = number
        made = Registration(f"reg-{len(self.registrations) + 1:06x}", project, action, time, card)
        self.registrations.append(made)
        return made

    def answer(self, request: Request) -> Reply:
        """What their server would say."""
        if request.headers.get("authorization") != f"ApiKey {self.key}":
            return _error(401, "Unauthorized")
        step, _, rest = request.path.strip("/").partition("/")
        match (request.method, step):
            case ("GET", "projects") if rest in self.projects:
                attributes = {"description": self.projects[rest], "hmsRegNumber": None}
                return _reply({"data": {"type": "project", "id": rest, "attributes": attributes}})
            case ("GET", "cards") if not rest:
                wanted = request.query.get("filter[cardId]")
                return _reply({"data": [_card(one, number) for one, number in self.cards.items() if number == wanted]})
            case ("GET", "registrations") if not rest:
                return self._read(request)
            case ("POST", "registrations") if not rest:
                return self._post(request)
        return _error(404, "Not found")

    def serving(self, port: int) -> Serving:
        """Behind HTTP on this machine."""
        return Serving(self.answer, port)

    def _read(self, request: Request) -> Reply:
        query = request.query
        try:
            since = _moment(query.get("filter[time][ge]", "1970-01-01T00:00:00+00:00"))
            limit = min(int(query.get("page[limit]", MOST_OF_A_PAGE)), MOST_OF_A_PAGE)
            offset = int(query.get("page[offset]", 0))
        except ValueError:
            return _error(400, "Bad filter or page")
        project = query.get("filter[project]")
        found = [one for one in self.registrations if one.project == project and _moment(one.time) >= since]
        found.sort(key=lambda one: (_moment(one.time), one.id))
        page = found[offset : offset + limit]
        answer: dict[str, object] = {"data": [_registration(one) for one in page]}
        if query.get("include") == "card":
            seen = dict.fromkeys(one.card for one in page if one.card is not None)
            answer["included"] = [_card(one, self.cards[one]) for one in seen]
        if self.linked and offset + limit < len(found):
            following = urlencode({**query, "page[limit]": str(limit), "page[offset]": str(offset + limit)})
            answer["links"] = {"next": f"/registrations?{following}"}
        return _reply(answer)

    def _post(self, request: Request) -> Reply:
        if request.headers.get("content-type", "").partition(";")[0] != MEDIA_TYPE:
            return _error(415, "Unsupported media type")
        try:
            said = msgspec.json.decode(request.body)["data"]
            project, card = (said["relationships"][name]["data"]["id"] for name in ("project", "card"))
            action, moment = said["attributes"]["action"], said["attributes"]["time"]
            _moment(moment)
        except (msgspec.DecodeError, KeyError, TypeError, ValueError):
            return _error(400, "Bad registration")
        if project not in self.projects or card not in self.cards or action not in ("in", "out"):
            return _error(422, "Unknown project, card or action")
        self.register(self.cards[card], action, moment, project)
        return Reply(202, b"", MEDIA_TYPE)


def chkbox(data: Mapping[str, Any]) -> ChkBox:
    """For `portvakt.doubles.__main__`: `cards` are those whose holders came this morning; without it, two."""
    double = ChkBox()
    today = datetime.now(ZONE).date().isoformat()
    for place, card in enumerate(data.get("cards", ["5310027", "5310118"])):
        double.register(card, "in", f"{today}T00:{place % 60:02d}:12")
    return double


def _registration(one: Registration) -> Mapping[str, object]:
    related: dict[str, object] = {"project": {"data": {"type": "project", "id": one.project}}}
    related["card"] = {"data": None if one.card is None else {"type": "card", "id": one.card}}
    attributes = {"action": one.action, "time": one.time}
    return {"type": "registration", "id": one.id, "attributes": attributes, "relationships": related}


def _card(card: str, number: str) -> Mapping[str, object]:
    return {"type": "card", "id": card, "attributes": {"cardId": number}}


def _moment(written: str) -> datetime:
    moment = datetime.fromisoformat(written)
    return moment if moment.tzinfo else moment.replace(tzinfo=ZONE)


def _reply(value: object) -> Reply:
    return Reply(200, msgspec.json.encode(value), MEDIA_TYPE)


def _error(status: int, title: str) -> Reply:
    return Reply(status, msgspec.json.encode({"errors": [{"status": str(status), "title": title}]}), MEDIA_TYPE)
