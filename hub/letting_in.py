"""Somebody whom a gate refuses is let in once, by a person who answers for it.

The gate opens for one body and no card. That body is somebody, so the card is written down as inside once the passage
was seen: who is on the site without being on the roster is looked for by nobody when it burns.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum, unique

from hub import live
from hub.asking import ask
from hub.office import was_let_in
from hub.presence import ENTRY, PASSAGE_COMPLETED, CardKey, ClosingRule, HandMark
from hub.records import Answer, Asked, GivenCommand
from hub.store import HubStore

OPEN = "open"
WALK_S = 20.0
"""Longer than a lane waits for a body."""
LOOK_S = 0.1
CLOCKS_APART_MS = 120_000


@unique
class Walked(StrEnum):
    """What is known of the body that was let through."""

    PASSED = "passed"
    TURNED = "turned"
    UNSEEN = "unseen"
    """No word of it came in time."""
    NOT_OPENED = "not_opened"


@dataclass(frozen=True, slots=True)
class LetIn:
    """What came of it. `at_ms` is when the card's holder is down as having come in; None when not."""

    given: GivenCommand
    answer: Answer | None
    walked: Walked
    at_ms: int | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Who is to be let in, and where. `card` is None for one that could not be read."""

    card: CardKey | None
    gate: str
    lane: str
    by: str
    why: str


def let_in_once(
    store: HubStore,
    wanted: Wanted,
    closing: ClosingRule | None,
    opened: Callable[[Answer], None],
    walk_s: float = WALK_S,
) -> LetIn:
    """Open the lane, wait for the passage, and write the card down as inside. Blocking; `opened` is told in between.

    Raises HubError for words that may not be kept, StoreError.
    """
    given, answer = ask(store, Asked(wanted.gate, OPEN, wanted.lane, ENTRY, wanted.by, wanted.why))
    if answer is None or not answer.done:
        return LetIn(given, answer, Walked.NOT_OPENED, None)
    opened(answer)
    walked, at_ms = _walked(store, given, walk_s)
    if walked is Walked.TURNED or wanted.card is None:
        return LetIn(given, answer, walked, None)
    now_ms = time.time_ns() // 1_000_000
    reason = f"let in once at {wanted.gate}/{wanted.lane}: {wanted.why}"[:200]
    mark = HandMark(wanted.card, ENTRY, min(at_ms or now_ms, now_ms), wanted.by, reason, now_ms)
    return LetIn(given, answer, walked, was_let_in(store, mark, closing).since_ms)


def _walked(store: HubStore, given: GivenCommand, walk_s: float) -> tuple[Walked, int | None]:
    until = time.monotonic() + walk_s
    while time.monotonic() < until:
        ended = live.passed(store, given.number, given.issued_ms - CLOCKS_APART_MS)
        if ended is not None:
            kind, at_ms = ended
            return (Walked.PASSED, at_ms) if kind == PASSAGE_COMPLETED else (Walked.TURNED, None)
        time.sleep(LOOK_S)
    return Walked.UNSEEN, None
