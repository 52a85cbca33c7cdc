"""The site's own certificate authority: its key and certificate in one file, and what it signs.

ECDSA over P-256, which every broker understands. The broker, the hub and each gate have one certificate; the gate's
and the hub's name, as the broker's ACL knows it, is the common name.
"""

import ipaddress
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from hub.errors import KeyFileError
from portvakt.credentials import seen_by_others
from portvakt.files import make_file, replace_file

YEAR = timedelta(days=365)
AUTHORITY_LIVES = 20 * YEAR
SERVER_LIVES = 15 * YEAR
"""Longer than a site stands: the broker reads its certificate at its start alone, and nobody would renew it."""
BACKDATED = timedelta(days=1)
"""A gate's clock may be a little behind; it must not take a new certificate for one of the future."""


@dataclass(frozen=True, slots=True)
class Revoked:
    """A certificate that counts no more. The serial is hexadecimal."""

    serial: str
    since_ms: int


class Authority:
    """Signs in the site's name."""

    def __init__(self, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> None:
        self._key = key
        self._certificate = certificate

    @property
    def pem(self) -> str:
        """The authority's own certificate."""
        return pem_of(self._certificate)

    def client(self, name: str, public: ec.EllipticCurvePublicKey, now_ms: int, days: int) -> x509.Certificate:
        """For a gate, or for the hub as a client of its broker."""
        return self._leaf(name, public, now_ms, timedelta(days=days), _purpose(ExtendedKeyUsageOID.CLIENT_AUTH))

    def server(self, hosts: Sequence[str], public: ec.EllipticCurvePublicKey, now_ms: int) -> x509.Certificate:
        """For the broker, under every name and address by which it is reached."""
        names = x509.SubjectAlternativeName([_general_name(host) for host in dict.fromkeys(hosts)])
        return self._leaf("broker", public, now_ms, SERVER_LIVES, _purpose(ExtendedKeyUsageOID.SERVER_AUTH), names)

    def revocation_list(self, revoked: Sequence[Revoked], now_ms: int) -> str:
        """In PEM. It lasts as long as the authority: a broker whose list has run out refuses every gate."""
        now = _time(now_ms)
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self._certificate.subject)
            .last_update(now - timedelta(minutes=1))
            .next_update(self._certificate.not_valid_after_utc)
            .add_extension(x509.CRLNumber(now_ms), critical=False)
            .add_extension(_issued_by(self._certificate), critical=False)
        )
        for one in revoked:
            entry = x509.RevokedCertificateBuilder().serial_number(int(one.serial, 16))
            builder = builder.add_revoked_certificate(entry.revocation_date(_time(one.since_ms)).build())
        return builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode("ascii")

    def _leaf(
        self,
        name: str,
        public: ec.EllipticCurvePublicKey,
        now_ms: int,
        lives: timedelta,
        *extensions: x509.ExtensionType,
    ) -> x509.Certificate:
        issuer = self._certificate
        ends = min(_time(now_ms) + lives, issuer.not_valid_after_utc)
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(issuer.subject)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(_time(now_ms) - BACKDATED)
            .not_valid_after(ends)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(signs_certificates=False), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(_issued_by(issuer), critical=False)
        )
        for extension in extensions:
            builder = builder.add_extension(extension, critical=False)
        return builder.sign(self._key, hashes.SHA256())


def authority_at(file: Path, site: str, now_ms: int) -> Authority:
    """The authority in this file; made when there is none. Raises KeyFileError."""
    try:
        if not file.exists():
            make_file(file, _new_authority(site, now_ms), 0o600)
        return Authority(*_pair(file))
    except OSError as refused:
        raise KeyFileError(f"{file}: {refused.strerror}; run this as the hub's user, or as root") from refused


def issuing(file: Path, site: str, days: int) -> Callable[[str, ec.EllipticCurvePublicKey, int], x509.Certificate]:
    """Certificates for gates (`hub.enrolment.Issue`). The key is read for each: they are rare."""

    def issue(gate: str, public: ec.EllipticCurvePublicKey, now_ms: int) -> x509.Certificate:
        return authority_at(file, site, now_ms).client(gate, public, now_ms, days)

    return issue


def renew_hub_identity(file: Path, authority: Authority, now_ms: int, days: int) -> bool:
    """The hub's own certificate with its key, in one file: a new one when none is there, or when two thirds of its
    life are over; whether there is a new one. Raises KeyFileError."""
    try:
        if file.exists() and now_ms < renewal_due_ms(_pair(file)[1]):
            return False
        key = new_key()
        certificate = authority.client("hub", key.public_key(), now_ms, days)
        replace_file(file, (pem_of(certificate) + private_pem(key)).encode("ascii"), 0o600)
    except OSError as refused:
        raise KeyFileError(f"{file}: {refused.strerror}; run this as the hub's user, or as root") from refused
    return True


def server_pair(authority: Authority, hosts: Sequence[str], now_ms: int) -> tuple[str, str]:
    """The broker's certificate and its key, PEM."""
    key = new_key()
    return pem_of(authority.server(hosts, key.public_key(), now_ms)), private_pem(key)


def renewal_due_ms(certificate: x509.Certificate) -> int:
    """When two thirds of its life are over."""
    begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return int((begins + (ends - begins) * 2 / 3).timestamp() * 1000)


def new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def pem_of(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode("ascii")


def _new_authority(site: str, now_ms: int) -> bytes:
    key = new_key()
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Portvakt"),
            x509.NameAttribute(NameOID.COMMON_NAME, f"site {site}"),
        ]
    )
    now = _time(now_ms)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + AUTHORITY_LIVES)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return (pem_of(certificate) + private_pem(key)).encode("ascii")


def _pair(file: Path) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    """Raises KeyFileError, OSError."""
    if seen_by_others(file):
        raise KeyFileError(f"{file}: others may read this private key; chmod 600 it, and consider it known")
    content = file.read_bytes()
    try:
        key = serialization.load_pem_private_key(content, password=None)
        certificate = x509.load_pem_x509_certificate(content)
    except (ValueError, TypeError, UnsupportedAlgorithm) as broken:
        raise KeyFileError(f"{file}: not a certificate with its key in PEM; restore it from a backup") from broken
    if not isinstance(key, ec.EllipticCurvePrivateKey) or certificate.public_key() != key.public_key():
        raise KeyFileError(f"{file}: certificate and key do not belong together; restore it from a backup")
    return key, certificate


def private_pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode("ascii")


def _purpose(purpose: x509.ObjectIdentifier) -> x509.ExtendedKeyUsage:
    return x509.ExtendedKeyUsage([purpose])


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _issued_by(issuer: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    identifier = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier)


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _time(time_ms: int) -> datetime:
    return datetime.fromtimestamp(time_ms // 1000, UTC)
