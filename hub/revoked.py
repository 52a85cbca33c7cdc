"""What a revoked gate says counts no more, whoever takes it in: the broker may not know it yet, and is not trusted."""

from collections.abc import Sequence
from typing import Protocol

from gate.uplink.contract import Topics
from hub.records import Rejected


class RevocationStore(Protocol):
    """What is needed of a store. Both may raise StoreError."""

    def revoked_gates(self) -> frozenset[str]:
        """Whose word counts no more. Cheap: asked before each intake."""

    def reject(self, rejected: Sequence[Rejected]) -> None:
        """Keep aside and count."""


def of_members(
    store: RevocationStore, topics: Topics, messages: Sequence[tuple[str, bytes]], now_ms: int
) -> list[tuple[str, bytes]]:
    """Without those of gates that were revoked, which are kept aside. Raises StoreError."""
    revoked = store.revoked_gates()
    if not revoked:
        return list(messages)
    strangers = [one for one in messages if topics.gate_of(one[0]) in revoked]
    if strangers:
        store.reject([Rejected(*one, "the gate was revoked", now_ms) for one in strangers])
    return [one for one in messages if topics.gate_of(one[0]) not in revoked]
