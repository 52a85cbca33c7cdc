"""P2: a hub whose database is away keeps on, acknowledges nothing, says so, and goes on by itself."""

import resource
import signal
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.sim.hub_process import TOPICS, Ear, HubProcess
from tests.sim.mosquitto import BINARY, Mosquitto
from tests.sim.postgres import Postgres
from tests.sim.records import RecordBook
from tests.waiting import wait_for

pytestmark = [pytest.mark.real, pytest.mark.skipif(BINARY is None, reason="mosquitto is not installed")]


@contextmanager
def running(folder: Path, port: int, database: str | None = None) -> Iterator[tuple[HubProcess, Ear]]:
    hub = HubProcess(folder / "hub", port, database=database)
    ear = Ear(port)
    with closing(ear.link):
        try:
            hub.start()
            hub.ready()
            yield hub, ear
        finally:
            hub.end(signal.SIGKILL)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path / "broker") as started:
        yield started


def goes_on_after(hub: HubProcess, ear: Ear, north: RecordBook) -> None:
    """The store is back: what the gate sends again is stored once, and acknowledged."""
    wait_for("the hub to notice", lambda: "store=back away_s=" in hub.text, 20.0)
    ear.link.publish(*north.message())
    ear.until("the ack of all", lambda: ear.acked(hub) == len(north.bodies))
    assert hub.command("roster").count("hms:") == 2
    assert f'"stored": {len(north.bodies)}' in hub.command("gates", "--json")
    assert hub.text.count("store=failed") == 1
    assert "Traceback" not in hub.text
    assert hub.end() == 0


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def still_speaks(ear: Ear) -> None:
    """Twice: so the loop goes round, and the site stays this hub's."""
    for _ in range(2):
        ear.last.pop(TOPICS.hub, None)
        ear.until("the hub's presence", ear.hub_online)


def test_p2_postgresql_is_gone_for_a_while(tmp_path: Path, broker: Mosquitto, postgres: Postgres) -> None:
    with running(tmp_path, broker.port, postgres.database().url) as (hub, ear):
        north = RecordBook()
        north.passage("5310027", "entry", now_ms())
        ear.link.publish(*north.message())
        ear.until("the ack", lambda: ear.acked(hub) == 1)
        postgres.stop("immediate")
        try:
            wait_for("the hub to say so", lambda: "store=failed why='postgresql://" in hub.text)
            north.passage("5310118", "entry", now_ms())
            ear.link.publish(*north.message())
            still_speaks(ear)
            assert ear.acked(hub) == 1
            # Its broker goes, too: what is said at a connection is said when the store is back.
            broker.kill()
            ear.last.clear()
            broker.start()
            ear.until("the hub at the new broker", ear.hub_online, 60.0)
            assert ear.acked(hub) == 0
        finally:
            postgres.start()
        ear.until("the ack of what was there before", lambda: ear.acked(hub) >= 1)
        goes_on_after(hub, ear, north)


def test_p2_the_disk_of_the_hub_is_full(tmp_path: Path, broker: Mosquitto) -> None:
    """The kernel refuses every byte more of this process, as a full disk does, and then allows it again."""
    with running(tmp_path, broker.port) as (hub, ear):
        north = RecordBook()
        north.passage("5310027", "entry", now_ms())
        ear.link.publish(*north.message())
        ear.until("the ack", lambda: ear.acked(hub) == 1)
        assert hub.process
        before = resource.prlimit(hub.process.pid, resource.RLIMIT_FSIZE)
        # The log goes on: it is written by append, and short of this.
        full = max(file.stat().st_size for file in hub.state.glob("hub.sqlite3*"))
        resource.prlimit(hub.process.pid, resource.RLIMIT_FSIZE, (full, before[1]))
        for _ in range(400):
            north.passage("5310118", "entry", now_ms())
        # More than the write-ahead log can take in the room that it has.
        ear.link.publish(*north.message())
        wait_for("the hub to say so", lambda: "store=failed why=" in hub.text)
        still_speaks(ear)
        assert ear.acked(hub) == 1
        resource.prlimit(hub.process.pid, resource.RLIMIT_FSIZE, before)
        goes_on_after(hub, ear, north)
