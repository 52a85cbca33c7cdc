"""What the doctor says of the certificates that the broker's TLS rests on."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from msgspec.structs import replace

from gate.config import load_config
from gate.doctor import State, _certificates

EXAMPLE = Path(__file__).parents[2] / "config" / "gate.toml"


def certificate(days: float) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "north")])
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=900))
        .not_valid_after(now + timedelta(days=days))
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
    )


@pytest.mark.parametrize(
    ("content", "state"),
    [
        (certificate(365), State.WELL),
        (certificate(10), State.WARNING),
        (certificate(-1), State.FAILED),
        (b"", State.FAILED),
    ],
    ids=["valid", "soon", "over", "none"],
)
def test_a_certificate_s_end_is_told_in_time(tmp_path: Path, content: bytes, state: State) -> None:
    file = tmp_path / "north.pem"
    file.write_bytes(content)
    file.chmod(0o600)
    config = load_config(EXAMPLE)
    config = replace(config, broker=replace(config.broker, cert_file=str(file)))
    (found,) = _certificates(config)
    assert (found.part, found.state) == ("certificate north.pem", state)


def test_a_link_in_clear_has_none() -> None:
    assert list(_certificates(load_config(EXAMPLE))) == []


def test_a_key_beside_its_certificate_is_the_gate_s_alone(tmp_path: Path) -> None:
    file = tmp_path / "certificate.pem"
    file.write_bytes(certificate(365))
    file.chmod(0o640)
    config = load_config(EXAMPLE)
    for key_file, state in ((None, State.FAILED), (str(tmp_path / "north.key"), State.WELL)):
        changed = replace(config, broker=replace(config.broker, cert_file=str(file), key_file=key_file))
        (found,) = _certificates(changed)
        assert found.state == state
