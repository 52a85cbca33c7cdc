"""The hub's composition root and its one loop. The only file that brings store, key, broker and clock together.

One thread does everything: it takes all that waits, commits it once, and answers. The link's thread
only fills the inbox, which is bounded: when it is full, messages are dropped and their senders repeat
them. No failure of the broker ends the hub.
"""

import contextlib
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gate.uplink import contract
from gate.uplink.contract import ContractError, HubStatus, Publish, Topics
from gate.uplink.signing import Signer
from hub.broker import EmbeddedBroker
from hub.central.alarms import AlarmWatch
from hub.central.bell import Bell
from hub.central.site_alarms import site_alarms
from hub.claim import Claim, SiteClaim
from hub.commands import Commands
from hub.config import (
    BLOCKS,
    HubConfig,
    closing_rule,
    database,
    limits,
    requirements_of,
    signing_key_file,
    state_dir,
    warnings,
)
from hub.errors import AnotherHub, KeyFileError, StoreError
from hub.housekeeping import Housekeeping
from hub.identity import check_key, claim_key, installation
from hub.inbox import INBOX_MESSAGES, STORE_RETRY_S, Inbox, Outage
from hub.keys import signing_key
from hub.membership import Membership
from hub.purging import Purge
from hub.revoked import of_members
from hub.service import HubService
from hub.store import HubStore
from hub.sync import ListSync
from hub.whereabouts import Whereabouts
from hub.worker import IngestWorker, ingest_of
from portvakt.errors import SettingsError
from portvakt.link import BrokerLink, Connected, LastWill, LinkInput, Lost, Message, check_files
from portvakt.notify import Supervisor
from portvakt.process import FolderLock

log = logging.getLogger(__name__)


class Beside(Protocol):
    """What works beside the hub's loop, in threads of its own, while the site is ours."""

    def start(self) -> None:
        """Begin; called once, when the site is ours."""

    def stop(self) -> None:
        """End, soon; called once, whether it was started or not."""


def run(config: HubConfig, settings_file: Path, stop: threading.Event, ready: Callable[[str], None]) -> None:
    """Run the hub until `stop` is set. Blocking; `ready` is told once, when the site is ours. Files that targets and
    sources name stand beside `settings_file`.

    Raises AlreadyRunning, AnotherHub, SettingsError, StoreError, KeyFileError, LinkError or EmbeddedBrokerError.
    """
    check_files(config.broker)
    for warning in warnings(config):
        log.warning("settings=%r", warning)
    with contextlib.ExitStack() as held:
        held.enter_context(FolderLock(state_dir(config)))
        store = held.enter_context(contextlib.closing(HubStore(database(config))))
        with store.changing_crew() as crew:
            crew.renew(_now_ms())
        private = signing_key(signing_key_file(config))
        claim_key(store, private)
        purge = Purge(config.site, store, private, limits(config))
        if config.broker.embedded:
            held.enter_context(EmbeddedBroker(config.broker.host, config.broker.port))
        bell = Bell()
        beside = _beside(config, store, settings_file, bell, private)
        loop = HubLoop(config, store, Signer(config.site, private), purge, ready, beside=beside, taken_in=bell.ring)
        loop.run(stop, Supervisor())


def _beside(
    config: HubConfig, store: HubStore, settings_file: Path, bell: Bell, private: Ed25519PrivateKey
) -> tuple[Beside, ...]:
    """What the settings ask for besides gates; `bell` is rung when something was taken in. Raises SettingsError."""
    found: list[Beside] = []
    if config.targets:
        # Only who tells others needs the library.
        from hub.central.couriers import Couriers

        found.append(Couriers(config, store, settings_file, bell))
    if config.card_register.on or config.companies.on:
        from hub.central.registers.register_watches import RegisterWatches

        found.append(RegisterWatches(config))
    if config.crew.source.topic is not None:
        from hub.crew.watching import CrewWatch

        found.append(CrewWatch(config, store))
    if any(one.kind != BLOCKS for one in config.sources):
        from hub.central.gathering import Gathering

        found.append(Gathering(config, store, settings_file))
    found += _siblings(config, store, settings_file, private)
    return tuple(found)


