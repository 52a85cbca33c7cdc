"""The register of cards, asked by itself: cards that nobody knows and cards that are new soon, all of them each night.

It works in a thread of its own: a register that is slow keeps no gate waiting.
"""

import logging
import random
from collections.abc import Callable
from datetime import tzinfo

from hub.central.registers.asked import Away, Closed
from hub.central.registers.card_register import CardRegister, HttpCardRegister
from hub.central.registers.card_rounds import CardRounds
from hub.central.registers.register_state import HELD, HOUR_MS, SILENT, keep_vigil, tell_alarm, vigil_of
from hub.central.registers.vigil import Vigil, last_hour
from hub.permits import Requirements
from hub.presence import CardKey
from hub.register_settings import CardRegisterSettings
from hub.store import HubStore
from portvakt.backoff import Backoff
from portvakt.errors import SettingsError

log = logging.getLogger(__name__)

STATE = "card_register"
"""Under this name the store remembers how the register is."""
POLL_S = 2.0
AT_ONCE_S = 5.0
"""So long one stretch of questions lasts; after it, whoever stands at a gate comes first again."""
MOST_AT_ONCE = 100
STRANGERS_MS = 4_000
"""How often it is looked whether unknown cards came."""
ALL_STRANGERS_MS = 3_600_000
"""How often also those that gates told of late."""
OVERLAP_MS = 600_000
LOOK_MS = 30_000
PROGRESS_MS = 60_000
BACKOFF_FIRST_MS = 1_000
BACKOFF_CAP_MS = 300_000


