"""Read models as aligned text for a terminal. Pure, but for the local time zone in which times are shown."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise

from gate.zones import SITE
from hub.muster import FIRE, TOLD_TOGETHER_MS, Outcome
from hub.presence import OFFICE, Sure
from hub.purging import PurgeRecord, ShownRecord
from hub.queries import EventLine, GateLine, JournalLine, RosterEntry, SiteGates, SuspicionLine
from hub.retention import Gone, What
from hub.roll_call import CalledPassage, CalledPerson, RollCall
from hub.verify import GateProof, History, JournalProof, Proof

_CERTAIN = {
    "certain": "",
    "clock_untrusted": "clock of the gate was not set",
    "clock_corrected": "clock of the gate was set later",
    "manual": "checked in by hand",
    "reported": "reported by another system",
}
_SURE = {
    Sure.CONFIRMED: "seen by a gate",
    Sure.ASSUMED: "seen by a gate whose clock was not set",
    Sure.CLOSED_BY_RULE: "check-out forgotten, closed by rule",
    Sure.MANUAL: "by hand",
    Sure.REPORTED: "reported by another system",
}
_OUTCOMES = {
    Outcome.MISSING: "LOOK FOR",
    Outcome.MAY_BE_INSIDE: "MAY BE INSIDE",
    Outcome.CAME_IN: "WENT IN SINCE",
    Outcome.WENT_OUT: "went out since",
    Outcome.LEFT_BEFORE: "had left before",
    Outcome.SEEN_OUTSIDE: "seen outside",
}


def roster_text(entries: Sequence[RosterEntry], zone: str = SITE) -> str:
    """Who is in a zone."""
    where = "inside" if zone == SITE else f"in {clean(zone)}"
    if not entries:
        return f"Nobody is {where}, as far as this hub has been told."
    rows = [
        (
            entry.name or "(not on any crew list)",
            entry.employer or entry.organisation_number or "",
            _card(entry.scheme, entry.number),
            moment(entry.since_ms),
            "/".join(filter(None, (_gate(entry.gate), entry.lane))),
            entry.zone.removeprefix(SITE).removeprefix("/"),
            "; ".join(filter(None, (_CERTAIN.get(entry.certainty, entry.certainty), _off_list(entry)))),
        )
        for entry in entries
    ]
    people = "1 person is" if len(rows) == 1 else f"{len(rows)} people are"
    return f"{table(('NAME', 'EMPLOYER', 'CARD', 'SINCE', 'GATE', 'ZONE', 'NOTE'), rows)}\n\n{people} {where}."


def sure_text(sure: Sure) -> str:
    """How sure it is, in words."""
    return _SURE[sure]


def muster_text(call: RollCall | None) -> str:
    """The roll call of an evacuation, those to look for first."""
    if call is None:
        return "There has been no evacuation, as far as the gates have told this hub."
    cause = "fire" if call.cause == FIRE else "evacuation"
    head = [f"Muster: {cause} told by gate {call.gate}, began {moment(call.began_ms)}"]
    if call.noticed_ms - call.began_ms > TOLD_TOGETHER_MS:
        head.append(f"The gate told of it late: {moment(call.noticed_ms)}.")
    if not call.running:
        by = f"by {clean(call.closed_by)} " if call.closed_by else "as over, when it was told of, "
        head.append(f"Closed {by}{moment(call.closed_ms or 0)}.")
    rows = [
        (
            _OUTCOMES[Outcome(one.outcome)],
            one.name or "(not on any crew list)",
            one.employer or "",
            _card(one.scheme, one.number),
            moment(one.since_ms) if one.since_ms is not None else "",
            "/".join(filter(None, (one.gate, one.lane))),
            one.zone.removeprefix(SITE).removeprefix("/"),
            _called_note(one),
        )
        for one in call.people
    ]
    header = ("", "NAME", "EMPLOYER", "CARD", "SINCE", "GATE", "ZONE", "NOTE")
    body = table(header, rows) if rows else "Nobody was inside, as far as is known."
    counted = (
        f"As known then {call.then}, as known now {call.now} inside or maybe inside; to look for: {call.unaccounted}."
    )
    warned = "It holds whom gates, office and other systems have seen: visitors through an open gate are not on it."
    return "\n".join([*head, "", body, "", counted, warned])


def _called_note(one: CalledPerson) -> str:
    notes = []
    if one.out_ms is not None:
        why = "by clocks that were not set" if one.sure == Sure.ASSUMED else _SURE[Sure.CLOSED_BY_RULE]
        notes.append(f"{why}, out {moment(one.out_ms)}")
    elif one.sure == Sure.ASSUMED:
        notes.append(_SURE[Sure.ASSUMED])
    elif one.sure == Sure.MANUAL:
        notes.append("checked in by hand")
    elif one.sure == Sure.REPORTED:
        notes.append(_SURE[Sure.REPORTED])
    if one.known_now and not one.known_then:
        notes.append("known only since")
    if one.not_on_list:
        notes.append("not on the list: nobody saw them go in")
    if one.left_before_ms is not None:
        notes.append(f"left {moment(one.left_before_ms)}, told later")
    # Being seen outside is written down as leaving, too.
    notes += [_after(one_more) for one_more in one.passages if one_more.time_ms != one.seen_ms]
    if one.seen_ms is not None:
        notes.append(f"{moment(one.seen_ms)} by {one.seen_by}")
    return "; ".join(notes)


def _after(passage: CalledPassage) -> str:
    way = "in" if passage.zone else "out"
    return f"{way} {moment(passage.time_ms)} {passage.gate or 'by hand'}"


def _gate(name: str) -> str:
    return "" if name == OFFICE else name


def gone_text(gone: Mapping[What, Gone]) -> str:
    """What goes, by what it is of."""
    if not gone:
        return "Nothing is to be deleted."
    rows = [
        (str(what), str(one.total), _counts(one.counts), *_range(one.oldest_ms, one.newest_ms))
        for what, one in gone.items()
    ]
    return table(("OF", "GONE", "", "FROM", "TO"), rows)


def purges_text(records: Sequence[ShownRecord]) -> str:
    """What was deleted, newest last."""
    if not records:
        return "Nothing was ever deleted."
    rows = [
        (str(one.number), *_record(one.record), "signed" if one.sound else f"NOT SOUND: {_UNSOUND}") for one in records
    ]
    return table(("NR", "WHEN", "OF", "GONE", "FROM", "TO", "RULE", "RECORD"), rows)


_UNSOUND = "another key, or somebody has changed or removed a record"


def _record(record: PurgeRecord | None) -> tuple[str, ...]:
    if record is None:
        return ("",) * 6
    times = _range(record.oldest_ms, record.newest_ms)
    return (moment(record.at_ms), str(record.what), _counts(record.gone), *times, record.rule)


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {name}" for name, number in counts.items())


def _range(oldest_ms: int | None, newest_ms: int | None) -> tuple[str, str]:
    return ("" if oldest_ms is None else moment(oldest_ms), "" if newest_ms is None else moment(newest_ms))


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
                    _reader(name, state, gate.reader_reads_ms.get(name, 0), gate.muster_readers.get(name))
                    for name, state in sorted(gate.readers.items())
                ),
            )
        )
        notes += [f"{gate.gate}: {note}" for note in gate_notes(gate, site.revision)]
    text = table(("GATE", "STATE", "LAST WORD", "LIST", "JOURNAL made/stored/gaps", "READERS"), rows)
    return "\n".join([text, "", f"The current list is revision {site.revision}.", *notes])


def proof_text(proof: Proof) -> str:
    """Whether every gate's journal is whole, and where it is not."""
    if not proof.gates:
        return "No gate has sent anything to this hub yet."
    rows, notes = [], list[str]()
    for gate in proof.gates:
        notes += [f"{gate.gate}: {note}" for note in _replaced(gate)]
        for journal in gate.journals:
            numbers = (journal.made, journal.stored, journal.waiting, journal.lost, journal.twice)
            state = "in order" if journal.first_broken is None and journal.history is History.ONE else "NOT IN ORDER"
            rows.append((gate.gate, journal.epoch, *map(str, numbers), state))
            notes += [f"{gate.gate}: {note}" for note in _broken(journal)]
    text = table(("GATE", "JOURNAL", "MADE", "STORED", "WAITING", "LOST", "TWICE", ""), rows)
    if proof.sound:
        verdict = f"All {proof.records} records are as the gates made them."
        if proof.purged:
            verdict += f" Of {proof.purged}, whose contents were deleted on time, the links are: see hub purges."
    elif first := proof.first_broken:
        verdict = f"The first broken link: gate {first.gate}, journal {first.epoch}, record {first.seq}: {first.what}."
    else:
        verdict = "A journal has shown two histories."
    return "\n".join([text, "", *notes, verdict])


