"""The site's signing key: made on the first start, readable by its owner alone (P8)."""

from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from hub.errors import KeyFileError
from portvakt.credentials import seen_by_others
from portvakt.errors import SettingsError
from portvakt.files import make_file


def signing_key(file: Path) -> Ed25519PrivateKey:
    """The key in this file; made when there is none. Raises KeyFileError.

    Two processes that make it in the same moment end up with the same key: the file is put into place
    whole, and only if there is none yet.
    """
    try:
        if not file.exists():
            _make(file)
        if seen_by_others(file):
            raise KeyFileError(f"{file}: others may read this private key; chmod 600 it, and consider it known")
        loaded = serialization.load_pem_private_key(file.read_bytes(), password=None)
    except OSError as refused:
        raise KeyFileError(
            f"{file}: {refused.strerror}; set signing_key or state_dir to a place that can be used"
        ) from (refused)
    except (ValueError, TypeError, UnsupportedAlgorithm) as broken:
        raise KeyFileError(f"{file}: not an unencrypted PEM private key; restore it from a backup") from broken
    if not isinstance(loaded, Ed25519PrivateKey):
        raise KeyFileError(f"{file}: a private key, but not Ed25519; restore it from a backup")
    return loaded


def public_key(file: Path, setting: str) -> Ed25519PublicKey:
    """The public key in a PEM file that `setting` names. Raises SettingsError."""
    try:
        key = serialization.load_pem_public_key(file.read_bytes())
    except (OSError, ValueError, UnsupportedAlgorithm) as refused:
        raise SettingsError(f"{setting}: {file}: no public key can be read there") from refused
    if not isinstance(key, Ed25519PublicKey):
        raise SettingsError(f"{setting}: {file}: is a public key, but not Ed25519")
    return key


def public_pem(private: Ed25519PrivateKey) -> bytes:
    """What a gate needs as `[hub] verify_key`."""
    return private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def _make(file: Path) -> None:
    pem = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    make_file(file, pem, 0o600)
