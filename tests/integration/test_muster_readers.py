"""Cards at muster readers: through ingest and the database, in whatever order things come to be known."""

import contextlib
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gate.model import EventKind
from gate.uplink.contract import MUSTER_BADGE, Ack
from gate.uplink.signing import Signer, Verifier
from hub import queries
from hub.config import PostgresAddress
from hub.crew.csv_list import read_list
from hub.crew.importing import Terms, import_list
from hub.errors import OfficeError
from hub.ingest import Ingest
from hub.live import office_words
from hub.muster_readers import place_said
from hub.office import close_muster, close_muster_unaccounted, not_seen, seen_outside
from hub.purging import Purge
from hub.reports.as_text import as_text
from hub.reports.muster import muster
from hub.reports.report import Imprint
from hub.retention import Limits
from hub.roll_call import RollCall, latest_muster
from hub.store import HubStore
from hub.tables import muster_text
from tests.integration.test_hub_muster import (
    EXAMPLE,
    FIRE_MS,
    MIKOLAJ,
    MORNING_MS,
    RUTA,
    TORBJORG,
    fire,
    outcomes,
)
from tests.sim.memory_store import MemoryStore
from tests.sim.records import RecordBook
from tests.unit.test_hub_presence import HOUR_MS, OSLO, RULE

SECOND, MINUTE = 1_000, 60_000
CHIP = "04a1b2c3d4e5f6"
PRIVATE = Ed25519PrivateKey.generate()
SIGNER = Signer("yard", PRIVATE)
BY = "muster reader south/assembly at car-park"


@pytest.fixture
def store(database: Path | PostgresAddress) -> Iterator[HubStore]:
    with contextlib.closing(HubStore(database)) as opened:
        import_list(opened, read_list(EXAMPLE.read_bytes()), "crew.csv", Terms("office", MORNING_MS))
        yield opened


@pytest.fixture
def ingest(store: HubStore) -> Ingest:
    return Ingest("yard", store, SIGNER, closing=RULE)


def shows(book: RecordBook, card: str | None, at_ms: int, **data: Any) -> None:
    """As a gate with a reader at the assembly point tells of it."""
    trusted = bool(data.pop("trusted", True))
    medium = data.pop("medium", "chip")
    detail = {"reader": "assembly", "point": "car-park"}
    book.add("muster.badge", at_ms=at_ms, trusted=trusted, card=card, medium=medium, detail=detail, **data)


def inside(*cards: str) -> RecordBook:
    north = RecordBook("north")
    for place, card in enumerate(cards):
        north.passage(card, "entry", MORNING_MS + place * SECOND)
    return north


def call_of(store: HubStore) -> RollCall:
    call = latest_muster(store, RULE)
    assert call is not None
    return call


def test_a_card_at_the_assembly_point_accounts_for_its_holder(store: HubStore, ingest: Ingest) -> None:
    north, south = inside(TORBJORG.number, RUTA.number), RecordBook("south")
    fire(north)
    ingest.take([north.message()], FIRE_MS)
    shows(south, TORBJORG.number, FIRE_MS + MINUTE)
    ingest.take([south.message()], FIRE_MS + MINUTE)
    call = call_of(store)
    assert outcomes(call) == {RUTA.number: "missing", TORBJORG.number: "seen_outside"}
    (seen,) = [one for one in call.people if one.number == TORBJORG.number]
    assert (seen.seen_ms, seen.seen_by) == (FIRE_MS + MINUTE, BY)
    assert (seen.seen_reader, seen.seen_point) == ("south/assembly", "car-park")
    on_site = queries.roster(store, now_ms=FIRE_MS + MINUTE, closing=RULE)
    assert [one.number for one in on_site] == [RUTA.number], "who stands outside is not on site"
    assert (BY, "seen") in [(word.by, word.what) for word in office_words(store, 10)]


def test_p3_told_again_it_counts_once(store: HubStore, ingest: Ingest) -> None:
    north, south = inside(TORBJORG.number), RecordBook("south")
    fire(north)
    shows(south, TORBJORG.number, FIRE_MS + MINUTE)
    for _ in range(3):
        ingest.take([north.message(), south.message()], FIRE_MS + MINUTE)
        ingest.take([south.message()], FIRE_MS + MINUTE)
    assert len(checks(store)) == 1


def checks(store: HubStore) -> list[tuple[str, int, str]]:
    with store.looking() as looking:
        return [
            (one.card.number, one.at_ms, one.said_by)
            for muster in looking.musters()
            for one in looking.checks(muster.id)
        ]


