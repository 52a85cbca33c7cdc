"""Enhetsregisteret's open API: one question for each organisation number, two for a sub-unit."""

from dataclasses import replace
from typing import Any

from hub.central.registers.asked import asked, json_of
from hub.central.web import Web
from hub.company_answers import CompanyAnswer, NotUnderstood, deleted, of_sub_unit, read_unit, unknown
from hub.organisation_number import fits
from hub.register_settings import CompanySettings

NOT_FOUND, GONE = 404, 410


class CompanyRegister:
    """Enhetsregisteret, or a double of it. One thread."""

    def __init__(self, settings: CompanySettings) -> None:
        """Raises SettingsError."""
        self._web = Web(
            settings.base_url.rstrip("/") + "/",
            headers={"Accept": "application/json"},
            ca_file=settings.ca_file,
            timeout_s=settings.timeout_s,
        )

    def ask(self, number: str, now_ms: int) -> CompanyAnswer:
        """What the register says of a company; an answer that nobody understands is kept as a failure.

        Raises Away or Closed.
        """
        if not fits(number):
            # A list would not have been taken with it; whoever typed it gets no answer of another company.
            return CompanyAnswer(number, now_ms, failure="no organisation number: its check digit is wrong")
        try:
            return self._ask(number, now_ms)
        except NotUnderstood as odd:
            return CompanyAnswer(number, now_ms, failure=str(odd))

    def close(self) -> None:
        """Let go of the connection."""
        self._web.close()

    def _ask(self, number: str, now_ms: int) -> CompanyAnswer:
        status, said = self._get(f"enheter/{number}")
        if status == GONE:
            return deleted(number, said, now_ms)
        if status != NOT_FOUND:
            # A body of the state may stand under another one; that is no sub-unit.
            return replace(read_unit(said, number, now_ms), main_unit=None)
        status, said = self._get(f"underenheter/{number}")
        if status == GONE:
            return deleted(number, said, now_ms)
        if status == NOT_FOUND:
            return unknown(number, now_ms)
        sub_unit = read_unit(said, number, now_ms)
        if sub_unit.main_unit is None:
            return sub_unit
        status, said = self._get(f"enheter/{sub_unit.main_unit}")
        if status == GONE:
            return of_sub_unit(sub_unit, deleted(sub_unit.main_unit, said, now_ms))
        if status == NOT_FOUND:
            return sub_unit
        return of_sub_unit(sub_unit, read_unit(said, sub_unit.main_unit, now_ms))

    def _get(self, path: str) -> tuple[int, Any]:
        answer = asked(self._web, "GET", path)
        if answer.status in (NOT_FOUND, GONE) and not answer.body:
            return answer.status, None
        said = json_of(answer)
        if not answer.fine and answer.status not in (NOT_FOUND, GONE):
            raise NotUnderstood(f"answers {answer.status}")
        return answer.status, said
