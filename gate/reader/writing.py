"""Write a card, sector by sector, so that it can be taken away at any moment.

A sector's data is written and read back under the key that the card came with; only then its trailer,
in one exchange, which is proven by opening the sector with the new key. Whatever was taken away is
finished by writing the same again: a sector that opens with its own key already is compared, not trusted.

A card is not written over: a sector with foreign data, or with keys that are neither the factory's nor
its own, is refused before anything in it changes. Block 0 is never written.
"""

from collections.abc import Callable, Sequence
from enum import Enum, auto
from functools import partial
from typing import Protocol, TypeAlias, TypeVar

from gate.errors import ReaderTransient, WriteRefused
from gate.reader.channel import CardChannel
from gate.reader.mifare import BLOCK_BYTES, TRANSPORT_KEY, Key, KeyType, data_blocks, trailer_of
from gate.reader.sheet import SectorSheet

TRIES = 5
"""How often a torn exchange is tried again while the card stays."""

T = TypeVar("T")

_BLANK = bytes(BLOCK_BYTES)


class WritableChannel(CardChannel, Protocol):
    """A CardChannel that can also write."""

    def write(self, block: int, content: bytes) -> bool:
        """Write the 16 bytes of a block of the open sector. False: the card refuses, and must be restarted."""


class Wrote(Enum):
    """What was done to a sector. FOUND: it was as it should be."""

    CODED = auto()
    RENEWED = auto()
    FOUND = auto()


Progress: TypeAlias = Callable[[SectorSheet, Wrote], None]


def write_card(
    channel: WritableChannel, sheets: Sequence[SectorSheet], progress: Progress, *, over: bool = False
) -> bytes:
    """Bring a card to what the sheets say; returns its serial number.

    Done sectors are told to `progress`. With `over`, what an own sector holds is replaced. Raises
    WriteRefused (the card is not ours to write), ReaderTransient (it was taken away: write again),
    ReaderLost.
    """
    uid = _patiently(channel, channel.uid, "the card")
    for sheet in sheets:
        sector = _Sector(channel, sheet)
        progress(sheet, _patiently(channel, partial(sector.bring, over=over), f"sector {sheet.sector}"))
    return uid


def _patiently(channel: WritableChannel, work: Callable[[], T], what: str) -> T:
    failed: ReaderTransient | None = None
    for _ in range(TRIES):
        try:
            return work()
        except ReaderTransient as torn:
            failed = torn
        if not channel.restart():
            break
    raise ReaderTransient(
        f"{what} is not finished ({failed}); hold the card to the reader and give the same command again"
    )


class _Sector:
    """One sector under work. What opens it is found out anew at each try, never remembered."""

    def __init__(self, channel: WritableChannel, sheet: SectorSheet) -> None:
        self._channel = channel
        self._sheet = sheet

    def bring(self, *, over: bool) -> Wrote:
        sheet = self._sheet
        if self._opens(KeyType.A, sheet.key_a):
            # Its trailer stands. Where the new key is the factory's own, the trailer is written all the same.
            as_it_should = self._holds()
            if as_it_should and self._closed():
                return Wrote.FOUND
            if sheet.key_a == TRANSPORT_KEY and self._opens(KeyType.A, TRANSPORT_KEY) and not self._closed():
                return self._code(over=over)
            if as_it_should:
                raise self._refusal("its keys are right and its access bits are not; use another card")
            if not over:
                raise self._refusal("it is coded already, with other contents; add --over to replace them")
            self._renew()
            return Wrote.RENEWED
        if self._opens(KeyType.A, TRANSPORT_KEY):
            return self._code(over=over)
        raise self._refusal(
            "it opens neither with the factory's key nor with this scheme's; it belongs to somebody else, "
            "or the key file is another one"
        )

    def _refusal(self, why: str) -> WriteRefused:
        return WriteRefused(f"sector {self._sheet.sector}: {why}")

    def _code(self, *, over: bool) -> Wrote:
        """A sector as the factory left it, or as a try before this one did."""
        for block in data_blocks(self._sheet.sector):
            content = self._read(block)
            if content not in (_BLANK, self._sheet.blocks.get(block, _BLANK)) and not over:
                raise self._refusal(f"block {block} is not blank; add --over to replace it")
        self._write_blocks()
        if not self._holds():
            raise ReaderTransient("what was written does not read back")
        self._open(KeyType.A, TRANSPORT_KEY)
        if not self._channel.write(trailer_of(self._sheet.sector), self._sheet.trailer):
            raise ReaderTransient("the card refused the trailer")
        self._prove()
        return Wrote.CODED

    def _renew(self) -> None:
        """A sector of this scheme gets other contents; its trailer stays."""
        self._open(KeyType.B, self._sheet.key_b)
        self._write_blocks()
        if not self._holds():
            raise ReaderTransient("what was written does not read back")

    def _write_blocks(self) -> None:
        for block, content in sorted(self._sheet.blocks.items()):
            if not self._channel.write(block, content):
                raise ReaderTransient(f"the card refused block {block}")

    def _prove(self) -> None:
        """The trailer was written whole: both new keys open the sector, and it reads."""
        for key_type, key in ((KeyType.A, self._sheet.key_a), (KeyType.B, self._sheet.key_b)):
            if not self._opens(key_type, key):
                raise ReaderTransient(f"the sector does not open with its new key {key_type.name}")
        if not self._holds():
            raise ReaderTransient("what was written does not read back")

    def _closed(self) -> bool:
        """Whether the trailer's access bits are those of the sheet; the keys do not read."""
        content = self._channel.read(trailer_of(self._sheet.sector))
        return content is not None and content[6:10] == self._sheet.trailer[6:10]

    def _holds(self) -> bool:
        return all(self._read(block) == content for block, content in sorted(self._sheet.blocks.items()))

    def _read(self, block: int) -> bytes:
        content = self._channel.read(block)
        if content is None:
            raise ReaderTransient(f"the card refused to read block {block}")
        return content

    def _open(self, key_type: KeyType, key: Key) -> None:
        if not self._opens(key_type, key):
            raise ReaderTransient(f"the sector does not open with key {key_type.name} any more")

    def _opens(self, key_type: KeyType, key: Key) -> bool:
        """A refusal halts the card; it is woken for the next key. Raises ReaderTransient when it has left."""
        if self._channel.authenticate(self._sheet.sector, key_type, key):
            return True
        if not self._channel.restart():
            raise ReaderTransient("the card has left")
        return False
