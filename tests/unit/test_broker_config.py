"""The broker's configuration: all of today's traffic passes, and nothing names another gate."""

from pathlib import Path, PurePosixPath

import pytest
from paho.mqtt.client import topic_matches_sub

from gate.uplink.contract import Topics
from hub.authority import authority_at
from hub.broker_config import Listeners, configuration, gates_acl, join_acl
from hub.broker_files import restart_broker, write_all, write_revoked
from hub.errors import EnrolmentError

TOPICS = Topics("yard")
NOW_MS = 1_781_500_000_000


def allowed(acl: str, user: str, access: str) -> list[str]:
    """The filters by which this user may `read` or `write`; `user` hub has its own section besides the patterns."""
    found, section = [], ""
    for line in acl.splitlines():
        words = line.split()
        if not words or line.startswith("#"):
            continue
        if words[0] == "user":
            section = words[1]
        elif words[0] == "pattern" or section == user:
            kind, topic = words[1:]
            if kind in (access, "readwrite"):
                found.append(topic.replace("%u", user))
    return found


def may(user: str, access: str, topic: str) -> bool:
    return any(topic_matches_sub(one, topic) for one in allowed(gates_acl("yard"), user, access))


TO_HUB = [TOPICS.events, TOPICS.status, TOPICS.want, TOPICS.certificate_want]
TO_GATE = [TOPICS.ack, TOPICS.chunk, TOPICS.certificate]
TO_ALL = [TOPICS.head, TOPICS.presence(0), TOPICS.presence(39), TOPICS.presence_now, TOPICS.hub]


def test_all_that_gate_and_hub_say_today_passes() -> None:
    for make in TO_HUB:
        assert may("north", "write", make("north"))
        assert may("hub", "read", make("north"))
    for make in TO_GATE:
        assert may("hub", "write", make("north"))
        assert may("north", "read", make("north"))
    for topic in TO_ALL:
        assert may("hub", "write", topic)
        assert may("north", "read", topic)
    assert may("north", "read", TOPICS.status("north")), "a gate looks who else bears its name"
    assert may("hub", "write", TOPICS.join_answer("0123"))
    assert may("hub", "read", TOPICS.join_request("0123"))


def test_no_gate_speaks_as_another_or_as_the_hub() -> None:
    for make in TO_HUB + TO_GATE:
        assert not may("south", "write", make("north"))
        assert not may("south", "read", make("north"))
    for topic in [*TO_ALL, *(make("north") for make in TO_GATE)]:
        assert not may("north", "write", topic)
    for make in TO_HUB:
        assert not may("hub", "write", make("north"))


def test_who_joins_has_one_topic_each_way() -> None:
    lines = [line for line in join_acl("yard").splitlines() if not line.startswith("#")]
    assert lines == [
        "pattern write portvakt/v1/yard/join/%c/request",
        "pattern read portvakt/v1/yard/join/%c/answer",
    ]


def test_the_listener_for_gates_asks_for_certificates() -> None:
    text = configuration("yard", Listeners("hub.lan", 8883, 8884), PurePosixPath("/etc/mosquitto/conf.d"))
    gates, joining = text.split("listener 8884")
    for line in ("require_certificate true", "use_identity_as_username true", "allow_anonymous false"):
        assert line in gates.split("listener 8883")[1]
    assert "crlfile /etc/mosquitto/conf.d/revoked.pem" in gates
    assert "acl_file /etc/mosquitto/conf.d/join.acl" in joining
    assert text.index("per_listener_settings true") < text.index("listener")


def test_what_is_secret_is_the_owner_s_alone(tmp_path: Path) -> None:
    authority = authority_at(tmp_path / "authority.pem", "yard", NOW_MS)
    folder = tmp_path / "broker"
    write_all(folder, "yard", Listeners("hub.lan", 8883, 8884), authority, NOW_MS)
    write_revoked(folder, authority, [], NOW_MS)
    modes = {file.name: file.stat().st_mode & 0o777 for file in folder.iterdir()}
    assert modes.pop("server.key") == 0o600
    assert set(modes) == {"portvakt.conf", "gates.acl", "join.acl", "ca.pem", "server.pem", "revoked.pem"}
    assert set(modes.values()) == {0o644}


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("sh -c 'echo no such service >&2; exit 3'", "ended with 3 (no such service); the list is written"),
        ("/nowhere/systemctl", "cannot be run"),
        ("unbalanced '", "cannot be run"),
    ],
)
def test_a_broker_that_does_not_restart_is_told_of(command: str, told: str) -> None:
    with pytest.raises(EnrolmentError) as failed:
        restart_broker(command)
    assert told in str(failed.value)


def test_the_restart_is_the_site_s_own_command(tmp_path: Path) -> None:
    restart_broker(f"touch '{tmp_path / 'was restarted'}'")
    assert (tmp_path / "was restarted").exists()
