"""`hub cards`, `hub companies`, and what `hub why`, `hub waiting` and the export tell of registers."""

import contextlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hub.cli import main
from hub.store import HubStore
from portvakt.doubles.card_register import CLIENT_ID, CLIENT_SECRET, SCOPE, CardRegisterDouble
from portvakt.doubles.companies import CompaniesDouble
from portvakt.doubles.serving import HTML, Fault, Serving
from tests.integration.test_hub_people_cli import badge

COMPANY, SUB_UNIT, MAIN, ABOVE = "310451274", "123456785", "987654325", "974760673"
NUMBERS = [f"53100{place}" for place in range(10, 18)]
Say = Callable[..., str]


class Hub:
    """A hub whose registers are doubles."""

    def __init__(self, folder: Path, say: Say, held: contextlib.ExitStack) -> None:
        self.say = say
        self.folder = folder
        self.cards = CardRegisterDouble({"default": {"status": "valid", "organisation": COMPANY}})
        self.companies = CompaniesDouble({"default": {}})
        self.card_server: Serving = held.enter_context(self.cards.serving())
        self.company_server: Serving = held.enter_context(self.companies.serving())
        (folder / "secret").write_text(CLIENT_SECRET)
        (folder / "secret").chmod(0o600)
        (folder / "hub.toml").write_text(
            f"""site = "yard"
state_dir = "{folder / "state"}"
[card_register]
base_url = "{self.card_server.url}/v1"
token_url = "{self.card_server.url}/oauth/token"
client_id = "{CLIENT_ID}"
secret_file = "secret"
scope = "{SCOPE}"
per_second = 500
employer_field = "organisationNumber"
code_path = "cards/by-code/{{code}}"
[companies]
base_url = "{self.company_server.url}"
per_second = 100
"""
        )

    def crew(self, *rows: str, header: str = "") -> None:
        file = self.folder / "crew.csv"
        head = "card_number,first_name,last_name,organisation_number" + header
        file.write_text("\n".join([head, *rows]) + "\n")
        self.say("crew", "import", str(file))

    def crew_of(self, numbers: list[str]) -> None:
        self.crew(*(f"{number},Ada,Nordli{number},{COMPANY}" for number in numbers))

    def json(self, *words: str, status: int = 0) -> Any:
        return json.loads(self.say(*words, "--json", status=status))


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Hub]:
    monkeypatch.setenv("PORTVAKT_HUB_CONFIG", str(tmp_path / "hub.toml"))

    def say(*words: str, status: int = 0) -> str:
        found = main(words)
        out, err = capsys.readouterr()
        assert found == status, out + err
        return out + err

    with contextlib.ExitStack() as held:
        yield Hub(tmp_path, say, held)


def test_a_sweep_by_hand_and_the_state_after_it(hub: Hub) -> None:
    hub.crew_of(NUMBERS)
    hub.cards.cards[NUMBERS[0]] = {"status": "expired"}
    assert "0 of 8 cards on the list have an answer." in hub.say("cards", "status")
    assert "8 cards asked about, 1 turned not valid; the list is revision 2" in hub.say("cards", "sweep")
    state = hub.json("cards", "status")
    assert state["cards"]["by_status"] == {"expired": 1, "valid": 7}
    assert [one["card"] for one in state["objections"]] == [f"hms:{NUMBERS[0]}"]
    said = hub.say("cards", "status")
    assert "8 of 8 cards on the list have an answer, the oldest 0 min, the newest 0 min old." in said
    assert "expired 1, valid 7." in said


def test_why_names_the_register_its_words_and_its_age(hub: Hub) -> None:
    hub.crew_of(NUMBERS)
    hub.cards.cards[NUMBERS[0]] = {"status": "Invalid", "organisation": ABOVE}
    said = hub.say("cards", "ask", NUMBERS[0])
    assert f"Card register: invalidated (Invalid), 0 min old, employer {ABOVE}." in said
    assert "the list is revision 2" in said
    why = hub.say("why", NUMBERS[0])
    assert "refused, cancelled today" in why
    assert "Card register: invalidated (Invalid), 0 min old" in why
    line = next(line for line in why.splitlines() if line.startswith("card_valid"))
    assert "MISSING" in line
    assert "the card register, as of 20" in line
    assert hub.json("why", NUMBERS[0])["register"]["counts"] == "cancelled"
    # The same person's export holds it, too; a register's look-up is about somebody (GDPR article 15).
    hub.say("person", NUMBERS[0], "--export", str(hub.folder / "export.json"))
    export = json.loads((hub.folder / "export.json").read_text())
    assert export["others"]["card_answers"][0]["words"] == "Invalid"


