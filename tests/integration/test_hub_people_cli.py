"""Who may enter and why, from the command line: lists and the way back, the guard, blocks, approvals, why, rules."""

import contextlib
import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from openpyxl import Workbook

from gate.uplink.contract import Status
from gate.uplink.signing import Signer
from hub.cli import main
from hub.health import follow
from hub.ingest import Ingest
from hub.presence import CardKey
from hub.records import CrewMember, Qualification
from hub.store import HubStore
from tests.sim.records import RecordBook

EXAMPLE = Path("config/crew.example.csv")
COMPANY = "310451274"
Say = Callable[..., str]


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A hub of its own; its settings may be added to."""
    file = tmp_path / "hub.toml"
    file.write_text(f'site = "yard"\nstate_dir = "{tmp_path / "state"}"\n', encoding="utf-8")
    monkeypatch.setenv("PORTVAKT_HUB_CONFIG", str(file))
    return file


@pytest.fixture
def say(settings: Path, capsys: pytest.CaptureFixture[str]) -> Say:
    """`hub` with these words: what it says, both ways, after it has ended with this status."""

    def command(*words: str, status: int = 0) -> str:
        found = main(words)
        out, err = capsys.readouterr()
        assert found == status, out + err
        return out + err

    return command


@pytest.fixture
def store(settings: Path, tmp_path: Path) -> Any:
    with contextlib.closing(HubStore(tmp_path / "state" / "hub.sqlite3")) as opened:
        yield opened


def crew_of(tmp_path: Path, *without: str) -> str:
    """The example list without some cards."""
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines(keepends=True)
    file = tmp_path / "crew.csv"
    file.write_text("".join(line for line in lines if line.split(";")[0] not in without), encoding="utf-8")
    return str(file)


def badge(store: HubStore, *shown: tuple[str, str, str | None], at_ms: int | None = None) -> None:
    """Badges at the entrance: card, kind, reason; half a minute ago, or at that time."""
    now_ms = time.time_ns() // 1_000_000
    book = RecordBook(epoch=f"{len(store.all_journals()):016x}")
    for card, kind, reason in shown:
        book.add(kind, at_ms=at_ms or now_ms - 30_000, card=card, direction="entry", reason=reason)
    Ingest("yard", store, Signer("yard", Ed25519PrivateKey.generate())).take([book.message()], now_ms)


def standings(store: HubStore) -> dict[str, str]:
    return {permit.number: permit.standing for permit in store.permit_list().permits}


def test_a_list_that_takes_too_many_off_is_refused(tmp_path: Path, say: Say, store: HubStore) -> None:
    """Half a list is the commonest mistake, and it would lock the other half out."""
    say("crew", "import", str(EXAMPLE))
    half = crew_of(tmp_path, "5310027", "5310035")
    said = say("crew", "import", half, status=1)
    assert "nothing was written: 2 of 7 would leave, more than 20% (crew.may_remove)" in said
    assert "2 of 7 would leave" in say("crew", "import", half, "--dry-run", status=1)
    told = json.loads(say("crew", "import", half, "--json", status=1))
    assert (told["written"], told["too_many_leave"], told["removed"]) == (False, True, 2)
    assert standings(store)["5310027"] == "granted"
    assert "+0 −2 ~0, 5 unchanged" in say("crew", "import", half, "--force")
    assert standings(store)["5310027"] == "not_on_crew_list"


def test_the_share_is_a_setting(tmp_path: Path, say: Say, settings: Path) -> None:
    settings.write_text(settings.read_text() + "[crew]\nmay_remove = 0.5\n")
    say("crew", "import", str(EXAMPLE))
    assert "−2" in say("crew", "import", crew_of(tmp_path, "5310027", "5310035"))


def test_the_old_list_is_one_command_away(tmp_path: Path, say: Say, store: HubStore) -> None:
    """And the one that was left for it as well; the row that brought somebody is told."""
    assert "No crew list was ever taken in" in say("crew", "lists")
    assert "there is no list before this one" in say("crew", "back", status=1)
    say("crew", "import", str(EXAMPLE), "--by", "kari")
    first = store.permit_list().permits
    say("crew", "import", crew_of(tmp_path, "5310027"), "--by", "kari")
    assert "dry run" in say("crew", "back", "--dry-run")
    said = say("crew", "back", "--by", "ola")
    assert said.splitlines()[0] == "back to list 1 (crew.example.csv):"
    assert "+1 −0 ~0, 6 unchanged; the list is revision 3" in said
    assert store.permit_list().permits == first
    found = json.loads(say("crew", "lists", "--json"))
    assert [(one["id"], one["taken_by"], one["people"], one["change"]) for one in found] == [
        (3, "ola", 7, "+1 −0 ~0"),
        (2, "kari", 6, "+0 −1 ~0"),
        (1, "kari", 7, "+7 −0 ~0"),
    ]
    assert "back to list 2" in say("crew", "back")
    assert standings(store)["5310027"] == "not_on_crew_list"
    assert "list 2 (crew.csv" not in say("why", "5310035")
    assert "list 1 (crew.example.csv, " in say("why", "5310035")
    assert "list 4 (back to 2: crew.csv, " in say("why", "5310027")
    assert ") no longer names it" in say("why", "5310027")
    assert "list 9 is not kept here; kept are 4, 3, 2, 1 (crew.keep_lists)" in say("crew", "back", "9", status=1)


def test_as_many_lists_are_kept_as_are_asked_for(tmp_path: Path, say: Say, settings: Path) -> None:
    """P12: who is on no kept list any more is not kept by one."""
    settings.write_text(settings.read_text() + "[crew]\nkeep_lists = 1\n")
    for left_out in ((), ("5310027",), ()):
        say("crew", "import", crew_of(tmp_path, *left_out))
    kept = {one["id"]: one["kept"] for one in json.loads(say("crew", "lists", "--json"))}
    assert kept == {3: True, 2: True, 1: False}
    assert "list 1 is not kept here; kept are 3, 2" in say("crew", "back", "1", status=1)
    assert "its rows are no longer kept" in say("crew", "lists")


def test_a_workbook_under_its_own_names(tmp_path: Path, say: Say, settings: Path) -> None:
    settings.write_text(
        settings.read_text()
        + '[crew]\nsheet = "Mannskap"\nignore = ["Telefon"]\n'
        + '[crew.columns]\ncard_number = "Kortnr"\nlast_name = "Navn"\n'
    )
    book = Workbook()
    sheet = book.create_sheet("Mannskap")
    sheet.append(["Kortnr", "first_name", "Navn", "organisation_number", "Telefon"])
    sheet.append([5310027, "Torbjørg", "Åsnes", 310451274, "+47 22"])
    book.save(tmp_path / "crew.xlsx")
    assert "+1 −0 ~0" in say("crew", "import", str(tmp_path / "crew.xlsx"))
    assert "is in order" in say("check-config")
    settings.write_text(settings.read_text() + 'shoes = "Sko"\n')
    assert "crew.columns.shoes: there is no such column" in say("check-config", status=1)


def test_a_kind_of_file_that_is_not_known(tmp_path: Path, say: Say) -> None:
    (tmp_path / "crew.pdf").write_bytes(b"%PDF")
    said = say("crew", "import", str(tmp_path / "crew.pdf"), status=1)
    assert "which kind of list is this? Its name should end in .csv, .xlsx, .json" in said


def test_an_export_is_what_was_taken_in(tmp_path: Path, say: Say) -> None:
    say("crew", "import", str(EXAMPLE))
    say("crew", "export", "-o", str(tmp_path / "now.csv"))
    assert "+0 −0 ~0, 7 unchanged" in say("crew", "import", str(tmp_path / "now.csv"))
    assert say("crew", "export").splitlines()[1].startswith("5310027;Torbjørg;")


def test_a_block_wins_over_everything(say: Say, store: HubStore) -> None:
    """P5: over the list of tomorrow too; unblocked, the card is what the list says."""
    say("crew", "import", str(EXAMPLE))
    said = say("block", "5310027", "--reason", "fought", "--all-sites", "--by", "kari")
    assert said == (
        "hms:5310027 is blocked; the gates' answer to it today: blocked; the list is revision 2\n"
        "no other site hears of it: [all_sites.publish] names no central broker\n"
    )
    assert "the list is revision 2" in say("crew", "import", str(EXAMPLE))
    assert standings(store)["5310027"] == "blocked"
    (listed,) = json.loads(say("blocks", "--json"))
    assert (listed["number"], listed["reason"], listed["blocked_by"], listed["all_sites"]) == (
        "5310027", "fought", "kari", True,
    )  # fmt: skip
    why = say("why", "5310027")
    assert "Blocked 20" in why
    assert "by kari, for all sites: fought" in why
    say("unblock", "5310027", "--by", "ola")
    assert standings(store)["5310027"] == "granted"
    assert "is not blocked here" in say("unblock", "5310027", status=1)
    audit = json.loads(say("why", "5310027", "--json"))["audit"]
    assert [(one["action"], one["who"], one["detail"]) for one in audit] == [
        ("unblock", "ola", ""),
        ("block", "kari", "all sites: fought"),
    ]


def test_a_card_that_nobody_knows_can_be_blocked(say: Say, store: HubStore) -> None:
    say("crew", "import", str(EXAMPLE))
    say("block", "9999999", "--reason", "found in the street")
    assert standings(store)["9999999"] == "blocked"
    say("unblock", "9999999")
    assert standings(store)["9999999"] == "not_on_crew_list"


def test_the_other_cards_of_a_blocked_person_are_named(tmp_path: Path, say: Say) -> None:
    row = {"first_name": "A", "last_name": "B", "date_of_birth": "1990-01-01"}
    file = tmp_path / "crew.json"
    rows = [
        row | {"card_number": "5310001", "organisation_number": COMPANY},
        row | {"card_number": "5310002", "organisation_number": "313917401"},
    ]
    file.write_text(json.dumps(rows))
    say("crew", "import", str(file))
    assert "the same person also holds hms:5310002, not blocked by this" in say("block", "5310001", "--reason", "x")
    assert "The same person also holds hms:5310001." in say("why", "5310002")


def test_one_card_of_several_that_is_somebody_elses_renames_nobody(tmp_path: Path, say: Say, store: HubStore) -> None:
    """And a new name of somebody with two cards is one person's new name; nobody without a card is kept (P12)."""
    born = {"date_of_birth": "1990-01-01", "last_name": "B"}
    file = tmp_path / "crew.json"

    def names(first: str, second: str) -> list[tuple[str, str]]:
        rows = [
            born | {"card_number": "5310001", "organisation_number": COMPANY, "first_name": first},
            born | {"card_number": "5310002", "organisation_number": "313917401", "first_name": second},
        ]
        file.write_text(json.dumps(rows))
        say("crew", "import", str(file))
        with store.reading() as connection:
            people = connection.exec_driver_sql("SELECT first_name FROM people ORDER BY 1").scalars().all()
            cards = connection.exec_driver_sql(
                "SELECT number, first_name FROM cards JOIN people ON people.id = person ORDER BY number"
            )
            found = [(str(number), str(name)) for number, name in cards]
        assert people == sorted({name for _, name in found})
        return found

    assert names("A", "A") == [("5310001", "A"), ("5310002", "A")]
    assert names("A", "C") == [("5310001", "A"), ("5310002", "C")]
    assert names("D", "C") == [("5310001", "D"), ("5310002", "C")]
    assert names("A", "A") == [("5310001", "A"), ("5310002", "A")]
    assert names("E", "E") == [("5310001", "E"), ("5310002", "E")]
    assert names("F", "E") == [("5310001", "F"), ("5310002", "E")]


