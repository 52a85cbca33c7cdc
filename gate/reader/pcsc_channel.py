"""One card on a PC/SC reader, as a CardChannel. Driver; part of `pcsc.py`.

Every result code of PC/SC is turned into one of our errors here, and nowhere else.
"""

import threading
from dataclasses import dataclass

from smartcard import scard

from gate.errors import ReaderLost, ReaderTransient
from gate.reader import apdu
from gate.reader.mifare import Key, KeyType, trailer_of

RETRY_PAUSE_S = 0.02
"""Before a torn read is tried again: about what a card needs to come up again in the field."""

_SERVICE_GONE = frozenset({
    scard.SCARD_E_NO_SERVICE,
    scard.SCARD_E_SERVICE_STOPPED,
    scard.SCARD_E_INVALID_HANDLE,
    scard.SCARD_F_COMM_ERROR,
    scard.SCARD_F_INTERNAL_ERROR,
    scard.SCARD_E_SYSTEM_CANCELLED,
})  # fmt: skip

_NO_ANSWER = frozenset({
    scard.SCARD_E_NO_SMARTCARD,
    scard.SCARD_W_REMOVED_CARD,
    scard.SCARD_W_RESET_CARD,
    scard.SCARD_W_UNPOWERED_CARD,
    scard.SCARD_W_UNRESPONSIVE_CARD,
    scard.SCARD_E_NOT_TRANSACTED,
})  # fmt: skip


def check(result: int, doing: str) -> None:
    """Turn a result code into our errors. Raises ReaderLost (service away), ReaderTransient (else)."""
    if result == scard.SCARD_S_SUCCESS:
        return
    if result in _NO_ANSWER:
        raise ReaderTransient("the card does not answer; hold it still")
    what = f"{scard.SCardGetErrorMessage(result).strip()} (0x{result & 0xFFFFFFFF:08X}) while {doing}"
    if result in _SERVICE_GONE:
        raise ReaderLost(f"pcscd is away: {what}")
    raise ReaderTransient(what)


@dataclass(frozen=True, slots=True)
class Showing:
    """A reader's state as pcscd counts it. `raw` is its own number, to wait for a change of.

    `count` grows by one whenever a card comes or goes, even between two looks."""

    raw: int

    @property
    def known(self) -> bool:
        """Whether this is a state at all, rather than the wish to hear the first."""
        return self.raw != int(scard.SCARD_STATE_UNAWARE)

    @property
    def count(self) -> int:
        """How often cards have come and gone."""
        return self.raw >> 16 & 0xFFFF

    @property
    def present(self) -> bool:
        """Whether a card is in the field."""
        return bool(self.raw & scard.SCARD_STATE_PRESENT)

    @property
    def mute(self) -> bool:
        """Whether what is in the field does not answer."""
        return bool(self.raw & scard.SCARD_STATE_MUTE)

    @property
    def reader_gone(self) -> bool:
        """Whether the reader itself is away."""
        return bool(self.raw & (scard.SCARD_STATE_UNAVAILABLE | scard.SCARD_STATE_UNKNOWN))


def card_state(raw: int) -> Showing:
    """A reader's state without the mark that it has changed."""
    return Showing(raw & ~scard.SCARD_STATE_CHANGED)


class KeyMemory:
    """What we know of the key in the reader's slot: it stays there from card to card."""

    def __init__(self, structure: int, slot: int) -> None:
        self.structure = structure
        self.slot = slot
        self._held: Key | None = None

    def holds(self, key: Key) -> bool:
        """Whether the slot holds this key, as far as we know."""
        return self._held == key

    def put(self, key: Key) -> None:
        """The slot holds this key now."""
        self._held = key

    def forget(self) -> None:
        """The reader may have lost its keys."""
        self._held = None


