"""Other sites' blocks for all sites, from a central broker: believed, put beside what is known, and at the gates.

What was believed waits in memory until the store has it; after a restart the broker, which keeps each site's newest
book, says it again. How far each site was heard is committed together with what it changed.
"""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol

from hub import identity_number
from hub.central.siblings.book import AHEAD_MS, LATELY_MS, Book, Limits, NotBelieved, Step, Stranger, believed, step
from hub.central.siblings.connecting import STORE_RETRY_S, Connecting
from hub.central.siblings.settings import Listening
from hub.central.store_away import StoreAway
from hub.errors import StoreError
from hub.permits import Requirements
from hub.presence import CardKey
from hub.records import AuditEntry, HeardBlock
from hub.store import SiblingTransaction

log = logging.getLogger(__name__)

LOOK_S = 0.5
REFUSED_AGAIN_MS = 60_000
"""The same complaint is written down once in so long, however often it is met."""
SHOWN_ASIDE = 20


class HearingStore(Protocol):
    """What is needed of a store. It may raise StoreError; then nothing was stored."""

    def hearing_siblings(self) -> AbstractContextManager[SiblingTransaction, bool | None]: ...


class Took(NamedTuple):
    """What a book has changed here. `revision` is that of the list that follows, 0 where none may go out yet."""

    found: Step
    revision: int


def take(store: HearingStore, listening: Listening, book: Book, requirements: Requirements, now_ms: int) -> Took | None:
    """Put a book that is believed into the store; None when a newer one, or the same, was taken before. Raises
    StoreError."""
    with store.hearing_siblings() as said:
        up_to = said.heard_up_to(listening.name)
        if book.made_ms <= up_to.get(book.site, 0):
            return None
        lately = said.fresh_since(book.site, now_ms - LATELY_MS)
        found = step(book, said.heard_of(book.site), Limits(now_ms, listening.at_once, lately))
        said.write(found.write, found.lift, _entries(book.site, found, now_ms))
        said.refuse(listening.name, [f"{book.site}: {one}" for one in found.aside[:SHOWN_ASIDE]], now_ms)
        said.took(listening.name, up_to | {book.site: book.made_ms}, now_ms)
        revision = said.compile(now_ms, requirements) if found.write or found.lift else 0
    return Took(found, revision)


def _entries(origin: str, found: Step, now_ms: int) -> Iterator[AuditEntry]:
    for one in found.write:
        who = f"{one.said_by or 'somebody'} at {origin}"
        yield AuditEntry(now_ms, who, "block-held" if one.held else "block", _named(one), f"all sites: {one.reason}")
    for one in found.lift:
        yield AuditEntry(now_ms, origin, "unblock", _named(one), "all sites")


