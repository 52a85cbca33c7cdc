"""A gate of the demonstration: it writes a journal as a real one does, by the same contract, and goes by the list.

Only what happens at it is invented. Its records go through the hub's own ingest; its answers are those of the permits.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from gate.uplink import contract
from gate.uplink.contract import EventData, Status, Topics, WireCard, WireClock, WireEvent
from hub.presence import ENTRY
from hub.records import GivenCommand

EVACUATED = "evacuated"
NORMAL = "normal"
CLOSED = ("locked", "out_of_order")
OPEN = "open"


@dataclass(slots=True)
class InventedGate:
    """One gate. `waiting` are records that the hub has not been given yet."""

    site: str
    name: str
    lanes: dict[str, str]
    readers: dict[str, str]
    muster_readers: dict[str, str] = field(default_factory=dict)
    online: bool = True
    alarms: tuple[str, ...] = ()
    seen_ms: int = 0
    list_revision: int = 0
    commanded: int = 0
    waiting: list[bytes] = field(default_factory=list)
    _seq: int = 0
    _head: str = contract.GENESIS_HASH
    _reads_ms: dict[str, int] = field(default_factory=dict)

    @property
    def epoch(self) -> str:
        return hashlib.sha256(self.name.encode()).hexdigest()[:16]

    def write(self, kind: str, at_ms: int, **data: Any) -> None:
        """One record."""
        self._seq += 1
        event = WireEvent(
            id=contract.event_id(self.site, self.name, self.epoch, self._seq),
            source=contract.source_of(self.site, self.name),
            type=contract.TYPE_PREFIX + kind,
            time=datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            epoch=self.epoch,
            seq=self._seq,
            prevhash=self._head,
            data=EventData(clock=WireClock("demonstration", at_ms % 86_400_000, trusted=True), **data),
        )
        body = contract.encode_event(event)
        self._head = contract.record_hash(body)
        self.waiting.append(body)

    def badge(self, lane: str, direction: str, number: str, reason: str, at_ms: int, **data: Any) -> bool:
        """A card is shown; whether it is let through. Nobody is kept in."""
        admitted = direction != ENTRY or reason == "granted"
        kind = "badge.granted" if admitted else "badge.refused"
        badge = f"{self._seq + 1:08x}"
        card = WireCard("hms", number) if number else None
        self.write(
            kind, at_ms, lane=lane, direction=direction, card=card, medium="chip", reason=reason, badge=badge, **data
        )
        if admitted:
            self.write(
                "passage.completed", at_ms + 1200, lane=lane, direction=direction, card=card, medium="chip",
                badge=badge, zone="site" if direction == ENTRY else "",
            )  # fmt: skip
        reader = lane if lane in self.readers and direction == ENTRY else "in" if direction == ENTRY else "out"
        self._reads_ms[reader] = at_ms
        return admitted

    def muster_badge(self, reader: str, number: str, at_ms: int) -> None:
        """A card is shown at an assembly point."""
        detail = {"reader": reader, "point": self.muster_readers[reader]}
        self.write("muster.badge", at_ms, card=WireCard("hms", number), medium="chip", detail=detail)
        self._reads_ms[reader] = at_ms

    def obey(self, given: GivenCommand, at_ms: int) -> None:
        """Carry out a command, and write down what came of it."""
        asked = given.asked
        self.commanded = given.number
        by = {"by": asked.by}
        lanes = [asked.lane] if asked.lane else list(self.lanes)
        if any(lane not in self.lanes for lane in lanes):
            self._refuse(given, f"this gate has no lane {asked.lane!r}", at_ms)
        elif asked.action == OPEN:
            self._open(given, lanes[0], at_ms)
        elif asked.action != EVACUATED and any(self.lanes[lane] == EVACUATED for lane in lanes):
            self._refuse(given, "evacuated: only a person at the gate ends that", at_ms)
        else:
            for lane in lanes:
                self.lanes[lane] = asked.action
                self.write("lane.mode", at_ms, lane=lane, detail={"mode": asked.action, **by})
            self.write(
                "command.done", at_ms, lane=asked.lane, command=given.number, detail={"command": asked.action, **by}
            )
            if asked.action == EVACUATED:
                self.alarms = tuple(dict.fromkeys((*self.alarms, "fire")))

    def reset(self, at_ms: int) -> None:
        """Somebody has turned the key at the gate after an evacuation."""
        for lane, mode in self.lanes.items():
            if mode == EVACUATED:
                self.lanes[lane] = NORMAL
                self.write("lane.mode", at_ms, lane=lane, detail={"mode": NORMAL, "by": "key switch"})
        self.alarms = tuple(alarm for alarm in self.alarms if alarm != "fire")

    def batch(self) -> Sequence[tuple[str, bytes]]:
        """What the hub is to be given now."""
        bodies, self.waiting = self.waiting, []
        size = contract.MAX_BATCH_EVENTS // 2
        topic = Topics(self.site).events(self.name)
        return [(topic, contract.encode_batch(bodies[at : at + size])) for at in range(0, len(bodies), size)]

    def status(self, at_ms: int) -> Status:
        """How it is."""
        return Status(
            gate=self.name, instance=self.epoch, online=self.online, version="demonstration",
            list_revision=self.list_revision, list_confirmed_ms=at_ms, epoch=self.epoch, head_seq=self._seq,
            head_hash=self._head, unsent=0, clock_trusted=True, readers=self.readers, lanes=dict(self.lanes),
            alarms=self.alarms, at_ms=at_ms, reader_reads_ms=dict(self._reads_ms),
            muster_readers=self.muster_readers,
        )  # fmt: skip

    def takes_entries(self, lane: str) -> bool:
        """Whether a card may open it from outside."""
        return self.lanes[lane] not in CLOSED

    def _open(self, given: GivenCommand, lane: str, at_ms: int) -> None:
        asked = given.asked
        if not self.takes_entries(lane) and asked.direction == ENTRY:
            self._refuse(given, "the lane does not turn, or the gate's disk is full", at_ms)
            return
        badge = f"{self._seq + 1:08x}"
        shared: Mapping[str, Any] = {"lane": lane, "direction": asked.direction, "medium": "manual", "badge": badge}
        self.write(
            "badge.granted", at_ms, reason="granted", detail={"by": asked.by}, command=given.number, **shared
        )  # fmt: skip
        self.write(
            "command.done", at_ms, lane=lane, command=given.number, detail={"command": OPEN, "by": asked.by}
        )  # fmt: skip
        self.write("passage.completed", at_ms + 900, zone="site" if asked.direction == ENTRY else "", **shared)

    def _refuse(self, given: GivenCommand, what: str, at_ms: int) -> None:
        detail = {"command": given.asked.action, "by": given.asked.by, "what": what}
        self.write("command.refused", at_ms, lane=given.asked.lane, command=given.number, detail=detail)
