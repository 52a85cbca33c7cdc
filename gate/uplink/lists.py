"""How a gate follows the hub's permit list. Pure: messages and the time in, effects out.

The hub's signed head says which revision is current. A newer one is fetched chunk by chunk, one at a
time, so that a broken fetch goes on where it stopped; the whole is checked against the signed digest
before anything is applied. An older head changes nothing, whoever sends it (P5).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from gate.errors import ListRefused
from gate.model import ListState, Permit
from gate.uplink import contract, translate
from gate.uplink.contract import ContractError, PermitsChunk, PermitsHead, PermitsWant, Publish, Topics

REPEAT_WANT_MS = 3_000
"""How long a chunk may be under way before it is asked for again."""


@dataclass(frozen=True, slots=True)
class ReplaceList:
    """Apply this list: signed, complete, newer than the one held."""

    permits: Sequence[Permit]
    state: ListState


@dataclass(frozen=True, slots=True)
class ConfirmList:
    """The hub has just said that the list held is the current one."""

    state: ListState


@dataclass(frozen=True, slots=True)
class ListProblem:
    """A list was offered that must not be applied."""

    why: str


ListEffect: TypeAlias = ReplaceList | ConfirmList | ListProblem | Publish


class ListFollower:
    """The list held, the list wanted, and the chunks that have come so far."""

    def __init__(self, gate: str, topics: Topics, held: ListState | None) -> None:
        self._gate = gate
        self._topics = topics
        self._held = held
        self._wanted: PermitsHead | None = None
        self._chunks: list[bytes] = []
        self._asked_ms = 0

    @property
    def fetching(self) -> bool:
        return self._wanted is not None

    def head(self, head: PermitsHead, now_ms: int) -> list[ListEffect]:
        """A head with the hub's signature has come."""
        held = self._held
        if held is not None and head.revision < held.revision:
            return [ListProblem(f"revision {head.revision} is older than {held.revision}, which this gate holds")]
        if held is not None and head.revision == held.revision:
            return self._same_revision(head, held)
        if self._wanted is not None and head.revision < self._wanted.revision:
            return []
        if self._wanted is None or _cut_of(head) != _cut_of(self._wanted):
            self._chunks = []
        self._wanted = head
        return [self._want(head, now_ms)]

    def chunk(self, chunk: PermitsChunk, now_ms: int) -> list[ListEffect]:
        """A slice has come; one that was not asked for changes nothing."""
        wanted = self._wanted
        if wanted is None or chunk.revision != wanted.revision or chunk.index != len(self._chunks):
            return []
        self._chunks.append(chunk.data)
        if len(self._chunks) < wanted.chunks:
            return [self._want(wanted, now_ms)]
        return self._finish(wanted)

    def start_over(self, held: ListState | None) -> None:
        """Forget what was fetched; `held` is what the store really has."""
        self._held, self._wanted, self._chunks = held, None, []

    def lost(self) -> None:
        """The link went; what has come so far is kept."""
        self._asked_ms = 0

    def tick(self, now_ms: int) -> list[ListEffect]:
        """Ask again for a chunk that has been under way for too long."""
        if self._wanted is None or now_ms - self._asked_ms < REPEAT_WANT_MS:
            return []
        return [self._want(self._wanted, now_ms)]

    def _same_revision(self, head: PermitsHead, held: ListState) -> list[ListEffect]:
        if head.digest != held.digest:
            return [ListProblem(f"revision {head.revision} is offered with another digest than the one held")]
        if head.issued_ms <= held.confirmed_ms:
            return []
        self._held = _state_of(head)
        return [ConfirmList(self._held)]

    def _want(self, wanted: PermitsHead, now_ms: int) -> Publish:
        self._asked_ms = now_ms
        held = self._held.revision if self._held else 0
        want = PermitsWant(held, wanted.revision, len(self._chunks))
        return Publish(self._topics.want(self._gate), contract.encode_message(want))

    def _finish(self, wanted: PermitsHead) -> list[ListEffect]:
        chunks, self._chunks, self._wanted = self._chunks, [], None
        try:
            state = _state_of(wanted)
            permits = _verified(chunks, wanted)
        except (ContractError, ListRefused) as wrong:
            return [ListProblem(str(wrong))]
        self._held = state
        return [ReplaceList(permits, state)]


def _verified(chunks: Sequence[bytes], head: PermitsHead) -> tuple[Permit, ...]:
    rows = contract.unpack_snapshot(chunks, head.count)
    if contract.digest_of_rows(rows) != head.digest:
        raise ListRefused(f"list {head.revision} does not have the digest that the hub signed")
    permits = translate.permits_from_wire(contract.decode_permits(rows))
    if len({permit.card for permit in permits}) != len(permits):
        raise ListRefused(f"list {head.revision} holds a card twice")
    return permits


def _cut_of(head: PermitsHead) -> tuple[int, str, int]:
    """What makes chunks belong together: a hub that was upgraded meanwhile may cut the same list otherwise."""
    return head.revision, head.digest, head.chunks


def _state_of(head: PermitsHead) -> ListState:
    return ListState(head.revision, head.count, head.digest, head.issued_ms, head.expires_ms)
