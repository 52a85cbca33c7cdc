"""Tells the doubles of the demonstration, by the hub's own couriers, queues and alarms; in the caller's thread."""

from dataclasses import dataclass
from random import Random

from hub.central.alarms import AlarmWatch
from hub.central.courier import Courier
from hub.central.couriers import LOOK_MS, rules_of
from hub.central.ledger import Ledger
from hub.central.looking_back import Reconciliation
from hub.central.sending import AtOnce
from hub.config import TargetSettings
from hub.console.demo.receivers import TARGETS, doubles
from hub.store import HubStore


@dataclass(slots=True)
class _Told:
    courier: Courier
    reconciliation: Reconciliation
    due_ms: int = 0


class Telling:
    """All of them, from when the site begins. Each method may raise StoreError."""

    def __init__(self, store: HubStore, site: str, *, began_ms: int, opens_ms: int, random: Random) -> None:
        """`opens_ms` is when somebody begins to look."""
        self._store = store
        self._site = site
        self._random = random
        self._now_ms = began_ms
        self._doubles = doubles(opens_ms, lambda: self._now_ms)
        self._alarms = AlarmWatch(store, TARGETS)
        self._told = [self._begin(one) for one in TARGETS]

    def turn(self, now_ms: int) -> None:
        """Whatever is due now, one request for each."""
        self._now_ms = now_ms
        for one in self._told:
            if now_ms >= one.due_ms:
                wait_ms = self._send(one, now_ms)
                one.due_ms = now_ms + min(LOOK_MS, wait_ms)
                if wait_ms:
                    one.reconciliation.turn(now_ms)
        self._alarms.tick(now_ms)

    def catch_up(self, now_ms: int) -> None:
        """All that can be told by now."""
        self._now_ms = now_ms
        for one in self._told:
            while not self._send(one, now_ms):
                pass
        self._alarms.tick(now_ms)

    def _begin(self, settings: TargetSettings) -> _Told:
        target = self._doubles[settings.name]
        ledger = Ledger(self._store, self._site, settings.name)
        ledger.enter(settings.kind, None, self._now_ms)
        rules = rules_of(settings, self._random.random)
        courier = Courier(settings.name, target, ledger, AtOnce(target), rules, clock_wait_ms=0)
        return _Told(courier, Reconciliation(settings.name, target, ledger, clock_wait_ms=0))

    def _send(self, one: _Told, now_ms: int) -> int:
        """How long it may rest."""
        wait_ms = one.courier.turn(now_ms)
        if one.courier.under_way:
            one.courier.wait(now_ms, 0)
        return wait_ms
