"""A double of HMSREG, the client's register of who is on site: both versions of its interface.

Public (hmsreg365.no/api), v1: the address `POST /api/registreringer`, Basic authentication, one record a call, the
names of the fields, that Kortnr is a text of at most 8 characters which must be there, and the answers 200
`Reqistration is queued` (so spelt), 400 `{"_error": "Missing required field Kortnr"}`, 401 `{"_error": "Login failed
for user [user]."}`, 405 `{"_error": "Not found"}`.

Our choice, v1: that a field it does not know is refused, as are a word for the direction that is neither Ankomst nor
Avgang, a time that is none, and what is no single object; that a repeated ExternalRef is queued like any other and
counted here; the text's media type.

Our choice, v2: nearly everything. Known from a third party's notes are the address `POST /api/v2/registration`, the
names of the fields, an id and a secret in headers, and that a queue has to be asked. Here the headers are
X-Provider-Id and X-Provider-Secret, the queue is `GET /api/v2/queue/ID`, and a record is done when it is asked for the
second time.
"""

import base64
import json
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any
from urllib.parse import unquote

from portvakt.doubles.serving import Reply, Request, Serving

USER, PASSWORD = "portvakt", "invented"
PROVIDER, SECRET = "4711", "invented"
V1, V2, QUEUE = "/api/registreringer", "/api/v2/registration", "/api/v2/queue/"
FIELDS = (
    "Kortnr",
    "Retning",
    "Tidspunkt",
    "Navn",
    "Orgnr",
    "HmsRegnr",
    "Kilde",
    "Korttype",
    "Fødselsdato",
    "ExternalRef",
)
FIELDS_V2 = ("cardNumber", "cardType", "location", "timestamp", "direction", "externalRef", "name", "company")
MAX_CARD_NUMBER = 8


class HmsregDouble:
    """What it was told. `data`: `{"refuse_in_queue": [CARD_NUMBER, …]}`, which may be left out."""

    def __init__(self, data: Mapping[str, Any] = MappingProxyType({})) -> None:
        self.records: list[dict[str, Any]] = []
        """Of v1, as they came, repetitions too."""
        self.records_v2: list[dict[str, Any]] = []
        self.refuse_in_queue: set[str] = set(data.get("refuse_in_queue", ()))
        """Of v2: card numbers that its queue will refuse later."""
        self._asked: Counter[str] = Counter()

    @property
    def repeated(self) -> dict[str, int]:
        """External references that came more than once, and how often."""
        told = Counter(one.get("ExternalRef") or one.get("externalRef") for one in self.records + self.records_v2)
        return {str(reference): count for reference, count in told.items() if reference and count > 1}

    def answer(self, request: Request) -> Reply:
        if request.path == V1 and request.method == "POST":
            return self._register(request)
        if request.path == V2 and request.method == "POST":
            return self._register_v2(request)
        if request.path.startswith(QUEUE) and request.method == "GET":
            return self._progress(request)
        return _wrong(405, "Not found")

    def serving(self, port: int = 0) -> Serving:
        """It, on a port of this machine."""
        return Serving(self.answer, port)

    def _register(self, request: Request) -> Reply:
        user, password = _basic(request)
        if (user, password) != (USER, PASSWORD):
            return _wrong(401, f"Login failed for user [{user}].")
        record = _object(request.body)
        if record is None:
            return _wrong(400, "Only one record at a time")
        if not record.get("Kortnr"):
            return _wrong(400, "Missing required field Kortnr")
        if unknown := [name for name in record if name not in FIELDS]:
            return _wrong(400, f"Unknown field {unknown[0]}")
        number = record["Kortnr"]
        if not isinstance(number, str) or len(number) > MAX_CARD_NUMBER:
            return _wrong(400, "Invalid field Kortnr")
        if record.get("Retning") not in ("Ankomst", "Avgang"):
            return _wrong(400, "Invalid field Retning")
        if not all(_is_time(record[name]) for name in ("Tidspunkt", "Fødselsdato") if record.get(name) is not None):
            return _wrong(400, "Invalid field Tidspunkt or Fødselsdato")
        self.records.append(record)
        return Reply(200, b"Reqistration is queued", "text/plain")

    def _register_v2(self, request: Request) -> Reply:
        if not _is_provider(request):
            return _wrong(401, "Login failed for provider.")
        record = _object(request.body)
        if record is None or not record.get("cardNumber"):
            return _wrong(400, "Missing required field cardNumber")
        if unknown := [name for name in record if name not in FIELDS_V2]:
            return _wrong(400, f"Unknown field {unknown[0]}")
        if record.get("direction") not in ("In", "Out"):
            return _wrong(400, "Invalid field direction")
        self.records_v2.append(record)
        return _json(202, {"id": f"item-{len(self.records_v2)}", "status": "queued"})

    def _progress(self, request: Request) -> Reply:
        if not _is_provider(request):
            return _wrong(401, "Login failed for provider.")
        item = unquote(request.path.removeprefix(QUEUE))
        place = item.removeprefix("item-")
        if not (place.isdecimal() and 1 <= int(place) <= len(self.records_v2)):
            return _wrong(404, "Not found")
        self._asked[item] += 1
        if self._asked[item] < 2:
            return _json(200, {"id": item, "status": "processing"})
        if self.records_v2[int(place) - 1].get("cardNumber") in self.refuse_in_queue:
            return _json(200, {"id": item, "status": "failed", "error": "Unknown field cardNumber for this project"})
        return _json(200, {"id": item, "status": "done"})


def _basic(request: Request) -> tuple[str, str]:
    kind, _, coded = request.headers.get("authorization", "").partition(" ")
    try:
        user, _, password = base64.b64decode(coded, validate=True).decode("utf-8").partition(":")
    except ValueError:
        return "", ""
    return (user, password) if kind.lower() == "basic" else ("", "")


def _is_provider(request: Request) -> bool:
    return (request.headers.get("x-provider-id"), request.headers.get("x-provider-secret")) == (PROVIDER, SECRET)


def _object(body: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(body)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _is_time(value: object) -> bool:
    try:
        datetime.fromisoformat(str(value))
    except ValueError:
        return False
    return "T" in str(value)


def _wrong(status: int, words: str) -> Reply:
    return _json(status, {"_error": words})


def _json(status: int, body: object) -> Reply:
    return Reply(status, json.dumps(body, ensure_ascii=False).encode(), "application/json")
