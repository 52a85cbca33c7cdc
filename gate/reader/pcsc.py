"""A PC/SC reader: pcscd's blocking calls, turned into deliveries. Driver; imported only when configured.

One thread. It sleeps inside SCardGetStatusChange until a card or a reader comes or goes, so it costs
nothing while nobody is at the gate. pyscard's CardMonitor is not used: it ends for good when pcscd is
restarted (pyscard issues 41, 82, 128); here a lost service is a state, and comes back with backoff.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from smartcard import scard

from gate.config import PcscReader as PcscReaderSettings
from gate.errors import ReaderLost
from gate.model import Decision, ReaderState, Unreadable
from gate.ports import Deliver
from gate.reader.channel import TOO_SOON, Outcome
from gate.reader.pcsc_channel import KeyMemory, PcscChannel, Showing, card_state, check
from gate.reader.profiles import load_for_gate
from gate.reader.running import ReaderThread
from gate.reader.showing import deliver_outcome, read_and_deliver
from portvakt.backoff import Backoff

PLUG_AND_PLAY = "\\\\?PnP?\\Notification"
"""A reader that does not exist; its state changes when any reader comes or goes."""

_SETTLE_S = 0.05


@dataclass(frozen=True, slots=True)
class _Found:
    """The reader that the settings mean, among those that pcscd has; or why there is none."""

    reader: str | None
    state: ReaderState
    what: str = ""


class PcscReader:
    """Keeps the contract of `gate.ports.Reader` with the reader whose name holds `settings.match`."""

    def __init__(self, settings: PcscReaderSettings, backoff: Backoff | None = None) -> None:
        """Raises CodingError when the profile or its keys cannot be used."""
        self.name = settings.name
        self._settings = settings
        self._codings, self._keys = load_for_gate(Path(settings.coding), Path(settings.keys), greet=settings.greet)
        self._memory = KeyMemory(settings.key_structure, settings.key_slot)
        self._context: int | None = None
        self._thread = ReaderThread(settings.name, self._serve, self._interrupt, backoff)
        self._stopping = self._thread.stopping

    def start(self, deliver: Deliver) -> None:
        """Begin reading, in a thread of its own."""
        self._thread.start(deliver)

    def show(self, decision: Decision) -> None:
        """PC/SC knows no lamps."""

    def close(self) -> None:
        """Stop and let go. Idempotent."""
        self._thread.close()

    def _interrupt(self) -> None:
        context = self._context
        if context is not None:
            scard.SCardCancel(context)

    def _serve(self) -> None:
        """Serve until told to stop. Raises ReaderLost when pcscd goes away."""
        result, context = scard.SCardEstablishContext(scard.SCARD_SCOPE_SYSTEM)
        if result != scard.SCARD_S_SUCCESS:
            raise ReaderLost("pcscd does not answer; check `systemctl status pcscd`")
        self._context = context
        self._memory.forget()
        try:
            while not self._stopping.is_set():
                self._watch(context)
        finally:
            self._context = None
            scard.SCardReleaseContext(context)

    def _watch(self, context: int) -> None:
        """Find the reader and stay with it while the set of readers does not change."""
        names = reader_names(context)
        found = find_reader(names, self._settings.match)
        # The high half of the state is how many readers we know of: pcscd compares.
        watched = [(PLUG_AND_PLAY, len(names) << 16)]
        if found.reader is not None:
            watched.append((found.reader, scard.SCARD_STATE_UNAWARE))
        while not self._stopping.is_set():
            self._thread.report(found.state, found.what)
            result, states = scard.SCardGetStatusChange(context, scard.INFINITE, watched)
            if result in (scard.SCARD_E_CANCELLED, scard.SCARD_E_TIMEOUT):
                continue
            if result in (scard.SCARD_E_UNKNOWN_READER, scard.SCARD_E_READER_UNAVAILABLE):
                return self._readers_changed()
            check(result, "waiting for a card")
            if found.reader is None or states[0][1] & scard.SCARD_STATE_CHANGED:
                return self._readers_changed()
            event = card_state(states[1][1])
            if event.reader_gone:
                return self._readers_changed()
            watched[1] = (found.reader, self._seen(context, found.reader, event, watched[1][1]))
        return None

    def _readers_changed(self) -> None:
        """Trust no key to be in a slot, and give pcscd a moment: its list may still hold a reader that left."""
        self._memory.forget()
        self._stopping.wait(_SETTLE_S)

    def _seen(self, context: int, reader: str, event: Showing, known: int) -> int:
        """Answer a change of the card in the field; returns the state to wait for a change of."""
        before = card_state(known)
        new = event.count != before.count or not before.present
        if event.present and not event.mute and (new or before.mute):
            return self._read(context, reader, event)
        if event.present and event.mute and new:
            self._show(Outcome(Unreadable("the reader sees something that does not answer as a card"), b"", 0, None))
        elif not event.present and before.known and event.count - before.count >= 2:
            self._show(Outcome(Unreadable(TOO_SOON), b"", 0, None))
        return event.raw

    def _read(self, context: int, reader: str, event: Showing) -> int:
        channel = PcscChannel(context, reader, self._memory, event, self._stopping)
        try:
            read_and_deliver(self.name, channel, self._codings, self._keys, self._thread.deliver)
        except ReaderLost as lost:
            self._show(Outcome(Unreadable("the reader was lost while it read the card"), b"", 0, None))
            raise ReaderLost(str(lost)) from lost
        finally:
            channel.close()
        return channel.showing.raw

    def _show(self, outcome: Outcome) -> None:
        deliver_outcome(self.name, outcome, self._thread.deliver)


def find_reader(names: Sequence[str], match: str) -> _Found:
    """The one reader that `match` means: the whole name, or a part of just one. Never a guess."""
    if match in names:
        return _Found(match, ReaderState.OK)
    matching = [name for name in names if match in name]
    if len(matching) == 1:
        return _Found(matching[0], ReaderState.OK)
    if matching:
        return _Found(
            None, ReaderState.FAULTY, f"several readers match {match!r}: {', '.join(matching)}; set a longer `match`"
        )
    return _Found(None, ReaderState.ABSENT, f"no reader's name holds {match!r}; is it plugged in?")


def reader_names(context: int) -> list[str]:
    """The readers that pcscd has. Raises ReaderLost, ReaderTransient."""
    result, names = scard.SCardListReaders(context, [])
    if result == scard.SCARD_E_NO_READERS_AVAILABLE:
        return []
    check(result, "listing the readers")
    return list(names)
