"""A morning at a site, from its gate's records to a central broker; what is heard there are the examples of the docs.

The hub is `hub run` behind its own Mosquitto, the records are as a gate writes them, with times of their own, and
three feeds tell the central broker of them, one for each profile.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from tests.sim.central_broker import Subscriber
from tests.sim.mosquitto import Mosquitto
from tests.sim.records import RecordBook
from tests.sim.rig import ROOT, Program
from tests.waiting import wait_for

SITE = "kvartal-7"
MORNING_MS = 1_793_599_085_120
"""Monday 2 November 2026, 05:58 UTC: before seven at the site."""
CREW = ROOT / "config" / "crew.example.csv"
CARPENTER, ELECTRICIAN, BLOCKED, STRANGER = "5310027", "5310118", "5310225", "7769001"
PSEUDONYM_KEY = "an example key, as long as a key must be: openssl makes better ones"
_HUB = """site = "{site}"
state_dir = "{folder}/hub"
[broker]
port = {port}
[retention]
passages_days = 3650
"""
_TARGET = """[[targets]]
name = "{profile}"
kind = "feed"
since = "2026-11-01"
deadline_min = 44_640
[targets.settings]
host = "127.0.0.1"
port = {port}
topic = "{profile}/{{site}}"
personal = "{profile}"
pseudonym_key_file = "pseudonyms.key"
"""
PROFILES = ("full", "pseudonymous", "none")


def morning() -> RecordBook:
    """What a gate writes: a start, people who come and go, one who may not, an alarm that goes away."""
    book = RecordBook("north", site=SITE, epoch="00000000000000a7")
    at = MORNING_MS
    book.add("gate.started", at_ms=at - 60_000)
    common = {"lane": "main", "medium": "chip"}
    for number, (card, direction, seconds) in enumerate(
        [(CARPENTER, "entry", 0), (ELECTRICIAN, "entry", 21), (CARPENTER, "exit", 33_000)]
    ):
        passing: dict[str, Any] = {
            **common,
            "direction": direction,
            "card": card,
            "reason": "granted",
            "badge": f"b-{number}",
        }
        book.add("badge.granted", at_ms=at + seconds * 1000, **passing)
        zone = "site" if direction == "entry" else ""
        book.add("passage.completed", at_ms=at + seconds * 1000 + 1850, zone=zone, **passing)
    refused: dict[str, Any] = {**common, "direction": "entry", "at_ms": at + 33_600_000}
    book.add("badge.refused", card=BLOCKED, reason="blocked", **refused)
    book.add("badge.refused", card=STRANGER, reason="unknown_card", **refused)
    alarm = {"alarm": "reader.outside", "what": "the reader does not answer; is its cable in?"}
    book.add("alarm.raised", at_ms=at + 33_700_000, detail=alarm)
    book.add("alarm.cleared", at_ms=at + 33_790_000, detail={"alarm": "reader.outside"})
    return book


class FeedRun:
    """A site that runs. `targets` is TOML; a pseudonym key stands beside the settings."""

    def __init__(self, folder: Path, port: int, targets: str) -> None:
        self.folder = folder
        self.port = port
        self.settings = folder / "hub.toml"
        self.settings.write_text(_HUB.format(site=SITE, folder=folder, port=port) + targets, encoding="utf-8")
        key = folder / "pseudonyms.key"
        key.write_text(PSEUDONYM_KEY, encoding="utf-8")
        key.chmod(0o600)
        self.hub = Program("hub", self.settings, {})

    def on_hub(self, *words: str, status: int = 0) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "hub", *words, "--config", str(self.settings)],
            capture_output=True, text=True, check=False, timeout=60, cwd=ROOT,
        )  # fmt: skip
        assert done.returncode == status, done.stderr
        return done.stdout

    def tell(self, book: RecordBook, *seqs: int) -> None:
        """Hand a gate's records to the site's broker, all or some, and wait until the hub has them."""
        client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv311)
        client.connect("127.0.0.1", self.port)
        client.loop_start()
        client.publish(*book.message(*seqs), qos=1).wait_for_publish(10)
        client.disconnect()
        client.loop_stop()
        wanted = max(seqs, default=len(book.bodies))
        wait_for("the records at the hub", lambda: len(json.loads(self.on_hub("events", "--json"))) >= wanted, 30)


def feeds(port: int) -> str:
    """Settings of one feed for each profile."""
    return "".join(_TARGET.format(profile=profile, port=port) for profile in PROFILES)


@contextmanager
def feed_run(folder: Path, targets: str) -> Iterator[FeedRun]:
    """Hub and broker of a site, with the crew list taken in."""
    with Mosquitto(folder / "site-broker") as broker:
        run = FeedRun(folder, broker.port, targets)
        try:
            run.on_hub("crew", "import", str(CREW))
            run.hub.start()
            yield run
        finally:
            run.hub.kill()


def played(folder: Path) -> dict[str, Any]:
    """Examples by name, the same at every run."""
    with (
        Mosquitto(folder / "central") as central,
        Subscriber(central.port, "#") as ear,
        feed_run(folder, feeds(central.port)) as run,
    ):
        run.tell(morning())
        said = ["--by", "site office", "--reason", "left by the side gate", "--at", "2026-11-02T16:10"]
        run.on_hub("out", ELECTRICIAN, *said)
        # 3 passages, 2 refusals, 3 + 1 changes of the roster, 2 alarms; for each profile.
        wait_for("what the feeds tell", lambda: len(ear.messages) >= 11 * len(PROFILES), 30)
        told = [(message.topic.partition("/")[0], json.loads(message.payload)) for message in ear.messages]
    assert len({(profile, event["id"]) for profile, event in told}) == 11 * len(PROFILES) == len(told)
    return dict(sorted(dict(_named(told)).items()))


def _named(told: list[tuple[str, Any]]) -> Iterator[tuple[str, Any]]:
    for profile, event in sorted(told, key=lambda one: (one[1]["time"], one[1]["id"]), reverse=True):
        # Of several that would have one name the first of the day stays.
        what = event["type"].split(".")[3]
        data = event["data"]
        match what:
            case "passage":
                name = f"passage-{data['direction']}"
            case "roster" if "gate" not in data:
                name = "roster-by-hand"
            case "roster":
                name = f"roster-{data['change']}"
            case "refusal":
                name = f"refusal-{data['reason'].replace('_', '-')}"
            case _:
                name = f"alarm-{data['state']}"
        if profile == "full":
            yield name, event
        elif name == "passage-entry" or (profile == "pseudonymous" and name == "roster-entered"):
            yield f"{name}-{profile}", event
