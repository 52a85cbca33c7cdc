"""What an answer means that means the same from every receiver. Pure."""

from hub import identity_number
from hub.central.target import Later, Stopped
from hub.central.web import MAX_WORDS, WebAnswer

_WAIT = frozenset({408, 425, 429})
_WRONG_PLACE = frozenset({404, 405, 410})


def usual(answer: WebAnswer) -> Later | Stopped | None:
    """What it means; None where the receiver's own words have to be read. An answer that is a web page comes from
    somebody on the way."""
    if answer.status in (401, 403):
        return Stopped(f"{kept_words(answer)}; look at user and secret in this target's settings")
    if answer.status in _WAIT or answer.status >= 500 or answer.status < 200:
        return Later(kept_words(answer), answer.retry_after_ms)
    if answer.status in _WRONG_PLACE or 300 <= answer.status < 400:
        return Later(f"{kept_words(answer)}; the address may be wrong: base_url", answer.retry_after_ms)
    if is_page(answer):
        return Later(f"{kept_words(answer)}; a web page, not the answer of an API", answer.retry_after_ms)
    return None


def is_page(answer: WebAnswer) -> bool:
    """Whether it is HTML, whatever it says that it is."""
    return answer.content_type in ("text/html", "application/xhtml+xml") or answer.body.lstrip()[:1] == b"<"


def kept_words(answer: WebAnswer) -> str:
    """The receiver's words as they are kept: one line, without anything like an identity number."""
    return presentable(answer.words())


def presentable(words: str) -> str:
    """Words of a receiver as one line of bounded length, without anything like an identity number."""
    return identity_number.masked(" ".join(words.split()))[:MAX_WORDS]
