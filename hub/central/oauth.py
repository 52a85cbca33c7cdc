"""OAuth2 client credentials (RFC 6749, 4.4): a token for each request, got and renewed where it is needed.

The token and the secret are never logged and never stand in an error. The secret's file is read again whenever a token
is asked for, so a new secret counts without a restart.
"""

import threading
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import httpx
import msgspec
from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.rfc6749.parameters import prepare_token_request

from hub.central.web import MAX_WORDS, THE_NETWORK, Line, Unreachable, Web, WebAnswer, checked_address, secret
from portvakt.credentials import named_file
from portvakt.errors import SettingsError
from portvakt.settings import Settings

EARLY_S = 60.0
"""So long before its end a token is renewed, or a tenth of its life, whichever is less."""
LEAST_LIFE_S = 1.0
"""A token whose stated life is shorter than this is used once all the same."""
RETRY_S = 5.0
"""After a failure nobody asks the token address again for so long, unless it has said how long."""
REFUSED_RETRY_S = 60.0
MAX_REFUSAL_BYTES = 64_000
"""Of the body of an answer 401, which nobody reads."""


class OAuthSettings(Settings, frozen=True, kw_only=True):
    """Who we are at an OAuth2 server."""

    token_url: str
    client_id: str
    secret_file: str
    """Holds the client's secret; mode 0600."""
    scope: str | None = None
    """As many as needed, with spaces between."""
    client_auth: Literal["basic", "post"] = "basic"
    """Whether id and secret go in the header Authorization or in the form."""
    parameters: dict[str, str] = msgspec.field(default_factory=dict)
    """What this server wants in the form besides, such as `audience` or `resource`."""
    ca_file: str | None = None
    timeout_s: Annotated[float, msgspec.Meta(gt=0, le=600)] = 30.0


class NoToken(Unreachable):
    """No token now: the server of tokens is away, slow, or has not answered in the words of OAuth2."""

    def __init__(self, words: str, after_ms: int | None = None) -> None:
        super().__init__(words)
        self.after_ms = after_ms
        """As the server said (`Retry-After`)."""


class TokenRefused(NoToken):
    """The server knows us not, or gives us no such scope: a person has to do something."""


@dataclass(frozen=True, slots=True)
class _Token:
    value: str
    renew_at_s: float | None
    """By the monotonic clock; None: the server has not said when it ends."""


