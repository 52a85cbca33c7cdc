"""Enrolment as a running hub needs it: the desk with the authority behind it, and its own certificate."""

import logging
from collections.abc import Sequence
from pathlib import Path

from gate.uplink.contract import Publish
from gate.uplink.signing import Signer
from hub.authority import authority_at, issuing, renew_hub_identity
from hub.config import HubConfig, authority_file, identity_file
from hub.enrolment import EnrolmentDesk
from hub.errors import KeyFileError
from hub.store import HubStore

log = logging.getLogger(__name__)

LOOK_AT_OWN_MS = 3_600_000


class Membership:
    """One thread."""

    def __init__(self, config: HubConfig, store: HubStore, signer: Signer) -> None:
        self._config = config
        self._store = store
        self._authority = authority_file(config)
        self._days = config.enrolment.certificate_valid_days
        self._desk = EnrolmentDesk(config.site, store, signer, issuing(self._authority, config.site, self._days))
        self._next_look_ms = 0

    def answers(self, wishes: Sequence[tuple[str, bytes]], now_ms: int) -> list[Publish]:
        """To gates that want a certificate; nothing when the authority cannot be used: they ask again.

        Raises StoreError.
        """
        try:
            return self._desk.take(wishes, now_ms)
        except KeyFileError as broken:
            log.error("authority=unusable why=%r", str(broken))
            return []

    def renew_own(self, now_ms: int) -> bool:
        """Whether the hub has a new certificate for its broker. Looks once an hour."""
        own = identity_file(self._config)
        used = self._config.broker.cert_file
        if used is None or Path(used).resolve() != own.resolve() or now_ms < self._next_look_ms:
            return False
        self._next_look_ms = now_ms + LOOK_AT_OWN_MS
        try:
            authority = authority_at(self._authority, self._config.site, now_ms)
            return renew_hub_identity(own, authority, now_ms, self._days)
        except KeyFileError as broken:
            log.error("authority=unusable why=%r", str(broken))
            return False
