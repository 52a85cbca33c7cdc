"""What other systems at the site report counts wherever a word of the office counts, and can be taken back."""

import json
import random
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import select

from gate.uplink.signing import Signer
from hub import queries
from hub.central import streams
from hub.central.alarms import AlarmWatch
from hub.central.courier import Courier
from hub.central.happening import CONFIRMED, MOVEMENTS, REPORTED, WITHDRAWN, Happening, Place, Stream
from hub.central.ledger import Ledger
from hub.central.looking_back import backfill
from hub.central.overview import standing_alarms
from hub.central.site_alarms import FAILING, UNCONFIRMED, site_alarms, site_conditions
from hub.central.streams import Span
from hub.check_ins import Taken
from hub.config import ConfirmationSettings, HubConfig, NeighbourSettings
from hub.crew.csv_list import read_list
from hub.crew.importing import Terms, import_list
from hub.ingest import Ingest
from hub.office import check_in
from hub.person import Kept, erase, held
from hub.presence import CONFIRMATION, ENTRY, EXIT, CardKey, CheckIn, HandMark, Sighting, Sure, fold
from hub.presence import reported as sighting_of
from hub.purging import Purge
from hub.records import Rejected
from hub.retention import DAY_MS, Limits, What
from hub.roll_call import latest_muster
from hub.sources import confirmations, sources
from hub.sources_tables import confirmations_text, sources_text
from hub.stays import stays
from hub.store import HubStore, schema
from hub.store.check_ins import check_in_id
from hub.store.passages import read_sightings
from hub.tables import muster_text, roster_text
from tests.sim.records import START_MS, RecordBook
from tests.sim.targets import ScriptedTarget, courier_to
from tests.unit.test_hub_presence import OSLO, RULE

KEY = Ed25519PrivateKey.generate()
EXAMPLE = Path("config/crew.example.csv")
TORBJORG = CardKey("hms", "5310027")
MIKOLAJ = CardKey("hms", "5310118")
STRANGER = CardKey("hms", "8675309")
HOUR_MS = 3_600_000
SOURCE = "app"
KEPT = Kept(90, 365, None, RULE)


@pytest.fixture
def ingest(store: HubStore) -> Ingest:
    import_list(store, read_list(EXAMPLE.read_bytes()), "crew.csv", Terms("office", START_MS))
    return Ingest("yard", store, Signer("yard", KEY), closing=RULE)


def tell(store: HubStore, *told: CheckIn, now_ms: int = START_MS + 9 * HOUR_MS, source: str = SOURCE) -> Taken:
    with store.reporting() as reporting:
        taken = reporting.take(source, told, now_ms)
        reporting.succeeded(source, "so far", now_ms)
    return taken


def entry(name: str, at_h: float, card: CardKey | None = TORBJORG, *, deleted: bool = False) -> CheckIn:
    return CheckIn(name, ENTRY, card, START_MS + int(at_h * HOUR_MS), deleted)


def leaving(name: str, at_h: float, card: CardKey | None = TORBJORG, *, deleted: bool = False) -> CheckIn:
    return CheckIn(name, EXIT, card, START_MS + int(at_h * HOUR_MS), deleted)


def inside(store: HubStore) -> list[str]:
    return [one.number for one in queries.roster(store, now_ms=START_MS + 9 * HOUR_MS, closing=RULE)]


APP = Stream("@app")


def read(store: HubStore, after: int = 0) -> list[Happening]:
    """What targets are told of the app from there on."""
    with store.reading() as connection:
        end = streams.ends(connection)[APP]
        piece = streams.read(connection, "yard", Span(APP, after, end), 100)
        assert piece.through == end
        assert streams.find(connection, "yard", [Place(APP, one.seq) for one in piece.happenings]) == piece.happenings
    return piece.happenings


def stream(store: HubStore, after: int = 0) -> list[tuple[int, str, bool]]:
    found = read(store, after)
    return [(one.seq, f"{one.direction}@{(one.at_ms or 0) - START_MS}", one.kind == WITHDRAWN) for one in found]


