"""What HMSREG's answers mean. Pure.

Public for v1: 200 `Reqistration is queued` (so spelt), 400, 401 and 405 with `{"_error": …}`. Everything else is met
as it may come: whatever cannot be understood means that nobody can tell, so it is sent again under the same key.
"""

import re
from typing import Any

from hub.central.receivers.hmsreg_fields import V2Settings
from hub.central.receivers.replies import kept_words, presentable, usual
from hub.central.target import Accepted, Later, Outcome, Queued, Refused, Stopped
from hub.central.web import WebAnswer

V1_QUEUED = "queued there; v1 has no way to ask what became of it"
UNVERIFIED = "v2 is unverified"

_QUEUED = re.compile(r"re\w?istration (?:is|was|has been) queued", re.IGNORECASE)
_LOGIN = re.compile(r"\blog\s?in failed\b", re.IGNORECASE)
_FIELD = re.compile(r"\bfield:?\s+[\"'`]?(\w+)", re.IGNORECASE)
_SAYS_WRONG = ("_error", "error", "errors")


def outcome_v1(answer: WebAnswer, external_ref: str, queued_words: tuple[str, ...] = ()) -> Outcome:
    """What became of a record of `POST /api/registreringer`."""
    if (wrong := error_in(answer)) is not None and 200 <= answer.status < 500:
        if answer.status in (401, 403) or _LOGIN.search(wrong):
            return Stopped(f"{answer.status} {presentable(wrong)}; look at user and password_file")
        if answer.status < 300 or answer.status in (400, 409, 413, 422):
            return Refused(f"{answer.status} {presentable(wrong)}", field_in(wrong))
    if (common := usual(answer)) is not None:
        return common
    if answer.fine and any(_is_queued(said, queued_words) for said in _said(answer)):
        return Accepted(external_ref, V1_QUEUED)
    return Later(f"{kept_words(answer)}; an answer that is not known here", answer.retry_after_ms)


def outcome_v2(answer: WebAnswer, external_ref: str, settings: V2Settings) -> Outcome:
    """What became of a record of `POST /api/v2/registration`: unverified."""
    if (settled := _refused_v2(answer)) is not None:
        return settled
    if answer.fine:
        if not settings.id_fields:
            return Queued(external_ref, UNVERIFIED)
        if (found := _named(_json(answer), settings.id_fields)) is not None:
            return Queued(found, UNVERIFIED)
    return Later(f"{kept_words(answer)}; nothing in it to ask for: id_fields", answer.retry_after_ms)


def progress_v2(answer: WebAnswer, receiver_id: str, settings: V2Settings) -> Outcome:
    """What became of a record in their queue: unverified. Later and Queued: it has to be asked for again."""
    if answer.status in (404, 410):
        return Queued(receiver_id, f"{kept_words(answer)}; not in their queue, or queue_path is wrong")
    if (common := usual(answer)) is not None:
        return common
    body = _json(answer)
    status = (_named(body, settings.status_fields) or "").casefold()
    wrong = error_in(answer)
    if status in settings.failed_words or (wrong is not None and status not in settings.done_words):
        words = presentable(wrong) if wrong is not None else kept_words(answer)
        return Refused(f"{words} ({UNVERIFIED})", field_in(wrong or ""))
    if status in settings.done_words:
        return Accepted(receiver_id, UNVERIFIED)
    if status in settings.waiting_words:
        return Queued(receiver_id, UNVERIFIED)
    return Queued(receiver_id, f"{kept_words(answer)}; a status that is not known here: done_words, failed_words")


def error_in(answer: WebAnswer) -> str | None:
    """What the answer calls wrong; None where it calls nothing so."""
    body = _json(answer)
    if isinstance(body, list) and len(body) == 1:
        body = body[0]
    if not isinstance(body, dict):
        return None
    for key, value in body.items():
        if key.casefold() in _SAYS_WRONG and value not in (None, "", [], {}, False):
            return value if isinstance(value, str) else _flat(value)
    return None


def field_in(words: str) -> str | None:
    """The field that the receiver's words name, such as Kortnr in `Missing required field Kortnr`."""
    found = _FIELD.search(words)
    return found[1] if found else None


def _refused_v2(answer: WebAnswer) -> Outcome | None:
    wrong = error_in(answer)
    if wrong is not None and (answer.fine or answer.status in (400, 409, 413, 422)):
        return Refused(f"{answer.status} {presentable(wrong)} ({UNVERIFIED})", field_in(wrong))
    return usual(answer)


def _is_queued(said: str, queued_words: tuple[str, ...]) -> bool:
    plain = " ".join(said.split()).strip(" .!\"'")
    return bool(_QUEUED.fullmatch(plain)) or plain.casefold() in {word.casefold() for word in queued_words}


def _said(answer: WebAnswer) -> list[str]:
    """Each thing that the answer may be meant to say: its text, or the texts in its JSON."""
    body = _json(answer)
    if isinstance(body, str):
        return [body]
    if isinstance(body, dict):
        return [value for value in body.values() if isinstance(value, str)]
    return [answer.text(1000)] if body is None else []


def _json(answer: WebAnswer) -> Any:
    try:
        return answer.json()
    except ValueError:
        return None


def _named(body: Any, names: tuple[str, ...]) -> str | None:
    """The text or number that stands under the first of these names, whatever their case."""
    if isinstance(body, list) and len(body) == 1:
        body = body[0]
    if not isinstance(body, dict):
        return None
    there = {key.casefold(): value for key, value in body.items()}
    for name in names:
        value = there.get(name.casefold())
        if isinstance(value, str | int) and not isinstance(value, bool) and value != "":
            return str(value)
    return None


def _flat(value: Any) -> str:
    """What is wrong, where it is told in more than one word: texts in it, in their order."""
    found: list[str] = []
    waiting = [value]
    while waiting and len(found) < 20:
        one = waiting.pop(0)
        if isinstance(one, dict):
            waiting = [part for pair in one.items() for part in pair] + waiting
        elif isinstance(one, list):
            waiting = [*one, *waiting]
        elif one is not None:
            found.append(str(one))
    return " ".join(found)
