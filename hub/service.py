"""What the hub answers to what it hears. Holds no thread, socket or clock; `wiring` gives it those.

Every method takes the time and returns the messages to publish. A simulation may drive it as it is.
"""

import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from gate.uplink import contract
from gate.uplink.contract import ContractError, HubStatus, Publish, Topics
from hub.commands import Commands
from hub.health import GateHealth, follow
from hub.ingest import Ingest
from hub.permits import ListHead
from hub.records import MAX_NUMBER, JournalKey, Rejected
from hub.recurring import Recurring
from hub.sync import ListSync
from hub.whereabouts import Whereabouts

log = logging.getLogger(__name__)

_EPOCH = re.compile(r"[0-9a-f]{16}")


class ServiceStore(Protocol):
    """What the service itself needs of a store. Every method may raise StoreError."""

    def revision(self) -> int:
        """The current revision of the permit list; 0 when there never was one."""

    def gate_health(self) -> Mapping[str, GateHealth]:
        """The health of every gate that ever spoke."""

    def list_head(self) -> ListHead:
        """Which permit list is the current one."""

    def confirm_revision(self, revision: int, now_ms: int) -> None:
        """Every gate on line has it. What was said first stays."""

    def put_gate_health(self, healths: Sequence[GateHealth]) -> None:
        """Insert or replace."""

    def reject(self, rejected: Sequence[Rejected]) -> None:
        """Keep aside and count."""


class HubService:
    """One site's hub. One thread."""

    def __init__(
        self,
        status: HubStatus,
        store: ServiceStore,
        *,
        ingest: Ingest,
        sync: ListSync,
        whereabouts: Whereabouts,
        commands: Commands,
        heartbeat_ms: int,
    ) -> None:
        self._status = status
        self._topics = Topics(status.site)
        self._store = store
        self._ingest = ingest
        self._sync = sync
        self._whereabouts = whereabouts
        self._commands = commands
        self._heartbeat = Recurring(heartbeat_ms)
        self._offered = 0
        self._confirmed = 0
        self._health: dict[str, GateHealth] = dict(store.gate_health())

    def connected(self, now_ms: int) -> list[Publish]:
        """Say everything retained again: the broker may have lost its memory."""
        own = Publish(self._topics.hub, contract.encode_status(self._status), retain=True)
        return [own, *self._head(now_ms), *self._ingest.acks(), *self._whereabouts.everything(now_ms)]

    def take(self, messages: Sequence[tuple[str, bytes]], now_ms: int) -> list[Publish]:
        """Take in all messages that were waiting, in order; events in one commit.

        Raises StoreError; then nothing that these messages asked for is answered, and their senders
        ask again.
        """
        events: list[tuple[str, bytes]] = []
        healths: dict[str, GateHealth] = {}
        rejected: list[Rejected] = []
        answers: list[Publish] = []
        for topic, payload in messages:
            gate = self._topics.gate_of(topic)
            try:
                if gate is not None and topic == self._topics.status(gate):
                    healths[gate] = self._follow(gate, payload, healths.get(gate), now_ms)
                elif gate is not None and topic == self._topics.want(gate):
                    answer = self._sync.answer(gate, payload)
                    answers += [answer] if answer else []
                else:
                    events.append((topic, payload))
            except ContractError as bad:
                rejected.append(Rejected(topic, payload, str(bad), now_ms))
        if events:
            answers += self._ingest.take(events, now_ms)
            answers += self._whereabouts.news(now_ms)
        if healths:
            if any(self._has_come(gate, after) for gate, after in healths.items()):
                answers.append(self._whereabouts.beat(now_ms))
            self._store.put_gate_health(list(healths.values()))
            self._health |= healths
            self._confirm(now_ms)
            answers += self._answer_statuses(healths.values(), now_ms)
        if rejected:
            self._store.reject(rejected)
        return answers

    def _answer_statuses(self, healths: Iterable[GateHealth], now_ms: int) -> list[Publish]:
        """What the gates' journals hold may be more than is here, or begin later than what is missing."""
        answers: list[Publish] = []
        for status in [health.status for health in healths]:
            if status.online and status.epoch:
                key = JournalKey(status.gate, status.epoch)
                answers += self._ingest.hear_of(key, status.oldest_seq, status.head_seq, now_ms)
        return answers

    def tick(self, now_ms: int) -> list[Publish]:
        """What others have changed or asked for: commands, a list, who is where; and everything again when the
        heartbeat is due."""
        return [*self._commands.due(now_ms), *self._changes(now_ms)]

    def _changes(self, now_ms: int) -> list[Publish]:
        if self._heartbeat.due(now_ms):
            return [*self._head(now_ms), *self._ingest.acks_of_others(), *self._whereabouts.heartbeat(now_ms)]
        news = self._whereabouts.news(now_ms)
        return news if self._store.revision() == self._offered else [*self._head(now_ms), *news]

    def _confirm(self, now_ms: int) -> None:
        """Note when the last gate on line has proven that it has the current list."""
        if self._confirmed == self._offered:
            return
        head = self._store.list_head()
        online = [health.status for health in self._health.values() if health.status.online]
        if online and all(
            (status.list_revision, status.list_digest) == (head.revision, head.digest) for status in online
        ):
            self._confirmed = head.revision
            self._store.confirm_revision(head.revision, now_ms)
            log.info("list=at_gates revision=%d gates=%d", head.revision, len(online))

    def _has_come(self, gate: str, after: GateHealth) -> bool:
        before = self._health.get(gate)
        return after.status.online and (before is None or not before.status.online)

    def _head(self, now_ms: int) -> list[Publish]:
        # Asked before the head is made: a list that comes between the two is offered once more, and not forgotten.
        revision = self._store.revision()
        head = self._sync.head(now_ms)
        self._heartbeat.done(now_ms)
        if revision != self._offered:
            log.info("list=offered revision=%d", revision)
        self._offered = revision
        return [head] if head else []

    def _follow(self, gate: str, payload: bytes, before: GateHealth | None, now_ms: int) -> GateHealth:
        status = contract.decode_status(payload)
        if status.gate != gate:
            raise ContractError(f"status of {status.gate!r} came on the topic of {gate!r}")
        if max(status.head_seq, status.oldest_seq, status.list_revision) > MAX_NUMBER:
            raise ContractError(f"status of {gate!r}: a number that no journal and no list gets to")
        if status.epoch and not _EPOCH.fullmatch(status.epoch):
            raise ContractError(f"status of {gate!r}: {status.epoch!r} is no journal's epoch")
        before = before or self._health.get(gate)
        after = follow(before, status, now_ms)
        if before is None or before.status.online != after.status.online:
            log.info("gate=%s online=%s", gate, str(after.status.online).lower())
        if before is not None and after.conflicts > before.conflicts:
            log.error("gate=%s conflict=two_controllers instances=%s", gate, ",".join(after.instances[-2:]))
        return after
