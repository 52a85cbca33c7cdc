"""The verbs of `hub` about what registers say: cards, companies."""

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from hub.cli_parts import add_verb, config_of, now_ms, opened, print_json, who_is_here

if TYPE_CHECKING:
    from hub.central.registers.card_rounds import CardRounds
    from hub.config import HubConfig
    from hub.store import HubStore


def add_verbs(verbs: Any) -> None:
    """Add them to `hub`."""
    cards = verbs.add_parser("cards", help="the register of cards").add_subparsers(required=True, metavar="VERB")
    add_verb(cards, "status", _status, "how the register is; 1 when somebody should look after it", json=True)
    verb = add_verb(cards, "ask", _ask, "ask the register about one card, now", json=True)
    verb.add_argument("card", metavar="CARD", help="the number on an HMS card, or SCHEME:NUMBER")
    verb.add_argument("--code", metavar="TEXT", help="the code of its QR or chip: the answer may say more")
    verb = add_verb(cards, "sweep", _sweep, "ask about all cards of the list, or about the rest of them", json=True)
    verb.add_argument(
        "--force", action="store_true", help="believe the answers 'not valid', however many: also those held back"
    )
    verb = add_verb(cards, "forget", _forget, "from now on cards are what the crew list says of them", json=True)
    verb.add_argument("--by", metavar="NAME", default=who_is_here(), help="who does it, for the audit")
    verb = add_verb(verbs, "companies", _companies, "every company of the lists, and what is known of it", json=True)
    verb.add_argument("--refresh", action="store_true", help="ask Enhetsregisteret first")


@contextmanager
def _rounds(options: argparse.Namespace, store: "HubStore") -> Iterator["CardRounds"]:
    from hub.central.registers.card_register import HttpCardRegister
    from hub.central.registers.card_rounds import CardRounds
    from hub.config import requirements_of, time_zone

    config = config_of(options)
    register = HttpCardRegister(config.card_register)
    try:
        yield CardRounds(
            config.card_register,
            store,
            register,
            requirements=requirements_of(config.requirements),
            zone=time_zone(config.presence),
            now_ms=now_ms,
        )
    finally:
        register.close()


def _status(options: argparse.Namespace) -> int:
    from hub import register_queries, register_tables

    with opened(options) as store:
        found = register_queries.card_register(store, config_of(options), now_ms())
    print_json(found) if options.json else print(register_tables.cards_text(found))
    return int(found.objection is not None or found.cards.held > 0)


def _ask(options: argparse.Namespace) -> int:
    from hub import register_queries, register_tables
    from hub.central.registers.asked import Away
    from hub.crew.decisions import card_of
    from hub.errors import RegisterError

    card, scheme = card_of(options.card), config_of(options).card_register.scheme
    if card.scheme != scheme:
        raise RegisterError(f"{card.scheme}:{card.number}: the register knows cards of {scheme} (card_register.scheme)")
    with opened(options) as store, _rounds(options, store) as rounds:
        try:
            rounds.ask([card], _at_once, options.code)
        except Away as failed:
            raise RegisterError(f"the card register: {failed}; nothing has changed") from failed
        # A person has asked about this very card: its answer counts.
        ended = rounds.end([card], force=True)
        with store.reading() as connection:
            word = register_queries.card_word(connection, card, now_ms())
    if word is None:
        raise RegisterError("the card register was not asked")
    if options.json:
        print_json({"register": word, "revision": ended.revision})
    else:
        print(register_tables.word_text(word))
        if ended.revision is not None:
            print(f"the list is revision {ended.revision}")
    return int(word.failure is not None)


def _at_once(_: float) -> bool:
    return False


