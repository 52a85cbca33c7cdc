"""The threads of one hub process that ask others: the register of cards, and each source.

Each is a string of turns here. A turn takes as long as what it waits for; an idle one is looked at again only when
something has happened or five minutes have passed: a hundred looks that change nothing are one.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hub.central.gathering import Asked, SourceReader
from hub.central.registers.card_register import HttpCardRegister
from hub.central.registers.card_rounds import CardRounds
from hub.central.registers.card_watch import STATE, CardWatch
from hub.central.registers.register_state import keep_vigil, vigil_of
from hub.central.registry import SourcePlace, make_source
from hub.errors import StoreError
from hub.permits import USUAL
from portvakt.doubles import chkbox, ditio
from tests.simulation.invariants import Witness
from tests.simulation.neighbours import APP, READER, SimApp, SimReader
from tests.simulation.others import OtherServer, Patience
from tests.simulation.registers import OSLO, SETTINGS, SimRegister
from tests.simulation.sim_check_ins import SimReportingStore
from tests.simulation.sim_disk import Disk
from tests.simulation.sim_store import HubFile
from tests.simulation.sim_word_store import SimWordStore
from tests.simulation.world import MINUTE_MS, Machine

STORE_RETRY_MS = 2_000
LAZY_MS = 5 * MINUTE_MS
EVERY_S = 1_200.0
AT_ONCE = 3
"""Check-ins of one transaction: few, so that the hub dies between them."""
FIRST_H = 14 * 24.0


@dataclass(frozen=True, slots=True)
class Others:
    """Whoever is asked, and a folder with the secrets for it."""

    register: SimRegister
    app: SimApp
    reader: SimReader
    secrets: Path

    @property
    def servers(self) -> tuple[OtherServer, ...]:
        return (self.register, self.app, self.reader)

    def hub_troubled(self) -> None:
        """The hub died, or its disk fails."""
        for server in self.servers:
            server.hub_troubled()

    @classmethod
    def write_secrets(cls, folder: Path) -> None:
        for name, words in (("ditio.secret", ditio.SECRET), ("chkbox.key", chkbox.KEY)):
            file = folder / name
            file.write_text(words)
            file.chmod(0o600)


class Listening:
    """See the module. Made anew with each process."""

    def __init__(self, hub: Machine, disk: Disk, file: HubFile, others: Others, witness: Witness) -> None:
        self._hub = hub
        self._others = others
        self._gone = False
        self._register_at = Patience(hub.world)
        self._words = SimWordStore(hub, disk, file, witness)
        self._watch = self._make_watch()
        self._asking = _Thread(self, "register", self._register_at, self._ask_register)
        for name, kind, server, settings in (
            (APP, "ditio", others.app, {
                "projects": [ditio.PROJECT], "base_url": "http://127.0.0.1", "first_h": FIRST_H,
                "oauth": {
                    "token_url": f"http://127.0.0.1{ditio.TOKEN_PATH}", "client_id": ditio.CLIENT,
                    "secret_file": "ditio.secret", "scope": ditio.SCOPE,
                },
            }),
            (READER, "chkbox", others.reader, {
                "project": "SKK180039", "key_file": "chkbox.key", "base_url": "http://127.0.0.1",
                "first_h": FIRST_H, "look_back_h": 6, "page": 20,
            }),
        ):  # fmt: skip
            clock = Patience(hub.world)
            place = SourcePlace(name, "tomta", settings, others.secrets / "hub.toml", OSLO, clock.line(hub, server))
            reader = SourceReader(
                SimReportingStore(hub, disk, file, witness),
                Asked(name, make_source(kind, place), EVERY_S),
                threading.Event(),
                now_ms=clock.now_ms,
                uniform=hub.world.chance(f"reading {name}/{hub.world.now_ms}").random,
                at_once=AT_ONCE,
            )
            _Thread(self, name, clock, reader.turn).again(0)
        self._asking.again(0)

    def end(self) -> None:
        """The process is gone."""
        self._gone = True
        self._others.hub_troubled()

    def ring(self) -> None:
        """There may be somebody to ask about."""
        self._asking.again(0)

    def sweep(self) -> None:
        """A person begins one, and leaves the rest to the hub."""

        def begin() -> None:
            keep_vigil(self._words, STATE, vigil_of(self._words, STATE).sweep_begun(self._hub.world.now_ms))
            self.ring()

        self._hub.turn("office", lambda: self._kept(begin))

    def believe(self) -> None:
        """A person has looked, and believes what was held back: `hub cards sweep --force`."""
        self._hub.turn("office", lambda: self._kept(lambda: _ignore(self._make_rounds().end(force=True))))

    def _kept(self, act: Callable[[], None]) -> None:
        try:
            act()
        except StoreError:
            self.troubled()

    def troubled(self) -> None:
        self._hub.world.counts["asking threads' store failures"] += 1
        self._others.hub_troubled()

    def _make_watch(self) -> CardWatch:
        clock = self._register_at
        return CardWatch(
            SETTINGS,
            self._words,
            requirements=USUAL,
            zone=OSLO,
            now_ms=clock.now_ms,
            make=lambda settings: HttpCardRegister(settings, clock.line(self._hub, self._others.register)),
            uniform=self._hub.world.chance(f"asking/{self._hub.world.now_ms}").random,
        )

    def _make_rounds(self) -> CardRounds:
        register = HttpCardRegister(SETTINGS, self._register_at.line(self._hub, self._others.register))
        return CardRounds(
            SETTINGS, self._words, register, requirements=USUAL, zone=OSLO, now_ms=lambda: self._hub.world.now_ms
        )

    def _ask_register(self) -> float:
        try:
            idle_s = self._watch.turn(self._register_at.pause)
        except StoreError:
            # As its thread does: it goes on with a new one.
            self._watch.close()
            self._watch = self._make_watch()
            raise
        return idle_s if self._register_at.spent_ms else max(idle_s, LAZY_MS / 1000)

    @property
    def hub(self) -> Machine:
        return self._hub

    @property
    def gone(self) -> bool:
        return self._gone


class _Thread:
    """One of them; `turn` says how many seconds there is nothing to do."""

    def __init__(self, process: Listening, name: str, clock: Patience, turn: Callable[[], float]) -> None:
        self._process = process
        self._name = name
        self._clock = clock
        self._turn = turn
        self._next_ms = 0
        self._busy_until_ms = 0

    def again(self, in_ms: int) -> None:
        """The next turn; not before the one under way is over."""
        world = self._process.hub.world
        at_ms = self._next_ms = max(world.now_ms + in_ms, self._busy_until_ms)
        world.after(at_ms - world.now_ms, lambda: self._now(at_ms))

    def _now(self, at_ms: int) -> None:
        if at_ms == self._next_ms and not self._process.gone:
            self._next_ms = 0
            self._process.hub.turn(self._name, self._take_turn)

    def _take_turn(self) -> None:
        self._clock.spent_ms = 0
        idle_ms = STORE_RETRY_MS
        try:
            idle_ms = round(self._turn() * 1000)
        except StoreError:
            self._process.troubled()
        spent_ms, self._clock.spent_ms = self._clock.spent_ms, 0
        self._busy_until_ms = self._process.hub.world.now_ms + spent_ms
        self.again(spent_ms + max(idle_ms, 1))


def _ignore(_: object) -> None:
    return
