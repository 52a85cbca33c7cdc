"""Somebody at the hub asks something of a gate, and wants to know what came of it."""

import itertools
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from hub import identity_number
from hub.commands import VALID_MS
from hub.errors import HubError
from hub.records import Answer, Asked, GivenCommand
from hub.store import HubStore

LINK_MS = 3_000
"""What a gate did at the last moment is told so much later at most, if the link is up."""
LOOK_S = 0.05
LOOKS = 20
"""Of so many looks one is at everything."""
MAX_BY = 40
"""As the contract has it."""


@dataclass(frozen=True, slots=True)
class CommandLine:
    """One command. `outcome` is done, refused, waiting, or unanswered: nobody knows."""

    number: int
    gate: str
    action: str
    lane: str | None
    direction: str | None
    by: str
    why: str
    issued_ms: int
    outcome: str
    what: str
    answered_ms: int | None


def ask(store: HubStore, asked: Asked) -> tuple[GivenCommand, Answer | None]:
    """Give the command and wait for the answer, as long as there may come one. Blocking.

    Raises HubError for a gate that nobody knows and for words that may not be kept, StoreError. The hub that
    runs is what says it to the gate.
    """
    ((given, answer),) = ask_all(store, [asked])
    return given, answer


def ask_all(store: HubStore, wanted: Sequence[Asked]) -> list[tuple[GivenCommand, Answer | None]]:
    """The same for several commands at once: all are given before any answer is waited for."""
    known = store.gate_health()
    for asked in wanted:
        for option, words in (("--by", asked.by), ("--reason", asked.why)):
            if (what := identity_number.objection(words)) is not None:
                raise HubError(f"{option}: {what}")
        if asked.gate not in known:
            names = ", ".join(sorted(known)) or "none"
            raise HubError(f"no gate {asked.gate!r} has spoken to this hub; there are {names}")
    given = [store.give(replace(one, by=one.by[:MAX_BY]), time.time_ns() // 1_000_000, VALID_MS) for one in wanted]
    until = time.monotonic() + (VALID_MS + LINK_MS) / 1000
    for look in itertools.count(1):
        over = time.monotonic() > until
        # A gate's clock may be wrong; looking at every event takes 0.2 s for a million of them.
        answers = store.answers(given) if over or look % LOOKS == 0 else store.answers_by_time(given)
        if len(answers) == len(given) or over:
            break
        time.sleep(LOOK_S)
    return [(one, answers.get(one.number)) for one in given]


def given_lately(store: HubStore, limit: int, now_ms: int) -> list[CommandLine]:
    """The newest first. May raise StoreError."""
    given = store.commands(limit)
    return lines(given, store.answers(given), now_ms)


def lines(given: Sequence[GivenCommand], answers: Mapping[int, Answer], now_ms: int) -> list[CommandLine]:
    """Commands with what came of them."""
    return [_line(one, answers.get(one.number), now_ms) for one in given]


def _line(given: GivenCommand, answer: Answer | None, now_ms: int) -> CommandLine:
    asked = given.asked
    if answer is not None:
        outcome = "done" if answer.done else "refused"
    else:
        outcome = "waiting" if now_ms <= given.expires_ms + LINK_MS else "unanswered"
    return CommandLine(
        number=given.number,
        gate=asked.gate,
        action=asked.action,
        lane=asked.lane,
        direction=asked.direction,
        by=asked.by,
        why=asked.why,
        issued_ms=given.issued_ms,
        outcome=outcome,
        what=answer.what if answer else "",
        answered_ms=answer.received_ms if answer else None,
    )