def _siblings(config: HubConfig, store: HubStore, settings_file: Path, private: Ed25519PrivateKey) -> Iterator[Beside]:
    """What is told to the hubs of our other sites, and heard of them. Raises SettingsError."""
    listening = [one for one in config.sources if one.kind == BLOCKS]
    if config.all_sites.publish is None and not listening:
        return
    from hub.central.siblings.hearing import BlockListener, UnmadeListener
    from hub.central.siblings.settings import listening_of, telling_of
    from hub.central.siblings.telling import BlockTeller

    if (telling := telling_of(config, settings_file)) is not None:
        yield BlockTeller(config.site, store, private, telling)
    for one in listening:
        try:
            heard = listening_of(config, one, settings_file)
        except SettingsError as wrong:
            yield UnmadeListener(store, one.name, str(wrong))
        else:
            yield BlockListener(config.site, store, heard, requirements_of(config.requirements))


def run_ingest(config: HubConfig, stop: threading.Event, ready: Callable[[str], None]) -> None:
    """Take in events beside the site's hub until `stop` is set. Blocking; `ready` is told at each connection.

    Raises SettingsError, StoreError, KeyFileError or LinkError.
    """
    if not config.ingest.shared:
        raise SettingsError(
            "hub run --ingest shares the gates' events with other processes: set [ingest] shared = true and database, "
            "in the settings of the site's hub as well"
        )
    file = signing_key_file(config)
    if not file.exists():
        raise KeyFileError(f"{file}: not there; copy the signing key of the site's hub here")
    private = signing_key(file)
    with contextlib.closing(HubStore(database(config))) as store:
        check_key(store, private)
        IngestWorker(config, store, Signer(config.site, private), ready).run(stop, Supervisor())


