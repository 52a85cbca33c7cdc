"""`hub report`: lists and sums to hand over, on the screen, on paper, for spreadsheets and for machines."""

import argparse
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hub.cli_parts import add_verb, config_of, now_ms, opened
from hub.errors import OfficeError, PaperError

if TYPE_CHECKING:
    from datetime import date

    from hub.reports.hours import Month
    from hub.reports.oversiktsliste import Place
    from hub.reports.report import Imprint, Report

FORMATS = ("text", "json", "csv", "xlsx", "pdf")
_BINARY = ("xlsx", "pdf")
_TODAY = "today"


def add_verbs(verbs: Any) -> None:
    """Add them to the program."""
    told = "lists and sums to hand over: pdf, xlsx, csv, json, or on the screen"
    reports = verbs.add_parser("report", help=told, description=told).add_subparsers(required=True, metavar="VERB")

    told = "the list of everybody who works here (byggherreforskriften § 15), and its daily check"
    verb = _add(reports, "oversiktsliste", _oversiktsliste, told)
    verb.add_argument(
        "--day", metavar="DATE", nargs="?", const=_TODAY, type=_day,
        help="of that day, such as 2026-05-31; today without a date; otherwise everybody so far",
    )  # fmt: skip
    act = verb.add_mutually_exclusive_group()
    act.add_argument("--check", action="store_true", help="sign that you have checked the list of today; needs --by")
    act.add_argument("--checks", action="store_true", help="the checks that were signed")
    verb.add_argument("--by", metavar="NAME", help="who has checked it")

    _add(reports, "samordningsliste", _samordningsliste, "the contractors, who has engaged whom, how many people each")

    verb = _add(reports, "hours", _hours, "presence hours of a month; presence, not work")
    _month_option(verb)
    verb.add_argument("--by", choices=("person", "company", "day"), default="person", help="a row for each (person)")

    verb = _add(reports, "shares", _shares, "shares of skilled workers and apprentices in a month's presence hours")
    _month_option(verb)

    verb = _add(reports, "muster", _muster, "the muster that runs, or the last one")
    which = verb.add_mutually_exclusive_group()
    which.add_argument("--id", metavar="ID", help="an earlier one: its id, or how that begins")
    which.add_argument("--list", action="store_true", help="all that are kept")


def _add(reports: Any, name: str, function: Callable[[argparse.Namespace], int], told: str) -> argparse.ArgumentParser:
    verb = add_verb(reports, name, function, told)
    verb.add_argument("--format", choices=FORMATS, help="otherwise as FILE ends, or text")
    verb.add_argument("--json", dest="format", action="store_const", const="json", help="the same as --format json")
    verb.add_argument("-o", "--output", metavar="FILE", type=Path, help="write it to FILE, which its owner alone reads")
    verb.add_argument("--language", choices=("nb", "en"), help="Norwegian or English (reports.language)")
    verb.set_defaults(refuse=verb.error)
    return verb


