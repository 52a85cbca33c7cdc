"""What is wrong with what other systems at the site tell: conditions beside those of deliveries. No name, no card."""

from hub.central.alarms import Condition, More
from hub.central.siblings.wrong import NAMES, block_conditions
from hub.config import HubConfig, closing_rule
from hub.sources import confirmations, sources
from hub.store import HubStore

FAILING = "source.failing"
UNCONFIRMED = "confirmation.missing"
PATIENCE_MS = 5 * 60_000
"""How long a source may fail before that is an alarm."""


def site_alarms(store: HubStore, config: HubConfig) -> More:
    """For `hub.central.alarms.AlarmWatch`."""
    return More(frozenset({FAILING, UNCONFIRMED}) | NAMES, lambda now_ms: site_conditions(store, config, now_ms))


def site_conditions(store: HubStore, config: HubConfig, now_ms: int) -> list[Condition]:
    """Sources that have failed for a while, confirmations that are missing, what is wrong with blocks for all sites.
    Raises StoreError."""
    found = block_conditions(store, config, now_ms)
    if config.sources:
        for one in sources(store, config.sources, (), now_ms).sources:
            since_ms = one.wrong_since_ms
            if one.kind is not None and one.wrong and since_ms is not None and now_ms - since_ms >= PATIENCE_MS:
                found.append(Condition(FAILING, one.name, one.wrong))
    group = config.confirmations.group
    if group is not None:
        inside = confirmations(store, config.confirmations, now_ms, closing_rule(config.presence))
        missing = sum(one.missing for one in inside)
        if missing:
            words = f"{missing} of {len(inside)} inside have not confirmed; see: hub confirmations"
            found.append(Condition(UNCONFIRMED, group, words))
    return found
