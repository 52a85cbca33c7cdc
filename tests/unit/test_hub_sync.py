"""The list to the gates: signed, complete, once packed."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gate.uplink import contract
from gate.uplink.contract import ContractError, PermitsChunk, PermitsHead, PermitsWant
from gate.uplink.signing import Signer, Verifier
from hub.config import ListSettings
from hub.permits import NO_LIST, CardFacts, PermitList, compile_permits, succeed
from hub.sync import ListSync

KEY = Ed25519PrivateKey.generate()


class Lists:
    """A store of one list; counts how often the whole of it is read."""

    def __init__(self) -> None:
        self.current = NO_LIST
        self.read = 0

    def revision(self) -> int:
        return self.current.revision

    def permit_list(self) -> PermitList:
        self.read += 1
        return self.current

    def fill(self, count: int, status: str = "ok") -> None:
        facts = [
            CardFacts("hms", f"{number * 7919 % 9_999_991:07}", status, employer="310451274") for number in range(count)
        ]
        self.current = succeed(self.current, compile_permits(facts))


def sync_of(lists: Lists) -> ListSync:
    return ListSync("yard", lists, Signer("yard", KEY), ListSettings(valid_h=2))


def head_of(sync: ListSync, now_ms: int = 1000) -> PermitsHead:
    message = sync.head(now_ms)
    assert message
    assert message.retain
    assert message.topic == "portvakt/v1/yard/permits/head"
    return Verifier("yard", KEY.public_key()).open(PermitsHead, message.payload)


def want(have: int, revision: int, index: int) -> bytes:
    return contract.encode_message(PermitsWant(have, revision, index))


def test_before_the_first_list_nothing_is_offered() -> None:
    """An empty list would tell every gate to refuse everybody."""
    sync = sync_of(Lists())
    assert sync.head(1000) is None
    assert sync.answer("north", want(0, 0, 0)) is None


def test_a_gate_gets_the_whole_list() -> None:
    """Head and chunks make the list, and its digest proves it."""
    lists = Lists()
    lists.fill(60_000)
    sync = sync_of(lists)
    head = head_of(sync)
    assert (head.revision, head.count, head.issued_ms, head.expires_ms) == (1, 60_000, 1000, 1000 + 7_200_000)
    assert head.chunks > 1
    chunks = []
    for index in range(head.chunks):
        answer = sync.answer("north", want(0, 1, index))
        assert answer
        assert (answer.topic, answer.retain) == ("portvakt/v1/yard/north/permits/chunk", False)
        chunk = contract.decode_message(PermitsChunk, answer.payload)
        assert (chunk.revision, chunk.index, chunk.total) == (1, index, head.chunks)
        chunks.append(chunk.data)
    rows = contract.unpack_snapshot(chunks, head.count)
    assert tuple(contract.decode_permits(rows)) == lists.current.permits
    assert contract.digest_of_rows(rows) == head.digest
    assert sync.answer("north", want(0, 1, head.chunks)) is None
    assert lists.read == 1


def test_a_new_revision_is_noticed() -> None:
    """Chunks of the revision before are no longer given: the head tells the gate to begin again."""
    lists = Lists()
    lists.fill(3)
    sync = sync_of(lists)
    assert head_of(sync).revision == 1
    lists.fill(3, "blocked")
    assert sync.answer("north", want(0, 1, 0)) is None
    assert sync.answer("north", want(1, 2, 0))
    assert head_of(sync).revision == 2


def test_a_heartbeat_signs_anew() -> None:
    """The same list, issued now."""
    lists = Lists()
    lists.fill(1)
    sync = sync_of(lists)
    assert head_of(sync, 5000).issued_ms == 5000
    assert head_of(sync, 65_000).expires_ms == 65_000 + 7_200_000


def test_a_message_that_is_none_is_refused() -> None:
    """P9: by ContractError, which the service turns into a quarantined row."""
    with pytest.raises(ContractError):
        sync_of(Lists()).answer("north", b"\xc1")
