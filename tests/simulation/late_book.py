"""What the central system that came late must have been told, by a model that knows nothing of the hub's tables.

P2: each passage of its period is told, or given up with a reason in the audit. P3: one key, one passage, whoever tells
it: live, a backfill, the daily look, a word of the office. P10: nothing is told before its gate could say what time it
was. `period`: nothing is told that nobody asked for. `look`: the daily look counts what there is, and finds what nobody
had been told of. `alarm`: what stands is what is wrong.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec
from sqlalchemy import select

from gate.model import Event
from hub.central.alarms import ASIDE, LATE, STOPPED
from hub.central.delivery import Delivery, State
from hub.central.happening import Happening
from hub.central.site_alarms import FAILING, PATIENCE_MS
from hub.central.target import Draft, Item
from hub.config import TargetSettings
from hub.corrections import Boot
from hub.presence import PASSAGE_COMPLETED
from hub.records import EventRecord, JournalKey
from hub.store import schema
from tests.simulation.sim_database import SimDatabase
from tests.simulation.sim_store import HubFile
from tests.simulation.tellings import Told
from tests.simulation.world import DAY_MS, HOUR_MS, World

LOOKS_BACK_MS = 3 * DAY_MS
LOOK_PATIENCE_MS = 2 * HOUR_MS
"""A daily look waits until a target is idle, and its hub has to be there."""
SAYS_NOTHING = (State.WAITING, State.QUEUED)


@dataclass(slots=True)
class Period:
    """From when on a target is to be told, by what was set and asked for."""

    entered_ms: int
    since_ms: int
    backfilled_ms: int | None = None
    """The earliest day from which on a backfill has come to its end."""


@dataclass(slots=True)
class Look:
    """What a daily look ought to count."""

    expected: set[str]
    unreadable: set[str]
    corrections: int
    disturbed: bool = False


@dataclass(slots=True)
class Known:
    """What the model knows of one database."""

    file: HubFile
    database: SimDatabase
    periods: dict[str, Period] = field(default_factory=dict)
    tellable_ms: dict[tuple[str, str], int] = field(default_factory=dict)
    """By target and key, since when it could be told."""
    missing: dict[str, set[str]] = field(default_factory=dict)
    """What a target should have in its queue and has not, or had not until a look that told nobody of it."""
    lost: dict[str, set[str]] = field(default_factory=dict)
    """What was in a target's queue and is so no more."""
    backfilling: set[str] = field(default_factory=set)
    """Targets for which a backfill has begun and has not come to its end."""
    left_out: dict[str, set[str]] = field(default_factory=dict)
    """What a target has stumbled over since it was looked after."""
    looks: dict[str, Look] = field(default_factory=dict)
    given_up: dict[str, str] = field(default_factory=dict)
    source_wrong_ms: int | None = None


