"""A process that is asked to end ends, whichever of its threads the kernel asks."""

import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.sim.rig import ROOT
from tests.waiting import wait_for

# The other threads are in system calls that a signal interrupts, as a gate's are: the kernel may choose any of them.
WAITS = textwrap.dedent("""
    import os, signal, threading
    from portvakt.process import stop_on_signals
    stop = stop_on_signals()
    for _ in range(8):
        threading.Thread(target=os.read, args=(os.pipe()[0], 1), daemon=True).start()
    print("ready", flush=True)
    while not stop.wait(3600):
        pass
    print("stopped", flush=True)
""")


def started() -> "subprocess.Popen[str]":
    process = subprocess.Popen([sys.executable, "-c", WAITS], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    return process


def state(process: "subprocess.Popen[str]") -> str:
    return Path(f"/proc/{process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]


@pytest.mark.parametrize("turn", range(6))
def test_a_process_that_was_stopped_and_goes_on_ends_when_asked(turn: int) -> None:
    """After SIGCONT the kernel may deliver to another thread; the main one would sleep on."""
    with started() as process:
        process.send_signal(signal.SIGSTOP)
        wait_for("it to stand", lambda: state(process) == "T")
        process.send_signal(signal.SIGCONT)
        process.send_signal(signal.SIGTERM)
        try:
            said, _ = process.communicate(timeout=10)
        finally:
            process.kill()
    assert (said, process.returncode) == ("stopped\n", 0)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_both_signals_end_it(number: signal.Signals) -> None:
    with started() as process:
        process.send_signal(number)
        try:
            said, _ = process.communicate(timeout=10)
        finally:
            process.kill()
    assert (said, process.returncode) == ("stopped\n", 0)
