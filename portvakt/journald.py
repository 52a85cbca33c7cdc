"""Log records to systemd's journal, with fields: journalctl PORTVAKT_LANE=north (systemd.io/JOURNAL_NATIVE_PROTOCOL).

A few lines over a datagram socket, as `portvakt.notify`.
"""

import logging
import os
import re
import socket
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path

SOCKET = "/run/systemd/journal/socket"
MAX_MESSAGE = 16_384
"""More does not fit into a datagram for sure, and a longer record has nothing more to say."""

OURS = ("gate", "hub", "portvakt")
_EVENT = re.compile(r"([a-z][a-z_]*) (?=[a-z][a-z0-9_]*=)")
_FACT = re.compile(r"""(?:^|(?<=\s))([a-z][a-z0-9_]{0,40})=('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|\S+)""")


def leads_to_journal(environment: Mapping[str, str] = os.environ, descriptor: int = 2) -> bool:
    """Whether stderr goes to the journal: a shell under a service, its output redirected, has $JOURNAL_STREAM too."""
    try:
        there = os.fstat(descriptor)
    except OSError:
        return False
    return environment.get("JOURNAL_STREAM") == f"{there.st_dev}:{there.st_ino}"


def priority(level: int) -> int:
    """The level in syslog's numbers."""
    return 3 if level >= logging.ERROR else 4 if level >= logging.WARNING else 6 if level >= logging.INFO else 7


class PriorityFormatter(logging.Formatter):
    """For a stream that leads to the journal: `<4>` before each line, and no time, which the journal has itself."""

    def format(self, record: logging.LogRecord) -> str:
        """The record, prefixed line by line."""
        sign = f"<{priority(record.levelno)}>"
        return "\n".join(sign + line for line in super().format(record).splitlines())


class JournalHandler(logging.Handler):
    """Never raises and never waits: while the journal takes nothing in, records are dropped and counted. Where there
    is no journal at all they go to `otherwise`."""

    def __init__(self, identifier: str, otherwise: logging.Handler, path: str = SOCKET) -> None:
        super().__init__()
        self._identifier = identifier
        self._otherwise = otherwise
        self._path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
        self.dropped = 0

    def emit(self, record: logging.LogRecord) -> None:
        """One datagram a record."""
        try:
            self._socket.sendto(_packed(self._fields(record)), self._path)
            self.dropped = 0
        except BlockingIOError:
            self.dropped += 1
        except OSError:
            self._otherwise.handle(record)
        except Exception:  # noqa: BLE001 - a record that cannot be written, wrong arguments above all
            self.handleError(record)

    def close(self) -> None:
        """Let go of the socket."""
        self._socket.close()
        super().close()

    def _fields(self, record: logging.LogRecord) -> Iterator[tuple[str, str]]:
        text = self.format(record)
        yield "MESSAGE", text if len(text) <= MAX_MESSAGE else text[:MAX_MESSAGE] + " …"
        yield "PRIORITY", str(priority(record.levelno))
        yield "SYSLOG_IDENTIFIER", self._identifier
        yield "LOGGER", record.name
        yield "CODE_FILE", record.pathname
        yield "CODE_LINE", str(record.lineno)
        yield "CODE_FUNC", record.funcName or ""
        yield "THREAD_NAME", record.threadName or ""
        if self.dropped:
            yield "PORTVAKT_DROPPED_BEFORE", str(self.dropped)
        if record.name.partition(".")[0] in OURS:
            yield from facts(record.getMessage())


def facts(message: str) -> Iterator[tuple[str, str]]:
    """The `key=value` facts of one of our lines, each key once. A value in quotes is one value, whatever it says."""
    if event := _EVENT.match(message):
        yield "PORTVAKT_EVENT", event[1]
    seen = set()
    for found in _FACT.finditer(message[:MAX_MESSAGE]):
        key, value = found.groups()
        if key not in seen:
            seen.add(key)
            quoted = value[0] == value[-1] and value[0] in "'\"" and len(value) > 1
            yield f"PORTVAKT_{key.upper()}", value[1:-1] if quoted else value


def _packed(fields: Iterator[tuple[str, str]]) -> bytes:
    """Every value with its length: so it may hold line breaks."""
    packed = bytearray()
    for name, value in fields:
        data = value.encode("utf-8", "backslashreplace")
        packed += b"%s\n%s%s\n" % (name.encode("ascii"), struct.pack("<Q", len(data)), data)
    return bytes(packed)


def identifier(program: str) -> str:
    """`gate` for /opt/portvakt/.venv/bin/gate, and for …/gate/__main__.py."""
    path = Path(program)
    return path.parent.name if path.name == "__main__.py" else path.name
