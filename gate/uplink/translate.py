"""Between the gate's values and the wire's: events out, permits in. Pure.

Kept apart from both, so that the model may change its shape without the wire noticing.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime

from gate.model import CardId, Event, Permit, Reason
from gate.site import Seen
from gate.uplink import contract
from gate.uplink.contract import EventData, WireCard, WireClock, WireEvent, WirePermit, WireSighting


def outgoing_record(event: Event, *, site: str, gate: str, epoch: str, seq: int, prevhash: str) -> bytes:
    """The bytes of one event under its number: made once, at the commit, and never again."""
    moment = event.moment
    return contract.encode_event(
        WireEvent(
            id=contract.event_id(site, gate, epoch, seq),
            source=contract.source_of(site, gate),
            type=contract.TYPE_PREFIX + event.kind,
            time=iso_utc(moment.wall_ms),
            epoch=epoch,
            seq=seq,
            prevhash=prevhash,
            data=EventData(
                clock=WireClock(moment.boot, moment.monotonic_ms, moment.trusted),
                lane=event.lane,
                direction=event.direction,
                card=WireCard(event.card.scheme, event.card.number) if event.card else None,
                medium=event.medium,
                reason=event.reason,
                warnings=tuple(event.warnings),
                employer=event.employer,
                badge=event.badge,
                uid=event.uid.hex() or None,
                zone=event.zone,
                command=event.command,
                detail=dict(event.detail),
            ),
        )
    )


def iso_utc(wall_ms: int) -> str:
    """RFC 3339 with milliseconds, as CloudEvents asks. A clock outside years 1 to 9999 is cut to them."""
    try:
        moment = datetime.fromtimestamp(wall_ms / 1000, UTC)
    except (OverflowError, ValueError, OSError):
        moment = datetime.min.replace(tzinfo=UTC) if wall_ms < 0 else datetime.max.replace(tzinfo=UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def permits_from_wire(rows: Iterable[WirePermit]) -> tuple[Permit, ...]:
    """The gate's permits. A word that this version does not know denies: see `_standing`."""
    return tuple(_permit(row) for row in rows)


def _permit(row: WirePermit) -> Permit:
    return Permit(
        card=CardId(row.scheme, row.number),
        standing=_standing(row.standing),
        valid_from=_date(row.valid_from),
        valid_until=_date(row.valid_until),
        card_expiry=_date(row.card_expiry),
        employer=row.employer,
        language=row.language,
        groups=row.groups,
    )


def sightings_from_wire(rows: Iterable[WireSighting]) -> tuple[tuple[CardId, Seen], ...]:
    """Where the hub has cards."""
    return tuple((CardId(row.scheme, row.number), Seen(row.time_ms, row.zone, row.groups)) for row in rows)


_STANDINGS = {
    reason.value: reason
    for reason in (
        Reason.GRANTED,
        Reason.BLOCKED,
        Reason.CANCELLED,
        Reason.NOT_ON_CREW_LIST,
        Reason.COMPANY_NOT_APPROVED,
        Reason.TRAINING_MISSING,
    )
}


def _standing(word: str) -> Reason:
    """A newer hub may send an objection that this gate has no word for: it is an objection all the
    same, and "not on the crew list" sends the worker to the right place, the site office."""
    return _STANDINGS.get(word, Reason.NOT_ON_CREW_LIST)


def _date(text: str | None) -> date | None:
    """Absent stays absent; raises ContractError for what is no date, so that the whole list is refused."""
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as wrong:
        raise contract.ContractError(f"permit list: {text[:20]!r} is not a date (YYYY-MM-DD)") from wrong
