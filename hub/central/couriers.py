"""The couriers of a site, each in a thread of its own: a sick target never slows another, nor the gates."""

import logging
import random
import threading
import time
from collections.abc import Callable, Sequence
from datetime import date, datetime
from datetime import time as clock_time
from pathlib import Path
from zoneinfo import ZoneInfo

from hub.central.bell import Bell
from hub.central.courier import Courier
from hub.central.delivery import Rules
from hub.central.ledger import Ledger
from hub.central.looking_back import Reconciliation
from hub.central.precedence import Precedence
from hub.central.registry import TargetPlace, make_target
from hub.central.sending import Sent, WaitingLine, sent
from hub.central.store_away import StoreAway
from hub.central.target import Draft, Target
from hub.config import HubConfig, TargetSettings, closing_rule, time_zone
from hub.errors import StoreError
from hub.store import HubStore
from portvakt.backoff import Backoff
from portvakt.errors import SettingsError

log = logging.getLogger(__name__)

LOOK_MS = 500
"""How soon something is looked for that nobody rings for: what another process has taken in, a person's word."""
STORE_RETRY_S = 2.0
JOIN_S = 10.0
TARGET_FIRST_MS = 1_000
TARGET_CAP_MS = 300_000
RECORD_FIRST_MS = 1_000
RECORD_CAP_MS = 900_000


class Pool:
    """Several requests at once; answers are handed back to the courier's thread."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._line = WaitingLine(target.pace.connections)
        self._lock = threading.Lock()
        self._more = threading.Condition(self._lock)
        self._back = threading.Condition(self._lock)
        self._closed = False
        # Daemons: who ends the hub does not wait for a receiver that is slow.
        self._threads = [threading.Thread(target=self._serve, daemon=True) for _ in range(target.pace.connections)]
        for thread in self._threads:
            thread.start()

    def start(self, drafts: Sequence[Draft]) -> None:
        with self._lock:
            self._line.add(drafts, _monotonic_ms())
            self._more.notify()

    def done(self, wait_ms: int) -> Sequence[Sent]:
        with self._lock:
            if self._line.open():
                self._back.wait_for(self._line.has_come_back, wait_ms / 1000)
            return self._line.take_back()

    def under_way(self) -> int:
        with self._lock:
            return self._line.open()

    def close(self) -> None:
        """What is under way goes on until the process ends."""
        with self._lock:
            self._closed = True
            self._more.notify_all()

    def _serve(self) -> None:
        while (drafts := self._next()) is not None:
            answer = Sent(drafts, sent(self._target, drafts))
            with self._lock:
                self._line.answered(answer)
                self._back.notify()

    def _next(self) -> Sequence[Draft] | None:
        """None when there will be no more."""
        with self._lock:
            while not self._closed:
                drafts = self._line.next(_monotonic_ms())
                if self._line.has_come_back():
                    self._back.notify()
                if drafts is not None:
                    return drafts
                self._more.wait()
        return None


class Couriers:
    """All of a site's. Made without touching anything; `start` and `stop` once each."""

    def __init__(
        self, config: HubConfig, store: HubStore, settings_file: Path, bell: Bell, precedence: Precedence
    ) -> None:
        """`bell` is rung when something was taken in; `precedence` knows when much is. Raises SettingsError: a target
        that cannot be made is a fault of the settings."""
        self._stop = threading.Event()
        self._bell = bell
        self._precedence = precedence
        self._store = store
        self._site = config.site
        self._threads: list[threading.Thread] = []
        self._made = [(one, target_of(config, one, settings_file)) for one in config.targets]
        self._zone = time_zone(config.presence)

    def start(self) -> None:
        """From now on everybody is told."""
        for settings, target in self._made:
            thread = threading.Thread(
                target=self._run, args=(settings, target), name=f"target-{settings.name}", daemon=True
            )
            self._threads.append(thread)
            thread.start()

    def stop(self) -> None:
        """End; what is under way is sent again at the next start, under the same key."""
        self._stop.set()
        self._bell.ring()
        deadline = time.monotonic() + JOIN_S
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        for _, target in self._made:
            target.close()

    def _run(self, settings: TargetSettings, target: Target) -> None:
        ledger = Ledger(self._store, self._site, settings.name)
        sender = Pool(target)
        wait_ms = clock_wait_ms(settings)
        courier = Courier(settings.name, target, ledger, sender, rules_of(settings), clock_wait_ms=wait_ms)
        reconciliation = Reconciliation(settings.name, target, ledger, clock_wait_ms=wait_ms)
        entered = False
        away = StoreAway(f"target={settings.name}")
        heard = 0
        patience_s = settings.deadline_min * 60 / 2
        while not self._stop.is_set():
            try:
                if not entered:
                    ledger.enter(settings.kind, since_ms(settings, self._zone), _now_ms())
                    entered = True
                began_s = time.monotonic()
                wait_ms = min(LOOK_MS, courier.turn(_now_ms()))
                if not courier.under_way and wait_ms:
                    reconciliation.turn(_now_ms())
                away.over()
                ended_s = time.monotonic()
                if rest_s := self._precedence.rest_s(ended_s - began_s, ended_s, patience_s):
                    self._stop.wait(rest_s)
                if courier.under_way:
                    courier.wait(_now_ms(), wait_ms)
                else:
                    heard = self._bell.wait(heard, wait_ms / 1000)
            except StoreError as why:
                away.met(why)
                self._stop.wait(STORE_RETRY_S)
            except Exception:
                # A fault of ours in one target must not end it for good, nor touch the others.
                log.exception("target=%s failed", settings.name)
                self._stop.wait(STORE_RETRY_S)
        sender.close()


def target_of(config: HubConfig, settings: TargetSettings, settings_file: Path) -> Target:
    """Raises SettingsError."""
    place = TargetPlace(
        settings.name,
        config.site,
        settings.settings,
        settings_file,
        time_zone(config.presence),
        closing_rule(config.presence),
    )
    return make_target(settings.kind, place)


def rules_of(settings: TargetSettings, uniform: Callable[[], float] = random.random) -> Rules:
    """How often and how soon something is tried again."""
    return Rules(
        settings.attempts,
        Backoff(uniform, RECORD_FIRST_MS, RECORD_CAP_MS),
        Backoff(uniform, TARGET_FIRST_MS, TARGET_CAP_MS),
    )


def clock_wait_ms(settings: TargetSettings) -> int:
    """How long something is kept back that a gate saw before its clock was set."""
    return int(settings.wait_for_clock_min * 60_000)


def since_ms(settings: TargetSettings, zone: ZoneInfo) -> int | None:
    """From when on a target is told; None: from when it was first known. Raises SettingsError."""
    return None if settings.since is None else day_ms(settings.since, zone, f"targets.{settings.name}.since")


def day_ms(said: str, zone: ZoneInfo, what: str) -> int:
    """When a day begins at the site. Raises SettingsError."""
    try:
        day = date.fromisoformat(said)
    except ValueError as wrong:
        raise SettingsError(f"{what}: {said!r} is not a date; write it as 2026-11-01") from wrong
    return round(datetime.combine(day, clock_time(), zone).timestamp() * 1000)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _monotonic_ms() -> int:
    return time.monotonic_ns() // 1_000_000
