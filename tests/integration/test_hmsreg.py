"""HMSREG over real HTTP: every kind of answer, from the double and from what stands before it, with couriers."""

import json
import logging
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import certifi
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import select

from gate.uplink.signing import Signer
from hub.central.courier import Courier
from hub.central.couriers import Pool
from hub.central.delivery import State
from hub.central.happening import Happening
from hub.central.ledger import Ledger
from hub.central.overview import target_lines
from hub.central.receivers.hmsreg import HmsregV1
from hub.central.receivers.hmsreg_v2 import HmsregV2
from hub.central.registry import TargetPlace, make_target
from hub.central.target import Accepted, Draft, Item, Later, Outcome, Queued, Refused, Stopped
from hub.central.web import Web
from hub.central_tables import targets_text
from hub.config import TargetSettings
from hub.ingest import Ingest
from hub.presence import ENTRY, EXIT, CardKey, Sighting
from hub.records import CrewMember
from hub.store import HubStore, schema
from portvakt.doubles.hmsreg import PASSWORD, PROVIDER, QUEUE, SECRET, USER, V1, HmsregDouble
from portvakt.doubles.serving import BROKEN, HTML, Fault, Reply, Serving
from portvakt.errors import SettingsError
from tests.sim.records import START_MS, RecordBook
from tests.sim.targets import RULES
from tests.unit.test_central_hmsreg_fields import CARD, ENTERED, ID, WORKER
from tests.waiting import wait_for

OSLO = ZoneInfo("Europe/Oslo")
KEY = Ed25519PrivateKey.generate()
ITEM = Item(ID, ID, CARD, ENTERED.at_ms or 0)


class Known:
    """What is known here, for drafts without a database."""

    def happening(self, happening: str) -> Happening | None:
        return ENTERED if happening == ID else None

    def holder(self, card: CardKey) -> CrewMember | None:
        return WORKER if card == CARD else None

    def sightings(self, card: CardKey, from_ms: int, until_ms: int) -> list[Sighting]:
        return []


class Counterpart:
    """The double behind HTTP."""

    def __init__(self, folder: Path) -> None:
        self.double = HmsregDouble()
        self.served = self.double.serving()
        self.folder = folder
        for name, secret in (("password", PASSWORD), ("wrong", "guessed"), ("secret", SECRET)):
            (folder / name).write_text(f"{secret}\n")
            (folder / name).chmod(0o600)

    def place(self, **settings: Any) -> TargetPlace:
        return TargetPlace("client", "yard", {"base_url": self.served.url} | settings, self.folder / "hub.toml", OSLO)

    def v1(self, **changed: Any) -> HmsregV1:
        usual = {"user": USER, "password_file": "password", "source": "Test", "hmsreg_number": "1234"}
        return HmsregV1(self.place(**usual | {"timeout_s": 5.0} | changed))

    def v2(self, **changed: Any) -> HmsregV2:
        headers = {"X-Provider-Id": "{id}", "X-Provider-Secret": "{secret}"}
        usual = {
            "headers": headers, "provider_id": PROVIDER, "secret_file": "secret", "location": 88,
            "queue_path": f"{QUEUE}{{id}}", "timeout_s": 5.0,
        }  # fmt: skip
        return HmsregV2(self.place(**usual | changed))


@pytest.fixture
def counterpart(tmp_path: Path) -> Iterator[Counterpart]:
    made = Counterpart(tmp_path)
    with made.served:
        yield made


def send(target: HmsregV1 | HmsregV2, body: bytes | None = None) -> Outcome:
    """One record, and the connection closed."""
    try:
        (outcome,) = target.send([Draft(ITEM, body or target.draft(ITEM, Known()) or b"")])
    finally:
        target.close()
    return outcome


