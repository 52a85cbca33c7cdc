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
from hub.records import AuditEntry, Block, CrewMember, HeardBlock

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
    def unblock(self, card: CardKey, now_ms: int) -> None: ...
    def heard_blocks(self, origin: str | None = None, card: CardKey | None = None) -> Sequence[HeardBlock]: ...
    def write_heard(self, heard: Sequence[HeardBlock]) -> None: ...
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
    """Our own block ends: the card is again what the crew list says, if no other site blocks it for all. Raises
    CrewListError when it is not blocked by us; StoreError."""
    name = f"{card.scheme}:{card.number}"
    with store.changing_crew() as transaction:
        blocks = [one for one in transaction.blocks() if (one.scheme, one.number) == card]
        origins = [one.origin for one in blocks if one.origin is not None]
        if len(blocks) == len(origins):
            if origins:
                raise CrewListError(
                    f"{name} is blocked for all sites by {', '.join(origins)}: it is lifted there; "
                    f"hub overrule {name} --reason WHY lets it count no more at this site alone"
                )
            raise CrewListError(f"{name} is not blocked here; hub why {name} tells what it is")
        transaction.unblock(card, who.now_ms)
        _note(transaction, who, "unblock", card, "")
        return _follow(transaction, card, who)


def overrule(store: DecisionStore, card: CardKey, reason: str, who: Decider) -> Decided:
    """What other sites have blocked for all no longer counts here, until they block it anew. Raises CrewListError,
    StoreError."""
    reason = _checked("--reason", reason, fields.required)
    with store.changing_crew() as transaction:
        heard = [one for one in transaction.heard_blocks(card=card) if one.overruled_ms is None]
        if not heard:
            raise CrewListError(f"{card.scheme}:{card.number} is blocked by no other site; hub blocks shows which are")
        _overrule(transaction, heard, reason, who)
        return _follow(transaction, card, who)


def overrule_site(store: DecisionStore, origin: str, reason: str, who: Decider) -> tuple[int, Decided]:
    """The same for every card of one site; returns how many. Raises CrewListError, StoreError."""
    reason = _checked("--reason", reason, fields.required)
    with store.changing_crew() as transaction:
        heard = [one for one in transaction.heard_blocks(origin) if one.overruled_ms is None]
        if not heard:
            raise CrewListError(f"{origin} blocks no card here; hub blocks shows which sites do")
        _overrule(transaction, heard, reason, who)
        return len(heard), _follow(transaction, None, who)


def accept_blocks(store: DecisionStore, origin: str, who: Decider) -> tuple[int, Decided]:
    """What a site has blocked at once, and what was held for that, counts from now on; returns how many cards. Raises
    CrewListError, StoreError."""
    with store.changing_crew() as transaction:
        held = [one for one in transaction.heard_blocks(origin) if one.held and one.overruled_ms is None]
        if not held:
            raise CrewListError(f"no block of {origin} waits here; hub blocks shows those that do")
        transaction.write_heard([replace(one, held=False, accepted_by=who.by) for one in held])
        for one in held:
            _note(transaction, who, "accept-block", CardKey(one.scheme, one.number), f"of {origin}: {one.reason}")
        return len(held), _follow(transaction, None, who)


def _overrule(transaction: DecisionTransaction, heard: Sequence[HeardBlock], reason: str, who: Decider) -> None:
    transaction.write_heard(
        [replace(one, overruled_ms=who.now_ms, overruled_by=who.by, overruled_because=reason) for one in heard]
    )
    for one in heard:
        _note(transaction, who, "overrule", CardKey(one.scheme, one.number), f"the block of {one.origin}: {reason}")


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


def extend(store: DecisionStore, card: CardKey, until: str, reason: str, who: Decider) -> Decided:
    """Another last day for somebody who is on the list, until the next list says what it is. Raises CrewListError,
    StoreError."""
    reason = _checked("--reason", reason, fields.required)
    day = _checked("--until", until, fields.day)
    if day is None:
        raise CrewListError("--until is empty; write the last day, such as 2026-05-31")
    with store.changing_crew() as transaction:
        known = transaction.member(card)
        if known is None or not known.listed:
            name = f"{card.scheme}:{card.number}"
            raise CrewListError(f"{name} is on no crew list; hub approve lets it in until a day")
        transaction.write([replace(known, valid_until=day)])
        _note(transaction, who, "extend", card, f"until {day}, was {known.valid_until or 'open'}: {reason}")
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
