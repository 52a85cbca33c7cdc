"""An answer over HTTP as a source sees it: JSON that can be used, or why not."""

from typing import Any

from hub.central.source import SourceAway, SourceRefused
from hub.central.web import WebAnswer

_FOR_A_PERSON = {
    400: "a setting is not what it wants",
    401: "the key or secret does not count",
    403: "the right is missing",
    404: "there is no such thing; check base_url and project",
    405: "check base_url",
    410: "it is there no more",
}


def asked(answer: WebAnswer, where: str) -> Any:
    """The JSON of a fine answer. Raises SourceAway or SourceRefused; neither repeats a body, which is about people."""
    if answer.status in _FOR_A_PERSON:
        raise SourceRefused(f"{where}: answers {answer.status}: {_FOR_A_PERSON[answer.status]}")
    if not answer.fine:
        raise SourceAway(f"{where}: answers {answer.status}", answer.retry_after_ms)
    try:
        return answer.json()
    except ValueError:
        raise SourceAway(
            f"{where}: answers {answer.status}, but not in JSON ({answer.content_type or 'of no stated type'})"
        ) from None
