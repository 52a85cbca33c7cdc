"""The registers that the settings name, each asked in a thread of its own, with a store of its own."""

import logging
import threading
import time
from collections.abc import Callable
from contextlib import closing
from typing import Protocol

from hub.central.registers.card_watch import CardWatch
from hub.central.registers.company_watch import CompanyWatch
from hub.central.store_away import StoreAway
from hub.config import HubConfig, database, requirements_of, time_zone
from hub.errors import StoreError
from hub.store import HubStore

log = logging.getLogger(__name__)

STORE_RETRY_S = 2.0
FAULT_RETRY_S = 30.0
JOIN_S = 5.0
"""A question on its way is not waited for longer; nothing is lost by leaving it."""


class Watching(Protocol):
    """What a thread does again and again."""

    def turn(self, pause: Callable[[float], bool]) -> float:
        """Do what is due; how many seconds there is nothing to do. `pause` waits, and says whether to stop."""

    def close(self) -> None:
        """Let go of connections."""


class RegisterWatches:
    """All of a hub's. Made without touching anything; `start` and `stop` once each."""

    def __init__(self, config: HubConfig) -> None:
        self._config = config
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """From now on the registers are asked."""
        for name, make in self._wanted():
            thread = threading.Thread(target=self._run, args=(name, make), name=name, daemon=True)
            self._threads.append(thread)
            thread.start()

    def stop(self) -> None:
        """End, after the question that is on its way; a sweep goes on at the next start."""
        self._stop.set()
        deadline = time.monotonic() + JOIN_S
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _wanted(self) -> list[tuple[str, Callable[[HubStore], Watching]]]:
        config = self._config
        requirements, zone = requirements_of(config.requirements), time_zone(config.presence)
        found: list[tuple[str, Callable[[HubStore], Watching]]] = []

        def cards(store: HubStore) -> Watching:
            return CardWatch(config.card_register, store, requirements=requirements, zone=zone, now_ms=_now_ms)

        def companies(store: HubStore) -> Watching:
            return CompanyWatch(config.companies, store, requirements=requirements, zone=zone, now_ms=_now_ms)

        if config.card_register.on:
            found.append(("card-register", cards))
        if config.companies.on:
            found.append(("companies", companies))
        return found

    def _run(self, name: str, make: Callable[[HubStore], Watching]) -> None:
        away = StoreAway(f"register={name}")
        while not self._stop.is_set():
            try:
                with closing(HubStore(database(self._config))) as store, closing(make(store)) as watching:
                    while not self._stop.is_set():
                        idle_s = watching.turn(self._stop.wait)
                        away.over()
                        self._stop.wait(idle_s)
            except StoreError as failed:
                away.met(failed)
                self._stop.wait(STORE_RETRY_S)
            except Exception:
                # A fault of ours here must not end the asking for good.
                log.exception("register=%s failed", name)
                self._stop.wait(FAULT_RETRY_S)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
