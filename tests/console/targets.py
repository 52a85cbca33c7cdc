"""Central systems as they may be at 06:55: one has everything, one fails, one has stopped, one refuses."""

from typing import Any
from uuid import UUID

from msgspec.structs import replace
from sqlalchemy import insert

from hub.central.alarms import ASIDE, LATE, STOPPED
from hub.central.delivery import State
from hub.config import TargetSettings
from hub.store import schema
from tests.console.conftest import Invented

MINUTE_MS = 60_000
REFUSED = "Ugyldig [verdi] for feltet \x1b[31mOrgNr\x1b[0m \u202e999: 😀 finnes ikke i Enhetsregisteret"
"""As a receiver may write it: markup, an escape, a right-to-left mark, an emoji."""


def id_of(number: int) -> str:
    return str(UUID(int=(number * 0x9E3779B97F4A7C15 << 64) % (1 << 128) + number))


def four_targets(site: Invented) -> None:
    """Into its settings and its store."""
    now_ms = site.clock()
    site.config = replace(
        site.config,
        targets=(
            TargetSettings(name="client", kind="feed"),
            TargetSettings(name="hmsreg", kind="hmsreg-v1", deadline_min=30),
            TargetSettings(name="elrapp", kind="elrapp"),
            TargetSettings(name="vaktbok", kind="webhook"),
        ),
    )
    rows = [_target("client"), _target("hmsreg", failures=4, words="503 Service Unavailable", pause_s=40)]
    rows += [_target("elrapp", stopped="401 wrong key"), _target("vaktbok")]
    for row in rows:
        row |= {"since_ms": now_ms - 90 * MINUTE_MS, "accepted_ms": now_ms - 2 * MINUTE_MS}
        row["pause_until_ms"] = now_ms + row.pop("pause_s") * 1000
    deliveries = [_delivery(number, "client", State.ACCEPTED, now_ms) for number in range(1, 40)]
    deliveries += [_delivery(number, "hmsreg", State.WAITING, now_ms - 44 * MINUTE_MS) for number in range(100, 212)]
    deliveries += [_delivery(number, "hmsreg", State.QUEUED, now_ms - 20 * MINUTE_MS) for number in range(300, 303)]
    deliveries += [_delivery(number, "elrapp", State.WAITING, now_ms - 7 * MINUTE_MS) for number in range(400, 409)]
    deliveries += [_delivery(number, "vaktbok", State.ASIDE, now_ms - number * 1000) for number in range(500, 503)]
    alarms = [
        {"at_ms": now_ms - 14 * MINUTE_MS, "name": LATE, "subject": "hmsreg", "words": "waits 44 min, 30 are allowed"},
        {"at_ms": now_ms - 7 * MINUTE_MS, "name": STOPPED, "subject": "elrapp", "words": "401 wrong key"},
        {"at_ms": now_ms - 3 * MINUTE_MS, "name": ASIDE, "subject": "vaktbok", "words": "3 are set aside"},
    ]
    with site.store.writing() as connection:
        connection.execute(insert(schema.targets), rows)
        connection.execute(insert(schema.deliveries), deliveries)
        connection.execute(insert(schema.alarms), [{**one, "raised": True} for one in alarms])


def _target(
    name: str, *, failures: int = 0, words: str = "", stopped: str | None = None, pause_s: int = 0
) -> dict[str, Any]:
    return {
        "name": name, "kind": "feed", "failures": failures, "pause_s": pause_s, "stopped": stopped, "words": words,
    }  # fmt: skip


def _delivery(number: int, target: str, state: State, at_ms: int) -> dict[str, Any]:
    aside = state is State.ASIDE
    return {
        "target": target, "id": id_of(number), "happening": id_of(number), "stream": "north", "epoch": "0" * 16,
        "seq": number, "scheme": "hms", "number": "7098221", "at_ms": at_ms, "ready_ms": at_ms, "state": state.value,
        "attempts": 2 if aside else 0, "due_ms": 0, "words": REFUSED if aside else "",
        "field": "OrgNr" if aside else None, "answered_ms": at_ms + 900 if aside else None,
    }  # fmt: skip
