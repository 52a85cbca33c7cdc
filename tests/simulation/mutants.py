"""Known bugs, planted one at a time in the product's own methods: the simulation must catch each.

A mutant is a context manager that patches a class or module for the length of a run. What survives every
seed shows a hole in the invariants, or a fault that is never played.
"""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

import gate.controller
import gate.turnstile
import gate.uplink.mqtt
import hub.central.courier
import hub.central.delivery
import hub.central.sending
import hub.corrections
import hub.intake
import hub.muster
import hub.muster_readers
import hub.presence
from gate.controller import Controller
from gate.decide import Circumstances, Rules, decide
from gate.lane_control import LaneControl
from gate.model import CardReading, Decision, Event, EventKind, JournalHead, Moment, Permit, Reason
from gate.ports import Input
from gate.recorder import Recorder
from gate.rules import Occupancy
from gate.site import SitePicture
from gate.timekeeping import Timekeeper
from gate.turnstile import TABLE, Effect, Mode, Phase, Signal, Turnstile
from gate.uplink import contract
from gate.uplink.commands import CommandFollower
from gate.uplink.contract import Publish, WireClock
from gate.uplink.lists import ListFollower
from gate.uplink.mqtt import Uplink
from gate.uplink.session import Session, UplinkEffect
from gate.uplink.signing import Sealed, Verifier
from hub.central.courier import Courier
from hub.central.delivery import Delivery, Receiver, settled_time
from hub.central.happening import Happening
from hub.central.sending import Sent, WaitingLine
from hub.central.target import Accepted, Draft, Item, Later, Outcome, Queued, Refused, Stopped, Target
from hub.corrections import Passage
from hub.errors import StoreError
from hub.ingest import EventTransaction, Ingest
from hub.intake import Gathered, Taken, gather
from hub.presence import CardKey, Certainty, Sighting
from hub.records import Journal
from hub.whereabouts import Whereabouts
from tests.simulation.late_mutants import LATE_MUTANTS
from tests.simulation.late_office import has_late_central
from tests.simulation.outside_mutants import OUTSIDE_MUTANTS, patched
from tests.simulation.sim_disk import SimJournal, SimPermits
from tests.simulation.site import Plan, live
from tests.simulation.world import Broken

Mutant = Callable[[], AbstractContextManager[Any]]

CAUGHT = Path(__file__).with_name("caught.json")
"""By which seed each mutant was caught last."""


@dataclass(frozen=True, slots=True)
class Caught:
    """How a mutant ended; `promise` is None when it survived."""

    mutant: str
    promise: str | None
    seed: int
    what: str
    at: str = ""
    tail: tuple[str, ...] = ()


def remembered(name: str, seeds: Sequence[int]) -> Sequence[int]:
    """The seeds, that which caught the mutant last first: what was learnt by `--mutants --remember`."""
    first = json.loads(CAUGHT.read_text()).get(name)
    return [*(seed for seed in seeds if seed == first), *(seed for seed in seeds if seed != first)]


def hunt(name: str, *, seeds: Sequence[int], days: int, gates: int) -> Caught:
    """Run the mutant until a promise breaks."""
    with MUTANTS[name]():
        for seed in seeds if name not in LATE else filter(has_late_central, seeds):
            try:
                live(Plan(seed, days, gates))
            except Broken as broken:
                return Caught(name, broken.promise, seed, broken.what, broken.at, broken.tail)
    return Caught(name, None, seeds[-1], "survived")


# --- the gate ------------------------------------------------------------------------------------------


def relay_before_commit() -> AbstractContextManager[Any]:
    """The journal hears of a grant when the turn is over."""
    record, handle = Recorder.record, Controller.handle
    held: list[tuple[Recorder, Sequence[Event]]] = []

    def later(self: Recorder, events: Sequence[Event]) -> bool:
        if events and events[0].kind is EventKind.BADGE_GRANTED:
            held.append((self, events))
            return True
        return record(self, events)

    def handled(self: Controller, given: Input) -> None:
        handle(self, given)
        while held:
            record(*held.pop())

    return patched((Recorder, "record", later), (Controller, "handle", handled))


