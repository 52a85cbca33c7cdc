"""What of a hub concerns the central system that came late: the product's own code over the product's own tables.

A turn does what `hub.central.couriers` does with a target: enter, tell, look after yesterday. The watch over alarms, a
backfill and the words of the office are turns of their own.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from hub.central.alarms import LOOK_MS, AlarmWatch
from hub.central.courier import Courier
from hub.central.delivery import Delivery, Receiver, Rules
from hub.central.happening import Happening, Stream
from hub.central.ledger import Ledger
from hub.central.looking_back import DAY_MS, Progress, Reconciliation, backfill
from hub.central.site_alarms import site_alarms
from hub.central.target import Item
from hub.config import HubConfig, NeighbourSettings, TargetSettings
from hub.errors import OfficeError, StoreError
from portvakt.backoff import Backoff
from tests.simulation.central import Wire
from tests.simulation.invariants import Witness
from tests.simulation.late_book import Known, LateBook
from tests.simulation.late_central import LateCentral
from tests.simulation.sim_database import SimDatabase
from tests.simulation.sim_hub import ATTEMPTS, CLOCK_WAIT_MS, SimHub
from tests.simulation.world import DAY_MS as SIM_DAY_MS
from tests.simulation.world import MINUTE_MS, START_MS

KIND = "late"
SOURCE = NeighbourSettings(name="lifts", kind="mapped", every_s=60)
QUIET_MS = 360 * MINUTE_MS
"""How long a turn may wait where nothing is due; the bell is rung for what is new."""
ANSWER_MS = 30_000
NOTICED_MS = 30 * MINUTE_MS
REST_MS = 30 * MINUTE_MS
"""Both are shorter at a site; here one turn is for several records."""
PIECE_MS = 500
"""How long a daily look waits between two pieces."""
FROM_MS = START_MS - SIM_DAY_MS
"""The day from which on a backfill is asked for."""


class LateTarget:
    """Beside the hub: what lasts, and the process of the moment."""

    def __init__(self, hub: SimHub, site: str, witness: Witness, folder: Path) -> None:
        self.world = hub.world
        self.hub = hub
        self.site = site
        self._folder = folder
        self._databases = 0
        self._chance = hub.world.chance("late target")
        self.settings: TargetSettings | None = None
        """As they stand in the file; the hub reads them when it starts."""
        self.book = LateBook(hub.world, witness.made, self._known(), CLOCK_WAIT_MS)
        self.central = LateCentral(hub.world, self.book)
        self.between: Callable[[], None] | None = None
        """What another process does after the courier has looked for news and before it writes down that it has."""
        self._change = 0
        self.calm = False
        """Nothing goes wrong any more."""
        self._run = 0
        self.started()

    @property
    def database(self) -> SimDatabase:
        return self.book.known.database

    def close(self) -> None:
        self.database.close()

    # --- the process -----------------------------------------------------------------------------------

    def started(self) -> None:
        """A hub begins, with what is in the settings now."""
        self._run += 1
        if self.book.known.file is not self.hub.file:
            self.database.close()
            self.book.known = self._known()
        self.book.known.looks.clear()
        self.book.left_alone_no_more()
        self.in_force: tuple[TargetSettings, ...] = () if self.settings is None else (self.settings,)
        config = HubConfig(site=self.site, targets=self.in_force, sources=(SOURCE,))
        self._alarms = AlarmWatch(self.database, self.in_force, site_alarms(self.database, config))
        self._next_ms: int | None = None
        for settings in self.in_force:
            self._begin(settings)
        self.watch_in(MINUTE_MS)

    def died(self) -> None:
        self._run += 1

    def rang(self) -> None:
        """Something was taken in; most of it is no passage, and concerns no target."""
        change = max(self.hub.file.changes.values(), default=0)
        if change != self._change:
            self._change = change
            self.carry_in(NOTICED_MS)

    def carry_in(self, in_ms: int) -> None:
        """The courier's next turn, at the latest."""
        at_ms, run = self.world.now_ms + in_ms, self._run
        if not self.in_force or (self._next_ms is not None and self._next_ms <= at_ms):
            return
        self._next_ms = at_ms
        self.world.after(in_ms, lambda: self._carry(run, at_ms))

    def watch_in(self, in_ms: int) -> None:
        """Look for alarms then; and from then on again and again, if this process lives."""
        run = self._run
        self.world.after(in_ms, lambda: self.hub.turn("alarms", self._watch) if run == self._run else None)

    def _begin(self, settings: TargetSettings) -> None:
        run, uniform = self._run, self._chance.random
        self.ledger = WatchedLedger(self.database, self.site, settings.name, self)
        wire = Wire(
            self.hub, self.central,
            lives=lambda: run == self._run, started=lambda: None,
            answered=lambda: self.carry_in(1_000) if run == self._run else None,
        )  # fmt: skip
        rules = Rules(ATTEMPTS, Backoff(uniform, 1_000, 900_000), Backoff(uniform, 1_000, 300_000))
        self._courier = Courier(settings.name, self.central, self.ledger, wire, rules, clock_wait_ms=CLOCK_WAIT_MS)
        self._look = Reconciliation(settings.name, self.central, self.ledger, clock_wait_ms=CLOCK_WAIT_MS)
        self._look_due_ms = 0
        self._entered = False
        self.carry_in(0)

    def _carry(self, run: int, at_ms: int) -> None:
        if run == self._run and at_ms == self._next_ms:
            self._next_ms = None
            self.hub.turn("late courier", self._turn)

    def _turn(self) -> None:
        (settings,) = self.in_force
        now_ms = self.world.now_ms
        try:
            if not self._entered:
                self._enter(settings, now_ms)
            wait_ms = self._courier.turn(now_ms)
            if not self._courier.under_way and wait_ms:
                self._look_back(settings.name, now_ms)
            if self._courier.under_way:
                # The answer asks for a turn.
                wait_ms = ANSWER_MS
            elif wait_ms:
                due_ms = self.ledger.next_due_ms(now_ms + 1)
                rest_ms = MINUTE_MS if self.calm else REST_MS
                wait_ms = max(rest_ms, min(QUIET_MS, QUIET_MS if due_ms is None else due_ms - now_ms))
        except StoreError:
            self.book.disturb(settings.name)
            wait_ms = REST_MS
        self.carry_in(min(wait_ms, PIECE_MS) if self._looking else wait_ms)

    def _enter(self, settings: TargetSettings, now_ms: int) -> None:
        since_ms = None if settings.since is None else FROM_MS
        self.book.enters(settings.name, since_ms)
        self.ledger.enter(KIND, since_ms, now_ms)
        self._look_due_ms = (self.ledger.reconciled_ms() or -DAY_MS) + DAY_MS
        self._entered = True

    @property
    def _looking(self) -> bool:
        return self._look._walk is not None

    def _look_back(self, name: str, now_ms: int) -> None:
        begins = not self._looking and now_ms >= self._look_due_ms
        if begins:
            happenings = [one.id for stored in self.hub.file.events.values() for one in stored.values()]
            self.book.look_begins(name, self.central.unreadable(happenings))
            if self.book.known.missing[name] and not self.calm and self._chance.random() < 0.6:
                self.world.counts["daily looks that may be interrupted"] += 1
                self.hub.arm(self._chance.randint(2, 8), power=False)
        was_looking = self._looking
        self._look.turn(now_ms)
        if (begins or was_looking) and not self._looking:
            self.book.look_ended(name)
            self._look_due_ms = now_ms + DAY_MS

    def _watch(self) -> None:
        try:
            self._alarms.tick(self.world.now_ms)
        except StoreError:
            self.watch_in(LOOK_MS)
            return
        self.book.compare_alarms(self.in_force)
        self.watch_in(self._chance.randint(20, 120) * MINUTE_MS)

    def finish(self) -> None:
        """Everything has healed."""
        if self.in_force:
            (settings,) = self.in_force
            self.book.look_is_overdue(settings.name, self._look_due_ms)
            self.book.finish(settings.name)

    def _known(self) -> Known:
        self._databases += 1
        file = self.hub.file
        return Known(file, SimDatabase(self._folder / f"{self._databases}.sqlite3", self.hub, self.hub.disk, file))


