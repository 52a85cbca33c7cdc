"""Who speaks with a central broker for as long as the hub runs: a thread, and one connection after another."""

import contextlib
import logging
import random
import threading
import time
from collections.abc import Callable, Iterator

from hub import identity_number
from hub.central.mqtt import BrokerSession, CentralBroker, Shut, Unreachable
from hub.central.store_away import StoreAway
from hub.errors import StoreError
from portvakt.backoff import Backoff

log = logging.getLogger(__name__)

SHUT_RETRY_S = 60.0
STORE_RETRY_S = 2.0
JOIN_S = 5.0
MAX_WORDS = 300


class Connecting:
    """Calls `serve` again and again until it returns, which it does when `stopping` is set. It raises Shut,
    Unreachable or StoreError; `failed` is then told why in words without an identity number, unless the store is
    away. `whose` begins each line of the log. `start` and `stop` once each."""

    def __init__(
        self, name: str, whose: str, away: StoreAway, serve: Callable[[], None], failed: Callable[[str], None]
    ) -> None:
        self.stopping = threading.Event()
        self._whose = whose
        self._away = away
        self._serve = serve
        self._failed = failed
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._session: BrokerSession | None = None

    def start(self) -> None:
        """Begin. Returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """End, soon."""
        self.stopping.set()
        session = self._session
        if session is not None:
            session.close()
        if self._thread.is_alive():
            self._thread.join(JOIN_S)

    @contextlib.contextmanager
    def session(self, broker: CentralBroker, client_id: str) -> Iterator[BrokerSession]:
        """A connection that `stop` ends. Raises Shut, Unreachable."""
        self._session = session = BrokerSession.opened(broker, client_id)
        try:
            yield session
        finally:
            session.close()

    def _run(self) -> None:
        backoff = Backoff(random.random, first_ms=1000)
        attempt = 0
        while not self.stopping.is_set():
            began = time.monotonic()
            try:
                self._serve()
            except Shut as shut:
                words, wait_s = str(shut), SHUT_RETRY_S
            except Unreachable as gone:
                words, wait_s = str(gone), backoff.wait_ms(attempt) / 1000
            except StoreError as failed:
                self._away.met(failed)
                self.stopping.wait(STORE_RETRY_S)
                continue
            except Exception as broken:
                # Nobody else would notice that blocks go round no more.
                log.exception("%s broken", self._whose)
                words, wait_s = f"fails: {type(broken).__name__}; see the hub's log", SHUT_RETRY_S
            else:
                return
            attempt = 0 if time.monotonic() - began > SHUT_RETRY_S else attempt + 1
            if not self.stopping.is_set():
                self._failed(identity_number.masked(words)[:MAX_WORDS])
            self.stopping.wait(wait_s)
