"""Read a card by its plan, over anything that can open a sector and read a block.

The one place where read plans are carried out, and where it is said how often a torn read is tried
again; real and simulated readers all come here. No thread, no clock, no driver: the channel does the
waiting, if any.

Where several codings are given they are tried in their order, in one pass: a block is read once however
many of them want it, and a key that a sector has refused is not tried on it again. A coding that was
refused, or whose application the card's directory does not know, leaves the card to the next. One that
knows a card by its serial number alone comes last, and never takes a card that merely was damaged: a
damaged card is not a weaker one.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from gate.errors import ReaderTransient
from gate.model import CardContents, Medium, Unreadable
from gate.reader import mad
from gate.reader.coding import Authenticate, Coding, Read, Step
from gate.reader.contents import NO_NUMBER, decode, decode_uid
from gate.reader.mifare import Key, Keys, KeyType, sector_of

TORN_TRIES = 5
"""A card that stays in the field is tried so often. At some 30 ms a try, its holder waits no longer
than a blink before being told to hold it still."""

REFUSAL_TRIES = 2
"""A card leaving the field and a wrong key look the same to most readers (status 63 00): ask twice."""

NOT_LOCATED = Unreadable("the card's directory does not say where its fields are", 1)
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
    medium: Medium = Medium.CHIP


Decided: TypeAlias = Callable[[Outcome], None]


def read_card(
    channel: CardChannel,
    codings: Coding | Sequence[Coding],
    keys: Keys,
    tries: int = TORN_TRIES,
    decided: Decided | None = None,
) -> Outcome:
    """Read what the plans ask for, trying again while the card stays. Raises ReaderLost only.

    A card that was taken away after the fields of the decision were read is contents, with the rest
    in `damaged`; taken away before that, it is Unreadable.

    `decided` is called as soon as a decision is possible, and what else there is to read is read after
    it; by then nothing is worth a second try, and another card must not be mixed with the first.
    """
    chosen = (codings,) if isinstance(codings, Coding) else tuple(codings)
    attempt = _Attempt(channel, chosen, keys, b"", decided)
    failures = 0
    what = ""
    while failures < tries:
        try:
            uid = channel.uid()
            if uid != attempt.uid:
                # Another card has come: nothing of the first may be mixed with it.
                failures += 1 if attempt.uid else 0
                attempt = _Attempt(channel, chosen, keys, uid, decided)
            if attempt.carry_on():
                return attempt.outcome("")
        except ReaderTransient as failed:
            failures += 1
            what = str(failed)
        if attempt.handed_out:
            return attempt.outcome(what)
        if not channel.restart():
            return attempt.outcome(TOO_SOON)
    return attempt.outcome(what or "several cards at once; show one")


class _MustRestart(Exception):
    """The card has refused something and answers nothing before it was restarted."""


Refusal: TypeAlias = tuple[str, int, KeyType, bytes]


class _Attempt:
    """What has been read of one card so far."""

    def __init__(
        self, channel: CardChannel, codings: Sequence[Coding], keys: Keys, uid: bytes, decided: Decided | None
    ) -> None:
        self.uid = uid
        self.handed_out = False
        self._channel = channel
        self._codings = codings
        self._keys = keys
        self._decided = decided
        self._turn = 0
        self._coding = codings[0]
        self._blocks: dict[int, bytes] = {}
        self._refusals: Counter[Refusal] = Counter()
        self._open: tuple[int, KeyType, Key] | None = None
        self._halted = False
        self._failed: list[Unreadable] = []
        self._damaged: Unreadable | None = None
        self._contents: CardContents | None = None
        self._medium = Medium.CHIP
        self._decision_exchanges: int | None = None

    def carry_on(self) -> bool:
        """Do what has not been done yet. True: done; False: the card must be restarted first."""
        self._open = None
        self._halted = False
        try:
            while self._contents is None and self._turn < len(self._codings):
                self._coding = self._codings[self._turn]
                found = self._by_uid() if self._coding.by_uid else self._decision()
                if isinstance(found, Unreadable):
                    self._failed.append(found)
                    self._turn += 1
                else:
                    self._take(found)
            if self._contents is not None:
                self._read_on()
        except _MustRestart:
            return False
        return True

    def _take(self, contents: CardContents) -> None:
        self._contents = contents
        self._decision_exchanges = self._channel.exchanges
        if self._decided is not None:
            self.handed_out = True
            if self._medium is not Medium.UID:
                # What has not been read yet is not damaged.
                contents = _readable(decode(self._coding.for_decision(), self._blocks), contents)
            self._decided(Outcome(contents, self.uid, self._channel.exchanges, self._decision_exchanges, self._medium))

    def _by_uid(self) -> CardContents | Unreadable:
        if self._damaged is not None:
            return self._damaged
        found = decode_uid(self._coding, self.uid)
        if isinstance(found, CardContents):
            self._medium = Medium.UID
        return found

    def _decision(self) -> CardContents | Unreadable:
        """What the present coding makes of the card. Raises _MustRestart."""
        located = self._located(self._coding)
        if isinstance(located, Unreadable):
            return located
        # A coding that its card's directory has placed stays so, also after a restart.
        self._coding = located
        opening = None
        for step in located.plan.steps[: located.plan.decision_steps]:
            if isinstance(step, Authenticate):
                opening = step
            elif not self._fetch(opening, step):
                return self._why(step.block, "")
        found = decode(located, self._blocks)
        if isinstance(found, Unreadable) and found.what != NO_NUMBER:
            self._damaged = self._damaged or found
        return found

    def _located(self, coding: Coding) -> Coding | Unreadable:
        """The coding with its sectors, after the directory was read as far as needed. Raises _MustRestart."""
        if not coding.directed:
            return coding
        entries: dict[int, int] = {}
        for part in mad.PARTS:
            steps = coding.directory_steps(part)
            if not self._fetch_all(steps):
                if entries:
                    # A card with a MAD1 need have no MAD2: its sector 16 is anybody's.
                    return coding.located(entries, complete=True) or NOT_LOCATED
                missing = next(block for block in part.blocks if block not in self._blocks)
                return self._refused_by(steps, missing)
            found = mad.read_part(part, self._blocks)
            if isinstance(found, Unreadable):
                if mad.CHECK in found.what:
                    self._damaged = self._damaged or found
                return found
            entries |= found
            located = coding.located(entries, complete=part is mad.PARTS[-1])
            if located is not None:
                return located
        raise AssertionError("the last directory is complete")

    def _read_on(self) -> None:
        """What the decision did not need; a part that stays closed is left out. Raises _MustRestart."""
        self._fetch_all(self._coding.plan.steps)

    def _fetch_all(self, steps: Sequence[Step]) -> bool:
        """Read all blocks of these steps that are not there yet. False: some are refused for good."""
        opening = None
        complete = True
        for step in steps:
            if isinstance(step, Authenticate):
                opening = step
            else:
                complete = self._fetch(opening, step) and complete
        return complete

    def _fetch(self, opening: Authenticate | None, step: Read) -> bool:
        """Read one block, opening its sector first. False: refused for good. Raises _MustRestart."""
        if step.block in self._blocks:
            return True
        if opening is None:
            return False
        key = self._keys[opening.key]
        sector_refusal = ("sector", opening.sector, opening.key_type, bytes(key))
        block_refusal = ("block", step.block, opening.key_type, bytes(key))
        if max(self._refusals[sector_refusal], self._refusals[block_refusal]) >= REFUSAL_TRIES:
            return False
        if self._halted:
            raise _MustRestart
        if self._open != (opening.sector, opening.key_type, key):
            if not self._channel.authenticate(opening.sector, opening.key_type, key):
                return self._refused(sector_refusal)
            self._open = (opening.sector, opening.key_type, key)
        content = self._channel.read(step.block)
        if content is None:
            return self._refused(block_refusal)
        self._blocks[step.block] = content
        return True

    def _refused(self, refusal: Refusal) -> bool:
        """Note a refusal. False when it stands; raises _MustRestart when it is to be asked again."""
        self._refusals[refusal] += 1
        self._open = None
        self._halted = True
        if self._refusals[refusal] < REFUSAL_TRIES:
            raise _MustRestart
        return False

    def outcome(self, ended: str) -> Outcome:
        """The reading as it stands; `ended` says why it went no further, "" when it is complete."""
        return Outcome(self._result(ended), self.uid, self._channel.exchanges, self._decision_exchanges, self._medium)

    def _result(self, ended: str) -> CardContents | Unreadable:
        if self._contents is not None:
            # By serial number there are no blocks; otherwise what came after the decision is now there.
            by_uid = self._medium is Medium.UID
            return self._contents if by_uid else _readable(decode(self._coding, self._blocks), self._contents)
        if self._turn < len(self._codings):
            missing = min(self._coding.plan.decision_blocks - self._blocks.keys(), default=None)
            return Unreadable(ended) if missing is None else self._why(missing, ended)
        first = self._damaged or self._failed[0]
        if len(self._codings) == 1:
            return first
        schemes = ", ".join(coding.scheme for coding in self._codings)
        return Unreadable(f"read as none of {schemes}: {first.what}", first.block, first.field)

    def _why(self, block: int, ended: str) -> Unreadable:
        """The better reason than that a block is missing: why it is."""
        field = next((place.name for place in self._coding.places if block in place.blocks), None)
        if ended == TOO_SOON:
            return Unreadable(ended, block, field)
        refused = self._refused_by(self._coding.plan.steps, block)
        return refused if refused.what != _UNREAD else Unreadable(ended or _UNREAD, block, field)

    def _refused_by(self, steps: Sequence[Step], block: int) -> Unreadable:
        """Which refusal is the reason that a block is missing."""
        field = next((place.name for place in self._coding.places if block in place.blocks), None)
        for step in steps:
            if not isinstance(step, Authenticate) or step.sector != sector_of(block):
                continue
            key = bytes(self._keys[step.key])
            if self._refusals["sector", step.sector, step.key_type, key]:
                return Unreadable(f"sector {step.sector} does not open with key {step.key!r}", block, field)
            if self._refusals["block", block, step.key_type, key]:
                return Unreadable("the card's access bits forbid reading", block, field)
        return Unreadable(_UNREAD, block, field)


def _readable(found: CardContents | Unreadable, otherwise: CardContents) -> CardContents:
    return found if isinstance(found, CardContents) else otherwise


_UNREAD = "the block could not be read"
