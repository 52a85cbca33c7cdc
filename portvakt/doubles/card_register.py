"""A double of a register of cards with its token endpoint.

Public (hmskort.no, Arbeidstilsynet): OAuth2; a look-up by card number that gives no personal data; one by the code of
the QR or the chip that gives some more; the statuses valid, invalid, blocked, cancelled, expired, pending; a card turns
invalid when its holder leaves the employer, and valid again on return. Not public, and our choice here: addresses,
scope, names of fields, how an unknown card is answered. So this proves our side alone.

    POST /oauth/token                      client credentials
    GET  /v1/cards/{number}/status         {"cardNumber": …, "status": …, "organisationNumber": …}
    GET  /v1/cards/by-code/{code}          the same, with "validTo" and the holder's "name"

Data: `{"cards": {"5310027": {"status": "valid", "code": "04A1…", "organisation": "310451274", "expiry": "2027-05-31",
"name": "…"}}}`; a card that is not named is answered with `default`, or 404 without it.
"""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from portvakt.doubles.serving import Reply, Request, Serving
from portvakt.doubles.tokens import TokenEndpoint

CLIENT_ID = "portvakt"
CLIENT_SECRET = "portvakt-double"  # noqa: S105  # of a double
SCOPE = "card.status.read"


class CardRegisterDouble:
    """Answers as a register does; `cards` may be changed while it runs."""

    def __init__(self, data: Mapping[str, Any], tokens: TokenEndpoint | None = None) -> None:
        self.cards: dict[str, dict[str, Any]] = dict(data.get("cards", {}))
        self.default: dict[str, Any] | None = data.get("default")
        self.tokens = tokens or TokenEndpoint(CLIENT_ID, CLIENT_SECRET, SCOPE)
        self.asked: list[str] = []
        """The numbers and codes that were looked up, in order."""

    def serving(self, port: int = 0) -> Serving:
        """Behind HTTP."""
        return Serving(self.answer, port)

    def answer(self, request: Request) -> Reply:
        """What one request is answered."""
        if request.path == "/oauth/token":
            return self.tokens.answer(request)
        if not self.tokens.knows(request):
            return _reply(401, {"error": "no token, or none that counts"})
        match [unquote(step) for step in request.path.strip("/").split("/")]:
            case ["v1", "cards", "by-code", code]:
                self.asked.append(code)
                named = {str(card["code"]): number for number, card in self.cards.items() if "code" in card}
                return self._of(named.get(code), more=True)
            case ["v1", "cards", number, "status"]:
                self.asked.append(number)
                return self._of(number, more=False)
        return _reply(404, {"error": "no such address"})

    def _of(self, number: str | None, *, more: bool) -> Reply:
        card = self.cards.get(number or "", self.default)
        if number is None or card is None:
            return _reply(404, {"error": "unknown card"})
        said = {"cardNumber": number, "status": card.get("status", "valid")}
        said["organisationNumber"] = card.get("organisation")
        if more:
            said |= {"validTo": card.get("expiry"), "name": card.get("name")}
        return _reply(200, {name: value for name, value in said.items() if value is not None})


def _reply(status: int, said: dict[str, Any]) -> Reply:
    return Reply(status, json.dumps(said).encode())
