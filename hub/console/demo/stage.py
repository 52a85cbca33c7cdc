"""A morning at an invented site, written into a real store by the hub's own ingest; then it goes on by itself."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from random import Random

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gate.uplink.signing import Signer
from hub.console.demo.cast import Cast, make_cast
from hub.console.demo.gate import CLOSED, EVACUATED, InventedGate
from hub.console.demo.telling import Telling
from hub.console.site import now_ms
from hub.crew import decisions
from hub.crew.decisions import Decider
from hub.crew.importing import Terms, import_list
from hub.crew.rows import ReadList
from hub.health import GateHealth, follow
from hub.ingest import Ingest
from hub.permits import USUAL, answer
from hub.presence import ENTRY, EXIT, CardKey, ClosingRule
from hub.store import HubStore

log = logging.getLogger(__name__)

SITE = "kvartal-7"
MORNING_MS = 55 * 60_000
"""How long people have been coming when the page opens."""
TURN_S = 0.05
EVERY_MS = 1_400
"""About so often somebody comes."""
STATUS_MS = 2_000
TOLD_MIN = (46, 38, 8, 6)
"""So long before the page opens central systems were told: around the time when one goes away, and one locks us out."""


class Stage:
    """The site. `open` makes the morning up to now; each `turn` goes on. One thread."""

    def __init__(
        self,
        store: HubStore,
        closing: ClosingRule | None,
        *,
        clock: Callable[[], int] = now_ms,
        seed: int = 7,
    ) -> None:
        self._store = store
        self._clock = clock
        self._seed = seed
        self._random = Random(seed)  # invented people need no secrecy
        self._ingest = Ingest(SITE, store, Signer(SITE, Ed25519PrivateKey.generate()), closing=closing)
        today = datetime.fromtimestamp(clock() / 1000, UTC).astimezone().date()
        self._today = today.isoformat()
        self._cast: Cast = make_cast(today, self._random)
        self.gates = (
            InventedGate(
                SITE, "north", {"in-1": "normal", "in-2": "normal"}, {"in-1": "ok", "in-2": "ok", "out": "ok"}
            ),
            InventedGate(
                SITE,
                "south",
                {"main": "normal"},
                {"assembly": "ok", "in": "ok", "out": "hung"},
                {"assembly": "car-park"},
                alarms=("reader.out",),
            ),
            InventedGate(SITE, "tower", {"lift": "locked"}, {"lift": "ok"}),
            InventedGate(SITE, "west", {"road": "normal"}, {"in": "ok"}, online=False),
        )
        self._outside = [one.number for one in self._cast.welcome]
        self._random.shuffle(self._outside)
        self._inside: list[str] = []
        self._again = [*(one.number for one in self._cast.unwelcome), *self._cast.strangers]
        self._permits = {one.number: one for one in store.permit_list().permits}
        self._revision = -1
        self._next_ms = self._status_ms = 0
        self._telling: Telling | None = None

    def open(self) -> None:
        """Crew list, gates, and everybody who has come so far. Raises StoreError."""
        now = self._clock()
        began = now - MORNING_MS
        terms = Terms("office", began)
        import_list(self._store, ReadList(tuple(self._cast.crew), ()), "mannskap-kvartal-7.csv", terms)
        blocked = self._cast.welcome[3]
        decisions.block(
            self._store,
            CardKey("hms", blocked.number),
            "lost card, found at the bus stop",
            Decider("kari", began, USUAL),
        )
        self._again.append(blocked.number)
        self._outside.remove(blocked.number)
        self._look_at_list()
        # Chance of its own: who comes is not to depend on who is told.
        told = self._telling = Telling(self._store, SITE, began_ms=began, opens_ms=now, random=Random(self._seed))
        at_ms = began
        told_ms = [now - minutes * 60_000 for minutes in TOLD_MIN]
        while at_ms < now - 2 * EVERY_MS:
            self._somebody(at_ms)
            at_ms += self._random.randrange(EVERY_MS * 7, EVERY_MS * 16)
            if told_ms and at_ms >= told_ms[0]:
                del told_ms[0]
                self._give(at_ms)
                told.catch_up(at_ms)
        self.gates[2].write("lane.mode", now - 9 * 60_000, lane="lift", detail={"mode": "locked", "by": "ola"})
        # The reader at the assembly point was tried this morning.
        self.gates[1].muster_badge("assembly", self._cast.welcome[0].number, began + 11 * 60_000)
        self.gates[3].seen_ms = now - 24 * 60_000
        self._give(now)
        told.catch_up(now)
        self._say(now)
        self._next_ms = now + EVERY_MS

    def turn(self) -> None:
        """Whatever is due now. Raises StoreError."""
        now = self._clock()
        self._look_at_list()
        self._obey(now)
        if now >= self._next_ms:
            self._next_ms = now + self._random.randrange(EVERY_MS // 3, EVERY_MS * 2)
            if not self._evacuated():
                self._somebody(now)
        self._give(now)
        if now >= self._status_ms:
            self._say(now)
        if self._telling is not None:
            self._telling.turn(now)

    def play(self, stop: threading.Event) -> None:
        """Go on until told to stop. A thread's."""
        while not stop.wait(TURN_S):
            self.turn()

    # --- what happens --------------------------------------------------------------------------------

    def _somebody(self, at_ms: int) -> None:
        """Somebody comes, or leaves, or is not let in and comes again."""
        gate = self._random.choices(self.gates[:2], (3, 2))[0]
        lane = self._random.choice(list(gate.lanes))
        chance = self._random.random()
        if chance < 0.09 and self._again:
            self._try(gate, lane, self._random.choice(self._again), at_ms)
        elif chance < 0.1 and self._inside:
            # The check-out was forgotten, or the card is in another's hand.
            gate.badge(lane, ENTRY, self._random.choice(self._inside), "already_inside", at_ms)
        elif (chance < 0.16 or not self._outside) and self._inside:
            number = self._inside.pop(self._random.randrange(len(self._inside)))
            gate.badge(lane, EXIT, number, "granted", at_ms)
            self._outside.append(number)
        elif self._outside:
            number = self._outside.pop(0)
            if self._try(gate, lane, number, at_ms):
                self._inside.append(number)
            else:
                self._outside.append(number)

    def _try(self, gate: InventedGate, lane: str, number: str, at_ms: int) -> bool:
        """At the lane, by the list."""
        reason = answer(self._permits.get(number), self._today)
        if not gate.takes_entries(lane):
            reason = "lane_closed"
        admitted = gate.badge(lane, ENTRY, number, reason, at_ms)
        if admitted and number in self._again:
            self._again.remove(number)
            self._inside.append(number)
        return admitted

    def _evacuated(self) -> bool:
        modes = [mode for gate in self.gates[:2] for mode in gate.lanes.values()]
        return EVACUATED in modes or all(mode in CLOSED for mode in modes)

    def _obey(self, now: int) -> None:
        given = sorted(self._store.commands_valid(now), key=lambda one: one.number)
        for one in given:
            for gate in self.gates:
                if gate.name == one.asked.gate and gate.online and one.number > gate.commanded:
                    gate.obey(one, now)
        if any(EVACUATED in gate.lanes.values() for gate in self.gates) and self._muster_closed():
            for gate in self.gates:
                gate.reset(now)

    def _muster_closed(self) -> bool:
        with self._store.looking() as looking:
            musters = looking.musters()
        return bool(musters) and all(one.closed_ms is not None for one in musters)

    def _look_at_list(self) -> None:
        revision = self._store.revision()
        if revision == self._revision:
            return
        self._revision = revision
        self._permits = {one.number: one for one in self._store.permit_list().permits}
        for gate in self.gates:
            gate.list_revision = revision if gate.online or not gate.list_revision else gate.list_revision
        self._status_ms = 0

    # --- to the hub ----------------------------------------------------------------------------------

    def _give(self, now: int) -> None:
        messages = [message for gate in self.gates for message in gate.batch()]
        if messages:
            self._ingest.take(messages, now)

    def _say(self, now: int) -> None:
        self._status_ms = now + STATUS_MS
        known = self._store.gate_health()
        healths: Sequence[GateHealth] = [
            follow(known.get(gate.name), gate.status(gate.seen_ms or now), gate.seen_ms or now)
            for gate in self.gates
            if gate.online or gate.name not in known
        ]
        self._store.put_gate_health(healths)


def settled(stage: Stage, until: Callable[[], bool], timeout_s: float = 10.0) -> None:
    """Let it go on until something is so; for whoever has no thread for it."""
    ends = time.monotonic() + timeout_s
    while not until() and time.monotonic() < ends:
        stage.turn()
