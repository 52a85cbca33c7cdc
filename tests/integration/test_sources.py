"""Sources over HTTP, against doubles that misbehave: a cursor that survives, nothing lost, nothing twice."""

import contextlib
import errno
import json
import logging
import os
import re
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from hub import queries
from hub.central import gathering
from hub.central.gathering import AT_ONCE, Asked, Gathering, asked_of, read_once
from hub.central.registry import SourcePlace, make_source
from hub.central.source import Aside, Fetched, SourceAway, SourceRefused
from hub.cli import main
from hub.config import load_config
from hub.errors import StoreError
from hub.presence import ENTRY, EXIT, CardKey, CheckIn
from hub.sources import SourceLine, sources
from hub.store import HubStore
from portvakt.doubles import chkbox, ditio
from portvakt.doubles.serving import BROKEN, HTML, Fault, Reply, Request, Serving
from tests.waiting import wait_for

OSLO = ZoneInfo("Europe/Oslo")
HOUR = timedelta(hours=1)
NEVER = threading.Event()


def now_ms() -> int:
    return round(datetime.now(UTC).timestamp() * 1000)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[HubStore]:
    with contextlib.closing(HubStore(tmp_path / "state" / "hub.sqlite3")) as opened:
        yield opened


class Reader:
    """One source of a store, read when the test says so."""

    def __init__(self, store: HubStore, folder: Path, kind: str, settings: dict[str, Any]) -> None:
        self.store = store
        self.file = folder / "hub.toml"
        self._make: Callable[[], Asked] = lambda: Asked(
            "app", make_source(kind, SourcePlace("app", "yard", settings, self.file, OSLO)), 60.0
        )
        self.asked = self._make()

    def once(self) -> Fetched:
        fetched = read_once(self.store, self.asked, NEVER, now_ms)
        assert fetched is not None
        return fetched

    def round(self) -> int:
        """Until there is no more; how many pages that took. Each is asked for by a process that has just started."""
        for pages in range(1, 100):
            self.asked.source.close()
            self.asked = self._make()
            if not self.once().more:
                return pages
        raise AssertionError("no end")

    def line(self) -> SourceLine:
        return sources(self.store, [], [], now_ms()).sources[0]

    def inside(self) -> list[str]:
        return sorted(one.number for one in queries.roster(self.store, now_ms=now_ms()))


def secret_file(folder: Path, name: str, held: str) -> None:
    (folder / name).write_text(f"{held}\n")
    (folder / name).chmod(0o600)


@pytest.fixture
def box() -> chkbox.ChkBox:
    return chkbox.ChkBox()


@pytest.fixture
def box_server(box: chkbox.ChkBox) -> Iterator[Serving]:
    with Serving(box.answer) as serving:
        yield serving


@pytest.fixture
def box_reader(store: HubStore, tmp_path: Path, box_server: Serving) -> Iterator[Reader]:
    secret_file(tmp_path, "chkbox.key", chkbox.KEY)
    settings = {"project": "SKK180039", "key_file": "chkbox.key", "base_url": box_server.url, "page": 3}
    reader = Reader(store, tmp_path, "chkbox", settings)
    yield reader
    reader.asked.source.close()


def oslo(ago: timedelta) -> str:
    """A time as a reader writes it, without an offset."""
    return (datetime.now(OSLO) - ago).replace(tzinfo=None).isoformat(timespec="seconds")


@pytest.mark.parametrize("linked", [True, False])
def test_chkbox_page_by_page_and_each_registration_once(
    box: chkbox.ChkBox, box_reader: Reader, box_server: Serving, linked: bool
) -> None:
    """It is not public whether a page names the next one; Ditio's sample goes by page[offset] until one is not full."""
    box.linked = linked
    for number in range(5_310_001, 5_310_008):
        box.register(str(number), "in", oslo(2 * HOUR))
    box.register("5310001", "out", oslo(HOUR))
    assert box_reader.round() == 3
    assert box_reader.inside() == [str(number) for number in range(5_310_002, 5_310_008)]
    asked = box_server.requests[0]
    assert asked.headers["authorization"] == f"ApiKey {chkbox.KEY}"
    assert asked.headers["accept"] == "application/vnd.api+json"
    assert (asked.query["filter[project]"], asked.query["include"]) == ("SKK180039", "card")
    assert box_reader.line().taken == 8
    box_reader.round()
    assert (box_reader.line().taken, box_reader.line().changed) == (8, 0)


