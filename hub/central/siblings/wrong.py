"""What is wrong with blocks for all sites, for `hub.central.site_alarms`. No card number in it."""

from collections import Counter

from sqlalchemy import select

from hub.central.alarms import Condition
from hub.central.siblings.telling import said_so_far
from hub.config import BLOCKS, HubConfig
from hub.presence import place_of
from hub.store import HubStore, schema
from hub.store.blocks import read_heard

REFUSED = "blocks.refused"
HELD = "blocks.held"
UNTOLD = "blocks.untold"
NAMES = frozenset({REFUSED, HELD, UNTOLD})
REFUSED_MS = 24 * 3_600_000
"""How long a message that was refused stays an alarm."""
PATIENCE_MS = 5 * 60_000


def block_conditions(store: HubStore, config: HubConfig, now_ms: int) -> list[Condition]:
    """Messages that were refused, cards that wait to be accepted, blocks that the others do not hear. Raises
    StoreError."""
    found = []
    with store.reading() as connection:
        table = schema.quarantine
        for one in config.sources:
            if one.kind == BLOCKS:
                lately = select(table.c.why).where(
                    table.c.topic == place_of(one.name), table.c.at_ms >= now_ms - REFUSED_MS
                )
                if (why := connection.scalar(lately.order_by(table.c.at_ms.desc(), table.c.id.desc()))) is not None:
                    found.append(Condition(REFUSED, one.name, why))
        held = Counter(one.origin for one in read_heard(connection) if one.held and one.overruled_ms is None)
    for origin, cards in sorted(held.items()):
        advice = f"hub blocks shows them, hub accept-blocks {origin} lets them count"
        found.append(Condition(HELD, origin, f"{cards} cards at once: {advice}"))
    if config.all_sites.publish is not None:
        said = said_so_far(store)
        if said.wrong is not None and now_ms - (said.wrong_since_ms or now_ms) >= PATIENCE_MS:
            found.append(Condition(UNTOLD, "all-sites", said.wrong))
    return found