class BlockListener:
    """One source, in a thread of its own. `start` and `stop` once each."""

    def __init__(
        self,
        site: str,
        store: HearingStore,
        listening: Listening,
        requirements: Requirements,
        clock: Callable[[], int] | None = None,
    ) -> None:
        self._site = site
        self._store = store
        self._listening = listening
        self._requirements = requirements
        self._clock = clock or _now_ms
        whose = f"source={listening.name}"
        self._away = StoreAway(whose)
        self._connecting = Connecting(f"source-{listening.name}", whose, self._away, self._connected, self._failed)
        self._waiting: dict[str, Book] = {}
        self._newest: dict[str, int] = {}
        self._complained: dict[str, int] = {}
        self._strangers: set[str] = set()
        self._said = ""

    def start(self) -> None:
        """From now on they are heard. Returns at once."""
        self._connecting.start()

    def stop(self) -> None:
        """End, soon. What was not stored is said again by the broker at the next start."""
        self._connecting.stop()

    def _connected(self) -> None:
        """One connection, until `stop`. Raises Shut, Unreachable."""
        stopping = self._connecting.stopping
        with self._connecting.session(self._listening.broker, self._listening.client_id) as session:
            session.subscribe([self._listening.topic])
            well_s = 0.0
            while not stopping.is_set():
                if (received := session.heard_within(LOOK_S)) is not None and received.payload:
                    self._meet(received.payload)
                try:
                    self._take_waiting()
                    if not well_s or time.monotonic() - well_s >= self._listening.every_s:
                        self._well()
                        well_s = time.monotonic()
                    self._away.over()
                except StoreError as failed:
                    # Nothing that was believed is let go with the connection.
                    self._away.met(failed)
                    stopping.wait(STORE_RETRY_S)

    def _well(self) -> None:
        """Raises StoreError."""
        with self._store.hearing_siblings() as said:
            said.well(self._listening.name, self._clock())
        if self._said:
            log.info("source=%s well=again", self._listening.name)
            self._said = ""

    def _meet(self, payload: bytes) -> None:
        """Believe it, or not. No store is needed for what is believed."""
        try:
            book = believed(payload, self._listening.keys)
        except Stranger as stranger:
            self._pass_over(str(stranger))
        except NotBelieved as why:
            self._refuse(f"a message {why}")
        else:
            if book.site not in self._listening.may_block:
                self._pass_over(book.site)
                return
            if book.made_ms > self._clock() + AHEAD_MS:
                self._refuse(f"a list of {book.site} is from the future; set the clock of that hub, or of this one")
            if book.site not in self._waiting or self._waiting[book.site].made_ms < book.made_ms:
                self._waiting[book.site] = book

    def _take_waiting(self) -> None:
        """Those that can be taken now. Raises StoreError; then they wait on."""
        for site, book in list(self._waiting.items()):
            now_ms = self._clock()
            if book.made_ms > now_ms + AHEAD_MS:
                continue
            took = take(self._store, self._listening, book, self._requirements, now_ms)
            del self._waiting[site]
            if book.made_ms < self._newest.get(site, 0):
                log.warning("source=%s older_list_of=%s note='changes nothing'", self._listening.name, site)
            self._newest[site] = max(book.made_ms, self._newest.get(site, 0))
            if took is not None:
                found = took.found
                log.info(
                    "source=%s blocks_of=%s changed=%d lifted=%d held=%d aside=%d revision=%d",
                    self._listening.name, site, len(found.write), len(found.lift), found.held, len(found.aside),
                    took.revision,
                )  # fmt: skip

    def _pass_over(self, site: str) -> None:
        if site == self._site:
            # Where hubs listen to all of each other, each hears itself.
            return
        shown = identity_number.masked(site)[:40]
        if shown not in self._strangers and len(self._strangers) < 100:
            self._strangers.add(shown)
            log.info("source=%s passed_over=%s note='its blocks do not count here'", self._listening.name, shown)

    def _refuse(self, words: str) -> None:
        now_ms = self._clock()
        if now_ms - self._complained.get(words, -REFUSED_AGAIN_MS) < REFUSED_AGAIN_MS:
            return
        self._complained[words] = now_ms
        log.error("source=%s refused=%r", self._listening.name, words)
        try:
            with self._store.hearing_siblings() as said:
                said.refuse(self._listening.name, [words], now_ms)
        except StoreError as failed:
            self._away.met(failed)
            del self._complained[words]

    def _failed(self, shown: str) -> None:
        if shown != self._said:
            log.warning("source=%s failed=%r", self._listening.name, shown)
        self._said = shown
        try:
            with self._store.hearing_siblings() as said:
                said.failed(self._listening.name, shown, self._clock())
        except StoreError as failed:
            self._away.met(failed)


class UnmadeListener:
    """A source whose settings are wrong: told of when it should start, and keeps nobody from working."""

    def __init__(self, store: HearingStore, name: str, wrong: str) -> None:
        self._store = store
        self._name = name
        self._wrong = wrong

    def start(self) -> None:
        """Say it."""
        log.error("source=%s failed=%r", self._name, self._wrong)
        try:
            with self._store.hearing_siblings() as said:
                said.failed(self._name, self._wrong, _now_ms())
        except StoreError as failed:
            log.error("source=%s store=failed why=%r", self._name, str(failed))

    def stop(self) -> None:
        """Nothing runs."""


def _named(one: HeardBlock) -> str:
    card = CardKey(one.scheme, one.number)
    return f"{card.scheme}:{card.number}"


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
