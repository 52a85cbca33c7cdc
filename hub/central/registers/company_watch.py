"""The register of companies, asked by itself: companies that are new on the lists soon, all of them each night."""

import logging
import random
from collections.abc import Callable, Sequence
from datetime import tzinfo

from hub.central.registers.asked import Away, Closed
from hub.central.registers.companies import CompanyRegister
from hub.central.registers.register_state import HOUR_MS, SILENT, keep_vigil, tell_alarm, vigil_of
from hub.central.registers.vigil import CLOCKS_DIFFER_MS, Vigil, last_hour
from hub.company_answers import CompanyAnswer, main_unit, register_status
from hub.permits import Requirements
from hub.register_settings import CompanySettings
from hub.store import HubStore
from portvakt.backoff import Backoff
from portvakt.errors import SettingsError

log = logging.getLogger(__name__)

STATE = "company_register"
POLL_S = 5.0
AT_ONCE_S = 5.0
MOST_AT_ONCE = 50
BACKOFF_FIRST_MS = 1_000
BACKOFF_CAP_MS = 600_000


def ask_companies(
    store: HubStore,
    register: CompanyRegister,
    numbers: Sequence[str],
    *,
    requirements: Requirements,
    now_ms: Callable[[], int],
    pause: Callable[[], bool],
) -> int:
    """Ask about these and keep what is answered; how many were asked about. `pause` waits, and says whether to stop.

    Raises Away or Closed, when what was answered before is kept; StoreError.
    """
    got: list[CompanyAnswer] = []
    try:
        for number in numbers:
            got.append(register.ask(number, now_ms()))
            if pause():
                break
    finally:
        _keep(store, got, requirements, now_ms())
    return len(got)


def _keep(store: HubStore, got: Sequence[CompanyAnswer], requirements: Requirements, now_ms: int) -> None:
    if not got:
        return
    with store.hearing() as hearing:
        before = hearing.companies()
        after = [_after(before.get(one.organisation_number), one) for one in got]
        hearing.put_companies(after)
        # What the lists say of them does not matter for whether the answer is another one.
        changed = [one for one in after if _bearing(before.get(one.organisation_number)) != _bearing(one)]
        if changed:
            revision = hearing.follow(now_ms, requirements)
            log.info("company_register=changed companies=%d revision=%s", len(changed), revision)


def _bearing(answer: CompanyAnswer | None) -> tuple[str | None, str | None]:
    """What of an answer bears on the permits."""
    return register_status(None, answer), main_unit(None, answer)


def _after(before: CompanyAnswer | None, got: CompanyAnswer) -> CompanyAnswer:
    """A question without an answer leaves what was known."""
    if got.failure is None or before is None:
        return got
    kept = {name: getattr(before, name) for name in CompanyAnswer.__dataclass_fields__}
    return CompanyAnswer(**kept | {"asked_ms": got.asked_ms, "failure": got.failure})


class CompanyWatch:
    """See above. One thread; `turn` again and again."""

    def __init__(
        self,
        settings: CompanySettings,
        store: HubStore,
        *,
        requirements: Requirements,
        zone: tzinfo,
        now_ms: Callable[[], int],
    ) -> None:
        self._settings = settings
        self._store = store
        self._requirements = requirements
        self._zone = zone
        self._now_ms = now_ms
        self._register: CompanyRegister | None = None
        self._backoff = Backoff(random.random, BACKOFF_FIRST_MS, BACKOFF_CAP_MS)

    def turn(self, pause: Callable[[float], bool]) -> float:
        """Ask what is due, for a few seconds; how many seconds there is nothing to do. Raises StoreError."""
        now_ms = self._now_ms()
        vigil = vigil_of(self._store, STATE).believed(now_ms)
        objection = vigil.objection(now_ms, int(self._settings.old_after_h * HOUR_MS))
        tell_alarm(self._store, SILENT, STATE, objection, now_ms)
        if now_ms < vigil.pause_until_ms:
            return POLL_S
        if vigil.sweep_began_ms < last_hour(self._settings.refresh_at, now_ms, self._zone):
            vigil = self._keep_vigil(vigil.sweep_begun(now_ms))
        numbers = self._due(vigil)
        if not numbers:
            if vigil.sweeping:
                self._keep_vigil(vigil.sweep_over(self._now_ms()))
                log.info("company_refresh=done")
            return POLL_S
        return self._ask(vigil, numbers, pause)

    def close(self) -> None:
        """Let go of connections."""
        if self._register is not None:
            self._register.close()
            self._register = None

    def _due(self, vigil: Vigil) -> list[str]:
        with self._store.heard() as heard:
            numbers, answers = heard.company_numbers(), heard.companies()
        most = max(1, min(MOST_AT_ONCE, int(self._settings.per_second * AT_ONCE_S)))
        asked = {number: answers[number].asked_ms for number in numbers & answers.keys()}
        new = sorted(numbers - asked.keys())
        ahead_ms = self._now_ms() + CLOCKS_DIFFER_MS
        due = (number for number, at_ms in asked.items() if at_ms < vigil.sweep_began_ms or at_ms > ahead_ms)
        old = sorted(due, key=asked.__getitem__)
        return (new + old)[:most]

    def _ask(self, vigil: Vigil, numbers: Sequence[str], pause: Callable[[float], bool]) -> float:
        try:
            if self._register is None:
                self._register = CompanyRegister(self._settings)
            ask_companies(
                self._store,
                self._register,
                numbers,
                requirements=self._requirements,
                now_ms=self._now_ms,
                pause=lambda: pause(1 / self._settings.per_second),
            )
        except (Away, SettingsError) as failed:
            closed = isinstance(failed, Closed | SettingsError)
            after_ms = failed.after_ms if isinstance(failed, Away) else None
            if vigil.failing_since_ms is None:
                log.error("company_register=failing why=%r", str(failed))
            self._keep_vigil(vigil.failed(str(failed), self._now_ms(), self._backoff, after_ms, closed=closed))
            return POLL_S
        if vigil.failing_since_ms is not None:
            log.warning("company_register=back")
        self._keep_vigil(vigil.answered(self._now_ms()))
        return 0.0

    def _keep_vigil(self, vigil: Vigil) -> Vigil:
        keep_vigil(self._store, STATE, vigil)
        return vigil