class CardWatch:
    """See above. One thread; `turn` again and again."""

    def __init__(
        self,
        settings: CardRegisterSettings,
        store: HubStore,
        *,
        requirements: Requirements,
        zone: tzinfo,
        now_ms: Callable[[], int],
        make: Callable[[CardRegisterSettings], CardRegister] = HttpCardRegister,
    ) -> None:
        self._settings = settings
        self._store = store
        self._requirements = requirements
        self._zone = zone
        self._now_ms = now_ms
        self._make = make
        self._register: CardRegister | None = None
        self._rounds: CardRounds | None = None
        self._backoff = Backoff(random.random, BACKOFF_FIRST_MS, BACKOFF_CAP_MS)
        self._vigil: Vigil | None = None
        self._decisions = -1
        self._round: set[CardKey] = set()
        self._next_strangers_ms = self._next_all_strangers_ms = 0
        self._next_look_ms = self._next_progress_ms = 0
        self._turned_ms = 0

    def turn(self, pause: Callable[[float], bool]) -> float:
        """Ask what is due, for a few seconds; how many seconds there is nothing to do. Raises StoreError."""
        now_ms = self._now_ms()
        if now_ms < self._turned_ms:
            # The clock was put back: what was meant for later by it is meant for now.
            self._next_strangers_ms = self._next_all_strangers_ms = self._next_look_ms = self._next_progress_ms = 0
        self._turned_ms = now_ms
        # Read each time: a sweep by hand writes here as well.
        vigil = self._vigil = vigil_of(self._store, STATE).believed(now_ms)
        if now_ms >= self._next_look_ms:
            self._look_after(now_ms)
        if now_ms < vigil.pause_until_ms:
            return min(POLL_S, (vigil.pause_until_ms - now_ms) / 1000)
        rounds = self._made()
        if rounds is None:
            return POLL_S
        self._begin_sweep_when_due(now_ms)
        cards = self._due(now_ms)
        if not cards:
            self._end_rounds(rounds)
            return POLL_S
        try:
            asked = rounds.ask(cards, pause)
        except Away as failed:
            self._failed(str(failed), failed.after_ms, closed=isinstance(failed, Closed))
            return POLL_S
        if asked:
            self._answered()
        return 0.0

    def close(self) -> None:
        """Let go of connections."""
        if self._register is not None:
            self._register.close()
            self._register = self._rounds = None

    def _made(self) -> CardRounds | None:
        """The register behind the settings; a secret that is not there yet may come while the hub runs."""
        if self._rounds is None:
            try:
                self._register = self._make(self._settings)
            except SettingsError as wrong:
                self._failed(str(wrong), None, closed=True)
                return None
            self._rounds = CardRounds(
                self._settings, self._store, self._register,
                requirements=self._requirements, zone=self._zone, now_ms=self._now_ms,
            )  # fmt: skip
        return self._rounds

    def _begin_sweep_when_due(self, now_ms: int) -> None:
        if self._now.sweep_began_ms < last_hour(self._settings.sweep_at, now_ms, self._zone):
            self._keep(self._now.sweep_begun(now_ms))
            with self._store.heard() as heard:
                cards = heard.count_asked_before(self._settings.scheme, now_ms, now_ms)
            log.info("card_sweep=begun cards=%d", cards)
            self._next_progress_ms = now_ms + PROGRESS_MS

    def _due(self, now_ms: int) -> list[CardKey]:
        """Whoever stands at a gate first, then who is new on the list, then the sweep."""
        most = max(1, min(MOST_AT_ONCE, int(self._settings.per_second * AT_ONCE_S)))
        strangers = self._strangers(now_ms, most)
        if not strangers:
            strangers = self._newcomers(most)
        if strangers:
            self._round.update(strangers)
            return strangers
        # What is new has been asked: its round is over, whatever the sweep still has to do.
        self._end_round()
        if not self._now.sweeping:
            return []
        with self._store.heard() as heard:
            cards = heard.asked_before(self._settings.scheme, self._now.sweep_began_ms, now_ms, most)
            if cards and now_ms >= self._next_progress_ms:
                self._next_progress_ms = now_ms + PROGRESS_MS
                left = heard.count_asked_before(self._settings.scheme, self._now.sweep_began_ms, now_ms)
                log.info("card_sweep=running left=%d", left)
        return cards

    def _strangers(self, now_ms: int, most: int) -> list[CardKey]:
        if now_ms < self._next_strangers_ms:
            return []
        self._next_strangers_ms = now_ms + STRANGERS_MS
        window_ms = all_ms = int(self._settings.unknown_days * 24 * HOUR_MS)
        if now_ms < self._next_all_strangers_ms:
            window_ms = min(OVERLAP_MS, all_ms)
        else:
            self._next_all_strangers_ms = now_ms + ALL_STRANGERS_MS
        again_ms = now_ms - int(self._settings.ask_again_h * HOUR_MS)
        with self._store.heard() as heard:
            found = heard.strangers(self._settings.scheme, now_ms - window_ms, again_ms, most)
        if len(found) == most:
            self._next_strangers_ms = self._next_all_strangers_ms = 0
        return found

    def _newcomers(self, most: int) -> list[CardKey]:
        with self._store.heard() as heard:
            decisions = heard.decisions()
            if decisions == self._decisions:
                return []
            # Whoever comes back to the list after a while counts as new.
            old_ms = self._now_ms() - int(self._settings.old_after_h * HOUR_MS)
            found = heard.asked_before(self._settings.scheme, old_ms, self._now_ms(), most)
        if not found:
            self._decisions = decisions
        return found

    def _end_rounds(self, rounds: CardRounds) -> None:
        if self._now.sweeping:
            began_ms = self._now.sweep_began_ms
            ended = rounds.end()
            self._keep(self._now.sweep_over(self._now_ms()))
            took_s = (self._now_ms() - began_ms) / 1000
            log.info("card_sweep=done not_valid=%d held=%d took_s=%.0f", ended.turned, ended.held, took_s)
            self._next_look_ms = 0

    def _end_round(self) -> None:
        if self._round and self._rounds is not None:
            ended = self._rounds.end(self._round)
            self._round = set()
            if ended.held:
                self._next_look_ms = 0

    def _answered(self) -> None:
        self._vigil = vigil_of(self._store, STATE)
        if self._now.failing_since_ms is not None:
            log.warning("card_register=back away_s=%.0f", (self._now_ms() - self._now.failing_since_ms) / 1000)
            self._next_look_ms = 0
        self._keep(self._now.answered(self._now_ms()))

    def _failed(self, words: str, after_ms: int | None, *, closed: bool) -> None:
        self._vigil = vigil_of(self._store, STATE)
        if self._now.failing_since_ms is None or (closed and not self._now.closed):
            log.error("card_register=failing why=%r note='the gates go on with what is known'", words)
        self._keep(self._now.failed(words, self._now_ms(), self._backoff, after_ms, closed=closed))
        # Whoever could not be asked about meanwhile is looked for over all the days again.
        self._next_look_ms = self._next_strangers_ms = self._next_all_strangers_ms = 0

    def _look_after(self, now_ms: int) -> None:
        """Raise alarms, and end them."""
        self._next_look_ms = now_ms + LOOK_MS
        with self._store.heard() as heard:
            held = heard.so_far(self._settings.scheme).held
        silent = self._now.objection(now_ms, int(self._settings.old_after_h * HOUR_MS))
        what = f"{held} answers 'not valid' are held back: hub cards status, hub cards sweep --force" if held else None
        tell_alarm(self._store, SILENT, STATE, silent, now_ms)
        tell_alarm(self._store, HELD, STATE, what, now_ms)

    @property
    def _now(self) -> Vigil:
        return self._vigil or Vigil()

    def _keep(self, vigil: Vigil) -> None:
        keep_vigil(self._store, STATE, vigil)
        self._vigil = vigil
