"""Two other systems at the site, an app and a card reader of somebody else's, and the people who use them.

What they tell is the public interface of each, as `portvakt.doubles` has it. They tell late, out of order and again;
the app withdraws and corrects what it told; its server dies in the middle of a round, comes back with the database of
an hour ago or with a clock that is behind, and phones send again what it has lost.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from hub.check_ins import Change, Kept
from hub.muster import UNACCOUNTED, Called
from hub.presence import ENTRY, EXIT, CardKey, Certainty, Sighting, place_of
from hub.records import Rejected
from portvakt.doubles import chkbox, ditio
from portvakt.doubles.serving import Reply, Request
from tests.simulation.others import Mood, OtherServer
from tests.simulation.world import DAY_MS, HOUR_MS, MINUTE_MS, START_MS, World

if TYPE_CHECKING:
    from tests.simulation.sim_store import HubFile, SourceFile

APP = "ditio"
READER = "chkbox"
PAGE = 4
WRITING_MS = 240_000
"""So long after the time of its change a record of the app may not be there yet."""
LATE_MS = 5 * HOUR_MS
ANNEX = 80_000
"""From here on the numbers are of cards that no gate ever sees: people in the annex, who have the app."""
Live = dict[tuple[str, str], tuple[CardKey, int]]
"""By their id and direction: whose card, and when."""


class SimApp(OtherServer):
    """Ditio. Its clock may be behind, and its memory may be that of yesterday."""

    def __init__(self, world: World) -> None:
        super().__init__(world, "app", patience_ms=MINUTE_MS)
        self._behind_ms = 0
        self._right_when_heard = False
        self._heard = True
        """Whether the hub has had an answer by the clock as it is now."""
        self._double = ditio.Ditio(page=1 << 30, now=self._now)
        self._rounds: dict[str, Sequence[ditio.Stay]] = {}
        """What rounds under way have still to tell, by their tokens. A restart forgets them."""
        self._numbers = 0
        self.at_page: Callable[[], None] | None = None
        """What goes wrong when the next page that is not a round's last has been told."""
        self._backup: dict[str, ditio.Stay] = {}
        self.changed_ms: dict[str, int] = {}
        """When each record was written last, by the true clock."""

    @property
    def clock_ms(self) -> int:
        return self.world.now_ms - self._behind_ms

    @property
    def stays(self) -> Mapping[str, ditio.Stay]:
        return self._double.stays

    def answer(self, request: Request) -> Reply:
        if request.path != ditio.LIST_PATH:
            return self._double.answer(request)
        token = request.query.get("ContinuationToken")
        if token is None:
            return self._begin(request)
        if token not in self._rounds:
            self.world.counts["tokens of a former life"] += 1
            return Reply(400, b'{"message": "Bad ContinuationToken"}')
        return self._page(self._rounds[token])

    def write(self, stay: ditio.Stay, changed_ms: int) -> None:
        """A record is there from now on; `changed_ms` is what it says of itself."""
        self.stays_changed(stay.id)
        self._double.stays[stay.id] = replace(stay, changed=_moment(changed_ms))

    def stays_changed(self, name: str) -> None:
        self.changed_ms[name] = self.world.now_ms

    def new_id(self) -> str:
        self._numbers += 1
        return f"{self._numbers:024x}"

    def restart(self) -> None:
        """Rounds under way are forgotten."""
        self.world.counts["app restarts"] += 1
        self._rounds.clear()

    def back_up(self) -> None:
        self._backup = dict(self._double.stays)

    def restore(self) -> list[ditio.Stay]:
        """The database of some time ago; returns what that lacks, which the phones still have."""
        self.world.counts["app restored"] += 1
        self.restart()
        lost = [stay for name, stay in self._double.stays.items() if self._backup.get(name) != stay]
        for stay in lost:
            self.stays_changed(stay.id)
        self._double.stays.clear()
        self._double.stays.update(self._backup)
        return lost

    def lose_clock(self, behind_ms: int) -> None:
        """It is behind from now on."""
        self.world.counts["app's clock set"] += 1
        self._behind_ms, self._right_when_heard, self._heard = behind_ms, False, False

    def find_clock(self) -> None:
        """It is right again, when it has been heard with the wrong one: nobody can know of one that never was."""
        if self._heard:
            self._behind_ms = 0
        self._right_when_heard = not self._heard

    def _now(self) -> datetime:
        return _moment(self.clock_ms)

    def _begin(self, request: Request) -> Reply:
        """The first page of a round, which tells all as it is at its beginning."""
        whole = self._double.answer(request)
        if whole.status != 200:
            return whole
        if self.mood is Mood.WELL:
            self._heard = True
            if self._right_when_heard:
                self.world.after(1, self.find_clock)
        return self._page([self.stays[one["id"]] for one in msgspec.json.decode(whole.body)["data"]])

    def _page(self, rest: Sequence[ditio.Stay]) -> Reply:
        following = None
        if len(rest) > PAGE:
            self._numbers += 1
            following = f"{self._numbers:x}"
            self._rounds[following] = rest[PAGE:]
            goes_wrong, self.at_page = self.at_page, None
            if goes_wrong is not None:
                self.world.after(1, goes_wrong)
        told = {"data": [ditio._record(one) for one in rest[:PAGE]], "continuationToken": following}
        return Reply(200, msgspec.json.encode(told))


