"""What a person says of deliveries: what may be kept of it (P12), and what is told of a name that nobody knows."""

import contextlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hub.central import words
from hub.central.delivery import Receiver
from hub.central.ledger import Ledger
from hub.cli import main
from hub.errors import OfficeError
from hub.store import HubStore

IDENTITY = "15079412345"
Say = Callable[[HubStore, str], object]
SAYINGS: list[Say] = [
    lambda store, by: words.wake(store, "client", by, 0),
    lambda store, by: words.retry(store, "client", "0", by, 0),
    lambda store, by: words.retry_all(store, "client", by, 0),
    lambda store, by: words.give_up(store, "client", "0", by=by, reason="a visitor", now_ms=0),
]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[HubStore]:
    with contextlib.closing(HubStore(tmp_path / "state" / "hub.sqlite3")) as opened:
        Ledger(opened, "yard", "client").enter("feed", 0, 0)
        yield opened


@pytest.mark.parametrize("say", SAYINGS)
@pytest.mark.parametrize("by", [IDENTITY, "", " ", "x" * 201, "a\nb", "\x1b[31mred", "\udcff"])
def test_p12_whoever_says_it_is_one_line_without_an_identity_number(store: HubStore, say: Say, by: str) -> None:
    with pytest.raises(OfficeError, match="--by: ") as refused:
        say(store, by)
    assert IDENTITY not in str(refused.value)


def test_p9_what_cannot_be_written_is_told_without_a_trace(tmp_path: Path) -> None:
    """A full disk behind `>`."""
    file = tmp_path / "hub.toml"
    file.write_text(f'site = "yard"\nstate_dir = "{tmp_path / "state"}"\n', encoding="utf-8")
    for asked in (["report", "oversiktsliste"], ["report", "samordningsliste", "--format", "pdf"], ["roster"]):
        with Path("/dev/full").open("wb") as full:
            command = [sys.executable, "-m", "hub", "--config", str(file), *asked]
            said = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
        assert (said.returncode, said.stderr.splitlines()[-1]) == (1, "hub: No space left on device")
        assert "Traceback" not in said.stderr
        assert "ignored" not in said.stderr


def test_what_is_sent_once_more_waits_for_a_target_that_has_stopped(
    tmp_path: Path, store: HubStore, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "hub.toml"
    file.write_text(f'site = "yard"\nstate_dir = "{tmp_path / "state"}"\n', encoding="utf-8")
    again = ["--config", str(file), "central", "retry", "client", "--all"]
    assert main(again) == 0
    assert capsys.readouterr().out == "client: 0 are sent once more\n"
    Ledger(store, "yard", "client").settle([], Receiver(stopped="401"), 0)
    assert main(again) == 0
    assert "has stopped; when that is mended: hub central retry client" in capsys.readouterr().out
    assert main(again[:-1]) == 0
    assert capsys.readouterr().out == "client: is tried again now\n"


def test_a_target_that_nobody_knows_is_not_called_well(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`Nothing is set aside` of a misspelt name would let somebody go home."""
    file = tmp_path / "hub.toml"
    file.write_text(f'site = "yard"\nstate_dir = "{tmp_path / "state"}"\n', encoding="utf-8")
    with contextlib.closing(HubStore(tmp_path / "state" / "hub.sqlite3")) as store:
        Ledger(store, "yard", "client").enter("feed", 0, 0)
    assert main(["--config", str(file), "central", "aside", "cleint"]) == 1
    assert "'cleint' is not known here; see: hub central status" in capsys.readouterr().err
    assert main(["--config", str(file), "central", "aside", "client", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []
