"""docs/hmsreg.md and the example of the settings say what the code does, and can be copied as they stand."""

import re
from pathlib import Path

import pytest

from hub.central.couriers import target_of
from hub.central.receivers.elrapp_fields import ElrappSettings
from hub.central.receivers.hmsreg_fields import V1Settings, V2Settings
from hub.cli import main
from hub.config import load_config
from portvakt.doubles import elrapp, hmsreg
from tests.generated import DOCS, ROOT

PAGE = (DOCS / "hmsreg.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
EXAMPLE = "".join(
    line.removeprefix("# ").removeprefix("#")
    for line in re.split(r"^# HMSREG and ELRAPP.*\n", (ROOT / "config" / "hub.toml").read_text("utf-8"), flags=re.M)[1]
    .partition("\n\n")[0]
    .splitlines(keepends=True)
)


def with_secrets(folder: Path, text: str) -> Path:
    """A settings file with these targets, and the secrets that they name."""
    file = folder / "hub.toml"
    file.write_text(f'site = "yard"\n{text}\n', encoding="utf-8")
    for name in re.findall(r'"credential:([\w.]+)"', text):
        secret = folder / "hub.credentials" / name
        secret.parent.mkdir(exist_ok=True)
        secret.write_text("invented\n")
        secret.chmod(0o600)
    return file


@pytest.mark.parametrize("block", [*BLOCKS, EXAMPLE], ids=[*map(str, range(len(BLOCKS))), "hub.toml"])
def test_targets_can_be_copied_as_they_stand(tmp_path: Path, block: str) -> None:
    file = with_secrets(tmp_path, block)
    config = load_config(file)
    assert config.targets
    for one in config.targets:
        target_of(config, one, file).close()


def test_check_config_finds_what_a_target_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    file = with_secrets(tmp_path, BLOCKS[0])
    assert main(["check-config", str(file)]) == 0
    assert "hmsreg (hmsreg-v1)" in capsys.readouterr().out
    (tmp_path / "hub.credentials" / "hmsreg.password").chmod(0o644)
    assert main(["check-config", str(file)]) == 1
    assert "targets.hmsreg.settings: password_file" in capsys.readouterr().err


@pytest.mark.parametrize("settings", [V1Settings, V2Settings, ElrappSettings])
def test_every_setting_is_explained(settings: type[V1Settings | V2Settings | ElrappSettings]) -> None:
    explained = set(re.findall(r"`(\w+)\b[^`]*`", PAGE))
    assert set(settings.__struct_fields__) - explained == set()


def test_every_field_that_is_sent_is_in_the_tables() -> None:
    explained = {
        name for row in re.findall(r"^\| (`.*?) \|", PAGE, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)
    }
    assert {*hmsreg.FIELDS, *hmsreg.FIELDS_V2, *elrapp.FIELDS} - explained == set()
