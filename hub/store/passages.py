"""Everything that is known of who went in and out when, card by card, in SQL."""

from collections.abc import Iterator
from itertools import groupby
from operator import attrgetter

from sqlalchemy import Connection, select

from hub.corrections import seen_in
from hub.presence import PASSAGE_COMPLETED, CardKey, Sighting, by_hand, reported
from hub.records import JournalKey
from hub.store import schema
from hub.store.intake import SqlEventTransaction, check_in_of

ROWS_AT_ONCE = 2_000


def read_sightings(connection: Connection, received_after_ms: int | None = None) -> Iterator[list[Sighting]]:
    """Of one card after the other all that is known, each sighting at its right time.

    That is passages, words of the office, what other systems reported, and what presence rests on where the record
    itself has been deleted. Of passages only those that arrived later than this, if it is said.
    """
    rest = _words(connection)
    for one in SqlEventTransaction(connection).everybody():
        rest.setdefault(one.card, []).append(one)
    for card, seen in _passages(connection, received_after_ms):
        places = {one[1:4] for one in seen}
        yield seen + [one for one in rest.pop(card, ()) if one[1:4] not in places]
    for words in rest.values():
        # Presence may rest on a word, which is the same sighting.
        yield list({one[1:4]: one for one in words}.values())


def _passages(connection: Connection, received_after_ms: int | None) -> Iterator[tuple[CardKey, list[Sighting]]]:
    table = schema.events
    chosen = select(table.c.scheme, table.c.number, table.c.gate, table.c.body).where(
        table.c.kind == PASSAGE_COMPLETED, table.c.number.is_not(None)
    )
    if received_after_ms is not None:
        chosen = chosen.where(table.c.received_ms > received_after_ms)
    journals = connection.execute(select(schema.journals.c.gate, schema.journals.c.epoch))
    valid = SqlEventTransaction(connection).corrections({JournalKey(*row) for row in journals})
    rows = connection.execute(
        chosen.order_by(table.c.scheme, table.c.number), execution_options={"yield_per": ROWS_AT_ONCE}
    )
    for (scheme, number), of_card in groupby(rows, attrgetter("scheme", "number")):
        yield CardKey(scheme, number), list(seen_in(((row.gate, row.body) for row in of_card), valid))


def _words(connection: Connection) -> dict[CardKey, list[Sighting]]:
    found: dict[CardKey, list[Sighting]] = {}
    for row in connection.execute(select(schema.hand_marks)):
        card = CardKey(row.scheme, row.number)
        found.setdefault(card, []).append(by_hand(card, row.direction, row.at_ms, row.id))
    for row in connection.execute(select(schema.check_ins)):
        if (one := reported(row.source, check_in_of(row), row.seq)) is not None:
            found.setdefault(one.card, []).append(one)
    return found
