"""A card blocked at one site is refused at the gate of another: two real hubs, a real gate, a central broker between
them; hubs and broker are killed, and somebody without a key speaks, too."""

import contextlib
import json
import queue
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from hub.central.siblings.book import believed, book_of, sealed
from hub.keys import signing_key
from hub.records import ToldBlock
from portvakt.link import BrokerLink, BrokerSettings, Connected, Message
from tests.sim.mosquitto import BINARY, Mosquitto
from tests.sim.rig import ROOT, Program
from tests.sim.yard import CREW, Yard
from tests.waiting import wait_for

pytestmark = [
    pytest.mark.real,
    pytest.mark.timeout(240),
    pytest.mark.skipif(BINARY is None, reason="mosquitto is not installed"),
]
TOPIC = "portvakt/v1/dock/blocks"
DOCK = """site = "dock"
state_dir = "{folder}/dock"
[broker]
port = {port}
[all_sites.publish]
host = "127.0.0.1"
port = {central}
"""
LISTEN = """[[sources]]
name = "ours"
kind = "blocks"
every_s = 1
[sources.settings]
host = "127.0.0.1"
port = {central}
hubs = {{ dock = "dock.pub" }}
at_once = 2
"""


class Dock:
    """The other site: its hub alone."""

    def __init__(self, folder: Path, port: int, central: int) -> None:
        self.settings = folder / "dock.toml"
        self.settings.write_text(DOCK.format(folder=folder, port=port, central=central))
        self.hub = Program("hub", self.settings, {})
        self.key_file = folder / "dock" / "signing-key.pem"

    def run(self, *words: str) -> str:
        return subprocess.run(
            [sys.executable, "-m", "hub", *words, "--config", str(self.settings)],
            capture_output=True, text=True, check=True, cwd=ROOT,
        ).stdout  # fmt: skip

    def block(self, number: str) -> str:
        return self.run("block", number, "--reason", "fought", "--all-sites", "--by", "kari")


class Central:
    """The central broker, and somebody who hears and says there what they like."""

    def __init__(self, broker: Mosquitto) -> None:
        self.broker = broker
        self._inbox: queue.Queue[Any] = queue.Queue()
        self.link = BrokerLink(BrokerSettings(port=broker.port), "stranger", (TOPIC,), None, self._inbox)
        self.link.start()
        wait_for("the stranger's link", lambda: any(isinstance(one, Connected) for one in list(self._inbox.queue)))

    def heard(self) -> list[bytes]:
        return [one.payload for one in list(self._inbox.queue) if isinstance(one, Message)]

    def say(self, payload: bytes) -> None:
        def said() -> bool:
            return self.link.publish(TOPIC, payload, retain=True)

        wait_for("the stranger to be back", said, 30)


class Two:
    """Both sites and what is between them."""

    def __init__(self, folder: Path, local: Mosquitto, central: Mosquitto) -> None:
        self.yard = Yard(folder, local)
        self.dock = Dock(folder, local.port, central.port)
        self.central = Central(central)
        with (folder / "hub.toml").open("a") as file:
            file.write(LISTEN.format(central=central.port))

    def open(self) -> None:
        self.dock.run("key", "-o", str(self.yard.folder / "dock.pub"))
        (self.yard.folder / "crew.csv").write_text(CREW)
        self.dock.run("crew", "import", str(self.yard.folder / "crew.csv"))
        self.dock.hub.start()
        self.yard.run("hub", "key", "-o", str(self.yard.folder / "hub.pub"))
        self.yard.import_crew(CREW)
        self.yard.hub.start()
        self.yard.north.program.start()
        wait_for("the list at the gate", lambda: "list=applied" in self.yard.north.program.log)

    def at_gate(self, number: str, reason: str, timeout_s: float = 20) -> None:
        def says() -> bool:
            return self.yard.north.answers(number) == reason

        wait_for(f"{number} to be {reason} at the other site's gate", says, timeout_s)

    def logged(self, words: str, times: int = 1) -> Callable[[], bool]:
        return lambda: self.yard.hub.log.count(words) >= times


