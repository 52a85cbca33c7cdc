"""What the journal hears of a log record, on a real datagram socket; and what happens when it hears nothing."""

import io
import logging
import os
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_mock import MockerFixture

from portvakt import logs
from portvakt.journald import JournalHandler, PriorityFormatter, facts, identifier, leads_to_journal


class Journald:
    """The other end of the socket."""

    def __init__(self, folder: Path) -> None:
        self.path = str(folder / "socket")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.path)
        self._socket.setblocking(False)

    def heard(self) -> dict[str, str]:
        """One record."""
        return unpacked(self._socket.recv(1 << 20))

    def close(self) -> None:
        self._socket.close()


def unpacked(data: bytes) -> dict[str, str]:
    """The native protocol, as its page describes it; each name once."""
    fields: dict[str, str] = {}
    while data:
        name, _, data = data.partition(b"\n")
        assert b"=" not in name
        (length,) = struct.unpack("<Q", data[:8])
        value, end, data = data[8 : 8 + length], data[8 + length : 9 + length], data[9 + length :]
        assert end == b"\n"
        assert name.decode() not in fields
        fields[name.decode()] = value.decode()
    return fields


@pytest.fixture
def journald(tmp_path: Path) -> Iterator[Journald]:
    made = Journald(tmp_path)
    yield made
    made.close()


@pytest.fixture
def spoken() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def log(tmp_path: Path, spoken: io.StringIO) -> Iterator[logging.Logger]:
    otherwise = logging.StreamHandler(spoken)
    otherwise.setFormatter(PriorityFormatter("%(name)s %(message)s"))
    handler = JournalHandler("gate", otherwise, str(tmp_path / "socket"))
    made = logging.getLogger("gate.test_journald")
    made.addHandler(handler)
    made.setLevel(logging.DEBUG)
    made.propagate = False
    yield made
    made.removeHandler(handler)
    handler.close()


def test_a_record_has_its_facts_as_fields(journald: Journald, log: logging.Logger) -> None:
    log.warning("passage lane=%s direction=%s why=%r count=%d", "north", "entry", "stuck for 3 s, see a=b", 3)
    heard = journald.heard()
    line = heard.pop("CODE_LINE")
    assert line.isdigit()
    assert heard == {
        "MESSAGE": "passage lane=north direction=entry why='stuck for 3 s, see a=b' count=3",
        "PRIORITY": "4",
        "SYSLOG_IDENTIFIER": "gate",
        "LOGGER": "gate.test_journald",
        "CODE_FILE": __file__,
        "CODE_FUNC": "test_a_record_has_its_facts_as_fields",
        "THREAD_NAME": "MainThread",
        "PORTVAKT_EVENT": "passage",
        "PORTVAKT_LANE": "north",
        "PORTVAKT_DIRECTION": "entry",
        "PORTVAKT_WHY": "stuck for 3 s, see a=b",
        "PORTVAKT_COUNT": "3",
    }


@pytest.mark.parametrize(("level", "number"), [("debug", "7"), ("info", "6"), ("warning", "4"), ("error", "3")])
def test_levels_are_those_of_syslog(journald: Journald, log: logging.Logger, level: str, number: str) -> None:
    getattr(log, level)("x=1")
    assert journald.heard()["PRIORITY"] == number


def test_a_trace_with_its_line_breaks_is_one_record(journald: Journald, log: logging.Logger) -> None:
    trace = ValueError("MESSAGE=forged\nPRIORITY=0")
    log.error("controller=fault", exc_info=trace)
    heard = journald.heard()
    assert heard["PRIORITY"] == "3"
    assert heard["MESSAGE"].startswith("controller=fault\nValueError")
    assert {key for key in heard if key.startswith("PORTVAKT_")} == {"PORTVAKT_CONTROLLER"}


