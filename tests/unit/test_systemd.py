"""The units: every key is one that systemd knows, and what runs is fenced in."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from gate.cli import _parser
from gate.config import load_config, screen_socket
from gate.controller import IDLE_TICK_MS
from hub.cli import _parser as _hub_parser
from hub.config import HubConfig, authority_file, identity_file, signing_key_file
from hub.metrics_server import address

FOLDER = Path(__file__).parents[2] / "systemd"
UNITS = sorted(FOLDER.glob("*.service"))
ANALYZE = shutil.which("systemd-analyze")
needs_systemd = pytest.mark.skipif(ANALYZE is None, reason="systemd-analyze is not installed")


def analyze(*words: str) -> str:
    assert ANALYZE
    done = subprocess.run([ANALYZE, *words], capture_output=True, text=True, check=False, timeout=60)
    return done.stdout + done.stderr


@needs_systemd
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_systemd_understands_every_line_of_the_unit(unit: Path) -> None:
    assert [line for line in analyze("verify", str(unit)).splitlines() if unit.name in line] == []


@needs_systemd
@pytest.mark.parametrize(("name", "at_most"), [("hub", 1.2), ("hub-metrics", 1.2), ("gate", 2.1), ("gate-screen", 0.5)])
def test_the_unit_is_fenced_in(name: str, at_most: float) -> None:
    """The exposure that `systemd-analyze security` finds, of 10; what is left has its reason in the unit."""
    unit = FOLDER / f"{name}.service"
    told = analyze("security", "--offline=true", str(unit))
    level = re.search(r"Overall exposure level for .*: ([\d.]+)", told)
    if level is None:
        pytest.skip("this systemd cannot look at a unit off line")
    assert float(level[1]) <= at_most


def test_there_is_a_unit_for_each() -> None:
    assert [unit.stem for unit in UNITS] == ["gate-screen", "gate", "hub-metrics", "hub"]


def test_a_gate_that_hangs_is_started_again_and_leaves_safe_lanes() -> None:
    unit = (FOLDER / "gate.service").read_text(encoding="utf-8")
    found = re.search(r"^WatchdogSec=(\d+)$", unit, re.MULTILINE)
    assert found
    # The controller gives a sign each second, and waits for a late disk for 5 s at the most (journal.deadline_ms).
    assert int(found[1]) > 2 * (IDLE_TICK_MS / 1000 + 1)
    assert {"Type=notify", "Restart=always"} <= set(unit.splitlines())
    assert "ExecStopPost=" in unit


def settings(name: str) -> dict[str, list[str]]:
    """The lines of a unit by their key."""
    found: dict[str, list[str]] = {}
    for line in (FOLDER / f"{name}.service").read_text(encoding="utf-8").splitlines():
        key, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found.setdefault(key, []).append(value)
    return found


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_every_command_is_one_that_its_program_takes(unit: Path) -> None:
    """Through env, so that a unit can be looked at where nothing is installed; what it needs it must assert itself."""
    lines = settings(unit.stem)
    for command in lines["ExecStart"] + lines.get("ExecStopPost", []):
        env, program, *words = command.split()
        assert env == "/usr/bin/env"
        assert lines["AssertFileIsExecutable"] == [program]
        parser = {"gate": _parser, "hub": _hub_parser}[Path(program).name]()
        assert parser.parse_args(words)


def test_every_user_and_group_is_made_by_the_package() -> None:
    made = (FOLDER.parent / "packaging" / "portvakt.sysusers").read_text(encoding="utf-8")
    for unit in UNITS:
        lines = settings(unit.stem)
        for user in lines["User"]:
            assert re.search(rf"^u {user} ", made, re.MULTILINE)
        for group in " ".join(lines.get("SupplementaryGroups", [])).split():
            assert re.search(rf"^[gu] {group} ", made, re.MULTILINE)
    users = {unit.stem: settings(unit.stem)["User"] for unit in UNITS}
    # The database is the hub's alone; who reads it for the network shares its user, and none of its keys.
    assert users.pop("hub-metrics") == users["hub"]
    assert len({user for (user,) in users.values()}) == len(users)


def test_the_numbers_are_served_to_this_machine_alone_by_a_program_that_sees_no_key() -> None:
    unit = settings("hub-metrics")
    words = unit["ExecStart"][0].split()
    assert address(words[words.index("--listen") + 1]).loopback
    config = HubConfig(site="yard", state_dir="/var/lib/portvakt-hub")
    keys = {signing_key_file(config), authority_file(config), identity_file(config)}
    assert {f"-{key}" for key in keys} == set(unit["InaccessiblePaths"][0].split())
    assert unit["StateDirectory"] == settings("hub")["StateDirectory"]


def test_secrets_are_handed_over_and_their_folder_is_made() -> None:
    made = (FOLDER.parent / "packaging" / "portvakt.tmpfiles").read_text(encoding="utf-8")
    for name, house in (("gate", "gate"), ("hub", "hub"), ("hub-metrics", "hub")):
        (handed,) = settings(name)["LoadCredential"]
        assert handed == f"portvakt:/etc/portvakt/{house}.credentials"
        # Without the folder the service would not start at all.
        assert f"d /etc/portvakt/{house}.credentials 0700 root root -" in made
    assert "LoadCredential" not in settings("gate-screen")


def test_the_screen_reaches_the_gates_socket_and_nothing_else_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    gate, screen = settings("gate"), settings("gate-screen")
    # The socket is 0660, of the gate's group: see tests/integration/test_display_server.py.
    assert screen["SupplementaryGroups"] == gate["User"]
    assert (gate["UMask"], gate["StateDirectoryMode"], gate["RuntimeDirectoryMode"]) == (["0077"], ["0700"], ["0750"])
    assert screen["RestrictAddressFamilies"] == ["AF_UNIX"]
    assert set(screen["InaccessiblePaths"][0].split()) >= {"-/var/lib/portvakt", "-/etc/portvakt/gate.credentials"}
    runtime = next(word for word in screen["Environment"][0].split() if word.startswith("RUNTIME_DIRECTORY="))
    assert runtime == f"RUNTIME_DIRECTORY=%t/{gate['RuntimeDirectory'][0]}"
    monkeypatch.setenv("RUNTIME_DIRECTORY", "/run/portvakt")
    config = load_config(FOLDER.parent / "config" / "gate.toml")
    assert screen_socket(config, "main") == Path("/run/portvakt/screen-main.sock")


def test_the_screen_has_its_console_to_itself() -> None:
    screen = settings("gate-screen")
    assert screen["TTYPath"] == ["/dev/tty1"]
    assert screen["DeviceAllow"] == ["/dev/tty1 rw"]
    assert screen["Conflicts"] == ["getty@tty1.service"]
    # Textual draws through stderr.
    assert {screen[f"Standard{name}"][0] for name in ("Input", "Output", "Error")} == {"tty"}
    # Neither a font that is not there nor a display without blanking keeps it from starting.
    assert all(line.startswith("-") for line in screen["ExecStartPre"])
