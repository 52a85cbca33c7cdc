"""The hub's composition root and its one loop. The only file that brings store, key, broker and clock together.

One thread does everything: it takes all that waits, commits it once, and answers. The link's thread
only fills the inbox, which is bounded: when it is full, messages are dropped and their senders repeat
them. No failure of the broker ends the hub.
"""

import contextlib
import hashlib
import logging
import queue
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterable
from pathlib import Path

from gate.uplink import contract
from gate.uplink.contract import ContractError, HubStatus, Publish, Topics
from gate.uplink.signing import Signer
from hub.broker import EmbeddedBroker
from hub.claim import Claim, SiteClaim
from hub.commands import Commands
from hub.config import HubConfig, database_file, signing_key_file, state_dir
from hub.errors import AnotherHub, StoreError
from hub.ingest import Ingest
from hub.keys import signing_key
from hub.service import HubService
from hub.store import HubStore
from hub.sync import ListSync
from hub.whereabouts import Whereabouts
from portvakt.link import BrokerLink, Connected, LastWill, LinkInput, Lost, Message
from portvakt.notify import Supervisor
from portvakt.process import FolderLock

log = logging.getLogger(__name__)

INBOX_MESSAGES = 512
"""With the contract's limit of 1 MiB for a batch, half a gigabyte at the very worst; 20 MB in life."""
MAX_TAKEN_BYTES = 16 << 20
"""What one commit takes in at most, so that the first ack of a long drain does not wait for its end."""
TICK_S = 0.2
"""How long the loop waits for a message. A list imported by another process is noticed within this time."""
STORE_RETRY_S = 1.0


def run(config: HubConfig, stop: threading.Event, ready: Callable[[str], None]) -> None:
    """Run the hub until `stop` is set. Blocking; `ready` is told once, when the site is ours.

    Raises AlreadyRunning, AnotherHub, StoreError, KeyFileError, LinkError or EmbeddedBrokerError.
    """
    with contextlib.ExitStack() as held:
        held.enter_context(FolderLock(state_dir(config)))
        store = held.enter_context(contextlib.closing(HubStore(database_file(config))))
        with store.changing_crew() as crew:
            crew.renew(_now_ms())
        signer = Signer(config.site, signing_key(signing_key_file(config)))
        if config.broker.embedded:
            held.enter_context(EmbeddedBroker(config.broker.host, config.broker.port))
        HubLoop(config, store, signer, ready).run(stop, Supervisor())


