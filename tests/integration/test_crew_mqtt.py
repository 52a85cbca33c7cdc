"""Crew lists over MQTT, through a real Mosquitto: taken once, guarded, signed; bad ones set aside with the reason."""

import contextlib
import json
import queue
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from sqlalchemy import select

from hub.cli import main
from hub.config import load_config
from hub.crew import mailbox
from hub.crew.importing import Terms
from hub.crew.mailbox import PUBLIC_KEY, looking, opened
from hub.crew.watching import take_newest
from hub.errors import CrewListError, StoreError
from hub.keys import public_key
from hub.store import HubStore, schema
from portvakt.errors import SettingsError
from portvakt.link import BrokerLink, BrokerSettings, Connected
from tests.sim.hub_process import HubProcess
from tests.sim.mosquitto import BINARY, Mosquitto
from tests.waiting import wait_for

TOPIC = "client/yard/crew"
EMPLOYER = {"organisation_number": "987654325"}
PEOPLE = [
    {"card_number": f"53100{number}", "first_name": "Ada", "last_name": f"Nr {number}"} | EMPLOYER
    for number in range(10, 20)
]
KEY = Ed25519PrivateKey.generate()
needs_mosquitto = pytest.mark.skipif(BINARY is None, reason="mosquitto is not installed")


class Client:
    """The client's system: puts lists onto the topic."""

    def __init__(self, port: int) -> None:
        inbox: queue.Queue[Any] = queue.Queue()
        self.link = BrokerLink(BrokerSettings(port=port), "client", ("client/none",), None, inbox)
        self.link.start()
        wait_for("the client's link", lambda: any(isinstance(one, Connected) for one in list(inbox.queue)))

    def put(self, people: Any, *, retain: bool = True) -> None:
        payload = people if isinstance(people, bytes) else json.dumps(people).encode()
        assert self.link.publish(TOPIC, payload, retain=retain)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path / "broker") as started:
        yield started


@pytest.fixture
def client(broker: Mosquitto) -> Iterator[Client]:
    made = Client(broker.port)
    yield made
    made.link.close()


@pytest.fixture
def hub(broker: Mosquitto, tmp_path: Path) -> Iterator[HubProcess]:
    made = HubProcess(tmp_path / "hub", broker.port)
    with made.settings.open("a") as file:
        file.write(f'[crew.source]\ntopic = "{TOPIC}"\n')
    yield made
    if made.process:
        made.end(9)


def listed(hub: HubProcess) -> set[str]:
    with contextlib.closing(HubStore(hub.state / "hub.sqlite3")) as store, store.crew_as_it_is() as crew:
        return {one.number for one in crew.crew() if one.listed}


def aside(hub: HubProcess) -> list[tuple[str, bytes]]:
    table = schema.quarantine
    with contextlib.closing(HubStore(hub.state / "hub.sqlite3")) as store, store.reading() as connection:
        rows = connection.execute(select(table).where(table.c.topic == TOPIC).order_by(table.c.id))
        return [(row.why, row.payload) for row in rows]


@pytest.mark.real
@needs_mosquitto
def test_a_hub_takes_what_comes_and_keeps_the_guard(hub: HubProcess, client: Client, broker: Mosquitto) -> None:
    client.put(PEOPLE)
    hub.start()
    hub.ready()
    wait_for("the list that the broker had kept", lambda: "crew_list=taken" in hub.text, 20)
    assert len(listed(hub)) == 10
    client.put([*PEOPLE, PEOPLE[0] | {"card_number": "5310099"}], retain=False)
    wait_for("the next one", lambda: hub.text.count("crew_list=taken") == 2, 20)
    assert "5310099" in listed(hub)
    client.put(PEOPLE[:2], retain=False)
    wait_for("the guard", lambda: "crew_list=refused name='mqtt.json' why='too many would leave'" in hub.text, 20)
    client.put([*PEOPLE, {"card_number": "5310098", "first_name": "Wrzosek"}], retain=False)
    wait_for("a bad row", lambda: "why='2 problems'" in hub.text, 20)
    client.put(b'{"a": 1}', retain=False)
    wait_for("something else", lambda: "the list is signed" in hub.text, 20)
    client.put(b"\xff\xfe", retain=False)
    wait_for("no JSON at all", lambda: len(aside(hub)) == 4, 20)
    assert len(listed(hub)) == 11
    assert [why.partition(" refused: ")[2] or why for why, _ in aside(hub)] == [
        "too many would leave",
        "2 problems (row 12 last_name, row 12 organisation_number)",
        "the list is signed; set crew.source.public_key_file to the key of who signs it",
        "1 problems, too many would leave (row 1)",
    ]
    assert {payload for _, payload in aside(hub)} == {b""}
    assert "Wrzosek" not in hub.text
    broker.restart()
    shorter = json.dumps(PEOPLE[:9]).encode()
    wait_for("the client's link", lambda: client.link.publish(TOPIC, shorter, retain=True), 40)
    wait_for("a list after the broker's death", lambda: hub.text.count("crew_list=taken") == 3, 60)
    assert hub.end() == 0
    assert "Traceback" not in hub.text