def test_chkbox_tells_late_and_by_central_european_time(box: chkbox.ChkBox, box_reader: Reader) -> None:
    """A reader without network for a day: its registrations are older than what was read already."""
    box.register("5310027", "in", oslo(20 * HOUR))
    box.register("5310118", "in", oslo(HOUR))
    box_reader.round()
    box.register("5310027", "out", oslo(19 * HOUR))
    box.register("5310118", "out", datetime.now(UTC).isoformat())
    box_reader.round()
    assert box_reader.inside() == []
    with box_reader.store.looking() as looking:
        seen = looking.last_seen([CardKey("hms", "5310027")])[CardKey("hms", "5310027")]
    assert abs(seen.time_ms - (now_ms() - 19 * 3_600_000)) < 10_000


def test_p9_what_chkbox_says_that_cannot_be_used_is_set_aside_once(box: chkbox.ChkBox, box_reader: Reader) -> None:
    box.register("5310027", "in", oslo(HOUR))
    box.register("", "in", oslo(HOUR))
    box.register("5310118", "waves", oslo(HOUR))
    box.register("15079412345", "in", oslo(HOUR))
    box.register("5310209", "in", (datetime.now(UTC) + 5 * HOUR).isoformat())
    box_reader.round()
    box_reader.round()
    line = box_reader.line()
    assert (line.taken, line.without_card, line.unknown_cards, line.set_aside) == (2, 1, 1, 3)
    assert sorted(line.aside) == [
        "id reg-000005, time: lies in the future; is the time zone right?",
        "registration reg-000003, action: is neither in nor out",
        "registration reg-000004, card: is like a national identity number, which may not be stored here",
    ]


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault(HTML), "answers 200, but not in JSON (text/html)"),
        (Fault(BROKEN), "answers 500"),
        (Fault(Reply(200, b'{"data": "x"}')), "without `data`"),
        (Fault(Reply(200, b"[1]")), "without `data`"),
        (Fault(cut_after=20), "RemoteProtocolError"),
        (Fault(Reply(200, b"{" * 5_000_000)), "longer than"),
    ],
)
def test_a_bad_answer_moves_nothing_and_the_next_one_brings_all(
    fault: Fault, words: str, box: chkbox.ChkBox, box_reader: Reader, box_server: Serving
) -> None:
    box.register("5310027", "in", oslo(HOUR))
    box_server.misbehave(fault)
    with pytest.raises(SourceAway) as away:
        box_reader.once()
    assert words in away.value.words
    assert box_reader.inside() == []
    box_reader.once()
    assert box_reader.inside() == ["5310027"]


def test_who_refuses_is_for_a_person(box: chkbox.ChkBox, box_reader: Reader, box_server: Serving) -> None:
    box.key = "another"
    with pytest.raises(SourceRefused, match="answers 401: the key or secret does not count"):
        box_reader.once()
    box_server.misbehave(Fault(Reply(429, b"", headers={"Retry-After": "7"})))
    with pytest.raises(SourceAway) as away:
        box_reader.once()
    assert away.value.after_ms == 7000


def test_the_key_goes_to_no_other_address(box: chkbox.ChkBox, box_reader: Reader, box_server: Serving) -> None:
    elsewhere = json.dumps({"data": [], "links": {"next": "https://elsewhere.example/registrations?page=2"}})
    itself = {"data": [], "links": {"next": {"href": f"{box_server.url}/registrations?page=2"}}}
    box_server.misbehave(Fault(Reply(200, elsewhere.encode())), *[Fault(Reply(200, json.dumps(itself).encode()))] * 2)
    with pytest.raises(SourceRefused, match=r"elsewhere\.example"):
        box_reader.once()
    assert box_reader.once().more
    with pytest.raises(SourceAway, match="names itself"):
        box_reader.once()


