"""The feed from a gate's records to a consumer: `hub run`, a central broker that is killed, `hub feed tail`, and what
`docs/feed.md` has people type."""

import contextlib
import json
import os
import re
import shlex
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.feed_documents import stored_examples
from tests.feed_run import CARPENTER, MORNING_MS, SITE, FeedRun, feed_run, feeds, morning, played
from tests.generated import DOCS
from tests.sim.central_broker import PASSWORD, USER, Subscriber, broker_with, line_to, password_file
from tests.sim.mosquitto import BINARY, Mosquitto
from tests.sim.records import RecordBook
from tests.sim.rig import ROOT
from tests.waiting import wait_for

pytestmark = [pytest.mark.real, pytest.mark.skipif(BINARY is None, reason="mosquitto is not installed")]
PAGE = (DOCS / "feed.md").read_text(encoding="utf-8")
ONE_FEED = """[[targets]]
name = "client"
kind = "feed"
since = "2026-01-01"
[targets.settings]
host = "127.0.0.1"
port = {port}
personal = "full"
timeout_s = 2
"""
TELLS = 11
"""What the feed makes of a morning: 3 passages, 2 refusals, 3 changes of the roster and one by hand, 2 alarms."""


class Listening:
    """A program that prints what comes, a line each."""

    def __init__(self, command: list[str], folder: Path) -> None:
        self._out, self._err = folder / "listening.out", folder / "listening.err"
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self.process = subprocess.Popen(
                command, stdout=out, stderr=err, cwd=folder, env=os.environ | {"PYTHONPATH": str(ROOT)}
            )

    @property
    def lines(self) -> list[str]:
        return self._out.read_text(encoding="utf-8").splitlines()

    @property
    def said(self) -> str:
        return self._err.read_text(encoding="utf-8")

    def end(self, number: int = signal.SIGINT) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(10)


@pytest.fixture
def listening(tmp_path: Path) -> Iterator[Any]:
    started: list[Listening] = []

    def start(*command: str, folder: Path = tmp_path) -> Listening:
        started.append(Listening(list(command), folder))
        return started[-1]

    yield start
    for one in started:
        one.end(signal.SIGKILL)


@contextlib.contextmanager
def site(folder: Path, targets: str) -> Iterator[FeedRun]:
    with feed_run(folder, targets) as run:
        yield run


def tail(listening: Any, run: FeedRun, *words: str) -> Listening:
    started: Listening = listening(sys.executable, "-m", "hub", "--config", str(run.settings), "feed", "tail", *words)
    wait_for("the tail to listen", lambda: "listening at" in started.said, 20)
    return started


def test_the_examples_of_the_docs_are_what_a_run_says(tmp_path: Path) -> None:
    """When this fails: `python -m tests.feed_documents`, then look at what changed."""
    assert played(tmp_path) == stored_examples()


def test_p2_p3_a_broker_that_is_killed_and_a_hub_that_is_killed_lose_nothing(tmp_path: Path) -> None:
    book = morning()
    with (
        Mosquitto(tmp_path / "central") as central,
        line_to(central.port) as line,
        Subscriber(central.port) as ear,
        site(tmp_path, ONE_FEED.format(port=line.port)) as run,
    ):
        run.tell(book, 1, 2, 3)
        wait_for("the first passage", lambda: len(ear.messages) == 2, 30)
        # The broker hears and passes on, but its PUBACKs are lost; then hub and broker die.
        line.deaf.set()
        run.tell(book, *range(4, 8))
        wait_for("what was told without an answer", lambda: len(ear.messages) >= 4, 30)
        run.hub.kill()
        central.kill()
        run.hub.start()
        run.tell(book, *range(8, len(book.bodies) + 1))
        said = ["--by", "office", "--reason", "by the side gate", "--at", "2026-11-02T16:10"]
        run.on_hub("out", "5310118", *said)
        central.start()
        ear.wait_until_it_listens(2)
        line.deaf.clear()
        wait_for("all of it", lambda: len({told["id"] for told in map(json.loads, ear.bodies)}) == TELLS, 60)
        wait_for("nothing to wait for", lambda: _open(run) == 0, 30)
        assert len(ear.bodies) > TELLS
        assert len(set(ear.bodies)) == TELLS, "what comes again is the same to the byte"


