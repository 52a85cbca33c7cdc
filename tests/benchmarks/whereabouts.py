"""What it costs that every gate knows who is where, with 5,000 on the site: one change against all of it."""

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gate.site import SitePicture
from gate.uplink import translate
from gate.uplink.contract import Presence, Publish
from gate.uplink.signing import Signer, Verifier
from hub.presence import CardKey, Sighting
from hub.store import HubStore
from hub.whereabouts import Whereabouts
from tests.benchmarks.figures import Figure

INSIDE = 5_000
NOW_MS = 1_781_500_000_000
ALL, ONE = "who is where, all 5,000 of them", "who is where, one change"


def measure(quick: bool) -> Iterator[Figure]:
    key = Ed25519PrivateKey.generate()
    with tempfile.TemporaryDirectory() as folder, closing(HubStore(Path(folder) / "hub.sqlite3")) as store:
        whereabouts = Whereabouts("bench", store, Signer("bench", key), 60_000)
        _see(store, range(INSIDE))
        whereabouts.everything(NOW_MS)
        gate = _Gate(Verifier("bench", key.public_key()))
        yield from _measured(ALL, 5, lambda number: whereabouts.everything(NOW_MS + number), gate)

        def change(number: int) -> list[Publish]:
            _see(store, [number], "exit", later_ms=INSIDE)
            began = time.perf_counter()
            news = whereabouts.news(NOW_MS + number)
            gate.spent = time.perf_counter() - began
            return news

        yield from _measured(ONE, 50 if quick else 500, change, gate)
        if len(gate.picture) != INSIDE:
            raise RuntimeError(f"the gate knows {len(gate.picture)} of {INSIDE}")


class _Gate:
    """Opens, and folds into what it knows."""

    def __init__(self, verifier: Verifier) -> None:
        self.picture = SitePicture()
        self.spent: float | None = None
        self._verifier = verifier

    def take(self, messages: list[Publish]) -> None:
        for message in messages:
            if message.payload:
                told = self._verifier.open(Presence, message.payload)
                self.picture.told(translate.sightings_from_wire(told.rows))


def _measured(name: str, times: int, said: Callable[[int], list[Publish]], gate: _Gate) -> Iterator[Figure]:
    hub_ms, gate_ms, sizes = [], [], []
    for number in range(times):
        began = time.perf_counter()
        messages = said(number)
        hub_ms.append((time.perf_counter() - began if gate.spent is None else gate.spent) * 1000)
        gate.spent = None
        began = time.perf_counter()
        gate.take(messages)
        gate_ms.append((time.perf_counter() - began) * 1000)
        sizes.append(float(sum(len(message.payload) for message in messages)))
    against = None if name == ALL else ALL
    for what, unit, samples in (("hub", "ms", hub_ms), ("gate", "ms", gate_ms), ("on the wire", "bytes", sizes)):
        yield Figure(f"{name}: {what}", unit, samples, against=f"{against}: {what}" if against else None)


def _see(store: HubStore, numbers: range | list[int], direction: str = "entry", later_ms: int = 0) -> None:
    with store.intake() as transaction:
        transaction.see(
            [
                Sighting(
                    NOW_MS + later_ms + number, "north", "00000000000000aa", later_ms + number,
                    CardKey("hms", f"{number:08}"), direction,
                )
                for number in numbers
            ]
        )  # fmt: skip
