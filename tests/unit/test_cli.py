"""The command `gate`: 0, 1 or 2, one line for what was expected, and never a traceback."""

import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

import gate
from gate.cache.journal import SqliteJournal
from gate.cli import main
from gate.model import CardId, Direction, Event, EventKind, Moment, Reason
from gate.places import config_path
from gate.uplink import contract, translate

ROOT = Path(__file__).parents[2]
SETTINGS = """\
site = "kvartal-7"
gate = "north"
[hub]
verify_key = "hub.pub"
[[lanes]]
name = "main"
driver = "virtual"
[[readers]]
name = "outside"
driver = "virtual"
lane = "main"
direction = "entry"
coding = "coding.toml"
keys = "keys.toml"
"""
INGRID = CardId("hms", "01234567")


def encode(event: Event, *, epoch: str, seq: int, prevhash: str) -> bytes:
    return translate.outgoing_record(event, site="kvartal-7", gate="north", epoch=epoch, seq=seq, prevhash=prevhash)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "gate.toml"
    path.write_text(f'state_dir = "{tmp_path}"\n{SETTINGS}', encoding="utf-8")
    return path


@pytest.fixture
def journal(config: Path) -> Path:
    """Three records in the state folder of `config`."""
    path = config.parent / "journal.db"
    written = SqliteJournal(path, encode, contract.record_hash, max_waiting=100)
    moment = Moment("boot-1", 1_000, 1_781_500_000_000, trusted=True)
    for event in (
        Event(EventKind.GATE_STARTED, moment),
        Event(EventKind.BADGE_REFUSED, moment, "main", Direction.ENTRY, INGRID, reason=Reason.EXPIRED),
        Event(EventKind.GATE_STOPPED, moment),
    ):
        assert written.append([event], 20_000)
    written.close()
    return path


def change(journal: Path, sql: str) -> None:
    connection = sqlite3.connect(journal)
    with connection:
        connection.execute(sql)
    connection.close()


Captured = pytest.CaptureFixture[str]


# --- wrong use is 2, a job that failed is 1 ------------------------------------------------------------


@pytest.mark.parametrize("words", [[], ["nonsense"], ["journal", "--nonsense"], ["card"], ["run", "too", "much"]])
def test_wrong_use_exits_2_and_says_how_to(words: list[str], capsys: Captured) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert "usage: gate" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["--help"], ["journal", "--help"], ["card", "make", "--help"]])
def test_help_exits_0(words: list[str], capsys: Captured) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 0
    assert "usage: gate" in capsys.readouterr().out


def test_the_version_is_told(capsys: Captured) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"portvakt {gate.__version__}\n"


def test_settings_that_are_not_there_exit_1_with_one_line(tmp_path: Path, capsys: Captured) -> None:
    missing = str(tmp_path / "absent.toml")
    for words in (["run", "--config", missing], ["journal", "--config", missing], ["check-config", missing]):
        assert main(words) == 1
        told = capsys.readouterr()
        assert told.out == ""
        assert told.err == (
            f"gate: {missing}: cannot be read (No such file or directory); name another file with --config\n"
        )


def test_a_wrong_setting_exits_1_with_its_line(config: Path, capsys: Captured) -> None:
    config.write_text(SETTINGS.replace('driver = "virtual"', 'drivr = "virtual"', 1), encoding="utf-8")
    assert main(["check-config", str(config)]) == 1
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert told.startswith(f"gate: {config}, line 5, lanes.0")


def in_a_process_of_its_own(*words: str) -> subprocess.CompletedProcess[str]:
    """`run` sets up logging and signals for the process, so it gets one."""
    return subprocess.run(
        [sys.executable, "-m", "gate", *words], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )


@pytest.mark.parametrize("words", [["run", "--config"], ["check-config"]])
def test_a_gate_without_its_hub_s_key_is_told_in_one_line(config: Path, words: list[str]) -> None:
    ended = in_a_process_of_its_own(*words, str(config))
    assert "hub.verify_key" in ended.stderr + ended.stdout
    assert "Traceback" not in ended.stderr
    if words[0] == "run":
        assert (ended.returncode, ended.stderr.count("\n")) == (1, 1)


def test_a_state_folder_that_cannot_be_used_is_told_in_one_line(config: Path) -> None:
    (config.parent / "file").write_text("x", encoding="utf-8")
    config.write_text(f'state_dir = "{config.parent}/file"\n{SETTINGS}', encoding="utf-8")
    ended = in_a_process_of_its_own("run", "--config", str(config))
    assert ended.stderr.startswith("gate: state_dir: ")
    assert (ended.returncode, ended.stderr.count("\n")) == (1, 1)


