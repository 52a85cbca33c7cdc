"""Brings a target what it is to know: plans, drafts, sends, writes down what came of it. One for each target.

No clock, no thread and no chance inside: a turn takes the time, and says when it wants the next one. Who sends is
handed in: in the same thread, several at a time at a site, over a bad wire in the simulation.
"""

import logging
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Protocol

from hub.central.delivery import (
    Ahead,
    Delivery,
    Found,
    Receiver,
    Rules,
    Throttle,
    answered,
    asked,
    nothing_new,
    receiver_after,
    settled_time,
    unfit,
    worn_out,
)
from hub.central.happening import Happening, Place, Stream
from hub.central.sending import Sender, Sent
from hub.central.target import Accepted, Draft, Facts, Item, Later, Outcome, Target, Unfit
from hub.corrections import CLOCK_TRUSTED

log = logging.getLogger(__name__)

IDLE_MS = 60_000
"""How long a turn may wait where nothing new happens."""
REST_MS = 100
"""How long a turn waits at least that could start nothing: what is due may be too much for one second."""
ASK_AT_ONCE = 50
AHEAD = 16
"""Records that may be with the sender before it has a connection for them: so it goes on while answers are written
down, and many answers of a fast receiver in one commit."""


class Queue(Protocol):
    """What one target is to know, on a disk (`hub.central.ledger.Ledger`). Every method may raise StoreError; then
    nothing was written. One thread."""

    def ahead(self) -> Ahead:
        """What comes next in every stream, a piece of each."""

    def plan(self, wanted: Sequence[tuple[Happening, Item]], cursors: Mapping[Stream, int], now_ms: int) -> None:
        """Put items into the queue and move the cursors, both or neither."""

    def due(self, now_ms: int, most: int, under_way: Collection[str]) -> Found:
        """What may be sent now, of each card the earliest that is open; nothing of what is under way."""

    def to_ask(self, now_ms: int, most: int) -> Sequence[Delivery]:
        """What the receiver has in its own queue, and may be asked for."""

    def waiting_of(self, streams: Collection[Stream]) -> Found:
        """All of these streams that waits to be sent."""

    def next_due_ms(self, from_ms: int = 0) -> int | None:
        """When something may be sent or asked for, from that time on; None when nothing is open."""

    def facts(self, places: Mapping[str, Place]) -> AbstractContextManager[Facts]:
        """What drafts are made from, all of one moment."""

    def settle(self, deliveries: Sequence[Delivery], receiver: Receiver, now_ms: int) -> None:
        """Write down what came of these, and how the receiver is."""

    def receiver(self) -> Receiver:
        """How the target was when it was written down last; a person may have woken it since."""


