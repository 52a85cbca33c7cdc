"""The plots of a day from both databases: late passages, clocks put right, words of the office, what was deleted."""

from contextlib import closing
from datetime import date
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gate.uplink.signing import Signer
from hub.curves import Inside, Steps, steps
from hub.daily import badges_through, day_of, inside_through, refusals
from hub.ingest import Ingest
from hub.office import check_in, check_out
from hub.presence import ENTRY, EXIT, CardKey, CheckIn, ClosingRule, HandMark
from hub.purging import Purge
from hub.queries import roster
from hub.retention import Limits
from hub.store import HubStore, schema
from hub.store.check_ins import CheckInTransaction
from tests.sim.plans import plans
from tests.sim.records import RecordBook
from tests.unit.test_hub_presence import HOUR_MS, OSLO, RULE, oslo

MORNING_MS = oslo("2026-05-05T06:00")
PLOT = Steps(MORNING_MS, HOUR_MS, 10)
NOW_MS = MORNING_MS + 6 * HOUR_MS
KEY = Ed25519PrivateKey.generate()


@pytest.fixture
def ingest(store: HubStore) -> Ingest:
    return Ingest("yard", store, Signer("yard", KEY), closing=RULE)


def through(store: HubStore, rule: ClosingRule | None = RULE, now_ms: int = NOW_MS) -> list[int]:
    found = inside_through(store, PLOT, rule, now_ms)
    assert found[-1].people == len(roster(store, now_ms=now_ms, closing=rule))
    return [one.people for one in found]


def test_a_day_with_somebody_who_was_in_before_it(store: HubStore, ingest: Ingest) -> None:
    north, south = RecordBook("north"), RecordBook("south")
    north.passage("1", ENTRY, MORNING_MS - 5 * HOUR_MS)
    north.passage("2", ENTRY, MORNING_MS + HOUR_MS)
    south.passage("1", EXIT, MORNING_MS + 2 * HOUR_MS)
    south.passage("2", EXIT, MORNING_MS + 4 * HOUR_MS)
    south.passage("3", ENTRY, MORNING_MS + 4 * HOUR_MS)
    ingest.take([south.message()], NOW_MS)
    # Of the first one only the leaving is known, of the second too.
    assert through(store) == [0, 0, 0, 0, 1, 1, 1]
    ingest.take([north.message()], NOW_MS)
    assert through(store) == [1, 2, 1, 1, 1, 1, 1]


def test_who_forgot_to_leave_is_there_until_the_hour_of_the_rule(store: HubStore, ingest: Ingest) -> None:
    north = RecordBook()
    north.passage("1", ENTRY, oslo("2026-05-04T07:00"))
    north.passage("2", ENTRY, oslo("2026-05-04T20:00"))
    ingest.take([north.message()], NOW_MS)
    night = Steps(oslo("2026-05-05T01:00"), HOUR_MS, 4)
    assert [one.people for one in inside_through(store, night, RULE, NOW_MS)] == [2, 2, 1, 1, 1]
    assert through(store, rule=None) == [2] * 7
    # By the next night the other one is closed, too; and comes again.
    north.passage("1", ENTRY, oslo("2026-05-06T07:00"))
    ingest.take([north.message(3)], NOW_MS)
    later = Steps(oslo("2026-05-06T02:00"), HOUR_MS, 6)
    assert [one.people for one in inside_through(store, later, RULE, oslo("2026-05-06T08:00"))] == [1, 0, 0, 0, 0, 1, 1]


def test_a_passage_counts_at_its_right_time_when_the_clock_is_put_right(store: HubStore, ingest: Ingest) -> None:
    """P10: the gate woke up in 2020, and learned the time three hours later."""
    north = RecordBook()
    woke_ms = MORNING_MS
    north.passage("9", EXIT, MORNING_MS - 20 * HOUR_MS)
    for card, hours in (("1", 1), ("2", 2)):
        north.add(
            "passage.completed", at_ms=oslo("2020-01-01T00:00") + hours, monotonic_ms=hours * HOUR_MS, trusted=False,
            card=card, direction=ENTRY,
        )  # fmt: skip
    ingest.take([north.message()], NOW_MS)
    # Nobody knows better yet: they came in six years ago.
    assert through(store) == [0] * 7
    north.add(
        "clock.trusted", at_ms=woke_ms + 3 * HOUR_MS, monotonic_ms=3 * HOUR_MS,
        detail={"boot": "boot", "offset_ms": woke_ms, "moved_ms": 1},
    )  # fmt: skip
    north.passage("1", EXIT, MORNING_MS + 4 * HOUR_MS)
    ingest.take([north.message(4, 5)], NOW_MS)
    assert through(store) == [0, 1, 2, 2, 1, 1, 1]


def test_a_boot_that_was_long_without_a_clock_is_walked_to_its_beginning(store: HubStore, ingest: Ingest) -> None:
    north = RecordBook()
    north.append(north.add("gate.started", at_ms=MORNING_MS - HOUR_MS).replace(b'"boot":"boot"', b'"boot":"other"'))
    north.bodies.pop(0)
    for number in range(1, 60):
        north.add(
            "passage.completed", at_ms=1_000 + number, monotonic_ms=HOUR_MS + number, trusted=False,
            card=f"{number}", direction=ENTRY,
        )  # fmt: skip
    north.add("clock.trusted", at_ms=NOW_MS, detail={"boot": "boot", "offset_ms": MORNING_MS, "moved_ms": 1})
    ingest.take([north.message()], NOW_MS)
    assert through(store) == [0, 0, 59, 59, 59, 59, 59]


