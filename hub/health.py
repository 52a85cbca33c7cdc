"""What a gate's status messages say over time. Pure.

One thing cannot be read from any single status: that two controllers run under one name. A controller's
`instance` survives its restarts; one that comes back after another one has spoken, or speaks up while
another one is on line, is a second controller.
"""

from dataclasses import dataclass, replace

import msgspec

from gate.uplink.contract import Status

REMEMBERED = 8
"""Instances kept for each gate, newest last."""


@dataclass(frozen=True, slots=True)
class GateHealth:
    """The last status of a gate that counts, when it came, and how often two controllers showed."""

    status: Status
    seen_ms: int
    instances: tuple[str, ...]
    conflicts: int = 0
    conflict_ms: int | None = None


def follow(before: GateHealth | None, status: Status, now_ms: int) -> GateHealth:
    """The gate's health after one more status."""
    if before is None:
        return GateHealth(status, now_ms, (status.instance,))
    current = before.instances[-1]
    if status.instance == current:
        return replace(before, status=status if status.online else _gone(before.status), seen_ms=now_ms)
    if not status.online:
        # The last will of a controller that has been replaced: true, but not about the one that runs now.
        return before
    others = tuple(name for name in before.instances if name != status.instance)
    after = replace(before, status=status, seen_ms=now_ms, instances=(*others, status.instance)[-REMEMBERED:])
    if before.status.online or status.instance in before.instances:
        return replace(after, conflicts=before.conflicts + 1, conflict_ms=now_ms)
    return after


def _gone(last: Status) -> Status:
    """A last will was written before anything had happened: which list the gate holds is what it said last."""
    return msgspec.structs.replace(last, online=False, alarms=())
