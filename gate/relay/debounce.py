"""Debounce of one contact: edges and the time in, settled changes out. Pure.

Rules of this room:
1. A level counts when it has held for `settle_ms` without a break; `settle_ms` = 0 counts every edge.
2. What counts depends on the edges and their times alone, never on how often or how late anybody looks.
3. An edge to the level that already holds is no edge: a driver may repeat itself.

Written here because gpiozero's mock has no bounce time: what cannot be tested is not relied upon.
"""

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Debounce:
    """One contact. `active` is the settled level; while the raw level differs, `since_ms` says since when.

    Every time is in milliseconds on one monotonic clock.
    """

    settle_ms: int
    active: bool = False
    since_ms: int | None = None

    @property
    def raw(self) -> bool:
        """The level after the latest edge."""
        return self.active if self.since_ms is None else not self.active

    @property
    def due_ms(self) -> int | None:
        """When the raw level will have settled if nothing else happens; None when it has."""
        return None if self.since_ms is None else self.since_ms + self.settle_ms

    def edge(self, *, active: bool, at_ms: int) -> tuple["Debounce", bool | None]:
        """The contact after an edge, and the level that settled by then, if one did."""
        after, settled = self.look(at_ms)
        if active == after.raw:
            return after, settled
        after = replace(after, since_ms=None if active == after.active else at_ms)
        if settled is None:
            return after.look(at_ms)
        return after, settled

    def look(self, now_ms: int) -> tuple["Debounce", bool | None]:
        """The contact at this time, and the level that settled by now, if one did."""
        if self.due_ms is None or now_ms < self.due_ms:
            return self, None
        return replace(self, active=not self.active, since_ms=None), not self.active
