"""What a register's interface may look like is a setting; and the threads that ask, beside a database that goes."""

import contextlib
import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hub.card_answers import Answer, CardStatus
from hub.central.registers import register_watches
from hub.central.registers.asked import Away, Closed
from hub.central.registers.card_reading import NoAnswer
from hub.central.registers.card_register import HttpCardRegister
from hub.central.registers.register_watches import RegisterWatches
from hub.config import HubConfig
from hub.errors import StoreError
from hub.register_settings import CardRegisterSettings
from hub.store import HubStore
from portvakt.doubles.companies import CompaniesDouble
from portvakt.doubles.serving import Reply, Request, Serving
from portvakt.errors import SettingsError
from tests.waiting import wait_for

Ask = Callable[..., Answer]


@pytest.fixture
def register() -> Iterator[Callable[..., tuple[HttpCardRegister, Serving]]]:
    """A register that answers every request with this reply."""
    with contextlib.ExitStack() as held:

        def with_settings(reply: Reply, **said: Any) -> tuple[HttpCardRegister, Serving]:
            server = held.enter_context(Serving(lambda _: reply))
            settings = msgspec.convert({"base_url": server.url + "/api/", "timeout_s": 5} | said, CardRegisterSettings)
            made = HttpCardRegister(settings)
            held.callback(made.close)
            return made, server

        yield with_settings


def reply(said: Any, status: int = 200) -> Reply:
    return Reply(status, json.dumps(said).encode())


def asked(server: Serving) -> Request:
    (request,) = server.requests
    return request


def test_a_number_goes_into_the_address_as_text(register: Callable[..., Any]) -> None:
    found, server = register(
        reply({"status": "valid"}), card_path="/status?no={number}&x=1", headers={"X-Version": "2"}
    )
    assert found.ask("AB-1/2 æ", None).status is CardStatus.VALID
    request = asked(server)
    assert (request.path, request.query) == ("/api/status", {"no": "AB-1/2 æ", "x": "1"})
    assert request.headers["x-version"] == "2"
    assert "authorization" not in request.headers


def test_a_number_goes_into_a_body(register: Callable[..., Any]) -> None:
    found, server = register(
        reply({"result": [{"state": 3}]}), card_path="lookup", post_field="cardNumber", status_field="result.0.state",
        words={"3": "expired"},
    )  # fmt: skip
    assert found.ask("0531", None) == Answer(CardStatus.EXPIRED, "3")
    request = asked(server)
    assert (request.method, request.path, json.loads(request.body)) == ("POST", "/api/lookup", {"cardNumber": "0531"})


def test_a_code_is_no_use_without_its_address(register: Callable[..., Any]) -> None:
    found, server = register(reply({"status": "valid"}))
    assert found.ask("5310027", "04A1").level == "number"
    assert asked(server).path == "/api/cards/5310027/status"


ANSWERS = [
    (reply({}, 404), CardStatus.UNKNOWN),
    (Reply(404), CardStatus.UNKNOWN),
    (reply({"status": "blocked"}, 203), CardStatus.BLOCKED),
]


@pytest.mark.parametrize(("given", "status"), ANSWERS)
def test_answers(register: Callable[..., Any], given: Reply, status: CardStatus) -> None:
    assert register(given)[0].ask("5310027", None).status is status


FAILURES = [
    (reply({"title": "bad"}, 422), NoAnswer),
    (reply(None), NoAnswer),
    (reply([]), NoAnswer),
    (Reply(204), Away),
    (reply({}, 503), Away),
    (reply({}, 407), Closed),
    (Reply(200, b"\xff\xfe{}"), Away),
    (Reply(200, b"[" * 100_000), Away),
]


@pytest.mark.parametrize(("given", "failure"), FAILURES)
def test_failures(register: Callable[..., Any], given: Reply, failure: type[Exception]) -> None:
    found, _ = register(given)
    with pytest.raises(failure):
        found.ask("5310027", None)


def test_people_are_not_sent_through_the_open(register: Callable[..., Any]) -> None:
    with pytest.raises(SettingsError, match="must begin with https://"):
        register(reply({}), base_url="http://register.example/api")


def test_the_threads_outlive_a_database_that_is_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """And end when they are told to."""
    caplog.set_level(logging.WARNING, "hub")
    monkeypatch.setattr(register_watches, "STORE_RETRY_S", 0.01)
    attempts = []

    def opened(where: Any) -> HubStore:
        attempts.append(where)
        if len(attempts) < 4:
            raise StoreError("the database is away")
        return HubStore(where)

    monkeypatch.setattr(register_watches, "HubStore", opened)
    with CompaniesDouble({"default": {}}).serving() as server:
        companies = {"on": True, "base_url": server.url}
        said = {"site": "yard", "state_dir": str(tmp_path), "companies": companies}
        watches = RegisterWatches(msgspec.convert(said, HubConfig))
        watches.start()
        wait_for("the database to be back", lambda: "store=back" in caplog.text)
        watches.stop()
    assert caplog.text.count("store=failed") == 1
    assert not any(thread.is_alive() for thread in watches._threads)
