"""The broker link against a real, private Mosquitto that is killed and started again."""

import queue
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
from msgspec.structs import replace
from pytest_mock import MockerFixture

from portvakt.backoff import Backoff
from portvakt.errors import LinkError
from portvakt.link import BrokerLink, BrokerSettings, Connected, LastWill, Lost, Message, anchored_broker, check_files
from tests.sim.mosquitto import Mosquitto
from tests.waiting import wait_for

needs_mosquitto = pytest.mark.real
T = TypeVar("T")
NO_WILL = LastWill("gone/none", b"")


class Line:
    """A link and what it has put into its inbox."""

    def __init__(self, settings: BrokerSettings, name: str, *topics: str, will: LastWill = NO_WILL, room: int = 0):
        self.inbox: queue.Queue[Any] = queue.Queue(room)
        self.link = BrokerLink(settings, name, topics, will, self.inbox)
        self.seen: list[object] = []

    def wait_for(self, kind: type[T], count: int = 1) -> list[T]:
        """Until that many of a kind have come; all of that kind."""

        def of_kind() -> list[T]:
            while not self.inbox.empty():
                self.seen.append(self.inbox.get())
            return [one for one in self.seen if isinstance(one, kind)]

        return wait_for(f"{count} {kind.__name__}", lambda: of_kind() if len(of_kind()) >= count else None)


Open = Callable[..., Line]


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path / "broker") as broker:
        yield broker


@pytest.fixture
def settings(broker: Mosquitto) -> BrokerSettings:
    return BrokerSettings(port=broker.port, keepalive_s=5)


@pytest.fixture
def open_line(mocker: MockerFixture, settings: BrokerSettings) -> Iterator[Open]:
    """Opens lines and closes them; they come back at once."""
    mocker.patch.object(Backoff, "wait_ms", return_value=20)
    lines: list[Line] = []

    def open_(name: str, topic: str = "nothing/here", will: LastWill = NO_WILL, room: int = 0) -> Line:
        line = Line(settings, name, topic, will=will, room=room)
        lines.append(line)
        line.link.start()
        return line

    yield open_
    for line in lines:
        line.link.close()


@needs_mosquitto
def test_what_is_published_is_delivered_to_who_subscribed(open_line: Open) -> None:
    gate, hub = open_line("gate", "to/gate"), open_line("hub", "to/+")
    for line in (gate, hub):
        line.wait_for(Connected)
    assert hub.link.publish("to/gate", b"one") is True
    assert hub.link.publish("elsewhere", b"two") is True
    assert gate.wait_for(Message) == [Message("to/gate", b"one", retained=False)]
    assert hub.wait_for(Message) == [Message("to/gate", b"one", retained=False)]


@needs_mosquitto
def test_connected_means_subscribed(open_line: Open) -> None:
    """What is published right after is not missed."""
    sender = open_line("sender")
    sender.wait_for(Connected)
    for turn in range(10):
        receiver = open_line(f"receiver-{turn}", "to/all")
        receiver.wait_for(Connected)
        sender.link.publish("to/all", b"%d" % turn)
        assert receiver.wait_for(Message)[0].payload == b"%d" % turn


@needs_mosquitto
def test_a_retained_message_says_that_it_is(open_line: Open) -> None:
    sender = open_line("sender", "to/late/end")
    sender.wait_for(Connected)
    sender.link.publish("to/late", b"kept", retain=True)
    sender.link.publish("to/late/end", b"")
    # The broker has the one when it has passed on the other.
    sender.wait_for(Message)
    late = open_line("late", "to/late")
    assert late.wait_for(Message) == [Message("to/late", b"kept", retained=True)]


@needs_mosquitto
def test_p2_a_killed_broker_is_lost_once_and_found_again(open_line: Open, broker: Mosquitto) -> None:
    line = open_line("gate", "to/gate")
    line.wait_for(Connected)
    broker.kill()
    line.wait_for(Lost)
    assert line.link.publish("to/gate", b"nobody hears this") is False
    broker.start()
    line.wait_for(Connected, 2)
    assert line.link.publish("to/gate", b"heard") is True
    assert line.wait_for(Message) == [Message("to/gate", b"heard", retained=False)]


@needs_mosquitto
def test_a_broker_that_comes_later_is_found(open_line: Open, broker: Mosquitto) -> None:
    broker.kill()
    line = open_line("gate")
    assert "refused" in line.wait_for(Lost)[0].why
    assert line.link.publish("x", b"") is False
    broker.start()
    line.wait_for(Connected)


WILL = LastWill("status/gate", b"gone without a word")

ABRUPT = """
import os, queue, sys
from portvakt.link import BrokerLink, BrokerSettings, Connected, LastWill
inbox = queue.Queue()
will = LastWill("status/gate", b"gone without a word")
link = BrokerLink(BrokerSettings(port=int(sys.argv[1])), "gate", ["nothing/here"], will, inbox)
link.start()
assert isinstance(inbox.get(timeout=20), Connected)
os._exit(9)
"""


