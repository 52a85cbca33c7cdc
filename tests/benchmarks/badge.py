"""Badge to relay with a durable commit, at several list sizes; against one bare commit of SQLite.

Measured around the controller, from the reading handed in to the call that moves the relay: lookup,
decision, hash chain, encoding, WAL commit with synchronous=FULL. Reading the card comes on top, and is
counted in exchanges.
"""

import sqlite3
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

from gate.cache.journal import SqliteJournal
from gate.cache.permits import SqlitePermits
from gate.clock import SystemClock, always
from gate.controller import Controller, Place
from gate.decide import Rules
from gate.lane_control import LaneParts
from gate.model import CardContents, CardId, CardReading, Decision, Direction, Event, ListState, Medium, Permit
from gate.ports import CardShown, Deliver, ListedPermit, PassageSensed
from gate.rules import Action, Passback
from gate.turnstile import Mode
from gate.uplink import contract, translate
from tests.benchmarks.figures import Figure

FLOOR = "one bare SQLite commit (the disk's floor)"


class StopwatchLane:
    """A lane that notes when its relay is told to move."""

    name = "main"

    def __init__(self) -> None:
        self.released_at = 0.0

    def start(self, deliver: Deliver) -> None: ...

    def release(self, direction: Direction) -> None:
        self.released_at = time.perf_counter()

    def secure(self) -> None: ...

    def hold(self, ways: frozenset[Direction]) -> None: ...

    def greet(self, first_name: str) -> None: ...

    def show_mode(self, mode: Mode) -> None: ...

    def show(self, decision: Decision, direction: Direction, language: str | None) -> None: ...

    def close(self) -> None: ...


def measure(quick: bool) -> Iterator[Figure]:
    badges = 200 if quick else 1000
    yield Figure(FLOOR, "ms", _bare_commits(badges))
    for size in (1_000, 100_000) if quick else (1_000, 100_000, 1_000_000):
        yield Figure(f"badge → relay, {size:,} permits", "ms", _badges(size, badges), against=FLOOR)


def _bare_commits(count: int) -> list[float]:
    with TemporaryDirectory() as folder:
        connection = sqlite3.connect(Path(folder) / "floor.db")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("CREATE TABLE records (seq INTEGER PRIMARY KEY, body BLOB)")
        samples = []
        for _ in range(count):
            began = time.perf_counter()
            connection.execute("INSERT INTO records (body) VALUES (?)", (b"x" * 600,))
            connection.commit()
            samples.append((time.perf_counter() - began) * 1000)
        connection.close()
    return samples


def _badges(size: int, count: int) -> list[float]:
    with TemporaryDirectory() as folder:
        permits = SqlitePermits(Path(folder) / "permits.db")
        clock = SystemClock(always())
        now_ms = clock.now().wall_ms
        permits.replace(
            [
                ListedPermit(Permit(CardId("hms", f"{number:08d}"), card_expiry=date(2099, 1, 1)), bytes(32))
                for number in range(size)
            ],
            ListState(1, size, "0" * 64, now_ms, now_ms + 86_400_000),
        )
        journal = SqliteJournal(Path(folder) / "journal.db", _encode, contract.record_hash, max_waiting=10_000)
        lane = StopwatchLane()
        controller = Controller(
            lanes={"main": LaneParts(lane, 7_000)},
            readers={"outside": Place("main", Direction.ENTRY)},
            permits=permits,
            journal=journal,
            clock=clock,
            rules=Rules(ZoneInfo("Europe/Oslo"), passback=Passback(Action.OFF)),
            deadline_ms=5_000,
            new_badge=lambda: "7d9e0c52-4a51-4f3a-9a0e-2f9be1c7a001",
        )
        controller.start("bench")
        samples = []
        step = max(1, size // count)
        for turn in range(count):
            card = CardId("hms", f"{turn * step % size:08d}")
            reading = CardReading("outside", Medium.CHIP, CardContents(card, date(2099, 1, 1)))
            began = time.perf_counter()
            controller.handle(CardShown(reading))
            samples.append((lane.released_at - began) * 1000)
            controller.handle(PassageSensed("main", Direction.ENTRY))
        journal.close()
        permits.close()
    return samples


def _encode(event: Event, *, epoch: str, seq: int, prevhash: str) -> bytes:
    return translate.outgoing_record(event, site="bench", gate="north", epoch=epoch, seq=seq, prevhash=prevhash)
