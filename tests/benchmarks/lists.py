"""What it costs to tell a gate that one permit has changed, against sending it the whole list."""

import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gate.cache.permits import SqlitePermits
from gate.uplink import contract
from gate.uplink.contract import PermitsHead, Publish, Topics
from gate.uplink.lists import ChangeList, ListFollower, ReplaceList, refuse_change
from gate.uplink.signing import Signer, Verifier
from hub.config import ListSettings
from hub.records import CrewMember
from hub.store import HubStore
from hub.sync import ListSync
from tests.benchmarks.figures import Figure

NOW_MS = 1_781_500_000_000
SITE, GATE = "bench", "north"


def measure(quick: bool) -> Iterator[Figure]:
    size = 5_000 if quick else 100_000
    key = Ed25519PrivateKey.generate()
    with tempfile.TemporaryDirectory() as folder, closing(HubStore(Path(folder) / "hub.sqlite3")) as store:
        sync = ListSync(SITE, store, Signer(SITE, key), ListSettings())
        gate = _Gate(Path(folder) / "permits.db", Verifier(SITE, key.public_key()))
        whole = f"list of {size:,}, whole"
        _crew(store, range(size), NOW_MS)
        yield from _figures(whole, None, [gate.follow(sync, NOW_MS)])
        spent = []
        for number in range(10 if quick else 100):
            _put(store, number, NOW_MS + number + 1)
            spent.append(gate.follow(sync, NOW_MS + number + 1))
        yield from _figures(f"list of {size:,}, one change", whole, spent)
        gate.close()


class _Gate:
    """The gate's half, without broker and threads: follows the list, proves it, writes it."""

    def __init__(self, file: Path, verifier: Verifier) -> None:
        self._keeper = SqlitePermits(file)
        self._verifier = verifier
        self._topics = Topics(SITE)
        self._follower = ListFollower(GATE, self._topics, self._keeper.state())

    def follow(self, sync: ListSync, now_ms: int) -> tuple[float, float, float]:
        """Milliseconds at the hub, milliseconds at the gate, bytes on the wire."""
        hub = gate = size = 0.0
        began = time.perf_counter()
        head = sync.head(now_ms)
        hub += time.perf_counter() - began
        assert head
        size += len(head.payload)
        began = time.perf_counter()
        effects = self._follower.head(self._verifier.open(PermitsHead, head.payload), now_ms)
        gate += time.perf_counter() - began
        while isinstance(effects[0], Publish):
            began = time.perf_counter()
            chunk = sync.answer(GATE, effects[0].payload)
            hub += time.perf_counter() - began
            assert chunk
            size += len(effects[0].payload) + len(chunk.payload)
            began = time.perf_counter()
            effects = self._follower.chunk(contract.decode_message(contract.PermitsChunk, chunk.payload), now_ms)
            gate += time.perf_counter() - began
        began = time.perf_counter()
        match effects[0]:
            case ReplaceList(permits, state):
                self._keeper.replace(permits, state)
            case ChangeList(_, permits, state) as change:
                proofs = self._keeper.proofs([listed.permit.card for listed in permits])
                refuse_change(self._keeper.state(), proofs, change)
                self._keeper.change(permits, state)
            case other:
                raise RuntimeError(f"the gate did not take the list: {other}")
        gate += time.perf_counter() - began
        return hub * 1000, gate * 1000, size

    def close(self) -> None:
        self._keeper.close()


def _figures(name: str, against: str | None, spent: list[tuple[float, float, float]]) -> Iterator[Figure]:
    parts = (("hub", "ms"), ("gate, with its commit", "ms"), ("on the wire", "bytes"))
    for place, (what, unit) in enumerate(parts):
        samples = [one[place] for one in spent]
        yield Figure(f"{name}: {what}", unit, samples, against=f"{against}: {what}" if against else None)


def _crew(store: HubStore, numbers: range, now_ms: int, status: str = "ok") -> None:
    members = [
        CrewMember("hms", f"{number:08}", "Ada", "Nordli", "310451274", card_expiry="2027-06-30", status=status)
        for number in numbers
    ]
    with store.changing_crew() as crew:
        crew.write(members)
        crew.compile(now_ms)


def _put(store: HubStore, number: int, now_ms: int) -> None:
    _crew(store, range(number, number + 1), now_ms, "blocked")
