"""What is set about blocks for all sites: where this hub tells its own, and whose it listens to."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, NamedTuple, TypeVar

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from hub.central.mqtt import CentralBroker, central_problems
from hub.central.registry import SourcePlace
from hub.config import HubConfig, NeighbourSettings, time_zone
from hub.keys import public_key
from portvakt.credentials import named_file
from portvakt.errors import SettingsError
from portvakt.link import anchored_broker

TELL = "all_sites.publish"
_Topic = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
_ClientId = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
B = TypeVar("B", bound=CentralBroker)


class TellSettings(CentralBroker, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[all_sites.publish]`."""

    topic: _Topic = "portvakt/v1/{site}/blocks"
    """`{site}` is filled in."""
    client_id: _ClientId | None = None


class HearSettings(CentralBroker, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[sources.settings]` of the kind `blocks`."""

    hubs: Annotated[dict[str, str], msgspec.Meta(min_length=1)]
    """By site the file with the public key of its hub (`hub key`)."""
    may_block: tuple[str, ...] | None = None
    """Of these the sites whose blocks count here; all of them when left out."""
    at_once: Annotated[int, msgspec.Meta(ge=0, le=100_000)] = 10
    """So many new cards of one site are taken within 24 hours; of more none, until somebody here accepts them."""
    topic: _Topic = "portvakt/v1/+/blocks"
    client_id: _ClientId | None = None


class Telling(NamedTuple):
    """Where this hub's blocks go."""

    broker: CentralBroker
    topic: str
    client_id: str


class Listening(NamedTuple):
    """Where other hubs' blocks come from, and which of them count."""

    name: str
    broker: CentralBroker
    topic: str
    client_id: str
    keys: Mapping[str, Ed25519PublicKey]
    may_block: frozenset[str]
    at_once: int
    every_s: float


def telling_of(config: HubConfig, settings_file: Path) -> Telling | None:
    """None when nobody is told. Raises SettingsError."""
    if config.all_sites.publish is None:
        return None
    try:
        settings = msgspec.convert(config.all_sites.publish, TellSettings)
    except msgspec.ValidationError as wrong:
        raise SettingsError(f"{TELL}: {wrong}") from wrong
    settings = _anchored(settings, settings_file, TELL)
    try:
        topic = settings.topic.format(site=config.site)
    except (KeyError, IndexError, ValueError, AttributeError):
        topic = "+"
    if set(topic) & set("+#\0") or topic.startswith(("/", "$")) or topic.endswith("/"):
        raise SettingsError(f"{TELL}.topic: {settings.topic!r} is no topic to publish to, such as {TellSettings.topic}")
    return Telling(settings, topic, settings.client_id or f"portvakt-{config.site}-blocks")


def listening_of(config: HubConfig, one: NeighbourSettings, settings_file: Path) -> Listening:
    """A source of the kind `blocks`. Raises SettingsError."""
    place = SourcePlace(one.name, config.site, one.settings, settings_file, time_zone(config.presence))
    where = f"sources.{one.name}.settings"
    settings = _anchored(place.read(HearSettings), settings_file, where)
    keys = {
        site: public_key(Path(named_file(settings_file, file)), f"{where}.hubs.{site}")
        for site, file in settings.hubs.items()
    }
    if config.site in keys:
        raise place.wrong("hubs", f"{config.site} is this site itself; its own blocks count here anyway")
    may_block = frozenset(keys if settings.may_block is None else settings.may_block)
    if unknown := sorted(may_block - keys.keys()):
        raise place.wrong("may_block", f"there is no key of {', '.join(unknown)} in hubs")
    client_id = settings.client_id or f"portvakt-{config.site}-{one.name}"
    return Listening(
        one.name, settings, settings.topic, client_id, keys, may_block, settings.at_once, one.every_s
    )  # fmt: skip


def _anchored(settings: B, settings_file: Path, where: str) -> B:
    for problem in central_problems(settings):
        raise SettingsError(f"{where}.{problem}")
    return anchored_broker(settings, settings_file)
