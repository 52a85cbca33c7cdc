"""A double of ELRAPP, in which Statens vegvesen's contractors keep the list of who works on a contract.

Public (elrapp-api.atlas.vegvesen.no/docs): the address `POST /oversiktsliste/v2/{kontraktId}`, the header
`Authorization: ApiKey GUID`, that a list is taken and a single object too, the names and kinds of the fields, that
either DatoInn with DatoUt, or Dato with Timer, or Dato alone is there and all the rest must be, and that the answer
adds id, datoOpprettet and opprettetAv to what was told, in camelCase.

Our choice: that one bad row refuses the whole list with 400 and plain words; that a row which was told before is taken
once more, under a new id, and counted here; that a field it does not know is refused; the shape of an answer. Their
page prints one that is no JSON: `printed_slip` answers so.
"""

import json
import re
from collections import Counter
from collections.abc import Mapping
from datetime import date, datetime
from types import MappingProxyType
from typing import Any

from portvakt.doubles.serving import Reply, Request, Serving

API_KEY = "00000000-0000-4000-8000-000000000001"
CONTRACT = 4711
FIELDS = (
    "Kortnummer",
    "KontraktId",
    "DatoInn",
    "DatoUt",
    "Dato",
    "Timer",
    "Fornavn",
    "Etternavn",
    "Orgnummer",
    "Fdato",
    "HmsUtlopsdato",
)
TEXTS = ("Fornavn", "Etternavn", "Orgnummer")


class ElrappDouble:
    """What it was told. `data`: `{"unknown_cards": [CARD_NUMBER, …], "printed_slip": true}`; each may be left out."""

    def __init__(self, data: Mapping[str, Any] = MappingProxyType({})) -> None:
        self.rows: dict[int, dict[str, Any]] = {}
        """Its id: the row."""
        self.unknown_cards: set[int] = {int(one) for one in data.get("unknown_cards", ())}
        """Card numbers that it says are none."""
        self.printed_slip = bool(data.get("printed_slip"))
        """Answer as the example on their page is printed."""
        self.confirms_at_most: int | None = None
        """Of a list, tell the ids of so many rows only."""

    @property
    def repeated(self) -> int:
        """How many rows came that were here already."""
        return sum(count - 1 for count in Counter(json.dumps(row) for row in self.rows.values()).values())

    def answer(self, request: Request) -> Reply:
        found = re.fullmatch(r"/oversiktsliste/v2/(\d+)", request.path)
        if found is None or request.method != "POST":
            return Reply(404, b'"Not Found"')
        if request.headers.get("authorization") != f"ApiKey {API_KEY}":
            return Reply(401, b'"Unauthorized"')
        try:
            told = json.loads(request.body)
        except ValueError:
            return _refused("The list is no JSON")
        rows = told if isinstance(told, list) else [told]
        for place, row in enumerate(rows):
            if (wrong := self._wrong(row, int(found[1]))) is not None:
                return _refused(f"[{place}] {wrong}")
        return self._taken(rows)

    def serving(self, port: int = 0) -> Serving:
        """It, on a port of this machine."""
        return Serving(self.answer, port)

    def _wrong(self, row: Any, contract: int) -> str | None:
        if not isinstance(row, dict):
            return "is no object"
        if unknown := [name for name in row if name not in FIELDS]:
            return f"{unknown[0]} is unknown"
        if type(row.get("Kortnummer")) is not int or row["Kortnummer"] in self.unknown_cards:
            return "Kortnummer is no valid HMS card"
        if row.get("KontraktId") != contract or contract != CONTRACT:
            return "KontraktId is not the contract"
        if missing := [name for name in TEXTS if not isinstance(row.get(name), str) or not row[name]]:
            return f"{missing[0]} is missing"
        if bad := [name for name in ("Fdato", "HmsUtlopsdato") if not _is_day(row.get(name))]:
            return f"{bad[0]} is missing"
        return _wrong_time(row)

    def _taken(self, rows: list[dict[str, Any]]) -> Reply:
        answered = []
        for row in rows:
            number = len(self.rows) + 1
            self.rows[number] = row
            back = {name[0].lower() + name[1:]: value for name, value in row.items()}
            for name in ("datoInn", "datoUt", "dato"):
                if back.get(name):
                    back[name] = f"{back[name][:19]}.0000000+01:00"
            made = {"id": number, "datoOpprettet": "2026-05-05T12:00:00.1234567+01:00", "opprettetAv": "portvakt"}
            answered.append(back | made)
        if self.confirms_at_most is not None:
            answered = answered[: self.confirms_at_most]
        objects = [json.dumps(one) for one in answered]
        if self.printed_slip:
            objects = [f'"oversiktslisteObject": {one}' for one in objects]
        return Reply(200, f"[ {', '.join(objects)} ]".encode())


def _wrong_time(row: dict[str, Any]) -> str | None:
    between = [row.get("DatoInn"), row.get("DatoUt")]
    on_day = row.get("Dato")
    if on_day is None:
        if row.get("Timer") is not None or not all(_is_time(one) for one in between):
            return "DatoInn and DatoUt, or Dato, must be there"
        came, left = (datetime.fromisoformat(str(one)) for one in between)
        return "DatoUt is before DatoInn" if left < came else None
    if any(one is not None for one in between):
        return "DatoInn and DatoUt are not for a row with Dato"
    if not _is_time(on_day) or not str(on_day).endswith("T00:00:00"):
        return "Dato is no day"
    hours = row.get("Timer")
    if hours is not None and (isinstance(hours, bool) or not isinstance(hours, int | float) or not 0 < hours <= 25):
        return "Timer is no number of hours"
    return None


def _is_day(value: object) -> bool:
    try:
        date.fromisoformat(str(value))
    except ValueError:
        return False
    return True


def _is_time(value: object) -> bool:
    try:
        datetime.fromisoformat(str(value))
    except ValueError:
        return False
    return "T" in str(value)


def _refused(words: str) -> Reply:
    return Reply(400, json.dumps({"message": words}).encode())
