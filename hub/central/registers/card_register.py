"""A register of cards over HTTP: one look-up for each card, with a token from OAuth2 client credentials.

Nothing about the interface of hmskort.no is public but that there are two levels, OAuth2, and look-ups by card number
(no personal data) and by QR or chip. All else is a setting (`hub.register_settings`).
"""

from pathlib import Path
from typing import Protocol
from urllib.parse import quote

import msgspec

from hub.card_answers import Answer, CardStatus
from hub.central.oauth import ClientCredentials, OAuthSettings
from hub.central.registers.asked import asked, json_of
from hub.central.registers.card_reading import NoAnswer, Reading, read_answer, shown
from hub.central.web import THE_NETWORK, Line, Web, WebAnswer
from hub.register_settings import CardRegisterSettings
from portvakt.errors import SettingsError

HERE = Path()
"""The files that the settings name were found when they were read."""


class CardRegister(Protocol):
    """Whoever can be asked about a card."""

    def ask(self, number: str, code: str | None) -> Answer:
        """What the register says; by the code of QR or chip where there is one. Raises NoAnswer, Away or Closed."""

    def close(self) -> None:
        """Let go of connections."""


class HttpCardRegister:
    """See `CardRegister`. One thread."""

    def __init__(self, settings: CardRegisterSettings, line: Line = THE_NETWORK) -> None:
        """Raises SettingsError."""
        if not settings.on:
            raise SettingsError("card_register.base_url: is empty, so there is no register to ask")
        said = self._settings = settings
        self._reading = Reading(
            said.status_field, said.number_field, said.employer_field, said.expiry_field, said.error_field, said.words
        )
        self._auth = _credentials(said, line) if said.token_url else None
        self._web = Web(
            said.base_url.rstrip("/") + "/",
            headers={"Accept": "application/json", **said.headers},
            auth=self._auth,
            ca_file=said.ca_file,
            timeout_s=said.timeout_s,
            line=line,
        )

    def ask(self, number: str, code: str | None) -> Answer:
        if code is not None and self._settings.code_path is not None:
            answer = self._look_up(self._settings.code_path, "{code}", code)
            return self._read(answer, number, "code")
        return self._read(self._look_up(self._settings.card_path, "{number}", number), number, "number")

    def close(self) -> None:
        self._web.close()
        if self._auth is not None:
            self._auth.close()

    def _look_up(self, path: str, place: str, value: str) -> WebAnswer:
        path = path.replace(place, quote(value, safe="")).lstrip("/")
        if self._settings.post_field is None:
            return asked(self._web, "GET", path)
        body = msgspec.json.encode({self._settings.post_field: value})
        return asked(self._web, "POST", path, body=body, headers={"Content-Type": "application/json"})

    def _read(self, answer: WebAnswer, number: str, level: str) -> Answer:
        if answer.status == 404 and not answer.body:
            return Answer(CardStatus.UNKNOWN, "404", level)
        said = json_of(answer)
        if answer.status == 404:
            return Answer(CardStatus.UNKNOWN, "404", level)
        if not answer.fine:
            words = next((shown(said[name]) for name in _REASONS if isinstance(said, dict) and said.get(name)), "")
            raise NoAnswer(f"answers {answer.status} {words}".strip())
        return read_answer(said, self._reading, number, level)


_REASONS = ("error_description", "message", "detail", "title", "error", "_error")
"""Where interfaces commonly say why they refuse a request."""


def _credentials(settings: CardRegisterSettings, line: Line) -> ClientCredentials:
    said = OAuthSettings(
        token_url=settings.token_url,
        client_id=settings.client_id,
        secret_file=settings.secret_file or "",
        scope=settings.scope,
        client_auth=settings.client_auth,
        parameters=settings.token_parameters,
        ca_file=settings.ca_file,
        timeout_s=settings.timeout_s,
    )
    return ClientCredentials(said, HERE, line=line)
