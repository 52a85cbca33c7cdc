"""What other systems have told, on the simulated hub's disk: what `hub.central.gathering.Reporting` promises."""

import contextlib
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace

from hub.check_ins import Name, Taken, changes, follow, taken
from hub.muster import Called, inside_at, passages_after, presence_at, roll_call
from hub.presence import CardKey, CheckIn
from hub.records import Rejected
from tests.simulation.invariants import Witness
from tests.simulation.sim_disk import Disk
from tests.simulation.sim_store import HubFile, SimTransaction, SourceFile, all_of, works
from tests.simulation.world import DAY_MS, Machine


class SimReporting(SimTransaction):
    """One transaction."""

    def __init__(self, file: HubFile, witness: Witness) -> None:
        super().__init__(file, witness)
        self._sources: dict[str, SourceFile] = {}
        """As they will be."""
        self.moves = False
        """Whether anybody's presence may be another one after it."""

    def cursor(self, source: str) -> str:
        return self._source(source).cursor

    def take(self, source: str, told: Sequence[CheckIn], now_ms: int) -> Taken:
        file = self._source(source)
        changed = changes(file.kept, told, file.seq)
        if not changed:
            return Taken()
        self._witness.check_ins.changing(source, file, changed)
        kept = {Name(one.after.check_in.theirs, one.after.check_in.direction): one.after for one in changed}
        self._keep(source, replace(file, seq=file.seq + len(changed), kept={**file.kept, **kept}))
        self.moves = True
        follow(self, source, changed)
        return taken(changed)

    def set_aside(self, source: str, rejected: Sequence[Rejected]) -> None:
        self._witness.check_ins.set_aside(source, rejected)

    def succeeded(self, source: str, cursor: str, now_ms: int) -> None:
        self._keep(source, replace(self._source(source), cursor=cursor, wrong=None))

    def failed(self, source: str, words: str, now_ms: int) -> None:
        self._witness.check_ins.failed(source, words)
        self._keep(source, replace(self._source(source), wrong=words))

    def forget_presence(self, cards: Collection[CardKey]) -> None:
        def apply() -> None:
            change = self._next_change()
            for card in cards:
                self._file.presence.pop(card, None)
                self._file.changes.pop(card, None)
            newest = max(self._file.changes, key=lambda card: self._file.changes[card], default=None)
            if newest is not None:
                self._file.changes[newest] = change

        self.changes.append(apply)

    def _source(self, source: str) -> SourceFile:
        return self._sources.get(source) or self._file.sources.get(source) or SourceFile()

    def _keep(self, source: str, file: SourceFile) -> None:
        self._sources[source] = file

        def apply() -> None:
            self._file.sources[source] = file

        self.changes.append(apply)


class SimReportingStore:
    """The store of one source's thread."""

    def __init__(self, machine: Machine, disk: Disk, file: HubFile, witness: Witness) -> None:
        self._machine = machine
        self._disk = disk
        self._file = file
        self._witness = witness

    @contextlib.contextmanager
    def reporting(self) -> Iterator[SimReporting]:
        self._machine.point("store begin")
        works(self._disk)
        transaction = SimReporting(self._file, self._witness)
        yield transaction
        works(self._disk)
        if transaction.changes:
            self._disk.commit(lambda: self._apply(transaction.changes, moves=transaction.moves))

    def _apply(self, made: Sequence[Callable[[], None]], *, moves: bool) -> None:
        before = self._called() if moves else {}
        all_of(made)
        if before:
            self._witness.check_ins.called_again(before, self._called())

    def _called(self) -> dict[CardKey, Called]:
        """Who of a running muster is accounted for, and how."""
        running = [pair for pair in self._file.musters.values() if pair[0].closed_ms is None]
        if not running:
            return {}
        looking = SimTransaction(self._file, self._witness)
        (muster, then) = running[0]
        called = roll_call(
            then,
            presence_at(looking, muster.began_ms),
            inside_at(looking, muster, None),
            passages_after(looking, muster.began_ms, self._machine.world.now_ms + DAY_MS),
            [],
        )
        listed = {one.card for one in then}
        return {one.card: one for one in called if one.card in listed}
