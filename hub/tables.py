"""Read models as aligned text for a terminal. Pure, but for the local time zone in which times are shown."""

from collections.abc import Sequence
from datetime import UTC, datetime

from gate.zones import SITE
from hub.asking import CommandLine
from hub.comparison import Comparison, GateList, Standing
from hub.queries import EventLine, GateLine, JournalLine, RosterEntry, SiteGates, SuspicionLine

_CERTAIN = {"certain": "", "clock_untrusted": "clock of the gate was not set"}


def roster_text(entries: Sequence[RosterEntry], zone: str = SITE) -> str:
    """Who is in a zone."""
    where = "inside" if zone == SITE else f"in {_clean(zone)}"
    if not entries:
        return f"Nobody is {where}, as far as the gates have told this hub."
    rows = [
        (
            entry.name or "(not on any crew list)",
            entry.employer or entry.organisation_number or "",
            _card(entry.scheme, entry.number),
            moment(entry.since_ms),
            "/".join(filter(None, (entry.gate, entry.lane))),
            entry.zone.removeprefix(SITE).removeprefix("/"),
            "; ".join(filter(None, (_CERTAIN.get(entry.certainty, entry.certainty), _off_list(entry)))),
        )
        for entry in entries
    ]
    people = "1 person is" if len(rows) == 1 else f"{len(rows)} people are"
    return f"{table(('NAME', 'EMPLOYER', 'CARD', 'SINCE', 'GATE', 'ZONE', 'NOTE'), rows)}\n\n{people} {where}."


_SIGNS = {
    "another_chip": "the number came from another chip",
    "too_fast": "sooner than anybody walks",
}


def suspicions_text(found: Sequence[SuspicionLine]) -> str:
    """Cards that may exist twice."""
    if not found:
        return "No card is suspected to exist twice."
    rows = [
        (
            moment(one.time_ms),
            _card(*one.card.split(":", 1)),
            one.gate,
            one.other_gate,
            f"{(one.time_ms - one.other_time_ms) / 1000:.0f} s",
            _SIGNS.get(one.sign, one.sign),
        )
        for one in found
    ]
    return table(("WHEN", "CARD", "GATE", "BEFORE AT", "APART", "WHY"), rows)


def events_text(events: Sequence[EventLine]) -> str:
    """What happened, newest first."""
    if not events:
        return "No events: no gate has sent any that fit. `hub gates` shows which gates have spoken."
    rows = [
        (
            moment(event.time_ms) if event.time_ms is not None else "(unreadable)",
            "/".join(filter(None, (event.gate, event.lane))),
            str(event.seq),
            event.kind,
            event.direction or "",
            _card(event.scheme, event.number),
            event.reason or "",
        )
        for event in events
    ]
    return table(("TIME", "GATE", "SEQ", "EVENT", "WAY", "CARD", "REASON"), rows)


def gates_text(site: SiteGates) -> str:
    """How the gates are."""
    if not site.gates:
        return "No gate has spoken to this hub yet. Give each gate this site's name, broker and `hub key`."
    rows = []
    notes = []
    for gate in site.gates:
        journal = gate.journals[-1] if gate.journals else None
        rows.append(
            (
                gate.gate,
                "online" if gate.online else "offline" if gate.seen_ms else "no status",
                moment(gate.seen_ms) if gate.seen_ms else "never",
                _revision(gate.list_revision, site.revision),
                _journal(journal),
                "; ".join(
                    _reader(name, state, gate.reader_reads_ms.get(name, 0))
                    for name, state in sorted(gate.readers.items())
                ),
            )
        )
        notes += [f"{gate.gate}: {note}" for note in gate_notes(gate, site.revision)]
    text = table(("GATE", "STATE", "LAST WORD", "LIST", "JOURNAL made/stored/gaps", "READERS"), rows)
    return "\n".join([text, "", f"The current list is revision {site.revision}.", *notes])


def outcome_text(line: CommandLine) -> str:
    """What came of one command."""
    where = f"{_clean(line.gate)}/{_clean(line.lane)}" if line.lane else _clean(line.gate)
    if line.outcome == "done":
        took_s = ((line.answered_ms or line.issued_ms) - line.issued_ms) / 1000
        return f"{where}: {line.action}, done after {took_s:.1f} s"
    if line.outcome == "refused":
        return f"{where}: {line.action} was refused: {_clean(line.what)}"
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


def _reader(name: str, state: str, read_ms: int) -> str:
    """How a reader is, and since when it has read nothing: one that is well all morning and reads nothing is not."""
    return f"{name} {state}, read {moment(read_ms)}" if read_ms else f"{name} {state}"


def gate_notes(gate: GateLine, revision: int) -> list[str]:
    """What somebody should look into."""
    notes = [f"alarm: {alarm}" for alarm in gate.alarms]
    if gate.conflicts:
        notes.append("two controllers use this name; give one of them another `gate` setting")
    if gate.chain_breaks:
        notes.append(f"{gate.chain_breaks} breaks in the journal's hash chain; was a disk copied or edited?")
    if gate.list_revision is not None and gate.list_revision > revision:
        notes.append(
            "holds a newer list than this hub: was its disk lost, or an old backup restored? Import the crew list again"
        )
    if gate.clock_trusted is False and gate.online:
        notes.append("its clock has not been set; check its time source")
    return notes


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as their widest cell; empty columns are left out."""
    used = [place for place in range(len(header)) if any(row[place] for row in rows)]
    lines = [[header[place] for place in used], *([_clean(row[place]) for place in used] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def moment(time_ms: int) -> str:
    """A time in the zone of this machine."""
    return datetime.fromtimestamp(time_ms / 1000, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _card(scheme: str | None, number: str | None) -> str:
    return f"{scheme}:{number}" if scheme and number else ""


def _off_list(entry: RosterEntry) -> str:
    return "" if entry.listed or not entry.name else "no longer on the crew list"


def _revision(held: int | None, current: int) -> str:
    if held is None:
        return "?"
    return str(held) if held == current else f"{held} (not {current})"


def _journal(journal: JournalLine | None) -> str:
    if journal is None:
        return ""
    made = "?" if journal.made is None else str(journal.made)
    return f"{made}/{journal.stored}/{journal.missing}"


def _clean(cell: str) -> str:
    """Peer text can hold control characters, which would move the terminal's cursor."""
    return "".join(sign if sign.isprintable() else "�" for sign in cell)