def test_the_settings_are_named_by_option_then_environment_then_place(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.delenv("PORTVAKT_GATE_CONFIG", raising=False)
    assert config_path(Path("x.toml")) == Path("x.toml")
    if not Path("/etc/portvakt/gate.toml").exists():
        assert config_path(None) == Path("config/gate.toml")
    monkeypatch.setenv("PORTVAKT_GATE_CONFIG", str(config))
    assert config_path(None) == config


# --- gate journal ---------------------------------------------------------------------------------------


def test_a_gate_that_never_ran_has_no_journal(config: Path, capsys: Captured) -> None:
    assert main(["journal", "--config", str(config)]) == 1
    assert capsys.readouterr().err == (f"gate: there is no journal at {config.parent}/journal.db; has this gate run?\n")


def test_p12_the_journal_is_shown_a_line_a_record_and_no_card_number_in_clear(
    config: Path, journal: Path, capsys: Captured
) -> None:
    assert main(["journal", "--config", str(config)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1:3] for line in lines] == [
        ["1", "gate.started"],
        ["2", "badge.refused"],
        ["3", "gate.stopped"],
    ]
    assert lines[1].split()[3:] == ["entry", "hms:…67", "expired"]
    assert INGRID.number not in "".join(lines)


def test_the_journal_in_json_is_what_went_to_the_hub_byte_for_byte(
    config: Path, journal: Path, capsys: Captured
) -> None:
    assert main(["journal", "--json", "--config", str(config)]) == 0
    lines = capsys.readouterr().out.splitlines()
    connection = sqlite3.connect(journal)
    stored = [bytes(row[0]) for row in connection.execute("SELECT body FROM records ORDER BY seq")]
    connection.close()
    assert [line.encode() for line in lines] == stored
    assert [json.loads(line)["seq"] for line in lines] == [1, 2, 3]


def test_a_whole_chain_is_verified(config: Path, journal: Path, capsys: Captured) -> None:
    assert main(["journal", "--verify", "--config", str(config)]) == 0
    assert capsys.readouterr().out == "3 records, chain whole\n"


def test_a_pruned_journal_is_whole(config: Path, journal: Path, capsys: Captured) -> None:
    change(journal, "DELETE FROM records WHERE seq = 1")
    assert main(["journal", "--verify", "--config", str(config)]) == 0
    assert capsys.readouterr().out == "2 records, chain whole\n"


@pytest.mark.parametrize("seq", [1, 2, 3])
def test_a_record_that_was_edited_is_found_the_newest_too(
    config: Path, journal: Path, seq: int, capsys: Captured
) -> None:
    """`2026` becomes `2025` in the body; all else stays as it was."""
    change(journal, f"UPDATE records SET body = CAST(replace(body, '2026-', '2025-') AS BLOB) WHERE seq = {seq}")
    assert main(["journal", "--verify", "--config", str(config)]) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err in (
        f"gate: record {seq} was changed after it was written\n",
        f"gate: the chain is broken before record {seq + 1}\n",
    )


def test_a_record_that_was_edited_together_with_its_hash_breaks_the_chain(
    config: Path, journal: Path, capsys: Captured
) -> None:
    change(journal, "UPDATE records SET body = CAST(replace(body, '2026-', '2025-') AS BLOB) WHERE seq = 2")
    connection = sqlite3.connect(journal)
    (body,) = connection.execute("SELECT body FROM records WHERE seq = 2").fetchone()
    connection.close()
    change(journal, f"UPDATE records SET hash = '{contract.record_hash(bytes(body))}' WHERE seq = 2")
    assert main(["journal", "--verify", "--config", str(config)]) == 1
    assert capsys.readouterr().err == "gate: the chain is broken before record 3\n"


def test_a_record_that_was_taken_out_is_found(config: Path, journal: Path, capsys: Captured) -> None:
    change(journal, "DELETE FROM records WHERE seq = 2")
    assert main(["journal", "--verify", "--config", str(config)]) == 1
    assert capsys.readouterr().err == "gate: the chain is broken before record 3\n"


def test_a_record_that_is_no_record_is_one_line(config: Path, journal: Path, capsys: Captured) -> None:
    change(journal, "UPDATE records SET body = x'7b' WHERE seq = 2")
    for option in ([], ["--json"], ["--verify"]):
        assert main(["journal", *option, "--config", str(config)]) == 1
        assert capsys.readouterr().err.startswith("gate: event: ")


def test_a_damaged_journal_is_one_line(config: Path, journal: Path, capsys: Captured) -> None:
    journal.write_bytes(b"not a database at all" * 1_000)
    assert main(["journal", "--config", str(config)]) == 1
    assert "is damaged" in capsys.readouterr().err


def test_whoever_reads_only_the_beginning_is_no_error(config: Path, journal: Path) -> None:
    """`gate journal | head -1`, on a journal larger than a pipe."""
    written = SqliteJournal(journal, encode, contract.record_hash, max_waiting=10_000)
    moment = Moment("boot-1", 1_000, 1_781_500_000_000, trusted=True)
    written.append([Event(EventKind.ALARM_RAISED, moment)] * 3_000, 20_000)
    written.close()
    with subprocess.Popen(
        [sys.executable, "-m", "gate", "journal", "--json", "--config", str(config)],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as shown:  # fmt: skip
        assert shown.stdout is not None
        assert shown.stderr is not None
        shown.stdout.readline()
        shown.stdout.close()
        assert shown.stderr.read() == ""
        assert shown.wait(60) == 0
