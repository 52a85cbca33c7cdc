"""What it costs to ask others and to keep what they say: the card register's round, and what other systems tell.

Against a bare loop that asks the same of the same double over the same HTTP, reads the JSON, and keeps nothing.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

from hub.central.gathering import Asked, SourceReader
from hub.central.registers.card_register import HttpCardRegister
from hub.central.registers.card_watch import CardWatch
from hub.central.registry import SourcePlace, make_source
from hub.central.web import Web
from hub.permits import USUAL
from hub.records import CrewMember
from hub.register_settings import CardRegisterSettings
from hub.sources import sources
from hub.store import HubStore
from portvakt.doubles import ditio
from portvakt.doubles.serving import Reply, Serving
from tests.benchmarks.figures import Figure

OSLO = ZoneInfo("Europe/Oslo")
COMPANY = "310451274"
VALID = Reply(200, b'{"status": "valid"}')
PAGE = 200


def measure(quick: bool) -> Iterator[Figure]:
    count = 500 if quick else 2_000
    turns = 2 if quick else 3
    with TemporaryDirectory(prefix="pv-") as name:
        folder = Path(name)
        with Serving(lambda _: VALID) as serving:
            bare = "card register asked by a bare loop that keeps nothing"
            yield Figure(bare, "cards/s", [_asked(serving.url, count) for _ in range(turns)])
            swept = [_swept(folder / f"cards-{turn}.sqlite3", serving.url, count) for turn in range(turns)]
            yield Figure("card register's round, each answer kept", "cards/s", swept, against=bare)
        with Serving(_told(5 * count).answer) as serving:
            bare = "check-ins read by a bare loop that keeps nothing"
            yield Figure(bare, "check-ins/s", [_read(serving.url, 5 * count) for _ in range(turns)])
            pairs = [_gathered(folder, turn, serving.url, 5 * count) for turn in range(turns)]
            yield Figure(
                "gathered: kept once, presence follows", "check-ins/s", [new for new, _ in pairs], against=bare
            )
            again = [known for _, known in pairs]
            yield Figure("gathered: all of it told again, nothing is new", "check-ins/s", again, against=bare)


def _asked(url: str, count: int) -> float:
    with closing(HttpCardRegister(_settings(url))) as register:
        began = time.perf_counter()
        for number in range(count):
            register.ask(f"{5_000_000 + number}", None)
        return count / (time.perf_counter() - began)


def _swept(file: Path, url: str, count: int) -> float:
    """A night's round over all cards of a list. The pauses that a site sets between questions are left out."""
    with closing(HubStore(file)) as store:
        with store.changing_crew() as changing:
            changing.write(
                CrewMember("hms", f"{5_000_000 + number}", "Ada", "Nordli", COMPANY) for number in range(count)
            )
            changing.compile(_now_ms())
        watch = CardWatch(_settings(url), store, requirements=USUAL, zone=OSLO, now_ms=_now_ms)
        with closing(watch):
            began = time.perf_counter()
            while not watch.turn(lambda _: False):
                pass
            took_s = time.perf_counter() - began
        with store.heard() as heard:
            answered = heard.so_far("hms").answered
    if answered != count:
        raise RuntimeError(f"{answered} of {count} cards were answered")
    return count / took_s


def _read(url: str, count: int) -> float:
    with closing(Web(url, headers={"Authorization": "Bearer double-1"})) as web:
        since = (datetime.now(UTC) - timedelta(hours=24)).isoformat().replace("+00:00", "Z")
        began = time.perf_counter()
        seen = 0
        token: str | None = "0"
        while token is not None:
            query = {
                "ProjectIds": ditio.PROJECT, "IncludeOpen": "true", "ModifiedSince": since, "ContinuationToken": token,
            }  # fmt: skip
            page = web.ask("GET", ditio.LIST_PATH, params=query).json()
            seen, token = seen + len(page["data"]), page["continuationToken"]
        took_s = time.perf_counter() - began
    if seen != count:
        raise RuntimeError(f"{seen} of {count} check-ins were told")
    return count / took_s


def _gathered(folder: Path, turn: int, url: str, count: int) -> tuple[float, float]:
    secret = folder / "ditio.secret"
    secret.write_text(ditio.SECRET)
    secret.chmod(0o600)
    oauth = {
        "token_url": f"{url}{ditio.TOKEN_PATH}", "client_id": ditio.CLIENT, "secret_file": "ditio.secret",
        "scope": ditio.SCOPE,
    }  # fmt: skip
    settings = {"oauth": oauth, "projects": [ditio.PROJECT], "base_url": url, "overlap_s": 86_400}
    place = SourcePlace("app", "yard", settings, folder / "hub.toml", OSLO)
    with (
        closing(HubStore(folder / f"told-{turn}.sqlite3")) as store,
        closing(make_source("ditio", place)) as source,
    ):
        reader = SourceReader(store, Asked("app", source, 60.0), threading.Event())
        speeds = []
        for _ in range(2):
            began = time.perf_counter()
            while not reader.turn():
                pass
            speeds.append(count / (time.perf_counter() - began))
        (line,) = sources(store, [], [], _now_ms()).sources
    if line.taken != count:
        raise RuntimeError(f"{line.taken} of {count} check-ins were kept: {line.wrong}")
    return speeds[0], speeds[1]


def _told(count: int) -> ditio.Ditio:
    """So many open stays of the last hours, of so many cards, a tenth of them twice."""
    double = ditio.Ditio(page=PAGE, tokens={"double-1"})
    hours_ago = datetime.now(UTC) - timedelta(hours=5)
    for place in range(count):
        double.came(f"{5_000_000 + place % (count * 9 // 10)}", hours_ago + timedelta(seconds=place))
    return double


def _settings(url: str) -> CardRegisterSettings:
    return CardRegisterSettings(base_url=url, per_second=1000)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
