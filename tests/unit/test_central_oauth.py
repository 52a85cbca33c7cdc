"""Tokens for central systems, against an endpoint that gives and refuses them."""

import contextlib
import json
import logging
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hub.central.oauth import ClientCredentials, NoToken, OAuthSettings, TokenRefused
from hub.central.web import Unreachable, Web
from portvakt.doubles.serving import BROKEN, HTML, Fault, Reply, Request, Serving
from portvakt.doubles.tokens import TokenEndpoint
from portvakt.errors import SettingsError

SECRET = "not-a-real-secret"


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


class Office:
    """A service behind a token endpoint, and us before it."""

    def __init__(self, folder: Path, held: contextlib.ExitStack) -> None:
        self.clock = Clock()
        self.tokens = TokenEndpoint("site-7", SECRET, scope="cards.read", now_s=self.clock)
        self.served = 0
        self.token_server = held.enter_context(Serving(self.tokens.answer))
        self.server = held.enter_context(Serving(self._answer))
        self.secret_file = folder / "secret"
        self.secret_file.write_text(SECRET + "\n")
        self.secret_file.chmod(0o600)
        self._folder = folder
        self._held = held

    def auth(self, **changed: object) -> ClientCredentials:
        said: dict[str, object] = {
            "token_url": f"{self.token_server.url}/oauth/token?tenant=1",
            "client_id": "site-7",
            "secret_file": "secret",
            "scope": "cards.read",
            "timeout_s": 5.0,
        }
        settings = OAuthSettings(**said | changed)  # type: ignore[arg-type]
        made = ClientCredentials(settings, self._folder / "hub.toml", monotonic_s=self.clock)
        self._held.callback(made.close)
        return made

    def web(self, auth: ClientCredentials, connections: int = 1) -> Web:
        made = Web(self.server.url, auth=auth, timeout_s=5.0, connections=connections)
        self._held.callback(made.close)
        return made

    def _answer(self, request: Request) -> Reply:
        if not self.tokens.knows(request):
            return Reply(401, b'{"error": "no token"}')
        self.served += 1
        return Reply(200, request.body or b"{}")


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    with contextlib.ExitStack() as held:
        yield Office(tmp_path, held)


@pytest.mark.parametrize("client_auth", ["basic", "post"])
def test_one_token_serves_many_requests(office: Office, client_auth: str) -> None:
    web = office.web(office.auth(client_auth=client_auth, parameters={"audience": "cards"}))
    for _ in range(3):
        assert web.ask("GET", "cards/1").status == 200
    assert office.tokens.given == 1
    (asked,) = office.token_server.requests
    assert asked.query == {"tenant": "1"}
    assert b"audience=cards" in asked.body
    assert (SECRET.encode() in asked.body) is (client_auth == "post")


def test_a_token_is_renewed_shortly_before_its_end(office: Office) -> None:
    web = office.web(office.auth())
    web.ask("GET", "x")
    office.clock.now_s += 3600 - 61
    web.ask("GET", "x")
    assert office.tokens.given == 1
    office.clock.now_s += 2
    web.ask("GET", "x")
    assert office.tokens.given == 2


def test_a_token_without_an_end_is_kept_until_it_is_refused(office: Office) -> None:
    office.tokens._life_s = None
    web = office.web(office.auth())
    web.ask("GET", "x")
    office.clock.now_s += 3000
    assert web.ask("GET", "x").status == 200
    assert office.tokens.given == 1
    office.clock.now_s += 1000
    assert web.ask("GET", "x").status == 200
    assert office.tokens.given == 2


def test_a_refused_token_is_renewed_once_and_the_request_said_again(office: Office) -> None:
    web = office.web(office.auth())
    web.ask("GET", "x")
    office.tokens.forget()
    assert web.ask("POST", "x", body=b'{"card": 1}').body == b'{"card": 1}'
    assert office.tokens.given == 2
    # Whoever refuses the new one too is believed.
    office.server.misbehave(Fault(Reply(401, b"no")), Fault(Reply(401, b"no")))
    assert web.ask("GET", "x").status == 401
    assert office.tokens.given == 3


def test_a_refusal_without_an_end_is_not_read_to_it(office: Office) -> None:
    web = office.web(office.auth())
    office.server.misbehave(Fault(Reply(401, b"x" * 200_000)))
    with pytest.raises(Unreachable, match="without an end"):
        web.ask("GET", "x")