@pytest.mark.real
@needs_mosquitto
def test_watch_takes_what_comes_and_ends_when_told(hub: HubProcess, client: Client, tmp_path: Path) -> None:
    log = tmp_path / "watch.log"
    words = [sys.executable, "-m", "hub", "--config", str(hub.settings), "crew", "watch"]
    with log.open("wb") as out:
        process = subprocess.Popen(words, stdout=out, stderr=out)
    try:
        client.put(PEOPLE)
        wait_for("the list", lambda: "crew_list=taken" in log.read_text(), 20)
        assert len(listed(hub)) == 10
    finally:
        process.send_signal(signal.SIGTERM)
        status = process.wait(10)
    assert (status, "Traceback" in log.read_text()) == (0, False)


@pytest.mark.real
@needs_mosquitto
def test_pull_takes_a_list_that_the_broker_keeps(
    hub: HubProcess, client: Client, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.crew_cli.PULL_WAITS_S", 1.0)
    words = ("--config", str(hub.settings), "crew", "pull")
    assert main(words) == 0
    assert capsys.readouterr().out == "there is no new list\n"
    client.put(PEOPLE)
    assert main(words) == 0
    assert capsys.readouterr().out.startswith("+10 −0 ~0")
    assert main(words) == 0
    assert capsys.readouterr().out == "there is no new list\n"


@pytest.mark.real
@needs_mosquitto
def test_p2_a_list_that_could_not_be_stored_is_still_there(
    hub: HubProcess, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.put(PEOPLE, retain=False)
    config = load_config(hub.settings)
    with contextlib.closing(HubStore(hub.state / "hub.sqlite3")) as store, looking(config, 0.05) as box:
        client.put(PEOPLE)
        found = wait_for("the list", box.look)

        def full(self: HubStore) -> Any:
            raise StoreError("no room")

        def terms() -> Terms:
            return Terms("test", 1)

        with monkeypatch.context() as patched:
            patched.setattr(HubStore, "changing_crew", full)
            with pytest.raises(StoreError):
                take_newest(store, config.crew, terms, box)
        taken = take_newest(store, config.crew, terms, box)
        assert taken is not None
        assert (taken[0], taken[1].written) == (found, True)
        assert take_newest(store, config.crew, terms, box) is None
        assert box.look() is None


@pytest.fixture
def sign(tmp_path: Path) -> Callable[..., bytes]:
    """The program of the docs, as a client would run it."""
    text = Path("docs/sources.md").read_text(encoding="utf-8")
    (program,) = [one for one in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if "sys.argv" in one]
    (tmp_path / "sign.py").write_text(program)
    pem = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "key.pem").write_bytes(pem)

    def signed(people: Any, site: str = "yard") -> bytes:
        (tmp_path / "list.json").write_text(json.dumps(people), encoding="utf-8")
        words = [sys.executable, "sign.py", site, "key.pem", "list.json"]
        return subprocess.run(words, check=True, capture_output=True, cwd=tmp_path).stdout

    return signed


def test_p8_what_a_client_signs_by_the_docs_is_taken_and_nothing_else(sign: Callable[..., bytes]) -> None:
    public = KEY.public_key()
    found = opened(sign(PEOPLE), "yard", public)
    assert json.loads(found.data) == PEOPLE
    assert found.made_ms is not None
    with pytest.raises(CrewListError, match="for another site, 'quay'"):
        opened(sign(PEOPLE, "quay"), "yard", public)
    with pytest.raises(CrewListError, match="is not signed"):
        opened(json.dumps(PEOPLE).encode(), "yard", public)
    with pytest.raises(CrewListError, match="the signature is not that of"):
        opened(sign(PEOPLE), "yard", Ed25519PrivateKey.generate().public_key())
    changed = json.loads(sign(PEOPLE))
    for field, value in (("list", "[]"), ("made", "2030-01-01T00:00:00Z"), ("signature", "é"), ("site", "quay")):
        with pytest.raises(CrewListError, match="the signature is not that of"):
            opened(json.dumps(changed | {field: value}).encode(), "yard", public)
    with pytest.raises(CrewListError, match="the envelope is not"):
        opened(b'{"list": []}', "yard", public)


def test_a_message_too_long_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mailbox, "MAX_MESSAGE_BYTES", 10)
    with pytest.raises(CrewListError, match="the message has 11 bytes; the limit is 10"):
        opened(b"[         ]", "yard", None)


