"""The feed as a target, against a real Mosquitto: what it takes for accepted, and what it makes of a broker that is
away, that refuses, or that forgets."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from hub.authority import Authority, authority_at, new_key, pem_of, private_pem, server_pair
from hub.central.receivers.feed import Feed
from hub.central.registry import TargetPlace, make_target
from hub.central.target import Accepted, Draft, Item, Later, Outcome, Refused, Stopped
from portvakt.errors import SettingsError
from tests.sim.central_broker import PASSWORD, USER, Subscriber, broker_with, line_to, password_file
from tests.sim.mosquitto import BINARY, Mosquitto, free_port
from tests.sim.scripted_broker import scripted_broker
from tests.waiting import wait_for

pytestmark = [pytest.mark.real, pytest.mark.skipif(BINARY is None, reason="mosquitto is not installed")]
YEAR_MS = 365 * 86_400_000


class Feeds:
    """Makes feeds as the settings do, and closes them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made: list[Feed] = []

    def __call__(self, port: int, **settings: Any) -> Feed:
        made = make_target("feed", self.place(port, **settings))
        assert isinstance(made, Feed)
        self._made.append(made)
        return made

    def place(self, port: int, **settings: Any) -> TargetPlace:
        usual = {"host": "127.0.0.1", "port": port, "personal": "full", "timeout_s": 10}
        return TargetPlace("central", "yard", usual | settings, self._folder / "hub.toml", ZoneInfo("Europe/Oslo"))

    def close(self) -> None:
        for one in self._made:
            one.close()


@pytest.fixture
def feeds(tmp_path: Path) -> Iterator[Feeds]:
    made = Feeds(tmp_path)
    yield made
    made.close()


def drafts(count: int, size: int = 0, start: int = 0) -> list[Draft]:
    """So many messages; what is in them does not matter here."""
    numbers = range(start, start + count)
    bodies = (json.dumps({"type": "no.portvakt.feed.passage.v1", "n": n, "pad": "x" * size}) for n in numbers)
    return [Draft(Item(str(n), str(n), None, 0), body.encode()) for n, body in zip(numbers, bodies, strict=True)]


def bodies(sent: list[Draft]) -> list[bytes]:
    return [draft.body for draft in sent]


def only(outcomes: Any, kind: type[Outcome]) -> str:
    """All are of this kind, with the same words; these."""
    assert {type(one) for one in outcomes} == {kind}
    (words,) = {one.words for one in outcomes}
    assert isinstance(words, str)
    return words


@pytest.mark.parametrize("protocol", ["3.1.1", "5"])
def test_p2_accepted_is_what_the_broker_has_acknowledged(tmp_path: Path, feeds: Feeds, protocol: str) -> None:
    with Mosquitto(tmp_path / "broker") as broker, Subscriber(broker.port) as ear:
        feed = feeds(broker.port, protocol=protocol, expire_after_h=48.0)
        sent = drafts(450)
        for start in range(0, 450, feed.pace.batch):
            piece = sent[start : start + feed.pace.batch]
            assert list(feed.send(piece)) == [Accepted()] * len(piece)
        wait_for("all of it at the subscriber", lambda: len(ear.messages) == 450)
        assert ear.bodies == bodies(sent)
        assert {message.topic for message in ear.messages} == {"portvakt/v1/yard/feed"}
        assert not any(message.retain for message in ear.messages)
        told: Any = ear.messages[0].properties
        if protocol == "5":
            assert told.ContentType == "application/cloudevents+json; charset=utf-8"
            assert 0 < told.MessageExpiryInterval <= 48 * 3600
        else:
            assert not hasattr(told, "ContentType")


def test_nobody_listens_and_it_is_accepted_all_the_same(tmp_path: Path, feeds: Feeds) -> None:
    with Mosquitto(tmp_path / "broker") as broker:
        assert only(feeds(broker.port).send(drafts(3)), Accepted) == "No matching subscribers"


def test_a_topic_for_each_kind(tmp_path: Path, feeds: Feeds) -> None:
    with Mosquitto(tmp_path / "broker") as broker, Subscriber(broker.port, "c/#") as ear:
        feed = feeds(broker.port, topic="c/{site}/{kind}")
        only(feed.send(drafts(1)), Accepted)
        wait_for("it", lambda: ear.messages)
        assert ear.messages[0].topic == "c/yard/passage"


