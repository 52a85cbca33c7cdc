"""A database that is away, told once when it goes and once when it is back: the hub's loop goes on telling."""

import logging

from hub.errors import StoreError

log = logging.getLogger(__name__)


class StoreAway:
    """For one of those who work beside the loop; `whose` begins the line, such as `target=client`."""

    def __init__(self, whose: str) -> None:
        self._whose = whose
        self._away = False

    def met(self, why: StoreError) -> None:
        """It has failed."""
        if not self._away:
            log.error("%s store=failed why=%r", self._whose, str(why))
        self._away = True

    def over(self) -> None:
        """It has done what was asked."""
        if self._away:
            log.warning("%s store=back", self._whose)
        self._away = False
