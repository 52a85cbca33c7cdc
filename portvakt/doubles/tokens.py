"""A double of an OAuth2 token endpoint (RFC 6749, 4.4: client credentials), for doubles that want a token."""

import base64
import binascii
import json
import secrets
import time
from collections.abc import Callable
from urllib.parse import parse_qs

from portvakt.doubles.serving import Reply, Request


class TokenEndpoint:
    """Gives bearer tokens to one client, and says of a request whether it carries one that counts."""

    def __init__(
        self,
        client_id: str,
        client_secret: str,
        scope: str | None = None,
        life_s: int | None = 3600,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """With `life_s` None the answer does not say when a token ends."""
        self.client_id = client_id
        self.client_secret = client_secret
        self.given = 0
        self._scope = scope
        self._life_s = life_s
        self._now_s = now_s
        self._tokens: dict[str, float] = {}

    def answer(self, request: Request) -> Reply:
        """What a request for a token is answered."""
        if request.method != "POST":
            return _error(405, "invalid_request", "use POST")
        form = {name: values[0] for name, values in parse_qs(request.body.decode("utf-8", "replace")).items()}
        known = _basic(request.headers.get("authorization", "")) or (form.get("client_id"), form.get("client_secret"))
        if known != (self.client_id, self.client_secret):
            return _error(401, "invalid_client", "unknown client or wrong secret")
        if form.get("grant_type") != "client_credentials":
            return _error(400, "unsupported_grant_type", "only client_credentials")
        if self._scope is not None and form.get("scope") != self._scope:
            return _error(400, "invalid_scope", "this client has no such scope")
        token = secrets.token_urlsafe(24)
        self.given += 1
        self._tokens[token] = self._now_s() + (self._life_s or 3600)
        said: dict[str, str | int] = {"access_token": token, "token_type": "Bearer"}
        if self._life_s is not None:
            said["expires_in"] = self._life_s
        return Reply(200, json.dumps(said).encode(), headers={"Cache-Control": "no-store"})

    def knows(self, request: Request) -> bool:
        """Whether a request carries a token that was given here and has not ended."""
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        return kind.lower() == "bearer" and self._tokens.get(token, float("-inf")) > self._now_s()

    def forget(self) -> None:
        """No token counts any more, whatever was said of its end."""
        self._tokens.clear()


def _error(status: int, error: str, words: str) -> Reply:
    return Reply(status, json.dumps({"error": error, "error_description": words}).encode())


def _basic(header: str) -> tuple[str | None, str | None] | None:
    kind, _, coded = header.partition(" ")
    if kind.lower() != "basic":
        return None
    try:
        name, _, password = base64.b64decode(coded, validate=True).decode("latin1").partition(":")
    except binascii.Error:
        return None
    return name, password