@pytest.fixture
def two() -> Iterator[Two]:
    with (
        tempfile.TemporaryDirectory(prefix="pv-") as name,
        Mosquitto(Path(name) / "local") as local,
        Mosquitto(Path(name) / "central") as central,
        contextlib.ExitStack() as held,
    ):
        both = Two(Path(name), local, central)
        for program in (both.yard.north.program, both.yard.hub, both.dock.hub):
            held.callback(program.kill)
        held.callback(both.central.link.close)
        both.open()
        yield both


def test_p5_a_card_blocked_at_one_site_is_refused_at_the_gate_of_another(two: Two) -> None:
    yard, dock = two.yard, two.dock
    assert yard.north.answers("22222222") == "granted"
    assert "the other sites hear of it" in dock.block("22222222")
    two.at_gate("22222222", "blocked")
    why = yard.run("hub", "why", "22222222")
    assert "by kari at dock, for all sites: fought" in why
    (listed,) = json.loads(yard.run("hub", "blocks", "--json"))
    assert (listed["number"], listed["origin"], listed["counts"]) == ("22222222", "dock", True)
    assert "22222222" not in yard.hub.log + dock.hub.log

    # The one site's hub dies; the broker dies and forgets; meanwhile the other site lifts one card and blocks another.
    yard.hub.kill()
    two.central.broker.kill()
    dock.run("unblock", "22222222", "--by", "kari")
    dock.block("33333333")
    dock.hub.kill()
    two.central.broker.start()
    yard.hub.start()
    dock.hub.start()
    two.at_gate("33333333", "blocked", 40)
    assert yard.north.answers("22222222") == "granted"
    assert yard.north.answers("11111111") == "granted"


def test_many_at_once_wait_for_somebody_here_and_what_is_overruled_is_let_in(two: Two) -> None:
    yard, dock = two.yard, two.dock
    # The broker is away while the cards are blocked.
    two.central.broker.kill()
    dock.block("11111111")
    dock.block("44444444")
    dock.block("55555555")
    wait_for("the hub to miss the broker", two.logged("source=ours failed="))
    two.central.broker.start()
    wait_for("the guard", two.logged("changed=3 lifted=0 held=3"), 60)
    assert yard.north.answers("11111111") == "granted"
    assert "hub accept-blocks dock" in yard.run("hub", "blocks")
    yard.run("hub", "accept-blocks", "dock", "--by", "ola")
    two.at_gate("11111111", "blocked")
    yard.run("hub", "overrule", "11111111", "--reason", "another card", "--by", "ola")
    two.at_gate("11111111", "granted")


def test_p8_a_forged_or_replayed_list_changes_nothing(two: Two) -> None:
    yard, dock, central = two.yard, two.dock, two.central
    dock.block("22222222")
    two.at_gate("22222222", "blocked")
    first = wait_for("what the dock has said", central.heard)[-1]
    key = signing_key(dock.key_file)
    made_ms = believed(first, {"dock": key.public_key()}).made_ms
    lifted = ToldBlock("hms", "22222222", made_ms + 5, blocked=False)
    central.say(sealed(book_of("dock", made_ms + 5, [lifted]), Ed25519PrivateKey.generate()))
    refused = "refused='a message says that it comes from dock, and is not signed by the key of that hub'"
    wait_for("the forged one to be refused", two.logged(refused))
    central.say(b'{"specversion": "1.0", "unsigned": true}')
    wait_for("the other to be refused", two.logged("refused='a message is no signed list of blocks'"))
    wait_for("the alarm", two.logged("alarm=blocks.refused subject=ours"), 60)
    assert yard.north.answers("22222222") == "blocked"

    # What the dock has said itself, once more after it has said something else.
    dock.run("unblock", "22222222", "--by", "kari")
    two.at_gate("22222222", "granted")
    taken = yard.hub.log.count("blocks_of=dock")
    central.say(first)
    wait_for("the older list to be passed over", two.logged("older_list_of=dock"))
    yard.hub.kill()
    yard.hub.start()
    ours = partial(central.say, sealed(book_of("dock", made_ms + 10**9, [lifted]), key))
    ours()
    wait_for("what is too far ahead to be refused", two.logged("a list of dock is from the future"))
    assert yard.hub.log.count("blocks_of=dock") == taken
    assert yard.north.answers("22222222") == "granted"
