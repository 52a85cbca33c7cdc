"""Who may do what at the console. Pure.

Roles keep people from what is not theirs to press. Whoever may write the hub's database needs no console to change
it: where that matters, give people this page alone (docs/console.md).
"""

from collections.abc import Iterable, Mapping
from enum import Enum, StrEnum, auto, unique


@unique
class Role(StrEnum):
    """Viewers see all and press nothing; the inspector sees the legal list and nothing else."""

    VIEWER = "viewer"
    GUARD = "guard"
    MANAGER = "manager"
    INSPECTOR = "inspector"


@unique
class Right(Enum):
    """What a role may hold."""

    LOOK = auto()
    """At people, gates and what was done."""
    SEE_LEGAL_LIST = auto()
    RUN_GATES = auto()
    """Open, hold open, lock down, evacuate, back to normal."""
    LET_IN = auto()
    """One person, once."""
    CORRECT_ROSTER = auto()
    CALL_ROLL = auto()
    DECIDE = auto()
    """Who may work here: approve, turn away, block, unblock."""
    KEEP_BOOKS = auto()
    """Reports in files, the signature below the list of § 15, what central systems are told again or never."""


_GUARD = {Right.LOOK, Right.SEE_LEGAL_LIST, Right.RUN_GATES, Right.LET_IN, Right.CORRECT_ROSTER, Right.CALL_ROLL}
RIGHTS: Mapping[Role, frozenset[Right]] = {
    Role.VIEWER: frozenset({Right.LOOK, Right.SEE_LEGAL_LIST}),
    Role.GUARD: frozenset(_GUARD),
    Role.MANAGER: frozenset(_GUARD | {Right.DECIDE, Right.KEEP_BOOKS}),
    Role.INSPECTOR: frozenset({Right.SEE_LEGAL_LIST}),
}


def may(role: Role, right: Right) -> bool:
    """Whether this role holds this right."""
    return right in RIGHTS[role]


def role_of(user: str, named: Mapping[Role, Iterable[str]], otherwise: Role) -> Role:
    """The role of a user of the operating system; of one who is named twice the one that may less."""
    least_first = sorted(named, key=lambda role: len(RIGHTS[role]))
    return next((role for role in least_first if user in set(named[role])), otherwise)


def in_browser(role: Role, *, trusted: bool) -> Role:
    """What is left of a role in a browser: where nobody asks for a password, everybody on the machine may be it."""
    return role if trusted or len(RIGHTS[role]) <= len(RIGHTS[Role.VIEWER]) else Role.VIEWER
