"""Gates become members of the site: invited, joined, renewed, revoked.

What counts is a signature: the first request is signed with the token of the gate's bundle, every later one with the
key of the certificate that it replaces. The broker may read all of it, keep it, send it twice or not at all, and
gets no certificate by it. Holds no thread, socket or clock.
"""

import hashlib
import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Protocol

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.x509.oid import NameOID

from gate.uplink.contract import CertificateAnswer, ContractError, Publish, Topics
from gate.uplink.signing import Signer, Wish, opened_wish
from hub.broker_config import RESERVED
from hub.errors import EnrolmentError
from hub.records import Enrolment, IssuedCertificate, Rejected

log = logging.getLogger(__name__)

_NAME = NameOID.COMMON_NAME


class EnrolmentTransaction(Protocol):
    """One transaction, committed when its `with` block ends. Any method may raise StoreError."""

    def enrolment(self, gate: str) -> Enrolment | None: ...

    def enrolments(self) -> list[Enrolment]: ...

    def put(self, enrolment: Enrolment) -> None:
        """Insert or replace."""

    def certificate(self, serial: str) -> IssuedCertificate | None: ...

    def certificates(self) -> list[IssuedCertificate]:
        """All that were ever issued, oldest first."""

    def certificate_over(self, gate: str, public_key: str) -> IssuedCertificate | None:
        """The newest one that this gate was given over this key."""

    def add(self, issued: IssuedCertificate) -> None: ...

    def revoke(self, gate: str, now_ms: int) -> int:
        """All certificates of a gate that were not revoked before; how many."""


class EnrolmentStore(Protocol):
    """What enrolment needs of a store."""

    def enrolling(self) -> AbstractContextManager[EnrolmentTransaction]: ...

    def reject(self, rejected: Sequence[Rejected]) -> None:
        """Keep aside and count."""


Issue = Callable[[str, ec.EllipticCurvePublicKey, int], x509.Certificate]
"""Name, key, now: the authority's signature. It may raise KeyFileError."""


class _Refused(Exception):
    """Why there is no certificate, in words for the person at the gate."""


def invite(transaction: EnrolmentTransaction, gate: str, token_public: bytes, expires_ms: int, now_ms: int) -> None:
    """This gate may join once with this token; an earlier token of it is worth nothing from now on.

    Raises EnrolmentError when no gate may bear the name.
    """
    if gate in RESERVED:
        raise EnrolmentError(f"no gate may be called {gate!r}: it is a word of the site's topics; take another name")
    transaction.put(Enrolment(gate, token_public, expires_ms, now_ms))


def revoke(transaction: EnrolmentTransaction, gate: str, now_ms: int) -> int:
    """Its token and all its certificates count no more; how many certificates those were. Raises EnrolmentError."""
    before = transaction.enrolment(gate)
    if before is None:
        known = ", ".join(one.gate for one in transaction.enrolments()) or "none"
        raise EnrolmentError(f"there is no gate {gate!r} to revoke; enrolled: {known}")
    transaction.put(replace(before, token_public=None, revoked_ms=before.revoked_ms or now_ms))
    return transaction.revoke(gate, now_ms)