class HubLoop:
    """The link's inbox, the claim to the site, and the service behind both."""

    def __init__(self, config: HubConfig, store: HubStore, signer: Signer, ready: Callable[[str], None]) -> None:
        topics = Topics(config.site)
        instance = _instance(store)
        self._config = config
        self._topics = topics
        self._ready = ready
        self._store = store
        self._inbox: queue.Queue[LinkInput] = queue.Queue(INBOX_MESSAGES)
        self._claim = SiteClaim(instance)
        self._waiting: list[tuple[str, bytes]] = []
        self._dropped = 0
        self._own = HubStatus(config.site, instance, online=True, host=socket.gethostname())
        self._gone = LastWill(topics.hub, contract.encode_status(HubStatus(config.site, instance, online=False)))
        self._link = BrokerLink(
            config.broker, f"portvakt-hub-{instance}", (*topics.to_hub(), topics.hub), self._gone, self._inbox
        )
        heartbeat_ms = int(config.list.heartbeat_s * 1000)
        self._service = HubService(
            self._own,
            store,
            ingest=Ingest(config.site, store, signer, instance, int(config.clones.least_walk_s * 1000)),
            sync=ListSync(config.site, store, signer, config.list),
            whereabouts=Whereabouts(config.site, store, signer, heartbeat_ms),
            commands=Commands(config.site, store, signer),
            heartbeat_ms=heartbeat_ms,
        )

    def run(self, stop: threading.Event, supervisor: Supervisor) -> None:
        """Work until `stop` is set. Raises AnotherHub."""
        self._link.start()
        # Whether a broker answers is nothing that a supervisor could mend.
        supervisor.ready(f"hub of site {self._config.site}")
        try:
            while not stop.is_set():
                supervisor.alive()
                try:
                    self._turn(self._drain())
                except StoreError as failed:
                    # Nothing was acknowledged, so every gate keeps its records and sends them again.
                    log.warning("store=failed why=%r retry_s=%.0f", str(failed), STORE_RETRY_S)
                    stop.wait(STORE_RETRY_S)
        finally:
            supervisor.stopping()
            # Only who holds the site may say that its hub has left.
            self._link.close(self._gone if self._claim.state is Claim.HELD else None)
            log.info("hub=stopped site=%s", self._config.site)

    def _turn(self, inputs: Iterable[LinkInput]) -> None:
        for happened in inputs:
            match happened:
                case Connected():
                    self._connected()
                case Lost():
                    self._claim.lost()
                case Message(topic, payload, retained) if topic == self._topics.hub:
                    self._hear(payload, retained=retained)
                case Message(topic, payload):
                    self._waiting.append((topic, payload))
        if self._claim.tick(_monotonic_ms()):
            self._connected()
            self._ready(
                f"hub ready site={self._config.site} broker={self._config.broker.host}:{self._config.broker.port} "
                f"list={self._store.revision()}"
            )
        if self._claim.state is not Claim.HELD:
            # Kept for the moment after; what comes on top of this is sent again by its gate.
            del self._waiting[INBOX_MESSAGES:]
            return
        if self._claim.presence_due(_monotonic_ms()):
            self._publish([self._presence()])
        if self._waiting:
            messages, self._waiting = self._waiting, []
            self._publish(self._service.take(messages, _now_ms()))
        self._publish(self._service.tick(_now_ms()))
        if self._link.dropped != self._dropped:
            log.warning("inbox=full dropped=%d", self._link.dropped - self._dropped)
            self._dropped = self._link.dropped

    def _drain(self) -> list[LinkInput]:
        """All that waits, up to a bound; waits a little when there is nothing."""
        try:
            inputs = [self._inbox.get(timeout=TICK_S)]
        except queue.Empty:
            return []
        size = 0
        with contextlib.suppress(queue.Empty):
            while size < MAX_TAKEN_BYTES and len(inputs) < INBOX_MESSAGES:
                taken = self._inbox.get_nowait()
                size += len(taken.payload) if isinstance(taken, Message) else 0
                inputs.append(taken)
        return inputs

    def _connected(self) -> None:
        self._claim.connected(_monotonic_ms())
        if self._claim.state is Claim.HELD:
            log.info("broker=%s:%d link=up", self._config.broker.host, self._config.broker.port)
            self._publish(self._service.connected(_now_ms()))

    def _presence(self) -> Publish:
        return Publish(self._topics.hub, contract.encode_status(self._own), retain=True)

    def _hear(self, payload: bytes, *, retained: bool) -> None:
        """Somebody speaks as this site's hub: ourselves, another one, or the broker for one that is gone."""
        try:
            status = contract.decode_hub_status(payload)
        except ContractError as bad:
            log.warning("topic=%s ignored=%r", self._topics.hub, str(bad))
            return
        rival = self._claim.heard(status, _monotonic_ms(), retained=retained)
        if rival is None:
            if not status.online and self._claim.state is Claim.HELD:
                # Retained by the broker in place of ours: an old last will that came late.
                self._publish([self._presence()])
            return
        where = f"instance {rival.status.instance} on host {rival.status.host or 'unknown'}"
        if rival.wins:
            raise AnotherHub(
                f"site {self._config.site} already has a hub on line ({where}); stop that one first. "
                "If it died without its broker noticing, wait a minute and start again"
            )
        log.error("another_hub=%r site=%s note='stop one of the two'", where, self._config.site)

    def _publish(self, messages: Iterable[Publish]) -> None:
        # A message that the link does not take is said again after the next connect, or asked for again.
        for message in messages:
            self._link.publish(message.topic, message.payload, retain=message.retain)


def _instance(store: HubStore) -> str:
    """This database on this machine. The same after a restart, so that a hub knows its own ghost;
    another one for a copy of the disk in a second machine."""
    remembered = store.remembered("instance", uuid.uuid4().hex)
    try:
        machine = Path("/etc/machine-id").read_text(encoding="ascii").strip()
    except OSError:
        machine = socket.gethostname()
    return hashlib.sha256(f"{remembered}\0{machine}".encode()).hexdigest()[:16]


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _monotonic_ms() -> int:
    return time.monotonic_ns() // 1_000_000
