"""Walks what has happened already: for a target that came late, and each day to see that nothing was left out.

What a target was told is found by its key, so walking twice adds nothing.
"""

import logging
from collections.abc import Generator, Iterator, Sequence
from typing import NamedTuple

from hub.central.delivery import OPEN, State
from hub.central.happening import Happening
from hub.central.ledger import Ledger
from hub.central.target import Item, Target
from hub.recurring import Recurring

log = logging.getLogger(__name__)

DAY_MS = 86_400_000
SPAN_MS = 3 * DAY_MS
"""How far back the daily look goes: a gate that was away for a weekend has told by then."""


class Progress(NamedTuple):
    """Of a walk: `done` of `total` records looked at, `queued` of them new to the target."""

    done: int
    total: int
    queued: int


class Counted(NamedTuple):
    """What the daily look has found."""

    from_ms: int
    expected: int
    accepted: int
    open: int
    aside: int
    missing: int


def backfill(ledger: Ledger, target: Target, since_ms: int, now_ms: int) -> Generator[Progress, None, None]:
    """Tell a target what has happened since then, a piece at a time; one that was interrupted goes on where it was.

    Raises OfficeError when the hub does not know the target yet, and StoreError.
    """
    spans = ledger.begin_backfill(since_ms)
    total = sum(span.through - span.after for span in spans)
    before = queued = 0
    yield Progress(0, total, 0)
    for span in spans:
        for piece in ledger.pieces(span):
            told = [one for one in piece.happenings if one.from_on(since_ms)]
            queued += ledger.add(_wanted(target, told), {span.stream: piece.through}, now_ms)
            yield Progress(before + piece.through - span.after, total, queued)
        before += span.through - span.after
    ledger.end_backfill()


class Reconciliation:
    """Once a day: everything of the last days that concerns the target is accepted, open or aside; what is not there
    at all is queued, and told of. A little at a turn."""

    def __init__(self, name: str, target: Target, ledger: Ledger) -> None:
        self._name = name
        self._target = target
        self._ledger = ledger
        self._walk: Iterator[Counted | None] | None = None
        self._daily = Recurring(DAY_MS)

    def turn(self, now_ms: int) -> None:
        """Do a little of what is due. Raises StoreError; then it begins anew."""
        if self._walk is None:
            if not self._daily.due(now_ms):
                return
            last = self._ledger.reconciled_ms()
            if last is not None and 0 <= now_ms - last < DAY_MS:
                self._daily.done(last)
                return
            self._walk = self._look(now_ms)
        try:
            counted = next(self._walk, None)
        except BaseException:
            self._walk = None
            raise
        if counted is not None:
            self._walk = None
            self._daily.done(now_ms)
            self._tell(counted)

    def _look(self, now_ms: int) -> Iterator[Counted | None]:
        from_ms = max(now_ms - SPAN_MS, self._ledger.since_ms())
        states: dict[str, int] = {}
        expected = missing = 0
        for span in self._ledger.told_since(from_ms):
            for piece in self._ledger.pieces(span):
                told = [one for one in piece.happenings if one.from_on(from_ms)]
                wanted = _wanted(self._target, told)
                expected += len({item.id for _, item in wanted})
                for state, count in self._ledger.states([item.id for _, item in wanted]).items():
                    states[state] = states.get(state, 0) + count
                missing += self._ledger.add(wanted, {}, now_ms)
                yield None
        counted = Counted(
            from_ms,
            expected,
            states.get(State.ACCEPTED, 0),
            sum(states.get(one, 0) for one in OPEN),
            states.get(State.ASIDE, 0),
            missing,
        )
        self._ledger.note(counted._asdict(), now_ms)
        yield counted

    def _tell(self, counted: Counted) -> None:
        log.info(
            "target=%s reconciled expected=%d accepted=%d open=%d aside=%d",
            self._name, counted.expected, counted.accepted, counted.open, counted.aside,
        )  # fmt: skip
        if counted.missing:
            log.error("target=%s missing=%d note='queued now'", self._name, counted.missing)


def _wanted(target: Target, told: Sequence[Happening]) -> list[tuple[Happening, Item]]:
    found: list[tuple[Happening, Item]] = []
    for one in told:
        try:
            found += [(one, item) for item in target.items(one)]
        except Exception:
            # As in the courier: one that a target cannot read holds back no other.
            log.exception("happening=%s skipped", one.id)
    return found