def walk_timer_forgotten() -> AbstractContextManager[Any]:
    """A grant that nobody uses stands for ever."""
    return patched((Turnstile, "overdue", lambda *_: False))


def exit_refused() -> AbstractContextManager[Any]:
    """A blocked card is kept inside."""

    def strict(reading: CardReading, permit: Permit | None, at: Circumstances, rules: Rules) -> Decision:
        decision = decide(reading, permit, at, rules)
        return replace(decision, admitted=False) if decision.reason is Reason.BLOCKED else decision

    return patched((gate.controller, "decide", strict))


def block_ignored() -> AbstractContextManager[Any]:
    """A blocked card is let in."""

    def lax(reading: CardReading, permit: Permit | None, at: Circumstances, rules: Rules) -> Decision:
        decision = decide(reading, permit, at, rules)
        blocked = decision.reason is Reason.BLOCKED
        return replace(decision, admitted=True, reason=Reason.GRANTED) if blocked else decision

    return patched((gate.controller, "decide", lax))


def who_waits_is_forgotten() -> AbstractContextManager[Any]:
    """A card shown while the lane was busy is never answered."""
    return patched((Controller, "_serve_waiting", lambda *_: None))


def relay_not_tried_again() -> AbstractContextManager[Any]:
    """A relay that failed to lock stays as it is."""

    def overdue_only(self: LaneControl, now: Moment) -> list[Event]:
        return self.signal(Signal.OVERDUE, now) if self.turnstile.overdue(now.monotonic_ms) else []

    return patched((LaneControl, "look", overdue_only))


def copies_overlooked() -> AbstractContextManager[Any]:
    """A card number may come from any chip."""
    return patched((gate.controller, "another_chip", lambda *_: None))


def fire_forgotten_at_restart() -> AbstractContextManager[Any]:
    """A gate that is started again is in its ordinary mode."""
    return patched((Controller, "_modes_before", lambda _: {}))


def fire_ended_by_command() -> AbstractContextManager[Any]:
    """Somebody at a console far away locks the lanes of a burning house."""
    lax = {
        pair: (((Mode.NORMAL, Phase.REST), (Effect.REST,)) if pair[1] is Signal.NORMAL else then)
        for pair, then in TABLE.items()
    }
    return patched((gate.turnstile, "TABLE", lax))


def fire_after_the_record() -> AbstractContextManager[Any]:
    """The fire input waits its turn behind the disk, and is forgotten when that is full."""
    fire_loop = Controller._fire_loop

    def later(self: Controller, closed: bool, now: Moment) -> None:
        if self._recorder.record([Event(EventKind.SIDE_GATE_OPENED, now)]) and "journal.late" not in self._alarms:
            fire_loop(self, closed, now)

    return patched((Controller, "_fire_loop", later))


def correction_forgotten() -> AbstractContextManager[Any]:
    """Nobody is told when the clock is set."""

    def observe(self: Timekeeper, now: Moment) -> tuple[Timekeeper, None]:
        return Timekeeper(now), None

    return patched((Timekeeper, "observe", observe))


def number_used_again() -> AbstractContextManager[Any]:
    """After a restart the journal goes on one number too early."""

    def head(self: SimJournal) -> JournalHead:
        file = self._file
        before = file.rows.get(file.last - 1)
        return JournalHead(file.epoch, file.last - 1, before.hash) if before else _HEAD(self)

    return patched((SimJournal, "_stored_head", head))


# --- the uplink ----------------------------------------------------------------------------------------


def settled_when_sent() -> AbstractContextManager[Any]:
    """What was published counts as stored."""
    send = Uplink._send

    def sent(self: Uplink, first: int, last: int) -> None:
        send(self, first, last)
        self._outbox.settle(last)

    return patched((Uplink, "_send", sent))


def resend_forgotten() -> AbstractContextManager[Any]:
    """What was lost on the way is never sent again within a connection."""
    return patched((Session, "_awaits_ack", property(lambda _: False)))


def any_signature() -> AbstractContextManager[Any]:
    """Whoever signs is believed."""

    def opened(self: Verifier, kind: Any, envelope: bytes) -> Any:
        sealed = contract._decoded("sealed", _SEALED, envelope)
        return contract.decode_message(kind, sealed.payload)

    return patched((Verifier, "open", opened))


