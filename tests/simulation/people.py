"""The people of a site: who they are, when they come and go, and how they behave at a turnstile.

They come by the bus load, hold cards twice, turn back, squeeze through behind each other, try another
gate when one is dead. Some have no business here. The office blocks, unblocks and re-imports while they work.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from random import Random

from gate.model import CardContents, CardId, CardReading, Decision, Direction, Medium, Unreadable
from hub.permits import CardFacts
from hub.presence import CardKey
from tests.simulation.invariants import Witness
from tests.simulation.sim_gate import SimGate
from tests.simulation.sim_hub import SimHub
from tests.simulation.sim_lane import SimLane
from tests.simulation.whereabouts import WARDEN
from tests.simulation.world import DAY_MS, HOUR_MS, MINUTE_MS, START_MS, World

ATTEMPTS = 5
ANSWER_MS = 12_000
STRANGER = 90_000
"""From here on the numbers are of cards that no crew list knows."""
EMPLOYERS = ("912345678", "987654321", "974760673")


@dataclass(slots=True, eq=False)
class Worker:
    """One person with one card."""

    card: CardId
    contents: CardContents
    facts: CardFacts
    medium: Medium = Medium.CHIP
    inside: bool = False
    busy: bool = False


class People:
    """Everybody, and the office."""

    def __init__(
        self, world: World, gates: Sequence[SimGate], hub: SimHub, witness: Witness, *, workers_a_gate: int
    ) -> None:
        self.world = world
        self.gates = gates
        self.hub = hub
        self.chance = world.chance("people")
        self.rush_ms: list[int] = []
        """When many come or go that day: the times at which a fault hurts most."""
        self.workers = [_worker(self.chance, number) for number in range(workers_a_gate * len(gates))]
        self.strangers = [_worker(self.chance, STRANGER + number) for number in range(2 * len(gates))]
        for worker in [*self.workers, *self.strangers]:
            witness.faces[worker.card] = worker.contents.expiry_date
        hub.disk_replaced = lambda: world.after(self.chance.randint(5, 60) * MINUTE_MS, self._import_all)
        self._import_all()

    def plan_day(self, day: int) -> None:
        """Ask the scheduler for everything that people mean to do that day."""
        chance, start_ms = self.chance, START_MS - 4 * HOUR_MS + day * DAY_MS
        weekend = day % 7 in (5, 6)
        buses_ms = [start_ms + 6 * HOUR_MS + chance.randint(0, 150) * MINUTE_MS for _ in range(4)]
        ends_ms = [start_ms + 15 * HOUR_MS + minutes * MINUTE_MS for minutes in (0, 60, 150)]
        self.rush_ms = [*buses_ms, *ends_ms]
        for worker in self.workers:
            if chance.random() < (0.85 if weekend else 0.08):
                continue
            comes_ms = chance.choice(buses_ms) + chance.randint(0, 90_000)
            leaves_ms = chance.choice(ends_ms) + chance.randint(0, 200_000)
            self._at(comes_ms, worker, Direction.ENTRY)
            if chance.random() < 0.3:
                lunch_ms = start_ms + 11 * HOUR_MS + chance.randint(0, 60 * MINUTE_MS)
                if chance.random() < 0.1:
                    self.world.after(lunch_ms - self.world.now_ms, partial(self._by_the_fence, worker))
                else:
                    self._at(lunch_ms, worker, Direction.EXIT)
                self._at(lunch_ms + chance.randint(10, 40) * MINUTE_MS, worker, Direction.ENTRY)
            self._at(leaves_ms, worker, Direction.EXIT)
        for stranger in self.strangers:
            if chance.random() < 0.5:
                self._at(start_ms + chance.randint(6, 18) * HOUR_MS + chance.randint(0, HOUR_MS), stranger,
                         chance.choice(tuple(Direction)))  # fmt: skip
        for _ in range(3):
            self.world.after(start_ms + chance.randint(6 * 60, 17 * 60) * MINUTE_MS - self.world.now_ms, self._office)

    def _by_the_fence(self, worker: Worker) -> None:
        """Out without a turnstile: still inside, as far as anybody has recorded."""
        if not worker.busy and worker.inside:
            self.world.counts["left by the fence"] += 1
            worker.inside = False

    def choose_gate(self, worker: Worker) -> SimGate:
        """Mostly one's own; the others for the rest."""
        own = self.gates[hash_of(worker) % len(self.gates)]
        return own if self.chance.random() < 0.8 else self.chance.choice(self.gates)

    def _import_all(self) -> None:
        """The whole crew list, as after a new disk. The office looks whether it worked."""
        self.hub.change_crew({_key(worker): worker.facts for worker in self.workers})
        if len(self.hub.file.crew) < len(self.workers):
            self.world.after(5 * MINUTE_MS, self._import_all)

    # --- the office ------------------------------------------------------------------------------------

    def _office(self) -> None:
        """Somebody changes the crew."""
        chance = self.chance
        change = chance.choice(("block", "unblock", "leave", "join", "training", "same"))
        # A card is blocked while its holder is inside, as life has it: then it is the way out that counts.
        inside = [worker for worker in self.workers if worker.inside] if change == "block" else []
        among = inside or self.workers
        chosen = chance.sample(among, k=min(4, len(among)))
        for worker in chosen:
            match change:
                case "block":
                    worker.facts = replace(worker.facts, status=chance.choice(("blocked", "cancelled")))
                case "unblock":
                    worker.facts = replace(worker.facts, status="ok")
                case "leave" | "join":
                    worker.facts = replace(worker.facts, listed=change == "join")
                case "training":
                    worker.facts = replace(worker.facts, training=not worker.facts.training)
                case _:
                    pass
        self.world.counts[f"office: {change}"] += 1
        self.hub.change_crew({_key(worker): worker.facts for worker in chosen})

    # --- at the gate -----------------------------------------------------------------------------------

    def _at(self, when_ms: int, worker: Worker, direction: Direction) -> None:
        self.world.after(when_ms - self.world.now_ms, lambda: self._go(worker, direction))

    def _go(self, worker: Worker, direction: Direction) -> None:
        if not worker.busy and worker.inside is (direction is Direction.EXIT):
            Visit(self, worker, direction).try_it()
        elif worker.card.number.startswith("9"):
            # A stranger's card is shown from either side.
            Visit(self, worker, direction).try_it()


