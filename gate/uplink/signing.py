"""Ed25519 over contract messages (RFC 8032), so that only the hub's signature opens or revokes anything (P8).

A `Sealed` envelope binds the message to its purpose and to its site: the signature covers both, so an
acknowledgement can never be replayed as a list, nor one site's list at another site.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from gate.uplink import contract
from gate.uplink.contract import CertificateRequest, ContractError

Sealable: TypeAlias = (
    contract.Ack | contract.PermitsHead | contract.Command | contract.Presence | contract.CertificateAnswer
)
S = TypeVar("S", contract.Ack, contract.PermitsHead, contract.Command, contract.Presence, contract.CertificateAnswer)


class Sealed(msgspec.Struct, frozen=True, array_like=True):
    """A signed message as it crosses the wire (MessagePack array)."""

    payload: bytes
    signature: bytes


class Signer:
    """The hub's half: holds the site's private key."""

    def __init__(self, site: str, private: Ed25519PrivateKey) -> None:
        self._site = site
        self._private = private

    def seal(self, message: Sealable) -> bytes:
        payload = contract.encode_message(message)
        signature = self._private.sign(_signed_bytes(type(message).__name__, self._site, payload))
        return _encoder.encode(Sealed(payload, signature))


class Verifier:
    """The gate's half: holds the site's public key and opens nothing that this key did not seal."""

    def __init__(self, site: str, public: Ed25519PublicKey) -> None:
        self._site = site
        self._public = public

    def open(self, kind: type[S], envelope: bytes) -> S:
        """The message inside. Raises ContractError when malformed, or signed by anyone else."""
        if len(envelope) > contract.MAX_CHUNK_BYTES:
            raise ContractError(f"sealed {kind.__name__} of {len(envelope)} bytes is too large")
        try:
            sealed = _decoder.decode(envelope)
            self._public.verify(sealed.signature, _signed_bytes(kind.__name__, self._site, sealed.payload))
        except msgspec.DecodeError as broken:
            raise ContractError(f"sealed {kind.__name__}: {broken}") from broken
        except InvalidSignature as wrong:
            raise ContractError(
                f"sealed {kind.__name__}: not signed by this site's hub; check [hub] verify_key"
            ) from wrong
        return contract.decode_message(kind, sealed.payload)


@dataclass(frozen=True, slots=True)
class Wish:
    """A gate's request for a certificate, read but not yet believed: whoever takes it checks `signature` over
    `signed` with the key that `request` refers to."""

    request: CertificateRequest
    digest: str
    """What the answer must name."""
    signed: bytes
    signature: bytes


def sealed_wish(site: str, request: CertificateRequest, sign: Callable[[bytes], bytes]) -> tuple[bytes, str]:
    """The request under its signature as it goes to the hub, and the digest that its answer must name."""
    payload = contract.encode_message(request)
    signature = sign(_signed_bytes(CertificateRequest.__name__, site, payload))
    return _encoder.encode(Sealed(payload, signature)), hashlib.sha256(payload).hexdigest()


def opened_wish(site: str, envelope: bytes) -> Wish:
    """What came, taken apart. Raises ContractError when it is malformed."""
    if len(envelope) > contract.MAX_CERTIFICATE_BYTES:
        raise ContractError(f"certificate request of {len(envelope)} bytes is too large")
    try:
        sealed = _decoder.decode(envelope)
    except msgspec.DecodeError as broken:
        raise ContractError(f"certificate request: {broken}") from broken
    request = contract.decode_message(CertificateRequest, sealed.payload)
    signed = _signed_bytes(CertificateRequest.__name__, site, sealed.payload)
    return Wish(request, hashlib.sha256(sealed.payload).hexdigest(), signed, sealed.signature)


def _signed_bytes(purpose: str, site: str, payload: bytes) -> bytes:
    return f"{contract.ROOT}\0{purpose}\0{site}\0".encode() + payload


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Sealed)