def older_list() -> AbstractContextManager[Any]:
    """Whatever list is offered is the newer one; the store does not look either."""
    head = ListFollower.head

    def follow(self: ListFollower, offered: contract.PermitsHead, now_ms: int) -> Any:
        held = self._held
        if held is not None and offered.revision < held.revision:
            self._held = None
        return head(self, offered, now_ms)

    return patched((ListFollower, "head", follow), (SimPermits, "_refuse_older", lambda *_: None))


def changes_trusted() -> AbstractContextManager[Any]:
    """What comes as changes is put over the list, whoever sent it."""
    return patched((gate.uplink.mqtt, "refuse_change", lambda *_: None))


def command_taken_again() -> AbstractContextManager[Any]:
    """Whatever number a command has, it is a new one."""

    def take(self: CommandFollower, command: contract.Command, hub_ms: int) -> Any:
        self._last = 0
        return _TAKE(self, command, hub_ms)

    return patched((CommandFollower, "take", take))


def others_unheard() -> AbstractContextManager[Any]:
    """A gate knows only whom it has seen itself."""
    return patched((SitePicture, "told", lambda *_: None))


def alone_unnoticed() -> AbstractContextManager[Any]:
    """A hub that was heard once is always there."""
    return patched((SitePicture, "alone", lambda *_: False))


def never_full() -> AbstractContextManager[Any]:
    """One more always fits in."""
    return patched((Occupancy, "is_full", lambda *_: False))


def news_and_parts_forgotten() -> AbstractContextManager[Any]:
    """A gate that was away is told only what comes next."""
    return patched((Whereabouts, "everything", lambda self, now_ms: [self.beat(now_ms)]))


def garbage_ends_the_uplink() -> AbstractContextManager[Any]:
    """A message that cannot be decoded ends the uplink."""

    def message(self: Session, topic: str, payload: bytes, now_ms: int) -> list[UplinkEffect]:
        if not payload:
            raise ValueError(f"{topic}: empty")
        return _MESSAGE(self, topic, payload, now_ms)

    return patched((Session, "message", message))


# --- the hub -------------------------------------------------------------------------------------------


def ack_before_commit() -> AbstractContextManager[Any]:
    """The commit follows at the next turn."""

    def take(self: Ingest, messages: Sequence[tuple[str, bytes]], now_ms: int) -> Sequence[Publish]:
        waiting: Any = self.__dict__.pop("late", None)
        if waiting is not None:
            waiting.__exit__(None, None, None)
        found = gather(self._topics, messages, now_ms)
        self.__dict__["late"] = block = self._store.intake()
        journals = hub.ingest._commit(block.__enter__(), found, self._topics, now_ms, self._rules)
        return [self._ack(journal) for journal in journals]

    return patched((Ingest, "take", take))


def dedupe_skipped() -> AbstractContextManager[Any]:
    """Everything that comes is new."""

    def all_new(transaction: EventTransaction, journal: Journal, taken: Mapping[int, Taken]) -> Any:
        return hub.ingest._Sorted(new=dict(taken), repeated=[], contradicting=[])

    return patched((hub.ingest, "_sort_out", all_new))


def ack_of_the_highest() -> AbstractContextManager[Any]:
    """A gap is acknowledged with what lies behind it."""
    ack = Ingest._ack

    def highest(self: Ingest, journal: Journal) -> Publish:
        return ack(self, replace(journal, through=journal.highest))

    return patched((Ingest, "_ack", highest))


def presence_by_grant() -> AbstractContextManager[Any]:
    """Who was granted is inside."""
    read = hub.intake.read_event

    def seen(body: bytes, site: str, gate_: str, now_ms: int) -> Taken:
        taken = read(body, site, gate_, now_ms)
        record = taken.record
        if record.kind == EventKind.BADGE_GRANTED and record.scheme and record.number and record.direction:
            card = CardKey(record.scheme, record.number)
            place = (record.time_ms or 0, record.gate, record.epoch, record.seq)
            sighting = Sighting(*place, card, record.direction, record.lane, Certainty.CERTAIN)
            return taken._replace(passage=Passage(sighting, WireClock("boot", 0, trusted=True)))
        return taken

    return patched((hub.intake, "read_event", seen))


