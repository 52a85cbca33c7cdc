"""What the controller writes down: the events of badges, modes and the clock. Pure."""

from dataclasses import replace

from gate.model import (
    CardContents,
    CardId,
    CardReading,
    Decision,
    Direction,
    Event,
    EventKind,
    Medium,
    Moment,
    Reason,
    Unreadable,
)
from gate.suspicion import chip_of, tells_chips_apart
from gate.timekeeping import Correction
from gate.turnstile import Mode

MAX_WHAT = 300


def who(reading: CardReading) -> tuple[CardId | None, str | None]:
    """The card and its employer, both None when nothing could be read."""
    match reading.result:
        case CardContents(card=card, organisation_number=employer):
            return card, employer
        case _:
            return None, None


def masked(reading: CardReading) -> str:
    """The card, for the log."""
    card, _ = who(reading)
    return card.masked if card else "-"


def badge(
    reading: CardReading, decision: Decision, *, lane: str, direction: Direction, badge_id: str, now: Moment
) -> Event:
    """One card shown, and its answer."""
    card, employer = who(reading)
    return Event(
        _badge_kind(decision), now, lane, direction, card, reading.medium, decision.reason, decision.warnings,
        employer, badge_id, chip_of(reading), detail=_why_unread(reading),
    )  # fmt: skip


def muster_badge(reading: CardReading, point: str, now: Moment) -> Event:
    """One card shown at an assembly point. The chip's serial number stands there by whatever medium: of a card that
    could not be read it may be all that tells whose it is."""
    card, _ = who(reading)
    return Event(
        EventKind.MUSTER_BADGE, now, None, None, card, reading.medium, None if card else Reason.UNREADABLE,
        uid=reading.uid if tells_chips_apart(reading.uid) else b"",
        detail={"reader": reading.reader, "point": point, **_why_unread(reading)},
    )  # fmt: skip


def by_hand(
    by: str, decision: Decision, *, lane: str, direction: Direction, badge_id: str, number: int | None, now: Moment
) -> Event:
    """One body let through by a person at the site; `number` is that of the hub's command."""
    return Event(
        _badge_kind(decision), now, lane, direction, None, Medium.MANUAL, decision.reason, decision.warnings,
        badge=badge_id, detail={"by": by[:MAX_WHAT]}, command=number,
    )  # fmt: skip


def suspicion(badge_event: Event, before: bytes) -> Event:
    """The card's number had come from another chip."""
    what = "the card's number was read from another chip than before; compare card and worker"
    return replace(
        badge_event,
        kind=EventKind.CLONE_SUSPECTED,
        reason=None,
        warnings=(),
        detail={"what": what, "uid_before": before.hex()},
    )


def mode(lane: str, now_in: Mode, by: str, now: Moment) -> Event:
    """A lane does something else from now on; a restart does not end it."""
    return Event(EventKind.LANE_MODE, now, lane, detail={"mode": now_in.value, "by": by[:MAX_WHAT]})


def command_refused(
    lane: str | None, command: str, by: str, why: str, now: Moment, *, number: int | None = None
) -> Event:
    """Somebody asked for what this gate does not do."""
    return Event(EventKind.COMMAND_REFUSED, now, lane, command=number, detail={
        "command": command, "by": by[:MAX_WHAT], "what": why[:MAX_WHAT],
    })  # fmt: skip


def command_done(lane: str | None, command: str, by: str, number: int, now: Moment) -> Event:
    """A command of the hub was carried out."""
    return Event(EventKind.COMMAND_DONE, now, lane, command=number, detail={"command": command, "by": by[:MAX_WHAT]})


def correction(found: Correction, now: Moment) -> Event:
    """The clock was set, or jumped."""
    detail: dict[str, str | int | bool] = {
        "boot": found.boot,
        "offset_ms": found.offset_ms,
        "moved_ms": found.moved_ms,
    }
    return Event(EventKind.CLOCK_TRUSTED, now, detail=detail)


def _why_unread(reading: CardReading) -> dict[str, str | int | bool]:
    detail: dict[str, str | int | bool] = {}
    match reading.result:
        case Unreadable(what, block, field):
            detail["what"] = what[:MAX_WHAT]
            if block is not None:
                detail["block"] = block
            if field is not None:
                detail["field"] = field
    return detail


def _badge_kind(decision: Decision) -> EventKind:
    return EventKind.BADGE_GRANTED if decision.admitted else EventKind.BADGE_REFUSED
