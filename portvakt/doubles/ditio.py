"""A double of Ditio's data extraction, as far as crew lists go, with its token server.

Public, from Ditio's own samples and pages: OAuth2 client credentials at /connect/token with the scope reportingapiv1,
tokens of about half an hour; GET
v1/crew-list-registrations with ProjectIds, IncludeOpen, ModifiedSince or FromDateTime and ToDateTime, and
ContinuationToken; records {id, projectId, projectNumber, hseCardId, checkInDateTime, checkOutDateTime, isDeleted} in
`data`, times in UTC, and a `continuationToken` while there is more.

Our choice: that the tokens come from the same host, the form of ids and tokens, the order by the time of the change,
pages of 200, and the words of errors.
"""

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, unquote_plus

import msgspec

from portvakt.doubles.serving import Reply, Request, Serving

CLIENT = "double"
SECRET = "double-of-ditio"  # noqa: S105  # of a double, which says so
TOKEN_PATH = "/connect/token"  # noqa: S105  # a path
LIST_PATH = "/v1/crew-list-registrations"
PROJECT = "5f2b8c1de4b0a12f34d56a78"
SCOPE = "reportingapiv1"


@dataclass(frozen=True, slots=True)
class Stay:
    """Somebody was there; `changed` is when this was written last."""

    id: str
    project: str
    card: str | None
    came: datetime
    left: datetime | None
    changed: datetime
    deleted: bool = False


@dataclass(slots=True)
class Ditio:
    """What the double holds."""

    stays: dict[str, Stay] = field(default_factory=dict)
    page: int = 200
    token_s: int = 1800
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    tokens: set[str] = field(default_factory=set)

    def came(self, card: str | None, at: datetime, project: str = PROJECT) -> str:
        """Somebody checks in; returns the record's id."""
        name = f"{len(self.stays) + 1:024x}"
        self.stays[name] = Stay(name, project, card, at, None, self.now())
        return name

    def change(self, name: str, **what: object) -> None:
        """The record is written anew."""
        self.stays[name] = replace(self.stays[name], changed=self.now(), **what)  # type: ignore[arg-type]

    def answer(self, request: Request) -> Reply:
        """What their servers would say."""
        if (request.method, request.path) == ("POST", TOKEN_PATH):
            return self._token(request)
        if (request.method, request.path) != ("GET", LIST_PATH):
            return Reply(404)
        if request.headers.get("authorization", "").removeprefix("Bearer ") not in self.tokens:
            return Reply(401)
        return self._list(request)

    def serving(self, port: int) -> Serving:
        """Behind HTTP on this machine."""
        return Serving(self.answer, port)

    def _token(self, request: Request) -> Reply:
        form = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
        if _who(request, form) != (CLIENT, SECRET):
            return Reply(400, b'{"error": "invalid_client"}')
        if form.get("grant_type") != "client_credentials" or form.get("scope") != SCOPE:
            return Reply(400, b'{"error": "invalid_scope"}')
        token = f"double-{len(self.tokens) + 1}"
        self.tokens.add(token)
        body = {"access_token": token, "token_type": "Bearer", "expires_in": self.token_s}
        return Reply(200, msgspec.json.encode(body))

    def _list(self, request: Request) -> Reply:
        query = request.query
        projects = query.get("ProjectIds", "").split(",")
        found = [one for one in self.stays.values() if one.project in projects]
        try:
            if "ModifiedSince" in query:
                since = _moment(query["ModifiedSince"])
                found = [one for one in found if one.changed >= since]
            else:
                today = self.now().replace(hour=0, minute=0, second=0, microsecond=0)
                first = _moment(query["FromDateTime"]) if "FromDateTime" in query else today
                last = _moment(query["ToDateTime"]) if "ToDateTime" in query else today + timedelta(days=1)
                found = [one for one in found if first <= one.came <= last and not one.deleted]
            place = int(query.get("ContinuationToken", "0"))
        except ValueError:
            return Reply(400, b'{"message": "Bad parameter"}')
        if query.get("IncludeOpen") != "true":
            found = [one for one in found if one.left is not None]
        found.sort(key=lambda one: (one.changed, one.id))
        page = found[place : place + self.page]
        following = str(place + self.page) if place + self.page < len(found) else None
        return Reply(200, msgspec.json.encode({"data": [_record(one) for one in page], "continuationToken": following}))


def ditio(data: Mapping[str, Any]) -> Ditio:
    """For `portvakt.doubles.__main__`: `cards` are those whose holders came within the last hour; without it, two."""
    double = Ditio()
    hour_ago = datetime.now(UTC) - timedelta(hours=1)
    for place, card in enumerate(data.get("cards", ["5310027", "5310118"])):
        double.came(card, hour_ago + timedelta(minutes=place))
    return double


def _who(request: Request, form: dict[str, str]) -> tuple[str, str]:
    """Id and secret, from the header or the form (RFC 6749, 2.3.1)."""
    kind, _, held = request.headers.get("authorization", "").partition(" ")
    if kind.lower() == "basic":
        try:
            client, _, secret = base64.b64decode(held).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return "", ""
        return unquote_plus(client), unquote_plus(secret)
    return form.get("client_id", ""), form.get("client_secret", "")


def _record(one: Stay) -> dict[str, object]:
    if one.deleted:
        return {"id": one.id, "projectId": one.project, "isDeleted": True}
    return {
        "id": one.id,
        "projectId": one.project,
        "projectNumber": "1042",
        "hseCardId": one.card,
        "checkInDateTime": _utc(one.came),
        "checkOutDateTime": _utc(one.left) if one.left is not None else None,
        "isDeleted": False,
    }


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _moment(written: str) -> datetime:
    moment = datetime.fromisoformat(written)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
