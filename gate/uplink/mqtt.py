"""The uplink's shell: moves what the session says between broker, journal and permit store.

One thread. It serves its inbox in order, so a session's effect is done before the next input is looked
at. Nothing here may block the controller; nothing here decides anything.
"""

import logging
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from gate.errors import ListRefused, StoreError
from gate.model import EventKind
from gate.ports import Clock, Deliver, ModeAsked, Noted, Outbox, PassAsked, PermitKeeper, SiteTold
from gate.uplink import contract
from gate.uplink.contract import Publish, Status
from gate.uplink.lists import ChangeList, ConfirmList, ReplaceList, refuse_change
from gate.uplink.renewal import Renewal, RenewalEffect, Renewed
from gate.uplink.session import PublishStatus, SendRecords, Session, Settle, UplinkEffect
from portvakt.link import Connected, Lost, Message

log = logging.getLogger(__name__)

STATUS_EVERY_MS = 15_000
LOOK_AT_JOURNAL_MS = 1_000
"""A missed wake-up costs at most this: the head is read again."""


@dataclass(frozen=True, slots=True)
class Written:
    """The journal has committed up to `head`."""

    head: int


UplinkInput: TypeAlias = Connected | Lost | Message | Written


class Link(Protocol):
    """What the uplink needs of the broker link."""

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> bool: ...

    def reconnect(self) -> None: ...


class Uplink:
    """Session, ports and link, put together. Not thread-safe: one thread calls it."""

    def __init__(
        self,
        *,
        gate: str,
        topics: contract.Topics,
        session: Session,
        outbox: Outbox,
        keeper: PermitKeeper,
        link: Link,
        clock: Clock,
        note: Deliver,
        status: Callable[[Session], Status],
        renewal: Renewal | None = None,
    ) -> None:
        self._gate = gate
        self._topics = topics
        self._session = session
        self._outbox = outbox
        self._keeper = keeper
        self._link = link
        self._clock = clock
        self._note = note
        self._status = status
        self._renewal = renewal
        self._status_ms = 0

    def take(self, given: UplinkInput) -> None:
        now_ms = self._now_ms()
        match given:
            case Connected():
                effects = self._session.connected(now_ms)
            case Lost():
                effects = self._session.lost(now_ms)
            case Message(topic, payload) if self._renewal is not None and topic == self._renewal.topic:
                self._renew(self._renewal.answered(payload, self._clock.now()))
                return
            case Message(topic, payload):
                effects = self._session.message(topic, payload, now_ms)
            case Written(head):
                effects = self._session.written(head, now_ms)
        self._perform(effects)

    def tick(self) -> None:
        now = self._clock.now()
        now_ms = now.monotonic_ms
        if now.trusted:
            self._session.clock(now.wall_ms, now_ms)
        self._perform(self._session.written(self._outbox.head().seq, now_ms))
        self._perform(self._session.tick(now_ms))
        if self._session.speaking and now_ms - self._status_ms >= STATUS_EVERY_MS:
            self._perform([PublishStatus()])
        if self._session.speaking and self._renewal is not None:
            self._renew(self._renewal.tick(self._clock.now()))

    def due_ms(self) -> int:
        due = self._session.due_ms(self._now_ms())
        return LOOK_AT_JOURNAL_MS if due is None else min(due, LOOK_AT_JOURNAL_MS)

    def _now_ms(self) -> int:
        return self._clock.now().monotonic_ms

    def _perform(self, effects: list[UplinkEffect]) -> None:
        for effect in effects:
            match effect:
                case SendRecords(first, last):
                    self._send(first, last)
                case Settle(through):
                    self._outbox.settle(through)
                case Publish(topic, payload, retain):
                    self._link.publish(topic, payload, retain=retain)
                case PublishStatus():
                    self._status_ms = self._now_ms()
                    body = contract.encode_status(self._status(self._session))
                    self._link.publish(self._topics.status(self._gate), body, retain=True)
                case ReplaceList() | ChangeList() | ConfirmList():
                    self._apply(effect)
                case Noted() | SiteTold() | ModeAsked() | PassAsked():
                    self._note(effect)

    def _renew(self, effects: list[RenewalEffect]) -> None:
        for effect in effects:
            match effect:
                case Publish(topic, payload, retain):
                    self._link.publish(topic, payload, retain=retain)
                case Noted():
                    self._note(effect)
                case Renewed():
                    log.info("certificate=renewed")
                    self._link.reconnect()

    def _send(self, first: int, last: int) -> None:
        try:
            bodies = [record.body for record in self._outbox.read(first - 1, last - first + 1)]
        except StoreError as broken:
            # The session's resend timer comes back to these records.
            log.error("uplink=unreadable first=%d last=%d why=%r", first, last, str(broken))
            return
        if bodies:
            self._link.publish(self._topics.events(self._gate), contract.encode_batch(bodies))

    def _apply(self, effect: ReplaceList | ChangeList | ConfirmList) -> None:
        try:
            match effect:
                case ConfirmList(state):
                    self._keeper.confirm(state)
                    return
                case ChangeList(_, permits, state):
                    proofs = self._keeper.proofs([listed.permit.card for listed in permits])
                    refuse_change(self._keeper.state(), proofs, effect)
                    self._keeper.change(permits, state)
                case ReplaceList(permits, state):
                    self._keeper.replace(permits, state)
        except (ListRefused, StoreError) as refused:
            self._note(Noted(EventKind.LIST_REFUSED, {"why": str(refused)[:300]}))
            self._perform(self._session.list_not_applied(self._keeper.state(), self._now_ms()))
            return
        log.info("list=applied revision=%d count=%d written=%d", state.revision, state.count, len(permits))
        self._note(Noted(EventKind.LIST_APPLIED, {"revision": state.revision, "count": state.count}))
        self._perform([PublishStatus()])


class UplinkThread:
    """Runs an uplink over its inbox until `close`."""

    def __init__(self, uplink: Uplink, inbox: "queue.Queue[UplinkInput]") -> None:
        self._uplink = uplink
        self._inbox = inbox
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="uplink", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def written(self, head: int) -> None:
        """Wake the uplink for new records; a full inbox loses nothing, `tick` looks at the journal."""
        try:
            self._inbox.put_nowait(Written(head))
        except queue.Full:
            log.debug("uplink=busy head=%d", head)

    def close(self) -> None:
        """End after the present input. Idempotent."""
        self._stop.set()
        if self._thread.is_alive():
            self.written(0)
            self._thread.join(10.0)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                given = self._inbox.get(timeout=self._uplink.due_ms() / 1000)
            except queue.Empty:
                self._guarded(None)
                continue
            self._guarded(given)

    def _guarded(self, given: UplinkInput | None) -> None:
        """A fault of ours in one message must not cut the gate off for good (P2)."""
        try:
            if given is not None:
                self._uplink.take(given)
            self._uplink.tick()
        except Exception:
            log.exception("uplink=fault input=%s", type(given).__name__)