def test_a_card_that_is_told_of_before_the_fire_is_right_when_the_fire_is_told(store: HubStore, ingest: Ingest) -> None:
    """The gate with the fire loop was cut off; the one at the assembly point was not."""
    north, south = inside(TORBJORG.number, RUTA.number), RecordBook("south")
    fire(north)
    shows(south, RUTA.number, FIRE_MS - MINUTE)
    shows(south, TORBJORG.number, FIRE_MS + MINUTE)
    ingest.take([south.message()], FIRE_MS + MINUTE)
    assert latest_muster(store, RULE) is None
    ingest.take([north.message()], FIRE_MS + 10 * MINUTE)
    assert outcomes(call_of(store)) == {RUTA.number: "missing", TORBJORG.number: "seen_outside"}
    assert checks(store) == [(TORBJORG.number, FIRE_MS + MINUTE, BY)]


def test_without_a_muster_a_card_is_kept_and_has_no_effect(store: HubStore, ingest: Ingest) -> None:
    north, south = inside(TORBJORG.number), RecordBook("south")
    shows(south, TORBJORG.number, MORNING_MS + HOUR_MS)
    ingest.take([north.message(), south.message()], MORNING_MS + HOUR_MS)
    assert checks(store) == []
    assert [one.number for one in queries.roster(store, now_ms=MORNING_MS + HOUR_MS, closing=RULE)] == [TORBJORG.number]
    assert [one.kind for one in queries.events(store, kind="muster.badge")] == ["muster.badge"]
    fire(north)
    ingest.take([north.message()], FIRE_MS)
    assert outcomes(call_of(store)) == {TORBJORG.number: "missing"}, "a test of the reader clears nobody"


def test_a_card_that_is_told_of_when_the_muster_is_closed_stands_on_it(store: HubStore, ingest: Ingest) -> None:
    north, south = inside(TORBJORG.number, RUTA.number), RecordBook("south")
    fire(north)
    ingest.take([north.message()], FIRE_MS)
    shows(south, TORBJORG.number, FIRE_MS + MINUTE)
    shows(south, RUTA.number, FIRE_MS + 2 * HOUR_MS)
    close_muster_unaccounted(store, "Warden", FIRE_MS + HOUR_MS, RULE)
    ingest.take([south.message()], FIRE_MS + 3 * HOUR_MS)
    call = call_of(store)
    assert not call.running
    assert outcomes(call) == {RUTA.number: "missing", TORBJORG.number: "seen_outside"}


def test_somebody_who_is_on_no_list_is_shown_as_such(store: HubStore, ingest: Ingest) -> None:
    north, south = inside(TORBJORG.number), RecordBook("south")
    fire(north)
    shows(south, "9999999", FIRE_MS + MINUTE)
    shows(south, RUTA.number, FIRE_MS + MINUTE)
    ingest.take([north.message(), south.message()], FIRE_MS + MINUTE)
    by_number = {one.number: one for one in call_of(store).people}
    assert outcomes(call_of(store)) == {
        TORBJORG.number: "missing", "9999999": "seen_outside", RUTA.number: "seen_outside",
    }  # fmt: skip
    assert [by_number[one].known_then for one in ("9999999", RUTA.number)] == [False, False]
    assert [by_number[one].name for one in ("9999999", RUTA.number)] == [None, "Rūta Žilinskė"]


def test_a_person_s_later_word_and_a_card_that_is_told_late_stand_in_the_order_of_their_times(
    store: HubStore, ingest: Ingest
) -> None:
    north, south = inside(TORBJORG.number), RecordBook("south")
    fire(north)
    ingest.take([north.message()], FIRE_MS)
    shows(south, TORBJORG.number, FIRE_MS + MINUTE)
    not_seen(store, TORBJORG, "Warden", FIRE_MS + 2 * MINUTE)
    ingest.take([south.message()], FIRE_MS + 10 * MINUTE)
    assert outcomes(call_of(store)) == {TORBJORG.number: "missing"}
    shows(south, TORBJORG.number, FIRE_MS + 11 * MINUTE)
    ingest.take([south.message()], FIRE_MS + 11 * MINUTE)
    assert outcomes(call_of(store)) == {TORBJORG.number: "seen_outside"}


