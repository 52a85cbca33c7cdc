"""Known bugs of what looks back on deliveries, and of what people may say of them; see `tests.simulation.mutants`."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from typing import Any
from unittest import mock

from sqlalchemy import Connection, update

import hub.central.alarms
import hub.central.courier
import hub.central.delivery
import hub.central.looking_back
import hub.central.overview
import hub.central.site_alarms
from hub.central import streams, words
from hub.central.alarms import AlarmWatch, Condition
from hub.central.delivery import State
from hub.central.happening import Happening, Stream
from hub.central.ledger import Ledger
from hub.central.looking_back import Reconciliation
from hub.central.overview import TargetLine
from hub.central.target import Item
from hub.store import CrewTransaction, HubStore, schema


def backfill_with_keys_of_its_own() -> AbstractContextManager[Any]:
    """What is told late has another key."""
    wanted = hub.central.looking_back._wanted

    def renamed(*asked: Any) -> list[tuple[Happening, Item]]:
        return [(one, item._replace(id=item.id[::-1].replace("-", "")[:32])) for one, item in wanted(*asked)]

    return _patched((hub.central.looking_back, "_wanted", renamed))


def backfill_progress_before_the_items() -> AbstractContextManager[Any]:
    """How far a backfill has come is written down first."""
    add = Ledger.add

    def later(self: Ledger, wanted: Any, walked: Mapping[Stream, int], now_ms: int) -> int:
        add(self, [], walked, now_ms)
        return add(self, wanted, {}, now_ms)

    return _patched((Ledger, "add", later))


def told_from_the_beginning() -> AbstractContextManager[Any]:
    """Whoever comes late is told everything."""
    enter = Ledger.enter
    return _patched((Ledger, "enter", lambda self, kind, _, now_ms: enter(self, kind, 0, now_ms)))


def place_lost_while_away() -> AbstractContextManager[Any]:
    """A target that comes back begins with what comes next."""
    enter = Ledger.enter

    def afresh(self: Ledger, kind: str, since_ms: int | None, now_ms: int) -> None:
        enter(self, kind, since_ms, now_ms)
        with self._store.taking_in() as connection:
            if since_ms is None:
                self._put_cursors(connection, streams.ends(connection))

    return _patched((Ledger, "enter", afresh))


def look_counts_and_queues_nothing() -> AbstractContextManager[Any]:
    """What is missing is told of, and left so."""
    note = Ledger.note
    return _patched((Ledger, "note", lambda self, counted, _, now_ms: note(self, counted, [], now_ms)))


def look_queues_before_it_tells() -> AbstractContextManager[Any]:
    """A hub that dies in the middle has mended something, and nobody ever hears of it."""
    turn = Reconciliation.turn

    def as_it_goes(self: Reconciliation, now_ms: int) -> None:
        turn(self, now_ms)
        if self._walk is not None:
            found = self._walk.gi_frame.f_locals["missing"]  # type: ignore[attr-defined]
            Ledger.add(self._ledger, found, {}, now_ms)

    return _patched((Reconciliation, "turn", as_it_goes))


def queued_words_count_as_told() -> AbstractContextManager[Any]:
    """What a queue has refused is not sent again: those words were said."""
    asked = hub.central.delivery.asked

    def kept(delivery: Any, outcome: Any, now_ms: int) -> Any:
        return replace(asked(delivery, outcome, now_ms), digest=delivery.digest)

    afresh = words._afresh

    def same_words(now_ms: int) -> dict[str, object]:
        return {name: value for name, value in afresh(now_ms).items() if name != "digest"}

    return _patched((hub.central.courier, "asked", kept), (words, "_afresh", same_words))


def tried_again_and_late_at_once() -> AbstractContextManager[Any]:
    """What is tried again has waited since it was first told."""
    afresh = words._afresh

    def aged(now_ms: int) -> dict[str, object]:
        return {name: value for name, value in afresh(now_ms).items() if name != "ready_ms"}

    return _patched((words, "_afresh", aged))


def given_up_without_a_word() -> AbstractContextManager[Any]:
    """The audit knows that something was given up, and not why."""
    note = CrewTransaction.note

    def terse(self: CrewTransaction, entry: Any) -> None:
        note(self, replace(entry, detail=entry.detail.split()[0]) if entry.action == "delivery.given_up" else entry)

    return _patched((CrewTransaction, "note", terse))


def wake_ends_the_pause_alone() -> AbstractContextManager[Any]:
    """A target that stopped is left so."""

    def wake(store: HubStore, target: str, by: str, now_ms: int) -> None:
        table = schema.targets
        with store.writing() as connection:
            connection.execute(update(table).where(table.c.name == target).values(pause_until_ms=0))

    enter = Ledger.enter

    def keeps(self: Ledger, kind: str, since_ms: int | None, now_ms: int) -> None:
        known = self.__dict__["_store"]
        with known.reading() as connection:
            rows = list(connection.execute(schema.targets.select().where(schema.targets.c.name == self._target)))
        if not rows:
            enter(self, kind, since_ms, now_ms)

    return _patched((words, "wake", wake), (Ledger, "enter", keeps))


def late_from_the_first_minute() -> AbstractContextManager[Any]:
    """Nobody asks for the deadline."""
    line = hub.central.overview._line

    def hasty(row: Any, counted: Any, looks: Any, now_ms: int, late_ms: int | None) -> TargetLine:
        return line(row, counted, looks, now_ms, None if late_ms is None else 60_000)

    return _patched((hub.central.overview, "_line", hasty))


def late_only_where_it_waits() -> AbstractContextManager[Any]:
    """What the receiver has in its own queue is never late."""
    counts = hub.central.overview._counts

    def waiting(connection: Connection, names: Iterable[str], now_ms: int) -> dict[tuple[str, str], Any]:
        found = counts(connection, names, now_ms)
        return {key: one._replace(oldest_ms=None) if key[1] == State.QUEUED else one for key, one in found.items()}

    return _patched((hub.central.overview, "_counts", waiting))


def stopped_and_nobody_hears() -> AbstractContextManager[Any]:
    """A target that stopped only waits."""
    conditions = hub.central.alarms.conditions

    def quiet(lines: Iterable[TargetLine]) -> list[Condition]:
        return [one for one in conditions(lines) if one.name != hub.central.alarms.STOPPED]

    return _patched((hub.central.alarms, "conditions", quiet))


def alarms_of_who_has_left() -> AbstractContextManager[Any]:
    """A target that was taken away is watched as before."""
    conditions = hub.central.alarms.conditions

    def stubborn(lines: Iterable[TargetLine]) -> list[Condition]:
        return conditions(replace(one, state="waiting") if one.state == "left" else one for one in lines)

    return _patched((hub.central.alarms, "conditions", stubborn))


def alarms_never_end() -> AbstractContextManager[Any]:
    """What was wrong once is wrong for ever."""
    look = AlarmWatch.look
    seen: dict[tuple[str, str], Condition] = {}
    conditions = hub.central.alarms.conditions

    def remembered(lines: Iterable[TargetLine]) -> list[Condition]:
        seen.update({one[:2]: one for one in conditions(lines)})
        return list(seen.values())

    def fresh(self: AlarmWatch, now_ms: int) -> None:
        if not self.__dict__.setdefault("began", False):
            seen.clear()
            self.__dict__["began"] = True
        look(self, now_ms)

    return _patched((hub.central.alarms, "conditions", remembered), (AlarmWatch, "look", fresh))


def sources_fail_in_silence() -> AbstractContextManager[Any]:
    """A source is given a day before anybody is told."""
    return _patched((hub.central.site_alarms, "PATIENCE_MS", 86_400_000))


LATE_MUTANTS: Sequence[Callable[[], AbstractContextManager[Any]]] = (
    backfill_with_keys_of_its_own, backfill_progress_before_the_items,
    told_from_the_beginning, place_lost_while_away, look_counts_and_queues_nothing,
    look_queues_before_it_tells, queued_words_count_as_told, tried_again_and_late_at_once,
    given_up_without_a_word, wake_ends_the_pause_alone, late_from_the_first_minute, late_only_where_it_waits,
    stopped_and_nobody_hears, alarms_of_who_has_left, alarms_never_end, sources_fail_in_silence,
)  # fmt: skip


@contextmanager
def _patched(*patches: tuple[object, str, object]) -> Iterator[None]:
    with ExitStack() as stack:
        for owner, name, value in patches:
            stack.enter_context(mock.patch.object(owner, name, value))
        yield
