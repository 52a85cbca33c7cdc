"""The witness: sees every effect of every machine and raises when a promise is broken.

It knows what no part of the product knows: the true time, which lists the true hub ever made, what was
committed where. Each check costs little and looks at what has just changed; `finish` looks at the whole
when the faults are over. A failure names its promise.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, tzinfo
from itertools import pairwise
from typing import TYPE_CHECKING

from gate.model import CardId, Direction, Event, EventKind, ListState, Medium, Moment
from gate.timekeeping import JUMP_MS
from gate.uplink.commands import CLOCKS_APART_MS
from gate.uplink.contract import WirePermit, decode_event
from hub.muster import Frozen, Muster
from hub.permits import GRANTED, PermitList
from hub.presence import CardKey, Certainty, ClosingRule, Sighting, standing
from hub.records import ChainBreak, EventRecord, GivenCommand, JournalKey
from hub.stays import stays
from tests.simulation.roll import judge
from tests.simulation.tellings import Tellings
from tests.simulation.whereabouts import Watch
from tests.simulation.world import World

if TYPE_CHECKING:
    from tests.simulation.sim_disk import JournalFile
    from tests.simulation.sim_store import HubFile

STALE_AFTER_MS = 72 * 3_600_000
ACCEPTED = frozenset({Medium.CHIP, Medium.OSDP})


@dataclass(slots=True)
class GateView:
    """What the witness remembers of one gate."""

    revision: int = 0
    open: dict[str, str] = field(default_factory=dict)
    last_moment: dict[str, int] = field(default_factory=dict)
    offset_ms: dict[str, int] = field(default_factory=dict)
    corrections: int = 0
    full: bool = False
    in_memory: list[Event] = field(default_factory=list)
    held: ListState | None = None


WAITS_FOR_LANE_MS = 30_000
"""Who is let in by command waits for whoever is in the lane."""


class Witness:
    """See the module."""

    def __init__(self, world: World, zone: tzinfo, watch: Watch) -> None:
        self.world = world
        self.watch = watch
        self.zone = zone
        self.made: dict[JournalKey, dict[int, tuple[str, Event]]] = {}
        self.made_count = 0
        self.twice = 0
        self.wrongly_admitted = 0
        self.lists: dict[tuple[int, str], PermitList] = {}
        self.by_card: dict[tuple[int, str], dict[tuple[str, str], WirePermit]] = {}
        self.newest: PermitList | None = None
        self.faces: dict[CardId, date | None] = {}
        """What the cards say of their own expiry."""
        self.boots: dict[tuple[str, str], int] = {}
        """The true time at which each boot's monotonic clock stood at zero."""
        self.jumped: set[tuple[str, str]] = set()
        """Boots during which a trusted clock was set wrongly."""
        self.rogue: set[bytes] = set()
        """Payloads sealed with another key."""
        self.hearing_rogue = False
        self.set_aside: set[JournalKey] = set()
        """Journals that were damaged by a power cut."""
        self.lost_with_hub: dict[JournalKey, set[int]] = {}
        self.files: dict[JournalKey, JournalFile] = {}
        self.hub: HubFile | None = None
        self.commands: dict[int, GivenCommand] = {}
        """All that were ever given, whatever became of the hub's disk."""
        self.tellings = Tellings(world, self.made)
        self._gates: dict[str, GateView] = {}

    def view(self, gate: str) -> GateView:
        return self._gates.setdefault(gate, GateView())

    # --- the gate's journal ------------------------------------------------------------------------

    def appended(self, gate: str, events: Sequence[Event]) -> None:
        """The controller has handed these to the journal, and the journal has taken them."""
        view = self.view(gate)
        for event in events:
            self._evidence(gate, view, event.moment, event)
            view.in_memory.append(event)
            self.watch.answered(gate, event)
            self._commanded(gate, event)
            match event.kind:
                case EventKind.BADGE_GRANTED:
                    self._granted(gate, view, event)
                case EventKind.BADGE_REFUSED:
                    if event.direction is Direction.EXIT:
                        raise self.world.broken("P6", f"{gate}: an exit was refused ({event.reason}) to {event.card}")
                case EventKind.PASSAGE_COMPLETED | EventKind.PASSAGE_ABANDONED:
                    self._outcome(gate, view, event)
                case _:
                    pass

    def late(self, gate: str, events: Sequence[Event]) -> None:
        self.world.trace(gate, f"disk late: {', '.join(event.kind for event in events)}")

    def committed(self, gate: str, file: "JournalFile", rows: "Sequence[tuple[int, Event]]") -> None:
        """These numbers are about to be on the disk for good."""
        view = self.view(gate)
        made = self.made.setdefault(JournalKey(gate, file.epoch), {})
        self.files[JournalKey(gate, file.epoch)] = file
        expected = len(made) + 1
        self.world.trace(gate, f"commits {rows[0][0]}..{rows[-1][0]}: {', '.join(event.kind for _, event in rows)}")
        for seq, event in rows:
            if seq != expected:
                raise self.world.broken("P3", f"{gate}: number {seq} was given where {expected} was due")
            expected += 1
            made[seq] = ("", event)
            self.made_count += 1
            if event in view.in_memory:
                view.in_memory.remove(event)

    def settled(self, gate: str, file: "JournalFile", before: int, through: int) -> None:
        """The gate now believes that the hub holds everything up to `through`."""
        if self.hearing_rogue and through > before:
            raise self.world.broken("P8", f"{gate}: an acknowledgement by another key was believed ({through})")
        stored = self._stored(JournalKey(gate, file.epoch))
        # An acknowledgement by the hub's former disk was true when it was given; `finish` asks for the rest.
        lost = self.lost_with_hub.get(JournalKey(gate, file.epoch), set())
        if through > before:
            self.world.trace(gate, f"settles {through}")
        for seq in range(before + 1, through + 1):
            if seq in lost and seq not in stored:
                continue
            if seq not in stored:
                raise self.world.broken("P2", f"{gate}: {seq} is settled but not committed at the hub")
            row = file.rows.get(seq)
            if row is not None and stored[seq].hash.hex() != row.hash:
                raise self.world.broken("P2", f"{gate}: {seq} is settled, but the hub holds another record there")

    def pruned(self, gate: str, file: "JournalFile", seqs: Sequence[int]) -> None:
        stored = self._stored(JournalKey(gate, file.epoch))
        lost = self.lost_with_hub.get(JournalKey(gate, file.epoch), set())
        for seq in seqs:
            if seq not in stored and seq not in lost:
                raise self.world.broken("P2", f"{gate}: {seq} left the journal before the hub had it")

    def process_died(self, gate: str) -> None:
        view = self.view(gate)
        view.open.clear()
        view.in_memory.clear()
        view.full = False

    def journal_set_aside(self, gate: str, file: "JournalFile") -> None:
        """The file is kept, and its records are on it; whatever the hub does not have now it may never get."""
        self.set_aside.add(JournalKey(gate, file.epoch))

    def permits_set_aside(self, gate: str) -> None:
        self.view(gate).revision = 0

    # --- the gate's lane ---------------------------------------------------------------------------

    def released(self, gate: str, lane: str, direction: Direction, *, durable: bool, in_memory: bool) -> None:
        """The relay is about to move for the grant that was made last."""
        if durable or in_memory:
            return
        if direction is Direction.EXIT and self.view(gate).full:
            return
        raise self.world.broken("P4", f"{gate}/{lane}: released for {direction} with no record of the grant")

    def hub_disk_lost(self, file: "HubFile") -> None:
        """What the hub had is gone. What the gates still have comes again; the rest was lost with the disk."""
        for key, stored in file.events.items():
            self.lost_with_hub.setdefault(key, set()).update(stored)

    # --- lists -------------------------------------------------------------------------------------

    def list_made(self, made: PermitList) -> None:
        """The true hub has committed a list."""
        key = (made.revision, made.digest)
        if key not in self.lists:
            self.world.counts["lists made"] += 1
            self.lists[key] = made
            self.by_card[key] = {(permit.scheme, permit.number): permit for permit in made.permits}
        self.newest = made

    def opened(self, gate: str, state: ListState | None) -> None:
        view = self.view(gate)
        view.held = state
        if (state.revision if state else 0) < view.revision:
            raise self.world.broken("P5", f"{gate}: woke up with a list older than {view.revision}")

    def list_applied(self, gate: str, before: ListState | None, after: ListState) -> None:
        view = self.view(gate)
        if self.hearing_rogue or (after.revision, after.digest) not in self.lists:
            raise self.world.broken("P8", f"{gate}: applied list {after.revision}, which the hub never made")
        if after.revision <= view.revision:
            raise self.world.broken("P5", f"{gate}: list {view.revision} was replaced by {after.revision}")
        self.world.trace(gate, f"list {before.revision if before else 0} -> {after.revision}")
        view.revision = after.revision
        view.held = after
        self.world.counts["lists applied"] += 1

    def list_confirmed(self, gate: str, state: ListState) -> None:
        if self.hearing_rogue:
            raise self.world.broken("P8", f"{gate}: list {state.revision} was confirmed by another key")
        view = self.view(gate)
        if view.held is None or state.confirmed_ms > view.held.confirmed_ms:
            view.held = state

    # --- the hub -----------------------------------------------------------------------------------

    def stored(self, record: EventRecord, *, again: bool) -> None:
        """A record is being committed at the hub."""
        key = JournalKey(record.gate, record.epoch)
        if again:
            self.twice += 1
            raise self.world.broken("P3", f"hub: {record.gate}/{record.seq} was stored twice")
        if record.seq not in self.made.get(key, {}):
            raise self.world.broken("P8", f"hub: {record.gate}/{record.seq} was never committed at its gate")

    def seen(self, sighting: Sighting) -> None:
        """A sighting is being merged into presence."""
        _, event = self.made[JournalKey(sighting.gate, sighting.epoch)][sighting.seq]
        if event.kind is not EventKind.PASSAGE_COMPLETED:
            raise self.world.broken("P3", f"hub: presence of {sighting.card.number} was changed by {event.kind}")

    def mustered(self, muster: Muster, people: Sequence[Frozen]) -> None:
        """P6: whoever was inside when it began, by all that is stored at the hub now, is on the list."""
        assert self.hub is not None
        seen: dict[CardKey, Sighting] = {}
        for key, made in self.made.items():
            stored = self.hub.events.get(key, {})
            offsets = _offsets(event for seq, (_, event) in made.items() if seq in stored)
            for seq, (_, event) in made.items():
                sighting = self._sighting(key, seq, event, offsets) if seq in stored else None
                if sighting is None or sighting.time_ms > muster.began_ms:
                    continue
                known = seen.get(sighting.card)
                if known is None or sighting[:4] > known[:4]:
                    seen[sighting.card] = sighting
        listed = {one.card for one in people}
        self.world.counts["musters"] += 1
        self.world.counts["people on musters"] += len(listed)
        self.world.trace("hub", f"muster of {len(listed)}, told by {muster.gate}")
        if lost := sorted(card for card, one in seen.items() if one.inside and card not in listed):
            raise self.world.broken("P6", f"hub: {lost[0].number} was inside and is not on the muster")

    def chain_broken(self, one: ChainBreak) -> None:
        if one.key in self.lost_with_hub and one.seq - 1 not in self.files[one.key].rows:
            # What the gate had pruned and the hub's former disk had is gone for good, and stays on record.
            return
        raise self.world.broken("P3", f"hub: the chain of {one.key.gate} breaks at {one.seq}, and nobody edited it")

    def compare_presence(self, hub: "HubFile") -> None:
        """P10: for everybody whose times are known by now, presence is what truly passed last."""
        passed: dict[CardKey, list[tuple[int, Direction]]] = {}
        doubtful: set[CardKey] = set()
        for key, made in self.made.items():
            stored = hub.events.get(key, {})
            offsets = _offsets(event for seq, (_, event) in made.items() if seq in stored)
            for event in (event for seq, (_, event) in made.items() if seq in stored):
                if event.kind is EventKind.PASSAGE_COMPLETED and event.card and event.direction:
                    at, card = event.moment, CardKey(event.card.scheme, event.card.number)
                    true_ms = self.boots[key.gate, at.boot] + at.monotonic_ms
                    passed.setdefault(card, []).append((true_ms, event.direction))
                    if (key.gate, at.boot) in self.jumped or not (at.trusted or at.boot in offsets):
                        doubtful.add(card)
        for card, passages in passed.items():
            (last_ms, direction), *before = sorted(passages, reverse=True)
            close = before and last_ms - before[0][0] < 2_000
            seen = hub.presence.get(card)
            if seen is None or close or seen.inside is (direction is Direction.ENTRY):
                continue
            if card not in doubtful:
                raise self.world.broken("P10", f"hub: {card.number} is not where the last passage led")
            self.world.counts["presence wrong until a clock is set"] += 1

    # --- the end -----------------------------------------------------------------------------------

    def finish(self, hub: "HubFile") -> None:
        """Everything has healed: what was made is stored, once, and presence is what passed."""
        self._once(hub)
        latest: dict[CardKey, Sighting] = {}
        passages: list[Sighting] = []
        for key, made in sorted(self.made.items()):
            stored = hub.events.get(key, {})
            missing = [seq for seq in made if seq not in stored]
            pruned = self.lost_with_hub.get(key, set()).difference(self.files[key].rows)
            gone_for_good = [seq for seq in missing if seq in pruned]
            missing = [seq for seq in missing if seq not in pruned]
            self.made_count -= len(gone_for_good)
            self.world.counts["records lost with a hub's disk"] += len(gone_for_good)
            if key in self.set_aside:
                self.made_count -= len(missing)
                self.world.counts["records on damaged disks"] += len(missing)
            elif missing:
                gone = f"{len(missing)} of {len(made)} records, the first is {missing[0]}"
                raise self.world.broken("P2", f"{key.gate}: the hub lacks {gone}")
            offsets = _offsets(event for seq, (_, event) in made.items() if seq in stored)
            for seq, (_, event) in made.items():
                if seq in stored and (sighting := self._sighting(key, seq, event, offsets)):
                    passages.append(sighting)
                    known = latest.get(sighting.card)
                    if known is None or sighting[:4] > known[:4]:
                        latest[sighting.card] = sighting
        ids = [record.id for stored in hub.events.values() for record in stored.values()]
        if len(ids) != len(set(ids)) or len(ids) != self.made_count:
            raise self.world.broken("P3", f"{len(ids)} stored, {len(set(ids))} different, {self.made_count} made")
        if not self.lost_with_hub and latest != hub.presence:
            wrong = [card.number for card, seen in latest.items() if hub.presence.get(card) != seen]
            raise self.world.broken("P3", f"presence differs from the passages for {wrong[:5]}")
        self._stays(passages, latest)
        for gate, view in sorted(self._gates.items()):
            if view.open:
                raise self.world.broken("P6", f"{gate}: grants without an end: {sorted(view.open)}")
            if view.in_memory:
                raise self.world.broken("P4", f"{gate}: {len(view.in_memory)} events were never written")
            if self.newest is not None and (view.held is None or view.held.digest != self.newest.digest):
                held = view.held.revision if view.held else 0
                raise self.world.broken("P5", f"{gate}: still holds list {held}; the hub's is {self.newest.revision}")
        self._true_times()
        judge(self.world, hub)
        self.tellings.finish(hub)
        self.watch.finish(hub.presence, hub_forgot=bool(self.lost_with_hub))

    def _stays(self, passages: Sequence[Sighting], latest: Mapping[CardKey, Sighting]) -> None:
        """P3: hours are of those who were on the roster; of each card at most one stay lasts, and no two overlap."""
        now_ms = max((one.time_ms for one in passages), default=0) + 1
        rule = ClosingRule(time(3), self.zone, 12 * 3_600_000)
        found = stays(reversed(passages), rule, now_ms)
        self.world.counts["stays"] += len(found)
        inside = {card for card, seen in latest.items() if standing(seen, now_ms, rule).inside}
        if wrong := sorted(inside ^ {one.card for one in found if one.lasts}):
            raise self.world.broken("P3", f"stays differ from the roster for {[card.number for card in wrong[:5]]}")
        for before, after in pairwise(found):
            ends = [one for one in (after.in_ms, after.out_ms) if one is not None]
            if before.card == after.card and (before.out_ms is None or before.out_ms > ends[0]):
                raise self.world.broken("P3", f"two stays of {before.card.number} at once")

    def _true_times(self) -> None:
        """P10: every untrusted event of a boot that got its correction has its right time."""
        for key, made in self.made.items():
            first = _offsets(event for _, event in made.values())
            for seq, (_, event) in made.items():
                at = event.moment
                if at.trusted or (key.gate, at.boot) in self.jumped:
                    continue
                if at.boot not in first:
                    continue
                true_ms = self.boots[key.gate, at.boot] + at.monotonic_ms
                if abs(at.monotonic_ms + first[at.boot] - true_ms) > 1_000:
                    raise self.world.broken("P10", f"{key.gate}/{seq}: corrected, yet not its true time")
                self.world.counts["times corrected"] += 1

    # --- inside ------------------------------------------------------------------------------------

    def _stored(self, key: JournalKey) -> dict[int, EventRecord]:
        return self.hub.events.get(key, {}) if self.hub is not None else {}

    def _commanded(self, gate: str, event: Event) -> None:
        """P8: what a gate does by command, the hub has asked of it, and lately."""
        if event.command is None or event.kind is EventKind.COMMAND_REFUSED:
            return
        given = self.commands.get(event.command)
        if given is None or given.asked.gate != gate:
            raise self.world.broken("P8", f"{gate}: carried out command {event.command}, which nobody gave it")
        late_ms = self.world.now_ms - given.expires_ms - CLOCKS_APART_MS - WAITS_FOR_LANE_MS
        if event.moment.trusted and late_ms > 0 and (gate, event.moment.boot) not in self.jumped:
            raise self.world.broken("P8", f"{gate}: carried out command {event.command} {late_ms} ms too late")
        self.world.counts["commands carried out"] += event.kind is EventKind.COMMAND_DONE

    def _once(self, hub: "HubFile") -> None:
        """P8: no journal tells twice what came of a command."""
        for key, records in sorted(hub.events.items()):
            outcomes = [
                decode_event(record.body).data.command
                for record in records.values()
                if record.kind in {EventKind.COMMAND_DONE, EventKind.COMMAND_REFUSED}
            ]
            numbered = [number for number in outcomes if number is not None]
            if len(numbered) != len(set(numbered)):
                raise self.world.broken("P8", f"{key.gate}: a command was carried out twice")

    def _granted(self, gate: str, view: GateView, event: Event) -> None:
        lane, badge = event.lane or "", event.badge or ""
        if lane in view.open:
            raise self.world.broken("P6", f"{gate}/{lane}: granted while another grant is open")
        view.open[lane] = badge
        if event.direction is Direction.ENTRY and event.command is None and (why := self._objection(view, event)):
            self.wrongly_admitted += 1
            raise self.world.broken("P5", f"{gate}: admitted {event.card} although its list says: {why}")

    def _outcome(self, gate: str, view: GateView, event: Event) -> None:
        badge = view.open.pop(event.lane or "", None)
        if badge != event.badge and not view.full:
            raise self.world.broken("P6", f"{gate}/{event.lane}: {event.kind} of a grant that was not open")

    def _evidence(self, gate: str, view: GateView, at: Moment, event: Event) -> None:
        if at.monotonic_ms < view.last_moment.get(at.boot, 0):
            raise self.world.broken("P10", f"{gate}: monotonic time went back within boot {at.boot}")
        view.last_moment[at.boot] = at.monotonic_ms
        if event.kind is EventKind.CLOCK_TRUSTED:
            view.offset_ms[at.boot] = int(event.detail["offset_ms"])
            view.corrections += 1
        elif at.trusted:
            moved_ms = at.wall_ms - at.monotonic_ms - view.offset_ms.get(at.boot, 0)
            if abs(moved_ms) > JUMP_MS:
                raise self.world.broken("P10", f"{gate}: the clock moved by {moved_ms} ms and no event says so")

    def _sighting(self, key: JournalKey, seq: int, event: Event, offsets: Mapping[str, int]) -> Sighting | None:
        if event.kind is not EventKind.PASSAGE_COMPLETED or event.card is None or event.direction is None:
            return None
        at, card = event.moment, CardKey(event.card.scheme, event.card.number)
        time_ms, certainty = at.wall_ms, Certainty.CERTAIN
        if not at.trusted:
            certainty = Certainty.CLOCK_UNTRUSTED
            if at.boot in offsets:
                time_ms, certainty = at.monotonic_ms + offsets[at.boot], Certainty.CLOCK_CORRECTED
        return Sighting(
            time_ms,
            key.gate,
            key.epoch,
            seq,
            card,
            str(event.direction),
            event.lane,
            certainty,
            event.uid.hex() or None,
            event.zone,
        )

    def _objection(self, view: GateView, event: Event) -> str | None:
        """Why this entry should not have been: an answer found without any of the product's rules."""
        held, card, at = view.held, event.card, event.moment
        if held is None or card is None:
            return "no list" if card else "no card"
        permit = self.by_card[held.revision, held.digest].get((card.scheme, card.number))
        if permit is None:
            return "unknown"
        if permit.standing != GRANTED:
            return permit.standing
        if event.medium not in ACCEPTED:
            return f"shown as {event.medium}"
        if event.employer and permit.employer and event.employer != permit.employer:
            return "another employer"
        sure_ms = at.wall_ms if at.trusted else held.confirmed_ms
        if at.trusted and (at.wall_ms > held.expires_ms or at.wall_ms - held.confirmed_ms > STALE_AFTER_MS):
            return "the list is stale"
        today = datetime.fromtimestamp(sure_ms / 1000, self.zone).date().isoformat()
        face = self.faces.get(card)
        if any(end is not None and end < today for end in (permit.card_expiry, permit.valid_until)):
            return "expired"
        if face is not None and face.isoformat() < today:
            return "the card has expired"
        if at.trusted and permit.valid_from is not None and permit.valid_from > today:
            return "not yet"
        return None


def _offsets(events: Iterable[Event]) -> dict[str, int]:
    """Of each boot the offset that trust came with."""
    first: dict[str, int] = {}
    for event in events:
        if event.kind is EventKind.CLOCK_TRUSTED:
            first.setdefault(str(event.detail["boot"]), int(event.detail["offset_ms"]))
    return first
