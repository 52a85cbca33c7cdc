"""One gate: the product's controller, session and uplink on a machine that may die between any two effects.

Two threads of the product are two strings of turns here. Each turn does what `gate.threads` and
`gate.uplink.mqtt.UplinkThread` do with one input: take it, then tick.
"""

from collections import deque

from gate.controller import IDLE_TICK_MS, Controller, Place
from gate.decide import Rules
from gate.lane_control import LaneParts
from gate.model import CardContents, CardReading, Direction
from gate.ports import CardShown, FireLoop, Input, KeyTurned
from gate.threads import INBOX_INPUTS
from gate.uplink import contract
from gate.uplink.contract import Topics
from gate.uplink.mqtt import Uplink, UplinkInput, Written
from gate.uplink.session import BACKLOG_BATCHES, Identity, Session
from gate.uplink.signing import Verifier
from portvakt.link import LastWill, LinkInput, Message
from tests.simulation.invariants import Witness
from tests.simulation.roll import MUSTER_READERS
from tests.simulation.sim_clock import SimClock, ThreadClock
from tests.simulation.sim_disk import Disk, JournalFile, PermitFile, SimJournal, SimPermits
from tests.simulation.sim_lane import SimLane
from tests.simulation.sim_net import Broker, Client
from tests.simulation.world import HOUR_MS, Machine, World

DEADLINE_MS = 150
WALK_MS = 6_000
MAX_WAITING = 40
LAZY_TICK_MS = 60_000
"""An idle gate looks at its clock every second; sixty looks that change nothing are one."""
SLACK_MS = 1_500
KEEP_DAYS = 2
DAMAGED = 0.1
"""How often a power cut damages a database file beyond opening."""