def test_a_broker_that_takes_few_at_once_is_given_few_at_once(tmp_path: Path, feeds: Feeds) -> None:
    broker = broker_with(tmp_path, "allow_anonymous true", "max_inflight_messages 3")
    with broker, Subscriber(broker.port) as ear:
        sent = drafts(200)
        only(feeds(broker.port).send(sent), Accepted)
        wait_for("all of it", lambda: len(ear.messages) == 200)
        assert ear.bodies == bodies(sent)


def test_what_is_too_large_for_the_broker_goes_aside_and_the_rest_goes_through(tmp_path: Path, feeds: Feeds) -> None:
    broker = broker_with(tmp_path, "allow_anonymous true", "max_packet_size 1000")
    with broker, Subscriber(broker.port):
        outcomes = feeds(broker.port).send([*drafts(2), *drafts(1, size=2000, start=2), *drafts(1, start=3)])
    assert [type(one) for one in outcomes] == [Accepted, Accepted, Refused, Accepted]
    assert outcomes[2] == Refused("the broker takes no packet of more than 1000 bytes", "size")


def test_a_broker_that_is_away_is_told_later(tmp_path: Path, feeds: Feeds) -> None:
    port = free_port()
    feed = feeds(port)
    assert "Connection refused" in only(feed.send(drafts(2)), Later)
    with Mosquitto(tmp_path / "broker", port=port) as broker:
        only(feed.send(drafts(2)), Accepted)
        broker.kill()
        wait_for("the end of the connection", lambda: isinstance(feed.send(drafts(1))[0], Later))
        broker.start()
        only(feed.send(drafts(2)), Accepted)


def test_a_name_that_nobody_knows_is_a_broker_that_is_away(feeds: Feeds) -> None:
    assert "nowhere.invalid:1883" in only(feeds(1883, host="nowhere.invalid", tls=True).send(drafts(1)), Later)


def test_p2_what_was_not_acknowledged_is_not_accepted(tmp_path: Path, feeds: Feeds) -> None:
    """The broker dies after it has passed the messages on, before its PUBACK has arrived; they are told again, the
    same, and by nobody but who asks for it."""
    with Mosquitto(tmp_path / "broker") as broker, line_to(broker.port) as line, Subscriber(broker.port) as ear:
        feed = feeds(line.port, timeout_s=60)
        only(feed.send(drafts(1)), Accepted)
        line.deaf.set()
        outcomes: list[Outcome] = []
        sent = drafts(20, start=1)
        sending = threading.Thread(target=lambda: outcomes.extend(feed.send(sent)))
        sending.start()
        wait_for("them at the subscriber", lambda: len(ear.messages) == 21)
        broker.kill()
        sending.join(20)
        assert "before the broker had answered" in only(outcomes, Later)
        line.deaf.clear()
        broker.start()
        ear.wait_until_it_listens(2)
        only(feed.send(drafts(1, start=21)), Accepted)
        only(feed.send(sent), Accepted)
        wait_for("all of it", lambda: len(ear.messages) == 42)
        assert ear.bodies == bodies([*drafts(1), *sent, *drafts(1, start=21), *sent])


def test_a_broker_that_does_not_answer_costs_its_time_and_no_more(tmp_path: Path, feeds: Feeds) -> None:
    with Mosquitto(tmp_path / "broker") as broker, line_to(broker.port) as line:
        feed = feeds(line.port, timeout_s=1)
        only(feed.send(drafts(1)), Accepted)
        line.deaf.set()
        began = time.monotonic()
        assert "no answer within 1 s" in only(feed.send(drafts(5)), Later)
        assert time.monotonic() - began < 8
        line.deaf.clear()
        only(feed.send(drafts(5)), Accepted)


def test_whoever_ends_the_hub_does_not_wait_for_a_broker_that_is_slow(tmp_path: Path, feeds: Feeds) -> None:
    with Mosquitto(tmp_path / "broker") as broker, line_to(broker.port) as line, Subscriber(broker.port) as ear:
        feed = feeds(line.port, timeout_s=90)
        only(feed.send(drafts(1)), Accepted)
        line.deaf.set()
        outcomes: list[Outcome] = []
        sending = threading.Thread(target=lambda: outcomes.extend(feed.send(drafts(5))))
        sending.start()
        wait_for("them at the subscriber", lambda: len(ear.messages) == 6)
        feed.close()
        sending.join(10)
        only(outcomes, Later)
        assert "is ending" in only(feed.send(drafts(1)), Later)


def test_somebody_who_is_no_broker(feeds: Feeds) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        feed = feeds(silent.getsockname()[1], timeout_s=0.5)
        assert "before the broker's first word" in only(feed.send(drafts(2)), Later)