class Visit:
    """One person's wish to pass in one direction, until it is granted or given up."""

    def __init__(self, people: People, worker: Worker, direction: Direction) -> None:
        self._people = people
        self._world = people.world
        self._chance = people.chance
        self._worker = worker
        self._direction = direction
        self._attempt = 0
        self._answered = False
        self._lane: SimLane | None = None

    def try_it(self) -> None:
        self._worker.busy = True
        self._attempt += 1
        if self._attempt > ATTEMPTS:
            self._give_up()
            return
        gate = self._people.choose_gate(self._worker)
        lane = gate.lanes[self._chance.choice(sorted(gate.lanes))]
        self._lane = lane
        if not gate.up:
            if self._direction is Direction.EXIT:
                self._through(lane)
            else:
                self._again(self._chance.randint(20_000, 120_000))
            return
        if self._direction in lane.asking and self._chance.random() < 0.7:
            self._again(self._chance.randint(1_000, 4_000))
            self._attempt -= 1
            return
        self._answered = False
        lane.asking[self._direction] = self
        medium = self._medium()
        reading = CardReading(f"{lane.name}-{self._direction}", medium, self._result(), self._uid(medium))
        gate.show_card(reading)
        attempt = self._attempt
        self._world.after(ANSWER_MS, lambda: self._no_answer(attempt))
        if self._chance.random() < 0.15:
            # The card stays in the hand and the hand at the reader.
            self._world.after(self._chance.randint(200, 900), lambda: gate.show_card(reading) if gate.up else None)

    def answered(self, decision: Decision) -> None:
        self._answered = True
        counts, word = self._world.counts, "admitted" if decision.admitted else "refused"
        counts[f"{self._direction} {word}: {decision.reason}"] += 1
        lane = self._lane
        self._world.trace("people", f"{self._worker.card.masked} {self._direction} {word} {decision.reason}")
        if not decision.admitted or lane is None:
            self._worker.busy = False
            return
        whim = self._chance.random()
        if whim < 0.04:
            self._world.counts["turned back"] += 1
            self._worker.busy = False
        else:
            wait_ms = self._chance.randint(600, 4_000) if whim < 0.94 else self._chance.randint(6_500, 9_000)
            self._world.after(wait_ms, lambda: self._walk(lane))

    def _walk(self, lane: SimLane) -> None:
        if lane.body(self._direction):
            self._through(lane)
            if self._chance.random() < 0.01:
                self._world.counts["squeezed through"] += lane.body(self._direction)
        else:
            self._again(self._chance.randint(500, 5_000))

    def _through(self, lane: SimLane) -> None:
        self._world.counts[f"bodies {self._direction}"] += 1
        self._worker.inside = self._direction is Direction.ENTRY
        self._worker.busy = False

    def _no_answer(self, attempt: int) -> None:
        if not self._answered and attempt == self._attempt:
            self._again(self._chance.randint(500, 60_000))

    def _again(self, in_ms: int) -> None:
        self._world.after(in_ms, self.try_it)

    def _give_up(self) -> None:
        self._world.counts["gave up"] += 1
        self._worker.busy = False

    def _medium(self) -> Medium:
        return self._worker.medium if self._chance.random() < 0.98 else self._chance.choice(tuple(Medium))

    def _uid(self, medium: Medium) -> bytes:
        """The chip's own serial number; a copy of the card, which some have, has another."""
        if medium is not Medium.CHIP:
            return b""
        number = int(self._worker.card.number)
        copied = number % 9 == 0 and self._chance.random() < 0.3
        self._world.counts["copies shown"] += copied
        return (number + (1 << 40 if copied else 0)).to_bytes(7, "big")

    def _result(self) -> CardContents | Unreadable:
        if self._chance.random() < 0.01:
            return Unreadable("block 5 could not be authenticated", 5, "card number")
        return self._worker.contents


