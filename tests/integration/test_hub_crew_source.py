"""Crew lists that come by themselves: from a folder, from an address; once, and again and again."""

import contextlib
import http.server
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hub.cli import main
from hub.config import SourceSettings
from hub.crew import source
from hub.errors import CrewListError
from hub.store import HubStore
from tests.waiting import wait_for

EXAMPLE = Path("config/crew.example.csv")
Say = Callable[..., str]


class Server(http.server.ThreadingHTTPServer):
    """Answers every GET with what it is told to; remembers what it was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.status = 200
        self.headers: dict[str, str] = {"Content-Type": "text/csv; charset=utf-8"}
        self.body = EXAMPLE.read_bytes()
        self.asked: list[dict[str, str]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/lists/yard?key=secret"


class Answering(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.asked.append(dict(self.headers))
        self.send_response(self.server.status)
        for name, value in self.server.headers.items():
            self.send_header(name, value)
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(self.server.body)

    def log_message(self, *_: Any) -> None:
        """Silent."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as serving:
        thread = threading.Thread(target=serving.serve_forever, args=(0.02,))
        thread.start()
        yield serving
        serving.shutdown()
        thread.join()


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Say]:
    """A hub with this source; what it says to a command that ends with this status."""

    def with_source(**settings: str | float) -> Say:
        file = tmp_path / "hub.toml"
        lines = "\n".join(f"{name} = {json.dumps(value)}" for name, value in settings.items())
        file.write_text(f'site = "yard"\nstate_dir = "{tmp_path / "state"}"\n[crew.source]\n{lines}\n')
        monkeypatch.setenv("PORTVAKT_HUB_CONFIG", str(file))

        def say(*words: str, status: int = 0) -> str:
            found = main(words)
            out, err = capsys.readouterr()
            assert found == status, out + err
            return out + err

        return say

    return with_source


def put(folder: Path, name: str, text: str, age_s: float) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")
    stamp = (folder / name).stat().st_mtime - age_s
    os.utime(folder / name, (stamp, stamp))


def test_the_newest_file_of_a_folder_is_taken_once(tmp_path: Path, hub: Callable[..., Say]) -> None:
    """One that is being written, one that a spreadsheet holds open and notes are left alone."""
    say = hub(folder="lists")
    assert "lists: cannot be read (No such file or directory)" in say("crew", "pull", status=1)
    (tmp_path / "lists").mkdir()
    assert say("crew", "pull") == "there is no new list\n"
    whole = EXAMPLE.read_text(encoding="utf-8")
    put(tmp_path / "lists", "old.csv", "not a list", 100)
    put(tmp_path / "lists", "monday.csv", whole, 50)
    put(tmp_path / "lists", "~$monday.xlsx", "", 10)
    put(tmp_path / "lists", "notes.txt", "", 10)
    assert say("crew", "pull", "--by", "timer").startswith("+7 −0 ~0")
    assert say("crew", "pull") == "there is no new list\n"
    put(tmp_path / "lists", "tuesday.csv", whole.replace("roofer", "carpenter"), 0)
    assert say("crew", "pull") == "there is no new list\n"
    put(tmp_path / "lists", "tuesday.csv", whole.replace("roofer", "carpenter"), 30)
    assert say("crew", "pull").startswith("+0 −0 ~1")
    listed = json.loads(say("crew", "lists", "--json"))
    assert [one["name"] for one in listed] == ["tuesday.csv", "monday.csv"]


def test_a_list_from_a_clock_that_is_ahead_is_told_of(tmp_path: Path, hub: Callable[..., Say]) -> None:
    """It would be the newest, and taken for half written, until its hour comes; nobody would hear of it."""
    say = hub(folder=str(tmp_path / "lists"))
    put(tmp_path / "lists", "crew.csv", EXAMPLE.read_text(encoding="utf-8"), -3600)
    told = say("crew", "pull", status=1)
    assert "crew.csv: was written in the future" in told


def test_going_back_is_not_undone_by_the_same_file(tmp_path: Path, hub: Callable[..., Say]) -> None:
    say = hub(folder="lists")
    whole = EXAMPLE.read_text(encoding="utf-8")
    put(tmp_path / "lists", "a.csv", whole, 50)
    say("crew", "pull")
    put(tmp_path / "lists", "b.csv", whole.replace("roofer", "carpenter"), 30)
    say("crew", "pull")
    say("crew", "back")
    assert say("crew", "pull") == "there is no new list\n"


def test_a_list_that_is_refused_is_tried_again(tmp_path: Path, hub: Callable[..., Say]) -> None:
    say = hub(folder="lists")
    whole = EXAMPLE.read_text(encoding="utf-8")
    put(tmp_path / "lists", "a.csv", whole.replace("1979-11-23", "23/11/79"), 50)
    for _ in range(2):
        said = say("crew", "pull", status=1)
        assert "a.csv, row 3, date_of_birth: '23/11/79' is not a date" in said
        assert "hub: nothing of a.csv was written" in said
    put(tmp_path / "lists", "a.csv", whole, 50)
    say("crew", "pull")
    put(tmp_path / "lists", "b.csv", "".join(whole.splitlines(keepends=True)[:3]), 30)
    assert "5 of 7 would leave" in say("crew", "pull", status=1)


