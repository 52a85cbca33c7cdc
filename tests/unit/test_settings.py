"""Settings: what is wrong is told by file, line and key; the documented example cannot drift."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import UnionType
from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.config import GateConfig, PcscReader, VirtualReader, load_config, state_dir
from portvakt.backoff import Backoff
from portvakt.errors import AlreadyRunning, PortvaktError, SettingsError
from portvakt.process import FolderLock
from portvakt.settings import load, parse

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "config" / "gate.toml"

SMALL = """\
site = "kvartal-7"
gate = "north"

[hub]
verify_key = "hub.pub"

[[lanes]]
name = "main"
driver = "virtual"

[[lanes]]
name = "side"
driver = "virtual"
walk_s = 5.0

[[readers]]
name = "outside"
driver = "virtual"
lane = "main"
direction = "entry"
coding = "coding.toml"
keys = "keys.toml"

[[readers]]
name = "inside"
driver = "virtual"
lane = "main"
direction = "exit"
coding = "/etc/coding.toml"
keys = "keys.toml"
"""


def complaint(text: str) -> str:
    with pytest.raises(SettingsError) as wrong:
        parse(text, GateConfig, "gate.toml")
    return str(wrong.value)


def line_of(text: str, part: str, occurrence: int = 1) -> int:
    found = [number for number, line in enumerate(text.splitlines(), start=1) if part in line]
    return found[occurrence - 1]


def test_a_small_file_is_enough() -> None:
    config = parse(SMALL, GateConfig, "gate.toml")
    assert [lane.walk_s for lane in config.lanes] == [7.0, 5.0]
    assert config.journal.deadline_ms == 150


@pytest.mark.parametrize(
    ("old", "new", "at", "key", "what"),
    [
        ('gate = "north"', 'gate = "north"\ngatee = 1', "gatee", "gatee", "no such setting; is it misspelt?"),
        ('gate = "north"', 'gate = "North Gate"', "gate =", "gate", "Expected `str` matching regex"),
        ("walk_s = 5.0", 'walk_s = "5"', "walk_s", "lanes.1.walk_s", "Expected `float`, got `str`"),
        ("walk_s = 5.0", "walk_s = 0.0", "walk_s", "lanes.1.walk_s", "> 0.0"),
        ("walk_s = 5.0", "walk = 5.0", "walk = ", "lanes.1.walk", "no such setting; is it misspelt?"),
        (
            'direction = "exit"',
            "direction = 1",
            "direction = 1",
            "readers.1.direction",
            "Expected `str | null`, got `int`",
        ),
        ('verify_key = "hub.pub"', "verify_key = 5", "verify_key", "hub.verify_key", "Expected `str`, got `int`"),
        ("[hub]", "[hbu]", "[hbu]", "hbu", "no such setting; is it misspelt?"),
        (
            'verify_key = "hub.pub"',
            'verify_key = "hub.pub"\n[rules.credentials]\nentry = ["chip", 5]',
            "entry",
            "rules.credentials.entry.1",
            "Expected `str`, got `int`",
        ),
        (
            'verify_key = "hub.pub"',
            'verify_key = "hub.pub"\n[journal]\ndeadline_ms = 9000',
            "deadline_ms",
            "journal.deadline_ms",
            "<= 5000",
        ),
    ],
)
def test_a_wrong_setting_is_told_by_file_line_key_and_what_was_expected(
    old: str, new: str, at: str, key: str, what: str
) -> None:
    text = SMALL.replace(old, new)
    assert text != SMALL
    told = complaint(text)
    assert told.startswith(f"gate.toml, line {line_of(text, at)}, {key}: ")
    assert what in told


@pytest.mark.parametrize(
    ("gone", "told"),
    [
        ('site = "kvartal-7"\n', "gate.toml, (top of the file): the setting `site` is missing here"),
        ('verify_key = "hub.pub"\n', "gate.toml, line 4, hub: the setting `verify_key` is missing here"),
        ('name = "inside"\n', "gate.toml, line 24, readers.1: the setting `name` is missing here"),
        (
            '[hub]\nverify_key = "hub.pub"\n',
            "gate.toml, (top of the file): the setting `hub` is missing here",
        ),
    ],
)
def test_a_missing_setting_is_told_where_it_is_missing(gone: str, told: str) -> None:
    assert complaint(SMALL.replace(gone, "")) == told


def test_a_driver_that_does_not_exist_is_told_by_its_line() -> None:
    told = complaint(SMALL.replace('driver = "virtual"\nwalk_s', 'driver = "vrtual"\nwalk_s'))
    assert told.startswith("gate.toml, line 13, lanes.1.driver: ")
    assert "vrtual" in told


def test_what_is_no_toml_is_told_with_its_line() -> None:
    told = complaint(SMALL.replace('gate = "north"', "gate = north"))
    assert told.startswith("gate.toml: not valid TOML: ")
    assert "line 2" in told


def test_a_file_that_is_not_utf_8_is_told_with_its_byte(tmp_path: Path) -> None:
    path = tmp_path / "gate.toml"
    path.write_bytes('# Kjørevei\nsite = "x"'.encode("latin-1"))
    with pytest.raises(SettingsError) as wrong:
        load(path, GateConfig)
    assert str(wrong.value) == f"{path}: byte 4 is not UTF-8; save the file as UTF-8"


def test_a_file_that_is_not_there_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as wrong:
        load(tmp_path / "gate.toml", GateConfig)
    assert str(wrong.value) == (
        f"{tmp_path}/gate.toml: cannot be read (No such file or directory); name another file with --config"
    )


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="Is a directory"):
        load(tmp_path, GateConfig)


# --- what the types cannot say -----------------------------------------------------------------------


def checked(tmp_path: Path, text: str) -> GateConfig:
    path = tmp_path / "gate.toml"
    path.write_text(text, encoding="utf-8")
    return load_config(path)


RULES = '[rules]\nalready_inside = "warn"\n'


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('name = "side"', 'name = "main"', "lanes: two lanes are called 'main'"),
        ('name = "inside"', 'name = "outside"', "readers: two readers are called 'outside'"),
        ('lane = "main"', 'lane = "west"', "readers.0.lane: there is no lane 'west'; lanes are main, side"),
        ('direction = "exit"', 'direction = "out"', "readers.1.direction: 'out' is neither `entry` nor `exit`"),
        (
            "[hub]",
            '[rules]\nalready_inside = "no"\n[hub]',
            "rules.already_inside: 'no' is none of refuse, warn, off",
        ),
        ("[hub]", '[rules]\nstale_list = ""\n[hub]', "rules.stale_list: '' is none of everybody, seen_here, nobody"),
        ("[hub]", '[rules]\nuntrusted_clock = "x"\n[hub]', "rules.untrusted_clock: 'x' is none of refuse, warn, off"),
        (
            "[hub]",
            '[rules.credentials]\nentry = ["chip", "nfc"]\n[hub]',
            "rules.credentials.entry: 'nfc' is none of chip, osdp, stripe, qr, uid",
        ),
        ("[hub]", '[clock]\ntrust = "gps"\n[hub]', "clock.trust: 'gps' is neither `ntp` nor `always`"),
    ],
)
def test_settings_that_do_not_fit_together_are_told_by_key(tmp_path: Path, old: str, new: str, told: str) -> None:
    with pytest.raises(SettingsError) as wrong:
        checked(tmp_path, SMALL.replace(old, new, 1))
    where, line, rest = str(wrong.value).split(", ", 2)
    assert (where, rest) == (f"{tmp_path}/gate.toml", told)
    number = int(line.removeprefix("line "))
    key = told.split(":", maxsplit=1)[0].rsplit(".", 1)[-1]
    stands = (tmp_path / "gate.toml").read_text(encoding="utf-8").splitlines()[number - 1]
    assert key in stands


def test_p8_the_simulator_s_socket_does_not_open_beside_a_real_lane(tmp_path: Path) -> None:
    real = 'driver = "gpio"\nentry_relay_pin = 17\nexit_relay_pin = 27\n'
    text = "remote_control = true\n" + SMALL
    assert checked(tmp_path, text).remote_control
    with pytest.raises(SettingsError, match="remote_control"):
        checked(tmp_path, text.replace('driver = "virtual"\n', real, 1))


def test_files_are_looked_for_beside_the_settings(tmp_path: Path) -> None:
    config = checked(tmp_path, SMALL + '[broker]\nca_file = "ca.pem"\n')
    assert config.hub.verify_key == str(tmp_path / "hub.pub")
    assert config.broker.ca_file == str(tmp_path / "ca.pem")
    assert config.broker.cert_file is None
    chips = [reader for reader in config.readers if isinstance(reader, PcscReader | VirtualReader)]
    assert [reader.coding for reader in chips] == [str(tmp_path / "coding.toml"), "/etc/coding.toml"]


def test_the_state_folder_is_the_setting_then_systemd_s_then_var(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = checked(tmp_path, SMALL)
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    assert state_dir(plain) == Path("var/gate")
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/portvakt")
    assert state_dir(plain) == Path("/var/lib/portvakt")
    assert state_dir(checked(tmp_path, 'state_dir = "/srv/x"\n' + SMALL)) == Path("/srv/x")


# --- the documented example -------------------------------------------------------------------------------


def test_the_documented_settings_are_valid() -> None:
    assert load_config(EXAMPLE).gate == "north"


NOT_IN_THE_EXAMPLE = {"remote_control"}
"""Opens the gate to whoever reaches its socket: for the demo and tests, so no operator is shown it."""


def keys_of(kind: object) -> Iterator[str]:
    """Every key that a settings file may hold, nested tables included."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        for field in msgspec.structs.fields(kind):
            yield field.encode_name
            yield from keys_of(field.type)
    elif isinstance(kind, UnionType) or get_args(kind):
        for part in get_args(kind):
            yield from keys_of(part)


