"""A source of crew lists looked at again and again. What is wrong with a list is counted here, never repeated: logs
carry no names (P12)."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from hub.config import CrewSettings, HubConfig, requirements_of
from hub.crew.columns import Naming
from hub.crew.importing import CrewStore, Outcome, Terms, import_list, read_data
from hub.crew.mailbox import PUBLIC_KEY, Looking, looking
from hub.crew.source import Found
from hub.errors import CrewListError, StoreError
from hub.identity_number import masked
from hub.keys import public_key
from hub.records import Rejected

log = logging.getLogger(__name__)

TAKEN = "crew_source"
"""Under this name the store remembers which list of the source was taken in last."""
MADE = "crew_source_made"
"""And under this one when it was made, as far as it is signed and says so."""
SHOWN_PROBLEMS = 10
MAILBOX_S = 1.0
"""How often it is looked whether a broker has brought something."""
JOIN_S = 5.0


class RememberingStore(CrewStore, Protocol):
    """What a source needs of a store."""

    def recall(self, name: str) -> str | None: ...
    def remember(self, name: str, value: str) -> str | None: ...
    def reject(self, rejected: Sequence[Rejected]) -> None: ...


def take_newest(
    store: RememberingStore, settings: CrewSettings, terms: Callable[[], Terms], source: Looking, refused: str = ""
) -> tuple[Found, Outcome] | None:
    """Take in the source's newest list, if it is another one than was taken last; `refused` is one not to try again.

    Raises CrewListError, StoreError; after the second the list is still there to be taken.
    """
    found = source.look()
    if found is None:
        return None
    taken = None
    try:
        if found.digest not in (refused, store.recall(TAKEN)):
            taken = found, _take(store, settings, terms(), found)
    except CrewListError:
        source.let_go()
        raise
    source.let_go()
    return taken


def _take(store: RememberingStore, settings: CrewSettings, terms: Terms, found: Found) -> Outcome:
    if found.made_ms is not None and found.made_ms < int(store.recall(MADE) or 0):
        raise CrewListError("the list was signed before the one that was taken last; an older one is not taken again")
    read = read_data(found.name, found.data, Naming(settings.columns, settings.ignore), settings.sheet)
    outcome = import_list(store, read, found.name, terms)
    if outcome.written:
        store.remember(TAKEN, found.digest)
        if found.made_ms is not None:
            store.remember(MADE, str(found.made_ms))
    return outcome


def watch(
    store: RememberingStore, settings: CrewSettings, terms: Callable[[], Terms], stop: threading.Event, source: Looking
) -> None:
    """Look every `settings.source.every_s` seconds until `stop` is set, oftener at a broker. A source that fails is
    looked at again."""
    topic = settings.source.topic
    every_s = settings.source.every_s if topic is None else MAILBOX_S
    refused = said = ""
    while not stop.is_set():
        wrong = ""
        try:
            taken = take_newest(store, settings, terms, source, refused)
            if taken is not None and (wrong := _told(*taken)):
                refused = taken[0].digest
            elif taken is None and topic is not None:
                # At a broker there is nothing to be seen of a list that was bad.
                wrong = said
        except (CrewListError, StoreError) as failed:
            wrong = str(failed)
            if wrong != said:
                log.warning("crew_source=failed why=%r", wrong)
        if wrong and wrong != said and topic is not None:
            _set_aside(store, topic, wrong)
        said = wrong
        stop.wait(every_s)


def _told(found: Found, outcome: Outcome) -> str:
    """Log what came of a list; returns why it was refused, without what stands in it."""
    name = masked(found.name)
    if outcome.written:
        log.info("crew_list=taken name=%r change=%r revision=%d", name, str(outcome.change), outcome.revision)
        return ""
    problems = f"{len(outcome.problems)} problems" if outcome.problems else ""
    why = ", ".join(filter(None, (problems, "too many would leave" if outcome.too_many_leave else "")))
    log.warning("crew_list=refused name=%r why=%r note='hub crew pull tells more'", name, why)
    places = ", ".join(f"row {one.row} {one.field or ''}".strip() for one in outcome.problems[:SHOWN_PROBLEMS])
    return f"crew list {found.digest[:12]} refused: {why}{f' ({places})' if places else ''}"


class CrewWatch:
    """Takes the lists of a broker inside `hub run`, in a thread of its own. `start` and `stop` once each."""

    def __init__(self, config: HubConfig, store: RememberingStore) -> None:
        """Raises SettingsError."""
        if config.crew.source.public_key_file is not None:
            public_key(Path(config.crew.source.public_key_file), PUBLIC_KEY)
        self._config = config
        self._store = store
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="crew-lists", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(JOIN_S)

    def _run(self) -> None:
        with looking(self._config) as source:
            watch(self._store, self._config.crew, self._terms, self._stop, source)

    def _terms(self) -> Terms:
        crew = self._config.crew
        now_ms = time.time_ns() // 1_000_000
        return Terms(TAKEN, now_ms, requirements_of(self._config.requirements), crew.may_remove, crew.keep_lists)


def _set_aside(store: RememberingStore, topic: str, why: str) -> None:
    """Why, and nothing of what it held: people stand in it."""
    try:
        store.reject([Rejected(topic, b"", why, time.time_ns() // 1_000_000)])
    except StoreError as failed:
        log.warning("crew_source=failed why=%r", str(failed))
