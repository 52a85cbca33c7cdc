"""The list to the gates: signed, complete, once packed."""

from collections.abc import Callable, Iterator
from typing import TypeVar

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gate.uplink import contract
from gate.uplink.contract import ContractError, PermitsChunk, PermitsHead, PermitsWant, WirePermit
from gate.uplink.signing import Signer, Verifier
from hub.config import ListSettings
from hub.permits import NO_LIST, CardFacts, ListHead, PermitList, compile_permits, succeed
from hub.sync import ListSync

T = TypeVar("T")

KEY = Ed25519PrivateKey.generate()


class Lists:
    """A store of lists; counts how often the whole of one is read."""

    def __init__(self) -> None:
        self.made = {0: NO_LIST}
        self.current = NO_LIST
        self.read = 0

    def list_head(self) -> ListHead:
        return ListHead(self.current.revision, len(self.current.permits), self.current.digest)

    def permit_list(self) -> PermitList:
        self.read += 1
        return self.current

    def changes_since(self, revision: int) -> list[WirePermit] | None:
        if revision not in self.made:
            return None
        known = set(self.made[revision].permits)
        return [permit for permit in self.current.permits if permit not in known]

    def fill(self, count: int, status: str = "ok", others: str = "ok") -> None:
        """`status` is that of the first card, `others` of the rest."""
        facts = [
            CardFacts("hms", f"{number * 7919 % 9_999_991:07}", others if number else status, employer="310451274")
            for number in range(count)
        ]
        self.current = succeed(self.current, compile_permits(facts))
        self.made[self.current.revision] = self.current


def sync_of(lists: Lists) -> ListSync:
    return ListSync("yard", lists, Signer("yard", KEY), ListSettings(valid_h=2))


def head_of(sync: ListSync, now_ms: int = 1000) -> PermitsHead:
    message = sync.head(now_ms)
    assert message
    assert message.retain
    assert message.topic == "portvakt/v1/yard/permits/head"
    return Verifier("yard", KEY.public_key()).open(PermitsHead, message.payload)


def want(since: int, revision: int, index: int) -> bytes:
    return contract.encode_message(PermitsWant(since, revision, index))


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
    chunks = list(fetched(sync, 0, 1))
    assert len(chunks) > 1
    rows = contract.unpack_permits(chunks, head.count)
    assert tuple(contract.decode_permits(rows)) == lists.current.permits
    assert contract.digest_of_rows(rows) == head.digest
    assert sync.answer("north", want(0, 1, len(chunks))) is None
    assert lists.read == 1


def fetched(sync: ListSync, since: int, revision: int) -> Iterator[bytes]:
    """All chunks, asked for one by one."""
    index, total = 0, 1
    while index < total:
        answer = sync.answer("north", want(since, revision, index))
        assert answer
        assert (answer.topic, answer.retain) == ("portvakt/v1/yard/north/permits/chunk", False)
        chunk = contract.decode_message(PermitsChunk, answer.payload)
        assert (chunk.revision, chunk.index, chunk.since) == (revision, index, since)
        yield chunk.data
        index, total = index + 1, chunk.total


def test_who_holds_a_list_gets_what_changed_since() -> None:
    """One card of a thousand is blocked, then another list follows: nobody is sent the thousand."""
    lists = Lists()
    lists.fill(1000)
    lists.fill(1000, "blocked")
    lists.fill(1001, "blocked")
    sync = sync_of(lists)
    rows = contract.unpack_permits(fetched(sync, 1, 3), 1001)
    assert {permit.standing for permit in contract.decode_permits(rows)} == {"granted", "blocked"}
    assert len(rows) == 2
    assert len(contract.unpack_permits(fetched(sync, 2, 3), 1001)) == 1
    assert lists.read == 0


@pytest.mark.parametrize("since", [1, 7])
def test_who_cannot_be_led_on_gets_the_whole_from_its_beginning(since: int) -> None:
    """Since revision 1 nearly all has changed; revision 7 was never made here. Whatever chunk was asked for."""
    lists = Lists()
    lists.fill(1000)
    lists.fill(1000, others="blocked")
    answer = sync_of(lists).answer("north", want(since, 2, 3))
    assert answer
    chunk = contract.decode_message(PermitsChunk, answer.payload)
    assert (chunk.since, chunk.index) == (0, 0)


def test_a_list_that_moves_on_while_it_is_packed_is_not_sent() -> None:
    """Its rows would not be those of the revision that stands on it."""
    lists = Lists()
    lists.fill(100)
    lists.fill(101)
    sync = sync_of(lists)
    whole, changes = lists.permit_list, lists.changes_since

    def late(read: Callable[[], T]) -> T:
        lists.fill(len(lists.current.permits) + 1)
        return read()

    lists.permit_list = lambda: late(whole)  # type: ignore[method-assign]
    lists.changes_since = lambda revision: late(lambda: changes(revision))  # type: ignore[method-assign]
    assert sync.answer("north", want(1, 2, 0)) is None
    assert sync.answer("north", want(0, 3, 0)) is None


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
