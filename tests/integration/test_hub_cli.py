"""The `hub` command: exit statuses, one line for each failure, tables that help."""

import contextlib
import json
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from gate.uplink.contract import Status
from gate.uplink.signing import Signer
from hub.cli import main
from hub.config import PostgresAddress
from hub.errors import KeyFileError
from hub.health import follow
from hub.ingest import Ingest
from hub.keys import signing_key
from hub.store import HubStore
from tests.sim.records import START_MS, RecordBook

EXAMPLE = Path("config/crew.example.csv")


@pytest.fixture(autouse=True)
def state(tmp_path: Path, database: Path | PostgresAddress, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A hub of its own, on each kind of database: settings found through the variable, state beside them."""
    settings = tmp_path / "hub.toml"
    text = f'site = "yard"\nstate_dir = "{tmp_path / "state"}"\n'
    if isinstance(database, PostgresAddress):
        text += f'database = "{database.url}"\n'
    # Its passages are of a day long ago, and nobody is to have left since.
    text += '[presence]\nclose_at = "never"\n'
    settings.write_text(text, encoding="utf-8")
    monkeypatch.setenv("PORTVAKT_HUB_CONFIG", str(settings))
    return tmp_path / "state"


def crew_file(tmp_path: Path, old: str = "", new: str = "") -> str:
    """The example list, with one change."""
    text = EXAMPLE.read_text(encoding="utf-8")
    assert old in text
    file = tmp_path / "crew.csv"
    file.write_text(text.replace(old, new, 1), encoding="utf-8")
    return str(file)


def test_empty_tables_say_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    """A new hub's tables are sentences."""
    assert [main([verb]) for verb in ("roster", "events", "gates")] == [0, 0, 0]
    out = capsys.readouterr().out
    assert "Nobody is inside" in out
    assert "No events" in out
    assert "No gate has spoken" in out
    assert [main([verb, "--json"]) for verb in ("roster", "events")] == [0, 0]
    assert capsys.readouterr().out == "[]\n[]\n"


def test_a_day_in_tables(database: Path | PostgresAddress, capsys: pytest.CaptureFixture[str]) -> None:
    """Roster with names, events, gates with what is missing and what to look into."""
    main(["crew", "import", str(EXAMPLE)])
    north = RecordBook()
    north.passage("5310118", "entry")
    north.add("badge.refused", card="5310225", direction="entry", reason="blocked")
    north.passage("9999999", "entry", trusted=False)
    with contextlib.closing(HubStore(database)) as store:
        Ingest("yard", store, Signer("yard", Ed25519PrivateKey.generate())).take([north.message(1, 3)], START_MS)
        status = Status(
            "north",
            "one",
            True,
            epoch=north.epoch,
            head_seq=4,
            list_revision=9,
            readers={"in": "ok", "out": "hung"},
            reader_reads_ms={"in": START_MS},
        )
        store.put_gate_health([follow(None, status, START_MS)])
    capsys.readouterr()
    assert main(["roster"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[0] for line in lines] == [
        "NAME",
        "Rūta Žilinskė",
        "(not on any crew list)",
        "",
        "2 people are inside.",
    ]
    assert "Fagspor Elektro AS" in lines[1]
    assert "clock of the gate was not set" in lines[2]
    assert len({line.index("hms:") for line in lines[1:3]}) == 1
    assert main(["gates"]) == 0
    out = capsys.readouterr().out
    assert "9 (not 1)  4/2/1" in out
    assert re.search(r"in ok, read [\d:. -]+; out hung", out)
    assert "north: holds a newer list than this hub" in out
    assert main(["events", "--json", "--limit", "1", "--gate", "north", "--kind", "passage"]) == 0
    assert [event["seq"] for event in json.loads(capsys.readouterr().out)] == [3]
    assert main(["gates", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["gates"][0]["journals"][0]["missing"] == 1


def test_who_is_in_a_part_of_the_site(database: Path | PostgresAddress, capsys: pytest.CaptureFixture[str]) -> None:
    north = RecordBook()
    for card, zone in (("5310118", "site/tunnel"), ("5310027", "site"), ("5310035", "site/tunnel-2")):
        north.add("passage.completed", card=card, direction="entry", zone=zone)
    with contextlib.closing(HubStore(database)) as store:
        Ingest("yard", store, Signer("yard", Ed25519PrivateKey.generate())).take([north.message()], START_MS)
    assert main(["roster", "--json"]) == 0
    assert {one["zone"] for one in json.loads(capsys.readouterr().out)} == {"site/tunnel", "site", "site/tunnel-2"}
    assert main(["roster", "--zone", "site/tunnel"]) == 0
    out = capsys.readouterr().out
    assert "hms:5310118" in out
    assert "hms:5310035" not in out
    assert out.endswith("1 person is in site/tunnel.\n")
    assert main(["roster", "--zone", "site/%"]) == 0
    assert "Nobody is in site/%" in capsys.readouterr().out


def test_importing_the_example(capsys: pytest.CaptureFixture[str]) -> None:
    """A dry run shows and writes nothing; the import makes revision 1; repeating it makes no other."""
    for arguments, told in (
        (["--dry-run"], "+7 −0 ~0, 0 unchanged; dry run, nothing was written\n"),
        ([], "+7 −0 ~0, 0 unchanged; the list is revision 1\n"),
        ([], "+0 −0 ~0, 7 unchanged; the list is revision 1\n"),
    ):
        assert main(["crew", "import", str(EXAMPLE), *arguments]) == 0
        assert capsys.readouterr().out == told


def test_leaving_the_crew_list(
    tmp_path: Path, database: Path | PostgresAddress, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever is not on the new list gets a permit that says so; nothing is deleted, and a return is noticed."""
    main(["crew", "import", str(EXAMPLE)])
    line = next(line for line in EXAMPLE.read_text(encoding="utf-8").splitlines(True) if "Wrzosek" in line)
    assert main(["crew", "import", crew_file(tmp_path, line)]) == 0
    assert capsys.readouterr().out.endswith("+0 −1 ~0, 6 unchanged; the list is revision 2\n")
    with contextlib.closing(HubStore(database)) as store:
        standings = {permit.number: permit.standing for permit in store.permit_list().permits}
    assert standings == {
        "5310027": "granted",
        "5310035": "not_on_crew_list",
        "5310118": "granted",
        "5310126": "training_missing",
        "5310209": "granted",
        "5310217": "company_not_approved",
        "5310225": "blocked",
    }
    assert main(["crew", "import", str(EXAMPLE)]) == 0
    assert capsys.readouterr().out == "+1 −0 ~0, 6 unchanged; the list is revision 3\n"


def test_a_bad_row_stops_everything_unless_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 1 and nothing written; with --partial the good rows, and the bad row's card keeps what it had."""
    main(["crew", "import", str(EXAMPLE)])
    file = crew_file(tmp_path, "1979-11-23", "23/11/79")
    capsys.readouterr()
    assert main(["crew", "import", file]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        f"{file}, row 3, date_of_birth: '23/11/79' is not a date; write it as 2026-05-31",
        "hub: nothing was written, because of 1 bad row; --partial takes the good ones",
    ]
    assert main(["crew", "import", file, "--partial"]) == 0
    out, err = capsys.readouterr()
    assert out == "+0 −0 ~0, 6 unchanged; the list is revision 1\ncards that only bad rows name keep what they had: 1\n"
    assert main(["crew", "import", file, "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["written"], told["revision"], told["kept"]) == (False, None, 1)
    assert told["problems"][0]["row"] == 3


def test_a_list_of_nobody_is_never_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Not even with --partial: it would lock everybody out."""
    main(["crew", "import", str(EXAMPLE)])
    file = tmp_path / "crew.csv"
    file.write_bytes(EXAMPLE.read_bytes().splitlines(keepends=True)[0])
    assert main(["crew", "import", str(file), "--partial"]) == 1
    assert "would lock everybody out" in capsys.readouterr().err
    assert main(["crew", "import", str(EXAMPLE)]) == 0
    assert "7 unchanged; the list is revision 1" in capsys.readouterr().out


def test_the_key(tmp_path: Path, state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Made once, readable by its owner alone; what is printed is the public half."""
    assert main(["key"]) == 0
    pem = capsys.readouterr().out
    assert isinstance(load_pem_public_key(pem.encode()), Ed25519PublicKey)
    assert main(["key", "-o", str(tmp_path / "hub.pub")]) == 0
    assert (tmp_path / "hub.pub").read_text() == pem
    private = state / "signing-key.pem"
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    assert [file.name for file in state.iterdir()] == ["signing-key.pem"]
    private.chmod(0o644)
    with pytest.raises(KeyFileError, match="others may read this private key"):
        signing_key(private)


@pytest.mark.parametrize("spoilt", [b"", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_a_spoilt_key_is_not_replaced(state: Path, spoilt: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    """A new key in silence would cut every gate off; the message says to restore it."""
    state.mkdir()
    file = state / "signing-key.pem"
    file.write_bytes(spoilt)
    file.chmod(0o600)
    assert main(["key"]) == 1
    assert "restore it from a backup" in capsys.readouterr().err
    assert file.read_bytes() == spoilt


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["crew", "import", "nowhere.csv"], "hub: nowhere.csv: cannot be read (No such file or directory)\n"),
        (["--config", "nowhere.toml", "roster"], "hub: nowhere.toml: cannot be read"),
        (["roster", "--config", "nowhere.toml"], "hub: nowhere.toml: cannot be read"),
        (["check-config", "config/crew.example.csv"], "hub: config/crew.example.csv: not valid TOML"),
        (["key", "-o", "/nowhere/hub.pub"], "hub: /nowhere/hub.pub: cannot be written"),
    ],
)
def test_expected_failures_are_one_line(arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 1, no traceback."""
    assert main(arguments) == 1
    err = capsys.readouterr().err
    assert err.startswith(told)
    assert err.count("\n") == 1


@pytest.mark.parametrize("arguments", [[], ["open"], ["crew"], ["events", "--limit", "0"], ["run", "now"]])
def test_wrong_usage_is_two(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """As every command of the system does."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert "usage: hub" in capsys.readouterr().err


def test_check_config_shows_what_counts(capsys: pytest.CaptureFixture[str]) -> None:
    """Where the hub will work, and with what."""
    assert main(["check-config", "config/hub.toml"]) == 0
    assert "config/hub.toml is in order" in capsys.readouterr().out


def test_check_config_looks_at_the_certificates(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "tls.toml"
    file.write_text('site = "yard"\n[broker]\nca_file = "nowhere.pem"\n')
    assert main(["check-config", str(file)]) == 1
    assert "certificate or password file cannot be used" in capsys.readouterr().err


def test_help_loads_nothing_heavy() -> None:
    """`hub --help` on a small machine does not wait for SQLAlchemy."""
    code = (
        "import sys, hub.cli\n"
        "try: hub.cli.main(['--help'])\n"
        "except SystemExit: pass\n"
        "sys.exit(bool({'sqlalchemy', 'paho', 'amqtt', 'cryptography', 'msgspec'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, capture_output=True).returncode == 0


def test_a_card_at_two_gates_at_once_is_told_of(
    database: Path | PostgresAddress, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["suspicions"]) == 0
    assert capsys.readouterr().out == "No card is suspected to exist twice.\n"
    north, south = RecordBook("north"), RecordBook("south")
    north.passage("5310118", "entry")
    south.passage("5310118", "entry")
    with contextlib.closing(HubStore(database)) as store:
        ingest = Ingest("yard", store, Signer("yard", Ed25519PrivateKey.generate()))
        ingest.take([north.message(1, 1)], START_MS)
        ingest.take([south.message(1, 1)], START_MS)
        ingest.take([south.message(1, 1)], START_MS)
    assert main(["suspicions"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert lines[1].split("  ")[-1].strip() == "sooner than anybody walks"
    assert main(["suspicions", "--json"]) == 0
    (told,) = json.loads(capsys.readouterr().out)
    assert (told["sign"], {told["gate"], told["other_gate"]}) == ("too_fast", {"north", "south"})
