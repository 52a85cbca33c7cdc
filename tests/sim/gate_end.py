"""A gate from its journal on: real journal, session, uplink and link. Passages are written as a controller does."""

import queue
from pathlib import Path

from gate.cache.journal import SqliteJournal, read_bodies
from gate.cache.permits import SqlitePermits
from gate.clock import SystemClock
from gate.model import CardId, Direction, Event, EventKind, Medium, Moment, Reason
from gate.uplink import contract, translate
from gate.uplink.mqtt import Uplink, UplinkInput, UplinkThread
from gate.uplink.session import Identity, Session
from gate.uplink.signing import Verifier
from portvakt.link import BrokerLink, BrokerSettings
from tests.sim.records import START_MS

SITE = "yard"


class GateEnd:
    """One gate. Times of its passages are its own: second by second from START_MS."""

    def __init__(self, folder: Path, name: str, port: int, verifier: Verifier) -> None:
        site = SITE
        self.name = name
        self._file = folder / f"{name}.db"
        self._lag_ms = sum(name.encode()) % 997
        self._written = 0

        def encode(event: Event, *, epoch: str, seq: int, prevhash: str) -> bytes:
            return translate.outgoing_record(event, site=site, gate=name, epoch=epoch, seq=seq, prevhash=prevhash)

        self.journal = SqliteJournal(self._file, encode, contract.record_hash, max_waiting=100_000)
        self._permits = SqlitePermits(folder / f"{name}-permits.db")
        epoch = self.journal.head().epoch
        session = Session(
            Identity(site, name, epoch), verifier, settled=0, head=self.journal.head().seq, held=None, commanded=0
        )
        inbox: queue.Queue[UplinkInput] = queue.Queue(1024)
        self._link = BrokerLink(BrokerSettings(port=port), f"gate-{name}", session.subscriptions(), None, inbox)
        uplink = Uplink(
            gate=name, topics=contract.Topics(site), session=session, outbox=self.journal, keeper=self._permits,
            link=self._link, clock=SystemClock(lambda: True), note=lambda _: None, status=self._status,
        )  # fmt: skip
        self._uplink = UplinkThread(uplink, inbox)
        self.journal.on_commit = self._uplink.written

    def start(self) -> None:
        self._uplink.start()
        self._link.start()

    def pass_through(self, count: int) -> None:
        """So many passages, of a few cards, in and out by turns."""
        events = []
        for turn in range(self._written, self._written + count):
            at_ms = START_MS + 1000 * turn + self._lag_ms
            events.append(
                Event(
                    EventKind.PASSAGE_COMPLETED, Moment("boot", 1000 * turn, at_ms, trusted=True), "main",
                    (Direction.ENTRY, Direction.EXIT)[turn // 7 % 2], CardId("hms", f"53{turn % 97:06d}"),
                    Medium.CHIP, Reason.GRANTED, (), None, f"badge-{turn}",
                )
            )  # fmt: skip
        self._written += count
        assert self.journal.append(events, 30_000)

    @property
    def unsettled(self) -> int:
        return self.journal.head().seq - self.journal.settled()

    @property
    def bodies(self) -> list[bytes]:
        return list(read_bodies(self._file))

    def close(self) -> None:
        self._link.close()
        self._uplink.close()
        self.journal.close()
        self._permits.close()

    def _status(self, session: Session) -> contract.Status:
        head = self.journal.head()
        return contract.Status(
            gate=self.name, instance=head.epoch, online=True, epoch=head.epoch, head_seq=head.seq, head_hash=head.hash,
            unsent=head.seq - session.settled, oldest_seq=self.journal.oldest(),
        )  # fmt: skip
