"""`hub run --ingest`: one of several that take in what the gates send, beside the site's one hub.

The broker gives each batch to one of them (a shared subscription), in no order that anybody could rely on: two
batches of one gate may be under way in two processes. The store holds them apart; an ack is what the store has
without a gap, whoever says it. A worker that dies was promised nothing: the gate sends again what it had.
"""

import logging
import threading
import time
import uuid
from collections.abc import Callable

from gate.uplink.contract import Topics
from gate.uplink.signing import Signer
from hub.config import HubConfig, closing_rule
from hub.errors import StoreError
from hub.identity import database_name
from hub.inbox import STORE_RETRY_S, Inbox, Outage
from hub.ingest import Ingest
from hub.revoked import of_members
from hub.store import HubStore
from portvakt.link import BrokerLink, Connected, Message
from portvakt.notify import Supervisor

log = logging.getLogger(__name__)


def ingest_of(config: HubConfig, store: HubStore, signer: Signer) -> Ingest:
    """Ingest as the settings have it, the same in the hub and in every worker. Raises SettingsError, StoreError."""
    return Ingest(
        config.site,
        store,
        signer,
        database_name(config, store),
        int(config.clones.least_walk_s * 1000),
        closing=closing_rule(config.presence),
    )


class IngestWorker:
    """The link's inbox and ingest behind it. It speaks to nobody but the gates whose records it took in."""

    def __init__(self, config: HubConfig, store: HubStore, signer: Signer, ready: Callable[[str], None]) -> None:
        self._config = config
        self._store = store
        self._topics = Topics(config.site)
        self._ready = ready
        self._inbox = Inbox()
        self._taken = 0
        self._ingest = ingest_of(config, store, signer)
        # A name of its own for each process: the broker throws out whoever comes second under one name.
        self._link = BrokerLink(
            config.broker,
            f"portvakt-ingest-{uuid.uuid4().hex[:12]}",
            (self._topics.shared_events,),
            None,
            self._inbox.queue,
        )

    def run(self, stop: threading.Event, supervisor: Supervisor) -> None:
        """Work until `stop` is set."""
        outage = Outage(supervisor.status)
        dropped = 0
        self._link.start()
        supervisor.ready(f"ingest of site {self._config.site}")
        try:
            while not stop.is_set():
                supervisor.alive()
                try:
                    if self._turn():
                        outage.over(_monotonic_ms())
                except StoreError as failed:
                    # Nothing was acknowledged, so every gate keeps its records and sends them again.
                    outage.met(str(failed), _monotonic_ms())
                    stop.wait(STORE_RETRY_S)
                if self._link.dropped != dropped:
                    log.warning("inbox=full dropped=%d", self._link.dropped - dropped)
                    dropped = self._link.dropped
        finally:
            supervisor.stopping()
            self._link.close()
            log.info("ingest=stopped site=%s messages=%d", self._config.site, self._taken)

    def _turn(self) -> bool:
        """Take in what waits; whether there was anything."""
        messages: list[tuple[str, bytes]] = []
        for happened in self._inbox.drain():
            match happened:
                case Message(topic, payload):
                    messages.append((topic, payload))
                case Connected():
                    broker = self._config.broker
                    self._ready(f"ingest ready site={self._config.site} broker={broker.host}:{broker.port}")
                case _:
                    pass
        if not messages:
            return False
        now_ms = time.time_ns() // 1_000_000
        for ack in self._ingest.take(of_members(self._store, self._topics, messages, now_ms), now_ms):
            # One that the link does not take is said again by the hub's heartbeat.
            self._link.publish(ack.topic, ack.payload, retain=ack.retain)
        self._taken += len(messages)
        return True


def _monotonic_ms() -> int:
    return time.monotonic_ns() // 1_000_000
