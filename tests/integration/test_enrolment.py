"""From the bundle to a gate that works over TLS; on a real Mosquitto with the configuration that the hub writes."""

import contextlib
import json
import queue
import re
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gate.simulator.remote import RemoteControl
from gate.uplink.contract import Topics
from gate.uplink.signing import Signer
from hub.authority import issuing
from hub.enrolment import EnrolmentDesk
from hub.keys import signing_key
from hub.store import HubStore, schema
from portvakt.bundle import read_bundle
from portvakt.link import BrokerLink, BrokerSettings, Connected, Lost, Message
from tests.sim.members import SITE, Members, members, run
from tests.sim.mosquitto import BINARY
from tests.sim.rig import ROOT
from tests.waiting import wait_for

pytestmark = [pytest.mark.real, pytest.mark.skipif(BINARY is None, reason="mosquitto is not installed")]
TOPICS = Topics(SITE)


class Client:
    """Somebody at the broker, with whatever certificate."""

    def __init__(self, settings: BrokerSettings, name: str, *topics: str) -> None:
        self.inbox: queue.Queue[Any] = queue.Queue()
        self.link = BrokerLink(settings, name, topics or ("nothing/here",), None, self.inbox)
        self.heard: list[Any] = []
        self.link.start()

    def wait_for(self, kind: type, timeout_s: float = 20.0) -> Any:
        def look() -> Any:
            with contextlib.suppress(queue.Empty):
                while True:
                    self.heard.append(self.inbox.get_nowait())
            return next((one for one in self.heard if isinstance(one, kind)), None)

        return wait_for(kind.__name__, look, timeout_s)

    def payloads(self) -> list[bytes]:
        with contextlib.suppress(queue.Empty):
            while True:
                self.heard.append(self.inbox.get_nowait())
        return [one.payload for one in self.heard if isinstance(one, Message)]


@pytest.fixture
def site() -> Iterator[Members]:
    with tempfile.TemporaryDirectory(prefix="pv-") as folder, members(Path(folder)) as running:
        yield running


@pytest.fixture
def clients() -> Iterator[list[Client]]:
    made: list[Client] = []
    yield made
    for client in made:
        client.link.close()


def as_gate(site: Members, name: str) -> BrokerSettings:
    joined = site.join(name, site.bundle(name))
    return BrokerSettings(port=site.port, ca_file=str(site.folder / "hub/ca.pem"), cert_file=joined["certificate"])


def test_enroll_join_run(site: Members) -> None:
    bundle = site.bundle("north")
    joined = site.join("north", bundle)
    certificate = Path(joined["certificate"])
    assert (certificate.stat().st_mode & 0o777, bundle.stat().st_mode & 0o777) == (0o600, 0o600)
    assert sorted(one.name for one in certificate.parent.iterdir()) == ["certificate.pem"]
    north = site.gate("north")
    site.wait_for_list("north")
    site.wait_for_gate("north", "all stored", lambda line: line["online"] and line["list_revision"] == 1)
    made = len(site.made("north"))
    site.wait_for_gate("north", "its records", lambda line: line["journals"][0]["stored"] >= made)
    (listed,) = json.loads(site.on_hub("enroll", "--list", "--json"))
    assert (listed["gate"], listed["state"]) == ("north", "joined")
    # A change of the list goes as a change, a command goes out and comes back.
    crew = site.folder / "crew.csv"
    example = (ROOT / "config" / "crew.example.csv").read_text(encoding="utf-8")
    crew.write_text("".join(line for line in example.splitlines(keepends=True) if "Wrzosek" not in line))
    site.on_hub("crew", "import", str(crew), "--force")
    wait_for("the change at north", lambda: "list=applied revision=2 count=7 written=1" in north.log)
    assert "done" in site.on_hub("command", "lock", "north")
    doctor = json.loads(run("gate", "doctor", "--json", "--config", str(site.settings_of("north"))))
    found = {one["part"]: one["state"] for one in doctor["findings"]}
    assert (found["broker"], found["hub"]) == ("well", "well")
    assert (found["certificate ca.pem"], found["certificate certificate.pem"]) == ("well", "well")
    north.kill()
    site.wait_for_gate("north", "gone, by its last will", lambda line: not line["online"])
    for secret in ("hub/authority.pem", "hub/hub.pem", "hub/signing-key.pem", "broker/server.key"):
        assert (site.folder / secret).stat().st_mode & 0o777 == 0o600


