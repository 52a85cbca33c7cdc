"""The permit list to the gates: its signed head, and on demand what leads to it. No clock or thread inside."""

from collections.abc import Sequence
from typing import Protocol

from gate.uplink import contract
from gate.uplink.contract import PermitsChunk, PermitsHead, PermitsWant, Publish, Topics, WirePermit
from gate.uplink.signing import Signer
from hub.config import ListSettings
from hub.permits import ListHead, PermitList

WHOLE = 0
KEPT_CHANGES = 32
"""Gates are mostly at the same few revisions: what leads on from these is packed once."""


class ListStore(Protocol):
    """What list sync needs of a store. Each may raise StoreError."""

    def list_head(self) -> ListHead:
        """Which list is the current one; revision 0 when there never was a list."""

    def permit_list(self) -> PermitList:
        """The current list, all of one moment."""

    def changes_since(self, revision: int) -> Sequence[WirePermit] | None:
        """The permits that are new or other since a revision; None when that cannot be told."""


class ListSync:
    """Offers the current list. One thread."""

    def __init__(self, site: str, store: ListStore, signer: Signer, settings: ListSettings) -> None:
        self._topics = Topics(site)
        self._store = store
        self._signer = signer
        self._valid_ms = int(settings.valid_h * 3_600_000)
        self._packed_for = 0
        self._packed: dict[int, Sequence[bytes]] = {}

    def head(self, now_ms: int) -> Publish | None:
        """The sealed, retained head of the current list; None as long as no list was ever made.

        Before the first import nothing is offered: an empty list would tell the gates to refuse
        everybody, and a hub that lost its disk would say so as well.
        """
        current = self._store.list_head()
        if not current.revision:
            return None
        head = PermitsHead(
            revision=current.revision,
            count=current.count,
            digest=current.digest,
            issued_ms=now_ms,
            expires_ms=now_ms + self._valid_ms,
        )
        return Publish(self._topics.head, self._signer.seal(head), retain=True)

    def answer(self, gate: str, payload: bytes) -> Publish | None:
        """The chunk that a gate wants; None when there is no such chunk of the current revision.

        A gate that asks for an older revision learns from the head that there is a newer one; one whose own
        revision says nothing here gets the whole list. Raises ContractError when the message cannot be understood.
        """
        want = contract.decode_message(PermitsWant, payload)
        current = self._store.list_head()
        if not current.revision or want.revision != current.revision:
            return None
        if self._packed_for != current.revision:
            self._packed_for, self._packed = current.revision, {}
        found = self._leading_from(want.since, current)
        if found is None:
            return None
        since, chunks = found
        index = want.index if since == want.since else 0
        if index >= len(chunks):
            return None
        chunk = PermitsChunk(current.revision, index, len(chunks), chunks[index], since)
        return Publish(self._topics.chunk(gate), contract.encode_message(chunk))

    def _leading_from(self, since: int, current: ListHead) -> tuple[int, Sequence[bytes]] | None:
        """Chunks that lead to the current list, and from where: `since` if that can be told, else from nothing."""
        for start in (since, WHOLE):
            if start not in self._packed:
                permits = self._permits(start, current)
                if permits is None:
                    continue
                if len(self._packed) >= KEPT_CHANGES:
                    self._packed.pop(next(iter(self._packed)))
                self._packed[start] = contract.pack_permits(permits)
            return start, self._packed[start]
        return None

    def _permits(self, since: int, current: ListHead) -> Sequence[WirePermit] | None:
        """None when it cannot be told, when all of them are the shorter way, or when the list has moved on."""
        if since == WHOLE:
            permits: Sequence[WirePermit] | None = self._store.permit_list().permits
        else:
            permits = self._store.changes_since(since)
            if permits is not None and 2 * len(permits) > current.count:
                return None
        return permits if self._store.list_head().revision == current.revision else None