def test_many_threads_share_one_token(office: Office) -> None:
    web = office.web(office.auth(), connections=8)
    office.token_server.misbehave(Fault(slow_s=0.05))
    begin = threading.Barrier(8)

    def ask(_: int) -> int:
        begin.wait()
        return web.ask("GET", "x").status

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, range(8))) == [200] * 8
        assert office.tokens.given == 1
        office.tokens.forget()
        begin.reset()
        assert list(pool.map(ask, range(8))) == [200] * 8
    assert office.tokens.given == 2


REFUSALS = [
    ({"client_id": "somebody"}, "check client_id, secret_file, client_auth and whether access was granted"),
    ({"scope": "cards.write"}, "check scope"),
]


@pytest.mark.parametrize(("changed", "advice"), REFUSALS)
def test_a_refusal_says_what_to_do_and_is_not_repeated_at_once(
    office: Office, changed: dict[str, object], advice: str
) -> None:
    web = office.web(office.auth(**changed))
    for _ in range(3):
        with pytest.raises(TokenRefused, match=advice):
            web.ask("GET", "x")
    assert len(office.token_server.requests) == 1
    office.clock.now_s += 61
    with pytest.raises(TokenRefused):
        web.ask("GET", "x")
    assert len(office.token_server.requests) == 2
    assert not office.server.requests


def test_a_new_secret_counts_without_a_restart(office: Office) -> None:
    web = office.web(office.auth())
    web.ask("GET", "x")
    office.tokens.client_secret = "another"
    office.tokens.forget()
    with pytest.raises(TokenRefused):
        web.ask("GET", "x")
    office.secret_file.write_text("another")
    office.clock.now_s += 61
    assert web.ask("GET", "x").status == 200


SICK: list[tuple[Fault, str]] = [
    (Fault(HTML), "no access_token"),
    (Fault(BROKEN), "status 500"),
    (Fault(Reply(200, b"[]")), "no access_token"),
    (Fault(Reply(200, b'{"access_token": "a\\nb"}')), "no access_token"),
    (Fault(Reply(200, b'{"access_token": "abc", "token_type": "MAC"}')), "another type"),
    (Fault(Reply(200, b'{"error": "server_error"}')), "server_error"),
    (Fault(cut_after=20), "no token"),
    (Fault(Reply(429, b"{}", headers={"Retry-After": "7"})), "status 429"),
]


@pytest.mark.parametrize(("fault", "words"), SICK)
def test_a_sick_endpoint_is_asked_again_later(office: Office, fault: Fault, words: str) -> None:
    web = office.web(office.auth())
    office.token_server.misbehave(fault)
    with pytest.raises(NoToken, match=words) as told:
        web.ask("GET", "x")
    assert not isinstance(told.value, TokenRefused)
    assert told.value.after_ms == (7000 if "429" in words else None)
    with pytest.raises(NoToken):
        web.ask("GET", "x")
    assert len(office.token_server.requests) == 1
    office.clock.now_s += 8
    assert web.ask("GET", "x").status == 200


def test_a_slow_endpoint_ends_in_time(office: Office) -> None:
    web = office.web(office.auth(timeout_s=0.2))
    office.token_server.misbehave(Fault(slow_s=30))
    with pytest.raises(NoToken, match="Timeout"):
        web.ask("GET", "x")


def test_nothing_secret_is_said(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    """Not even where the server repeats the secret in its error."""
    caplog.set_level(logging.INFO)
    echo = json.dumps({"error": "invalid_client", "error_description": f"wrong secret {SECRET}"}).encode()
    office.token_server.misbehave(Fault(Reply(401, echo)))
    auth = office.auth()
    with pytest.raises(TokenRefused, match=r"wrong secret \*\*\*") as told:
        office.web(auth).ask("GET", "x")
    assert SECRET not in str(told.value)
    assert SECRET not in caplog.text
    assert SECRET not in repr(auth)


Spoil = Callable[[Path], object]
WRONG: list[tuple[dict[str, object], Spoil, str]] = [
    ({"token_url": "http://example.no/token"}, lambda _: None, "https"),
    ({"secret_file": "nowhere"}, lambda _: None, "secret_file: .*cannot be read"),
    ({}, lambda file: file.chmod(0o644), "chmod 600"),
    ({}, lambda file: file.write_text("a\nb"), "no single line"),
    ({}, lambda file: file.write_text("ключ"), 'client_auth = "post"'),
    ({"ca_file": "nowhere.pem"}, lambda _: None, "no certificate"),
]


@pytest.mark.parametrize(("changed", "spoil", "words"), WRONG)
def test_wrong_settings_are_told_before_anything_is_sent(
    office: Office, changed: dict[str, object], spoil: Spoil, words: str
) -> None:
    spoil(office.secret_file)
    with pytest.raises(SettingsError, match=words):
        office.auth(**changed)
    assert not office.token_server.requests
