"""What `gate join` refuses before it asks for anything, and what it writes."""

import tomllib
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec.structs import replace

from gate import join_cli
from gate.cli import main
from gate.config import load_config
from gate.errors import CertificateError
from gate.joining import Joined, Joiner, with_values
from gate.uplink.contract import CertificateAnswer, ContractError
from gate.uplink.signing import Signer, opened_wish
from hub.authority import authority_at
from hub.keys import public_pem
from portvakt.bundle import Bundle, read_bundle, write_bundle
from portvakt.errors import SettingsError

NOW_MS = 1_781_500_000_000
HUB_KEY = Ed25519PrivateKey.from_private_bytes(b"hub".ljust(32, b"\0"))
EXAMPLE = Path(__file__).parents[2] / "config" / "gate.toml"


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return Bundle(
        site="yard",
        gate="north",
        token="5a" * 32,
        token_expires_ms=NOW_MS + 1,
        host="hub.yard.lan",
        port=8883,
        join_port=8884,
        verify_key=public_pem(HUB_KEY).decode(),
        authority=authority_at(tmp_path / "hub" / "authority.pem", "yard", NOW_MS).pem,
    )


def joined(bundle: Bundle, folder: Path, *, force: bool = False) -> Joined:
    """A whole joining, with the hub's side played."""
    joiner = Joiner(bundle, folder / "gate.toml", folder / "state", NOW_MS)
    joiner.check(force=force)
    wish = opened_wish("yard", joiner.request())
    public = x509.load_der_x509_csr(wish.request.csr).public_key()
    assert isinstance(public, ec.EllipticCurvePublicKey)
    authority = authority_at(folder / "hub" / "authority.pem", "yard", NOW_MS)
    pem = authority.client("north", public, NOW_MS, 365).public_bytes(serialization.Encoding.PEM).decode()
    sealed = Signer("yard", HUB_KEY).seal(CertificateAnswer(wish.digest, "north", pem))
    return joiner.settle(joiner.opened(sealed), force=force)


def test_a_bundle_is_read_as_it_was_written(bundle: Bundle, tmp_path: Path) -> None:
    file = tmp_path / "north.bundle"
    write_bundle(file, bundle, "tomorrow")
    assert read_bundle(file) == bundle
    assert file.stat().st_mode & 0o777 == 0o600
    file.write_text(file.read_text().replace("5a5a", "zz5a", 1))
    with pytest.raises(SettingsError, match=r"north.bundle, line \d+, token"):
        read_bundle(file)


def test_where_there_are_no_settings_ready_ones_are_written(bundle: Bundle, tmp_path: Path) -> None:
    done = joined(bundle, tmp_path)
    assert done.wrote_settings
    config = load_config(tmp_path / "gate.toml")
    assert (config.site, config.gate, config.hub.verify_key) == ("yard", "north", str(tmp_path / "hub.pub"))
    broker = config.broker
    assert (broker.host, broker.port, broker.ca_file) == ("hub.yard.lan", 8883, str(tmp_path / "ca.pem"))
    assert (broker.cert_file, broker.key_file) == (str(tmp_path / "state/certificate.pem"), None)
    assert Path(broker.cert_file or "").stat().st_mode & 0o777 == 0o600


def test_settings_that_are_there_stay_and_force_changes_only_what_belongs_to_joining(
    bundle: Bundle, tmp_path: Path
) -> None:
    settings = tmp_path / "gate.toml"
    text = EXAMPLE.read_text(encoding="utf-8").replace('# key_file = "credential', 'key_file = "credential')
    settings.write_text(text)
    done = joined(bundle, tmp_path)
    assert not done.wrote_settings
    assert settings.read_text() == text
    assert joined(bundle, tmp_path, force=True).wrote_settings
    assert (tmp_path / "gate.before").read_text() == text
    before, after = tomllib.loads(text), tomllib.loads(settings.read_text())
    assert (after.pop("site"), after.pop("gate"), after.pop("hub")) == ("yard", "north", {"verify_key": "hub.pub"})
    assert after.pop("broker") == {
        "host": "hub.yard.lan", "port": 8883, "keepalive_s": 20, "ca_file": "ca.pem",
        "cert_file": str(tmp_path / "state/certificate.pem"),
    }  # fmt: skip
    assert {key: before[key] for key in after} == after
    comments = [line for line in text.splitlines() if line.startswith("#")]
    assert set(comments) - set(settings.read_text().splitlines()) == set()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a = 1\n", 'a = 1\n\n[t]\nb = "x"\n'),
        ("[t]\nb = 1 # old\n[u]\nb = 2\n", '[t]\nb = "x"\n[u]\nb = 2\n'),
        ("[u]\nb = 2\n[t]\n", '[u]\nb = 2\n[t]\nb = "x"\n'),
        ("[[u]]\nb = 2\n[ t ]\nbb = 1\n", '[[u]]\nb = 2\n[ t ]\nb = "x"\nbb = 1\n'),
    ],
)
def test_a_setting_is_changed_in_its_table(before: str, after: str) -> None:
    assert with_values(before, {("t", "b"): "x"}) == after


