"""Sources read again and again, each by a thread of its own and at its own pace: a sick one slows nobody.

    fetch -> what is sound, and what is not -> one transaction: check-ins, presence, how far it was read

A long answer is committed in pieces, and how far it was read with the last of them: after a power cut it is told once
more, and counts once.
"""

import hashlib
import logging
import random
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from hub import identity_number
from hub.central.registry import SourcePlace, make_source
from hub.central.source import Aside, Fetched, Source, SourceAway, SourceRefused
from hub.config import BLOCKS, HubConfig, NeighbourSettings, time_zone
from hub.errors import StoreError
from hub.presence import CONFIRMATION, MOVES, CheckIn, place_of
from hub.records import Rejected
from hub.store.check_ins import Taken
from portvakt.backoff import Backoff
from portvakt.errors import SettingsError

log = logging.getLogger(__name__)

AT_ONCE = 500
"""Check-ins of one transaction: ingest waits for it."""
AHEAD_MS = 5 * 60_000
"""Clocks differ by so much; what lies further in the future would count for more than all that is seen until then."""
EARLIEST_MS = 946_684_800_000
REFUSED_RETRY_S = 300.0
MAX_THEIRS = 100
MAX_WORDS = 300
MAX_WHY = 400
MAX_SCHEME = 16
MAX_NUMBER = 40
MAX_BACKOFF_MS = 10 * 60_000
JOIN_S = 2.0


class Reporting(Protocol):
    """What is needed of a transaction; see `hub.store.check_ins`."""

    def cursor(self, source: str) -> str: ...
    def take(self, source: str, told: Sequence[CheckIn], now_ms: int) -> Taken: ...
    def set_aside(self, source: str, rejected: Sequence[Rejected]) -> None: ...
    def succeeded(self, source: str, cursor: str, now_ms: int) -> None: ...
    def failed(self, source: str, words: str, now_ms: int) -> None: ...


class ReportingStore(Protocol):
    """What is needed of a store. It may raise StoreError; then nothing was stored."""

    def reporting(self) -> AbstractContextManager[Reporting, bool | None]: ...


@dataclass(frozen=True, slots=True)
class Asked:
    """A source of the settings, and how often it is asked."""

    name: str
    source: Source
    every_s: float


def sound(told: Iterable[CheckIn], now_ms: int) -> tuple[list[CheckIn], list[Aside]]:
    """Those that can be kept, and why others cannot. Pure."""
    kept: list[CheckIn] = []
    aside: list[Aside] = []
    for one in told:
        theirs = _storable(one.theirs)
        if (wrong := _objection(one, now_ms)) is None:
            kept.append(one._replace(theirs=theirs))
        else:
            aside.append(Aside(f"id {theirs}, {wrong.where}", wrong.what))
    return kept, aside


def _objection(one: CheckIn, now_ms: int) -> Aside | None:
    if one.direction not in (*MOVES, CONFIRMATION):
        return Aside("direction", "is neither entry, exit nor confirmed")
    if one.deleted:
        return None
    if one.at_ms > now_ms + AHEAD_MS:
        return Aside("time", "lies in the future; is the time zone right?")
    if one.at_ms < EARLIEST_MS:
        return Aside("time", "lies before the year 2000")
    if one.card is not None:
        if not (0 < len(one.card.scheme) <= MAX_SCHEME and 0 < len(one.card.number) <= MAX_NUMBER):
            return Aside("card", "is no card number")
        if not one.card.number.isprintable() or identity_number.objection(one.card.number) is not None:
            return Aside("card", "holds what may not be stored here")
    return None


def read_once(store: ReportingStore, asked: Asked, stop: threading.Event, now_ms: Callable[[], int]) -> Fetched | None:
    """Ask a source once and keep what it says; None when it is to stop meanwhile.

    Raises SourceAway, SourceRefused, StoreError, and whatever else an adapter lets through.
    """
    with store.reporting() as reporting:
        cursor = reporting.cursor(asked.name)
    fetched = asked.source.fetch(cursor)
    if stop.is_set():
        return None
    if fetched.more and fetched.cursor == cursor:
        raise SourceAway("says that there is more, and goes on from the same place")
    at_ms = now_ms()
    kept, aside = sound(fetched.check_ins, at_ms)
    aside = [*fetched.aside, *aside]
    pieces = [kept[start : start + AT_ONCE] for start in range(0, len(kept), AT_ONCE)] or [[]]
    total = Taken()
    for place, piece in enumerate(pieces, start=1):
        with store.reporting() as reporting:
            taken = reporting.take(asked.name, piece, at_ms)
            if place == len(pieces):
                if aside:
                    topic = place_of(asked.name)
                    reporting.set_aside(asked.name, [Rejected(topic, b"", _keepable(one), at_ms) for one in aside])
                reporting.succeeded(asked.name, fetched.cursor, at_ms)
        total = Taken(*(sum(pair) for pair in zip(total, taken, strict=True)))
    if any(total) or aside:
        log.info(
            "source=%s new=%d changed=%d withdrawn=%d aside=%d",
            asked.name, total.new, total.changed, total.withdrawn, len(aside),
        )  # fmt: skip
    return fetched


