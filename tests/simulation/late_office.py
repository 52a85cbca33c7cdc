"""What people do about the central system that came late, and what goes wrong with it: planned a day at a time.

It is put into the settings when the site has long begun, is asked to be told what was before, gets another name, is
taken away and comes back. Somebody looks after what was set aside: mends it and tries again, or gives it up.
"""

import contextlib
from collections.abc import Callable
from functools import partial

from sqlalchemy import delete, select

from hub.central import words
from hub.central.delivery import State
from hub.central.overview import aside_lines
from hub.config import TargetSettings
from hub.errors import OfficeError, StoreError
from hub.store import CheckInTransaction, schema
from tests.simulation.central import Mood
from tests.simulation.late_target import KIND, SOURCE, Backfilling, LateTarget
from tests.simulation.world import DAY_MS, HOUR_MS, MINUTE_MS, START_MS

NAMES = ("inspection", "labour-inspection", "authority", "labour-authority")
DEADLINE_MIN = 90.0
ROUND_MS = 2 * HOUR_MS
WHO = "office"


def has_late_central(seed: int) -> bool:
    """Every other site: a real database costs as much as all the rest of one."""
    return seed % 2 == 1


class LateOffice:
    """See the module."""

    def __init__(self, late: LateTarget, cut_off: Callable[[int], None]) -> None:
        """`cut_off` keeps a gate from telling anything for so many ms."""
        self._cut_off = cut_off
        late.hub.beside.append(late)
        self._late = late
        self._world = late.world
        self._hub = late.hub
        self._chance = late.world.chance("late office")
        self._renamed = 0
        self._backfilling: Backfilling | None = None
        self._over = False

    def plan_day(self, day: int) -> None:
        """Ask the scheduler for what is done and what goes wrong that day."""
        start_ms = START_MS + day * DAY_MS
        if day == 0:
            self._at(start_ms, 2, 5, self._add)
            if self._chance.random() < 0.6:
                self._at(start_ms, 0, 2, self._old_news)
            else:
                self._at(start_ms, 7, 12, self._backfill)
        elif self._chance.random() < 0.5:
            self._at(start_ms, 3, 9, self._rename)
        else:
            self._at(start_ms, 3, 9, self._take_away)
        for hour in range(0, 24, 2):
            self._at(start_ms, hour, hour + 2, self._round)
        self._some(start_ms, 3, self._away)
        self._some(start_ms, 2, self._locked)
        self._some(start_ms, 2, self._stumble)
        self._some(start_ms, 3, self._lose_rows)
        self._some(start_ms, 2, self._source_fails)

    def end(self) -> None:
        """Nothing goes wrong any more, and the office does what is left to do."""
        self._over = self._late.calm = True
        self._late.between = None
        self._late.central.heal()
        if self._late.settings is None:
            self._late.settings = self._target(NAMES[self._renamed])
        if self._late.in_force != (self._late.settings,):
            self._hub.arm(1, power=False)
        self._world.after(20 * MINUTE_MS, self._source_works)
        for after_min in (20, 80):
            self._world.after(after_min * MINUTE_MS, self._wake)
            self._world.after((after_min + 1) * MINUTE_MS, self._retry_all)
        if self._chance.random() < 0.5:
            self._world.after(30 * MINUTE_MS, self._backfill)

    def finish(self) -> None:
        """Raises Broken."""
        self._late.finish()

    def close(self) -> None:
        """The databases."""
        self._late.close()

    # --- the settings ------------------------------------------------------------------------------------

    def _target(self, name: str) -> TargetSettings:
        since = "2026-03-01" if self._world.seed % 6 == 5 else None
        return TargetSettings(name=name, kind=KIND, since=since, deadline_min=DEADLINE_MIN)

    def _add(self) -> None:
        self._set(self._target(NAMES[0]), "targets added late")

    def _rename(self) -> None:
        """For the hub it is another target; the office asks for what the former one was told."""
        if self._late.settings is None:
            return
        self._renamed = (self._renamed + 1) % len(NAMES)
        self._set(self._target(NAMES[self._renamed]), "targets renamed")
        self._world.after(self._chance.randint(20, 90) * MINUTE_MS, self._backfill)

    def _take_away(self) -> None:
        back = self._late.settings
        if back is None:
            return
        self._set(None, "targets taken away")
        in_ms = self._chance.randint(30, 600) * MINUTE_MS
        self._world.after(in_ms, lambda: None if self._over else self._set(back, "targets that came back"))

    def _set(self, settings: TargetSettings | None, what: str) -> None:
        """The file is changed, and the hub started again."""
        self._late.settings = settings
        self._world.counts[what] += 1
        self._world.trace("office", what)
        self._hub.arm(1, power=False)

    # --- what is asked for ---------------------------------------------------------------------------------

    def _backfill(self) -> None:
        if self._late.settings is None or (self._backfilling is not None and not self._backfilling.over):
            return
        self._world.counts["backfills"] += 1
        self._backfilling = one = Backfilling(self._late, self._late.settings.name)
        one.go_on()

    def _old_news(self) -> None:
        """A gate was cut off when the target was added, and tells of that morning as the backfill begins."""
        for_ms = self._chance.randint(6, 9) * HOUR_MS
        self._cut_off(for_ms)
        self._world.after(for_ms, self._backfill_meanwhile)

    def _backfill_meanwhile(self) -> None:
        """It begins after the courier has read what is new, and before it has written down that it has."""
        if self._late.settings is None or self._over:
            return
        self._world.counts["backfills that began while news were read"] += 1
        self._backfilling = one = Backfilling(self._late, self._late.settings.name)
        self._late.between = one.begin
        self._world.after(HOUR_MS, one.go_on)

    def _round(self) -> None:
        """Somebody looks at what was set aside, and at a target that stopped."""
        act = self._chance.choice((self._one_by_one, self._one_by_one, self._retry_all, self._wake))
        act()

    def _one_by_one(self) -> None:
        def each() -> None:
            for line in aside_lines(self._late.database, self._name, 1_000):
                chance = self._chance.random()
                if chance < 0.3:
                    self._give_up(line.id)
                elif chance < 0.6:
                    self._late.central.mend(line.id)
                    self._late.book.retried(line.target, line.id)
                    words.retry(self._late.database, line.target, line.id[:18], WHO, self._world.now_ms)
                    self._world.counts["deliveries retried"] += 1

        self._act(each)

    def _give_up(self, key: str) -> None:
        reason = f"not one of ours: {self._chance.randint(1, 9_999)}"
        self._late.book.gives_up(key, reason)
        words.give_up(self._late.database, self._name, key, by=WHO, reason=reason, now_ms=self._world.now_ms)
        self._world.counts["deliveries given up"] += 1

    def _retry_all(self) -> None:
        def each() -> None:
            for line in aside_lines(self._late.database, self._name, 1_000):
                if self._chance.random() < 0.8:
                    self._late.central.mend(line.id)
                self._late.book.retried(line.target, line.id)
            count = words.retry_all(self._late.database, self._name, WHO, self._world.now_ms)
            self._world.counts["deliveries retried with all others"] += count

        self._act(each)

    def _wake(self) -> None:
        """Whether that is any use or not."""

        def wake() -> None:
            self._late.book.left_alone_no_more()
            words.wake(self._late.database, self._name, WHO, self._world.now_ms)
            self._world.counts["late targets woken"] += 1

        self._act(wake)

    def _act(self, act: Callable[[], None]) -> None:
        def acts() -> None:
            self._late.book.disturb(self._name)
            # A full disk, or what is no longer as it was shown: said to whoever asked, and nothing else comes of it.
            with contextlib.suppress(StoreError, OfficeError):
                act()
            self._late.carry_in(1)

        if self._late.settings is not None:
            self._hub.turn("late office", acts)

    @property
    def _name(self) -> str:
        return NAMES[self._renamed]

    # --- what goes wrong -----------------------------------------------------------------------------------

    def _away(self) -> None:
        self._be(Mood.AWAY, self._chance.choice((10, 40, 120, 300)))

    def _locked(self) -> None:
        self._be(Mood.LOCKED, self._chance.randint(10, 120))

    def _be(self, mood: Mood, for_min: int) -> None:
        central = self._late.central
        if central.mood is Mood.WELL:
            central.be(mood)
            self._world.after(for_min * MINUTE_MS, lambda: None if self._over else central.be(Mood.WELL))

    def _stumble(self) -> None:
        central = self._late.central
        central.stumbles = True
        self._stumbling_changed()

        def mended() -> None:
            central.stumbles = False
            self._stumbling_changed()

        self._world.after(self._chance.randint(20, 300) * MINUTE_MS, mended)

    def _stumbling_changed(self) -> None:
        for settings in self._late.in_force:
            self._late.book.disturb(settings.name)

    def _lose_rows(self) -> None:
        """Somebody has mended the database by hand."""
        table = schema.deliveries
        with self._late.database.rough() as connection:
            chosen = select(table.c.target, table.c.id, table.c.state).order_by(table.c.target, table.c.id)
            rows = connection.execute(chosen).all()
            settled = [row for row in rows if row.state != State.GIVEN_UP]
            for row in self._chance.sample(settled, min(3, len(settled))):
                connection.execute(delete(table).where(table.c.target == row.target, table.c.id == row.id))
                self._late.book.lost(row.target, row.id)
                self._world.counts["deliveries lost from the database"] += 1

    def _source_fails(self) -> None:
        known = self._late.book.known

        def fail() -> None:
            with self._late.database.rough() as connection:
                CheckInTransaction(connection).failed(SOURCE.name, "answers 502", self._world.now_ms)
            if known.source_wrong_ms is None:
                known.source_wrong_ms = self._world.now_ms

        fail()
        self._world.after(self._chance.randint(1, 60) * MINUTE_MS, self._source_works)

    # --- when --------------------------------------------------------------------------------------------

    def _source_works(self) -> None:
        with self._late.database.rough() as connection:
            CheckInTransaction(connection).succeeded(SOURCE.name, "", self._world.now_ms)
        self._late.book.known.source_wrong_ms = None

    def _some(self, start_ms: int, times: int, do: Callable[[], None]) -> None:
        for _ in range(self._chance.randint(0, times)):
            self._at(start_ms, 2, 14, do)

    def _at(self, start_ms: int, from_hour: int, until_hour: int, do: Callable[[], None]) -> None:
        at_ms = start_ms + self._chance.randint(from_hour * HOUR_MS, until_hour * HOUR_MS)
        self._world.after(at_ms - self._world.now_ms, partial(self._unless_over, do))

    def _unless_over(self, do: Callable[[], None]) -> None:
        if not self._over:
            do()
