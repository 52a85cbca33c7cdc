"""Presence by gates and by people, and an evacuation: through ingest, the database and the command line."""

import contextlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gate.uplink.signing import Signer
from hub import queries
from hub.cli import main
from hub.config import PostgresAddress
from hub.crew.csv_list import read_list
from hub.crew.importing import Terms, import_list
from hub.housekeeping import Housekeeping
from hub.ingest import Ingest
from hub.office import check_in, check_out, seen_outside
from hub.presence import CardKey, HandMark
from hub.purging import Purge
from hub.retention import Limits
from hub.roll_call import RollCall, latest_muster
from hub.store import HubStore
from tests.sim.memory_store import MemoryStore
from tests.sim.records import RecordBook
from tests.unit.test_hub_presence import HOUR_MS, OSLO, RULE, oslo

EXAMPLE = Path("config/crew.example.csv")
TORBJORG, MIKOLAJ, RUTA, SANDER = (CardKey("hms", number) for number in ("5310027", "5310035", "5310118", "5310126"))
MORNING_MS = oslo("2026-05-05T07:00")
FIRE_MS = oslo("2026-05-05T10:00")
SIGNER = Signer("yard", Ed25519PrivateKey.generate())


@pytest.fixture
def store(database: Path | PostgresAddress) -> Iterator[HubStore]:
    with contextlib.closing(HubStore(database)) as opened:
        import_list(opened, read_list(EXAMPLE.read_bytes()), "crew.csv", Terms("office", MORNING_MS))
        yield opened


@pytest.fixture
def ingest(store: HubStore) -> Ingest:
    return Ingest("yard", store, SIGNER, closing=RULE)


