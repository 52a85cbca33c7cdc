"""What somebody at the site office decides about one card: block, unblock, approve, turn away; each with its row in
the audit, and with the permits that follow, in one transaction."""

import re
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Protocol

from hub.crew import fields
from hub.crew.fields import BadCell
from hub.crew.rows import SCHEME, SITE_SCHEME
from hub.errors import CrewListError
from hub.permits import PermitList, Requirements, answer
from hub.presence import CardKey
from hub.records import AuditEntry, Block, CrewMember

_SCHEME = re.compile(r"[a-z0-9][a-z0-9-]{0,15}")


@dataclass(frozen=True, slots=True)
class Decider:
    """Who decides, when, and under which requirements."""

    by: str
    now_ms: int
    requirements: Requirements


@dataclass(frozen=True, slots=True)
class Decided:
    """What followed. `answer` is what a gate says to the card today. `published` false: the gates do not hear of it
    before the next crew list."""

    revision: int
    published: bool
    answer: str
    other_cards: tuple[CardKey, ...] = ()
    """Other cards of the same person; they are as they were."""


@dataclass(frozen=True, slots=True)
class Approval:
    """Who a card is, as far as the site office knows. `until` is the last day, ISO 8601."""

    company: str
    until: str
    first_name: str = ""
    last_name: str = ""
    date_of_birth: str | None = None
    role: str | None = None
    no_card_because: str | None = None


class DecisionTransaction(Protocol):
    """What a decision needs inside its transaction; see `hub.store.crew`."""

    def member(self, card: CardKey) -> CrewMember | None: ...
    def company_facts(self, organisation_number: str) -> dict[str, Any] | None: ...
    def other_cards(self, card: CardKey) -> Sequence[CardKey]: ...
    def write(self, members: Iterable[CrewMember]) -> None: ...
    def blocks(self) -> Sequence[Block]: ...
    def block(self, block: Block) -> None: ...
    def unblock(self, card: CardKey) -> None: ...
    def note(self, entry: AuditEntry) -> None: ...
    def may_publish(self) -> bool: ...
    def compile(self, now_ms: int, requirements: Requirements) -> PermitList: ...


class DecisionStore(Protocol):
    """What a decision needs of a store."""

    def changing_crew(self) -> AbstractContextManager[DecisionTransaction, bool | None]: ...
    def revision(self) -> int: ...


def card_of(text: str) -> CardKey:
    """`NUMBER` of the usual scheme, or `SCHEME:NUMBER`. Raises CrewListError."""
    scheme, colon, number = text.rpartition(":")
    try:
        fields.refuse_identity_number(text)
        card = CardKey(scheme if colon else SCHEME, fields.card_number(number.strip()))
    except BadCell as bad:
        raise CrewListError(f"CARD: {bad.what}; {bad.advice}, or as SCHEME:NUMBER") from bad
    if not _SCHEME.fullmatch(card.scheme):
        raise CrewListError(f"CARD: {fields.shown(card.scheme)} is not a scheme; write one such as hms, site or id06")
    return card


def decider_named(text: str) -> str:
    """Who decides, as the audit keeps it. Raises CrewListError."""
    return str(_checked("--by", text, fields.required))


def block(store: DecisionStore, card: CardKey, reason: str, who: Decider, *, all_sites: bool = False) -> Decided:
    """From now on the card opens nothing. Raises CrewListError, StoreError."""
    reason = _checked("--reason", reason, fields.required)
    with store.changing_crew() as transaction:
        transaction.block(Block(*card, reason, who.by, who.now_ms, all_sites))
        _note(transaction, who, "block", card, f"{'all sites: ' if all_sites else ''}{reason}")
        return _follow(transaction, card, who)


def unblock(store: DecisionStore, card: CardKey, who: Decider) -> Decided:
    """The card is again what the crew list says. Raises CrewListError when it is not blocked; StoreError."""
    with store.changing_crew() as transaction:
        if card not in {CardKey(one.scheme, one.number) for one in transaction.blocks()}:
            raise CrewListError(
                f"{card.scheme}:{card.number} is not blocked here; hub why {card.scheme}:{card.number} tells what it is"
            )
        transaction.unblock(card)
        _note(transaction, who, "unblock", card, "")
        return _follow(transaction, card, who)


