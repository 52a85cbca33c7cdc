"""HMSREG v1: each passage at once, one record a call, under the passage's UUID as `ExternalRef`.

Accepted means that it is in HMSREG's queue: v1 can only be written to, so nobody here can see what became of it.
"""

import contextlib
from collections.abc import Iterator, Sequence

import httpx
import msgspec

from hub.central import hmsreg_answers
from hub.central.happening import Happening
from hub.central.hmsreg_fields import Telling, V1Settings, check_v1, concerns, registration_v1
from hub.central.moments import named_zone
from hub.central.registry import TargetPlace
from hub.central.target import Draft, Facts, Item, Later, Outcome, Pace
from hub.central.web import Unreachable, Web, secret
from portvakt.errors import SettingsError

PATH = "/api/registreringer"
_JSON = {"Content-Type": "application/json", "Accept": "application/json"}


class HmsregV1:
    """`hub.central.target.Target` for the interface of `POST /api/registreringer`."""

    def __init__(self, place: TargetPlace) -> None:
        """Raises SettingsError."""
        settings = place.read(V1Settings)
        with naming_its_target(place):
            check_v1(settings)
            password = secret(place.settings_file, settings.password_file, "password_file")
            self._zone = named_zone(settings.time_zone, place.zone, "time_zone")
            auth = httpx.BasicAuth(settings.user.encode(), password.encode())
            self._web = web_of(settings, _JSON, auth)
        self._settings = settings
        self.pace = Pace(settings.connections, 1, settings.per_second)

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
        self._web.close()

    def _send(self, draft: Draft) -> Outcome:
        try:
            answer = self._web.ask("POST", PATH, body=draft.body)
        except Unreachable as gone:
            return Later(str(gone))
        return hmsreg_answers.outcome_v1(answer, draft.item.id, self._settings.queued_words)


def items_of(settings: Telling, happening: Happening) -> list[Item]:
    """One record for each passage that concerns HMSREG."""
    if not concerns(settings, happening):
        return []
    at_ms = happening.received_ms if happening.at_ms is None else happening.at_ms
    return [Item(happening.id, happening.id, happening.card, at_ms)]


def web_of(settings: Telling, headers: dict[str, str], auth: httpx.Auth | None = None) -> Web:
    """The service at this address. Raises SettingsError."""
    return Web(
        settings.base_url,
        headers=headers,
        auth=auth,
        ca_file=settings.ca_file,
        timeout_s=settings.timeout_s,
        connections=settings.connections,
    )


@contextlib.contextmanager
def naming_its_target(place: TargetPlace) -> Iterator[None]:
    """A SettingsError from within begins with the target's name."""
    try:
        yield
    except SettingsError as wrong:
        raise SettingsError(f"targets.{place.name}.settings: {wrong}") from wrong