def test_chkbox_a_server_that_gives_one_page_again_and_again_is_not_asked_for_ever(
    box: chkbox.ChkBox, box_reader: Reader, box_server: Serving
) -> None:
    box.linked = False
    for number in range(5_310_001, 5_310_004):
        box.register(str(number), "in", oslo(2 * HOUR))
    first = box.answer(
        Request(
            "GET", "/registrations", {"filter[project]": "SKK180039"}, {"authorization": f"ApiKey {chkbox.KEY}"}, b""
        )
    )
    box_server.misbehave(*[Fault(first)] * 2)
    assert box_reader.once().more
    with pytest.raises(SourceRefused, match="the same page as before"):
        box_reader.once()
    assert box_reader.once().more
    assert not box_reader.once().more
    assert box_reader.inside() == ["5310001", "5310002", "5310003"]


@pytest.mark.parametrize("status", [400, 404, 410])
def test_chkbox_a_next_page_that_is_no_longer_there_begins_the_round_anew(
    box: chkbox.ChkBox, box_reader: Reader, box_server: Serving, status: int
) -> None:
    """The hub was off in the middle of a round; the place where it was is kept, and nobody there knows it any more."""
    for number in range(5_310_001, 5_310_006):
        box.register(str(number), "in", oslo(2 * HOUR))
    assert box_reader.once().more
    box_server.misbehave(Fault(Reply(status)))
    with pytest.raises(SourceRefused, match=f"answers {status}"):
        box_reader.once()
    assert box_reader.once().more
    assert not box_reader.once().more
    assert (len(box_reader.inside()), box_reader.line().taken) == (5, 5)


@pytest.fixture
def crew() -> ditio.Ditio:
    return ditio.Ditio(page=2)


@pytest.fixture
def crew_server(crew: ditio.Ditio) -> Iterator[Serving]:
    with Serving(crew.answer) as serving:
        yield serving


@pytest.fixture
def crew_reader(store: HubStore, tmp_path: Path, crew_server: Serving) -> Iterator[Reader]:
    secret_file(tmp_path, "ditio.secret", ditio.SECRET)
    oauth = {
        "token_url": f"{crew_server.url}{ditio.TOKEN_PATH}",
        "client_id": ditio.CLIENT,
        "secret_file": "ditio.secret",
        "scope": ditio.SCOPE,
    }
    settings = {"oauth": oauth, "projects": [ditio.PROJECT], "base_url": crew_server.url}
    reader = Reader(store, tmp_path, "ditio", settings)
    yield reader
    reader.asked.source.close()


def test_a_stay_of_ditio_is_two_check_ins_and_a_tombstone_takes_both_back(
    crew: ditio.Ditio, crew_reader: Reader, crew_server: Serving
) -> None:
    now = datetime.now(UTC)
    stays = [crew.came(number, now - 3 * HOUR) for number in ("5310027", "5310118", "05310209")]
    crew.came("5310300", now - 2 * HOUR, project="another")
    crew.came(None, now - HOUR)
    assert crew_reader.round() == 2
    assert crew_reader.inside() == ["5310027", "5310118", "5310209"]
    assert crew_reader.line().without_card == 1
    crew.change(stays[0], left=now - HOUR)
    crew.change(stays[1], deleted=True)
    crew_reader.round()
    assert crew_reader.inside() == ["5310209"]
    # The check-out was a mistake, and the third one was written to another project.
    crew.change(stays[0], left=None)
    crew.change(stays[2], project="another")
    crew_reader.round()
    # A record of another project is not told of any more, so it stays as it was until it is deleted there.
    assert crew_reader.inside() == ["5310027", "5310209"]
    line = crew_reader.line()
    assert (line.taken, line.changed, line.withdrawn) == (5, 0, 2)
    assert "ModifiedSince" in crew_server.requests[-1].query


def test_ditio_a_token_for_the_next_page_that_has_ended_begins_the_round_anew(
    crew: ditio.Ditio, crew_reader: Reader, crew_server: Serving
) -> None:
    for number in range(5_310_001, 5_310_004):
        crew.came(str(number), datetime.now(UTC) - HOUR)
    assert crew_reader.once().more
    crew_server.misbehave(Fault(Reply(400, b'{"message": "Bad parameter"}')))
    with pytest.raises(SourceRefused, match="answers 400"):
        crew_reader.once()
    assert crew_reader.once().more
    assert not crew_reader.once().more
    assert (len(crew_reader.inside()), crew_reader.line().taken) == (3, 3)


