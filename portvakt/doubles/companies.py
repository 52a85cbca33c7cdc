"""A double of Enhetsregisteret's open API (data.brreg.no/enhetsregisteret/api, version 2).

Public, and as there: addresses, names of fields, 404 for a number that is of no unit, 410 for one that is deleted,
`overordnetEnhet` of a sub-unit. Our choice: only the fields that Portvakt reads, and no `_links`.

    GET /enheter/{number}
    GET /underenheter/{number}

Data: `{"units": {"310451274": {"navn": "…", "konkurs": true}}, "sub_units": {"310451282": {"overordnetEnhet":
"310451274"}}}`; `"slettedato"` with `"gone": true` is answered with 410. A unit that is not named is answered with
`default`, or 404 without it.
"""

import json
from collections.abc import Mapping
from typing import Any

from portvakt.doubles.serving import Reply, Request, Serving

USUAL: dict[str, Any] = {
    "organisasjonsform": {"kode": "AS", "beskrivelse": "Aksjeselskap"},
    "registreringsdatoEnhetsregisteret": "2015-03-02",
    "registrertIMvaregisteret": True,
    "registrertIForetaksregisteret": True,
    "konkurs": False,
    "underAvvikling": False,
    "underTvangsavviklingEllerTvangsopplosning": False,
}
USUAL_SUB_UNIT: dict[str, Any] = {
    "organisasjonsform": {"kode": "BEDR", "beskrivelse": "Underenhet til næringsdrivende og offentlig forvaltning"},
    "registreringsdatoEnhetsregisteret": "2015-03-02",
    "registrertIMvaregisteret": False,
}


class CompaniesDouble:
    """Answers as Enhetsregisteret does; the data may be changed while it runs."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self.units: dict[str, dict[str, Any]] = dict(data.get("units", {}))
        self.sub_units: dict[str, dict[str, Any]] = dict(data.get("sub_units", {}))
        self.default: dict[str, Any] | None = data.get("default")

    def serving(self, port: int = 0) -> Serving:
        """Behind HTTP."""
        return Serving(self.answer, port)

    def answer(self, request: Request) -> Reply:
        """What one request is answered."""
        match request.path.strip("/").split("/")[-2:]:
            case ["enheter", number]:
                return _unit(number, self.units.get(number, self._default(number)), USUAL)
            case ["underenheter", number]:
                return _unit(number, self.sub_units.get(number), USUAL_SUB_UNIT)
        return Reply(404)

    def _default(self, number: str) -> dict[str, Any] | None:
        return None if number in self.sub_units else self.default


def _unit(number: str, unit: dict[str, Any] | None, usual: dict[str, Any]) -> Reply:
    if unit is None:
        return Reply(404)
    own = {name: value for name, value in unit.items() if name != "gone"}
    if unit.get("gone"):
        day = own.get("slettedato", "2026-01-31")
        return Reply(410, json.dumps({"organisasjonsnummer": number, "slettedato": day}).encode())
    said = {"organisasjonsnummer": number, "navn": f"ENHET {number}"} | usual | own
    return Reply(200, json.dumps(said).encode(), "application/json;charset=UTF-8")
