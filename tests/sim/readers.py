"""Benches: a reader under test, with a hand that holds cards to it. One shape for every driver."""

import atexit
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from functools import cache
from pathlib import Path
from typing import Protocol

from gate.config import PcscReader as PcscSettings
from gate.config import Pn532Reader as Pn532Settings
from gate.config import VirtualReader as VirtualSettings
from gate.model import CardReading
from gate.ports import CardShown, Input, Reader, ReaderChanged
from gate.reader.encodings import Value
from gate.reader.profiles import load_pair
from gate.simulator.card import VirtualCard, make_card
from gate.simulator.reader import VirtualReader
from tests.sim.pn532 import Pn532
from tests.sim.vpcd import PrivatePcscd
from tests.waiting import wait_for

CODING = Path(__file__).parents[2] / "config" / "coding"
PROFILE, KEYS = str(CODING / "demo.toml"), str(CODING / "demo.keys.toml")
NAME = "outside"


def card_of(number: str = "12345678", uid: bytes = bytes.fromhex("5A112233")) -> VirtualCard:
    """A card of the demo's coding, with all its fields."""
    coding, keys = load_pair(Path(PROFILE), Path(KEYS))
    fields: dict[str, Value] = {
        "card_number": number,
        "organisation_number": "100000008",
        "expiry_date": date(2027, 5, 31),
        "first_name": "Łukasz",
        "last_name": "Ødegårdsmo",
        "organisation_name": "Fjellstad Entreprenør",
        "date_of_birth": date(1990, 1, 1),
        "gender": "M",
    }
    return make_card(coding, keys, fields, uid)


@cache
def session_pcscd() -> PrivatePcscd:
    """The pcscd of this test process. One only: libpcsclite keeps the name of its socket for good."""
    # Not pytest's tmp_path: a socket's path has 107 characters at most.
    folder = Path(tempfile.mkdtemp(prefix="pv-pcsc-"))
    daemon = PrivatePcscd(folder)
    os.environ.update(daemon.env)
    daemon.start()

    @atexit.register
    def end() -> None:
        daemon.kill()
        shutil.rmtree(folder, ignore_errors=True)

    return daemon


class Hand(Protocol):
    """What holds cards to a reader."""

    def present(
        self, card: VirtualCard, leaves_after: int | None = None, stumbles: frozenset[int] = frozenset()
    ) -> None: ...

    def remove(self) -> None: ...


class Bench:
    """A started reader, what it delivered, and the hand."""

    def __init__(self, reader: Reader, hand: Hand) -> None:
        self.reader = reader
        self.hand = hand
        self.inputs: list[Input] = []

    @property
    def shown(self) -> list[CardReading]:
        return [given.reading for given in self.inputs if isinstance(given, CardShown)]

    @property
    def states(self) -> list[str]:
        return [given.state for given in self.inputs if isinstance(given, ReaderChanged)]

    @property
    def said(self) -> str:
        """What the reader said of its latest state."""
        return [given.what for given in self.inputs if isinstance(given, ReaderChanged)][-1]

    def show(
        self, card: VirtualCard, leaves_after: int | None = None, stumbles: frozenset[int] = frozenset()
    ) -> CardReading:
        """Hold a card to the reader and wait for what it delivers."""
        before = len(self.shown)
        self.hand.present(card, leaves_after, stumbles)
        wait_for("the card to be delivered", lambda: len(self.shown) > before)
        return self.shown[-1]

    def wait_state(self, state: str) -> None:
        wait_for(f"the reader to be {state}", lambda: self.states[-1:] == [state], 20)


class _PcscHand:
    """Cards go into slot 0 of the private pcscd."""

    def present(
        self, card: VirtualCard, leaves_after: int | None = None, stumbles: frozenset[int] = frozenset()
    ) -> None:
        session_pcscd().slot(0).insert(card, leaves_after, stumbles)

    def remove(self) -> None:
        slot = session_pcscd().slot(0)
        slot.remove()
        slot.wait_empty()


@contextmanager
def virtual_bench(*, greet: bool = False) -> Iterator[Bench]:
    """A VirtualReader."""
    settings = VirtualSettings(name=NAME, lane="main", direction="entry", coding=PROFILE, keys=KEYS, greet=greet)
    reader = VirtualReader(settings)
    yield from _started(Bench(reader, reader))


@contextmanager
def pcsc_bench(match: str = "00 00") -> Iterator[Bench]:
    """A PcscReader on the real pcscd of this process."""
    session_pcscd()
    # Not before: the driver's library looks for its socket when it is first used.
    from gate.reader.pcsc import PcscReader

    settings = PcscSettings(name=NAME, lane="main", direction="entry", match=match, coding=PROFILE, keys=KEYS)
    yield from _started(Bench(PcscReader(settings), _PcscHand()))


class _Pn532Hand:
    """Cards before a simulated PN532; takes one away for as long as the driver needs to see it."""

    def __init__(self, chip: Pn532) -> None:
        self._chip = chip
        self.reading = True

    def present(
        self, card: VirtualCard, leaves_after: int | None = None, stumbles: frozenset[int] = frozenset()
    ) -> None:
        # What leaves before the first look was never there for a reader that looks now and then.
        self._chip.present(card, None if leaves_after is None else max(1, leaves_after), stumbles)

    def remove(self) -> None:
        self._chip.remove()
        seen = self._chip.looks
        if self.reading:
            wait_for("the card to be missed", lambda: self._chip.looks > seen + 2)


@contextmanager
def pn532_bench() -> Iterator[Bench]:
    """A Pn532Reader on a simulated chip."""
    from gate.reader.pn532 import Pn532Reader

    with tempfile.TemporaryDirectory() as folder:
        chip = Pn532(Path(folder) / "pn532")
        settings = Pn532Settings(
            name=NAME, lane="main", direction="entry", device=str(chip.line.link), coding=PROFILE, keys=KEYS, poll_ms=20
        )
        hand = _Pn532Hand(chip)
        bench = Bench(Pn532Reader(settings), hand)
        bench.reader.start(bench.inputs.append)
        try:
            bench.wait_state("ok")
            yield bench
        finally:
            hand.reading = False
            bench.reader.close()
            chip.close()


def _started(bench: Bench) -> Iterator[Bench]:
    bench.reader.start(bench.inputs.append)
    try:
        wait_for("the reader's first state", lambda: bench.states)
        yield bench
    finally:
        bench.reader.close()
        bench.hand.remove()
