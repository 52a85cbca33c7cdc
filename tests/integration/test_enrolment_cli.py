"""`hub enroll`, `hub revoke`, `hub broker-config`: what they write and say, and what they refuse."""

import contextlib
import json
import os
import socket
import stat
from pathlib import Path

import pytest
from cryptography import x509

from gate.uplink.signing import Signer
from hub.authority import authority_at, renew_hub_identity
from hub.cli import main
from hub.config import load_config
from hub.errors import KeyFileError
from hub.keys import signing_key
from hub.membership import LOOK_AT_OWN_MS, Membership
from hub.store import HubStore
from portvakt.bundle import read_bundle

NOW_MS = 1_781_500_000_000
DAY_MS = 86_400_000


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    settings(tmp_path, 'host = "hub.yard.lan"\n')
    monkeypatch.setenv("PORTVAKT_HUB_CONFIG", str(tmp_path / "hub.toml"))
    return tmp_path


def settings(folder: Path, enrolment: str, broker: str = "") -> Path:
    file = folder / "hub.toml"
    file.write_text(f'site = "yard"\nstate_dir = "{folder}/state"\n[enrolment]\n{enrolment}\n[broker]\n{broker}')
    return file


def test_a_bundle(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = folder / "north.bundle"
    assert main(["enroll", "north", "-o", str(file)]) == 0
    assert "gate join north.bundle" in capsys.readouterr().out
    bundle = read_bundle(file)
    assert (bundle.site, bundle.gate, bundle.host, bundle.port) == ("yard", "north", "hub.yard.lan", 8883)
    assert main(["key"]) == 0
    assert capsys.readouterr().out == bundle.verify_key
    assert main(["enroll", "north", "-o", str(file), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["certificates"] == 0
    assert read_bundle(file).token != bundle.token
    assert stat.S_IMODE((folder / "state/authority.pem").stat().st_mode) == 0o600
    assert main(["enroll", "--list"]) == 0
    (_, line) = capsys.readouterr().out.splitlines()
    assert line.split() == ["north", "invited"]


def test_an_empty_list_says_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["enroll", "--list"]) == 0
    assert "hub enroll GATE -o FILE" in capsys.readouterr().out
    assert main(["enroll", "--list", "--json"]) == 0
    assert capsys.readouterr().out == "[]\n"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["enroll"], "which gate?"),
        (["enroll", "North 1"], "'North 1' is no name of a gate"),
        (["enroll", "permits"], "no gate may be called 'permits'"),
        (["enroll", "north", "-o", "/nowhere/bundle"], "/nowhere/bundle: cannot be written"),
        (["enroll", "--sign", "nowhere.request"], "nowhere.request: cannot be read"),
        (["revoke", "north"], "there is no gate 'north' to revoke; enrolled: none"),
        (["broker-config", "-d", "/proc/here"], "/proc/here/portvakt.conf: cannot be written"),
    ],
)
def test_expected_failures_are_one_line(words: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 1
    said = capsys.readouterr().err
    assert told in said
    assert said.count("\n") == 1


def test_who_does_not_say_where_the_broker_is_gets_this_machines_name(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings(folder, "")
    assert main(["enroll", "north", "-o", str(folder / "north.bundle")]) == 0
    told = f"gates will reach the broker as {socket.gethostname()!r}; if they do not, set [enrolment] host"
    assert told in capsys.readouterr().err
    assert read_bundle(folder / "north.bundle").host == socket.gethostname()


def test_a_bundle_that_cannot_be_written_leaves_the_one_before_valid(folder: Path) -> None:
    assert main(["enroll", "north", "-o", str(folder / "north.bundle")]) == 0
    with contextlib.closing(HubStore(folder / "state/hub.sqlite3")) as store:
        with store.enrolling() as transaction:
            before = transaction.enrolment("north")
        assert main(["enroll", "north", "-o", str(folder)]) == 1
        with store.enrolling() as transaction:
            assert transaction.enrolment("north") == before


def test_the_settings_that_broker_config_asks_for_are_settings(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["broker-config", "-d", str(folder / "broker"), "--json"]) == 0
    broker = json.loads(capsys.readouterr().out)["broker"]
    assert main(["broker-config", "-d", str(folder / "broker")]) == 0
    said = capsys.readouterr().out
    text = said.split("\n\n", 1)[1]
    file = folder / "copied.toml"
    file.write_text(f'site = "yard"\n\n{text}')
    config = load_config(file)
    assert (config.broker.ca_file, config.broker.cert_file) == (broker["ca_file"], broker["cert_file"])
    assert config.enrolment.broker_dir == str(folder / "broker")
    server = x509.load_pem_x509_certificate((folder / "broker/server.pem").read_bytes())
    names = server.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["hub.yard.lan", "localhost"]


def test_revoke_writes_the_list_and_restarts_the_broker(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broker = folder / "broker"
    assert main(["broker-config", "-d", str(broker)]) == 0
    assert main(["enroll", "north", "-o", str(folder / "b")]) == 0
    told = f'host = "h"\nbroker_dir = "{broker}"\n'
    settings(folder, f'{told}restart_broker = "touch {folder}/restarted"\n')
    (broker / "revoked.pem").unlink()
    assert main(["revoke", "north"]) == 0
    assert "north is revoked: its token, and 0 certificates" in capsys.readouterr().out
    assert (folder / "restarted").exists()
    revoked = x509.load_pem_x509_crl((broker / "revoked.pem").read_bytes())
    assert revoked.next_update_utc is not None
    assert len(revoked) == 0
    settings(folder, told)
    assert main(["revoke", "north"]) == 0
    assert "restart the broker" in capsys.readouterr().out
    settings(folder, 'host = "h"\n')
    assert main(["revoke", "north"]) == 0
    assert "the broker does not know yet" in capsys.readouterr().out


@pytest.mark.parametrize("spoilt", [b"", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_a_spoilt_authority_is_not_replaced(folder: Path, spoilt: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    """A new one in silence would shut every gate out."""
    file = folder / "state/authority.pem"
    file.parent.mkdir()
    file.write_bytes(spoilt)
    file.chmod(0o600)
    assert main(["enroll", "north", "-o", str(folder / "b")]) == 1
    assert "restore it from a backup" in capsys.readouterr().err
    assert file.read_bytes() == spoilt


def test_an_authority_that_others_may_read_is_refused(folder: Path) -> None:
    file = folder / "authority.pem"
    authority_at(file, "yard", NOW_MS)
    file.chmod(0o640)
    with pytest.raises(KeyFileError, match="others may read this private key"):
        authority_at(file, "yard", NOW_MS)


def test_the_hub_renews_its_own_certificate(folder: Path) -> None:
    """Looked at once an hour, and only where the hub uses it."""
    state = folder / "state"
    state.mkdir()
    own = state / "hub.pem"
    signer = Signer("yard", signing_key(state / "signing-key.pem"))
    authority = authority_at(state / "authority.pem", "yard", NOW_MS)
    assert renew_hub_identity(own, authority, NOW_MS, 90)
    assert not renew_hub_identity(own, authority, NOW_MS, 90)
    before = own.read_bytes()
    late_ms = NOW_MS + 61 * DAY_MS
    with contextlib.closing(HubStore(state / "hub.sqlite3")) as store:
        elsewhere = load_config(settings(folder, ""))
        assert not Membership(elsewhere, store, signer).renew_own(late_ms)
        used = load_config(settings(folder, "", f'ca_file = "x"\ncert_file = "{own}"\n'))
        membership = Membership(used, store, signer)
        assert not membership.renew_own(NOW_MS)
        assert not membership.renew_own(NOW_MS + LOOK_AT_OWN_MS - 1)
        assert membership.renew_own(late_ms)
        assert not membership.renew_own(late_ms + LOOK_AT_OWN_MS)
    assert own.read_bytes() != before
    assert stat.S_IMODE(own.stat().st_mode) == 0o600


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_what_root_makes_belongs_to_the_service(folder: Path) -> None:
    """`sudo hub enroll` before the first start: the hub itself must be able to read its authority."""
    state = folder / "state"
    state.mkdir(mode=0o700)
    os.chown(state, 12345, 12345)
    assert main(["enroll", "north", "-o", str(folder / "b")]) == 0
    owners = {file.name: file.stat().st_uid for file in state.iterdir()}
    assert owners["authority.pem"] == owners["signing-key.pem"] == 12345
