"""What the hub remembers of the registers themselves, and the alarms about them."""

import logging

import msgspec

from hub.central.registers.vigil import Vigil
from hub.central.registers.word_store import Alarms, Remembering

log = logging.getLogger(__name__)

SILENT = "register.silent"
HELD = "register.held"
HOUR_MS = 3_600_000


def vigil_of(store: Remembering, name: str) -> Vigil:
    """How a register is, as it was last kept. Raises StoreError."""
    kept = store.recall(name)
    return msgspec.json.decode(kept, type=Vigil) if kept else Vigil()


def keep_vigil(store: Remembering, name: str, vigil: Vigil) -> None:
    """Raises StoreError."""
    store.remember(name, msgspec.json.encode(vigil).decode())


def tell_alarm(store: Alarms, name: str, subject: str, words: str | None, now_ms: int) -> None:
    """Raise an alarm that was not raised, or end one that was. Raises StoreError."""
    with store.heard() as heard:
        raised = heard.alarm_raised(name, subject)
    if raised == (words is not None):
        return
    with store.hearing() as hearing:
        hearing.tell_alarm(name, subject, words, now_ms)
    if words:
        log.error("alarm=%s subject=%s what=%r", name, subject, words)
    else:
        log.warning("alarm=%s subject=%s over", name, subject)