def test_ditio_a_check_in_that_was_moved_counts_at_its_new_time(crew: ditio.Ditio, crew_reader: Reader) -> None:
    now = datetime.now(UTC)
    stay = crew.came("5310027", now - 3 * HOUR)
    crew_reader.round()
    crew.change(stay, came=now - HOUR)
    crew_reader.round()
    (line,) = queries.roster(crew_reader.store, now_ms=now_ms())
    assert abs(line.since_ms - (now_ms() - 3_600_000)) < 10_000
    assert crew_reader.line().changed == 1


def test_ditio_a_token_that_counts_no_more_is_got_anew_and_a_wrong_secret_is_for_a_person(
    crew: ditio.Ditio, crew_reader: Reader, tmp_path: Path
) -> None:
    crew.came("5310027", datetime.now(UTC) - HOUR)
    crew_reader.once()
    crew.tokens.clear()
    crew_reader.once()
    secret_file(tmp_path, "ditio.secret", "wrong")
    with pytest.raises(SourceRefused, match="invalid_client"):
        crew_reader.round()


FILES = {"columns": {"card": "Kortnr", "time": "Tid", "direction": "Retning"}}


def write(file: Path, *rows: str, age_s: float = 60.0) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_text("\n".join(["Kortnr;Tid;Retning", *rows, ""]), encoding="utf-8")
    stamp = file.stat().st_mtime - age_s
    os.utime(file, (stamp, stamp))


def test_files_of_a_folder_are_read_when_they_are_new_or_have_changed(store: HubStore, tmp_path: Path) -> None:
    reader = Reader(store, tmp_path, "mapped", FILES | {"folder": "smartdok"})
    with pytest.raises(SourceRefused, match="smartdok: cannot be read"):
        reader.once()
    folder = tmp_path / "smartdok"
    write(folder / "b.csv", f"5310027;{oslo(3 * HOUR)};inn", "5310118;;inn", age_s=50)
    write(folder / "a.csv", f"5310027;{oslo(2 * HOUR)};ut", age_s=40)
    write(folder / "being-written.csv", f"5310209;{oslo(HOUR)};inn", age_s=0)
    write(folder / "notes.txt", "x")
    assert reader.round() == 2
    assert reader.inside() == []
    assert reader.line().aside == ("b.csv, row 3, Tid: is no time such as 2026-11-21T07:02:11+01:00",)
    write(folder / "b.csv", f"5310027;{oslo(3 * HOUR)};inn", f"5310118;{oslo(3 * HOUR)};inn", age_s=10)
    (folder / "a.csv").unlink()
    write(folder / "older-and-late.csv", f"5310300;{oslo(9 * HOUR)};inn", age_s=9 * 3600)
    (folder / "picture.json").write_bytes(b"\x89PNG")
    os.utime(folder / "picture.json", (1, 1))
    reader.round()
    assert reader.inside() == ["5310118", "5310300"]
    assert reader.line().aside[0].startswith("picture.json: ")
    assert reader.line().set_aside == 2
    assert not reader.once().check_ins


def test_a_file_whose_writers_clock_is_ahead_is_read_all_the_same(store: HubStore, tmp_path: Path) -> None:
    reader = Reader(store, tmp_path, "mapped", FILES | {"folder": "smartdok"})
    write(tmp_path / "smartdok" / "day.csv", f"5310027;{oslo(3 * HOUR)};inn", age_s=-3600)
    reader.once()
    assert reader.inside() == ["5310027"]