def test_who_goes_in_again_after_the_card_is_looked_for(store: HubStore, ingest: Ingest) -> None:
    north, south = inside(TORBJORG.number), RecordBook("south")
    fire(north)
    shows(south, TORBJORG.number, FIRE_MS + MINUTE)
    north.passage(TORBJORG.number, "entry", FIRE_MS + 2 * MINUTE)
    ingest.take([south.message(), north.message()], FIRE_MS + 3 * MINUTE)
    assert outcomes(call_of(store)) == {TORBJORG.number: "missing"}


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("shown", [{"card": None}, {"card": "04A1B2", "medium": "uid"}])
def test_a_chip_alone_is_matched_to_the_card_that_came_in_with_it(
    store: HubStore, ingest: Ingest, shown: dict[str, str | None], late: bool
) -> None:
    """Also when the entry, which says whose chip it is, is told of after the card."""
    north, south = RecordBook("north"), RecordBook("south")
    north.add("passage.completed", at_ms=MORNING_MS, card=TORBJORG.number, direction="entry", lane="main", uid=CHIP)
    fire(south)
    shows(south, shown["card"], FIRE_MS + MINUTE, uid=CHIP, medium=shown.get("medium", "chip"))
    messages = [north.message(), south.message()]
    for message in reversed(messages) if late else messages:
        ingest.take([message], FIRE_MS + 2 * MINUTE)
    assert outcomes(call_of(store))[TORBJORG.number] == "seen_outside"
    assert len([one for one in checks(store) if one[0] == TORBJORG.number]) == 1


def test_a_chip_of_two_cards_accounts_for_neither(store: HubStore, ingest: Ingest) -> None:
    north, south = RecordBook("north"), RecordBook("south")
    for card in (TORBJORG, MIKOLAJ):
        north.add("passage.completed", at_ms=MORNING_MS, card=card.number, direction="entry", lane="main", uid=CHIP)
    fire(north)
    shows(south, None, FIRE_MS + MINUTE, uid=CHIP)
    ingest.take([north.message(), south.message()], FIRE_MS + MINUTE)
    assert outcomes(call_of(store)) == {TORBJORG.number: "missing", MIKOLAJ.number: "missing"}


def test_what_cannot_be_read_at_all_is_kept_and_says_nothing(store: HubStore, ingest: Ingest) -> None:
    north, south = inside(TORBJORG.number), RecordBook("south")
    fire(north)
    shows(south, None, FIRE_MS + MINUTE, reason="unreadable")
    ingest.take([north.message(), south.message()], FIRE_MS + MINUTE)
    assert outcomes(call_of(store)) == {TORBJORG.number: "missing"}


BOOTED_MS = FIRE_MS - HOUR_MS
"""When the gate at the assembly point was switched on, really; its clock says the year before."""


def slow(book: RecordBook, card: str, really_ms: int) -> None:
    """A card by a clock that nobody has set."""
    book.add(
        "muster.badge", at_ms=really_ms - 300 * 24 * HOUR_MS, monotonic_ms=really_ms - BOOTED_MS, trusted=False,
        card=card, medium="chip", detail={"reader": "assembly", "point": "car-park"},
    )  # fmt: skip


@pytest.mark.parametrize("one_by_one", [False, True])
def test_p10_by_a_clock_that_was_not_set_it_proves_nothing_until_it_is_set(
    store: HubStore, ingest: Ingest, one_by_one: bool
) -> None:
    north, south = inside(TORBJORG.number, RUTA.number), RecordBook("south")
    fire(north)
    slow(south, RUTA.number, FIRE_MS - MINUTE)
    slow(south, TORBJORG.number, FIRE_MS + MINUTE)
    ingest.take([north.message(), south.message()], FIRE_MS + 2 * MINUTE)
    assert outcomes(call_of(store)) == {TORBJORG.number: "missing", RUTA.number: "missing"}
    south.add("clock.trusted", at_ms=FIRE_MS + HOUR_MS, detail={"boot": "boot", "offset_ms": BOOTED_MS})
    slow(south, RUTA.number, FIRE_MS + 5 * MINUTE)
    for message in [south.message(3), south.message(4)] if one_by_one else [south.message()]:
        ingest.take([message], FIRE_MS + HOUR_MS)
    assert outcomes(call_of(store)) == {TORBJORG.number: "seen_outside", RUTA.number: "seen_outside"}
    assert sorted(checks(store)) == sorted(
        [(TORBJORG.number, FIRE_MS + MINUTE, BY), (RUTA.number, FIRE_MS + 5 * MINUTE, BY)]
    )


