"""Delete what is due, and write down what went: signed by the site's key, each record naming the one before.

A record holds counts, times and the rule; it is about nobody. It is written in the transaction that deletes,
so there is no deletion without a record and no record without a deletion. Long purges are made of many.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from gate.uplink.contract import GENESIS_HASH, ROOT
from hub.retention import NOTHING, Due, Gone, Limits, What, due, together
from hub.store import ForgettingTransaction, HubStore, OfficeTransaction
from hub.store.retention import BATCH, KeptRecord

EVERYTHING = 1 << 31


class PurgeRecord(msgspec.Struct, frozen=True):
    """What went in one transaction. Times are Unix milliseconds; `previous` is the SHA-256 of the record before."""

    site: str
    number: int
    at_ms: int
    what: What
    rule: str
    gone: dict[str, int]
    oldest_ms: int | None
    newest_ms: int | None
    previous: str
    before_ms: int | None = None
    """All that was older has gone; records from before this was written down do not say it."""


@dataclass(frozen=True, slots=True)
class ShownRecord:
    """A record as it is shown. `sound` is False when it was not signed by this site's key, or does not follow the one
    before it; `record` is None when it cannot be read at all."""

    number: int
    record: PurgeRecord | None
    sound: bool


class Purge:
    """Deletes for one site, with its key."""

    def __init__(self, site: str, store: HubStore, private: Ed25519PrivateKey, limits: Limits) -> None:
        self._site = site
        self._store = store
        self._private = private
        self._limits = limits

    def some(self, now_ms: int) -> Mapping[What, Gone]:
        """Delete what is due, in one transaction of bounded length; empty when nothing is left. Raises StoreError."""
        with self._store.forgetting() as forgetting:
            found = _delete_due(forgetting, self._due(forgetting, now_ms), now_ms, BATCH)
            for one, gone in found.items():
                self.write_down(forgetting, one, gone, now_ms)
        return {one.what: gone for one, gone in found.items()}

    def all(self, now_ms: int) -> dict[What, Gone]:
        """Delete everything that is due. Raises StoreError; what was deleted until then is written down."""
        total: dict[What, Gone] = {}
        while some := self.some(now_ms):
            for what, gone in some.items():
                total[what] = together(total.get(what, NOTHING), gone)
        if total:
            self._store.forget_deleted()
        return total

    def would_go(self, now_ms: int) -> dict[What, Gone]:
        """What is due, found by deleting it and taking that back."""
        with self._store.supposing() as forgetting:
            found = _delete_due(forgetting, self._due(forgetting, now_ms), now_ms, EVERYTHING)
        return {one.what: gone for one, gone in found.items()}

    def write_down(self, forgetting: ForgettingTransaction, due_: Due, gone: Gone, now_ms: int) -> PurgeRecord:
        """Keep the signed record of what this transaction deletes."""
        last = forgetting.last_record()
        record = PurgeRecord(
            site=self._site,
            number=last.number + 1 if last else 1,
            at_ms=now_ms,
            what=due_.what,
            rule=due_.rule,
            gone=dict(gone.counts),
            oldest_ms=gone.oldest_ms,
            newest_ms=gone.newest_ms,
            previous=hashlib.sha256(last.record).hexdigest() if last else GENESIS_HASH,
            before_ms=due_.before_ms,
        )
        body = msgspec.json.encode(record)
        forgetting.keep_record(
            KeptRecord(record.number, now_ms, body, self._private.sign(_signed_bytes(self._site, body)))
        )
        return record

    def _due(self, forgetting: ForgettingTransaction, now_ms: int) -> list[Due]:
        return due(self._limits, now_ms, OfficeTransaction(forgetting.connection).last_passage_ms(now_ms))


def shown_records(store: HubStore, site: str, public: Ed25519PublicKey) -> list[ShownRecord]:
    """All records, in their order, each checked against the key and the one before it. Raises StoreError."""
    with store.reading() as connection:
        kept = ForgettingTransaction(connection).records()
    found = []
    previous = GENESIS_HASH
    for number, one in enumerate(kept, 1):
        record = _read(one.record)
        follows = record is not None and (record.previous, record.number, one.number) == (previous, number, number)
        found.append(ShownRecord(one.number, record, follows and _signed(site, public, one)))
        previous = hashlib.sha256(one.record).hexdigest()
    return found


class Forgotten(NamedTuple):
    """What is no longer known of passages: all from before `before_ms`, and those of people who asked to be forgotten,
    from `person_oldest_ms` to `person_newest_ms`. None where nothing has gone."""

    before_ms: int | None
    person_oldest_ms: int | None
    person_newest_ms: int | None


def forgotten(records: Iterable[KeptRecord]) -> Forgotten:
    """What these records of deletions say of passages."""
    read = [record for one in records if (record := _read(one.record))]
    before = [
        min(one.newest_ms or one.at_ms, one.at_ms) if one.before_ms is None else one.before_ms
        for one in read
        if one.what is What.PASSAGES
    ]
    people = [one for one in read if one.what is What.PERSON]
    return Forgotten(
        max(before, default=None),
        min((one.oldest_ms for one in people if one.oldest_ms is not None), default=None),
        max((one.newest_ms for one in people if one.newest_ms is not None), default=None),
    )


def _read(record: bytes) -> PurgeRecord | None:
    try:
        return msgspec.json.decode(record, type=PurgeRecord)
    except msgspec.DecodeError:
        return None


def _delete_due(forgetting: ForgettingTransaction, dues: list[Due], now_ms: int, most: int) -> dict[Due, Gone]:
    found: dict[Due, Gone] = {}
    for one in dues:
        match one.what:
            case What.PASSAGES:
                gone = forgetting.purge_passages(one.before_ms, now_ms, most)
            case What.MUSTERS:
                gone = forgetting.purge_musters(one.before_ms)
            case _:
                gone = forgetting.purge_crew(now_ms)
        if gone.total:
            found[one] = gone
    return found


def _signed(site: str, public: Ed25519PublicKey, kept: KeptRecord) -> bool:
    try:
        public.verify(kept.signature, _signed_bytes(site, kept.record))
    except InvalidSignature:
        return False
    return True


def _signed_bytes(site: str, body: bytes) -> bytes:
    """Bound to their purpose and site, as everything that this key signs (`gate.uplink.signing`)."""
    return f"{ROOT}\0PurgeRecord\0{site}\0".encode() + body
