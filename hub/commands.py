"""Commands to the gates: signed, addressed, valid for seconds, each carried out once. No clock or thread inside.

Whoever gives one writes it into the store; the running hub says it, and says it again each second until the gate's
journal tells what came of it or it is no longer valid. A gate takes each number once, so saying it twice does no harm.
"""

import logging
from collections.abc import Mapping, Sequence
from typing import Protocol

from gate.uplink.contract import Command, Publish, Topics
from gate.uplink.signing import Signer
from hub.records import Answer, GivenCommand

log = logging.getLogger(__name__)

VALID_MS = 10_000
REPEAT_MS = 1_000


class CommandStore(Protocol):
    """What is needed of a store. Both may raise StoreError."""

    def commands_valid(self, now_ms: int) -> Sequence[GivenCommand]:
        """Those that a gate may still carry out. Cheap: polled."""

    def answers(self, commands: Sequence[GivenCommand]) -> Mapping[int, Answer]:
        """By number, of those that a gate has answered."""


class Commands:
    """Says what was asked. One thread."""

    def __init__(self, site: str, store: CommandStore, signer: Signer) -> None:
        self._topics = Topics(site)
        self._store = store
        self._signer = signer
        self._said_ms: dict[int, int] = {}

    def due(self, now_ms: int) -> list[Publish]:
        """What is to be said now."""
        valid = self._store.commands_valid(now_ms)
        numbers = {given.number for given in valid}
        self._said_ms = {number: said for number, said in self._said_ms.items() if number in numbers}
        due = [one for one in valid if now_ms - self._said_ms.get(one.number, now_ms - REPEAT_MS) >= REPEAT_MS]
        answered = self._store.answers(due) if due else {}
        messages = []
        # In the order of their numbers: a gate that has taken the later one takes the earlier no more.
        for given in sorted(due, key=lambda one: one.number):
            if given.number in answered:
                continue
            if given.number not in self._said_ms:
                log.warning(
                    "command=%d action=%s gate=%s lane=%s by=%r",
                    given.number, given.asked.action, given.asked.gate, given.asked.lane or "all", given.asked.by,
                )  # fmt: skip
            self._said_ms[given.number] = now_ms
            messages.append(self._sealed(given))
        return messages

    def _sealed(self, given: GivenCommand) -> Publish:
        asked = given.asked
        command = Command(
            gate=asked.gate,
            number=given.number,
            action=asked.action,
            by=asked.by,
            issued_ms=given.issued_ms,
            expires_ms=given.expires_ms,
            lane=asked.lane,
            direction=asked.direction,
        )
        return Publish(self._topics.command(asked.gate), self._signer.seal(command))
