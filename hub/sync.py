"""The permit list to the gates: its signed head, and its chunks on demand. No clock or thread inside."""

from collections.abc import Sequence
from typing import Protocol

from gate.uplink import contract
from gate.uplink.contract import PermitsChunk, PermitsHead, PermitsWant, Publish, Topics
from gate.uplink.signing import Signer
from hub.config import ListSettings
from hub.permits import PermitList


class ListStore(Protocol):
    """What list sync needs of a store. Both may raise StoreError."""

    def revision(self) -> int:
        """The current revision; 0 when there never was a list."""

    def permit_list(self) -> PermitList:
        """The current list, all of one moment."""


class ListSync:
    """Offers the current list. One thread."""

    def __init__(self, site: str, store: ListStore, signer: Signer, settings: ListSettings) -> None:
        self._topics = Topics(site)
        self._store = store
        self._signer = signer
        self._valid_ms = int(settings.valid_h * 3_600_000)
        self._list: PermitList | None = None
        self._chunks: Sequence[bytes] = ()

    def head(self, now_ms: int) -> Publish | None:
        """The sealed, retained head of the current list; None as long as no list was ever made.

        Before the first import nothing is offered: an empty list would tell the gates to refuse
        everybody, and a hub that lost its disk would say so as well.
        """
        current = self._current()
        if not current.revision:
            return None
        head = PermitsHead(
            revision=current.revision,
            count=len(current.permits),
            digest=current.digest,
            issued_ms=now_ms,
            expires_ms=now_ms + self._valid_ms,
            chunks=len(self._chunks),
        )
        return Publish(self._topics.head, self._signer.seal(head), retain=True)

    def answer(self, gate: str, payload: bytes) -> Publish | None:
        """The chunk that a gate wants; None when there is no such chunk of the current revision.

        A gate that asks for an older revision learns from the head that there is a newer one. Raises
        ContractError when the message cannot be understood.
        """
        want = contract.decode_message(PermitsWant, payload)
        current = self._current()
        if want.revision != current.revision or want.index >= len(self._chunks):
            return None
        chunk = PermitsChunk(current.revision, want.index, len(self._chunks), self._chunks[want.index])
        return Publish(self._topics.chunk(gate), contract.encode_message(chunk))

    def _current(self) -> PermitList:
        """The current list; packed once for each revision."""
        if self._list is None or self._store.revision() != self._list.revision:
            self._list = self._store.permit_list()
            self._chunks = contract.pack_snapshot(self._list.permits) if self._list.revision else ()
        return self._list
