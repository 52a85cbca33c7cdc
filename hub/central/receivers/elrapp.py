"""ELRAPP, the oversiktsliste of Statens vegvesen, version 2: the rows of a card's day, when the day is over.

ELRAPP has no key of ours by which it could know a row again, so what it has confirmed is kept row by row (`receiver_id`
of a delivery), and never told twice. What it has taken without confirming it can be told twice; nobody could tell.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from hub.central.happening import Happening
from hub.central.receivers import elrapp_answers
from hub.central.receivers.elrapp_fields import (
    CardDay,
    ElrappSettings,
    Row,
    Told,
    as_receiver_id,
    heeded,
    items_of,
    print_of,
    rows_of,
    seen_around,
    told_in,
)
from hub.central.receivers.moments import named_zone
from hub.central.receivers.service import Service, naming_its_target
from hub.central.registry import TargetPlace
from hub.central.target import Accepted, Draft, Facts, Item, Later, Outcome, Pace, Refused, Stopped
from hub.central.web import WebAnswer, secret
from hub.stays import local_day

PATH = "/oversiktsliste/v2/{contract}"
MAX_HALF_TOLD = 1000

_rows = msgspec.json.Decoder(list[msgspec.Raw])


@dataclass(slots=True)
class _Bundle:
    """A draft on its way: which of its rows ELRAPP has, which are to be told, and what came of it."""

    draft: Draft
    kept: Told
    gone: Told
    new: dict[str, bytes]
    outcome: Outcome | None = None
    confirmed: Told = field(default_factory=dict)


class Elrapp:
    """`hub.central.target.Target` for `POST /oversiktsliste/v2/{kontraktId}`."""

    def __init__(self, place: TargetPlace) -> None:
        """Raises SettingsError."""
        settings = self._settings = place.read(ElrappSettings)
        self._file = place.settings_file
        with naming_its_target(place):
            self._sent_zone = named_zone(settings.time_zone, place.zone, "time_zone")
            self._service = Service(settings, place.settings_file, self._headers)
        self._zone = place.zone
        self._closing = place.closing
        self._path = PATH.format(contract=settings.contract_id)
        self._lock = threading.Lock()
        self._half_told: dict[str, Told] = {}
        self.pace = Pace(settings.connections, settings.batch, settings.per_second)

    def items(self, happening: Happening) -> Sequence[Item]:
        return items_of(happening, self._settings, self._zone)

    def draft(self, item: Item, facts: Facts) -> bytes | None:
        if item.card is None:
            return None
        day = local_day(item.at_ms, self._zone)
        seen = facts.sightings(item.card, *seen_around(day, self._settings, self._zone))
        about = CardDay(item.card, day, heeded(seen, self._settings))
        rows = rows_of(about, facts.holder(item.card), self._settings, (self._zone, self._sent_zone), self._closing)
        return msgspec.json.encode(rows) if rows else None

    def send(self, drafts: Sequence[Draft]) -> Sequence[Outcome]:
        bundles = [self._bundle(draft) for draft in drafts]
        if waiting := [one for one in bundles if one.outcome is None and one.new]:
            self._tell(waiting)
        return [self._settled(one) for one in bundles]

    def ask(self, queued: Sequence[str]) -> Sequence[Outcome]:
        """Never called: ELRAPP answers at once."""
        return [Later("ELRAPP has no queue to ask") for _ in queued]

    def close(self) -> None:
        self._service.close()

    def _headers(self) -> dict[str, str]:
        key = secret(self._file, self._settings.api_key_file, "api_key_file")
        return {"Authorization": f"ApiKey {key}"}

    def _bundle(self, draft: Draft) -> _Bundle:
        with self._lock:
            told = told_in(draft.receiver_id) | self._half_told.get(draft.item.id, {})
        rows = {print_of(bytes(row)): bytes(row) for row in _rows.decode(draft.body)}
        kept = {row: known for row, known in told.items() if row in rows}
        gone = {row: known for row, known in told.items() if row not in rows}
        made = _Bundle(draft, kept, gone, {row: body for row, body in rows.items() if row not in kept})
        if gone and (self._settings.correction == "aside" or not made.new):
            ids = ", ".join(gone.values())
            made.outcome = Refused(f"told before as {ids}, and changed here since: correct it in ELRAPP by hand")
        return made

    def _tell(self, bundles: Sequence[_Bundle]) -> None:
        """All in one request. Where ELRAPP refuses them together, one by one: a bad row holds back no other."""
        said = self._post(bundles)
        if not isinstance(said, Refused) or len(bundles) == 1:
            _note(bundles, said)
            return
        for place, one in enumerate(bundles):
            alone = self._post([one])
            if isinstance(alone, Later | Stopped):
                _note(bundles[place:], alone)
                return
            _note([one], alone)

    def _post(self, bundles: Sequence[_Bundle]) -> list[str | None] | Refused | Later | Stopped:
        """ELRAPP's ids of all rows in their order, or what became of all of them."""
        bodies = [body for one in bundles for body in one.new.values()]
        rows: list[Row] = [msgspec.json.decode(body) for body in bodies]
        answer = self._service.ask("POST", self._path, b"[" + b",".join(bodies) + b"]")
        return elrapp_answers.outcome(answer, rows) if isinstance(answer, WebAnswer) else answer

    def _settled(self, one: _Bundle) -> Outcome:
        if one.outcome is not None:
            return one.outcome
        has = one.kept | one.confirmed
        unconfirmed = len(one.new) - len(one.confirmed)
        self._keep_half_told(one.draft.item.id, has if unconfirmed else {})
        if unconfirmed:
            return Later(f"ELRAPP has not confirmed {unconfirmed} of {len(one.new)} rows")
        words = f"in place of {', '.join(one.gone.values())}, which ELRAPP may still have" if one.gone else ""
        return Accepted(as_receiver_id(has), words)

    def _keep_half_told(self, item: str, has: Told) -> None:
        """Until the next attempt: what ELRAPP has of it is not told again then."""
        with self._lock:
            self._half_told.pop(item, None)
            if has:
                self._half_told[item] = has
            if len(self._half_told) > MAX_HALF_TOLD:
                del self._half_told[next(iter(self._half_told))]


def _note(bundles: Sequence[_Bundle], said: list[str | None] | Refused | Later | Stopped) -> None:
    """What ELRAPP has said of these."""
    if not isinstance(said, list):
        for one in bundles:
            one.outcome = said
        return
    ids = iter(said)
    for one in bundles:
        one.confirmed = {row: known for row, known in zip(one.new, ids, strict=False) if known is not None}
