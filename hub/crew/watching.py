"""A source of crew lists looked at again and again. What is wrong with a list is counted here, never repeated: logs
carry no names (P12)."""

import logging
import threading
from collections.abc import Callable
from typing import Protocol

from hub.config import CrewSettings
from hub.crew.columns import Naming
from hub.crew.importing import CrewStore, Outcome, Terms, import_list, read_data
from hub.crew.source import Found, look
from hub.errors import CrewListError, StoreError
from hub.identity_number import masked

log = logging.getLogger(__name__)

TAKEN = "crew_source"
"""Under this name the store remembers which list of the source was taken in last."""


class RememberingStore(CrewStore, Protocol):
    """What a source needs of a store."""

    def recall(self, name: str) -> str | None: ...
    def remember(self, name: str, value: str) -> str | None: ...


def take_newest(
    store: RememberingStore, settings: CrewSettings, terms: Terms, refused: str = ""
) -> tuple[Found, Outcome] | None:
    """Take in the source's newest list, if it is another one than was taken last; `refused` is one not to try again.

    Raises CrewListError, StoreError.
    """
    found = look(settings.source)
    if found is None or found.digest in (refused, store.recall(TAKEN)):
        return None
    read = read_data(found.name, found.data, Naming(settings.columns, settings.ignore), settings.sheet)
    outcome = import_list(store, read, found.name, terms)
    if outcome.written:
        store.remember(TAKEN, found.digest)
    return found, outcome


def watch(store: RememberingStore, settings: CrewSettings, terms: Callable[[], Terms], stop: threading.Event) -> None:
    """Look every `settings.source.every_s` seconds until `stop` is set. A source that fails is looked at again."""
    refused = said = ""
    while not stop.is_set():
        try:
            taken = take_newest(store, settings, terms(), refused)
            said = ""
        except (CrewListError, StoreError) as failed:
            taken = None
            if str(failed) != said:
                log.warning("crew_source=failed why=%r", str(failed))
            said = str(failed)
        if taken is not None:
            found, outcome = taken
            name = masked(found.name)
            if outcome.written:
                log.info("crew_list=taken name=%r change=%r revision=%d", name, str(outcome.change), outcome.revision)
            else:
                refused = found.digest
                why = "too many would leave" if outcome.too_many_leave else f"{len(outcome.problems)} problems"
                log.warning("crew_list=refused name=%r why=%r note='hub crew pull tells more'", name, why)
        stop.wait(settings.source.every_s)