def test_every_setting_is_documented_in_the_example() -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    documented = set(re.findall(r"^(?:# )?(\w+) = ", text, re.MULTILINE))
    headers = re.findall(r"^(?:# )?\[+([\w.]+)\]+", text, re.MULTILINE)
    tables = {name for header in headers for name in header.split(".")}
    known = set(keys_of(GateConfig))
    assert {"walk_s", "deadline_ms", "ca_file", "key_slot", "verify_key"} <= known
    assert known - documented - tables == NOT_IN_THE_EXAMPLE


def test_the_example_documents_no_setting_that_is_gone() -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    documented = set(re.findall(r"^(?:# )?(\w+) = ", text, re.MULTILINE))
    assert documented - {"driver"} <= set(keys_of(GateConfig))


# --- backoff -------------------------------------------------------------------------------------------------


@given(st.floats(0, 1, exclude_max=True), st.integers(0, 10_000), st.integers(1, 10_000), st.integers(1, 100_000))
def test_p11_a_wait_stays_within_its_bounds(chance: float, attempt: int, first_ms: int, cap_ms: int) -> None:
    wait_ms = Backoff(lambda: chance, first_ms, cap_ms).wait_ms(attempt)
    assert 0 <= wait_ms <= min(cap_ms, first_ms * 2 ** min(attempt, 40))


