"""A target that answers as it is told, and remembers what it has got: a receiver that dedupes on the key."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from hub.central.courier import Courier
from hub.central.delivery import Rules
from hub.central.happening import MOVEMENTS, Happening
from hub.central.ledger import Ledger
from hub.central.sending import AtOnce
from hub.central.target import Accepted, Draft, Facts, Item, Outcome, Pace
from hub.store import HubStore
from portvakt.backoff import Backoff

RULES = Rules(attempts=3, records=Backoff(lambda: 0.5), target=Backoff(lambda: 0.5))


@dataclass
class ScriptedTarget:
    """Wants movements. `script` holds the next answers; what is not scripted is accepted."""

    pace: Pace = field(default_factory=Pace)
    script: deque[Callable[[Draft], Outcome] | Outcome] = field(default_factory=deque)
    asked: deque[Outcome] = field(default_factory=deque)
    got: list[str] = field(default_factory=list)
    """The key of each draft that was ever said, in order."""
    bodies: dict[str, bytes] = field(default_factory=dict)
    requests: list[int] = field(default_factory=list)
    """How many drafts each request had."""

    def items(self, happening: Happening) -> Sequence[Item]:
        if happening.kind not in MOVEMENTS or happening.at_ms is None:
            return []
        return [Item(happening.id, happening.id, happening.card, happening.at_ms)]

    def draft(self, item: Item, facts: Facts) -> bytes | None:
        told = facts.happening(item.happening)
        if told is None or told.card is None:
            return None
        holder = facts.holder(told.card)
        name = f"{holder.first_name} {holder.last_name}" if holder else "?"
        return f"{told.card.number} {told.direction} {told.at_ms} {name}".encode()

    def send(self, drafts: Sequence[Draft]) -> Sequence[Outcome]:
        self.requests.append(len(drafts))
        outcomes = []
        for draft in drafts:
            self.got.append(draft.item.id)
            answer = self.script.popleft() if self.script else Accepted()
            outcome = answer(draft) if callable(answer) else answer
            if isinstance(outcome, Accepted):
                self.bodies[draft.item.id] = draft.body
            outcomes.append(outcome)
        return outcomes

    def ask(self, queued: Sequence[str]) -> Sequence[Outcome]:
        return [self.asked.popleft() if self.asked else Accepted() for _ in queued]

    def close(self) -> None:
        """Nothing is held."""


def courier_to(store: HubStore, target: ScriptedTarget, name: str = "client", rules: Rules = RULES) -> Courier:
    """A courier that sends in the caller's thread."""
    return Courier(name, target, Ledger(store, "yard", name), AtOnce(target), rules, clock_wait_ms=60_000)