def test_a_record_arrives_with_every_field_as_the_page_shows_it(counterpart: Counterpart) -> None:
    assert send(counterpart.v1()) == Accepted(ID, "queued there; v1 has no way to ask what became of it")
    (record,) = counterpart.double.records
    assert record == {
        "Kortnr": "5310027", "Retning": "Ankomst", "Tidspunkt": "2026-05-04T07:00:00", "Navn": "Ola Nordmann Ødegård",
        "Orgnr": "123456785", "HmsRegnr": "1234", "Kilde": "Test", "Korttype": "HMS",
        "Fødselsdato": "1990-02-03T00:00:00", "ExternalRef": ID,
    }  # fmt: skip
    (request,) = counterpart.served.requests
    assert (request.method, request.path) == ("POST", V1)
    assert request.headers["content-type"] == request.headers["accept"] == "application/json"


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"Kortnr": None}, "Kortnr"),
        ({"Kortnr": "123456789"}, "Kortnr"),
        ({"Retning": "Gikk"}, "Retning"),
        ({"Hudfarge": "x"}, "Hudfarge"),
    ],
)
def test_the_double_refuses_what_is_wrong_and_the_field_comes_back(
    counterpart: Counterpart, changed: dict[str, str | None], field: str
) -> None:
    target = counterpart.v1()
    record = json.loads(target.draft(ITEM, Known()) or b"") | changed
    body = json.dumps({name: value for name, value in record.items() if value is not None}).encode()
    refused = send(target, body)
    assert isinstance(refused, Refused)
    assert refused.field == field
    assert counterpart.double.records == []


def test_a_wrong_password_stops_and_does_not_show_it(counterpart: Counterpart) -> None:
    stopped = send(counterpart.v1(password_file="wrong"))
    assert isinstance(stopped, Stopped)
    assert f"[{USER}]" in stopped.words
    assert "guessed" not in stopped.words


def test_a_mended_password_counts_without_a_restart(counterpart: Counterpart) -> None:
    target = counterpart.v1(password_file="wrong")
    draft = Draft(ITEM, target.draft(ITEM, Known()) or b"")
    assert isinstance(target.send([draft])[0], Stopped)
    (counterpart.folder / "wrong").write_text(f"{PASSWORD}\n")
    assert isinstance(target.send([draft])[0], Accepted)
    (counterpart.folder / "wrong").unlink()
    (stopped,) = target.send([draft])
    assert isinstance(stopped, Stopped)
    assert "password_file" in stopped.words
    target.close()


@pytest.mark.parametrize(
    "fault",
    [
        Fault(HTML),
        Fault(HTML, served=True),
        Fault(BROKEN),
        Fault(Reply(503, b"", headers={"Retry-After": "7"})),
        Fault(Reply(405, b'{"_error": "Not found"}')),
        Fault(Reply(200, b"")),
        Fault(Reply(302, b"", headers={"Location": "https://elsewhere.example/"})),
        Fault(cut_after=5),
        Fault(slow_s=30.0),
    ],
    ids=["html", "html-served", "broken", "busy", "405", "empty", "moved", "half", "slow"],
)
def test_what_nobody_can_tell_is_sent_again_under_the_same_key(counterpart: Counterpart, fault: Fault) -> None:
    counterpart.served.misbehave(fault)
    later = send(counterpart.v1(timeout_s=0.3))
    assert isinstance(later, Later)
    assert later.after_ms == (7000 if fault.reply and "Retry-After" in fault.reply.headers else None)
    assert WORKER.last_name not in later.words
    assert CARD.number not in later.words
    assert isinstance(send(counterpart.v1()), Accepted)
    assert {one["ExternalRef"] for one in counterpart.double.records} == {ID}
    assert set(counterpart.double.repeated.values()) <= {2}


def test_what_is_no_longer_known_here_is_not_told(counterpart: Counterpart) -> None:
    """Another system has changed what it reported: that comes under a key of its own."""
    gone = ITEM._replace(happening="5a1f8f4e-91cf-5bcd-8a52-0f6a5a3f2b11")
    for target in (counterpart.v1(), counterpart.v2()):
        assert target.draft(gone, Known()) is None
        target.close()


def test_nobody_there_is_later(counterpart: Counterpart) -> None:
    with Serving(counterpart.double.answer) as gone:
        address = gone.url
    assert isinstance(send(counterpart.v1(base_url=address)), Later)


def test_version_2_is_queued_first_and_asked_for(counterpart: Counterpart) -> None:
    target = counterpart.v2()
    body = target.draft(ITEM, Known()) or b""
    (queued,) = target.send([Draft(ITEM, body)])
    assert queued == Queued("item-1", "v2 is unverified")
    assert isinstance(target.ask(["item-1"])[0], Queued)
    assert target.ask(["item-1"])[0] == Accepted("item-1", "v2 is unverified")
    assert isinstance(target.ask(["item-9"])[0], Queued)
    counterpart.served.misbehave(Fault(cut_after=3))
    assert isinstance(target.ask(["item-1"])[0], Later)
    target.close()