def test_what_another_system_reports_is_on_the_roster_and_says_so(store: HubStore, ingest: Ingest) -> None:
    assert tell(store, entry("a", 1)) == Taken(new=1)
    (line,) = queries.roster(store, now_ms=START_MS + 2 * HOUR_MS, closing=RULE)
    assert (line.number, line.gate, line.certainty, line.sure) == ("5310027", "@app", "reported", "reported")
    assert "reported by another system" in roster_text([line])
    tell(store, leaving("b", 2))
    assert inside(store) == []


def test_p3_told_twice_it_counts_once(store: HubStore, ingest: Ingest) -> None:
    assert tell(store, entry("a", 1), entry("a", 1)) == Taken(new=1)
    change = store.presence_change()
    assert tell(store, entry("a", 1)) == Taken()
    assert stream(store) == [(1, f"entry@{HOUR_MS}", False)]
    assert store.presence_change() == change


def test_late_ones_count_by_their_own_time(store: HubStore, ingest: Ingest) -> None:
    tell(store, leaving("b", 3))
    tell(store, entry("a", 1))
    assert inside(store) == []
    book = RecordBook()
    book.passage("5310027", ENTRY, START_MS + 2 * HOUR_MS)
    ingest.take([book.message()], START_MS + 8 * HOUR_MS)
    assert inside(store) == []
    book.passage("5310027", ENTRY, START_MS + 4 * HOUR_MS)
    ingest.take([book.message(2)], START_MS + 8 * HOUR_MS)
    (line,) = queries.roster(store, now_ms=START_MS + 9 * HOUR_MS, closing=RULE)
    assert (line.gate, line.sure) == ("north", "confirmed")


def test_one_that_is_taken_back_leaves_what_the_gates_have_seen(store: HubStore, ingest: Ingest) -> None:
    book = RecordBook()
    book.passage("5310027", ENTRY, START_MS)
    ingest.take([book.message()], START_MS)
    tell(store, leaving("b", 2))
    assert inside(store) == []
    before = store.presence_change()
    assert tell(store, CheckIn("b", EXIT, deleted=True)) == Taken(withdrawn=1)
    (line,) = queries.roster(store, now_ms=START_MS + 9 * HOUR_MS, closing=RULE)
    assert (line.number, line.gate, line.since_ms) == ("5310027", "north", START_MS)
    assert store.presence_change() > before
    assert stream(store) == [(2, f"exit@{2 * HOUR_MS}", True)]
    assert tell(store, CheckIn("b", EXIT, deleted=True)) == Taken()


def test_of_whom_nothing_else_is_known_is_not_there_after_it_was_taken_back(store: HubStore, ingest: Ingest) -> None:
    tell(store, entry("a", 1), entry("m", 1, MIKOLAJ))
    before = store.presence_change()
    tell(store, CheckIn("a", ENTRY, deleted=True))
    assert inside(store) == ["5310118"]
    assert store.presence_change() > before


def test_what_was_taken_back_before_it_was_known_never_was(store: HubStore, ingest: Ingest) -> None:
    assert tell(store, CheckIn("a", ENTRY, deleted=True)) == Taken()
    assert tell(store, entry("a", 1), CheckIn("a", ENTRY, deleted=True)) == Taken()
    assert (inside(store), stream(store)) == ([], [])


def test_one_that_was_moved_counts_at_its_new_time_and_card_alone(store: HubStore, ingest: Ingest) -> None:
    tell(store, entry("a", 5), leaving("b", 4))
    assert inside(store) == ["5310027"]
    assert tell(store, entry("a", 3)) == Taken(changed=1)
    assert inside(store) == []
    assert tell(store, entry("a", 3, MIKOLAJ)) == Taken(changed=1)
    assert inside(store) == ["5310118"]
    with store.reading() as connection:
        (found,) = streams.find(connection, "yard", [Place(APP, seq) for seq in (1, 3, 4)])
    assert (found.id, found.kind) == (check_in_id("app", "a", ENTRY, 3), REPORTED)
    assert stream(store, after=2) == [(4, f"entry@{3 * HOUR_MS}", False)]


