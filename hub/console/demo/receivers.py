"""The central systems of the demonstration: doubles in this program, which are told and tell nobody. Pure.

What they do is what the real ones do to a hub: take all, be away for a while, want a password, refuse with words of
their own, want to hear of a day only when it is over.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from datetime import time as clock_time
from uuid import NAMESPACE_URL, uuid5

import msgspec

from hub.central.happening import MOVEMENTS, Happening
from hub.central.target import Accepted, Draft, Facts, Item, Later, Outcome, Pace, Refused, Stopped
from hub.config import TargetSettings

MINUTE_MS = 60_000
AWAY_MIN, LOCKED_OUT_MIN = 44, 7
"""Before the page opens."""
ASKS_TO_WAIT_MS = 4 * MINUTE_MS
OF_ANOTHER_NAME, NOT_YET_KNOWN = "9806", ("66", "37")
"""What such cards' numbers end in."""
GRACE_H = 12
IN_PIECES, ONE_BY_ONE = Pace(batch=50), Pace()
"""So that it can be seen how what has waited goes."""
TARGETS = (
    TargetSettings(name="client", kind="feed"),
    TargetSettings(name="hmsreg", kind="hmsreg-v1", deadline_min=30),
    TargetSettings(name="elrapp", kind="elrapp"),
    TargetSettings(name="nabo", kind="webhook"),
    TargetSettings(name="vaktbok", kind="webhook"),
)
"""The client's MQTT feed, HMSREG, ELRAPP, the gate system of the neighbouring site, the guards' own book."""

Answer = Callable[[Item, int], Outcome]
"""What it says to an item at a time."""
Wanted = Callable[[Happening], Sequence[Item]]


def each_movement(happening: Happening) -> Sequence[Item]:
    """Every passage, every word of the office."""
    if happening.kind not in MOVEMENTS or happening.at_ms is None or happening.card is None:
        return ()
    return (Item(happening.id, happening.id, happening.card, happening.at_ms),)


def each_day(happening: Happening) -> Sequence[Item]:
    """The day of a card, half a day after its end; the machine's days, as the demonstration's clocks are."""
    found: list[Item] = []
    for one in each_movement(happening):
        day = datetime.fromtimestamp(one.at_ms / 1000, UTC).astimezone().date()
        over = datetime.combine(day + timedelta(days=1), clock_time()).astimezone() + timedelta(hours=GRACE_H)
        key = uuid5(NAMESPACE_URL, f"{one.card} {day.isoformat()}")
        found.append(Item(str(key), one.happening, one.card, one.at_ms, round(over.timestamp() * 1000)))
    return found


@dataclass
class Double:
    """A `hub.central.target.Target` without anybody behind it."""

    wanted: Wanted
    answer: Answer
    clock: Callable[[], int]
    pace: Pace = IN_PIECES

    def items(self, happening: Happening) -> Sequence[Item]:
        return self.wanted(happening)

    def draft(self, item: Item, facts: Facts) -> bytes | None:
        """Who, where, when, as every receiver wants to know it."""
        told = facts.happening(item.happening)
        if told is None or told.card is None:
            return None
        holder = facts.holder(told.card)
        said = {
            "id": item.id, "card": told.card.number, "way": told.direction, "gate": told.gate, "at_ms": told.at_ms,
            "employer": holder.organisation_number if holder else None,
        }  # fmt: skip
        return msgspec.json.encode(said)

    def send(self, drafts: Sequence[Draft]) -> Sequence[Outcome]:
        return [self.answer(draft.item, self.clock()) for draft in drafts]

    def ask(self, queued: Sequence[str]) -> Sequence[Outcome]:
        """Never called: none of them has a queue."""
        return [Later("no queue here") for _ in queued]

    def close(self) -> None:
        """There is nothing to let go of."""


def takes_all(item: Item, at_ms: int) -> Outcome:
    """It has it."""
    return Accepted(item.id)


def away(since_ms: int, until_ms: int) -> Answer:
    """Fails for a while, and takes all before and after."""

    def answer(item: Item, at_ms: int) -> Outcome:
        if since_ms <= at_ms <= until_ms:
            return Later("503 Service Unavailable", after_ms=ASKS_TO_WAIT_MS)
        return Accepted(item.id)

    return answer


def locked_out(since_ms: int) -> Answer:
    """Knows the password no more, once; when somebody wakes it, it was mended."""
    refused: set[str] = set()

    def answer(item: Item, at_ms: int) -> Outcome:
        if at_ms < since_ms or refused:
            return Accepted(item.id)
        refused.add(item.id)
        return Stopped("401 Unauthorized; look at user and secret in this target's settings")

    return answer


def particular() -> Answer:
    """Knows some cards only when it is asked a second time, and never agrees about some names."""
    met: set[str] = set()

    def answer(item: Item, at_ms: int) -> Outcome:
        number = item.card.number if item.card is not None else ""
        if number.endswith(OF_ANOTHER_NAME):
            return Refused("422 Navnet stemmer ikke med navnet på kortet hos oss", "navn")
        if number.endswith(NOT_YET_KNOWN) and number not in met:
            met.add(number)
            return Refused("422 Kortet er ikke registrert hos oss ennå", "kortnr")
        return Accepted(item.id)

    return answer


def doubles(opens_ms: int, clock: Callable[[], int]) -> Mapping[str, Double]:
    """One for each of TARGETS. `opens_ms` is when somebody begins to look."""
    gone = away(opens_ms - AWAY_MIN * MINUTE_MS, opens_ms)
    return {
        "client": Double(each_movement, takes_all, clock),
        "hmsreg": Double(each_movement, gone, clock, ONE_BY_ONE),
        "elrapp": Double(each_day, takes_all, clock),
        "nabo": Double(each_movement, locked_out(opens_ms - LOCKED_OUT_MIN * MINUTE_MS), clock),
        "vaktbok": Double(each_movement, particular(), clock),
    }
