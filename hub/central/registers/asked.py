"""How the answers of a register that is asked one question at a time are told apart, whichever register it is."""

from typing import Any

from hub.central.oauth import NoToken, TokenRefused
from hub.central.web import Unreachable, Web, WebAnswer


class Away(Exception):
    """The register cannot be asked now; nothing is known about what was asked."""

    def __init__(self, words: str, after_ms: int | None = None) -> None:
        super().__init__(words)
        self.after_ms = after_ms
        """How long it wants to be left alone, as it said itself."""


class Closed(Away):
    """The register does not let us in: a person has to do something."""


def asked(web: Web, method: str, path: str, **more: Any) -> WebAnswer:
    """One question. Raises Away or Closed; what is returned is about the question: 200, 400, 404, 410 and the like."""
    try:
        answer = web.ask(method, path, **more)
    except TokenRefused as refused:
        raise Closed(str(refused), refused.after_ms) from refused
    except NoToken as failed:
        raise Away(str(failed), failed.after_ms) from failed
    except Unreachable as failed:
        raise Away(str(failed)) from failed
    if answer.status in (401, 403, 407):
        raise Closed(f"{_status(answer)}: does not let us in; check the credentials and what was agreed on")
    if 300 <= answer.status < 400:
        raise Away(f"{_status(answer)}: points to another address; set that one, redirects are not followed")
    if answer.status in (408, 425, 429) or answer.status >= 500:
        raise Away(_status(answer), answer.retry_after_ms)
    return answer


def json_of(answer: WebAnswer) -> Any:
    """The body. Raises Away: HTML or half an answer tells of a proxy or a fault, not of what was asked."""
    try:
        return answer.json()
    except ValueError as broken:
        kind = answer.content_type or "no stated type"
        raise Away(f"{_status(answer)} with {kind}, which is no JSON; is the address right?") from broken


def _status(answer: WebAnswer) -> str:
    return f"answers {answer.status}"
