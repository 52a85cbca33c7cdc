"""What the hub itself finds wrong with its deliveries: told once when it begins, once when it ends.

Each beginning and end is a row, and so a happening of its own: a feed may tell a central system of it.
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from hub.central.overview import TargetLine, standing_alarms, target_lines
from hub.config import TargetSettings
from hub.recurring import Recurring
from hub.store import HubStore, schema

log = logging.getLogger(__name__)

LATE = "delivery.late"
STOPPED = "delivery.stopped"
ASIDE = "delivery.aside"
DELIVERY = frozenset({LATE, STOPPED, ASIDE})
"""Other alarms begin and end elsewhere."""
LOOK_MS = 30_000


class Condition(NamedTuple):
    """Something wrong. `name` and `subject` tell whether it is the same one as before; `words` may change."""

    name: str
    subject: str
    words: str


def conditions(lines: Iterable[TargetLine]) -> list[Condition]:
    """What is wrong with these targets."""
    found = []
    for one in lines:
        if one.state == "left":
            continue
        if one.state == "stopped":
            found.append(Condition(STOPPED, one.name, one.words))
        if one.late:
            told = f"the oldest of {one.waiting + one.queued} has waited {one.lag_ms // 60_000} min"
            found.append(Condition(LATE, one.name, f"{told}; {one.words}" if one.words else told))
        if one.aside:
            found.append(Condition(ASIDE, one.name, f"{one.aside} set aside; see: hub central aside {one.name}"))
    return found


class More(NamedTuple):
    """What else is looked after: the names of its conditions, and those that hold at a time."""

    names: frozenset[str]
    at: Callable[[int], Iterable[Condition]]


_NO_MORE = More(frozenset(), lambda _: ())


class AlarmWatch:
    """Looks every half minute. One thread."""

    def __init__(self, store: HubStore, settings: Sequence[TargetSettings], more: More = _NO_MORE) -> None:
        self._store = store
        self._more = more
        self._settings = settings
        self._looks = Recurring(LOOK_MS)

    def tick(self, now_ms: int) -> None:
        """Look, if it is time. Raises StoreError."""
        if not self._looks.due(now_ms):
            return
        self._looks.done(now_ms)
        self.look(now_ms)

    def look(self, now_ms: int) -> None:
        """Write down what has begun and what has ended. Raises StoreError."""
        found = [*conditions(target_lines(self._store, self._settings, now_ms)), *self._more.at(now_ms)]
        wrong = {one[:2]: one for one in found}
        with self._store.reading() as connection:
            standing = standing_alarms(connection)
        ours = DELIVERY | self._more.names
        known = {(one.name, one.subject) for one in standing if one.name in ours}
        rows = [
            {"at_ms": now_ms, "name": key[0], "subject": key[1], "raised": True, "words": wrong[key].words}
            for key in wrong
            if key not in known
        ] + [
            {"at_ms": now_ms, "name": key[0], "subject": key[1], "raised": False, "words": ""}
            for key in sorted(known - wrong.keys())
        ]
        if not rows:
            return
        with self._store.writing() as connection:
            connection.execute(schema.alarms.insert(), rows)
        for row in rows:
            if row["raised"]:
                log.error("alarm=%s subject=%s words=%r", row["name"], row["subject"], row["words"])
            else:
                log.warning("alarm=%s subject=%s over", row["name"], row["subject"])
