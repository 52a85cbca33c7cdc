"""Cards shown at assembly points, for stores in memory: what `hub.muster_readers.RollTransaction` asks of a store."""

from collections.abc import Collection, Mapping, Sequence

from gate.uplink.contract import MUSTER_BADGE
from hub.presence import CardKey, Sighting
from hub.records import EventRecord, JournalKey

Events = Mapping[JournalKey, Mapping[int, EventRecord]]
Shown = tuple[str, bytes, int]
"""Gate, body, and when it arrived."""


def shown_since(events: Events, received_ms: int) -> Sequence[Shown]:
    return [_shown(record) for record in _at_muster_readers(events) if record.received_ms >= received_ms]


def shown_between(events: Events, from_ms: int, until_ms: int) -> Sequence[Shown]:
    return [_shown(one) for one in _at_muster_readers(events) if from_ms <= (one.time_ms or 0) <= until_ms]


def cards_of_chips(presence: Mapping[CardKey, Sighting], uids: Collection[str]) -> Sequence[tuple[str, CardKey]]:
    return [(one.uid, card) for card, one in presence.items() if one.uid is not None and one.uid in uids]


def _at_muster_readers(events: Events) -> list[EventRecord]:
    return [one for records in events.values() for one in records.values() if one.kind == MUSTER_BADGE]


def _shown(record: EventRecord) -> Shown:
    return record.gate, record.body, record.received_ms