def test_a_clock_that_runs_ahead_puts_nobody_outside_in_the_future(store: HubStore, ingest: Ingest) -> None:
    north, south = inside(TORBJORG.number), RecordBook("south")
    fire(north)
    shows(south, TORBJORG.number, FIRE_MS + 5 * HOUR_MS)
    ingest.take([north.message(), south.message()], FIRE_MS + MINUTE)
    assert checks(store) == [(TORBJORG.number, FIRE_MS + MINUTE, BY)]


def test_of_two_musters_the_card_stands_on_the_one_that_ran_then(store: HubStore, ingest: Ingest) -> None:
    """A gate comes back and tells of yesterday's fire, and of the cards that were shown at it, while today's runs."""
    north, south = inside(TORBJORG.number), RecordBook("south")
    fire(south, FIRE_MS - 20 * HOUR_MS)
    shows(south, RUTA.number, FIRE_MS - 20 * HOUR_MS + MINUTE)
    fire(north)
    ingest.take([north.message()], FIRE_MS)
    ingest.take([south.message()], FIRE_MS + MINUTE)
    with store.looking() as looking:
        today, yesterday = looking.musters()
        assert [one.card for one in looking.checks(today.id)] == []
        assert [one.card for one in looking.checks(yesterday.id)] == [RUTA]


@pytest.mark.parametrize(
    "detail", [{}, {"reader": 7, "point": "x" * 300}, {"reader": "a\nb", "point": "Car park"}, {"reader": "../x"}]
)
def test_p9_words_of_a_gate_that_no_settings_allow_stand_in_nobody_s_name(
    store: HubStore, ingest: Ingest, detail: dict[str, str | int | bool]
) -> None:
    north, south = inside(TORBJORG.number), RecordBook("south")
    fire(north)
    south.add("muster.badge", at_ms=FIRE_MS + MINUTE, card=TORBJORG.number, detail=detail)
    ingest.take([north.message(), south.message()], FIRE_MS + MINUTE)
    ((_, _, by),) = checks(store)
    assert place_said(by) == ("south/unnamed", "unnamed")


def test_nobody_at_the_office_can_speak_as_a_reader(store: HubStore, ingest: Ingest) -> None:
    north = inside(TORBJORG.number)
    fire(north)
    ingest.take([north.message()], FIRE_MS)
    with pytest.raises(OfficeError, match="a reader's own word"):
        seen_outside(store, TORBJORG, BY, FIRE_MS + MINUTE)


def test_when_all_have_shown_their_cards_the_muster_can_be_closed(store: HubStore, ingest: Ingest) -> None:
    north, south = inside(TORBJORG.number, RUTA.number), RecordBook("south")
    fire(north)
    for card in (TORBJORG, RUTA):
        shows(south, card.number, FIRE_MS + MINUTE)
    ingest.take([north.message(), south.message()], FIRE_MS + MINUTE)
    assert close_muster(store, "Warden", FIRE_MS + HOUR_MS, RULE).unaccounted == 0


def test_p12_the_proof_outlives_the_events_it_was_made_from(store: HubStore, ingest: Ingest) -> None:
    north, south = inside(TORBJORG.number), RecordBook("south")
    fire(north)
    shows(south, TORBJORG.number, FIRE_MS + MINUTE)
    ingest.take([north.message(), south.message()], FIRE_MS + MINUTE)
    close_muster(store, "Warden", FIRE_MS + HOUR_MS, RULE)
    purge = Purge("yard", store, Ed25519PrivateKey.generate(), Limits(90, 365, None, OSLO))
    purge.all(FIRE_MS + 100 * 24 * HOUR_MS)
    assert [one.kind for one in queries.events(store, kind="muster.badge")] == []
    (person,) = call_of(store).people
    assert (person.outcome, person.seen_by, person.seen_ms) == ("seen_outside", BY, FIRE_MS + MINUTE)


@pytest.mark.parametrize(
    ("language", "by"), [("en", "reader south/assembly at car-park"), ("nb", "leser south/assembly")]
)
def test_the_report_says_which_reader_and_who_was_on_no_list(
    store: HubStore, ingest: Ingest, language: str, by: str
) -> None:
    north, south = inside(TORBJORG.number), RecordBook("south")
    fire(north)
    shows(south, TORBJORG.number, FIRE_MS + MINUTE)
    shows(south, "9999999", FIRE_MS + 2 * MINUTE)
    ingest.take([north.message(), south.message()], FIRE_MS + 2 * MINUTE)
    text = as_text(muster(call_of(store), Imprint("yard", language, OSLO, FIRE_MS + HOUR_MS)))
    assert by in text
    assert ("was not on the list" if language == "en" else "sto ikke på listen") in text
    assert "not on the list: nobody saw them go in" in muster_text(call_of(store))