def test_the_jitter_is_full() -> None:
    """From nothing to the whole interval, which doubles up to its cap."""
    assert [Backoff(lambda: 0.0).wait_ms(attempt) for attempt in range(9)] == [0] * 9
    almost = Backoff(lambda: 1 - 2**-53)
    ceilings = [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]
    assert [almost.wait_ms(attempt) + 1 for attempt in range(8)] == ceilings
    assert Backoff(lambda: 0.5).wait_ms(2) == 1_000


# --- one process a folder ---------------------------------------------------------------------------------------

HOLDER = """
import sys
from pathlib import Path
from portvakt.process import FolderLock
with FolderLock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_process_is_refused_and_a_killed_one_leaves_nothing_behind(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
    ) as holder:  # fmt: skip
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(AlreadyRunning, match=f"in use by process {holder.pid};"):
            FolderLock(folder)
        os.kill(holder.pid, signal.SIGKILL)
        holder.wait()
        with FolderLock(folder):
            assert (folder / "lock").read_text(encoding="utf-8") == str(os.getpid())


def test_a_lock_that_was_let_go_can_be_taken_again(tmp_path: Path) -> None:
    for _ in range(2):
        with FolderLock(tmp_path):
            pass


def test_a_state_folder_that_cannot_be_used_is_an_expected_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(PortvaktError, match=r"state_dir: .*file.* cannot be used"):
        FolderLock(tmp_path / "file")
    with pytest.raises(PortvaktError, match=r"state_dir: .* cannot be used"):
        FolderLock(tmp_path / "file" / "below")
