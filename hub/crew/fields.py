"""One cell of a crew list to a value. Pure.

Each function returns the value or raises BadCell with what is wrong and what to do. A value is shown
in a message only through `shown`: national identity numbers are refused and never repeated (P12).
"""

import re
from datetime import date, datetime

from gate.zones import GROUP_PATTERN
from hub import identity_number
from hub.organisation_number import fits
from hub.records import Qualification

MAX_TEXT = 80
MAX_GROUPS = 8
MAX_QUALIFICATIONS = 20
MAX_CHAIN = 10

_CARD_NUMBER = re.compile(r"[0-9A-Za-z][0-9A-Za-z-]{2,19}")
_SPREADSHEET_NUMBER = re.compile(r"\d+([.,]\d+)?[eE]\+?\d+|\d+[.,]0+")
_GROUP = re.compile(GROUP_PATTERN)
_FORMULA = "=+-@"
_YES = frozenset({"yes", "ja", "true", "1"})
_NO = frozenset({"no", "nei", "false", "0"})


class BadCell(ValueError):
    """A cell that cannot be used: what is wrong, and what to do about it."""

    def __init__(self, what: str, advice: str) -> None:
        super().__init__(what)
        self.what = what
        self.advice = advice


def shown(value: str) -> str:
    """A cell's text as it may be shown: short, printable, without anything like an identity number."""
    printable = identity_number.masked(value)
    return repr(printable if len(printable) <= 30 else printable[:29] + "…")


def refuse_identity_number(value: str) -> None:
    """Raise if the cell holds one."""
    if (what := identity_number.objection(value)) is not None:
        raise BadCell(what, "remove it from the list; the birth date is enough (byggherreforskriften § 15)")


def text(value: str) -> str | None:
    """Free text; None when empty."""
    if value[:1] in _FORMULA and len(value) > 1:
        raise BadCell(f"{shown(value)} is a formula, which is never worked out here", "write the value itself")
    if len(value) > MAX_TEXT:
        raise BadCell(f"is {len(value)} characters long", f"at most {MAX_TEXT}; is a delimiter missing?")
    if not value.isprintable():
        raise BadCell(f"{shown(value)} holds a line break or a control character", "write it on one line")
    return value or None


def required(value: str) -> str:
    """Free text that must be there."""
    found = text(value)
    if found is None:
        raise BadCell("is empty", "fill it in")
    return found


def card_number(value: str) -> str:
    """A card number: digits and letters as they stand on the card, leading zeros included."""
    if not value:
        raise BadCell("is empty", "write the number that stands on the card")
    if _SPREADSHEET_NUMBER.fullmatch(value):
        raise BadCell(
            f"{shown(value)} has been changed by the spreadsheet",
            "format the column as text, and type the number again as it stands on the card",
        )
    if not _CARD_NUMBER.fullmatch(value):
        raise BadCell(f"{shown(value)} is not a card number", "3 to 20 digits or letters, without spaces")
    return value


def organisation_number(value: str) -> str:
    """Nine digits with a right check digit (mod 11); spaces between them are taken out."""
    digits = value.replace(" ", "").replace("\u00a0", "")
    if not digits:
        raise BadCell("is empty", "write the organisation number of the employer on the card")
    if not (digits.isascii() and digits.isdigit() and len(digits) == 9):
        raise BadCell(f"{shown(value)} is not nine digits", "look it up on brreg.no")
    if not fits(digits):
        raise BadCell(
            f"{shown_organisation(digits)} has a wrong check digit", "look for a typing mistake; see brreg.no"
        )
    return digits


def shown_organisation(digits: str) -> str:
    return f"{digits[:3]} {digits[3:6]} {digits[6:]}"


def groups(value: str) -> tuple[str, ...]:
    """The groups that somebody is of, with spaces or commas between them: `first-aider warden`."""
    found = tuple(dict.fromkeys(value.lower().replace(",", " ").split()))
    for one in found:
        if not _GROUP.fullmatch(one):
            raise BadCell(f"{shown(one)} is not a group", "a word of a to z, 0 to 9 and -, at most 24 letters")
    if len(found) > MAX_GROUPS:
        raise BadCell(f"names {len(found)} groups", f"{MAX_GROUPS} are allowed for one person")
    return found


