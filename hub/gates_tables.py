"""Lists at the gates and commands to them, as aligned text for a terminal. Pure, but for the local time zone."""

from collections.abc import Sequence

from hub.asking import CommandLine
from hub.comparison import Comparison, GateList, Standing
from hub.tables import clean, moment, table


def outcome_text(line: CommandLine) -> str:
    """What came of one command."""
    where = f"{clean(line.gate)}/{clean(line.lane)}" if line.lane else clean(line.gate)
    if line.outcome == "done":
        took_s = ((line.answered_ms or line.issued_ms) - line.issued_ms) / 1000
        return f"{where}: {line.action}, done after {took_s:.1f} s"
    if line.outcome == "refused":
        return f"{where}: {line.action} was refused: {clean(line.what)}"
    return (
        f"{where}: {line.action}: no answer; the command is no longer valid. Is the hub running, is the gate on line? "
        "If the gate did carry it out, `hub commands` shows it when it is back"
    )


def commands_text(found: Sequence[CommandLine]) -> str:
    """What was asked of the gates, newest first."""
    if not found:
        return "No command was ever given to a gate here."
    rows = [
        (
            moment(one.issued_ms),
            "/".join(filter(None, (one.gate, one.lane))),
            " ".join(filter(None, (one.action, one.direction))),
            one.by,
            one.why,
            one.outcome,
            one.what,
        )
        for one in found
    ]
    return table(("WHEN", "GATE", "COMMAND", "BY", "REASON", "OUTCOME", "WHAT"), rows)


def comparison_text(found: Comparison) -> str:
    """What each gate knows of the list."""
    if not found.revision:
        return "No list was ever made here; `hub crew import FILE` makes the first."
    made = f", made {moment(found.made_ms)}" if found.made_ms else ""
    head = f"Revision {found.revision}: {found.count} permits, digest {found.digest[:12]}…{made}."
    if not found.gates:
        return f"{head}\nNo gate has spoken to this hub yet."
    rows = [
        (
            one.gate,
            "online" if one.online else "offline",
            moment(one.seen_ms),
            str(one.revision or ""),
            f"{one.digest[:12]}…" if one.digest else "",
            moment(one.confirmed_ms) if one.confirmed_ms else "",
            "?" if one.pending is None else str(one.pending),
            _STANDINGS[one.standing],
        )
        for one in found.gates
    ]
    header = ("GATE", "STATE", "LAST WORD", "LIST", "DIGEST", "CONFIRMED", "PENDING", "")
    pending = [f"{one.gate} does not know yet: {_named(one)}" for one in found.gates if one.cards]
    return "\n".join([head, _reach(found), "", table(header, rows), *pending])


_STANDINGS = {
    Standing.EQUAL: "equal, proven",
    Standing.BEHIND: "behind",
    Standing.ASTRAY: "another list than this hub made; was the hub's disk restored? Import the crew list again",
    Standing.NO_LIST: "has no list; is its verify_key this hub's?",
    Standing.UNPROVEN: "the same revision; an old gate that proves nothing",
}


def _reach(found: Comparison) -> str:
    if found.at_gates_ms is None or found.made_ms is None:
        return "Not yet at every gate on line."
    return f"At every gate on line after {(found.at_gates_ms - found.made_ms) / 1000:.1f} s."


def _named(one: GateList) -> str:
    named = ", ".join(one.cards or ())
    more = (one.pending or 0) - len(one.cards or ())
    return f"{named} and {more} more" if more else named
