"""The verbs of `hub` about who may enter: crew lists, blocks, approvals, why, rules."""

import argparse
import contextlib
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hub.cli_parts import add_verb, config_of, now_ms, opened, print_json, who_is_here

if TYPE_CHECKING:
    from hub.config import HubConfig
    from hub.crew.columns import Naming
    from hub.crew.decisions import Decided, Decider
    from hub.crew.importing import Outcome, Terms
    from hub.permits import Requirements

DAY_MS = 86_400_000
SHOWN_PROBLEMS = 100
PULL_WAITS_S = 5.0
"""For a list that a broker keeps."""


def add_verbs(verbs: Any) -> None:
    """Add them to `hub`."""
    _add_list_verbs(verbs)
    _add_card_verbs(verbs)


def _add_list_verbs(verbs: Any) -> None:
    crew = verbs.add_parser("crew", help="crew lists").add_subparsers(required=True, metavar="VERB")
    verb = add_verb(crew, "import", _import, "take in a crew list; it replaces the one before", json=True)
    verb.add_argument("file", metavar="FILE", type=Path, help="a .csv, .xlsx or .json")
    verb.add_argument("--dry-run", action="store_true", help="only show what would change")
    verb.add_argument("--partial", action="store_true", help="take the good rows although others are bad")
    verb.add_argument("--force", action="store_true", help="although more leave than crew.may_remove allows")
    _by(verb)
    verb = add_verb(
        crew, "pull", _pull, "take in the newest list of the source in the settings, if it is new", json=True
    )
    _by(verb)
    verb = add_verb(crew, "watch", _watch, "the same again and again, until it is told to stop")
    _by(verb)
    add_verb(crew, "lists", _lists, "the lists that were taken in, newest first", json=True)
    verb = add_verb(crew, "back", _back, "the list before this one once more, or that of a number", json=True)
    verb.add_argument("list", metavar="NUMBER", type=int, nargs="?", help="of `hub crew lists`")
    verb.add_argument("--dry-run", action="store_true", help="only show what would change")
    _by(verb)
    verb = add_verb(crew, "export", _export, "the crew list as it is now, as CSV that can be taken in again")
    verb.add_argument("-o", "--output", metavar="FILE", type=Path, help="write it to FILE instead")


def _add_card_verbs(verbs: Any) -> None:
    verb = add_verb(verbs, "block", _block, "from now on a card opens nothing, whatever any list says", json=True)
    _card(verb)
    verb.add_argument("--reason", required=True)
    verb.add_argument("--all-sites", action="store_true", help="at every site of ours ([all_sites.publish])")
    _by(verb)
    verb = add_verb(verbs, "unblock", _unblock, "a card is again what the crew list says", json=True)
    _card(verb)
    _by(verb)
    add_verb(verbs, "blocks", _blocks, "the blocked cards, by this site and by others for all", json=True)
    verb = add_verb(verbs, "overrule", _overrule, "a block of another site counts no more at this one", json=True)
    _card(verb)
    verb.add_argument("--reason", required=True)
    _by(verb)
    verb = add_verb(verbs, "overrule-blocks", _overrule_site, "the same for all blocks of one site", json=True)
    _origin(verb)
    verb.add_argument("--reason", required=True)
    _by(verb)
    verb = add_verb(verbs, "accept-blocks", _accept, "what a site has blocked at once, and is held, counts", json=True)
    _origin(verb)
    _by(verb)

    verb = add_verb(verbs, "waiting", _waiting, "cards that nobody knows and that have asked to come in", json=True)
    verb.add_argument("--days", type=_days, default=2.0, help="of the last so many days (2)")
    verb = add_verb(verbs, "approve", _approve, "let a card in that no crew list names", json=True)
    _card(verb)
    verb.add_argument("--company", metavar="NUMBER", required=True, help="organisation number of the employer")
    verb.add_argument("--until", metavar="DATE", required=True, help="the last day, such as 2026-05-31")
    verb.add_argument("--first-name", default="")
    verb.add_argument("--last-name", default="")
    verb.add_argument("--born", metavar="DATE")
    verb.add_argument("--role")
    verb.add_argument(
        "--no-card-because",
        choices=("applied", "pupil", "placement"),
        help="for a card of the site (site:NUMBER): why its holder has none of their own",
    )
    _by(verb)
    verb = add_verb(verbs, "turn-away", _turn_away, "a card no longer waits, until it comes again", json=True)
    _card(verb)
    verb.add_argument("--reason", default="")
    _by(verb)

    verb = add_verb(verbs, "audit", _audit, "who has taken in, blocked, approved what, newest first", json=True)
    verb.add_argument("--limit", type=_count, default=50, help="the newest so many (50)")

    verb = add_verb(verbs, "why", _why, "what the answer to a card rests on", json=True)
    _card(verb)
    rules = verbs.add_parser("rules", help="requirements").add_subparsers(required=True, metavar="VERB")
    verb = add_verb(rules, "dry-run", _rules_dry_run, "who would have met another answer under other rules", json=True)
    verb.add_argument("--days", type=_days, default=14.0, help="at the badges of the last so many days (14)")
    verb.add_argument(
        "--rules", metavar="FILE", type=Path, help="a TOML file with [requirements] (default: the settings as they are)"
    )
    verb = add_verb(
        rules, "apply", _rules_apply, "compile the permits anew after [requirements] has changed", json=True
    )
    _by(verb)