def _open(run: FeedRun) -> int:
    (line,) = json.loads(run.on_hub("central", "status", "--json"))
    return int(line["waiting"]) + int(line["aside"])


def test_a_wrong_password_stops_the_feed_until_it_is_right_and_somebody_says_so(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("wrong")
    secret.chmod(0o600)
    broker = broker_with(tmp_path, "allow_anonymous false", f"password_file {password_file(tmp_path)}")
    with broker, Subscriber(broker.port, login=(USER, PASSWORD)) as ear:
        login = f'username = "{USER}"\npassword_file = "password"\n'
        with site(tmp_path, ONE_FEED.format(port=broker.port) + login) as run:
            run.tell(morning())

            def state() -> Any:
                return json.loads(run.on_hub("central", "status", "--json", status=1))[0]

            wait_for("the feed to stop", lambda: state()["state"] == "stopped", 30)
            assert "`username` and `password_file`" in str(state()) or "allow this user" in str(state())
            assert ear.messages == []
            secret.write_text(PASSWORD)
            run.on_hub("central", "retry", "client", "--by", "office")
            wait_for("all of it", lambda: len(ear.messages) == TELLS - 1, 30)


@pytest.fixture
def small(tmp_path: Path) -> Iterator[FeedRun]:
    """A site with one feed, and its broker."""
    with Mosquitto(tmp_path / "central") as central, site(tmp_path, ONE_FEED.format(port=central.port)) as run:
        yield run


def passages(count: int) -> RecordBook:
    """Of people whose card no list names: a passage and an entry each."""
    book = RecordBook("north", site=SITE, epoch="00000000000000a8")
    for number in range(count):
        at_ms = MORNING_MS + number * 1000
        book.add(
            "passage.completed", at_ms=at_ms, card=f"90000{number:03}", direction="entry", lane="main", zone="site"
        )
    return book


def test_tail_shows_what_comes_and_ends_after_so_many(small: FeedRun, listening: Any) -> None:
    lines = tail(listening, small, "--count", "11")
    small.tell(morning())
    small.on_hub("in", "5310217", "--by", "office", "--reason", "trying")
    assert lines.process.wait(30) == 0
    assert (
        "2026-11-02T05:58:06.970Z  passage  north/main        entry hms:5310027 Torbjørg Åsnes (Vinkel Bygg AS)"
        in lines.lines
    )
    assert any("@office" in line and "entered hms:5310217 Oddvar Myrbakk" in line for line in lines.lines)
    assert any(line.endswith("refusal  north/main        unknown_card hms:7769001") for line in lines.lines)
    assert any("raised reader.outside the reader does not answer" in line for line in lines.lines)
    assert any(line.endswith("[site, confirmed]") for line in lines.lines)


def test_tail_of_one_kind_as_json_until_ctrl_c(small: FeedRun, listening: Any) -> None:
    lines = tail(listening, small, "--json", "--kind", "passage")
    small.tell(passages(5))
    wait_for("five passages", lambda: len(lines.lines) == 5, 30)
    numbers = sorted(json.loads(line)["data"]["card"]["number"] for line in lines.lines)
    assert numbers == [f"90000{number:03}" for number in range(5)]
    assert lines.end(signal.SIGINT) == 0
    assert "Traceback" not in lines.said


def test_tail_shows_an_event_once_and_goes_on_when_the_broker_is_back(tmp_path: Path, listening: Any) -> None:
    event = json.dumps(stored_examples()["passage-entry"]).encode()
    later = json.dumps(stored_examples()["passage-exit"]).encode()
    topic = f"portvakt/v1/{SITE}/feed"
    with Mosquitto(tmp_path / "central") as central:
        run = FeedRun(tmp_path, 1, ONE_FEED.format(port=central.port))
        lines = tail(listening, run, "--json")
        for payload in (event, event, b"\x1b[31m no event \xff", event):
            publish(central.port, topic, payload)
        wait_for("the stranger's message", lambda: "none of the feed's" in lines.said)
        central.restart()
        wait_for("the tail to be back", lambda: lines.said.count("listening at") == 2, 30)
        assert "what comes meanwhile is not shown" in lines.said
        publish(central.port, topic, event)
        publish(central.port, topic, later)
        wait_for("the second event", lambda: len(lines.lines) == 2)
    assert [json.loads(line)["data"]["direction"] for line in lines.lines] == ["entry", "exit"]
    assert "\x1b" not in lines.said


def publish(port: int, topic: str, payload: bytes) -> None:
    import paho.mqtt.client as mqtt
    from paho.mqtt.enums import CallbackAPIVersion

    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv311)
    client.connect("127.0.0.1", port)
    client.loop_start()
    client.publish(topic, payload, 1).wait_for_publish(10)
    client.disconnect()
    client.loop_stop()


