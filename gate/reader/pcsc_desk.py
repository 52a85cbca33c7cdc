"""One card on a PC/SC reader at a desk, to be looked at or written by hand. Driver; see `pcsc.py` for lanes."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from smartcard import scard

from gate.errors import ReaderError, ReaderLost
from gate.model import ReaderState
from gate.reader.pcsc import find_reader, reader_names
from gate.reader.pcsc_channel import KeyMemory, PcscChannel, Showing, card_state, check

LOOK_MS = 250


def names() -> list[str]:
    """The readers that pcscd has. Raises ReaderLost."""
    result, context = scard.SCardEstablishContext(scard.SCARD_SCOPE_USER)
    if result != scard.SCARD_S_SUCCESS:
        raise ReaderLost("pcscd does not answer; check `systemctl status pcscd`")
    try:
        return reader_names(context)
    finally:
        scard.SCardReleaseContext(context)


@contextmanager
def card_on(match: str, structure: int, slot: int, wait_s: float) -> Iterator[PcscChannel]:
    """The first card that is held to the reader whose name holds `match` within `wait_s`.

    Raises ReaderLost (no pcscd, no such reader), ReaderError (no card came).
    """
    result, context = scard.SCardEstablishContext(scard.SCARD_SCOPE_USER)
    if result != scard.SCARD_S_SUCCESS:
        raise ReaderLost("pcscd does not answer; check `systemctl status pcscd`")
    try:
        found = find_reader(reader_names(context), match)
        if found.state is not ReaderState.OK or found.reader is None:
            raise ReaderLost(found.what)
        showing = _wait_for_card(context, found.reader, time.monotonic() + wait_s)
        channel = PcscChannel(context, found.reader, KeyMemory(structure, slot), showing, threading.Event())
        try:
            yield channel
        finally:
            channel.close()
    finally:
        scard.SCardReleaseContext(context)


def _wait_for_card(context: int, reader: str, until: float) -> Showing:
    state = scard.SCARD_STATE_UNAWARE
    while time.monotonic() < until:
        result, states = scard.SCardGetStatusChange(context, LOOK_MS, [(reader, state)])
        if result == scard.SCARD_E_TIMEOUT:
            continue
        check(result, "waiting for a card")
        showing = card_state(states[0][1])
        if showing.present and not showing.mute:
            return showing
        state = showing.raw
    raise ReaderError(f"no card was held to {reader!r}")