class WatchedLedger(Ledger):
    """The product's, seen by the book."""

    def __init__(self, database: SimDatabase, site: str, name: str, late: LateTarget) -> None:
        super().__init__(database, site, name)
        self._name = name
        self._late = late

    def plan(self, wanted: Sequence[tuple[Happening, Item]], cursors: Mapping[Stream, int], now_ms: int) -> None:
        other, self._late.between = self._late.between, None
        if other is not None:
            other()
        self._late.book.comes(self._name, wanted)
        super().plan(wanted, cursors, now_ms)

    def add(self, wanted: Sequence[tuple[Happening, Item]], walked: Mapping[Stream, int], now_ms: int) -> int:
        self._late.book.comes(self._name, wanted)
        count = super().add(wanted, walked, now_ms)
        self._late.book.backfilled(self._name, wanted)
        return count

    def note(self, counted: Mapping[str, int], missing: Sequence[tuple[Happening, Item]], now_ms: int) -> None:
        self._late.book.comes(self._name, missing)
        super().note(counted, missing, now_ms)

    def settle(self, deliveries: Sequence[Delivery], receiver: Receiver, now_ms: int) -> None:
        super().settle(deliveries, receiver, now_ms)
        self._late.book.settled(self._name, deliveries)


class Backfilling:
    """`hub central backfill`: a process of its own, interrupted and begun again until it has come to its end."""

    def __init__(self, late: LateTarget, name: str) -> None:
        self._late = late
        self._name = name
        self._chance = late.world.chance(f"backfill/{late.world.now_ms}")
        self._ledger = WatchedLedger(late.database, late.site, name, late)
        self._database = late.database
        self._walk: Iterator[Progress] | None = None
        self.over = False

    def begin(self) -> None:
        """Its first step is one of those of another process."""
        self._step()

    def go_on(self) -> None:
        """A piece; the next one follows."""
        if self._late.database is not self._database:
            # Nobody goes on with what an empty database knows nothing of.
            self.over = True
        if self.over:
            return
        if self._chance.random() < 0.15 and not self._late.calm:
            self._late.hub.arm(self._chance.randint(1, 6), power=False)
        self._late.hub.turn("backfill", self._step)
        pause_ms = self._chance.randint(50, 5_000)
        if not self._late.hub.up or (self._chance.random() < 0.1 and not self._late.calm):
            self._interrupted()
            pause_ms = self._chance.randint(5, 40) * MINUTE_MS
        self._late.world.after(pause_ms, self.go_on)

    def _step(self) -> None:
        book, world = self._late.book, self._late.world
        if self._walk is None:
            book.backfill_begins(self._name, FROM_MS)
            self._walk = backfill(
                self._ledger, self._late.central, FROM_MS, lambda: world.now_ms, clock_wait_ms=CLOCK_WAIT_MS
            )
        try:
            if next(self._walk, None) is None:
                self.over = True
                book.backfill_ended(self._name, FROM_MS)
            self._late.carry_in(NOTICED_MS)
        except StoreError:
            self._interrupted()
        except OfficeError:
            # The hub has not met it yet.
            self._interrupted()

    def _interrupted(self) -> None:
        if self._walk is not None:
            self._late.world.counts["backfills interrupted"] += not self.over
        self._walk = None