def _sweep(options: argparse.Namespace) -> int:
    """Goes on with the last sweep, if that one has not ended or was held back; begins one otherwise."""
    from hub.central.registers.asked import Away
    from hub.central.registers.register_state import keep_vigil, vigil_of
    from hub.errors import RegisterError
    from hub.register_queries import CARDS

    settings = config_of(options).card_register
    asked = 0
    with opened(options) as store, _rounds(options, store) as rounds, _progress() as progress:
        vigil = vigil_of(store, CARDS)
        with store.heard() as heard:
            held = len(heard.held(settings.scheme))
        if not vigil.sweeping and not (options.force and held):
            vigil = vigil.sweep_begun(now_ms())
            keep_vigil(store, CARDS, vigil)
        try:
            while True:
                with store.heard() as heard:
                    cards = heard.asked_before(settings.scheme, vigil.sweep_began_ms, now_ms(), 20)
                if not cards:
                    break
                asked += rounds.ask(cards, _pausing)
                progress(asked)
        except Away as failed:
            raise RegisterError(
                f"the card register: {failed}; what it answered before is kept, hub cards sweep goes on with the rest"
            ) from failed
        ended = rounds.end(force=options.force)
        # The hub that runs may have answered, failed, or begun anew meanwhile: only the end is ours to say.
        keep_vigil(store, CARDS, vigil_of(store, CARDS).sweep_over(now_ms()))
    if options.json:
        print_json({"asked": asked, "turned": ended.turned, "held": ended.held, "revision": ended.revision})
        return int(ended.held > 0)
    followed = f"; the list is revision {ended.revision}" if ended.revision is not None else ""
    print(f"{asked} cards asked about, {ended.turned} turned not valid{followed}")
    if ended.held:
        print(
            f"hub: {ended.held} of {ended.valid} valid cards would turn not valid, more than "
            f"{settings.may_invalidate:.0%} (card_register.may_invalidate): held back; hub cards status shows them, "
            "--force believes the register",
            file=sys.stderr,
        )
    return int(ended.held > 0)


def _forget(options: argparse.Namespace) -> int:
    """For a register that is asked no more, or that was believed and should not have been."""
    from hub.config import requirements_of
    from hub.crew.decisions import decider_named
    from hub.records import AuditEntry

    config, at_ms = config_of(options), now_ms()
    by = decider_named(options.by)
    with opened(options) as store, store.hearing() as hearing:
        cards = hearing.forget_cards(config.card_register.scheme)
        hearing.note(AuditEntry(at_ms, by, "forget register", None, f"{cards} answers of the card register"))
        revision = hearing.follow(at_ms, requirements_of(config.requirements))
    if options.json:
        print_json({"cards": cards, "revision": revision})
    else:
        followed = f"; the list is revision {revision}" if revision is not None else ""
        print(f"forgot what the card register said of {cards} cards{followed}")
    return 0


def _pausing(seconds: float) -> bool:
    time.sleep(seconds)
    return False


@contextmanager
def _progress() -> Iterator[Callable[[int], None]]:
    """A line that counts, where somebody looks on."""
    if not sys.stderr.isatty():
        yield lambda _asked: None
        return
    yield lambda asked: print(f"\r{asked} asked", end="", file=sys.stderr, flush=True)
    print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def _companies(options: argparse.Namespace) -> int:
    from hub import register_queries, register_tables

    config = config_of(options)
    with opened(options) as store:
        if options.refresh:
            _refresh(store, config)
        at_ms = now_ms()
        found = register_queries.companies(store, config, register_queries.today_at(config, at_ms), at_ms)
        objection = register_queries.company_objection(store, config, at_ms)
    print_json(found) if options.json else print(register_tables.companies_text(found, objection))
    return 0


def _refresh(store: "HubStore", config: "HubConfig") -> None:
    from hub.central.registers.asked import Away
    from hub.central.registers.companies import CompanyRegister
    from hub.central.registers.company_watch import ask_companies
    from hub.config import requirements_of
    from hub.errors import RegisterError

    with store.heard() as heard:
        numbers = sorted(heard.company_numbers())
    register = CompanyRegister(config.companies)

    def pause() -> bool:
        return _pausing(1 / config.companies.per_second)

    try:
        ask_companies(
            store,
            register,
            numbers,
            requirements=requirements_of(config.requirements),
            now_ms=now_ms,
            pause=pause,
        )
    except Away as failed:
        raise RegisterError(f"the register of companies: {failed}; what it had answered before is kept") from failed
    finally:
        register.close()