def test_a_card_that_is_approved_for_another_company(say: Say, store: HubStore) -> None:
    """What was known of the old employer is not said of the new one."""
    say("crew", "import", str(EXAMPLE))
    say("approve", "7770001", "--company", COMPANY, "--until", "2199-12-31")
    say("approve", "7770001", "--company", "310688126", "--until", "2199-12-31")
    say("approve", "7770001", "--company", "123456785", "--until", "2199-12-31")
    with store.crew_as_it_is() as crew:
        found = crew.member(CardKey("hms", "7770001"))
    assert found
    assert (found.organisation_number, found.organisation_name) == ("123456785", None)


@pytest.mark.parametrize("identity", ["11028812345", "110288 12345"])
@pytest.mark.parametrize(
    "words",
    [
        ("block", "{}", "--reason", "x"),
        ("block", "5310027", "--reason", "it is {}"),
        ("turn-away", "5310027", "--reason", "it is {}"),
        ("approve", "777", "--company", COMPANY, "--until", "2199-01-01", "--last-name", "{}"),
        ("why", "{}"),
        ("block", "5310027", "--reason", "x", "--by", "{}"),
        ("unblock", "{}:5310027"),
    ],
)
def test_p12_no_identity_number_by_hand(words: tuple[str, ...], identity: str, say: Say, store: HubStore) -> None:
    said = say(*(word.format(identity) for word in words), status=1)
    assert "eleven digits" in said
    assert "12345" not in said
    with store.crew_as_it_is() as crew:
        assert (crew.blocks(), list(crew.crew())) == ([], [])


