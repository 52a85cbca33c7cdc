"""What ELRAPP's answers mean. Pure.

Their page prints an answer that is no JSON: `[ "oversiktslisteObject": { … } ]`. So what is looked for is every object
with an `id`, wherever it stands.
"""

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from hub.central.receivers.elrapp_fields import Row
from hub.central.receivers.replies import kept_words, usual
from hub.central.target import Later, Refused, Stopped
from hub.central.web import WebAnswer

_WRAPPED = re.compile(rb'"oversiktslisteObject"\s*:\s*(?=[{\[])', re.IGNORECASE)
_DEPTH = 6
_TOLD_BACK = ("kortnummer", "datoinn", "datout", "dato", "timer")
_NAMES = (
    "Kortnummer", "KontraktId", "DatoInn", "DatoUt", "Timer", "Fornavn", "Etternavn", "Orgnummer", "Fdato",
    "HmsUtlopsdato", "Dato",
)  # fmt: skip


def outcome(answer: WebAnswer, rows: Sequence[Row]) -> list[str | None] | Refused | Later | Stopped:
    """ELRAPP's id of each of these rows, in their order, None for those that it has not confirmed; or what became of
    all of them."""
    if (common := usual(answer)) is not None:
        return common
    if not answer.fine:
        words = kept_words(answer)
        return Refused(words, field_in(words))
    answered = _objects(answer)
    if answered is None:
        return Later(f"{kept_words(answer)}; an answer that cannot be read", answer.retry_after_ms)
    return _ids(rows, answered)


def field_in(words: str) -> str | None:
    """The field of a row that the words name; None when it is none or more than one."""
    found = {name for name in _NAMES if re.search(rf"(?<![a-z]){name}(?![a-z])", words, re.IGNORECASE)}
    return found.pop() if len(found) == 1 else None


def _ids(rows: Sequence[Row], answered: Sequence[dict[str, Any]]) -> list[str | None]:
    """By what each object tells back of its row; by their places, when it tells nothing and there are as many."""
    left = list(answered)
    found: list[str | None] = []
    for row in rows:
        mine = next((one for one in left if _tells_back(one, row)), None)
        if mine is not None:
            left.remove(mine)
        found.append(str(mine["id"]) if mine is not None else None)
    if len(answered) == len(rows) and not any(_TOLD_BACK[0] in one for one in answered):
        return [str(one["id"]) for one in answered]
    return found


def _tells_back(one: dict[str, Any], row: Row) -> bool:
    if "kortnummer" not in one:
        return False
    said = {name.lower(): value for name, value in row.items()}
    return all(_alike(one[name], said[name]) for name in _TOLD_BACK if name in one)


def _alike(theirs: Any, ours: Any) -> bool:
    """Whether it is the same, written by somebody else: 8.0 for 8, a time with fractions and an offset."""
    if theirs in (None, "") or ours in (None, ""):
        return theirs in (None, "") and ours in (None, "")
    if isinstance(ours, str) and isinstance(theirs, str) and len(ours) >= 19:
        return theirs[:19] == ours[:19]
    if isinstance(ours, int | float) and isinstance(theirs, int | float):
        return float(theirs) == float(ours)
    return str(theirs) == str(ours)


def _objects(answer: WebAnswer) -> list[dict[str, Any]] | None:
    """Every object with an id, its names in lower case; None when it is no JSON, even with their slip put right."""
    told = answer.text().encode()
    for body in (told, _WRAPPED.sub(b"", told)):
        try:
            return _within(msgspec.json.decode(body), _DEPTH)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue
    return None


def _within(part: Any, depth: int) -> list[dict[str, Any]]:
    if depth == 0:
        return []
    if isinstance(part, list):
        return [found for one in part for found in _within(one, depth - 1)]
    if not isinstance(part, dict):
        return []
    lower = {name.lower(): value for name, value in part.items()}
    known = lower.get("id")
    if isinstance(known, str | int) and not isinstance(known, bool) and known != "":
        return [lower]
    return [found for one in part.values() for found in _within(one, depth - 1)]