def approve(store: DecisionStore, card: CardKey, approval: Approval, who: Decider) -> Decided:
    """Let a card in that no crew list names, until a day. Raises CrewListError, StoreError."""
    approval = _checked_approval(card, approval)
    with store.changing_crew() as transaction:
        known = transaction.member(card)
        if known is not None and known.listed and known.approved_by is None:
            name = f"{card.scheme}:{card.number}"
            raise CrewListError(f"{name} is on the crew list already; hub why {name} tells what keeps it out")
        company = transaction.company_facts(approval.company) or _NEW_COMPANY
        transaction.write([_approved(card, known, approval, company, who.by)])
        _note(transaction, who, "approve", card, f"for {approval.company} until {approval.until}")
        return _follow(transaction, card, who)


def turn_away(store: DecisionStore, card: CardKey, reason: str, who: Decider) -> None:
    """The card no longer waits; it does again if it comes again. Raises CrewListError, StoreError."""
    reason = _checked("--reason", reason, fields.text) or ""
    with store.changing_crew() as transaction:
        _note(transaction, who, TURNED_AWAY, card, reason)


def apply_requirements(store: DecisionStore, who: Decider) -> Decided:
    """Compile the permits anew, for requirements that have changed. Raises StoreError."""
    with store.changing_crew() as transaction:
        _note(transaction, who, "rules", None, "requirements applied")
        return _follow(transaction, None, who)


TURNED_AWAY = "turn-away"
_NEW_COMPANY = {
    "organisation_name": None,
    "company_approved": True,
    "main_unit": None,
    "engaged_by": None,
    "register_status": None,
    "startbank": None,
    "startbank_as_of": None,
    "tax_attestation": None,
}
"""Of a company that no list has named: whoever lets its worker in vouches for it."""


def _approved(
    card: CardKey, known: CrewMember | None, approval: Approval, company: dict[str, Any], by: str
) -> CrewMember:
    said = {
        "organisation_number": approval.company,
        "valid_until": approval.until,
        "listed": True,
        "training": True,
        "approved_by": by,
        "no_card_because": approval.no_card_because,
        "list_id": None,
        "list_row": None,
    }
    for name in ("first_name", "last_name", "date_of_birth", "role"):
        if getattr(approval, name):
            said[name] = getattr(approval, name)
    if known is not None:
        return replace(known, **(company | said))
    return CrewMember(
        **{"scheme": card.scheme, "number": card.number, "first_name": "", "last_name": ""} | company | said
    )


def _checked_approval(card: CardKey, approval: Approval) -> Approval:
    until = _checked("--until", approval.until, fields.day)
    if until is None:
        raise CrewListError("--until is empty; whoever is let in by hand has a last day")
    reason = _checked("--no-card-because", approval.no_card_because or "", fields.no_card_because)
    if (card.scheme == SITE_SCHEME) != bool(reason):
        raise CrewListError(
            f"a card of the site ({SITE_SCHEME}:NUMBER) and --no-card-because belong together: "
            "who has a card of their own needs no reason, and who has none gets one of the site's"
        )
    return Approval(
        _checked("--company", approval.company, fields.organisation_number),
        until,
        _checked("--first-name", approval.first_name, fields.text) or "",
        _checked("--last-name", approval.last_name, fields.text) or "",
        _checked("--born", approval.date_of_birth or "", fields.day),
        _checked("--role", approval.role or "", fields.text),
        reason,
    )


def _checked(option: str, value: str, parse: Any) -> Any:
    """What is typed here is as strictly looked at as what a list brings."""
    try:
        fields.refuse_identity_number(value)
        return parse(value.strip())
    except BadCell as bad:
        raise CrewListError(f"{option} {bad.what}; {bad.advice}") from bad


def _note(transaction: DecisionTransaction, who: Decider, action: str, card: CardKey | None, detail: str) -> None:
    named = f"{card.scheme}:{card.number}" if card else None
    transaction.note(AuditEntry(who.now_ms, who.by, action, named, detail))


def _follow(transaction: DecisionTransaction, card: CardKey | None, who: Decider) -> Decided:
    others = tuple(transaction.other_cards(card)) if card else ()
    if not transaction.may_publish():
        return Decided(0, published=False, answer="", other_cards=others)
    current = transaction.compile(who.now_ms, who.requirements)
    if card is None:
        return Decided(current.revision, published=True, answer="")
    held = next((one for one in current.permits if (one.scheme, one.number) == card), None)
    today = datetime.fromtimestamp(who.now_ms / 1000, UTC).astimezone().date().isoformat()
    return Decided(current.revision, published=True, answer=answer(held, today), other_cards=others)