class ClientCredentials(httpx.Auth):
    """Puts a bearer token on each request, from any thread; a request that is answered 401 goes once more with a new
    one.

    Raises NoToken or TokenRefused from inside the request; both are `hub.central.web.Unreachable`.
    """

    def __init__(
        self,
        settings: OAuthSettings,
        settings_file: Path,
        monotonic_s: Callable[[], float] | None = None,
        line: Line = THE_NETWORK,
    ) -> None:
        """Raises SettingsError: no such secret, no such certificate, an address without https."""
        self._settings = settings
        self._settings_file = settings_file
        self._now_s = monotonic_s or line.monotonic_s
        self._lock = threading.Lock()
        self._token: _Token | None = None
        self._failed: tuple[NoToken, float] | None = None
        self._where = checked_address(settings.token_url)
        parts = urlsplit(settings.token_url)
        self._path = parts.path + (f"?{parts.query}" if parts.query else "")
        ca_file = named_file(settings_file, settings.ca_file) if settings.ca_file else None
        self._signed_form(self._secret())
        self._web = Web(f"{parts.scheme}://{parts.netloc}", ca_file=ca_file, timeout_s=settings.timeout_s, line=line)

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        token = self._get(stale=None)
        request.headers["Authorization"] = f"Bearer {token.value}"
        answer = yield request
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            request.headers["Authorization"] = f"Bearer {self._get(stale=token).value}"
            # The client reads the answer to its end before the request goes again.
            answer.stream = _Bounded(answer.stream, self._settings.timeout_s)
            yield request

    def close(self) -> None:
        """Let go of the connection."""
        self._web.close()

    def _get(self, stale: _Token | None) -> _Token:
        """The token that counts now. `stale` was refused: it is not given again."""
        with self._lock:
            now_s = self._now_s()
            token = self._token
            if token is not None and token is not stale and (token.renew_at_s is None or now_s < token.renew_at_s):
                return token
            if self._failed is not None and now_s < self._failed[1]:
                # Anew, because an exception that is raised twice collects the traces of both.
                raise type(self._failed[0])(str(self._failed[0]), self._failed[0].after_ms)
            self._token = None
            try:
                self._token = self._ask()
            except NoToken as failed:
                usual_s = REFUSED_RETRY_S if isinstance(failed, TokenRefused) else RETRY_S
                wait_s = usual_s if failed.after_ms is None else failed.after_ms / 1000
                self._failed = (failed, self._now_s() + wait_s)
                raise
            self._failed = None
            return self._token

    def _ask(self) -> _Token:
        asked_s = self._now_s()
        try:
            shared = self._secret()
            headers, form = self._signed_form(shared)
        except SettingsError as wrong:
            raise TokenRefused(str(wrong)) from wrong
        try:
            answer = self._web.ask("POST", self._path, body=form.encode(), headers=headers)
        except Unreachable as failed:
            raise NoToken(f"no token: {failed}") from failed
        try:
            said = answer.json()
        except ValueError:
            said = None
        fields: dict[str, Any] = said if isinstance(said, dict) else {}
        if not answer.fine or "error" in fields:
            raise self._refusal(answer, fields, shared)
        value, kind = fields.get("access_token"), fields.get("token_type", "Bearer")
        if not isinstance(value, str) or not value or not (value.isascii() and value.isprintable()):
            raise NoToken(f"{self._where}: status {answer.status}, but no access_token in it; is token_url right?")
        if not isinstance(kind, str) or kind.lower() != "bearer":
            raise NoToken(f"{self._where}: gives tokens of another type than Bearer")
        life_s = _seconds(fields.get("expires_in"))
        if life_s is None:
            return _Token(value, None)
        return _Token(value, asked_s + max(LEAST_LIFE_S, life_s - min(EARLY_S, life_s / 10)))

    def _refusal(self, answer: WebAnswer, fields: dict[str, Any], shared: str) -> NoToken:
        said = " ".join(str(fields[name]) for name in ("error", "error_description") if fields.get(name))
        words = " ".join(said.replace(shared, "***").split())[:MAX_WORDS] or "no reason"
        what = f"{self._where}: status {answer.status}, {words}"
        error = fields.get("error")
        if error in ("invalid_client", "unauthorized_client", "access_denied") or answer.status in (401, 403):
            return TokenRefused(f"{what}; check client_id, secret_file, client_auth and whether access was granted")
        if error == "invalid_scope":
            return TokenRefused(f"{what}; check scope")
        if error in ("invalid_request", "unsupported_grant_type", "invalid_grant", "invalid_target"):
            return TokenRefused(f"{what}; check token_url and parameters")
        if answer.status in (404, 405):
            return TokenRefused(f"{what}; check token_url")
        return NoToken(what, answer.retry_after_ms)

    def _secret(self) -> str:
        return secret(self._settings_file, self._settings.secret_file, "secret_file")

    def _signed_form(self, shared: str) -> tuple[dict[str, str], str]:
        said = self._settings
        form = prepare_token_request("client_credentials", scope=said.scope, **said.parameters)
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        signing = ClientAuth(said.client_id, shared, f"client_secret_{said.client_auth}")
        try:
            _, headers, form = signing.prepare("POST", said.token_url, headers, form)
        except UnicodeEncodeError as wrong:
            raise SettingsError(
                'secret_file: holds letters that client_auth = "basic" cannot carry; use client_auth = "post"'
            ) from wrong
        return headers, form


class _Bounded(httpx.SyncByteStream):
    """A body that ends in an error when it is too long or too slow."""

    def __init__(self, stream: Any, timeout_s: float) -> None:
        self._stream = stream
        self._deadline_s = time.monotonic() + timeout_s

    def __iter__(self) -> Iterator[bytes]:
        length = 0
        for piece in self._stream:
            length += len(piece)
            if length > MAX_REFUSAL_BYTES or time.monotonic() > self._deadline_s:
                raise httpx.ReadError("answered 401 with a body without an end")
            yield piece

    def close(self) -> None:
        self._stream.close()


def _seconds(said: Any) -> float | None:
    """`expires_in`; some servers write it as text."""
    if isinstance(said, bool):
        return None
    if isinstance(said, str) and said.strip().isdecimal():
        said = int(said.strip()[:9])
    return float(said) if isinstance(said, int | float) and said >= 0 else None
