"""What mends a refusal, and who may do that: the one key to press, or where to go. Pure."""

from dataclasses import dataclass
from enum import Enum, auto, unique

from hub.console.roles import Right
from hub.console.texts import Text
from hub.explanation import Why


@unique
class Mend(Enum):
    """What can be done at this page."""

    UNBLOCK = auto()
    APPROVE = auto()
    EXTEND = auto()
    CHECK_OUT = auto()
    """Of who is down as inside and stands before the gate."""
    NORMAL = auto()
    """The lane is closed."""
    NOTHING_LEFT = auto()
    """It has been mended already: the next badge is let in."""


RIGHT_FOR = {
    Mend.UNBLOCK: Right.DECIDE,
    Mend.APPROVE: Right.DECIDE,
    Mend.EXTEND: Right.DECIDE,
    Mend.CHECK_OUT: Right.CORRECT_ROSTER,
    Mend.NORMAL: Right.RUN_GATES,
    Mend.NOTHING_LEFT: Right.LOOK,
}
KEY_FOR = {
    Mend.UNBLOCK: Text.KEY_UNBLOCK,
    Mend.APPROVE: Text.KEY_APPROVE,
    Mend.EXTEND: Text.KEY_EXTEND,
    Mend.CHECK_OUT: Text.KEY_CHECK_OUT,
    Mend.NORMAL: Text.KEY_NORMAL,
}


@dataclass(frozen=True, slots=True)
class Advice:
    """What mends it here, or what has to happen elsewhere; one of the two."""

    mend: Mend | None = None
    elsewhere: Text | None = None


_AT_THE_GATE = {
    "already_inside": Advice(Mend.CHECK_OUT),
    "lane_closed": Advice(Mend.NORMAL),
    "unreadable": Advice(elsewhere=Text.MEND_UNREADABLE),
    "employer_mismatch": Advice(elsewhere=Text.MEND_MISMATCH),
    "weak_credential": Advice(elsewhere=Text.MEND_WEAK),
    "zone_full": Advice(elsewhere=Text.MEND_RULE),
    "cover_missing": Advice(elsewhere=Text.MEND_RULE),
    "short_rest": Advice(elsewhere=Text.MEND_RULE),
    "outside_hours": Advice(elsewhere=Text.MEND_RULE),
    "list_stale": Advice(elsewhere=Text.MEND_STALE),
    "clock_untrusted": Advice(elsewhere=Text.MEND_STALE),
}
"""Answers that the permit list does not explain: what a gate found by itself."""

_BY_THE_LIST = {
    "cancelled": Advice(elsewhere=Text.MEND_ISSUER),
    "expired": Advice(elsewhere=Text.MEND_EXPIRED),
    "company_not_approved": Advice(elsewhere=Text.MEND_LIST),
    "training_missing": Advice(elsewhere=Text.MEND_LIST),
}


def advice(why: Why, said: str | None, *, approved_here: bool) -> Advice:
    """What to do about a card. `said` is what a gate has answered, None when nobody asks about a badge."""
    if why.block is not None:
        return Advice(Mend.UNBLOCK)
    if why.answer == "granted":
        return _AT_THE_GATE.get(said or "", Advice(Mend.NOTHING_LEFT))
    if why.answer == "blocked":
        return Advice(elsewhere=Text.MEND_LIST)
    if why.answer in ("unknown_card", "not_on_crew_list"):
        return Advice(Mend.APPROVE)
    if why.answer == "outside_period":
        return Advice(Mend.EXTEND) if approved_here else Advice(elsewhere=Text.MEND_PERIOD)
    return _BY_THE_LIST.get(why.answer, Advice(elsewhere=Text.MEND_LIST))
