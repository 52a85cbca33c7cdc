"""What goes wrong, and who means harm: planned a day at a time from the seed.

Every fault is one that the promises speak of: crashes between any two effects, power cuts, late and
failing disks, cut wires, a broker with amnesia, clocks that are set wrongly, a relay board that does not
answer, old signed messages said again, a second hub with another key, garbage.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gate.model import Direction
from gate.ports import KeyTurned, ModeAsked
from gate.turnstile import Mode
from gate.uplink.contract import (
    OPEN,
    Ack,
    Command,
    ContractError,
    PermitsChunk,
    PermitsHead,
    PermitsWant,
    Topics,
    decode_message,
    digest_of,
    encode_message,
    pack_permits,
)
from gate.uplink.signing import Signer
from hub.permits import GRANTED
from hub.records import Asked
from tests.simulation.central import Central, Mood
from tests.simulation.invariants import Witness
from tests.simulation.roll import cards_around_a_fire
from tests.simulation.sim_clock import jump_ms
from tests.simulation.sim_gate import SimGate
from tests.simulation.sim_hub import SimHub
from tests.simulation.sim_net import Broker, Weather
from tests.simulation.world import DAY_MS, HOUR_MS, MINUTE_MS, START_MS, World

CALM = Weather(0.0, 0.0)
STORM = Weather(0.08, 0.05)
HEARD = 400
"""How many signed messages the attacker keeps."""


@dataclass(slots=True)
class Attacker:
    """Sits on the broker: hears everything, says again what was signed, and signs with a key of its own."""

    world: World
    broker: Broker
    site: str
    witness: Witness
    key: Ed25519PrivateKey
    gates: Sequence[SimGate]
    heard: list[tuple[str, bytes]] = field(default_factory=list)
    forges_until_ms: int = 0

    def overhear(self, topic: str, payload: bytes) -> None:
        if topic.endswith("/want") and self.world.now_ms < self.forges_until_ms:
            self._forge(topic, payload)
        if topic.endswith(("/ack", "/head", "/chunk", "/command")) and payload not in self.witness.rogue:
            if len(self.heard) >= HEARD:
                del self.heard[1 : HEARD // 2]
            self.heard.append((topic, payload))

    def replay(self) -> None:
        """Old truths, retained: a head, its chunks, an acknowledgement."""
        chance = self.world.chance(f"replay/{self.world.now_ms}")
        for topic, payload in chance.choices(self.heard, k=min(8, len(self.heard))) if self.heard else ():
            self._say(topic, payload, retain=True)
        for topic, payload in [pair for pair in self.heard if pair[0].endswith("/command")][-3:]:
            self._say(topic, payload)
        # One old list as a whole, as a restored hub would offer it.
        topics = Topics(self.site)
        heads = [payload for topic, payload in self.heard if topic == topics.head]
        if heads:
            self._say(topics.head, heads[0], retain=True)
            for topic, payload in [pair for pair in self.heard if pair[0].endswith("/chunk")][:10]:
                self.world.after(1_000, partial(self._say, topic, payload))
        self.world.counts["replays"] += 1

    def usurp(self) -> None:
        """A second hub with another key: everybody may enter, and everything was received."""
        signer, topics = Signer(self.site, self.key), Topics(self.site)
        newest = self.witness.newest
        if newest is None:
            return
        permits = tuple(type(permit)(permit.scheme, permit.number, GRANTED) for permit in newest.permits)
        chunks = pack_permits(permits)
        now_ms = self.world.now_ms
        head = PermitsHead(newest.revision + 7, len(permits), digest_of(permits), now_ms, now_ms + 9 * DAY_MS)
        self._rogue(topics.head, signer.seal(head))
        confirming = PermitsHead(
            newest.revision, len(newest.permits), newest.digest, now_ms + DAY_MS, now_ms + 9 * DAY_MS
        )
        self._rogue(topics.head, signer.seal(confirming))
        for gate in self.gates:
            free = Command(gate.name, now_ms + DAY_MS, Mode.FREE, "nobody", now_ms, now_ms + DAY_MS)
            self._rogue(topics.command(gate.name), signer.seal(free))
            epoch, last = gate.journal_file.epoch, gate.journal_file.last
            self._rogue(topics.ack(gate.name), signer.seal(Ack(gate.name, epoch, last)))
            for index, data in enumerate(chunks):
                chunk = encode_message(PermitsChunk(newest.revision + 7, index, len(chunks), data))
                self.witness.rogue.add(chunk)
                self.world.after(500, partial(self._say, topics.chunk(gate.name), chunk))
        self.world.counts["usurpations"] += 1

    def forge(self) -> None:
        """For some hours, whoever asks what has changed hears that everybody may enter, sooner than the hub's word."""
        self.forges_until_ms = self.world.now_ms + 6 * HOUR_MS
        self.world.counts["forgeries"] += 1

    def _forge(self, topic: str, payload: bytes) -> None:
        newest = self.witness.newest
        try:
            want = decode_message(PermitsWant, payload)
        except ContractError:
            return
        gate = Topics(self.site).gate_of(topic)
        if newest is None or gate is None or not want.since:
            return
        self.world.counts["changes forged"] += 1
        blocked = [permit for permit in newest.permits if permit.standing != GRANTED]
        rows = [type(permit)(permit.scheme, permit.number, GRANTED) for permit in blocked]
        (data,) = pack_permits(rows)
        chunk = PermitsChunk(want.revision, 0, 1, data, want.since)
        self._say(Topics(self.site).chunk(gate), encode_message(chunk))

    def babble(self) -> None:
        """Garbage on every topic."""
        chance = self.world.chance(f"garbage/{self.world.now_ms}")
        topics, gate = Topics(self.site), chance.choice(self.gates).name
        garbage = chance.choice(
            (b"", b"[]", b"{", b"\xff" * 40, b"[" * 3_000, b'[{"id":"1"}]', b"\x92\xc4\x00\xc4\x00", b"null",
             b'[{"source":"/portvakt/nowhere/gate1"}]', bytes(chance.getrandbits(8) for _ in range(200)))
        )  # fmt: skip
        for topic in (
            topics.head, topics.ack(gate), topics.chunk(gate), topics.want(gate), topics.status(gate),
            topics.events(gate), topics.events("no_such_gate"),
        ):  # fmt: skip
            self._say(topic, garbage)
        self.world.counts["garbage"] += 1

    def _rogue(self, topic: str, payload: bytes) -> None:
        self.witness.rogue.add(payload)
        self._say(topic, payload, retain=True)

    def _say(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        self.broker.publish(topic, payload, retain=retain)


@dataclass(slots=True)
class Faults:
    """Plans faults for a site."""

    world: World
    gates: Sequence[SimGate]
    hub: SimHub
    broker: Broker
    central: Central
    attacker: Attacker
    witness: Witness
    over: bool = False
    at_fire: Callable[[], None] = lambda: None
    rush_ms: Sequence[int] = ()

    def plan_day(self, day: int, rush_ms: Sequence[int]) -> None:
        """Ask the scheduler for the day's faults; most of them come when many people do."""
        start_ms = START_MS - 4 * HOUR_MS + day * DAY_MS
        self.rush_ms = rush_ms
        for gate in self.gates:
            name = gate.name
            self.some(start_ms, f"{name}/crash", 4, partial(self._arm, gate, power=False))
            self.some(start_ms, f"{name}/power", 1, partial(self._arm, gate, power=True))
            self.some(start_ms, f"{name}/cut", 5, partial(self._cut, gate))
            self.some(start_ms, f"{name}/late", 3, partial(self._late, gate))
            self.some(start_ms, f"{name}/deaf", 1, partial(self._deaf, gate))
            self.some(start_ms, f"{name}/clock", 1, partial(self._jump, gate))
            self.some(start_ms, f"{name}/relay", 1, partial(self._stick, gate))
            self.some(start_ms, f"{name}/fire", 1, partial(self._fire, gate))
            self.some(start_ms, f"{name}/mode", 2, partial(self._mode, gate))
            self.some(start_ms, f"{name}/let in", 4, partial(self._let_in, gate))
        self.some(start_ms, "hub/crash", 4, lambda: self._arm(self.hub, power=False))
        self.some(start_ms, "hub/power", 1, lambda: self._arm(self.hub, power=True))
        self.some(start_ms, "hub/cut", 2, lambda: self._cut(self.hub))
        self.some(start_ms, "hub/disk", 2, self._hub_disk)
        self.some(start_ms, "hub/planning", 8, self._dies_planning)
        self.some(start_ms, "hub/telling", 4, self._ails_telling)
        self.some(start_ms, "central/outage", 3, self._central_outage)
        self.some(start_ms, "central/ill", 3, self._central_ill)
        self.some(start_ms, "central/password", 1, self._password)
        self.some(start_ms, "broker", 2, self._restart)
        self.some(start_ms, "silence", 2, self._silence)
        self.some(start_ms, "blackout", 1, self._blackout)
        self.some(start_ms, "storm", 2, self._storm)
        self.some(start_ms, "replay", 4, self.attacker.replay)
        self.some(start_ms, "usurp", 3, self.attacker.usurp)
        self.some(start_ms, "forge", 3, self.attacker.forge)
        self.some(start_ms, "garbage", 4, self.attacker.babble)

    def end(self) -> None:
        """Nothing goes wrong from now on, and what is broken is mended."""
        self.over = True
        self.broker.weather = CALM
        self.broker.unplugged_ms.clear()
        self.hub.at_news = self.hub.at_request = None
        self.central.heal()
        machines: list[SimGate | SimHub] = [*self.gates, self.hub]
        for machine in machines:
            machine.disarm()
            machine.disk.heal()

    def some(self, start_ms: int, what: str, times: int, do: Callable[[], None]) -> None:
        """Up to `times` and on average half as often, in the hours when people are about."""
        chance = self.world.chance(f"fault/{what}/{start_ms}")
        for _ in range(chance.randint(0, times)):
            at_ms = start_ms + 5 * HOUR_MS + chance.randint(0, 14 * HOUR_MS)
            if chance.random() < 0.7:
                at_ms = chance.choice(self.rush_ms) + chance.randint(-MINUTE_MS, 4 * MINUTE_MS)
            self.world.after(at_ms - self.world.now_ms, lambda: None if self.over else do())

    def _arm(self, machine: SimGate | SimHub, *, power: bool) -> None:
        machine.arm(self.world.chance(f"arm/{machine.name}/{self.world.now_ms}").randint(1, 40), power=power)

    def _cut(self, machine: SimGate | SimHub) -> None:
        self.world.trace(machine.name, "is cut off")
        self.world.counts["cuts"] += 1
        machine.client.cut()

    def _late(self, gate: SimGate) -> None:
        chance = self.world.chance(f"late/{gate.name}/{self.world.now_ms}")
        for_ms = chance.choice((80, 140, 2_000, 30_000, 15 * MINUTE_MS))
        self.world.trace(gate.name, f"disk answers nothing for {for_ms} ms")
        self.world.counts["late disks"] += 1
        gate.disk.be_late(for_ms)

    def _deaf(self, gate: SimGate) -> None:
        self.world.trace(gate.name, "disk cannot be read for 5 min")
        self.world.counts["unreadable disks"] += 1
        gate.disk.refuse_reads(5 * MINUTE_MS)

    def _jump(self, gate: SimGate) -> None:
        by_ms = jump_ms(self.world.chance(f"jump/{gate.name}/{self.world.now_ms}"))
        self.world.trace(gate.name, f"clock is set wrongly by {by_ms} ms")
        self.world.counts["clock jumps"] += 1
        self.witness.jumped.add((gate.name, gate.clock.boot))
        boot = gate.clock.boot
        gate.clock.jump(by_ms)
        self.world.after(20 * MINUTE_MS, lambda: gate.clock.ntp() if gate.clock.boot == boot else None)

    def _stick(self, gate: SimGate) -> None:
        chance = self.world.chance(f"stick/{gate.name}/{self.world.now_ms}")
        lane = gate.lanes[chance.choice(sorted(gate.lanes))]
        self.world.counts["stuck relays"] += 1
        if chance.random() < 0.5:
            lane.sticks_open = True
        else:
            lane.stuck_until_ms = self.world.now_ms + chance.choice((5_000, 120_000))
            self.world.trace(gate.name, f"{lane.name}: relay board does not answer")

    def _fire(self, gate: SimGate) -> None:
        """The loop opens; somebody tries the console, then the key too early, then as one should."""
        chance = self.world.chance(f"fire/{gate.name}/{self.world.now_ms}")
        self.world.trace(gate.name, "fire")
        self.world.counts["fires"] += 1
        self.at_fire()
        if chance.random() < 0.3:
            # Fires and broken disks have one cause now and then.
            gate.disk.be_late(5 * MINUTE_MS)
        gate.set_loop(closed=False)
        cards = self.world.chance(f"roll/{gate.name}/{self.world.now_ms}")
        cards_around_a_fire(self.world, self.gates, sorted(self.witness.faces), cards)
        closes_ms = chance.randint(1_000, 10 * MINUTE_MS)
        self.world.after(closes_ms // 2, lambda: gate.deliver(KeyTurned()))
        self.world.after(closes_ms, lambda: gate.set_loop(closed=True))
        self.world.after(closes_ms + 1_000, lambda: gate.deliver(ModeAsked(None, Mode.NORMAL, "simulated")))
        if chance.random() < 0.4:
            self.world.after(closes_ms + 500, gate.cut_power)
        self.world.after(closes_ms + 30 * MINUTE_MS, self.hub.close_musters)
        self._turn_key_until_heard(gate, closes_ms + chance.randint(2_000, 5 * MINUTE_MS))

    def _turn_key_until_heard(self, gate: SimGate, in_ms: int) -> None:
        def turn() -> None:
            gate.deliver(KeyTurned())
            if gate.evacuated:
                self._turn_key_until_heard(gate, 30_000)

        self.world.after(in_ms, turn)

    def _mode(self, gate: SimGate) -> None:
        chance = self.world.chance(f"mode/{gate.name}/{self.world.now_ms}")
        mode = chance.choice((Mode.LOCKED, Mode.HELD_OPEN, Mode.FREE, Mode.OUT_OF_ORDER))
        self.world.counts["modes asked for"] += 1
        # By the hub's word, or by somebody at the gate.
        if chance.random() < 0.5:
            gate.deliver(ModeAsked(None, mode, "simulated"))
        else:
            self.hub.command(Asked(gate.name, mode, None, None, "simulated"))
        self._back_to_normal(gate, chance.randint(5_000, 10 * MINUTE_MS))

    def _back_to_normal(self, gate: SimGate, in_ms: int) -> None:
        def ask() -> None:
            gate.deliver(ModeAsked(None, Mode.NORMAL, "simulated"))
            if not gate.up:
                self._back_to_normal(gate, 30_000)

        self.world.after(in_ms, ask)

    def _let_in(self, gate: SimGate) -> None:
        """The site office lets somebody through who has no card; nobody comes."""
        chance = self.world.chance(f"let in/{gate.name}/{self.world.now_ms}")
        lane, direction = chance.choice(sorted(gate.lanes)), chance.choice(sorted(Direction))
        self.hub.command(Asked(gate.name, OPEN, lane, direction, "simulated"))

    def _hub_disk(self) -> None:
        self.world.trace("hub", "disk is full for 3 min")
        self.hub.disk.be_late(3 * MINUTE_MS)
        self.hub.listening.troubled()

    def _central_outage(self) -> None:
        """Nobody there, or a proxy that says so; for minutes or for hours."""
        chance = self.world.chance(f"central/{self.world.now_ms}")
        for_ms = chance.choice((3 * MINUTE_MS, 20 * MINUTE_MS, 2 * HOUR_MS, 6 * HOUR_MS))
        self._central_for(chance.choice((Mood.AWAY, Mood.BROKEN)), for_ms)
        if chance.random() < 0.6:
            # The same excavator: what this gate has seen is told after what others saw later.
            gate = chance.choice(self.gates)
            self.dig_through(gate, for_ms * 9 // 10)

    def dig_through(self, gate: SimGate, for_ms: int) -> None:
        """Its cable; it is mended then."""
        self.world.counts["cables dug through"] += 1
        self.broker.unplugged_ms[gate.client.name] = self.world.now_ms + for_ms
        self._cut(gate)

    def _central_ill(self) -> None:
        chance = self.world.chance(f"central ill/{self.world.now_ms}")
        self._central_for(chance.choice((Mood.LOSING, Mood.BUSY)), chance.randint(5, 40) * MINUTE_MS)

    def _central_for(self, mood: Mood, for_ms: int) -> None:
        if self.central.mood is not Mood.WELL:
            return
        self.central.be(mood)
        self.world.after(for_ms, lambda: None if self.over else self.central.be(Mood.WELL))

    def _dies_planning(self) -> None:
        chance = self.world.chance(f"planning/{self.world.now_ms}")
        self.hub.at_news = lambda: self.hub.arm(chance.randint(1, 6), power=False)

    def _ails_telling(self) -> None:
        """With a request on its way the hub dies, or its disk is full."""
        chance = self.world.chance(f"telling/{self.world.now_ms}")
        crash = partial(self.hub.arm, chance.randint(1, 5), power=False)
        self.hub.at_request = chance.choice((crash, self._hub_disk))

    def _password(self) -> None:
        """It is changed there, and for a while nobody here knows; somebody tries now and then."""
        chance = self.world.chance(f"password/{self.world.now_ms}")
        self._central_for(Mood.LOCKED, chance.randint(5, 180) * MINUTE_MS)
        self._try_until_taken()

    def _try_until_taken(self) -> None:
        def tries() -> None:
            if self.hub.target_stopped:
                self.world.counts["targets woken"] += 1
                self.hub.wake_target()
            if self.hub.target_stopped or self.central.mood is Mood.LOCKED:
                self._try_until_taken()

        self.world.after(self.world.chance(f"wake/{self.world.now_ms}").randint(10, 40) * MINUTE_MS, tries)

    def _restart(self) -> None:
        chance = self.world.chance(f"broker/{self.world.now_ms}")
        amnesia = chance.random() < 0.6
        self.world.counts["broker amnesias" if amnesia else "broker restarts"] += 1
        if self.broker.up:
            self.broker.restart(chance.randint(500, 10 * MINUTE_MS), amnesia=amnesia)

    def _silence(self) -> None:
        """Nobody hears anybody for so long that every gate knows that it is alone."""
        self.world.counts["long silences"] += 1
        if self.broker.up:
            self.broker.restart(25 * MINUTE_MS, amnesia=False)

    def _blackout(self) -> None:
        """The whole site loses its power; the broker remembers what it had on its disk, but says no wills."""
        self.world.counts["blackouts"] += 1
        if self.broker.up:
            self.broker.restart(MINUTE_MS, amnesia=False)
        for gate in self.gates:
            gate.cut_power()

    def _storm(self) -> None:
        calm = self.broker.weather
        if calm is STORM:
            return
        self.broker.weather = STORM
        self.world.counts["storms"] += 1

        def ends() -> None:
            if not self.over:
                self.broker.weather = calm

        self.world.after(30 * MINUTE_MS, ends)
