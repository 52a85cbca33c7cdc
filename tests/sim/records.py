"""A gate's journal as bytes: records with their coordinates and chain, ready for a batch."""

from datetime import UTC, datetime
from typing import Any

from gate.uplink import contract
from gate.uplink.contract import EventData, Topics, WireCard, WireClock, WireEvent

START_MS = 1_780_000_000_000
"""Some morning in May 2026."""


class RecordBook:
    """Makes the records of one journal, one after the other."""

    def __init__(self, gate: str = "north", *, site: str = "yard", epoch: str = "00000000000000aa") -> None:
        self.site, self.gate, self.epoch = site, gate, epoch
        self.bodies: list[bytes] = []
        self._hash = contract.GENESIS_HASH

    def add(
        self,
        kind: str = "gate.started",
        *,
        at_ms: int | None = None,
        monotonic_ms: int | None = None,
        trusted: bool = True,
        **data: Any,
    ) -> bytes:
        """Append one record and return its bytes; `card` may be given as a number."""
        seq = len(self.bodies) + 1
        at_ms = START_MS + seq * 1000 if at_ms is None else at_ms
        if isinstance(data.get("card"), str):
            data["card"] = WireCard("hms", data["card"])
        monotonic_ms = at_ms - START_MS if monotonic_ms is None else monotonic_ms
        moment = datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        event = WireEvent(
            id=contract.event_id(self.site, self.gate, self.epoch, seq),
            source=contract.source_of(self.site, self.gate),
            type=contract.TYPE_PREFIX + kind,
            time=moment,
            epoch=self.epoch,
            seq=seq,
            prevhash=self._hash,
            data=EventData(clock=WireClock("boot", monotonic_ms, trusted), **data),
        )
        body = contract.encode_event(event)
        return self.append(body)

    def append(self, body: bytes) -> bytes:
        """Append bytes as they are: for records that a sound gate would not write."""
        self._hash = contract.record_hash(body)
        self.bodies.append(body)
        return body

    def passage(self, card: str, direction: str, at_ms: int | None = None, *, trusted: bool = True) -> bytes:
        return self.add("passage.completed", at_ms=at_ms, trusted=trusted, card=card, direction=direction, lane="main")

    def message(self, *seqs: int) -> tuple[str, bytes]:
        """A batch of these records, all of them when none is named."""
        bodies = [self.bodies[seq - 1] for seq in seqs] if seqs else self.bodies
        return Topics(self.site).events(self.gate), contract.encode_batch(bodies)