class EnrolmentDesk:
    """Answers gates that want a certificate. One thread."""

    def __init__(self, site: str, store: EnrolmentStore, signer: Signer, issue: Issue) -> None:
        self._site = site
        self._topics = Topics(site)
        self._store = store
        self._signer = signer
        self._issue = issue

    def take(self, messages: Sequence[tuple[str, bytes]], now_ms: int) -> list[Publish]:
        """The sealed answers. A request that is refused is answered, kept aside and counted.

        Raises StoreError, KeyFileError; then the gates ask again.
        """
        answers: list[Publish] = []
        rejected: list[Rejected] = []
        for topic, payload in messages:
            try:
                answer_topic, wish = self._read(topic, payload)
            except ContractError as bad:
                rejected.append(Rejected(topic, payload, str(bad), now_ms))
                continue
            answer = self._answer(wish, now_ms)
            if answer.refused:
                rejected.append(Rejected(topic, payload, answer.refused, now_ms))
            answers.append(Publish(answer_topic, self._signer.seal(answer)))
        if rejected:
            self._store.reject(rejected)
        return answers

    def sign_file(self, request: bytes, now_ms: int) -> tuple[CertificateAnswer, bytes]:
        """The same for a request that came as a file: the answer, and its sealed bytes. Raises ContractError."""
        answer = self._answer(opened_wish(self._site, request), now_ms)
        return answer, self._signer.seal(answer)

    def _read(self, topic: str, payload: bytes) -> tuple[str, Wish]:
        """Where the answer belongs, and the request. The first one comes from where gates join, every later one on
        the gate's own topic. Raises ContractError."""
        wish = opened_wish(self._site, payload)
        gate = wish.request.gate
        answer_topic = self._topics.answer_to(topic)
        joins = answer_topic is not None and answer_topic != self._topics.certificate(gate)
        if answer_topic is None or joins == bool(wish.request.serial) or (joins and not topic.endswith("/request")):
            raise ContractError(f"a certificate request for {gate!r} has no place on this topic")
        return answer_topic, wish

    def _answer(self, wish: Wish, now_ms: int) -> CertificateAnswer:
        gate = wish.request.gate
        try:
            with self._store.enrolling() as transaction:
                answer = self._renewed if wish.request.serial else self._joined
                issued = answer(transaction, wish, now_ms)
        except _Refused as refused:
            log.warning("gate=%s certificate=refused why=%r", gate, str(refused))
            return CertificateAnswer(wish.digest, gate, refused=str(refused))
        if issued is None:
            return CertificateAnswer(wish.digest, gate, early=True)
        return CertificateAnswer(wish.digest, gate, issued.pem)

    def _joined(self, transaction: EnrolmentTransaction, wish: Wish, now_ms: int) -> IssuedCertificate:
        gate = wish.request.gate
        enrolled = transaction.enrolment(gate)
        if enrolled is None or enrolled.token_public is None or not _signed_by_token(wish, enrolled.token_public):
            # One sentence for all of these: a stranger learns nothing of who is enrolled.
            raise _Refused(
                f"this bundle is not the valid one of {gate}: a newer one was made, or the gate was revoked; "
                f"make another with `hub enroll {gate}`"
            )
        public = _key_of(wish)
        fingerprint = _fingerprint(public)
        if enrolled.token_spent_on is not None:
            # The same key again: the first answer was lost on the way, and this is no more than it.
            again = transaction.certificate_over(gate, fingerprint)
            if enrolled.token_spent_on == fingerprint and again is not None and again.revoked_ms is None:
                return again
            raise _Refused(f"this bundle was used before, by another controller; make another: `hub enroll {gate}`")
        if now_ms > enrolled.token_expires_ms:
            ended = _words(enrolled.token_expires_ms)
            raise _Refused(f"this bundle ended at {ended}; make another with `hub enroll {gate}`")
        issued = self._new(transaction, gate, public, now_ms)
        transaction.put(replace(enrolled, token_spent_on=fingerprint))
        log.info("gate=%s certificate=issued serial=%s joined=true", gate, issued.serial)
        return issued

    def _renewed(self, transaction: EnrolmentTransaction, wish: Wish, now_ms: int) -> IssuedCertificate | None:
        """None when the one at hand still serves."""
        gate, serial = wish.request.gate, wish.request.serial
        held = transaction.certificate(serial)
        if held is None or held.gate != gate or not _signed_by_certificate(wish, held.pem):
            raise _Refused("the request is not signed with the key of a certificate of this gate")
        if held.revoked_ms is not None:
            raise _Refused(f"{gate} was revoked at {_words(held.revoked_ms)}")
        if now_ms > held.not_after_ms:
            raise _Refused(f"the certificate ended at {_words(held.not_after_ms)}; `hub enroll {gate}` makes a bundle")
        public = _key_of(wish)
        again = transaction.certificate_over(gate, _fingerprint(public))
        if again is not None and again.revoked_ms is None:
            return again
        if now_ms < (held.not_before_ms + held.not_after_ms) // 2:
            return None
        issued = self._new(transaction, gate, public, now_ms)
        log.info("gate=%s certificate=issued serial=%s renewed=%s", gate, issued.serial, serial)
        return issued

    def _new(
        self, transaction: EnrolmentTransaction, gate: str, public: ec.EllipticCurvePublicKey, now_ms: int
    ) -> IssuedCertificate:
        made = self._issue(gate, public, now_ms)
        issued = IssuedCertificate(
            f"{made.serial_number:x}",
            gate,
            _fingerprint(public),
            made.public_bytes(serialization.Encoding.PEM).decode("ascii"),
            int(made.not_valid_before_utc.timestamp() * 1000),
            int(made.not_valid_after_utc.timestamp() * 1000),
        )
        transaction.add(issued)
        return issued


def _key_of(wish: Wish) -> ec.EllipticCurvePublicKey:
    """The key that a certificate is wanted for, from a request that is whole. Nothing is parsed that nobody of ours
    has signed. Raises _Refused."""
    try:
        csr = x509.load_der_x509_csr(wish.request.csr)
        # The subject of what nobody has signed is not even looked at.
        names = [one.value for one in csr.subject.get_attributes_for_oid(_NAME)] if csr.is_signature_valid else []
        public = csr.public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion) as broken:
        raise _Refused("the request holds no readable certificate request") from broken
    if names != [wish.request.gate]:
        raise _Refused("the certificate request is of another gate, or is not signed with its own key")
    if not isinstance(public, ec.EllipticCurvePublicKey) or not isinstance(public.curve, ec.SECP256R1):
        raise _Refused("the key is none of P-256")
    return public


def _signed_by_token(wish: Wish, token_public: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(token_public).verify(wish.signature, wish.signed)
    except InvalidSignature:
        return False
    return True


def _signed_by_certificate(wish: Wish, pem: str) -> bool:
    key = x509.load_pem_x509_certificate(pem.encode("ascii")).public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey):
        return False
    try:
        key.verify(wish.signature, wish.signed, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


def _fingerprint(public: ec.EllipticCurvePublicKey) -> str:
    der = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(der).hexdigest()


def _words(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
