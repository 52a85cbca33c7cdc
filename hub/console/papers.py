"""The site's reports as the console hands them over: on the screen, in a file, on the printer. All for a thread."""

from calendar import monthrange
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

from hub.config import HubConfig
from hub.console.acts import Act, Field, Said, Tell
from hub.console.bridge import Outcome
from hub.console.printing import sent
from hub.console.roles import Right
from hub.console.site import Site
from hub.console.texts import Text
from hub.console.words import Language, Words
from hub.errors import PaperError
from hub.reports import muster, oversiktsliste
from hub.reports.hours import By, Month, hours
from hub.reports.oversiktsliste import Place
from hub.reports.reading import (
    check_list15,
    read_attendance,
    read_contractors,
    read_list15,
    read_list_checks,
    read_musters,
)
from hub.reports.rendering import ENDINGS, rendered
from hub.reports.report import Imprint, Report
from hub.reports.samordningsliste import samordningsliste
from hub.reports.shares import Demands, Role, shares
from hub.roll_call import latest_muster
from portvakt.files import make_folder, replace_file

FOLDER = "reports"
PAPER = "pdf"


@dataclass(frozen=True, slots=True)
class Choice:
    """What is asked for: which report, of the day or of its month, as what, in which language."""

    name: str
    day: date
    form: str
    language: Language

    def moved(self, by: int, *, last: date) -> "Choice":
        """An earlier or a later day or month, none that has not begun."""
        if PAPERS[self.name].span is Span.MONTH:
            month = self.day.year * 12 + self.day.month - 1 + by
            year, number = month // 12, month % 12 + 1
            day = date(year, number, min(self.day.day, monthrange(year, number)[1]))
        else:
            day = self.day + timedelta(days=by)
        return replace(self, day=min(day, last))

    @property
    def when(self) -> str:
        """Of when it is; empty for one that is of now."""
        span = PAPERS[self.name].span
        if span is Span.MONTH:
            return str(Month(self.day.year, self.day.month))
        return self.day.isoformat() if span is Span.DAY else ""


class Span:
    """Of how long a report is."""

    NOW, DAY, MONTH = "now", "day", "month"


Make = Callable[[Site, Choice, Imprint], Report]


@dataclass(frozen=True, slots=True)
class Paper:
    """One kind of report."""

    title: Text
    span: str
    make: Make


def place_of(config: HubConfig) -> Place:
    """What the site has set about itself."""
    return Place(config.site, config.list15.name, config.list15.address, config.list15.client)


def _list15(site: Site, choice: Choice, imprint: Imprint) -> Report:
    found, checks = read_list15(site.store, place_of(site.config), choice.day, imprint)
    return oversiktsliste.oversiktsliste(found, checks, imprint)


def _checks(site: Site, choice: Choice, imprint: Imprint) -> Report:
    return oversiktsliste.list_checks(read_list_checks(site.store), imprint)


def _contractors(site: Site, choice: Choice, imprint: Imprint) -> Report:
    facts = oversiktsliste.place_facts(place_of(site.config), imprint)
    level_max = site.config.requirements.chain_level_max
    return samordningsliste(read_contractors(site.store), level_max, facts, imprint)


def _hours(by: By) -> Make:
    def make(site: Site, choice: Choice, imprint: Imprint) -> Report:
        month = Month(choice.day.year, choice.day.month)
        return hours(*read_attendance(site.store, month, site.closing, imprint), by, imprint)

    return make


def _shares(site: Site, choice: Choice, imprint: Imprint) -> Report:
    month, said = Month(choice.day.year, choice.day.month), site.config.reports
    demands = Demands(
        said.skilled_share, said.apprentice_share, {word: Role(role) for word, role in said.roles.items()}
    )
    return shares(*read_attendance(site.store, month, site.closing, imprint), demands, imprint)


def _muster(site: Site, choice: Choice, imprint: Imprint) -> Report:
    call = latest_muster(site.store, site.closing)
    return muster.muster(call, imprint) if call is not None else muster.musters([], imprint)


