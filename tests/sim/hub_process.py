"""`hub run` as a process, and an ear at its broker."""

import contextlib
import os
import queue
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from gate.uplink import contract
from gate.uplink.contract import Ack, Topics
from gate.uplink.signing import Verifier
from hub.keys import public_pem, signing_key
from portvakt.link import BrokerLink, BrokerSettings, Connected, LastWill, Message
from tests.waiting import wait_for

TOPICS = Topics("yard")


class HubProcess:
    """One `hub run`, with its settings and state in a folder."""

    def __init__(self, folder: Path, port: int, *, embedded: bool = False, database: str | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.state = folder / "state"
        self.settings = folder / "hub.toml"
        self.settings.write_text(
            f'site = "yard"\nstate_dir = "{self.state}"\n'
            + (f'database = "{database}"\n' if database else "")
            + f"[broker]\nport = {port}\nembedded = {str(embedded).lower()}\n",
            encoding="utf-8",
        )
        self.log = folder / "hub.log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "hub", "run", "--config", str(self.settings)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=os.environ | {"PYTHONUNBUFFERED": "1"},
            )  # fmt: skip

    def ready(self, times: int = 1) -> None:
        wait_for(f"'hub ready' in {self.log}", lambda: self.text.count("hub ready site=yard") >= times, 20.0)

    def command(self, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "hub", "--config", str(self.settings), *arguments],
            check=True, capture_output=True, text=True, timeout=30,
        )  # fmt: skip
        return done.stdout

    def end(self, number: int = signal.SIGTERM) -> int:
        assert self.process
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(15.0)

    @property
    def text(self) -> str:
        return self.log.read_text(encoding="utf-8") if self.log.exists() else ""

    @property
    def verifier(self) -> Verifier:
        public = load_pem_public_key(public_pem(signing_key(self.state / "signing-key.pem")))
        assert isinstance(public, Ed25519PublicKey)
        return Verifier("yard", public)


class Ear:
    """A gate's side of the broker: keeps the last message of every topic, and all acks."""

    def __init__(self, port: int, will: LastWill | None = None) -> None:
        self.inbox: queue.Queue[Any] = queue.Queue()
        self.last: dict[str, bytes] = {}
        self.connects = 0
        self.link = BrokerLink(
            BrokerSettings(port=port), f"ear-{id(self)}", ["portvakt/v1/yard/#"],
            will or LastWill("portvakt/test/gone", b""), self.inbox,
        )  # fmt: skip
        self.link.start()
        self.until("the ear is connected", lambda: self.connects == 1)

    def until(self, described: str, condition: Callable[[], Any], timeout_s: float = 20.0) -> Any:
        def look() -> Any:
            with contextlib.suppress(queue.Empty):
                while True:
                    match self.inbox.get_nowait():
                        case Message(topic, payload):
                            self.last[topic] = payload
                        case Connected():
                            self.connects += 1
            return condition()

        return wait_for(described, look, timeout_s)

    def hub_online(self) -> bool | None:
        payload = self.last.get(TOPICS.hub)
        return contract.decode_hub_status(payload).online if payload else None

    def acked(self, hub: HubProcess, gate: str = "north") -> int:
        payload = self.last.get(TOPICS.ack(gate))
        return hub.verifier.open(Ack, payload).through if payload else 0