@pytest.mark.parametrize(
    ("message", "found"),
    [
        ("lane=north", {"LANE": "north"}),
        ("broker=127.0.0.1:1883 link=down", {"BROKER": "127.0.0.1:1883", "LINK": "down"}),
        ("a='it\\'s b=2' c=3", {"A": "it\\'s b=2", "C": "3"}),
        ('why="x\'y" note=', {"WHY": "x'y"}),
        ("a=1 a=2", {"A": "1"}),
        ("nothing to see: A=1 x-y=2 _z=3", {}),
        ("a='unclosed b=2", {"A": "'unclosed", "B": "2"}),
        ("a='", {"A": "'"}),
        ("", {}),
    ],
)
def test_facts(message: str, found: dict[str, str]) -> None:
    assert dict(facts(message)) == {f"PORTVAKT_{key}": value for key, value in found.items()}


def test_what_others_log_is_not_taken_apart(journald: Journald, log: logging.Logger) -> None:
    log.handle(logging.LogRecord("paho", logging.INFO, "p.py", 1, "user=%s", ("x",), None))
    assert not any(key.startswith("PORTVAKT_") for key in journald.heard())


def test_a_long_record_is_cut_and_a_strange_one_is_kept(journald: Journald, log: logging.Logger) -> None:
    log.info("what=%s", "\U0001f600" * 50_000)
    assert len(journald.heard()["MESSAGE"]) < 20_000
    log.info("what=%s", "\ud800")
    assert journald.heard()["PORTVAKT_WHAT"] == "\\ud800"


def test_p9_without_a_journal_the_record_goes_to_stderr(log: logging.Logger, spoken: io.StringIO) -> None:
    log.error("lane=%s fault=%r", "north", "a\nb")
    log.warning("first\nsecond")
    assert spoken.getvalue() == (
        "<3>gate.test_journald lane=north fault='a\\nb'\n<4>gate.test_journald first\n<4>second\n"
    )


def test_a_journal_that_is_full_is_not_waited_for(journald: Journald, log: logging.Logger, spoken: io.StringIO) -> None:
    """The controller logs in the turn in which it moves a lane."""
    (handler,) = log.handlers
    assert isinstance(handler, JournalHandler)
    while handler.dropped < 3:
        log.info("x=1")
    for _ in range(2):
        journald.heard()
    log.info("x=2")
    heard = [journald.heard()]
    while heard[-1].get("PORTVAKT_X") != "2":
        heard.append(journald.heard())
    assert heard[-1]["PORTVAKT_DROPPED_BEFORE"] == "3"
    assert spoken.getvalue() == ""


def test_stderr_is_looked_at_not_the_variable_alone(tmp_path: Path) -> None:
    with (tmp_path / "out").open("w") as file:
        there = os.fstat(file.fileno())
        right = {"JOURNAL_STREAM": f"{there.st_dev}:{there.st_ino}"}
        assert leads_to_journal(right, file.fileno())
        assert not leads_to_journal({"JOURNAL_STREAM": f"{there.st_dev}:{there.st_ino + 1}"}, file.fileno())
        assert not leads_to_journal({}, file.fileno())
    assert not leads_to_journal(right, 987_654)


@pytest.mark.parametrize("leads", [True, False])
def test_the_root_logger_has_one_handler(mocker: MockerFixture, *, leads: bool) -> None:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    mocker.patch.object(logs, "leads_to_journal", return_value=leads)
    try:
        logs.configure("info")
        (handler,) = root.handlers
        assert isinstance(handler, JournalHandler) is leads
        # Addresses of requests hold numbers of cards (P12).
        assert not logging.getLogger("httpx").isEnabledFor(logging.INFO)
        handler.close()
    finally:
        root.handlers[:] = before
        root.setLevel(level)


def test_the_identifier_is_the_programs_name() -> None:
    assert identifier("/opt/portvakt/.venv/bin/hub") == "hub"
    assert identifier("/opt/portvakt/gate/__main__.py") == "gate"
