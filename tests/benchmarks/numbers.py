"""What a look at the hub's numbers costs when a site has run for long: a scrape, and the plots of a day.

30 gates, 5,000 people inside, 90 days of records and as many deliveries; 40,000 of them are of today.
"""

import os
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import time as hour
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

from gate.uplink.contract import Status
from hub.config import HubConfig, TargetSettings, load_config
from hub.curves import steps
from hub.daily import badges_through, inside_through, refusals
from hub.health import GateHealth
from hub.metrics import exposition
from hub.numbers import day_start_ms, look
from hub.presence import CardKey, ClosingRule, Sighting
from hub.records import EventRecord, Journal, JournalKey
from hub.store import HubStore, schema
from tests.benchmarks.figures import Figure
from tests.sim.postgres import BIN, Postgres
from tests.sim.records import RecordBook

GATES, PEOPLE, DAYS = 30, 5_000, 90
TODAY = 40_000
NOW_MS = 1_781_521_200_000
"""A Monday in June 2026, 13:00 in Oslo."""
DAY_MS = 86_400_000
AT_ONCE = 10_000
TIMES = 9
RULE = ClosingRule(hour(3), ZoneInfo("Europe/Oslo"), 12 * 3_600_000)


def measure(quick: bool) -> Iterator[Figure]:
    count = 50_000 if quick else 1_000_000
    with TemporaryDirectory(prefix="pv-") as name:
        config = _config(Path(name), None)
        with closing(HubStore(Path(name) / "hub.sqlite3")) as store:
            fill(store, count)
            yield from _measured(config, store, f"with {count:,} events, SQLite")
    if BIN is not None:
        with TemporaryDirectory(prefix="pv-") as name, Postgres() as server:
            address = server.database()
            with closing(HubStore(address)) as store:
                fill(store, count)
                # As the server's own housekeeping has it after a while.
                server.psql(address, "VACUUM ANALYZE")
                yield from _measured(_config(Path(name), address.url), store, f"with {count:,} events, PostgreSQL")


def _config(folder: Path, database: str | None) -> HubConfig:
    settings = folder / "hub.toml"
    said = f'database = "{database}"\n' if database else ""
    targets = '[[targets]]\nname = "client"\nkind = "hmsreg-v1"\n'
    settings.write_text(f'site = "yard"\nstate_dir = "{folder}"\n{said}{targets}', encoding="utf-8")
    return load_config(settings)


def _measured(config: HubConfig, store: HubStore, of: str) -> Iterator[Figure]:
    plot = steps(day_start_ms(config, NOW_MS), NOW_MS)
    yield Figure(f"a scrape {of}", "ms", _timed(lambda: exposition(look(config, NOW_MS))))
    yield Figure(f"people inside through today, {of}", "ms", _timed(lambda: inside_through(store, plot, RULE, NOW_MS)))
    yield Figure(f"badges a minute today, {of}", "ms", _timed(lambda: badges_through(store, plot)))
    yield Figure(f"refusals today, {of}", "ms", _timed(lambda: refusals(store, plot.from_ms, NOW_MS)))


def _timed(look_once: Callable[[], object]) -> list[float]:
    taken = []
    for _ in range(TIMES):
        began = time.perf_counter()
        look_once()
        taken.append((time.perf_counter() - began) * 1000)
    return taken


def fill(store: HubStore, count: int) -> None:
    """So many events, and a delivery for each."""
    with store.intake() as transaction:
        transaction.see(_inside())
        transaction.put_journals(
            [Journal(JournalKey(f"gate-{gate}", "00000000000000aa"), stored=count // GATES) for gate in range(GATES)]
        )
        transaction.count({"events": count})
    store.put_gate_health(
        [
            GateHealth(
                Status(
                    f"gate-{gate}", "one", online=True, version="0.1.0", readers={"entry": "ok", "exit": "ok"},
                    lanes={"main": "normal"}, at_ms=NOW_MS,
                ),
                NOW_MS, ("one",),
            )
            for gate in range(GATES)
        ]
    )  # fmt: skip
    _target(store)
    records = _records(count)
    while some := list(islice(records, AT_ONCE)):
        with store.intake() as transaction:
            transaction.add_events(some)
        with store.taking_in() as connection:
            connection.execute(schema.deliveries.insert(), [_delivery(one) for one in some])


def _inside() -> list[Sighting]:
    return [
        Sighting(
            NOW_MS - 6 * 3_600_000 + card, f"gate-{card % GATES}", "00000000000000aa", card + 1, _card(card), "entry"
        )
        for card in range(PEOPLE)
    ]


def _card(number: int) -> CardKey:
    return CardKey("hms", str(5_000_000 + number))


def _records(count: int) -> Iterator[EventRecord]:
    """A badge and a passage, turn by turn; each twentieth badge is refused."""
    book = RecordBook()
    body = book.passage("5310027", "entry")
    today = min(TODAY, count // 10)
    for number in range(count):
        if number < count - today:
            time_ms = NOW_MS - DAYS * DAY_MS + number * ((DAYS - 1) * DAY_MS) // (count - today)
        else:
            time_ms = NOW_MS - 12 * 3_600_000 + (number - count + today) * 12 * 3_600_000 // today
        turn, card = number // 2, _card(number // 2 % PEOPLE)
        direction = ("entry", "exit")[turn // PEOPLE % 2]
        refused = turn % 20 == 0
        kind = "passage.completed" if number % 2 else f"badge.{'refused' if refused else 'granted'}"
        reason = None if number % 2 else "expired" if refused else "granted"
        yield EventRecord(
            str(uuid.UUID(bytes=os.urandom(16))), f"gate-{turn % GATES}", "00000000000000aa", number + 1, kind, time_ms,
            card.scheme, card.number, "main", direction, reason, None, body, bytes(32), bytes(32), time_ms,
        )  # fmt: skip


def _target(store: HubStore) -> None:
    told = TargetSettings(name="client", kind="hmsreg-v1")
    row = {
        "name": told.name, "kind": told.kind, "since_ms": 0, "failures": 0, "pause_until_ms": 0, "stopped": None,
        "words": "", "accepted_ms": NOW_MS, "reconciled_ms": None, "backfill_since_ms": None,
    }  # fmt: skip
    with store.writing() as connection:
        connection.execute(schema.targets.insert(), row)


def _delivery(event: EventRecord) -> dict[str, object]:
    return {
        "target": "client", "id": event.id, "happening": event.id, "stream": event.gate, "epoch": event.epoch,
        "seq": event.seq, "scheme": event.scheme, "number": event.number, "at_ms": event.time_ms,
        "ready_ms": event.received_ms, "state": "waiting" if event.seq % 5_000 == 0 else "accepted", "attempts": 1,
        "due_ms": event.received_ms, "words": "", "field": None, "receiver_id": None, "digest": None,
        "first_sent_ms": event.received_ms, "answered_ms": event.received_ms,
    }  # fmt: skip
