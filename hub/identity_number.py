"""National identity numbers (fødselsnummer, D-nummer): refused wherever they turn up, never kept or logged (P12)."""

import re

_ELEVEN = re.compile(r"(?<!\d)\d{6}[ .\-]?\d{5}(?!\d)")
"""Eleven digits, written together or as birth date and number. No check digit is asked for: D-numbers,
synthetic ones and those of the years to come have other rules, and no other field has eleven digits."""
_PERHAPS = re.compile(rf"{_ELEVEN.pattern}|(?<!\d)\d{{10}}(?!\d)")
_WEIGHTS = ((3, 7, 6, 1, 8, 9, 4, 5, 2, 1), (5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1))


def objection(text: str) -> str | None:
    """What is wrong with a text that holds eleven digits, wherever they stand in it, or ten that a spreadsheet has left
    of them; None when it may be kept."""
    if text.isascii() and text.isdigit() and len(text) == 10 and _fits(f"0{text}"):
        return "is a national identity number without its leading zero, which may not be stored here"
    if _ELEVEN.search(text):
        return "holds eleven digits like a national identity number, which may not be stored here"
    return None


def worth_a_look(texts: str) -> bool:
    """Whether one of these, joined by something else than digits, may hold one. Cheaper than asking each."""
    return _PERHAPS.search(texts) is not None


def masked(text: str) -> str:
    """The text, printable and without anything like an identity number."""
    kept = re.sub(r"\d{9,}", "…", _ELEVEN.sub("…", text))
    return "".join(sign if sign.isprintable() else "�" for sign in kept)


def _fits(digits: str) -> bool:
    """Whether eleven digits are a birth date (of a D-number or a synthetic one as well) with both check digits."""
    day, month = int(digits[:2]) % 40, int(digits[2:4]) % 40
    if not (1 <= day <= 31 and 1 <= month <= 12):
        return False
    found = [int(digit) for digit in digits]
    return all(
        sum(weight * digit for weight, digit in zip(weights, found, strict=False)) % 11 == 0 for weights in _WEIGHTS
    )