def test_before_the_first_list_nothing_goes_out(say: Say, store: HubStore) -> None:
    """A list of one card would tell every gate to refuse all the others. What was decided is not forgotten."""
    said = say("block", "5310027", "--reason", "x", status=1)
    assert "the gates hear of it with the next crew list" in said
    assert "no gate knows anybody" in say("why", "5310027")
    assert say("approve", "777001", "--company", COMPANY, "--until", "2199-01-01", status=1)
    assert store.revision() == 0
    say("crew", "import", str(EXAMPLE))
    assert (standings(store)["5310027"], standings(store)["777001"]) == ("blocked", "granted")


def test_p5_a_hub_that_lost_its_disk_does_not_speak_by_a_block(say: Say, store: HubStore) -> None:
    """An old list must not win over the gates' newer one because somebody blocked a card."""
    say("crew", "import", str(EXAMPLE))
    store.put_gate_health([follow(None, Status("north", "one", True, list_revision=9), 1)])
    say("block", "5310027", "--reason", "x", status=1)
    assert store.revision() == 1
    say("crew", "import", str(EXAMPLE))
    assert store.revision() == 10
    assert standings(store)["5310027"] == "blocked"


def test_whoever_waits_is_approved_or_turned_away(say: Say, store: HubStore) -> None:
    say("crew", "import", str(EXAMPLE))
    assert say("waiting") == "No card waits.\n"
    badge(
        store,
        ("7770001", "badge.refused", "unknown_card"),
        ("7770002", "badge.refused", "unknown_card"),
        ("7770002", "badge.refused", "unknown_card"),
        ("5310126", "badge.refused", "training_missing"),
    )
    badge(store, ("7770003", "badge.refused", "unknown_card"), at_ms=time.time_ns() // 1_000_000 - 3 * 86_400_000)
    waits = json.loads(say("waiting", "--json"))
    assert {(one["card"], one["times"]) for one in waits} == {("hms:7770001", 1), ("hms:7770002", 2)}
    assert len(json.loads(say("waiting", "--json", "--days", "4"))) == 3

    said = say(
        "approve", "7770001", "--company", COMPANY, "--until", "2199-12-31", "--last-name", "Vik", "--by", "kari"
    )
    assert "is approved until 2199-12-31; the gates' answer to it today: granted; the list is revision 2" in said
    say("turn-away", "7770002", "--reason", "no papers")
    assert say("waiting") == "No card waits.\n"
    badge(store, ("7770002", "badge.refused", "unknown_card"), at_ms=time.time_ns() // 1_000_000 + 1000)
    assert "turned away 20" in say("waiting")
    say("block", "7770002", "--reason", "came again")
    assert say("waiting") == "No card waits.\n"

    with store.crew_as_it_is() as crew:
        approved = crew.member(CardKey("hms", "7770001"))
    assert approved == CrewMember(
        "hms", "7770001", "", "Vik", COMPANY, organisation_name="Vinkel Bygg AS", valid_until="2199-12-31",
        approved_by="kari",
    )  # fmt: skip
    assert "is on the crew list already" in say(
        "approve", "5310027", "--company", COMPANY, "--until", "2199-12-31", status=1
    )


def test_what_an_approval_cannot_change_is_told(say: Say) -> None:
    """The employer is not approved; or the last day has passed."""
    say("crew", "import", str(EXAMPLE))
    said = say("approve", "7770001", "--company", "315772060", "--until", "2199-12-31")
    assert "the gates' answer to it today: company_not_approved" in said
    said = say("approve", "7770002", "--company", COMPANY, "--until", "2020-01-01")
    assert "the gates' answer to it today: outside_period" in said


def test_a_pupil_is_admitted_on_a_card_of_the_site(say: Say, store: HubStore) -> None:
    """With an end date and a reason, or not at all."""
    say("crew", "import", str(EXAMPLE))
    until = ("--company", COMPANY, "--until", "2199-12-31")
    assert "belong together" in say("approve", "site:0017", *until, status=1)
    assert "belong together" in say("approve", "7770001", *until, "--no-card-because", "pupil", status=1)
    say("approve", "site:0017", *until, "--no-card-because", "pupil")
    say("crew", "import", str(EXAMPLE))
    with store.crew_as_it_is() as crew:
        pupil = crew.member(CardKey("site", "0017"))
    assert pupil
    assert (pupil.no_card_because, pupil.valid_until, pupil.listed) == ("pupil", "2199-12-31", True)


def test_why_names_each_requirement_its_value_and_its_source(say: Say, store: HubStore, settings: Path) -> None:
    say("crew", "import", str(EXAMPLE))
    badge(store, ("5310126", "badge.refused", "training_missing"), ("5310027", "badge.granted", "granted"))
    text = say("why", "5310126")
    who = "hms:5310126 (Sander Kvernhaug, Fagspor Elektro AS, 312608332)"
    assert text.startswith(f"{who}: refused, training_missing today, by revision 1\n")
    told = json.loads(say("why", "hms:5310126", "--json"))
    found = {one["requirement"]: (one["action"], one["met"], one["value"]) for one in told["requirements"]}
    assert found["induction"] == ("refuse", False, "no")
    assert found["chain_level"] == ("off", True, "0")
    assert all("crew.example.csv" in one["source"] and "row 5" in one["source"] for one in told["requirements"])
    assert [(one["kind"], one["reason"]) for one in told["events"]] == [("badge.refused", "training_missing")]

    settings.write_text(settings.read_text() + '[requirements]\ninduction = "warn"\n')
    told = json.loads(say("why", "5310126", "--json"))
    assert (told["answer"], told["pending"]) == ("training_missing", "granted")
    say("rules", "apply")
    told = json.loads(say("why", "5310126", "--json"))
    assert (told["answer"], told["pending"], told["revision"]) == ("granted", None, 2)
    assert "missing, let in" in say("why", "5310126")
    assert "refused, unknown_card" in say("why", "999")


def test_rules_are_tried_on_the_badges_of_the_last_days(
    tmp_path: Path, say: Say, store: HubStore, settings: Path
) -> None:
    say("crew", "import", str(EXAMPLE))
    badge(
        store,
        ("5310126", "badge.refused", "training_missing"),
        ("5310027", "badge.granted", "granted"),
        ("5310027", "badge.granted", "granted"),
        ("5310118", "badge.refused", "outside_hours"),
        ("9999999", "badge.refused", "unknown_card"),
    )
    old_ms = time.time_ns() // 1_000_000 - 20 * 86_400_000
    badge(store, ("5310035", "badge.granted", "granted"), at_ms=old_ms)
    assert "Nobody who badged in the last 14 days" in say("rules", "dry-run")
    rules = tmp_path / "rules.toml"
    rules.write_text('[requirements]\ninduction = "off"\nstartbank = "refuse"\n')
    before = store.revision()
    found = json.loads(say("rules", "dry-run", "--rules", str(rules), "--json"))
    assert [(one["card"], one["name"], one["before"], one["after"], one["badges"]) for one in found] == [
        ("hms:5310027", "Torbjørg Åsnes", "granted", "company_not_approved", 2)
    ]
    assert len(json.loads(say("rules", "dry-run", "--rules", str(rules), "--days", "30", "--json"))) == 2
    rules.write_text('[requirements]\ninduction = "off"\n')
    said = say("rules", "dry-run", "--rules", str(rules))
    assert "Sander Kvernhaug" in said
    assert said.endswith("In the last 14 days: 0 would have been refused, 1 let in.\n")
    assert store.revision() == before
    rules.write_text('[requirements]\ninduction = "perhaps"\n')
    assert "line 2, requirements.induction" in say("rules", "dry-run", "--rules", str(rules), status=1)


def test_the_chain_counts_companies_that_have_nobody_here(tmp_path: Path, say: Say, settings: Path) -> None:
    settings.write_text(settings.read_text() + '[requirements]\nchain_level = "refuse"\nchain_level_max = 1\n')
    row = {"card_number": "5310001", "first_name": "A", "last_name": "B", "organisation_number": COMPANY}
    file = tmp_path / "crew.json"
    file.write_text(json.dumps([row | {"engaged_by": "313917401"}]))
    say("crew", "import", str(file))
    assert "let in today" in say("why", "5310001")
    file.write_text(json.dumps([row | {"engaged_by": "313917401 > 312608332"}]))
    say("crew", "import", str(file))
    assert "refused, company_not_approved" in say("why", "5310001")
    # The way back leads to the chain that was, and forth again; what no list says any more is not remembered.
    for answer in ("let in today", "refused, company_not_approved"):
        say("crew", "back")
        assert answer in say("why", "5310001")
    file.write_text(json.dumps([row | {"engaged_by": "313917401"}]))
    say("crew", "import", str(file))
    assert "let in today" in say("why", "5310001")


def test_a_chain_that_another_row_tells_is_no_change_each_time(tmp_path: Path, say: Say) -> None:
    row = {"card_number": "5310001", "first_name": "A", "last_name": "B", "organisation_number": COMPANY}
    other = row | {"card_number": "5310002", "organisation_number": "313917401", "engaged_by": f"{COMPANY} > 312608332"}
    file = tmp_path / "crew.json"
    file.write_text(json.dumps([row, other]))
    say("crew", "import", str(file))
    assert "+0 −0 ~0, 2 unchanged" in say("crew", "import", str(file))


def test_a_sub_units_worker_has_the_main_units_card(tmp_path: Path, say: Say, store: HubStore) -> None:
    row = {"card_number": "5310001", "first_name": "A", "last_name": "B", "organisation_number": COMPANY}
    file = tmp_path / "crew.json"
    file.write_text(json.dumps([row | {"main_unit": "313917401"}]))
    say("crew", "import", str(file))
    (permit,) = store.permit_list().permits
    assert permit.employer == "313917401"


def test_all_that_is_known_of_somebody_is_kept(store: HubStore) -> None:
    """Each field comes back as it was written, and a list that says less takes away what it no longer says."""
    whole = CrewMember(
        "hms", "1", "A", "B", COMPANY, "1990-01-01", "Vinkel", "2027-01-01", "carpenter", "2026-01-01", "2026-12-31",
        "nb", training=False, company_approved=False, status="cancelled", groups=("a", "b"), card_type="cleaning",
        status_as_of="2026-01-02", trade="timber", hired_by="313917401", main_unit="312608332", engaged_by="313917401",
        register_status="bankrupt", startbank=False, confirmed_by="office", no_card_because="pupil", approved_by="kari",
    )  # fmt: skip
    qualified = replace(whole, qualifications=(Qualification("crane"), Qualification("hot-work", "2026-05-05")))
    for written in (qualified, replace(whole, confirmed_by=None)):
        with store.changing_crew() as crew:
            crew.write([written])
        with store.crew_as_it_is() as crew:
            assert list(crew.crew()) == [written]


DIES_BEFORE_THE_PERMITS = """
import os, signal, sys
from hub.cli import main
from hub.store.crew import CrewTransaction

CrewTransaction.compile = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
main(sys.argv[1:])
"""


def test_an_import_that_is_killed_in_the_middle_leaves_the_old_list(tmp_path: Path, say: Say, store: HubStore) -> None:
    """People and permits are of one moment, whatever happens."""
    say("crew", "import", str(EXAMPLE))
    before = store.permit_list()
    words = ("crew", "import", crew_of(tmp_path, "5310027"))
    died = subprocess.run([sys.executable, "-c", DIES_BEFORE_THE_PERMITS, *words], check=False, timeout=60)
    assert died.returncode == -signal.SIGKILL
    assert store.permit_list() == before
    assert len(json.loads(say("crew", "lists", "--json"))) == 1
    with store.crew_as_it_is() as crew:
        assert all(member.listed for member in crew.crew())
    assert "+0 −1 ~0" in say(*words)


def test_who_decided_what(say: Say) -> None:
    assert say("audit") == "Nobody has decided anything at this hub.\n"
    say("crew", "import", str(EXAMPLE), "--by", "kari")
    say("block", "5310027", "--reason", "lost", "--by", "ola")
    found = json.loads(say("audit", "--json"))
    assert [(one["who"], one["action"], one["card"], one["detail"]) for one in found] == [
        ("ola", "block", "hms:5310027", "lost"),
        ("kari", "import", None, "list 1, +7 −0 ~0, revision 1"),
    ]
    assert len(json.loads(say("audit", "--json", "--limit", "1"))) == 1
    assert "lost" in say("audit")


def test_a_terminal_sees_how_far_a_long_list_is(tmp_path: Path, settings: Path) -> None:
    """A pipe does not."""
    row = {"first_name": "A", "last_name": "B", "organisation_number": COMPANY}
    file = tmp_path / "crew.json"
    file.write_text(json.dumps([row | {"card_number": f"{5310000 + place}"} for place in range(2500)]))
    words = [sys.executable, "-m", "hub", "crew", "import", str(file), "--dry-run"]
    terminal, its_end = pty.openpty()
    try:
        subprocess.run(words, stderr=its_end, stdout=subprocess.DEVNULL, check=True, timeout=60)
        shown = os.read(terminal, 10_000)
    finally:
        os.close(its_end)
        os.close(terminal)
    assert b"\r1000 rows read\r2000 rows read\r2500 rows read\r" in shown
    assert subprocess.run(words, capture_output=True, check=True, timeout=60).stderr == b""