MOVED = b"\x00\x9d\x0d" + b"\x1c\x00\x0anew.broker"


@pytest.mark.parametrize(
    ("protocol", "connack", "kind", "told"),
    [
        ("3.1.1", b"\x00\x01", Later, "is MQTT 3.1.1 spoken on this port, without TLS?"),
        ("3.1.1", b"\x00\x02", Stopped, "set `client_id`"),
        ("3.1.1", b"\x00\x03", Later, "does not take us now"),
        ("3.1.1", b"\x00\x04", Stopped, "`username` and `password_file`"),
        ("3.1.1", b"\x00\x05", Stopped, "must allow this user"),
        ("5", b"\x00\x01", Stopped, "set `protocol` to the other one"),
        ("5", b"\x00\x84\x00", Stopped, "set `protocol` to the other one"),
        ("5", b"\x00\x85\x00", Stopped, "set `client_id`"),
        ("5", b"\x00\x86\x00", Stopped, "`username` and `password_file`"),
        ("5", b"\x00\x87\x00", Stopped, "must allow this user"),
        ("5", b"\x00\x88\x00", Later, "Server unavailable"),
        ("5", b"\x00\x89\x00", Later, "Server busy"),
        ("5", b"\x00\x8a\x00", Stopped, "has banned us"),
        ("5", b"\x00\x80\x00", Later, "Unspecified error"),
        ("5", b"\x00\x97\x00", Later, "Quota exceeded"),
        ("5", MOVED, Stopped, "new.broker"),
        ("5", b"\x00\x9f\x00", Later, "Connection rate exceeded"),
        ("5", b"\x00\x00\x02\x24\x00", Stopped, "takes no QoS 1"),
        ("5", b"\x00\xff\x00", Later, "127.0.0.1"),
        ("5", b"\xff\xff\xff\xff", Later, "127.0.0.1"),
        ("3.1.1", b"", Later, "127.0.0.1"),
    ],
)
def test_what_a_broker_answers_to_a_connection(
    feeds: Feeds, protocol: str, connack: bytes, kind: type[Outcome], told: str
) -> None:
    with scripted_broker(connack) as broker:
        assert told in only(feeds(broker.port, protocol=protocol, timeout_s=3).send(drafts(2)), kind)


@pytest.mark.parametrize(
    ("puback", "outcome"),
    [
        (b"", Accepted()),
        (b"\x00\x00", Accepted()),
        (b"\x10", Accepted(words="No matching subscribers")),
        (b"\x80", Later("127.0.0.1:{port}: Unspecified error")),
        (b"\x83", Later("127.0.0.1:{port}: Implementation specific error")),
        (b"\x91", Later("127.0.0.1:{port}: Packet identifier in use")),
        (b"\x97", Later("127.0.0.1:{port}: Quota exceeded")),
        (b"\x99", Refused("Payload format invalid")),
        (b"\x99\x08\x1f\x00\x05latin", Refused("Payload format invalid: latin")),
    ],
)
def test_what_a_broker_answers_to_a_message(feeds: Feeds, puback: bytes, outcome: Outcome) -> None:
    with scripted_broker(b"\x00\x00\x00", puback) as broker:
        found = feeds(broker.port, timeout_s=3).send(drafts(2))
    words = outcome.words.replace("{port}", str(broker.port))
    assert [(type(one), one.words) for one in found] == [(type(outcome), words)] * 2


@pytest.mark.parametrize(("code", "told"), [(0x87, "must allow this user"), (0x90, "set `topic`")])
def test_a_topic_that_the_broker_does_not_take_stops(feeds: Feeds, code: int, told: str) -> None:
    with scripted_broker(b"\x00\x00\x00", bytes([code])) as broker:
        assert told in only(feeds(broker.port, timeout_s=3).send(drafts(2)), Stopped)


def test_p9_a_puback_that_is_none_is_no_answer(feeds: Feeds) -> None:
    with scripted_broker(b"\x00\x00\x00", b"\xfe\xff\xff\xff\xff") as broker:
        feed = feeds(broker.port, timeout_s=1)
        only(feed.send(drafts(2)), Later)
        only(feed.send(drafts(2)), Later)


def secret_file(folder: Path, text: str, name: str = "password") -> str:
    file = folder / name
    file.write_text(f"{text}\n", encoding="utf-8")
    file.chmod(0o600)
    return name