def hub_feed(settings: Path, *words: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "hub", "--config", str(settings), "feed", *words],
        capture_output=True, text=True, check=False, timeout=60, cwd=ROOT,
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    ("targets", "words", "status", "told"),
    [
        ("", ["tail"], 1, 'there is no feed; add a [[targets]] with kind = "feed" (docs/feed.md)'),
        (feeds(1), ["tail"], 1, "there are several feeds: full, none, pseudonymous; say which one with --target NAME"),
        (feeds(1), ["tail", "--target", "hmsreg"], 1, "'hmsreg' is none of the feeds"),
        (feeds(1), ["tail", "--target", "full"], 1, "nothing listens there, or not to us"),
        (feeds(1), ["tail", "--kind", "weather"], 2, "invalid choice"),
        (feeds(1), ["tail", "--count", "0"], 2, "at least 1"),
        (feeds(1), [], 2, "required: WHAT"),
        (ONE_FEED.format(port=1).replace("timeout_s", "time_out"), ["tail"], 1, "time_out"),
    ],
)
def test_what_cannot_be_is_one_line(tmp_path: Path, targets: str, words: list[str], status: int, told: str) -> None:
    run = FeedRun(tmp_path, 1, targets)
    found, said = hub_feed(run.settings, *words)
    assert found == status
    assert told in said
    if status == 1:
        assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("settings", "status", "told"),
    [
        (ONE_FEED.format(port=1), 0, "target       client (feed)"),
        (ONE_FEED.format(port=1) + 'topic = "a/#"\n', 1, "targets.client.settings.topic: 'a/#' is no topic"),
        (ONE_FEED.format(port=1).replace('"feed"', '"food"'), 1, "targets.client.kind: 'food' is none of"),
    ],
)
def test_check_config_looks_at_targets(tmp_path: Path, settings: str, status: int, told: str) -> None:
    run = FeedRun(tmp_path, 1, settings)
    done = subprocess.run(
        [sys.executable, "-m", "hub", "check-config", str(run.settings)],
        capture_output=True, text=True, check=False, timeout=60, cwd=ROOT,
    )  # fmt: skip
    assert done.returncode == status
    assert told in done.stdout + done.stderr


def test_a_broker_that_does_not_let_us_read_is_told(tmp_path: Path) -> None:
    broker = broker_with(tmp_path, "allow_anonymous false", f"password_file {password_file(tmp_path)}")
    with broker:
        run = FeedRun(tmp_path, 1, ONE_FEED.format(port=broker.port))
        status, said = hub_feed(run.settings, "tail")
    assert status == 1
    assert "must allow this user or certificate" in said


# --- as typed ----------------------------------------------------------------------------------------


