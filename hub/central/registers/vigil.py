"""How a register is, seen from here, and when all is asked for again. Pure; kept in the database, so a restart goes on
where it was."""

from datetime import datetime, time, timedelta, tzinfo

import msgspec

from portvakt.backoff import Backoff

CLOSED_MS = 60_000
"""A register that does not let us in is tried again after so long: somebody may have mended it."""
LONGEST_PAUSE_MS = 86_400_000
"""The longest that `hub.central.web` lets a register ask for."""
CLOCKS_DIFFER_MS = 3_600_000
"""A time that lies further ahead is none."""
PATIENCE_MS = 600_000
"""A register that has failed for so long is an alarm; one that restarts is none."""


class Vigil(msgspec.Struct, frozen=True):
    """Times are Unix milliseconds. A sweep asks for everything; it runs while it began after it ended."""

    answered_ms: int | None = None
    failing_since_ms: int | None = None
    failures: int = 0
    words: str = ""
    """Of the last failure."""
    closed: bool = False
    """It does not let us in."""
    pause_until_ms: int = 0
    sweep_began_ms: int = 0
    sweep_ended_ms: int = 0

    def believed(self, now_ms: int) -> "Vigil":
        """What is kept, unless it comes from a clock that was ahead: then nothing, and all is asked for again."""
        ahead = max(self.answered_ms or 0, self.failing_since_ms or 0, self.sweep_began_ms, self.sweep_ended_ms)
        far = self.pause_until_ms > now_ms + LONGEST_PAUSE_MS
        return Vigil() if far or ahead > now_ms + CLOCKS_DIFFER_MS else self

    @property
    def sweeping(self) -> bool:
        return self.sweep_began_ms > self.sweep_ended_ms

    def answered(self, now_ms: int) -> "Vigil":
        """It has answered."""
        return Vigil(now_ms, sweep_began_ms=self.sweep_began_ms, sweep_ended_ms=self.sweep_ended_ms)

    def failed(self, words: str, now_ms: int, backoff: Backoff, after_ms: int | None, *, closed: bool) -> "Vigil":
        """It has not. What it has said itself of when to come again is obeyed."""
        wait_ms = max(CLOSED_MS if closed else 1_000, backoff.wait_ms(self.failures)) if after_ms is None else after_ms
        return msgspec.structs.replace(
            self,
            failing_since_ms=now_ms if self.failing_since_ms is None else self.failing_since_ms,
            failures=self.failures + 1,
            words=words,
            closed=closed,
            pause_until_ms=now_ms + wait_ms,
        )

    def sweep_begun(self, now_ms: int) -> "Vigil":
        """All are asked for from now on."""
        return msgspec.structs.replace(self, sweep_began_ms=now_ms)

    def sweep_over(self, now_ms: int) -> "Vigil":
        """All have been."""
        return msgspec.structs.replace(self, sweep_ended_ms=max(now_ms, self.sweep_began_ms))

    def objection(self, now_ms: int, old_after_ms: int) -> str | None:
        """What is wrong with the register, for whoever should do something; None while all is well."""
        if self.closed:
            return f"it does not let us in: {self.words}"
        if self.failing_since_ms is not None and now_ms - self.failing_since_ms >= PATIENCE_MS:
            return f"it cannot be asked: {self.words}"
        if self.answered_ms is not None and now_ms - self.answered_ms >= old_after_ms:
            return f"its last answer is {(now_ms - self.answered_ms) // 3_600_000} h old"
        return None


def last_hour(at: str, now_ms: int, zone: tzinfo) -> int:
    """When it was this hour (`02:00`) last, by the clocks of the site."""
    now = datetime.fromtimestamp(now_ms / 1000, zone)
    today = datetime.combine(now.date(), time.fromisoformat(at), zone)
    found = today if today <= now else datetime.combine(now.date() - timedelta(days=1), time.fromisoformat(at), zone)
    return round(found.timestamp() * 1000)


def day_of(now_ms: int, zone: tzinfo) -> str:
    """The day of the site, ISO 8601."""
    return datetime.fromtimestamp(now_ms / 1000, zone).date().isoformat()
