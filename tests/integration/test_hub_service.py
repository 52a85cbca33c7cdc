"""The hub without its threads: routing, heartbeats, new lists, and garbage on any topic."""

from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from pytest_mock import MockerFixture

from gate.uplink import contract
from gate.uplink.contract import MAX_PRESENCE_PARTS, HubStatus, PermitsWant, Publish, Status
from gate.uplink.signing import Signer
from hub import queries
from hub.commands import Commands
from hub.config import ListSettings
from hub.crew.csv_list import read_list
from hub.crew.importing import Terms, import_list
from hub.ingest import Ingest
from hub.service import HubService
from hub.store import HubStore
from hub.sync import ListSync
from hub.whereabouts import Whereabouts
from tests.sim.records import START_MS, RecordBook

CREW = Path("config/crew.example.csv").read_bytes()
TOPICS = contract.Topics("yard")


@pytest.fixture
def service(store: HubStore) -> HubService:
    signer = Signer("yard", Ed25519PrivateKey.generate())
    return HubService(
        HubStatus("yard", "i", online=True),
        store,
        ingest=Ingest("yard", store, signer),
        sync=ListSync("yard", store, signer, ListSettings()),
        whereabouts=Whereabouts("yard", store, signer, 60_000),
        commands=Commands("yard", store, signer),
        heartbeat_ms=60_000,
    )


def leaves(messages: list[Publish]) -> list[str]:
    return [message.topic.removeprefix("portvakt/v1/yard/") for message in messages]


def test_the_head_is_offered_when_due_and_when_new(store: HubStore, service: HubService) -> None:
    """A heartbeat a minute; a list that another process has imported at the next tick."""
    service.tick(START_MS)
    import_list(store, read_list(CREW), "crew.csv", Terms("office", START_MS))
    assert leaves(service.tick(START_MS + 1)) == ["permits/head"]
    assert service.tick(START_MS + 60_000) == []
    assert leaves(service.tick(START_MS + 60_001)) == ["permits/head", "presence/now"]
    import_list(store, read_list(CREW), "crew.csv", Terms("office", START_MS))
    assert service.tick(START_MS + 60_002) == []
    import_list(store, read_list(CREW.replace(b"blocked", b"ok")), "crew.csv", Terms("office", START_MS))
    assert leaves(service.tick(START_MS + 60_003)) == ["permits/head"]


def test_p10_the_hub_goes_on_speaking_when_its_clock_is_put_back(store: HubStore, service: HubService) -> None:
    import_list(store, read_list(CREW), "crew.csv", Terms("office", START_MS))
    service.tick(START_MS)
    assert leaves(service.tick(START_MS - 3_600_000)) == ["permits/head", "presence/now"]
    assert service.tick(START_MS - 3_600_000 + 59_999) == []
    assert leaves(service.tick(START_MS - 3_600_000 + 60_000)) == ["permits/head", "presence/now"]


def test_a_list_that_comes_just_after_its_head_was_made_is_offered_at_the_next_tick(
    store: HubStore, service: HubService, mocker: MockerFixture
) -> None:
    import_list(store, read_list(CREW), "crew.csv", Terms("office", START_MS))
    make = ListSync.head

    def made_and_overtaken(sync: ListSync, now_ms: int) -> Publish | None:
        head = make(sync, now_ms)
        import_list(store, read_list(CREW.replace(b"blocked", b"ok")), "crew.csv", Terms("office", START_MS))
        return head

    mocker.patch.object(ListSync, "head", made_and_overtaken)
    service.tick(START_MS)
    mocker.stopall()
    assert leaves(service.tick(START_MS + 1)) == ["permits/head"]
    assert service.tick(START_MS + 2) == []


def test_a_new_connection_hears_everything_again(store: HubStore, service: HubService) -> None:
    """Brokers lose their memory: own status, head, acks of all journals, all retained."""
    north = RecordBook()
    north.add()
    service.take([north.message()], START_MS)
    import_list(store, read_list(CREW), "crew.csv", Terms("office", START_MS))
    said = service.connected(START_MS)
    parts = [f"presence/{part}" for part in range(MAX_PRESENCE_PARTS)]
    assert leaves(said) == ["hub", "permits/head", "north/ack", *parts, "presence/now"]
    assert [message.retain for message in said] == [True] * (len(said) - 1) + [False]