def test_a_file_that_may_not_be_read_holds_back_no_other(
    store: HubStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = Reader(store, tmp_path, "mapped", FILES | {"folder": "smartdok"})
    write(tmp_path / "smartdok" / "locked.csv", f"5310027;{oslo(3 * HOUR)};inn", age_s=50)
    write(tmp_path / "smartdok" / "other.csv", f"5310118;{oslo(2 * HOUR)};inn", age_s=40)
    opened = Path.open

    def guarded(file: Path, *how: Any, **more: Any) -> Any:
        """Tests run as root as well, who may read everything."""
        if file.name == "locked.csv":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return opened(file, *how, **more)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "open", guarded)
        reader.once()
        assert reader.inside() == ["5310118"]
        with pytest.raises(SourceAway, match=r"locked\.csv: cannot be read \(Permission denied\)"):
            reader.once()
    reader.once()
    assert reader.inside() == ["5310027", "5310118"]


def test_an_address_with_a_file_that_grows(store: HubStore, tmp_path: Path) -> None:
    rows = ["Kortnr;Tid;Retning", f"5310027;{oslo(3 * HOUR)};inn"]

    def answer(_: object) -> Reply:
        return Reply(200, "\n".join(rows).encode(), "text/csv")

    with Serving(answer) as serving:
        secret_file(tmp_path, "key", "Basic abc")
        url = f"{serving.url}/export?day=today"
        reader = Reader(store, tmp_path, "mapped", FILES | {"url": url, "authorization_file": "key"})
        reader.once()
        rows.append(f"5310118;{oslo(HOUR)};inn")
        reader.once()
        reader.once()
        assert (reader.inside(), reader.line().taken) == (["5310027", "5310118"], 2)
        asked = serving.requests[-1]
        assert (asked.query, asked.headers["authorization"]) == ({"day": "today"}, "Basic abc")
        serving.misbehave(
            Fault(HTML), Fault(Reply(200, b"Kort\n1", "text/plain")), Fault(Reply(403)), Fault(Reply(503))
        )
        with pytest.raises(SourceAway, match="a web page"):
            reader.once()
        with pytest.raises(SourceAway, match="has no column"):
            reader.once()
        with pytest.raises(SourceRefused, match="answers 403"):
            reader.once()
        with pytest.raises(SourceAway, match="answers 503"):
            reader.once()
        reader.asked.source.close()


class Script:
    """A source that says what the test wants, and counts how often it is asked."""

    def __init__(self, *answers: Fetched | Exception) -> None:
        self.answers = list(answers)
        self.cursors: list[str] = []

    def fetch(self, cursor: str) -> Fetched:
        self.cursors.append(cursor)
        said = self.answers.pop(0) if self.answers else Fetched((), cursor)
        if isinstance(said, Exception):
            raise said
        return said

    def close(self) -> None:
        """Nothing is held."""


def people(count: int, first: int = 0) -> tuple[CheckIn, ...]:
    at_ms = now_ms() - 3_600_000
    return tuple(CheckIn(f"{one}", ENTRY, CardKey("hms", f"{1_000_000 + one}"), at_ms) for one in range(first, count))


