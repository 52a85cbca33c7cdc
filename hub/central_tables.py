"""How central systems were told, as text for a terminal. Pure, but for the local time zone in which times are shown."""

from collections.abc import Sequence

from hub.central.overview import AlarmLine, AsideLine, TargetLine
from hub.tables import clean, moment, table

_STATES = {
    "told": "has everything",
    "telling": "is being told",
    "waiting": "NOT REACHED",
    "stopped": "STOPPED",
    "unknown": "not met yet: hub run",
    "left": "no longer in the settings",
}


def targets_text(lines: Sequence[TargetLine], now_ms: int) -> str:
    """Every target, and what stands behind the states that want somebody."""
    if not lines:
        return "No central system is told anything: there is no [[targets]] in the settings."
    rows = [
        (
            one.name,
            one.kind,
            "LATE" if one.late and one.state in ("telling", "waiting") else _STATES.get(one.state, one.state),
            str(one.waiting),
            str(one.queued),
            str(one.later),
            duration(one.lag_ms) if one.oldest_ms is not None else "",
            str(one.accepted),
            str(one.aside),
            moment(one.accepted_ms) if one.accepted_ms is not None else "never",
        )
        for one in lines
    ]
    header = ("TARGET", "KIND", "", "WAITING", "QUEUED THERE", "FOR LATER", "OLDEST", "ACCEPTED", "ASIDE", "LAST TAKEN")
    notes = [note for one in lines for note in _notes(one, now_ms)]
    return "\n".join([table(header, rows), *([""] * bool(notes)), *notes])


def aside_text(lines: Sequence[AsideLine]) -> str:
    """What was set aside."""
    if not lines:
        return "Nothing is set aside."
    rows = [
        (
            one.target,
            one.id[:8],
            moment(one.at_ms),
            f"{one.scheme}:{one.number}" if one.number is not None else "",
            one.field or "",
            clean(one.words),
        )
        for one in lines
    ]
    text = table(("TARGET", "ID", "HAPPENED", "CARD", "FIELD", "WHAT THE RECEIVER SAID"), rows)
    return f"{text}\n\nOnce more: hub central retry TARGET ID.  Never: hub central give-up TARGET ID --reason TEXT"


def alarms_text(found: Sequence[AlarmLine]) -> str:
    """What is wrong now."""
    if not found:
        return "Nothing is wrong with the deliveries."
    rows = [(moment(one.since_ms), one.name, one.subject, clean(one.words)) for one in found]
    return table(("SINCE", "ALARM", "TARGET", ""), rows)


def duration(ms: int) -> str:
    """Such as `3 s`, `12 min`, `5 h`, `3 d`."""
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("min", 60_000)):
        if ms >= 2 * size:
            return f"{ms // size} {unit}"
    return f"{ms // 1000} s"


def _notes(one: TargetLine, now_ms: int) -> list[str]:
    found = []
    if one.state == "stopped":
        found.append(f"{one.name}: {clean(one.words)}; when that is mended: hub central retry {one.name}")
    elif one.state == "waiting":
        again = f"; tried again in {duration(max(0, (one.next_try_ms or 0) - now_ms))}"
        found.append(f"{one.name}: failed {one.failures} times in a row: {clean(one.words)}{again}")
    if one.aside:
        found.append(f"{one.name}: {one.aside} set aside; see: hub central aside {one.name}")
    if one.remark:
        found.append(f"{one.name}: {one.remark}")
    if one.look is not None and one.look.missing:
        found.append(f"{one.name}: {moment(one.look.at_ms)} {one.look.missing} were missing and have been queued")
    return found
