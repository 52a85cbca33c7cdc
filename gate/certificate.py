"""The gate's certificate and its key, in one file that only the gate may read: both are replaced at once, or neither.

The key is made here and leaves never. One that is still to be certified waits beside, in `….pending`, so that a
request that is repeated after a power cut is over the same key.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gate.errors import CertificateError
from portvakt.files import make_folder, replace_file

SECRET = 0o600


@dataclass(frozen=True, slots=True)
class Held:
    """The certificate at hand. Times are Unix milliseconds."""

    serial: str
    begins_ms: int
    ends_ms: int
    key: ec.EllipticCurvePrivateKey

    def sign(self, message: bytes) -> bytes:
        return self.key.sign(message, ec.ECDSA(hashes.SHA256()))


class OwnCertificate:
    """One gate's. Methods raise CertificateError, which names the file."""

    def __init__(self, file: Path, gate: str) -> None:
        self.file = file
        self._gate = gate
        self._pending = file.with_name(f"{file.name}.pending")

    def held(self) -> Held:
        """What the gate has now."""
        try:
            content = self.file.read_bytes()
            certificate = x509.load_pem_x509_certificate(content)
            key = serialization.load_pem_private_key(content, password=None)
        except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as wrong:
            raise CertificateError(
                f"{self.file}: no certificate with its key ({wrong}); join again with a bundle"
            ) from wrong
        if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
            raise CertificateError(f"{self.file}: certificate and key do not belong together; join again with a bundle")
        return Held(
            f"{certificate.serial_number:x}",
            _ms(certificate.not_valid_before_utc),
            _ms(certificate.not_valid_after_utc),
            key,
        )

    def request(self) -> bytes:
        """A certificate request (PKCS #10, DER) over the pending key; over a new one when none is pending."""
        key = self._pending_key()
        if key is None:
            key = ec.generate_private_key(ec.SECP256R1())
            self._write(self._pending, _pem(key))
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, self._gate)])
        csr = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
        return csr.public_bytes(serialization.Encoding.DER)

    def take(self, pem: str, authority: str) -> x509.Certificate:
        """From now on this certificate, with the pending key, is the gate's. `authority` is the site's, PEM.

        A certificate of another key, another gate or another authority changes nothing.
        """
        key = self._pending_key()
        try:
            certificate = x509.load_pem_x509_certificate(pem.encode("ascii"))
            certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(authority.encode("ascii")))
        except (ValueError, TypeError, InvalidSignature) as wrong:
            raise CertificateError("the certificate that came is not signed by this site's authority") from wrong
        names = [str(one.value) for one in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
        if key is None or certificate.public_key() != key.public_key() or names != [self._gate]:
            raise CertificateError("the certificate that came is of another gate, or over another key")
        self._write(self.file, certificate.public_bytes(serialization.Encoding.PEM) + _pem(key))
        self._pending.unlink()
        return certificate

    def _pending_key(self) -> ec.EllipticCurvePrivateKey | None:
        """None when there is none, or only one that is in use already: power went between the two files."""
        try:
            key = serialization.load_pem_private_key(self._pending.read_bytes(), password=None)
        except FileNotFoundError:
            return None
        except OSError as refused:
            raise CertificateError(f"{self._pending}: {refused.strerror}; run this as root") from refused
        except (ValueError, TypeError, UnsupportedAlgorithm):
            return None
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            return None
        try:
            return None if key.public_key() == self.held().key.public_key() else key
        except CertificateError:
            return key

    def _write(self, file: Path, content: bytes) -> None:
        try:
            make_folder(file.parent)
            replace_file(file, content, SECRET)
        except OSError as refused:
            raise CertificateError(f"{file}: cannot be written ({refused.strerror}); run this as root") from refused


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _ms(time: datetime) -> int:
    return int(time.timestamp() * 1000)
