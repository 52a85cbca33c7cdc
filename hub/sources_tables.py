"""Other systems at the site, and confirmations, as aligned text for a terminal. Pure, but for the local time zone."""

from collections.abc import Sequence

import msgspec

from hub.config import BLOCKS
from hub.sources import ConfirmationLine, SourceLine, SourcePage
from hub.tables import clean, moment, table


def sources_text(page: SourcePage) -> str:
    """How each source is, and what a person has to mend."""
    if not page.sources:
        return "\n".join(["No other system tells this hub who is here: [[sources]] in the settings.", *page.warnings])
    rows = [
        (
            one.name,
            one.kind or "(no longer in the settings)",
            _state(one),
            moment(one.succeeded_ms) if one.succeeded_ms is not None else "never",
            _age(one.age_ms),
            str(one.kept),
            _shortened(_up_to(one)),
        )
        for one in page.sources
    ]
    notes = [f"{one.name}: {note}" for one in page.sources for note in _notes(one)]
    warned = [f"warning: {clean(one)}" for one in page.warnings]
    text = table(("SOURCE", "KIND", "STATE", "LAST READ", "AGE", "KEPT", "READ UP TO"), rows)
    return "\n".join([text, *([""] if notes or warned else []), *notes, *warned])


def confirmations_text(found: Sequence[ConfirmationLine], group: str | None) -> str:
    """Who has confirmed when, those whose word is missing first."""
    if group is None:
        return "Nobody has to confirm: set [confirmations] group to a group of the crew list."
    if not found:
        return f"Nobody of the group {group} is inside."
    rows = [
        (
            "MISSING" if one.missing else "",
            one.name or "(unknown)",
            one.employer or "",
            f"{one.scheme}:{one.number}",
            moment(one.since_ms),
            moment(one.confirmed_ms) if one.confirmed_ms is not None else "never",
            moment(one.due_ms),
        )
        for one in found
    ]
    missing = sum(one.missing for one in found)
    body = table(("", "NAME", "EMPLOYER", "CARD", "INSIDE SINCE", "CONFIRMED", "NEXT DUE"), rows)
    return f"{body}\n\n{len(found)} of the group {group} are inside; missing: {missing}."


def _state(one: SourceLine) -> str:
    if one.wrong is not None:
        return "FAILS"
    if one.late:
        return "LATE" if one.succeeded_ms is not None else "never read"
    return "well"


def _notes(one: SourceLine) -> list[str]:
    notes = []
    if one.wrong is not None:
        since = f" (since {moment(one.wrong_since_ms)})" if one.wrong_since_ms is not None else ""
        notes.append(f"{clean(one.wrong)}{since}")
    if one.unknown_cards:
        notes.append(f"{one.unknown_cards} cards that no crew list names; put them on it, or ask who they are")
    if one.without_card:
        notes.append(f"{one.without_card} registrations without a card number; it belongs into the profile there")
    if one.set_aside:
        notes.append(f"{one.set_aside} could not be used; the latest:")
        notes += [f"  {clean(why)}" for why in one.aside]
    return notes


def _age(age_ms: int | None) -> str:
    if age_ms is None:
        return ""
    seconds = max(0, age_ms) // 1000
    if seconds < 120:
        return f"{seconds} s"
    return f"{seconds // 60} min" if seconds < 7200 else f"{seconds // 3600} h"


def _up_to(one: SourceLine) -> str:
    """How far it was read: of other hubs each one's newest list, of others their own words."""
    if one.kind != BLOCKS:
        return one.cursor
    try:
        heard = msgspec.json.decode(one.cursor or "{}", type=dict[str, int])
    except msgspec.DecodeError:
        return one.cursor
    return ", ".join(f"{site} {moment(made_ms)}" for site, made_ms in heard.items())


def _shortened(cursor: str) -> str:
    return cursor if len(cursor) <= 40 else f"{cursor[:39]}…"
