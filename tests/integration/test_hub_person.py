"""P12: a worker is given all that is held, and what may go goes; both are written down."""

import contextlib
import gc
import io
import json
import stat
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pypdf import PdfReader

from gate.uplink.signing import Signer
from hub import paper, queries
from hub.cli import main
from hub.config import PostgresAddress
from hub.crew.csv_list import read_list
from hub.crew.decisions import Decider, block
from hub.crew.importing import Terms, import_list
from hub.errors import PaperError
from hub.ingest import Ingest
from hub.keys import signing_key
from hub.office import check_in, check_out
from hub.permits import USUAL
from hub.person import Kept, held
from hub.person_pdf import person_pdf
from hub.person_texts import TEXTS, Text
from hub.presence import CardKey, HandMark
from hub.purging import shown_records
from hub.store import HubStore, schema
from tests.sim.records import RecordBook
from tests.unit.test_hub_presence import HOUR_MS, OSLO, RULE, oslo

EXAMPLE = Path("config/crew.example.csv")
START_MS = oslo("2026-05-04T07:00")
MIKOLAJ = CardKey("hms", "5310035")
KEPT = Kept(90, 365, None, RULE)
SIGNER = Signer("yard", Ed25519PrivateKey.generate())


@pytest.fixture(autouse=True)
def hub(tmp_path: Path, database: Path | PostgresAddress, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command line on the same database; nobody has left since the day that is played."""
    text = f'site = "yard"\nstate_dir = "{tmp_path / "state"}"\n'
    if isinstance(database, PostgresAddress):
        text += f'database = "{database.url}"\n'
    text += '[presence]\nclose_at = "never"\n[retention]\npassages_days = 3650\n'
    settings_file = tmp_path / "hub.toml"
    settings_file.write_text(text, encoding="utf-8")
    monkeypatch.setenv("PORTVAKT_HUB_CONFIG", str(settings_file))


@pytest.fixture
def store(database: Path | PostgresAddress) -> Iterator[HubStore]:
    with contextlib.closing(HubStore(database)) as opened:
        import_list(opened, read_list(EXAMPLE.read_bytes()), "crew.csv", Terms("office", START_MS))
        yield opened


@pytest.fixture
def ingest(store: HubStore) -> Ingest:
    return Ingest("yard", store, SIGNER, closing=RULE)


def a_day(ingest: Ingest, *, until: str = "exit") -> None:
    book = RecordBook()
    book.add("badge.granted", at_ms=START_MS, card="5310035", direction="entry", lane="main", medium="chip", badge="b")
    book.add("passage.completed", at_ms=START_MS, card="5310035", direction="entry", lane="main", uid="04a1b2c3")
    book.passage("5310118", "entry", START_MS)
    book.add("lane.mode", at_ms=START_MS + HOUR_MS, lane="main", detail={"mode": "evacuated", "by": "fire loop"})
    book.add("badge.refused", at_ms=START_MS + 2 * HOUR_MS, card="5310035", direction="entry", reason="already_inside")
    if until == "exit":
        book.passage("5310035", "exit", START_MS + 8 * HOUR_MS)
    ingest.take([book.message()], START_MS + 9 * HOUR_MS)


def close_the_muster(store: HubStore) -> None:
    with store.office() as office:
        office.close(office.musters()[0].id, START_MS + 10 * HOUR_MS, "Warden")


def test_the_export_holds_all_and_nothing_of_anybody_else(store: HubStore, ingest: Ingest, tmp_path: Path) -> None:
    a_day(ingest)
    said = HandMark(
        MIKOLAJ, "entry", START_MS + 9 * HOUR_MS, "Office", "came back for his tools", START_MS + 9 * HOUR_MS
    )
    check_in(store, said, RULE)
    target = tmp_path / "out.json"
    assert main(["person", "5310035", "--export", str(target), "--by", "Clerk"]) == 0
    text = target.read_text(encoding="utf-8")
    told = json.loads(text)
    assert (told["first_name"], told["date_of_birth"], told["language"]) == ("Mikołaj", "1979-11-23", "pl")
    assert [card["number"] for card in told["cards"]] == ["5310035"]
    assert [one["kind"] for one in told["records"]] == [
        "badge.granted", "passage.completed", "badge.refused", "passage.completed",
    ]  # fmt: skip
    assert told["records"][1]["record"]["data"]["uid"] == "04a1b2c3"
    assert told["places"][0]["inside"]
    assert [one["cause"] for one in told["musters"]] == ["evacuated"]
    assert told["others"]["hand_marks"][0]["reason"] == "came back for his tools"
    assert told["others"]["person_requests"][0]["said_by"] == "Clerk"
    assert "5310118" not in text
    assert stat.S_IMODE(target.stat().st_mode) == 0o600


def test_the_holder_of_several_cards_is_given_them_all(store: HubStore) -> None:
    """One for each employer (fakta 96288)."""
    with store.writing() as connection:
        person = connection.execute(schema.cards.select().where(schema.cards.c.number == "5310035")).one().person
        connection.execute(schema.cards.update().where(schema.cards.c.number == "5310217").values(person=person))
    file = held(store, "yard", MIKOLAJ, KEPT, ("Clerk", START_MS))
    assert [(card.number, card.employer_name) for card in file.cards] == [
        ("5310035", "Vinkel Bygg AS"),
        ("5310217", "Myrbakk Transport"),
    ]


@pytest.mark.parametrize("language", ["nb", "en", "pl", "lt", "ro", "fi", None])
def test_the_page_is_in_the_workers_language(store: HubStore, ingest: Ingest, language: str | None) -> None:
    a_day(ingest)
    with store.writing() as connection:
        connection.execute(schema.people.update().values(language=language))
    file = held(store, "yard", MIKOLAJ, KEPT, ("Clerk", START_MS + 9 * HOUR_MS))
    pages = PdfReader(io.BytesIO(person_pdf(file, OSLO))).pages
    text = " ".join(" ".join(page.extract_text() for page in pages).split())
    chosen = language if language in ("nb", "en", "pl", "lt", "ro") else "nb"
    for wanted in (Text.TITLE, Text.PASSAGES, Text.WENT_OUT, Text.KEPT):
        assert TEXTS[wanted][chosen] in text
    assert "Mikołaj Wrzosek" in text
    assert "2026-05-04 15:00" in text
    assert "04a1b2c3" in text


def test_a_long_life_at_the_site_is_many_pages(store: HubStore, ingest: Ingest) -> None:
    book = RecordBook()
    for number in range(300):
        book.passage("5310035", "exit" if number % 2 else "entry", START_MS + number * HOUR_MS)
    ingest.take([book.message()], START_MS + 400 * HOUR_MS)
    file = held(store, "yard", MIKOLAJ, KEPT, ("Clerk", START_MS + 400 * HOUR_MS))
    pages = PdfReader(io.BytesIO(person_pdf(file, OSLO))).pages
    assert len(pages) > 5
    assert f"{len(pages)}" in pages[-1].extract_text()


def test_every_text_is_in_five_languages_with_the_same_places_to_fill() -> None:
    for text in Text:
        assert set(TEXTS[text]) == {"nb", "en", "pl", "lt", "ro"}
        places = {
            frozenset(name for _, name, _, _ in Formatter().parse(words) if name) for words in TEXTS[text].values()
        }
        assert len(places) == 1, text


def test_without_a_font_it_says_what_to_install(
    store: HubStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(paper, "FOLDERS", (str(tmp_path),))
    assert main(["person", "5310035", "--export", str(tmp_path / "out.pdf")]) == 1
    assert "install fonts-dejavu-core" in capsys.readouterr().err


# fontTools leaves a file open that it could not read.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")
def test_a_broken_font_is_told(store: HubStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paper, "FOLDERS", (str(tmp_path),))
    (tmp_path / paper.REGULAR).write_bytes(b"no font")
    (tmp_path / paper.BOLD).write_bytes(b"no font")
    with pytest.raises(PaperError, match="cannot be used"):
        person_pdf(held(store, "yard", MIKOLAJ, KEPT, ("Clerk", START_MS)), OSLO)
    gc.collect()


def test_who_is_on_the_crew_list_keeps_the_list_and_loses_the_times(
    store: HubStore, ingest: Ingest, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a_day(ingest)
    close_the_muster(store)
    revision = store.revision()
    assert main(["person", "5310035", "--erase", "--by", "Clerk"]) == 0
    out = capsys.readouterr().out
    assert "2 passage.completed" in out
    for stays in ("byggherreforskriften § 15", "on the crew list", "places on evacuation lists", "each gate forgets"):
        assert stays in out
    assert {event.number for event in queries.events(store)} == {"5310118", None}
    assert [entry.number for entry in queries.roster(store)] == ["5310118"]
    assert store.revision() == revision
    (record,) = shown_records(store, "yard", signing_key(tmp_path / "state" / "signing-key.pem").public_key())
    assert record.sound
    assert record.record is not None
    assert record.record.what == "person"
    assert "5310035" not in str(record.record)
    told = held(store, "yard", MIKOLAJ, KEPT, ("Clerk", START_MS))
    assert [row["act"] for row in told.others["person_requests"]] == ["erase", "export"]


def test_who_has_left_the_list_loses_what_the_law_does_not_ask_for(
    store: HubStore, ingest: Ingest, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a_day(ingest)
    close_the_muster(store)
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines(keepends=True)
    import_list(
        store,
        read_list("".join(line for line in lines if "Wrzosek" not in line).encode()),
        "crew.csv",
        Terms("office", START_MS),
    )
    assert main(["person", "hms:5310035", "--erase", "--by", "Clerk", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["gone"]["languages"] == 1
    assert not any("crew list, so" in one["why"] for one in told["stays"])
    assert told["gone"]["rows of earlier lists"] == 1
    left = held(store, "yard", MIKOLAJ, KEPT, ("Clerk", START_MS))
    assert "crew_list_parts" not in left.others
    assert (left.last_name, left.date_of_birth, left.language, left.records) == ("Wrzosek", "1979-11-23", None, ())
    (card,) = left.cards
    assert (card.employer, card.role, card.standing) == ("310451274", None, "not_on_crew_list")
    permit = next(one for one in store.permit_list().permits if one.number == "5310035")
    assert (permit.standing, permit.language) == ("not_on_crew_list", None)
    others = {one.language for one in store.permit_list().permits if one.number != "5310035"}
    assert others == {"nb", "lt", "ro", "en"}


def test_the_export_tells_what_earlier_lists_and_decisions_said(store: HubStore) -> None:
    block(store, MIKOLAJ, "lost in the tram", Decider("Ada", START_MS, USUAL))
    told = held(store, "yard", MIKOLAJ, KEPT, ("Clerk", START_MS))
    (row,) = told.others["crew_list_parts"]
    assert (row["last_name"], row["role"]) == ("Wrzosek", "carpenter")
    assert [row["reason"] for row in told.others["blocks"]] == ["lost in the tram"]
    assert [row["who"] for row in told.others["audit"]] == ["Ada"]
    assert told.cards[0].standing == "blocked"


def test_a_stranger_is_forgotten_whole(store: HubStore, ingest: Ingest) -> None:
    book = RecordBook()
    book.add("badge.refused", at_ms=START_MS, card="8675309", direction="entry", reason="unknown_card")
    ingest.take([book.message()], START_MS)
    assert main(["person", "8675309", "--erase", "--by", "Clerk"]) == 0
    assert queries.events(store) == []


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["9999999", "--export", "out.json"], "nothing is held about it"),
        (["5310035", "--export", "out.txt"], "write FILE.json or FILE.pdf"),
        (["5310035", "--export", "/nowhere/out.json"], "cannot be written"),
        (["5310035", "--erase"], "--by"),
        (["5310118", "--erase", "--by", "Clerk"], "is inside"),
    ],
)
def test_what_cannot_be_done_is_said_and_nothing_is_changed(
    store: HubStore, ingest: Ingest, arguments: list[str], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    a_day(ingest)
    events = queries.events(store)
    assert main(["person", *arguments]) == 1
    assert why in capsys.readouterr().err
    assert queries.events(store) == events


def test_nobody_is_forgotten_who_is_being_looked_for(
    store: HubStore, ingest: Ingest, capsys: pytest.CaptureFixture[str]
) -> None:
    a_day(ingest, until="fire")
    out = HandMark(MIKOLAJ, "exit", START_MS + 9 * HOUR_MS, "Office", "seen at home", START_MS + 9 * HOUR_MS)
    check_out(store, out, None)
    assert main(["person", "5310035", "--erase", "--by", "Clerk"]) == 1
    assert "on the muster that runs" in capsys.readouterr().err
