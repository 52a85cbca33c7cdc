"""A private PostgreSQL: a cluster of its own in a folder of its own, on a unix socket, that can be stopped and killed.

Its locale sorts as Norwegian does, where `aa` comes after `z`: code that leaves an order of text to the database
is found out.
"""

import contextlib
import itertools
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from urllib.parse import urlsplit

from hub.config import PostgresAddress

_FOUND = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
BIN = _FOUND[-1].parent if _FOUND else None
MISSING = "PostgreSQL is not installed (Debian package postgresql)"
USER = "portvakt"
NO_POWER_CUT = ("fsync=off",)
"""For whoever kills processes alone. What a killed server had written outlives it without fsync too; with it one that
is started again syncs each file of each database of a whole test run: a minute and more on a busy disk."""
PORT = 5432
"""Part of the socket's name alone: nothing listens on a port."""


class Postgres:
    """`with Postgres() as server:` makes and starts it; at the end of the block nothing of it is left.

    `settings` are as in postgresql.conf: `name=value`.
    """

    def __init__(self, *settings: str) -> None:
        self._settings = (*settings, "listen_addresses=")
        # Not in pytest's folder: the server refuses to be root, and nobody else may look into that.
        self.folder = Path(tempfile.mkdtemp(prefix="pv-pg-", dir="/tmp"))
        self.log = self.folder / "server.log"
        self._data = self.folder / "data"
        self._numbers = itertools.count(1)

    def __enter__(self) -> "Postgres":
        if os.geteuid() == 0:
            shutil.chown(self.folder, "nobody")
        self._run(
            "initdb", "-D", str(self._data), "-U", USER, "-A", "trust", "-E", "UTF8",
            "--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=nb-NO",
        )  # fmt: skip
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop("immediate")
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self) -> None:
        """Start it and wait until it takes connections."""
        settings = (*self._settings, f"unix_socket_directories={self.folder}")
        options = f"{' '.join(f'-c {one}' for one in settings)} -p {PORT}"
        self._run("pg_ctl", "-D", str(self._data), "-l", str(self.log), "-o", options, "-w", "start")

    def stop(self, mode: str = "fast") -> None:
        """`fast` says goodbye to everybody, `immediate` to nobody. Idempotent."""
        with contextlib.suppress(subprocess.CalledProcessError):
            self._run("pg_ctl", "-D", str(self._data), "-m", mode, "-w", "stop")

    def database(self) -> PostgresAddress:
        """A new, empty database."""
        name = f"site{next(self._numbers)}"
        self._run("createdb", "-h", str(self.folder), "-p", str(PORT), "-U", USER, name)
        return PostgresAddress(url=f"postgresql://{USER}@/{name}?host={self.folder}&port={PORT}")

    def copy_of(self, address: PostgresAddress) -> PostgresAddress:
        """A copy of a database that nobody is connected to."""
        copied = self.database()
        old, new = (urlsplit(one.url).path.removeprefix("/") for one in (address, copied))
        server = PostgresAddress(url=address.url.replace(f"/{old}?", "/postgres?"))
        self.psql(server, f"DROP DATABASE {new}")
        self.psql(server, f"CREATE DATABASE {new} TEMPLATE {old}")
        return copied

    def psql(self, address: PostgresAddress, commands: str) -> str:
        """Run SQL as it would be typed."""
        return self._run("psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", address.url, given=commands)

    def dump(self, address: PostgresAddress) -> str:
        """The database as SQL."""
        return self._run("pg_dump", "--no-owner", "--no-privileges", "--inserts", "-d", address.url)

    def _run(self, program: str, *arguments: str, given: str | None = None) -> str:
        assert BIN, MISSING
        command = [str(BIN / program), *arguments]
        if os.geteuid() == 0:
            command = ["runuser", "-u", "nobody", "--", *command]
        # Into files: a server that was given a pipe keeps it open.
        with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as errors:
            done = subprocess.run(
                command, input=given, stdin=subprocess.DEVNULL if given is None else None, stdout=out, stderr=errors,
                text=True, cwd="/", check=False, timeout=60,
            )  # fmt: skip
            out.seek(0)
            errors.seek(0)
            if done.returncode:
                raise subprocess.CalledProcessError(done.returncode, command, None, errors.read())
            return out.read()
