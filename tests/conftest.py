"""How the whole suite runs, and the databases that the store's tests run on.

On a developer's machine hypothesis looks for something new each time. In CI it goes the same ways for
everybody: a finding there would stop a change that has nothing to do with it. `make fuzz` is for finding.
"""

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from hub.config import PostgresAddress
from hub.store import HubStore
from tests.sim.postgres import BIN, MISSING, NO_POWER_CUT, Postgres

# Whoever starts the tests in the background has them ignore Ctrl-C, and with them every process that they start.
signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile("here", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "here")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A server of our own."""
    if BIN is None:
        pytest.skip(MISSING)
    with Postgres(*NO_POWER_CUT) as server:
        yield server


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.real)])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Path | PostgresAddress:
    """A new database of each kind: whoever asks for it is tested on both."""
    if request.param == "sqlite":
        return tmp_path / "state" / "hub.sqlite3"
    server: Postgres = request.getfixturevalue("postgres")
    return server.database()


@pytest.fixture
def store(database: Path | PostgresAddress) -> Iterator[HubStore]:
    """A hub's store on a new database."""
    with contextlib.closing(HubStore(database)) as opened:
        yield opened


@pytest.fixture
def hub_toml(tmp_path: Path, database: Path | PostgresAddress, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Settings of a hub on that database, which its command line finds by itself."""
    text = f'site = "yard"\nstate_dir = "{tmp_path / "state"}"\n'
    if isinstance(database, PostgresAddress):
        text += f'database = "{database.url}"\n'
    file = tmp_path / "hub.toml"
    file.write_text(text, encoding="utf-8")
    monkeypatch.setenv("PORTVAKT_HUB_CONFIG", str(file))
    return file
