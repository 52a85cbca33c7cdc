"""How long gate and hub take to be ready, and what they hold in memory; against a bare interpreter.

A whole process from outside: started, waited for until it says `ready`, its resident memory read from
/proc, then stopped.
"""

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from gate.simulator.demo.stage import CODING, GATE_TOML, HUB
from tests.benchmarks.figures import Figure
from tests.sim.mosquitto import free_port

BARE_START = "start, bare interpreter"
BARE_MEMORY = "memory, bare interpreter"


def measure(quick: bool) -> Iterator[Figure]:
    from tempfile import TemporaryDirectory

    turns = 3 if quick else 10
    with TemporaryDirectory() as name:
        folder = Path(name)
        hub, gate = _settings(folder)
        bare = [_started([sys.executable, "-c", "print('ready', flush=True); input()"]) for _ in range(turns)]
        yield Figure(BARE_START, "ms", [start for start, _ in bare])
        yield Figure(BARE_MEMORY, "MB", [memory for _, memory in bare])
        for program, settings in (("gate", gate), ("hub", hub)):
            command = [sys.executable, "-m", program, "run", "--config", str(settings)]
            runs = [_started(command) for _ in range(turns)]
            yield Figure(f"start, {program} until ready", "ms", [start for start, _ in runs], against=BARE_START)
            yield Figure(f"memory, {program}", "MB", [memory for _, memory in runs], against=BARE_MEMORY)


def _settings(folder: Path) -> tuple[Path, Path]:
    port = free_port()
    hub, gate = folder / "hub.toml", folder / "gate.toml"
    hub.write_text(HUB.format(site="bench", port=port, state=folder / "hub"), encoding="utf-8")
    words = {"site": "bench", "gate": "north", "port": port, "state": folder / "gate", "walk": 7, "coding": CODING}
    gate.write_text(GATE_TOML.format(**words), encoding="utf-8")
    subprocess.run(
        [sys.executable, "-m", "hub", "key", "--config", str(hub), "-o", str(folder / "hub.pub")],
        check=True, capture_output=True,
    )  # fmt: skip
    return hub, gate


def _started(command: Sequence[str]) -> tuple[float, float]:
    """Milliseconds until the process says `ready`, and its resident megabytes then."""
    began = time.perf_counter()
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if "ready" in line:
                break
        took_ms = (time.perf_counter() - began) * 1000
        status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
        memory = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) / 1024
        process.terminate()
    return took_ms, memory