def asked_of(config: HubConfig, one: NeighbourSettings, settings_file: Path) -> Asked:
    """A source of the settings. Raises SettingsError."""
    place = SourcePlace(one.name, config.site, one.settings, settings_file, time_zone(config.presence))
    try:
        return Asked(one.name, make_source(one.kind, place), one.every_s)
    except SettingsError as wrong:
        said = str(wrong)
        raise SettingsError(said if said.startswith("sources.") else f"sources.{one.name}: {said}") from wrong


class Gathering:
    """All sources of a site, each in a thread of its own. `start` and `stop` once each.

    One that cannot be made is told of when it should start, and keeps nobody from working.
    """

    def __init__(self, config: HubConfig, store: ReportingStore, settings_file: Path) -> None:
        self._store = store
        self._stop = threading.Event()
        self._asked: list[Asked] = []
        self._unmade: dict[str, str] = {}
        for one in config.sources:
            if one.kind == BLOCKS:
                continue
            try:
                self._asked.append(asked_of(config, one, settings_file))
            except SettingsError as wrong:
                self._unmade[one.name] = str(wrong)
        self._threads = [
            threading.Thread(target=self._gather, args=(one,), name=f"source-{one.name}", daemon=True)
            for one in self._asked
        ]

    def start(self) -> None:
        """From now on they are asked. Returns at once."""
        for name, wrong in self._unmade.items():
            log.error("source=%s failed=%r", name, wrong)
            self._failed(name, wrong)
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End, soon. What a source says after this is not kept, and is told again at the next start."""
        self._stop.set()
        for one in self._asked:
            try:
                one.source.close()
            except Exception:
                log.exception("source=%s cannot be closed", one.name)
        deadline = time.monotonic() + JOIN_S
        for thread in self._threads:
            if thread.is_alive():
                thread.join(max(0.0, deadline - time.monotonic()))

    def _gather(self, asked: Asked) -> None:
        backoff = Backoff(random.random, first_ms=1000, cap_ms=MAX_BACKOFF_MS)
        said = ""
        attempt = 0
        while not self._stop.is_set():
            wait_s, wrong = self._turn(asked, backoff, attempt)
            attempt = 0 if wrong is None else attempt + 1
            if wrong is not None and wrong != said and not self._stop.is_set():
                log.warning("source=%s failed=%r", asked.name, wrong)
            if wrong is None and said:
                log.info("source=%s well=again", asked.name)
            said = wrong or ""
            self._stop.wait(wait_s)

    def _turn(self, asked: Asked, backoff: Backoff, attempt: int) -> tuple[float, str | None]:
        """Ask once; how long to wait then, and what went wrong."""
        try:
            fetched = read_once(self._store, asked, self._stop, _now_ms)
        except SourceRefused as refused:
            return REFUSED_RETRY_S, self._failed(asked.name, refused.words)
        except SourceAway as away:
            wait_ms = max(backoff.wait_ms(attempt), away.after_ms or 0)
            return wait_ms / 1000, self._failed(asked.name, away.words)
        except StoreError as failed:
            return backoff.wait_ms(attempt) / 1000, str(failed)
        except Exception as broken:
            # Adapters are other people's, too; their words may hold what they have read.
            log.debug("source=%s broken", asked.name, exc_info=True)
            return REFUSED_RETRY_S, self._failed(asked.name, f"its adapter fails: {type(broken).__name__}")
        return (0.0 if fetched is not None and fetched.more else asked.every_s), None

    def _failed(self, name: str, words: str) -> str:
        """Keep what is wrong; returns it as it may be shown."""
        shown = identity_number.masked(words)[:MAX_WORDS]
        if not self._stop.is_set():
            try:
                with self._store.reporting() as reporting:
                    reporting.failed(name, shown, _now_ms())
            except StoreError as failed:
                return str(failed)
        return shown


def _keepable(aside: Aside) -> str:
    """As it is kept: what a store would change would look like something new each time."""
    told = str(aside)[:MAX_WHY]
    plain = told.isprintable() and identity_number.objection(told) is None
    return told if plain else identity_number.masked(told)


def _storable(theirs: str) -> str:
    """Their own id; a hash of it where it cannot be kept as it is."""
    plain = theirs.isprintable() and len(theirs) <= MAX_THEIRS and identity_number.objection(theirs) is None
    return theirs if plain else hashlib.sha256(theirs.encode("utf-8", "replace")).hexdigest()


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