@pytest.mark.parametrize(
    ("fault", "kind"),
    [(Fault(HTML), Later), (Fault(BROKEN), Later), (Fault(cut_after=4), Later), (Fault(Reply(202, b"{}")), Later)],
)
def test_version_2_does_not_take_anything_for_queued(counterpart: Counterpart, fault: Fault, kind: type) -> None:
    counterpart.served.misbehave(fault)
    assert isinstance(send(counterpart.v2()), kind)


def test_version_2_with_a_wrong_secret_is_stopped(counterpart: Counterpart) -> None:
    assert isinstance(send(counterpart.v2(secret_file="wrong")), Stopped)


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"password_file": "absent"}, "password_file"),
        ({"base_url": "http://hmsreg.example"}, "https"),
        ({"base_url": "hmsreg.example"}, "no address such as"),
        ({"base_url": "https://hmsreg.example:99999"}, "no address such as"),
        ({"base_url": "https://yard:guessed@hmsreg.example"}, "holds a user or a password"),
        ({"hmsreg_number": None}, "hmsreg_number"),
        ({"misspelt": 1}, "misspelt"),
        ({"time_zone": "Europe/Olso"}, "time_zone"),
        ({"leave_out": ["Kortnr"]}, "leave_out"),
    ],
)
def test_settings_that_cannot_be_are_told_with_the_target_and_the_key(
    counterpart: Counterpart, changed: dict[str, object], complaint: str
) -> None:
    with pytest.raises(SettingsError, match=complaint) as wrong:
        counterpart.v1(**changed)
    assert "targets.client.settings" in str(wrong.value)


@pytest.mark.parametrize("name", ["X Provider Secret", "", "X-Secret:"])
def test_a_header_that_is_none_is_told_before_anything_is_sent(counterpart: Counterpart, name: str) -> None:
    with pytest.raises(SettingsError, match=r"targets\.client\.settings: the header .* is no name of one"):
        counterpart.v2(headers={name: "{secret}"})