class SimGate(Machine):
    """A Raspberry Pi with `lanes` lanes: what lasts (disk, clock, locks), and the process of the moment."""

    def __init__(
        self, *, world: World, name: str, site: str, lanes: int, broker: Broker, rules: Rules,
        verifier: Verifier, witness: Witness,
    ) -> None:  # fmt: skip
        super().__init__(world, name)
        self._site = site
        self._topics = Topics(site)
        self._broker = broker
        self._rules = rules
        self._verifier = verifier
        self._witness = witness
        self._chance = world.chance(f"gate/{name}")
        self.disk = Disk(self, world.chance(f"disk/{name}"))
        self.journal_file = JournalFile(f"{self._chance.getrandbits(64):016x}")
        self.permit_file = PermitFile()
        self.clock = SimClock(world, name)
        self.lanes = {f"lane{number}": SimLane(self, f"lane{number}", self._releasing) for number in range(lanes)}
        self.loop_closed = True
        """The fire loop of the building."""
        self._evacuated = False
        """What the site may rely on: a fire was seen, and no key was turned since."""
        self._runs = 0
        self._powered = False
        self.power_on()

    # --- the machine ---------------------------------------------------------------------------------

    def power_on(self) -> None:
        """The kernel boots, then the process starts."""
        ntp_ms = self.clock.power_up()
        boot = self.clock.boot
        self._witness.boots[self.name, boot] = self.clock.boot_ms
        self.world.after(ntp_ms, lambda: self.clock.ntp() if self.clock.boot == boot else None)
        self._powered = True
        self.start()

    def start(self) -> None:
        """The process starts; it may die while it does."""
        self.up = True
        self.turn("start", self._build)

    def died(self) -> None:
        self.journal.close()
        self._witness.process_died(self.name)
        self.client.vanish(silently=self.power_goes)
        for lane in self.lanes.values():
            lane.fail_safe()
        self._runs += 1
        if self.power_goes:
            self.disk.power_cut()
            self._damage()
            self.world.after(self._chance.randint(20_000, 900_000), self.power_on)
        else:
            self.disk.process_died()
            self.world.after(self._chance.randint(2_000, 30_000), self.start)

    def cut_power(self) -> None:
        """The plug is pulled, now."""
        if self.up:
            self.arm(1, power=True)
            self.turn("power cut", lambda: self.point("the plug"))

    def _damage(self) -> None:
        """Some SD cards do not survive a power cut whole: gate.wiring sets the file aside and begins anew."""
        if self._chance.random() < DAMAGED:
            self.world.trace(self.name, "the journal is damaged, and set aside")
            self.world.counts["journals set aside"] += 1
            self._witness.journal_set_aside(self.name, self.journal_file)
            self.journal_file = JournalFile(f"{self._chance.getrandbits(64):016x}")
        if self._chance.random() < DAMAGED:
            self.world.trace(self.name, "the permits are damaged, and set aside")
            self.world.counts["permits set aside"] += 1
            self._witness.permits_set_aside(self.name)
            self.permit_file = PermitFile()

    def _build(self) -> None:
        """As gate.wiring puts it together, and in its order of starting."""
        self._inbox: deque[Input] = deque()
        self._busy_until_ms = self._ticks = self._uplink_ticks = 0
        self._serving = False
        self._last_badge = ""
        self._clock = ThreadClock(self.clock)
        self._uplink_clock = ThreadClock(self.clock)
        run = self._runs
        client = f"gate-{self._site}-{self.name}-{self.journal_file.epoch}"
        self.client = Client(self._broker, client, (), self._will(), lambda given: self._heard(run, given))
        self.journal = SimJournal(
            self._site, self, self.disk, self.journal_file, self._witness,
            max_waiting=MAX_WAITING, spend=self._spend, on_commit=self._written,
        )  # fmt: skip
        self.permits = SimPermits(self, self.disk, self.permit_file, self._witness)
        self.controller = Controller(
            lanes={name: LaneParts(lane, WALK_MS) for name, lane in self.lanes.items()},
            readers={
                f"{name}-{direction}": Place(name, direction) for name in self.lanes for direction in Direction
            },
            permits=self.permits, journal=self.journal, clock=self._clock, rules=self._rules,
            deadline_ms=DEADLINE_MS, new_badge=self._new_badge, muster_readers=MUSTER_READERS,
        )  # fmt: skip
        self._witness.watch.process_began(self.name, self.controller._site, self.journal_file)
        identity = Identity(self._site, self.name, self.journal_file.epoch)
        self.session = Session(
            identity, self._verifier, settled=self.journal.settled(), head=self.journal.head().seq,
            held=self.permits.state(), commanded=self.journal.commanded(),
        )  # fmt: skip
        self.client.subscriptions = self.session.subscriptions()
        self.uplink = Uplink(
            gate=self.name, topics=self._topics, session=self.session, outbox=self.journal, keeper=self.permits,
            link=self, clock=self._uplink_clock, note=self.deliver, status=self._status,
        )  # fmt: skip
        for lane in self.lanes.values():
            lane.start(self.deliver)
        self._evacuated = "evacuated" in self.journal_file.seen.modes.values()
        self.controller.start("simulated")
        self.deliver(FireLoop(self.loop_closed))
        self._plan_tick()
        self.client.start()
        self.world.after(HOUR_MS, lambda: self._prune(run))

    # --- the controller's thread -----------------------------------------------------------------------

    def deliver(self, given: Input) -> None:
        """As gate.threads.ControllerThread: never blocks, drops the newest when a thousand wait."""
        if not self.up:
            return
        if len(self._inbox) >= INBOX_INPUTS:
            raise self.world.broken("P11", f"{self.name}: {INBOX_INPUTS} inputs wait for the controller")
        self._inbox.append(given)
        self._ask_to_serve()

    @property
    def evacuated(self) -> bool:
        """Whether a lane may not be locked yet; also while nobody is there to hear."""
        return self._evacuated or not self.up

    def set_loop(self, *, closed: bool) -> None:
        """The building's fire panel opens or closes its contact."""
        self.loop_closed = closed
        self.deliver(FireLoop(closed))

    def show_card(self, reading: CardReading) -> None:
        self.world.counts["badges"] += 1
        self.deliver(CardShown(reading))

    def _ask_to_serve(self) -> None:
        if self._serving:
            return
        self._serving = True
        run = self._runs
        self.world.after(self._busy_until_ms - self.world.now_ms, lambda: self._serve(run))

    def _serve(self, run: int) -> None:
        if run != self._runs:
            return
        self._serving = False
        self.turn("controller", self._controller_turn)
        if self.up and self._inbox:
            self._ask_to_serve()

    def _controller_turn(self) -> None:
        self._clock.spent_ms = 0
        self._deadlines_allowed = 1
        self._corrections = self._witness.view(self.name).corrections
        self._decides_now: SimLane | None = None
        given = self._inbox.popleft() if self._inbox else None
        if isinstance(given, CardShown) and given.reading.reader not in MUSTER_READERS:
            self._card_taken(given.reading)
        if given is not None:
            self.controller.handle(given)
        if isinstance(given, FireLoop) and not given.closed:
            self._evacuated = True
        elif isinstance(given, KeyTurned) and self.controller._loop_closed:
            self._evacuated = False
        self._decides_now = None
        self.controller.tick()
        self._busy_until_ms = self.world.now_ms + self._clock.spent_ms
        self._inspect()
        self._clock.spent_ms = 0
        self._plan_tick()

    def _card_taken(self, reading: CardReading) -> None:
        name, _, direction = reading.reader.partition("-")
        lane = self.lanes[name]
        grant = self.controller._lanes[name].turnstile.grant
        own = (
            grant is not None
            and grant.direction == direction
            and isinstance(reading.result, CardContents)
            and reading.result.card == grant.card
        )
        # Who shows the card again while the lane is released for it has had the answer.
        if Direction(direction) in lane.asking and not own:
            lane.pending.add(Direction(direction))
        if self.controller._lanes[name].turnstile.free:
            self._decides_now = lane

    def _plan_tick(self) -> None:
        self._ticks += 1
        due_ms = self.controller.due_ms()
        wait_ms = due_ms if due_ms < IDLE_TICK_MS or self._releases_open() else LAZY_TICK_MS
        run, tick = self._runs, self._ticks
        self.world.after(
            # A thread that has nothing to do but tick takes its time, too.
            max(1, wait_ms, self._busy_until_ms - self.world.now_ms),
            lambda: self._serve(run) if tick == self._ticks else None,
        )

    def _releases_open(self) -> bool:
        """Whether a second matters: a lane is released, or its relay is in trouble."""
        health = self.controller.health
        return any(lane.released for lane in self.lanes.values()) or any(
            alarm.startswith("relay.") for alarm in health.alarms
        )

    def _spend(self, ms: int) -> None:
        self._clock.spent_ms += ms

    def _new_badge(self) -> str:
        self._last_badge = f"{self._chance.getrandbits(64):016x}"
        return self._last_badge

    # --- what the witness asks ---------------------------------------------------------------------------

    def _releasing(self, lane: SimLane, direction: Direction) -> None:
        badge = self._last_badge
        durable = badge in self.journal_file.badges
        late = self.journal.is_waiting(badge) and "journal.late" in self.controller.health.alarms
        self._witness.released(self.name, lane.name, direction, durable=durable, in_memory=late)
        spent_ms = self._clock.spent_ms
        corrections = self._witness.view(self.name).corrections - self._corrections
        if lane is self._decides_now and spent_ms > DEADLINE_MS * (1 + corrections):
            raise self.world.broken("P4", f"{self.name}: the relay waited {spent_ms} ms for a disk that was late")
        grant = lane.grant
        self.world.after(WALK_MS + IDLE_TICK_MS + SLACK_MS, lambda: self._still_released(lane, grant))

    def _still_released(self, lane: SimLane, grant: int) -> None:
        if lane.released is None or lane.grant != grant:
            return
        obeys_ms = lane.stuck_until_ms + IDLE_TICK_MS + SLACK_MS
        if self.world.now_ms < obeys_ms:
            self.world.after(obeys_ms - self.world.now_ms, lambda: self._still_released(lane, grant))
            return
        self.world.failed = self.world.failed or self.world.broken(
            "P7", f"{self.name}/{lane.name}: still released {WALK_MS + IDLE_TICK_MS + SLACK_MS} ms after its grant"
        )

    def _inspect(self) -> None:
        """After a turn: nobody stands at a free lane without an answer, and nothing has outgrown its bound."""
        health = self.controller.health
        for name, lane in self.lanes.items():
            if self.controller._lanes[name].turnstile.free and lane.pending:
                raise self.world.broken("P1", f"{self.name}/{name}: a card was shown and nobody was answered")
            if self._evacuated and lane.held != frozenset(Direction) and not lane.stuck:
                raise self.world.broken("P6", f"{self.name}/{name}: evacuated, and not free both ways")
        sizes = {
            "journal": (self.journal.waiting, MAX_WAITING),
            "waiting cards": (len(self.controller._waiting), 2 * len(self.lanes)),
            "alarms": (len(health.alarms), 20),
            "batches under way": (len(self.session._under_way), BACKLOG_BATCHES),
        }
        for what, (size, bound) in sizes.items():
            if size > bound:
                raise self.world.broken("P11", f"{self.name}: {size} {what}; the bound is {bound}")
        view = self._witness.view(self.name)
        view.full = view.full or self.controller.unrecorded > 0

    # --- the uplink's thread -------------------------------------------------------------------------------

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> bool:
        """The Link port."""
        self.point("link publish")
        return self.client.publish(topic, payload, retain=retain)

    def reconnect(self) -> None:
        """The Link port; these gates have no certificates to renew."""
        raise AssertionError("no gate of the simulation has a certificate")

    def _heard(self, run: int, given: LinkInput) -> None:
        if run == self._runs:
            self.turn("uplink", lambda: self._uplink_turn(given))

    def _written(self, head: int) -> None:
        if self._chance.random() < 0.98:
            run = self._runs
            self.world.after(0, lambda: self._uplink_later(run, Written(head)))

    def _uplink_later(self, run: int, given: UplinkInput | None) -> None:
        if run == self._runs:
            self.turn("uplink", lambda: self._uplink_turn(given))

    def _uplink_turn(self, given: UplinkInput | None) -> None:
        self._witness.hearing_rogue = isinstance(given, Message) and given.payload in self._witness.rogue
        try:
            if given is not None:
                self.uplink.take(given)
            if isinstance(given, Message) and given.topic == self._topics.presence_now and given.payload:
                self._witness.watch.hub_spoke(self.name)
        finally:
            self._witness.hearing_rogue = False
        self.uplink.tick()
        self._uplink_ticks += 1
        due_ms = self.session.due_ms(self._uplink_clock.now().monotonic_ms)
        run, tick = self._runs, self._uplink_ticks
        self.world.after(
            LAZY_TICK_MS if due_ms is None else min(due_ms, LAZY_TICK_MS),
            lambda: self._uplink_later(run, None) if tick == self._uplink_ticks else None,
        )

    # --- the rest of wiring ----------------------------------------------------------------------------------

    def _prune(self, run: int) -> None:
        if run == self._runs:
            if self.clock.trusted:
                self.turn("prune", lambda: _ignore(self.journal.prune(self.clock.read(0).wall_ms, KEEP_DAYS)))
            self.world.after(HOUR_MS, lambda: self._prune(run))

    def _will(self) -> LastWill:
        gone = contract.Status(gate=self.name, instance=self.journal_file.epoch, online=False)
        return LastWill(self._topics.status(self.name), contract.encode_status(gone))

    def _status(self, session: Session) -> contract.Status:
        held, head, health = self.permits.state(), self.journal.head(), self.controller.health
        return contract.Status(
            gate=self.name, instance=head.epoch, online=True,
            list_revision=held.revision if held else 0, list_confirmed_ms=held.confirmed_ms if held else 0,
            list_digest=held.digest if held else "",
            epoch=head.epoch, head_seq=head.seq, head_hash=head.hash, unsent=head.seq - session.settled,
            clock_trusted=health.clock_trusted, oldest_seq=self.journal.oldest(), alarms=health.alarms,
            lanes=dict(health.lanes),
        )  # fmt: skip


def _ignore(_: int) -> None:
    return