def naming_of(config: "HubConfig", file: Path | None = None) -> "Naming":
    """What the columns are called here. Raises SettingsError."""
    from hub.crew.columns import Naming
    from portvakt.errors import SettingsError
    from portvakt.settings import refusal

    naming = Naming(config.crew.columns, config.crew.ignore)
    for problem in naming.problems():
        raise refusal(file, problem) if file else SettingsError(problem)
    return naming


def _card(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("card", metavar="CARD", help="the number on an HMS card, or SCHEME:NUMBER")


def _origin(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("origin", metavar="SITE", help="the site that has blocked them")


def _by(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "--by", metavar="NAME", default=who_is_here(), help="who does it, for the audit (who is logged in)"
    )


def _days(text: str) -> float:
    days = float(text)
    if not 0 < days <= 3660:
        raise argparse.ArgumentTypeError("between 0 and 3660")
    return days


def _count(text: str) -> int:
    number = int(text)
    if not 1 <= number <= 100_000:
        raise argparse.ArgumentTypeError("between 1 and 100000")
    return number


def _today() -> str:
    return datetime.now(UTC).astimezone().date().isoformat()


def _requirements(options: argparse.Namespace) -> "Requirements":
    from hub.config import requirements_of

    return requirements_of(config_of(options).requirements)


def _decider(options: argparse.Namespace) -> "Decider":
    from hub.crew.decisions import Decider, decider_named

    return Decider(decider_named(options.by), now_ms(), _requirements(options))


def _terms(options: argparse.Namespace) -> "Terms":
    from hub.crew.decisions import decider_named
    from hub.crew.importing import Terms

    crew = config_of(options).crew
    return Terms(decider_named(options.by), now_ms(), _requirements(options), crew.may_remove, crew.keep_lists)


def _import(options: argparse.Namespace) -> int:
    from hub.crew.importing import import_list, read_file

    config = config_of(options)
    with _progress() as progress:
        read = read_file(options.file, naming_of(config), config.crew.sheet, progress)
    with opened(options) as store:
        outcome = import_list(
            store,
            read,
            options.file.name,
            _terms(options),
            dry_run=options.dry_run,
            partial=options.partial,
            force=options.force,
        )
    failed = bool(outcome.problems and not options.partial) or not read.members or outcome.too_many_leave
    if options.json:
        _print_outcome_json(outcome, dry_run=options.dry_run)
        return int(failed)
    _print_problems(str(options.file), outcome)
    rows = len({problem.row for problem in outcome.problems})
    if outcome.problems and (not options.partial or not read.members):
        advice = "; --partial takes the good ones" if read.members else ""
        print(f"hub: nothing was written, because of {rows} bad row{'s' * (rows != 1)}{advice}", file=sys.stderr)
    if outcome.too_many_leave:
        _print_too_many(outcome, config.crew.may_remove)
    if outcome.written or (options.dry_run and read.members):
        _print_outcome(outcome)
    return int(failed)


def _print_problems(name: str, outcome: "Outcome") -> None:
    for problem in outcome.problems[:SHOWN_PROBLEMS]:
        print(f"{name}, {problem}", file=sys.stderr)
    if len(outcome.problems) > SHOWN_PROBLEMS:
        more = len(outcome.problems) - SHOWN_PROBLEMS
        print(f"{name}: and {more} more; --json shows all", file=sys.stderr)


def _print_too_many(outcome: "Outcome", share: float) -> None:
    change = outcome.change
    print(
        f"hub: nothing was written: {len(change.removed)} of {change.listed} would leave, more than {share:.0%} "
        "(crew.may_remove); is this the whole list? --force takes it",
        file=sys.stderr,
    )


def _pull(options: argparse.Namespace) -> int:
    from hub.crew.mailbox import looking
    from hub.crew.watching import take_newest
    from hub.identity_number import masked

    config = config_of(options)
    naming_of(config)
    with opened(options) as store, looking(config, PULL_WAITS_S) as source:
        taken = take_newest(store, config.crew, lambda: _terms(options), source)
    if taken is None:
        print_json({"written": False}) if options.json else print("there is no new list")
        return 0
    found, outcome = taken
    if options.json:
        _print_outcome_json(outcome, dry_run=False)
        return int(not outcome.written)
    if outcome.written:
        _print_outcome(outcome)
        return 0
    _print_problems(masked(found.name), outcome)
    if outcome.too_many_leave:
        _print_too_many(outcome, config.crew.may_remove)
    print(f"hub: nothing of {masked(found.name)} was written; mend it, or hub crew import it by hand", file=sys.stderr)
    return 1


def _watch(options: argparse.Namespace) -> int:
    from hub.crew.mailbox import looking
    from hub.crew.watching import watch
    from portvakt import logs
    from portvakt.process import stop_on_signals

    config = config_of(options)
    naming_of(config)
    logs.configure("debug" if options.verbose else config.log_level)
    stop = stop_on_signals()
    with opened(options) as store, looking(config) as source:
        watch(store, config.crew, lambda: _terms(options), stop, source)
    return 0


@contextlib.contextmanager
def _progress() -> Iterator[Callable[[int], None]]:
    """A line that counts, where somebody looks on."""
    if not sys.stderr.isatty():
        yield lambda _rows: None
        return
    yield lambda rows: print(f"\r{rows} rows read", end="", file=sys.stderr, flush=True)
    print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def _print_outcome(outcome: "Outcome") -> None:
    change = outcome.change
    if outcome.written:
        print(f"{change}, {change.unchanged} unchanged; the list is revision {outcome.revision}")
        if change.kept:
            print(f"cards that only bad rows name keep what they had: {change.kept}")
    else:
        print(f"{change}, {change.unchanged} unchanged; dry run, nothing was written")


def _print_outcome_json(outcome: "Outcome", *, dry_run: bool) -> None:
    change = outcome.change
    print_json(
        {
            "written": outcome.written,
            "dry_run": dry_run,
            "revision": outcome.revision,
            "added": len(change.added),
            "removed": len(change.removed),
            "changed": len(change.changed),
            "unchanged": change.unchanged,
            "kept": change.kept,
            "too_many_leave": outcome.too_many_leave,
            "problems": outcome.problems,
        }
    )


def _lists(options: argparse.Namespace) -> int:
    from hub import crew_tables

    with opened(options) as store, store.crew_as_it_is() as crew:
        found = crew.kept_lists()
    print_json(found) if options.json else print(crew_tables.lists_text(found))
    return 0


def _back(options: argparse.Namespace) -> int:
    from hub.crew.importing import go_back

    with opened(options) as store:
        found, outcome = go_back(store, options.list, _terms(options), dry_run=options.dry_run)
    if options.json:
        _print_outcome_json(outcome, dry_run=options.dry_run)
        return 0
    print(f"back to list {found.id} ({found.name}):")
    _print_outcome(outcome)
    return 0


def _export(options: argparse.Namespace) -> int:
    from hub.crew.csv_export import write_csv
    from hub.errors import CrewListError

    naming = naming_of(config_of(options))
    with opened(options) as store, store.crew_as_it_is() as crew:
        listed = (member for member in crew.crew() if member.listed)
        if options.output is None:
            write_csv(listed, naming, sys.stdout)
            return 0
        try:
            with options.output.open("w", encoding="utf-8-sig", newline="") as file:
                write_csv(listed, naming, file)
        except OSError as refused:
            raise CrewListError(f"{options.output}: cannot be written ({refused.strerror})") from refused
    return 0


def _block(options: argparse.Namespace) -> int:
    from hub.crew.decisions import block, card_of

    card = card_of(options.card)
    publish = config_of(options).all_sites.publish
    with opened(options) as store:
        done = block(store, card, options.reason, _decider(options), all_sites=options.all_sites)
    status = _tell(options, f"{card.scheme}:{card.number} is blocked", done, holds_others=True)
    if options.all_sites and not options.json:
        print(
            "the other sites hear of it as soon as the hub that runs reaches the central broker"
            if publish is not None
            else "no other site hears of it: [all_sites.publish] names no central broker"
        )
    return status


def _unblock(options: argparse.Namespace) -> int:
    from hub.crew.decisions import card_of, unblock

    card = card_of(options.card)
    with opened(options) as store:
        done = unblock(store, card, _decider(options))
    return _tell(options, f"{card.scheme}:{card.number} is no longer blocked by this site", done)


def _overrule(options: argparse.Namespace) -> int:
    from hub.crew.decisions import card_of, overrule

    card = card_of(options.card)
    with opened(options) as store:
        done = overrule(store, card, options.reason, _decider(options))
    return _tell(options, f"what other sites have blocked of {card.scheme}:{card.number} counts no more here", done)


def _overrule_site(options: argparse.Namespace) -> int:
    from hub.crew.decisions import overrule_site

    with opened(options) as store:
        cards, done = overrule_site(store, options.origin, options.reason, _decider(options))
    return _tell(options, f"{cards} blocks of {options.origin} count no more here", done)


def _accept(options: argparse.Namespace) -> int:
    from hub.crew.decisions import accept_blocks

    with opened(options) as store:
        cards, done = accept_blocks(store, options.origin, _decider(options))
    return _tell(options, f"{cards} blocks of {options.origin} count from now on", done)


def _approve(options: argparse.Namespace) -> int:
    from hub.crew.decisions import Approval, approve, card_of

    card = card_of(options.card)
    approval = Approval(
        options.company,
        options.until,
        options.first_name,
        options.last_name,
        options.born,
        options.role,
        options.no_card_because,
    )
    with opened(options) as store:
        done = approve(store, card, approval, _decider(options))
    return _tell(options, f"{card.scheme}:{card.number} is approved until {options.until}", done)


def _tell(options: argparse.Namespace, what: str, done: "Decided", *, holds_others: bool = False) -> int:
    """Exit 1 when the gates do not hear of it: whoever asked must know."""
    if options.json:
        print_json(done)
        return int(not done.published)
    if not done.published:
        print(
            f"hub: {what}, here; the gates hear of it with the next crew list, because this hub has none or an older "
            "one than they: hub crew import FILE",
            file=sys.stderr,
        )
        return 1
    met = f"; the gates' answer to it today: {done.answer}" if done.answer else ""
    print(f"{what}{met}; the list is revision {done.revision}")
    if holds_others and done.other_cards:
        others = ", ".join(f"{card.scheme}:{card.number}" for card in done.other_cards)
        print(f"the same person also holds {others}, not blocked by this")
    return 0


def _blocks(options: argparse.Namespace) -> int:
    from hub import crew_tables

    with opened(options) as store, store.crew_as_it_is() as crew:
        ours, heard = [one for one in crew.blocks() if one.origin is None], crew.heard_blocks()
    if options.json:
        print_json([*map(crew_tables.block_line, ours), *map(crew_tables.heard_line, heard)])
        return 0
    print(crew_tables.blocks_text(ours, heard))
    return 0


def _waiting(options: argparse.Namespace) -> int:
    from hub import crew_tables, explanation

    with opened(options) as store:
        found = explanation.waiting(store, now_ms() - int(options.days * DAY_MS))
    print_json(found) if options.json else print(crew_tables.waiting_text(found))
    return 0


def _turn_away(options: argparse.Namespace) -> int:
    from hub.crew.decisions import card_of, turn_away

    card = card_of(options.card)
    with opened(options) as store:
        turn_away(store, card, options.reason, _decider(options))
    said = f"{card.scheme}:{card.number} is turned away"
    print_json({"card": f"{card.scheme}:{card.number}"}) if options.json else print(said)
    return 0


def _audit(options: argparse.Namespace) -> int:
    from hub import crew_tables, explanation

    with opened(options) as store:
        found = explanation.decided(store, options.limit)
    print_json(found) if options.json else print(crew_tables.audit_text(found))
    return 0


def _why(options: argparse.Namespace) -> int:
    from hub import crew_tables, explanation
    from hub.crew.decisions import card_of

    with opened(options) as store:
        found = explanation.why(store, card_of(options.card), _requirements(options), _today())
    print_json(found) if options.json else print(crew_tables.why_text(found))
    return 0


def _rules_dry_run(options: argparse.Namespace) -> int:
    from hub import crew_tables, explanation
    from hub.config import requirements_in

    wanted = requirements_in(options.rules) if options.rules else _requirements(options)
    with opened(options) as store:
        found = explanation.replay(store, wanted, now_ms() - int(options.days * DAY_MS))
    print_json(found) if options.json else print(crew_tables.replay_text(found, options.days))
    return 0


def _rules_apply(options: argparse.Namespace) -> int:
    from hub.crew.decisions import apply_requirements

    with opened(options) as store:
        done = apply_requirements(store, _decider(options))
    return _tell(options, "the requirements are those of the settings", done)