class HubLoop:
    """The link's inbox, the claim to the site, and the service behind both."""

    def __init__(
        self,
        config: HubConfig,
        store: HubStore,
        signer: Signer,
        purge: Purge,
        ready: Callable[[str], None],
        *,
        beside: Sequence[Beside],
        taken_in: Callable[[], None],
    ) -> None:
        """`taken_in` is told after each commit of what gates have sent."""
        topics = Topics(config.site)
        instance = installation(config, store)
        self._config = config
        self._topics = topics
        self._ready = ready
        self._beside = beside
        self._taken_in = taken_in
        self._started = False
        self._store = store
        self._inbox = Inbox()
        self._claim = SiteClaim(instance)
        self._waiting: list[tuple[str, bytes]] = []
        self._wishes: list[tuple[str, bytes]] = []
        self._dropped = 0
        self._unsaid = self._unready = False
        self._own = HubStatus(config.site, instance, online=True, host=socket.gethostname())
        self._gone = LastWill(topics.hub, contract.encode_status(HubStatus(config.site, instance, online=False)))
        self._link = BrokerLink(
            config.broker,
            f"portvakt-hub-{instance}",
            (*_subscriptions(config), *topics.enrolment_to_hub(), topics.hub),
            self._gone,
            self._inbox.queue,
        )
        self._membership = Membership(config, store, signer)
        self._housekeeping = Housekeeping(store, closing_rule(config.presence), purge)
        self._alarms = AlarmWatch(store, config.targets, site_alarms(store, config))
        heartbeat_ms = int(config.list.heartbeat_s * 1000)
        self._service = HubService(
            self._own,
            store,
            ingest=ingest_of(config, store, signer),
            sync=ListSync(config.site, store, signer, config.list),
            whereabouts=Whereabouts(config.site, store, signer, heartbeat_ms),
            commands=Commands(config.site, store, signer),
            heartbeat_ms=heartbeat_ms,
        )

    def run(self, stop: threading.Event, supervisor: Supervisor) -> None:
        """Work until `stop` is set. Raises AnotherHub."""
        outage = Outage(supervisor.status)
        self._link.start()
        # Whether a broker answers is nothing that a supervisor could mend.
        supervisor.ready(f"hub of site {self._config.site}")
        try:
            while not stop.is_set():
                supervisor.alive()
                self._listen(self._inbox.drain())
                if self._claim.state is not Claim.HELD:
                    # Kept for the moment after; what comes on top of this is sent again by its gate.
                    del self._waiting[INBOX_MESSAGES:]
                    del self._wishes[INBOX_MESSAGES:]
                    continue
                try:
                    self._answer()
                except StoreError as failed:
                    # Nothing was acknowledged, so every gate keeps its records and sends them again.
                    outage.met(str(failed), _monotonic_ms())
                    del self._waiting[INBOX_MESSAGES:]
                    del self._wishes[INBOX_MESSAGES:]
                    stop.wait(STORE_RETRY_S)
                else:
                    outage.over(_monotonic_ms())
        finally:
            supervisor.stopping()
            for one in self._beside:
                one.stop()
            # Only who holds the site may say that its hub has left.
            self._link.close(self._gone if self._claim.state is Claim.HELD else None)
            log.info("hub=stopped site=%s", self._config.site)

    def _listen(self, inputs: Iterable[LinkInput]) -> None:
        """What needs no store: the site stays ours while the database is away."""
        for happened in inputs:
            match happened:
                case Connected():
                    self._claim.connected(_monotonic_ms())
                    self._unsaid = True
                case Lost():
                    self._claim.lost()
                case Message(topic, payload, retained) if topic == self._topics.hub:
                    self._hear(payload, retained=retained)
                case Message(topic, payload) if self._topics.answer_to(topic) is not None:
                    self._wishes.append((topic, payload))
                case Message(topic, payload):
                    self._waiting.append((topic, payload))
        if self._claim.tick(_monotonic_ms()):
            self._unsaid = self._unready = True
        if self._claim.presence_due(_monotonic_ms()):
            self._publish([self._presence()])

    def _answer(self) -> None:
        """What the store is asked for. Raises StoreError; what was not said then is said when the store is back."""
        if self._unsaid:
            log.info("broker=%s:%d link=up", self._config.broker.host, self._config.broker.port)
            self._publish(self._service.connected(_now_ms()))
            self._unsaid = False
        if self._unready:
            self._ready(
                f"hub ready site={self._config.site} broker={self._config.broker.host}:{self._config.broker.port} "
                f"list={self._store.revision()}"
            )
            self._unready = False
            self._start_beside()
        if self._waiting:
            messages, self._waiting = self._waiting, []
            self._publish(self._service.take(of_members(self._store, self._topics, messages, _now_ms()), _now_ms()))
            self._taken_in()
        if self._wishes:
            wishes, self._wishes = self._wishes, []
            self._publish(self._membership.answers(wishes, _now_ms()))
        if self._membership.renew_own(_now_ms()):
            self._link.reconnect()
        self._housekeeping.tick(_now_ms())
        self._alarms.tick(_now_ms())
        self._publish(self._service.tick(_now_ms()))
        if self._link.dropped != self._dropped:
            log.warning("inbox=full dropped=%d", self._link.dropped - self._dropped)
            self._dropped = self._link.dropped

    def _start_beside(self) -> None:
        """Once, when the site is ours."""
        if self._started:
            return
        self._started = True
        for one in self._beside:
            one.start()

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


def _subscriptions(config: HubConfig) -> tuple[str, ...]:
    """With workers beside it the hub is one of those that share the events; the rest is its alone."""
    topics = Topics(config.site)
    if not config.ingest.shared:
        return topics.to_hub()
    return (topics.shared_events, *(one for one in topics.to_hub() if one != topics.events("+")))


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _monotonic_ms() -> int:
    return time.monotonic_ns() // 1_000_000
