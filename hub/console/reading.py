"""The thread that looks at the site: a cheap pulse several times a second, and what changed when it has changed."""

import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from hub import live
from hub.config import HubConfig
from hub.console.bridge import Bridge
from hub.console.site import Picture, Site, View, now_ms, site_of
from hub.errors import StoreError
from hub.store import HubStore
from portvakt.errors import PortvaktError

LOOK_S = 0.15
RETRY_S = 1.0
REST = 4.0
"""After a view was read it is left alone for so many times as long as that took: reading 5,000 people for each badge
would leave no time for anything else."""

Opening = Callable[[], HubStore]


@dataclass(slots=True)
class _Watched:
    """When a view was read last, at which beat, and until when it rests."""

    beat: tuple[int | None, ...] = ()
    stale_at: float = 0.0
    rests_until: float = 0.0
    value: Any = field(default=None)


class Reader:
    """Reads the site until it is stopped. `run` is a thread's; everything else may be called from anywhere."""

    def __init__(
        self,
        opening: Opening,
        config: HubConfig,
        always: Sequence[View],
        bridge: Bridge,
        clock: Callable[[], int] = now_ms,
    ) -> None:
        self._opening = opening
        self._config = config
        self._always = tuple(always)
        self._bridge = bridge
        self._clock = clock
        self._views = self._always
        self._watched: dict[str, _Watched] = {}
        self._forget: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._site: Site | None = None
        self._at_ms = 0

    @property
    def site(self) -> Site | None:
        """The site, as soon as its store has opened."""
        return self._site

    def look_at(self, views: Sequence[View]) -> None:
        """Read these too, from now on, and at once."""
        for view in views:
            self._forget.put(view.name)
        self._views = (*self._always, *views)
        self._wake.set()

    def look_again(self) -> None:
        """Read all of it once more: something was done."""
        self._forget.put(None)
        self._wake.set()

    def stop(self) -> None:
        """End `run`."""
        self._stop.set()
        self._wake.set()

    def run(self) -> None:
        """Blocking."""
        try:
            while not self._stop.is_set():
                rest_s = self._turn()
                self._wake.wait(rest_s)
                self._wake.clear()
        finally:
            if self._site is not None:
                self._site.store.close()

    def _turn(self) -> float:
        try:
            if self._site is None:
                self._site = site_of(self._opening(), self._config, self._clock)
            self._read(self._site)
        except StoreError as failed:
            self._bridge.away(str(failed))
            return RETRY_S
        except PortvaktError as failed:
            self._bridge.unreadable(str(failed))
            return RETRY_S
        return LOOK_S

    def _read(self, site: Site) -> None:
        self._drop_forgotten()
        views = self._views
        pulse = live.pulse(site.store)
        at_ms = site.clock()
        fresh = False
        for view in views:
            watched = self._watched.setdefault(view.name, _Watched())
            now = time.monotonic()
            due = watched.beat != view.beat(pulse) or now >= watched.stale_at
            if not due or now < watched.rests_until:
                continue
            watched.value = view.read(site)
            ended = time.monotonic()
            watched.beat = view.beat(pulse)
            watched.stale_at = ended + view.stale_s
            watched.rests_until = ended + REST * (ended - now)
            fresh = True
        # Once a second all the same: that it answered is news when it had not.
        if fresh or at_ms - self._at_ms >= 1000:
            self._at_ms = at_ms
            values = {view.name: self._watched[view.name].value for view in views}
            self._bridge.picture(Picture(at_ms, pulse, values))

    def _drop_forgotten(self) -> None:
        while not self._forget.empty():
            name = self._forget.get()
            if name is None:
                self._watched = {}
            else:
                self._watched.pop(name, None)
