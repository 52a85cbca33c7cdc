"""What reports are made from, read from the store; all of a report is of one moment. Raises StoreError."""

from collections.abc import Iterator
from datetime import date, timedelta

from sqlalchemy import Connection, func, select

from hub.company_answers import register_status
from hub.muster import Muster
from hub.presence import CardKey, ClosingRule
from hub.purging import forgotten
from hub.queries import company_names, passed_between
from hub.records import CompanyFacts, ListCheck
from hub.reports.hours import Attendance, Holder, Kept, Month, attendance, holders_of
from hub.reports.oversiktsliste import Asked, List15, Place, list15
from hub.reports.report import Imprint
from hub.reports.samordningsliste import Contractor, contractors
from hub.retention import DAY_MS
from hub.spoken import spoken
from hub.stays import Stay, day_begins_ms, local_day, stays
from hub.store import CrewTransaction, ForgettingTransaction, HubStore, schema
from hub.store.answers import read_companies
from hub.store.checks import put_check, read_checks
from hub.store.passages import read_sightings
from hub.store.people import chain

CLOCKS_DIFFER_MS = 2 * DAY_MS
"""A gate's clock may be so far from the hub's, and the last day of a rule so long."""


def read_list15(store: HubStore, place: Place, day: date | None, imprint: Imprint) -> tuple[List15, list[ListCheck]]:
    """The list of § 15 of a day, or of everybody so far; with the checks of that day, or of today."""
    with store.reading() as connection:
        found = _list15(connection, place, day, imprint)
        today = local_day(imprint.made_ms, imprint.zone)
        return found, read_checks(connection, (day or today).isoformat())


def check_list15(store: HubStore, place: Place, by: str, imprint: Imprint) -> tuple[List15, ListCheck]:
    """Sign the list of today. Raises OfficeError when the name cannot be kept."""
    said_by = spoken(" ".join(by.split()), "--by")
    day = local_day(imprint.made_ms, imprint.zone)
    with store.writing() as connection:
        found = _list15(connection, place, day, imprint)
        check = ListCheck(day.isoformat(), imprint.made_ms, said_by, len(found.people), found.lacking(), found.digest)
        put_check(connection, check)
    return found, check


def read_list_checks(store: HubStore) -> list[ListCheck]:
    """All daily checks, in their order."""
    with store.reading() as connection:
        return read_checks(connection)


def _list15(connection: Connection, place: Place, day: date | None, imprint: Imprint) -> List15:
    seen: set[CardKey] = set()
    if day is not None:
        from_ms, until_ms = (day_begins_ms(one, imprint.zone) for one in (day, day + timedelta(days=1)))
        seen = passed_between(connection, from_ms, until_ms)
    members = CrewTransaction(connection).crew()
    return list15(place, members, company_names(connection), Asked(imprint.made_ms, day, seen))


def read_contractors(store: HubStore) -> list[Contractor]:
    """The companies at the site, in the order of the chain."""
    table = schema.companies
    with store.reading() as connection:
        answers = read_companies(connection)
        facts = [
            CompanyFacts(
                row.organisation_number,
                row.name,
                row.approved,
                register_status(row.register_status, answers.get(row.organisation_number)),
                row.startbank,
            )
            for row in connection.execute(select(table))
        ]
        return contractors(facts, chain(connection, answers), CrewTransaction(connection).crew())


def read_attendance(
    store: HubStore, month: Month, closing: ClosingRule | None, imprint: Imprint
) -> tuple[Attendance, dict[CardKey, Holder]]:
    """Who was there in a month for how long, and who they are."""
    with store.reading() as connection:
        kept = _kept(connection, month, imprint)
        holders = holders_of(CrewTransaction(connection).crew(), company_names(connection))
        found = attendance(read_stays(connection, month.begins, closing, imprint), month, kept, imprint)
    return found, holders


def read_stays(connection: Connection, since: date, closing: ClosingRule | None, imprint: Imprint) -> Iterator[Stay]:
    """All stays that reach into this day or later ones, and some before; card by card."""
    after_ms = None
    if closing is not None:
        # Who was seen last longer ago than this has been closed by the rule.
        after_ms = day_begins_ms(since, imprint.zone) - closing.after_ms - DAY_MS - CLOCKS_DIFFER_MS
    for seen in read_sightings(connection, after_ms):
        yield from stays(seen, closing, imprint.made_ms)


def _kept(connection: Connection, month: Month, imprint: Imprint) -> Kept:
    gone = forgotten(ForgettingTransaction(connection).records())
    known_from = None
    if gone.before_ms is not None:
        known_from = local_day(gone.before_ms, imprint.zone) + timedelta(days=1)
    erased = False
    if gone.person_oldest_ms is not None and gone.person_newest_ms is not None:
        first, last = (local_day(ms, imprint.zone) for ms in (gone.person_oldest_ms, gone.person_newest_ms))
        erased = first < month.ends and last >= month.begins
    return Kept(known_from, erased)


def read_musters(store: HubStore) -> list[tuple[Muster, int]]:
    """All that are kept, the latest to begin first, each with how many were frozen on it."""
    table = schema.muster_people
    with store.looking() as looking:
        counted = looking.connection.execute(select(table.c.muster, func.count()).group_by(table.c.muster))
        people = {row[0]: row[1] for row in counted}
        return [(one, people.get(one.id, 0)) for one in looking.musters()]
