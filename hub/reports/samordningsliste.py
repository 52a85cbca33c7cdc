"""The contractors of a site and who has engaged whom: samordningsliste. Pure.

Level 0 is the main contractor. A company that leads into a loop has no level; it is shown at the end.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from hub.chain import level_of
from hub.records import CompanyFacts, CrewMember
from hub.reports.report import Cell, Column, Fact, Imprint, Kind, Report, Table, added
from hub.reports.words import Word

_REGISTER = {
    "ok": Word.REGISTER_OK,
    "bankrupt": Word.BANKRUPT,
    "dissolving": Word.DISSOLVING,
    "deleted": Word.DELETED,
}


@dataclass(frozen=True, slots=True)
class Contractor:
    """A company at the site. `level` is None in a loop; `people` are those who work for it now, `hired_in` of them the
    ones whom it hires from others, `hired_out` its own whom others hire."""

    number: str
    facts: CompanyFacts | None
    level: int | None
    engaged_by: str | None
    people: int
    hired_in: int
    hired_out: int


def contractors(
    companies: Iterable[CompanyFacts], engaged_by: Mapping[str, str], members: Iterable[CrewMember]
) -> list[Contractor]:
    """Those who have people here, and those above them, each followed by the ones whom it has engaged."""
    facts = {one.organisation_number: one for one in companies}
    people, hired_in, hired_out = Counter[str](), Counter[str](), Counter[str]()
    for one in members:
        if not one.listed:
            continue
        company = one.hired_by or one.organisation_number
        people[company] += 1
        if company != one.organisation_number:
            hired_in[company] += 1
            hired_out[one.organisation_number] += 1
    here = {*people, *hired_out} | {one for one in engaged_by if one in facts}
    while above := {engaged_by[one] for one in here if one in engaged_by} - here:
        here |= above
    found = {
        number: Contractor(
            number, facts.get(number), level_of(number, engaged_by), engaged_by.get(number),
            people[number], hired_in[number], hired_out[number],
        )
        for number in here
    }  # fmt: skip
    return list(_in_order(found))


def _in_order(found: Mapping[str, Contractor]) -> Iterator[Contractor]:
    below: defaultdict[str | None, list[Contractor]] = defaultdict(list)
    for one in sorted(found.values(), key=_by_name):
        if one.level is not None:
            below[one.engaged_by if one.level else None].append(one)
    waiting = below[None][::-1]
    while waiting:
        one = waiting.pop()
        yield one
        waiting += below[one.number][::-1]
    yield from sorted((one for one in found.values() if one.level is None), key=_by_name)


def _by_name(one: Contractor) -> tuple[str, str]:
    return (((one.facts.name if one.facts else None) or "").casefold(), one.number)


def samordningsliste(found: Sequence[Contractor], level_max: int, place: Sequence[Fact], imprint: Imprint) -> Report:
    """The report; `level_max` is how far down the chain the site allows, `place` what it says of itself."""
    say = imprint.say
    names = {one.number: (one.facts.name if one.facts else None) or one.number for one in found}
    columns = (
        Column("level", say(Word.LEVEL), width=14),
        Column("company", say(Word.COMPANY), width=60),
        Column("company_number", say(Word.NUMBER), width=24),
        Column("engaged_by", say(Word.ENGAGED_BY), width=50),
        Column("people", say(Word.PEOPLE), Kind.COUNT, 20),
        Column("hired_in", say(Word.HIRED_IN), Kind.COUNT, 20),
        Column("hired_out", say(Word.HIRED_OUT), Kind.COUNT, 20),
        Column("approved", say(Word.APPROVED), Kind.YES, 20),
        Column("register", say(Word.REGISTER), width=28),
        Column("startbank", say(Word.STARTBANK), Kind.YES, 22),
        Column("remark", say(Word.REMARK), width=32),
    )
    rows = [_row(one, names, level_max) for one in found]
    total: list[Cell] = [Word.TOTAL, *[None] * (len(columns) - 1)]
    for place_, column in enumerate(columns):
        if column.kind is Kind.COUNT:
            total[place_] = added(rows, place_)
    deep = sum(one.level is not None and one.level > level_max for one in found)
    loops = sum(one.level is None for one in found)
    notes = [say(Word.HIRED_UNDER), say(Word.LEVEL_LIMIT, limit=level_max, number=deep)]
    if loops:
        notes.append(say(Word.IN_A_LOOP, number=loops))
    table = Table("companies", f"{say(Word.COMPANIES)} ({len(rows)})", columns, tuple(rows), tuple(total))
    title, below = say(Word.COORDINATION), say(Word.COORDINATION_BELOW)
    return Report("samordningsliste", title, below, imprint, tuple(place), (table,), tuple(notes))


def _row(one: Contractor, names: Mapping[str, str], level_max: int) -> tuple[Cell, ...]:
    facts = one.facts
    above = names.get(one.engaged_by, one.engaged_by) if one.engaged_by else None
    status = facts.register_status if facts else None
    return (
        str(one.level) if one.level is not None else Word.LOOP,
        facts.name if facts else None,
        one.number,
        above,
        one.people,
        one.hired_in,
        one.hired_out,
        facts.approved if facts else None,
        _REGISTER.get(status, status) if status else None,
        facts.startbank if facts else None,
        Word.TOO_DEEP if one.level is not None and one.level > level_max else None,
    )