def test_a_gate_of_another_hub_is_not_taken_over_unasked(bundle: Bundle, tmp_path: Path) -> None:
    other = public_pem(Ed25519PrivateKey.generate())
    (tmp_path / "hub.pub").write_bytes(other)
    with pytest.raises(SettingsError, match="is the key of another hub; --force"):
        joined(bundle, tmp_path)
    assert not (tmp_path / "state").exists()
    assert (tmp_path / "hub.pub").read_bytes() == other
    joined(bundle, tmp_path, force=True)
    assert (tmp_path / "hub.pub").read_text() == bundle.verify_key
    joined(bundle, tmp_path)


def test_p10_a_clock_that_was_never_set_is_told(bundle: Bundle, tmp_path: Path) -> None:
    """TLS would only say that some certificate is not yet valid."""
    with pytest.raises(SettingsError, match="clock says 1970-01-01, the site's authority is of 2026-06-1"):
        Joiner(bundle, tmp_path / "gate.toml", tmp_path, 1000)


def test_p8_another_hub_s_answer_or_one_to_another_request_is_none(bundle: Bundle, tmp_path: Path) -> None:
    joiner = Joiner(bundle, tmp_path / "gate.toml", tmp_path / "state", NOW_MS)
    wish = opened_wish("yard", joiner.request())
    right = CertificateAnswer(wish.digest, "north", refused="no")
    assert joiner.opened(Signer("yard", HUB_KEY).seal(right)) == right
    wrong = [
        Signer("yard", Ed25519PrivateKey.generate()).seal(right),
        Signer("elsewhere", HUB_KEY).seal(right),
        Signer("yard", HUB_KEY).seal(CertificateAnswer("0" * 64, "north", refused="no")),
        Signer("yard", HUB_KEY).seal(CertificateAnswer(wish.digest, "south", refused="no")),
        b"garbage",
    ]
    for payload in wrong:
        with pytest.raises(ContractError):
            joiner.opened(payload)
    with pytest.raises(CertificateError, match="no"):
        joiner.settle(right, force=False)
    assert not (tmp_path / "gate.toml").exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["join", "nowhere.bundle"], "nowhere.bundle: cannot be read"),
        (["join", str(EXAMPLE)], "gate.toml, line "),
    ],
)
def test_expected_failures_are_one_line(words: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 1
    said = capsys.readouterr().err
    assert told in said
    assert said.count("\n") == 1


def test_nobody_there_is_told_in_time(bundle: Bundle, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "north.bundle"
    write_bundle(file, replace(bundle, host="127.0.0.1", join_port=1), "tomorrow")
    words = ["join", str(file), "--config", str(tmp_path / "g.toml"), "--state", str(tmp_path / "s"), "--wait", "1"]
    assert main(words) == 1
    assert "no certificate within 1 s: 127.0.0.1:1: " in capsys.readouterr().err
    assert not (tmp_path / "g.toml").exists()


def test_the_key_lies_where_the_gate_looks_for_what_is_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    etc = tmp_path / "etc"
    monkeypatch.setattr(join_cli, "INSTALLED", etc)
    settings = etc / "gate.toml"
    assert join_cli._state(settings) == join_cli.INSTALLED_STATE
    etc.mkdir()
    settings.write_text(EXAMPLE.read_text(encoding="utf-8"))
    assert join_cli._state(settings) == join_cli.INSTALLED_STATE, "by hand, of an installed gate"
    assert join_cli._state(EXAMPLE) == Path("var/gate"), "of a clone"
    settings.write_text(f'state_dir = "/srv/gate"\n{EXAMPLE.read_text(encoding="utf-8")}')
    assert join_cli._state(settings) == Path("/srv/gate")
    monkeypatch.setenv("STATE_DIRECTORY", "/run/elsewhere")
    assert join_cli._state(EXAMPLE) == Path("/run/elsewhere")
