"""Who may enter and why, as text for a terminal. Pure, but for the local time zone in which times are shown."""

from collections.abc import Sequence
from dataclasses import asdict

from hub.explanation import Changed, Waiting, Why
from hub.records import AuditEntry, Block, HeardBlock, KeptList
from hub.register_tables import word_text
from hub.tables import clean, events_text, moment, table


def lists_text(found: Sequence[KeptList]) -> str:
    """The lists that were taken in."""
    if not found:
        return "No crew list was ever taken in: hub crew import FILE"
    rows = [
        (
            str(one.id),
            moment(one.taken_ms),
            one.name,
            str(one.people),
            one.change,
            str(one.revision),
            one.taken_by,
            "" if one.kept else "its rows are no longer kept",
        )
        for one in found
    ]
    return table(("LIST", "TAKEN", "NAME", "CARDS", "CHANGE", "REVISION", "BY", ""), rows)


def blocks_text(found: Sequence[Block], heard: Sequence[HeardBlock] = ()) -> str:
    """The blocked cards: ours, then those of other sites, whether they count here or not."""
    if not found and not heard:
        return "No card is blocked at this hub."
    rows = [
        (
            f"{one.scheme}:{one.number}",
            moment(one.blocked_ms),
            one.blocked_by,
            "all sites" if one.all_sites else "",
            clean(one.reason),
        )
        for one in found
    ] + [
        (
            f"{one.scheme}:{one.number}",
            moment(one.at_ms),
            clean(f"{one.said_by} at {one.origin}"),
            _counting(one),
            clean(one.reason),
        )
        for one in sorted(heard, key=lambda one: -one.at_ms)
    ]
    text = table(("CARD", "SINCE", "BY", "FOR", "REASON"), rows)
    held = sorted({one.origin for one in heard if one.held and one.overruled_ms is None})
    notes = [f"hub accept-blocks {origin} lets those count that wait; hub overrule-blocks {origin} does not."
             for origin in held]  # fmt: skip
    return "\n".join([text, *([""] if notes else []), *notes])


def block_line(one: Block) -> dict[str, object]:
    """A block that counts, for JSON."""
    return asdict(one) | {"counts": True}


def heard_line(one: HeardBlock) -> dict[str, object]:
    """A block of another site under the same names, and what became of it here."""
    same = Block(one.scheme, one.number, one.reason, one.said_by, one.at_ms, all_sites=True, origin=one.origin)
    here = ("heard_ms", "held", "accepted_by", "overruled_ms", "overruled_by", "overruled_because")
    return asdict(same) | {"counts": one.counts} | {name: getattr(one, name) for name in here}


def _counting(one: HeardBlock) -> str:
    if one.overruled_ms is not None:
        return f"overruled {moment(one.overruled_ms)} by {one.overruled_by}: {clean(one.overruled_because or '')}"
    if one.held:
        return "WAITS: many at once"
    return f"all sites, accepted by {one.accepted_by}" if one.accepted_by else "all sites"


def audit_text(found: Sequence[AuditEntry]) -> str:
    """Who decided what."""
    if not found:
        return "Nobody has decided anything at this hub."
    rows = [(moment(one.at_ms), one.action, one.card or "", one.who, one.detail) for one in found]
    return table(("DECIDED", "WHAT", "CARD", "BY", ""), rows)


def waiting_text(found: Sequence[Waiting]) -> str:
    """Cards that wait for somebody to decide."""
    if not found:
        return "No card waits."
    rows = [
        (
            one.card,
            moment(one.last_ms),
            one.gate,
            str(one.times),
            one.reason,
            one.name or "",
            one.register or "",
            f"turned away {moment(one.turned_away_ms)}" if one.turned_away_ms else "",
        )
        for one in found
    ]
    header = ("CARD", "LAST", "GATE", "TIMES", "TOLD", "NAME", "REGISTER", "")
    advice = "hub approve CARD --company NUMBER --until DATE lets one in; hub turn-away CARD does not."
    return f"{table(header, rows)}\n\n{advice}"


def why_text(found: Why) -> str:
    """What the answer to one card rests on."""
    who = ", ".join(filter(None, (found.name, found.employer, found.organisation_number)))
    lines = [f"{found.card}{f' ({who})' if who else ''}: {_answer(found)}"]
    for block in found.blocks:
        every = ", for all sites" if block.all_sites else ""
        by = f"{block.blocked_by} at {block.origin}" if block.origin else block.blocked_by
        lines.append(clean(f"Blocked {moment(block.blocked_ms)} by {by}{every}: {block.reason}"))
    lines += [
        clean(
            f"Blocked {moment(one.at_ms)} by {one.said_by} at {one.origin}, which does not count here: {_counting(one)}"
        )
        for one in found.passed_over
    ]
    if found.pending:
        lines.append(f"The settings ask for {found.pending}: hub rules apply gives it to the gates.")
    if found.requirements:
        rows = [
            (one.requirement, one.action, _met(one.action, met=one.met), one.value, one.source)
            for one in found.requirements
        ]
        lines += ["", table(("REQUIREMENT", "IF NOT", "", "KNOWN", "FROM"), rows)]
    dates = [
        f"{name} {value}"
        for name, value in (
            ("from", found.valid_from),
            ("until", found.valid_until),
            ("card expires", found.card_expiry),
        )
        if value
    ]
    if dates:
        lines += ["", f"Permit: {', '.join(dates)}."]
    if found.other_cards:
        lines += ["", f"The same person also holds {', '.join(found.other_cards)}."]
    if found.register:
        lines += ["", word_text(found.register)]
    if found.audit:
        lines += ["", audit_text(found.audit)]
    badges = events_text(found.events) if found.events else "It was never shown at a gate, as far as this hub knows."
    return "\n".join([*lines, "", badges])


def replay_text(found: Sequence[Changed], days: float) -> str:
    """Whom other requirements would have met otherwise."""
    span = f"{days:g} day{'s' * (days != 1)}"
    if not found:
        return f"Nobody who badged in the last {span} would have met another answer."
    rows = [
        (
            one.name or "",
            one.card,
            one.organisation_number or "",
            one.before,
            one.after,
            str(one.badges),
            moment(one.last_ms),
            one.gate,
        )
        for one in found
    ]
    out = sum(1 for one in found if one.before == "granted")
    text = table(("NAME", "CARD", "COMPANY", "NOW", "THEN", "BADGES", "LAST", "GATE"), rows)
    return f"{text}\n\nIn the last {span}: {out} would have been refused, {len(found) - out} let in."


def _answer(found: Why) -> str:
    if found.answer == "no_list":
        return "no crew list was ever taken in here, so no gate knows anybody"
    said = "let in" if found.answer == "granted" else f"refused, {found.answer}"
    return f"{said} today, by revision {found.revision}"


def _met(action: str, *, met: bool) -> str:
    return (
        "ok" if met else "not asked for" if action == "off" else "MISSING" if action == "refuse" else "missing, let in"
    )