class Courier:
    """One target's. One thread."""

    def __init__(
        self, name: str, target: Target, queue: Queue, sender: Sender, rules: Rules, *, clock_wait_ms: int
    ) -> None:
        self._name = name
        self._target = target
        self._queue = queue
        self._sender = sender
        self._rules = rules
        self._clock_wait_ms = clock_wait_ms
        self._throttle = Throttle(target.pace.per_second)
        self._under_way: dict[str, Delivery] = {}
        self._first_sent: dict[str, int] = {}
        self._answers: list[Sent] = []
        self._verdicts: list[tuple[Delivery, Outcome]] = []
        """What became of queued ones, and is not written down yet."""

    def turn(self, now_ms: int) -> int:
        """Do what can be done now; how long the next turn may wait, in ms. Raises StoreError: nothing is lost by it."""
        self._take_back(now_ms, 0)
        planned = self._plan(now_ms)
        due_ms, receiver = self._queue.next_due_ms(), self._take_verdicts(now_ms)
        settled = 0
        if due_ms is not None and due_ms <= now_ms and receiver.may_send(now_ms):
            receiver = self._ask(receiver, now_ms)
            room = self._room(receiver, now_ms)
            started, settled = self._send(receiver, room, now_ms) if room else (0, 0)
            if room and not started + settled:
                # What is due waits for another one of its card.
                due_ms = self._queue.next_due_ms(now_ms + 1)
        # While something is under way an answer is what is waited for.
        answered = self._take_back(now_ms, 0)
        return 0 if planned or settled or answered else _idle_ms(due_ms, receiver, now_ms)

    def wait(self, now_ms: int, wait_ms: int) -> None:
        """Wait for an answer, if one is to come. Raises StoreError."""
        self._take_back(now_ms, wait_ms)

    @property
    def under_way(self) -> bool:
        """Whether an answer is to come."""
        return bool(self._under_way)

    def _plan(self, now_ms: int) -> bool:
        ahead = self._queue.ahead()
        if not ahead.cursors:
            return False
        if corrected := {one.stream for one in ahead.happenings if one.kind == CLOCK_TRUSTED}:
            self._set_right(corrected, now_ms)
        wait_ms = self._clock_wait_ms
        wanted = [(one, settled_time(item, one, wait_ms)) for one in ahead.happenings for item in self._items(one)]
        self._queue.plan(wanted, ahead.cursors, now_ms)
        return True

    def _items(self, happening: Happening) -> Sequence[Item]:
        try:
            return self._target.items(happening)
        except Exception:
            log.exception("target=%s happening=%s skipped", self._name, happening.id)
            return []

    def _set_right(self, streams: Collection[Stream], now_ms: int) -> None:
        """A gate has said what time it really was: what waits goes in that order, and need not be kept back."""
        found = self._queue.waiting_of(streams)
        moved: list[Delivery] = []
        with self._queue.facts(found.places) as facts:
            for one in found.deliveries:
                told = None if one.item.id in self._under_way else facts.happening(one.item.happening)
                times = {item.id: item.at_ms for item in self._items(told)} if told else {}
                if (at_ms := times.get(one.item.id, one.item.at_ms)) != one.item.at_ms:
                    due_ms = one.due_ms if one.attempts else now_ms
                    moved.append(replace(one, item=one.item._replace(at_ms=at_ms), due_ms=due_ms))
        if moved:
            self._queue.settle(moved, self._queue.receiver(), now_ms)

    def _room(self, receiver: Receiver, now_ms: int) -> int:
        """How many may be sent now."""
        if not receiver.may_send(now_ms):
            return 0
        free = receiver.at_once(self._target.pace) + self._ahead(receiver) - self._sender.under_way()
        room = free * receiver.in_one(self._target.pace)
        allowed = self._throttle.allowed(now_ms)
        return max(0, room if allowed is None else min(room, allowed))

    def _ahead(self, receiver: Receiver) -> int:
        """How many requests may wait for a connection: none of a receiver that fails, or that counts by the second."""
        pace = self._target.pace
        return 0 if receiver.failures or pace.per_second is not None else max(1, AHEAD // pace.batch)

    def _send(self, receiver: Receiver, room: int, now_ms: int) -> tuple[int, int]:
        """How many were sent, and how many there was nothing to send of."""
        found = self._queue.due(now_ms, room, self._under_way)
        if not found.deliveries:
            return 0, 0
        drafts, settled = self._drafts(found, now_ms)
        if settled:
            self._queue.settle(settled, receiver, now_ms)
        # Under way is what nothing can keep from being sent any more.
        for delivery, draft in drafts:
            self._under_way[draft.item.id] = delivery
            self._first_sent[draft.item.id] = found.first_sent_ms.get(draft.item.id, now_ms)
        size = receiver.in_one(self._target.pace)
        for start in range(0, len(drafts), size):
            self._sender.start([draft for _, draft in drafts[start : start + size]])
        self._throttle.went(len(drafts))
        return len(drafts), len(settled)

    def _drafts(self, found: Found, now_ms: int) -> tuple[list[tuple[Delivery, Draft]], list[Delivery]]:
        """What is to be sent; and what is not, as it is now."""
        drafts: list[tuple[Delivery, Draft]] = []
        settled: list[Delivery] = []
        with self._queue.facts(found.places) as facts:
            for delivery in found.deliveries:
                made = self._draft(delivery, facts, now_ms)
                if isinstance(made, Draft):
                    drafts.append((delivery, made))
                else:
                    settled.append(made)
        return drafts, settled

    def _draft(self, delivery: Delivery, facts: Facts, now_ms: int) -> Draft | Delivery:
        try:
            body = self._target.draft(delivery.item, facts)
        except Unfit as missing:
            return unfit(delivery, missing.words, missing.field, now_ms)
        if body is None and delivery.digest is not None:
            return unfit(delivery, "told before, and here no longer so: have it taken back there", None, now_ms)
        if body is None:
            return nothing_new(delivery, "nothing to tell", now_ms)
        draft = Draft(delivery.item, body, delivery.receiver_id)
        if delivery.digest == draft.digest:
            return nothing_new(delivery, "told already", now_ms)
        return draft

    def _take_back(self, now_ms: int, wait_ms: int) -> bool:
        """Whether anything has come back."""
        self._answers += self._sender.done(wait_ms)
        if not self._answers:
            return False
        heard = [(one.drafts, one.outcomes) for one in self._answers if one.outcomes is not None]
        if heard:
            self._settle(heard, now_ms)
        # Written down before it is forgotten: a store that fails is told of it in a later turn.
        for one in self._answers:
            for draft in one.drafts:
                del self._under_way[draft.item.id], self._first_sent[draft.item.id]
        self._answers.clear()
        return True

    def _settle(self, heard: Sequence[tuple[Sequence[Draft], Sequence[Outcome]]], now_ms: int) -> None:
        before = receiver = self._queue.receiver()
        settled: list[Delivery] = []
        for drafts, outcomes in heard:
            receiver = receiver_after(receiver, outcomes, now_ms, self._rules)
            for draft, outcome in zip(drafts, outcomes, strict=True):
                after = answered(self._under_way[draft.item.id], draft, outcome, now_ms, self._rules)
                settled.append(worn_out(after, receiver, self._first_sent[draft.item.id], self._rules))
        self._queue.settle(settled, receiver, now_ms)
        self._tell(before, receiver)

    def _ask(self, receiver: Receiver, now_ms: int) -> Receiver:
        """How the receiver is after that."""
        waiting = self._queue.to_ask(now_ms, ASK_AT_ONCE)
        if not waiting:
            return receiver
        try:
            outcomes = list(self._target.ask([one.receiver_id or "" for one in waiting]))
        except Exception as fault:
            log.exception("target=%s failed", self._name)
            outcomes = [Later(f"{type(fault).__name__} in the target; see the log")] * len(waiting)
        self._verdicts = list(zip(waiting, outcomes, strict=False))
        return self._take_verdicts(now_ms)

    def _take_verdicts(self, now_ms: int) -> Receiver:
        """As answers: written down before they are forgotten, so that nobody is asked twice for a store that fails."""
        receiver = self._queue.receiver()
        if not self._verdicts:
            return receiver
        outcomes = [outcome for _, outcome in self._verdicts]
        after = receiver_after(receiver, outcomes, now_ms, self._rules)
        if any(isinstance(one, Accepted) for one in outcomes):
            after = replace(after, accepted_ms=now_ms)
        self._queue.settle([asked(one, outcome, now_ms) for one, outcome in self._verdicts], after, now_ms)
        self._verdicts.clear()
        self._tell(receiver, after)
        return after

    def _tell(self, before: Receiver, receiver: Receiver) -> None:
        if receiver.stopped is not None and before.stopped is None:
            log.error("target=%s stopped=%r see='hub central status'", self._name, receiver.stopped)
        elif receiver.failures and not before.failures:
            log.warning("target=%s failed=%r", self._name, receiver.words)


def _idle_ms(due_ms: int | None, receiver: Receiver, now_ms: int) -> int:
    if due_ms is None or receiver.stopped is not None:
        return IDLE_MS
    return min(IDLE_MS, max(REST_MS, due_ms - now_ms, receiver.pause_until_ms - now_ms))
