"""A whole site in one thread: put together, lived through, healed, and judged."""

import hashlib
import logging
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock
from zoneinfo import ZoneInfo

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gate.decide import Rules
from gate.uplink.signing import Verifier
from hub.central import ledger
from tests.simulation.central import Central
from tests.simulation.faults import Attacker, Faults
from tests.simulation.invariants import Witness
from tests.simulation.late_office import LateOffice, has_late_central
from tests.simulation.late_target import LateTarget
from tests.simulation.listening import Others
from tests.simulation.neighbours import Neighbours, SimApp, SimReader
from tests.simulation.outside_faults import OutsideFaults
from tests.simulation.people import People
from tests.simulation.registers import SimRegister
from tests.simulation.sim_database import folder_for_databases
from tests.simulation.sim_gate import SimGate
from tests.simulation.sim_hub import SimHub
from tests.simulation.sim_net import Broker, Weather
from tests.simulation.whereabouts import Watch, site_rules
from tests.simulation.world import DAY_MS, HOUR_MS, START_MS, World

SITE = "tomta"
HEAL_MS = 3 * HOUR_MS
READ_AT_ONCE = 40
"""Small pieces, so that a hub may die between any two of them."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to simulate."""

    seed: int
    days: int
    gates: int
    workers_a_gate: int = 25


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a run in which every promise held."""

    made: int
    stored: int
    twice: int
    wrongly_admitted: int
    digest: str
    lines: int
    counts: Counter[str]

    def __str__(self) -> str:
        lost = self.made - self.stored
        return (
            f"made {self.made}, stored {self.stored}, lost {lost}, twice {self.twice}, "
            f"wrongly admitted {self.wrongly_admitted}"
        )


def live(
    plan: Plan, show: Callable[[str], None] | None = None, day_over: Callable[[int, World], None] | None = None
) -> Outcome:
    """Simulate a site. Raises Broken with the promise, the place and the trace's end."""
    small_pieces = mock.patch.object(ledger, "READ_AT_ONCE", READ_AT_ONCE)
    with (
        _quiet(),
        TemporaryDirectory() as secrets,
        folder_for_databases() as folder,
        ExitStack() as held,
        small_pieces,
    ):
        Others.write_secrets(Path(secrets))
        world = World(plan.seed, show)
        zone = ZoneInfo("Europe/Oslo")
        passback, occupancy, cover = site_rules(plan.workers_a_gate * plan.gates)
        witness = Witness(world, zone, Watch(world, occupancy))
        broker = Broker(world, Weather())
        key, other_key = _key(plan.seed, "site"), _key(plan.seed, "another site")
        central = Central(world, witness.tellings)
        others = Others(SimRegister(world, witness.words), SimApp(world), SimReader(world), Path(secrets))
        witness.asks(others.register, others.app, others.reader)
        hub = SimHub(world=world, site=SITE, broker=broker, central=central, key=key, witness=witness, others=others)
        verifier = Verifier(SITE, key.public_key())
        gates = [
            SimGate(
                world=world,
                name=f"gate{number}",
                site=SITE,
                lanes=2 if number == 1 else 1,
                broker=broker,
                rules=Rules(zone, passback=passback, occupancy=occupancy, cover=cover),
                verifier=verifier,
                witness=witness,
            )
            for number in range(1, plan.gates + 1)
        ]
        people = People(world, gates, hub, witness, workers_a_gate=plan.workers_a_gate)
        cards = [worker.card.number for worker in people.workers]
        neighbours = Neighbours(world, others.app, others.reader, cards[::5])
        attacker = Attacker(world, broker, SITE, witness, other_key, gates)
        broker.overheard.append(attacker.overhear)
        faults = Faults(world, gates, hub, broker, central, attacker, witness)
        outside = OutsideFaults(faults, others, neighbours, cards)
        offices = []
        if has_late_central(plan.seed):
            late = LateTarget(hub, SITE, witness, Path(folder))
            offices.append(LateOffice(late, lambda for_ms: faults.dig_through(gates[-1], for_ms)))
        for office in offices:
            held.callback(office.close)
        for day in range(plan.days):
            people.plan_day(day)
            faults.plan_day(day, people.rush_ms)
            neighbours.plan_day(day)
            outside.plan_day(day)
            for office in offices:
                office.plan_day(day)
            for hour in (7, 10):
                world.after(hour * HOUR_MS, lambda: witness.compare_presence(hub.file))
            for hour in range(24):
                world.after(hour * HOUR_MS, witness.look)
            world.run_until(START_MS + (day + 1) * DAY_MS)
            if day_over is not None:
                day_over(day, world)
        faults.end()
        outside.end()
        for office in offices:
            office.end()
        world.run_until(world.now_ms + HEAL_MS)
        witness.finish(hub.file)
        for office in offices:
            office.finish()
    stored = sum(len(records) for records in hub.file.events.values())
    return Outcome(
        witness.made_count, stored, witness.twice, witness.wrongly_admitted, world.digest, world.lines, world.counts
    )


def _key(seed: int, whose: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(f"{seed}/{whose}".encode()).digest())


@contextmanager
def _quiet() -> Iterator[None]:
    """The product's own log lines are for an operator, not for a million simulated seconds."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)
