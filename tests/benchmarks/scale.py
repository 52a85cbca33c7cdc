"""Unit costs for docs/scale.md: what an event, a status, a walk and a hub that does nothing cost on PostgreSQL.

The server is a real one of our own, on the same machine as everything else, with its defaults (fsync on). Events are
passages, as a gate writes them; half of a real day's records are shorter.
"""

import os
import pickle
import signal
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Barrier, Thread
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gate.uplink.contract import Status
from gate.uplink.session import BATCH_RECORDS
from gate.uplink.signing import Signer
from hub.config import PostgresAddress
from hub.health import follow
from hub.ingest import Ingest
from hub.store import HubStore
from hub.verify import verify
from tests.benchmarks.figures import Figure
from tests.sim.mosquitto import Mosquitto
from tests.sim.postgres import BIN, MISSING, Postgres
from tests.sim.records import START_MS, RecordBook
from tests.waiting import wait_for

SITE = "yard"
ON_SQLITE = "ingest in batches of 200, SQLite"
ON_POSTGRES = "ingest in batches of 200, PostgreSQL"
REST_S = 10.0
_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")

Message = tuple[str, bytes]


def measure(quick: bool) -> Iterator[Figure]:
    if BIN is None:
        print(f"docs/scale.md is not measured: {MISSING}", file=sys.stderr)
        return
    count = 4_000 if quick else 20_000
    with TemporaryDirectory(prefix="pv-") as name, Postgres() as server:
        folder = Path(name)
        books = [_book(f"gate-{number}", count) for number in range(2)]
        yield Figure(ON_SQLITE, "events/s", [_ingested(folder / f"{turn}.sqlite3", books[:1]) for turn in range(3)])
        yield Figure(ON_POSTGRES, "events/s", [_ingested(server.database(), books[:1]) for _ in range(3)], ON_SQLITE)
        both = [_ingested(server.database(), books) for _ in range(3)]
        yield Figure("the same, two workers, a gate each", "events/s", both, ON_POSTGRES)
        yield from _costs(server, count, quick=quick)
        yield from _at_rest(folder, server, quick=quick)


def _costs(server: Postgres, count: int, *, quick: bool) -> Iterator[Figure]:
    """Of a database that is filled as it is on a quiet day: a passage and its badge to a commit."""
    address = server.database()
    book = _book("north", count)
    with closing(HubStore(address)) as store:
        ingest = Ingest(SITE, store, Signer(SITE, Ed25519PrivateKey.generate()))
        live = 500 if quick else 2000
        yield Figure("ingest, two events a commit", "ms", _timed(ingest, book, range(1, live, 2)))
        before = int(server.psql(address, "CHECKPOINT; SELECT pg_current_wal_lsn() - '0/0'::pg_lsn"))
        for start in range(live + 1, count, BATCH_RECORDS):
            ingest.take([book.message(*range(start, min(start + BATCH_RECORDS, count + 1)))], START_MS)
        written = int(server.psql(address, "SELECT pg_current_wal_lsn() - '0/0'::pg_lsn")) - before
        yield Figure("write-ahead log for an event, in batches", "bytes", [written / (count - live)])
        size = int(server.psql(address, "VACUUM events; SELECT pg_total_relation_size('events')"))
        yield Figure("an event on the disk, with its indexes", "bytes", [size / count])
        yield Figure("a gate's status", "ms", list(_statuses(store, 200 if quick else 1000)))
        began = time.perf_counter()
        proof = verify(store, SITE)
        if not proof.sound or proof.records != count:
            raise RuntimeError(f"{proof.records} of {count} records, sound: {proof.sound}")
        yield Figure("hub verify", "events/s", [count / (time.perf_counter() - began)])


def _timed(ingest: Ingest, book: RecordBook, starts: Sequence[int]) -> list[float]:
    messages = [book.message(start, start + 1) for start in starts]
    moments = [time.perf_counter()]
    for message in messages:
        ingest.take([message], START_MS)
        moments.append(time.perf_counter())
    return [(after - before) * 1000 for before, after in pairwise(moments)]


def _statuses(store: HubStore, count: int) -> Iterator[float]:
    health = None
    for number in range(count):
        status = Status("north", "one", online=True, epoch="00000000000000aa", head_seq=number, readers={"in": "ok"})
        health = follow(health, status, START_MS + number)
        began = time.perf_counter()
        store.put_gate_health([health])
        yield (time.perf_counter() - began) * 1000