def test_p2_a_long_answer_in_pieces_that_ends_in_the_middle_is_told_again(
    store: HubStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = Fetched(people(3 * AT_ONCE), "all")
    asked = Asked("app", Script(answer, answer), 60)
    begun = iter(range(100))
    whole = HubStore.reporting

    def breaks(self: HubStore) -> Any:
        if next(begun) == 3:
            raise StoreError("no room")
        return whole(self)

    with monkeypatch.context() as patched:
        patched.setattr(HubStore, "reporting", breaks)
        with pytest.raises(StoreError):
            read_once(store, asked, NEVER, now_ms)
    line = sources(store, [], [], now_ms()).sources[0]
    assert (line.taken, line.cursor) == (2 * AT_ONCE, "")
    read_once(store, asked, NEVER, now_ms)
    line = sources(store, [], [], now_ms()).sources[0]
    assert (line.taken, line.cursor, line.changed) == (3 * AT_ONCE, "all", 0)


def test_a_source_that_says_more_and_stands_still_is_not_asked_for_ever(store: HubStore) -> None:
    with pytest.raises(SourceAway, match="from the same place"):
        read_once(store, Asked("app", Script(Fetched((), "", more=True)), 60), NEVER, now_ms)


@pytest.mark.parametrize("theirs", ["15079412345", "a\0b", "x" * 600])
def test_p12_what_an_adapter_sets_aside_is_kept_once_and_without_what_may_not_be_stored(
    store: HubStore, theirs: str
) -> None:
    said = Fetched((), "", aside=(Aside(f"record {theirs}", "checkInDateTime is no time"),))
    for _ in range(2):
        read_once(store, Asked("app", Script(said), 60), NEVER, now_ms)
    line = sources(store, [], [], now_ms()).sources[0]
    assert line.set_aside == 1
    assert "15079412345" not in line.aside[0]


def test_p12_ids_that_may_not_be_stored_are_hashed_and_bad_cards_set_aside(store: HubStore) -> None:
    at_ms = now_ms()
    told = (
        CheckIn("15079412345", ENTRY, CardKey("hms", "5310027"), at_ms),
        CheckIn("x" * 500, EXIT, CardKey("hms", "5310118"), at_ms),
        CheckIn("1", ENTRY, CardKey("hms", "15079412345"), at_ms),
        CheckIn("2", ENTRY, CardKey("hms", "9" * 41), at_ms),
        CheckIn("3", "sideways", CardKey("hms", "5310027"), at_ms),
        CheckIn("4", ENTRY, CardKey("hms", "5310027"), 5),
    )
    kept, aside = gathering.sound(told, at_ms)
    assert [len(one.theirs) for one in kept] == [64, 64]
    assert [str(one) for one in aside] == [
        "id 1, card: holds what may not be stored here",
        "id 2, card: is no card number",
        "id 3, direction: is neither entry, exit nor confirmed",
        "id 4, time: lies before the year 2000",
    ]


SETTINGS = """
site = "yard"
state_dir = "state"
[[targets]]
name = "authority"
kind = "hmsreg-v1"
settings = {{ base_url = "{url}", user = "a", password_file = "chkbox.key", source = "b", hmsreg_number = "1" }}
[[sources]]
name = "infotech"
kind = "chkbox"
every_s = 1
delivers_to_hmsreg = true
[sources.settings]
project = "SKK180039"
key_file = "chkbox.key"
base_url = "{url}"
timeout_s = 1
[[sources]]
name = "keyless"
kind = "chkbox"
[sources.settings]
project = "SKK180039"
key_file = "missing.key"
[[sources]]
name = "files"
kind = "mapped"
every_s = 1
[sources.settings]
folder = "smartdok"
[sources.settings.columns]
card = "Kortnr"
time = "Tid"
direction = "Retning"
"""


@pytest.fixture
def settings(tmp_path: Path, box_server: Serving) -> Path:
    secret_file(tmp_path, "chkbox.key", chkbox.KEY)
    write(tmp_path / "smartdok" / "a.csv", f"5310118;{oslo(HOUR)};inn")
    file = tmp_path / "hub.toml"
    file.write_text(SETTINGS.format(url=box_server.url))
    return file


def test_one_sick_source_slows_no_other_and_all_end_when_told(
    settings: Path, store: HubStore, box: chkbox.ChkBox, box_server: Serving, caplog: pytest.LogCaptureFixture
) -> None:
    box.register("5310027", "in", oslo(HOUR))
    box_server.misbehave(Fault(slow_s=30.0), Fault(BROKEN), Fault(HTML))
    config = load_config(settings)
    with caplog.at_level(logging.INFO, "hub.central"):
        threads = Gathering(config, store, settings)
        threads.start()
        numbers: list[str] = []

        def seen(number: str) -> bool:
            numbers[:] = [one.number for one in queries.roster(store, now_ms=now_ms())]
            return number in numbers

        wait_for("the files", lambda: seen("5310118"))
        assert "5310027" not in numbers
        lines = {one.name: one for one in sources(store, config.sources, [], now_ms()).sources}
        assert "missing.key cannot be read" in (lines["keyless"].wrong or "")
        wait_for("ChkBox, when it is well again", lambda: seen("5310027"), 30)
        threads.stop()
    assert "source=infotech failed=" in caplog.text
    assert "source=infotech well=again" in caplog.text
    assert "5310027" not in caplog.text
    assert not [one.name for one in threading.enumerate() if one.name.startswith("source-")]


def test_an_adapter_that_is_broken_is_told_of_without_its_words(
    store: HubStore, settings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = Script(ZeroDivisionError("Torbjørg Åsnes"))
    monkeypatch.setattr(gathering, "make_source", lambda *_: script)
    config = load_config(settings)
    threads = Gathering(config, store, settings)
    threads.start()
    wait_for("it is told of", lambda: any(one.wrong for one in sources(store, [], [], now_ms()).sources))
    threads.stop()
    (wrong,) = [one.wrong for one in sources(store, [], [], now_ms()).sources if one.wrong]
    assert wrong == "its adapter fails: ZeroDivisionError"


# What hubs of other sites tell is no presence: tests/unit/test_blocks_settings.py.
PAGE = Path("docs/sources.md").read_text(encoding="utf-8").partition("## Blocks of our other sites")[0]
BLOCKS = [one for one in re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL) if "entry-points" not in one]


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_a_block_of_settings_can_be_copied_as_it_stands(block: str, tmp_path: Path) -> None:
    (tmp_path / "hub.credentials").mkdir()
    for name in ("chkbox.key", "ditio.secret"):
        secret_file(tmp_path / "hub.credentials", name, "x")
    file = tmp_path / "hub.toml"
    file.write_text(f'site = "kvartal-7"\n{block}', encoding="utf-8")
    config = load_config(file)
    for one in config.sources:
        asked_of(config, one, file).source.close()
    assert config.sources or config.confirmations.group or config.crew.source.topic


def test_the_source_of_the_page_is_one(store: HubStore, tmp_path: Path) -> None:
    (program,) = [one for one in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL) if "class Door" in one]
    page: dict[str, Any] = {}
    exec(program, page)
    rows: list[dict[str, Any]] = [
        {"id": number, "card": f"53100{number}", "at_ms": now_ms()} for number in range(27, 30)
    ]

    def answer(request: Request) -> Reply:
        return Reply(200, json.dumps([one for one in rows if int(request.query["after"]) < one["id"]]).encode())

    with Serving(answer) as serving:
        place = SourcePlace("door", "yard", {"url": serving.url}, tmp_path / "hub.toml", OSLO)
        asked = Asked("door", page["make"](place), 60)
        read_once(store, asked, NEVER, now_ms)
        rows.append({"id": 30, "card": "5310030", "at_ms": now_ms()})
        read_once(store, asked, NEVER, now_ms)
        assert [request.query["after"] for request in serving.requests] == ["0", "29"]
        asked.source.close()
    assert len(queries.roster(store, now_ms=now_ms())) == 4