@pytest.mark.real
@needs_mosquitto
def test_p5_an_older_signed_list_is_not_taken_again(
    hub: HubProcess, client: Client, sign: Callable[..., bytes], tmp_path: Path
) -> None:
    public = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (hub.settings.parent / "client.pem").write_bytes(public)
    with hub.settings.open("a") as file:
        file.write('public_key_file = "client.pem"\n')
    older, newer = sign(PEOPLE), sign(PEOPLE[:9])
    hub.start()
    hub.ready()
    client.put(newer)
    wait_for("the newer one", lambda: "crew_list=taken" in hub.text, 20)
    client.put(older)
    wait_for("the older one", lambda: "an older one is not taken again" in hub.text, 20)
    client.put(PEOPLE)
    wait_for("one without a signature", lambda: "the list is not signed" in hub.text, 20)
    assert len(listed(hub)) == 9


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ('folder = "a"\ntopic = "b"', "crew.source.topic: there is a folder or a url as well"),
        ('topic = "a/#"', "crew.source.topic: is the name of one topic"),
        ('topic = ""', "crew.source.topic: is the name of one topic"),
        ('public_key_file = "a"', "crew.source.public_key_file: is for lists that come over MQTT"),
        ('[crew.source.broker]\nhost = "a"', "crew.source.broker: is for lists that come over MQTT"),
        ('topic = "a"\n[crew.source.broker]\nhost = "mqtt.client.example"', "crew.source.broker.ca_file: on the way"),
        ('topic = "a"\n[crew.source.broker]\nport = 0', "crew.source.broker.port: 0 is not a TCP port"),
    ],
)
def test_settings_that_cannot_be_meant(tmp_path: Path, settings: str, told: str) -> None:
    file = tmp_path / "hub.toml"
    file.write_text(f'site = "yard"\n[crew.source]\n{settings}\n')
    with pytest.raises(SettingsError) as wrong:
        load_config(file)
    assert told.partition(": ")[2] in str(wrong.value)
    assert told.partition(": ")[0] in str(wrong.value)


def test_a_list_from_elsewhere_is_signed_or_comes_over_tls(tmp_path: Path) -> None:
    file = tmp_path / "hub.toml"
    text = 'site = "yard"\n[crew.source]\ntopic = "a"\n{}[crew.source.broker]\nhost = "mqtt.client.example"\n{}'
    for key, ca in (('public_key_file = "k"\n', ""), ("", 'ca_file = "ca.pem"\n')):
        file.write_text(text.format(key, ca))
        source = load_config(file).crew.source
        assert source.broker is not None
        named = source.public_key_file or source.broker.ca_file or ""
        assert Path(named).parent == tmp_path


def test_a_key_that_is_none(tmp_path: Path) -> None:
    for held in (b"", b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"):
        (tmp_path / "key.pem").write_bytes(held)
        with pytest.raises(SettingsError, match="no public key can be read there"):
            public_key(tmp_path / "key.pem", PUBLIC_KEY)
