"""The machine's clock with its evidence (P10)."""

import ctypes
import errno
import time
from collections.abc import Callable
from pathlib import Path

from gate.model import Moment

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_TIMEX_BYTES = 512
"""Room for the kernel's `struct timex` (208 bytes on 64-bit Linux)."""
_TIME_ERROR = 5
"""adjtimex(2): "the system clock is not synchronized to a reliable server"."""


class SystemClock:
    """Linux's clocks: boot time that counts through suspend, and the wall clock."""

    def __init__(self, set_by_a_time_source: Callable[[], bool]) -> None:
        self._trusted = set_by_a_time_source
        self._boot = _BOOT_ID.read_text(encoding="ascii").strip() if _BOOT_ID.exists() else "unknown"

    def now(self) -> Moment:
        return Moment(
            boot=self._boot,
            monotonic_ms=time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000,
            wall_ms=time.time_ns() // 1_000_000,
            trusted=self._trusted(),
        )


def kernel_says_synchronised() -> Callable[[], bool]:
    """Ask the kernel whether NTP, PTP or a GNSS clock has set the time: adjtimex(2), read-only.

    It answers alike for systemd-timesyncd, chrony and ntpd.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    timex = ctypes.create_string_buffer(_TIMEX_BYTES)

    def synchronised() -> bool:
        # modes = 0: nothing is set. The buffer is cleared because the call writes its answer there.
        ctypes.memset(timex, 0, _TIMEX_BYTES)
        state = int(libc.adjtimex(timex))
        if state == -1 and ctypes.get_errno() == errno.EPERM:
            return False
        return 0 <= state < _TIME_ERROR

    return synchronised


def always() -> Callable[[], bool]:
    """Trust by other means: a battery-backed clock, or a machine for trying things out."""
    return lambda: True
