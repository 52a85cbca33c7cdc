"""Stays from sightings: from when until when somebody was on the site, and how many hours of which day that is. Pure.

    entry, outside            --> a stay begins
    anything inside, inside   --> the same stay goes on: another part of the site, or a badge that was shown twice
    exit, inside              --> the stay ends
    exit, outside             --> a stay whose beginning nobody saw; it has no length
    the closing rule's hour   --> the stay ends there, by rule; what comes after it is another stay

So at every moment those are in a stay who were on the roster of that moment by the same rule. An exit seen after the
rule's hour does not make the night before it one long stay: whoever forgets to check out and comes in beside another
the next morning would be given 33 hours, and confirmed ones.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import NamedTuple

from hub.presence import CardKey, Certainty, ClosingRule, Sighting, Sure


class Stay(NamedTuple):
    """One card on the site. Times are Unix milliseconds in UTC, gates those that saw it (`hub.presence.OFFICE` for a
    person's word).

    `in_ms` and `in_gate` are None when nobody saw the beginning, `out_ms` while it lasts. A check-out by rule has an
    `out_ms` and no `out_gate`. `sure` is that of the less sure end.
    """

    card: CardKey
    in_ms: int | None
    out_ms: int | None
    in_gate: str | None
    out_gate: str | None
    sure: Sure

    @property
    def lasts(self) -> bool:
        """Whether the card's holder is still on the site."""
        return self.out_ms is None

    @property
    def guessed(self) -> bool:
        """Whether one of its ends was seen by nobody, or by a clock that nobody had set."""
        return self.sure in (Sure.ASSUMED, Sure.CLOSED_BY_RULE)


_DOUBT = {
    Certainty.CERTAIN: Sure.CONFIRMED,
    Certainty.CLOCK_CORRECTED: Sure.CONFIRMED,
    Certainty.MANUAL: Sure.MANUAL,
    Certainty.REPORTED: Sure.REPORTED,
    Certainty.CLOCK_UNTRUSTED: Sure.ASSUMED,
}
_LEAST_SURE = (Sure.CLOSED_BY_RULE, Sure.ASSUMED, Sure.REPORTED, Sure.MANUAL, Sure.CONFIRMED)


def stays(sightings: Iterable[Sighting], closing: ClosingRule | None, now_ms: int) -> list[Stay]:
    """All stays as far as is known at `now_ms`, card by card, of each the earliest first.

    Sightings may come in any order and repeatedly, each at its right time (`hub.corrections.history`).
    """
    of_card: dict[CardKey, dict[tuple[int, str, str, int], Sighting]] = {}
    for one in sightings:
        of_card.setdefault(one.card, {})[one[:4]] = one
    found: list[Stay] = []
    for card in sorted(of_card):
        found += _of_one(sorted(of_card[card].values(), key=lambda one: one[:4]), closing, now_ms)
    return found


def _of_one(ordered: Iterable[Sighting], closing: ClosingRule | None, now_ms: int) -> Iterable[Stay]:
    """The stays of one card, from its sightings in their order."""
    began = last = None
    for seen in ordered:
        if began is not None and last is not None:
            closes_ms = closing.closes_ms(last.time_ms) if closing else None
            if closes_ms is not None and closes_ms <= seen.time_ms:
                yield _closed_by_rule(began, closes_ms)
                began = None
        if seen.inside:
            began = began or seen
            last = seen
            continue
        yield _ended(began, seen)
        began = None
    if began is not None and last is not None:
        closes_ms = closing.closes_ms(last.time_ms) if closing else None
        if closes_ms is not None and closes_ms <= now_ms:
            yield _closed_by_rule(began, closes_ms)
        else:
            yield Stay(began.card, began.time_ms, None, began.gate, None, _DOUBT[began.certainty])


def _closed_by_rule(began: Sighting, closes_ms: int) -> Stay:
    return Stay(began.card, began.time_ms, closes_ms, began.gate, None, Sure.CLOSED_BY_RULE)


def _ended(began: Sighting | None, left: Sighting) -> Stay:
    if began is None:
        return Stay(left.card, None, left.time_ms, None, left.gate, _DOUBT[left.certainty])
    sure = min(_DOUBT[began.certainty], _DOUBT[left.certainty], key=_LEAST_SURE.index)
    return Stay(left.card, began.time_ms, left.time_ms, began.gate, left.gate, sure)


def length_ms(stay: Stay, now_ms: int) -> int:
    """How long it is; up to now while it lasts, 0 when nobody saw its beginning."""
    if stay.in_ms is None:
        return 0
    return max(0, (now_ms if stay.out_ms is None else stay.out_ms) - stay.in_ms)


def by_day(stay: Stay, zone: tzinfo, now_ms: int) -> list[tuple[date, int]]:
    """How many milliseconds of it lie in which day by the clocks of `zone`, whose days have 23 to 25 hours; a day in
    which there are none is left out."""
    if stay.in_ms is None:
        return []
    at_ms, end_ms = stay.in_ms, stay.in_ms + length_ms(stay, now_ms)
    day = local_day(at_ms, zone)
    found = []
    while at_ms < end_ms:
        until_ms = min(end_ms, day_begins_ms(day + timedelta(days=1), zone))
        if until_ms > at_ms:
            found.append((day, until_ms - at_ms))
            at_ms = until_ms
        day += timedelta(days=1)
    return found


def local_day(at_ms: int, zone: tzinfo) -> date:
    """On which day of `zone` a moment is."""
    return (datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=at_ms)).astimezone(zone).date()


def day_begins_ms(day: date, zone: tzinfo) -> int:
    """When a day of `zone` begins; where the clocks go forward over midnight, the moment at which they do."""
    return round(datetime.combine(day, time(), zone).timestamp() * 1000)