def say(capsys: pytest.CaptureFixture[str], *words: str, status: int = 0) -> str:
    found = main(words)
    out, err = capsys.readouterr()
    assert found == status, out + err
    return out + err


def test_the_command_line_tells_how_they_are_and_of_two_who_deliver(
    settings: Path, store: HubStore, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(settings.parent)
    assert "hub: sources.keyless: key_file: " in say(capsys, "check-config", str(settings), status=1)
    text = settings.read_text().replace("missing.key", "chkbox.key")
    settings.write_text(text)
    told = say(capsys, "check-config", str(settings))
    assert "warning: HMSREG is told by this hub ([[targets]] authority) and by infotech" in told
    say(capsys, "--config", str(settings), "sources")
    page = json.loads(say(capsys, "--config", str(settings), "sources", "--json"))
    assert [one["name"] for one in page["sources"]] == ["infotech", "keyless", "files"]
    assert len(page["warnings"]) == 1
    assert "never read" in say(capsys, "--config", str(settings), "sources")
    settings.write_text(text.replace("delivers_to_hmsreg = true", ""))
    assert "warning" not in say(capsys, "check-config", str(settings))
    assert "Nobody has to confirm" in say(capsys, "--config", str(settings), "confirmations")
    settings.write_text(f'{text}\n[confirmations]\ngroup = "safety-critical"\n')
    assert say(capsys, "--config", str(settings), "confirmations", "--json") == "[]\n"
    settings.write_text(text.replace('name = "files"', 'name = "office"'))
    assert "line 25, sources.2.name" in say(capsys, "check-config", str(settings), status=1)
