"""How a gate follows the hub's permit list. Pure: messages and the time in, effects out.

The hub's signed head says which revision is current. What leads there from the revision held is fetched
chunk by chunk, one at a time, so that a broken fetch goes on where it stopped: the permits that changed
since, or the whole list where the hub cannot tell, or where the changes did not lead to the signed digest.
An older head changes nothing, whoever sends it (P5).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from gate.errors import ListRefused
from gate.model import CardId, ListState
from gate.ports import ListedPermit
from gate.uplink import contract, translate
from gate.uplink.contract import ContractError, Digest, PermitsChunk, PermitsHead, PermitsWant, Publish, Topics

REPEAT_WANT_MS = 3_000
"""How long a chunk may be under way before it is asked for again."""


WHOLE = 0
"""A fetch since revision 0 is one of the whole list."""


@dataclass(frozen=True, slots=True)
class ReplaceList:
    """Apply this list: signed, complete, newer than the one held."""

    permits: Sequence[ListedPermit]
    state: ListState


@dataclass(frozen=True, slots=True)
class ChangeList:
    """Put these permits over revision `since`, the list held, if `refuse_change` finds that it leads to `state`."""

    since: int
    permits: Sequence[ListedPermit]
    state: ListState


@dataclass(frozen=True, slots=True)
class ConfirmList:
    """The hub has just said that the list held is the current one."""

    state: ListState


@dataclass(frozen=True, slots=True)
class ListProblem:
    """A list was offered that must not be applied."""

    why: str


ListEffect: TypeAlias = ReplaceList | ChangeList | ConfirmList | ListProblem | Publish


class ListFollower:
    """The list held, the list wanted, and the chunks that have come so far."""

    def __init__(self, gate: str, topics: Topics, held: ListState | None) -> None:
        self._gate = gate
        self._topics = topics
        self._held = held
        self._wanted: PermitsHead | None = None
        self._since = WHOLE
        self._total: int | None = None
        self._chunks: list[bytes] = []
        self._applying: PermitsHead | None = None
        self._misled: int | None = None
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
        if self._wanted is None or (head.revision, head.digest) != (self._wanted.revision, self._wanted.digest):
            self._begin(head)
        self._wanted = head
        return [self._want(head, now_ms)]

    def chunk(self, chunk: PermitsChunk, now_ms: int) -> list[ListEffect]:
        """A slice has come; one that was not asked for changes nothing."""
        wanted = self._wanted
        if wanted is None or chunk.revision != wanted.revision:
            return []
        if chunk.since != self._since:
            if (chunk.since, chunk.index) != (WHOLE, 0):
                return []
            # The hub cannot tell what changed since then, and sends all of it.
            self._since, self._total, self._chunks = WHOLE, None, []
        if self._total is not None and chunk.total != self._total:
            # A hub that was upgraded meanwhile may cut the same list otherwise.
            self._total, self._chunks = None, []
            return [self._want(wanted, now_ms)]
        if chunk.index != len(self._chunks) or chunk.total > contract.most_chunks(wanted.count):
            return []
        self._total = chunk.total
        self._chunks.append(chunk.data)
        if len(self._chunks) < chunk.total:
            return [self._want(wanted, now_ms)]
        return self._finish(wanted, now_ms)

    def not_applied(self, held: ListState | None, now_ms: int) -> list[ListEffect]:
        """The store did not take it; `held` is what the store really has. Changes that led astray are followed by
        the whole list at once; for a list that cannot be written the next head is soon enough."""
        failed, self._applying = self._applying, None
        self._held, self._wanted = held, None
        if failed is None or self._since == WHOLE:
            return []
        return self._whole_instead(failed, now_ms)

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
        self._held, self._applying = _state_of(head), None
        return [ConfirmList(self._held)]

    def _begin(self, head: PermitsHead) -> None:
        """What is fetched from now on leads to this head."""
        misled = self._misled == head.revision
        self._since = self._held.revision if self._held and not misled else WHOLE
        self._total, self._chunks = None, []

    def _whole_instead(self, head: PermitsHead, now_ms: int) -> list[ListEffect]:
        self._misled = head.revision
        self._wanted = head
        self._begin(head)
        return [self._want(head, now_ms)]

    def _want(self, wanted: PermitsHead, now_ms: int) -> Publish:
        self._asked_ms = now_ms
        want = PermitsWant(self._since, wanted.revision, len(self._chunks))
        return Publish(self._topics.want(self._gate), contract.encode_message(want))

    def _finish(self, wanted: PermitsHead, now_ms: int) -> list[ListEffect]:
        chunks, self._chunks, self._total, self._wanted = self._chunks, [], None, None
        try:
            state = _state_of(wanted)
            permits = _listed(contract.unpack_permits(chunks, wanted.count), wanted)
            if self._since == WHOLE:
                _refuse_unsigned(permits, wanted)
        except (ContractError, ListRefused) as wrong:
            problem: list[ListEffect] = [ListProblem(str(wrong))]
            return problem if self._since == WHOLE else problem + self._whole_instead(wanted, now_ms)
        self._held, self._applying = state, wanted
        return [ReplaceList(permits, state) if self._since == WHOLE else ChangeList(self._since, permits, state)]


def refuse_change(held: ListState | None, proofs: Mapping[CardId, bytes], change: ChangeList) -> None:
    """`proofs` are those held of the change's cards. Raises ListRefused when the list that comes of it is not the one
    that the hub signed: then something was lost here or forged on the way."""
    if held is None or held.revision != change.since:
        raise ListRefused(f"changes since revision {change.since} do not fit the list held")
    digest, count = Digest(held.digest), held.count
    for listed in change.permits:
        if (before := proofs.get(listed.permit.card)) is not None:
            digest.remove(before)
        else:
            count += 1
        digest.add(listed.proof)
    if (digest.hexdigest(), count) != (change.state.digest, change.state.count):
        raise ListRefused(
            f"the changes from revision {change.since} to {change.state.revision} do not lead to the signed digest"
        )


def _listed(rows: Sequence[bytes], head: PermitsHead) -> tuple[ListedPermit, ...]:
    permits = translate.permits_from_wire(contract.decode_permits(rows))
    if len({permit.card for permit in permits}) != len(permits):
        raise ListRefused(f"list {head.revision} holds a card twice")
    proofs = map(contract.proof_of, rows)
    return tuple(ListedPermit(permit, proof) for permit, proof in zip(permits, proofs, strict=True))


def _refuse_unsigned(permits: Sequence[ListedPermit], head: PermitsHead) -> None:
    digest = Digest()
    for listed in permits:
        digest.add(listed.proof)
    if (digest.hexdigest(), len(permits)) != (head.digest, head.count):
        raise ListRefused(f"list {head.revision} does not have the digest that the hub signed")


def _state_of(head: PermitsHead) -> ListState:
    return ListState(head.revision, head.count, head.digest, head.issued_ms, head.expires_ms)
