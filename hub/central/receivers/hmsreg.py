"""HMSREG v1: each passage at once, one record a call, under the passage's UUID as `ExternalRef`.

Accepted means that it is in HMSREG's queue: v1 can only be written to, so nobody here can see what became of it.
"""

import base64
from collections.abc import Sequence
from typing import Any

from hub.central.happening import Happening
from hub.central.receivers import hmsreg_answers
from hub.central.receivers.hmsreg_fields import V1Settings, check_v1, registration_v1
from hub.central.receivers.hmsreg_records import HmsregRecords
from hub.central.receivers.service import naming_its_target
from hub.central.registry import TargetPlace
from hub.central.target import Draft, Later, Outcome
from hub.central.web import WebAnswer, secret
from hub.records import CrewMember


class HmsregV1(HmsregRecords):
    """`hub.central.target.Target` for the interface of `POST /api/registreringer`."""

    path = "/api/registreringer"

    def __init__(self, place: TargetPlace) -> None:
        """Raises SettingsError."""
        self._settings = place.read(V1Settings)
        self._file = place.settings_file
        with naming_its_target(place):
            check_v1(self._settings)
            super().__init__(place, self._settings)

    def ask(self, queued: Sequence[str]) -> Sequence[Outcome]:
        """Never called: v1 cannot be asked, so nothing of it is Queued."""
        return [Later("v1 has no way to ask") for _ in queued]

    def _headers(self) -> dict[str, str]:
        password = secret(self._file, self._settings.password_file, "password_file")
        both = base64.b64encode(f"{self._settings.user}:{password}".encode())
        return {"Authorization": f"Basic {both.decode()}"}

    def _record(self, happening: Happening, holder: CrewMember | None) -> dict[str, Any]:
        return registration_v1(happening, holder, self._settings, self._zone)

    def _outcome(self, answer: WebAnswer, draft: Draft) -> Outcome:
        return hmsreg_answers.outcome_v1(answer, draft.item.id, self._settings.queued_words)