def test_too_many_at_once_are_held_back_told_and_believed_by_force_without_asking_again(hub: Hub) -> None:
    hub.crew_of(NUMBERS)
    hub.say("cards", "sweep")
    for number in NUMBERS[:4]:
        hub.cards.cards[number] = {"status": "invalid"}
    said = hub.say("cards", "sweep", status=1)
    assert "4 of 8 valid cards would turn not valid, more than 5% (card_register.may_invalidate): held back" in said
    assert "HELD BACK: 4 answers 'not valid' at once" in hub.say("cards", "status", status=1)
    assert "held back" in hub.say("why", NUMBERS[0])
    assert "let in today" in hub.say("why", NUMBERS[0])
    asked = len(hub.cards.asked)
    assert "0 cards asked about, 4 turned not valid; the list is revision 2" in hub.say("cards", "sweep", "--force")
    assert len(hub.cards.asked) == asked
    assert "refused, cancelled today" in hub.say("why", NUMBERS[0])
    assert hub.json("cards", "status")["cards"]["held"] == 0


def test_a_register_that_is_away_fails_the_command_and_changes_nothing(hub: Hub) -> None:
    hub.crew_of(NUMBERS)
    hub.card_server.misbehave(Fault(), Fault(), Fault(HTML))
    said = hub.say("cards", "sweep", status=1)
    assert "answers 200 with text/html, which is no JSON; is the address right?; what it answered" in said
    assert "7 cards asked about" in hub.say("cards", "sweep")
    assert hub.json("cards", "status")["cards"]["answered"] == 8
    hub.card_server.misbehave(Fault(HTML))
    assert "nothing has changed" in hub.say("cards", "ask", NUMBERS[0], status=1)


def test_what_a_register_said_can_be_forgotten(hub: Hub) -> None:
    hub.crew_of(NUMBERS)
    hub.cards.cards[NUMBERS[0]] = {"status": "expired"}
    hub.say("cards", "sweep")
    assert "refused, cancelled today" in hub.say("why", NUMBERS[0])
    said = hub.say("cards", "forget", "--by", "kari")
    assert "forgot what the card register said of 8 cards; the list is revision 3" in said
    assert "let in today" in hub.say("why", NUMBERS[0])
    assert "forget register" in hub.say("audit")


def test_a_code_asks_for_more(hub: Hub) -> None:
    hub.crew_of(NUMBERS)
    hub.cards.cards[NUMBERS[0]] = {"status": "valid", "code": "QR/7 æ", "name": "Ada"}
    word = hub.json("cards", "ask", NUMBERS[0], "--code", "QR/7 æ")["register"]
    assert (word["status"], word["level"]) == ("valid", "code")
    assert "Ada" not in json.dumps(word)


def test_wrong_use_is_told(hub: Hub) -> None:
    assert "the register knows cards of hms" in hub.say("cards", "ask", "id06:AB12345", status=1)
    settings = hub.folder / "hub.toml"
    settings.write_text('site = "yard"\nstate_dir = "state"\n')
    assert "No register of cards is asked" in hub.say("cards", "status")
    assert "card_register.base_url: is empty" in hub.say("cards", "sweep", status=1)
    settings.write_text('site = "yard"\n[card_register]\nbase_url = "https://x.example"\ncard_path = "cards"\n')
    assert "hub.toml, line 4, card_register.card_path: has no place for {number}" in hub.say(
        "cards", "status", status=1
    )
    settings.write_text('site = "yard"\n[card_register]\nnot_valid = ["valid"]\n')
    assert "card_register.not_valid: valid means valid" in hub.say("check-config", status=1)