def muster_of_who_was_seen_last_before_it() -> AbstractContextManager[Any]:
    """Whoever went through a gate since is not looked up in the past."""
    as_of = hub.presence.as_of

    def forgetful(latest: Any, history: Any, then_ms: int) -> Any:
        return as_of(latest, lambda _: (), then_ms)

    return patched((hub.muster, "as_of", forgetful))


def card_counts_when_it_arrives() -> AbstractContextManager[Any]:
    """Of a card at the assembly point its arrival at the hub is taken for its time."""
    return patched((hub.muster_readers, "_moment", lambda shown, _clocks: shown.received_ms))


def cards_before_the_news_forgotten() -> AbstractContextManager[Any]:
    """Who showed the card before the hub had heard of the fire is looked for."""
    return patched((hub.muster_readers, "_again", lambda *_: iter(())))


def times_taken_as_they_come() -> AbstractContextManager[Any]:
    """The hub stores corrections and applies none."""
    return patched((hub.corrections, "_corrected", lambda passage, _valid: passage.sighting))


def garbage_ends_the_intake() -> AbstractContextManager[Any]:
    """A batch that is no batch ends the hub."""

    def strict(topics: contract.Topics, messages: Sequence[tuple[str, bytes]], now_ms: int) -> Gathered:
        for _, payload in messages:
            if not payload:
                raise ValueError("empty")
        return gather(topics, messages, now_ms)

    return patched((hub.ingest, "gather", strict))


# --- who must know ---------------------------------------------------------------------------------------


def cursor_before_the_items() -> AbstractContextManager[Any]:
    """How far a target was asked is written down first, what it is to know after that."""

    def plan(self: Courier, now_ms: int) -> bool:
        ahead = self._queue.ahead()
        if ahead.cursors:
            self._queue.plan([], ahead.cursors, now_ms)
            wait_ms = self._clock_wait_ms
            wanted = [(one, settled_time(item, one, wait_ms)) for one in ahead.happenings for item in self._items(one)]
            self._queue.plan(wanted, {}, now_ms)
        return bool(ahead.cursors)

    return patched((Courier, "_plan", plan))


def no_answer_taken_for_yes() -> AbstractContextManager[Any]:
    """Whoever does not say no has it."""
    answered = hub.central.delivery.answered

    def hopeful(delivery: Delivery, draft: Draft, outcome: Outcome, now_ms: int, rules: Any) -> Delivery:
        heard = Accepted() if isinstance(outcome, Later) else outcome
        return answered(delivery, draft, heard, now_ms, rules)

    return patched((hub.central.courier, "answered", hopeful))


def queued_taken_for_done() -> AbstractContextManager[Any]:
    """What the receiver has put into its queue, it will take."""
    answered = hub.central.delivery.answered

    def hasty(delivery: Delivery, draft: Draft, outcome: Outcome, now_ms: int, rules: Any) -> Delivery:
        heard = Accepted() if isinstance(outcome, Queued) else outcome
        return answered(delivery, draft, heard, now_ms, rules)

    return patched((hub.central.courier, "answered", hasty))


def key_of_each_attempt() -> AbstractContextManager[Any]:
    """What is sent again has another key."""
    attempts: Counter[str] = Counter()

    def fresh(draft: Draft) -> Draft:
        attempts[draft.item.id] += 1
        again = attempts[draft.item.id] > 1
        return draft._replace(item=draft.item._replace(id=f"{draft.item.id}/{attempts.total()}")) if again else draft

    def sent(target: Target, drafts: Sequence[Draft]) -> Sequence[Outcome]:
        return _SENT(target, [fresh(one) for one in drafts])

    return patched((hub.central.sending, "sent", sent))