@pytest.fixture
def locked(tmp_path: Path) -> Iterator[Mosquitto]:
    """A broker with a user, who may write to one topic and read all."""
    acl = tmp_path / "acl"
    acl.write_text(f"user {USER}\ntopic write allowed/#\ntopic read #\n", encoding="utf-8")
    acl.chmod(0o600)
    with broker_with(
        tmp_path, "allow_anonymous false", f"password_file {password_file(tmp_path)}", f"acl_file {acl}"
    ) as broker:
        yield broker


@pytest.mark.parametrize("protocol", ["3.1.1", "5"])
def test_a_wrong_password_stops_until_somebody_has_put_it_right(
    tmp_path: Path, feeds: Feeds, locked: Mosquitto, protocol: str
) -> None:
    named = secret_file(tmp_path, "wrong")
    feed = feeds(locked.port, protocol=protocol, username=USER, password_file=named, topic="allowed/feed")
    words = only(feed.send(drafts(2)), Stopped)
    assert f"127.0.0.1:{locked.port}" in words
    assert "`username` and `password_file`" in words or "allow this user" in words
    assert PASSWORD not in words
    secret_file(tmp_path, PASSWORD)
    only(feed.send(drafts(2)), Accepted)


@pytest.mark.parametrize("protocol", ["3.1.1", "5"])
def test_nobody_is_let_in_without_a_name(feeds: Feeds, locked: Mosquitto, protocol: str) -> None:
    assert "must allow this user" in only(feeds(locked.port, protocol=protocol).send(drafts(2)), Stopped)


def test_a_topic_that_we_may_not_write_to_stops(tmp_path: Path, feeds: Feeds, locked: Mosquitto) -> None:
    feed = feeds(locked.port, username=USER, password_file=secret_file(tmp_path, PASSWORD))
    assert "does not let us write to portvakt/v1/yard/feed" in only(feed.send(drafts(3)), Stopped)


def test_a_password_that_others_may_read_is_not_used(tmp_path: Path, feeds: Feeds, locked: Mosquitto) -> None:
    named = secret_file(tmp_path, PASSWORD)
    (tmp_path / named).chmod(0o644)
    words = only(feeds(locked.port, username=USER, password_file=named).send(drafts(1)), Stopped)
    assert "chmod 600" in words


# --- TLS -------------------------------------------------------------------------------------------


