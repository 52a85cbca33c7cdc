"""An evacuation as a report: every name, those to look for first; nobody is ever left out. Pure."""

from collections.abc import Sequence

from gate.zones import SITE
from hub.muster import FIRE, Muster, Outcome
from hub.presence import Sure
from hub.reports.report import Column, Fact, Imprint, Kind, Report, Table
from hub.reports.words import Word
from hub.roll_call import CalledPassage, CalledPerson, RollCall

OUTCOMES = {
    Outcome.MISSING: Word.MISSING_PERSON,
    Outcome.MAY_BE_INSIDE: Word.MAY_BE_INSIDE,
    Outcome.CAME_IN: Word.CAME_IN,
    Outcome.WENT_OUT: Word.WENT_OUT,
    Outcome.LEFT_BEFORE: Word.LEFT_BEFORE,
    Outcome.SEEN_OUTSIDE: Word.SEEN_OUTSIDE,
}
_SURE = {
    Sure.CONFIRMED: Word.CONFIRMED,
    Sure.ASSUMED: Word.ASSUMED_CLOCK,
    Sure.CLOSED_BY_RULE: Word.CLOSED_BY_RULE,
    Sure.MANUAL: Word.MANUAL,
    Sure.REPORTED: Word.REPORTED,
}


def muster(call: RollCall, imprint: Imprint) -> Report:
    """One roll call."""
    say = imprint.say
    facts = [
        Fact("id", say(Word.ID), call.id),
        Fact("cause", say(Word.CAUSE), _cause(call.cause)),
        Fact("told_by", say(Word.TOLD_BY), call.gate),
        Fact("began_ms", say(Word.BEGAN), call.began_ms, Kind.MOMENT),
        Fact("noticed_ms", say(Word.NOTICED), call.noticed_ms, Kind.MOMENT),
        Fact("closed_ms", say(Word.CLOSED), *_closed(call.closed_ms)),
        Fact("closed_by", say(Word.CLOSED_BY), call.closed_by),
        Fact("known_then", say(Word.KNOWN_THEN), call.then, Kind.COUNT),
        Fact("known_now", say(Word.KNOWN_NOW), call.now, Kind.COUNT),
        Fact("unaccounted", say(Word.UNACCOUNTED), call.unaccounted, Kind.COUNT),
    ]
    columns = (
        Column("outcome", say(Word.OUTCOME), width=30),
        Column("name", say(Word.NAME), width=40),
        Column("employer", say(Word.EMPLOYER), width=38),
        Column("card", say(Word.CARD), width=26),
        Column("zone", say(Word.ZONE), width=18),
        Column("since_ms", say(Word.SINCE), Kind.MOMENT, 24),
        Column("gate", say(Word.GATE), width=22),
        Column("sure", say(Word.SURE), width=32),
        Column("assumed_out_ms", say(Word.OUT_ASSUMED), Kind.MOMENT, 24),
        Column("later_known", say(Word.LATER_KNOWN), width=22),
        Column("left_before_ms", say(Word.LEFT_AT), Kind.MOMENT, 24),
        Column("after", say(Word.AFTER), width=40),
        Column("seen_ms", say(Word.SEEN_AT), Kind.MOMENT, 24),
        Column("seen_by", say(Word.SEEN_BY), width=26),
    )
    rows = tuple(
        (
            OUTCOMES[Outcome(one.outcome)],
            one.name or Word.UNKNOWN,
            one.employer,
            f"{one.scheme}:{one.number}",
            one.zone.removeprefix(SITE).removeprefix("/"),
            one.since_ms,
            "/".join(filter(None, (one.gate, one.lane))),
            _SURE[Sure(one.sure)] if one.sure else None,
            one.out_ms,
            Word.NOT_ON_LIST if one.not_on_list else Word.YES if one.known_now and not one.known_then else None,
            one.left_before_ms,
            _after(one, imprint),
            one.seen_ms,
            _seen_by(one, imprint),
        )
        for one in call.people
    )
    table = Table("people", f"{say(Word.PEOPLE)} ({len(rows)})", columns, rows)
    below = f"{say(_cause(call.cause))} · {imprint.shown(call.began_ms, Kind.MOMENT)}"
    return Report("muster", say(Word.MUSTER), below, imprint, tuple(facts), (table,), (say(Word.MUSTER_KNOWS),))


def musters(known: Sequence[tuple[Muster, int]], imprint: Imprint) -> Report:
    """All that are kept, each with how many were frozen on it."""
    say = imprint.say
    columns = (
        Column("id", say(Word.ID), width=70),
        Column("began_ms", say(Word.BEGAN), Kind.MOMENT, 34),
        Column("cause", say(Word.CAUSE), width=26),
        Column("told_by", say(Word.TOLD_BY), width=30),
        Column("people", say(Word.PEOPLE), Kind.COUNT),
        Column("closed_ms", say(Word.CLOSED), Kind.MOMENT, 34),
        Column("closed_by", say(Word.CLOSED_BY), width=40),
    )
    rows = tuple(
        (one.id, one.began_ms, _cause(one.cause), one.gate, people, one.closed_ms, one.closed_by)
        for one, people in known
    )
    table = Table("musters", f"{say(Word.MUSTERS)} ({len(rows)})", columns, rows)
    return Report("musters", say(Word.MUSTERS), "", imprint, (), (table,))


def _cause(cause: str) -> Word:
    return Word.FIRE if cause == FIRE else Word.EVACUATION


def _closed(closed_ms: int | None) -> tuple[Word | int, Kind]:
    return (Word.STILL_RUNS, Kind.TEXT) if closed_ms is None else (closed_ms, Kind.MOMENT)


def _seen_by(called: CalledPerson, imprint: Imprint) -> str | None:
    if called.seen_point is None:
        return called.seen_by
    return imprint.say(Word.SEEN_BY_READER, reader=called.seen_reader, point=called.seen_point)


def _after(called: CalledPerson, imprint: Imprint) -> str:
    # Being seen outside is written down as leaving, too.
    return "; ".join(_passage(one, imprint) for one in called.passages if one.time_ms != called.seen_ms)


def _passage(one: CalledPassage, imprint: Imprint) -> str:
    way = imprint.say(Word.IN if one.zone else Word.OUT)
    return f"{way} {imprint.shown(one.time_ms, Kind.MOMENT)} {one.gate or imprint.say(Word.BY_HAND)}"
