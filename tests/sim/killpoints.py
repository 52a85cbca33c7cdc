"""Run `gate` or `hub` as it is, and kill it with SIGKILL at one exact point, once.

    python tests/sim/killpoints.py POINT MARKER gate run --config gate.toml

The point is where a method of the product is entered or left; the product itself has no hooks. The
process kills itself there when the file MARKER exists, and removes it first, so that the restarted one
lives.
"""

import os
import signal
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

POINTS = {
    # after the grant's commit, before the relay moves
    "gate: commit | relay": ("gate.simulator.turnstile:VirtualTurnstile.release", "before"),
    # after the relay, before the record is sent
    "gate: relay | send": ("gate.uplink.mqtt:Uplink._send", "before"),
    # after the hub's commit, before its ack leaves
    "hub: commit | ack": ("hub.ingest:Ingest.take", "after"),
    # before the hub's commit
    "hub: receive | commit": ("hub.ingest:Ingest.take", "before"),
}


def arm(point: str, marker: Path) -> None:
    """Put the kill at the point."""
    where, when = POINTS[point]
    module_name, _, path = where.partition(":")
    owner_name, _, method = path.partition(".")
    owner = getattr(import_module(module_name), owner_name)
    original = getattr(owner, method)

    def killing(*given: Any, **named: Any) -> Any:
        if when == "before":
            _die(marker)
        answer = original(*given, **named)
        _die(marker)
        return answer

    setattr(owner, method, killing)


def _die(marker: Path) -> None:
    try:
        marker.unlink()
    except FileNotFoundError:
        return
    os.kill(os.getpid(), signal.SIGKILL)


def main() -> int:
    point, marker, program, *words = sys.argv[1:]
    sys.path.insert(0, str(Path.cwd()))
    arm(point, Path(marker))
    run: Callable[[list[str]], int] = import_module(f"{program}.cli").main
    return run(words)


if __name__ == "__main__":
    sys.exit(main())
