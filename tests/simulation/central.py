"""The central system far away, and the wire to it.

It takes each record once, by its key. It is down for hours, fails, takes a record and loses its answer, asks to wait,
refuses, forgets the password, and puts some into a queue of its own, to say later what became of them.
"""

import zlib
from collections.abc import Callable, Sequence
from enum import StrEnum, unique
from typing import Protocol

import hub.central.sending
from hub.central.happening import PASSAGE, Happening
from hub.central.sending import Sent, WaitingLine
from hub.central.target import (
    Accepted,
    Draft,
    Facts,
    Item,
    Later,
    Outcome,
    Pace,
    Queued,
    Refused,
    Stopped,
    Target,
    Unfit,
)
from tests.simulation.tellings import Tellings, as_told
from tests.simulation.world import MINUTE_MS, Machine, World

TIMEOUT_MS = 10_000
REFUSES = "card is not on the project"
UNFIT = "no organisation number"


@unique
class Mood(StrEnum):
    """How the receiver is today."""

    WELL = "well"
    AWAY = "away"
    BROKEN = "broken"
    LOSING = "losing its answers"
    BUSY = "busy"
    LOCKED = "locked"


class Central:
    """The receiver. Outlives every hub."""

    pace = Pace(connections=2, batch=3)

    def __init__(self, world: World, tellings: Tellings) -> None:
        self.world = world
        self.tellings = tellings
        self._chance = world.chance("central")
        self._mood = Mood.WELL
        self._healed = False
        self._verdict_ms: dict[str, int] = {}
        """By key, when what became of a queued record is known."""

    @property
    def mood(self) -> Mood:
        return self._mood

    def be(self, mood: Mood) -> None:
        self.world.trace("central", f"is {mood}")
        self.world.counts[f"central {mood}"] += 1
        self._mood = mood
        self.tellings.mood_changed(well=mood is Mood.WELL, down=mood in (Mood.AWAY, Mood.BROKEN, Mood.LOCKED))

    def heal(self) -> None:
        """From now on it takes whatever it does not refuse."""
        self._healed = True
        self.be(Mood.WELL)

    # --- the target that the hub has of it -------------------------------------------------------------

    def items(self, happening: Happening) -> Sequence[Item]:
        if happening.kind != PASSAGE or happening.at_ms is None:
            return []
        return [Item(happening.id, happening.id, happening.card, happening.at_ms)]

    def draft(self, item: Item, facts: Facts) -> bytes | None:
        told = as_told(item, facts)
        if told is not None and lot(item.id, 53) == 3:
            self.tellings.said(item.id, UNFIT)
            raise Unfit(UNFIT, "orgnr")
        return told

    def send(self, drafts: Sequence[Draft]) -> Sequence[Outcome]:
        """A request has come."""
        self.tellings.requested()
        match self._mood:
            case Mood.AWAY:
                return [Later("no answer")] * len(drafts)
            case Mood.BROKEN:
                return [Later("502 <html>Bad Gateway</html>")] * len(drafts)
            case Mood.BUSY if self._chance.random() < 0.6:
                self.world.counts["asked to wait"] += 1
                return [Later("429", self._chance.randint(5, 120) * 1_000)] * len(drafts)
            case Mood.LOCKED:
                return [Stopped("401 Login failed")] * len(drafts)
            case _:
                return [self._record(draft) for draft in drafts]

    def ask(self, queued: Sequence[str]) -> Sequence[Outcome]:
        self.tellings.requested()
        if self._mood is Mood.LOCKED:
            return [Stopped("401 Login failed")] * len(queued)
        if self._mood is not Mood.WELL:
            return [Later("no answer")] * len(queued)
        return [self._verdict(one) for one in queued]

    def close(self) -> None:
        """Nothing is held."""

    # --- one record ------------------------------------------------------------------------------------

    def _record(self, draft: Draft) -> Outcome:
        key = draft.item.id
        self.tellings.arrived(key, draft.body)
        if lot(key, 31) == 0:
            self.world.counts["refused by central"] += 1
            self.tellings.said(key, REFUSES)
            return Refused(REFUSES, "cardNumber")
        if lot(key, 97) == 1 and not self._healed:
            self.world.counts["central fails at one record"] += 1
            return Later("500 oops")
        if self._chance.random() < 0.02:
            return Later("503")
        answer: Outcome = Accepted()
        if lot(key, 5) == 2:
            self.world.counts["queued by central"] += 1
            self._verdict_ms.setdefault(key, self.world.now_ms + self._chance.randint(1_000, 20 * MINUTE_MS))
            answer = Queued(key)
        else:
            self.tellings.took(key)
        lost = 0.9 if self._mood is Mood.LOSING else 0.03
        if self._chance.random() < lost:
            self.world.counts["answers of central lost"] += 1
            return Later("timeout")
        return answer

    def _verdict(self, key: str) -> Outcome:
        if self.world.now_ms < self._verdict_ms[key]:
            return Queued(key)
        if lot(key, 7) == 4:
            self.world.counts["refused in central's queue"] += 1
            self.tellings.said(key, REFUSES)
            return Refused(REFUSES)
        self.world.counts["taken from central's queue"] += 1
        self.tellings.took(key)
        return Accepted()


