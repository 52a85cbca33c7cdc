"""A simulated reader: cards are shown to it by a call instead of by hand.

It has no thread: `present` reads and delivers before it returns, so a whole site can run in one
thread of one test. May be called from any thread, one call at a time.
"""

import threading
from pathlib import Path

from gate.config import VirtualReader as VirtualReaderSettings
from gate.errors import ReaderTransient
from gate.model import Decision, ReaderState
from gate.ports import CardShown, Deliver, Input, ReaderChanged
from gate.reader.channel import Outcome
from gate.reader.mifare import Key, KeyType, trailer_of
from gate.reader.profiles import load_for_gate
from gate.reader.showing import read_and_deliver
from gate.simulator.card import VirtualCard


class VirtualReader:
    """Keeps the contract of `gate.ports.Reader`; further methods are the worker's hand."""

    def __init__(self, settings: VirtualReaderSettings) -> None:
        """Raises CodingError when the profile or its keys cannot be used."""
        self.name = settings.name
        self._codings, self._keys = load_for_gate(Path(settings.coding), Path(settings.keys), greet=settings.greet)
        self._deliver: Deliver | None = None
        self._card: VirtualCard | None = None
        self._turn = threading.Lock()
        self.shown: Decision | None = None
        """What a lamp at the reader showed last."""
        self.last_outcome: Outcome | None = None
        """Of the latest showing, with its count of exchanges; for the demo's display and benchmarks."""

    def start(self, deliver: Deliver) -> None:
        """Be ready; says so at once."""
        self._deliver = deliver
        deliver(ReaderChanged(self.name, ReaderState.OK))

    def show(self, decision: Decision) -> None:
        """Keep what the reader's lamp would say."""
        self.shown = decision

    def close(self) -> None:
        """Take no more cards. Idempotent."""
        self._deliver = None
        self._card = None

    def present(
        self, card: VirtualCard, leaves_after: int | None = None, stumbles: frozenset[int] = frozenset()
    ) -> None:
        """Hold a card to the reader, and leave it there. Nothing happens when it is there already.

        With `leaves_after` the hand is too quick: the card is gone after so many exchanges. With
        `stumbles` it shakes: those exchanges, counted from 1, fail.
        """
        with self._turn:
            if self._deliver is None or self._card is card:
                return
            self._card = card
            channel = CardInField(card, leaves_after, stumbles)
            deliver = self._deliver

            def told(given: Input) -> None:
                if isinstance(given, CardShown) and channel.gone:
                    self._card = None
                deliver(given)

            self.last_outcome = read_and_deliver(self.name, channel, self._codings, self._keys, told)
            if channel.gone:
                self._card = None

    def remove(self) -> None:
        """Take the card away."""
        with self._turn:
            self._card = None


class Hand:
    """A hand at a simulated reader that knows cards by their dumps only: the remote control's."""

    def __init__(self, reader: VirtualReader) -> None:
        self._reader = reader

    def present(self, image: bytes) -> None:
        """Hold up a card. Raises CardImageError when the dump is none."""
        self._reader.present(VirtualCard(image))

    def remove(self) -> None:
        """Take it away."""
        self._reader.remove()


class CardInField:
    """A CardChannel straight to a VirtualCard."""

    def __init__(
        self, card: VirtualCard, leaves_after: int | None = None, stumbles: frozenset[int] = frozenset()
    ) -> None:
        self._card = card
        self._stumbles = stumbles
        self._leaves_after = leaves_after
        self._exchanges = 0
        card.select()

    @property
    def exchanges(self) -> int:
        """How many exchanges there have been."""
        return self._exchanges

    @property
    def gone(self) -> bool:
        """Whether the card has left the field."""
        return self._leaves_after is not None and self._exchanges >= self._leaves_after

    def uid(self) -> bytes:
        """The serial number."""
        self._exchange()
        return self._card.uid

    def authenticate(self, sector: int, key_type: KeyType, key: Key) -> bool:
        """Open a sector."""
        self._exchange()
        return self._card.authenticate(trailer_of(sector), key_type, key)

    def read(self, block: int) -> bytes | None:
        """Read a block of the open sector."""
        self._exchange()
        return self._card.read(block)

    def write(self, block: int, content: bytes) -> bool:
        """Write a block of the open sector."""
        self._exchange()
        return self._card.write(block, content)

    def restart(self) -> bool:
        """Wake the card again."""
        self._card.select()
        return not self.gone

    def _exchange(self) -> None:
        if self.gone:
            raise ReaderTransient("the card does not answer; hold it still")
        self._exchanges += 1
        if self._exchanges in self._stumbles:
            raise ReaderTransient("the card does not answer; hold it still")