def test_the_consumer_of_the_page_counts_everything_once(tmp_path: Path, listening: Any) -> None:
    (program,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert len([line for line in program.splitlines() if line]) <= 20
    (tmp_path / "listen.py").write_text(program, encoding="utf-8")
    with (
        Mosquitto(tmp_path / "central") as central,
        line_to(central.port) as line,
        Subscriber(central.port) as ear,
        site(tmp_path, ONE_FEED.format(port=line.port)) as run,
    ):
        command = [sys.executable, "listen.py", "127.0.0.1", str(central.port)]
        first = listening(*command)
        wait_for("the consumer to subscribe", lambda: central.log.read_text().count("dashboard") > 0)
        run.tell(passages(3))
        wait_for("six events, noted", lambda: _noted(tmp_path) == len(first.lines) == 6, 30)
        # It is away, and what comes twice meanwhile it is given twice.
        first.end(signal.SIGKILL)
        line.deaf.set()
        run.tell(morning())
        wait_for("messages without an answer", lambda: len(ear.messages) > 6, 30)
        line.deaf.clear()
        wait_for("all, some of them twice", lambda: len(set(ear.bodies)) == 6 + TELLS - 1, 60)
        wait_for("nothing to wait for", lambda: _open(run) == 0, 30)
        second = listening(*command)
        wait_for("the rest", lambda: len(second.lines) == TELLS - 1, 30)
        assert len(ear.messages) > 6 + TELLS - 1
        assert len(set(second.lines)) == TELLS - 1
        assert second.said == ""


def _noted(folder: Path) -> int:
    with contextlib.closing(sqlite3.connect(folder / "seen.db")) as seen:
        try:
            return int(seen.execute("select count(*) from seen").fetchone()[0])
        except sqlite3.OperationalError:
            return 0


def test_the_trial_of_the_page(tmp_path: Path, listening: Any) -> None:
    """Its commands, in its order; only ports and folders are the test's."""
    block = re.findall(r"```\n(mosquitto -p .*?)```", PAGE, re.DOTALL)[0]
    settings = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)[0]
    with Mosquitto(tmp_path / "near") as near, Mosquitto(tmp_path / "central") as central:
        run = FeedRun(tmp_path, near.port, settings.replace("1884", str(central.port)))
        words = [shlex.split(line.rstrip(" &")) for line in block.splitlines()]
        assert words[0] == ["mosquitto", "-p", "1884"]
        programs = [one[1:] for one in words[1:]]
        assert {one[0] for one in words[1:]} == {".venv/bin/hub"}
        crew, hub, listen, comes = programs
        run.on_hub(*crew)
        assert hub == ["run"]
        run.hub.start()
        try:
            assert listen[:2] == ["feed", "tail"]
            lines = tail(listening, run, *listen[2:])
            run.on_hub(*comes)
            wait_for("who came in", lambda: lines.lines)
            assert f"entered hms:{CARPENTER} Torbjørg Åsnes" in lines.lines[0]
        finally:
            run.hub.kill()


def test_mosquitto_sub_as_the_page_has_it(tmp_path: Path, listening: Any) -> None:
    if shutil.which("mosquitto_sub") is None:
        pytest.skip("mosquitto-clients is not installed")
    (typed,) = re.findall(r"^(mosquitto_sub .*)$", PAGE, re.MULTILINE)
    with Mosquitto(tmp_path / "central") as central:
        subscriber = listening(*shlex.split(typed.replace("1884", str(central.port))))
        wait_for("it to subscribe", lambda: "mosqsub" in central.log.read_text() or "auto-" in central.log.read_text())
        example = json.dumps(stored_examples()["passage-entry"])

        def heard() -> bool:
            publish(central.port, f"portvakt/v1/{SITE}/feed", example.encode())
            return bool(subscriber.lines)

        wait_for("the message", heard)
        assert json.loads(subscriber.lines[0]) == stored_examples()["passage-entry"]
