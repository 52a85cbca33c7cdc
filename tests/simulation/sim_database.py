"""The hub's database as the product has it, on a real SQLite file: for all that looks back on deliveries.

What the simulated intake has committed is there whenever somebody looks. The hub may die before a transaction begins,
before it is committed, and after.
"""

import contextlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import Connection

from hub.corrections import Boot, Correction
from hub.errors import StoreError
from hub.records import Journal, JournalKey
from hub.store import HubStore, SqlEventTransaction
from tests.simulation.sim_disk import Disk
from tests.simulation.sim_store import HubFile
from tests.simulation.world import Machine

IN_MEMORY = Path("/dev/shm")
"""The simulated disk says what lasts; waiting for a real one would only be slow."""


def folder_for_databases() -> TemporaryDirectory[str]:
    return TemporaryDirectory(prefix="pv-sim-", dir=IN_MEMORY if IN_MEMORY.is_dir() else None)


class SimDatabase(HubStore):
    """Beside one HubFile, as long as that lasts."""

    def __init__(self, where: Path, machine: Machine, disk: Disk, file: HubFile) -> None:
        self._machine = machine
        self._disk = disk
        self._file = file
        self._events: dict[JournalKey, int] = {}
        """How many of each journal are here."""
        self._journals: dict[JournalKey, Journal] = {}
        self._corrections: dict[Boot, Correction] = {}
        self._made = False
        super().__init__(where)
        self._made = True

    @contextlib.contextmanager
    def reading(self) -> Iterator[Connection]:
        self._catch_up()
        with super().reading() as connection:
            yield connection

    @contextlib.contextmanager
    def writing(self) -> Iterator[Connection]:
        with self._mortal(super().writing()) as connection:
            yield connection

    @contextlib.contextmanager
    def taking_in(self) -> Iterator[Connection]:
        with self._mortal(super().taking_in()) as connection:
            yield connection

    @contextlib.contextmanager
    def rough(self) -> Iterator[Connection]:
        """What is done to it from elsewhere, at once and wholly."""
        with self._backend.writer.begin() as connection:
            yield connection

    @contextlib.contextmanager
    def _mortal(self, block: contextlib.AbstractContextManager[Connection]) -> Iterator[Connection]:
        if not self._made:
            with block as connection:
                yield connection
            return
        self._catch_up()
        if self._disk.delay_ms:
            raise StoreError("hub.sqlite3: database or disk is full; nothing of this was stored")
        self._machine.point("sql begin")
        with block as connection:
            yield connection
            self._machine.point("sql commit")
        self._machine.point("sql answer")

    def _catch_up(self) -> None:
        """No effect of its own: it was committed when the simulated intake committed it."""
        file = self._file
        events = [key for key, stored in file.events.items() if len(stored) > self._events.get(key, 0)]
        journals = [one for key, one in file.journals.items() if self._journals.get(key) != one]
        corrections = [one for boot, one in file.corrections.items() if self._corrections.get(boot) != one]
        if not self._made or not (events or journals or corrections):
            return
        with self._backend.writer.begin() as connection:
            told = SqlEventTransaction(connection)
            for key in events:
                told.add_events(list(islice(file.events[key].values(), self._events.get(key, 0), None)))
            told.put_journals(journals)
            told.put_corrections(corrections)
        self._events.update({key: len(file.events[key]) for key in events})
        self._journals.update({one.key: one for one in journals})
        self._corrections.update({one.boot: one for one in corrections})
