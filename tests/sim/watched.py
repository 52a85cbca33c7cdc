"""A site with something to tell in every number: two gates, people inside, refusals, targets, alarms, a muster."""

from collections import deque
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gate.uplink.contract import Status
from gate.uplink.signing import Signer
from hub.central.alarms import AlarmWatch
from hub.central.ledger import Ledger
from hub.central.target import Later, Refused
from hub.config import HubConfig, PostgresAddress, limits, load_config
from hub.crew.csv_list import read_list
from hub.crew.importing import Terms, import_list
from hub.health import follow
from hub.ingest import Ingest
from hub.numbers import ListNumbers, Numbers
from hub.presence import ENTRY, EXIT
from hub.purging import Purge
from hub.queries import COUNTERS
from hub.records import Rejected
from hub.store import HubStore
from tests.sim.records import START_MS, RecordBook
from tests.sim.targets import ScriptedTarget, courier_to

NOW_MS = START_MS + 3_600_000
"""23:26 in Oslo: all of it is of one day."""
DAY_MS = 86_400_000
KEY = Ed25519PrivateKey.generate()
EXAMPLE = Path(__file__).parents[2] / "config" / "crew.example.csv"


NOTHING = Numbers(
    site="yard",
    database="sqlite",
    counters=dict.fromkeys(COUNTERS, 0),
    tallies={},
    today={},
    inside={},
    quarantined=0,
    mustering=False,
    list=ListNumbers(0, 0, "", None, None),
    gates=(),
    targets=(),
    alarms=(),
    size_bytes=4096,
    purged_ms=None,
)
"""Of a hub that has seen nothing yet."""


def settings(folder: Path, database: Path | PostgresAddress | None = None) -> HubConfig:
    """Of the site, written to `hub.toml` there; the target is late after a minute."""
    where = f'database = "{database.url}"\n' if isinstance(database, PostgresAddress) else ""
    (folder / "hub.toml").write_text(
        f'site = "yard"\nstate_dir = "{folder / "state"}"\n{where}'
        '[[targets]]\nname = "client"\nkind = "scripted"\ndeadline_min = 1\n',
        encoding="utf-8",
    )
    return load_config(folder / "hub.toml")


def fill(store: HubStore, config: HubConfig) -> None:
    """Have all of it happen, through the doors by which it happens at a site."""
    target = ScriptedTarget(script=deque([Refused("no such card", "Kortnr")]))
    Ledger(store, "yard", "client").enter("scripted", 0, START_MS)
    store.reject([Rejected("portvakt/v1/yard/north/events", b"of last winter", "no batch", START_MS - 100 * DAY_MS)])
    Purge("yard", store, KEY, limits(config)).all(START_MS)
    import_list(store, read_list(EXAMPLE.read_bytes()), "crew.csv", Terms("office", START_MS))
    north, south = _north(), _south()
    ingest = Ingest("yard", store, Signer("yard", KEY))
    ingest.take([north.message(), south.message(1, 2, 4)], START_MS + 60_000)
    ingest.take([north.message(1, 2)], START_MS + 61_000)
    store.reject([Rejected("portvakt/v1/yard/north/events", b"garbage", "no batch", START_MS)])
    courier = courier_to(store, target)
    for turn in range(4):
        courier.turn(START_MS + 62_000 + turn)
    target.script.extend([Later("503 busy")] * 50)
    north.passage("5310126", ENTRY, START_MS + 63_000)
    ingest.take([north.message(len(north.bodies))], START_MS + 63_000)
    courier.turn(START_MS + 64_000)
    head = store.list_head()
    store.put_gate_health(
        [
            follow(None, _status("north", list_revision=head.revision, list_digest=head.digest), NOW_MS - 5_000),
            follow(None, _status("south", online=False, unsent=17, clock_trusted=False), NOW_MS - 900_000),
        ]
    )
    AlarmWatch(store, config.targets).look(NOW_MS)


def _north() -> RecordBook:
    book = RecordBook("north")
    for number, (card, reason) in enumerate(
        [("5310027", "granted"), ("5310035", "granted"), ("5310118", "expired"), ("5310118", "made up by a gate")]
    ):
        at_ms = START_MS + number * 1000
        kind = "granted" if reason == "granted" else "refused"
        book.add(f"badge.{kind}", at_ms=at_ms, card=card, direction=ENTRY, lane="main", reason=reason)
    book.passage("5310027", ENTRY, START_MS + 4_000)
    book.passage("5310035", ENTRY, START_MS + 5_000, trusted=False)
    book.add("passage.completed", at_ms=START_MS + 6_000, card="5310118", direction=ENTRY, zone="site/tunnel")
    book.add("passage.tailgated", at_ms=START_MS + 7_000, lane="main", direction=ENTRY)
    book.add("lane.mode", at_ms=START_MS + 8_000, lane="main", detail={"mode": "evacuated", "by": "fire loop"})
    return book


def _south() -> RecordBook:
    book = RecordBook("south", epoch="00000000000000bb")
    book.passage("5310225", ENTRY, START_MS)
    book.passage("5310225", EXIT, START_MS + 1_000)
    book.add("passage.free", at_ms=START_MS + 2_000, direction=EXIT)
    book.add("badge.granted", at_ms=START_MS + 3_000, card="5310225", direction=EXIT, reason="expired")
    return book


def _status(gate: str, *, online: bool = True, **said: object) -> Status:
    fields = {
        "version": "0.1.0", "list_confirmed_ms": NOW_MS - 30_000, "clock_trusted": True, "at_ms": NOW_MS,
        "readers": {"entry": "ok", "exit": "hung"}, "reader_reads_ms": {"entry": NOW_MS - 1_000, "exit": 0},
        "lanes": {"main": "evacuated"}, "alarms": ("reader.exit", 'zone "site\\tunnel"\nfull'),
    }  # fmt: skip
    return Status(gate, "one", online=online, **{**fields, **said})  # type: ignore[arg-type]