def test_in_whatever_order_and_however_often_it_is_told_the_roster_is_the_same(store: HubStore, ingest: Ingest) -> None:
    """Against a fold over what is left at the end, with gates and the office in between."""
    dice = random.Random(20261121)
    cards = [TORBJORG, MIKOLAJ, STRANGER]
    for round_ in range(12):
        source = f"app{round_}"
        left: dict[tuple[str, str], CheckIn] = {}
        for _ in range(30):
            direction = dice.choice((ENTRY, EXIT))
            name = f"{dice.randrange(8)}"
            at_ms = START_MS + dice.randrange(8 * HOUR_MS)
            one = CheckIn(name, direction, dice.choice(cards), at_ms, deleted=dice.random() < 0.25)
            if (name, direction) in left or not one.deleted:
                left[name, direction] = one
            tell(store, one, *dice.choices(list(left.values()), k=min(2, len(left))), source=source)
        with store.reading() as connection:
            table = schema.check_ins
            rows = connection.execute(select(table).where(table.c.source == source)).all()
            seqs = [row.seq for row in rows]
        assert len(set(seqs)) == len(seqs)
        seen = [sighting_of(source, one, 0) for one in left.values()]
        expected = fold(one for one in seen if one is not None)
        with store.looking() as looking:
            presence = {one.card: one for one in looking.everybody()}
        assert {card: _place(one) for card, one in presence.items()} == {
            card: _place(one) for card, one in expected.items()
        }
        for row in rows:
            gone = CheckIn(row.theirs, row.direction, deleted=True)
            tell(store, gone, source=source)
        with store.looking() as looking:
            assert list(looking.everybody()) == []


def _place(sighting: Sighting) -> tuple[int, str]:
    return sighting.time_ms, sighting.direction


def test_p10_a_corrected_clock_puts_gates_and_other_systems_into_their_right_order(
    store: HubStore, ingest: Ingest
) -> None:
    """The gate saw the exit by a clock that stood hours behind; in truth it was after the app's check-in."""
    tell(store, entry("a", 2))
    slow = RecordBook("south")
    slow.passage("5310027", EXIT, START_MS - HOUR_MS, trusted=False)
    ingest.take([slow.message(1)], START_MS + 5 * HOUR_MS)
    assert inside(store) == ["5310027"]
    offset_ms = START_MS + 3 * HOUR_MS - json.loads(slow.bodies[0])["data"]["clock"]["monotonic_ms"]
    slow.add("clock.trusted", at_ms=START_MS + 4 * HOUR_MS, detail={"boot": "boot", "offset_ms": offset_ms})
    ingest.take([slow.message(2)], START_MS + 5 * HOUR_MS)
    assert inside(store) == []
    tell(store, CheckIn("a", ENTRY, deleted=True))
    with store.looking() as looking:
        seen = looking.last_seen([TORBJORG])[TORBJORG]
    assert (seen.gate, seen.time_ms) == ("south", START_MS + 3 * HOUR_MS)


def test_who_came_by_an_app_is_on_the_muster_and_an_app_takes_nobody_off_it(store: HubStore, ingest: Ingest) -> None:
    tell(store, entry("a", 1), entry("m", 1, MIKOLAJ), leaving("n", 2, MIKOLAJ), now_ms=START_MS + 2 * HOUR_MS)
    book = RecordBook()
    book.add("lane.mode", at_ms=START_MS + 3 * HOUR_MS, lane="main", detail={"mode": "evacuated", "by": "x"})
    ingest.take([book.message()], START_MS + 3 * HOUR_MS)
    call = latest_muster(store, RULE)
    assert call is not None
    assert [(one.number, one.outcome, one.sure, one.gate) for one in call.people] == [
        ("5310027", "missing", "reported", "@app")
    ]
    assert "reported by another system" in muster_text(call)
    tell(store, leaving("b", 3.1))
    call = latest_muster(store, RULE)
    assert call is not None
    (called,) = call.people
    assert (called.outcome, [one.direction for one in called.passages]) == ("missing", ["exit"])
    # Told late: the app had seen somebody come before it began, and that one is to be looked for as well.
    tell(store, entry("s", 2.9, STRANGER))
    call = latest_muster(store, RULE)
    assert call is not None
    assert [(one.number, one.known_then, one.known_now) for one in call.people] == [
        ("5310027", True, True),
        ("8675309", False, True),
    ]


