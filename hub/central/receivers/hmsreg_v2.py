"""HMSREG v2, UNVERIFIED: built from a third party's notes, which say that nothing was built from them. To be confirmed
with HMSREG before use.

Known so far: `POST /api/v2/registration` with English field names, an id and a secret in headers, and a queue that has
to be asked what became of a record. The names of headers, the address of the queue and its words are settings.
"""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from hub.central.happening import Happening
from hub.central.receivers import hmsreg_answers
from hub.central.receivers.hmsreg_fields import V2Settings, check_v2, registration_v2
from hub.central.receivers.hmsreg_records import HmsregRecords
from hub.central.receivers.service import naming_its_target
from hub.central.registry import TargetPlace
from hub.central.target import Draft, Outcome
from hub.central.web import WebAnswer, secret
from hub.records import CrewMember


class HmsregV2(HmsregRecords):
    """`hub.central.target.Target` for the interface of `POST /api/v2/registration`: unverified."""

    path = "/api/v2/registration"

    def __init__(self, place: TargetPlace) -> None:
        """Raises SettingsError."""
        self._settings = place.read(V2Settings)
        self._file = place.settings_file
        with naming_its_target(place):
            check_v2(self._settings)
            super().__init__(place, self._settings)

    def ask(self, queued: Sequence[str]) -> Sequence[Outcome]:
        return [self._ask(receiver_id) for receiver_id in queued]

    def _headers(self) -> dict[str, str]:
        key = secret(self._file, self._settings.secret_file, "secret_file")
        return {
            name: text.replace("{id}", self._settings.provider_id).replace("{secret}", key)
            for name, text in self._settings.headers.items()
        }

    def _record(self, happening: Happening, holder: CrewMember | None) -> dict[str, Any]:
        return registration_v2(happening, holder, self._settings, self._zone)

    def _outcome(self, answer: WebAnswer, draft: Draft) -> Outcome:
        return hmsreg_answers.outcome_v2(answer, draft.item.id, self._settings)

    def _ask(self, receiver_id: str) -> Outcome:
        answer = self._service.ask("GET", self._settings.queue_path.replace("{id}", quote(receiver_id, safe="")))
        if not isinstance(answer, WebAnswer):
            return answer
        return hmsreg_answers.progress_v2(answer, receiver_id, self._settings)
