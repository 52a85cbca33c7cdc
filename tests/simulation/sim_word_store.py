"""The store of the thread that asks the register: `hub.central.registers.word_store.WordStore` on the hub's disk."""

import contextlib
from collections.abc import Iterator

from tests.simulation.invariants import Witness
from tests.simulation.sim_disk import Disk
from tests.simulation.sim_store import HubFile, all_of, works
from tests.simulation.sim_words import SimWords
from tests.simulation.world import Machine


class SimWordStore:
    """See the module."""

    def __init__(self, machine: Machine, disk: Disk, file: HubFile, witness: Witness) -> None:
        self._machine = machine
        self._disk = disk
        self._file = file
        self._witness = witness

    @contextlib.contextmanager
    def heard(self) -> Iterator[SimWords]:
        yield SimWords(self._file, self._witness.words, self._witness.list_made)

    @contextlib.contextmanager
    def hearing(self) -> Iterator[SimWords]:
        self._machine.point("store begin")
        works(self._disk)
        transaction = SimWords(self._file, self._witness.words, self._witness.list_made)
        yield transaction
        works(self._disk)
        if transaction.changes:
            self._disk.commit(lambda: all_of(transaction.changes))

    def recall(self, name: str) -> str | None:
        return self._file.words.about.get(name)

    def remember(self, name: str, value: str) -> str | None:
        works(self._disk)
        before = self._file.words.about.get(name)

        def apply() -> None:
            self._file.words.about[name] = value

        self._disk.commit(apply)
        return before