def test_one_bunch_of_everything(store: HubStore, service: HubService) -> None:
    """Events, status and a request for the list, among garbage; each is answered or kept aside."""
    import_list(store, read_list(CREW), "crew.csv", Terms("office", START_MS))
    north = RecordBook()
    north.passage("5310027", "entry")
    status = contract.encode_status(Status("north", "one", online=True, list_revision=1))
    answers = service.take(
        [
            (TOPICS.status("north"), status),
            (TOPICS.status("south"), status),
            (TOPICS.want("north"), contract.encode_message(PermitsWant(0, 1, 0))),
            (TOPICS.want("north"), b"?"),
            north.message(),
            (TOPICS.status("north"), b"{}"),
        ],
        START_MS,
    )
    assert leaves(answers) == ["north/permits/chunk", "north/ack", "presence/now", "presence/now"]
    assert queries.counts(store)["rejected"] == 3
    (gate,) = queries.gates(store).gates
    assert (gate.gate, gate.online, gate.seen_ms) == ("north", True, START_MS)
    (entry,) = queries.roster(store)
    assert (entry.name, entry.employer, entry.listed) == ("Torbjørg Åsnes", "Vinkel Bygg AS", True)


def test_a_gate_that_comes_hears_at_once_that_the_hub_is_there(service: HubService) -> None:
    status = contract.encode_status(Status("north", "one", online=True))
    assert leaves(service.take([(TOPICS.status("north"), status)], START_MS)) == ["presence/now"]
    assert service.take([(TOPICS.status("north"), status)], START_MS) == []


def test_what_another_process_changes_of_presence_is_told_at_the_next_tick(
    store: HubStore, service: HubService
) -> None:
    service.tick(START_MS)
    north = RecordBook()
    north.passage("5310027", "entry")
    Ingest("yard", store, Signer("yard", Ed25519PrivateKey.generate())).take([north.message()], START_MS)
    assert leaves(service.tick(START_MS + 1)) == ["presence/now"]
    assert service.tick(START_MS + 2) == []


def test_p2_what_another_process_has_acknowledged_is_said_again_with_the_heartbeat(
    store: HubStore, service: HubService
) -> None:
    """Of two workers' acks the lower one may come last, and is then what the broker keeps."""
    key = Ed25519PrivateKey.generate()
    north, south = RecordBook(), RecordBook("south")
    for book in (north, south):
        book.add()
        book.add()
    service.take([north.message(), south.message(1)], START_MS)
    service.tick(START_MS)
    assert "south/ack" not in leaves(service.tick(START_MS + 60_000))
    Ingest("yard", store, Signer("yard", key)).take([south.message(2)], START_MS)
    said = leaves(service.tick(START_MS + 120_000))
    assert "south/ack" in said
    assert "north/ack" not in said
    assert "south/ack" not in leaves(service.tick(START_MS + 180_000))


@pytest.mark.parametrize(
    "wrong",
    [
        {"head_seq": 1 << 60},
        {"oldest_seq": 1 << 70},
        {"list_revision": 1 << 62},
        {"epoch": "another"},
        {"epoch": "0" * 17},
    ],
)
def test_p9_a_status_that_no_database_takes_is_kept_aside(
    store: HubStore, service: HubService, wrong: dict[str, Any]
) -> None:
    """It may be retained: refused by the database it would come again at each connection."""
    good = Status("north", "one", online=True, epoch="00000000000000aa", head_seq=1, oldest_seq=1)
    status = replace(good, **wrong)
    assert service.take([(TOPICS.status("north"), contract.encode_status(status))], START_MS) == []
    assert queries.counts(store)["rejected"] == 1
    assert queries.gates(store).gates == ()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100, deadline=None)
@given(
    st.sampled_from([TOPICS.events("north"), TOPICS.status("north"), TOPICS.want("north"), TOPICS.hub, TOPICS.head])
    | st.text(max_size=30),
    st.binary(max_size=60) | st.text(max_size=30).map(lambda text: text.encode("utf-8", "replace")),
)
def test_garbage_on_any_topic(service: HubService, topic: str, payload: bytes) -> None:
    """P9: nothing that comes over the broker stops the hub. (A valid request may be answered with nothing.)"""
    assert service.take([(topic, payload)], START_MS) == []
