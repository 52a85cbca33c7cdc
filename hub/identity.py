"""Who a hub is: this process's installation, the database that acks name, and the key that it signs with."""

import hashlib
import logging
import socket
import uuid
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from hub.config import HubConfig, state_dir
from hub.errors import KeyFileError
from hub.store import HubStore

log = logging.getLogger(__name__)

_KEY = "signing_key"


def installation(config: HubConfig, store: HubStore) -> str:
    """This database on this machine. The same after a restart, so that a hub knows its own ghost; another one for a
    copy of the disk in a second machine, and for a second hub at the same PostgreSQL."""
    try:
        machine = Path("/etc/machine-id").read_text(encoding="ascii").strip()
    except OSError:
        machine = socket.gethostname()
    place = "" if config.database is None else f"\0{state_dir(config).resolve()}"
    return _short(f"{_remembered(store)}\0{machine}{place}")


def database_name(config: HubConfig, store: HubStore) -> str:
    """What acks call the database. Every process at one PostgreSQL must call it the same: a gate that hears a lower
    number from another database sends everything again."""
    return installation(config, store) if config.database is None else _short(_remembered(store))


def claim_key(store: HubStore, private: Ed25519PrivateKey) -> None:
    """This is the key that the site's hub signs with, whatever it was before."""
    before = store.remember(_KEY, _public(private))
    if before not in (None, _public(private)):
        log.warning("signing_key=changed note='gates that were given the old one take nothing from this hub'")


def check_key(store: HubStore, private: Ed25519PrivateKey) -> None:
    """Raises KeyFileError when the site's hub signs with another key: gates would refuse every ack of this one."""
    if store.remembered(_KEY, _public(private)) != _public(private):
        raise KeyFileError("the signing key here is not the one of this site's hub; copy its signing-key.pem here")


def _remembered(store: HubStore) -> str:
    return store.remembered("instance", uuid.uuid4().hex)


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _public(private: Ed25519PrivateKey) -> str:
    raw = private.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return raw.hex()
