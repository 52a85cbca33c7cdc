"""What of a queue may go now, in both databases: what a walk over all of it would find, without the walk."""

import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.central import what_is_due
from hub.central.delivery import OPEN, State
from hub.central.ledger import Ledger
from hub.store import HubStore, schema

NOW_MS = 1_000
Row = dict[str, Any]


def row(number: int, card: int | None, at_ms: int, state: State, due_ms: int) -> Row:
    return {
        "target": "client", "id": str(uuid.UUID(int=number)), "happening": str(uuid.UUID(int=number)),
        "stream": "north", "epoch": "aa", "seq": number + 1, "scheme": None if card is None else "hms",
        "number": None if card is None else str(card), "at_ms": at_ms, "ready_ms": 0, "state": state.value,
        "attempts": 0, "due_ms": due_ms, "words": "", "field": None, "receiver_id": None, "digest": None,
        "first_sent_ms": None, "answered_ms": None,
    }  # fmt: skip


def fill(store: HubStore, rows: Sequence[Row]) -> None:
    with store.writing() as connection:
        connection.execute(schema.deliveries.delete())
        if rows:
            connection.execute(schema.deliveries.insert(), rows)


def may_go(rows: Sequence[Row], under_way: Sequence[str]) -> list[str]:
    """By the rule, over everything."""
    found = []
    for one in rows:
        theirs = [
            (other["at_ms"], other["id"])
            for other in rows
            if other["number"] == one["number"] and other["number"] is not None and other["state"] in OPEN
        ]
        first = one["number"] is None or min(theirs, default=None) == (one["at_ms"], one["id"])
        if one["state"] == State.WAITING and one["due_ms"] <= NOW_MS and first and one["id"] not in under_way:
            found.append(one)
    return [one["id"] for one in sorted(found, key=lambda one: (one["due_ms"], one["at_ms"], one["id"]))]


def asked(store: HubStore, most: int, under_way: Sequence[str] = ()) -> list[str]:
    with store.reading() as connection:
        return [one.id for one in what_is_due.due(connection, "client", NOW_MS, most, under_way)]


@pytest.fixture
def queue(store: HubStore) -> HubStore:
    Ledger(store, "yard", "client").enter("scripted", 0, 0)
    return store


ROWS = st.lists(
    st.tuples(
        st.one_of(st.none(), st.integers(1, 6)),
        st.integers(0, 5),
        st.sampled_from([State.WAITING] * 4 + [State.QUEUED, State.ACCEPTED]),
        st.sampled_from([0, 0, 0, 500, 2_000]),
    ),
    max_size=40,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ROWS, st.integers(1, 5), st.integers(0, 3), st.integers(1, 8))
def test_what_may_go_is_what_the_rule_says(queue: HubStore, made: list[Any], most: int, sent: int, head: int) -> None:
    rows = [row(number, *one) for number, one in enumerate(made)]
    fill(queue, rows)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(what_is_due, "HEAD", head)
        allowed = may_go(rows, ())
        found = asked(queue, most)
        assert set(found) <= set(allowed)
        assert len(found) <= most
        assert bool(found) == bool(allowed)
        under_way = allowed[:sent]
        assert set(asked(queue, most, under_way)) <= set(may_go(rows, under_way))
        patched.setattr(what_is_due, "HEAD", 1_000)
        assert asked(queue, most) == allowed[:most]


def test_one_card_that_waits_in_front_holds_back_no_other(queue: HubStore) -> None:
    """More of its records than are looked at, behind one that is tried again later."""
    mine = [row(0, 1, 0, State.WAITING, 2_000)] + [row(n, 1, n, State.WAITING, 0) for n in range(1, 1_000)]
    fill(queue, [*mine, row(2_000, 2, 5_000, State.WAITING, 0)])
    assert asked(queue, 10) == [str(uuid.UUID(int=2_000))]


def test_a_look_costs_the_same_however_much_waits(tmp_path: Path) -> None:
    """In SQLite's own steps, of which a scan of the queue takes ten for each row."""
    steps = {}
    for count in (1_000, 20_000):
        store = HubStore(tmp_path / f"{count}.sqlite3")
        Ledger(store, "yard", "client").enter("scripted", 0, 0)
        fill(store, [row(n, n % 400, n, State.WAITING, 0) for n in range(count)])
        steps[count] = steps_of_a_look(store)
        store.close()
    assert 0 < steps[20_000] < 2 * steps[1_000]


def steps_of_a_look(store: HubStore) -> int:
    """In tens of steps of SQLite's machine."""
    ticks: list[None] = []
    with store.reading() as connection:
        driver: Any = connection.connection.driver_connection
        driver.set_progress_handler(lambda: ticks.append(None), 10)
        what_is_due.due(connection, "client", NOW_MS, 50, ())
        what_is_due.next_due_ms(connection, "client", 0)
        driver.set_progress_handler(None, 0)
    return len(ticks)
