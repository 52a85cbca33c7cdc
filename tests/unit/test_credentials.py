"""Secrets that systemd hands over: which file a setting means, and who else may read it."""

from pathlib import Path

import pytest

from gate.config import load_config
from gate.errors import CodingError
from gate.reader.layouts import load_scbk
from gate.reader.profiles import load_keys
from hub.config import load_config as load_hub_config
from hub.errors import KeyFileError
from hub.keys import signing_key
from portvakt.credentials import named_file, seen_by_others
from portvakt.errors import SettingsError
from tests.sim.rig import ROOT

SETTINGS = Path("/etc/portvakt/gate.toml")
SYSTEMD = {"CREDENTIALS_DIRECTORY": "/run/credentials/gate.service"}


@pytest.mark.parametrize(
    ("named", "environment", "path"),
    [
        ("hub.pub", SYSTEMD, "/etc/portvakt/hub.pub"),
        ("/root/hub.pub", SYSTEMD, "/root/hub.pub"),
        ("credential:a.scbk", SYSTEMD, "/run/credentials/gate.service/portvakt_a.scbk"),
        ("credential:a.scbk", {}, "/etc/portvakt/gate.credentials/a.scbk"),
    ],
)
def test_the_file_that_is_meant(named: str, environment: dict[str, str], path: str) -> None:
    assert named_file(SETTINGS, named, environment) == path


@pytest.mark.parametrize("name", ["", "../hub.pub", "/etc/shadow", ".hidden", "a/b"])
def test_a_credential_is_one_file_of_one_folder(name: str) -> None:
    with pytest.raises(SettingsError, match="is no credential"):
        named_file(SETTINGS, f"credential:{name}", SYSTEMD)


@pytest.mark.parametrize(("mode", "own", "handed"), [(0o400, 0, 0), (0o440, 0o440, 0), (0o444, 0o444, 0o444)])
def test_the_mask_of_an_access_list_is_no_group_that_may_read(tmp_path: Path, mode: int, own: int, handed: int) -> None:
    file = tmp_path / "secret"
    file.touch()
    file.chmod(mode)
    assert seen_by_others(file, {}) == own
    assert seen_by_others(file, {"CREDENTIALS_DIRECTORY": str(tmp_path)}) == handed
    assert seen_by_others(file, SYSTEMD) == own


@pytest.fixture
def handed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that systemd makes, as newer versions make it."""
    folder = tmp_path / "run"
    folder.mkdir()
    keys = (ROOT / "config" / "coding" / "demo.keys.toml").read_text(encoding="utf-8")
    for name, text in (
        ("portvakt_cards.toml", keys.replace("test_keys = true", "test_keys = false")),
        ("portvakt_1.scbk", "00112233445566778899aabbccddeeff"),
        ("portvakt_broker.password", "open sesame"),
    ):
        (folder / name).write_text(text, encoding="utf-8")
        (folder / name).chmod(0o440)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(folder))
    return folder


def test_every_setting_that_names_a_file_may_name_a_credential(handed: Path, tmp_path: Path) -> None:
    text = (ROOT / "config" / "gate.toml").read_text(encoding="utf-8")
    text = text.replace("coding/demo.keys.toml", "credential:cards.toml").replace(
        "# username", 'password_file = "credential:broker.password"\n# username'
    )
    file = tmp_path / "gate.toml"
    file.write_text(text, encoding="utf-8")
    config = load_config(file)
    assert config.broker.password_file == str(handed / "portvakt_broker.password")
    keys = {reader.keys for reader in config.readers if hasattr(reader, "keys")}
    assert keys == {str(handed / "portvakt_cards.toml")}
    assert load_keys(handed / "portvakt_cards.toml")
    assert load_scbk(handed / "portvakt_1.scbk")


def test_the_hubs_key_may_be_a_credential(handed: Path, tmp_path: Path) -> None:
    made = tmp_path / "made.pem"
    signing_key(made)
    key = handed / "portvakt_site.pem"
    key.write_bytes(made.read_bytes())
    key.chmod(0o440)
    file = tmp_path / "hub.toml"
    file.write_text('site = "yard"\nsigning_key = "credential:site.pem"\n', encoding="utf-8")
    config = load_hub_config(file)
    assert config.signing_key == str(key)
    assert signing_key(key)
    key.chmod(0o444)
    with pytest.raises(KeyFileError, match="others may read"):
        signing_key(key)


def test_the_same_file_elsewhere_is_refused(tmp_path: Path, handed: Path) -> None:
    for name, load in (("portvakt_cards.toml", load_keys), ("portvakt_1.scbk", load_scbk)):
        elsewhere = tmp_path / name
        elsewhere.write_bytes((handed / name).read_bytes())
        elsewhere.chmod(0o440)
        with pytest.raises(CodingError, match="others on this machine may read"):
            load(elsewhere)