@pytest.mark.parametrize("kind", ["hmsreg-v1", "hmsreg-v2", "elrapp"])
def test_a_certificate_is_looked_for_beside_the_settings(
    counterpart: Counterpart, kind: str, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The hub's service runs in another folder."""
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    (counterpart.folder / "client-ca.pem").write_text(Path(certifi.where()).read_text(encoding="utf-8"))
    of_kind: dict[str, dict[str, Any]] = {
        "hmsreg-v1": {"user": USER, "password_file": "password", "source": "Test", "hmsreg_number": 1},
        "hmsreg-v2": {
            "headers": {"X-Provider-Secret": "{secret}"}, "provider_id": "1", "secret_file": "secret", "location": 1,
            "queue_path": "/queue/{id}",
        },
        "elrapp": {"api_key_file": "secret", "contract_id": 1},
    }  # fmt: skip
    make_target(kind, counterpart.place(ca_file="client-ca.pem", **of_kind[kind])).close()


def test_both_versions_are_known_by_their_kinds(counterpart: Counterpart) -> None:
    settings = {"user": USER, "password_file": "password", "source": "Test", "hmsreg_number": 1}
    made = make_target("hmsreg-v1", counterpart.place(**settings))
    assert isinstance(made, HmsregV1)
    made.close()


@pytest.mark.parametrize("name", ["hmsreg", "elrapp"])
def test_the_doubles_can_be_started_by_hand(name: str) -> None:
    command = [sys.executable, "-m", "portvakt.doubles", name]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        try:
            assert running.stdout is not None
            found = re.search(r"http://\S+\d", running.stdout.readline())
            assert found is not None
            web = Web(found[0])
            assert web.ask("GET", "/").status in (404, 405)
            web.close()
        finally:
            running.send_signal(signal.SIGINT)
        assert running.wait(10) == 0


# --- through a courier ---------------------------------------------------------------------------


class Delivering:
    """A store with one gate's records, and a courier to the double in this thread's time."""

    def __init__(self, store: HubStore, target: HmsregV1 | HmsregV2) -> None:
        self.store = store
        self.target = target
        self.ledger = Ledger(store, "yard", "client")
        self.sender = Pool(target)
        self.courier = Courier("client", target, self.ledger, self.sender, RULES, clock_wait_ms=60_000)
        self.now_ms = START_MS
        self.ledger.enter("hmsreg", 0, START_MS)

    def tell(self, book: RecordBook) -> None:
        Ingest("yard", self.store, Signer("yard", KEY)).take([book.message()], self.now_ms)

    def until(self, *states: State) -> None:
        """Turn, and let time go by, until nothing is in another state."""

        def settled() -> bool:
            self.now_ms += self.courier.turn(self.now_ms)
            self.courier.wait(self.now_ms, 50)
            return set(self.states().values()) <= set(states)

        self.now_ms += self.courier.turn(self.now_ms)
        wait_for(f"all in {states}", settled, 30.0)

    def states(self) -> dict[str, str]:
        with self.store.reading() as connection:
            rows = connection.execute(select(schema.deliveries.c.id, schema.deliveries.c.state))
            return {row.id: row.state for row in rows}

    def close(self) -> None:
        self.sender.close()
        self.target.close()


def morning(cards: int) -> RecordBook:
    """So many cards come, and leave again."""
    book = RecordBook()
    for number in range(cards):
        book.passage(str(5310000 + number), ENTRY, START_MS + number * 1000)
    for number in range(cards):
        book.passage(str(5310000 + number), EXIT, START_MS + 600_000 + number * 1000)
    return book


def test_p3_everything_arrives_once_under_its_key_whatever_happens_on_the_way(
    store: HubStore, counterpart: Counterpart, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    delivering = Delivering(store, counterpart.v1(timeout_s=0.5, connections=4))
    counterpart.served.misbehave(
        Fault(HTML), Fault(BROKEN, served=True), Fault(), Fault(cut_after=5), Fault(slow_s=5.0), Fault(), Fault(HTML),
    )  # fmt: skip
    delivering.tell(morning(15))
    delivering.until(State.ACCEPTED)
    delivering.close()
    told = [one["ExternalRef"] for one in counterpart.double.records]
    assert set(told) == set(delivering.states())
    assert len(delivering.states()) == 30
    for number in range(15):
        ways = [one["Retning"] for one in counterpart.double.records if one["Kortnr"] == str(5310000 + number)]
        assert list(dict.fromkeys(ways)) == ["Ankomst", "Avgang"]
        assert ways == sorted(ways)
    assert "5310003" not in caplog.text


def test_a_record_it_never_takes_goes_aside_with_the_field_and_the_rest_goes_on(
    store: HubStore, counterpart: Counterpart
) -> None:
    delivering = Delivering(store, counterpart.v1(exit_word="Gikk"))
    delivering.tell(morning(3))
    delivering.until(State.ACCEPTED, State.ASIDE)
    delivering.close()
    assert sorted(delivering.states().values()) == [State.ACCEPTED] * 3 + [State.ASIDE] * 3
    with store.reading() as connection:
        row = connection.execute(select(schema.deliveries).where(schema.deliveries.c.state == State.ASIDE)).first()
    assert row is not None
    assert (row.words, row.field) == ("400 Invalid field Retning", "Retning")


def test_version_2_is_done_when_its_queue_says_so(store: HubStore, counterpart: Counterpart) -> None:
    delivering = Delivering(store, counterpart.v2())
    counterpart.double.refuse_in_queue.add("5310001")
    delivering.tell(morning(3))
    delivering.until(State.ACCEPTED, State.ASIDE)
    delivering.close()
    states = delivering.states()
    refused = [one["externalRef"] for one in counterpart.double.records_v2 if one["cardNumber"] == "5310001"]
    assert [states.pop(reference) for reference in refused] == [State.ASIDE] * 2
    assert list(states.values()) == [State.ACCEPTED] * 4
    asked = [one.path for one in counterpart.served.requests if one.method == "GET"]
    assert len(asked) == 2 * len(set(asked)) == 12


def test_status_says_what_has_to_be_known_of_a_kind(store: HubStore) -> None:
    kinds = ("hmsreg-v1", "hmsreg-v2", "elrapp")
    lines = target_lines(store, [TargetSettings(name=kind, kind=kind) for kind in kinds], START_MS)
    text = targets_text(lines, START_MS)
    assert "hmsreg-v2: UNVERIFIED" in text
    assert "hmsreg-v1: accepted is queued at HMSREG" in text
    assert [one.kind for one in lines if one.remark] == ["hmsreg-v1", "hmsreg-v2"]
    Ledger(store, "yard", "hmsreg-v2").enter("hmsreg-v2", None, START_MS)
    (_, known, _) = target_lines(store, [TargetSettings(name=kind, kind=kind) for kind in kinds], START_MS)
    assert (known.state, "UNVERIFIED" in known.remark) == ("told", True)
