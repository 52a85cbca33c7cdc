"""The hub: the product's service, ingest and list sync on a machine that may die between any two effects.

A turn does what `hub.wiring.HubLoop` does: take all that waits, commit it once, answer, tick.
"""

import contextlib
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gate.uplink import contract
from gate.uplink.contract import HubStatus, Publish, Topics
from gate.uplink.signing import Signer
from hub.central.courier import Courier
from hub.central.delivery import Rules
from hub.central.registers.vigil import day_of
from hub.commands import VALID_MS, Commands
from hub.config import ListSettings
from hub.errors import StoreError
from hub.ingest import Ingest
from hub.permits import CardFacts
from hub.presence import CardKey
from hub.records import Asked
from hub.service import HubService
from hub.sync import ListSync
from hub.whereabouts import Whereabouts
from portvakt.backoff import Backoff
from portvakt.link import Connected, LastWill, LinkInput, Message
from tests.simulation.central import Central, Wire
from tests.simulation.invariants import Witness
from tests.simulation.listening import Listening, Others
from tests.simulation.registers import OSLO
from tests.simulation.sim_disk import Disk
from tests.simulation.sim_ledger import SimLedger
from tests.simulation.sim_net import Broker, Client
from tests.simulation.sim_store import HubFile, SimHubStore
from tests.simulation.whereabouts import HEARTBEAT_MS
from tests.simulation.world import DAY_MS, MINUTE_MS, START_MS, Machine, World

HEARTBEAT_S = HEARTBEAT_MS // 1_000
INBOX_MESSAGES = 512
STORE_RETRY_MS = 1_000
ATTEMPTS = 8
CLOCK_WAIT_MS = 30 * MINUTE_MS
NOTICED_MS = 300
"""How soon the courier looks what has come in."""
LOST = 0.15
"""How often a power cut of the hub costs its disk."""


class Beside(Protocol):
    """What else a hub's process does."""

    def started(self) -> None: ...
    def died(self) -> None: ...
    def rang(self) -> None:
        """Something was taken in."""


