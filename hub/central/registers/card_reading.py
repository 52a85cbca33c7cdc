"""A card register's answer, as JSON, to our own words. Pure.

Only what is needed is taken: status, the employer's organisation number, the expiry. Names and whatever else a look-up
by QR or chip may bring are left where they are (P12).
"""

import re
from collections.abc import Mapping
from datetime import date
from typing import Any, NamedTuple

from hub import identity_number
from hub.card_answers import Answer, CardStatus
from hub.organisation_number import fits

MAX_WORDS = 120
COMMON = {
    "valid": CardStatus.VALID,
    "temporary": CardStatus.TEMPORARY,
    "expired": CardStatus.EXPIRED,
    "blocked": CardStatus.BLOCKED,
    "invalid": CardStatus.INVALIDATED,
    "invalidated": CardStatus.INVALIDATED,
    "cancelled": CardStatus.INVALIDATED,
    "pending": CardStatus.PENDING,
    "unknown": CardStatus.UNKNOWN,
    "other": CardStatus.OTHER,
}
"""The words of the public guidance, and our own; the settings may give each another meaning."""
_DAY = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:T.*)?|(\d\d)\.(\d\d)\.(\d{4})")


class NoAnswer(Exception):
    """The register has said something, but not what this card's status is."""


class Reading(NamedTuple):
    """Where things stand in an answer; a dot leads into an object, a number into a list."""

    status: str
    number: str | None = None
    employer: str | None = None
    expiry: str | None = None
    error: str | None = None
    words: Mapping[str, CardStatus] = {}


def read_answer(said: Any, reading: Reading, number: str | None, level: str) -> Answer:
    """The answer about one card; `number` is the one that was asked for, None where a code was. Raises NoAnswer."""
    if reading.error is not None and (error := at(said, reading.error)) not in (None, False, "", [], {}, 0):
        raise NoAnswer(f"an error inside the answer: {shown(error)}")
    if reading.number is not None and number is not None:
        told = at(said, reading.number)
        if told is None or str(told).strip().lstrip("0") != number.lstrip("0"):
            raise NoAnswer("an answer about another card")
    status = at(said, reading.status)
    if status is None or isinstance(status, list | dict) or not str(status).strip():
        raise NoAnswer(f"no status in the answer; is card_register.status_field = {reading.status!r} right?")
    return Answer(
        meaning(str(status), reading.words),
        shown(status),
        level,
        _organisation(at(said, reading.employer)) if reading.employer else None,
        _day(at(said, reading.expiry)) if reading.expiry else None,
    )


def meaning(word: str, words: Mapping[str, CardStatus]) -> CardStatus:
    """Our status for a register's word. True and false are words as JSON writes them."""
    folded = {name.casefold(): status for name, status in words.items()}
    return (COMMON | folded).get(word.strip().casefold(), CardStatus.OTHER)


def at(said: Any, path: str) -> Any:
    """What stands there; None when nothing does."""
    for step in path.split("."):
        if isinstance(said, Mapping):
            said = said.get(step)
        elif isinstance(said, list) and step.isdecimal() and int(step) < len(said):
            said = said[int(step)]
        else:
            return None
    return said


def shown(value: Any) -> str:
    """A register's words as they are kept: on one line, short, without anything like an identity number."""
    if isinstance(value, list | dict):
        value = "an object" if isinstance(value, dict) else "a list"
    text = " ".join(str(value).split())
    printable = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)
    return identity_number.masked(printable)[:MAX_WORDS]


def _organisation(value: Any) -> str | None:
    digits = str(value).replace(" ", "") if value is not None else ""
    return digits if len(digits) == 9 and fits(digits) else None


def _day(value: Any) -> str | None:
    found = _DAY.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        return None
    year, month, day = (found[1], found[2], found[3]) if found[1] else (found[6], found[5], found[4])
    try:
        return date(int(year), int(month), int(day)).isoformat()
    except ValueError:
        return None