def test_a_gate_speaks_and_hears_as_itself_alone(site: Members, clients: list[Client]) -> None:
    """A broker refuses in silence, so each try is followed by one that gets through."""
    everything = f"portvakt/v1/{SITE}/#"
    north, south = as_gate(site, "north"), as_gate(site, "south")
    hub = BrokerSettings(port=site.port, ca_file=north.ca_file, cert_file=str(site.folder / "hub/hub.pem"))
    clients += [Client(north, "n", everything), Client(south, "s", everything), Client(hub, "h", everything)]
    for client in clients:
        client.wait_for(Connected)
    at_north, at_south, at_hub = clients
    forbidden = [
        *(make("south") for make in (TOPICS.events, TOPICS.status, TOPICS.want, TOPICS.certificate_want)),
        *(make("north") for make in (TOPICS.ack, TOPICS.chunk, TOPICS.certificate)),
        *(TOPICS.head, TOPICS.presence_now, TOPICS.presence(0), TOPICS.hub, TOPICS.join_answer("x")),
        *(f"portvakt/v1/{SITE}/{leaf}" for leaf in ("north/command", "south/result", "permits/delta/2", "feed")),
        "portvakt/v1/elsewhere/north/events",
    ]
    for topic in forbidden:
        at_north.link.publish(topic, b"forbidden")
    at_north.link.publish(TOPICS.events("north"), b"allowed")
    wait_for("north's own word at the hub", lambda: b"allowed" in at_hub.payloads())
    assert b"forbidden" not in at_hub.payloads()
    at_hub.link.publish(f"portvakt/v1/{SITE}/north/command", b"for north")
    at_hub.link.publish(f"portvakt/v1/{SITE}/permits/delta/7", b"for all")
    wait_for("what is for all, at both", lambda: all(b"for all" in one.payloads() for one in (at_north, at_south)))
    assert b"for north" in at_north.payloads()
    assert not {b"for north", b"allowed"} & set(at_south.payloads())
    at_hub.link.publish(TOPICS.events("north"), b"the hub speaks as no gate")
    at_hub.link.publish(TOPICS.head, b"after that")
    wait_for("the hub's word", lambda: b"after that" in at_hub.payloads())
    assert b"the hub speaks as no gate" not in at_hub.payloads()


def test_without_a_certificate_there_is_joining_and_nothing_else(site: Members, clients: list[Client]) -> None:
    authority = str(site.folder / "hub/ca.pem")
    stranger = Client(BrokerSettings(port=site.port, ca_file=authority), "stranger")
    joiner = Client(
        BrokerSettings(port=site.join_port, ca_file=authority), "me", f"portvakt/v1/{SITE}/#", TOPICS.join_answer("you")
    )
    hub = BrokerSettings(port=site.port, ca_file=authority, cert_file=str(site.folder / "hub/hub.pem"))
    at_hub = Client(hub, "h", f"portvakt/v1/{SITE}/#")
    clients += [stranger, joiner, at_hub]
    joiner.wait_for(Connected)
    at_hub.wait_for(Connected)
    stranger.wait_for(Lost)
    for topic in (TOPICS.events("north"), TOPICS.join_request("you"), TOPICS.join_answer("me"), TOPICS.head):
        joiner.link.publish(topic, b"forbidden")
    joiner.link.publish(TOPICS.join_request("me"), b"allowed")
    wait_for("the request", lambda: b"allowed" in at_hub.payloads())
    assert b"forbidden" not in at_hub.payloads()
    at_hub.link.publish(TOPICS.join_answer("you"), b"for another")
    at_hub.link.publish(TOPICS.join_answer("me"), b"for me")
    wait_for("the answer", lambda: b"for me" in joiner.payloads())
    assert b"for another" not in joiner.payloads()
    assert not any(isinstance(one, Connected) for one in stranger.heard)


def test_a_revoked_gate_is_refused_by_the_hub_at_once_and_by_the_broker_after_its_restart(
    site: Members, clients: list[Client]
) -> None:
    stolen, south = as_gate(site, "north"), as_gate(site, "south")
    thief, other = Client(stolen, "n"), Client(south, "s")
    clients += [thief, other]
    for client in clients:
        client.wait_for(Connected)
    assert json.loads(site.on_hub("revoke", "north", "--json"))["certificates"] == 1
    thief.link.publish(TOPICS.events("north"), b"[]")
    wait_for("the hub's refusal", lambda: "the gate was revoked" in _kept_aside(site))
    for client in clients:
        client.heard.clear()
    site.broker.restart()
    other.wait_for(Connected)
    thief.wait_for(Lost)
    again = Client(stolen, "again")
    clients.append(again)
    again.wait_for(Lost)
    assert not any(isinstance(one, Connected) for client in (thief, again) for one in client.heard)
    (north, _) = json.loads(site.on_hub("enroll", "--list", "--json"))
    assert north["state"] == "revoked"
    # A new bundle makes it a member again; the stolen certificate stays out.
    back = Client(as_gate(site, "north"), "back")
    clients.append(back)
    back.wait_for(Connected)


def _kept_aside(site: Members) -> str:
    with contextlib.closing(HubStore(site.folder / "hub/hub.sqlite3")) as store, store.reading() as connection:
        return " ".join(row.why for row in connection.execute(schema.quarantine.select()))


def test_p1_a_gate_that_was_revoked_goes_on_at_its_turnstile(site: Members) -> None:
    site.join("north", site.bundle("north"))
    north = site.gate("north")
    site.wait_for_list("north")
    site.on_hub("revoke", "north")
    site.broker.restart()
    refused = "certificate verify failed"
    wait_for("north to be refused", lambda: refused in site.broker.log.read_text(encoding="utf-8", errors="replace"))
    assert not north.dead()
    _answers(site)