def _musters(site: Site, choice: Choice, imprint: Imprint) -> Report:
    return muster.musters(read_musters(site.store), imprint)


PAPERS: Mapping[str, Paper] = {
    "oversiktsliste": Paper(Text.PAPER_LIST15, Span.DAY, _list15),
    "checks": Paper(Text.PAPER_CHECKS, Span.NOW, _checks),
    "samordningsliste": Paper(Text.PAPER_CONTRACTORS, Span.NOW, _contractors),
    "hours-person": Paper(Text.PAPER_HOURS_PERSON, Span.MONTH, _hours(By.PERSON)),
    "hours-company": Paper(Text.PAPER_HOURS_COMPANY, Span.MONTH, _hours(By.COMPANY)),
    "hours-day": Paper(Text.PAPER_HOURS_DAY, Span.MONTH, _hours(By.DAY)),
    "shares": Paper(Text.PAPER_SHARES, Span.MONTH, _shares),
    "muster": Paper(Text.PAPER_MUSTER, Span.NOW, _muster),
    "musters": Paper(Text.PAPER_MUSTERS, Span.NOW, _musters),
}
"""Those of `hub report`, in the order in which they are offered."""


def made(site: Site, choice: Choice) -> Report:
    """The report that was asked for. Raises StoreError."""
    imprint = Imprint(site.config.site, choice.language, site.zone, site.clock())
    return PAPERS[choice.name].make(site, choice, imprint)


def written(site: Site, choice: Choice, words: Words) -> str:
    """In a file that its owner alone reads; returns what is to be said of it. Raises StoreError."""
    try:
        page = rendered(made(site, choice), choice.form)
    except PaperError as failed:
        return str(failed)
    return words.say(Text.WRITTEN, file=_filed(site, choice, page))


def printed(site: Site, choice: Choice, words: Words) -> str:
    """On paper; in a file where there is no printer, or it does not take it. Raises StoreError."""
    choice = replace(choice, form=PAPER)
    try:
        page = rendered(made(site, choice), PAPER)
    except PaperError as failed:
        return str(failed)
    why = ""
    if command := site.config.console.print_command:
        if not (why := sent(command, page)):
            return words.say(Text.PRINTED)
        return words.say(Text.NOT_PRINTED, why=why, file=_filed(site, choice, page))
    return words.say(Text.SAVED, file=_filed(site, choice, page))


def _filed(site: Site, choice: Choice, page: bytes) -> Path | str:
    """Where it lies now, or why it does not."""
    ending = next(ending for ending, form in ENDINGS.items() if form == choice.form)
    stamp = Words("en", site.zone).stamp(site.clock())
    name = "-".join(filter(None, (choice.name, choice.when, choice.language, stamp)))
    file = (site.folder / FOLDER / f"{name}{ending}").absolute()
    try:
        make_folder(file.parent)
        replace_file(file, page, 0o600)
    except OSError as refused:
        return f"{file}: {refused.strerror}"
    return file


def signing(words: Words, user: str) -> Act:
    """The daily check of the list of § 15: a name, a time, and what the list said."""
    say = words.say

    def do(site: Site, said: Said, tell: Tell) -> Outcome:
        imprint = Imprint(site.config.site, words.language, site.zone, site.clock())
        by = said["by"] if said["by"] == user else f"{said['by']} ({user})"
        found, check = check_list15(site.store, place_of(site.config), by, imprint)
        gaps = sum(bool(one.missing) for one in found.people)
        done = say(Text.SIGNED, by=check.said_by, n=check.people, digest=check.digest[:16])
        return Outcome(done=True, lines=(done, *([say(Text.SIGNED_GAPS, n=gaps)] if gaps else [])))

    name = Field("by", say(Text.FIELD_SIGNED_BY), user, "--by", needed=True)
    return Act(
        say(Text.SIGN_LIST), (say(Text.WILL_SIGN),), Right.KEEP_BOOKS, do, (name,),
        complaint=say(Text.NEEDED), waits=say(Text.WORKING),
    )  # fmt: skip