@pytest.fixture
def hub(tmp_path: Path, database: Path | PostgresAddress, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command line on the same database."""
    text = f'site = "yard"\nstate_dir = "{tmp_path / "state"}"\n'
    if isinstance(database, PostgresAddress):
        text += f'database = "{database.url}"\n'
    settings_file = tmp_path / "hub.toml"
    settings_file.write_text(text, encoding="utf-8")
    monkeypatch.setenv("PORTVAKT_HUB_CONFIG", str(settings_file))


def fire(book: RecordBook, at_ms: int = FIRE_MS) -> None:
    """As a gate with one lane tells of it."""
    book.add("lane.mode", at_ms=at_ms, lane="main", detail={"mode": "evacuated", "by": "fire loop"})
    book.add("alarm.raised", at_ms=at_ms, detail={"alarm": "fire", "what": "the fire loop is open"})


def outcomes(call: RollCall | None) -> dict[str, str]:
    assert call is not None
    return {one.number: one.outcome for one in call.people}


def test_an_evacuation_freezes_everybody_and_what_follows_stands_beside_them(store: HubStore, ingest: Ingest) -> None:
    north, south = RecordBook("north"), RecordBook("south")
    north.passage("5310035", "entry", oslo("2026-05-04T07:00"))
    north.passage("5310027", "entry", MORNING_MS)
    north.passage("5310118", "entry", MORNING_MS + 60_000)
    south.passage("5310126", "entry", MORNING_MS)
    south.passage("5310126", "exit", MORNING_MS + HOUR_MS)
    fire(north)
    south.passage("5310118", "exit", FIRE_MS + 60_000)
    ingest.take([north.message(), south.message()], FIRE_MS + 61_000)
    call = latest_muster(store, RULE)
    assert outcomes(call) == {"5310027": "missing", "5310035": "may_be_inside", "5310118": "went_out"}
    assert call is not None
    assert (call.running, call.began_ms, call.cause, call.then, call.unaccounted) == (True, FIRE_MS, "fire", 3, 2)
    assert {one.name for one in call.people} == {"Torbjørg Åsnes", "Mikołaj Wrzosek", "Rūta Žilinskė"}
    seen_outside(store, TORBJORG, "Warden", FIRE_MS + 120_000)
    seen_outside(store, MIKOLAJ, "Warden", FIRE_MS + 120_000)
    assert outcomes(latest_muster(store, RULE)) == {
        "5310118": "went_out",
        "5310027": "seen_outside",
        "5310035": "seen_outside",
    }
    assert queries.roster(store, now_ms=FIRE_MS + 120_000, closing=RULE) == []


def test_a_gate_that_comes_back_after_a_day_changes_what_is_known_now_and_not_what_was_known_then(
    store: HubStore, ingest: Ingest
) -> None:
    north, south = RecordBook("north"), RecordBook("south")
    north.passage("5310027", "entry", MORNING_MS)
    fire(north)
    ingest.take([north.message()], FIRE_MS)
    south.passage("5310118", "entry", MORNING_MS)
    south.passage("5310027", "exit", MORNING_MS + HOUR_MS)
    fire(south, FIRE_MS + 1000)
    south.passage("5310118", "exit", oslo("2026-05-05T15:00"))
    ingest.take([south.message()], FIRE_MS + 24 * HOUR_MS)
    call = latest_muster(store, RULE)
    assert outcomes(call) == {"5310027": "left_before", "5310118": "went_out"}
    assert call is not None
    assert (call.then, call.now) == (1, 1)
    assert {one.number: (one.known_then, one.known_now) for one in call.people} == {
        "5310027": (True, False),
        "5310118": (False, True),
    }
    with store.looking() as looking:
        assert len(looking.musters()) == 1


@pytest.mark.parametrize(
    ("then", "listed"),
    [
        # Out by the right time after the hub had heard of the entry: gone.
        ([("south", "exit", MORNING_MS + HOUR_MS)], {}),
        # Out again at the same gate, whatever its clock says.
        ([("north", "exit", 86_400_000 + HOUR_MS)], {}),
        ([], {"5310027": "may_be_inside"}),
    ],
)
def test_p10_who_went_in_by_a_clock_that_was_not_set_is_on_the_muster(
    store: HubStore, ingest: Ingest, then: list[tuple[str, str, int]], listed: dict[str, str]
) -> None:
    """By its time the entry is older than the exit of the evening before, so the roster has them outside."""
    books = {name: RecordBook(name) for name in ("north", "south", "east")}
    books["east"].passage("5310027", "exit", MORNING_MS - 15 * HOUR_MS)
    books["north"].passage("5310027", "entry", 86_400_000, trusted=False)
    ingest.take([books["east"].message(), books["north"].message()], MORNING_MS)
    for gate, direction, at_ms in then:
        books[gate].passage("5310027", direction, at_ms, trusted=gate != "north")
        ingest.take([books[gate].message()], MORNING_MS + HOUR_MS + 1)
    assert queries.roster(store, now_ms=FIRE_MS, closing=RULE) == []
    fire(books["east"])
    ingest.take([books["east"].message()], FIRE_MS)
    assert outcomes(latest_muster(store, RULE)) == listed


def test_a_fire_that_is_told_of_a_day_late_is_mustered_as_of_then(store: HubStore, ingest: Ingest) -> None:
    north, south = RecordBook("north"), RecordBook("south")
    north.passage("5310027", "entry", MORNING_MS)
    north.passage("5310027", "exit", oslo("2026-05-05T15:00"))
    north.passage("5310118", "entry", oslo("2026-05-05T12:00"))
    ingest.take([north.message()], oslo("2026-05-05T16:00"))
    fire(south)
    ingest.take([south.message()], FIRE_MS + 24 * HOUR_MS)
    call = latest_muster(store, RULE)
    assert call is not None
    assert (call.running, call.closed_by, call.then) == (False, None, 1)
    assert outcomes(call) == {"5310027": "went_out", "5310118": "came_in"}


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.randoms(use_true_random=False), st.integers(1, 9))
def test_p3_any_order_of_arrival_folds_to_the_same_roster(
    tmp_path_factory: pytest.TempPathFactory, random: Random, at_once: int
) -> None:
    """Gates with right clocks and with wrong ones that were set later; in any order and any number of times."""
    books = [RecordBook("north"), RecordBook("south"), RecordBook("east")]
    numbers = ["5310027", "5310035", "5310118"]
    for number in range(30):
        book = books[number * 7 % 3]
        slow = book is books[2]
        at_ms = MORNING_MS + number * 600_000 - (5 * HOUR_MS if slow else 0)
        book.passage(numbers[number * 5 % 3], "entry" if number % 4 < 2 else "exit", at_ms, trusted=not slow)
    offset = books[2]
    body_offset_ms = 1_780_000_000_000 + 5 * HOUR_MS
    offset.add("clock.trusted", at_ms=MORNING_MS + 6 * HOUR_MS, detail={"boot": "boot", "offset_ms": body_offset_ms})
    messages = [book.message(seq + 1) for book in books for seq in range(len(book.bodies))]

    def presence(order: Sequence[tuple[str, bytes]], size: int) -> object:
        memory = MemoryStore()
        taking = Ingest("yard", memory, SIGNER, closing=RULE)
        for start in range(0, len(order), size):
            taking.take(order[start : start + size], MORNING_MS + 24 * HOUR_MS)
        return memory.contents.presence

    shuffled = [*messages, *random.sample(messages, 5)]
    random.shuffle(shuffled)
    assert presence(shuffled, at_once) == presence(messages, len(messages))


def test_a_word_of_the_office_is_kept_and_a_passage_after_it_counts(store: HubStore, ingest: Ingest) -> None:
    north = RecordBook("north")
    north.passage("5310027", "entry", MORNING_MS)
    ingest.take([north.message(1)], MORNING_MS)
    at_ms = oslo("2026-05-05T15:00")
    mark = HandMark(TORBJORG, "exit", at_ms, "Site office", "left by the side gate", at_ms + HOUR_MS)
    assert check_out(store, mark, RULE)[1:] == ("", at_ms, "manual")
    assert queries.roster(store, now_ms=at_ms, closing=RULE) == []
    # A passage that was before it, told later, changes nothing.
    north.passage("5310027", "exit", MORNING_MS + HOUR_MS)
    north.passage("5310027", "entry", MORNING_MS + 2 * HOUR_MS)
    ingest.take([north.message(2, 3)], at_ms + HOUR_MS)
    assert queries.roster(store, now_ms=at_ms, closing=RULE) == []
    assert check_in(store, mark._replace(direction="entry", at_ms=at_ms + 1), RULE).inside
    (entry,) = queries.roster(store, now_ms=at_ms + HOUR_MS, closing=RULE)
    assert (entry.sure, entry.since_ms) == ("manual", at_ms + 1)


def test_p10_a_word_outlives_the_correction_of_a_clock(store: HubStore, ingest: Ingest) -> None:
    """The clock of a gate is set after the office had said that somebody left: what the office said still counts."""
    slow = RecordBook("north")
    slow.passage("5310027", "entry", MORNING_MS - 3 * HOUR_MS, trusted=False)
    ingest.take([slow.message()], MORNING_MS)
    said = HandMark(TORBJORG, "exit", MORNING_MS + HOUR_MS, "Site office", "seen leaving", MORNING_MS + HOUR_MS)
    check_out(store, said, RULE)
    offset_ms = 1_780_000_000_000 + 3 * HOUR_MS
    slow.add("clock.trusted", at_ms=MORNING_MS + 2 * HOUR_MS, detail={"boot": "boot", "offset_ms": offset_ms})
    ingest.take([slow.message(2)], MORNING_MS + 2 * HOUR_MS)
    assert queries.roster(store, now_ms=MORNING_MS + 2 * HOUR_MS, closing=RULE) == []


def test_the_closing_hour_is_told_to_the_gates_and_gives_way_to_a_late_passage(store: HubStore, ingest: Ingest) -> None:
    north = RecordBook("north")
    north.passage("5310027", "entry", MORNING_MS)
    ingest.take([north.message(1)], MORNING_MS)
    limits = Limits(90, 365, None, OSLO)
    housekeeping = Housekeeping(store, RULE, Purge("yard", store, Ed25519PrivateKey.generate(), limits))
    told = store.presence_change()
    housekeeping.tick(oslo("2026-05-06T02:59:59"))
    assert store.presence_change() == told
    housekeeping.tick(oslo("2026-05-06T03:01"))
    (located,) = store.located(told, 0)
    assert (located.card, located.zone) == (TORBJORG, "")
    assert queries.counts(store)["inside"] == 0
    # She had come in anew by another gate at night: any true sighting is later than the guess that was told.
    south = RecordBook("south")
    south.passage("5310027", "entry", oslo("2026-05-05T22:00"))
    ingest.take([south.message(1)], oslo("2026-05-06T04:00"))
    (again,) = store.located(told, 0)
    assert again.zone == "site"
    assert again.time_ms > located.time_ms


def test_the_words_of_the_office_on_the_command_line(
    store: HubStore, hub: None, capsys: pytest.CaptureFixture[str]
) -> None:
    by = ["--by", "Site office", "--reason", "no reader at the side gate"]
    assert main(["in", "5310118", *by]) == 0
    assert "hms:5310118 is inside since" in capsys.readouterr().out
    assert main(["roster"]) == 0
    assert "checked in by hand" in capsys.readouterr().out
    for arguments, why in (
        (["in", "hms:5310118", *by], "is inside already"),
        (["out", "5310027", *by], "is not inside"),
        (["in", "9999999", *by], "was never seen"),
        (["out", "5310118", *by, "--at", "2126-05-31"], "lies in the future"),
        (["out", "5310118", *by, "--at", "yesterday"], "is no time"),
        (["out", "5310118", "--by", " ", "--reason", "x"], "--by: is empty"),
        (
            ["in", "5310118", "--by", "Ada", "--reason", "is 13097248022"],
            "--reason: holds eleven digits like a national",
        ),
        (["muster", "--check", "5310118", "--by", "Warden"], "no muster runs"),
        (["muster", "--close", "--by", "Warden"], "no muster runs"),
    ):
        assert main(arguments) == 1
        assert why in capsys.readouterr().err
    assert main(["out", "5310118", *by, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["sure"] == "manual"
    with pytest.raises(SystemExit) as wrong:
        main(["out", "5310118"])
    assert wrong.value.code == 2


def test_a_muster_on_the_command_line(
    store: HubStore, ingest: Ingest, hub: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["muster"]) == 0
    assert "no evacuation" in capsys.readouterr().out
    north = RecordBook("north")
    north.passage("5310027", "entry", MORNING_MS)
    north.passage("5310035", "entry", MORNING_MS)
    fire(north)
    ingest.take([north.message()], FIRE_MS)
    assert main(["muster"]) == 0
    assert capsys.readouterr().out.count("LOOK FOR") == 2
    assert main(["muster", "--check", "5310027"]) == 1
    assert "--by" in capsys.readouterr().err
    assert main(["muster", "--check", "5310027", "--by", "Warden"]) == 0
    out = capsys.readouterr().out
    assert "seen outside" in out
    assert "by Warden" in out
    assert main(["muster", "--missing", "5310027", "--by", "Warden"]) == 0
    assert capsys.readouterr().out.count("LOOK FOR") == 2
    assert main(["muster", "--check", "5310027", "--by", "Warden"]) == 0
    capsys.readouterr()
    assert main(["muster", "--close", "--by", "Warden"]) == 1
    assert "1 of 2 are unaccounted for" in capsys.readouterr().err
    assert main(["muster", "--close", "--force", "--by", "Warden", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["running"], told["closed_by"], told["unaccounted"]) == (False, "Warden", 1)
