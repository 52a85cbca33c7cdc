"""`hub run` as a process with a target from outside, as docs/central.md has it: killed, refused, late, found again."""

import json
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from portvakt.doubles.serving import BROKEN, HTML, Fault, Reply, Request, Serving
from tests.sim.hub_process import Ear, HubProcess
from tests.sim.mosquitto import BINARY, Mosquitto
from tests.sim.records import START_MS, RecordBook
from tests.waiting import wait_for

pytestmark = [pytest.mark.real, pytest.mark.skipif(BINARY is None, reason="mosquitto is not installed")]
DOCS = Path(__file__).parents[2] / "docs" / "central.md"


class Receiver:
    """Takes what comes, once for each id; refuses one card."""

    def __init__(self) -> None:
        self.told: Counter[str] = Counter()
        self.ways: list[tuple[str, str]] = []

    def answer(self, request: Request) -> Reply:
        if request.headers.get("authorization") != "Bearer swordfish":
            return Reply(401, b"who are you?", "text/plain")
        said = json.loads(request.body)
        if said["card"] == "1666":
            return Reply(422, b"card 1666 is not ours", "text/plain")
        if not self.told[said["id"]]:
            self.ways.append((said["card"], said["way"]))
        self.told[said["id"]] += 1
        return Reply(200, b'"thanks"')


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """The target of the docs, installed in a folder."""
    folder = tmp_path / "site-packages"
    info = folder / "my_webhook-1.0.dist-info"
    info.mkdir(parents=True)
    python, toml = re.findall(r"```(?:python|toml)\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)[-2:]
    (folder / "my_webhook.py").write_text(python, encoding="utf-8")
    entry = toml.splitlines()[1].replace('"', "")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: my-webhook\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[portvakt.targets]\n{entry}\n")
    return folder


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path / "broker") as started:
        yield started


class Setting:
    """A hub with the target, a gate's voice, and the receiver."""

    def __init__(self, folder: Path, broker: Mosquitto, url: str) -> None:
        self.hub = HubProcess(folder / "hub", broker.port)
        self.token = folder / "hub" / "token"
        self.token.write_text("swordfish\n")
        self.token.chmod(0o600)
        with self.hub.settings.open("a") as settings:
            settings.write(
                f'[[targets]]\nname = "client"\nkind = "webhook"\nsince = "2020-01-01"\n'
                f'[targets.settings]\nurl = "{url}/in"\ntoken_file = "token"\n'
            )
        self.ear = Ear(broker.port)

    def tell(self, book: RecordBook, *seqs: int) -> None:
        topic, payload = book.message(*seqs)
        self.ear.link.publish(topic, payload)
        count = max(seqs) if seqs else len(book.bodies)
        self.ear.until("the gate is acknowledged", lambda: self.ear.acked(self.hub) >= count)

    def central(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "hub", "central", *arguments, "--config", str(self.hub.settings)],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    def status(self) -> dict[str, object]:
        (line,) = json.loads(self.central("status", "--json").stdout)
        assert isinstance(line, dict)
        return line


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


@pytest.fixture
def serving(receiver: Receiver) -> Iterator[Serving]:
    with Serving(receiver.answer) as started:
        yield started


@pytest.fixture
def setting(
    tmp_path: Path, package: Path, broker: Mosquitto, serving: Serving, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Setting]:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, (str(package), os.environ.get("PYTHONPATH")))))
    made = Setting(tmp_path, broker, serving.url)
    yield made
    made.ear.link.close()
    if made.hub.process:
        made.hub.end(signal.SIGKILL)


def a_morning(cards: int) -> RecordBook:
    book = RecordBook()
    for number in range(cards):
        book.passage(f"{5000 + number}", "entry", START_MS + number * 1000)
    for number in range(cards):
        book.passage(f"{5000 + number}", "exit", START_MS + 3_600_000 + number * 1000)
    return book


def test_p2_p3_killed_in_the_middle_nothing_is_lost_and_nothing_has_two_keys(
    setting: Setting, receiver: Receiver, serving: Serving
) -> None:
    book = a_morning(60)
    lost = Fault(BROKEN, served=True)
    serving.misbehave(*[Fault(BROKEN), lost, Fault(HTML), Fault(cut_after=3), lost])
    setting.hub.start()
    setting.hub.ready()
    setting.tell(book)
    wait_for("some are told", lambda: len(receiver.told) >= 20, 30.0)
    setting.hub.end(signal.SIGKILL)
    setting.hub.start()
    wait_for("all are told", lambda: len(receiver.told) == 120, 60.0)
    wait_for("all are written down", lambda: setting.status()["accepted"] == 120, 30.0)
    for number in range(60):
        ways = [way for card, way in receiver.ways if card == str(5000 + number)]
        assert ways == ["entry", "exit"]


def test_a_refused_record_is_shown_with_its_words_and_sent_again_on_request(
    setting: Setting, receiver: Receiver
) -> None:
    book = RecordBook()
    book.passage("1666", "entry")
    book.passage("1777", "entry")
    setting.hub.start()
    setting.hub.ready()
    setting.tell(book)
    wait_for(
        "one is taken, one aside", lambda: (setting.status()["accepted"], setting.status()["aside"]) == (1, 1), 30.0
    )
    (aside,) = json.loads(setting.central("aside", "--json").stdout)
    assert aside["words"] == "422 card 1666 is not ours"
    assert setting.central("retry", "client", aside["id"][:6]).returncode == 0
    wait_for("it is refused again", lambda: setting.status()["aside"] == 1, 30.0)
    given_up = setting.central("give-up", "client", aside["id"], "--reason", "a visitor's card")
    assert given_up.returncode == 0, given_up.stderr
    assert setting.status()["aside"] == 0
    assert setting.central("retry", "client", aside["id"]).returncode == 1
    assert setting.central("backfill", "client", "--since", "yesterday").returncode == 1
    assert setting.central("backfill", "nobody", "--since", "2026-11-01").returncode == 1
    done = setting.central("backfill", "client", "--since", "2026-05-01")
    assert "0 queued" in done.stdout


def test_a_wrong_password_stops_the_target_with_an_alarm(
    setting: Setting, receiver: Receiver, serving: Serving
) -> None:
    setting.token.write_text("herring\n")
    book = RecordBook()
    book.passage("1777", "entry")
    setting.hub.start()
    setting.hub.ready()
    setting.tell(book)
    wait_for("it has stopped", lambda: setting.status()["state"] == "stopped", 30.0)
    asked = len(serving.requests)
    shown = setting.central("status")
    assert shown.returncode == 1
    assert "STOPPED" in shown.stdout
    assert "hub central retry client" in shown.stdout
    assert len(serving.requests) == asked == 1
    setting.hub.end()
    setting.token.write_text("swordfish\n")
    setting.hub.start()
    wait_for("it is told", lambda: setting.status()["accepted"] == 1, 30.0)


def test_settings_of_a_target_that_cannot_be_used_are_told_by_name(setting: Setting) -> None:
    text = setting.hub.settings.read_text()
    setting.hub.settings.write_text(text.replace('kind = "webhook"', 'kind = "carrier-pigeon"'))
    setting.hub.start()
    assert setting.hub.process
    assert setting.hub.process.wait(20) == 1
    assert "targets.client.kind: 'carrier-pigeon' is none of" in setting.hub.text
    setting.hub.settings.write_text(text.replace("token_file", "tokenfile"))
    setting.hub.start()
    assert setting.hub.process.wait(20) == 1
    assert "targets.client.settings" in setting.hub.text
    assert "Traceback" not in setting.hub.text