def _at_rest(folder: Path, server: Postgres, *, quick: bool) -> Iterator[Figure]:
    """A hub with nothing to do: its own time, and the server's for it."""
    settings = folder / "hub.toml"
    with Mosquitto(folder / "broker") as broker, (folder / "hub.log").open("wb") as log:
        settings.write_text(
            f'site = "{SITE}"\nstate_dir = "{folder}"\ndatabase = "{server.database().url}"\n'
            f"[broker]\nport = {broker.port}\n",
            encoding="utf-8",
        )
        command = [sys.executable, "-m", "hub", "run", "--config", str(settings)]
        with subprocess.Popen(command, stdout=log, stderr=log, env=os.environ | {"PYTHONUNBUFFERED": "1"}) as hub:
            try:
                wait_for("the hub", lambda: b"hub ready" in (folder / "hub.log").read_bytes(), 20.0)
                backend = int(
                    server.psql(
                        PostgresAddress(url=_url(settings)),
                        "SELECT pid FROM pg_stat_activity WHERE application_name = 'portvakt-hub' AND datname = "
                        "current_database() LIMIT 1",
                    )
                )
                before = _cpu_s(hub.pid), _cpu_s(backend)
                time.sleep(REST_S / 5 if quick else REST_S)
                spent = _cpu_s(hub.pid) - before[0], _cpu_s(backend) - before[1]
                memory = _resident_mb(hub.pid), _resident_mb(backend)
            finally:
                hub.send_signal(signal.SIGTERM)
    seconds = REST_S / 5 if quick else REST_S
    yield Figure("a hub at rest, on PostgreSQL", "% of a core", [100 * spent[0] / seconds])
    yield Figure("a hub at rest, the server's part", "% of a core", [100 * spent[1] / seconds])
    yield Figure("memory, hub on PostgreSQL", "MB", [memory[0]])


def _url(settings: Path) -> str:
    return next(line for line in settings.read_text().splitlines() if line.startswith("database")).split('"')[1]


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_A_SECOND


def _resident_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) / 1024


def _ingested(where: Path | PostgresAddress, books: list[RecordBook]) -> float:
    """Events a second, of one worker for each gate: processes, so that they share no interpreter."""
    HubStore(where).close()
    lines = Barrier(len(books) + 1)
    failures: list[BaseException] = []
    threads = [
        Thread(target=_guarded, args=(lambda book=book: _worker(where, book, lines), failures)) for book in books
    ]
    for thread in threads:
        thread.start()
    lines.wait()
    began = time.perf_counter()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - began
    if failures:
        raise failures[0]
    return sum(len(book.bodies) for book in books) / seconds


def _guarded(work: Callable[[], None], failures: list[BaseException]) -> None:
    try:
        work()
    except BaseException as failed:  # noqa: BLE001  # raised by who waits
        failures.append(failed)


_WORKER = """
import pickle, sys
from contextlib import closing
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from gate.uplink.signing import Signer
from hub.ingest import Ingest
from hub.store import HubStore
where, site, messages, now_ms = pickle.load(sys.stdin.buffer)
with closing(HubStore(where)) as store:
    ingest = Ingest(site, store, Signer(site, Ed25519PrivateKey.generate()))
    print("ready", flush=True)
    sys.stdin.buffer.read(1)
    for message in messages:
        ingest.take([message], now_ms)
"""


def _worker(where: Path | PostgresAddress, book: RecordBook, lines: Barrier) -> None:
    count = len(book.bodies)
    messages = [
        book.message(*range(start, min(start + BATCH_RECORDS, count + 1)))
        for start in range(1, count + 1, BATCH_RECORDS)
    ]
    with subprocess.Popen([sys.executable, "-c", _WORKER], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        pickle.dump((where, SITE, messages, START_MS), process.stdin)
        process.stdin.flush()
        process.stdout.readline()
        lines.wait()
        process.stdin.write(b".")
        process.stdin.flush()
        process.stdin.close()
        if process.wait(300):
            raise RuntimeError("a worker failed")


def _book(gate: str, count: int) -> RecordBook:
    book = RecordBook(gate)
    for turn in range(count // 2):
        # Each gate its own cards: one that is at two gates at once is a suspicion, and costs more.
        card = f"{zlib.crc32(gate.encode()) % 1000:03d}{turn % 500:05d}"
        common: dict[str, Any] = {"card": card, "direction": ("entry", "exit")[turn // 500 % 2], "lane": "main"}
        badge = f"0b5d3a58-0000-4000-8000-{turn:012d}"
        at_ms = START_MS + 1000 * turn
        book.add("badge.granted", at_ms=at_ms, reason="granted", medium="chip", badge=badge, **common)
        book.add("passage.completed", at_ms=at_ms, medium="chip", badge=badge, uid="04a1b2c3", **common)
    return book