def test_who_waits_is_shown_with_the_registers_word(hub: Hub) -> None:
    hub.crew_of(NUMBERS)
    with contextlib.closing(HubStore(hub.folder / "state" / "hub.sqlite3")) as store:
        badge(store, ("8675309", "badge.refused", "unknown_card"))
    hub.cards.cards["8675309"] = {"status": "blocked"}
    hub.say("cards", "ask", "8675309")
    assert "REGISTER" in hub.say("waiting")
    assert hub.json("waiting")[0]["register"] == "blocked"


HEADER = ",organisation_name,main_unit,engaged_by,company_status,startbank,startbank_as_of,tax_attestation"


def test_companies_with_what_the_register_knows_better_and_what_only_the_list_knows(hub: Hub) -> None:
    hub.companies.units = {
        COMPANY: {"navn": "VINKEL BYGG AS", "konkurs": True},
        ABOVE: {"navn": "OPPDRAG AS"},
        MAIN: {"registrertIMvaregisteret": False},
    }
    hub.companies.sub_units = {SUB_UNIT: {"navn": "VINKEL AVD NORD", "overordnetEnhet": MAIN}}
    hub.crew(
        f"{NUMBERS[0]},Ada,Nordli,{COMPANY},Vinkel,,,ok,yes,2026-09-01,2026-10-01",
        f"{NUMBERS[1]},Bo,Nordli,{SUB_UNIT},,,{COMPANY} > {ABOVE},,,,2024-01-31",
        header=HEADER,
    )
    before = {one["organisation_number"]: one for one in hub.json("companies")}
    assert (before[COMPANY]["status"], before[COMPANY]["answered_ms"]) == ("ok", None)
    found = {one["organisation_number"]: one for one in hub.json("companies", "--refresh")}
    assert set(found) == {COMPANY, SUB_UNIT, ABOVE}
    vinkel, sub_unit, above = found[COMPANY], found[SUB_UNIT], found[ABOVE]
    assert (vinkel["status"], vinkel["words"], vinkel["listed_status"]) == ("bankrupt", "konkurs", "ok")
    assert (vinkel["startbank"], vinkel["startbank_as_of"]) == (True, "2026-09-01")
    assert (sub_unit["main_unit"], sub_unit["status"], sub_unit["vat"]) == (MAIN, "ok", False)
    assert (sub_unit["level"], sub_unit["attestation_old"], sub_unit["cards"]) == (2, True, 1)
    assert (above["name"], above["level"], above["cards"]) == ("OPPDRAG AS", 0, 0)
    text = hub.say("companies")
    assert "bankrupt (konkurs), 0 min old" in text
    assert "2, more than 1" in text
    assert "2024-01-31, too old" in text
    # The card of a sub-unit's worker names the main unit: the gates compare with that.
    assert hub.json("why", NUMBERS[1])["organisation_number"] == SUB_UNIT
    with contextlib.closing(HubStore(hub.folder / "state" / "hub.sqlite3")) as store:
        assert {permit.number: permit.employer for permit in store.permit_list().permits} == {
            NUMBERS[0]: COMPANY,
            NUMBERS[1]: MAIN,
        }
    line = next(
        one for one in hub.json("why", NUMBERS[0])["requirements"] if one["requirement"] == "company_registered"
    )
    assert (line["met"], line["source"]) == (False, "the register of companies")


def test_a_bankrupt_employer_is_refused_where_the_site_says_so(hub: Hub) -> None:
    hub.crew_of(NUMBERS)
    hub.companies.units = {COMPANY: {"konkurs": True}}
    with (hub.folder / "hub.toml").open("a") as file:
        file.write('[requirements]\ncompany_registered = "refuse"\n')
    hub.say("companies", "--refresh")
    assert "refused, company_not_approved today" in hub.say("why", NUMBERS[0])
    assert "bankrupt" in hub.say("report", "samordningsliste", "--language", "en")
    # A list that says otherwise does not undo it; the register does.
    hub.crew(*(f"{number},Ada,Nordli{number},{COMPANY},ok" for number in NUMBERS), header=",company_status")
    assert "refused, company_not_approved today" in hub.say("why", NUMBERS[0])
    hub.companies.units = {COMPANY: {}}
    hub.say("companies", "--refresh")
    assert "let in today" in hub.say("why", NUMBERS[0])
    hub.company_server.misbehave(Fault(HTML))
    assert "what it had answered before is kept" in hub.say("companies", "--refresh", status=1)
    assert "let in today" in hub.say("why", NUMBERS[0])
