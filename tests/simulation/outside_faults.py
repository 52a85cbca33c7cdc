"""What goes wrong at those whom the hub asks: the card register, and the other systems at the site."""

from collections.abc import Sequence
from functools import partial

from tests.simulation.faults import Faults
from tests.simulation.listening import Others
from tests.simulation.neighbours import Neighbours
from tests.simulation.others import Mood, OtherServer
from tests.simulation.registers import BAD, GOOD
from tests.simulation.world import DAY_MS, HOUR_MS, MINUTE_MS, START_MS

ILL = (Mood.AWAY, Mood.AWAY, Mood.SLOW, Mood.HTML, Mood.HALF, Mood.BUSY, Mood.LOCKED, Mood.LOSING)
OF_A_REGISTER = (Mood.NONSENSE, Mood.NONSENSE, Mood.MAD, Mood.MAD)


class OutsideFaults:
    """Plans them, a day at a time from the seed."""

    def __init__(self, faults: Faults, others: Others, neighbours: Neighbours, cards: Sequence[str]) -> None:
        self._faults = faults
        self._world = faults.world
        self._others = others
        self._neighbours = neighbours
        self._cards = cards
        self._chance = faults.world.chance("outside")
        faults.at_fire = neighbours.alarmed

    def plan_day(self, day: int) -> None:
        start_ms = START_MS - 4 * HOUR_MS + day * DAY_MS
        some = self._faults.some
        for server in self._others.servers:
            moods = ILL + OF_A_REGISTER if server is self._others.register else ILL
            some(start_ms, f"{server.name}/ill", 5, partial(self._falls_ill, server, moods))
        some(start_ms, "app/restart", 4, self._dies_telling)
        some(start_ms, "app/restore", 2, self._neighbours.restore)
        some(start_ms, "app/clock", 3, self._clock_behind)
        some(start_ms, "register/cards", 6, self._card_turns)
        some(start_ms, "register/sweep", 4, self._sweep)
        some(start_ms, "hub/asking", 4, self._dies_asking)

    def end(self) -> None:
        """They are well from now on. Something happens in the register once more, and somebody looks at what is held
        back when that has been asked for."""
        for server in self._others.servers:
            server.be(Mood.WELL)
        self._others.app.find_clock()
        self._others.app.at_page = None
        for status in ("blocked", "invalidated", "valid", "valid"):
            self._turn(status)
        self._world.after(30 * MINUTE_MS, self._sweep)
        self._world.after(90 * MINUTE_MS, self._believe)

    def _falls_ill(self, server: OtherServer, moods: Sequence[Mood]) -> None:
        if server.mood is not Mood.WELL:
            return
        server.be(self._chance.choice(moods))
        for_ms = self._chance.choice((5 * MINUTE_MS, 40 * MINUTE_MS, 40 * MINUTE_MS, 4 * HOUR_MS))
        self._world.after(for_ms, lambda: None if self._faults.over else server.be(Mood.WELL))
        if server is self._others.register and server.mood in OF_A_REGISTER:
            self._world.after(MINUTE_MS, self._sweep)

    def _clock_behind(self) -> None:
        """A server that has come back without its clock."""
        app = self._others.app
        app.restart()
        app.lose_clock(self._chance.choice((7, 25, 130)) * MINUTE_MS)
        self._neighbours.stir()
        self._world.after(self._chance.randint(1, 5) * HOUR_MS, app.find_clock)

    def _dies_telling(self) -> None:
        """The app's server goes in the middle of a round, or the hub that reads it."""
        app, hub, after = self._others.app, self._faults.hub, self._chance.randint(1, 12)
        crash = partial(hub.arm, after, power=False)
        app.at_page = self._chance.choice((app.restart, app.restart, crash))
        self._neighbours.stir()

    def _card_turns(self) -> None:
        self._turn(self._chance.choice((*GOOD, *BAD, "valid", "valid", "pending")))

    def _turn(self, status: str) -> None:
        register = self._others.register
        among = [number for number in self._cards if (register.status_of(number) in GOOD) is not (status in GOOD)]
        if among:
            register.set_status(self._chance.choice(among), status)

    def _sweep(self) -> None:
        """Somebody at the office wants to know: `hub cards sweep`."""
        if self._faults.hub.up:
            self._world.counts["sweeps by hand"] += 1
            self._faults.hub.listening.sweep()

    def _dies_asking(self) -> None:
        self._sweep()
        self._world.after(
            self._chance.randint(0, 40_000),
            lambda: None if self._faults.over else self._faults.hub.arm(self._chance.randint(1, 12), power=False),
        )

    def _believe(self) -> None:
        self._faults.witness.words.believe()
        self._faults.hub.listening.believe()
