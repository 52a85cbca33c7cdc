"""What the register of companies says of one, and what follows from it here. Pure.

The lists may say the same of a company; where the register has answered, the register counts. A register that is silent
changes nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum, unique
from typing import Any

from hub.organisation_number import fits


@unique
class CompanyStatus(StrEnum):
    """The words of the column `company_status`, and one for a number that the register does not know."""

    OK = "ok"
    BANKRUPT = "bankrupt"
    DISSOLVING = "dissolving"
    DELETED = "deleted"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class CompanyAnswer:
    """What is kept of one company. Times are Unix milliseconds.

    `main_unit` is set for a sub-unit. `vat` and `business_register`: whether it is in Merverdiavgiftsregisteret and in
    Foretaksregisteret; None where nothing is said. `words` are the register's own fields that made the status.
    """

    organisation_number: str
    asked_ms: int
    answered_ms: int | None = None
    name: str | None = None
    form: str | None = None
    status: str | None = None
    words: str = ""
    main_unit: str | None = None
    vat: bool | None = None
    business_register: bool | None = None
    failure: str | None = None
    """Why the last question got no answer."""


class NotUnderstood(ValueError):
    """An answer that does not tell of the company that was asked for."""


BANKRUPT = ("konkurs",)
DISSOLVING = ("underAvvikling", "underTvangsavviklingEllerTvangsopplosning")
_STRUCK_OFF = ("tvangsopplostPgaManglendeDagligLederDato", "tvangsopplostPgaManglendeRevisorDato",
    "tvangsopplostPgaManglendeRegnskapDato", "tvangsopplostPgaMangelfulltStyreDato",
    "tvangsavvikletPgaManglendeSlettingDato")  # fmt: skip
MAX_NAME = 200


def read_unit(said: Any, number: str, now_ms: int) -> CompanyAnswer:
    """A unit or a sub-unit as Enhetsregisteret gives it. Raises NotUnderstood."""
    if not isinstance(said, Mapping):
        raise NotUnderstood("the answer is no JSON object")
    if said.get("organisasjonsnummer") != number:
        raise NotUnderstood("the answer does not name this organisation number")
    name, form = said.get("navn"), said.get("organisasjonsform")
    code = form.get("kode") if isinstance(form, Mapping) else None
    status, words = _status(said)
    above = said.get("overordnetEnhet")
    return CompanyAnswer(
        number,
        now_ms,
        now_ms,
        _text(name, MAX_NAME) if isinstance(name, str) else None,
        _text(code, 8) if isinstance(code, str) else None,
        status.value,
        words,
        above if isinstance(above, str) and fits(above) else None,
        _flag(said, "registrertIMvaregisteret"),
        _flag(said, "registrertIForetaksregisteret"),
    )


def deleted(number: str, said: Any, now_ms: int) -> CompanyAnswer:
    """A unit for which the register answers that it is gone (410)."""
    day = said.get("slettedato") if isinstance(said, Mapping) else None
    words = f"slettedato {_text(day, 10)}" if isinstance(day, str) else "slettet"
    return CompanyAnswer(number, now_ms, now_ms, status=CompanyStatus.DELETED.value, words=words)


def unknown(number: str, now_ms: int) -> CompanyAnswer:
    """A number that the register does not know."""
    return CompanyAnswer(number, now_ms, now_ms, status=CompanyStatus.UNKNOWN.value, words="not in the register")


def of_sub_unit(sub_unit: CompanyAnswer, main_unit: CompanyAnswer) -> CompanyAnswer:
    """A sub-unit goes under with its main unit, which alone stands in the other registers."""
    known = replace(sub_unit, vat=main_unit.vat, business_register=main_unit.business_register)
    if sub_unit.status != CompanyStatus.OK or main_unit.status in (CompanyStatus.OK, CompanyStatus.UNKNOWN):
        return known
    return replace(known, status=main_unit.status, words=f"main unit: {main_unit.words}")


def register_status(listed: str | None, answer: CompanyAnswer | None) -> str | None:
    """The status of a company, of what the crew list says and what the register has answered."""
    if answer is None or answer.status in (None, CompanyStatus.UNKNOWN):
        return listed
    return answer.status


def main_unit(listed: str | None, answer: CompanyAnswer | None) -> str | None:
    """The main unit of a company, in the same way."""
    return listed if answer is None or answer.main_unit is None else answer.main_unit


def _status(said: Mapping[str, Any]) -> tuple[CompanyStatus, str]:
    if isinstance(day := said.get("slettedato"), str):
        return CompanyStatus.DELETED, f"slettedato {_text(day, 10)}"
    for status, flags in ((CompanyStatus.BANKRUPT, BANKRUPT), (CompanyStatus.DISSOLVING, DISSOLVING)):
        # Only what is said in so many words: a field of another kind says nothing.
        if set_flags := [name for name in flags if said.get(name) is True]:
            return status, ", ".join(set_flags)
    if dated := [name for name in _STRUCK_OFF if isinstance(said.get(name), str)]:
        return CompanyStatus.DISSOLVING, ", ".join(dated)
    return CompanyStatus.OK, ""


def _text(told: str, most: int) -> str:
    """On one line, as any database takes it."""
    line = " ".join(told.split())[:most]
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in line)


def _flag(said: Mapping[str, Any], name: str) -> bool | None:
    value = said.get(name)
    return value if isinstance(value, bool) else None