@needs_mosquitto
def test_the_last_will_is_said_for_a_process_that_died(open_line: Open, broker: Mosquitto) -> None:
    watcher = open_line("watcher", "status/gate")
    watcher.wait_for(Connected)
    root = Path(__file__).parents[2]
    ended = subprocess.run([sys.executable, "-c", ABRUPT, str(broker.port)], cwd=root, check=False, timeout=60)
    assert ended.returncode == 9
    assert watcher.wait_for(Message)[0].payload == WILL.payload
    late = open_line("late", "status/gate")
    assert late.wait_for(Message) == [Message(WILL.topic, WILL.payload, retained=True)]


@needs_mosquitto
def test_closing_says_farewell_instead_of_the_will(open_line: Open) -> None:
    watcher, gate = open_line("watcher", "status/#"), open_line("gate", will=WILL)
    for line in (watcher, gate):
        line.wait_for(Connected)
    gate.link.close(LastWill("status/gate", b"closed for the night"))
    gate.link.close()
    assert gate.link.publish("x", b"") is False
    watcher.link.publish("status/end", b"")
    assert [message.payload for message in watcher.wait_for(Message, 2)] == [b"closed for the night", b""]


@needs_mosquitto
def test_p11_a_full_inbox_drops_messages_and_counts_them(open_line: Open) -> None:
    line = open_line("slow", "to/slow", room=3)
    sender = open_line("sender")
    sender.wait_for(Connected)
    wait_for("the slow one to be there", lambda: line.inbox.qsize() == 1)
    for number in range(10):
        sender.link.publish("to/slow", b"%d" % number)
    wait_for("the rest to be dropped", lambda: line.link.dropped == 8)
    assert [message.payload for message in line.wait_for(Message, 2)] == [b"0", b"1"]


def test_a_link_that_never_connected_can_be_closed_twice() -> None:
    line = Line(BrokerSettings(port=1), "gate", "to/gate")
    line.link.start()
    line.wait_for(Lost)
    line.link.close()
    line.link.close()


@needs_mosquitto
def test_p9_a_file_that_is_away_when_the_link_comes_back_does_not_end_it(
    mocker: MockerFixture, settings: BrokerSettings, broker: Mosquitto, tmp_path: Path
) -> None:
    """A password or certificate being renewed just then."""
    mocker.patch.object(Backoff, "wait_ms", return_value=20)
    secret = tmp_path / "password"
    secret.write_text("x", encoding="utf-8")
    line = Line(replace(settings, username="gate", password_file=str(secret)), "gate", "to/gate")
    line.link.start()
    try:
        line.wait_for(Connected)
        secret.unlink()
        broker.restart()
        assert "password file" in line.wait_for(Lost, 2)[1].why
        secret.write_text("x", encoding="utf-8")
        line.wait_for(Connected, 2)
        assert line.link.publish("to/gate", b"still here") is True
        assert line.wait_for(Message)[0].payload == b"still here"
    finally:
        line.link.close()


# --- settings ---------------------------------------------------------------------------------------


def not_a_certificate(folder: Path) -> str:
    path = folder / "ca.pem"
    path.write_text("not a certificate", encoding="utf-8")
    return str(path)


def test_p8_tls_files_that_cannot_be_used_are_refused(tmp_path: Path) -> None:
    wrong = not_a_certificate(tmp_path)
    authorities = ssl.get_default_verify_paths().cafile or ""
    for settings in (
        BrokerSettings(ca_file=str(tmp_path / "absent.pem")),
        BrokerSettings(ca_file=wrong),
        BrokerSettings(username="gate", password_file=str(tmp_path / "absent")),
        *([BrokerSettings(ca_file=authorities, cert_file=wrong, key_file=wrong)] if authorities else []),
    ):
        with pytest.raises(LinkError, match="certificate or password file cannot be used"):
            check_files(settings)


def test_p1_a_certificate_that_is_spoilt_is_a_broker_that_is_away(tmp_path: Path) -> None:
    """A power cut may cost a file; it may not cost the turnstile."""
    line = Line(BrokerSettings(ca_file=not_a_certificate(tmp_path)), "gate")
    line.link.start()
    assert "cannot be used" in line.wait_for(Lost)[0].why
    assert line.link.publish("x", b"") is False
    line.link.close()


@pytest.mark.parametrize("key", ["cert_file", "key_file"])
def test_p8_a_certificate_without_an_authority_is_refused_and_not_sent_in_clear(key: str) -> None:
    with pytest.raises(LinkError, match="need ca_file"):
        Line(BrokerSettings(**{key: "x.pem"}), "gate")  # type: ignore[arg-type]


def test_a_password_without_a_name_is_refused() -> None:
    with pytest.raises(LinkError, match="needs username"):
        Line(BrokerSettings(password_file="x"), "gate")


def test_files_are_looked_for_beside_the_settings() -> None:
    anchored = anchored_broker(BrokerSettings(ca_file="ca.pem", key_file="/etc/key.pem"), Path("/srv/gate.toml"))
    assert (anchored.ca_file, anchored.key_file, anchored.cert_file) == ("/srv/ca.pem", "/etc/key.pem", None)