class PcscChannel:
    """Keeps the contract of `gate.reader.channel.CardChannel`. `showing` is the card it speaks to."""

    def __init__(
        self, context: int, reader: str, memory: KeyMemory, showing: Showing, stopping: threading.Event
    ) -> None:
        self.showing = showing
        self._context = context
        self._reader = reader
        self._memory = memory
        self._stopping = stopping
        self._card: int | None = None
        self._protocol = 0
        self._exchanges = 0

    @property
    def exchanges(self) -> int:
        """Commands sent, those that only the reader answers (load key, serial number) included."""
        return self._exchanges

    def uid(self) -> bytes:
        """The serial number; empty from a reader that does not tell it."""
        answer = self._transmit(apdu.get_uid())
        return answer.data if answer.ok else b""

    def authenticate(self, sector: int, key_type: KeyType, key: Key) -> bool:
        """Open a sector, loading the key first unless the reader has it."""
        kept = self._memory.holds(key)
        if not kept:
            self._load(key)
        answer = self._transmit(apdu.authenticate(trailer_of(sector), key_type, self._memory.slot))
        if not answer.ok:
            # The slot may have been emptied behind our back: next time the key is loaded again.
            self._memory.forget()
        return self._granted(answer)

    def read(self, block: int) -> bytes | None:
        """Read a block of the open sector."""
        answer = self._transmit(apdu.read_block(block))
        return answer.data if self._granted(answer) else None

    def write(self, block: int, content: bytes) -> bool:
        """Write a block of the open sector."""
        return self._granted(self._transmit(apdu.write_block(block, content)))

    def restart(self) -> bool:
        """Take the card's power and give it back. False when it has left."""
        # Not SCARD_RESET_CARD: when a reset fails, pcscd calls the card gone, and it may still be there.
        self.close(scard.SCARD_UNPOWER_CARD)
        if self._stopping.wait(RETRY_PAUSE_S):
            return False
        result, states = scard.SCardGetStatusChange(self._context, 0, [(self._reader, scard.SCARD_STATE_UNAWARE)])
        check(result, "looking for the card")
        now = card_state(states[0][1])
        if not now.present:
            # What stays in `showing` is the card we knew: pcscd tells of its leaving, and of the next.
            return False
        self.showing = now
        return True

    def close(self, disposition: int = scard.SCARD_LEAVE_CARD) -> None:
        """Let go of the card; it stays powered, or some readers would announce it anew. Idempotent."""
        if self._card is not None:
            scard.SCardDisconnect(self._card, disposition)
            self._card = None

    def _granted(self, answer: apdu.Answer) -> bool:
        if not answer.ok and not answer.refused:
            raise ReaderTransient(f"the reader answers: {answer.meaning}")
        return answer.ok

    def _load(self, key: Key) -> None:
        answer = self._transmit(apdu.load_key(self._memory.structure, self._memory.slot, key))
        if not answer.ok:
            raise ReaderTransient(
                f"the reader takes no key: {answer.meaning}; check key_structure and key_slot for this reader"
            )
        self._memory.put(key)

    def _transmit(self, command: bytes) -> apdu.Answer:
        if self._card is None:
            self._connect()
        self._exchanges += 1
        header = scard.SCARD_PCI_T0 if self._protocol == scard.SCARD_PROTOCOL_T0 else scard.SCARD_PCI_T1
        result, raw = scard.SCardTransmit(self._card, header, list(command))
        check(result, "speaking to the card")
        answer = apdu.Answer.from_bytes(bytes(raw))
        if answer is None:
            raise ReaderTransient("the card does not answer; hold it still")
        return answer

    def _connect(self) -> None:
        # Exclusive: another program must not load its own key into our slot while we read.
        result, card, protocol = scard.SCardConnect(
            self._context,
            self._reader,
            scard.SCARD_SHARE_EXCLUSIVE,
            scard.SCARD_PROTOCOL_T0 | scard.SCARD_PROTOCOL_T1,
        )
        check(result, "opening the card")
        self._card = card
        self._protocol = protocol