def _month_option(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--month", metavar="MONTH", type=_month, required=True, help="such as 2026-11")


def _month(text: str) -> "Month":
    from hub.reports.hours import Month

    found = re.fullmatch(r"(20[0-9]{2})-(0[1-9]|1[0-2])", text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no month; write it as 2026-11")
    return Month(int(found[1]), int(found[2]))


def _day(text: str) -> "date | str":
    from datetime import date

    if text == _TODAY:
        return text
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = date.min
    if not date(2000, 1, 1) <= day < date(2100, 1, 1):
        raise argparse.ArgumentTypeError(f"{text!r} is no date; write it as 2026-05-31")
    return day


def _oversiktsliste(options: argparse.Namespace) -> int:
    from hub.reports import oversiktsliste
    from hub.reports.reading import read_list15, read_list_checks

    if options.check:
        return _check(options)
    if options.by is not None:
        options.refuse("--by names who checks: it goes with --check")
    imprint, place = _imprint(options), _place(options)
    with opened(options) as store:
        if options.checks:
            return _give(oversiktsliste.list_checks(read_list_checks(store), imprint), options)
        day = imprint.local(imprint.made_ms).date() if options.day == _TODAY else options.day
        found, checks = read_list15(store, place, day, imprint)
    if found.missing:
        names = ", ".join(f"list15.{name}" for name in found.missing)
        print(f"hub: the settings do not say {names}; the law asks for it", file=sys.stderr)
    return _give(oversiktsliste.oversiktsliste(found, checks, imprint), options)


def _check(options: argparse.Namespace) -> int:
    from hub.reports.oversiktsliste import list_checks
    from hub.reports.reading import check_list15

    if not (options.by or "").strip():
        options.refuse("--check needs --by NAME: whoever asks later wants to know who has checked the list")
    if options.day not in (None, _TODAY):
        options.refuse("--check signs the list of today; leave --day out")
    imprint = _imprint(options)
    with opened(options) as store:
        _, check = check_list15(store, _place(options), options.by, imprint)
    return _give(list_checks([check], imprint), options)


def _samordningsliste(options: argparse.Namespace) -> int:
    from hub.reports.oversiktsliste import place_facts
    from hub.reports.reading import read_contractors
    from hub.reports.samordningsliste import samordningsliste

    imprint = _imprint(options)
    with opened(options) as store:
        found = read_contractors(store)
    level_max = config_of(options).requirements.chain_level_max
    return _give(samordningsliste(found, level_max, place_facts(_place(options), imprint), imprint), options)


def _hours(options: argparse.Namespace) -> int:
    from hub.config import closing_rule
    from hub.reports.hours import By, hours
    from hub.reports.reading import read_attendance

    imprint = _begun(options)
    with opened(options) as store:
        found = read_attendance(store, options.month, closing_rule(config_of(options).presence), imprint)
    return _give(hours(*found, By(options.by), imprint), options)


def _shares(options: argparse.Namespace) -> int:
    from hub.config import closing_rule
    from hub.reports.reading import read_attendance
    from hub.reports.shares import Demands, Role, shares

    imprint = _begun(options)
    said = config_of(options).reports
    words = {word: Role(role) for word, role in said.roles.items()}
    with opened(options) as store:
        found = read_attendance(store, options.month, closing_rule(config_of(options).presence), imprint)
    return _give(shares(*found, Demands(said.skilled_share, said.apprentice_share, words), imprint), options)


def _muster(options: argparse.Namespace) -> int:
    from hub.config import closing_rule
    from hub.reports import muster
    from hub.reports.reading import read_musters
    from hub.roll_call import latest_muster, muster_called

    imprint = _imprint(options)
    closing = closing_rule(config_of(options).presence)
    with opened(options) as store:
        if options.list:
            return _give(muster.musters(read_musters(store), imprint), options)
        call = latest_muster(store, closing) if options.id is None else muster_called(store, options.id, closing)
    if call is None and options.id is not None:
        raise OfficeError(f"--id {options.id}: no muster, or more than one, begins so; see hub report muster --list")
    if call is None:
        raise OfficeError("there has been no evacuation, as far as the gates have told this hub")
    return _give(muster.muster(call, imprint), options)


def _imprint(options: argparse.Namespace) -> "Imprint":
    from hub.config import time_zone
    from hub.reports.report import Imprint

    config = config_of(options)
    return Imprint(config.site, options.language or config.reports.language, time_zone(config.presence), now_ms())


def _begun(options: argparse.Namespace) -> "Imprint":
    imprint = _imprint(options)
    if imprint.local(imprint.made_ms).date() < options.month.begins:
        options.refuse(f"--month: {options.month} has not begun")
    return imprint


def _place(options: argparse.Namespace) -> "Place":
    from hub.reports.oversiktsliste import Place

    config = config_of(options)
    return Place(config.site, config.list15.name, config.list15.address, config.list15.client)


def _give(report: "Report", options: argparse.Namespace) -> int:
    form = _form(options)
    from hub.reports.rendering import rendered

    page = rendered(report, form)
    if options.output is None:
        sys.stdout.flush()
        sys.stdout.buffer.write(page)
        sys.stdout.buffer.flush()
        return 0
    from portvakt.files import replace_file

    try:
        replace_file(options.output, page, 0o600)
    except OSError as refused:
        raise PaperError(f"{options.output}: cannot be written ({refused.strerror})") from refused
    print(f"{options.output}: {report.title}, {len(report.tables[0].rows)} rows, {form}", file=sys.stderr)
    return 0


def _form(options: argparse.Namespace) -> str:
    from hub.reports.rendering import ENDINGS

    if options.format is not None:
        form = str(options.format)
    elif options.output is None:
        form = "text"
    elif (ending := options.output.suffix.lower()) in ENDINGS:
        form = ENDINGS[ending]
    else:
        options.refuse(f"-o {options.output}: it ends in none of {', '.join(ENDINGS)}; say --format")
    if form in _BINARY and options.output is None and sys.stdout.isatty():
        options.refuse(f"--format {form} is not for a screen; name a file with -o, or send it on with | or >")
    return form