def test_gates_are_not_told_of_who_an_app_has_checked_in(store: HubStore, ingest: Ingest) -> None:
    """Otherwise the turnstile would refuse, as entered twice, whoever checks in on the way to it."""
    tell(store, entry("a", 1), entry("m", 1, MIKOLAJ), leaving("n", 2, MIKOLAJ))
    assert [(one.card, one.zone) for one in store.located(0, 0)] == [(MIKOLAJ, "")]
    with store.office() as office:
        assert office.close_forgotten(RULE, START_MS + 40 * HOUR_MS) == 1
    assert {one.card: one.zone for one in store.located(0, 0)} == {MIKOLAJ: "", TORBJORG: ""}


def test_confirmations_move_nobody_and_a_missing_one_is_shown(store: HubStore, ingest: Ingest) -> None:
    with store.writing() as connection:
        assignments = schema.assignments
        these = assignments.c.number.in_(("5310027", "5310118"))
        connection.execute(assignments.update().where(these).values(groups="warden safety-critical"))
    settings = ConfirmationSettings(group="safety-critical")
    tell(store, entry("a", 0), entry("m", 0, MIKOLAJ), entry("s", 0, STRANGER))
    tell(store, CheckIn("c", CONFIRMATION, TORBJORG, START_MS + HOUR_MS // 2))
    tell(store, CheckIn("d", CONFIRMATION, CardKey("hms", "5310209"), START_MS + HOUR_MS // 2))
    assert sorted(inside(store)) == ["5310027", "5310118", "8675309"]
    at_ms = START_MS + HOUR_MS + 60_001
    found = confirmations(store, settings, at_ms, RULE)
    assert [(one.number, one.missing, one.confirmed_ms) for one in found] == [
        ("5310118", True, None),
        ("5310027", False, START_MS + HOUR_MS // 2),
    ]
    text = confirmations_text(found, settings.group)
    assert text.endswith("2 of the group safety-critical are inside; missing: 1.")
    assert [one.missing for one in confirmations(store, settings, START_MS + HOUR_MS, RULE)] == [False, False]
    assert [(one.kind, one.direction) for one in read(store, 3)] == [(CONFIRMED, CONFIRMATION)] * 2
    assert not {CONFIRMED, WITHDRAWN} & MOVEMENTS
    config = HubConfig(site="yard", confirmations=settings)
    (alarm,) = site_conditions(store, config, at_ms)
    assert alarm[:2] == (UNCONFIRMED, "safety-critical")
    assert alarm.words == "1 of 2 inside have not confirmed; see: hub confirmations"
    tell(store, CheckIn("c", CONFIRMATION, deleted=True))
    assert [one.missing for one in confirmations(store, settings, at_ms, RULE)] == [True, True]
    tell(store, leaving("x", 1), leaving("y", 1, MIKOLAJ))
    assert confirmations(store, settings, at_ms, RULE) == []
    assert confirmations(store, ConfirmationSettings(), at_ms, RULE) == []


def test_unknown_cards_and_people_without_a_card_are_for_the_operator(store: HubStore, ingest: Ingest) -> None:
    tell(store, entry("a", 1), entry("s", 1, STRANGER), leaving("s", 2, STRANGER), entry("n", 1, None))
    with store.reporting() as reporting:
        why = Rejected("@app", b"", "row 3, time: is no time", START_MS)
        reporting.set_aside("app", [why])
        reporting.set_aside("app", [why])
    settings = [NeighbourSettings(name="app", kind="mapped"), NeighbourSettings(name="gone-quiet", kind="ditio")]
    page = sources(store, settings, ["two deliver"], START_MS + 9 * HOUR_MS)
    app, quiet = page.sources
    assert (app.unknown_cards, app.without_card, app.set_aside, app.aside) == (1, 1, 1, ("row 3, time: is no time",))
    assert (app.kept, app.taken, app.late, app.wrong, app.age_ms) == (4, 4, False, None, 0)
    assert (quiet.late, quiet.succeeded_ms) == (True, None)
    text = sources_text(page)
    for said in ("1 cards that no crew list names", "1 registrations without", "never read", "warning: two deliver"):
        assert said in text
    with store.reporting() as reporting:
        reporting.failed("app", "answers 503", START_MS + 10 * HOUR_MS)
        reporting.failed("app", "answers 503", START_MS + 11 * HOUR_MS)
    (app,) = sources(store, settings[:1], [], START_MS + 12 * HOUR_MS).sources
    assert (app.wrong, app.wrong_since_ms, app.cursor) == ("answers 503", START_MS + 10 * HOUR_MS, "so far")
    assert sources(store, [], [], START_MS).sources[0].kind is None
    config = HubConfig(site="yard", sources=tuple(settings[:1]))
    watch = AlarmWatch(store, (), site_alarms(store, config))
    for minutes, standing in ((4, []), (6, [FAILING]), (7, [FAILING])):
        watch.look(START_MS + 10 * HOUR_MS + minutes * 60_000)
        with store.reading() as connection:
            assert [one.name for one in standing_alarms(connection)] == standing
    with store.reporting() as reporting:
        reporting.succeeded("app", "further", START_MS + 11 * HOUR_MS)
    watch.look(START_MS + 11 * HOUR_MS)
    with store.reading() as connection:
        assert list(standing_alarms(connection)) == []


def test_p12_a_person_gets_it_and_may_have_it_erased(store: HubStore, ingest: Ingest) -> None:
    tell(store, entry("a", 1), leaving("b", 2))
    told = held(store, "yard", TORBJORG, KEPT, ("Office", START_MS + 9 * HOUR_MS))
    assert [(row["source"], row["direction"]) for row in told.others["check_ins"]] == [
        ("app", "entry"),
        ("app", "exit"),
    ]
    purge = Purge("yard", store, KEY, Limits(90, 365, None, OSLO))
    gone = erase(store, purge, TORBJORG, KEPT, ("Office", START_MS + 9 * HOUR_MS)).gone
    assert gone.counts["check_ins"] == 2
    assert tell(store, entry("m", 3, MIKOLAJ)) == Taken(new=1)
    assert [seq for seq, _, _ in stream(store)] == [3]


def test_p12_it_goes_with_the_passages_and_no_number_comes_twice(store: HubStore, ingest: Ingest) -> None:
    purge = Purge("yard", store, KEY, Limits(90, 365, None, OSLO))
    tell(store, entry("a", 1), leaving("b", 2), now_ms=START_MS + 2 * HOUR_MS)
    assert What.PASSAGES not in purge.all(START_MS + 80 * DAY_MS)
    gone = purge.all(START_MS + 95 * DAY_MS)[What.PASSAGES]
    assert (gone.counts["check_ins"], gone.counts["presence"]) == (2, 1)
    tell(store, entry("m", 1, MIKOLAJ), now_ms=START_MS + 95 * DAY_MS)
    assert [seq for seq, _, _ in stream(store)] == [3]


def test_hours_and_the_days_list_know_who_came_by_an_app_and_say_how_sure(store: HubStore, ingest: Ingest) -> None:
    book = RecordBook()
    book.passage("5310027", ENTRY, START_MS)
    ingest.take([book.message()], START_MS)
    tell(store, leaving("b", 2), entry("m", 1, MIKOLAJ), leaving("n", 3, MIKOLAJ))
    tell(store, CheckIn("c", CONFIRMATION, CardKey("hms", "5310209"), START_MS + HOUR_MS))
    tell(store, leaving("n", 4, MIKOLAJ), entry("x", 1, STRANGER), entry("x", 1, STRANGER, deleted=True))
    with store.reading() as connection:
        seen = [one for of_card in read_sightings(connection) for one in of_card]
        day = queries.passed_between(connection, START_MS - HOUR_MS, START_MS + 9 * HOUR_MS)
        after = queries.passed_between(connection, START_MS + 2 * HOUR_MS + 1, START_MS + 9 * HOUR_MS)
    assert [
        (one.card, one.out_ms and one.in_ms and one.out_ms - one.in_ms, one.sure) for one in stays(seen, RULE, 0)
    ] == [
        (TORBJORG, 2 * HOUR_MS, Sure.REPORTED),
        (MIKOLAJ, 3 * HOUR_MS, Sure.REPORTED),
    ]
    assert (day, after) == ({TORBJORG, MIKOLAJ}, {MIKOLAJ})


def test_a_word_of_the_office_and_an_app_are_weighed_by_time(store: HubStore, ingest: Ingest) -> None:
    tell(store, entry("a", 1), leaving("b", 2), now_ms=START_MS + 3 * HOUR_MS)
    said = HandMark(TORBJORG, ENTRY, START_MS + 3 * HOUR_MS, "Office", "came back", START_MS + 3 * HOUR_MS)
    check_in(store, said, RULE)
    tell(store, CheckIn("b", EXIT, deleted=True))
    (line,) = queries.roster(store, now_ms=START_MS + 4 * HOUR_MS, closing=RULE)
    assert line.sure == "manual"


def test_p3_a_target_is_told_of_each_once_of_a_change_anew_and_of_nothing_that_was_taken_back(
    store: HubStore, ingest: Ingest
) -> None:
    target = ScriptedTarget()
    ledger, courier = Ledger(store, "yard", "client"), courier_to(store, target)
    ledger.enter("scripted", 0, START_MS)
    tell(store, entry("a", 1), entry("m", 1, MIKOLAJ), CheckIn("c", CONFIRMATION, TORBJORG, START_MS + 2 * HOUR_MS))
    _run(courier, 10 * HOUR_MS)
    tell(store, entry("a", 2), CheckIn("m", ENTRY, deleted=True), entry("a2", 3))
    # Taken back before the courier has looked.
    tell(store, CheckIn("a2", ENTRY, deleted=True))
    _run(courier, 11 * HOUR_MS)
    _run(courier, 12 * HOUR_MS)
    expected = [("a", ENTRY, 1), ("m", ENTRY, 1), ("a", ENTRY, 2)]
    assert target.got == [check_in_id("app", *one) for one in expected]
    said = [target.bodies[one].decode().split(maxsplit=3)[:3] for one in target.got]
    assert [(number, int(at_ms) - START_MS) for number, _, at_ms in said] == [
        ("5310027", HOUR_MS),
        ("5310118", HOUR_MS),
        ("5310027", 2 * HOUR_MS),
    ]


def _run(courier: Courier, at_ms: int) -> None:
    now_ms = START_MS + at_ms
    for _ in range(20):
        now_ms += max(1, courier.turn(now_ms))


def test_a_target_that_came_late_is_told_of_what_is_there(store: HubStore, ingest: Ingest) -> None:
    tell(store, entry("a", 1), entry("m", 3, MIKOLAJ), now_ms=START_MS + HOUR_MS)
    target = ScriptedTarget()
    ledger, courier = Ledger(store, "yard", "client"), courier_to(store, target)
    ledger.enter("scripted", None, START_MS + 4 * HOUR_MS)
    _run(courier, 5 * HOUR_MS)
    assert target.got == []
    list(backfill(ledger, target, START_MS + 2 * HOUR_MS, lambda: START_MS + 6 * HOUR_MS, clock_wait_ms=0))
    _run(courier, 6 * HOUR_MS)
    assert target.got == [check_in_id("app", "m", ENTRY, 1)]