def _replaced(gate: GateProof) -> list[str]:
    """The disk, or the journal on it, is another one than before."""
    pairs = pairwise(gate.journals)
    notes = [f"journal {old.epoch} was replaced by {new.epoch} at {moment(new.since_ms)}" for old, new in pairs]
    notes += [f"journal {epoch} went on after it was replaced; are two disks used by turns?" for epoch in gate.by_turns]
    return notes


def _broken(journal: JournalProof) -> list[str]:
    notes = []
    if (first := journal.first_broken) and journal.broken:
        more = f" ({journal.broken - 1} more)" if journal.broken > 1 else ""
        notes.append(f"journal {journal.epoch}, record {first.seq}: {first.what}{more}")
    if fork := journal.fork:
        since = f"since {moment(fork.first_ms)}, from record {fork.seq} on"
        if journal.history is History.FORKED:
            why = "two controllers write it, each its own records: was a disk cloned? Move journal.db aside on one"
        else:
            why = "its records are written anew: was an older image put back? Stop the gate, move journal.db aside"
        notes.append(f"journal {journal.epoch} has two histories {since}; {why}")
    return notes


def _reader(name: str, state: str, read_ms: int, point: str | None) -> str:
    """How a reader is, and since when it has read nothing: one that is well all morning and reads nothing is not."""
    where = f"{name} (muster point {clean(point)})" if point else name
    return f"{where} {state}, read {moment(read_ms)}" if read_ms else f"{where} {state}"