def test_p1_a_certificate_that_is_spoilt_costs_the_link_and_not_the_lane(site: Members) -> None:
    certificate = Path(site.join("north", site.bundle("north"))["certificate"])
    certificate.write_bytes(certificate.read_bytes()[:300])
    north = site.gate("north")
    wait_for("the complaint", lambda: "certificate or password file cannot be used" in north.log)
    _answers(site)
    assert "certificate or password file" in run("gate", "check-config", str(site.settings_of("north")), status=1)
    site.join("north", site.bundle("north"))
    site.wait_for_list("north")


def _answers(site: Members) -> None:
    """The lane has an answer to a card."""
    remote = RemoteControl(site.folder / "north/state/control.sock")
    before = remote.lanes()["main"].answers
    remote.present("outside", bytes(4096))
    wait_for("an answer at the lane", lambda: remote.lanes()["main"].answers > before)


def test_a_certificate_renews_itself(site: Members, tmp_path: Path) -> None:
    """One of 300 days ago, of 365: the gate asks as soon as it is connected, and comes back with the new one."""
    bundle, request = site.bundle("north"), tmp_path / "request"
    site.join("north", bundle, "--request", str(request))
    then_ms = time.time_ns() // 1_000_000 - 300 * 86_400_000
    folder = site.folder / "hub"
    with contextlib.closing(HubStore(folder / "hub.sqlite3")) as store:
        signer = Signer(SITE, signing_key(folder / "signing-key.pem"))
        desk = EnrolmentDesk(SITE, store, signer, issuing(folder / "authority.pem", SITE, 365))
        (tmp_path / "answer").write_bytes(desk.sign_file(request.read_bytes(), then_ms)[1])
    joined = site.join("north", bundle, "--answer", str(tmp_path / "answer"))
    certificate = Path(joined["certificate"])
    old = certificate.read_bytes()
    north = site.gate("north")
    wait_for("the new certificate", lambda: certificate.read_bytes() != old, 30)
    wait_for("the new connection", lambda: _connections(site, "gate-yard-north") == 2, 30)
    site.wait_for_list("north")
    made = len(site.made("north"))
    site.wait_for_gate("north", "its records", lambda line: line["online"] and line["journals"][0]["stored"] >= made)
    (listed,) = json.loads(site.on_hub("enroll", "--list", "--json"))
    assert listed["certificate_ends_ms"] > joined["ends_ms"]
    assert certificate.stat().st_mode & 0o777 == 0o600
    assert "certificate=renewed" in north.log


def _connections(site: Members, client: str) -> int:
    text = site.broker.log.read_text(encoding="utf-8", errors="replace")
    return len(re.findall(rf"New client connected from \S+ as {client}", text))


def test_a_bundle_is_used_once(site: Members) -> None:
    bundle = site.bundle("north")
    first = Path(site.join("north", bundle)["certificate"]).read_bytes()
    said = site.join("north", bundle, "--state", str(site.folder / "another"), "--wait", "10", status=1)
    assert "used before, by another controller" in said
    said = site.join("north", bundle, "--wait", "10", status=1)
    assert "used before" in said
    assert (site.folder / "north/state/certificate.pem").read_bytes() == first
    assert not (site.folder / "another/certificate.pem").exists()


def test_a_newer_bundle_and_a_revoked_gate_make_the_older_one_worthless(site: Members) -> None:
    old = site.bundle("north").rename(site.folder / "old.bundle")
    site.bundle("north")
    assert "not the valid one of north" in site.join("north", old, "--wait", "10", status=1)
    site.on_hub("revoke", "north")
    bundle = site.folder / "north.bundle"
    assert "not the valid one of north" in site.join("north", bundle, "--wait", "10", status=1)


def test_a_bundle_that_was_changed_or_forged(site: Members) -> None:
    bundle = site.bundle("north")
    token = read_bundle(bundle).token
    text = bundle.read_text()
    site.bundle("south")
    for changed in (text.replace(token, "0" * 64), text.replace('gate = "north"', 'gate = "south"')):
        assert changed != text
        bundle.write_text(changed)
        assert "is not the valid one of" in site.join("north", bundle, "--wait", "10", status=1)


def test_without_a_network(site: Members) -> None:
    bundle = site.bundle("north")
    request, answer = site.folder / "north.request", site.folder / "north.answer"
    site.join("north", bundle, "--request", str(request))
    site.on_hub("enroll", "--sign", str(request), "-o", str(answer))
    site.join("north", bundle, "--answer", str(answer))
    site.gate("north")
    site.wait_for_list("north")
    # The same request once more is the same certificate; another gate's answer is none for this one.
    site.on_hub("enroll", "--sign", str(request), "-o", str(answer))
    south = site.bundle("south")
    site.join("south", south, "--request", str(request))
    assert "another request" in site.join("south", south, "--answer", str(answer), status=1)
    request.write_bytes(b"nothing of the kind")
    assert "what `gate join --request` writes" in site.on_hub("enroll", "--sign", str(request), status=1)