def test_p2_two_processes_take_in_the_fire_and_the_card_at_the_same_moment(
    store: HubStore, database: Path | PostgresAddress
) -> None:
    """Whichever is first: the card finds the muster, or the muster finds the card."""
    north, south = inside(TORBJORG.number), RecordBook("south")
    Ingest("yard", store, SIGNER, closing=RULE).take([north.message()], MORNING_MS)
    for fire_ms in range(FIRE_MS, FIRE_MS + 6 * HOUR_MS, HOUR_MS):
        fire(north, fire_ms)
        shows(south, TORBJORG.number, fire_ms + MINUTE)
        start = threading.Barrier(2)

        def take(book: RecordBook, last: int, now_ms: int, start: threading.Barrier) -> None:
            with contextlib.closing(HubStore(database)) as another:
                ingest = Ingest("yard", another, SIGNER, closing=RULE)
                start.wait(30)
                ingest.take([book.message(*range(len(book.bodies) - last + 1, len(book.bodies) + 1))], now_ms)

        now_ms = fire_ms + 2 * MINUTE
        with ThreadPoolExecutor(2) as pool:
            both = [pool.submit(take, north, 2, now_ms, start), pool.submit(take, south, 1, now_ms, start)]
        assert [one.result() for one in both] == [None, None]
        assert outcomes(call_of(store))[TORBJORG.number] == "seen_outside"
        close_muster(store, "Warden", now_ms, RULE)
    assert len(checks(store)) == 6


def test_an_event_of_a_newer_gate_that_nobody_here_knows_is_kept_and_acknowledged(
    store: HubStore, ingest: Ingest
) -> None:
    """As a hub of before met a card at a muster reader."""
    south = RecordBook("south")
    south.add("muster.of.tomorrow", at_ms=FIRE_MS, card=TORBJORG.number, detail={"reader": "assembly"})
    (ack,) = ingest.take([south.message()], FIRE_MS)
    assert Verifier("yard", PRIVATE.public_key()).open(Ack, ack.payload).through == 1
    assert [one.kind for one in queries.events(store)] == ["muster.of.tomorrow"]


def test_gate_and_hub_mean_the_same_word() -> None:
    assert EventKind.MUSTER_BADGE == MUSTER_BADGE


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.randoms(use_true_random=False), st.integers(1, 9))
def test_p3_any_order_of_arrival_ticks_off_the_same_people(random: Random, at_once: int) -> None:
    """Fire, passages with chips, cards by number and by chip, and a clock that is set late."""
    north, south, east = (RecordBook(name) for name in ("north", "south", "east"))
    chips = [f"04a1b2c3d4e5{number:02x}" for number in range(6)]
    for number, chip in enumerate(chips):
        north.add(
            "passage.completed", at_ms=MORNING_MS + number * SECOND, card=f"531{number:04}", direction="entry",
            lane="main", uid=chip,
        )  # fmt: skip
    fire(north)
    shows(south, "5310000", FIRE_MS - SECOND)
    for number in (1, 2):
        shows(south, f"531{number:04}", FIRE_MS + number * MINUTE)
    shows(south, None, FIRE_MS + 3 * MINUTE, uid=chips[3])
    slow(east, "5310004", FIRE_MS + 4 * MINUTE)
    slow(east, "5310005", FIRE_MS - 4 * MINUTE)
    east.add("clock.trusted", at_ms=FIRE_MS + HOUR_MS, detail={"boot": "boot", "offset_ms": BOOTED_MS})
    messages = [book.message(seq + 1) for book in (north, south, east) for seq in range(len(book.bodies))]
    shuffled = [*messages, *random.sample(messages, 5)]
    random.shuffle(shuffled)
    memory = MemoryStore()
    taking = Ingest("yard", memory, SIGNER, closing=RULE)
    for start in range(0, len(shuffled), at_once):
        taking.take(shuffled[start : start + at_once], FIRE_MS + 2 * HOUR_MS)
    found = [one for words in memory.contents.checks.values() for one in words]
    assert sorted((one.card.number, one.at_ms) for one in found) == [
        (f"531{number:04}", FIRE_MS + number * MINUTE) for number in (1, 2, 3, 4)
    ]
