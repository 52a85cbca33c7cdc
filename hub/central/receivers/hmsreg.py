"""HMSREG v1: each passage at once, one record a call, under the passage's UUID as `ExternalRef`.

Accepted means that it is in HMSREG's queue: v1 can only be written to, so nobody here can see what became of it.
"""

import base64
from collections.abc import Sequence

import msgspec

from hub.central.happening import Happening
from hub.central.receivers import hmsreg_answers
from hub.central.receivers.hmsreg_fields import RegistrationSettings, V1Settings, check_v1, concerns, registration_v1
from hub.central.receivers.moments import named_zone
from hub.central.receivers.service import Service, naming_its_target
from hub.central.registry import TargetPlace
from hub.central.target import Draft, Facts, Item, Later, Outcome, Pace
from hub.central.web import WebAnswer, secret

PATH = "/api/registreringer"


class HmsregV1:
    """`hub.central.target.Target` for the interface of `POST /api/registreringer`."""

    def __init__(self, place: TargetPlace) -> None:
        """Raises SettingsError."""
        self._settings = place.read(V1Settings)
        self._file = place.settings_file
        with naming_its_target(place):
            check_v1(self._settings)
            self._zone = named_zone(self._settings.time_zone, place.zone, "time_zone")
            self._service = Service(self._settings, self._headers)
        self.pace = Pace(self._settings.connections, 1, self._settings.per_second)

    def items(self, happening: Happening) -> Sequence[Item]:
        return items_of(self._settings, happening)

    def draft(self, item: Item, facts: Facts) -> bytes | None:
        happening = facts.happening(item.happening)
        if happening is None or happening.card is None:
            return None
        holder = facts.holder(happening.card)
        return msgspec.json.encode(registration_v1(happening, holder, self._settings, self._zone))

    def send(self, drafts: Sequence[Draft]) -> Sequence[Outcome]:
        return [self._send(draft) for draft in drafts]

    def ask(self, queued: Sequence[str]) -> Sequence[Outcome]:
        """Never called: v1 cannot be asked, so nothing of it is Queued."""
        return [Later("v1 has no way to ask") for _ in queued]

    def close(self) -> None:
        self._service.close()

    def _headers(self) -> dict[str, str]:
        password = secret(self._file, self._settings.password_file, "password_file")
        both = base64.b64encode(f"{self._settings.user}:{password}".encode())
        return {"Authorization": f"Basic {both.decode()}"}

    def _send(self, draft: Draft) -> Outcome:
        answer = self._service.ask("POST", PATH, draft.body)
        if not isinstance(answer, WebAnswer):
            return answer
        return hmsreg_answers.outcome_v1(answer, draft.item.id, self._settings.queued_words)


def items_of(settings: RegistrationSettings, happening: Happening) -> list[Item]:
    """One record for each passage that concerns HMSREG."""
    if not concerns(settings, happening):
        return []
    at_ms = happening.received_ms if happening.at_ms is None else happening.at_ms
    return [Item(happening.id, happening.id, happening.card, at_ms)]