def refused_is_tried_again() -> AbstractContextManager[Any]:
    """What the receiver will never take stays in front of its card."""
    answered = hub.central.delivery.answered

    def stubborn(delivery: Delivery, draft: Draft, outcome: Outcome, now_ms: int, rules: Any) -> Delivery:
        heard = Later(outcome.words) if isinstance(outcome, Refused) else outcome
        return answered(delivery, draft, heard, now_ms, rules)

    return patched((hub.central.courier, "answered", stubborn))


def refusal_stops_the_target() -> AbstractContextManager[Any]:
    """One bad record is a bad receiver."""
    after = hub.central.delivery.receiver_after

    def strict(receiver: Receiver, outcomes: Sequence[Outcome], now_ms: int, rules: Any) -> Receiver:
        refused = [one.words for one in outcomes if isinstance(one, Refused)]
        return after(receiver, [Stopped(refused[0])] if refused else outcomes, now_ms, rules)

    return patched((hub.central.courier, "receiver_after", strict))


def told_as_it_arrives() -> AbstractContextManager[Any]:
    """What comes first goes first."""

    def as_it_arrives(item: Item, happening: Happening, _: int) -> Item:
        return item._replace(at_ms=happening.received_ms)

    return patched((hub.central.courier, "settled_time", as_it_arrives))


def pause_ignored() -> AbstractContextManager[Any]:
    """A receiver that is down is asked again at once, with everything."""
    return patched((Receiver, "may_send", lambda self, _: self.stopped is None))


def line_goes_on_after_a_failure() -> AbstractContextManager[Any]:
    """What waits for a connection is sent, whatever has come back meanwhile."""

    def answered(self: WaitingLine, sent: Sent) -> None:
        self._under_way -= 1
        self._back.append(sent)

    return patched((WaitingLine, "answered", answered))


def stop_ignored() -> AbstractContextManager[Any]:
    """A wrong password is tried for ever."""
    return patched((Receiver, "may_send", lambda self, now_ms: now_ms >= self.pause_until_ms))


def answer_lost_with_the_store() -> AbstractContextManager[Any]:
    """What could not be written down counts as under way for ever."""
    take_back = Courier._take_back

    def careless(self: Courier, now_ms: int, wait_ms: int) -> bool:
        try:
            return take_back(self, now_ms, wait_ms)
        except StoreError:
            self._answers.clear()
            raise

    return patched((Courier, "_take_back", careless))


def old_days_not_told() -> AbstractContextManager[Any]:
    """What an unset clock shows counts as its day."""

    def from_on(self: Happening, since_ms: int) -> bool:
        return self.at_ms is None or self.at_ms >= since_ms

    return patched((Happening, "from_on", from_on))


MUTANTS: Mapping[str, Mutant] = {
    mutant.__name__: mutant
    for mutant in (
        relay_before_commit, walk_timer_forgotten, exit_refused, block_ignored, who_waits_is_forgotten,
        relay_not_tried_again, copies_overlooked, fire_forgotten_at_restart, fire_ended_by_command,
        fire_after_the_record, muster_of_who_was_seen_last_before_it,
        card_counts_when_it_arrives, cards_before_the_news_forgotten,
        correction_forgotten, number_used_again, settled_when_sent, resend_forgotten,
        any_signature, older_list, changes_trusted, command_taken_again, garbage_ends_the_uplink,
        others_unheard, alone_unnoticed,
        never_full, news_and_parts_forgotten, ack_before_commit, dedupe_skipped,
        ack_of_the_highest, presence_by_grant, times_taken_as_they_come,
        garbage_ends_the_intake,
        cursor_before_the_items, no_answer_taken_for_yes, queued_taken_for_done, key_of_each_attempt,
        refused_is_tried_again, refusal_stops_the_target, told_as_it_arrives,
        pause_ignored, line_goes_on_after_a_failure, stop_ignored, answer_lost_with_the_store, old_days_not_told,
        *LATE_MUTANTS,
    )
} | OUTSIDE_MUTANTS  # fmt: skip

LATE = frozenset(mutant.__name__ for mutant in LATE_MUTANTS)
_SENT = hub.central.sending.sent
_HEAD = SimJournal._stored_head
_MESSAGE = Session.message
_TAKE = CommandFollower.take
_SEALED = msgspec.msgpack.Decoder(Sealed)