class SimHub(Machine):
    """The site's hub: its disk, which lasts, and the process of the moment."""

    def __init__(
        self,
        *,
        world: World,
        site: str,
        broker: Broker,
        central: Central,
        key: Ed25519PrivateKey,
        witness: Witness,
        others: Others,
    ) -> None:
        super().__init__(world, "hub")
        self._others = others
        self._site = site
        self._topics = Topics(site)
        self._broker = broker
        self._key = key
        self._witness = witness
        self._central = central
        self._chance = world.chance("hub")
        self.disk = Disk(self, world.chance("disk/hub"))
        self.file = HubFile()
        witness.hub = witness.tellings.file = self.file
        self._carrying = world.chance("courier")
        self.at_news: Callable[[], None] | None = None
        """What goes wrong when a target is about to be asked about something new."""
        self.at_request: Callable[[], None] | None = None
        """What goes wrong when the next request is on its way."""
        self.beside: list[Beside] = []
        self._runs = 0
        self._tick = 0
        self._disks = 1
        self._strangers = 0
        self.disk_replaced: Callable[[], None] = lambda: None
        """Told when the hub has come up with an empty database; the office then imports everything again."""
        self.start()

    def start(self) -> None:
        self.up = True
        self.turn("start", self._build)

    def died(self) -> None:
        self._runs += 1
        for one in self.beside:
            one.died()
        self._witness.tellings.hub_troubled()
        self.listening.end()
        self.client.vanish(silently=self.power_goes)
        if self.power_goes:
            self.disk.power_cut()
            if self._chance.random() < LOST:
                self._lose_disk()
        else:
            self.disk.process_died()
        self.world.after(self._chance.randint(2_000, 600_000 if self.power_goes else 60_000), self.start)

    def _lose_disk(self) -> None:
        """The database is gone; the key was kept elsewhere."""
        self.world.trace(self.name, "the disk is lost, and replaced by an empty one")
        self.world.counts["hub disks lost"] += 1
        self._witness.hub_disk_lost(self.file)
        self._disks += 1
        self.file = self._witness.hub = self._witness.tellings.file = HubFile()
        self.disk_replaced()

    def change_crew(self, facts: Mapping[CardKey, CardFacts]) -> None:
        """An import. It runs beside the service, which notices the new revision."""

        def change() -> None:
            try:
                made = self.store.change_crew(facts, day_of(self.world.now_ms, OSLO))
            except StoreError:
                return
            self.listening.ring()
            self.world.trace("hub", f"crew changed for {len(facts)} cards, list {made.revision}")
            self._ask()

        self.turn("import", change)

    def close_musters(self) -> None:
        """Everybody was met at the assembly point."""

        def close() -> None:
            with contextlib.suppress(StoreError):
                self.store.close_musters(self.world.now_ms)

        if self.up:
            self.turn("office", close)

    def command(self, asked: Asked) -> None:
        """Somebody at the site office asks something of a gate."""

        def give() -> None:
            try:
                given = self.store.give(asked, self.world.now_ms, VALID_MS)
            except StoreError:
                return
            self.world.counts["commands"] += 1
            self.world.trace("hub", f"command {given.number} to {asked.gate}: {asked.action}")
            self._ask()

        self.turn("command", give)

    def _build(self) -> None:
        run = self._runs
        instance = f"{self._disks:016x}"
        topics = self._topics
        self._inbox: list[LinkInput] = []
        self._asked = False
        gone = contract.encode_status(HubStatus(self._site, instance, online=False))
        self.client = Client(
            self._broker, "hub", topics.to_hub(), LastWill(topics.hub, gone), lambda given: self._heard(run, given)
        )
        self.store = SimHubStore(self, self.disk, self.file, self._witness)
        signer = Signer(self._site, self._key)
        self.ingest = Ingest(self._site, self.store, signer, instance)
        self.service = HubService(
            HubStatus(self._site, instance, online=True),
            self.store,
            ingest=self.ingest,
            sync=ListSync(self._site, self.store, signer, ListSettings(heartbeat_s=HEARTBEAT_S)),
            whereabouts=Whereabouts(self._site, self.store, signer, HEARTBEAT_S * 1_000),
            commands=Commands(self._site, self.store, signer),
            heartbeat_ms=HEARTBEAT_S * 1_000,
        )
        self.ledger = SimLedger(self.disk, self.file, self._witness.tellings, START_MS - DAY_MS)
        self._courier = self._make_courier()
        self._carry_ms: int | None = None
        self._entered = False
        self.listening = Listening(self, self.disk, self.file, self._others, self._witness)
        self.client.start()
        self._carry(0)
        for one in self.beside:
            one.started()
        self._ask(HEARTBEAT_S * 1_000)

    def _heard(self, run: int, given: LinkInput) -> None:
        if run != self._runs or not self.up:
            return
        if isinstance(given, Message) and len(self._inbox) >= INBOX_MESSAGES:
            self.world.counts["hub inbox full"] += 1
            return
        self._inbox.append(given)
        if not self._asked:
            self._asked = True
            self._ask(self._chance.randint(0, 50))

    def _ask(self, in_ms: int = 0) -> None:
        run = self._runs
        self.world.after(in_ms, lambda: self._serve(run))

    def _serve(self, run: int) -> None:
        if run == self._runs:
            self.turn("service", self._service_turn)

    def _service_turn(self) -> None:
        self._asked = False
        inputs, self._inbox = self._inbox, []
        now_ms = self.world.now_ms
        try:
            messages: list[tuple[str, bytes]] = []
            for given in inputs:
                match given:
                    case Connected():
                        self._say(self.service.connected(now_ms))
                    case Message(topic, payload):
                        messages.append((topic, payload))
                    case _:
                        pass
            if messages:
                self._say(self.service.take(messages, now_ms))
                self._carry(NOTICED_MS)
                self._ring_for_strangers()
                for one in self.beside:
                    one.rang()
            self._say(self.service.tick(now_ms))
        except StoreError:
            # Nothing was acknowledged; the senders ask again.
            self.world.counts["hub store failures"] += 1
            self._ask(STORE_RETRY_MS)
            return
        self._tick += 1
        tick, run = self._tick, self._runs
        self.world.after(HEARTBEAT_S * 1_000, lambda: self._serve(run) if tick == self._tick else None)

    def _ring_for_strangers(self) -> None:
        known = len(self.file.words.strangers)
        if known != self._strangers:
            self._strangers = known
            self.listening.ring()

    # --- the courier -----------------------------------------------------------------------------------

    def wake_target(self) -> None:
        """Somebody at the site office has seen the alarm."""

        def wake() -> None:
            with contextlib.suppress(StoreError):
                self.ledger.wake()
            self._carry(0)

        self.turn("office", wake)

    @property
    def target_stopped(self) -> bool:
        return self.file.queue.receiver.stopped is not None

    def _make_courier(self) -> Courier:
        run = self._runs
        wire = Wire(
            self, self._central,
            lives=lambda: self.up and run == self._runs, started=self._request_starts, answered=lambda: self._carry(0),
        )  # fmt: skip
        uniform = self._carrying.random
        rules = Rules(ATTEMPTS, Backoff(uniform, 1_000, 900_000), Backoff(uniform, 1_000, 300_000))
        return Courier("client", self._central, self.ledger, wire, rules, clock_wait_ms=CLOCK_WAIT_MS)

    def _carry(self, in_ms: int) -> None:
        """The courier's next turn, at the latest."""
        at_ms = self.world.now_ms + in_ms + self._carrying.randint(1, 20)
        if self._carry_ms is not None and self._carry_ms <= at_ms:
            return
        self._carry_ms, run = at_ms, self._runs
        self.world.after(at_ms - self.world.now_ms, lambda: self._carry_now(run, at_ms))

    def _carry_now(self, run: int, at_ms: int) -> None:
        if run == self._runs and at_ms == self._carry_ms:
            self._carry_ms = None
            self.turn("courier", self._courier_turn)

    def _request_starts(self) -> None:
        goes_wrong, self.at_request = self.at_request, None
        if goes_wrong is not None:
            goes_wrong()

    def _courier_turn(self) -> None:
        if self.at_news is not None and self.ledger.ahead().cursors:
            goes_wrong, self.at_news = self.at_news, None
            goes_wrong()
        try:
            if not self._entered:
                self.ledger.enter()
                self._entered = True
            self._carry(self._courier.turn(self.world.now_ms))
        except StoreError:
            self.world.counts["courier store failures"] += 1
            self._witness.tellings.hub_troubled()
            self._carry(STORE_RETRY_MS)

    def _say(self, messages: Sequence[Publish]) -> None:
        for message in messages:
            self.point("hub publish")
            self.client.publish(message.topic, message.payload, retain=message.retain)
