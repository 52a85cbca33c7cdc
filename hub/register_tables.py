"""What registers say, as text for a terminal. Pure, but for the local time zone in which times are shown."""

from collections.abc import Sequence

from hub.register_queries import CardRegisterState, CompanyLine, RegisterWord
from hub.tables import clean, moment, table

_DAY_MS = 86_400_000


def cards_text(found: CardRegisterState) -> str:
    """How the register of cards is, and which cards it does not call valid."""
    if not found.on:
        return "No register of cards is asked: [card_register] base_url is empty. See docs/registers.md"
    so_far = found.cards
    lines = [f"{so_far.answered} of {so_far.listed} cards on the list have an answer{_oldest(found)}."]
    if so_far.by_status:
        lines.append(", ".join(f"{status} {number}" for status, number in so_far.by_status.items()) + ".")
    if found.sweep_left:
        lines.append(f"A sweep runs: {found.sweep_left} cards are left.")
    elif found.sweep_ended_ms:
        lines.append(f"The last sweep ended {moment(found.sweep_ended_ms)}; the next begins at {found.sweep_at}.")
    if found.objection:
        lines.append(f"ALARM: {found.objection}. The gates go on with what is known.")
    elif found.failing_since_ms:
        lines.append(f"No answer since {moment(found.failing_since_ms)}: {found.words}. It is tried again.")
    if so_far.held:
        lines.append(
            f"HELD BACK: {so_far.held} answers 'not valid' at once, more than may_invalidate allows. The gates let "
            "these cards in as before. If the register is right: hub cards sweep --force"
        )
    if not found.objections:
        return "\n".join(lines)
    rows = [
        (
            one.card,
            one.status or "",
            clean(one.words),
            age(one.age_ms),
            "held back" if one.held else "",
            one.failure or "",
        )
        for one in found.objections
    ]
    return "\n".join([*lines, "", table(("CARD", "STATUS", "THE REGISTER'S WORD", "AGE", "", "LAST FAILURE"), rows)])


def word_text(word: RegisterWord) -> str:
    """What the register says of one card, in a sentence."""
    if word.status is None:
        return f"Card register: no answer yet, {clean(word.failure or '')}"
    also = ", ".join(
        filter(
            None,
            (
                f"employer {word.employer}" if word.employer else "",
                f"expires {word.expiry}" if word.expiry else "",
                "held back, hub cards status tells why" if word.held else "",
                "" if word.held or word.counts_day else "changes nothing at the gates",
                f"asked in vain {age(word.asked_age_ms)} ago: {clean(word.failure)}" if word.failure else "",
            ),
        )
    )
    said = f"Card register: {word.status} ({clean(word.words)}), {age(word.age_ms)} old"
    return f"{said}, {also}." if also else f"{said}."


def companies_text(found: Sequence[CompanyLine], objection: str | None = None) -> str:
    """Every company of the lists; `objection` is what is wrong with their register."""
    if not found:
        return "No list has named a company yet: hub crew import FILE"
    rows = [
        (
            one.organisation_number, one.name or "", one.form or "", _status(one), _vat(one), one.main_unit or "",
            _level(one), _dated(one.startbank, one.startbank_as_of), _attestation(one), str(one.cards),
        )
        for one in found
    ]  # fmt: skip
    header = (
        "NUMBER",
        "NAME",
        "FORM",
        "REGISTER",
        "VAT",
        "MAIN UNIT",
        "LEVEL",
        "STARTBANK",
        "ATTESTATION",
        "CARDS",
    )
    alarm = f"\n\nALARM: the register: {objection}. What it has said before stays." if objection else ""
    return f"{table(header, rows)}{alarm}"


def age(ms: int | None) -> str:
    """So many minutes, hours or days."""
    if ms is None:
        return ""
    minutes = max(0, ms) // 60_000
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // 1440} days"


def _oldest(found: CardRegisterState) -> str:
    if found.cards.oldest_ms is None or found.cards.newest_ms is None:
        return ""
    oldest, newest = (found.now_ms - at_ms for at_ms in (found.cards.oldest_ms, found.cards.newest_ms))
    return f", the oldest {age(oldest)}, the newest {age(newest)} old"


def _status(one: CompanyLine) -> str:
    if one.answered_ms is None:
        said = f"{one.listed_status} (by the list)" if one.listed_status else "not asked"
        return f"{said}; {clean(one.failure)}" if one.failure else said
    words = f" ({clean(one.words)})" if one.words else ""
    return f"{one.status}{words}, {age(one.age_ms)} old" + (f"; {clean(one.failure)}" if one.failure else "")


def _vat(one: CompanyLine) -> str:
    return "" if one.vat is None else "yes" if one.vat else "no"


def _level(one: CompanyLine) -> str:
    if one.level is None:
        return "a loop"
    return f"{one.level}, more than {one.level_limit}" if one.level > one.level_limit else str(one.level)


def _dated(value: bool | None, day: str | None) -> str:  # noqa: FBT001  # a fact, not a switch
    said = "" if value is None else "yes" if value else "no"
    return f"{said}, {day}" if said and day else said or (day or "")


def _attestation(one: CompanyLine) -> str:
    if one.tax_attestation is None:
        return ""
    return f"{one.tax_attestation}, too old" if one.attestation_old else one.tax_attestation
