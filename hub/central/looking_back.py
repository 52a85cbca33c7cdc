"""Walks what has happened already: for a target that came late, and each day to see that nothing was left out.

What a target was told is found by its key, so walking twice adds nothing.
"""

import logging
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import NamedTuple

from hub.central.delivery import OPEN, State, settled_time
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


def backfill(
    ledger: Ledger, target: Target, since_ms: int, clock: Callable[[], int], *, clock_wait_ms: int
) -> Generator[Progress, None, None]:
    """Tell a target what has happened since then, a piece at a time; one that was interrupted goes on where it was.

    `clock` says the time in ms; `clock_wait_ms` as for the courier. Raises OfficeError when the hub does not know the
    target yet, and StoreError.
    """
    spans = ledger.begin_backfill(since_ms)
    total = sum(span.through - span.after for span in spans)
    before = queued = 0
    yield Progress(0, total, 0)
    for span in spans:
        for piece in ledger.pieces(span):
            told = [one for one in piece.happenings if one.from_on(since_ms)]
            wanted = _wanted(target, told, clock_wait_ms)
            queued += ledger.add(wanted, {span.stream: piece.through}, clock())
            yield Progress(before + piece.through - span.after, total, queued)
        before += span.through - span.after
    ledger.end_backfill()


class Reconciliation:
    """Once a day: everything of the last days that concerns the target is accepted, open or aside; what is not there
    at all is queued, and told of. A little at a turn."""

    def __init__(self, name: str, target: Target, ledger: Ledger, *, clock_wait_ms: int) -> None:
        self._name = name
        self._target = target
        self._ledger = ledger
        self._clock_wait_ms = clock_wait_ms
        self._walk: Iterator[_Found | None] | None = None
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
            found = next(self._walk)
            if found is not None:
                # All at once: what is queued, and not told of, would never be.
                self._ledger.note(found.counted._asdict(), found.missing, now_ms)
        except BaseException:
            self._walk = None
            raise
        if found is not None:
            self._walk = None
            self._daily.done(now_ms)
            self._tell(found.counted)

    def _look(self, now_ms: int) -> Iterator["_Found | None"]:
        from_ms = max(now_ms - SPAN_MS, self._ledger.since_ms())
        states: dict[str, int] = {}
        expected = 0
        missing: list[tuple[Happening, Item]] = []
        for span in self._ledger.told_since(from_ms):
            for piece in self._ledger.pieces(span):
                told = [one for one in piece.happenings if one.from_on(from_ms)]
                wanted = {item.id: (one, item) for one, item in _wanted(self._target, told, self._clock_wait_ms)}
                expected += len(wanted)
                known = self._ledger.states(list(wanted))
                for state in known.values():
                    states[state] = states.get(state, 0) + 1
                missing += [one for key, one in wanted.items() if key not in known]
                yield None
        counted = Counted(
            from_ms,
            expected,
            states.get(State.ACCEPTED, 0),
            sum(states.get(one, 0) for one in OPEN),
            states.get(State.ASIDE, 0),
            len(missing),
        )
        yield _Found(counted, missing)

    def _tell(self, counted: Counted) -> None:
        log.info(
            "target=%s reconciled expected=%d accepted=%d open=%d aside=%d",
            self._name, counted.expected, counted.accepted, counted.open, counted.aside,
        )  # fmt: skip
        if counted.missing:
            log.error("target=%s missing=%d note='queued now'", self._name, counted.missing)


class _Found(NamedTuple):
    counted: Counted
    missing: list[tuple[Happening, Item]]


def _wanted(target: Target, told: Sequence[Happening], clock_wait_ms: int) -> list[tuple[Happening, Item]]:
    found: list[tuple[Happening, Item]] = []
    for one in told:
        try:
            found += [(one, settled_time(item, one, clock_wait_ms)) for item in target.items(one)]
        except Exception:
            # As in the courier: one that a target cannot read holds back no other.
            log.exception("happening=%s skipped", one.id)
    return found