class Watching(Protocol):
    """Who sees what goes over a wire."""

    def starts(self, drafts: Sequence[Draft]) -> None: ...
    def leaves(self) -> None: ...
    def wait_was_asked(self, for_ms: int) -> None: ...


class Receiving(Target, Protocol):
    """A receiver whose wire is watched."""

    @property
    def tellings(self) -> Watching: ...


class Wire:
    """Carries requests of one hub process; they are on their way for a while, also when that process is dead."""

    def __init__(
        self,
        hub: Machine,
        central: Receiving,
        *,
        lives: Callable[[], bool],
        started: Callable[[], None],
        answered: Callable[[], None],
    ) -> None:
        """`lives` is whether the process still does, `started` is told of each request, `answered` when there is
        something to take back."""
        self._hub = hub
        self._central = central
        self._lives = lives
        self._started = started
        self._answered = answered
        self._chance = hub.world.chance(f"wire/{hub.world.now_ms}")
        self._line = WaitingLine(central.pace.connections)

    def start(self, drafts: Sequence[Draft]) -> None:
        self._central.tellings.starts(drafts)
        self._line.add(drafts, self._hub.world.now_ms)
        self._go_on()

    def done(self, wait_ms: int) -> Sequence[Sent]:
        found = self._line.take_back()
        self._hub.world.counts["requests withdrawn"] += sum(one.outcomes is None for one in found)
        return found

    def under_way(self) -> int:
        return self._line.open()

    def _go_on(self) -> None:
        while (drafts := self._line.next(self._hub.world.now_ms)) is not None:
            self._leave(drafts)

    def _leave(self, drafts: Sequence[Draft]) -> None:
        self._central.tellings.leaves()
        self._started()
        self._hub.point("request")
        self._hub.world.after(self._chance.randint(5, 300), lambda: self._arrive(drafts))

    def _arrive(self, drafts: Sequence[Draft]) -> None:
        outcomes = hub.central.sending.sent(self._central, drafts)
        silent = any(isinstance(one, Later) and one.words in ("no answer", "timeout") for one in outcomes)
        back_ms = TIMEOUT_MS if silent else self._chance.randint(5, 300)
        self._hub.world.after(back_ms, lambda: self._come_back(Sent(drafts, outcomes)))

    def _come_back(self, answer: Sent) -> None:
        if not self._lives():
            return
        waits = [one.after_ms for one in answer.outcomes or () if isinstance(one, Later) and one.after_ms]
        if waits:
            self._central.tellings.wait_was_asked(max(waits))
        self._line.answered(answer)
        self._hub.turn("sender", self._go_on)
        self._answered()


def lot(key: str, sides: int) -> int:
    """The same for the same key."""
    return zlib.crc32(f"{sides}/{key}".encode()) % sides
