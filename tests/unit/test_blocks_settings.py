"""Settings of blocks for all sites: those of the page can be copied, and what is wrong with others is said by key."""

import re
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from hub.central.siblings.settings import HearSettings, TellSettings, listening_of, telling_of
from hub.cli import main
from hub.config import BLOCKS, load_config
from hub.keys import public_pem
from portvakt.errors import SettingsError
from tests.generated import DOCS

PAGE = (DOCS / "sources.md").read_text(encoding="utf-8").partition("## Blocks of our other sites")[2]
TELL, HEAR = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
LOCAL = '[[sources]]\nname = "ours"\nkind = "blocks"\n[sources.settings]\nhost = "127.0.0.1"\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With the files that the page names."""
    for name in ("kvartal-7.pub", "havna.pub"):
        (tmp_path / name).write_bytes(public_pem(Ed25519PrivateKey.generate()))
    secret = tmp_path / "hub.credentials" / "blocks.password"
    secret.parent.mkdir()
    secret.write_text("invented\n")
    secret.chmod(0o600)
    return tmp_path


def file_with(folder: Path, text: str) -> Path:
    file = folder / "hub.toml"
    file.write_text(f'site = "brygga-3"\n{text}', encoding="utf-8")
    return file


def test_what_the_page_shows_can_be_copied(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = file_with(folder, TELL + HEAR)
    assert main(["check-config", str(file)]) == 0
    assert "told at mqtt.example.no:8883, portvakt/v1/brygga-3/blocks" in capsys.readouterr().out
    config = load_config(file)
    (one,) = config.sources
    listening = listening_of(config, one, file)
    assert sorted(listening.keys) == ["havna", "kvartal-7"]
    assert listening.may_block == {"kvartal-7"}
    assert listening.broker.password_file == str(folder / "hub.credentials" / "blocks.password")
    telling = telling_of(config, file)
    assert telling is not None
    assert telling.client_id != listening.client_id


def test_every_setting_is_explained() -> None:
    explained = set(re.findall(r"^(?:# )?(\w+) = ", PAGE, re.MULTILINE)) | set(re.findall(r"`(\w+)`", PAGE))
    explained.add("ca_file")
    assert set(HearSettings.__struct_fields__) | set(TellSettings.__struct_fields__) <= explained


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("[all_sites.publish]\n", "all_sites.publish: Object missing required field `host`"),
        ('[all_sites.publish]\nhost = "a.example"\n', "all_sites.publish.tls: people's data would go in clear"),
        ('[all_sites.publish]\nhost = "127.0.0.1"\ntopic = "a/+"\n', "all_sites.publish.topic: 'a/+' is no topic"),
        ('[all_sites.publish]\nhost = "127.0.0.1"\ntopic = "{gate}"\n', "all_sites.publish.topic"),
        ('[all_sites.publish]\nhost = "127.0.0.1"\nto = "x"\n', "unknown field `to`"),
        (LOCAL, "sources.ours.settings: Object missing required field `hubs`"),
        (f'{LOCAL}hubs = {{ havna = "gone.pub" }}\n', "sources.ours.settings.hubs.havna: "),
        (f'{LOCAL}hubs = {{ brygga-3 = "havna.pub" }}\n', "brygga-3 is this site itself"),
        (f'{LOCAL}hubs = {{ havna = "havna.pub" }}\nmay_block = ["kai"]\n', "there is no key of kai in hubs"),
        ('[[sources]]\nname = "a"\nkind = "block"\n', "'block' is none of blocks, chkbox, ditio, mapped"),
    ],
    ids=range(10),
)
def test_what_is_wrong_is_said_by_its_key(
    folder: Path, text: str, wrong: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = file_with(folder, text)
    assert main(["check-config", str(file)]) == 1
    assert wrong in capsys.readouterr().err


def test_a_key_of_another_kind_is_refused(folder: Path) -> None:
    (folder / "havna.pub").write_text("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n")
    config = load_config(file := file_with(folder, f'{LOCAL}hubs = {{ havna = "havna.pub" }}\n'))
    assert config.sources[0].kind == BLOCKS
    with pytest.raises(SettingsError, match="no public key can be read there"):
        listening_of(config, config.sources[0], file)