class SimReader(OtherServer):
    """ChkBox. Nothing is ever deleted there; what a reader saw without a network comes late."""

    def __init__(self, world: World) -> None:
        super().__init__(world, "reader", patience_ms=MINUTE_MS)
        self._double = chkbox.ChkBox()
        self.came_ms: dict[str, int] = {}

    @property
    def registrations(self) -> Sequence[chkbox.Registration]:
        return self._double.registrations

    def answer(self, request: Request) -> Reply:
        return self._double.answer(request)

    def register(self, number: str, action: str, at_ms: int) -> None:
        made = self._double.register(number, action, _moment(at_ms).isoformat())
        self.came_ms[made.id] = self.world.now_ms

    def number_of(self, registration: chkbox.Registration) -> str:
        return self._double.cards[registration.card or ""]


class Neighbours:
    """Both, and the people who use them."""

    def __init__(self, world: World, app: SimApp, reader: SimReader, workers: Sequence[str]) -> None:
        """`workers` are the cards of people who go through the gates as well."""
        self.world = world
        self.app = app
        self.reader = reader
        self.chance = world.chance("neighbours")
        self._annex = [f"{ANNEX + number}" for number in range(max(2, len(workers) // 2))]
        self._workers = workers

    def plan_day(self, day: int) -> None:
        """Ask the scheduler for everything that people mean to do that day."""
        chance, start_ms = self.chance, START_MS - 4 * HOUR_MS + day * DAY_MS
        for number in (*self._annex, *self._workers):
            if chance.random() < 0.3:
                continue
            came_ms = start_ms + chance.randint(5 * HOUR_MS, 12 * HOUR_MS)
            left_ms = came_ms + chance.randint(10 * MINUTE_MS, 7 * HOUR_MS)
            if chance.random() < 0.5:
                self._at(came_ms, partial(self._check_in, number, came_ms, left_ms))
                continue
            for at_ms, action in ((came_ms, "in"), (left_ms, "out")):
                late_ms = chance.randint(0, LATE_MS) if chance.random() < 0.3 else chance.randint(0, 5_000)
                self._at(at_ms + late_ms, partial(self.reader.register, number, action, at_ms))
        for _ in range(2):
            self._at(start_ms + chance.randint(5 * HOUR_MS, 17 * HOUR_MS), self.app.back_up)

    def alarmed(self) -> None:
        """The fire alarm sounds, and people in the annex press something in their app as they go."""
        chance = self.chance
        for stay in list(self.app.stays.values()):
            if stay.deleted or stay.left is not None or chance.random() < 0.3:
                continue
            in_ms = chance.randint(5_000, 15 * MINUTE_MS)
            match chance.choice(("out", "out before", "withdrawn")):
                case "out":
                    self.world.after(in_ms, partial(self._change, stay.id, left=self._moment_in(in_ms)))
                case "out before":
                    self.world.after(in_ms, partial(self._change, stay.id, left=self._moment_in(-3 * MINUTE_MS)))
                case _:
                    self.world.after(in_ms, partial(self._change, stay.id, deleted=True))

    def stir(self) -> None:
        """Several people put something right within a few minutes."""
        stays = list(self.app.stays.values())
        for stay in self.chance.sample(stays, k=min(5, len(stays))):
            moved = stay.came - timedelta(milliseconds=self.chance.randint(1, 60_000))
            self.world.after(self.chance.randint(0, 20 * MINUTE_MS), partial(self._change, stay.id, came=moved))

    def restore(self) -> None:
        """The app's server has the database of some time ago; soon phones send again."""
        for stay in self.app.restore():
            self.world.after(self.chance.randint(MINUTE_MS, 45 * MINUTE_MS), partial(self._send, stay))

    def _check_in(self, number: str, came_ms: int, left_ms: int) -> None:
        chance = self.chance
        stay = ditio.Stay(self.app.new_id(), ditio.PROJECT, number, _moment(came_ms), None, _moment(came_ms))
        late_ms = chance.randint(0, LATE_MS) if chance.random() < 0.3 else chance.randint(0, 60_000)
        self.world.after(late_ms, partial(self._send, stay))
        if chance.random() < 0.9:
            self._at(left_ms + late_ms, partial(self._change, stay.id, left=_moment(left_ms)))
        if chance.random() < 0.25:
            moved = _moment(came_ms + chance.choice((-1, 1)) * chance.randint(1, 9 * MINUTE_MS))
            self._at(left_ms + late_ms + chance.randint(0, HOUR_MS), partial(self._change, stay.id, came=moved))
        if chance.random() < 0.25:
            gone_ms = came_ms + late_ms + chance.randint(MINUTE_MS, 8 * HOUR_MS)
            self._at(gone_ms, partial(self._change, stay.id, deleted=True))
            if chance.random() < 0.2:
                self._at(gone_ms + chance.randint(MINUTE_MS, HOUR_MS), partial(self._change, stay.id, deleted=False))

    def _change(self, name: str, **what: object) -> None:
        """Where the server has lost the record meanwhile, the phone's change is lost with it: it sends all of it."""
        if (stay := self.app.stays.get(name)) is not None:
            self._send(replace(stay, **what))  # type: ignore[arg-type]

    def _send(self, stay: ditio.Stay) -> None:
        """Written now, to be seen a while later."""
        began_ms = self.app.clock_ms
        lag_ms = self.chance.randint(0, WRITING_MS) if self.chance.random() < 0.2 else 0
        self.world.after(lag_ms, partial(self.app.write, stay, began_ms))

    def _moment_in(self, ms: int) -> datetime:
        return _moment(self.world.now_ms + ms)

    def _at(self, at_ms: int, do: Callable[[], None]) -> None:
        self.world.after(at_ms - self.world.now_ms, do)


class CheckInBook:
    """The witness of it: what both truly said, and what became of that at the hub."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.app: SimApp | None = None
        self.reader: SimReader | None = None

    # --- at a commit -----------------------------------------------------------------------------------

    def changing(self, source: str, file: "SourceFile", changed: Sequence[Change]) -> None:
        """P3: what is told again is not told on; a number is given once."""
        for one in changed:
            if one.before is not None and one.before.check_in == one.after.check_in:
                raise self.world.broken(
                    "P3", f"hub: {source} told {one.after.check_in.theirs} again, and it counts anew"
                )
            if one.after.seq <= file.seq:
                raise self.world.broken("P3", f"hub: {source}: number {one.after.seq} is given twice")
            word = "withdrawn" if one.after.check_in.deleted else "changed" if one.before else "new"
            self.world.counts[f"check-ins {word}"] += 1

    def set_aside(self, source: str, rejected: Sequence[Rejected]) -> None:
        if rejected:
            raise self.world.broken("P9", f"hub: {source}: set aside: {rejected[0].why}")

    def failed(self, source: str, words: str) -> None:
        self.world.counts[f"{source} could not be read"] += 1
        if "adapter" in words:
            raise self.world.broken("P9", f"hub: {source}: {words}")

    def called_again(self, before: Mapping[CardKey, Called], after: Mapping[CardKey, Called]) -> None:
        """P6: nobody is taken off a running muster by what another system says."""
        self.world.counts["musters called again"] += 1
        for card, then in sorted(before.items()):
            now = after.get(card)
            # What a gate saw since it began stands, also when an app takes back that they went in again.
            seen = now is not None and now.passages and now.passages[-1].certainty is not Certainty.REPORTED
            if then.outcome in UNACCOUNTED and not seen and (now is None or now.outcome not in UNACCOUNTED):
                word = now.outcome if now else "gone"
                raise self.world.broken(
                    "P6", f"hub: {card.number} was {then.outcome} on the muster; by a neighbour's word {word}"
                )

    def seen(self, sighting: Sighting) -> None:
        """A sighting of theirs is being merged into presence."""
        card, at_ms = sighting.card, sighting.time_ms
        if sighting.gate == place_of(READER) and self.reader is not None:
            known = any(
                self.reader.number_of(one) == card.number and _ms(one.time) == at_ms
                for one in self.reader.registrations
            )
            if not known:
                raise self.world.broken("P3", f"hub: {card.number} was never told of by {sighting.gate} at {at_ms}")

    # --- later -----------------------------------------------------------------------------------------

    def look(self, hub: "HubFile") -> None:
        """Where nothing has been wrong for long, what was told is known."""
        if self.app is None or self.reader is None:
            return
        before_ms = self.world.now_ms - HOUR_MS
        if self.app.well_for_long:
            self.world.counts["the app's word compared"] += 1
            old = {name for name, ms in self.app.changed_ms.items() if ms <= before_ms}
            self._compare(hub, APP, {key: one for key, one in self._told_by_app().items() if key[0] in old}, old)
        if self.reader.well_for_long:
            self.world.counts["the reader's word compared"] += 1
            old = {name for name, ms in self.reader.came_ms.items() if ms <= before_ms}
            self._compare(hub, READER, {key: one for key, one in self._told_by_reader().items() if key[0] in old}, old)

    def finish(self, hub: "HubFile") -> None:
        """Everything has healed: each check-in is there once, as it was told last, and none that was withdrawn."""
        if self.app is None or self.reader is None:
            return
        for source, told in ((APP, self._told_by_app()), (READER, self._told_by_reader())):
            self._compare(hub, source, told, None)
            file = hub.sources.get(source)
            numbers = [kept.seq for kept in file.kept.values()] if file else []
            if len(numbers) != len(set(numbers)):
                raise self.world.broken("P3", f"hub: {source}: two check-ins under one number")

    def sightings(self) -> list[Sighting]:
        """All that they say in the end, as the reference has it: by the true word alone."""
        told = ((APP, self._told_by_app()), (READER, self._told_by_reader()))
        return [
            Sighting(at_ms, place_of(source), "", 0, card, direction)
            for source, live in told
            for (_, direction), (card, at_ms) in live.items()
        ]

    def _compare(self, hub: "HubFile", source: str, told: Live, of: set[str] | None) -> None:
        file = hub.sources.get(source)
        kept = _live(file.kept.values() if file else ())
        for key, (card, at_ms) in sorted(told.items()):
            if kept.get(key) != (card, at_ms):
                why = "is not there" if key not in kept else f"is there as {kept[key]}"
                raise self.world.broken("late" if of is not None else "P2", f"hub: {source} {key} {card.number} {why}")
        for key in sorted(kept):
            if key not in told and (of is None or key[0] in of):
                raise self.world.broken("P3", f"hub: {source} {key} counts, and was withdrawn")

    def _told_by_app(self) -> Live:
        found: Live = {}
        assert self.app is not None
        for stay in self.app.stays.values():
            if stay.deleted:
                continue
            card = CardKey("hms", stay.card or "")
            found[stay.id, ENTRY] = card, _ms(stay.came.isoformat())
            if stay.left is not None:
                found[stay.id, EXIT] = card, _ms(stay.left.isoformat())
        return found

    def _told_by_reader(self) -> Live:
        assert self.reader is not None
        return {
            (one.id, ENTRY if one.action == "in" else EXIT): (
                CardKey("hms", self.reader.number_of(one)),
                _ms(one.time),
            )
            for one in self.reader.registrations
        }


def kept_sightings(hub: "HubFile") -> list[Sighting]:
    """What the hub holds of theirs at this moment."""
    return [
        Sighting(at_ms, place_of(source), "", 0, card, direction)
        for source, file in hub.sources.items()
        for (_, direction), (card, at_ms) in _live(file.kept.values()).items()
    ]


def _live(kept: Iterable[Kept]) -> Live:
    found: Live = {}
    for one in kept:
        told = one.check_in
        if not told.deleted and told.card is not None:
            found[told.theirs, told.direction] = told.card, told.at_ms
    return found


def _moment(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


def _ms(written: str) -> int:
    return round(datetime.fromisoformat(written).timestamp() * 1000)