def day(value: str) -> str | None:
    """A date, ISO 8601 or as Norwegian spreadsheets write it; None when empty."""
    if not value:
        return None
    for shape in ("%Y-%m-%d", "%d.%m.%Y"):
        try:
            found = datetime.strptime(value, shape).date()  # noqa: DTZ007  # a calendar date has no zone
        except ValueError:
            continue
        if date(1900, 1, 1) <= found <= date(2200, 1, 1):
            return found.isoformat()
    raise BadCell(f"{shown(value)} is not a date", "write it as 2026-05-31")


def yes_or_no(value: str) -> bool:
    """yes or no; an empty cell is neither."""
    word = value.casefold()
    if word in _YES:
        return True
    if word in _NO:
        return False
    raise BadCell(f"{shown(value)} is neither yes nor no" if value else "is empty", "write yes or no")


def status(value: str) -> str:
    """ok, blocked or cancelled; an empty cell is ok."""
    word = value.casefold() or "ok"
    if word not in ("ok", "blocked", "cancelled"):
        raise BadCell(f"{shown(value)} is not a status", "write ok, blocked or cancelled")
    return word


def language(value: str) -> str | None:
    """A language code of two letters (ISO 639-1); None when empty."""
    word = value.casefold()
    if word and not re.fullmatch(r"[a-z]{2}", word):
        raise BadCell(f"{shown(value)} is not a language code", "two letters, such as nb, en or pl")
    return word or None


def optional_organisation_number(value: str) -> str | None:
    """As `organisation_number`; None when empty."""
    return organisation_number(value) if value else None


def optional_yes_or_no(value: str) -> bool | None:
    """yes or no; an empty cell says that it is not known."""
    return yes_or_no(value) if value else None


def chain(value: str) -> tuple[str, ...]:
    """Who engaged this company, who engaged that one, and so on: `987 654 325 > 123 456 785`."""
    found = tuple(organisation_number(part.strip()) for part in value.split(">")) if value else ()
    if len(found) > MAX_CHAIN:
        raise BadCell(f"names {len(found)} companies", f"a chain of more than {MAX_CHAIN} is a mistake")
    return found


def site_card(value: str) -> str | None:
    """The number of a card that the site has issued; None when empty."""
    return card_number(value) if value else None


def no_card_because(value: str) -> str | None:
    """Why somebody has no card of the scheme; None when empty."""
    return _one_of(value, ("applied", "pupil", "placement"), "a reason")


def register_status(value: str) -> str | None:
    """What the register of companies says; None when empty."""
    return _one_of(value, ("ok", "bankrupt", "dissolving", "deleted"), "a company's status")


def qualifications(value: str) -> tuple[Qualification, ...]:
    """Kinds with spaces or commas between them, each with its last day after a colon: `hot-work:2027-05-31 crane`."""
    found: dict[str, Qualification] = {}
    for word in value.lower().replace(",", " ").split():
        kind, _, expiry = word.partition(":")
        if not _GROUP.fullmatch(kind):
            raise BadCell(f"{shown(kind)} is not a qualification", "a word of a to z, 0 to 9 and -, at most 24 letters")
        if kind in found:
            raise BadCell(f"names {kind} twice", "keep the one that counts longest")
        found[kind] = Qualification(kind, day(expiry))
    if len(found) > MAX_QUALIFICATIONS:
        raise BadCell(f"names {len(found)} qualifications", f"{MAX_QUALIFICATIONS} are allowed for one person")
    return tuple(sorted(found.values(), key=lambda one: one.kind))


def _one_of(value: str, words: tuple[str, ...], what: str) -> str | None:
    word = value.casefold()
    if word and word not in words:
        raise BadCell(f"{shown(value)} is not {what}", f"write {', '.join(words[:-1])} or {words[-1]}")
    return word or None