def gate_notes(gate: GateLine, revision: int) -> list[str]:
    """What somebody should look into."""
    notes = [f"alarm: {alarm}" for alarm in gate.alarms]
    if gate.conflicts:
        notes.append("two controllers use this name; give one of them another `gate` setting")
    if gate.chain_breaks:
        notes.append(f"{gate.chain_breaks} breaks in the journal's hash chain; was a disk copied or edited?")
    if any(journal.forked_ms for journal in gate.journals):
        notes.append("a journal of it has two histories: was a disk put back or cloned? See `hub verify`")
    if gate.list_revision is not None and gate.list_revision > revision:
        notes.append(
            "holds a newer list than this hub: was its disk lost, or an old backup restored? Import the crew list again"
        )
    if gate.clock_trusted is False and gate.online:
        counts = "; until it is, cards at its muster readers account for nobody" if gate.muster_readers else ""
        notes.append(f"its clock has not been set; check its time source{counts}")
    return notes


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as their widest cell; empty columns are left out."""
    used = [place for place in range(len(header)) if any(row[place] for row in rows)]
    lines = [[header[place] for place in used], *([clean(row[place]) for place in used] for row in rows)]
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


def clean(cell: str) -> str:
    """Peer text can hold control characters, which would move the terminal's cursor."""
    return "".join(sign if sign.isprintable() else "�" for sign in cell)