class Trust:
    """An authority, a broker's certificate and ours."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.now_ms = time.time_ns() // 1_000_000
        self.authority = self._authority("authority", self.now_ms - 16 * YEAR_MS)
        self.server("server", self.authority, self.now_ms)
        (folder / "ca.pem").write_text(self.authority.pem)

    def _authority(self, name: str, at_ms: int) -> Authority:
        return authority_at(self.folder / f"{name}.pem", name, at_ms)

    def stranger(self) -> Authority:
        return self._authority("stranger", self.now_ms)

    def server(self, name: str, authority: Authority, at_ms: int) -> None:
        certificate, key = server_pair(authority, ["127.0.0.1"], at_ms)
        (self.folder / f"{name}.crt").write_text(certificate)
        (self.folder / f"{name}.key").write_text(key)
        (self.folder / f"{name}.key").chmod(0o600)

    def client(self, name: str, authority: Authority, at_ms: int) -> str:
        key = new_key()
        pem = pem_of(authority.client("yard", key.public_key(), at_ms, 30)) + private_pem(key)
        return secret_file(self.folder, pem, name)

    def broker(self, server: str = "server") -> Mosquitto:
        return broker_with(
            self.folder, f"cafile {self.folder}/ca.pem", f"certfile {self.folder}/{server}.crt",
            f"keyfile {self.folder}/{server}.key", "require_certificate true", "use_identity_as_username true",
            "allow_anonymous false",
        )  # fmt: skip


@pytest.fixture
def trust(tmp_path: Path) -> Trust:
    return Trust(tmp_path)


@pytest.mark.parametrize("protocol", ["3.1.1", "5"])
def test_tls_with_a_certificate_of_ours(trust: Trust, feeds: Feeds, protocol: str) -> None:
    mine = trust.client("mine.pem", trust.authority, trust.now_ms)
    with trust.broker() as broker:
        feed = feeds(broker.port, protocol=protocol, ca_file="ca.pem", cert_file=mine)
        only(feed.send(drafts(30)), Accepted)


def test_our_certificate_has_ended(trust: Trust, feeds: Feeds) -> None:
    mine = trust.client("mine.pem", trust.authority, trust.now_ms - YEAR_MS)
    with trust.broker() as broker:
        feed = feeds(broker.port, ca_file="ca.pem", cert_file=mine)
        words = only(feed.send(drafts(2)), Stopped)
        assert "mine.pem ended on" in words
        assert "have a new one made" in words
        trust.client("mine.pem", trust.authority, trust.now_ms)
        only(feed.send(drafts(2)), Accepted)


def test_the_broker_s_certificate_has_ended(trust: Trust, feeds: Feeds) -> None:
    trust.server("old", trust.authority, trust.now_ms - 16 * YEAR_MS)
    mine = trust.client("mine.pem", trust.authority, trust.now_ms)
    with trust.broker("old") as broker:
        words = only(feeds(broker.port, ca_file="ca.pem", cert_file=mine).send(drafts(2)), Stopped)
    assert "certificate has expired" in words
    assert "must renew it" in words


def test_somebody_else_s_broker_gets_nothing(trust: Trust, feeds: Feeds) -> None:
    trust.server("strange", trust.stranger(), trust.now_ms)
    with trust.broker("strange") as broker:
        assert "is not believed" in only(feeds(broker.port, ca_file="ca.pem").send(drafts(1)), Stopped)
        assert "is not believed" in only(feeds(broker.port, tls=True).send(drafts(1)), Stopped)


def test_a_certificate_that_the_broker_does_not_know(trust: Trust, feeds: Feeds) -> None:
    """With TLS 1.3 the broker says so after the handshake, if at all: a connection that ends."""
    mine = trust.client("mine.pem", trust.stranger(), trust.now_ms)
    with trust.broker() as broker:
        outcomes = feeds(broker.port, ca_file="ca.pem", cert_file=mine).send(drafts(1))
    assert isinstance(outcomes[0], Later | Stopped)
    assert "certificate" in outcomes[0].words


def test_tls_where_none_is_spoken_and_the_other_way_round(trust: Trust, feeds: Feeds) -> None:
    with Mosquitto(trust.folder / "plain") as plain:
        assert "TLS" in only(feeds(plain.port, ca_file="ca.pem", timeout_s=2).send(drafts(1)), Later)
    with trust.broker() as broker:
        assert "on this port, without TLS?" in only(feeds(broker.port, timeout_s=2).send(drafts(1)), Later)


@pytest.mark.parametrize("spoilt", ["ca.pem", "mine.pem"])
def test_a_certificate_that_is_none_stops(trust: Trust, feeds: Feeds, spoilt: str) -> None:
    mine = trust.client("mine.pem", trust.authority, trust.now_ms)
    (trust.folder / spoilt).write_text("spoilt")
    words = only(feeds(1, ca_file="ca.pem", cert_file=mine).send(drafts(1)), Stopped)
    assert spoilt in words


# --- settings ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"personal": "all"}, "personal"),
        ({"host": "mqtt.example.no"}, r"settings\.tls: people's data would go in clear"),
        ({"personal": "pseudonymous"}, "openssl rand -hex 32 > FILE"),
        ({"personal": "pseudonymous", "pseudonym_key_file": "short"}, "5 characters can be guessed"),
        ({"personal": "pseudonymous", "pseudonym_key_file": "gone"}, "gone cannot be read"),
        ({"topic": "a/{gate}"}, "may hold {site} and {kind}"),
        ({"topic": "a/#"}, "is no topic to publish to"),
        ({"topic": "/a"}, "is no topic to publish to"),
        ({"port": 0}, "is not a TCP port"),
        ({"cert_file": "a"}, "in clear it protects nothing"),
        ({"password_file": "a"}, "needs username too"),
        ({"username": "yard", "password_file": "gone"}, r"password_file: .*gone is not there"),
        ({"ca_file": "gone"}, r"ca_file: .*gone is not there"),
        ({"tls": True, "cert_file": "short", "key_file": "gone"}, r"key_file: .*gone is not there"),
        ({"protocol": "4"}, "protocol"),
        ({"batch": 0}, "batch"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_settings_that_cannot_be(tmp_path: Path, feeds: Feeds, settings: dict[str, Any], told: str) -> None:
    secret_file(tmp_path, "short", "short")
    with pytest.raises(SettingsError, match=told) as refused:
        make_target("feed", feeds.place(**{"port": 1883} | settings))
    assert "targets.central.settings" in str(refused.value)


def test_how_much_of_people_is_told_is_said_on_purpose(feeds: Feeds) -> None:
    place = feeds.place(1883)
    without = {name: value for name, value in place.settings.items() if name != "personal"}
    with pytest.raises(SettingsError, match="personal"):
        make_target("feed", place._replace(settings=without))