def test_the_words_of_the_office_count(store: HubStore, ingest: Ingest) -> None:
    north = RecordBook()
    north.passage("1", ENTRY, MORNING_MS + HOUR_MS)
    north.passage("2", EXIT, MORNING_MS + HOUR_MS)
    ingest.take([north.message()], NOW_MS)
    one, two = CardKey("hms", "1"), CardKey("hms", "2")
    check_out(store, HandMark(one, EXIT, MORNING_MS + 3 * HOUR_MS, "office", "by the side gate", NOW_MS), RULE)
    check_in(store, HandMark(two, ENTRY, MORNING_MS + 2 * HOUR_MS, "office", "lost the card", NOW_MS), RULE)
    assert through(store) == [0, 1, 2, 1, 1, 1, 1]


def test_what_another_system_told_counts_until_it_is_taken_back(store: HubStore, ingest: Ingest) -> None:
    north = RecordBook()
    north.passage("1", ENTRY, MORNING_MS + HOUR_MS)
    ingest.take([north.message()], NOW_MS)
    one, two = CardKey("hms", "1"), CardKey("hms", "2")
    came = CheckIn("a", ENTRY, two, MORNING_MS + 2 * HOUR_MS)
    told = [came, CheckIn("b", EXIT, one, MORNING_MS + 3 * HOUR_MS), CheckIn("c", "confirmed", one, NOW_MS - 1)]
    with store.taking_in() as connection:
        CheckInTransaction(connection).take("app", told, NOW_MS)
    assert through(store) == [0, 1, 2, 1, 1, 1, 1]
    with store.taking_in() as connection:
        CheckInTransaction(connection).take("app", [came._replace(deleted=True)], NOW_MS)
    assert through(store) == [0, 1, 1, 0, 0, 0, 0]


def test_p12_who_is_inside_stays_on_the_plot_when_the_record_of_it_is_deleted(store: HubStore, ingest: Ingest) -> None:
    north = RecordBook()
    north.passage("1", ENTRY, MORNING_MS + HOUR_MS)
    ingest.take([north.message()], NOW_MS)
    later_ms = NOW_MS + 200 * 24 * HOUR_MS
    Purge("yard", store, KEY, Limits(90, 365, None, OSLO)).all(later_ms)
    with store.reading() as connection:
        assert connection.execute(schema.events.select()).one().kind == "purged"
    assert [one.people for one in inside_through(store, PLOT, None, NOW_MS)] == [0, 1, 1, 1, 1, 1, 1]


def test_a_zone_within_the_site_is_inside_and_a_lane_out_of_it_leads_nobody_home(
    store: HubStore, ingest: Ingest
) -> None:
    north = RecordBook()
    north.add("passage.completed", at_ms=MORNING_MS + HOUR_MS, card="1", direction=ENTRY, zone="site/tunnel")
    north.add("passage.completed", at_ms=MORNING_MS + 2 * HOUR_MS, card="1", direction=EXIT, zone="site")
    north.add("passage.completed", at_ms=MORNING_MS + 3 * HOUR_MS, card="1", direction=EXIT, zone="")
    north.add("passage.completed", at_ms=MORNING_MS + 3 * HOUR_MS, direction=ENTRY)
    ingest.take([north.message()], NOW_MS)
    assert through(store) == [0, 1, 1, 0, 0, 0, 0]


def badge(book: RecordBook, at_ms: int, reason: str | None = None) -> None:
    book.add(
        "badge.refused" if reason else "badge.granted",
        at_ms=at_ms,
        card="1",
        direction=ENTRY,
        reason=reason or "granted",
    )


def test_badges_and_refusals(store: HubStore, ingest: Ingest) -> None:
    north = RecordBook()
    for second in (0, 10, 59):
        badge(north, MORNING_MS + second * 1000)
    badge(north, MORNING_MS + 60_000, "expired")
    badge(north, MORNING_MS + 61_000)
    badge(north, MORNING_MS + 179_999, "expired")
    badge(north, MORNING_MS + 179_999, "unknown_card")
    badge(north, MORNING_MS - 1, "blocked")
    badge(north, MORNING_MS + 180_000, "blocked")
    north.passage("1", ENTRY, MORNING_MS)
    ingest.take([north.message()], NOW_MS)
    found = badges_through(store, Steps(MORNING_MS, 60_000, 3))
    assert [(one.time_ms - MORNING_MS, one.granted, one.refused) for one in found] == [
        (0, 3, 0),
        (60_000, 1, 1),
        (120_000, 0, 2),
    ]
    assert refusals(store, MORNING_MS, MORNING_MS + 180_000) == [("expired", 2), ("unknown_card", 1)]
    assert refusals(store, MORNING_MS - 10, MORNING_MS) == [("blocked", 1)]
    assert inside_through(store, steps(NOW_MS, NOW_MS + 1), RULE, NOW_MS) == [Inside(NOW_MS, 1)]


def test_days_are_the_sites() -> None:
    day = day_of(date(2026, 10, 25), OSLO)
    assert (day.from_ms, day.until_ms - day.from_ms) == (oslo("2026-10-25T00:00"), 25 * HOUR_MS)
    spring = day_of(date(2026, 3, 29), OSLO)
    assert spring.until_ms - spring.from_ms == 23 * HOUR_MS


def test_p11_a_plot_reads_the_events_of_its_own_time_alone(tmp_path: Path) -> None:
    """By their index: what SQLite says of every statement that touches them."""

    def drawn() -> None:
        inside_through(store, PLOT, RULE, NOW_MS)
        badges_through(store, PLOT)
        refusals(store, MORNING_MS, NOW_MS)

    with closing(HubStore(tmp_path / "hub.sqlite3")) as store:
        steps_ = plans(store, drawn)
    assert sum("USING INDEX events_by_time" in one for one in steps_) == 3
    assert [one for one in steps_ if one.startswith("SCAN events")] == []
