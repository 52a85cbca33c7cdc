"""What the versions of HMSREG's interface have in common: a record for each passage, one a call, over HTTP.

What differs is a record's words, who we say we are, and what the answers mean.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import msgspec

from hub.central.happening import Happening
from hub.central.receivers.hmsreg_fields import RegistrationSettings, concerns
from hub.central.receivers.moments import named_zone
from hub.central.receivers.service import Service
from hub.central.registry import TargetPlace
from hub.central.target import Draft, Facts, Item, Outcome, Pace
from hub.central.web import WebAnswer
from hub.records import CrewMember


class HmsregRecords(ABC):
    """Most of a `hub.central.target.Target`; `ask` is each version's own."""

    path: ClassVar[str]

    def __init__(self, place: TargetPlace, settings: RegistrationSettings) -> None:
        """Raises SettingsError."""
        self._telling = settings
        self._zone = named_zone(settings.time_zone, place.zone, "time_zone")
        self._service = Service(settings, place.settings_file, self._headers)
        self.pace = Pace(settings.connections, 1, settings.per_second)

    def items(self, happening: Happening) -> Sequence[Item]:
        """One record for each passage that concerns HMSREG."""
        if not concerns(self._telling, happening):
            return []
        at_ms = happening.received_ms if happening.at_ms is None else happening.at_ms
        return [Item(happening.id, happening.id, happening.card, at_ms)]

    def draft(self, item: Item, facts: Facts) -> bytes | None:
        happening = facts.happening(item.happening)
        if happening is None or happening.card is None:
            return None
        return msgspec.json.encode(self._record(happening, facts.holder(happening.card)))

    def send(self, drafts: Sequence[Draft]) -> Sequence[Outcome]:
        return [self._send(draft) for draft in drafts]

    def close(self) -> None:
        self._service.close()

    def _send(self, draft: Draft) -> Outcome:
        answer = self._service.ask("POST", self.path, draft.body)
        return self._outcome(answer, draft) if isinstance(answer, WebAnswer) else answer

    @abstractmethod
    def _headers(self) -> Mapping[str, str]:
        """Who we are. Raises SettingsError."""

    @abstractmethod
    def _record(self, happening: Happening, holder: CrewMember | None) -> Mapping[str, Any]:
        """The words. Raises Unfit."""

    @abstractmethod
    def _outcome(self, answer: WebAnswer, draft: Draft) -> Outcome:
        """What an answer to a record means."""