class LateBook:
    """See the module."""

    def __init__(
        self, world: World, made: Mapping[JournalKey, Mapping[int, tuple[str, Event]]], known: Known, clock_wait_ms: int
    ) -> None:
        """`made` is what the gates truly recorded."""
        self.world = world
        self.known = known
        self._made = made
        self._clock_wait_ms = clock_wait_ms
        self._from_ms: int | None = None
        """From when on somebody has ever asked for something."""
        self._alone_until_ms = 0
        self._taken: set[str] = set()
        self._passage: dict[str, tuple[str, str, int]] = {}
        self._key: dict[tuple[str, str, int], str] = {}

    # --- the receiver ----------------------------------------------------------------------------------

    def arrived(self, key: str, body: bytes) -> None:
        """It has read a record."""
        told = msgspec.json.decode(body, type=Told)
        passage = (told.gate, told.epoch, told.seq)
        if self._passage.setdefault(key, passage) != passage:
            raise self.world.broken("P3", f"late central: {key} was {self._passage[key]}, now it is {passage}")
        if self._key.setdefault(passage, key) != key:
            raise self.world.broken("P3", f"late central: {passage} has come under two keys")
        at = self._made[JournalKey(told.gate, told.epoch)][told.seq][1].moment
        if at.trusted and (self._from_ms is None or at.wall_ms < self._from_ms):
            raise self.world.broken("period", f"late central: {told.gate}/{told.seq} is told, and nobody asked for it")
        self.world.counts["told late central again"] += key in self._taken

    def took(self, key: str) -> None:
        self.world.counts["passages told to late central"] += key not in self._taken
        self._taken.add(key)

    # --- the wire (`tests.simulation.central.Wire`) ------------------------------------------------------

    def leaves(self) -> None:
        """One of its requests goes out."""
        if self.world.now_ms < self._alone_until_ms:
            left_ms = self._alone_until_ms - self.world.now_ms
            raise self.world.broken("backoff", f"hub: a request {left_ms} ms before the time that was asked for")

    def starts(self, drafts: Sequence[Draft]) -> None:
        """The hub hands these over to be sent."""
        for draft in drafts:
            told = msgspec.json.decode(draft.body, type=Told)
            key = JournalKey(told.gate, told.epoch)
            at = self._made[key][told.seq][1].moment
            if at.trusted or Boot(key, at.boot) in self.known.file.corrections:
                continue
            early_ms = self.known.file.events[key][told.seq].received_ms + self._clock_wait_ms - self.world.now_ms
            if early_ms > 0:
                what = f"hub: {told.gate}/{told.seq} is told {early_ms} ms before its gate must have said the time"
                raise self.world.broken("P10", what)

    def wait_was_asked(self, for_ms: int) -> None:
        """The hub has the answer in its hands."""
        self._alone_until_ms = max(self._alone_until_ms, self.world.now_ms + for_ms)

    def left_alone_no_more(self) -> None:
        """A hub that begins and a person may try, whatever was said before."""
        self._alone_until_ms = 0

    # --- what the site has set, and what is asked for ----------------------------------------------------

    def enters(self, name: str, since_ms: int | None) -> None:
        """A hub begins with this target in its settings."""
        table = schema.targets
        with self.known.database.reading() as connection:
            if connection.scalar(select(table.c.name).where(table.c.name == name)) is not None:
                return
        now_ms = self.world.now_ms
        self.known.periods[name] = Period(now_ms, now_ms if since_ms is None else since_ms)
        self._asks_from(self.known.periods[name].since_ms)
        self.known.missing[name] = set()

    def backfill_begins(self, name: str, since_ms: int) -> None:
        self._asks_from(since_ms)
        self.known.backfilling.add(name)
        self.disturb(name)

    def backfilled(self, name: str, wanted: Sequence[tuple[Happening, Item]]) -> None:
        """A piece of it is written down: what was missing there is so no more."""
        self.known.missing[name] -= {item.id for _, item in wanted}
        self.disturb(name)

    def backfill_ended(self, name: str, since_ms: int) -> None:
        self.world.counts["backfills finished"] += 1
        self.known.backfilling.discard(name)
        period = self.known.periods[name]
        period.backfilled_ms = min(since_ms, period.backfilled_ms or since_ms)

    def lost(self, name: str, key: str) -> None:
        """The hub's database has it no more."""
        self.known.missing[name].add(key)
        self.known.lost.setdefault(name, set()).add(key)
        self.disturb(name)

    def stumbled_over(self, key: str) -> None:
        """The target could not read it: whoever asked has left it out."""
        self.world.counts["happenings stumbled over"] += 1
        for name in self.known.periods:
            self.known.left_out.setdefault(name, set()).add(key)

    def disturb(self, name: str) -> None:
        """While a look is under way, something else changes what it counts."""
        if name in self.known.looks:
            self.known.looks[name].disturbed = True

    def _asks_from(self, since_ms: int) -> None:
        self._from_ms = since_ms if self._from_ms is None else min(self._from_ms, since_ms)

    # --- the queue ---------------------------------------------------------------------------------------

    def comes(self, name: str, wanted: Sequence[tuple[Happening, Item]]) -> None:
        """These are about to be queued, where they are not yet."""
        if not wanted:
            return
        there = self._rows(name)
        for _, item in wanted:
            if item.id not in there:
                self.known.tellable_ms[name, item.id] = max(self.world.now_ms, item.not_before_ms)

    def retried(self, name: str, key: str) -> None:
        self.known.tellable_ms[name, key] = self.world.now_ms

    def gives_up(self, key: str, reason: str) -> None:
        """Somebody says so; whether it was written down is seen at the end."""
        self.known.given_up[key] = reason

    def settled(self, name: str, deliveries: Sequence[Delivery]) -> None:
        """The hub has written these down."""
        for one in deliveries:
            if one.state is State.ACCEPTED and one.item.id not in self._taken:
                raise self.world.broken("P2", f"hub: {one.item.id} counts as accepted, and late central never took it")
            self.world.counts[f"late deliveries {one.state}"] += one.state in (State.ACCEPTED, State.ASIDE)

    # --- the daily look ------------------------------------------------------------------------------------

    def look_begins(self, name: str, unreadable: set[str]) -> None:
        """`unreadable` are happenings at which the target stumbles just now."""
        table = schema.target_cursors
        with self.known.database.reading() as connection:
            chosen = select(table).where(table.c.target == name)
            reached = {JournalKey(row.stream, row.epoch): row.seq for row in connection.execute(chosen)}
            since_ms = connection.scalar(select(schema.targets.c.since_ms).where(schema.targets.c.name == name)) or 0
        from_ms = max(self.world.now_ms - LOOKS_BACK_MS, since_ms)
        expected = {
            record.id
            for key, record in self._passages()
            if record.seq <= reached.get(key, 0) and self._known_ms(key, record) >= from_ms
        } - unreadable
        new = expected - self._rows(name).keys()
        self._explained(name, new)
        self.known.missing[name] |= new
        self.known.looks[name] = Look(expected, unreadable, len(self.known.file.corrections))

    def _explained(self, name: str, missing: set[str]) -> None:
        """What is missing was lost, or left out by a target that stumbled: the hub itself forgets nothing."""
        if name in self.known.backfilling:
            return
        known = self.known.lost.get(name, set()) | self.known.left_out.get(name, set())
        for key, record in self._passages():
            if record.id in missing - known and self._is_asked_for(name, key, record):
                where = f"{record.gate}/{record.seq}"
                raise self.world.broken("P2", f"{where}: nobody has lost it, and late central was not to know")

    def look_ended(self, name: str) -> None:
        """It has written down what it counted."""
        look = self.known.looks.pop(name)
        missing, self.known.missing[name] = self.known.missing[name], set()
        table = schema.reconciliations
        with self.known.database.reading() as connection:
            chosen = select(table).where(table.c.target == name).order_by(table.c.at_ms.desc()).limit(1)
            counted = connection.execute(chosen).one()
        self.world.counts["daily looks"] += 1
        self.world.counts["missing deliveries found"] += counted.missing
        if look.disturbed or look.corrections != len(self.known.file.corrections):
            self.world.counts["daily looks disturbed"] += 1
            return
        self.known.left_out.get(name, set()).intersection_update(look.unreadable)
        if counted.missing != len(missing & look.expected):
            what = (
                f"hub: {len(missing & look.expected)} were missing, the daily look of {name} tells of {counted.missing}"
            )
            raise self.world.broken("look", what)
        if counted.expected != len(look.expected):
            what = f"hub: the daily look of {name} expects {counted.expected}, there are {len(look.expected)}"
            raise self.world.broken("look", what)
        given_up = sum(self._rows(name).get(one) == State.GIVEN_UP for one in look.expected)
        if counted.accepted + counted.open + counted.aside + counted.missing + given_up != counted.expected:
            raise self.world.broken("look", f"hub: the daily look of {name} does not add up: {counted}")

    # --- alarms ------------------------------------------------------------------------------------------

    def compare_alarms(self, settings: Sequence[TargetSettings]) -> None:
        """The hub has looked: what stands is what is wrong now, each told once when it began."""
        wrong = {(name, one.name) for one in settings for name in self._wrong_with(one)}
        since_ms = self.known.source_wrong_ms
        if since_ms is not None and self.world.now_ms - since_ms >= PATIENCE_MS:
            wrong.add((FAILING, "lifts"))
        standing: dict[tuple[str, str], bool] = {}
        table = schema.alarms
        with self.known.database.reading() as connection:
            for row in connection.execute(select(table).order_by(table.c.id)):
                if standing.get((row.name, row.subject), False) == row.raised:
                    raise self.world.broken("alarm", f"hub: {row.name} of {row.subject} is told twice")
                standing[row.name, row.subject] = row.raised
        told = {key for key, raised in standing.items() if raised}
        for name, _ in wrong:
            self.world.counts[f"alarm {name}"] += 1
        if wrong - told:
            raise self.world.broken("alarm", f"hub: nobody is told of {min(wrong - told)}")
        if told - wrong:
            raise self.world.broken("alarm", f"hub: {min(told - wrong)} stands, and nothing is wrong")

    def _wrong_with(self, settings: TargetSettings) -> Iterator[str]:
        table = schema.targets
        with self.known.database.reading() as connection:
            row = connection.execute(select(table).where(table.c.name == settings.name)).first()
        if row is None:
            return
        if row.stopped is not None:
            yield STOPPED
        rows = self._rows(settings.name)
        if State.ASIDE in rows.values():
            yield ASIDE
        since_ms, now_ms = self.known.tellable_ms, self.world.now_ms
        waits = [since_ms.get((settings.name, key), now_ms) for key, state in rows.items() if state in SAYS_NOTHING]
        if waits and now_ms - min(waits) > settings.deadline_min * 60_000:
            yield LATE

    # --- the end -----------------------------------------------------------------------------------------

    def finish(self, name: str) -> None:
        """Everything has healed and everybody has done their part."""
        rows = self._rows(name)
        excused = self.known.missing[name] | self.known.left_out.get(name, set())
        for key, record in self._passages():
            if self._is_asked_for(name, key, record) and record.id not in excused - rows.keys():
                self._told(record, rows.get(record.id))
        self._given_up_with_reasons(rows)

    def _is_asked_for(self, name: str, key: JournalKey, record: EventRecord) -> bool:
        period, at_ms = self.known.periods[name], self._known_ms(key, record)
        if period.backfilled_ms is not None and at_ms >= period.backfilled_ms:
            return True
        return at_ms >= period.since_ms and record.received_ms > period.entered_ms

    def look_is_overdue(self, name: str, due_ms: int) -> None:
        if self.world.now_ms > due_ms + LOOK_PATIENCE_MS:
            raise self.world.broken("look", f"hub: nobody has looked after {name} for more than a day")

    def _told(self, record: EventRecord, state: str | None) -> None:
        where = f"{record.gate}/{record.seq}"
        if state is None:
            raise self.world.broken("P2", f"{where}: stored at the hub, and late central was never to know")
        if state == State.GIVEN_UP and record.id in self.known.given_up:
            return
        if state != State.ACCEPTED or record.id not in self._taken:
            raise self.world.broken("P2", f"{where}: {state} at the end, for late central")

    def _given_up_with_reasons(self, rows: Mapping[str, str]) -> None:
        table = schema.audit
        with self.known.database.reading() as connection:
            noted = list(connection.scalars(select(table.c.detail).where(table.c.action == "delivery.given_up")))
        for key in (key for key, state in rows.items() if state == State.GIVEN_UP):
            reason = self.known.given_up.get(key)
            if reason is None:
                raise self.world.broken("P2", f"hub: {key} is given up, and nobody said so")
            if sum(key in one and reason in one for one in noted) != 1:
                raise self.world.broken("audit", f"hub: {key} is given up, and the audit does not say why")

    # --- inside ------------------------------------------------------------------------------------------

    def _passages(self) -> Iterator[tuple[JournalKey, EventRecord]]:
        for key, stored in self.known.file.events.items():
            for record in stored.values():
                if record.kind == PASSAGE_COMPLETED:
                    yield key, record

    def _known_ms(self, key: JournalKey, record: EventRecord) -> int:
        """When it happened, as far as can be told now."""
        at = self._made[key][record.seq][1].moment
        if at.trusted:
            return at.wall_ms
        correction = self.known.file.corrections.get(Boot(key, at.boot))
        return record.received_ms if correction is None else at.monotonic_ms + correction.offset_ms

    def _rows(self, name: str) -> dict[str, str]:
        table = schema.deliveries
        with self.known.database.reading() as connection:
            chosen = select(table.c.id, table.c.state).where(table.c.target == name)
            return {row.id: row.state for row in connection.execute(chosen)}
