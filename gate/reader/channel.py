"""Read a card by its plan, over anything that can open a sector and read a block.

The one place where a read plan is carried out, and where it is said how often a torn read is tried
again; the PC/SC reader and the simulated one both come here. No thread, no clock, no driver: the
channel does the waiting, if any.
"""

from dataclasses import dataclass
from typing import Protocol

from gate.errors import ReaderTransient
from gate.model import CardContents, Unreadable
from gate.reader.coding import Authenticate, Coding, Read, decode
from gate.reader.mifare import Key, Keys, KeyType, sector_of, trailer_of

TORN_TRIES = 5
"""A card that stays in the field is tried so often. At some 30 ms a try, its holder waits no longer
than a blink before being told to hold it still."""

REFUSAL_TRIES = 2
"""A card leaving the field and a wrong key look the same to most readers (status 63 00): ask twice."""

TOO_SOON = "the card was taken away too soon"


class CardChannel(Protocol):
    """A card in the field of a reader.

    Every call is one exchange at most and blocks until the card has answered. Raises ReaderTransient
    when the exchange failed (the card may have left), ReaderLost when the reader itself is away.
    """

    @property
    def exchanges(self) -> int:
        """How many exchanges there have been with the card or its reader, failed ones included."""

    def uid(self) -> bytes:
        """The card's serial number, 4, 7 or 10 bytes as on the wire."""

    def authenticate(self, sector: int, key_type: KeyType, key: Key) -> bool:
        """Open a sector. False: the card refuses the key, and must be restarted."""

    def read(self, block: int) -> bytes | None:
        """The 16 bytes of a block of the open sector. None: the card refuses, and must be restarted."""

    def restart(self) -> bool:
        """Make the card ready again after a failure. False: no card is in the field any more."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one showing. `decision_exchanges` counts the exchanges until a decision was possible."""

    result: CardContents | Unreadable
    uid: bytes
    exchanges: int
    decision_exchanges: int | None


def read_card(channel: CardChannel, coding: Coding, keys: Keys, tries: int = TORN_TRIES) -> Outcome:
    """Read what the plan asks for, trying again while the card stays. Raises ReaderLost only.

    A card that was taken away after the fields of the decision were read is contents, with the rest
    in `damaged`; taken away before that, it is Unreadable.
    """
    attempt = _Attempt(channel, coding, keys)
    failures = 0
    what = ""
    while failures < tries:
        try:
            uid = channel.uid()
            if uid != attempt.uid:
                # Another card has come: nothing of the first may be mixed with it.
                failures += 1 if attempt.uid else 0
                attempt = _Attempt(channel, coding, keys, uid)
            if attempt.carry_on():
                return attempt.outcome("")
        except ReaderTransient as failed:
            failures += 1
            what = str(failed)
        if not channel.restart():
            return attempt.outcome(TOO_SOON)
    return attempt.outcome(what or "several cards at once; show one")


class _Attempt:
    """What has been read of one card so far."""

    def __init__(self, channel: CardChannel, coding: Coding, keys: Keys, uid: bytes = b"") -> None:
        self.uid = uid
        self._channel = channel
        self._coding = coding
        self._keys = keys
        self._blocks: dict[int, bytes] = {}
        self._refusals: dict[int, int] = {}
        self._decision_blocks = coding.plan.decision_blocks
        self._decision_exchanges: int | None = None

    def carry_on(self) -> bool:
        """Take the steps not yet taken. True: done; False: the card must be restarted first."""
        open_sector = None
        opening: Authenticate | None = None
        for step in self._coding.plan.steps:
            if isinstance(step, Authenticate):
                opening = step
                continue
            sector = sector_of(step.block)
            if step.block in self._blocks:
                continue
            if self._given_up(step):
                continue
            if open_sector != sector and opening is not None:
                if not self._channel.authenticate(sector, opening.key_type, self._keys[opening.key]):
                    return self._refused(trailer_of(sector))
                open_sector = sector
            content = self._channel.read(step.block)
            if content is None:
                return self._refused(step.block)
            self._blocks[step.block] = content
            if self._decision_exchanges is None and self._decision_blocks <= self._blocks.keys():
                self._decision_exchanges = self._channel.exchanges
        return True

    def _refused(self, block: int) -> bool:
        """Note a refusal. True when it settles that there will be no decision."""
        self._refusals[block] = self._refusals.get(block, 0) + 1
        decisive = self._decision_blocks | {trailer_of(sector_of(block)) for block in self._decision_blocks}
        return block in decisive and self._refusals[block] >= REFUSAL_TRIES

    def _given_up(self, step: Read) -> bool:
        return any(
            self._refusals.get(block, 0) >= REFUSAL_TRIES for block in (step.block, trailer_of(sector_of(step.block)))
        )

    def outcome(self, ended: str) -> Outcome:
        """The reading as it stands; `ended` says why it went no further, "" when it is complete."""
        result = decode(self._coding, self._blocks)
        missing = min(self._decision_blocks - self._blocks.keys(), default=None)
        if isinstance(result, Unreadable) and missing is not None:
            result = self._why(missing, ended)
        return Outcome(result, self.uid, self._channel.exchanges, self._decision_exchanges)

    def _why(self, block: int, ended: str) -> Unreadable:
        """The better reason than that a block is missing: why it is."""
        field = next(place.name for place in self._coding.places if block in place.blocks)
        if ended == TOO_SOON:
            return Unreadable(ended, block, field)
        for step in self._coding.plan.steps:
            if not isinstance(step, Authenticate) or step.sector != sector_of(block):
                continue
            if self._refusals.get(trailer_of(step.sector)):
                return Unreadable(f"sector {step.sector} does not open with key {step.key!r}", block, field)
        if self._refusals.get(block):
            return Unreadable("the card's access bits forbid reading", block, field)
        return Unreadable(ended or "the block could not be read", block, field)