def hash_of(worker: Worker) -> int:
    """A number that is the same in every process."""
    return int(worker.card.number)


def _key(worker: Worker) -> CardKey:
    return CardKey(worker.card.scheme, worker.card.number)


def _worker(chance: Random, number: int) -> Worker:
    """Most are in order; one in six has something."""
    card = CardId("hms", f"{900_000 + number if number >= STRANGER else 100_000 + number}")
    today = datetime.fromtimestamp(START_MS / 1000, UTC).date()
    employer = chance.choice(EMPLOYERS)
    expiry = today + timedelta(days=400)
    groups = (WARDEN,) if number % 10 == 0 else ()
    facts = CardFacts(card.scheme, card.number, employer=employer, card_expiry=expiry.isoformat(), groups=groups)
    fault = chance.randrange(12) if number else 0
    face: date = expiry
    match fault:
        case 1:
            face = today + timedelta(days=chance.randint(-3, 2))
        case 2:
            facts = replace(facts, valid_until=(today + timedelta(days=chance.randint(0, 3))).isoformat())
        case 3:
            facts = replace(facts, valid_from=(today + timedelta(days=chance.randint(0, 3))).isoformat())
        case 4:
            facts = replace(facts, employer=chance.choice(EMPLOYERS))
        case 5:
            facts = replace(facts, company_approved=False)
        case 6:
            facts = replace(facts, status="blocked")
        case _:
            pass
    contents = CardContents(card, face, employer)
    return Worker(card, contents, facts)