def test_a_list_from_an_address(tmp_path: Path, server: Server, hub: Callable[..., Say]) -> None:
    key = tmp_path / "key"
    key.write_text("Bearer abc\n")
    key.chmod(0o600)
    say = hub(url=server.url, authorization_file="key")
    assert say("crew", "pull").startswith("+7 −0 ~0")
    assert server.asked[0]["Authorization"] == "Bearer abc"
    assert json.loads(say("crew", "pull", "--json")) == {"written": False}
    key.chmod(0o644)
    assert "others may read this key (mode 0644); chmod 600" in say("crew", "pull", status=1)


def test_what_an_address_gives_is_told_or_set(server: Server, hub: Callable[..., Say]) -> None:
    server.headers = {"Content-Type": "application/octet-stream"}
    assert "which kind of list is this?" in hub(url=server.url)("crew", "pull", status=1)
    assert hub(url=server.url, kind="csv")("crew", "pull").startswith("+7 −0 ~0")


@pytest.mark.parametrize("status", [401, 404, 500, 302])
def test_an_address_that_has_no_list(status: int, server: Server, hub: Callable[..., Say]) -> None:
    """Nothing is followed elsewhere, and no error shows the key in the address."""
    server.status = status
    server.headers["Location"] = f"http://127.0.0.1:{server.server_port}/elsewhere"
    said = hub(url=server.url)("crew", "pull", status=1)
    assert f"127.0.0.1/lists/yard: answers {status} " in said
    assert "secret" not in said
    assert len(server.asked) == 1


def test_nobody_answers(server: Server, hub: Callable[..., Say]) -> None:
    say = hub(url="http://127.0.0.1:1/lists/yard.csv")
    assert "127.0.0.1/lists/yard.csv: ConnectError" in say("crew", "pull", status=1)


def test_an_address_that_gives_without_end(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "MAX_FILE_BYTES", 100_000)
    server.body = b"x" * 200_000
    with pytest.raises(CrewListError, match="gives more than 100000 bytes"):
        source.look(SourceSettings(url=server.url))


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({}, "set crew.source.folder or crew.source.url"),
        ({"folder": "a", "url": "https://a"}, "crew.source.folder: there is a url as well"),
        ({"url": "http://lists.example/a.csv"}, "crew.source.url: must begin with https://"),
        ({"url": "ftp://127.0.0.1/a.csv"}, "crew.source.url: must begin with https://"),
        ({"url": "https://"}, "crew.source.url: must begin with https://"),
    ],
)
def test_sources_that_are_none(settings: dict[str, str], told: str, hub: Callable[..., Say]) -> None:
    assert told in hub(**settings)("crew", "pull", status=1)


def test_a_watched_folder(tmp_path: Path, hub: Callable[..., Say]) -> None:
    """The list is taken when it comes; a bad one is told of once, and without what stands in it; SIGTERM ends it."""
    hub(folder="lists", every_s=1)
    whole = EXAMPLE.read_text(encoding="utf-8")
    log = tmp_path / "watch.log"
    with log.open("wb") as out:
        process = subprocess.Popen([sys.executable, "-m", "hub", "crew", "watch"], stdout=out, stderr=out)
    try:
        wait_for("the missing folder to be told of", lambda: "crew_source=failed" in log.read_text(), 20)
        put(tmp_path / "new", "a.csv", whole, 50)
        shutil.move(tmp_path / "new", tmp_path / "lists")
        wait_for("the list to be taken", lambda: "crew_list=taken" in log.read_text(), 20)
        put(tmp_path / "new", "b.csv", whole.replace("1979-11-23", "Wrzosek"), 30)
        shutil.move(tmp_path / "new" / "b.csv", tmp_path / "lists" / "b.csv")
        wait_for(
            "the bad list to be told of",
            lambda: "crew_list=refused name='b.csv' why='1 problems'" in log.read_text(),
            20,
        )
        put(tmp_path / "new", "c.csv", whole.replace("roofer", "carpenter"), 20)
        shutil.move(tmp_path / "new" / "c.csv", tmp_path / "lists" / "c.csv")
        wait_for("the next one to be taken", lambda: log.read_text().count("crew_list=taken") == 2, 20)
    finally:
        process.send_signal(signal.SIGTERM)
        status = process.wait(10)
    text = log.read_text()
    assert (status, text.count("refused")) == (0, 1)
    assert "Wrzosek" not in text
    assert "Traceback" not in text
    with contextlib.closing(HubStore(tmp_path / "state" / "hub.sqlite3")) as store:
        assert len(store.permit_list().permits) == 7


@pytest.mark.parametrize("library", ["openpyxl", "httpx"])
def test_a_library_that_is_not_installed_is_named(
    library: str, tmp_path: Path, server: Server, hub: Callable[..., Say], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hub for trying out has neither, and takes lists in CSV."""
    for name in [name for name in sys.modules if name.partition(".")[0] == library or name == "hub.crew.xlsx_list"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, library, None)
    monkeypatch.delattr("hub.crew.xlsx_list", raising=False)
    (tmp_path / "crew.xlsx").write_bytes(b"PK")
    words = ("import", str(tmp_path / "crew.xlsx")) if library == "openpyxl" else ("pull",)
    say = hub(url=server.url)
    assert f"need {library}: pip install 'portvakt[hub]'" in say("crew", *words, status=1)
    assert "+7 −0 ~0" in say("crew", "import", str(EXAMPLE))
